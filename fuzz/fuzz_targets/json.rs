//! Arguments that clients of the HTTP server send: any JSON is refused or is a value, and that value is itself again
//! after another way through JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use samara_sandbox::json::{from_value, to_value};

fuzz_target!(|data: &[u8]| {
    let Ok(json) = serde_json::from_slice(data) else { return };
    let Ok(value) = to_value(&json) else { return };
    let text = from_value(&value).to_string();
    let back = serde_json::from_str(&text).map(|json| to_value(&json));
    // NaN differs from itself: the values are compared as they are shown.
    assert_eq!(format!("{:?}", back.ok()), format!("{:?}", Some(Ok::<_, String>(value))), "{text}");
});
