//! How a body has moved, at a few moments: an artifact for people, small enough to be kept of every candidate.
//!
//! It is data of an evaluation that is over: whoever shows it runs no program. Somebody else's film is data, too, which
//! [`Film::of`] checks before anybody draws it.

use serde::{Deserialize, Serialize};

use crate::{Artifact, ArtifactKind};

/// The artifact's name.
pub const NAME: &str = "film";
/// Bytes of a film at most: one of a larger body is not kept.
pub const MAX_BYTES: usize = 8 << 10;
/// Poses at most.
const MAX_POSES: usize = 64;
/// How far from the origin anything may be.
const MAX_PLACE: i32 = 100_000_000;

/// A flat body of joints that are connected, at some moments. Places are pairs of x and y, y upwards, in tenths of the
/// unit of length, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Film {
    /// Seconds from the first pose to the last.
    pub seconds: f64,
    /// How far a joint reaches around its place.
    pub radius: u16,
    /// Joints that are connected by what keeps its length.
    pub bones: Vec<[u16; 2]>,
    /// Joints that are connected by what pulls and pushes.
    pub muscles: Vec<[u16; 2]>,
    /// The places of all joints at moments that are equally far from each other; one or more.
    pub poses: Vec<Vec<i32>>,
    /// The lines of the ground, as far as the body came.
    pub ground: Vec<Vec<i32>>,
}

/// A length as films write it; `None` if it is too large for a picture, or no number.
pub fn tenths(length: f64) -> Option<i32> {
    let tenths = (length * 10.0).round();
    (tenths.abs() <= f64::from(MAX_PLACE)).then_some(tenths as i32)
}

impl Film {
    /// The artifact; `None` if the film is not one that [`Film::of`] reads, such as that of a large body.
    pub fn artifact(&self) -> Option<Artifact> {
        let body = serde_json::to_vec(self).ok()?;
        let fits = body.len() <= MAX_BYTES && self.is_sound();
        Artifact::blob(NAME, ArtifactKind::Json, body).filter(|_| fits)
    }

    /// The film among artifacts, if there is one that can be drawn.
    pub fn of(artifacts: &[Artifact]) -> Option<Self> {
        let found = artifacts.iter().find(|artifact| artifact.is_film())?;
        let film: Self = serde_json::from_slice(&found.body).ok()?;
        film.is_sound().then_some(film)
    }

    /// Joints.
    pub fn joints(&self) -> usize {
        self.poses.first().map_or(0, |pose| pose.len() / 2)
    }

    fn is_sound(&self) -> bool {
        let joints = self.joints();
        let places = |line: &Vec<i32>| {
            line.len().is_multiple_of(2) && line.iter().all(|place| place.unsigned_abs() <= MAX_PLACE as u32)
        };
        self.seconds.is_finite()
            && self.seconds >= 0.0
            && joints > 0
            && self.poses.len() <= MAX_POSES
            && self.poses.iter().all(|pose| pose.len() == 2 * joints)
            && self.poses.iter().chain(&self.ground).all(places)
            && self.bones.iter().chain(&self.muscles).flatten().all(|joint| usize::from(*joint) < joints)
    }
}

impl Artifact {
    /// Whether it is called as a [`Film`] is, and no larger.
    pub fn is_film(&self) -> bool {
        self.name == NAME && self.kind == ArtifactKind::Json && self.body.len() <= MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film() -> Film {
        Film {
            seconds: 10.0,
            radius: 2,
            bones: vec![[0, 1]],
            muscles: vec![[1, 2]],
            poses: vec![vec![0, 0, 10, 0, 5, -12], vec![5, 0, 15, 1, 10, -12]],
            ground: vec![vec![-100, -20, 100, -20]],
        }
    }

    #[test]
    fn a_film_is_read_as_it_was_written() {
        let artifact = film().artifact().expect("an artifact");
        assert!(artifact.is_film() && artifact.body.len() < 200);
        assert_eq!(Film::of(&[Artifact::text("film", "a text"), artifact]), Some(film()));
        assert_eq!(Film::of(&[]), None);
    }

    #[test]
    fn what_can_not_be_drawn_is_neither_kept_nor_read() {
        let bad = [
            Film { bones: vec![[0, 3]], ..film() },
            Film { poses: vec![], ..film() },
            Film { poses: vec![vec![0, 0, 1]], ..film() },
            Film { poses: vec![vec![0; 6], vec![0; 4]], ..film() },
            Film { poses: vec![vec![i32::MIN; 6]], ..film() },
            Film { ground: vec![vec![1]], ..film() },
            Film { seconds: -1.0, ..film() },
            Film { seconds: f64::NAN, ..film() },
            Film { poses: vec![vec![123_456; 2000]], ..film() },
        ];
        for film in bad {
            assert_eq!(film.artifact(), None, "{film:?}");
            let body = serde_json::to_vec(&film).expect("written");
            let artifact = Artifact { name: NAME.to_owned(), kind: ArtifactKind::Json, body };
            assert_eq!(Film::of(&[artifact]), None, "{film:?}");
        }
        for body in ["", "[]", "{\"seconds\":1}", "{}<script>"] {
            let artifact = Artifact { name: NAME.to_owned(), kind: ArtifactKind::Json, body: body.into() };
            assert_eq!(Film::of(&[artifact]), None, "{body}");
        }
    }

    #[test]
    fn lengths_are_rounded_to_tenths_and_none_is_beyond_a_picture() {
        assert_eq!((tenths(1.26), tenths(-0.04), tenths(-3.0)), (Some(13), Some(0), Some(-30)));
        assert_eq!((tenths(f64::NAN), tenths(f64::INFINITY), tenths(1e9)), (None, None, None));
    }
}
