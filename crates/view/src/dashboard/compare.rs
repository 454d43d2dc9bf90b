//! Several runs beside each other.

use samara_search::commanding::one_line;

use super::{
    Shown,
    address::Address,
    page::{Page, heading},
    policy,
};
use crate::{
    numbers::grouped,
    report::{Run, compare},
    trace::Over,
};

/// Runs that can't be shown and are named, at most.
const MOST_NAMED: usize = 24;

/// What is to be compared.
pub struct Asked<'a> {
    /// The runs.
    pub runs: &'a [Shown<'a>],
    /// The folder that they are in, if that was asked for.
    pub folder: Option<&'a str>,
    /// Those that were asked for and can't be shown.
    pub missing: &'a [String],
    /// How many more there are than are compared at once.
    pub left_out: usize,
}

/// The page of these runs; what was asked for and is not there is named.
pub fn page(asked: &Asked<'_>) -> Page {
    let runs = asked.runs;
    let title =
        asked.folder.map_or_else(|| "Compare".to_owned(), |folder| format!("Compare {}", one_line(folder)));
    let mut page = Page::new(&*title).following(Some(runs.iter().map(|run| run.name.to_owned()).collect()));
    page.part("head", |html| {
        heading(html, &title);
        for name in asked.missing.iter().take(MOST_NAMED) {
            html.element("p", &[("class", "remark")], &format!("{} can't be shown.", one_line(name)));
        }
        if asked.left_out > 0 {
            let told = format!(
                "The first {} runs are compared; {} more would be too much for one page.",
                grouped(runs.len() as u64),
                grouped(asked.left_out as u64)
            );
            html.element("p", &[("class", "remark")], &told);
        }
        if runs.is_empty() {
            html.element("p", &[], "Choose runs in the list of all runs, then compare them.");
        }
        html.within("p", &[("class", "onwards small")], |html| {
            html.element("a", &[("href", "/")], "Choose other runs");
        });
    });
    if !runs.is_empty() {
        let all: Vec<&Run> = runs.iter().map(|run| run.run).collect();
        let link =
            |place: usize| Some(Address::Run(runs.get(place)?.name.to_owned(), Over::default()).link());
        page.alive("compared", |html| compare::compare(html, &all, &link));
        policy::compared(&mut page, runs, &compare::groups(&all));
    }
    page
}
