//! What is trained when: the chances of kinds of documents over a training.
//!
//! What words are worth is learnt in a few hundred steps when nothing else is asked for, and hardly at all while the words
//! themselves are being learnt; which answer stands for what can only be learnt once there is something that it could stand
//! for. Once that is known, completions resemble their examples much sooner as well. Writing well takes longest.

use crate::written::documents::Chances;

use super::settings::Corpus;

/// A part of a training: up to a share of its tokens.
type Phase = (f64, Chances);

/// One phase; `variety` is a question's, `asks` that of what a question asks for.
const fn phase(until: f64, judged: f64, [marks, asks, variety]: [f64; 3]) -> Phase {
    (until, Chances { judged, marks, asks, variety })
}

/// For the grammar's texts. Found by trial; the weights that come with samara depend on it.
const GRAMMAR: [Phase; 3] =
    [phase(0.1, 1.0, [0.0; 3]), phase(0.375, 0.45, [0.0; 3]), phase(1.0, 0.2, [0.0; 3])];

/// For texts written line by line: marks, then questions in their own words, then in any. In a trial those of any words
/// undid what was learnt when they came in after half a million tokens.
const WRITTEN: [Phase; 5] = [
    phase(0.08, 1.0, [0.6, 0.0, 0.0]),
    phase(0.14, 1.0, [0.4, 0.2, 0.2]),
    phase(0.24, 1.0, [0.3, 0.15, 0.5]),
    phase(0.6, 0.6, [0.2, 0.1, 0.6]),
    phase(1.0, 0.3, [0.15, 0.05, 0.6]),
];

/// The chances after a share of a training's tokens.
pub fn chances(corpus: Corpus, part: f64) -> Chances {
    let phases: &[Phase] = match corpus {
        Corpus::Texts | Corpus::Walkers => &GRAMMAR,
        Corpus::Written => &WRITTEN,
    };
    phases.iter().find(|(until, _)| part < *until).unwrap_or(&phases[phases.len() - 1]).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_begins_with_questions_alone_and_ends_with_few() {
        for corpus in [Corpus::Texts, Corpus::Written] {
            assert_eq!(chances(corpus, 0.0).judged, 1.0);
            let last = chances(corpus, 1.0);
            assert!(last.judged < 0.5 && last == chances(corpus, 0.99) && last == chances(corpus, 7.0));
        }
    }
}
