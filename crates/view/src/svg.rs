//! Drawings as standalone SVG files: shapes, texts and the scales that place them.
//!
//! What is drawn is the callers' business ([`crate::picture`], the figure of `compare`). The same drawing gives the
//! same bytes.

use std::collections::BTreeSet;

use samara_search::commanding::one_line;

use crate::numbers::{apart, part};

/// A drawing in pixels, y downwards.
pub struct Svg {
    body: String,
    inks: Inks,
    /// The pictures that are in the file already.
    pictures: BTreeSet<u64>,
}

/// The colours of a drawing that are not those of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inks {
    /// Texts and axes.
    pub ink: &'static str,
    /// What is said beside the title.
    pub faint: &'static str,
    /// Lines behind the data.
    pub rule: &'static str,
    /// A cell without an elite.
    pub hole: &'static str,
    /// Between cells.
    pub gap: &'static str,
    /// Around what has a colour of a scale: no scale from dark to light is seen beside everything.
    pub edge: &'static str,
}

impl Inks {
    /// On white paper.
    pub const PAPER: Self =
        Self { ink: "#222", faint: "#555", rule: "#ddd", hole: "#ececec", gap: "#fff", edge: "#808080" };
    /// Those of the page around the drawing, light or dark.
    pub const PAGE: Self = Self {
        ink: "var(--ink)",
        faint: "var(--faint)",
        rule: "var(--rule)",
        hole: "var(--hole)",
        gap: "var(--paper)",
        edge: "var(--edge)",
    };
}

/// The colours of [`Inks::PAGE`] and of the first curves as the pages' style sheet has them, for a drawing that is a picture
/// on a page and so has no part in its styles. A test holds them against the sheet.
pub(crate) const SCHEMES: &str = ":root{--ink:#1b1d21;--faint:#5a616c;--rule:#e2e5e9;--c1:#d55e00}\
@media (prefers-color-scheme:dark){:root{--ink:#e4e7eb;--faint:#9aa3af;--rule:#2d3239;--c1:#f28e4b}}";

/// How something moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turns {
    /// How long one takes.
    pub seconds: f64,
    /// How many there are before it stays as it is; `None` if it never does.
    pub count: Option<u32>,
}

/// Where a text stands by its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

impl Svg {
    /// An empty drawing of that size as a file of its own, on white so that it can be read on any page; the title is what
    /// screen readers say.
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        let (width, height) = (number(width), number(height));
        let mut body = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n"
        );
        body += &format!("<title>{}</title>\n", escape(title));
        body += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
        Self { body, inks: Inks::PAPER, pictures: BTreeSet::new() }
    }

    /// An empty drawing that is a part of a page, whose colours and letters it has; the label is what screen readers say.
    pub fn on_page(width: f64, height: f64, label: &str) -> Self {
        Self::part_of_page(width, height, label, "img")
    }

    /// The same for a drawing with links in it, which a picture's readers would not come to.
    pub fn with_links(width: f64, height: f64, label: &str) -> Self {
        Self::part_of_page(width, height, label, "group")
    }

    /// The same as a file of its own that a page shows as a picture: light or dark as its reader has it, on nothing.
    pub fn picture_on_page(width: f64, height: f64, label: &str) -> Self {
        let (width, height, label) = (number(width), number(height), escape(label));
        let body = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{label}\" font-family=\"system-ui, Roboto, Helvetica, Arial, \
             sans-serif\" font-size=\"11\" fill=\"{}\">\n<style>{SCHEMES}</style>\n",
            Inks::PAGE.ink
        );
        Self { body, inks: Inks::PAGE, pictures: BTreeSet::new() }
    }

    fn part_of_page(width: f64, height: f64, label: &str, role: &str) -> Self {
        let (width, height, label) = (number(width), number(height), escape(label));
        let body = format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"{role}\" \
             aria-label=\"{label}\" font-size=\"11\" fill=\"{}\">\n",
            Inks::PAGE.ink
        );
        Self { body, inks: Inks::PAGE, pictures: BTreeSet::new() }
    }

    /// The colours that are not those of the data.
    pub fn inks(&self) -> Inks {
        self.inks
    }

    /// What `draw` draws as a link to an address of samara's own; `title` is shown over it.
    pub fn link(&mut self, address: &str, title: &str, draw: impl FnOnce(&mut Self)) {
        self.body += &format!("<a href=\"{}\"><title>{}</title>", escape(address), escape(title));
        draw(self);
        self.body += "</a>\n";
    }

    /// What `draw` draws with a title that is shown over it.
    pub fn titled(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        self.body += &format!("<g><title>{}</title>", escape(title));
        draw(self);
        self.body += "</g>\n";
    }

    /// What `draw` draws with attributes that all of it has, such as a transformation of its places.
    pub fn group(&mut self, attributes: &str, draw: impl FnOnce(&mut Self)) {
        self.body += &format!("<g {}>\n", attributes.trim());
        draw(self);
        self.body += "</g>\n";
    }

    /// A shape of any kind from its path data; `style` is further attributes.
    pub fn path(&mut self, data: &str, style: &str) {
        let apart = if style.is_empty() { "" } else { " " };
        self.body += &format!("<path d=\"{data}\"{apart}{style}/>");
    }

    /// A shape that goes straight from one of its path data to the next by itself, each at its share of a turn. All of them
    /// have the same commands. Where nothing moves, it is the first of them.
    pub fn moving(&mut self, [data, shares]: [&[String]; 2], turns: Turns, style: &str) {
        let Some(first) = data.first() else { return };
        let (values, shares) = (data.join(";"), shares.join(";"));
        let count = turns
            .count
            .map_or_else(|| "indefinite\"".to_owned(), |count| format!("{count}\" fill=\"freeze\""));
        self.body += &format!(
            "<path d=\"{first}\" {style}><animate attributeName=\"d\" dur=\"{}s\" repeatCount=\"{count} \
             keyTimes=\"{shares}\" values=\"{values}\"/></path>\n",
            turns.seconds
        );
    }

    /// A rectangle from its upper left corner.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.body +=
            &format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>\n");
    }

    /// An edge of such a colour around a rectangle.
    pub fn frame(&mut self, [x, y, width, height]: [f64; 4], colour: &str) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.body += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"{colour}\"/>\n"
        );
    }

    /// A line through points; `style` is further attributes, such as `stroke="#000"`.
    pub fn line(&mut self, points: &[(f64, f64)], style: &str) {
        self.body += &format!("<polyline points=\"{}\" fill=\"none\" {style}/>\n", listed(points));
    }

    /// A filled shape.
    pub fn shape(&mut self, points: &[(f64, f64)], style: &str) {
        self.body += &format!("<polygon points=\"{}\" {style}/>\n", listed(points));
    }

    /// A dot.
    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, fill: &str) {
        let [x, y, radius] = [x, y, radius].map(number);
        self.body += &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>\n");
    }

    /// A line of text; `style` is further attributes.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str, style: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let ([x, y], text) = ([x, y].map(number), escape(text));
        self.body += &format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" {style}>{text}</text>\n");
    }

    /// A line of text turned about its point, by degrees clockwise.
    pub fn turned(&mut self, (x, y): (f64, f64), anchor: Anchor, degrees: f64, text: &str) {
        let style = format!("transform=\"rotate({} {} {})\"", number(degrees), number(x), number(y));
        self.text((x, y), anchor, text, &style);
    }

    /// What `draw` draws, from this rectangle's upper left corner on and cut at its edges.
    pub fn clipped(&mut self, [x, y, width, height]: [f64; 4], draw: impl FnOnce(&mut Self)) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.body += &format!("<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\">\n");
        draw(self);
        self.body += "</svg>\n";
    }

    /// The axes of a plot on paper between the ends of two scales, the second of which goes up: round values along both
    /// with lines behind the data, and what they are called, below and, turned, at the drawing's left edge.
    pub fn axes(&mut self, across: &Scale, up: &Scale, [below, beside]: [&str; 2]) {
        let (left, right, top, bottom) = (across.from, across.to, up.to, up.from);
        for (tick, text) in up.ticks(6) {
            self.line(&[(left, up.at(tick)), (right, up.at(tick))], "stroke=\"#e4e4e4\"");
            self.text((left - 8.0, up.at(tick) + 4.0), Anchor::End, &text, "");
        }
        for (tick, text) in across.ticks(5) {
            self.line(&[(across.at(tick), bottom), (across.at(tick), bottom + 4.0)], "stroke=\"#222\"");
            self.text((across.at(tick), bottom + 18.0), Anchor::Middle, &text, "");
        }
        self.line(&[(left, top), (left, bottom), (right, bottom)], "stroke=\"#222\"");
        self.text((f64::midpoint(left, right), bottom + 40.0), Anchor::Middle, below, "");
        self.turned((20.0, f64::midpoint(top, bottom)), Anchor::Middle, -90.0, beside);
    }

    /// A picture, as large as it can be inside a square from its upper left corner; `name` tells it from other pictures,
    /// of which each is once in the file.
    pub fn picture(&mut self, [x, y, side]: [f64; 3], name: u64, png: &[u8]) {
        if self.pictures.insert(name) {
            self.body += &format!(
                "<defs><image id=\"picture-{name}\" width=\"1\" height=\"1\" image-rendering=\"pixelated\" \
                 href=\"data:image/png;base64,{}\"/></defs>\n",
                base64(png)
            );
        }
        let [x, y, side] = [x, y, side].map(number);
        self.body +=
            &format!("<use href=\"#picture-{name}\" transform=\"translate({x} {y}) scale({side})\"/>\n");
    }

    /// How many bytes were drawn so far.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The file.
    pub fn finish(self) -> String {
        self.body + "</svg>\n"
    }
}

/// From values to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The value at `from`.
    pub lo: f64,
    /// The value at `to`; must differ from `lo`.
    pub hi: f64,
    /// A pixel.
    pub from: f64,
    /// Another.
    pub to: f64,
}

impl Scale {
    /// The pixel of a value.
    pub fn at(&self, x: f64) -> f64 {
        self.from + part(x, self.lo, self.hi) * (self.to - self.from)
    }

    /// Round values between the ends, about `count` of them, with the text of each; the ends themselves where they are
    /// too near each other, or too far apart, for round values between them.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let count = count.max(1) as f64;
        let rough = self.hi / count - self.lo / count;
        let power = 10_f64.powi(rough.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= 0.7 * rough);
        let step = step.unwrap_or(10.0 * power);
        let (first, last) = ((self.lo / step - 1e-9).ceil(), (self.hi / step + 1e-9).floor());
        let countable = first.abs().max(last.abs()) < 1e12;
        let ticks: Vec<f64> = if countable {
            (first as i64..=last as i64).map(|i| i as f64 * step).collect()
        } else {
            vec![self.lo, self.hi]
        };
        let texts = apart(&ticks);
        ticks.into_iter().zip(texts).collect()
    }
}

/// A range that holds all values, with some room beside a single one, too; [0, 1] if there are none.
pub fn room(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
    if !(lo.is_finite() && hi.is_finite()) {
        return (0.0, 1.0);
    }
    let pad = if hi > lo { 0.05 * hi - 0.05 * lo } else { 0.5_f64.max(lo.abs() * 1e-3) };
    ((lo - pad).max(f64::MIN), (hi + pad).min(f64::MAX))
}

fn listed(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect::<Vec<_>>().join(" ")
}

/// Two whole numbers of a path, apart by no more than they need.
pub(crate) fn two((x, y): (i64, i64)) -> String {
    if y < 0 { format!("{x}{y}") } else { format!("{x} {y}") }
}

/// A hundredth of a pixel is enough.
fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes as RFC 4648 writes them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for digit in 0..4 {
            let of = |shift: u32| char::from(DIGITS[(bits >> shift & 63) as usize]);
            text.push(if digit <= three.len() as u32 { of(18 - 6 * digit) } else { '=' });
        }
    }
    text
}

/// A text that neither ends its element nor holds what XML forbids or what reorders a page.
fn escape(text: &str) -> String {
    let shown = |c: char| if matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    let printable: String = one_line(text).chars().map(shown).collect();
    printable.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let ticks = |lo, hi| {
            let scale = Scale { lo, hi, from: 0.0, to: 1.0 };
            scale.ticks(5).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(ticks(0.0, 20.0), ["0", "5", "10", "15", "20"]);
        assert_eq!(ticks(19.51, 19.73), ["19.55", "19.6", "19.65", "19.7"]);
        assert_eq!(ticks(-3.0, 1.0), ["-3", "-2", "-1", "0", "1"]);
        assert_eq!(ticks(0.0, 2000.0), ["0", "500", "1000", "1500", "2000"]);
    }

    #[test]
    fn ticks_of_any_range_are_few_and_told_apart() {
        for (lo, hi) in [
            (-f64::MAX, f64::MAX),
            (1e300, 1e300 * (1.0 + f64::EPSILON)),
            (0.0, 5e-324),
            (1e15, 1e15 + 1.0),
            (0.999_999_9, 1.0),
            (-1e-12, 1.5e300),
        ] {
            let scale = Scale { lo, hi, from: 0.0, to: 100.0 };
            let ticks = scale.ticks(5);
            assert!((2..=9).contains(&ticks.len()), "{lo} {hi}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0].1 != pair[1].1), "{ticks:?}");
            assert!(
                ticks.iter().all(|(tick, _)| (-1e-6..=100.000_001).contains(&scale.at(*tick))),
                "{ticks:?}"
            );
        }
    }

    #[test]
    fn no_text_can_break_out_of_the_drawing() {
        let mut svg = Svg::new(10.0, 10.0, "<a & \"b\">");
        svg.text((1.0, 2.5), Anchor::Middle, "</text><script>\u{1b}", "");
        let file = svg.finish();
        assert!(file.contains("<title>&lt;a &amp; &quot;b&quot;&gt;</title>"));
        assert!(file.contains(">&lt;/text&gt;&lt;script&gt;\u{fffd}</text>"));
        let mut svg = Svg::new(10.0, 10.0, "");
        svg.text((0.0, 0.0), Anchor::Start, "\u{9b}31m\u{202e}\u{2066}\u{ffff}\n\0x", "");
        assert!(svg.finish().contains(">�31m�����x</text>"));
    }

    #[test]
    fn bytes_are_written_in_base_64() {
        // The test vectors of RFC 4648, and all digits.
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe, 0x00]), "+//+AA==");
    }

    #[test]
    fn a_picture_that_is_drawn_twice_is_in_the_file_once() {
        let mut svg = Svg::new(10.0, 10.0, "");
        svg.picture([0.0, 0.0, 4.0], 7, b"foo");
        svg.picture([5.0, 5.5, 4.0], 7, b"foo");
        let file = svg.finish();
        assert_eq!(file.matches("base64,Zm9v\"").count(), 1);
        assert!(
            file.contains("<use href=\"#picture-7\" transform=\"translate(5 5.5) scale(4)\"/>"),
            "{file}"
        );
    }

    #[test]
    fn there_is_room_for_one_value_and_for_none() {
        assert_eq!(room([2.0].into_iter()), (1.5, 2.5));
        assert_eq!(room([].into_iter()), (0.0, 1.0));
        assert_eq!(room([0.0, 10.0].into_iter()), (-0.5, 10.5));
    }
}
