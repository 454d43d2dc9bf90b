//! The cells of an archive.

use pyo3::{exceptions::PyValueError, prelude::*};
use samara_qd::{Axis, Cvt, CvtSettings, Grid, QdError, Tessellation};
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
    pub(crate) axes: Vec<AxisSettings>,
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
        Ok(Self { tessellation: Tessellation::Grid(Grid::new(built).map_err(refused)?), axes: settings })
    }

    /// What is nearest to each of these centroids, an array of one row each.
    #[staticmethod]
    fn around(centroids: &Bound<'_, PyAny>, ranges: Vec<(f64, f64)>, names: Vec<String>) -> PyResult<Self> {
        let centroids = Floats::batch(centroids, "centroids", &[ranges.len()])?;
        let rows = centroids.values()?.chunks(ranges.len().max(1)).map(<[f64]>::to_vec).collect();
        let cvt = Cvt::from_centroids(rows).map_err(refused)?;
        Ok(Self { tessellation: Tessellation::Cvt(cvt), axes: spanned(names, &ranges) })
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
        Ok(Self { tessellation: Tessellation::Cvt(cvt), axes })
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
