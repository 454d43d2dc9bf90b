//! Small changes of a program's text. A change is kept only if the result is a valid walker that differs.

use super::program::Program;
use crate::Stream;

/// How often a change is tried before another is drawn.
const TRIES: usize = 12;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// One number changes.
    Number,
    /// Two or three numbers change.
    Numbers,
    /// All lengths are scaled.
    Scale,
    /// One more muscle.
    AddMuscle,
    /// One muscle less.
    RemoveMuscle,
    /// One more joint, tied to others.
    AddJoint,
    /// A bone becomes a muscle, a muscle a bone, or a muscle gets another drive.
    Drive,
}

impl Edit {
    /// How often each is drawn, in parts of 20.
    const ODDS: [(Self, usize); 7] = [
        (Self::Number, 6),
        (Self::Numbers, 4),
        (Self::Scale, 3),
        (Self::AddMuscle, 2),
        (Self::RemoveMuscle, 1),
        (Self::AddJoint, 2),
        (Self::Drive, 2),
    ];

    fn draw(stream: &mut Stream) -> Self {
        let mut left = stream.below(20);
        for (edit, odds) in Self::ODDS {
            if left < odds {
                return edit;
            }
            left -= odds;
        }
        Self::Number
    }

    fn apply(self, text: &str, stream: &mut Stream) -> Option<String> {
        match self {
            Self::Number => numbers(text, 1, stream),
            Self::Numbers => numbers(text, 2 + stream.below(2), stream),
            Self::Scale => scale(text, libm::exp(stream.uniform(-0.9, 0.9))),
            Self::AddMuscle => add_muscle(text, stream),
            Self::RemoveMuscle => remove_muscle(text, stream),
            Self::AddJoint => add_joint(text, stream),
            Self::Drive => drive(text, stream),
        }
    }
}

/// A program that differs from another by one change, and which.
pub fn edit(parent: &Program, stream: &mut Stream) -> (Program, Edit) {
    loop {
        let edit = Edit::draw(stream);
        for _ in 0..TRIES {
            let child = edit.apply(&parent.text, stream).and_then(Program::sound);
            if let Some(child) = child.filter(|child| child.body != parent.body) {
                return (child, edit);
            }
        }
    }
}

/// Where the numbers of a line are: start and end of each.
pub(super) fn literals(line: &str) -> Vec<(usize, usize)> {
    let bytes = line.as_bytes();
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && in_name(bytes[at]) {
            at += 1;
        }
        if at > start && bytes[start].is_ascii_digit() {
            found.push((start, at));
        }
        at += usize::from(at == start);
    }
    found
}

/// A number near another, written in the same form.
fn near(written: &str, stream: &mut Stream) -> Option<String> {
    let value: f64 = written.parse().ok()?;
    let factor = libm::exp(0.45 * stream.normal());
    if written.contains('.') {
        let step = if value < 1.0 { 0.125 } else { 0.5 };
        let moved =
            if stream.chance(0.5) { value * factor } else { value + step * (stream.below(5) as f64 - 2.0) };
        let rounded =
            if value < 1.0 { libm::round(moved * 40.0) / 40.0 } else { libm::round(moved * 2.0) / 2.0 };
        let text = format!("{}", rounded.abs());
        return Some(if text.contains('.') { text } else { format!("{text}.0") });
    }
    let moved = if value > 4.0 && stream.chance(0.7) {
        libm::round(value * factor)
    } else {
        value + [-2.0, -1.0, 1.0, 1.0, 2.0, 3.0][stream.below(6)]
    };
    (moved >= 0.0).then(|| format!("{moved}"))
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

fn numbers(text: &str, count: usize, stream: &mut Stream) -> Option<String> {
    let mut lines = lines(text);
    for _ in 0..count {
        let places: Vec<(usize, (usize, usize))> = lines
            .iter()
            .enumerate()
            .flat_map(|(at, line)| literals(line).into_iter().map(move |place| (at, place)))
            .collect();
        if places.is_empty() {
            return None;
        }
        let (at, (start, end)) = *stream.choose(&places);
        let changed = near(&lines[at][start..end], stream)?;
        lines[at].replace_range(start..end, &changed);
    }
    Some(joined(&lines))
}

/// Which numbers of a line are lengths: all in the arguments of a call that makes joints, but for counts and angles.
fn lengths(line: &str) -> Vec<(usize, usize)> {
    const CALLS: [(&str, usize); 5] = [
        ("add_joint(", usize::MAX),
        ("make_square(", usize::MAX),
        ("make_circle(", 4),
        ("make_line(", 5),
        ("query_cppn(", usize::MAX),
    ];
    let Some((start, most)) =
        CALLS.into_iter().find_map(|(call, most)| line.find(call).map(|at| (at + call.len(), most)))
    else {
        return Vec::new();
    };
    let inside = arguments(&line[start..]);
    let cppn = line.contains("query_cppn(");
    let mut found = Vec::new();
    for (number, (from, to)) in inside.into_iter().enumerate() {
        if number >= most || (cppn && number != 3) {
            continue;
        }
        let part = &line[start + from..start + to];
        let angles = part.find("sin(").or_else(|| part.find("cos(")).unwrap_or(part.len());
        for (a, b) in literals(part) {
            // `i % 2 * 5`: the 2 counts.
            if a < angles && !part[..a].ends_with("% ") {
                found.push((start + from + a, start + from + b));
            }
        }
    }
    found
}

/// Where the arguments of a call stand, from behind its bracket.
pub(super) fn arguments(text: &str) -> Vec<(usize, usize)> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth == 0 => {
                found.push((start, at));
                break;
            }
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => {
                found.push((start, at));
                start = at + 2;
            }
            _ => {}
        }
    }
    found
}

/// All lengths times a factor.
pub(super) fn scale(text: &str, factor: f64) -> Option<String> {
    let mut lines = lines(text);
    for line in &mut lines {
        for (start, end) in lengths(line).into_iter().rev() {
            let value: f64 = line[start..end].parse().ok()?;
            let scaled = value * factor;
            let rounded = if scaled < 8.0 { libm::round(scaled * 2.0) / 2.0 } else { libm::round(scaled) };
            line.replace_range(start..end, &format!("{rounded}"));
        }
    }
    Some(joined(&lines))
}

/// Expressions that stand for joints: names, and elements of lists of a known length.
pub(super) fn joints(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("     ")) {
        let Some((name, value)) = line.trim_start().split_once(" = ") else { continue };
        let last = |call: &str| {
            let start = value.find(call)? + call.len();
            let inside = arguments(&value[start..]);
            let (from, to) = *inside.last()?;
            value[start + from..start + to].parse::<usize>().ok()
        };
        let count = if value.starts_with("wc.add_joint(") {
            found.push(name.to_owned());
            0
        } else if value.starts_with("make_square(") {
            4
        } else {
            last("make_circle(").or_else(|| last("make_line(")).or_else(|| last("range(")).unwrap_or(0)
        };
        found.extend((0..count.min(12)).map(|at| format!("{name}[{at}]")));
    }
    found
}

/// Where the lines are that connect two joints outside of loops.
fn muscles(lines: &[String]) -> Vec<usize> {
    let at = |(at, line): (usize, &String)| line.starts_with("    wc.add_muscle(").then_some(at);
    lines.iter().enumerate().filter_map(at).collect()
}

fn amplitude(stream: &mut Stream) -> String {
    if stream.chance(0.2) { format!("{}.5", stream.below(10)) } else { format!("{}", 1 + stream.below(10)) }
}

fn phase(stream: &mut Stream) -> &'static str {
    const PHASES: [&str; 12] =
        ["0", "0.1", "0.125", "0.2", "0.25", "0.3", "0.375", "0.4", "0.5", "0.6", "0.75", "0.8"];
    stream.choose::<&'static str>(&PHASES)
}

fn add_muscle(text: &str, stream: &mut Stream) -> Option<String> {
    let ends = joints(text);
    if ends.len() < 2 {
        return None;
    }
    let (a, b) = (stream.choose(&ends).clone(), stream.choose(&ends).clone());
    let mut lines = lines(text);
    let drive = if stream.chance(0.8) {
        format!(", {}, {}", amplitude(stream), phase(stream))
    } else {
        String::new()
    };
    let line = format!("    wc.add_muscle({a}, {b}{drive})");
    let known = lines.iter().any(|other| other.starts_with(&format!("    wc.add_muscle({a}, {b}")));
    lines.insert(lines.len() - 1, line);
    (a != b && !known).then(|| joined(&lines))
}

fn remove_muscle(text: &str, stream: &mut Stream) -> Option<String> {
    let mut lines = lines(text);
    let found = muscles(&lines);
    if found.len() < 2 {
        return None;
    }
    lines.remove(*stream.choose(&found));
    Some(joined(&lines))
}

fn add_joint(text: &str, stream: &mut Stream) -> Option<String> {
    let ends = joints(text);
    if ends.len() < 2 {
        return None;
    }
    let names = ["foot", "head", "tail", "tip", "end", "h", "p", "q"];
    let name = names.into_iter().find(|name| !text.contains(&format!("{name} = ")))?;
    let body = super::interpret(text)?;
    let range = |of: fn(&(f64, f64)) -> f64| {
        let places = || body.joints.iter().map(of);
        (places().fold(f64::INFINITY, f64::min) / 0.22, places().fold(f64::NEG_INFINITY, f64::max) / 0.22)
    };
    let mut place = |(low, high): (f64, f64)| {
        let room = 0.4 * (high - low) + 2.0;
        libm::round(stream.uniform(low - room, high + room)) as i64
    };
    // Programs count y downwards.
    let (x, y) = (place(range(|place| place.0)), place(range(|place| -place.1)));
    let mut lines = lines(text);
    let mut new = vec![format!("    {name} = wc.add_joint({x}, {y})")];
    let first = stream.below(ends.len());
    let second = (first + 1 + stream.below(ends.len() - 1)) % ends.len();
    for end in [first, second] {
        let drive = if stream.chance(0.8) {
            format!(", {}, {}", amplitude(stream), phase(stream))
        } else {
            String::new()
        };
        new.push(format!("    wc.add_muscle({}, {name}{drive})", ends[end]));
    }
    let last = lines.len() - 1;
    lines.splice(last..last, new);
    Some(joined(&lines))
}

fn drive(text: &str, stream: &mut Stream) -> Option<String> {
    let mut lines = lines(text);
    let calls: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains("wc.add_muscle("))
        .map(|(at, _)| at)
        .collect();
    if calls.is_empty() {
        return None;
    }
    let line = &mut lines[*stream.choose(&calls)];
    let start = line.find("wc.add_muscle(")? + "wc.add_muscle(".len();
    let inside = arguments(&line[start..]);
    let ends = inside.get(1)?.1 + start;
    let close = inside.last()?.1 + start;
    let new = if inside.len() > 2 && stream.chance(0.2) {
        String::new()
    } else {
        format!(", {}, {}", amplitude(stream), phase(stream))
    };
    line.replace_range(ends..close, &new);
    Some(joined(&lines))
}

/// The drives of a program's muscles, as written: amplitude and phase.
fn drives(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(at) = line.find("wc.add_muscle(") else { continue };
        let start = at + "wc.add_muscle(".len();
        let inside = arguments(&line[start..]);
        if let [_, _, (from, _), (_, to)] = inside.as_slice() {
            found.push(line[start + from..start + to].to_owned());
        }
    }
    found
}

/// Drives that hold no loop variable.
fn plain(drive: &str) -> bool {
    !drive.contains(|c: char| c.is_ascii_alphabetic())
}

/// One program's design in the size of another, with some of its drives.
fn blend(first: &Program, second: &Program, stream: &mut Stream) -> Option<Program> {
    let (a, b) = (first.body.measures()?, second.body.measures()?);
    let ratio = (b.width + b.height) / (a.width + a.height).max(1e-9);
    let mut text = scale(&first.text, ratio)?;
    let others: Vec<String> = drives(&second.text).into_iter().filter(|drive| plain(drive)).collect();
    for own in drives(&first.text).into_iter().filter(|drive| plain(drive)) {
        if !others.is_empty() && stream.chance(0.6) {
            text = text.replacen(&own, stream.choose(&others).as_str(), 1);
        }
    }
    Program::sound(text)
}

/// The names that a program gives.
fn names(text: &str) -> Vec<&str> {
    let given = text.lines().filter_map(|line| line.trim_start().split_once(" = ").map(|(name, _)| name));
    given.filter(|name| *name != "wc" && *name != "angle" && !name.contains('(')).collect()
}

/// Whether a name stands at a place by itself.
fn replace_name(text: &str, name: &str, by: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let before = rest[..at].chars().next_back().or_else(|| made.chars().next_back());
        let behind = rest[at + name.len()..].chars().next();
        made.push_str(&rest[..at]);
        let whole = !before.is_some_and(is_part) && !behind.is_some_and(is_part);
        made.push_str(if whole { by } else { name });
        rest = &rest[at + name.len()..];
    }
    made + rest
}

/// Both bodies side by side, tied by two muscles.
fn combine(first: &Program, second: &Program, stream: &mut Stream) -> Option<Program> {
    let width = first.body.measures()?.width * 2.2 / (150.0 / 2.2) / 0.22;
    let offset = libm::round(width * stream.uniform(0.5, 1.3)) + 2.0;
    let mut other = second.text.clone();
    let taken = names(&first.text);
    for name in names(&second.text) {
        if taken.contains(&name) {
            other = replace_name(&other, name, &format!("{name}2"));
        }
    }
    let (mine, theirs) = (joints(&first.text), joints(&other));
    if mine.is_empty() || theirs.is_empty() {
        return None;
    }
    let mut lines = lines(&first.text);
    lines.pop();
    let shifted: Option<Vec<String>> = other.lines().skip(2).map(|line| shift(line, offset)).collect();
    let mut shifted = shifted?;
    let end = shifted.pop()?;
    lines.extend(shifted);
    for _ in 0..2 {
        let drive = if stream.chance(0.7) {
            format!(", {}, {}", amplitude(stream), phase(stream))
        } else {
            String::new()
        };
        lines.push(format!("    wc.add_muscle({}, {}{drive})", stream.choose(&mine), stream.choose(&theirs)));
    }
    lines.push(end);
    Program::sound(joined(&lines))
}

/// A line whose joints are `offset` further to the right.
fn shift(line: &str, offset: f64) -> Option<String> {
    const CALLS: [(&str, &[usize]); 5] = [
        ("add_joint(", &[0]),
        ("make_square(", &[1, 3]),
        ("make_circle(", &[1]),
        ("make_line(", &[1, 3]),
        ("query_cppn(", &[]),
    ];
    let mut made = line.to_owned();
    let found =
        CALLS.into_iter().find_map(|(call, places)| made.find(call).map(|at| (at + call.len(), places)));
    let Some((start, places)) = found else { return Some(made) };
    if places.is_empty() {
        return None;
    }
    let inside = arguments(&made[start..]);
    for place in places.iter().rev() {
        let (from, to) = *inside.get(*place)?;
        let written = &made[start + from..start + to];
        let moved = match written.parse::<f64>() {
            Ok(value) => format!("{}", value + offset),
            Err(_) => format!("{offset} + {written}"),
        };
        made.replace_range(start + from..start + to, &moved);
    }
    Some(made)
}

/// A program that inherits from two: one's design in the other's size and drive, or both side by side.
pub fn cross(first: &Program, second: &Program, stream: &mut Stream) -> Program {
    for _ in 0..TRIES {
        let short = first.text.len() + second.text.len() < super::program::LETTERS;
        let child = if short && stream.chance(0.5) {
            combine(first, second, stream)
        } else {
            blend(first, second, stream)
        };
        if let Some(child) = child.filter(|child| child.body != first.body && child.body != second.body) {
            return child;
        }
    }
    edit(first, stream).0
}
