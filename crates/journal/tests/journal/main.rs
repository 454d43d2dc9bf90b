//! The journal as its users meet it: records, processes, damage, exports, histories.
//!
//! One program, so that it links once and can run itself as a child: see [`child`].

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod child;
mod damage;
mod exports;
mod formats;
mod histories;
mod hostile;
mod processes;
mod records;
mod refusals;
mod samples;
mod views;
