//! What programs send to the host: any bytes are refused or read, and what is read is written as exactly those bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use samara_sandbox::codec::{Budget, decode, decode_frame, encode, encode_frame};

const BUDGET: Budget = Budget { bytes: 1 << 16, nodes: 10_000, depth: 200 };

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode(data, BUDGET) {
        assert_eq!(encode(&value, BUDGET).as_deref(), Ok(data));
    }
    if let Ok(reply) = decode_frame(data, BUDGET) {
        assert_eq!(encode_frame(&reply), data);
    }
});
