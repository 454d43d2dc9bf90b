//! Ask and tell: a search whose candidates Python evaluates, in whatever order it likes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::{exceptions::PyValueError, intern, prelude::*, types::PyDict};
use samara_qd::emitters::Space;
use samara_search::{
    Ask, BanditSettings, Candidate, Charge, EmitterKind, EmitterSettings, Emitting, Ensemble, Finished,
    Genome, Invalid, Outcome, Plan, Score, Search as Pure, SearchSettings, Settled, Setup, Unscored,
};

use crate::{
    archive::Archive,
    numbers::{self, Floats, numbers_of},
};

/// Candidates of a search at most: it ends when nobody asks any more.
const MOST: u64 = 1_000_000_000_000;
/// How a candidate is called that is one of the initial solutions, as it is.
const INITIAL: &str = "initial";

/// What `ask` gives: the candidates' numbers, and their solutions row by row.
type Asked<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyAny>);

/// A search over lists of numbers. What settles goes into the archive that it was made with, too.
#[pyclass(module = "samara._samara")]
pub(crate) struct Search {
    /// Proposers may be sent to another thread and not shared by two: nobody else ever holds this lock.
    search: Mutex<Pure>,
    initial: Vec<Vec<f64>>,
    bounds: Bounds,
    archive: Py<Archive>,
    width: usize,
    /// Candidates that are out: asked for, and not told.
    out: BTreeMap<u64, Arc<Genome>>,
}

#[pymethods]
impl Search {
    #[new]
    #[pyo3(signature = (archive, *, emitters, initial, start, bounds, numbers))]
    fn new(
        py: Python<'_>,
        archive: Py<Archive>,
        emitters: (String, Option<String>),
        initial: &Bound<'_, PyAny>,
        start: Vec<f64>,
        bounds: Option<Vec<(f64, f64)>>,
        numbers: (u64, usize),
    ) -> PyResult<Self> {
        let (seed, window) = numbers;
        let held = archive.borrow(py);
        let Some(width) = held.vectors() else {
            return Err(PyValueError::new_err(
                "the archive's solutions are no lists of numbers\nhint: make it with solution_dim=N, without extra_fields",
            ));
        };
        if !held.kind().occupied().is_empty() {
            return Err(PyValueError::new_err(
                "the archive is not empty\nhint: give an empty one, and its elites as `initial`",
            ));
        }
        let initial = Floats::batch(initial, "initial", &[width])?;
        let initial: Vec<Vec<f64>> = initial.values()?.chunks(width.max(1)).map(<[f64]>::to_vec).collect();
        if !initial.iter().flatten().all(|number| number.is_finite()) {
            return Err(PyValueError::new_err("an initial solution holds a number that is not finite"));
        }
        let bounds = Bounds::new(bounds, width)?;
        let rules = *held.kind().rules();
        let settings = SearchSettings {
            init_steps: initial.len() as u64,
            emitters: read::<Vec<EmitterSettings>>(&emitters.0)?,
            bandit: emitters.1.as_deref().map(read::<BanditSettings>).transpose()?,
            total_steps: MOST,
            concurrency: window,
            window,
            seed,
            qd_offset: rules.qd_offset,
            learning_rate: rules.soft.map(|soft| soft.learning_rate),
            threshold_min: rules.soft.map(|soft| soft.threshold_min),
            ..SearchSettings::default()
        };
        settings.validate().map_err(refused)?;
        let space = Space { start, bounds: bounds.together() };
        let emitting = Emitting::new(&settings, &EmitterSettings::new(EmitterKind::IsoLine), space, INITIAL);
        let setup = Setup {
            settings,
            tessellation: held.kind().tessellation().clone(),
            ensemble: Ensemble::default(),
            proposers: vec![Box::new(emitting.map_err(refused)?)],
        };
        let search = Pure::new(setup).map_err(refused)?;
        drop(held);
        Ok(Self { search: Mutex::new(search), initial, bounds, archive, width, out: BTreeMap::new() })
    }

    fn ask<'py>(&mut self, py: Python<'py>, count: usize) -> PyResult<Asked<'py>> {
        let window = self.search().settings().window;
        if count > window {
            return Err(PyValueError::new_err(format!(
                "{count} candidates are more than the window of {window}\nhint: give the search window={count}"
            )));
        }
        let (mut ids, mut solutions) = (Vec::with_capacity(count), Vec::with_capacity(count * self.width));
        while ids.len() < count {
            let asked = self.search().ask();
            let Ask::Ticket(ticket) = asked else { break };
            let solution = self.solution(&ticket.plan, ticket.index);
            solutions.extend_from_slice(&solution);
            ids.push(ticket.index as i64);
            self.out.insert(ticket.index, Arc::new(Genome::Vector(solution)));
        }
        let rows = ids.len();
        Ok((ids.into_pyarray(py), numbers::shaped(solutions, rows, &[self.width], py)?.into_any()))
    }

    fn tell<'py>(
        &mut self,
        py: Python<'py>,
        id: &Bound<'py, PyAny>,
        objective: &Bound<'py, PyAny>,
        measures: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let ids = ids(id)?;
        let dims = self.search().population().overall().archive().tessellation().dims();
        let one = ids.single;
        let objective = if one {
            vec![objective.extract()?]
        } else {
            Floats::batch(objective, "objective", &[])?.values()?.to_vec()
        };
        let measures = if one {
            numbers::list(measures, "measures")?
        } else {
            Floats::batch(measures, "measures", &[dims])?.values()?.to_vec()
        };
        let count = ids.all.len();
        if objective.len() != count || measures.len() != count * dims {
            return Err(PyValueError::new_err(format!(
                "id has {count} candidates, but objective or measures have not"
            )));
        }
        self.check_out(&ids.all)?;
        let mut settled = Vec::new();
        for ((id, objective), measures) in ids.all.iter().zip(objective).zip(measures.chunks(dims)) {
            let Some(genome) = self.out.remove(id) else { continue };
            let score = Score::new(objective, measures.to_vec());
            settled.extend(self.finish(*id, Outcome::Scored { genome, score }));
        }
        self.settled(py, settled)
    }

    fn fail<'py>(&mut self, py: Python<'py>, id: u64, why: String) -> PyResult<Bound<'py, PyDict>> {
        self.check_out(&[id])?;
        let genome = self.out.remove(&id);
        let settled = self.finish(id, Outcome::Failed(Unscored { genome, why, artifacts: Vec::new() }));
        self.settled(py, settled)
    }

    fn digest(&self) -> String {
        self.search().population().archive_hash()
    }

    #[getter]
    fn archive(&self, py: Python<'_>) -> Py<Archive> {
        self.archive.clone_ref(py)
    }

    #[getter]
    fn num_settled(&self) -> u64 {
        self.search().settled()
    }

    #[getter]
    fn window(&self) -> usize {
        self.search().settings().window
    }

    /// The numbers of candidates that are asked for and not told.
    #[getter]
    fn outstanding<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        self.out.keys().map(|id| *id as i64).collect::<Vec<_>>().into_pyarray(py)
    }
}

/// Numbers of candidates.
struct Ids {
    all: Vec<u64>,
    /// Whether it was one number and no list.
    single: bool,
}

fn ids(given: &Bound<'_, PyAny>) -> PyResult<Ids> {
    if let Ok(array) = given.cast::<PyArray1<i64>>() {
        let all =
            array.readonly().as_array().iter().map(|id| u64::try_from(*id).unwrap_or(u64::MAX)).collect();
        return Ok(Ids { all, single: false });
    }
    if let Ok(id) = given.extract::<u64>() {
        return Ok(Ids { all: vec![id], single: true });
    }
    Ok(Ids { all: given.extract::<Vec<u64>>()?, single: false })
}

/// Settings as JSON.
fn read<T: serde::de::DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| PyValueError::new_err(format!("emitters: {error}")))
}

fn refused(invalid: Invalid) -> PyErr {
    PyValueError::new_err(invalid.to_string())
}

/// Between which values the numbers of solutions are kept.
enum Bounds {
    Nowhere,
    /// The same for every number: the emitters know them.
    Together([f64; 2]),
    /// A pair for each.
    Each(Vec<(f64, f64)>),
}

impl Bounds {
    fn new(given: Option<Vec<(f64, f64)>>, width: usize) -> PyResult<Self> {
        let Some(given) = given else { return Ok(Self::Nowhere) };
        if given.len() != width || !given.iter().all(|(lo, hi)| lo <= hi) {
            let message = format!("bounds are not {width} pairs, the lower value first");
            return Err(PyValueError::new_err(message));
        }
        match given.first() {
            Some((lo, hi)) if lo < hi && given.iter().all(|pair| pair == &(*lo, *hi)) => {
                Ok(Self::Together([*lo, *hi]))
            }
            _ => Ok(Self::Each(given)),
        }
    }

    fn together(&self) -> Option<[f64; 2]> {
        if let Self::Together(bounds) = self { Some(*bounds) } else { None }
    }

    fn clip(&self, solution: &mut [f64]) {
        if let Self::Each(bounds) = self {
            for (number, (lo, hi)) in solution.iter_mut().zip(bounds) {
                *number = number.clamp(*lo, *hi);
            }
        }
    }
}

impl Search {
    /// What a plan comes to: one of the initial solutions as it is, or what an emitter has proposed.
    fn solution(&self, plan: &Plan, index: u64) -> Vec<f64> {
        match plan.material.first() {
            Some(proposed) => {
                let mut solution = numbers_of(proposed).to_vec();
                self.bounds.clip(&mut solution);
                solution
            }
            None => self.initial.get(index as usize).cloned().unwrap_or_default(),
        }
    }

    fn search(&self) -> MutexGuard<'_, Pure> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses candidates that are not out, or stand twice, before anything is told.
    fn check_out(&self, ids: &[u64]) -> PyResult<()> {
        let mut seen = std::collections::BTreeSet::new();
        match ids.iter().find(|id| !self.out.contains_key(id) || !seen.insert(**id)) {
            Some(id) => {
                Err(PyValueError::new_err(format!("candidate {id} was not asked for, or is told already")))
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self, index: u64, outcome: Outcome) -> Vec<Settled> {
        self.search().tell(Finished { index, outcome, charge: Charge::default(), model_ms: 0.0 })
    }

    /// Puts what settled into Python's archive, and says what became of it.
    fn settled<'py>(&self, py: Python<'py>, settled: Vec<Settled>) -> PyResult<Bound<'py, PyDict>> {
        let mut archive = self.archive.borrow_mut(py);
        let mut ids = Vec::with_capacity(settled.len());
        let mut status = Vec::with_capacity(settled.len());
        for Settled { candidate, .. } in settled {
            let Candidate { index, genome, score, fate, .. } = candidate;
            if let (true, Some(genome), Some(score)) = (fate.entered(), genome, score) {
                archive.offer(py, numbers_of(&genome).to_vec(), score.objective, &score.measures)?;
            }
            ids.push(index as i64);
            status.push(match fate {
                samara_search::Fate::New => 2,
                samara_search::Fate::Improved => 1,
                _ => 0,
            });
        }
        let answer = PyDict::new(py);
        answer.set_item(intern!(py, "id"), ids.into_pyarray(py))?;
        answer.set_item(intern!(py, "status"), <Vec<i32> as IntoPyArray>::into_pyarray(status, py))?;
        Ok(answer)
    }
}
