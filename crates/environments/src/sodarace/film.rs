//! What is kept of a walk for people: the creature at a few moments, with the ground that it came over.

use samara_search::{Artifact, Film, film::tenths};
use samara_sodarace::{
    Conditions, Evaluation, Rejection, Walker, World, constants::NODE_RADIUS, evaluate_watched,
};

/// Moments of a walk, the first and the last among them.
const POSES: u32 = 6;
/// Points of the ground at most: of a finer one nothing is kept.
const MOST_GROUND: usize = 200;
/// How much of the ground is kept beside the creature, in widths of all its poses.
const BESIDE: f64 = 0.5;

/// Evaluates a walker as `samara_sodarace::evaluate` does, with the same result, and keeps a film of it, if it is let walk
/// and is not too large.
pub(super) fn evaluate(
    walker: &Walker,
    conditions: &Conditions,
    ms: u32,
) -> Result<(Evaluation, Option<Artifact>), Rejection> {
    let mut poses: Vec<Option<Vec<i32>>> = Vec::new();
    let mut film = None;
    let evaluation = evaluate_watched(walker, conditions, ms, POSES, |world| {
        poses.push(pose(world));
        film.get_or_insert_with(|| body(world, ms));
        if poses.len() == POSES as usize
            && let (Some(film), Some(poses)) = (&mut film, poses.drain(..).collect())
        {
            film.poses = poses;
            film.ground = ground(world, &film.poses);
        }
    })?;
    Ok((evaluation, film.and_then(|film: Film| film.artifact())))
}

fn body(world: &World, ms: u32) -> Film {
    let connected = |bone: bool| {
        let of = world.connections().iter().filter(move |connection| connection.bone == bone);
        let ends = of.filter_map(|connection| {
            Some([u16::try_from(connection.a).ok()?, u16::try_from(connection.b).ok()?])
        });
        ends.collect()
    };
    Film {
        seconds: f64::from(ms) / 1000.0,
        radius: (NODE_RADIUS * 10.0).round() as u16,
        bones: connected(true),
        muscles: connected(false),
        poses: Vec::new(),
        ground: Vec::new(),
    }
}

/// Where all joints are; `None` if one is nowhere that can be drawn.
fn pose(world: &World) -> Option<Vec<i32>> {
    world.positions().flatten().map(|place| tenths(f64::from(place))).collect()
}

/// The lines of the ground as far as the creature came; none if that takes too many points.
fn ground(world: &World, poses: &[Vec<i32>]) -> Vec<Vec<i32>> {
    let across = || poses.iter().flat_map(|pose| pose.iter().step_by(2)).map(|x| f64::from(*x) / 10.0);
    let (left, right) = (across().fold(f64::INFINITY, f64::min), across().fold(f64::NEG_INFINITY, f64::max));
    let beside = BESIDE * (right - left);
    let (left, right) = (left - beside, right + beside);
    let near = |line: &Vec<[f64; 2]>| -> Vec<i32> {
        let mut kept: Vec<[f64; 2]> = Vec::new();
        for pair in line.windows(2).filter_map(|pair| cut(pair[0], pair[1], left, right)) {
            if kept.last() != Some(&pair[0]) {
                kept.push(pair[0]);
            }
            kept.push(pair[1]);
        }
        kept.into_iter().flatten().map(tenths).collect::<Option<_>>().unwrap_or_default()
    };
    let lines: Vec<Vec<i32>> = world.ground().iter().map(near).filter(|line| line.len() > 2).collect();
    let points: usize = lines.iter().map(|line| line.len() / 2).sum();
    if points <= MOST_GROUND { lines } else { Vec::new() }
}

/// What of a straight line lies between two abscissas; `None` if nothing does.
fn cut(a: [f64; 2], b: [f64; 2], left: f64, right: f64) -> Option<[[f64; 2]; 2]> {
    if a[0].max(b[0]) < left || a[0].min(b[0]) > right {
        return None;
    }
    let at = |[x, y]: [f64; 2]| {
        let inside = x.clamp(left, right);
        let share = if inside == x { 0.0 } else { (inside - a[0]) / (b[0] - a[0]) };
        [inside, if inside == x { y } else { a[1] + share * (b[1] - a[1]) }]
    };
    Some([at(a), at(b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_shows_a_walk_and_changes_nothing_of_it() {
        let walker: Walker = serde_json::from_str(
            r#"{"joints": [[0, 0], [10, 0], [5, -10]], "muscles": [[0, 1, {"type": "distance", "amplitude": 0, "phase": 0}], [1, 2, {"type": "muscle", "amplitude": 8, "phase": 0.25}], [0, 2, {"type": "muscle", "amplitude": 8, "phase": 0}]]}"#,
        )
        .expect("a walker");
        let conditions = Conditions::default();
        let (evaluation, film) = evaluate(&walker, &conditions, 3000).expect("walks");
        assert_eq!(Ok(evaluation), samara_sodarace::evaluate(&walker, &conditions, 3000));
        let film = Film::of(&[film.expect("a film")]).expect("can be drawn");
        assert_eq!((film.poses.len(), film.joints(), film.seconds), (POSES as usize, 3, 3.0));
        assert_eq!((film.bones.len(), film.muscles.len()), (1, 2));
        assert!(film.poses[0] != film.poses[5] && !film.ground.is_empty(), "{film:?}");
        assert!(film.artifact().is_some_and(|artifact| artifact.body.len() < 500));
    }

    #[test]
    fn lines_are_cut_where_the_walk_ends() {
        assert_eq!(cut([0.0, 0.0], [10.0, 10.0], 2.0, 4.0), Some([[2.0, 2.0], [4.0, 4.0]]));
        assert_eq!(cut([3.0, 9.0], [3.0, 1.0], 2.0, 4.0), Some([[3.0, 9.0], [3.0, 1.0]]));
        assert_eq!(cut([10.0, 1.0], [0.0, 1.0], 2.0, 4.0), Some([[4.0, 1.0], [2.0, 1.0]]));
        assert_eq!(cut([5.0, 0.0], [9.0, 0.0], 2.0, 4.0), None);
    }
}
