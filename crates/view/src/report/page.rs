//! The HTML file: its parts in their order.

use samara_search::commanding::one_line;

use super::{Run, compare, drawn, elites, overview, policy, settings, tables};
use crate::{dashboard::workers, html::Html, picture::OtherAxes, trace::Over};

const STYLE: &str = include_str!("style.css");

/// A run's part of the page.
pub(crate) struct Section<'a> {
    pub(crate) run: &'a Run,
    /// Which of the page's runs.
    pub(crate) number: usize,
    /// The heading of its parts, and of what is below these.
    pub(crate) heading: &'static str,
    pub(crate) below: &'static str,
}

impl Section<'_> {
    /// Where a candidate is told of.
    pub(crate) fn place(&self, candidate: u64) -> String {
        format!("run-{}-candidate-{candidate}", self.number)
    }
}

/// One file that needs nothing else: of a run, or of several beside each other.
///
/// # Errors
/// Axes that are not those of their archive.
pub fn page(runs: &[Run]) -> Result<String, OtherAxes> {
    let title = title(runs);
    let mut html = Html::new();
    let mut done = Ok(());
    html.within("main", &[], |html| {
        html.within("header", &[], |html| {
            html.element("h1", &[], &title);
            if let [run] = runs {
                overview::lead(html, run, false);
            }
        });
        done = match runs {
            [run] => {
                contents(html);
                parts(html, &Section { run, number: 1, heading: "h2", below: "h3" })
            }
            runs => several(html, runs),
        };
        html.within("footer", &[], |html| {
            html.text("Written by samara from what the run recorded; it asks no host for anything.");
        });
    });
    done.map(|()| html.page(&title, STYLE))
}

/// What the file is called.
pub(crate) fn title(runs: &[Run]) -> String {
    match runs {
        [run] => one_line(&run.view.header.experiment),
        runs => format!("{} runs compared", runs.len()),
    }
}

/// The parts of a run and what they are called.
const PARTS: [(&str, &str); 7] = [
    ("archive", "Archive"),
    ("curves", "Curves"),
    ("best", "Best of every cell"),
    ("lineage", "Lineage of the best"),
    ("failures", "Failures"),
    ("models", "Models and operators"),
    ("settings", "Settings and inputs"),
];

fn contents(html: &mut Html) {
    html.within("nav", &[("aria-label", "Parts")], |html| {
        for (name, title) in PARTS {
            html.element("a", &[("href", &format!("#run-1-{name}"))], title);
        }
    });
}

/// The runs beside each other, then each with all its parts, folded.
fn several(html: &mut Html, runs: &[Run]) -> Result<(), OtherAxes> {
    compare::compare(html, &runs.iter().collect::<Vec<_>>(), &|_| None);
    html.element("h2", &[], "Each run");
    let mut done = Ok(());
    for (position, run) in runs.iter().enumerate() {
        html.within("details", &[("class", "run")], |html| {
            let header = &run.view.header;
            let name =
                format!("{} · {} · seed {}", one_line(&run.name), one_line(&header.experiment), header.seed);
            html.element("summary", &[], &name);
            overview::lead(html, run, false);
            let section = Section { run, number: position + 1, heading: "h3", below: "h4" };
            let written = parts(html, &section);
            done = std::mem::replace(&mut done, Ok(())).and(written);
        });
    }
    done
}

fn parts(html: &mut Html, section: &Section<'_>) -> Result<(), OtherAxes> {
    let run = section.run;
    html.within("section", &[("class", "first")], |html| {
        overview::tiles(html, run);
        overview::searched(html, run);
    });
    let mut done = Ok(());
    for (name, title) in PARTS {
        html.within("section", &[("id", &format!("run-{}-{name}", section.number))], |html| {
            html.element(section.heading, &[], title);
            match name {
                "archive" => done = drawn::maps(html, section),
                "curves" => {
                    drawn::curves(html, run, Over::default(), usize::MAX);
                    if let Some(learnt) = &run.policy {
                        html.element(section.below, &[], "What the policy has learnt");
                        policy::one(html, learnt);
                    }
                }
                "best" => elites::best(html, section),
                "lineage" => elites::lineage(html, section),
                "failures" => tables::failures(html, section),
                "models" => asked(html, section),
                _ => settings::stored(html, section),
            }
        });
    }
    done
}

fn asked(html: &mut Html, section: &Section<'_>) {
    let calls = tables::calls(section.run);
    if calls.is_empty() {
        html.element("p", &[("class", "remark")], "No model was asked.");
    } else {
        tables::table(html, &tables::CALLS, &tables::CALL_NUMBERS, &calls);
    }
    let ways = tables::ways(section.run);
    if !ways.is_empty() {
        html.element(section.below, &[], "What each operator brought");
        tables::table(html, &tables::WAYS, &tables::WAY_NUMBERS, &ways);
    }
    let worked = workers::rows(&section.run.view.workers);
    if !worked.is_empty() {
        html.element(section.below, &[], "Workers");
        tables::table(html, &workers::HEADS, &workers::NUMBERS, &worked);
    }
}
