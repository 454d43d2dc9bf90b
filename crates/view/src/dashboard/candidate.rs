//! One candidate: what it is, how it did, what it changed, what was asked for it, what was made out of it.

use samara_journal::{CallKind, Life, ModelCall};
use samara_search::{Artifact, ArtifactKind, Candidate, Film, Score, commanding::one_line};

use super::{
    Shown,
    address::Address,
    page::{Page, Tab, form, heading},
};
use crate::{
    book::Entry,
    gallery::Pixels,
    html::Html,
    numbers::{aligned, brief, grouped, number},
    report::{
        elites::{artifacts, cut_off, difference, genome_of, more, walk},
        overview::{FATES, milliseconds},
        settings::{self, cut},
    },
};

/// Characters of a prompt, an answer or an artifact at most.
const LONGEST: usize = 20_000;
/// Calls, children and parents that are told at most.
const MOST_CALLS: usize = 100;
const MOST_CHILDREN: usize = 200;
const MOST_PARENTS: usize = 12;
/// Ancestors that were better than all before them, of the strip at most.
const MOST_STRIP: usize = 10;
/// Numbers beside the score at most.
const MOST_METRICS: usize = 60;

/// A candidate as it was read.
pub struct Told<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// How it was lived.
    pub life: &'a Life,
    /// The one that it is compared with: see [`compared_with`].
    pub other: Option<&'a Candidate>,
}

/// Whom a candidate is compared with: who was asked for, if that is another candidate of the run, else its first parent.
pub fn compared_with(shown: Shown<'_>, candidate: u64, asked: Option<u64>) -> Option<u64> {
    let asked = asked.filter(|other| *other != candidate && *other < shown.book.len());
    asked.or_else(|| shown.book.get(candidate)?.parents.first().copied())
}

/// The page of a candidate.
pub fn page(shown: Shown<'_>, told: &Told<'_>) -> Page {
    let candidate = told.candidate;
    let title = format!("Candidate {}", grouped(candidate.index));
    let mut page = Page::of_run(shown.name, Tab::Candidate, &*title);
    page.part("head", |html| {
        heading(html, &title);
        lead(html, shown, told);
    });
    page.part("strip", |html| strip(html, shown, candidate.index));
    page.part("genome", |html| {
        if let Some(copied) = candidate.copy_of {
            html.within("p", &[("class", "remark")], |html| {
                html.text("The same as candidate ");
                link(html, shown, copied);
            });
        }
        pictures(html, candidate);
        match candidate.genome.as_deref() {
            Some(genome) => genome_of(html, shown.run, genome),
            None => html.element("p", &[("class", "remark")], "Nothing usable was written."),
        }
    });
    page.part("score", |html| score(html, shown, told));
    page.part("difference", |html| changes(html, shown, told));
    let left: Vec<_> = candidate.all_artifacts().to_vec();
    let for_people = |artifact: &Artifact| {
        !artifact.is_film() && !matches!(artifact.kind, ArtifactKind::Png | ArtifactKind::Bytes)
    };
    if left.iter().any(for_people) {
        page.part("artifacts", |html| {
            html.element("h2", &[], "What its evaluation left");
            artifacts(html, &left, LONGEST);
        });
    }
    page.part("calls", |html| calls(html, told.life));
    page.alive("children", |html| children(html, shown, candidate.index));
    page
}

fn link(html: &mut Html, shown: Shown<'_>, candidate: u64) {
    let address = Address::Candidate(shown.name.to_owned(), candidate, None).link();
    html.element("a", &[("href", &address)], &candidate.to_string());
}

/// What became of it, and the ways to others.
fn lead(html: &mut Html, shown: Shown<'_>, told: &Told<'_>) {
    let candidate = told.candidate;
    let Some(entry) = shown.book.get(candidate.index) else { return };
    html.within("p", &[("class", "lead")], |html| {
        html.within("span", &[("class", "fate")], |html| {
            html.swatch("swatch", FATES[entry.became as usize].1);
            html.element("b", &[], entry.became.name());
        });
        let mut facts = Vec::new();
        facts.extend(candidate.objective().map(|objective| format!("objective {}", number(objective))));
        if !entry.operator.is_empty() {
            facts.push(cut(entry.operator, 60));
        }
        if !entry.model.is_empty() {
            facts.push(format!("by {}", cut(entry.model, 60)));
        }
        if shown.run.view.settings.islands.count > 1 {
            let config = &shown.run.view.header.config;
            facts.push(match settings::conditions(config) {
                Some(_) => format!("for {}", settings::island(config, entry.island as usize)),
                None => format!("island {}", entry.island),
            });
        }
        for fact in facts {
            html.element("span", &[("class", "fact")], &fact);
        }
    });
    if let Some(why) = candidate.fate.why() {
        let (why, left_out) = cut_off(why, 2000);
        html.element("pre", &[("class", "code why")], why.trim_end());
        more(html, left_out);
    }
    html.within("p", &[("class", "onwards small")], |html| {
        let to = |index: u64| Address::Candidate(shown.name.to_owned(), index, None).link();
        if let Some(before) = candidate.index.checked_sub(1) {
            html.element("a", &[("href", &to(before)), ("rel", "prev")], "The one before");
        }
        if candidate.index + 1 < shown.book.len() {
            html.element("a", &[("href", &to(candidate.index + 1)), ("rel", "next")], "The next one");
        }
        let line = Address::Lineage(shown.name.to_owned(), Some(candidate.index)).link();
        html.element("a", &[("href", &line)], "Its lineage");
    });
}

/// Its ancestors by first parents, side by side: those that were better than all before them, the first, and the last ones;
/// the others are counted.
fn strip(html: &mut Html, shown: Shown<'_>, candidate: u64) {
    let line = shown.book.ancestors(candidate);
    let entries: Vec<Entry<'_>> = line.iter().filter_map(|index| shown.book.get(*index)).collect();
    if entries.len() < 2 {
        return;
    }
    let mut best = f64::NEG_INFINITY;
    let mut better: Vec<bool> = Vec::with_capacity(entries.len());
    for entry in &entries {
        better.push(entry.objective.is_some_and(|objective| objective > best));
        best = best.max(entry.objective.unwrap_or(best));
    }
    // The youngest of many that were better.
    let all = better.iter().filter(|better| **better).count();
    let mut skipped = all.saturating_sub(MOST_STRIP);
    let last = entries.len() - 1;
    let mut folded = 0_u64;
    html.within(
        "nav",
        &[("class", "strip scroll"), ("aria-label", "Its lineage"), ("tabindex", "0")],
        |html| {
            for (place, entry) in entries.iter().enumerate() {
                let old = better[place] && skipped > 0 && place > 0;
                skipped -= usize::from(old);
                if !(place == 0 || place + 2 > last || (better[place] && !old)) {
                    folded += 1;
                    continue;
                }
                let arrow = |html: &mut Html| {
                    html.element("span", &[("class", "arrow"), ("aria-hidden", "true")], "→");
                };
                if folded > 0 {
                    arrow(html);
                    html.element("span", &[("class", "folded")], &format!("{} more", grouped(folded)));
                    folded = 0;
                }
                if place > 0 {
                    arrow(html);
                }
                station(html, shown, *entry, place == last);
            }
        },
    );
}

fn station(html: &mut Html, shown: Shown<'_>, entry: Entry<'_>, here: bool) {
    let address = Address::Candidate(shown.name.to_owned(), entry.index, None).link();
    let current: &[(&str, &str)] = if here { &[("aria-current", "page")] } else { &[] };
    html.within("a", &[&[("href", &*address), ("class", "station")], current].concat(), |html| {
        html.swatch("swatch", FATES[entry.became as usize].1);
        html.element("span", &[("class", "n")], &entry.index.to_string());
        html.element("b", &[], &entry.objective.map_or_else(|| "–".to_owned(), number));
    });
}

/// The pictures and the film that its evaluation left.
fn pictures(html: &mut Html, candidate: &Candidate) {
    for artifact in candidate.all_artifacts().iter().filter(|one| one.kind == ArtifactKind::Png).take(8) {
        if Pixels::read(&artifact.body).is_some() {
            let alt = format!("{} of candidate {}", cut(&artifact.name, 60), candidate.index);
            html.picture("image/png", &artifact.body, &[("alt", &alt), ("class", "picture")]);
        }
    }
    if let Some(film) = Film::of(candidate.all_artifacts()) {
        walk(html, &film, candidate.index);
    }
}

/// What it came to and how it was made, each group with its heading.
fn score(html: &mut Html, shown: Shown<'_>, told: &Told<'_>) {
    let candidate = told.candidate;
    html.element("h2", &[], "Score");
    match candidate.score.as_deref() {
        Some(score) => {
            scored(html, shown, candidate, score);
            let metrics = score.metrics.iter().take(MOST_METRICS);
            let metrics: Vec<(String, String)> =
                metrics.map(|(name, value)| (cut(name, 60), number(*value))).collect();
            if !metrics.is_empty() {
                html.element("h3", &[], "Metrics");
                listed(html, &metrics);
            }
        }
        None => html.element("p", &[("class", "remark")], "It has none."),
    }
    html.element("h3", &[], "How it was made");
    listed(html, &made(candidate, told.life));
}

/// The objective, the measures and the cell.
fn scored(html: &mut Html, shown: Shown<'_>, candidate: &Candidate, score: &Score) {
    let mut facts = vec![("objective".to_owned(), number(score.objective))];
    for (axis, value) in shown.run.view.axes.iter().zip(&score.measures) {
        let told = axis.category(*value).map_or_else(|| number(*value), |name| cut(name, 60));
        facts.push((cut(&axis.name, 60), told));
    }
    facts.extend(candidate.cell.map(|cell| ("cell".to_owned(), cell.to_string())));
    facts.extend(candidate.rank.map(|rank| ("place in its cell".to_owned(), (rank + 1).to_string())));
    listed(html, &facts);
}

/// What it took to make it. Calls of one candidate may go on side by side: their times together can be more than its own.
fn made(candidate: &Candidate, life: &Life) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let charge = &candidate.charge;
    if charge.calls > 0 {
        facts.push(("model calls".to_owned(), grouped(charge.calls)));
        facts.push(("tokens".to_owned(), grouped(charge.tokens)));
        // Of what is written and evaluated in batches no time of its own is noted.
        if candidate.model_ms > 0.0 {
            facts.push(("calls' times added up".to_owned(), milliseconds(candidate.model_ms)));
        }
    }
    if charge.money > 0.0 {
        facts.push(("cost".to_owned(), number(charge.money)));
    }
    if life.live_ms > 0.0 {
        facts.push(("time from begin to end".to_owned(), milliseconds(life.live_ms)));
    }
    facts.push(("planned after".to_owned(), format!("{} candidates", grouped(candidate.horizon))));
    facts.extend(life.isolation.as_ref().map(|isolation| ("isolation".to_owned(), cut(isolation, 60))));
    facts.extend(life.worker.as_ref().map(|worker| ("worker".to_owned(), cut(worker, 60))));
    facts
}

fn listed(html: &mut Html, facts: &[(String, String)]) {
    html.within("dl", &[("class", "metrics")], |html| {
        for (name, value) in facts {
            html.within("div", &[], |html| {
                html.element("dt", &[], name);
                html.element("dd", &[], value);
            });
        }
    });
}

/// What it changed of its parents, or of any other.
fn changes(html: &mut Html, shown: Shown<'_>, told: &Told<'_>) {
    let candidate = told.candidate;
    html.element("h2", &[], "What it changed");
    let Some(entry) = shown.book.get(candidate.index) else { return };
    if entry.parents.is_empty() {
        html.element("p", &[("class", "remark")], "It has no parents.");
    }
    let root = shown.book.ancestors(candidate.index).first().copied();
    let mut others: Vec<u64> = entry.parents.iter().copied().take(MOST_PARENTS).collect();
    others.extend(root.filter(|root| *root != candidate.index && !others.contains(root)));
    if !others.is_empty() {
        html.within("p", &[("class", "onwards small")], |html| {
            html.element("span", &[], "Compared with");
            for other in &others {
                let link = Address::Candidate(shown.name.to_owned(), candidate.index, Some(*other)).link();
                let here = told.other.is_some_and(|held| held.index == *other);
                let current: &[(&str, &str)] = if here { &[("aria-current", "true")] } else { &[] };
                let role = if entry.parents.contains(other) { "parent" } else { "first ancestor" };
                let there = format!("{link}#difference");
                let attributes = [&[("href", &*there)], current].concat();
                html.element("a", &attributes, &format!("{role} {other}"));
            }
        });
    }
    other_form(html, shown, told);
    let (Some(other), Some(genome)) = (told.other, candidate.genome.as_deref()) else { return };
    html.within("p", &[("class", "remark")], |html| {
        html.text("Against candidate ");
        link(html, shown, other.index);
        let gain = candidate.objective().zip(other.objective());
        let gain = gain.map(|(new, old)| (new - old, old));
        html.text(&gain.map_or_else(String::new, |(gain, old)| {
            let side = if gain < 0.0 { "below" } else { "above" };
            format!(": {} {side} its {}", brief(gain.abs()), number(old))
        }));
    });
    if let Some(old) = other.genome.as_deref() {
        difference(html, (old, other.index), (genome, candidate.index));
    }
}

/// Asks for any other candidate to compare with.
fn other_form(html: &mut Html, shown: Shown<'_>, told: &Told<'_>) {
    let Some(last) = shown.book.len().checked_sub(1).filter(|last| *last > 0) else { return };
    let action = Address::Candidate(shown.name.to_owned(), told.candidate.index, None).link();
    let (action, last) = (format!("{action}#difference"), last.to_string());
    let held = told.other.map(|other| other.index.to_string()).unwrap_or_default();
    form(html, ("ask", &action), &[], |html| {
        html.within("label", &[("class", "narrow")], |html| {
            html.element("span", &[], "Any other candidate");
            let attributes = [
                ("type", "number"),
                ("name", "diff"),
                ("id", "other"),
                ("min", "0"),
                ("max", &*last),
                ("value", &*held),
            ];
            html.empty("input", &attributes);
        });
        html.element("button", &[], "Compare");
    });
}

/// Every call with what was asked and answered.
fn calls(html: &mut Html, life: &Life) {
    html.element("h2", &[], "Model calls");
    if life.calls.is_empty() {
        html.element("p", &[("class", "remark")], "No model was asked.");
    }
    for call in life.calls.iter().take(MOST_CALLS) {
        html.within("details", &[("class", "call")], |html| {
            html.within("summary", &[], |html| summary(html, call));
            html.within("div", &[("class", "body")], |html| {
                if let Some(error) = &call.error {
                    html.element("p", &[("class", "file")], "error");
                    html.element("pre", &[("class", "code said")], cut_off(error, LONGEST).0.trim_end());
                }
                said(html, "prompt", &call.prompt);
                match call.kind {
                    CallKind::Complete => said(html, "answer", &call.answer),
                    CallKind::Score => probabilities(html, call),
                    CallKind::Embed => {}
                }
            });
        });
    }
    let hidden = life.calls.len().saturating_sub(MOST_CALLS);
    if hidden > 0 {
        html.element("p", &[("class", "remark")], &format!("and {} calls more", grouped(hidden as u64)));
    }
}

fn summary(html: &mut Html, call: &ModelCall) {
    html.element("b", &[], &format!("{} · {}", one_line(&call.role), call.kind.name()));
    let mut facts = vec![cut(&call.model, 60)];
    facts.push(format!("{} + {} tokens", grouped(call.tokens_in), grouped(call.tokens_out)));
    if call.cost > 0.0 {
        facts.push(format!("cost {}", number(call.cost)));
    }
    match (call.attempts, &call.error) {
        (0, None) => facts.push("from a cache".to_owned()),
        // Refused before anybody was asked.
        (0, Some(_)) => {}
        _ if call.latency_ms > 0.0 => facts.push(milliseconds(call.latency_ms)),
        _ => {}
    }
    if call.attempts > 1 {
        facts.push(format!("{} attempts", call.attempts));
    }
    if call.error.is_some() {
        facts.push("failed".to_owned());
    }
    for fact in facts {
        html.text(" ");
        html.element("span", &[("class", "fact")], &fact);
    }
}

fn said(html: &mut Html, who: &str, text: &str) {
    html.element("p", &[("class", "file")], who);
    let (text, left_out) = cut_off(text, LONGEST);
    html.element("pre", &[("class", "code said"), ("dir", "auto")], text);
    more(html, left_out);
}

/// The answers that were scored, with their probabilities.
fn probabilities(html: &mut Html, call: &ModelCall) {
    html.element("p", &[("class", "file")], "log-probabilities of the answers");
    let answers = call.answer.trim().trim_start_matches('[').trim_end_matches(']');
    let told = aligned(&call.log_probabilities).join(", ");
    html.element("pre", &[("class", "code said")], &format!("{}\n{told}", cut_off(answers, LONGEST).0));
    if let Some(method) = &call.method {
        html.element("p", &[("class", "remark")], &format!("scored by {}", cut(method, 80)));
    }
}

/// What was made out of it.
fn children(html: &mut Html, shown: Shown<'_>, candidate: u64) {
    let children = shown.book.children(candidate);
    html.element("h2", &[], "Children");
    if children.is_empty() {
        html.element("p", &[("class", "remark")], "Nothing was made out of it.");
        return;
    }
    let entries: Vec<Entry<'_>> = children.iter().filter_map(|child| shown.book.get(*child)).collect();
    let entered = entries.iter().filter(|entry| entry.became.entered()).count();
    let told = format!(
        "{} {}, of which {} entered the archive.",
        grouped(entries.len() as u64),
        if entries.len() == 1 { "child" } else { "children" },
        if entered == 0 { "none".to_owned() } else { grouped(entered as u64) }
    );
    html.element("p", &[("class", "remark")], &told);
    let shown_entries = &entries[..entries.len().min(MOST_CHILDREN)];
    family(html, shown, shown_entries);
    if entries.len() > MOST_CHILDREN {
        let told = format!("and {} more", grouped((entries.len() - MOST_CHILDREN) as u64));
        html.element("p", &[("class", "remark")], &told);
    }
}

/// Candidates below each other, as a table that leads to them.
fn family(html: &mut Html, shown: Shown<'_>, entries: &[Entry<'_>]) {
    let values: Vec<f64> = entries.iter().filter_map(|entry| entry.objective).collect();
    let mut written = aligned(&values).into_iter();
    html.within("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.within("table", &[], |html| {
            crate::report::tables::heads(
                html,
                &["candidate", "objective", "became", "operator", "model"],
                &[0, 1],
            );
            for entry in entries {
                html.within("tr", &[("data-row", "")], |html| {
                    html.within("td", &[("class", "n")], |html| link(html, shown, entry.index));
                    let objective = entry.objective.and_then(|_| written.next());
                    html.element("td", &[("class", "n")], &objective.unwrap_or_else(|| "–".to_owned()));
                    html.within("td", &[], |html| {
                        html.swatch("swatch", FATES[entry.became as usize].1);
                        html.text(entry.became.name());
                    });
                    html.element("td", &[], &cut(entry.operator, 60));
                    html.element("td", &[], &cut(entry.model, 60));
                });
            }
        });
    });
}
