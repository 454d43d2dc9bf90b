//! Several runs beside each other.

use samara_search::commanding::one_line;

use super::{
    Shown,
    address::Address,
    page::{Page, heading},
};
use crate::report::{Run, compare};

/// The page of these runs; what was asked for and is not there is named.
pub fn page(runs: &[Shown<'_>], missing: &[String]) -> Page {
    let mut page = Page::new("Compare").following(Some(runs.iter().map(|run| run.name.to_owned()).collect()));
    page.part("head", |html| {
        heading(html, "Compare");
        for name in missing {
            html.element("p", &[("class", "remark")], &format!("{} can't be shown.", one_line(name)));
        }
        if runs.is_empty() {
            html.element("p", &[], "Choose runs in the list of all runs, then compare them.");
        }
        html.within("p", &[("class", "onwards")], |html| {
            html.element("a", &[("href", "/")], "Choose runs");
            for run in runs {
                let link = Address::Run(run.name.to_owned()).link();
                html.element("a", &[("href", &link)], &one_line(run.name));
            }
        });
    });
    if !runs.is_empty() {
        let all: Vec<&Run> = runs.iter().map(|run| run.run).collect();
        page.alive("compared", |html| compare::compare(html, &all));
    }
    page
}
