//! The same plots as parts of a page: a small drawing each, which a column of a phone has room for, in the page's colours,
//! and whose cells lead to where their elites are told of.

use super::*;

/// Pixels of a drawing's width, and of a plot in it.
const WIDTH: f64 = 380.0;
const PLOT: f64 = 280.0;
const FROM_LEFT: f64 = 84.0;
const FROM_TOP: f64 = 8.0;
/// Bars need less room left of them.
const BARS_LEFT: f64 = 52.0;
const BARS_HIGH: f64 = 150.0;
/// Elites that are links at most; of more, none is.
const MOST_LINKS: usize = 2000;
/// Squares of a side: what is finer than a pixel or two is taken together.
const FINEST: usize = 100;
/// The same where there are more elites than links.
const COARSER: usize = 44;

/// A drawing for a page, and what a reader must know of it.
pub struct Figure {
    /// What it shows: the names of its axes.
    pub title: String,
    /// How to read it, if that is not plain.
    pub remark: Option<String>,
    /// The drawing.
    pub svg: Svg,
}

/// An archive as drawings of one or two axes each: bars for one, a map for two, every pair of more. `ends` are the
/// objectives of the darkest and of the lightest colour, so that islands can be compared.
///
/// # Errors
/// Axes that are not those of the archive.
pub fn figures(
    archive: &Archive,
    axes: &[AxisSettings],
    gallery: &Gallery<'_>,
    ends: Option<(f64, f64)>,
    places: &Places<'_>,
) -> Result<Vec<Figure>, OtherAxes> {
    OtherAxes::check(archive, axes)?;
    let few = archive.occupied().len() <= MOST_LINKS;
    let nowhere = |_| None;
    let places: &Places<'_> = if few { places } else { &nowhere };
    let colours = Colours {
        ends: objectives(archive).and(ends),
        paint: Paint::Objective,
        gallery,
        inks: Inks::PAGE,
        places: few.then_some(places),
    };
    Ok(match axes {
        [axis] => vec![of_bars(archive, axis, &colours, FINEST)],
        axes => {
            let shown = axes.len().min(AXES);
            let pairs = (0..shown).flat_map(|y| (0..y).map(move |x| [x, y]));
            pairs.map(|pair| map_of(archive, axes, pair, &colours, FINEST)).collect()
        }
    })
}

/// What a drawing of a chosen pair shows.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The axis to the right and the one up.
    pub pair: [usize; 2],
    /// What colours stand for.
    pub paint: Paint<'a>,
    /// The numbers of the darkest and of the lightest colour, such as [`Paint::ends`] of all that is compared.
    pub ends: Option<(f64, f64)>,
}

/// The same drawing of one axis, or of a chosen pair in few bytes (`packed` says how). Without places it is small and has
/// no links.
///
/// # Errors
/// Axes that are not those of the archive.
pub fn of_pair(
    archive: &Archive,
    axes: &[AxisSettings],
    look: Look<'_>,
    gallery: &Gallery<'_>,
    places: Option<&Places<'_>>,
) -> Result<Figure, OtherAxes> {
    OtherAxes::check(archive, axes)?;
    let Look { pair, paint, ends } = look;
    let colours = Colours { ends, paint, gallery, inks: Inks::PAGE, places };
    let side = if archive.occupied().len() <= MOST_LINKS { FINEST } else { COARSER };
    Ok(match axes {
        [axis] => of_bars(archive, axis, &colours, side),
        axes => {
            let last = axes.len().saturating_sub(1);
            let pair = pair.map(|axis| axis.min(last));
            // Pictures in cells take more bytes than all else.
            if elites(archive).any(|elite| gallery.get(elite.id).is_some()) {
                map_of(archive, axes, pair, &colours, side)
            } else {
                packed::map(archive, axes, pair, &colours, PLOT)
            }
        }
    })
}

fn of_bars(archive: &Archive, axis: &AxisSettings, colours: &Colours<'_>, finest: usize) -> Figure {
    let bars = Bars::of(archive, axis, finest);
    let title = format!("Best objective by {}", bars.side.name);
    let place = [BARS_LEFT, FROM_TOP, WIDTH - BARS_LEFT - 8.0, BARS_HIGH];
    let mut svg = Svg::with_links(WIDTH, FROM_TOP + BARS_HIGH + under(&bars.side, place[2]), &title);
    // Without links the drawing would be taken for one on paper.
    let nowhere = |_| None;
    let colours = Colours { places: Some(colours.places.unwrap_or(&nowhere)), ..*colours };
    bar_plot(&mut svg, &bars, &colours, place);
    let merged =
        (bars.side.merged > 1).then(|| format!("each bar is the best of {} cells", bars.side.merged));
    Figure { title, remark: merged, svg }
}

fn map_of(
    archive: &Archive,
    axes: &[AxisSettings],
    pair: [usize; 2],
    colours: &Colours<'_>,
    finest: usize,
) -> Figure {
    let map = Map::of(archive, axes, pair, [finest; 2]);
    let title = format!("{} and {}", map.sides[0].name, map.sides[1].name);
    let (mut svg, place) = sheet(&format!("Best objective by {title}"), &map, size(&map, PLOT));
    plot(&mut svg, archive, (&map, axes, pair), colours, place);
    Figure { title, remark: told(archive, &map), svg }
}

/// A drawing with room for a map of that size, and the place of the map in it.
pub(super) fn sheet(label: &str, map: &Map, [width, height]: [f64; 2]) -> (Svg, [f64; 4]) {
    let svg = Svg::with_links(WIDTH, FROM_TOP + height + under(&map.sides[0], width), label);
    (svg, [FROM_LEFT, FROM_TOP, width, height])
}

/// Pixels below a plot: edges, which may be turned, and the axis' name.
fn under(side: &Side, width: f64) -> f64 {
    Below::of(side, width).name + 8.0
}

/// The scale of the colours, from the worst elite to the best, lying on its side; `None` of an empty archive.
pub fn colour_bar(archive: &Archive) -> Option<Svg> {
    Some(scale_of("The colours of objectives", objectives(archive)?))
}

/// The scale of colours between two numbers, lying on its side; the label is what screen readers say.
pub fn scale_of(label: &str, (lo, hi): (f64, f64)) -> Svg {
    const LONG: f64 = 220.0;
    let mut svg = Svg::on_page(LONG + 92.0, 34.0, label);
    let Inks { hole, edge, .. } = svg.inks();
    if lo < hi {
        let across = Scale { lo, hi, from: 4.0, to: 4.0 + LONG };
        let strips = 44;
        let wide = LONG / f64::from(strips);
        for strip in 0..strips {
            let x = across.from + wide * f64::from(strip);
            svg.rect([x, 2.0, wide + 0.3, 10.0], &shade(f64::from(strip) + 0.5, (0.0, f64::from(strips))));
        }
        svg.frame([across.from, 2.0, LONG, 10.0], edge);
        for (tick, text) in across.ticks(3) {
            let x = across.at(tick);
            svg.line(&[(x, 12.0), (x, 15.0)], &stroke(&svg));
            svg.text((x, 27.0), Anchor::Middle, &text, "");
        }
    } else {
        svg.rect([4.0, 2.0, 10.0, 10.0], "#fde725");
        svg.frame([4.0, 2.0, 10.0, 10.0], edge);
        svg.text((20.0, 11.0), Anchor::Start, &number(lo), "");
    }
    svg.rect([LONG + 36.0, 2.0, 10.0, 10.0], hole);
    svg.frame([LONG + 36.0, 2.0, 10.0, 10.0], edge);
    svg.text((LONG + 52.0, 11.0), Anchor::Start, "empty", "");
    svg
}
