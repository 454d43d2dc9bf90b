//! How many cells a reader takes on, checked before anything is allocated: settings and stored cells are data of
//! somebody who may wish us ill.

use samara_qd::Tessellation;
use samara_search::{Algorithm, AxisSettings, SearchSettings, settings::MOST_PLACES};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Cells times depth of all archives of a run that is read, at most: as many as a search may allocate.
pub(crate) const MAX_SLOTS: usize = MOST_PLACES;
/// Samples that k-means clusters times its iterations, at most: 2^26, a minute or two.
const MAX_KMEANS: usize = 1 << 26;

/// How many cells a tessellation claims to have, as far as cells are allocated that its text doesn't hold.
#[derive(Deserialize)]
struct Claimed {
    #[serde(default)]
    grid: Vec<ClaimedAxis>,
}

#[derive(Deserialize)]
struct ClaimedAxis {
    #[serde(default)]
    bins: Option<usize>,
    #[serde(default)]
    ticks: Vec<IgnoredAny>,
    #[serde(default)]
    categories: Vec<IgnoredAny>,
}

impl ClaimedAxis {
    fn cells(&self) -> usize {
        self.bins.unwrap_or(self.ticks.len() + 1).max(self.categories.len())
    }
}

/// A stored tessellation, or what is wrong with it.
pub(crate) fn parse(json: &str) -> Result<Tessellation, String> {
    let claimed: Claimed = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let axes = claimed.grid.iter().map(ClaimedAxis::cells);
    cells_of(axes).filter(|cells| *cells <= MAX_SLOTS).ok_or_else(too_many)?;
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// Refuses settings whose archives would have more slots than a reader takes on. `cells` are known for a stored
/// tessellation; those of a grid follow from its axes.
pub(crate) fn check(
    settings: &SearchSettings,
    axes: &[AxisSettings],
    stored: Option<usize>,
) -> Result<(), String> {
    settings.places(axes, stored).filter(|places| *places <= MAX_SLOTS).ok_or_else(too_many)?;
    if stored.is_none() && settings.algorithm == Algorithm::CvtMapElites {
        let work = settings.cvt.samples.checked_mul(settings.cvt.max_iterations.max(axes.len()));
        work.filter(|work| *work <= MAX_KMEANS).ok_or("its cells would take k-means too long to find")?;
    }
    Ok(())
}

fn cells_of(axes: impl Iterator<Item = usize>) -> Option<usize> {
    axes.into_iter().try_fold(1_usize, |cells, axis| cells.checked_mul(axis.max(1)))
}

fn too_many() -> String {
    format!("its archives have more than {MAX_SLOTS} places for elites")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_cells_that_claim_too_much_are_refused_before_they_are_made() {
        let axis = |bins: &str| format!("{{\"name\": \"a\", \"range\": [0, 1], \"bins\": {bins}}}");
        let grid = |axes: &[String]| format!("{{\"grid\": [{}]}}", axes.join(", "));
        // 10,000 axes of 16,777,216 bins each would be 1.3 TB of edges before anything counts the cells.
        for json in [
            grid(&vec![axis("16777216"); 10_000]),
            grid(&[axis("16777216"), axis("2")]),
            grid(&[axis("9223372036854775807"), axis("9223372036854775807")]),
        ] {
            assert_eq!(parse(&json), Err(too_many()));
        }
        assert!(parse(&grid(&[axis("-1")])).is_err() && parse("{}").is_err() && parse("[").is_err());
        assert_eq!(parse(&grid(&[axis("20")])).map(|cells| cells.cells()), Ok(20));
    }

    #[test]
    fn slots_are_counted_over_depth_and_islands() {
        let axes = [AxisSettings::even("a", [0.0, 1.0], 1 << 12)];
        let settings = |depth: usize, count: u32| {
            let mut settings = SearchSettings { depth, ..SearchSettings::default() };
            settings.islands.count = count;
            settings
        };
        assert_eq!(check(&settings(1 << 12, 1), &axes, None), Ok(()));
        assert_eq!(check(&settings(1 << 12, 2), &axes, None), Err(too_many()));
        assert_eq!(check(&settings((1 << 12) + 1, 1), &axes, None), Err(too_many()));
        assert_eq!(check(&settings(usize::MAX, 1000), &axes, Some(usize::MAX)), Err(too_many()));
        assert_eq!(check(&settings(1, 1), &[], Some(MAX_SLOTS)), Ok(()));
    }
}
