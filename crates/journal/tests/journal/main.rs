//! The journal as its users meet it: records, processes, damage, exports, histories.
//!
//! One program, so that it links once and can run itself as a child: see [`child`].

mod child;
mod damage;
mod exports;
mod histories;
mod processes;
mod records;
mod refusals;
mod samples;
