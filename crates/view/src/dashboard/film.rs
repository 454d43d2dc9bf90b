//! How a candidate's body moved, as a picture on a page: of a page with many of them, a browser asks for those that are seen.

use samara_search::{Candidate, Film};

use crate::film;

/// Poses of a walk beside others.
pub(crate) const CARD_POSES: usize = 3;

/// What it shows, in words.
pub(crate) fn told_of(candidate: u64) -> String {
    format!("the walk of candidate {candidate}")
}

/// The picture, an SVG; `None` of a candidate that has no film.
pub fn picture(candidate: &Candidate) -> Option<String> {
    let film = Film::of(candidate.all_artifacts())?;
    Some(film::file(&film, CARD_POSES, &told_of(candidate.index)))
}
