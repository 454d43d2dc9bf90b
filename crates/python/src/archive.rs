//! Archives of solutions, with the words of pyribs and the meaning of `samara_qd::Archive`.

use numpy::{IntoPyArray, PyArray1};
use pyo3::{exceptions::PyValueError, intern, prelude::*, types::PyDict};
use samara_qd::{Added, Archive as Cellular, Rules, Soft, Status, Stream};
use samara_view::{gallery::Gallery, picture};

use crate::{
    cells::{Cells, refused},
    numbers::{self, Floats},
    rows::{Batch, Row, Rows},
};

/// A field beside the solution: its name and its rows.
struct Field {
    name: String,
    rows: Rows,
}

/// The best that was ever added, as it was then.
struct Best {
    cell: usize,
    objective: f64,
    measures: Vec<f64>,
    threshold: f64,
    solution: Py<PyAny>,
    fields: Vec<Py<PyAny>>,
}

/// An archive of one elite a cell. `samara.archives` has the classes that people use.
#[pyclass(subclass, module = "samara._samara")]
pub(crate) struct Archive {
    cells: Py<Cells>,
    archive: Cellular,
    solutions: Rows,
    fields: Vec<Field>,
    /// Solutions that were offered: what the next one is called inside.
    offered: u64,
    best: Option<Best>,
    seed: u64,
    /// Samples that were drawn.
    drawn: u64,
}

/// How pyribs numbers what became of a solution.
pub(crate) fn code(status: Status) -> i32 {
    match status {
        Status::NotAdded => 0,
        Status::Improved => 1,
        Status::New => 2,
    }
}

#[pymethods]
impl Archive {
    #[new]
    #[pyo3(signature = (cells, *, shape, objects, fields, soft, qd_score_offset, seed))]
    fn new(
        cells: Py<Cells>,
        shape: Vec<usize>,
        objects: bool,
        fields: Vec<(String, Vec<usize>, bool)>,
        soft: Option<(f64, f64)>,
        qd_score_offset: f64,
        seed: u64,
    ) -> PyResult<Self> {
        let soft = soft.map(|(learning_rate, threshold_min)| Soft { learning_rate, threshold_min });
        let rules = Rules { depth: 1, soft, qd_offset: qd_score_offset };
        let archive = Cellular::new(cells.get().tessellation.clone(), rules).map_err(refused)?;
        let count = archive.tessellation().cells();
        let field = |(name, shape, objects)| Ok(Field { name, rows: Rows::new(count, shape, objects)? });
        Ok(Self {
            solutions: Rows::new(count, shape, objects)?,
            fields: fields.into_iter().map(field).collect::<PyResult<_>>()?,
            cells,
            archive,
            offered: 0,
            best: None,
            seed,
            drawn: 0,
        })
    }

    #[pyo3(signature = (solution, objective, measures, **fields))]
    fn add<'py>(
        &mut self,
        py: Python<'py>,
        solution: &Bound<'py, PyAny>,
        objective: &Bound<'py, PyAny>,
        measures: &Bound<'py, PyAny>,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let objective = Floats::batch(objective, "objective", &[])?;
        let count = objective.rows();
        let dims = self.archive.tessellation().dims();
        let measures = Floats::batch(measures, "measures", &[dims])?;
        if measures.rows() != count {
            let rows = measures.rows();
            return Err(PyValueError::new_err(format!(
                "measures has {rows} rows, and objective has {count}"
            )));
        }
        let solutions = self.solutions.batch(solution, "solution", count)?;
        let more = self.given(fields, |rows, given, name| rows.batch(given, name, count))?;
        let added = self
            .archive
            .add_columns(self.offered, objective.values()?, measures.values()?)
            .map_err(refused)?;
        self.offered += count as u64;
        self.keep(py, &added, &solutions, &more)?;
        let answer = PyDict::new(py);
        let status: Vec<i32> = added.iter().map(|added| code(added.status)).collect();
        answer.set_item(intern!(py, "status"), status.into_pyarray(py))?;
        let value: Vec<f64> = added.iter().map(|added| added.value).collect();
        answer.set_item(intern!(py, "value"), value.into_pyarray(py))?;
        Ok(answer)
    }

    #[pyo3(signature = (solution, objective, measures, **fields))]
    fn add_single<'py>(
        &mut self,
        py: Python<'py>,
        solution: &Bound<'py, PyAny>,
        objective: f64,
        measures: &Bound<'py, PyAny>,
        fields: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let measures = numbers::list(measures, "measures")?;
        let solution = self.solutions.one(solution, "solution")?;
        let more = self.given(fields, |rows, given, name| rows.one(given, name))?;
        let added = self.place(py, (solution, more), objective, &measures)?;
        let answer = PyDict::new(py);
        answer.set_item(intern!(py, "status"), code(added.status))?;
        answer.set_item(intern!(py, "value"), added.value)?;
        Ok(answer)
    }

    /// Forgets every elite.
    fn clear(&mut self) -> PyResult<()> {
        let (tessellation, rules) = (self.archive.tessellation().clone(), *self.archive.rules());
        self.archive = Cellular::new(tessellation, rules).map_err(refused)?;
        self.best = None;
        Ok(())
    }

    fn index_of<'py>(
        &self,
        py: Python<'py>,
        measures: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let cells: Vec<i64> = self.found(measures)?.into_iter().map(|cell| cell as i64).collect();
        Ok(cells.into_pyarray(py))
    }

    /// What the cells of these measures hold: whether anything, and the columns.
    fn _at<'py>(
        &self,
        py: Python<'py>,
        measures: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyArray1<bool>>, Bound<'py, PyDict>)> {
        let filled = |cell: usize| self.archive.elite(cell).map(|_| cell);
        let cells: Vec<Option<usize>> = self.found(measures)?.into_iter().map(filled).collect();
        let occupied: Vec<bool> = cells.iter().map(Option::is_some).collect();
        Ok((occupied.into_pyarray(py), self.columns(&cells, py)?))
    }

    /// The columns of every elite, in the order in which cells were filled.
    fn _all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let cells: Vec<Option<usize>> =
            self.archive.occupied().iter().map(|cell| Some(*cell as usize)).collect();
        self.columns(&cells, py)
    }

    /// The columns of elites drawn uniformly, each from all or from those not yet drawn.
    fn _sample<'py>(&mut self, py: Python<'py>, count: usize, replace: bool) -> PyResult<Bound<'py, PyDict>> {
        let occupied = self.archive.occupied();
        if occupied.is_empty() {
            return Err(PyValueError::new_err("there is nothing to sample: the archive is empty"));
        }
        if !replace && count > occupied.len() {
            let held = occupied.len();
            return Err(PyValueError::new_err(format!(
                "there are {held} elites, and {count} different ones are asked for"
            )));
        }
        let mut stream = Stream::new(self.seed, self.drawn);
        let drawn: Vec<usize> = if replace {
            (0..count).map(|_| stream.index(occupied.len())).collect()
        } else {
            stream.distinct(occupied.len(), count)
        };
        let cells: Vec<Option<usize>> = drawn.iter().map(|place| Some(occupied[*place] as usize)).collect();
        self.drawn += 1;
        self.columns(&cells, py)
    }

    /// Number of elites, coverage, QD score, the same per cell, best and mean objective.
    fn _stats(&self) -> (usize, f64, f64, f64, Option<f64>, Option<f64>) {
        let stats = self.archive.stats();
        let per_cell = stats.qd_score / stats.cells_total as f64;
        (stats.cells_filled, stats.coverage, stats.qd_score, per_cell, stats.best, stats.mean)
    }

    /// The best that was ever added, a value of each column; `None` before the first.
    fn _best<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(best) = &self.best else { return Ok(None) };
        let row = PyDict::new(py);
        row.set_item("solution", &best.solution)?;
        row.set_item("objective", best.objective)?;
        row.set_item("measures", best.measures.clone().into_pyarray(py))?;
        row.set_item("threshold", best.threshold)?;
        for (field, value) in self.fields.iter().zip(&best.fields) {
            row.set_item(&field.name, value)?;
        }
        row.set_item("index", best.cell)?;
        Ok(Some(row))
    }

    /// The centroids of a CVT, a row each; `None` of a grid.
    fn _centroids<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let samara_qd::Tessellation::Cvt(cvt) = self.archive.tessellation() else { return Ok(None) };
        let values: Vec<f64> = (0..cvt.cells()).flat_map(|cell| cvt.centroid(cell)).copied().collect();
        Ok(Some(numbers::shaped(values, cvt.cells(), &[cvt.dims()], py)?.into_any()))
    }

    /// How novel measures are, a row each: the mean distance to the nearest elites, infinite of an empty archive. `None` of
    /// an archive that is not for whoever is novel.
    fn _novelty<'py>(
        &self,
        py: Python<'py>,
        measures: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyArray1<f64>>>> {
        let dims = self.archive.tessellation().dims();
        let measures = Floats::batch(measures, "measures", &[dims])?;
        let novel = measures.values()?.chunks(dims).map(|one| self.archive.novelty(one));
        Ok(novel.collect::<Option<Vec<f64>>>().map(|novel| novel.into_pyarray(py)))
    }

    /// How many of the nearest elites have a lower objective, a row each.
    fn _local_competition<'py>(
        &self,
        py: Python<'py>,
        objective: &Bound<'py, PyAny>,
        measures: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyArray1<i64>>>> {
        let dims = self.archive.tessellation().dims();
        let objective = Floats::batch(objective, "objective", &[])?;
        let measures = Floats::batch(measures, "measures", &[dims])?;
        let rows = objective.values()?.iter().zip(measures.values()?.chunks(dims));
        let beaten = rows.map(|(objective, one)| self.archive.local_competition(*objective, one));
        let beaten = beaten.map(|beaten| beaten.map(|count| count as i64));
        Ok(beaten.collect::<Option<Vec<i64>>>().map(|beaten| beaten.into_pyarray(py)))
    }

    /// The map as SVG.
    fn _picture(&self) -> PyResult<String> {
        picture::draw(&self.archive, &self.cells.get().axes(&self.archive), &Gallery::default())
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn digest(&self, py: Python<'_>) -> PyResult<String> {
        let mut places = std::collections::HashMap::new();
        for cell in self.archive.occupied() {
            let cell = *cell as usize;
            if let Some(elite) = self.archive.elite(cell) {
                places.insert(elite.id, self.solutions.bytes(cell, py)?);
            }
        }
        Ok(self.archive.digest(&mut |id| places.remove(&id).unwrap_or_default()))
    }

    #[getter]
    fn cells(&self) -> usize {
        self.archive.tessellation().cells()
    }

    #[getter]
    fn measure_dim(&self) -> usize {
        self.archive.tessellation().dims()
    }

    #[getter]
    fn empty(&self) -> bool {
        self.archive.occupied().is_empty()
    }

    #[getter]
    fn qd_score_offset(&self) -> f64 {
        self.archive.rules().qd_offset
    }

    fn __len__(&self) -> usize {
        self.archive.occupied().len()
    }
}

impl Archive {
    /// Its cells and rules.
    pub(crate) fn kind(&self) -> &Cellular {
        &self.archive
    }

    /// Whether its solutions are lists of numbers, how many, and nothing else is kept beside them.
    pub(crate) fn vectors(&self) -> Option<usize> {
        match &self.solutions {
            Rows::Numbers { shape, width, .. } if shape.len() == 1 && self.fields.is_empty() => Some(*width),
            Rows::Numbers { .. } | Rows::Objects { .. } => None,
        }
    }

    /// Offers a list of numbers.
    pub(crate) fn offer(
        &mut self,
        py: Python<'_>,
        solution: Vec<f64>,
        objective: f64,
        measures: &[f64],
    ) -> PyResult<Added> {
        self.place(py, (Row::Numbers(solution), Vec::new()), objective, measures)
    }

    /// Offers a text.
    pub(crate) fn offer_object(
        &mut self,
        py: Python<'_>,
        solution: Py<PyAny>,
        objective: f64,
        measures: &[f64],
    ) -> PyResult<Added> {
        self.place(py, (Row::Object(solution), Vec::new()), objective, measures)
    }

    fn place(
        &mut self,
        py: Python<'_>,
        (solution, more): (Row, Vec<Row>),
        objective: f64,
        measures: &[f64],
    ) -> PyResult<Added> {
        let added = self.archive.add(self.offered, objective, measures).map_err(refused)?;
        self.offered += 1;
        if added.rank.is_some() {
            self.solutions.put_one(added.cell, solution);
            for (field, row) in self.fields.iter_mut().zip(more) {
                field.rows.put_one(added.cell, row);
            }
            self.note_best(py, added.cell)?;
        }
        Ok(added)
    }

    /// Keeps the rows of those that a batch left in the archive.
    fn keep(
        &mut self,
        py: Python<'_>,
        added: &[Added],
        solutions: &Batch<'_>,
        more: &[Batch<'_>],
    ) -> PyResult<()> {
        let mut stored: Vec<(usize, usize)> = added
            .iter()
            .enumerate()
            .filter(|(_, added)| added.rank.is_some())
            .map(|(row, added)| (added.cell, row))
            .collect();
        // Of equally good ones the lowest cell's is the best, as the archive has it.
        stored.sort_unstable();
        for (cell, row) in &stored {
            self.solutions.put(*cell, solutions, *row)?;
            for (field, batch) in self.fields.iter_mut().zip(more) {
                field.rows.put(*cell, batch, *row)?;
            }
        }
        let held = |cell: &usize| self.archive.elite(*cell).map_or(f64::MIN, |elite| elite.objective);
        let best =
            stored.iter().map(|(cell, _)| *cell).reduce(|a, b| if held(&b) > held(&a) { b } else { a });
        best.map_or(Ok(()), |cell| self.note_best(py, cell))
    }

    fn note_best(&mut self, py: Python<'_>, cell: usize) -> PyResult<()> {
        let Some(elite) = self.archive.elite(cell) else { return Ok(()) };
        if self.best.as_ref().is_some_and(|best| elite.objective <= best.objective) {
            return Ok(());
        }
        let row = |rows: &Rows| Ok(rows.take(&[Some(cell)], py)?.get_item(0)?.unbind());
        self.best = Some(Best {
            cell,
            objective: elite.objective,
            measures: elite.measures.to_vec(),
            threshold: self.threshold(cell),
            solution: row(&self.solutions)?,
            fields: self.fields.iter().map(|field| row(&field.rows)).collect::<PyResult<_>>()?,
        });
        Ok(())
    }

    /// What a newcomer of a filled cell must exceed.
    fn threshold(&self, cell: usize) -> f64 {
        let held = || self.archive.elite(cell).map_or(f64::NAN, |elite| elite.objective);
        self.archive.threshold(cell).unwrap_or_else(held)
    }

    /// Reads the fields beside the solution: all of the archive's, and no others.
    fn given<'py, T>(
        &self,
        fields: Option<&Bound<'py, PyDict>>,
        read: impl Fn(&Rows, &Bound<'py, PyAny>, &str) -> PyResult<T>,
    ) -> PyResult<Vec<T>> {
        let count = fields.map_or(0, |fields| fields.len());
        if count == 0 && self.fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let given = fields.map(|fields| fields.get_item(&field.name)).transpose()?.flatten();
            let given = given
                .ok_or_else(|| PyValueError::new_err(format!("the field `{}` is missing", field.name)))?;
            found.push(read(&field.rows, &given, &field.name)?);
        }
        if count > self.fields.len() {
            return Err(PyValueError::new_err(
                "a field that the archive does not have: name it in extra_fields",
            ));
        }
        Ok(found)
    }

    /// The cells of a batch of measures.
    fn found(&self, measures: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
        let dims = self.archive.tessellation().dims();
        let measures = Floats::batch(measures, "measures", &[dims])?;
        let values = measures.values()?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(PyValueError::new_err(format!("a measure is {value}, not a finite number")));
        }
        let nobody = || PyValueError::new_err("nothing is near these measures: the archive is empty");
        values.chunks(dims).map(|one| self.archive.cell_of(one).ok_or_else(nobody)).collect()
    }

    /// All fields of filled cells as arrays; of those that are `None`, NaN, -1 or Python's `None`.
    fn columns<'py>(&self, cells: &[Option<usize>], py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dims = self.archive.tessellation().dims();
        let (mut objective, mut threshold) =
            (Vec::with_capacity(cells.len()), Vec::with_capacity(cells.len()));
        let mut measures = Vec::with_capacity(cells.len() * dims);
        let mut index = Vec::with_capacity(cells.len());
        for cell in cells {
            match cell.and_then(|cell| self.archive.elite(cell)) {
                Some(elite) => {
                    objective.push(elite.objective);
                    measures.extend_from_slice(elite.measures);
                    threshold.push(self.threshold(elite.cell));
                    index.push(elite.cell as i64);
                }
                None => {
                    objective.push(f64::NAN);
                    measures.extend(std::iter::repeat_n(f64::NAN, dims));
                    threshold.push(f64::NAN);
                    index.push(-1);
                }
            }
        }
        let columns = PyDict::new(py);
        columns.set_item("solution", self.solutions.take(cells, py)?)?;
        columns.set_item("objective", objective.into_pyarray(py))?;
        columns.set_item("measures", numbers::shaped(measures, cells.len(), &[dims], py)?)?;
        columns.set_item("threshold", threshold.into_pyarray(py))?;
        for field in &self.fields {
            columns.set_item(&field.name, field.rows.take(cells, py)?)?;
        }
        columns.set_item("index", index.into_pyarray(py))?;
        Ok(columns)
    }
}
