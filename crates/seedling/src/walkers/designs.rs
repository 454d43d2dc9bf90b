//! Families of walkers as program texts. Sizes, counts, names and drives vary; any that is not a valid
//! walker is drawn again by [`super::program`].

use std::fmt::Write;

use crate::Stream;

/// Draws one program of any family.
pub(super) fn draw(stream: &mut Stream) -> String {
    const FAMILIES: [fn(&mut Pen<'_>); 15] = [
        square, radial, wheel, grid, chain, ladder, tower, triangle, legged, zigzag, dumbbell, wave, frame,
        pyramid, arch,
    ];
    let family = FAMILIES[stream.below(FAMILIES.len())];
    let mut pen = Pen { text: String::from("def make_walker():\n"), stream };
    pen.line("wc = walker_creator()");
    family(&mut pen);
    pen.line("return wc.get_walker()");
    pen.text
}

/// A coordinate or length: a whole number, or one with a half.
fn length(stream: &mut Stream, low: f64, high: f64) -> String {
    let value = libm::exp(stream.uniform(libm::log(low), libm::log(high)));
    if value < 12.0 && stream.chance(0.25) {
        format!("{:.1}", libm::round(value * 2.0) / 2.0)
    } else {
        format!("{}", libm::round(value).max(1.0))
    }
}

/// Any size that a walker may have: small and large ones are equally likely.
fn size(stream: &mut Stream) -> String {
    if stream.chance(0.5) { length(stream, 3.0, 110.0) } else { format!("{}", 4 + stream.below(107)) }
}

fn amplitude(stream: &mut Stream) -> String {
    match stream.below(4) {
        0 => format!("{}.5", stream.below(10)),
        1 => "10".to_owned(),
        _ => format!("{}", 1 + stream.below(10)),
    }
}

fn phase(stream: &mut Stream) -> String {
    const PHASES: [&str; 14] = [
        "0", "0.1", "0.125", "0.2", "0.25", "0.3", "0.375", "0.4", "0.5", "0.6", "0.625", "0.75", "0.8",
        "0.875",
    ];
    (*stream.choose(&PHASES)).to_owned()
}

/// Writes a program line by line.
struct Pen<'a> {
    text: String,
    stream: &'a mut Stream,
}

impl Pen<'_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "    {line}");
    }

    /// A line inside a loop.
    fn deep(&mut self, line: &str) {
        let _ = writeln!(self.text, "        {line}");
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        self.stream.choose::<&'static str>(from)
    }

    fn size(&mut self) -> String {
        size(self.stream)
    }

    /// Sizes that make up the whole of a walker: far from square as often as near it.
    fn sizes(&mut self) -> (f64, f64) {
        let number = |text: String| text.parse().unwrap_or(10.0);
        (number(self.size()), number(self.size()))
    }

    fn drive(&mut self) -> String {
        format!("{}, {}", amplitude(self.stream), phase(self.stream))
    }

    /// The drive of muscle number `var` of `count`.
    fn drive_of(&mut self, var: &str, count: usize) -> String {
        let amplitude = amplitude(self.stream);
        match self.stream.below(6) {
            0 => format!("{amplitude}, {}", phase(self.stream)),
            1 => format!("{amplitude}, {var} * {}", self.pick(&["0.1", "0.125", "0.2", "0.25", "0.5"])),
            2 => format!("{amplitude}, {var} % 2 / 2"),
            3 if count <= 9 => format!("{var} + 1, {var} / {count}"),
            _ => format!("{amplitude}, {var} / {count}"),
        }
    }

    /// Nothing for a bone, or the drive of a muscle, for the third argument on.
    fn maybe_drive(&mut self, chance: f64) -> String {
        if self.stream.chance(chance) { format!(", {}", self.drive()) } else { String::new() }
    }

    /// Connects a closed ring of `count` joints in a list.
    fn ring(&mut self, list: &str, count: usize, driven: f64) {
        let var = self.pick(&["i", "k", "j"]);
        let drive = self.maybe_drive(driven);
        let unrolled = count <= 4 && self.stream.chance(0.4);
        if unrolled {
            for at in 0..count {
                let drive = if drive.is_empty() { String::new() } else { format!(", {}", self.drive()) };
                self.line(&format!("wc.add_muscle({list}[{at}], {list}[{}]{drive})", (at + 1) % count));
            }
            return;
        }
        self.line(&format!("for {var} in range({count}):"));
        let ends = match self.stream.below(3) {
            0 => format!("{list}[{var} - 1], {list}[{var}]"),
            _ => format!("{list}[{var}], {list}[({var} + 1) % {count}]"),
        };
        self.deep(&format!("wc.add_muscle({ends}{drive})"));
    }

    /// Connects every joint of a list to another joint.
    fn spokes(&mut self, list: &str, hub: &str, count: usize) {
        let var = self.pick(&["i", "k", "j"]);
        if count <= 4 && self.stream.chance(0.4) {
            for at in 0..count {
                let drive = if at > 0 { self.maybe_drive(0.85) } else { format!(", {}", self.drive()) };
                self.line(&format!("wc.add_muscle({list}[{at}], {hub}{drive})"));
            }
            return;
        }
        let drive = self.drive_of(var, count);
        self.line(&format!("for {var} in range({count}):"));
        self.deep(&format!("wc.add_muscle({list}[{var}], {hub}, {drive})"));
    }

    /// A point between two numbers, as text.
    fn between(&mut self, low: f64, high: f64) -> String {
        let at = self.stream.uniform(low, high);
        if high - low < 12.0 && self.stream.chance(0.3) {
            format!("{:.1}", libm::round(at * 2.0) / 2.0)
        } else {
            format!("{}", libm::round(at) as i64)
        }
    }

    /// A foot or head: one more joint, tied to two joints of a list.
    fn extra(&mut self, list: &str, count: usize, (width, height): (f64, f64)) {
        let name = self.pick(&["foot", "head", "tail", "tip"]);
        let (x, y) = (self.between(-0.5 * width, 1.5 * width), self.between(-0.5 * height, 1.5 * height));
        self.line(&format!("{name} = wc.add_joint({x}, {y})"));
        let first = self.stream.below(count);
        let second = (first + 1 + self.stream.below(count - 1)) % count;
        let drive = self.drive();
        self.line(&format!("wc.add_muscle({list}[{first}], {name}, {drive})"));
        let drive = self.maybe_drive(0.6);
        self.line(&format!("wc.add_muscle({list}[{second}], {name}{drive})"));
    }
}

fn square(pen: &mut Pen<'_>) {
    let (w, h) = pen.sizes();
    let (list, hub) = (pen.pick(&["sides", "corners", "body", "box"]), pen.pick(&["center", "mid", "hub"]));
    pen.line(&format!("{list} = make_square(wc, 0, 0, {w}, {h})"));
    let (x, y) = if pen.stream.chance(0.6) {
        (format!("{}", w / 2.0), format!("{}", h / 2.0))
    } else {
        (pen.between(0.1 * w, 0.9 * w), pen.between(0.1 * h, 0.9 * h))
    };
    pen.line(&format!("{hub} = wc.add_joint({x}, {y})"));
    pen.ring(list, 4, 0.2);
    pen.spokes(list, hub, 4);
    if pen.stream.chance(0.35) {
        pen.extra(list, 4, (w, h));
    }
}

fn radial(pen: &mut Pen<'_>) {
    let radius = length(pen.stream, 2.0, 55.0);
    let count = 3 + pen.stream.below(7);
    let (list, hub) = (pen.pick(&["points", "rim", "ring", "circle"]), pen.pick(&["center", "mid", "hub"]));
    let (cx, cy) = if pen.stream.chance(0.5) { ("0", "0") } else { (radius.as_str(), radius.as_str()) };
    pen.line(&format!("{list} = make_circle(wc, {cx}, {cy}, {radius}, {count})"));
    pen.line(&format!("{hub} = wc.add_joint({cx}, {cy})"));
    pen.ring(list, count, 0.15);
    pen.spokes(list, hub, count);
    if count < 9 && pen.stream.chance(0.25) {
        let size = 2.0 * radius.parse().unwrap_or(5.0);
        pen.extra(list, count, (size, size));
    }
}

fn wheel(pen: &mut Pen<'_>) {
    let radius = length(pen.stream, 2.0, 30.0);
    let count = 5 + pen.stream.below(4);
    let (list, hub) = (pen.pick(&["points", "rim", "ring", "wheel"]), pen.pick(&["axle", "end", "tip"]));
    pen.line(&format!("{list} = make_circle(wc, 0, 0, {radius}, {count})"));
    let far: f64 = radius.parse().unwrap_or(5.0);
    let (x, y) = (pen.between(1.2 * far, 5.0 * far), pen.between(-2.0 * far, 3.0 * far));
    pen.line(&format!("{hub} = wc.add_joint({x}, {y})"));
    let var = pen.pick(&["i", "k"]);
    let (rim, skip) = (pen.maybe_drive(0.3), pen.drive_of(var, count));
    let tie = pen.drive_of(var, count);
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[({var} + 1) % {count}]{rim})"));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[({var} + 2) % {count}], {skip})"));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {hub}, {tie})"));
}

fn grid(pen: &mut Pen<'_>) {
    let (columns, rows) = (2 + pen.stream.below(7), 2 + pen.stream.below(4));
    let most = 110.0 / columns.max(rows) as f64;
    let scale = length(pen.stream, 1.0, most);
    let connect = pen.pick(&[
        "abs(x1 - x0) + abs(y1 - y0) < 2",
        "abs(x1 - x0) + abs(y1 - y0) < 3",
        "(x1 - x0) ** 2 + (y1 - y0) ** 2 < 3",
        "(x1 - x0) ** 2 + (y1 - y0) ** 2 < 4.5",
        "max(abs(x1 - x0), abs(y1 - y0)) < 2",
        "x1 - x0 + y1 - y0 == 1 or x1 - x0 == 1 and y1 - y0 == 1",
        "x1 - x0 < 2 and y1 - y0 < 2",
    ]);
    let power = amplitude(pen.stream);
    let power = match pen.stream.below(4) {
        0 => "max(abs(x1 - x0), abs(y1 - y0))".to_owned(),
        1 => "x0 + 1".to_owned(),
        2 => format!("{power} if y0 == y1 else 0"),
        _ => power,
    };
    let turn = match pen.stream.below(5) {
        0 => format!("x0 / {columns}"),
        1 => "x0 % 2 / 2".to_owned(),
        2 => "(x0 + y0) % 2 / 2".to_owned(),
        3 => format!("x0 * {}", pen.pick(&["0.1", "0.2", "0.25", "0.3"])),
        _ => phase(pen.stream),
    };
    if pen.stream.chance(0.5) {
        for (name, value) in [("connect", connect), ("amp", power.as_str()), ("phase", turn.as_str())] {
            pen.line(&format!("def {name}(x0, y0, x1, y1):"));
            pen.deep(&format!("return {value}"));
        }
        pen.line(&format!("query_cppn(wc, {columns}, {rows}, {scale}, connect, amp, phase)"));
    } else {
        for (name, value) in [("connect", connect), ("amp", power.as_str()), ("phase", turn.as_str())] {
            pen.line(&format!("{name} = lambda x0, y0, x1, y1: {value}"));
        }
        pen.line(&format!("query_cppn(wc, {columns}, {rows}, {scale}, connect, amp, phase)"));
    }
}

/// A list of `count` joints along a line, under any of three spellings.
fn row(pen: &mut Pen<'_>, list: &str, count: usize, (step, y): (&str, &str)) {
    let var = pen.pick(&["i", "k"]);
    match pen.stream.below(3) {
        0 => {
            let end = step.parse().unwrap_or(4.0) * (count - 1) as f64;
            pen.line(&format!("{list} = make_line(wc, 0, {y}, {end}, {y}, {count})"));
        }
        1 => {
            pen.line(&format!("{list} = []"));
            pen.line(&format!("for {var} in range({count}):"));
            pen.deep(&format!("{list}.append(wc.add_joint({var} * {step}, {y}))"));
        }
        _ => pen.line(&format!("{list} = [wc.add_joint({var} * {step}, {y}) for {var} in range({count})]")),
    }
}

fn chain(pen: &mut Pen<'_>) {
    let count = 3 + pen.stream.below(8);
    let step = length(pen.stream, 1.5, 100.0 / count as f64);
    let lift = length(pen.stream, 2.0, 60.0);
    let (list, var) = (pen.pick(&["chain", "spine", "joints", "snake"]), pen.pick(&["i", "k"]));
    let y = match pen.stream.below(3) {
        0 => format!("{var} % 2 * {lift}"),
        1 => format!("{var} * {}", length(pen.stream, 1.0, 12.0)),
        _ => format!("{lift} - {var} % 2 * {lift}"),
    };
    pen.line(&format!("{list} = [wc.add_joint({var} * {step}, {y}) for {var} in range({count})]"));
    let drive = pen.maybe_drive(0.4);
    pen.line(&format!("for {var} in range({}):", count - 1));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 1]{drive})"));
    let drive = pen.drive_of(var, count);
    pen.line(&format!("for {var} in range({}):", count - 2));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 2], {drive})"));
}

fn ladder(pen: &mut Pen<'_>) {
    let count = 2 + pen.stream.below(6);
    let step = length(pen.stream, 2.0, 100.0 / count as f64);
    let h = pen.size();
    let (top, low) =
        *pen.stream.choose(&[("top", "bottom"), ("upper", "lower"), ("roof", "floor"), ("a", "b")]);
    row(pen, top, count, (&step, &h));
    row(pen, low, count, (&step, "0"));
    let var = pen.pick(&["i", "k"]);
    let across = pen.maybe_drive(0.5);
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("wc.add_muscle({top}[{var}], {low}[{var}]{across})"));
    let drive = pen.drive_of(var, count);
    pen.line(&format!("for {var} in range({}):", count - 1));
    let rail = pen.maybe_drive(0.2);
    pen.deep(&format!("wc.add_muscle({top}[{var}], {top}[{var} + 1]{rail})"));
    pen.deep(&format!("wc.add_muscle({low}[{var}], {low}[{var} + 1]{rail})"));
    pen.deep(&format!("wc.add_muscle({top}[{var}], {low}[{var} + 1], {drive})"));
}

fn tower(pen: &mut Pen<'_>) {
    let count = 2 + pen.stream.below(6);
    let w = length(pen.stream, 2.0, 60.0);
    let step = length(pen.stream, 2.0, 100.0 / count as f64);
    let (left, right) = *pen.stream.choose(&[("left", "right"), ("l", "r"), ("a", "b")]);
    let var = pen.pick(&["i", "k"]);
    pen.line(&format!("{left} = [wc.add_joint(0, {var} * {step}) for {var} in range({count})]"));
    pen.line(&format!("{right} = [wc.add_joint({w}, {var} * {step}) for {var} in range({count})]"));
    let drive = pen.maybe_drive(0.5);
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("wc.add_muscle({left}[{var}], {right}[{var}]{drive})"));
    let (side, cross) = (pen.maybe_drive(0.3), pen.drive_of(var, count));
    pen.line(&format!("for {var} in range({}):", count - 1));
    pen.deep(&format!("wc.add_muscle({left}[{var}], {left}[{var} + 1]{side})"));
    pen.deep(&format!("wc.add_muscle({right}[{var}], {right}[{var} + 1]{side})"));
    pen.deep(&format!("wc.add_muscle({left}[{var}], {right}[{var} + 1], {cross})"));
}

fn triangle(pen: &mut Pen<'_>) {
    let (w, h) = pen.sizes();
    let names =
        *pen.stream.choose(&[["a", "b", "c"], ["left", "right", "top"], ["j0", "j1", "j2"], ["p", "q", "r"]]);
    let peak = pen.between(0.0, w);
    let places = [("0".to_owned(), "0".to_owned()), (format!("{w}"), "0".to_owned()), (peak, format!("{h}"))];
    for (name, (x, y)) in names.iter().zip(places) {
        pen.line(&format!("{name} = wc.add_joint({x}, {y})"));
    }
    let [a, b, c] = names;
    for (from, to) in [(a, b), (b, c), (c, a)] {
        let drive = pen.maybe_drive(0.6);
        pen.line(&format!("wc.add_muscle({from}, {to}{drive})"));
    }
    if pen.stream.chance(0.6) {
        let name = pen.pick(&["mid", "center", "foot", "d"]);
        let (x, y) = (pen.between(-0.3 * w, 1.3 * w), pen.between(-0.5 * h, 1.2 * h));
        pen.line(&format!("{name} = wc.add_joint({x}, {y})"));
        for end in names {
            if end == a || pen.stream.chance(0.8) {
                let drive = pen.drive();
                pen.line(&format!("wc.add_muscle({end}, {name}, {drive})"));
            }
        }
    }
}

fn legged(pen: &mut Pen<'_>) {
    let legs = 2 + pen.stream.below(5);
    let step = length(pen.stream, 3.0, 100.0 / legs as f64);
    let (h, leg) = (length(pen.stream, 3.0, 50.0), length(pen.stream, 2.0, 50.0));
    let (hip, foot) = *pen.stream.choose(&[("hips", "feet"), ("body", "legs"), ("spine", "feet")]);
    let var = pen.pick(&["i", "k"]);
    row(pen, hip, legs, (&step, &h));
    let head = pen.pick(&["head", "back", "top"]);
    let (x, y) = (pen.between(0.0, step.parse().unwrap_or(5.0) * legs as f64), pen.size());
    pen.line(&format!("{head} = wc.add_joint({x}, {h} + {y})"));
    pen.line(&format!("{foot} = [wc.add_joint({var} * {step}, {h} - {leg}) for {var} in range({legs})]"));
    let (up, down) = (pen.maybe_drive(0.3), pen.drive_of(var, legs));
    pen.line(&format!("for {var} in range({legs}):"));
    pen.deep(&format!("wc.add_muscle({hip}[{var}], {head}{up})"));
    let down = if pen.stream.chance(0.5) { format!(", {down}") } else { String::new() };
    pen.deep(&format!("wc.add_muscle({hip}[{var}], {foot}[{var}]{down})"));
    let swing = pen.drive_of(var, legs);
    pen.line(&format!("for {var} in range({}):", legs - 1));
    pen.deep(&format!("wc.add_muscle({hip}[{var}], {hip}[{var} + 1])"));
    pen.deep(&format!("wc.add_muscle({foot}[{var}], {hip}[{var} + 1], {swing})"));
}

fn zigzag(pen: &mut Pen<'_>) {
    let count = 4 + pen.stream.below(8);
    let step = length(pen.stream, 1.0, 100.0 / count as f64);
    let h = pen.size();
    let (list, var) = (pen.pick(&["joints", "truss", "points", "z"]), pen.pick(&["i", "k"]));
    pen.line(&format!("{list} = []"));
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("{list}.append(wc.add_joint({var} * {step}, {var} % 2 * {h}))"));
    let drive = pen.drive_of(var, count);
    let near = pen.maybe_drive(0.3);
    pen.line(&format!("for {var} in range({}):", count - 1));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 1]{near})"));
    pen.deep(&format!("if {var} < {}:", count - 2));
    pen.deep(&format!("    wc.add_muscle({list}[{var}], {list}[{var} + 2], {drive})"));
}

fn dumbbell(pen: &mut Pen<'_>) {
    let (r1, r2) = (length(pen.stream, 2.0, 20.0), length(pen.stream, 2.0, 20.0));
    let count = 3 + pen.stream.below(4);
    let (a, b) = *pen.stream.choose(&[("front", "back"), ("a", "b"), ("first", "second"), ("left", "right")]);
    let radii: f64 = r1.parse().unwrap_or(5.0) + r2.parse().unwrap_or(5.0);
    let (x, y) = (pen.between(1.2 * radii, 4.0 * radii), pen.between(0.0, radii));
    pen.line(&format!("{a} = make_circle(wc, 0, 0, {r1}, {count})"));
    pen.line(&format!("{b} = make_circle(wc, {x}, {y}, {r2}, {count})"));
    let var = pen.pick(&["i", "k"]);
    let (rim, tie) = (pen.maybe_drive(0.5), pen.drive_of(var, count));
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("wc.add_muscle({a}[{var} - 1], {a}[{var}]{rim})"));
    pen.deep(&format!("wc.add_muscle({b}[{var} - 1], {b}[{var}]{rim})"));
    pen.deep(&format!("wc.add_muscle({a}[{var}], {b}[{var}], {tie})"));
    if pen.stream.chance(0.5) {
        let drive = pen.drive_of(var, count);
        pen.deep(&format!("wc.add_muscle({a}[{var} - 1], {b}[{var}], {drive})"));
    }
}

fn wave(pen: &mut Pen<'_>) {
    let count = 4 + pen.stream.below(7);
    let step = length(pen.stream, 1.5, 100.0 / count as f64);
    let high = length(pen.stream, 2.0, 50.0);
    let (list, var) = (pen.pick(&["wave", "joints", "spine", "points"]), pen.pick(&["i", "k"]));
    let turn = pen.pick(&["sin", "cos"]);
    let bend = pen.pick(&["", "2 * ", "1.5 * ", "0.5 * "]);
    pen.line(&format!("{list} = []"));
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("{list}.append(wc.add_joint({var} * {step}, {high} * {turn}({bend}{var})))"));
    let (near, far) = (pen.maybe_drive(0.4), pen.drive_of(var, count));
    pen.line(&format!("for {var} in range({}):", count - 2));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 1]{near})"));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 2], {far})"));
    pen.line(&format!("wc.add_muscle({list}[{}], {list}[{}])", count - 2, count - 1));
}

/// Named joints anywhere, each tied to some before it.
fn frame(pen: &mut Pen<'_>) {
    let (w, h) = pen.sizes();
    let count = 3 + pen.stream.below(5);
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for name in &names[..count] {
        let (x, y) = (pen.between(0.0, w), pen.between(0.0, h));
        pen.line(&format!("{name} = wc.add_joint({x}, {y})"));
    }
    for at in 1..count {
        let ties = 1 + usize::from(at > 1) + usize::from(at > 2 && pen.stream.chance(0.3));
        let mut before: Vec<usize> = (0..at).collect();
        pen.stream.shuffle(&mut before);
        before.truncate(ties);
        before.sort_unstable();
        for other in before {
            let drive = pen.maybe_drive(0.7);
            pen.line(&format!("wc.add_muscle({}, {}{drive})", names[other], names[at]));
        }
    }
}

fn pyramid(pen: &mut Pen<'_>) {
    let (w, h) = pen.sizes();
    let count = 3 + pen.stream.below(5);
    let (base, peak) = (pen.pick(&["base", "floor", "feet"]), pen.pick(&["peak", "top", "apex"]));
    pen.line(&format!("{base} = make_line(wc, 0, 0, {w}, 0, {count})"));
    let x = pen.between(0.0, w);
    pen.line(&format!("{peak} = wc.add_joint({x}, {h})"));
    pen.spokes(base, peak, count);
    let var = pen.pick(&["i", "k"]);
    let drive = pen.maybe_drive(0.5);
    pen.line(&format!("for {var} in range({}):", count - 1));
    pen.deep(&format!("wc.add_muscle({base}[{var}], {base}[{var} + 1]{drive})"));
}

fn arch(pen: &mut Pen<'_>) {
    let (radius, count) = (length(pen.stream, 3.0, 55.0), 4 + pen.stream.below(6));
    let (list, var) = (pen.pick(&["arch", "bow", "joints"]), pen.pick(&["i", "k"]));
    let high = if pen.stream.chance(0.5) { radius.clone() } else { pen.size() };
    pen.line(&format!("{list} = []"));
    pen.line(&format!("for {var} in range({count}):"));
    pen.deep(&format!("angle = pi * {var} / {}", count - 1));
    pen.deep(&format!("{list}.append(wc.add_joint({radius} * cos(angle), {high} * sin(angle)))"));
    let drive = pen.maybe_drive(0.4);
    pen.line(&format!("for {var} in range({}):", count - 1));
    pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 1]{drive})"));
    let drive = pen.drive_of(var, count);
    match pen.stream.below(3) {
        0 => {
            pen.line(&format!("for {var} in range({}):", count - 2));
            pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{var} + 2], {drive})"));
        }
        1 => {
            let hub = pen.pick(&["hub", "foot", "mid"]);
            pen.line(&format!("{hub} = wc.add_joint(0, 0)"));
            pen.spokes(list, hub, count);
        }
        _ => {
            pen.line(&format!("for {var} in range({}):", count / 2));
            pen.deep(&format!("wc.add_muscle({list}[{var}], {list}[{} - {var}], {drive})", count - 1));
        }
    }
}
