//! Bodies that clients of the HTTP server post, to each of its readers: the first byte chooses one. Whatever they are, they
//! are refused or read, and what reading took was counted before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use samara_sandbox::json::{Meter, read};
use samara_serve::{job, openelm};
use std::cell::Cell;

/// Values of a request, and bytes of its texts.
const MOST: (usize, usize) = (1000, 2048);

fuzz_target!(|data: &[u8]| {
    let Some((reader, body)) = data.split_first() else { return };
    let taken = Cell::new((0, 0));
    let take = |nodes: usize, text: usize| {
        let (before, bytes) = taken.get();
        taken.set((before + nodes, bytes + text));
        taken.get().0 <= MOST.0 && taken.get().1 <= MOST.1
    };
    let meter = Meter::new(500, &take);
    let error = match reader % 5 {
        0 => job::read(body, &meter).map(|job| assert!(job.program.len() <= body.len())).err(),
        1 => read(body, &meter).map(drop).err().map(|error| error.to_string()),
        route => {
            let route = [openelm::Route::Racer, openelm::Route::Image, openelm::Route::Puzzle][usize::from(route - 2)];
            let request = openelm::read(route, body, 16, &meter);
            request.map(|request| assert!(request.codes.len() <= 16)).err()
        }
    };
    match error {
        // What is said of a request does not grow with it.
        Some(error) => assert!(error.len() < 8192, "{error}"),
        None => assert!(!meter.refused() && taken.get().0 <= 500),
    }
});
