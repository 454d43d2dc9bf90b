//! A run as people see it: what was read becomes numbers, SVG pictures, HTML and Markdown.
//!
//! Shared by everybody who shows a run: the command line, its reports, and whoever serves or embeds them.
//!
//! # Map
//! - [`numbers`]: as people read them; [`screen`]: columns and colours of a terminal;
//! - [`projection`]: an archive as bars or a map, whatever cuts the measures into cells; [`voronoi`]: the cells of a CVT;
//! - [`heatmap`]: an archive in the terminal; [`picture`]: as an SVG file; [`svg`]: what drawings are made of;
//! - [`gallery`]: pictures that candidates have; [`film`]: how bodies moved; [`diff`]: what changed between two; [`lineage`]: where one comes from;
//! - [`trace`]: a run as it went, thinned; [`book`]: all its candidates; [`bandits`]: what its choices have learnt;
//!   [`chart`]: curves of it; [`texts`]: the best texts as Markdown, [`markdown`]: in which
//!   they mean nothing but themselves;
//! - [`html`]: markup that no text can break; [`code`]: programs with their words told apart;
//! - [`mod@report`]: runs as one HTML or Markdown file.
//!
//! # What it must not know
//! Files, clocks, terminals, the network: it is handed what was read, and gives texts back. The same run gives the same
//! bytes. All that it shows was written by a model or a stranger, and is escaped wherever it goes.

pub mod bandits;
pub mod book;
pub mod chart;
pub mod code;
pub mod dashboard;
pub mod diff;
pub mod film;
pub mod gallery;
pub mod heatmap;
pub mod html;
pub mod lineage;
pub mod markdown;
pub mod numbers;
pub mod picture;
pub mod projection;
pub mod report;
pub mod screen;
pub mod svg;
pub mod texts;
pub mod trace;
pub mod voronoi;
