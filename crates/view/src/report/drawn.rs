//! The curves and maps of a report.

use std::collections::BTreeSet;

use super::{Run, overview::FATES, page::Section, settings};
use crate::{
    chart::{self, About, Across, Curve},
    gallery::Gallery,
    html::Html,
    numbers::{fixed, grouped, number},
    picture::{self, OtherAxes},
    projection::objectives,
    svg::Svg,
    trace::{Over, Point},
};

/// A curve of a run: its title, its value at a point, and how it is shown.
pub(crate) struct Measure {
    pub(crate) title: &'static str,
    pub(crate) value: fn(&Point) -> Option<f64>,
    pub(crate) percent: bool,
    pub(crate) from_zero: bool,
}

/// The curves that every run has.
pub(crate) const MEASURES: [Measure; 4] = [
    Measure { title: "QD score", value: |point| Some(point.qd_score), percent: false, from_zero: false },
    Measure { title: "Coverage", value: |point| Some(point.coverage), percent: true, from_zero: true },
    Measure { title: "Best objective", value: |point| point.best, percent: false, from_zero: false },
    Measure { title: "Mean over cells", value: |point| point.mean, percent: false, from_zero: false },
];

impl Measure {
    /// A value as it stands beside the curve.
    pub(crate) fn told(&self, value: f64) -> String {
        if self.percent {
            let [percent] = fixed([value * 100.0], 1);
            return format!("{percent} %");
        }
        number(value)
    }
}

/// At even distances so many points at most, with the last one.
fn thinned(points: Vec<Point>, most: usize) -> Vec<Point> {
    let (most, length) = (most.max(2), points.len());
    if length <= most {
        return points;
    }
    (0..most).map(|i| points[i * (length - 1) / (most - 1)]).collect()
}

/// What the curves of a run go over up to its last point, and what its values are divided by: time is told in seconds,
/// minutes or hours.
fn across(over: Over, last: Option<&Point>) -> (Across, f64) {
    let last = last.map_or(0.0, |point| over.of(point));
    let (unit, divisor) = match over {
        Over::Time if last >= 3.0 * 3600.0 => ("hours of all candidates", 3600.0),
        Over::Time if last >= 180.0 => ("minutes of all candidates", 60.0),
        Over::Time => ("seconds of all candidates", 1.0),
        over => (over.name(), 1.0),
    };
    let whole = !matches!(over, Over::Time | Over::Money);
    (Across { last: last / divisor, unit, whole }, divisor)
}

/// The curves of a run over something, of so many points at most.
pub(crate) fn curves(html: &mut Html, run: &Run, over: Over, most: usize) {
    let points = thinned(run.trace.points(), most);
    if points.is_empty() {
        html.element("p", &[("class", "remark")], "No candidate has settled.");
        return;
    }
    let (across, divisor) = across(over, points.last());
    let at = |point: &Point| over.of(point) / divisor;
    html.within("div", &[("class", "figures")], |html| {
        for measure in &MEASURES {
            let values = points.iter().filter_map(|point| Some((at(point), (measure.value)(point)?)));
            let curve = Curve { points: values.collect(), ..Curve::default() };
            let last = curve.points.last().map(|(_, y)| measure.told(*y));
            let label = format!(
                "{} over {}, {} at the end",
                measure.title,
                over.name(),
                last.as_deref().unwrap_or("without a value")
            );
            let Measure { percent, from_zero, .. } = *measure;
            let about = About { label: &label, percent, from_zero, across };
            let svg = chart::curves(about, &[curve]);
            figure(html, measure.title, &last.unwrap_or_default(), svg);
        }
        let xs: Vec<f64> = points.iter().map(at).collect();
        // From the bottom: what entered, then what did not.
        let parts: Vec<(&'static str, Vec<f64>)> = FATES
            .iter()
            .map(|(_, colour, count)| {
                (*colour, points.iter().map(|point| count(&point.fates) as f64).collect())
            })
            .collect();
        let svg = chart::stacked("What became of candidates, counted from the first", across, &xs, &parts);
        figure(html, "Fates", "in the colours of the bar above", svg);
        if points.last().is_some_and(|last| last.spent.tokens > 0) {
            let tokens: fn(&Point) -> f64 = |point| point.spent.tokens as f64;
            let money: fn(&Point) -> f64 = |point| point.spent.money;
            let paid = points.last().is_some_and(|last| last.spent.money > 0.0);
            for (title, value) in
                [("Tokens", tokens), ("Cost", money)].into_iter().take(1 + usize::from(paid))
            {
                let curve = points.iter().map(|point| (at(point), value(point)));
                let last = points.last().map_or(0.0, value);
                let about = About { label: title, percent: false, from_zero: true, across };
                let svg = chart::curves(about, &[Curve { points: curve.collect(), ..Curve::default() }]);
                let told = if title == "Tokens" { grouped(last as u64) } else { number(last) };
                figure(html, title, &told, svg);
            }
        }
    });
}

/// A drawing below its title and what is said beside it.
pub(crate) fn figure(html: &mut Html, title: &str, beside: &str, svg: Svg) {
    html.within("figure", &[], |html| {
        html.within("figcaption", &[], |html| {
            html.element("b", &[], title);
            html.text(" ");
            html.element("span", &[], beside);
        });
        html.drawing(svg);
    });
}

/// The archive of the run and, if there are several, of every island.
///
/// # Errors
/// Axes that are not those of the archive.
pub(crate) fn maps(html: &mut Html, section: &Section<'_>) -> Result<(), OtherAxes> {
    let run = section.run;
    let population = run.view.replay.population();
    let overall = population.overall();
    let gallery = Gallery::of(overall);
    let told: BTreeSet<u64> = super::told(&run.view).iter().map(|elite| elite.id).collect();
    let place = |candidate| told.contains(&candidate).then(|| format!("#{}", section.place(candidate)));
    let ends = objectives(overall.archive());
    let figures = picture::figures(overall.archive(), &run.view.axes, &gallery, ends, &place)?;
    let islands = population.islands();
    let mut remarks: Vec<String> = figures.iter().filter_map(|figure| figure.remark.clone()).collect();
    remarks.dedup();
    if run.view.axes.len() > 2 {
        remarks.insert(0, "each map is the best over all other axes".to_owned());
    }
    remarks.extend(gallery.remark());
    if !told.is_empty() {
        remarks.push("a cell leads to its elite".to_owned());
    }
    html.within("div", &[("class", "legend")], |html| {
        if let Some(bar) = picture::colour_bar(overall.archive()) {
            html.element("span", &[], "objective");
            html.drawing(bar);
        }
        html.element("span", &[("class", "remark")], &remarks.join("; "));
    });
    let class = if figures.len() == 1 && islands.len() == 1 { "figures one" } else { "figures" };
    html.within("div", &[("class", class)], |html| {
        for shown in figures {
            let beside = if islands.len() > 1 { "the best of all islands" } else { "" };
            figure(html, &shown.title, beside, shown.svg);
        }
    });
    if islands.len() > 1 {
        html.element(section.below, &[], "Islands");
        html.within("div", &[("class", "figures")], |html| {
            for (number_of, island) in islands.iter().enumerate() {
                let gallery = Gallery::of(island);
                let figures = picture::figures(island.archive(), &run.view.axes, &gallery, ends, &place);
                let stats = island.archive().stats();
                let best =
                    stats.best.map_or_else(|| "empty".to_owned(), |best| format!("best {}", number(best)));
                let beside =
                    format!("{best}, {} cells, QD score {}", stats.cells_filled, number(stats.qd_score));
                // The first two axes: the rest is in the maps of all islands.
                if let Some(shown) = figures.unwrap_or_default().into_iter().next() {
                    figure(html, &settings::island(&run.view.header.config, number_of), &beside, shown.svg);
                }
            }
        });
    }
    Ok(())
}
