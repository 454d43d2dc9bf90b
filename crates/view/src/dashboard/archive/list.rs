//! The elites beside a map, in the order of the axes: a row each, or their texts and pictures side by side.

use std::{borrow::Cow, collections::BTreeMap};

use samara_qd::Elite;
use samara_search::{Candidate, Film, Genome, Score, commanding::one_line};

use super::{MOST, Sight, paint::Painted};
use crate::{
    dashboard::{
        Shown,
        address::{Address, ArchiveAsked, List},
        film::{Walk, told_of},
        run::nothing_yet,
    },
    film, gallery,
    html::Html,
    numbers::{aligned, brief, grouped},
    report::settings::cut,
    trace::Over,
};

/// Axes that have a column of the table.
const COLUMNS: usize = 4;
/// Films that are a part of the page, and their bytes; the others are pictures that a browser asks for when they come into
/// sight.
const PARTS_OF_PAGE: usize = 4;
const BYTES_OF_PAGE: usize = 16_000;
/// Characters of a text in the gallery, and lines of a program.
const LONGEST: usize = 420;
const LINES: usize = 10;

/// How the elites are listed: as it is asked for, else as pictures if they have any.
pub(super) fn of(sight: &Sight<'_>) -> List {
    let pictures = || {
        let found = sight.shown.run.view.replay.population().overall();
        let seen = |id| gallery::picture(found, id).is_some() || film_of(found.score(id)).is_some();
        found.archive().iter().take(3).any(|elite| seen(elite.id))
    };
    sight.asked.list.unwrap_or_else(|| if pictures() { List::Gallery } else { List::Table })
}

fn film_of(score: &Score) -> Option<Film> {
    Film::of(&score.artifacts)
}

/// An elite's genome, and its picture or its film.
struct Told<'a> {
    genome: Option<&'a Genome>,
    picture: Option<&'a [u8]>,
    film: Option<Film>,
}

impl<'a> Told<'a> {
    fn of(sight: &'a Sight<'_>, members: &'a BTreeMap<u64, Candidate>, id: u64) -> Self {
        if sight.is_now() {
            let found = sight.found();
            return Self::with(Some(&**found.genome(id)), Some(found.score(id)));
        }
        let member = members.get(&id);
        Self::with(
            member.and_then(|member| member.genome.as_deref()),
            member.and_then(|member| member.score.as_deref()),
        )
    }

    fn with(genome: Option<&'a Genome>, score: Option<&'a Score>) -> Self {
        Self { genome, picture: score.and_then(gallery::of_score), film: score.and_then(film_of) }
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
        nobody(html, sight);
        return;
    }
    match of(sight) {
        List::Table => table(html, sight, painted, members, &listed),
        List::Gallery => cards(html, sight, painted, members, &listed),
    }
    pages(html, sight, count);
}

/// Why there is no elite, and what to do.
fn nobody(html: &mut Html, sight: &Sight<'_>) {
    let Shown { name, run, book } = sight.shown;
    if book.is_empty() {
        return nothing_yet(html, &run.state);
    }
    html.within("p", &[("class", "remark")], |html| {
        if !sight.is_now() || sight.island().is_some() {
            html.text("There was no elite here then: another time or all islands together may show some.");
            return;
        }
        let all = grouped(book.len());
        html.text(&format!("There is no elite: none of {all} candidates has a score. "));
        let link = Address::Run(name.to_owned(), Over::default()).link();
        html.element("a", &[("href", &format!("{link}#failures"))], "Why they failed");
    });
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

/// The names of these axes.
fn names(sight: &Sight<'_>) -> Vec<String> {
    sight.shown.run.view.axes.iter().take(COLUMNS).map(|axis| cut(&axis.name, 24)).collect()
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
    let (names, columns) = (names(sight), columns(sight, listed));
    html.within("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.within("table", &[("class", "elites-table stack")], |html| {
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
                            let label = painted.head().unwrap_or_default();
                            html.element("td", &[("class", class), ("data-label", label)], &told);
                        }
                        for (name, column) in names.iter().zip(&columns) {
                            let attributes = [("class", "n"), ("data-label", &**name)];
                            html.element("td", &attributes, &column[place]);
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
            for name in names(sight) {
                html.element("th", &[("scope", "col"), ("class", "n")], &name);
            }
            html.within("th", &[("scope", "col"), ("class", "elite")], |html| {
                html.element("span", &[("class", "number")], "candidate");
            });
        });
    });
}

fn row(html: &mut Html, link: &str, id: u64, told: &Told<'_>) {
    html.within("a", &[("href", link)], |html| {
        html.element("span", &[("class", "number")], &id.to_string());
        if let Some(picture) = told.picture {
            html.picture("image/png", picture, &[("alt", ""), ("class", "thumb")]);
        } else if let Some(film) = &told.film {
            html.within("span", &[("class", "thumb")], |html| html.drawing(film::still(film)));
        }
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
    let (names, columns) = (names(sight), columns(sight, listed));
    let told: Vec<Told<'_>> = listed.iter().map(|elite| Told::of(sight, members, elite.id)).collect();
    let pictures = told.iter().any(|told| told.picture.is_some());
    let class = if pictures { "cards pictures" } else { "cards" };
    let mut room = BYTES_OF_PAGE;
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
                    } else if let Some(film) = &told.film {
                        html.within("span", &[("class", "walk")], |html| {
                            let seen = if place < PARTS_OF_PAGE { &mut room } else { &mut 0 };
                            walk(html, sight.shown.name, elite.id, film, seen);
                        });
                    } else if let Some(genome) = told.genome {
                        begins(html, sight, genome);
                    }
                });
            });
        }
    });
}

/// How a body moved, as a part of the page if there is room for it, else as a picture of which the page only knows the size.
fn walk(html: &mut Html, run: &str, candidate: u64, film: &Film, room: &mut usize) {
    let label = told_of(candidate);
    if *room > 0 {
        let drawn = film::card(film, &label);
        *room = room.saturating_sub(drawn.bytes());
        if *room > 0 {
            return html.drawing(drawn);
        }
    }
    let link = |walk: Walk| Address::Film(run.to_owned(), candidate, walk).link();
    let still = link(Walk::Still);
    let [width, height] = film::card_size(film).map(|side| side.round().to_string());
    let attributes = [
        ("src", &*still),
        ("alt", &*label),
        ("loading", "lazy"),
        ("decoding", "async"),
        ("width", &*width),
        ("height", &*height),
    ];
    if !film::moves(film) {
        return html.empty("img", &attributes);
    }
    let wanted = "screen and (prefers-reduced-motion: no-preference)";
    html.within("picture", &[], |html| {
        html.empty("source", &[("media", wanted), ("srcset", &link(Walk::Played))]);
        html.empty("img", &attributes);
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
