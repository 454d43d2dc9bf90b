//! How settings and axes become the cells of an archive, and what is refused before it is allocated.

use samara_qd::{Archive, Cvt, CvtSettings, Grid, Novelty, Places, Rules, Soft, Tessellation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Algorithm, AxisSettings, SearchSettings,
    limits::{MOST, MOST_CELLS, MOST_CROWD, MOST_KMEANS, MOST_NEIGHBOURS, MOST_PLACES, MOST_SAMPLES},
};
use crate::Invalid;

/// The `[search.cvt]` section: the cells of `cvt_map_elites`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct CvtSection {
    /// Number of cells. Default 1,000.
    #[schemars(range(min = 1, max = MOST_CELLS))]
    pub cells: usize,
    /// Uniform samples of the measure space that k-means clusters, at least as many as cells. Default 25,000.
    #[schemars(range(min = 1, max = MOST_SAMPLES))]
    pub samples: usize,
    /// Most iterations of k-means. Default 100.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_iterations: usize,
}

impl Default for CvtSection {
    fn default() -> Self {
        Self { cells: 1000, samples: 25_000, max_iterations: 100 }
    }
}

/// The `[search.dominated_novelty]` section: the places of `dominated_novelty`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct DominatedNoveltySection {
    /// How many elites the archive holds; each costs every candidate a comparison. Default 1,000.
    #[schemars(range(min = 1, max = MOST_CROWD))]
    pub places: usize,
    /// An elite is worth its mean distance to so many of the nearest fitter ones. Default 3.
    #[schemars(range(min = 1, max = MOST_NEIGHBOURS))]
    pub neighbours: usize,
}

impl Default for DominatedNoveltySection {
    fn default() -> Self {
        Self { places: 1000, neighbours: 3 }
    }
}

impl DominatedNoveltySection {
    /// Whether it can be left out.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The `[search.local_competition]` section: the places of `local_competition`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct LocalCompetitionSection {
    /// How many elites the archive holds at most; each costs every candidate a comparison. Once all are taken, whoever is
    /// novel competes, too. Default 1,000.
    #[schemars(range(min = 1, max = MOST_CROWD))]
    pub places: usize,
    /// Novelty is the mean distance to so many of the nearest elites. Default 15.
    #[schemars(range(min = 1, max = MOST_NEIGHBOURS))]
    pub neighbours: usize,
    /// The least novelty that gets a place of its own, where the width of an axis' range is a distance of 1. Default 0.1.
    #[schemars(range(min = 0.0, max = MOST))]
    pub threshold: f64,
}

impl Default for LocalCompetitionSection {
    fn default() -> Self {
        Self { places: 1000, neighbours: 15, threshold: 0.1 }
    }
}

impl LocalCompetitionSection {
    /// Whether it can be left out.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl SearchSettings {
    /// What the archive keeps.
    pub fn rules(&self) -> Rules {
        let soft = self
            .learning_rate
            .zip(self.threshold_min)
            .map(|(learning_rate, threshold_min)| Soft { learning_rate, threshold_min });
        Rules { depth: self.depth, soft, qd_offset: self.qd_offset }
    }

    /// The empty archive that these settings and axes describe.
    pub fn archive(&self, axes: &[AxisSettings]) -> Result<Archive, Invalid> {
        self.archive_of(self.tessellation(axes)?)
    }

    /// How many places for elites the archives of a run have, all islands' and the one of all that was found; `None` if
    /// they are beyond counting. `cells` are known of cells that are there; those of a grid follow from its axes.
    pub fn places(&self, axes: &[AxisSettings], cells: Option<usize>) -> Option<usize> {
        let cells = match (cells, self.algorithm) {
            (Some(cells), _) => cells,
            (None, Algorithm::CvtMapElites) => self.cvt.cells,
            (None, Algorithm::DominatedNovelty) => self.dominated_novelty.places,
            (None, Algorithm::LocalCompetition) => self.local_competition.places,
            (None, Algorithm::MapElites) => {
                axes.iter().try_fold(1_usize, |cells, axis| cells.checked_mul(axis.cells().max(1)))?
            }
        };
        let archives = match self.islands.count {
            0 | 1 => 1,
            count => count as usize + 1,
        };
        cells.checked_mul(self.depth.max(1))?.checked_mul(archives)
    }

    /// Refuses archives with more than [`MOST_PLACES`], before anything is allocated.
    fn check_places(&self, axes: &[AxisSettings], cells: Option<usize>) -> Result<(), Invalid> {
        if self.places(axes, cells).is_some_and(|places| places <= MOST_PLACES) {
            return Ok(());
        }
        let what = format!("the archives would have more than {MOST_PLACES} places for elites");
        Err(Invalid::new("axes", what, "use fewer bins, axes or islands, or a smaller search.depth"))
    }

    /// The empty archive with these cells.
    pub fn archive_of(&self, tessellation: Tessellation) -> Result<Archive, Invalid> {
        self.check_places(&[], Some(tessellation.cells()))?;
        Archive::new(tessellation, self.rules()).map_err(|error| {
            Invalid::new("search", error.to_string(), "see depth, learning_rate, threshold_min and qd_offset")
        })
    }

    /// The cells that these settings and axes describe. Those of a CVT are the work of k-means.
    pub fn tessellation(&self, axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
        self.tessellation_around(&[], axes)
    }

    /// The same, where measures are known to lie around these points: a CVT has small cells there. A grid's cells follow
    /// from its axes alone.
    pub fn tessellation_around(
        &self,
        points: &[Vec<f64>],
        axes: &[AxisSettings],
    ) -> Result<Tessellation, Invalid> {
        self.check_places(axes, None)?;
        match self.algorithm {
            Algorithm::CvtMapElites => self.cvt(points, axes),
            Algorithm::MapElites => grid(axes),
            Algorithm::DominatedNovelty => self.crowd(units(axes)?),
            Algorithm::LocalCompetition => self.neighbourhood(units(axes)?),
        }
    }

    fn neighbourhood(&self, units: Vec<f64>) -> Result<Tessellation, Invalid> {
        let LocalCompetitionSection { places, neighbours, threshold } = self.local_competition;
        let made = Places::new(places, neighbours, units)
            .and_then(|places| places.for_the_novel(Novelty { threshold, competes: true }));
        made.map(Tessellation::Places).map_err(|error| {
            Invalid::new(
                "search.local_competition",
                error.to_string(),
                "places = 1000, neighbours = 15 and threshold = 0.1 are the defaults",
            )
        })
    }

    fn crowd(&self, units: Vec<f64>) -> Result<Tessellation, Invalid> {
        let DominatedNoveltySection { places, neighbours } = self.dominated_novelty;
        Places::new(places, neighbours, units).map(Tessellation::Places).map_err(|error| {
            Invalid::new(
                "search.dominated_novelty",
                error.to_string(),
                "places = 1000 and neighbours = 3 are the defaults",
            )
        })
    }

    fn cvt(&self, points: &[Vec<f64>], axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
        let steps = self.cvt.samples.checked_mul(self.cvt.max_iterations.max(1));
        if steps.is_none_or(|steps| steps > MOST_KMEANS) {
            let what = format!("samples times max_iterations is more than {MOST_KMEANS}");
            return Err(Invalid::new(
                "search.cvt",
                what,
                "k-means would not end; 25000 and 100 are the defaults",
            ));
        }
        let ranges = ranges(axes, "that a CVT could be cut by")?;
        let settings = CvtSettings {
            cells: self.cvt.cells,
            samples: self.cvt.samples,
            max_iterations: self.cvt.max_iterations,
            ranges,
            ..CvtSettings::default()
        };
        let made = if points.is_empty() {
            Cvt::kmeans(&settings, self.seed)
        } else {
            Cvt::kmeans_around(points, &settings, self.seed)
        };
        made.map(Tessellation::Cvt)
            .map_err(|error| Invalid::new("search.cvt", error.to_string(), "cells >= 1, samples >= cells"))
    }
}

/// What is a distance of 1 along each axis, without cells: its range.
fn units(axes: &[AxisSettings]) -> Result<Vec<f64>, Invalid> {
    Ok(ranges(axes, "that novelty could be measured by")?.iter().map(|(lo, hi)| hi - lo).collect())
}

/// The ranges of axes whose measures have distances; `what` they are for.
fn ranges(axes: &[AxisSettings], what: &str) -> Result<Vec<(f64, f64)>, Invalid> {
    if let Some(i) = axes.iter().position(|axis| axis.categories.is_some()) {
        return Err(Invalid::new(
            format!("axes[{i}].categories"),
            format!("categories have no distances {what}"),
            "use search.algorithm = \"map_elites\", which may have other axes beside this one",
        ));
    }
    axes.iter().enumerate().map(|(i, axis)| axis.range(i)).collect()
}

fn grid(axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
    let built = axes.iter().enumerate().map(|(i, axis)| axis.build(i)).collect::<Result<Vec<_>, _>>()?;
    Grid::new(built)
        .map(Tessellation::Grid)
        .map_err(|error| Invalid::new("axes", error.to_string(), "use fewer bins or fewer axes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_and_cells_that_ask_for_too_much_are_refused_before_they_are_made() {
        let axis = |bins: usize| AxisSettings::even("x", [0.0, 1.0], bins);
        let key = |settings: &SearchSettings, axes: &[AxisSettings]| {
            settings.tessellation(axes).expect_err("must be refused").to_string()
        };
        let with = |change: fn(&mut SearchSettings)| {
            let mut settings = SearchSettings::default();
            change(&mut settings);
            settings
        };
        let grid = SearchSettings::default();
        for axes in
            [vec![axis(1 << 24); 2], vec![axis(2); 64], vec![axis(1000); 3], vec![axis(usize::MAX); 2]]
        {
            assert!(key(&grid, &axes).contains("more than 16777216 places"), "{}", axes.len());
        }
        let deep = with(|s| s.depth = (1 << 12) + 1);
        assert!(key(&deep, &[axis(1 << 12)]).contains("search.depth"));
        let many = with(|s| s.islands.count = 1000);
        assert!(key(&many, &[axis(1 << 15)]).contains("islands"));
        let long = with(|s| {
            s.algorithm = Algorithm::CvtMapElites;
            s.cvt.max_iterations = 1_000_000;
        });
        assert!(key(&long, &[axis(2)]).contains("samples times max_iterations"));
        let recorded = grid.tessellation(&[axis(1 << 12)]).expect("cells");
        assert!(deep.archive_of(recorded).is_err());
    }

    #[test]
    fn rules_that_the_archive_refuses_name_the_section() {
        let soft = SearchSettings {
            depth: 2,
            learning_rate: Some(0.1),
            threshold_min: Some(0.0),
            ..SearchSettings::default()
        };
        let error = soft.archive(&[AxisSettings::even("x", [0.0, 1.0], 2)]).expect_err("must be refused");
        assert_eq!((&*error.key, &*error.what), ("search", "soft thresholds need a depth of 1"));
    }
}
