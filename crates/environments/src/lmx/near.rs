//! Near duplicates: texts that are too like an elite of their island to be worth a judge's time.

use samara_engine::Screen;
use samara_search::{Genome, Index, Ticket};

use crate::shingles::Shingles;

/// What becomes of a draft if `most` is how alike two texts may be; 1 lets everything pass.
pub(super) fn screen(most: f64, draft: &Genome, ticket: &Ticket, index: &Index) -> Screen {
    if most >= 1.0 {
        return Screen::Pass;
    }
    let own = Shingles::of_text(&draft.text());
    for elite in index.elites(ticket.island, ticket.horizon) {
        let likeness = own.similarity(&Shingles::of_text(&elite.genome.text()));
        if likeness >= most {
            return Screen::Rewrite(format!(
                "{:.1} % of its runs of words are those of candidate {} (environment.similarity)",
                100.0 * likeness,
                elite.id
            ));
        }
    }
    Screen::Pass
}
