//! Whether what is on a page can be read: the contrast of every colour that the style sheet and the drawings use with
//! everything that it may stand on, light and dark, by WCAG 2.2 (success criteria 1.4.3 and 1.4.11).
//!
//! No cascade is computed: every colour of texts is held against every background that texts may have, so that a rule that
//! is added is tested without being named here.

use std::collections::{BTreeMap, BTreeSet};

use super::SHEET;
use crate::{
    chart::LOOKS,
    picture::UNKNOWN,
    projection::viridis,
    report::overview::FATES,
    svg::{Inks, SCHEMES},
};

/// What texts need, and what marks, lines that say something and edges of fields need.
const TEXT: f64 = 4.5;
const MARK: f64 = 3.0;
/// Backgrounds that no text has: cells of a map without an elite.
const HOLE: &str = "hole";

type Colours = BTreeMap<String, [f64; 3]>;

/// The bodies of the sheet's rules by their selectors, those of media queries too, without comments.
fn rules() -> Vec<(String, String)> {
    let mut plain = String::new();
    let mut rest = SHEET;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain += before;
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    plain += rest;
    let bodies = plain.split('}').filter_map(|part| {
        let (before, body) = part.rsplit_once('{')?;
        let selector = before.rsplit('{').next().unwrap_or_default();
        Some((selector.trim().to_owned(), body.to_owned()))
    });
    bodies.collect()
}

/// The declarations of a body: properties and their values.
fn declared(body: &str) -> impl Iterator<Item = (&str, &str)> {
    body.split(';').filter_map(|one| one.split_once(':')).map(|(name, value)| (name.trim(), value.trim()))
}

fn hex(colour: &str) -> Option<[f64; 3]> {
    let digits = colour.strip_prefix('#')?;
    let wide: String =
        if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.into() };
    let value = u32::from_str_radix(&wide, 16).ok().filter(|_| wide.len() == 6)?;
    Some([16, 8, 0].map(|shift| f64::from(value >> shift & 255) / 255.0))
}

/// The sheet's colours, light and dark.
fn schemes() -> [Colours; 2] {
    let roots: Vec<Colours> = rules()
        .iter()
        .filter(|(selector, _)| selector == ":root")
        .map(|(_, body)| {
            let named =
                declared(body).filter_map(|(name, value)| Some((name.strip_prefix("--")?, hex(value)?)));
            named.map(|(name, colour)| (name.to_owned(), colour)).collect()
        })
        .collect();
    let [light, dark] = <[Colours; 2]>::try_from(roots).expect("a light scheme and a dark one");
    assert!(light.keys().eq(dark.keys()), "both schemes have the same colours");
    [light, dark]
}

/// Relative luminance, as WCAG defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |x: f64| if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The names of the variables in a value.
fn variables(value: &str) -> impl Iterator<Item = String> {
    value.split("var(--").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name.to_owned())
}

/// The variables that the sheet uses in such properties, in rules that `of` takes.
fn used(of: impl Fn(&str) -> bool, property: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let rules = rules();
    let taken = rules.iter().filter(|(selector, _)| of(selector));
    let values =
        taken.flat_map(|(_, body)| declared(body).filter(|(name, _)| property(name)).map(|(_, value)| value));
    values.flat_map(variables).collect()
}

/// A mark is what a rule makes up before an element: a dot of a state.
fn is_mark(selector: &str) -> bool {
    selector.contains("::before") || selector.contains("::after")
}

fn surfaces() -> BTreeSet<String> {
    used(|selector| !is_mark(selector), |property| property.starts_with("background"))
}

/// What is less than it should be.
fn faint(colours: &BTreeSet<String>, on: &BTreeSet<String>, least: f64) -> Vec<String> {
    let mut found = Vec::new();
    for (scheme, known) in ["light", "dark"].iter().zip(schemes()) {
        for (colour, ground) in colours.iter().flat_map(|one| on.iter().map(move |other| (one, other))) {
            let Some(pair) = known.get(colour).zip(known.get(ground)) else { continue };
            let contrast = contrast(*pair.0, *pair.1);
            if contrast < least {
                found.push(format!("{scheme}: {colour} on {ground}: {contrast:.2}, not {least}"));
            }
        }
    }
    found
}

#[test]
fn every_text_can_be_read_on_everything_that_it_may_stand_on() {
    let mut texts = used(|selector| !is_mark(selector), |property| property == "color");
    texts.extend([Inks::PAGE.ink, Inks::PAGE.faint].iter().flat_map(|ink| variables(ink)));
    let surfaces = surfaces();
    for name in ["ink", "faint", "link", "keyword", "comment"] {
        assert!(texts.contains(name), "{texts:?}");
    }
    assert!(["paper", "card", "add", "cut"].iter().all(|name| surfaces.contains(*name)), "{surfaces:?}");
    assert_eq!(faint(&texts, &surfaces, TEXT), Vec::<String>::new());
}

#[test]
fn marks_lines_and_edges_that_say_something_are_seen_on_everything_that_they_may_stand_on() {
    let mut marks: BTreeSet<String> = LOOKS.iter().flat_map(|(colour, _)| variables(colour)).collect();
    marks.extend(FATES.iter().flat_map(|(_, colour, _)| variables(colour)));
    marks.extend(variables(UNKNOWN));
    marks.extend(used(is_mark, |property| property.starts_with("background")));
    let focus =
        |property: &str| property == "outline" || property == "accent-color" || property == "box-shadow";
    // A row that is pointed at and its card are set off by lines that say nothing.
    marks.extend(used(|selector| !selector.contains(".chip"), focus));
    let field =
        |selector: &str| ["input", "select", "button", "textarea"].iter().any(|one| selector.contains(one));
    marks.extend(used(field, |property| property.starts_with("border")));
    marks.extend(used(
        |selector| selector.contains("[aria-current]"),
        |property| property.starts_with("border"),
    ));
    assert!(["edge", "link", "c5", "not-better"].iter().all(|name| marks.contains(*name)), "{marks:?}");
    let mut grounds: BTreeSet<String> = ["paper", "card"].map(str::to_owned).into();
    assert_eq!(faint(&marks, &grounds, MARK), Vec::<String>::new());
    // The cells of a map beside those that have no elite.
    let cells = LOOKS.iter().flat_map(|(colour, _)| variables(colour)).chain(variables(UNKNOWN)).collect();
    grounds = [HOLE.to_owned()].into();
    assert_eq!(faint(&cells, &grounds, MARK), Vec::<String>::new());
}

#[test]
fn drawings_that_are_pictures_have_the_colours_of_the_sheet() {
    let [light, dark] = schemes();
    let blocks: Vec<&str> = SCHEMES.split(":root{").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for (block, known) in blocks.iter().zip([light, dark]) {
        let body = block.split('}').next().expect("a body");
        let named: Vec<(&str, &str)> = declared(body).collect();
        assert_eq!(named.len(), 4, "{body}");
        for (name, colour) in named {
            let name = name.strip_prefix("--").expect("a variable");
            assert_eq!(hex(colour).as_ref(), known.get(name), "{name}");
        }
    }
}

#[test]
fn contrast_is_that_of_wcag() {
    let of = |a: &str, b: &str| contrast(hex(a).expect("a colour"), hex(b).expect("a colour"));
    assert!((of("#000", "#fff") - 21.0).abs() < 1e-9 && (of("#777", "#777777") - 1.0).abs() < 1e-9);
    // The well-known lightest grey that can be read on white.
    assert!((of("#767676", "#fff") - 4.54).abs() < 0.01);
}

/// The colours of a scale, from the lowest number to the highest.
fn scale() -> impl Iterator<Item = [f64; 3]> {
    (0..=1000).map(|step| {
        let (red, green, blue) = viridis(f64::from(step) / 1000.0);
        [red, green, blue].map(|part| f64::from(part) / 255.0)
    })
}

#[test]
fn what_has_a_colour_of_a_scale_is_seen_by_its_edge_where_the_colour_is_not() {
    let on_paper = |ink: &str| hex(ink).expect("a colour");
    let mut grounds = vec![
        ("a file's empty cells", on_paper(Inks::PAPER.edge), on_paper(Inks::PAPER.hole)),
        ("a file", on_paper(Inks::PAPER.edge), on_paper("#fff")),
    ];
    let edge = variables(Inks::PAGE.edge).next().expect("a variable");
    for known in schemes() {
        grounds.extend([HOLE, "paper", "card"].map(|ground| (ground, known[&edge], known[ground])));
    }
    for (name, edge, ground) in grounds {
        let unseen = scale().filter(|colour| contrast(*colour, ground) < MARK).count();
        assert!(unseen > 0, "all colours are seen on {name}: nothing needs an edge there");
        let contrast = contrast(edge, ground);
        assert!(
            contrast >= MARK,
            "{unseen} colours are not seen on {name}, nor is their edge: {contrast:.2}"
        );
    }
    // Around cells that are drawn together, and around the colour beside a number.
    for selector in [".cells", ".chip"] {
        let of = |one: &str| one == selector;
        assert!(used(of, |name| name == "filter" || name == "box-shadow").contains(&edge), "{selector}");
    }
}
