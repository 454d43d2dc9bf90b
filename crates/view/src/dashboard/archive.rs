//! An archive as a map whose cells lead to their elites, with these in the order of the axes, after any number of
//! candidates.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use samara_qd::{Archive, Elite};
use samara_search::{Genome, commanding::one_line};

use super::{
    Shown,
    address::{Address, ArchiveAsked},
    page::{Page, Tab, form, heading},
};
use crate::{
    gallery::{self, Gallery},
    html::Html,
    numbers::{aligned, grouped, number, percent, share},
    picture::{self, OtherAxes},
    projection::{holders, objectives, viridis},
    report::{drawn::figure, settings::cut},
    texts,
};

/// Elites of the list on one page.
const MOST: usize = 100;
/// Axes that can be chosen.
const AXES: usize = 64;
/// Axes whose pairs are all drawn, at most.
const FACETS: usize = 6;

/// An archive at a time, and which of its elites are listed.
pub struct Sight<'a> {
    shown: Shown<'a>,
    asked: &'a ArchiveAsked,
    archive: Cow<'a, Archive>,
    /// Whether it is what the run holds now.
    now: bool,
}

impl<'a> Sight<'a> {
    /// What is asked for.
    pub fn of(shown: Shown<'a>, asked: &'a ArchiveAsked) -> Self {
        let found = shown.run.view.replay.population().overall().archive();
        let at = asked.at.filter(|at| *at < shown.book.len());
        let then = at.and_then(|at| shown.book.archive_at(at, found.tessellation(), *found.rules()));
        let now = then.is_none();
        Self { shown, asked, archive: then.map_or(Cow::Borrowed(found), Cow::Owned), now }
    }

    fn listed(&self) -> (Vec<Elite<'_>>, usize) {
        let all: Vec<Elite<'_>> = texts::in_order(&self.archive);
        let count = all.len();
        let from = self.asked.from.min(count.saturating_sub(1)) / MOST * MOST;
        (all.into_iter().skip(from).take(MOST).collect(), count)
    }

    /// Candidates whose genomes the page needs and the run doesn't hold: those that have left the archive.
    pub fn missing(&self) -> Vec<u64> {
        if self.now {
            return Vec::new();
        }
        self.listed().0.iter().map(|elite| elite.id).collect()
    }

    /// The page, with the genomes that were missing.
    ///
    /// # Errors
    /// Axes that are not those of the archive.
    pub fn page(&self, genomes: &BTreeMap<u64, Arc<Genome>>) -> Result<Page, OtherAxes> {
        let Shown { name, run, .. } = self.shown;
        let drawing = self.drawing()?;
        let title = format!("Archive · {}", run.view.header.experiment);
        let mut page = Page::of_run(name, Tab::Archive, title);
        page.part("head", |html| heading(html, "Archive"));
        page.part("controls", |html| self.controls(html));
        page.alive("archive", |html| {
            html.within("div", &[("class", "beside")], |html| {
                html.within("div", &[("class", "map")], |html| {
                    self.facts(html);
                    drawing(html);
                });
                html.within("div", &[("class", "list")], |html| self.list(html, genomes));
            });
        });
        if self.asked.facets && run.view.axes.len() > 2 {
            let facets = self.facets()?;
            page.alive("facets", |html| {
                html.element("h2", &[], "Every pair of axes");
                facets(html);
            });
        }
        Ok(page)
    }

    fn gallery(&self) -> Gallery<'_> {
        if self.now {
            Gallery::of(self.shown.run.view.replay.population().overall())
        } else {
            Gallery::default()
        }
    }

    fn pair(&self) -> [usize; 2] {
        let axes = self.shown.run.view.axes.len();
        let chosen = self.asked.pair.filter(|pair| pair.iter().all(|axis| *axis < axes));
        chosen.unwrap_or(if axes > 1 { [0, 1] } else { [0, 0] })
    }

    /// The map, which is drawn before the page is begun, since it may fail.
    fn drawing(&self) -> Result<impl FnOnce(&mut Html), OtherAxes> {
        let name = self.shown.name;
        let place = move |candidate| Some(Address::Candidate(name.to_owned(), candidate, None).link());
        let gallery = self.gallery();
        let shown =
            picture::of_pair(&self.archive, &self.shown.run.view.axes, self.pair(), &gallery, &place)?;
        let bar = picture::colour_bar(&self.archive);
        let remarks: Vec<String> = [shown.remark.clone(), gallery.remark()].into_iter().flatten().collect();
        Ok(move |html: &mut Html| {
            html.within("div", &[("class", "legend")], |html| {
                if let Some(bar) = bar {
                    html.element("span", &[], "objective");
                    html.drawing(bar);
                }
            });
            html.within("div", &[("class", "figures one large")], |html| {
                figure(html, &shown.title, &remarks.join("; "), shown.svg);
            });
        })
    }

    fn facets(&self) -> Result<impl FnOnce(&mut Html), OtherAxes> {
        let nowhere = |_| None;
        let axes = &self.shown.run.view.axes;
        let gallery = Gallery::default();
        let shown = axes.len().min(FACETS);
        let pairs = (0..shown).flat_map(|y| (0..y).map(move |x| [x, y]));
        let drawings: Vec<([usize; 2], picture::Figure)> = pairs
            .map(|pair| Ok((pair, picture::of_pair(&self.archive, axes, pair, &gallery, &nowhere)?)))
            .collect::<Result<_, _>>()?;
        let name = self.shown.name;
        let asked = self.asked.clone();
        Ok(move |html: &mut Html| {
            html.within("div", &[("class", "figures")], |html| {
                for (pair, drawing) in drawings {
                    let link = ArchiveAsked { pair: Some(pair), from: 0, ..asked.clone() };
                    html.within("div", &[], |html| {
                        figure(html, &drawing.title, "", drawing.svg);
                        let link = Address::Archive(name.to_owned(), link).link();
                        html.element("a", &[("href", &link), ("class", "small")], "Draw it large");
                    });
                }
            });
        })
    }

    /// How full the archive is.
    fn facts(&self, html: &mut Html) {
        let stats = self.archive.stats();
        let (filled, total) = (stats.cells_filled, stats.cells_total);
        let when = match self.asked.at.filter(|_| !self.now) {
            Some(at) => format!("After {} of {} candidates: ", grouped(at), grouped(self.shown.book.len())),
            None => format!("After {} candidates: ", grouped(self.shown.book.len())),
        };
        let best = stats.best.map_or_else(String::new, |best| format!(", best {}", number(best)));
        let told = format!(
            "{when}{} of {} {} filled ({} %), QD score {}{best}",
            grouped(filled as u64),
            grouped(total as u64),
            holders(&self.archive),
            percent(filled, total),
            number(stats.qd_score)
        );
        html.element("p", &[("class", "remark")], &told);
    }

    /// The time and the axes.
    fn controls(&self, html: &mut Html) {
        let Shown { name, run, book } = self.shown;
        let action = Address::Archive(name.to_owned(), ArchiveAsked::default()).link();
        let all = book.len().to_string();
        let at = self.asked.at.map_or_else(|| all.clone(), |at| at.min(book.len()).to_string());
        let axes = &run.view.axes;
        let facets: &[(&str, String)] =
            &if self.asked.facets { vec![("facets", "1".to_owned())] } else { Vec::new() };
        form(html, ("controls", &action), facets, |html| {
            html.within("label", &[("class", "time")], |html| {
                html.element("span", &[], "After candidates");
                let range = [("id", "at"), ("type", "range"), ("name", "at"), ("min", "0"), ("max", &*all)];
                html.empty("input", &[&range[..], &[("value", &*at), ("data-now", "")]].concat());
                html.element("output", &[("for", "at"), ("id", "at-told")], &at);
            });
            if axes.len() > 2 {
                let pair = self.pair();
                for (place, axis_name, label) in [(0, "x", "Across"), (1, "y", "Up")] {
                    html.within("label", &[], |html| {
                        html.element("span", &[], label);
                        html.within("select", &[("name", axis_name), ("id", axis_name)], |html| {
                            for (number, axis) in axes.iter().enumerate().take(AXES) {
                                let value = number.to_string();
                                let chosen: &[(&str, &str)] =
                                    if pair[place] == number { &[("selected", "")] } else { &[] };
                                let attributes = [&[("value", &*value)], chosen].concat();
                                html.element("option", &attributes, &cut(&axis.name, 60));
                            }
                        });
                    });
                }
            }
            html.element("button", &[], "Show");
        });
        if self.now && axes.len() <= 2 {
            return;
        }
        html.within("p", &[("class", "small onwards")], |html| {
            if axes.len() > 2 {
                let link = ArchiveAsked { facets: !self.asked.facets, ..self.asked.clone() };
                let told = if self.asked.facets { "One pair of axes" } else { "Every pair of axes" };
                html.element("a", &[("href", &Address::Archive(name.to_owned(), link).link())], told);
            }
            if !self.now {
                let link = ArchiveAsked { at: None, ..self.asked.clone() };
                html.element(
                    "a",
                    &[("href", &Address::Archive(name.to_owned(), link).link())],
                    "As it is now",
                );
            }
        });
    }

    /// The elites in the order of the axes.
    fn list(&self, html: &mut Html, genomes: &BTreeMap<u64, Arc<Genome>>) {
        let (listed, count) = self.listed();
        if listed.is_empty() {
            html.element("p", &[("class", "remark")], "No cell is filled.");
            return;
        }
        let run = self.shown.run;
        let (lo, hi) = objectives(&self.archive).unwrap_or_default();
        let written = aligned(&listed.iter().map(|elite| elite.objective).collect::<Vec<_>>());
        let axes = &run.view.axes;
        let shown_axes = axes.len().min(4);
        let columns: Vec<Vec<String>> = (0..shown_axes)
            .map(|place| {
                let values: Vec<f64> = listed.iter().map(|elite| elite.measures[place]).collect();
                let numbers = aligned(&values).into_iter();
                let told = values.iter().zip(numbers);
                told.map(|(value, number)| axes[place].category(*value).map_or(number, |name| cut(name, 24)))
                    .collect()
            })
            .collect();
        html.within("div", &[("class", "scroll")], |html| {
            html.within("table", &[("class", "elites-table")], |html| {
                html.within("thead", &[], |html| {
                    html.within("tr", &[], |html| {
                        html.element("th", &[("scope", "col"), ("class", "n")], "objective");
                        for axis in axes.iter().take(shown_axes) {
                            html.element("th", &[("scope", "col"), ("class", "n")], &cut(&axis.name, 24));
                        }
                        html.element("th", &[("scope", "col")], "elite");
                    });
                });
                html.within("tbody", &[], |html| {
                    for (place, elite) in listed.iter().enumerate() {
                        let (red, green, blue) = viridis(share(elite.objective, lo, hi));
                        html.within("tr", &[("data-row", "")], |html| {
                            html.within("td", &[("class", "n")], |html| {
                                html.swatch("chip", &format!("#{red:02x}{green:02x}{blue:02x}"));
                                html.text(&written[place]);
                            });
                            for column in &columns {
                                html.element("td", &[("class", "n")], &column[place]);
                            }
                            html.within("td", &[("class", "elite")], |html| {
                                self.elite(html, elite, genomes);
                            });
                        });
                    }
                });
            });
        });
        self.pages(html, count);
    }

    fn elite(&self, html: &mut Html, elite: &Elite<'_>, genomes: &BTreeMap<u64, Arc<Genome>>) {
        let found = self.shown.run.view.replay.population().overall();
        let link = Address::Candidate(self.shown.name.to_owned(), elite.id, None).link();
        let genome = if self.now { Some(found.genome(elite.id)) } else { genomes.get(&elite.id) };
        html.within("a", &[("href", &link)], |html| {
            if let Some(picture) =
                Some(elite.id).filter(|_| self.now).and_then(|id| gallery::picture(found, id))
            {
                html.picture("image/png", picture, &[("alt", ""), ("class", "thumb")]);
            }
            html.element("span", &[("class", "number")], &format!("{}", elite.id));
            let begins = genome.map(|genome| cut(&genome.text(), 120)).unwrap_or_default();
            html.element("span", &[("class", "begins"), ("dir", "auto")], &one_line(&begins));
        });
    }

    fn pages(&self, html: &mut Html, count: usize) {
        if count <= MOST {
            return;
        }
        let from = self.asked.from.min(count - 1) / MOST * MOST;
        let to = |from: usize| {
            Address::Archive(self.shown.name.to_owned(), ArchiveAsked { from, ..self.asked.clone() }).link()
        };
        html.within("p", &[("class", "onwards small")], |html| {
            let last = (from + MOST).min(count);
            let told =
                format!("{} to {} of {} elites", from + 1, grouped(last as u64), grouped(count as u64));
            html.element("span", &[], &told);
            if from > 0 {
                html.element("a", &[("href", &to(from - MOST)), ("rel", "prev")], "Before");
            }
            if last < count {
                html.element("a", &[("href", &to(last)), ("rel", "next")], "Next");
            }
        });
    }
}
