//! Arguments that clients of the HTTP server send: any JSON is refused or is a value, and that value is itself again
//! after another way through JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use samara_sandbox::json::{Meter, Plain, read};

fuzz_target!(|data: &[u8]| {
    let meter = Meter::new(u32::MAX, &|_, _| true);
    let Ok(value) = read(data, &meter) else { return };
    let Ok(text) = serde_json::to_string(&Plain(&value)) else { panic!("{value:?} has no JSON") };
    let back = read(text.as_bytes(), &meter).ok();
    // NaN differs from itself: the values are compared as they are shown.
    assert_eq!(format!("{back:?}"), format!("{:?}", Some(value)), "{text}");
});
