//! Films of bodies as drawings for a page: poses side by side, each with the ground below it, and the same poses one after
//! the other as a film that plays by itself (`moving`).

use std::fmt::Write;

use samara_search::Film;

use crate::{
    numbers::brief,
    svg::{Anchor, Svg, two},
};

mod moving;

/// Units of a pixel, so that whole numbers are fine enough and a page of walks stays small.
const FINE: f64 = 2.0;
/// Units of a pose, of the room around a body in it, and of the line below it.
const WIDE: f64 = 120.0 * FINE;
const HIGH: f64 = 84.0 * FINE;
const ROOM: f64 = 6.0 * FINE;
const CAPTION: f64 = 18.0 * FINE;
/// Units of the only pose of a small picture of 28 pixels.
const SMALL: f64 = 28.0 * FINE;
/// How much higher than the body all of its poses together may be.
const HIGHEST: f64 = 2.0;
/// Poses of a walk beside others.
const CARD_POSES: usize = 3;

/// A strip of all poses at equal distances in time, the first and the last among them, in rows of three. Below each is
/// when it was and how far the body has come.
pub fn strip(film: &Film, label: &str) -> Svg {
    let poses = film.poses.len();
    let [width, height] = size(film, poses);
    let mut svg = Svg::on_page(width, height, label);
    poses_of(film, poses, &mut svg);
    svg
}

/// The whole walk as it is played again and again, with its way from its first place to its last; `None` of a body that
/// was seen once.
pub fn played(film: &Film, label: &str) -> Option<Svg> {
    let moving = moving::Playing::of(film)?;
    let high = moving.height();
    let mut svg = Svg::on_page(moving::WIDTH, high + CAPTION, label);
    moving.draw(film, &mut svg, high, moving::Place::Alone);
    Some(svg)
}

/// A walk beside others: played where motion is wanted, else as three poses. Style sheets say which.
pub fn card(film: &Film, label: &str) -> Svg {
    let [width, height] = card_size(film);
    let mut svg = Svg::on_page(width, height, label);
    both(film, &mut svg);
    svg
}

/// What of such a walk is played, as a file of its own for a page that shows it as a picture.
pub fn played_file(film: &Film, label: &str) -> String {
    card_file(film, label, played_on_card)
}

/// What of such a walk stands still, as a file of its own.
pub fn still_file(film: &Film, label: &str) -> String {
    card_file(film, label, |film, svg| poses_of(film, CARD_POSES, svg))
}

fn card_file(film: &Film, label: &str, draw: impl Fn(&Film, &mut Svg)) -> String {
    let [width, height] = card_size(film);
    let mut svg = Svg::picture_on_page(width, height, label);
    draw(film, &mut svg);
    svg.finish()
}

/// Whether there is anything to play.
pub fn moves(film: &Film) -> bool {
    moving::Playing::of(film).is_some()
}

fn both(film: &Film, svg: &mut Svg) {
    if !moves(film) {
        return poses_of(film, CARD_POSES, svg);
    }
    svg.group("class=\"poses\"", |svg| poses_of(film, CARD_POSES, svg));
    svg.group("class=\"film\"", |svg| played_on_card(film, svg));
}

fn played_on_card(film: &Film, svg: &mut Svg) {
    let Some(moving) = moving::Playing::of(film) else { return poses_of(film, CARD_POSES, svg) };
    let (.., high) = layout(film, CARD_POSES);
    moving.draw(film, svg, high, moving::Place::Card);
}

/// The width and the height of such a picture.
pub fn card_size(film: &Film) -> [f64; 2] {
    size(film, CARD_POSES)
}

/// The width and the height of a strip.
fn size(film: &Film, poses: usize) -> [f64; 2] {
    let (count, columns, high) = layout(film, poses);
    [WIDE * columns as f64, (high + CAPTION) * count.div_ceil(columns) as f64]
}

/// Poses, poses in a row, and the height of one.
fn layout(film: &Film, poses: usize) -> (usize, usize, f64) {
    let count = poses.clamp(1, film.poses.len());
    // A flat body takes no more height than it needs.
    let high = (Stage::of(film, [WIDE, HIGH]).reach[1] + 2.0 * ROOM).min(HIGH);
    (count, count.min(3), high)
}

/// Draws a strip of so many poses.
fn poses_of(film: &Film, poses: usize, svg: &mut Svg) {
    let (count, columns, high) = layout(film, poses);
    // One row stands beside others, where there is less room for it than for rows below each other.
    let letters = if count > columns { 10.0 } else { 13.0 };
    let mut paths = Paths::of(film);
    let last = film.poses.len() - 1;
    for place in 0..count {
        let moment = if count > 1 { place * last / (count - 1) } else { last };
        let pose = &film.poses[moment];
        let corner = [WIDE * (place % columns) as f64, (high + CAPTION) * (place / columns) as f64];
        paths.add(film, pose, [corner[0], corner[1], WIDE, high]);
        let seconds = film.seconds * moment as f64 / last.max(1) as f64;
        let told = format!("{} s, {}", tenth(seconds), way(film, pose));
        below(svg, (corner[0] + WIDE / 2.0, corner[1] + high), letters, &told);
    }
    paths.draw(svg);
}

/// Seconds as they are told.
fn tenth(seconds: f64) -> String {
    brief((seconds * 10.0).round() / 10.0)
}

/// How far a body has come from where it began.
fn way(film: &Film, pose: &[i32]) -> String {
    // Rounded first, so that no zero has a sign.
    let moved = (centre(pose)[0] - centre(&film.poses[0])[0]).round() / 10.0 + 0.0;
    format!("{moved:+.1} m")
}

/// What is told below a part of a drawing, in letters of so many pixels.
fn below(svg: &mut Svg, (x, y): (f64, f64), letters: f64, told: &str) {
    let faint = format!("fill=\"{}\" font-size=\"{}\"", svg.inks().faint, letters * FINE);
    svg.text((x, y + 12.0 * FINE), Anchor::Middle, told, &faint);
}

/// The body as it began, as a small picture beside words that say what it is.
pub fn still(film: &Film) -> Svg {
    let mut svg = Svg::on_page(SMALL, SMALL, "");
    let mut paths = Paths::of(film);
    paths.add(film, &film.poses[0], [0.0, 0.0, SMALL, SMALL]);
    paths.draw(&mut svg);
    svg
}

/// How far a joint reaches; something, so that a body of one joint has a size.
fn radius(film: &Film) -> f64 {
    f64::from(film.radius.max(1))
}

/// The lowest and the highest place of a pose along an axis.
fn ends(pose: &[i32], axis: usize) -> (f64, f64) {
    let places = pose.iter().skip(axis).step_by(2).map(|place| f64::from(*place));
    places.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
}

fn centre(pose: &[i32]) -> [f64; 2] {
    [0, 1].map(|axis| {
        let places = pose.iter().skip(axis).step_by(2).map(|place| f64::from(*place));
        places.sum::<f64>() / (pose.len() / 2) as f64
    })
}

/// What all poses of a film have in common.
struct Stage {
    /// Pixels a tenth: as many as the largest of them has room for.
    scale: f64,
    /// Pixels that they take.
    reach: [f64; 2],
    /// The lowest place of all; `None` if the body comes so far up or down that poses would be small.
    floor: Option<f64>,
}

impl Stage {
    fn of(film: &Film, sides: [f64; 2]) -> Self {
        let room = ROOM.min(sides[0] / 10.0);
        let size = |(lo, hi): (f64, f64)| hi - lo + 2.0 * radius(film);
        let most = |axis: usize| film.poses.iter().map(|pose| size(ends(pose, axis))).fold(0.0, f64::max);
        let join = |held: (f64, f64), (lo, hi): (f64, f64)| (held.0.min(lo), held.1.max(hi));
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let whole = film.poses.iter().map(|pose| ends(pose, 1)).fold(none, join);
        let jumps = size(whole) <= HIGHEST * most(1);
        let reach = [most(0), if jumps { size(whole) } else { most(1) }];
        let scale = [0, 1].map(|axis| (sides[axis] - 2.0 * room) / reach[axis]);
        let scale = scale[0].min(scale[1]);
        Self { scale, reach: reach.map(|reach| reach * scale), floor: jumps.then_some(whole.0) }
    }
}

/// From a pose's places to the pixels of its part of the drawing.
struct Part {
    /// The place at the part's middle, and the pixel there.
    middle: [f64; 2],
    at: [f64; 2],
    /// Pixels a tenth.
    scale: f64,
    /// The part's half sides in pixels.
    half: [f64; 2],
}

impl Part {
    fn of(film: &Film, pose: &[i32], [x, y, width, height]: [f64; 4]) -> Self {
        let room = ROOM.min(width / 10.0);
        let Stage { scale, floor, .. } = Stage::of(film, [width, height]);
        let [(left, right), (bottom, _)] = [0, 1].map(|axis| ends(pose, axis));
        // A body stands at the bottom, where the ground is, or above it.
        let up = floor.unwrap_or(bottom) - radius(film) + (height / 2.0 - room) / scale;
        Self {
            middle: [f64::midpoint(left, right), up],
            at: [x + width / 2.0, y + height / 2.0],
            scale,
            half: [width / 2.0, height / 2.0],
        }
    }

    /// A place as pixels from the middle, y downwards.
    fn offset(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x - self.middle[0]) * self.scale, (self.middle[1] - y) * self.scale]
    }

    /// A place in whole units, as paths write it.
    fn corner(&self, [x, y]: [f64; 2]) -> (i64, i64) {
        ((self.at[0] + x).round() as i64, (self.at[1] + y).round() as i64)
    }
}

/// The lines of a body as ways through its joints, so that each line is drawn once and few joints are said twice.
struct Skeleton {
    bones: Vec<Vec<u16>>,
    muscles: Vec<Vec<u16>>,
    joints: Vec<Vec<u16>>,
}

impl Skeleton {
    fn of(film: &Film) -> Self {
        let joints = (0..film.joints() as u16).map(|joint| vec![joint]).collect();
        Self { bones: ways(&film.bones), muscles: ways(&film.muscles), joints }
    }

    /// The path data of bones, muscles and joints in a pose. Those of all poses have the same commands.
    fn paths(&self, pose: &[i32], part: &Part) -> [String; 3] {
        let at = |joint: u16| {
            let at = 2 * usize::from(joint);
            part.corner(part.offset([f64::from(pose[at]), f64::from(pose[at + 1])]))
        };
        [&self.bones, &self.muscles, &self.joints].map(|ways| along(ways, at))
    }
}

/// Ways that go along every line once; each goes on as long as a line begins where it has come to.
fn ways(lines: &[[u16; 2]]) -> Vec<Vec<u16>> {
    let mut left = lines.to_vec();
    let mut ways: Vec<Vec<u16>> = Vec::new();
    while !left.is_empty() {
        let here = ways.last().and_then(|way| way.last()).copied();
        let next = here.and_then(|here| left.iter().position(|line| line.contains(&here)));
        let [a, b] = left.remove(next.unwrap_or(0));
        match (ways.last_mut(), here, next) {
            (Some(way), Some(here), Some(_)) => way.push(if a == here { b } else { a }),
            _ => ways.push(vec![a, b]),
        }
    }
    ways
}

/// The path data of such ways. One of a single joint is a line of no length, which is a dot if its ends are round.
fn along(ways: &[Vec<u16>], at: impl Fn(u16) -> (i64, i64)) -> String {
    let mut path = String::new();
    let mut pen: Option<(i64, i64)> = None;
    let apart = |to: (i64, i64), from: (i64, i64)| (to.0 - from.0, to.1 - from.1);
    for way in ways {
        let Some((first, rest)) = way.split_first() else { continue };
        let mut here = at(*first);
        path += &match pen {
            None => format!("M{}", two(here)),
            Some(pen) => format!("m{}", two(apart(here, pen))),
        };
        for (place, joint) in rest.iter().enumerate() {
            let step = apart(at(*joint), here);
            path += match step.0 {
                _ if place == 0 => "l",
                0.. => " ",
                _ => "",
            };
            path += &two(step);
            here = at(*joint);
        }
        if rest.is_empty() {
            path += "h0";
        }
        pen = Some(here);
    }
    path
}

/// What is drawn alike, of all poses of a drawing together.
struct Paths {
    skeleton: Skeleton,
    ground: String,
    body: [String; 3],
    /// How far a joint reaches.
    radius: f64,
}

impl Paths {
    fn of(film: &Film) -> Self {
        Self { skeleton: Skeleton::of(film), ground: String::new(), body: Default::default(), radius: 0.0 }
    }

    fn add(&mut self, film: &Film, pose: &[i32], place: [f64; 4]) {
        let part = Part::of(film, pose, place);
        film.ground.iter().for_each(|line| self.ground += &ground(&part, line));
        for (path, more) in self.body.iter_mut().zip(self.skeleton.paths(pose, &part)) {
            *path += &more;
        }
        self.radius = radius(film) * part.scale;
    }

    fn draw(&self, svg: &mut Svg) {
        let looks = looks(svg, self.radius);
        for (path, look) in std::iter::once(&self.ground).chain(&self.body).zip(looks) {
            if !path.is_empty() {
                svg.path(path, &look);
            }
        }
    }
}

/// How the ground, bones, muscles and joints look where a joint reaches so far.
fn looks(svg: &Svg, radius: f64) -> [String; 4] {
    let inks = svg.inks();
    let width = |share: f64, least: f64| (share * radius).max(least * FINE);
    [
        (inks.faint, FINE, ""),
        (inks.faint, width(0.5, 0.8), " stroke-linejoin=\"round\""),
        ("var(--c1)", width(0.7, 0.8), " stroke-linejoin=\"round\""),
        (inks.ink, width(2.0, 2.0), " stroke-linecap=\"round\""),
    ]
    .map(|(colour, width, more)| {
        format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"{more}")
    })
}

/// A line of the ground, as far as it lies in a part of the drawing.
fn ground(part: &Part, line: &[i32]) -> String {
    let points: Vec<[f64; 2]> =
        line.chunks_exact(2).map(|point| part.offset([f64::from(point[0]), f64::from(point[1])])).collect();
    let mut path = String::new();
    let mut end = None;
    for pair in points.windows(2) {
        let Some([a, b]) = inside(pair[0], pair[1], part.half) else { continue };
        if end != Some(a) {
            let _ = write!(path, "M{}", two(part.corner(a)));
        }
        let _ = write!(path, "L{}", two(part.corner(b)));
        end = Some(b);
    }
    path
}

/// What of a straight line lies in a rectangle around the origin, by Liang and Barsky's way of cutting it.
fn inside(a: [f64; 2], b: [f64; 2], half: [f64; 2]) -> Option<[[f64; 2]; 2]> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let step = b[axis] - a[axis];
        for (towards, room) in [(-step, a[axis] + half[axis]), (step, half[axis] - a[axis])] {
            if towards == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if towards < 0.0 {
                from = from.max(room / towards);
            } else {
                to = to.min(room / towards);
            }
        }
    }
    let at = |share: f64| [0, 1].map(|axis| a[axis] + share * (b[axis] - a[axis]));
    (from <= to).then(|| [if from > 0.0 { at(from) } else { a }, if to < 1.0 { at(to) } else { b }])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A triangle that walks to the right.
    pub(crate) fn film() -> Film {
        let pose = |x: i32| vec![x, 0, x + 100, 0, x + 50, -80];
        Film {
            seconds: 10.0,
            radius: 20,
            bones: vec![[0, 1]],
            muscles: vec![[1, 2], [0, 2]],
            poses: (0..6).map(|moment| pose(moment * 31)).collect(),
            ground: vec![vec![-1000, -100, 1000, -100]],
        }
    }

    #[test]
    fn a_strip_has_every_pose_with_its_time_and_its_way() {
        insta::assert_snapshot!(card(&film(), "a walk").finish());
        let whole = strip(&film(), "").finish();
        for told in ["0 s, +0.0 m", "2 s, +3.1 m", "10 s, +15.5 m"] {
            assert!(whole.contains(told), "{told}: {whole}");
        }
        assert_eq!(still(&film()).finish().matches("<path").count(), 4);
    }

    #[test]
    fn a_film_of_any_size_is_a_drawing() {
        let far = 100_000_000;
        for pose in [vec![0, 0], vec![-far, -far, far, far, 0, 0], vec![far; 6]] {
            let film = Film {
                bones: Vec::new(),
                muscles: Vec::new(),
                poses: vec![pose],
                ground: vec![vec![-far, 0, far, far, far, -far], vec![5, 5]],
                seconds: 0.0,
                radius: 0,
            };
            let drawn = strip(&film, "").finish()
                + &still(&film).finish()
                + &played_file(&film, "")
                + &still_file(&film, "");
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }

    #[test]
    fn lines_are_cut_at_the_edges_of_their_part() {
        let half = [10.0, 5.0];
        assert_eq!(inside([-20.0, 0.0], [20.0, 0.0], half), Some([[-10.0, 0.0], [10.0, 0.0]]));
        assert_eq!(inside([0.0, -10.0], [0.0, 2.0], half), Some([[0.0, -5.0], [0.0, 2.0]]));
        assert_eq!(inside([0.0, 0.0], [1.0, 1.0], half), Some([[0.0, 0.0], [1.0, 1.0]]));
        assert_eq!(inside([-20.0, 6.0], [20.0, 6.0], half), None);
        assert_eq!(inside([11.0, 0.0], [20.0, 0.0], half), None);
    }
}
