//! The pages of a dashboard: runs as they stand, each page whole without a script.
//!
//! A page is made of parts. Those that are alive change while a run goes on: whoever follows asks for them alone
//! ([`Page::fragment`]) and puts each in the place of the one of the same name. All pages are written by the renderers of
//! reports; where a report links within its file, they link to each other ([`address`]).
//!
//! - [`runs`]: all runs; [`run`]: one as it goes; [`archive`]: its map and its elites; [`candidate`], [`lineage`],
//!   [`operators`]; [`film`]: a picture on a page; `policy`: what a run of `samara rl` learnt; [`compare`]: several runs; [`control`]: what is asked of a run; [`trouble`]: what could not be shown;
//! - [`address`]: where each page is; [`SHEET`] and [`SCRIPT`]: the files beside them.

pub mod address;
pub mod archive;
pub mod candidate;
pub mod compare;
pub mod control;
pub mod film;
pub mod lineage;
pub mod operators;
mod page;
mod policy;
pub mod run;
pub mod runs;
pub mod trouble;
pub(crate) mod workers;

#[cfg(test)]
mod contrast;
#[cfg(test)]
mod tests;

pub use page::Page;

/// The style sheet of all pages: that of reports, and what only a dashboard has.
pub const SHEET: &str = concat!(include_str!("../report/style.css"), include_str!("style.css"));
/// The script of all pages. Without it they are complete, and stand still.
pub const SCRIPT: &str = include_str!("script.js");
/// The addresses of these two.
pub const SHEET_AT: &str = "/dashboard.css";
/// Where the script is.
pub const SCRIPT_AT: &str = "/dashboard.js";
/// Where a browser hears which runs have grown.
pub const EVENTS_AT: &str = "/events";

use crate::{book::Book, report::Run};

/// A run that is shown.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// By what it is looked up.
    pub name: &'a str,
    /// As it was read; its `members` and its `lineage` are not looked at.
    pub run: &'a Run,
    /// All its candidates.
    pub book: &'a Book,
}
