//! What programs send to the host: any bytes are refused or read, and what is read is written as exactly those bytes,
//! takes no more memory than the budget says, and is shown in a text that is no more than some times as long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use samara_sandbox::codec::{Budget, decode, decode_frame, encode, encode_frame};
use samara_sandbox::text::Repr;

const BUDGET: Budget = Budget { bytes: 1 << 16, nodes: 10_000, depth: 200 };

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode(data, BUDGET) {
        assert_eq!(encode(&value, BUDGET).as_deref(), Ok(data));
        assert!((data.len() + value.memory()) as u64 <= BUDGET.most_memory());
        // Each byte is some characters at most, and so is each row of an array.
        let shown = Repr(&value).to_string().chars().count();
        assert!(shown <= 32 * data.len() + 8 * BUDGET.nodes as usize);
    }
    if let Ok(reply) = decode_frame(data, BUDGET) {
        assert_eq!(encode_frame(&reply), data);
    }
});
