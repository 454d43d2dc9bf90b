//! What the colours of a map stand for, and the legend that says it.

use std::collections::BTreeMap;

use samara_qd::Archive;
use samara_search::commanding::one_line;

use super::super::{Shown, address::Colour};
use crate::{
    chart,
    html::Html,
    numbers::{grouped, number},
    picture::{self, Paint, UNKNOWN},
    projection::elites,
    report::settings::cut,
};

/// Kinds that have a colour of their own: the most frequent ones.
const KINDS: usize = 6;

/// The colours of an archive's elites.
pub(super) struct Painted {
    /// What a number is called, and the lowest and the highest.
    name: String,
    ends: Option<(f64, f64)>,
    by: By,
}

enum By {
    Objective,
    /// The number of the candidate, which stands beside each elite anyway.
    Age,
    Number(BTreeMap<u64, f64>),
    /// The kind of each elite, and of the kinds their names and numbers of elites.
    Kind(BTreeMap<u64, usize>, Vec<(String, u64)>),
}

impl Painted {
    pub(super) fn of(shown: Shown<'_>, archive: &Archive, colour: &Colour) -> Self {
        let ids = || elites(archive).map(|elite| elite.id);
        let (name, by) = match colour {
            Colour::Objective => ("objective".to_owned(), By::Objective),
            Colour::Age => ("made as candidate".to_owned(), By::Age),
            Colour::Metric(metric) => {
                let known = |id| Some((id, shown.book.metric(id, metric)?));
                (one_line(&cut(metric, 40)), By::Number(ids().filter_map(known).collect()))
            }
            Colour::Operator | Colour::Model => {
                let kind = |id| {
                    let entry = shown.book.get(id)?;
                    let by = if *colour == Colour::Model {
                        crate::book::By::Model
                    } else {
                        crate::book::By::Operator
                    };
                    Some((id, by.of(&entry)))
                };
                (colour.name(), By::kinds(&ids().filter_map(kind).collect::<Vec<_>>()))
            }
        };
        let mut painted = Self { name, ends: None, by };
        painted.ends = painted.with(|paint| paint.ends(archive));
        painted
    }

    /// The numbers of the darkest and the lightest colour.
    pub(super) fn ends(&self) -> Option<(f64, f64)> {
        self.ends
    }

    /// Hands over what a drawing needs.
    pub(super) fn with<T>(&self, draw: impl FnOnce(Paint<'_>) -> T) -> T {
        match &self.by {
            By::Objective => draw(Paint::Objective),
            By::Age => draw(Paint::Number(&|id| Some(id as f64))),
            By::Number(numbers) => draw(Paint::Number(&|id| numbers.get(&id).copied())),
            By::Kind(kinds, _) => {
                draw(Paint::Kind(&|id| kinds.get(&id).map_or(UNKNOWN, |kind| colour_of(*kind))))
            }
        }
    }

    /// The colour of an elite.
    pub(super) fn colour(&self, id: u64, objective: f64) -> String {
        let number = match &self.by {
            By::Objective => Some(objective),
            By::Age => Some(id as f64),
            By::Number(numbers) => numbers.get(&id).copied(),
            By::Kind(kinds, _) => {
                return kinds.get(&id).map_or(UNKNOWN, |kind| colour_of(*kind)).to_owned();
            }
        };
        number.map_or_else(
            || UNKNOWN.to_owned(),
            |number| picture::shade(number, self.ends.unwrap_or((number, number))),
        )
    }

    /// What an elite has of what colours stand for, where that is told beside its objective.
    pub(super) fn told(&self, id: u64) -> Option<String> {
        match &self.by {
            By::Objective | By::Age => None,
            By::Number(numbers) => Some(numbers.get(&id).map_or_else(|| "–".to_owned(), |x| number(*x))),
            By::Kind(kinds, names) => Some(
                kinds
                    .get(&id)
                    .and_then(|kind| names.get(*kind))
                    .map_or_else(String::new, |(name, _)| cut(name, 24)),
            ),
        }
    }

    /// The head of the column of what is told; `None` where there is none.
    pub(super) fn head(&self) -> Option<&str> {
        match self.by {
            By::Objective | By::Age => None,
            By::Number(_) | By::Kind(..) => Some(&self.name),
        }
    }

    /// Whether what is told is a number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.by, By::Number(_))
    }

    pub(super) fn legend(&self, html: &mut Html) {
        let By::Kind(_, names) = &self.by else {
            html.within("div", &[("class", "legend")], |html| {
                if let Some(ends) = self.ends {
                    html.element("span", &[], &self.name);
                    html.drawing(picture::scale_of(&format!("The colours of {}", self.name), ends));
                }
            });
            return;
        };
        html.within("p", &[("class", "keys")], |html| {
            for (kind, (name, count)) in names.iter().enumerate().take(KINDS) {
                key(html, colour_of(kind), &cut(name, 40), *count);
            }
            let others: u64 = names.iter().skip(KINDS).map(|(_, count)| count).sum();
            if others > 0 {
                key(html, UNKNOWN, "all others", others);
            }
        });
    }
}

fn key(html: &mut Html, colour: &'static str, name: &str, count: u64) {
    html.within("span", &[("class", "key")], |html| {
        html.swatch("swatch", colour);
        html.text(&format!("{name} "));
        html.element("b", &[], &grouped(count));
    });
}

fn colour_of(kind: usize) -> &'static str {
    if kind < KINDS { chart::look(kind).0 } else { UNKNOWN }
}

impl By {
    /// Kinds by their names, the most frequent first.
    fn kinds(named: &[(u64, String)]) -> Self {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, name) in named {
            *counts.entry(name).or_default() += 1;
        }
        let mut names: Vec<(String, u64)> =
            counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let places: BTreeMap<&str, usize> =
            names.iter().enumerate().map(|(place, (name, _))| (&**name, place)).collect();
        let kinds = named.iter().filter_map(|(id, name)| Some((*id, *places.get(&**name)?))).collect();
        Self::Kind(kinds, names)
    }
}
