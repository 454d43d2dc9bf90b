//! A walk that is played: the body goes from pose to pose, in front of all the ground that it came over. Only what was kept
//! is shown: between two moments everything goes straight from where it was to where it then is.

use std::fmt::Write;

use samara_search::Film;

use super::{
    CAPTION, FINE, HIGH, Part, ROOM, Skeleton, WIDE, below, ends, ground, looks, radius, tenth, way,
};
use crate::svg::{Svg, Turns};

/// As wide as three poses beside each other.
pub(super) const WIDTH: f64 = 3.0 * WIDE;
/// Seconds that a walk is played in at most: a longer one goes by faster.
const LONGEST: f64 = 5.0;
/// Seconds for which it then stands.
const REST: f64 = 0.8;
/// How often it is played beside others, so that a page that is left open comes to rest.
const TURNS: u32 = 3;

/// Where a film is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the page of its candidate.
    Alone,
    /// Beside others.
    Card,
}

/// How a walk is played.
pub(super) struct Playing {
    /// The lowest and the highest place of all along each axis.
    ends: [(f64, f64); 2],
    /// How far a joint reaches.
    radius: f64,
    /// Seconds from the first pose to the last, as they are shown.
    seconds: f64,
}

impl Playing {
    /// `None` of a body that was seen once, or at one time alone.
    pub(super) fn of(film: &Film) -> Option<Self> {
        let seconds = (film.seconds.min(LONGEST) * 10.0).round() / 10.0;
        if film.poses.len() < 2 || seconds <= 0.0 {
            return None;
        }
        let join = |held: (f64, f64), (lo, hi): (f64, f64)| (held.0.min(lo), held.1.max(hi));
        let ends = [0, 1].map(|axis| {
            let poses = film.poses.iter().map(|pose| ends(pose, axis));
            poses.fold((f64::INFINITY, f64::NEG_INFINITY), join)
        });
        Some(Self { ends, radius: radius(film), seconds })
    }

    /// What the body takes along an axis on its whole way.
    fn reach(&self, axis: usize) -> f64 {
        self.ends[axis].1 - self.ends[axis].0 + 2.0 * self.radius
    }

    /// Units of a tenth where there is so much room.
    fn scale(&self, high: f64) -> f64 {
        ((WIDTH - 2.0 * ROOM) / self.reach(0)).min((high - 2.0 * ROOM) / self.reach(1))
    }

    /// As high as it needs to be.
    pub(super) fn height(&self) -> f64 {
        (self.reach(1) * self.scale(HIGH) + 2.0 * ROOM).round()
    }

    /// How long it took, and how far it came.
    pub(super) fn told(&self, film: &Film) -> String {
        let last = film.poses.last().map(|pose| way(film, pose)).unwrap_or_default();
        let played = if self.seconds < film.seconds {
            format!(" in {} s", tenth(self.seconds))
        } else {
            String::new()
        };
        format!("{} s{played}, {last}", tenth(film.seconds))
    }

    /// The same, and of how little it is made.
    pub(super) fn told_at_length(&self, film: &Film) -> String {
        format!("{}: {} moments, straight from each to the next", self.told(film), film.poses.len())
    }

    /// The film with the ground behind it and, below it, what is told of it and how much of it has gone by.
    pub(super) fn draw(&self, film: &Film, svg: &mut Svg, high: f64, place: Place) {
        // Letters below one that stands alone are as large as those below its moments.
        let (letters, told, count) = match place {
            Place::Alone => (10.0, self.told_at_length(film), None),
            Place::Card => (13.0, self.told(film), Some(TURNS)),
        };
        let turns = Turns { seconds: self.turn(), count };
        let part = self.part(high);
        let [ground_look, bodies @ ..] = looks(svg, self.radius * part.scale);
        let mut under = String::new();
        film.ground.iter().for_each(|line| under += &ground(&part, line));
        if !under.is_empty() {
            svg.path(&under, &ground_look);
        }
        let skeleton = Skeleton::of(film);
        let mut frames: [Vec<String>; 3] = Default::default();
        for pose in &film.poses {
            for (frames, path) in frames.iter_mut().zip(skeleton.paths(pose, &part)) {
                frames.push(path);
            }
        }
        for (mut frames, look) in frames.into_iter().zip(bodies) {
            if frames[0].is_empty() {
                continue;
            }
            // It stands before it begins again.
            frames.extend(frames.last().cloned());
            svg.moving([&frames, &self.shares(film.poses.len())], turns, &look);
        }
        let bottom = high + CAPTION - FINE / 2.0;
        svg.path(
            &format!("M0 {bottom}h{WIDTH}"),
            &format!("stroke=\"{}\" stroke-width=\"{FINE}\"", svg.inks().rule),
        );
        let gone = [0.0, WIDTH, WIDTH].map(|x| format!("M0 {bottom}h{x}"));
        svg.moving([&gone, &self.shares(2)], turns, &ground_look);
        below(svg, (WIDTH / 2.0, high - FINE), letters, &told);
    }

    fn part(&self, high: f64) -> Part {
        let scale = self.scale(high);
        let [(left, right), (bottom, _)] = self.ends;
        let up = bottom - self.radius + (high / 2.0 - ROOM) / scale;
        let half = [WIDTH / 2.0, high / 2.0];
        Part { middle: [f64::midpoint(left, right), up], at: half, scale, half }
    }

    /// Seconds from one beginning to the next.
    fn turn(&self) -> f64 {
        ((self.seconds + REST) * 10.0).round() / 10.0
    }

    /// The shares of a turn at which so many moments are there, and its end.
    fn shares(&self, moments: usize) -> Vec<String> {
        let last = (moments - 1) as f64;
        let share = |moment: usize| {
            let mut text = String::new();
            let _ = write!(text, "{:.3}", moment as f64 / last * self.seconds / self.turn());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        (0..moments).map(share).chain(["1".to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::film, *};

    fn drawn(film: &Film) -> Option<String> {
        Playing::of(film).map(|playing| {
            let mut svg = Svg::on_page(WIDTH, HIGH + CAPTION, "");
            playing.draw(film, &mut svg, HIGH, Place::Alone);
            svg.finish()
        })
    }

    #[test]
    fn frames_are_the_poses_one_after_the_other_and_the_last_stays_for_a_while() {
        let file = drawn(&film()).unwrap();
        let muscles = file.lines().find(|line| line.contains("--c1")).unwrap();
        let values = muscles.split("values=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let frames: Vec<&str> = values.split(';').collect();
        assert_eq!(frames.len(), film().poses.len() + 1);
        assert_eq!(frames[5], frames[6]);
        assert!(muscles.contains(&format!("<path d=\"{}\"", frames[0])), "{muscles}");
        // What a browser goes between has the same commands.
        let commands = |frame: &str| frame.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        assert!(frames.iter().all(|frame| commands(frame) == commands(frames[0])), "{frames:?}");
        assert!(muscles.contains("keyTimes=\"0;0.172;0.345;0.517;0.69;0.862;1\""), "{muscles}");
        assert!(file.contains("10 s in 5 s, +15.5 m: 6 moments, straight from each to the next"), "{file}");
    }

    #[test]
    fn what_was_seen_once_is_not_played() {
        for still in [Film { seconds: 0.0, ..film() }, Film { poses: vec![vec![0; 6]], ..film() }] {
            assert_eq!(drawn(&still), None);
            let card = super::super::card(&still, "").finish();
            assert!(!card.contains("class=") && !card.contains("<animate"), "{card}");
        }
        let short = Film { seconds: 2.0, ..film() };
        assert!(drawn(&short).unwrap().contains("2 s, +15.5 m: 6 moments"));
    }

    #[test]
    fn a_film_of_any_size_is_a_drawing() {
        let far = 100_000_000;
        for poses in [vec![vec![-far, -far, far, far, 0, 0], vec![far; 6]], vec![vec![0, 0, 0, 0, 0, 0]; 2]] {
            let file = drawn(&Film { poses, ..film() }).unwrap();
            assert!(!file.contains("NaN") && !file.contains("inf"), "{file}");
        }
    }
}
