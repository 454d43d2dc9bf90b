//! The cells of an archive.

use pyo3::{exceptions::PyValueError, prelude::*};
use samara_qd::{Archive, Axis, Cvt, CvtSettings, Grid, Novelty, Places, QdError, Tessellation};
use samara_search::AxisSettings;

use crate::numbers::Floats;

/// Says of numbers that an archive can't use what is wrong with them.
pub(crate) fn refused(error: QdError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// How measure space is cut into cells.
#[pyclass(frozen, module = "samara._samara")]
pub(crate) struct Cells {
    pub(crate) tessellation: Tessellation,
    /// What pictures call the axes.
    axes: Vec<AxisSettings>,
    /// Whether pictures go as far as the elites do: nobody said how far.
    is_open: bool,
}

/// How an axis is cut: the range and the number of even cells, inner edges, or names of categories.
#[derive(FromPyObject)]
enum Cut {
    Even(f64, f64, usize),
    Ticks(Vec<f64>),
    Categories(Vec<String>),
}

#[pymethods]
impl Cells {
    /// The product of axes, each a name and how it is cut.
    #[staticmethod]
    fn grid(axes: Vec<(String, Cut)>) -> PyResult<Self> {
        let mut built = Vec::with_capacity(axes.len());
        let mut settings = Vec::with_capacity(axes.len());
        for (name, cut) in axes {
            let (axis, setting) = cut.build(name)?;
            built.push(axis);
            settings.push(setting);
        }
        let tessellation = Tessellation::Grid(Grid::new(built).map_err(refused)?);
        Ok(Self { tessellation, axes: settings, is_open: false })
    }

    /// What is nearest to each of these centroids, an array of one row each.
    #[staticmethod]
    fn around(centroids: &Bound<'_, PyAny>, ranges: Vec<(f64, f64)>, names: Vec<String>) -> PyResult<Self> {
        let centroids = Floats::batch(centroids, "centroids", &[ranges.len()])?;
        let rows = centroids.values()?.chunks(ranges.len().max(1)).map(<[f64]>::to_vec).collect();
        let cvt = Cvt::from_centroids(rows).map_err(refused)?;
        Ok(Self { tessellation: Tessellation::Cvt(cvt), axes: spanned(names, &ranges), is_open: false })
    }

    /// The cells that k-means gives for a seed.
    #[staticmethod]
    fn kmeans(
        py: Python<'_>,
        cells: usize,
        ranges: Vec<(f64, f64)>,
        samples: usize,
        seed: u64,
        names: Vec<String>,
    ) -> PyResult<Self> {
        let axes = spanned(names, &ranges);
        let settings = CvtSettings { cells, samples, ranges, ..CvtSettings::default() };
        let cvt = py.detach(|| Cvt::kmeans(&settings, seed)).map_err(refused)?;
        Ok(Self { tessellation: Tessellation::Cvt(cvt), axes, is_open: false })
    }

    /// No cells, but places, of whoever is novel (a threshold, and whether others compete) or of Dominated Novelty Search.
    /// Distances are in the measures' own units, `ranges` for pictures.
    #[staticmethod]
    fn places(
        places: usize,
        neighbours: usize,
        novel: Option<(f64, bool)>,
        ranges: Option<Vec<(f64, f64)>>,
        names: Vec<String>,
    ) -> PyResult<Self> {
        let mut made = Places::new(places, neighbours, vec![1.0; names.len()]).map_err(refused)?;
        if let Some((threshold, competes)) = novel {
            made = made.for_the_novel(Novelty { threshold, competes }).map_err(refused)?;
        }
        let is_open = ranges.is_none();
        let ranges = ranges.unwrap_or_else(|| vec![(0.0, 1.0); names.len()]);
        Ok(Self { tessellation: Tessellation::Places(made), axes: spanned(names, &ranges), is_open })
    }
}

impl Cells {
    /// Those of a run.
    pub(crate) fn recorded(tessellation: Tessellation, axes: Vec<AxisSettings>) -> Self {
        Self { tessellation, axes, is_open: false }
    }

    /// The axes of a picture of an archive with these cells.
    pub(crate) fn axes(&self, archive: &Archive) -> Vec<AxisSettings> {
        let mut axes = self.axes.clone();
        if !self.is_open || archive.occupied().is_empty() {
            return axes;
        }
        for (place, axis) in axes.iter_mut().enumerate() {
            let seen = || archive.iter().map(|elite| elite.measures[place]);
            let (lo, hi) = (seen().fold(f64::INFINITY, f64::min), seen().fold(f64::NEG_INFINITY, f64::max));
            axis.range = if lo < hi { [lo, hi] } else { [lo - 0.5, hi + 0.5] };
        }
        axes
    }
}

fn spanned(names: Vec<String>, ranges: &[(f64, f64)]) -> Vec<AxisSettings> {
    let axis = |(name, (lo, hi)): (String, &(f64, f64))| AxisSettings {
        bins: None,
        ..AxisSettings::even(name, [*lo, *hi], 1)
    };
    names.into_iter().zip(ranges).map(axis).collect()
}

impl Cut {
    fn build(self, name: String) -> PyResult<(Axis, AxisSettings)> {
        let shown = name.clone();
        let (axis, settings) = match self {
            Self::Even(lo, hi, bins) => {
                (Axis::bins(name, lo, hi, bins), AxisSettings::even(shown, [lo, hi], bins))
            }
            Self::Ticks(ticks) => {
                let settings = AxisSettings {
                    bins: None,
                    ticks: Some(ticks.clone()),
                    ..AxisSettings::even(shown, [0.0, 1.0], 1)
                };
                (Axis::ticks(name, ticks), settings)
            }
            Self::Categories(names) => {
                let settings = AxisSettings::named(shown, names.iter().cloned());
                (Axis::categories(name, names), settings)
            }
        };
        Ok((axis.map_err(refused)?, settings))
    }
}
