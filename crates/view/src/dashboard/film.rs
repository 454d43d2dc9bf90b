//! How a candidate's body moved, as a picture on a page: of a page with many of them, a browser asks for those that are seen.

use samara_search::{Candidate, Film};

use crate::film;

/// How a walk is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// By itself, again and again.
    Played,
    /// At a few of its moments side by side, for whoever wants no motion.
    Still,
}

/// What it shows, in words.
pub(crate) fn told_of(candidate: u64) -> String {
    format!("the walk of candidate {candidate}")
}

/// The picture, an SVG; `None` of a candidate that has no film.
pub fn picture(candidate: &Candidate, walk: Walk) -> Option<String> {
    let film = Film::of(candidate.all_artifacts())?;
    let label = told_of(candidate.index);
    Some(match walk {
        Walk::Played => film::played_file(&film, &label),
        Walk::Still => film::still_file(&film, &label),
    })
}
