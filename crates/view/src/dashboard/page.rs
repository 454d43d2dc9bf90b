//! What all pages have: the way back, the parts of a run, the keys.

use samara_search::commanding::one_line;

use super::{SCRIPT_AT, SHEET_AT, address::Address};
use crate::{book::By, html::Html, trace::Over};

/// A page as its parts.
pub struct Page {
    title: String,
    /// The run that it is of.
    run: Option<String>,
    /// Which of the run's parts it is.
    tab: Option<Tab>,
    /// The runs whose growth changes it; `None` for all.
    follows: Option<Vec<String>>,
    parts: Vec<Part>,
    /// Whether it has forms that ask something of its run.
    asks: bool,
}

struct Part {
    name: &'static str,
    alive: bool,
    html: Html,
}

/// The parts of a run that every page of it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Archive,
    Lineage,
    Operators,
    Candidate,
}

impl Page {
    /// A page that nothing follows.
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            run: None,
            tab: None,
            follows: Some(Vec::new()),
            parts: Vec::new(),
            asks: false,
        }
    }

    /// A page of a run.
    pub(super) fn of_run(name: &str, tab: Tab, title: impl Into<String>) -> Self {
        Self {
            run: Some(name.to_owned()),
            tab: Some(tab),
            follows: Some(vec![name.to_owned()]),
            ..Self::new(title)
        }
    }

    /// The runs whose growth changes the page; `None` for all of them.
    pub(super) fn following(mut self, runs: Option<Vec<String>>) -> Self {
        self.follows = runs;
        self
    }

    /// A part that stays as it is.
    pub(super) fn part(&mut self, name: &'static str, fill: impl FnOnce(&mut Html)) {
        self.push(name, false, fill);
    }

    /// A part that changes while its run goes on.
    pub(super) fn alive(&mut self, name: &'static str, fill: impl FnOnce(&mut Html)) {
        self.push(name, true, fill);
    }

    /// A part that changes, behind the one of the name `before`.
    pub(super) fn alive_after(&mut self, before: &str, name: &'static str, fill: impl FnOnce(&mut Html)) {
        self.alive(name, fill);
        self.move_last_behind(before);
    }

    /// A part that asks something of the run, behind the one of the name `before`. It stays as it is: nothing that is
    /// being written is taken away.
    pub(super) fn asks_after(&mut self, before: &str, name: &'static str, fill: impl FnOnce(&mut Html)) {
        self.asks = true;
        self.part(name, fill);
        self.move_last_behind(before);
    }

    fn move_last_behind(&mut self, before: &str) {
        let place = self.parts.iter().position(|part| part.name == before);
        if let (Some(place), Some(last)) = (place, self.parts.pop()) {
            self.parts.insert(place + 1, last);
        }
    }

    fn push(&mut self, name: &'static str, alive: bool, fill: impl FnOnce(&mut Html)) {
        let mut html = Html::new();
        fill(&mut html);
        self.parts.push(Part { name, alive, html });
    }

    /// The whole page.
    pub fn whole(self) -> String {
        let title = if self.run.is_some() || self.tab.is_some() || self.title != "Runs" {
            format!("{} · samara", self.title)
        } else {
            "samara".to_owned()
        };
        let mut html = Html::new();
        html.element("a", &[("class", "skip"), ("href", "#main")], "To the content");
        self.top(&mut html);
        let follows = match &self.follows {
            None => "*".to_owned(),
            Some(runs) => runs.iter().map(|run| super::address::encoded(run)).collect::<Vec<_>>().join(" "),
        };
        html.within("main", &[("id", "main"), ("data-follows", &follows)], |html| {
            self.parts.iter().for_each(|part| part.write(html));
        });
        keys(&mut html, self.asks);
        // A form of a page that tells nobody where it is would be sent as if it came from nowhere.
        html.linked_page(&title, SHEET_AT, SCRIPT_AT, if self.asks { "same-origin" } else { "no-referrer" })
    }

    /// The parts that are alive.
    pub fn fragment(self) -> String {
        let mut html = Html::new();
        self.parts.iter().filter(|part| part.alive).for_each(|part| part.write(&mut html));
        html.into_text()
    }

    fn top(&self, html: &mut Html) {
        html.within("header", &[("class", "top")], |html| {
            html.within("nav", &[("aria-label", "Pages"), ("class", "way")], |html| {
                html.element("a", &[("class", "brand"), ("href", "/")], "samara");
                if let Some(run) = &self.run {
                    let link = Address::Run(run.clone(), Over::default()).link();
                    html.element("a", &[("class", "run-name"), ("href", &link)], &one_line(run));
                }
                html.element("span", &[("id", "pulse"), ("class", "pulse"), ("role", "status")], "");
            });
            if let Some(run) = &self.run {
                html.within("nav", &[("aria-label", "Parts of the run"), ("class", "tabs")], |html| {
                    for (tab, name, address) in [
                        (Tab::Overview, "Overview", Address::Run(run.clone(), Over::default())),
                        (Tab::Archive, "Archive", Address::Archive(run.clone(), Default::default())),
                        (Tab::Lineage, "Lineage", Address::Lineage(run.clone(), None)),
                        (Tab::Operators, "Operators", Address::Operators(run.clone(), By::default())),
                    ] {
                        let link = address.link();
                        let here: &[(&str, &str)] =
                            if self.tab == Some(tab) { &[("aria-current", "page")] } else { &[] };
                        html.element("a", &[&[("href", &*link)], here].concat(), name);
                    }
                });
            }
        });
    }
}

impl Part {
    fn write(&self, html: &mut Html) {
        let alive: &[(&str, &str)] = if self.alive { &[("data-alive", "")] } else { &[] };
        html.within("section", &[&[("id", self.name)], alive].concat(), |html| html.append(&self.html));
    }
}

/// The keys of the script, at the end of every page.
fn keys(html: &mut Html, asks: bool) {
    html.within("footer", &[], |html| {
        html.within("details", &[("id", "keys")], |html| {
            html.element("summary", &[], "Keys");
            html.within("dl", &[("class", "keyboard")], |html| {
                for (key, what) in [
                    ("j, k", "the next row, the one before"),
                    ("Enter", "open it"),
                    ("/", "filter"),
                    ("?", "these keys"),
                ] {
                    html.within("div", &[], |html| {
                        html.element("dt", &[], key);
                        html.element("dd", &[], what);
                    });
                }
            });
        });
        let told = if asks {
            "Read from the runs' journals; a run itself writes down what is asked of it. No other host is asked."
        } else {
            "Read from the runs' journals; nothing here writes to them or asks another host."
        };
        html.element("p", &[], told);
    });
}

/// What a page is called, above its parts.
pub(super) fn heading(html: &mut Html, title: &str) {
    html.element("h1", &[], &one_line(title));
}

/// A form that asks for a page, with a button for whoever has no script. What is asked stays as it is but for what `fill`
/// has fields for: `kept` are the rest.
pub(super) fn form(
    html: &mut Html,
    (class, action): (&'static str, &str),
    kept: &[(&'static str, String)],
    fill: impl FnOnce(&mut Html),
) {
    html.within("form", &[("class", class), ("method", "get"), ("action", action)], |html| {
        for (name, value) in kept {
            html.empty("input", &[("type", "hidden"), ("name", name), ("value", value)]);
        }
        fill(html);
    });
}
