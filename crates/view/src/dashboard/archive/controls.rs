//! What can be chosen of an archive: the time, the island, the axes, the colours, the list.

use samara_search::commanding::one_line;

use super::{AXES, Sight};
use crate::{
    dashboard::{
        Shown,
        address::{Address, ArchiveAsked, Colour, List},
        page::form,
    },
    html::Html,
    report::settings::{self, cut},
};

/// Islands that can be chosen.
const ISLANDS: usize = 256;

/// The form.
pub(super) fn controls(html: &mut Html, sight: &Sight<'_>) {
    let Shown { name, run, .. } = sight.shown;
    let action = Address::Archive(name.to_owned(), ArchiveAsked::default()).link();
    let axes = &run.view.axes;
    form(html, ("controls", &action), &[], |html| {
        time(html, sight);
        let islands = sight.population().islands().len();
        if islands > 1 {
            let mut options = vec![(String::new(), "all together".to_owned())];
            let conditions = settings::conditions(&run.view.header.config).map(|(names, _)| names);
            let name = |island: usize| conditions.as_ref()?.get(island).cloned();
            options.extend(
                (0..islands.min(ISLANDS))
                    .map(|island| (island.to_string(), name(island).unwrap_or_else(|| island.to_string()))),
            );
            let chosen = sight.island().map(|island| island.to_string()).unwrap_or_default();
            let label = if conditions.is_some() { "Condition" } else { "Island" };
            select(html, ("island", label), &options, &chosen);
        }
        if axes.len() > 2 {
            let names = axes.iter().enumerate().take(AXES);
            let options: Vec<(String, String)> =
                names.map(|(place, axis)| (place.to_string(), cut(&axis.name, 60))).collect();
            for ((name, label), axis) in [("x", "Across"), ("y", "Up")].into_iter().zip(sight.pair()) {
                select(html, (name, label), &options, &axis.to_string());
            }
        }
        select(html, ("colour", "Colour"), &colours(sight), &sight.asked.colour.name());
        let lists = List::ALL.map(|list| (list.name().to_owned(), list.name().to_owned()));
        select(html, ("list", "Elites as"), &lists, super::list::of(sight).name());
        if axes.len() > 2 {
            html.within("label", &[("class", "tick")], |html| {
                let checked: &[(&str, &str)] = if sight.asked.facets { &[("checked", "")] } else { &[] };
                let all = [("type", "checkbox"), ("name", "facets"), ("value", "1"), ("id", "facets-too")];
                html.empty("input", &[&all[..], checked].concat());
                html.element("span", &[], "Every pair of axes");
            });
        }
        html.element("button", &[], "Show");
    });
}

fn time(html: &mut Html, sight: &Sight<'_>) {
    let book = sight.shown.book;
    let all = book.len().to_string();
    let at = sight.asked.at.map_or_else(|| all.clone(), |at| at.min(book.len()).to_string());
    html.within("label", &[("class", "time")], |html| {
        html.element("span", &[], "After candidates");
        let range = [("id", "at"), ("type", "range"), ("name", "at"), ("min", "0"), ("max", &*all)];
        html.empty("input", &[&range[..], &[("value", &*at), ("data-now", "")]].concat());
        html.element("output", &[("for", "at"), ("id", "at-told")], &at);
    });
}

/// Colours that say something of this run: of one operator or one model nothing is to be seen.
fn colours(sight: &Sight<'_>) -> Vec<(String, String)> {
    let Shown { run, book, .. } = sight.shown;
    let ways = run.trace.ways();
    let several = |name: &dyn Fn(&(&str, &str)) -> String| {
        let mut names: Vec<String> =
            ways.iter().map(|(operator, model, _)| name(&(*operator, *model))).collect();
        names.sort();
        names.dedup();
        names.len() > 1
    };
    let told = |colour: &Colour| match colour {
        Colour::Operator => several(&|(operator, _)| (*operator).to_owned()),
        Colour::Model => several(&|(_, model)| (*model).to_owned()),
        Colour::Objective | Colour::Age | Colour::Metric(_) => true,
    };
    let always = Colour::ALWAYS.into_iter().filter(|colour| told(colour) || *colour == sight.asked.colour);
    let mut options: Vec<(String, String)> = always.map(|colour| (colour.name(), colour.name())).collect();
    let metrics = book.metric_names();
    options.extend(
        metrics.iter().map(|name| (Colour::Metric((*name).to_owned()).name(), one_line(&cut(name, 40)))),
    );
    options
}

/// A choice: its name in the address and its label; of each option the value and the text.
pub(in crate::dashboard) fn select(
    html: &mut Html,
    (name, label): (&'static str, &str),
    options: &[(String, String)],
    chosen: &str,
) {
    html.within("label", &[], |html| {
        html.element("span", &[], label);
        html.within("select", &[("name", name), ("id", name)], |html| {
            for (value, text) in options {
                let selected: &[(&str, &str)] = if value == chosen { &[("selected", "")] } else { &[] };
                html.element("option", &[&[("value", &**value)], selected].concat(), text);
            }
        });
    });
}
