//! Numbers from Python: arrays of numpy as they are, everything else as numpy would read it.

use numpy::{PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::{exceptions::PyValueError, intern, prelude::*, sync::PyOnceLock, types::PyDict};
use samara_search::Genome;

/// An array of `f64` whose rows lie one behind the other.
pub(crate) struct Floats<'py>(PyReadonlyArrayDyn<'py, f64>);

impl<'py> Floats<'py> {
    /// Reads numbers of any shape; only what is no such array yet is copied.
    pub(crate) fn read(given: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = given.cast::<PyArrayDyn<f64>>()
            && array.is_c_contiguous()
        {
            return Ok(Self(array.readonly()));
        }
        let options = PyDict::new(given.py());
        options.set_item(intern!(given.py(), "dtype"), intern!(given.py(), "float64"))?;
        let array = numpy(given.py())?.call_method("asarray", (given,), Some(&options))?;
        let array = numpy(given.py())?.call_method1("ascontiguousarray", (array,))?;
        Ok(Self(array.cast_into::<PyArrayDyn<f64>>()?.readonly()))
    }

    /// The same, of this shape but for the first dimension, which is the batch's.
    ///
    /// # Errors
    /// Another shape; `name` is what the message calls the argument.
    pub(crate) fn batch(given: &Bound<'py, PyAny>, name: &str, shape: &[usize]) -> PyResult<Self> {
        let floats = Self::read(given)?;
        let found = floats.0.shape();
        if found.len() != shape.len() + 1 || found[1..] != *shape {
            let wanted: String = shape.iter().map(|size| format!(", {size}")).collect();
            return Err(PyValueError::new_err(format!(
                "{name} has the shape {}, not (batch size{wanted})",
                shown(found)
            )));
        }
        Ok(floats)
    }

    /// All numbers, row by row.
    pub(crate) fn values(&self) -> PyResult<&[f64]> {
        self.0.as_slice().map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.0.shape().first().copied().unwrap_or(1)
    }

    /// The shape.
    pub(crate) fn shape(&self) -> &[usize] {
        self.0.shape()
    }
}

/// A list of numbers, such as the measures of one solution.
pub(crate) fn list(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f64>> {
    if let Ok(array) = given.cast::<PyArray1<f64>>() {
        return Ok(array.readonly().as_array().iter().copied().collect());
    }
    if let Ok(list) = given.extract::<Vec<f64>>() {
        return Ok(list);
    }
    let floats = Floats::read(given)?;
    if floats.shape().len() != 1 {
        let shape = shown(floats.shape());
        return Err(PyValueError::new_err(format!(
            "{name} has the shape {shape}, not that of a list of numbers"
        )));
    }
    Ok(floats.values()?.to_vec())
}

/// A shape as Python writes it.
pub(crate) fn shown(shape: &[usize]) -> String {
    match shape {
        [size] => format!("({size},)"),
        sizes => format!("({})", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// The module `numpy`, imported when it is first needed.
pub(crate) fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    NUMPY.get_or_try_init(py, || Ok(py.import("numpy")?.unbind())).map(|module| module.bind(py))
}

/// A finished array in another shape: its rows have `shape`.
pub(crate) fn shaped<'py>(
    values: Vec<f64>,
    rows: usize,
    shape: &[usize],
    py: Python<'py>,
) -> PyResult<Bound<'py, PyArrayDyn<f64>>> {
    let whole: Vec<usize> = std::iter::once(rows).chain(shape.iter().copied()).collect();
    PyArray1::from_vec(py, values).reshape(whole)
}

/// The numbers of a genome that is a list of them.
pub(crate) fn numbers_of(genome: &Genome) -> &[f64] {
    match genome {
        Genome::Vector(numbers) => numbers,
        Genome::Text(_) | Genome::FewShot { .. } | Genome::Files(_) => &[],
    }
}
