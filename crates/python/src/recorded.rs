//! A run as it is on disk: its tables, archive, curves and pictures. Read anew each time, so that a run that goes on is
//! shown as it is now.

use std::{collections::BTreeSet, path::PathBuf};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict},
};
use samara::embedded;
use samara_journal::{JournalError, Reader, RunView};
use samara_search::{AxisSettings, Candidate, Genome, Island};
use samara_view::{gallery::Gallery, picture, trace::Trace};

use crate::{
    archive::Archive,
    cells::Cells,
    errors,
    numbers::numbers_of,
    table::{Columns, Kind, Table, Value},
};

/// A run's folder, or its journal.
#[pyclass(frozen, module = "samara._samara")]
pub(crate) struct Recorded {
    path: PathBuf,
}

/// The best elites: candidate, cell, objective, measures, text.
type Best = Vec<(u64, usize, f64, Vec<f64>, String)>;

#[pymethods]
impl Recorded {
    /// Opens a run to look at it; nothing of it is run.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| Reader::open(&path)).map_err(|error| broken(&error))?;
        Ok(Self { path })
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Every candidate, or the elites of any island alone.
    fn candidates(&self, py: Python<'_>, elites: bool) -> PyResult<Table> {
        py.detach(|| self.table(elites))
    }

    /// Every model call.
    fn calls(&self, py: Python<'_>) -> PyResult<Table> {
        py.detach(|| calls(&self.reader()?))
    }

    /// The run as it went.
    fn curves(&self, py: Python<'_>) -> PyResult<Table> {
        py.detach(|| {
            let mut trace = Trace::new();
            RunView::following(&self.reader()?, &mut |step| trace.follow(step))
                .map_err(|error| broken(&error))?;
            curves(&trace)
        })
    }

    /// What a person asks first, by name.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let view = py.detach(|| self.view())?;
        let told = PyDict::new(py);
        let header = &view.header;
        told.set_item("experiment", &header.experiment)?;
        told.set_item("environment", &header.environment)?;
        told.set_item("seed", header.seed)?;
        told.set_item("created", &header.created)?;
        told.set_item("candidates", view.totals.candidates)?;
        told.set_item("calls", view.totals.calls)?;
        told.set_item("tokens", view.totals.tokens_in + view.totals.tokens_out)?;
        told.set_item("cost", view.totals.cost)?;
        let stats = view.replay.population().overall().archive().stats();
        told.set_item("cells_filled", stats.cells_filled)?;
        told.set_item("cells_total", stats.cells_total)?;
        told.set_item("coverage", stats.coverage)?;
        told.set_item("qd_score", stats.qd_score)?;
        told.set_item("best", stats.best)?;
        told.set_item("ended", view.sessions.last().map(|session| &session.reason))?;
        told.set_item("digest", view.replay.population().archive_hash())?;
        Ok(told)
    }

    /// The settings that the run began with, as TOML.
    fn settings(&self) -> PyResult<String> {
        Ok(self.reader()?.header().config.clone())
    }

    /// The best elites of all cells, the best first.
    fn best(&self, py: Python<'_>, count: usize) -> PyResult<Best> {
        py.detach(|| {
            let view = self.view()?;
            let found = view.replay.population().overall();
            let told = |elite: &samara_qd::Elite<'_>| {
                let text = found.genome(elite.id).text().into_owned();
                (elite.id, elite.cell, elite.objective, elite.measures.to_vec(), text)
            };
            Ok(found.archive().best_of(count).iter().map(told).collect())
        })
    }

    /// The map as SVG, with the pictures that elites have.
    fn picture(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let view = self.view()?;
            let found = view.replay.population().overall();
            picture::draw(found.archive(), &view.axes, &Gallery::of(found))
                .map_err(|error| errors::stopped(1, &error.to_string()))
        })
    }

    /// What a candidate's evaluation left, by name.
    fn artifacts<'py>(&self, py: Python<'py>, candidate: u64) -> PyResult<Bound<'py, PyDict>> {
        let found = py.detach(|| self.reader()?.candidate(candidate).map_err(|error| broken(&error)))?;
        let Some((found, _)) = found else {
            let message = format!("{}: there is no candidate {candidate}", self.path.display());
            return Err(errors::stopped(2, &message));
        };
        let left = PyDict::new(py);
        for artifact in found.all_artifacts() {
            match artifact.as_text() {
                Some(text) => left.set_item(&artifact.name, text)?,
                None => left.set_item(&artifact.name, PyBytes::new(py, &artifact.body))?,
            }
        }
        Ok(left)
    }

    /// The archive's cells, how many numbers a solution has (`None` for texts), and the names of the measures.
    fn cells(&self, py: Python<'_>) -> PyResult<(Cells, Option<usize>, Vec<String>)> {
        let view = py.detach(|| self.view())?;
        let found = view.replay.population().overall();
        let width = found.archive().iter().next().and_then(|elite| width(found, elite.id));
        let names = view.axes.iter().map(|axis| axis.name.clone()).collect();
        Ok((Cells::recorded(view.tessellation, view.axes), width, names))
    }

    /// Offers the best of every cell to an archive of these cells.
    fn fill(&self, py: Python<'_>, archive: &Bound<'_, Archive>) -> PyResult<()> {
        let view = py.detach(|| self.view())?;
        let found = view.replay.population().overall();
        let mut archive = archive.borrow_mut();
        let vectors = archive.vectors().is_some();
        for cell in found.archive().occupied() {
            let Some(elite) = found.archive().elite(*cell as usize) else { continue };
            let genome = found.genome(elite.id);
            if vectors {
                archive.offer(py, numbers_of(genome).to_vec(), elite.objective, elite.measures)?;
            } else {
                let text = genome.text().into_pyobject(py)?.into_any().unbind();
                archive.offer_object(py, text, elite.objective, elite.measures)?;
            }
        }
        Ok(())
    }
}

/// The report of some runs as one file: a page of HTML, or Markdown.
#[pyfunction]
pub(crate) fn report(py: Python<'_>, runs: Vec<PathBuf>, markdown: bool) -> PyResult<String> {
    py.detach(|| embedded::report(&runs, markdown)).map_err(|stopped| errors::of(&stopped))
}

/// Writes a run as another file.
#[pyfunction]
pub(crate) fn export(py: Python<'_>, run: PathBuf, kind: String, elites: bool, out: PathBuf) -> PyResult<()> {
    py.detach(|| embedded::export(&run, &kind, elites, &out)).map_err(|stopped| errors::of(&stopped))
}

/// Writes a text to a file that is no run's.
#[pyfunction]
pub(crate) fn write(out: PathBuf, text: &str) -> PyResult<()> {
    embedded::write(&out, text).map_err(|stopped| errors::of(&stopped))
}

/// How many numbers an elite's genome is; `None` of a text.
fn width(found: &Island, id: u64) -> Option<usize> {
    match &**found.genome(id) {
        Genome::Vector(numbers) => Some(numbers.len()),
        Genome::Text(_) | Genome::FewShot { .. } | Genome::Files(_) => None,
    }
}

fn broken(error: &JournalError) -> PyErr {
    errors::stopped(1, &error.to_string())
}

/// Columns of every run; those of measures and metrics follow.
const COLUMNS: [(&str, Kind); 18] = [
    ("index", Kind::Count),
    ("fate", Kind::Text),
    ("why", Kind::Text),
    ("operator", Kind::Text),
    ("parents", Kind::Counts),
    ("objective", Kind::Number),
    ("cell", Kind::Count),
    ("rank", Kind::Count),
    ("text", Kind::Text),
    ("model", Kind::Text),
    ("island", Kind::Count),
    ("horizon", Kind::Count),
    ("copy_of", Kind::Count),
    ("calls", Kind::Count),
    ("tokens", Kind::Count),
    ("price", Kind::Number),
    ("ms", Kind::Number),
    ("model_ms", Kind::Number),
];

/// A candidate, with what else its row says.
struct Row {
    candidate: Candidate,
    model: Option<String>,
    live_ms: f64,
}

impl Recorded {
    fn reader(&self) -> PyResult<Reader> {
        Reader::open(&self.path).map_err(|error| broken(&error))
    }

    fn view(&self) -> PyResult<RunView> {
        RunView::open(&self.path).map_err(|error| broken(&error))
    }

    fn table(&self, elites: bool) -> PyResult<Table> {
        let mut rows = Vec::new();
        let view = RunView::following(&self.reader()?, &mut |step| {
            rows.push(Row {
                candidate: step.candidate.clone(),
                model: step.model.map(str::to_owned),
                live_ms: step.live_ms,
            });
        });
        let view = view.map_err(|error| broken(&error))?;
        if elites {
            let islands = view.replay.population().islands();
            let kept: BTreeSet<u64> =
                islands.iter().flat_map(|island| island.archive().iter().map(|elite| elite.id)).collect();
            rows.retain(|row| kept.contains(&row.candidate.index));
        }
        candidates(&rows, &view.axes)
    }
}

fn candidates(rows: &[Row], axes: &[AxisSettings]) -> PyResult<Table> {
    let scores = || rows.iter().filter_map(|row| row.candidate.score.as_ref());
    let width = scores().map(|score| score.measures.len()).fold(axes.len(), usize::max);
    let metrics: BTreeSet<&String> = scores().flat_map(|score| score.metrics.keys()).collect();
    let named = |(name, kind): (&str, Kind)| (name.to_owned(), kind);
    let measure =
        |place: usize| axes.get(place).map_or_else(|| format!("m{place}"), |axis| axis.name.clone());
    // The names that every run has come first, so that no axis takes one of them.
    let mut columns = Columns::new(
        COLUMNS
            .into_iter()
            .map(named)
            .chain((0..width).map(|place| (measure(place), Kind::Number)))
            .chain(metrics.iter().map(|name| (format!("metric.{name}"), Kind::Number))),
    );
    for row in rows {
        columns.push(&values(row, width, &metrics))?;
    }
    columns.finish()
}

fn values<'a>(row: &'a Row, width: usize, metrics: &BTreeSet<&String>) -> Vec<Value<'a>> {
    let candidate = &row.candidate;
    let text = candidate.genome.as_ref().map(|genome| genome.text());
    let measures = candidate.measures().unwrap_or_default();
    let metric =
        |name: &&String| candidate.score.as_ref().and_then(|score| score.metrics.get(*name)).copied();
    let mut values = vec![
        Value::Count(Some(candidate.index)),
        Value::Text(Some(candidate.fate.name().into())),
        Value::Text(candidate.fate.why().map(Into::into)),
        Value::Text(Some(candidate.operator.as_str().into())),
        Value::Counts(&candidate.parents),
        Value::Number(candidate.objective()),
        Value::Count(candidate.cell),
        Value::Count(candidate.rank.map(u64::from)),
        Value::Text(text),
        Value::Text(row.model.as_deref().map(Into::into)),
        Value::Count(Some(u64::from(candidate.island))),
        Value::Count(Some(candidate.horizon)),
        Value::Count(candidate.copy_of),
        Value::Count(Some(candidate.charge.calls)),
        Value::Count(Some(candidate.charge.tokens)),
        Value::Number(Some(candidate.charge.money)),
        Value::Number(Some(row.live_ms)),
        Value::Number(Some(candidate.model_ms)),
    ];
    values.extend((0..width).map(|place| Value::Number(measures.get(place).copied())));
    values.extend(metrics.iter().map(|name| Value::Number(metric(name))));
    values
}

fn calls(reader: &Reader) -> PyResult<Table> {
    let columns = [
        ("candidate", Kind::Count),
        ("role", Kind::Text),
        ("kind", Kind::Text),
        ("model", Kind::Text),
        ("prompt", Kind::Text),
        ("answer", Kind::Text),
        ("method", Kind::Text),
        ("tokens_in", Kind::Count),
        ("tokens_out", Kind::Count),
        ("cost", Kind::Number),
        ("price", Kind::Number),
        ("latency_ms", Kind::Number),
        ("attempts", Kind::Count),
        ("seed", Kind::Count),
        ("error", Kind::Text),
    ];
    let mut columns = Columns::new(columns.map(|(name, kind)| (name.to_owned(), kind)));
    let mut push = |candidate: Option<u64>, calls: &[samara_journal::ModelCall]| {
        calls.iter().try_for_each(|call| {
            columns.push(&[
                Value::Count(candidate),
                Value::Text(Some(call.role.as_str().into())),
                Value::Text(Some(call.kind.name().into())),
                Value::Text(Some(call.model.as_str().into())),
                Value::Text(Some(call.prompt.as_str().into())),
                Value::Text(Some(call.answer.as_str().into())),
                Value::Text(call.method.as_deref().map(Into::into)),
                Value::Count(Some(call.tokens_in)),
                Value::Count(Some(call.tokens_out)),
                Value::Number(Some(call.cost)),
                Value::Number(Some(call.price.unwrap_or(call.cost))),
                Value::Number(Some(call.latency_ms)),
                Value::Count(Some(u64::from(call.attempts))),
                Value::Count(Some(call.seed)),
                Value::Text(call.error.as_deref().map(Into::into)),
            ])
        })
    };
    push(None, &reader.set_up_calls().map_err(|error| broken(&error))?)?;
    for index in 0..reader.len().map_err(|error| broken(&error))? {
        if let Some((candidate, life)) = reader.candidate(index).map_err(|error| broken(&error))? {
            push(Some(candidate.index), &life.calls)?;
        }
    }
    columns.finish()
}

fn curves(trace: &Trace) -> PyResult<Table> {
    let columns = [
        ("candidates", Kind::Count),
        ("qd_score", Kind::Number),
        ("coverage", Kind::Number),
        ("best", Kind::Number),
        ("mean", Kind::Number),
        ("calls", Kind::Count),
        ("tokens", Kind::Count),
        ("price", Kind::Number),
    ];
    let mut columns = Columns::new(columns.map(|(name, kind)| (name.to_owned(), kind)));
    for point in trace.points() {
        columns.push(&[
            Value::Count(Some(point.candidates)),
            Value::Number(Some(point.qd_score)),
            Value::Number(Some(point.coverage)),
            Value::Number(point.best),
            Value::Number(point.mean),
            Value::Count(Some(point.spent.calls)),
            Value::Count(Some(point.spent.tokens)),
            Value::Number(Some(point.spent.money)),
        ])?;
    }
    columns.finish()
}
