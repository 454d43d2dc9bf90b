//! `samara show`: a run as it is on disk, also while it goes on.

use samara_engine::{EngineError, Examples, State};
use samara_journal::Reader;
use samara_qd::Elite;

use crate::{
    args::{Format, Show},
    config::{self, Experiment},
    exit::{Exit, Failure, print, printable},
    heatmap, picture,
    summary::Summary,
};

pub(crate) fn show(args: &Show) -> Result<Exit, Failure> {
    let reader = Reader::open(&args.run)?;
    let experiment = config::reload(&reader.header().config, &args.run, &[])?;
    let state = fold(&reader, &experiment)?;
    if let Some(path) = &args.svg {
        let drawing = picture::draw(state.archive(), &experiment.axes)?;
        std::fs::write(path, drawing)
            .map_err(|error| Failure::internal(format!("{} can't be written: {error}", path.display())))?;
    }
    let header = reader.header();
    let mut summary = Summary::new(&*header.experiment, Some(header.seed), &state, &reader.totals()?);
    summary.found = Some(reader.found_calls()?).filter(|found| *found > 0);
    let methods = reader.methods()?;
    summary.scoring = (!methods.is_empty()).then(|| methods.join(", "));
    summary.ended = reader.sessions()?.pop().map(|session| session.reason);
    match args.format {
        Format::Json => print(&summary.to_json())?,
        Format::Human => {
            let ended = summary.ended.clone().unwrap_or_else(|| "running, or killed".to_owned());
            let heading = format!("{} · seed {} · {ended}\n\n", header.experiment, header.seed);
            let map = heatmap::draw(state.archive(), &experiment.axes, heatmap::coloured());
            print(&format!("{heading}{map}\n{}{}", summary.to_text(), best(&state, args.best)))?;
        }
    }
    Ok(Exit::Ok)
}

/// The archive of a run.
pub(crate) fn fold(reader: &Reader, experiment: &Experiment) -> Result<State, Failure> {
    let mut state = State::new(experiment.search.archive(&experiment.axes)?, Examples::default());
    reader.fold(&mut |settled| state.refold(settled)).map_err(|error: EngineError| Failure::from(error))?;
    Ok(state)
}

/// The best elites with their texts, best first.
pub(crate) fn best(state: &State, count: usize) -> String {
    let mut elites: Vec<Elite<'_>> = state.archive().iter().filter(|elite| elite.rank == 0).collect();
    elites.sort_by(|a, b| b.objective.total_cmp(&a.objective).then(a.cell.cmp(&b.cell)));
    let mut text = String::new();
    for elite in elites.iter().take(count) {
        let measures: Vec<String> = elite.measures.iter().map(|measure| format!("{measure:.3}")).collect();
        let heading =
            format!("\n{:.4}  at ({})  candidate {}\n", elite.objective, measures.join(", "), elite.id);
        text += &heading;
        for line in wrap(&printable(&state.genome(elite).text()), 96) {
            text += &format!("    {line}\n");
        }
    }
    text
}

/// Lines of at most `width` characters, broken at blanks; the rest of a line keeps its indentation.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let indentation = &paragraph[..paragraph.len() - paragraph.trim_start_matches(' ').len()];
        let mut line = indentation.to_owned();
        for word in paragraph[indentation.len()..].split(' ') {
            let begun = line.len() > indentation.len();
            if begun && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut line, indentation.to_owned()));
            } else if begun {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn long_lines_are_broken_at_blanks_and_programs_keep_their_indentation() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("def f():\n    return 1\n", 96), ["def f():", "    return 1"]);
        assert_eq!(wrap("    return a + b", 13), ["    return a", "    + b"]);
        assert_eq!(wrap("\n\nend", 5), ["", "", "end"]);
    }
}
