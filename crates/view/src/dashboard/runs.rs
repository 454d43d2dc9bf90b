//! The list of all runs.

use std::collections::BTreeMap;

use samara_search::commanding::one_line;

use super::{
    address::{Address, RunsAsked, Sort, encoded},
    page::{Page, form, heading},
};
use crate::{
    html::Html,
    numbers::{brief, grouped, percent},
    report::{
        Run, State,
        overview::{MEANT, duration, moment, pace},
        settings::cut,
    },
    trace::Over,
};

/// Runs of the list at most.
const MOST: usize = 1000;

/// A run in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// By what it is looked up.
    pub name: String,
    /// What is known of it.
    pub known: Known,
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It has been read.
    Read(Box<Figures>),
    /// It is still to be read.
    Unread,
    /// It can't be read: why.
    Broken(String),
}

/// A run in figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The experiment.
    pub experiment: String,
    /// The environment.
    pub environment: String,
    /// The seed.
    pub seed: u64,
    /// When it was begun, in RFC 3339.
    pub created: String,
    /// Whether it goes on.
    pub state: State,
    /// Settled candidates, and those that are to be made.
    pub candidates: [u64; 2],
    /// The best objective.
    pub best: Option<f64>,
    /// Filled cells, and all.
    pub cells: [usize; 2],
    /// The QD score.
    pub qd_score: f64,
    /// Money.
    pub cost: f64,
    /// Tokens.
    pub tokens: u64,
    /// Candidates per second, as somebody saw them come or as the record has it.
    pub rate: Option<f64>,
}

impl Figures {
    /// Of a run. `rate` is what was seen of one that goes on.
    pub fn of(run: &Run, rate: Option<f64>) -> Self {
        let (header, totals) = (&run.view.header, &run.view.totals);
        let stats = run.view.replay.population().overall().archive().stats();
        let recorded = crate::report::overview::wall_time(run).map(|time| time.as_secs_f64());
        let recorded = recorded.filter(|time| *time > 0.0).map(|time| totals.candidates as f64 / time);
        Self {
            experiment: header.experiment.clone(),
            environment: header.environment.clone(),
            seed: header.seed,
            created: header.created.clone(),
            state: run.state.clone(),
            candidates: [totals.candidates, super::run::Limits::of(&run.view).candidates],
            best: stats.best,
            cells: [stats.cells_filled, stats.cells_total],
            qd_score: stats.qd_score,
            cost: totals.cost,
            tokens: totals.tokens_in.saturating_add(totals.tokens_out),
            rate: if run.state == State::Running { rate } else { recorded },
        }
    }
}

impl Listed {
    fn figures(&self) -> Option<&Figures> {
        match &self.known {
            Known::Read(figures) => Some(figures),
            Known::Unread | Known::Broken(_) => None,
        }
    }

    /// Whether a text that somebody looks for is in its name, its experiment, its environment or its state.
    fn holds(&self, filter: &str) -> bool {
        let filter = filter.trim().to_lowercase();
        let texts = self.figures().map(|figures| {
            [&*figures.experiment, &*figures.environment, figures.state.told()].map(str::to_lowercase)
        });
        self.name.to_lowercase().contains(&filter)
            || texts.is_some_and(|texts| texts.iter().any(|text| text.contains(&filter)))
    }
}

/// The page of all runs.
pub fn page(runs: &[Listed], asked: &RunsAsked) -> Page {
    let mut page = Page::new("Runs").following(None);
    let chosen = chosen(runs, asked);
    page.part("head", |html| {
        heading(html, "Runs");
        let link = Address::Runs(RunsAsked::default()).link();
        let kept: &[(&str, String)] = &[("sort", asked.sort.name().to_owned())];
        form(html, ("find", &link), kept, |html| {
            html.within("label", &[], |html| {
                html.element("span", &[], "Filter");
                let attributes = [
                    ("id", "filter"),
                    ("type", "search"),
                    ("name", "filter"),
                    ("value", &*asked.filter),
                    ("placeholder", "name, experiment, environment or state"),
                    ("autocomplete", "off"),
                ];
                html.empty("input", &attributes);
            });
            html.element("button", &[], "Filter");
        });
    });
    page.alive("runs", |html| list(html, runs, &chosen, asked));
    page
}

/// Those that are asked for, in the order that is asked for.
fn chosen<'a>(runs: &'a [Listed], asked: &RunsAsked) -> Vec<&'a Listed> {
    let named = |run: &Listed| asked.only.is_empty() || asked.only.contains(&run.name);
    let mut chosen: Vec<&Listed> = runs.iter().filter(|run| named(run) && run.holds(&asked.filter)).collect();
    let key = |run: &Listed| -> (bool, f64, String) {
        let Some(figures) = run.figures() else { return (true, 0.0, String::new()) };
        let number = match asked.sort {
            Sort::Newest => f64::from(u8::from(figures.state != State::Running)),
            Sort::Name => 0.0,
            Sort::Candidates => -(figures.candidates[0] as f64),
            Sort::Best => -figures.best.unwrap_or(f64::NEG_INFINITY),
            Sort::Coverage => -(figures.cells[0] as f64 / figures.cells[1].max(1) as f64),
            Sort::QdScore => -figures.qd_score,
            Sort::Cost => -figures.cost,
        };
        (false, number, if asked.sort == Sort::Newest { figures.created.clone() } else { String::new() })
    };
    chosen.sort_by(|a, b| {
        let ((a_last, a_number, a_text), (b_last, b_number, b_text)) = (key(a), key(b));
        // The youngest first, whose moments are the larger texts.
        let order = a_last.cmp(&b_last).then(a_number.total_cmp(&b_number)).then(b_text.cmp(&a_text));
        order.then_with(|| a.name.cmp(&b.name))
    });
    chosen
}

/// The heads: what they say, by what they sort, and whether there are numbers below.
const HEADS: [(&str, Option<Sort>, &str); 9] = [
    ("Run", Some(Sort::Name), ""),
    ("State", None, ""),
    ("Candidates", Some(Sort::Candidates), "n"),
    ("Best", Some(Sort::Best), "n"),
    ("Coverage", Some(Sort::Coverage), "n"),
    ("QD score", Some(Sort::QdScore), "n"),
    ("Cost", Some(Sort::Cost), "n"),
    ("Rate", None, "n"),
    ("Begun", Some(Sort::Newest), "n"),
];

fn list(html: &mut Html, runs: &[Listed], chosen: &[&Listed], asked: &RunsAsked) {
    if chosen.is_empty() {
        let told = if runs.is_empty() {
            "There is no run yet: `samara run` makes one."
        } else {
            "No run matches the filter."
        };
        html.within("p", &[("class", "remark")], |html| html.prose(told));
        return;
    }
    let shown = &chosen[..chosen.len().min(MOST)];
    form(html, ("chosen", "/compare"), &[], |html| {
        html.within("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
            html.within("table", &[("class", "runs wide stack")], |html| {
                heads(html, asked);
                let texts = Columns::of(shown);
                html.within("tbody", &[], |html| {
                    shown.iter().enumerate().for_each(|(place, run)| row(html, run, place, &texts));
                });
            });
        });
        html.within("p", &[("class", "below")], |html| {
            html.element("button", &[], "Compare the chosen runs");
            let all = if shown.len() < runs.len() {
                format!("{} of {} runs", grouped(shown.len() as u64), grouped(runs.len() as u64))
            } else {
                format!("{} run{}", grouped(runs.len() as u64), if runs.len() == 1 { "" } else { "s" })
            };
            html.element("span", &[("class", "remark")], &all);
        });
    });
    folders(html, runs);
}

/// Folders that are named at most.
const MOST_FOLDERS: usize = 12;

/// Folders that hold several runs, each with how many: what `samara compare` leaves, and whatever somebody sorted so.
fn folders(html: &mut Html, runs: &[Listed]) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for run in runs {
        for (at, _) in run.name.match_indices('/') {
            *counts.entry(&run.name[..at]).or_default() += 1;
        }
    }
    let several: Vec<(&str, u64)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    if several.is_empty() {
        return;
    }
    html.within("p", &[("class", "onwards small folders")], |html| {
        html.element("span", &[("class", "remark")], "Compare all of");
        for (folder, count) in several.iter().take(MOST_FOLDERS) {
            let link = Address::Compare(Vec::new(), Some((*folder).to_owned())).link();
            html.element("a", &[("href", &link)], &format!("{} ({})", one_line(folder), grouped(*count)));
        }
    });
}

fn heads(html: &mut Html, asked: &RunsAsked) {
    html.within("thead", &[], |html| {
        html.within("tr", &[], |html| {
            html.within("th", &[("scope", "col")], |html| {
                html.element("span", &[("class", "unseen")], "Chosen");
            });
            for (name, sort, class) in HEADS {
                let sorted = if sort == Some(asked.sort) {
                    if asked.sort == Sort::Name { "ascending" } else { "descending" }
                } else {
                    "none"
                };
                let attributes = [("scope", "col"), ("class", class), ("aria-sort", sorted)];
                html.within("th", &attributes, |html| match sort {
                    Some(sort) => {
                        let link = RunsAsked { filter: asked.filter.clone(), sort, only: Vec::new() };
                        html.element("a", &[("href", &Address::Runs(link).link())], name);
                    }
                    None => html.text(name),
                });
            }
        });
    });
}

/// Numbers of columns, as they are written below each other.
struct Columns {
    best: Vec<String>,
    scores: Vec<String>,
    costs: Vec<String>,
}

impl Columns {
    fn of(runs: &[&Listed]) -> Self {
        // Runs of different experiments have nothing in common: each number by itself.
        let column = |value: &dyn Fn(&Figures) -> Option<f64>| -> Vec<String> {
            let value = |run: &&Listed| run.figures().and_then(value).filter(|value| value.is_finite());
            runs.iter().map(|run| value(run).map_or_else(|| "–".to_owned(), brief)).collect()
        };
        Self {
            best: column(&|figures| figures.best),
            scores: column(&|figures| Some(figures.qd_score)),
            costs: column(&|figures| Some(figures.cost).filter(|cost| *cost > 0.0)),
        }
    }
}

fn row(html: &mut Html, run: &Listed, place: usize, texts: &Columns) {
    let key = encoded(&run.name);
    html.within("tr", &[("id", &format!("row-{key}")), ("data-row", "")], |html| {
        let label = format!("Compare {}", one_line(&run.name));
        html.within("td", &[], |html| {
            if run.figures().is_some() {
                let attributes = [
                    ("type", "checkbox"),
                    ("name", "run"),
                    ("value", &*run.name),
                    ("aria-label", &*label),
                    ("id", &*format!("choose-{key}")),
                ];
                html.empty("input", &attributes);
            }
        });
        html.within("td", &[("class", "name")], |html| {
            html.element(
                "a",
                &[("href", &Address::Run(run.name.clone(), Over::default()).link())],
                &one_line(&run.name),
            );
            if let Some(figures) = run.figures() {
                let mut what = vec![cut(&figures.experiment, 60)];
                if figures.environment != figures.experiment {
                    what.push(cut(&figures.environment, 40));
                }
                what.push(format!("seed {}", figures.seed));
                let what = what.join(" · ");
                html.element("span", &[("class", "what")], &what);
            }
        });
        match &run.known {
            Known::Read(figures) => cells(html, figures, place, texts),
            Known::Unread => {
                html.element("td", &[("colspan", "8"), ("class", "remark")], "is being read");
            }
            Known::Broken(why) => {
                html.within("td", &[("colspan", "8")], |html| {
                    html.element("span", &[("class", "state killed")], "can't be read");
                    html.text(" ");
                    html.within("span", &[("class", "what")], |html| html.prose(&cut(why, 240)));
                });
            }
        }
    });
}

fn cells(html: &mut Html, figures: &Figures, place: usize, texts: &Columns) {
    // What a narrow page, which has no heads, writes above each number.
    let number_cell = |html: &mut Html, label: &'static str, text: &str| {
        html.element("td", &[("class", "n"), ("data-label", label)], text);
    };
    html.within("td", &[], |html| {
        let (class, told) = state(&figures.state);
        html.element("span", &[("class", class)], &told);
        // Why one stopped that was not meant to.
        if let State::Ended(reason) = &figures.state
            && !MEANT.contains(&&**reason)
        {
            let first = reason.lines().next().unwrap_or_default();
            html.element(
                "span",
                &[("class", "what why-stopped"), ("title", &cut(first, 300))],
                &cut(first, 60),
            );
        }
    });
    let [made, planned] = figures.candidates;
    html.within("td", &[("class", "n"), ("data-label", "Candidates")], |html| {
        html.text(&grouped(made));
        let of = if made < planned { format!("of {}", grouped(planned)) } else { String::new() };
        html.element("span", &[("class", "what")], &of);
    });
    number_cell(html, "Best", &texts.best[place]);
    html.within("td", &[("class", "n"), ("data-label", "Coverage")], |html| {
        let [filled, all] = figures.cells;
        html.text(&format!("{} %", percent(filled, all)));
        html.element(
            "span",
            &[("class", "what")],
            &format!("{} of {}", grouped(filled as u64), grouped(all as u64)),
        );
    });
    number_cell(html, "QD score", &texts.scores[place]);
    html.within("td", &[("class", "n"), ("data-label", "Cost")], |html| {
        html.text(&texts.costs[place]);
        let tokens =
            if figures.tokens > 0 { format!("{} tokens", grouped(figures.tokens)) } else { String::new() };
        html.element("span", &[("class", "what")], &tokens);
    });
    html.within("td", &[("class", "n"), ("data-label", "Rate")], |html| {
        html.text(&figures.rate.map_or_else(|| "–".to_owned(), rate));
        html.element("span", &[("class", "what")], &left(figures).unwrap_or_default());
    });
    begun(html, &figures.created);
}

fn begun(html: &mut Html, created: &str) {
    let told = moment(created);
    html.within("td", &[("class", "n"), ("data-label", "Begun")], |html| {
        let told = told.strip_suffix(" UTC").unwrap_or(&told);
        let (day, time) = told.split_once(' ').unwrap_or((told, ""));
        html.text(&cut(day, 20));
        html.element("span", &[("class", "what")], &cut(time, 20));
    });
}

/// A rate, by the second or the minute.
pub(super) fn rate(rate: f64) -> String {
    let (count, unit) = pace(rate);
    format!("{count}/{unit}")
}

/// How long a run that goes on takes until its end, at its rate.
fn left(figures: &Figures) -> Option<String> {
    let [made, planned] = figures.candidates;
    let rate = figures.rate.filter(|rate| *rate > 0.0 && figures.state == State::Running)?;
    let seconds = planned.saturating_sub(made) as f64 / rate;
    let time = std::time::Duration::try_from_secs_f64(seconds.round()).ok()?;
    (made < planned).then(|| format!("{} left", duration(time)))
}

/// A state as a mark's class and in a word.
pub(super) fn state(state: &State) -> (&'static str, String) {
    match state {
        State::Running => ("state running", "running".to_owned()),
        State::Killed => ("state killed", "killed".to_owned()),
        State::Ended(reason) if MEANT.contains(&&**reason) => ("state ended", reason.clone()),
        State::Ended(_) => ("state killed", "stopped".to_owned()),
    }
}
