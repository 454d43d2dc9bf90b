//! Near duplicates: drafts that a model wrote and that are too like an elite of their island.

use samara_engine::{Abort, Context, Screen};
use samara_search::{Genome, Index, Ticket};

use super::{Program, measures, settings::ScreeningSettings};

/// What a screen makes of a draft that a model wrote.
pub(super) async fn screen(
    settings: &ScreeningSettings,
    program: &Program,
    draft: &Genome,
    (ticket, index): (&Ticket, &Index),
    context: &mut Context,
) -> Result<Screen, Abort> {
    if settings.similarity < 1.0 {
        let own = measures::shingles(program, draft);
        for elite in index.elites(ticket.island, ticket.horizon) {
            let likeness = own.similarity(&measures::shingles(program, &elite.genome));
            if likeness >= settings.similarity {
                let why = format!(
                    "its tokens are {:.1} % those of candidate {} (environment.screening.similarity)",
                    100.0 * likeness,
                    elite.id
                );
                return Ok(Screen::Rewrite(why));
            }
        }
    }
    if settings.embedding < 1.0 {
        return embedded(settings.embedding, program, draft, (ticket, index), context).await;
    }
    Ok(Screen::Pass)
}

/// The same by embeddings: of the draft and of all elites at once, so that the embedder's cache answers for the elites.
async fn embedded(
    limit: f64,
    program: &Program,
    draft: &Genome,
    (ticket, index): (&Ticket, &Index),
    context: &mut Context,
) -> Result<Screen, Abort> {
    let elites = index.elites(ticket.island, ticket.horizon);
    if elites.is_empty() {
        return Ok(Screen::Pass);
    }
    let genomes = std::iter::once(draft).chain(elites.iter().map(|elite| &*elite.genome));
    let vectors = context.embed(genomes.map(|genome| program.text_of(genome)).collect()).await?;
    let Some((own, others)) = vectors.split_first() else { return Ok(Screen::Pass) };
    let near = elites.iter().zip(others).find(|(_, other)| cosine(own, other) >= limit);
    Ok(near.map_or(Screen::Pass, |(elite, _)| {
        Screen::Rewrite(format!(
            "its embedding is that of candidate {} (environment.screening.embedding)",
            elite.id
        ))
    }))
}

/// The cosine of two vectors, 0 if one is 0.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let size = libm::sqrt(dot(a, a) * dot(b, b));
    if size > 0.0 { dot(a, b) / size } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_is_1_of_equal_directions_and_0_of_nothing() {
        assert!((cosine(&[1.0, 2.0], &[2.0, 4.0]) - 1.0).abs() < 1e-12);
        assert_eq!((cosine(&[1.0, 0.0], &[0.0, 3.0]), cosine(&[0.0], &[1.0])), (0.0, 0.0));
    }
}
