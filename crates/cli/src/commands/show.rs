//! `samara show`: a run as it is on disk, also while it goes on.

use std::path::Path;

use samara_environments::evaluator;
use samara_journal::{
    Live, Reader, RunView,
    controls::lives,
    run_view::{Reason, WorkerSum},
};
use samara_qd::{Elite, Tessellation};
use samara_search::{FateCounts, Genome, Island};
use serde_json::{Value, json};

use super::{ancestry, control, evaluated};
use crate::{
    args::{Format, Show},
    cells,
    exit::{Exit, Failure, one_line, print, print_drawn, print_json, printable},
    output,
    screen::{self, columns, fill},
    summary::{Summary, line},
};
use samara_view::{
    gallery::{self, Gallery, Pixels},
    heatmap,
    numbers::{number, percent, short},
    picture, texts,
};

/// Reasons that are told of each fate.
const REASONS: usize = 5;
/// Workers that are told one by one.
const WORKERS: usize = 8;
/// Before the lines of a text.
const INDENTATION: &str = "    ";

pub(crate) fn show(args: &Show) -> Result<Exit, Failure> {
    let reader = Reader::open(&args.run)?;
    if args.diff || args.lineage {
        return ancestry::show(&reader, args);
    }
    let view = RunView::of(&reader)?;
    let found = view.replay.population().overall();
    let elites = chosen(found, args)?;
    if let Some(path) = &args.svg {
        output::refuse_run(path, reader.path())?;
        output::write_text(path, &picture::draw(found.archive(), &view.axes, &Gallery::of(found))?)?;
    }
    if let Some(folder) = &args.pictures {
        write_pictures(folder, found, &elites, reader.path())?;
    }
    let shown = Shown { view: &view, found, screen: screen::stdout() };
    if let Some(Some(path)) = &args.gallery {
        output::refuse_run(path, reader.path())?;
        output::write_text(path, &shown.markdown(elites))?;
        print(&format!("written: {}\n", path.display()))?;
        return Ok(Exit::Ok);
    }
    match args.format {
        Format::Json => print_json(&shown.json(&reader, &elites)?)?,
        Format::Human if args.cell.is_some() || args.gallery.is_some() => {
            print(&shown.texts(&reader, &elites)?)?;
        }
        Format::Human => print_drawn(&shown.all(&reader, &elites)?)?,
    }
    Ok(Exit::Ok)
}

/// The elites to print: that of `--cell` and those below it there, or the best, one a cell.
fn chosen<'a>(found: &'a Island, args: &Show) -> Result<Vec<Elite<'a>>, Failure> {
    let archive = found.archive();
    if args.gallery.is_some() {
        return Ok(texts::in_order(archive));
    }
    let Some(text) = &args.cell else { return Ok(archive.best_of(args.best)) };
    let cell = cells::find(archive, text)?;
    let elites: Vec<Elite<'_>> = archive.elites(cell).collect();
    if elites.is_empty() {
        let hint = "hint: the map shows which are filled";
        return Err(Failure::usage(format!("--cell {text}: the cell is empty\n{hint}")));
    }
    Ok(elites)
}

/// Writes the pictures that elites have, byte by byte as they were recorded.
fn write_pictures(
    folder: &Path,
    found: &Island,
    elites: &[Elite<'_>],
    journal: &Path,
) -> Result<(), Failure> {
    let pictures: Vec<(u64, &[u8])> =
        elites.iter().filter_map(|elite| Some((elite.id, gallery::picture(found, elite.id)?))).collect();
    if pictures.is_empty() {
        let what = "--pictures: none of the elites that are shown has a picture";
        return Err(Failure::usage(format!(
            "{what}\nhint: an evaluation leaves it, as that of `image` does"
        )));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::internal(format!("{} can't be made: {error}", folder.display())))?;
    for (candidate, picture) in pictures {
        let path = folder.join(format!("candidate-{candidate}.png"));
        output::refuse_run(&path, journal)?;
        output::write(&path, |file| Ok(file.write_all(picture)?))?;
    }
    Ok(())
}

/// What is shown, and where.
struct Shown<'a> {
    view: &'a RunView,
    /// All islands in one.
    found: &'a Island,
    screen: screen::Screen,
}

impl Shown<'_> {
    fn summary(&self, reader: &Reader) -> Result<Summary, Failure> {
        let (header, replay) = (&self.view.header, &self.view.replay);
        let settled = (replay.population(), replay.settled());
        let mut summary = Summary::new(&*header.experiment, Some(header.seed), settled, &self.view.totals)
            .with_initial(reader)?
            .with_test(self.found);
        summary.cached_calls = Some(reader.cached_calls()?).filter(|cached| *cached > 0);
        let methods = reader.methods()?;
        summary.scoring = (!methods.is_empty()).then(|| methods.join(", "));
        Ok(summary)
    }

    /// How the last session ended; `None` if it was killed, so that nobody could record it.
    fn ended(&self) -> Option<&str> {
        let last = self.view.sessions.last().filter(|last| last.candidates >= self.view.replay.settled());
        last.map(|last| &*last.reason)
    }

    fn json(&self, reader: &Reader, elites: &[Elite<'_>]) -> Result<Value, Failure> {
        let mut summary = self.summary(reader)?;
        let running = samara_journal::is_written(reader.path());
        summary.ended = self.ended().filter(|_| !running).map(str::to_owned);
        let mut object = serde_json::to_value(&summary)
            .map_err(|error| Failure::internal(format!("the summary is no JSON: {error}")))?;
        object["running"] = running.into();
        object["elites"] = elites.iter().map(|elite| self.elite_json(elite)).collect();
        let reason =
            |reason: &Reason| json!({ "fate": reason.fate, "why": reason.why, "count": reason.count });
        let worker = |worker: &WorkerSum| {
            json!({
                "name": worker.name, "evaluated": worker.evaluated, "failed": worker.failed,
                "seconds": worker.seconds, "longest": worker.longest,
            })
        };
        if !self.view.workers.is_empty() {
            object["workers"] = self.view.workers.iter().map(worker).collect();
        }
        object["reasons"] = self.view.reasons.iter().take(2 * REASONS).map(reason).collect();
        let asked = lives(&self.view.controls).map(|(after, live)| {
            json!({ "after": after, "first": live.first, "asked": live.order, "told": live.order.told() })
        });
        object["controls"] = asked.collect();
        Ok(object)
    }

    /// What was asked of the run while it went on, a line each.
    fn asked(&self) -> String {
        let asked = lives(&self.view.controls);
        let told = |(after, live): (u64, &Live)| {
            line("asked", &format!("after\u{a0}{after}: {}", control::told(live)), self.screen.width)
        };
        asked.map(told).collect()
    }

    fn elite_json(&self, elite: &Elite<'_>) -> Value {
        let score = self.found.score(elite.id);
        let named = self.view.axes.iter().zip(elite.measures).map(|(axis, measure)| {
            let category = axis.category(*measure);
            (axis.name.clone(), category.map_or_else(|| json!(measure), |category| json!(category)))
        });
        let artifacts: Vec<&str> = score.artifacts.iter().map(|artifact| &*artifact.name).collect();
        let mut object = json!({
            "candidate": elite.id,
            "cell": elite.cell,
            "rank": elite.rank,
            "objective": elite.objective,
            "measures": elite.measures,
            "measures_by_axis": named.collect::<serde_json::Map<_, _>>(),
            "metrics": score.metrics,
            "artifacts": artifacts,
            "text": self.found.genome(elite.id).text(),
        });
        if let Some(bins) = self.bins(elite.cell) {
            object["bins"] = bins.into();
        }
        if let Some(islands) = self.islands(elite) {
            object["islands"] = islands.into();
        }
        object
    }

    /// A cell's bin on every axis; only those of a grid have any.
    fn bins(&self, cell: usize) -> Option<Vec<usize>> {
        match self.found.archive().tessellation() {
            Tessellation::Grid(grid) => Some(grid.unravel(cell)),
            Tessellation::Cvt(_) | Tessellation::Places(_) => None,
        }
    }

    /// The islands that hold an elite, if there are several.
    fn islands(&self, elite: &Elite<'_>) -> Option<Vec<usize>> {
        let islands = self.view.replay.population().islands();
        // Without cells an elite has another place on every island.
        let holds = |island: &Island| match island.archive().tessellation() {
            Tessellation::Places(_) => island.archive().iter().any(|held| held.id == elite.id),
            _ => island.archive().elites(elite.cell).any(|held| held.id == elite.id),
        };
        let held = islands.iter().enumerate().filter(|(_, island)| holds(island));
        (islands.len() > 1).then(|| held.map(|(number, _)| number).collect())
    }

    /// The elites' texts as a Markdown file.
    fn markdown(&self, elites: Vec<Elite<'_>>) -> String {
        let header = &self.view.header;
        let title = format!("{}, seed {}", header.experiment, header.seed);
        let texts: Vec<_> =
            elites.into_iter().map(|elite| (elite, self.found.genome(elite.id).text().to_string())).collect();
        texts::markdown(&title, &self.view.axes, &texts)
    }

    fn all(&self, reader: &Reader, elites: &[Elite<'_>]) -> Result<String, Failure> {
        let state = match self.ended() {
            _ if samara_journal::is_written(reader.path()) => "running",
            Some(ended) => ended,
            None => "killed",
        };
        let (header, width) = (&self.view.header, self.screen.width);
        let heading = one_line(&format!("{} · seed {} · {state}", header.experiment, header.seed));
        let map = heatmap::draw(self.found.archive(), &self.view.axes, self.screen);
        let summary = self.summary(reader)?.to_text();
        let why = commonest(&self.view.reasons, &self.view.totals.fates, width);
        let asked = self.asked();
        let workers = staff(&self.view.workers, width);
        let texts = self.texts(reader, elites)?;
        Ok(format!("{}\n{map}\n{summary}{why}{asked}{workers}{texts}", fill(&heading, "", width)))
    }

    /// Elites with their texts, and their pictures where there are colours.
    fn texts(&self, reader: &Reader, elites: &[Elite<'_>]) -> Result<String, Failure> {
        let mut text = String::new();
        for elite in elites {
            text += &format!("\n{}", fill(&self.heading(elite), "", self.screen.width));
            if self.view.header.environment == evaluator::NAME {
                let told = evaluated::told(reader, elite.id, self.found.score(elite.id), self.screen.width)?;
                text += &(told + "\n");
            }
            let room = self.screen.width.saturating_sub(INDENTATION.len()).max(1);
            let pixels = gallery::picture(self.found, elite.id).and_then(Pixels::read);
            let drawn = pixels.map(|pixels| pixels.lines(self.screen.colours, room)).unwrap_or_default();
            let lines = wrap(&told(self.found.genome(elite.id)), room);
            for line in drawn.into_iter().chain(lines) {
                text += format!("{INDENTATION}{line}").trim_end();
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// An elite's objective, number, cell and measures; non-breaking spaces keep together what belongs together.
    fn heading(&self, elite: &Elite<'_>) -> String {
        let written = if self.view.header.environment == evaluator::NAME { short } else { number };
        let mut parts = vec![format!("{} by\u{a0}candidate\u{a0}{}", written(elite.objective), elite.id)];
        let bins = self.bins(elite.cell).filter(|bins| bins.len() > 1);
        let bins = bins.map(|bins| bins.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
        let holder = match self.found.archive().tessellation() {
            Tessellation::Places(_) => "place",
            Tessellation::Grid(_) | Tessellation::Cvt(_) => "cell",
        };
        parts.push(format!("{holder}\u{a0}{}", bins.unwrap_or_else(|| elite.cell.to_string())));
        if elite.rank > 0 {
            parts.push(format!("place\u{a0}{}", elite.rank + 1));
        }
        if let Some(islands) = self.islands(elite) {
            let islands: Vec<String> = islands.iter().map(usize::to_string).collect();
            let word = if islands.len() == 1 { "island" } else { "islands" };
            parts.push(format!("{word}\u{a0}{}", islands.join("\u{a0}and\u{a0}")));
        }
        let named = self.view.axes.iter().zip(elite.measures);
        let together = |text: &str| one_line(text).replace(' ', "\u{a0}");
        parts.extend(named.map(|(axis, measure)| {
            let told = axis.category(*measure).map_or_else(|| number(*measure), together);
            format!("{}\u{a0}{told}", together(&axis.name))
        }));
        parts.join(", ")
    }
}

/// How many candidates are invalid or failed, and most often why.
fn commonest(reasons: &[Reason], fates: &FateCounts, width: usize) -> String {
    let all = fates.new + fates.improved + fates.not_better + fates.invalid + fates.failed;
    let mut text = String::new();
    for (fate, count) in [("invalid", fates.invalid), ("failed", fates.failed)] {
        if count == 0 {
            continue;
        }
        let share = percent(count as usize, all as usize);
        text += &line(fate, &format!("{count} of {all} ({share}\u{a0}%), most often:"), width);
        for reason in reasons.iter().filter(|reason| reason.fate == fate).take(REASONS) {
            text += &line("", &format!("{}\u{a0}× {}", reason.count, one_line(&reason.why)), width);
        }
    }
    text
}

/// A genome as people read it: the numbers of a vector short and apart, so that no line ends within one.
fn told(genome: &Genome) -> String {
    match genome {
        Genome::Vector(vector) => {
            let numbers: Vec<String> = vector.iter().map(|x| number(*x)).collect();
            format!("[{}]", numbers.join(", "))
        }
        genome => printable(&genome.text()),
    }
}

/// Workers elsewhere, those that have evaluated most first.
fn staff(workers: &[WorkerSum], width: usize) -> String {
    let mut workers: Vec<&WorkerSum> = workers.iter().collect();
    workers.sort_by_key(|worker| std::cmp::Reverse(worker.evaluated));
    let mut text = String::new();
    for (place, worker) in workers.iter().take(WORKERS).enumerate() {
        let WorkerSum { name, evaluated, failed, seconds, longest } = worker;
        let mean = seconds / (*evaluated).max(1) as f64;
        let failed = if *failed > 0 { format!(", {failed}\u{a0}failed") } else { String::new() };
        let told = format!(
            "{}: {evaluated}\u{a0}evaluated{failed}, {mean:.3}\u{a0}s each, longest {longest:.3}\u{a0}s",
            one_line(name)
        );
        text += &line(if place == 0 { "workers" } else { "" }, &told, width);
    }
    let more = workers.len().saturating_sub(WORKERS);
    if more > 0 {
        text += &line("", &format!("and {more} more"), width);
    }
    text
}

/// Lines of at most so many columns, broken at blanks and, if there are none, anywhere; the rest of a line keeps its
/// indentation.
fn wrap(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|paragraph| wrap_line(paragraph, width)).collect()
}

fn wrap_line(paragraph: &str, width: usize) -> Vec<String> {
    let indentation = paragraph.len() - paragraph.trim_start_matches(' ').len();
    // Deep blocks in narrow places keep as much of it as leaves room for words.
    let indented = " ".repeat(indentation.min(width / 2));
    let mut lines = Vec::new();
    let mut line = indented.clone();
    for word in paragraph[indentation..].split(' ') {
        let begun = line.len() > indented.len();
        if begun && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::replace(&mut line, indented.clone()));
        } else if begun {
            line.push(' ');
        }
        for c in word.chars() {
            if columns(&line) + columns(c.encode_utf8(&mut [0; 4])) > width && line.len() > indented.len() {
                lines.push(std::mem::replace(&mut line, indented.clone()));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_blanks_and_programs_keep_their_indentation() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("def f():\n    return 1\n", 96), ["def f():", "    return 1"]);
        assert_eq!(wrap("    return a + b", 13), ["    return a", "    + b"]);
        assert_eq!(wrap("\n\nend", 5), ["", "", "end"]);
    }

    #[test]
    fn words_longer_than_a_line_and_wide_characters_are_broken() {
        assert_eq!(wrap("a abcdefgh b", 4), ["a", "abcd", "efgh", "b"]);
        assert_eq!(wrap("日本語の軸", 4), ["日本", "語の", "軸"]);
        assert_eq!(wrap("          deep", 6), ["   dee", "   p"]);
    }

    #[test]
    fn reasons_stand_below_the_fate_that_they_explain() {
        let reason = |fate: &str, why: &str, count| Reason { fate: fate.into(), why: why.into(), count };
        let reasons = [
            reason("invalid", "does not\u{1b}[2J compile", 1200),
            reason("failed", "ran longer than 2 s of CPU time", 1),
            reason("invalid", "no picture", 34),
        ];
        let fates = FateCounts { new: 8765, invalid: 1234, failed: 1, ..FateCounts::default() };
        assert_eq!(
            commonest(&reasons, &fates, 40),
            "invalid     1234 of 10000 (12.3 %), most\n            often:\n            \
             1200 × does not�[2J compile\n            34 × no picture\n\
             failed      1 of 10000 (0.01 %), most\n            often:\n            \
             1 × ran longer than 2 s of\n            CPU time\n"
        );
        assert_eq!(commonest(&[], &FateCounts::default(), 40), "");
    }
}
