//! The laws of the search, as properties: whatever the settings, the latencies, the order of results, the faults and
//! the stops, the same candidates, migrations and archives.
//!
//! [`world`] is a whole world of a few lines: a search of drawn settings, a proposer that writes down what it saw, and
//! outcomes that follow from the ticket alone. [`drive`] is a run in it, in any order.

mod budget;
mod drive;
mod emitting;
mod ends;
mod index;
mod islands;
mod order;
mod records;
mod replay;
mod resume;
mod steered;
mod stops;
mod textbook;
mod world;
