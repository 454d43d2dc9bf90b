//! What is kept beside an archive's elites, a row for each cell: solutions, and whatever fields an archive has more.

use numpy::{PyArray1, PyArrayMethods};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::PyDict,
};

use crate::numbers::{Floats, numpy, shaped, shown};

/// Values at most: as many as an archive has measures.
const MOST_VALUES: usize = 1 << 30;

/// A row for each cell.
pub(crate) enum Rows {
    /// Numbers of one shape.
    Numbers { shape: Vec<usize>, width: usize, values: Vec<f64> },
    /// Whatever Python has.
    Objects { values: Vec<Option<Py<PyAny>>> },
}

/// A row that is on its way into an archive.
pub(crate) enum Row {
    Numbers(Vec<f64>),
    Object(Py<PyAny>),
}

/// A batch of rows.
pub(crate) enum Batch<'py> {
    Numbers(Floats<'py>),
    Objects(Vec<Bound<'py, PyAny>>),
}

impl Rows {
    /// Empty rows: of numbers of this shape, or of objects.
    ///
    /// # Errors
    /// More numbers than fit.
    pub(crate) fn new(cells: usize, shape: Vec<usize>, objects: bool) -> PyResult<Self> {
        if objects {
            return Ok(Self::Objects { values: std::iter::repeat_with(|| None).take(cells).collect() });
        }
        let size = shape.iter().try_fold(1_usize, |all, size| all.checked_mul(*size));
        let fits = size.and_then(|width| Some((width, width.checked_mul(cells)?)));
        match fits.filter(|(_, all)| *all <= MOST_VALUES) {
            Some((width, all)) => Ok(Self::Numbers { shape, width, values: vec![0.0; all] }),
            None => Err(PyValueError::new_err(format!(
                "{cells} cells with {} numbers each are more than fit",
                shown(&shape)
            ))),
        }
    }

    /// Reads a batch of `count` rows.
    ///
    /// # Errors
    /// Another number of rows, or another shape; `name` is what the message calls the argument.
    pub(crate) fn batch<'py>(
        &self,
        given: &Bound<'py, PyAny>,
        name: &str,
        count: usize,
    ) -> PyResult<Batch<'py>> {
        let (batch, found) = match self {
            Self::Numbers { shape, .. } => {
                let floats = Floats::batch(given, name, shape)?;
                let rows = floats.rows();
                (Batch::Numbers(floats), rows)
            }
            Self::Objects { .. } => {
                let rows: Vec<Bound<'_, PyAny>> = given.try_iter()?.collect::<PyResult<_>>()?;
                let count = rows.len();
                (Batch::Objects(rows), count)
            }
        };
        if found != count {
            return Err(PyValueError::new_err(format!("{name} has {found} rows, and objective has {count}")));
        }
        Ok(batch)
    }

    /// Reads a single row.
    ///
    /// # Errors
    /// Another shape.
    pub(crate) fn one(&self, given: &Bound<'_, PyAny>, name: &str) -> PyResult<Row> {
        match self {
            Self::Numbers { shape, width, .. } => {
                if let [_] = shape[..]
                    && let Ok(array) = given.cast::<PyArray1<f64>>()
                {
                    let row: Vec<f64> = array.readonly().as_array().iter().copied().collect();
                    return checked(row, *width, name);
                }
                let floats = Floats::read(given)?;
                let scalar = shape.is_empty() && floats.values()?.len() == 1;
                if floats.shape() != shape.as_slice() && !scalar {
                    return Err(PyValueError::new_err(format!(
                        "{name} has the shape {}, not {}",
                        shown(floats.shape()),
                        shown(shape)
                    )));
                }
                Ok(Row::Numbers(floats.values()?.to_vec()))
            }
            Self::Objects { .. } => Ok(Row::Object(given.clone().unbind())),
        }
    }

    /// Writes a row of a batch into a cell.
    pub(crate) fn put(&mut self, cell: usize, batch: &Batch<'_>, row: usize) -> PyResult<()> {
        match (self, batch) {
            (Self::Numbers { width, values, .. }, Batch::Numbers(floats)) => {
                let from = &floats.values()?[row * *width..(row + 1) * *width];
                values[cell * *width..(cell + 1) * *width].copy_from_slice(from);
            }
            (Self::Objects { values }, Batch::Objects(rows)) => {
                values[cell] = Some(rows[row].clone().unbind());
            }
            _ => return Err(PyTypeError::new_err("a batch of another kind than its archive")),
        }
        Ok(())
    }

    /// Writes a single row into a cell.
    pub(crate) fn put_one(&mut self, cell: usize, row: Row) {
        match (self, row) {
            (Self::Numbers { width, values, .. }, Row::Numbers(row)) => {
                values[cell * *width..(cell + 1) * *width].copy_from_slice(&row);
            }
            (Self::Objects { values }, Row::Object(row)) => values[cell] = Some(row),
            // `one` reads rows of this kind.
            (Self::Numbers { .. }, Row::Object(_)) | (Self::Objects { .. }, Row::Numbers(_)) => {}
        }
    }

    /// The numbers of a cell's row; `None` of objects.
    pub(crate) fn numbers(&self, cell: usize) -> Option<&[f64]> {
        match self {
            Self::Numbers { width, values, .. } => Some(&values[cell * width..(cell + 1) * width]),
            Self::Objects { .. } => None,
        }
    }

    /// The bytes by which a row counts in a digest: those of the genome that it would be in a run.
    ///
    /// # Errors
    /// An object that is no text.
    pub(crate) fn bytes(&self, cell: usize, py: Python<'_>) -> PyResult<Vec<u8>> {
        match self {
            Self::Numbers { .. } => {
                Ok(samara_search::number_list(self.numbers(cell).unwrap_or_default()).into_bytes())
            }
            Self::Objects { values } => match &values[cell] {
                Some(text) => Ok(text
                    .bind(py)
                    .extract::<String>()
                    .map_err(|_| PyTypeError::new_err("a digest needs solutions that are texts or numbers"))?
                    .into_bytes()),
                None => Ok(Vec::new()),
            },
        }
    }

    /// The rows of cells as an array; of those that are `None`, NaN or Python's `None`.
    pub(crate) fn take<'py>(&self, cells: &[Option<usize>], py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Numbers { shape, width, values } => {
                let mut taken = Vec::with_capacity(cells.len() * width);
                for cell in cells {
                    match cell {
                        Some(cell) => taken.extend_from_slice(&values[cell * width..(cell + 1) * width]),
                        None => taken.extend(std::iter::repeat_n(f64::NAN, *width)),
                    }
                }
                Ok(shaped(taken, cells.len(), shape, py)?.into_any())
            }
            Self::Objects { values } => {
                let options = PyDict::new(py);
                options.set_item(intern!(py, "dtype"), intern!(py, "object"))?;
                let array = numpy(py)?.call_method("empty", (cells.len(),), Some(&options))?;
                for (row, cell) in cells.iter().enumerate() {
                    if let Some(value) = cell.and_then(|cell| values[cell].as_ref()) {
                        array.set_item(row, value)?;
                    }
                }
                Ok(array)
            }
        }
    }
}

fn checked(row: Vec<f64>, width: usize, name: &str) -> PyResult<Row> {
    if row.len() == width {
        return Ok(Row::Numbers(row));
    }
    Err(PyValueError::new_err(format!("{name} has the shape ({},), not ({width},)", row.len())))
}
