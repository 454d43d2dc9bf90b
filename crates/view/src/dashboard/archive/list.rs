//! The elites beside a map, in the order of the axes: a row each, or their texts and pictures side by side.

use std::{borrow::Cow, collections::BTreeMap};

use samara_qd::Elite;
use samara_search::{Candidate, Genome, commanding::one_line};

use super::{MOST, Sight, paint::Painted};
use crate::{
    dashboard::address::{Address, ArchiveAsked, List},
    gallery,
    html::Html,
    numbers::{aligned, brief, grouped},
    report::settings::cut,
};

/// Axes that have a column of the table.
const COLUMNS: usize = 4;
/// Characters of a text in the gallery, and lines of a program.
const LONGEST: usize = 420;
const LINES: usize = 10;

/// How the elites are listed: as it is asked for, else as pictures if they have any.
pub(super) fn of(sight: &Sight<'_>) -> List {
    let pictures = || {
        let found = sight.shown.run.view.replay.population().overall();
        found.archive().iter().take(3).any(|elite| gallery::picture(found, elite.id).is_some())
    };
    sight.asked.list.unwrap_or_else(|| if pictures() { List::Gallery } else { List::Table })
}

/// An elite's genome and picture.
struct Told<'a> {
    genome: Option<&'a Genome>,
    picture: Option<&'a [u8]>,
}

impl<'a> Told<'a> {
    fn of(sight: &'a Sight<'_>, members: &'a BTreeMap<u64, Candidate>, id: u64) -> Self {
        if sight.is_now() {
            let found = sight.found();
            return Self { genome: Some(&**found.genome(id)), picture: gallery::picture(found, id) };
        }
        let member = members.get(&id);
        Self {
            genome: member.and_then(|member| member.genome.as_deref()),
            picture: member.and_then(|member| gallery::of_score(member.score.as_deref()?)),
        }
    }
}

/// The elites, some at a time.
pub(super) fn list(
    html: &mut Html,
    sight: &Sight<'_>,
    painted: &Painted,
    members: &BTreeMap<u64, Candidate>,
) {
    let (listed, count) = sight.listed();
    if listed.is_empty() {
        html.element("p", &[("class", "remark")], "No cell is filled.");
        return;
    }
    match of(sight) {
        List::Table => table(html, sight, painted, members, &listed),
        List::Gallery => cards(html, sight, painted, members, &listed),
    }
    pages(html, sight, count);
}

/// The measures of elites, a column for each axis.
fn columns(sight: &Sight<'_>, listed: &[Elite<'_>]) -> Vec<Vec<String>> {
    let axes = sight.shown.run.view.axes.iter().take(COLUMNS).enumerate();
    axes.map(|(place, axis)| {
        let values: Vec<f64> = listed.iter().map(|elite| elite.measures[place]).collect();
        let told = values.iter().zip(aligned(&values));
        told.map(|(value, number)| axis.category(*value).map_or(number, |name| cut(name, 24))).collect()
    })
    .collect()
}

fn link(sight: &Sight<'_>, id: u64) -> String {
    Address::Candidate(sight.shown.name.to_owned(), id, None).link()
}

fn table(
    html: &mut Html,
    sight: &Sight<'_>,
    painted: &Painted,
    members: &BTreeMap<u64, Candidate>,
    listed: &[Elite<'_>],
) {
    let written = aligned(&listed.iter().map(|elite| elite.objective).collect::<Vec<_>>());
    let columns = columns(sight, listed);
    html.within("div", &[("class", "scroll")], |html| {
        html.within("table", &[("class", "elites-table")], |html| {
            heads(html, sight, painted);
            html.within("tbody", &[], |html| {
                for (place, elite) in listed.iter().enumerate() {
                    html.within("tr", &[("data-row", "")], |html| {
                        html.within("td", &[("class", "n")], |html| {
                            html.swatch("chip", &painted.colour(elite.id, elite.objective));
                            html.text(&written[place]);
                        });
                        if let Some(told) = painted.told(elite.id) {
                            let class = if painted.is_number() { "n" } else { "" };
                            html.element("td", &[("class", class)], &told);
                        }
                        for column in &columns {
                            html.element("td", &[("class", "n")], &column[place]);
                        }
                        html.within("td", &[("class", "elite")], |html| {
                            row(html, &link(sight, elite.id), elite.id, &Told::of(sight, members, elite.id));
                        });
                    });
                }
            });
        });
    });
}

fn heads(html: &mut Html, sight: &Sight<'_>, painted: &Painted) {
    html.within("thead", &[], |html| {
        html.within("tr", &[], |html| {
            html.element("th", &[("scope", "col"), ("class", "n")], "objective");
            if let Some(head) = painted.head() {
                let class = if painted.is_number() { "n" } else { "" };
                html.element("th", &[("scope", "col"), ("class", class)], head);
            }
            for axis in sight.shown.run.view.axes.iter().take(COLUMNS) {
                html.element("th", &[("scope", "col"), ("class", "n")], &cut(&axis.name, 24));
            }
            html.element("th", &[("scope", "col"), ("class", "elite")], "elite");
        });
    });
}

fn row(html: &mut Html, link: &str, id: u64, told: &Told<'_>) {
    html.within("a", &[("href", link)], |html| {
        if let Some(picture) = told.picture {
            html.picture("image/png", picture, &[("alt", ""), ("class", "thumb")]);
        }
        html.element("span", &[("class", "number")], &id.to_string());
        let begins = told.genome.map(|genome| one_line(&cut(&shown(genome), 120))).unwrap_or_default();
        html.element("span", &[("class", "begins"), ("dir", "auto")], &begins);
    });
}

fn cards(
    html: &mut Html,
    sight: &Sight<'_>,
    painted: &Painted,
    members: &BTreeMap<u64, Candidate>,
    listed: &[Elite<'_>],
) {
    let written = aligned(&listed.iter().map(|elite| elite.objective).collect::<Vec<_>>());
    let columns = columns(sight, listed);
    let names: Vec<String> =
        sight.shown.run.view.axes.iter().take(COLUMNS).map(|axis| cut(&axis.name, 24)).collect();
    let told: Vec<Told<'_>> = listed.iter().map(|elite| Told::of(sight, members, elite.id)).collect();
    let class = if told.iter().any(|told| told.picture.is_some()) { "cards pictures" } else { "cards" };
    html.within("ul", &[("class", class)], |html| {
        for (place, (elite, told)) in listed.iter().zip(&told).enumerate() {
            html.within("li", &[("class", "card"), ("data-row", "")], |html| {
                html.within("a", &[("href", &link(sight, elite.id))], |html| {
                    html.within("span", &[("class", "card-head")], |html| {
                        html.swatch("chip", &painted.colour(elite.id, elite.objective));
                        html.element("b", &[("class", "n")], &written[place]);
                        html.element("span", &[("class", "number")], &elite.id.to_string());
                    });
                    let axes = names.iter().zip(&columns);
                    let mut measures: Vec<String> =
                        axes.map(|(name, column)| format!("{name} {}", column[place])).collect();
                    let colour = painted.head().zip(painted.told(elite.id));
                    measures.extend(colour.map(|(head, told)| format!("{head} {told}")));
                    html.element("span", &[("class", "what")], &measures.join(" · "));
                    if let Some(picture) = told.picture {
                        let alt = format!("the picture of candidate {}", elite.id);
                        html.picture("image/png", picture, &[("alt", &alt), ("class", "large")]);
                    } else if let Some(genome) = told.genome {
                        begins(html, sight, genome);
                    }
                });
            });
        }
    });
}

/// A genome as it is read in passing: the coordinates of a vector with the digits that matter.
fn shown(genome: &Genome) -> Cow<'_, str> {
    match genome {
        Genome::Vector(vector) => {
            let numbers: Vec<String> = vector.iter().take(LONGEST / 4).map(|x| brief(*x)).collect();
            format!("[{}{}]", numbers.join(", "), if numbers.len() < vector.len() { ", …" } else { "" })
                .into()
        }
        other => other.text(),
    }
}

/// How a genome begins: lines of a program as they are, a text as a paragraph.
fn begins(html: &mut Html, sight: &Sight<'_>, genome: &Genome) {
    let text = shown(genome);
    if sight.shown.run.programs {
        let lines: Vec<String> =
            text.lines().take(LINES).map(|line| line.chars().take(90).collect()).collect();
        html.element("span", &[("class", "code-begins")], lines.join("\n").trim_end());
    } else {
        html.element("span", &[("class", "text-begins"), ("dir", "auto")], &cut(&text, LONGEST));
    }
}

fn pages(html: &mut Html, sight: &Sight<'_>, count: usize) {
    if count <= MOST {
        return;
    }
    let from = sight.asked.from.min(count - 1) / MOST * MOST;
    let to = |from: usize| sight.link(ArchiveAsked { from, ..sight.asked.clone() });
    html.within("p", &[("class", "onwards small")], |html| {
        let last = (from + MOST).min(count);
        let told = format!("{} to {} of {} elites", from + 1, grouped(last as u64), grouped(count as u64));
        html.element("span", &[], &told);
        if from > 0 {
            html.element("a", &[("href", &to(from - MOST)), ("rel", "prev")], "Before");
        }
        if last < count {
            html.element("a", &[("href", &to(last)), ("rel", "next")], "Next");
        }
    });
}
