//! An archive as a map whose cells lead to their elites, with these in the order of the axes: of all islands or one, after
//! any number of candidates, in the colours of objectives, metrics, ages, operators or models.

mod controls;
mod list;
mod paint;

use std::collections::BTreeMap;

use samara_qd::{Archive, Elite};
use samara_search::{Candidate, Island, Population, Replay};

use self::paint::Painted;
use super::{
    Shown,
    address::{Address, ArchiveAsked},
    page::{Page, Tab, heading},
};
use crate::{
    gallery::Gallery,
    html::Html,
    numbers::{brief, grouped, number, percent},
    picture::{self, Look, OtherAxes},
    projection::holders,
    report::{drawn::figure, settings},
    texts,
};

/// Elites of the list on one page.
const MOST: usize = 40;
/// Axes that can be chosen.
const AXES: usize = 64;
/// Axes whose pairs are all drawn, at most.
const FACETS: usize = 6;
/// Islands that are drawn side by side, at most.
const ISLANDS: usize = 24;

/// An archive at a time, and which of its elites are listed.
pub struct Sight<'a> {
    shown: Shown<'a>,
    asked: &'a ArchiveAsked,
    /// The archives as they were, if they are not those of now.
    then: Option<Replay>,
}

impl<'a> Sight<'a> {
    /// What is asked for.
    pub fn of(shown: Shown<'a>, asked: &'a ArchiveAsked) -> Self {
        let view = &shown.run.view;
        let at = asked.at.filter(|at| *at < shown.book.len());
        let then = at.and_then(|at| shown.book.replay_at(at, &view.settings, &view.tessellation));
        Self { shown, asked, then }
    }

    fn population(&self) -> &Population {
        self.then.as_ref().unwrap_or(&self.shown.run.view.replay).population()
    }

    /// The island that is asked for, if there are several and it is one of them.
    fn island(&self) -> Option<usize> {
        let islands = self.population().islands().len();
        let asked = self.asked.island.and_then(|island| usize::try_from(island).ok())?;
        Some(asked).filter(|island| islands > 1 && *island < islands)
    }

    fn found(&self) -> &Island {
        let population = self.population();
        self.island().map_or_else(|| population.overall(), |island| &population.islands()[island])
    }

    fn archive(&self) -> &Archive {
        self.found().archive()
    }

    /// Whether it is what the run holds now.
    fn is_now(&self) -> bool {
        self.then.is_none()
    }

    fn listed(&self) -> (Vec<Elite<'_>>, usize) {
        let all: Vec<Elite<'_>> = texts::in_order(self.archive());
        let count = all.len();
        let from = self.asked.from.min(count.saturating_sub(1)) / MOST * MOST;
        (all.into_iter().skip(from).take(MOST).collect(), count)
    }

    /// Candidates that the page tells of and the run doesn't hold: those that have left the archive.
    pub fn missing(&self) -> Vec<u64> {
        if self.is_now() {
            return Vec::new();
        }
        self.listed().0.iter().map(|elite| elite.id).collect()
    }

    /// The page, with the candidates that were missing.
    ///
    /// # Errors
    /// Axes that are not those of the archive.
    pub fn page(&self, members: &BTreeMap<u64, Candidate>) -> Result<Page, OtherAxes> {
        let Shown { name, run, .. } = self.shown;
        let painted = Painted::of(self.shown, self.archive(), &self.asked.colour);
        let drawing = self.drawing(&painted)?;
        let title = format!("Archive · {}", run.view.header.experiment);
        let mut page = Page::of_run(name, Tab::Archive, title);
        page.part("head", |html| heading(html, "Archive"));
        page.part("controls", |html| controls::controls(html, self));
        page.alive("archive", |html| {
            self.facts(html);
            html.within("div", &[("class", "beside")], |html| {
                html.within("div", &[("class", "map")], |html| {
                    painted.legend(html);
                    drawing(html);
                });
                html.within("div", &[("class", "list")], |html| list::list(html, self, &painted, members));
            });
        });
        let islands = self.islands(&painted)?;
        page.alive("islands", islands);
        let facets = self.facets(&painted)?;
        page.alive("facets", facets);
        Ok(page)
    }

    fn gallery(&self) -> Gallery<'_> {
        if self.is_now() { Gallery::of(self.found()) } else { Gallery::default() }
    }

    fn pair(&self) -> [usize; 2] {
        let axes = self.shown.run.view.axes.len();
        let chosen = self.asked.pair.filter(|pair| pair.iter().all(|axis| *axis < axes));
        chosen.unwrap_or(if axes > 1 { [0, 1] } else { [0, 0] })
    }

    fn link(&self, asked: ArchiveAsked) -> String {
        Address::Archive(self.shown.name.to_owned(), asked).link()
    }

    /// The map, which is drawn before the page is begun, since it may fail.
    fn drawing(&self, painted: &Painted) -> Result<impl FnOnce(&mut Html) + use<>, OtherAxes> {
        // From `/run/NAME/archive`: a name that may be long is not in every cell.
        let place = |candidate| Some(format!("candidate/{candidate}"));
        let gallery = self.gallery();
        let axes = &self.shown.run.view.axes;
        let shown = painted.with(|paint| {
            let look = Look { pair: self.pair(), paint, ends: painted.ends() };
            picture::of_pair(self.archive(), axes, look, &gallery, Some(&place))
        })?;
        let mut remarks: Vec<String> =
            [shown.remark.clone(), gallery.remark()].into_iter().flatten().collect();
        if axes.len() > 2 {
            remarks.push("the best over all other axes".to_owned());
        }
        Ok(move |html: &mut Html| {
            html.within("div", &[("class", "figures one large")], |html| {
                figure(html, &shown.title, &remarks.join("; "), shown.svg);
            });
        })
    }

    /// A map of every island, in the same colours.
    fn islands(&self, painted: &Painted) -> Result<impl FnOnce(&mut Html) + use<>, OtherAxes> {
        let gallery = Gallery::default();
        let mut drawn = Vec::new();
        let islands = self.population().islands();
        let several = if islands.len() > 1 { islands } else { &[] };
        for (place, island) in several.iter().enumerate().take(ISLANDS) {
            let archive = island.archive();
            let figure = painted.with(|paint| {
                let look = Look { pair: self.pair(), paint, ends: painted.ends() };
                picture::of_pair(archive, &self.shown.run.view.axes, look, &gallery, None)
            })?;
            let stats = archive.stats();
            let best = stats.best.map_or_else(|| "empty".to_owned(), |best| format!("best {}", number(best)));
            let beside = format!(
                "{best}, {} {}, QD score {}",
                grouped(stats.cells_filled as u64),
                holders(archive),
                brief(stats.qd_score)
            );
            let island = u32::try_from(place).ok();
            let asked = ArchiveAsked { island, from: 0, ..self.asked.clone() };
            let name = settings::island(&self.shown.run.view.header.config, place);
            drawn.push((name, beside, figure.svg, self.link(asked)));
        }
        Ok(move |html: &mut Html| {
            if drawn.is_empty() {
                return;
            }
            html.element("h2", &[], "Islands");
            html.within("div", &[("class", "figures small-maps")], |html| {
                for (title, beside, svg, link) in drawn {
                    html.within("div", &[], |html| {
                        figure(html, &title, &beside, svg);
                        let label = format!("Draw {title} large");
                        html.element(
                            "a",
                            &[("href", &link), ("class", "small"), ("aria-label", &label)],
                            "Draw it large",
                        );
                    });
                }
            });
        })
    }

    /// A map of every pair of axes, if that is asked for.
    fn facets(&self, painted: &Painted) -> Result<impl FnOnce(&mut Html) + use<>, OtherAxes> {
        let axes = &self.shown.run.view.axes;
        let gallery = Gallery::default();
        let wanted = self.asked.facets && axes.len() > 2;
        let shown = if wanted { axes.len().min(FACETS) } else { 0 };
        let mut drawn = Vec::new();
        for pair in (0..shown).flat_map(|y| (0..y).map(move |x| [x, y])) {
            let figure = painted.with(|paint| {
                let look = Look { pair, paint, ends: painted.ends() };
                picture::of_pair(self.archive(), axes, look, &gallery, None)
            })?;
            let link =
                self.link(ArchiveAsked { pair: Some(pair), from: 0, facets: false, ..self.asked.clone() });
            drawn.push((figure.title, figure.svg, link));
        }
        Ok(move |html: &mut Html| {
            if drawn.is_empty() {
                return;
            }
            html.element("h2", &[], "Every pair of axes");
            html.within("div", &[("class", "figures small-maps")], |html| {
                for (title, svg, link) in drawn {
                    html.within("div", &[], |html| {
                        figure(html, &title, "", svg);
                        let label = format!("Draw {title} large");
                        html.element(
                            "a",
                            &[("href", &link), ("class", "small"), ("aria-label", &label)],
                            "Draw it large",
                        );
                    });
                }
            });
        })
    }

    /// How full the archive is, and the ways to what it was and will be.
    fn facts(&self, html: &mut Html) {
        let stats = self.archive().stats();
        let (filled, total) = (stats.cells_filled, stats.cells_total);
        let all = grouped(self.shown.book.len());
        let when = match self.asked.at.filter(|_| !self.is_now()) {
            Some(at) => format!("After {} of {all} candidates", grouped(at)),
            None => format!("After {all} candidates"),
        };
        let config = &self.shown.run.view.header.config;
        let whose = self.island().map_or_else(String::new, |place| match settings::conditions(config) {
            Some(_) => format!(", {}", settings::island(config, place)),
            None => format!(", island {place}"),
        });
        let best = stats.best.map_or_else(String::new, |best| format!(", best {}", number(best)));
        let told = format!(
            "{when}{whose}: {} of {} {} filled ({} %), QD score {}{best}",
            grouped(filled as u64),
            grouped(total as u64),
            holders(self.archive()),
            percent(filled, total),
            brief(stats.qd_score)
        );
        html.within("p", &[("class", "below facts-line")], |html| {
            html.element("span", &[("class", "remark")], &told);
            if !self.is_now() {
                let link = self.link(ArchiveAsked { at: None, ..self.asked.clone() });
                html.element("a", &[("href", &link), ("class", "small")], "As it is now");
            }
            if self.island().is_some() {
                let link = self.link(ArchiveAsked { island: None, from: 0, ..self.asked.clone() });
                html.element("a", &[("href", &link), ("class", "small")], "All islands together");
            }
        });
    }
}
