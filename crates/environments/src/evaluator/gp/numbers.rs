//! Edits of numbers.

use samara_qd::Stream;

use super::{Edit, Source, splice::Splice};
use crate::evaluator::lexer::Kind;

/// How often more than one number changes.
const SEVERAL: f64 = 0.3;
/// How often a jump turns a sign.
const TURNED: f64 = 0.1;
/// Decimal places of a number at most.
const MOST_DECIMALS: i32 = 15;
/// Steps are written with this many digits.
const STEP_DIGITS: f64 = 2.0;

/// A number as a program writes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Literal<'a> {
    pub value: f64,
    /// Whether it is written without a point or an exponent.
    pub whole: bool,
    /// Decimal places that it is written with.
    decimals: i32,
    /// What follows the digits, such as `f64`.
    suffix: &'a str,
}

impl<'a> Literal<'a> {
    /// Reads a number; `None` for what is not decimal, such as `0xff`.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let body = text.strip_prefix('-').unwrap_or(text);
        let bytes = body.as_bytes();
        if bytes.len() > 1 && bytes[0] == b'0' && bytes[1].is_ascii_alphanumeric() && bytes[1] != b'e' {
            return None;
        }
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let fits = match byte {
                b'0'..=b'9' | b'_' | b'.' => true,
                b'e' | b'E' => bytes
                    .get(end + 1)
                    .is_some_and(|next| next.is_ascii_digit() || matches!(next, b'+' | b'-')),
                b'+' | b'-' => end > 0 && matches!(bytes[end - 1], b'e' | b'E'),
                _ => false,
            };
            if !fits {
                break;
            }
            end += 1;
        }
        let digits: String = body[..end].chars().filter(|c| *c != '_').collect();
        let size: f64 = digits.parse().ok().filter(|size: &f64| size.is_finite())?;
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((&digits, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
        let decimals = fraction - exponent.parse::<i32>().unwrap_or(0);
        let whole = !digits.contains(['.', 'e', 'E']);
        let value = if text.starts_with('-') { -size } else { size };
        Some(Self { value, whole, decimals: decimals.clamp(0, MOST_DECIMALS), suffix: &body[end..] })
    }

    /// The number of this value in the same dress, precise enough for a step of this size.
    pub(super) fn write(&self, value: f64, step: f64) -> Option<String> {
        if !value.is_finite() || value.abs() > 1e15 {
            return None;
        }
        if self.whole {
            return Some(format!("{}{}", value.round() + 0.0, self.suffix));
        }
        let fine = if step > 0.0 { (STEP_DIGITS - libm::log10(step)).ceil() } else { 0.0 };
        let decimals = (fine as i32).clamp(1, MOST_DECIMALS).max(self.decimals.min(MOST_DECIMALS));
        let mut text = format!("{:.*}", decimals as usize, value);
        let kept = text.trim_end_matches('0').len();
        // One digit behind the point, so that it stays what it was: no whole number.
        text.truncate(kept.max(text.find('.').map_or(kept, |point| point + 2)));
        if text.trim_matches(['-', '0', '.']).is_empty() {
            text = "0.0".to_owned();
        }
        Some(text + self.suffix)
    }
}

/// A number's place and what it says.
pub(super) struct Site<'a> {
    pub(super) at: (usize, usize),
    pub(super) literal: Literal<'a>,
    /// Which brackets it stands in: numbers of a row share it.
    row: (usize, usize),
    /// How often it is drawn, against others.
    pub(super) weight: f64,
}

/// One edit of numbers; `None` if there is none to edit or the draw changes nothing.
pub(super) fn edit(source: &Source<'_>, edit: Edit, stream: &mut Stream) -> Option<Vec<Splice>> {
    let sites = sites(source);
    if sites.is_empty() {
        return None;
    }
    if edit == Edit::Row {
        return row(source, &sites, stream);
    }
    if edit == Edit::Swap {
        return swapped(source, &sites, stream);
    }
    let mut weights: Vec<f64> = sites.iter().map(|site| site.weight).collect();
    let mut splices = Vec::new();
    let mut more = true;
    while more && let Some(drawn) = stream.weighted(&weights) {
        weights[drawn] = 0.0;
        let site = &sites[drawn];
        splices.extend(stepped(source, site, &sites, edit, stream).map(|text| source.replace(site.at, text)));
        more = stream.unit() < SEVERAL;
    }
    (!splices.is_empty()).then_some(splices)
}

/// The number after a step.
fn stepped(
    source: &Source<'_>,
    site: &Site<'_>,
    sites: &[Site<'_>],
    edit: Edit,
    stream: &mut Stream,
) -> Option<String> {
    let (least, greatest) = match edit {
        Edit::Fine => (1e-4, 1e-2),
        Edit::Step => (1e-2, 0.2),
        _ => (0.2, 2.0),
    };
    let literal = site.literal;
    if edit == Edit::Jump && stream.unit() < TURNED {
        return signed(source, site, -literal.value, 0.0);
    }
    let relative = log_uniform(stream, least, greatest);
    if literal.whole {
        return whole(source, site, relative, stream);
    }
    let reference =
        if literal.value == 0.0 || stream.unit() < 0.5 { spread(site, sites) } else { literal.value.abs() };
    let step = relative * reference;
    signed(source, site, literal.value + step * stream.normal(), step)
}

/// A whole number after a step of at least 1.
fn whole(source: &Source<'_>, site: &Site<'_>, relative: f64, stream: &mut Stream) -> Option<String> {
    let value = site.literal.value;
    let size = (value.abs() * relative * stream.normal().abs()).round().max(1.0);
    let step = if stream.unit() < 0.5 { size } else { -size };
    signed(source, site, value + step, 1.0)
}

/// The number, or nothing where a sign can't stand and it would need one.
pub(super) fn signed(source: &Source<'_>, site: &Site<'_>, value: f64, step: f64) -> Option<String> {
    let (file, place) = site.at;
    let text = site.literal.write(value, step)?;
    let may = |text: &str| {
        let own = source.text(file, place).starts_with('-');
        let free = match place.checked_sub(1).and_then(|before| source.kind(file, before)) {
            Some(Kind::Open) => true,
            Some(Kind::Operator) => matches!(source.text(file, place - 1), "," | "=" | ":"),
            _ => false,
        };
        !text.starts_with('-') || own || free
    };
    let text = if may(&text) { text } else { text.trim_start_matches('-').to_owned() };
    (text != source.text(file, place)).then_some(text)
}

/// All numbers of a row move.
fn row(source: &Source<'_>, sites: &[Site<'_>], stream: &mut Stream) -> Option<Vec<Splice>> {
    let drawn = &sites[stream.index(sites.len())];
    let members: Vec<&Site<'_>> =
        sites.iter().filter(|site| site.row == drawn.row && !site.literal.whole).collect();
    let relative = log_uniform(stream, 1e-3, 0.3);
    // A row of equal steps is a shift, one of own steps a cloud.
    let shift = (stream.unit() < 0.3).then(|| stream.normal());
    let splices: Vec<Splice> = members
        .into_iter()
        .filter_map(|site| {
            let step = relative * spread(site, sites);
            let value = site.literal.value + step * shift.unwrap_or_else(|| stream.normal());
            Some(source.replace(site.at, signed(source, site, value, step)?))
        })
        .collect();
    (!splices.is_empty()).then_some(splices)
}

/// Two numbers of a row change places.
fn swapped(source: &Source<'_>, sites: &[Site<'_>], stream: &mut Stream) -> Option<Vec<Splice>> {
    let one = &sites[stream.index(sites.len())];
    let others: Vec<&Site<'_>> =
        sites.iter().filter(|site| site.row == one.row && site.literal.value != one.literal.value).collect();
    if others.is_empty() {
        return None;
    }
    let other = others[stream.index(others.len())];
    let moved =
        |to: &Site<'_>, value: f64, decimals: f64| signed(source, to, value, libm::pow(10.0, -decimals));
    let decimals = f64::from(one.literal.decimals.max(other.literal.decimals));
    let (first, second) =
        (moved(one, other.literal.value, decimals)?, moved(other, one.literal.value, decimals)?);
    Some(vec![source.replace(one.at, first), source.replace(other.at, second)])
}

/// The size of a step of an ordinary number of its row: the root of the mean square, 1 if all are 0.
fn spread(site: &Site<'_>, sites: &[Site<'_>]) -> f64 {
    let row: Vec<f64> =
        sites.iter().filter(|other| other.row == site.row).map(|other| other.literal.value).collect();
    let all = sites.iter().filter(|other| !other.literal.whole).map(|other| other.literal.value);
    let values: Vec<f64> = if row.len() > 1 { row } else { all.collect() };
    let square = values.iter().map(|value| value * value).sum::<f64>() / values.len().max(1) as f64;
    if square > 0.0 && square.is_finite() { libm::sqrt(square) } else { 1.0 }
}

/// All numbers that may change. Whole numbers are drawn less often, and those that index a list rarely.
pub(super) fn sites<'a>(source: &Source<'a>) -> Vec<Site<'a>> {
    let mut sites = Vec::new();
    for (file, tokens) in source.tokens.iter().enumerate() {
        let mut open: Vec<usize> = Vec::new();
        for place in 0..tokens.len() {
            match tokens[place].kind {
                Kind::Open => open.push(place),
                Kind::Close => {
                    open.pop();
                }
                Kind::Number => {
                    let Some(literal) = Literal::read(source.text(file, place)) else { continue };
                    // A row is what the brackets around it hold; outside of brackets a number is a row of its own.
                    let row = (file, open.last().copied().unwrap_or(tokens.len() + place));
                    let index = literal.whole && is_index(source, file, place, open.last().copied());
                    let weight = match (index, literal.whole) {
                        (true, _) => 0.05,
                        (false, true) => 0.4,
                        (false, false) => 1.0,
                    };
                    sites.push(Site { at: (file, place), literal, row, weight });
                }
                Kind::Name | Kind::Text | Kind::Operator => {}
            }
        }
    }
    sites
}

/// Whether a number is alone between the brackets of an index: `points[0]`.
fn is_index(source: &Source<'_>, file: usize, place: usize, open: Option<usize>) -> bool {
    let Some(open) = open.filter(|open| open + 1 == place) else { return false };
    let before = open.checked_sub(1).and_then(|before| source.kind(file, before));
    source.text(file, open) == "["
        && matches!(before, Some(Kind::Name | Kind::Close))
        && source.kind(file, place + 1) == Some(Kind::Close)
}

fn log_uniform(stream: &mut Stream, least: f64, greatest: f64) -> f64 {
    libm::exp(stream.uniform(libm::log(least), libm::log(greatest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_and_written_in_its_own_dress() {
        for (text, value, whole) in [
            ("1", 1.0, true),
            ("-0.50", -0.5, false),
            ("1e-3", 1e-3, false),
            ("1_000", 1000.0, true),
            ("2.5f64", 2.5, false),
        ] {
            let literal = Literal::read(text).expect("a number");
            assert_eq!((literal.value, literal.whole), (value, whole), "{text}");
        }
        for text in ["0xff", "0b1", "1e999"] {
            assert_eq!(Literal::read(text), None, "{text}");
        }
        let written = |text: &str, value: f64, step: f64| {
            Literal::read(text).and_then(|literal| literal.write(value, step))
        };
        assert_eq!(written("0.5", 0.512_345_678, 0.01).as_deref(), Some("0.5123"));
        assert_eq!(written("0.5", 2.0, 1.0).as_deref(), Some("2.0"));
        assert_eq!(written("3", -4.2, 1.0).as_deref(), Some("-4"));
        assert_eq!(written("2.5f64", 3.0, 0.1).as_deref(), Some("3.0f64"));
        assert_eq!(written("0.5", -1e-9, 0.1).as_deref(), Some("0.0"));
        assert_eq!(written("0.5", f64::INFINITY, 0.1), None);
    }
}
