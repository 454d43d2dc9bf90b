//! Where a candidate comes from, and what came of it: folded where nothing happened.

use std::collections::BTreeMap;

use samara_search::Candidate;

use super::{
    Shown,
    address::Address,
    page::{Page, Tab, heading},
};
use crate::{
    book::Entry,
    diff,
    html::Html,
    lineage::{Lineage, Steps},
    numbers::{aligned, grouped, number},
    report::{
        elites::{Ancestor, runs_of},
        overview::FATES,
        settings::cut,
    },
};

/// Ancestors whose texts are read at most: the youngest.
const MOST_ANCESTORS: usize = 300;
/// Descendants that are shown at most.
const MOST_DESCENDANTS: usize = 300;
/// Descendants that are indented by their branch, at most so deep.
const DEEPEST: usize = 8;

/// The candidates whose records the page needs, the eldest first.
pub fn needed(shown: Shown<'_>, candidate: u64) -> Vec<u64> {
    let line = shown.book.ancestors(candidate);
    line[line.len().saturating_sub(MOST_ANCESTORS)..].to_vec()
}

/// The page of a candidate's family; `members` are those that are [`needed`].
pub fn page(shown: Shown<'_>, candidate: Option<u64>, members: Vec<Candidate>) -> Page {
    let title = candidate.map_or_else(
        || "Lineage".to_owned(),
        |candidate| format!("Lineage of candidate {}", grouped(candidate)),
    );
    let mut page = Page::of_run(shown.name, Tab::Lineage, &*title);
    page.part("head", |html| {
        heading(html, &title);
        if candidate.is_none() {
            html.element(
                "p",
                &[("class", "remark")],
                "No candidate has a score yet, so there is no best one to trace back.",
            );
        }
    });
    let Some(candidate) = candidate else { return page };
    page.part("ancestors", |html| {
        html.element("h2", &[], "Ancestors");
        if members.is_empty() {
            return;
        }
        let unread = shown.book.ancestors(candidate).len() - members.len();
        ancestors(html, shown, &Lineage { members }, unread);
    });
    page.alive("descendants", |html| {
        html.element("h2", &[], "Descendants");
        descendants(html, shown, candidate);
    });
    page
}

fn link(html: &mut Html, shown: Shown<'_>, candidate: u64) {
    let address = Address::Candidate(shown.name.to_owned(), candidate, None).link();
    html.element("a", &[("href", &address), ("class", "n number")], &candidate.to_string());
}

fn ancestors(html: &mut Html, shown: Shown<'_>, lineage: &Lineage, unread: usize) {
    let (first, last) = (lineage.first(), lineage.last());
    let value = |candidate: &Candidate| candidate.objective().map_or_else(|| "none".to_owned(), number);
    let Steps { all, only_numbers, lines_added, lines_again } = lineage.steps();
    let mut told = match all {
        0 => "It has no parent.".to_owned(),
        all => format!(
            "{all} step{}, from candidate {} ({}) to {} ({}).",
            if all == 1 { "" } else { "s" },
            first.index,
            value(first),
            last.index,
            value(last)
        ),
    };
    if unread > 0 {
        told += &format!(" {} elder ancestors are left out.", grouped(unread as u64));
    }
    if shown.run.programs && all > 0 {
        told += &format!(
            " Steps that changed numbers and nothing else: {only_numbers}. Lines put in: {lines_added}, of which had been taken out before: {lines_again}."
        );
    }
    html.element("p", &[("class", "remark")], &told);
    let gain = |pair: &[Candidate]| Some(pair[1].objective()? - pair[0].objective()?);
    let gains = lineage.members.windows(2).map(|pair| (pair[1].index, gain(pair)));
    let objectives = lineage.members.iter().map(|member| (member.index, member.objective()));
    let numbers = Numbers { objectives: Numbers::of(objectives), gains: Numbers::of(gains) };
    let ancestor = |html: &mut Html, one| ancestor(html, shown, one, &numbers);
    html.within("ol", &[("class", "lineage")], |html| {
        for members in runs_of(lineage) {
            if let [one] = members[..] {
                ancestor(html, one);
                continue;
            }
            html.within("li", &[], |html| {
                html.within("details", &[], |html| {
                    let told = format!("{} steps without a better objective", members.len());
                    html.element("summary", &[], &told);
                    html.within("ol", &[("class", "lineage")], |html| {
                        members.iter().for_each(|member| ancestor(html, *member));
                    });
                });
            });
        }
    });
}

/// Objectives and what each step brought, as they stand below each other.
struct Numbers {
    objectives: BTreeMap<u64, String>,
    gains: BTreeMap<u64, String>,
}

impl Numbers {
    fn of(values: impl Iterator<Item = (u64, Option<f64>)>) -> BTreeMap<u64, String> {
        let (places, values): (Vec<u64>, Vec<f64>) =
            values.filter_map(|(index, value)| Some((index, value?))).unzip();
        places.into_iter().zip(aligned(&values)).collect()
    }

    fn write(&self, html: &mut Html, index: u64) {
        let objective = self.objectives.get(&index).map_or("–", |told| told);
        html.element("b", &[("class", "n")], objective);
        let gain = self.gains.get(&index).map_or("", |told| told);
        let sign = if gain.is_empty() || gain.starts_with('-') { "" } else { "+" };
        html.element("span", &[("class", "n change")], &format!("{sign}{gain}"));
    }
}

/// What says most of a candidate in a line: how a text begins, and of a program the first line that it has put in.
fn begins(shown: Shown<'_>, member: &Candidate, before: Option<&Candidate>) -> String {
    let Some(genome) = member.genome.as_deref() else { return String::new() };
    let old = before.and_then(|before| before.genome.as_deref()).filter(|_| shown.run.programs);
    let line = old.and_then(|old| diff::changed(old, genome).added.into_iter().next());
    line.map_or_else(|| cut(&genome.text(), 120), |line| cut(&format!("+ {line}"), 120))
}

fn ancestor(html: &mut Html, shown: Shown<'_>, (member, before, _): Ancestor<'_>, numbers: &Numbers) {
    html.within("li", &[("data-row", "")], |html| {
        link(html, shown, member.index);
        numbers.write(html, member.index);
        let model = shown.book.get(member.index).map(|entry| cut(entry.model, 40)).unwrap_or_default();
        let how = [cut(&member.operator, 40), model].into_iter().filter(|part| !part.is_empty());
        html.element("span", &[("class", "how")], &how.collect::<Vec<_>>().join(" · "));
        html.element("span", &[("class", "begins"), ("dir", "auto")], &begins(shown, member, before));
    });
}

/// The children of each that matter: they entered the archive, or one of theirs did.
struct Tree<'a> {
    shown: Shown<'a>,
    children: BTreeMap<u64, Vec<u64>>,
    /// Of each, how many children came to nothing.
    nothing: BTreeMap<u64, u64>,
}

impl<'a> Tree<'a> {
    fn of(shown: Shown<'a>, found: &[(u64, u64)]) -> Self {
        let mut tree = Self { shown, children: BTreeMap::new(), nothing: BTreeMap::new() };
        // From the youngest, so that what came of each is known before it.
        for (child, parent) in found.iter().rev() {
            let entered = shown.book.get(*child).is_some_and(|entry| entry.became.entered());
            if entered || tree.children.contains_key(child) {
                tree.children.entry(*parent).or_default().push(*child);
            } else {
                *tree.nothing.entry(*parent).or_default() += 1;
            }
        }
        tree.children.values_mut().for_each(|children| children.reverse());
        tree
    }

    /// Those below a candidate in the order of the tree, each with how deep it stands: a child that has no brother stands
    /// where its parent does.
    fn walk(&self, of: u64) -> Vec<(u64, usize)> {
        let mut walked = Vec::new();
        let mut waiting: Vec<(u64, usize)> = Vec::new();
        let push = |waiting: &mut Vec<(u64, usize)>, parent: u64, depth: usize| {
            if let Some(children) = self.children.get(&parent) {
                let depth = depth + usize::from(children.len() > 1);
                waiting.extend(children.iter().rev().map(|child| (*child, depth)));
            }
        };
        push(&mut waiting, of, 0);
        while let Some((next, depth)) = waiting.pop() {
            walked.push((next, depth));
            if walked.len() == MOST_DESCENDANTS {
                break;
            }
            push(&mut waiting, next, depth);
        }
        walked
    }
}

fn descendants(html: &mut Html, shown: Shown<'_>, candidate: u64) {
    let found = shown.book.descendants(candidate);
    if found.is_empty() {
        html.element("p", &[("class", "remark")], "It has none: no candidate has it as its first parent.");
        return;
    }
    let entered =
        found.iter().filter(|(one, _)| shown.book.get(*one).is_some_and(|one| one.became.entered())).count();
    let told = format!(
        "{} descendant{} by first parents, of which {} entered the archive. ",
        grouped(found.len() as u64),
        if found.len() == 1 { "" } else { "s" },
        if entered == 0 { "none".to_owned() } else { grouped(entered as u64) }
    );
    html.within("p", &[("class", "remark")], |html| {
        html.text(&told);
        if entered == 0 {
            let itself = Address::Candidate(shown.name.to_owned(), candidate, None).link();
            html.element("a", &[("href", &format!("{itself}#children"))], "Its children");
        } else {
            html.text("What came to nothing is counted beside its parent.");
        }
    });
    let tree = Tree::of(shown, &found);
    let walked = tree.walk(candidate);
    let entries = || walked.iter().filter_map(|(one, _)| shown.book.get(*one));
    let gain =
        |entry: &Entry<'_>| Some(entry.objective? - shown.book.get(*entry.parents.first()?)?.objective?);
    let numbers = Numbers {
        objectives: Numbers::of(entries().map(|entry| (entry.index, entry.objective))),
        gains: Numbers::of(entries().map(|entry| (entry.index, gain(&entry)))),
    };
    html.within("ol", &[("class", "lineage tree")], |html| {
        for (one, depth) in &walked {
            if let Some(entry) = shown.book.get(*one) {
                descendant(html, &tree, entry, *depth, &numbers);
            }
        }
    });
    if walked.len() == MOST_DESCENDANTS {
        let told = format!("The first {} of those that matter.", grouped(MOST_DESCENDANTS as u64));
        html.element("p", &[("class", "remark")], &told);
    }
}

fn descendant(html: &mut Html, tree: &Tree<'_>, entry: Entry<'_>, depth: usize, numbers: &Numbers) {
    const DEPTHS: [&str; DEEPEST + 1] = ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"];
    let shown = tree.shown;
    html.within("li", &[("class", DEPTHS[depth.min(DEEPEST)]), ("data-row", "")], |html| {
        link(html, shown, entry.index);
        numbers.write(html, entry.index);
        html.within("span", &[("class", "became")], |html| {
            html.swatch("swatch", FATES[entry.became as usize].1);
            html.text(entry.became.name());
        });
        let how = [cut(entry.operator, 40), cut(entry.model, 40)].into_iter().filter(|part| !part.is_empty());
        html.element("span", &[("class", "how")], &how.collect::<Vec<_>>().join(" · "));
        let nothing = tree.nothing.get(&entry.index).map(|count| {
            format!("{} {} came to nothing", grouped(*count), if *count == 1 { "child" } else { "children" })
        });
        html.element("span", &[("class", "begins")], &nothing.unwrap_or_default());
    });
}
