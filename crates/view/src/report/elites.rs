//! The best of every cell with their texts, and the ancestors of the best of all.

use std::collections::BTreeSet;

use samara_qd::Elite;
use samara_search::{Artifact, ArtifactKind, Candidate, Film, Genome, commanding::one_line};

use super::{Run, page::Section, settings::cut};
use crate::{
    code::{self, Kind, Language},
    diff, film, gallery,
    html::Html,
    lineage::{Lineage, Steps},
    numbers::{aligned, grouped, number},
    projection::{objectives, viridis},
    screen::Colours,
};

/// Characters of a text at most; what is cut is said.
const LONGEST: usize = 20_000;
/// Characters of all texts of a run at most.
const MOST_TEXT: usize = 3 << 20;
/// Numbers beside a score that are told at most.
const MOST_METRICS: usize = 24;
/// Characters of an artifact that are told at most, and how many of a candidate.
const LONGEST_ARTIFACT: usize = 2000;
const MOST_ARTIFACTS: usize = 8;
/// Walks that are shown at most, those of the best; of the others there is how the body began.
const MOST_WALKS: usize = 48;
/// Steps of a lineage that are folded together at least.
const FOLDED: usize = 3;

/// The best of every cell, in the order of the axes.
pub(crate) fn best(html: &mut Html, section: &Section<'_>) {
    let view = &section.run.view;
    let archive = view.replay.population().overall().archive();
    let told = super::told(view);
    let filled = archive.stats().cells_filled;
    if told.is_empty() {
        html.element("p", &[("class", "remark")], "The archive is empty.");
        return;
    }
    let all = if told.len() < filled {
        format!("The best {} of {} elites", grouped(told.len() as u64), grouped(filled as u64))
    } else {
        format!("{} elites", grouped(filled as u64))
    };
    let filmed = filmed(section.run, &told);
    let walking: BTreeSet<u64> = filmed.iter().take(MOST_WALKS).copied().collect();
    let walks = if walking.len() < filmed.len() {
        format!(" The walks of the best {MOST_WALKS} are shown: `samara serve` shows all.")
    } else {
        String::new()
    };
    html.within("p", &[("class", "remark")], |html| {
        html.prose(&format!("{all}, in the order of the axes.{walks}"));
    });
    let ends = objectives(archive).unwrap_or_default();
    let written: Vec<String> = aligned(&told.iter().map(|elite| elite.objective).collect::<Vec<_>>());
    let measures = measures(section.run, &told);
    let best = archive.stats().best_id;
    let mut room = MOST_TEXT;
    // Columns as wide as the widest of their texts, so that they begin below each other.
    let widest = |texts: &[String], most: usize| {
        texts.iter().map(|text| crate::screen::columns(text)).max().unwrap_or(0).min(most)
    };
    let widths = format!("--objective:{}ch;--measures:{}ch", widest(&written, 16), widest(&measures, 56));
    html.within("div", &[("class", "elites"), ("style", &widths)], |html| {
        for ((elite, objective), measures) in told.iter().zip(&written).zip(&measures) {
            let open: &[(&str, &str)] = if best == Some(elite.id) { &[("open", "")] } else { &[] };
            html.within("details", open, |html| {
                html.within("summary", &[], |html| {
                    summary(html, section.run, elite, (objective, measures), ends);
                });
                html.within("div", &[("class", "body"), ("id", &section.place(elite.id))], |html| {
                    body(html, section.run, elite, walking.contains(&elite.id), &mut room);
                });
            });
        }
    });
}

/// The elites that have a film, the best first.
fn filmed(run: &Run, told: &[Elite<'_>]) -> Vec<u64> {
    let found = run.view.replay.population().overall();
    let mut best: Vec<&Elite<'_>> = told.iter().collect();
    best.sort_by(|a, b| b.objective.total_cmp(&a.objective).then(a.id.cmp(&b.id)));
    let filmed = best.iter().filter(|elite| Film::of(&found.score(elite.id).artifacts).is_some());
    filmed.map(|elite| elite.id).collect()
}

/// The measures of elites, a text each, whose numbers stand below each other.
fn measures(run: &Run, told: &[Elite<'_>]) -> Vec<String> {
    let mut texts = vec![Vec::new(); told.len()];
    for (place, axis) in run.view.axes.iter().enumerate() {
        let values: Vec<f64> = told.iter().map(|elite| elite.measures[place]).collect();
        let name = cut(&axis.name, 40);
        for ((text, value), number) in texts.iter_mut().zip(&values).zip(aligned(&values)) {
            text.push(format!(
                "{name} {}",
                axis.category(*value).map_or(number, |category| cut(category, 40))
            ));
        }
    }
    texts.into_iter().map(|parts| parts.join(" · ")).collect()
}

/// A line: the objective in its colour, the measures, how the text begins.
fn summary(
    html: &mut Html,
    run: &Run,
    elite: &Elite<'_>,
    (objective, measures): (&str, &str),
    (lo, hi): (f64, f64),
) {
    let found = run.view.replay.population().overall();
    let (red, green, blue) = viridis(crate::numbers::share(elite.objective, lo, hi));
    html.swatch("chip", &format!("#{red:02x}{green:02x}{blue:02x}"));
    html.element("b", &[("class", "n")], objective);
    html.element("span", &[("class", "measures")], measures);
    if let Some(picture) = gallery::picture(found, elite.id) {
        html.picture("image/png", picture, &[("alt", ""), ("class", "thumb")]);
    } else if let Some(film) = Film::of(&found.score(elite.id).artifacts) {
        html.within("span", &[("class", "thumb")], |html| html.drawing(film::still(&film)));
    } else {
        html.element("span", &[("class", "begins")], &cut(&found.genome(elite.id).text(), 160));
    }
}

/// Who made it, from what, and the whole text.
fn body(html: &mut Html, run: &Run, elite: &Elite<'_>, walks: bool, room: &mut usize) {
    let found = run.view.replay.population().overall();
    let (genome, score) = (found.genome(elite.id), found.score(elite.id));
    let member = run.members.get(&elite.id);
    html.element("p", &[("class", "remark")], &origin(elite, member));
    if let Some(picture) = gallery::picture(found, elite.id) {
        let alt = format!("the picture of candidate {}", elite.id);
        html.picture("image/png", picture, &[("alt", &alt), ("class", "picture")]);
    }
    if let Some(film) = Film::of(&score.artifacts).filter(|_| walks) {
        walk(html, &film, elite.id);
    }
    let size: usize = genome.text().chars().take(LONGEST).count();
    let fits = *room >= size;
    *room = room.saturating_sub(size);
    if fits {
        genome_of(html, run, genome);
    } else {
        html.within("p", &[("class", "remark")], |html| {
            html.prose("Left out, since the report is large: `samara show --cell` has it.");
        });
    }
    if !score.metrics.is_empty() {
        html.within("dl", &[("class", "metrics")], |html| {
            for (name, value) in score.metrics.iter().take(MOST_METRICS) {
                html.within("div", &[], |html| {
                    html.element("dt", &[], &cut(name, 60));
                    html.element("dd", &[], &number(*value));
                });
            }
        });
    }
    let parent = member.and_then(|member| run.members.get(member.parents.first()?));
    if let (true, Some(parent)) = (run.programs && fits, parent) {
        changed(html, genome, parent, elite.id, room);
    }
    artifacts(html, &score.artifacts, LONGEST_ARTIFACT);
}

fn origin(elite: &Elite<'_>, member: Option<&Candidate>) -> String {
    let mut told = format!("Candidate {}", elite.id);
    if let Some(member) = member {
        if !member.operator.is_empty() {
            told += &format!(", made by {}", cut(&member.operator, 60));
        }
        let parents: Vec<String> = member.parents.iter().take(6).map(u64::to_string).collect();
        let more = if member.parents.len() > 6 { ", …" } else { "" };
        if !parents.is_empty() {
            told += &format!(" from {}{more}", parents.join(", "));
        }
        if let Some(first) = member.copy_of {
            told += &format!(", the same as candidate {first}");
        }
    }
    told + &format!(", in cell {}.", elite.cell)
}

/// A genome: a text as a text, a program as a program.
pub(crate) fn genome_of(html: &mut Html, run: &Run, genome: &Genome) {
    for (path, text) in files(genome) {
        if !path.is_empty() {
            html.element("p", &[("class", "file")], &one_line(&path));
        }
        let (text, left_out) = cut_off(&text, LONGEST);
        let language = language(run, &path);
        if language == Language::Unknown && path.is_empty() {
            html.element("div", &[("class", "text"), ("dir", "auto")], text.trim_end());
        } else {
            program(html, text, language);
        }
        more(html, left_out);
    }
}

/// Whether a genome is read as code, and in which language.
pub(crate) fn language(run: &Run, path: &str) -> Language {
    match Language::of(path) {
        Language::Unknown if run.programs && path.is_empty() => Language::Python,
        known => known,
    }
}

/// The files of a genome; what is no file has an empty path.
pub(crate) fn files(genome: &Genome) -> Vec<(String, String)> {
    match genome {
        Genome::Files(files) => {
            files.iter().map(|(path, text)| (path.to_owned(), text.to_string())).collect()
        }
        other => vec![(String::new(), other.text().into_owned())],
    }
}

/// What of a text is beyond so many characters is not told; how many these are.
pub(crate) fn cut_off(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (&text[..at], text[at..].chars().count()),
        None => (text, 0),
    }
}

pub(crate) fn more(html: &mut Html, left_out: usize) {
    if left_out > 0 {
        html.element(
            "p",
            &[("class", "remark")],
            &format!("… and {} characters more", grouped(left_out as u64)),
        );
    }
}

fn program(html: &mut Html, text: &str, language: Language) {
    html.within("pre", &[("class", "code")], |html| {
        for (kind, piece) in code::pieces(text.trim_end(), language) {
            let class = match kind {
                Kind::Plain => {
                    html.text(piece);
                    continue;
                }
                Kind::Comment => "comment",
                Kind::Text => "string",
                Kind::Number => "number",
                Kind::Keyword => "keyword",
            };
            html.element("span", &[("class", class)], piece);
        }
    });
}

/// What a program changed of its parent.
fn changed(html: &mut Html, genome: &Genome, parent: &Candidate, candidate: u64, room: &mut usize) {
    let Some(old) = parent.genome.as_deref() else { return };
    // Comparing takes more than linear time: what is too long to be told is not compared.
    if old.text().len().max(genome.text().len()) > 4 * LONGEST {
        return;
    }
    let names = (format!("candidate {}", parent.index), format!("candidate {candidate}"));
    let text = diff::unified(old, genome, (&names.0, &names.1), Colours::None);
    let (text, left_out) = cut_off(&text, LONGEST);
    if text.is_empty() || *room < text.len() {
        return;
    }
    *room -= text.len();
    html.within("details", &[], |html| {
        let gain = parent.objective().map_or_else(String::new, |before| format!(" ({})", number(before)));
        html.element("summary", &[], &format!("What it changed of candidate {}{gain}", parent.index));
        differing(html, text);
        more(html, left_out);
    });
}

/// A unified diff, line by line.
fn differing(html: &mut Html, diff: &str) {
    html.within("pre", &[("class", "code diff")], |html| {
        // Whether a last line ends with a line break is nothing that a reader looks for.
        for line in diff.lines().filter(|line| !line.starts_with('\\')) {
            let class = match line.as_bytes().first() {
                _ if line.starts_with("--- ") || line.starts_with("+++ ") => "name",
                Some(b'+') => "added",
                Some(b'-') => "removed",
                Some(b'@') => "where",
                _ => "same",
            };
            html.element("span", &[("class", class)], &format!("{line}\n"));
        }
    });
}

/// What a genome changed of another, and what is said where that can't be told.
pub(crate) fn difference(html: &mut Html, (old, from): (&Genome, u64), (new, to): (&Genome, u64)) {
    let remark = |html: &mut Html, text: &str| html.element("p", &[("class", "remark")], text);
    if old.text().len().max(new.text().len()) > 4 * LONGEST {
        return remark(html, "They are too long to be compared here.");
    }
    let names = (format!("candidate {from}"), format!("candidate {to}"));
    let text = diff::unified(old, new, (&names.0, &names.1), Colours::None);
    if text.is_empty() {
        return remark(html, "They are the same.");
    }
    let (text, left_out) = cut_off(&text, LONGEST);
    differing(html, text);
    more(html, left_out);
}

/// How a candidate's body moved: all that is known of it side by side, and above that as a film, which whoever reads can
/// close.
pub(crate) fn walk(html: &mut Html, film: &Film, candidate: u64) {
    let label = format!("The walk of candidate {candidate}");
    html.within("figure", &[("class", "walk")], |html| {
        if let Some(played) = film::played(film, &format!("{label} as a film")) {
            html.within("details", &[("class", "film"), ("open", "")], |html| {
                html.element("summary", &[], "Film");
                html.drawing(played);
            });
        }
        html.drawing(film::strip(film, &label));
    });
}

/// What the evaluation left beside its picture and its film: texts folded, drawings as pictures, which run no script.
pub(crate) fn artifacts(html: &mut Html, artifacts: &[Artifact], most: usize) {
    for artifact in artifacts.iter().filter(|artifact| !artifact.is_film()).take(MOST_ARTIFACTS) {
        let name = cut(&artifact.name, 100);
        match artifact.kind {
            ArtifactKind::Svg => {
                html.within("details", &[], |html| {
                    html.element("summary", &[], &name);
                    html.picture(
                        "image/svg+xml",
                        &artifact.body,
                        &[("alt", &name), ("class", "picture wide")],
                    );
                });
            }
            ArtifactKind::Text | ArtifactKind::Json => {
                let text = String::from_utf8_lossy(&artifact.body);
                let (text, left_out) = cut_off(&text, most);
                html.within("details", &[], |html| {
                    html.element("summary", &[], &name);
                    html.element("pre", &[("class", "code")], text.trim_end());
                    more(html, left_out);
                });
            }
            ArtifactKind::Png | ArtifactKind::Bytes => {}
        }
    }
}

/// The ancestors of the best candidate, a row each; those that brought nothing are folded together.
pub(crate) fn lineage(html: &mut Html, section: &Section<'_>) {
    let Some(lineage) = &section.run.lineage else {
        html.element("p", &[("class", "remark")], "No candidate has a score.");
        return;
    };
    let Steps { all, only_numbers, lines_added, lines_again } = lineage.steps();
    let (first, last) = (lineage.first(), lineage.last());
    let value = |candidate: &Candidate| candidate.objective().map_or_else(|| "none".to_owned(), number);
    let told = match all {
        0 => format!("Candidate {} ({}) has no parent.", last.index, value(last)),
        1 => format!(
            "One step, from candidate {} ({}) to {} ({}).",
            first.index,
            value(first),
            last.index,
            value(last)
        ),
        all => format!(
            "{all} steps, from candidate {} ({}) to {} ({}).",
            first.index,
            value(first),
            last.index,
            value(last)
        ),
    };
    html.element("p", &[("class", "remark")], &told);
    if section.run.programs && all > 0 {
        let steps = format!(
            "Steps that changed numbers and nothing else: {only_numbers}. Lines put in: {lines_added}, of which had been taken out before: {lines_again}."
        );
        html.element("p", &[("class", "remark")], &steps);
    }
    if all == 0 {
        return;
    }
    html.within("details", &[], |html| {
        html.element("summary", &[], "The ancestors, the eldest first");
        html.within("ol", &[("class", "lineage")], |html| {
            for members in runs_of(lineage) {
                if let [(member, before, _)] = members[..] {
                    ancestor(html, member, before);
                    continue;
                }
                html.within("li", &[], |html| {
                    html.within("details", &[], |html| {
                        html.element(
                            "summary",
                            &[],
                            &format!("{} steps without a better objective", members.len()),
                        );
                        html.within("ol", &[("class", "lineage")], |html| {
                            members.iter().for_each(|(member, before, _)| ancestor(html, member, *before));
                        });
                    });
                });
            }
        });
    });
}

/// An ancestor, the one before it, and whether it is better than all before.
pub(crate) type Ancestor<'a> = (&'a Candidate, Option<&'a Candidate>, bool);

/// The members of a lineage, each by itself but for long rows of those that are no better than all before them.
pub(crate) fn runs_of(lineage: &Lineage) -> Vec<Vec<Ancestor<'_>>> {
    let mut best = f64::NEG_INFINITY;
    let mut before = None;
    let mut members = Vec::with_capacity(lineage.members.len());
    for (position, member) in lineage.members.iter().enumerate() {
        let objective = member.objective().unwrap_or(f64::NEG_INFINITY);
        let better = objective > best || position + 1 == lineage.members.len();
        best = best.max(objective);
        members.push((member, before, better));
        before = Some(member);
    }
    let mut runs = Vec::new();
    for run in members.chunk_by(|(.., a), (.., b)| !a && !b) {
        if run.len() >= FOLDED {
            runs.push(run.to_vec());
        } else {
            runs.extend(run.iter().map(|member| vec![*member]));
        }
    }
    runs
}

fn ancestor(html: &mut Html, member: &Candidate, before: Option<&Candidate>) {
    html.within("li", &[], |html| {
        let change = before.and_then(|before| Some(member.objective()? - before.objective()?));
        let change =
            change.map(|change| format!("{}{}", if change >= 0.0 { "+" } else { "" }, number(change)));
        html.element("span", &[("class", "n")], &format!("{}", member.index));
        html.element("b", &[("class", "n")], &member.objective().map_or_else(|| "–".to_owned(), number));
        html.element("span", &[("class", "n change")], &change.unwrap_or_default());
        html.element("span", &[("class", "how")], &cut(&member.operator, 60));
        let text = member.genome.as_deref().map(|genome| cut(&genome.text(), 120)).unwrap_or_default();
        html.element("span", &[("class", "begins")], &text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_says_how_much_is_left_out() {
        assert_eq!(cut_off("añb", 2), ("añ", 1));
        assert_eq!(cut_off("añb", 3), ("añb", 0));
    }
}
