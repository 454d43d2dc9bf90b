//! A class of Python as an environment: the engine calls, `samara._hosting` answers, and what that asks of models goes
//! back to the engine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use pyo3::{intern, prelude::*};
use samara::embedded::OwnEnvironment;
use samara_engine::{Abort, Asker, Question, Reason, Unanswered};
use samara_lm::{CompletionRequest, Sampling};
use samara_qd::Stream;
use samara_search::{Artifact, Candidate, Genome, Parent, Plan, Proposer, View};

/// A candidate as Python is told of it: index, what it is, objective, measures, metrics.
type Known = (u64, Solution, Option<f64>, Vec<f64>, BTreeMap<String, f64>);

/// How a function of Python ended: `made`, `invalid` or `failed`; what it made, or why there is nothing; its traceback.
type Ended<'py> = (String, Bound<'py, PyAny>, String);

/// What is evolved.
#[derive(FromPyObject, IntoPyObject)]
enum Solution {
    Text(String),
    Vector(Vec<f64>),
}

impl Solution {
    fn of(genome: &Genome) -> Self {
        match genome {
            Genome::Vector(vector) => Self::Vector(vector.clone()),
            other => Self::Text(other.text().into_owned()),
        }
    }

    fn genome(self) -> Result<Genome, Abort> {
        match self {
            Self::Text(text) => Ok(Genome::text_of(text)),
            Self::Vector(vector) if vector.iter().all(|number| number.is_finite()) => {
                Ok(Genome::Vector(vector))
            }
            Self::Vector(_) => Err(Abort::failed("write gave a vector with a number that is not finite")),
        }
    }
}

fn known(parent: &Parent) -> Known {
    let solution = Solution::of(&parent.genome);
    match &parent.score {
        None => (parent.id, solution, None, Vec::new(), BTreeMap::new()),
        Some(score) => {
            (parent.id, solution, Some(score.objective), score.measures.clone(), score.metrics.clone())
        }
    }
}

/// An environment of Python: `samara._hosting.Host`.
pub(crate) struct Hosted {
    host: Arc<Py<PyAny>>,
    text: String,
}

impl Hosted {
    /// The environment behind a host.
    pub(crate) fn new(host: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = host.getattr(intern!(host.py(), "text"))?.extract()?;
        Ok(Self { host: Arc::new(host.clone().unbind()), text })
    }

    /// Calls a method of the host, which says how it ended.
    fn call<T>(
        &self,
        call: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, Abort> {
        let called = Python::try_attach(|py| {
            let told = call(self.host.bind(py))?;
            let (ending, what, traceback): Ended<'_> = told.extract()?;
            if ending == "made" {
                return Ok(Ok(read(&what)?));
            }
            let why: String = what.extract()?;
            let mut artifacts = vec![Artifact::text("error", &why)];
            artifacts.extend((!traceback.is_empty()).then(|| Artifact::text("traceback", &traceback)));
            let reason = Reason { why, artifacts };
            PyResult::Ok(Err(if ending == "invalid" {
                Abort::Invalid(reason)
            } else {
                Abort::Failed(reason)
            }))
        });
        match called {
            Some(Ok(done)) => done,
            Some(Err(error)) => Err(Abort::failed(format!("the class can't be called: {error}"))),
            None => Err(Abort::failed("Python is ending")),
        }
    }
}

impl OwnEnvironment for Hosted {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn set_up(&self, asker: &Asker) -> Result<Vec<String>, Abort> {
        let asker = Asking(asker.clone());
        self.call(|host| host.call_method1("set_up", (asker,)), |made| made.extract())
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        let made = Python::try_attach(|py| {
            let island = self.host.bind(py).call_method1("island", (pool.to_vec(),))?;
            let learns = island.getattr("learns")?.extract()?;
            PyResult::Ok((island.unbind(), learns))
        });
        let (island, learns, broken) = match made {
            Some(Ok((island, learns))) => (Some(island), learns, None),
            Some(Err(error)) => (None, false, Some(error.to_string())),
            None => (None, false, Some("Python is ending".to_owned())),
        };
        Box::new(Island { island, learns, broken })
    }

    fn write(&self, plan: &Plan, asker: &Asker) -> Result<Genome, Abort> {
        let asker = Asking(asker.clone());
        let parents: Vec<Known> = plan.parents.iter().map(known).collect();
        let data = plan.material.first().map_or_else(String::new, |data| data.text().into_owned());
        let given = (plan.operator.as_str(), parents, data, asker);
        let made: Solution = self.call(|host| host.call_method1("write", given), |made| made.extract())?;
        made.genome()
    }

    fn evaluate(&self, draft: &Genome, asker: &Asker) -> Result<String, Abort> {
        let given = (Solution::of(draft), Asking(asker.clone()));
        self.call(|host| host.call_method1("evaluate", given), |made| made.extract())
    }
}

/// The plans and the memory of an island: `samara._hosting.Island`.
struct Island {
    island: Option<Py<PyAny>>,
    learns: bool,
    /// Why nothing can be planned any more.
    broken: Option<String>,
}

/// What Python plans: the operator, the parents' indices, and what else is to be written with, as JSON.
type Planned = (String, Vec<u64>, String);

impl Island {
    /// A plan, which a failure of the class is, too: its candidate fails, and says why.
    fn plan(&self, view: &View<'_>, stream: &mut Stream, fresh: bool) -> Plan {
        self.planned(view, stream, fresh).unwrap_or_else(|why| {
            let told = serde_json::json!({ "failed": why });
            Plan::fresh("plan", vec![Arc::new(Genome::text_of(told.to_string()))])
        })
    }

    fn planned(&self, view: &View<'_>, stream: &mut Stream, fresh: bool) -> Result<Plan, String> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let elites: Arc<[Parent]> =
            view.archive().iter().map(|elite| view.parent(&elite)).collect::<Vec<_>>().into();
        let outlook =
            Outlook { index: view.index(), elites: Arc::clone(&elites), stream: Mutex::new(stream.clone()) };
        let asked = Python::try_attach(|py| {
            let Some(island) = &self.island else { return Err("there is no island".to_owned()) };
            let told = |error: PyErr| error.to_string();
            let outlook = Bound::new(py, outlook).map_err(told)?;
            let given = (outlook.clone(), fresh);
            let planned = island.bind(py).call_method1("plan", given).map_err(told)?;
            let planned: Planned = planned.extract().map_err(told)?;
            let left = outlook.get().stream.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ok((planned, left))
        });
        let ((operator, ids, data), left) = asked.unwrap_or_else(|| Err("Python is ending".to_owned()))?;
        *stream = left;
        let parent = |id: u64| {
            let found = elites.iter().find(|elite| elite.id == id).cloned();
            found.ok_or_else(|| format!("plan names candidate {id} as a parent, which is no elite"))
        };
        let parents = ids.into_iter().map(parent).collect::<Result<Vec<_>, _>>()?;
        let material = vec![Arc::new(Genome::text_of(data))];
        Ok(if parents.is_empty() {
            Plan::fresh(operator, material)
        } else {
            Plan { material, ..Plan::varied(operator, parents) }
        })
    }
}

impl Proposer for Island {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        self.plan(view, stream, true)
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        (!view.archive().occupied().is_empty()).then(|| self.plan(view, stream, false))
    }

    fn learn(&mut self, candidate: &Candidate) {
        let Some(island) = self.island.as_ref().filter(|_| self.learns && self.broken.is_none()) else {
            return;
        };
        let score = candidate.score.as_deref();
        let given = (
            candidate.index,
            candidate.genome.as_deref().map(Solution::of),
            candidate.objective(),
            candidate.measures().map(<[f64]>::to_vec).unwrap_or_default(),
            score.map(|score| score.metrics.clone()).unwrap_or_default(),
            (candidate.fate.name(), candidate.operator.as_str()),
        );
        let learnt = Python::try_attach(|py| island.bind(py).call_method1("learn", given).map(drop));
        if let Some(Err(error)) = learnt {
            self.broken = Some(error.to_string());
        }
    }
}

/// What a candidate is planned from.
#[pyclass(frozen, module = "samara._samara")]
pub(crate) struct Outlook {
    index: u64,
    elites: Arc<[Parent]>,
    stream: Mutex<Stream>,
}

impl Outlook {
    fn drawn<T>(&self, draw: impl FnOnce(&mut Stream) -> T) -> T {
        draw(&mut self.stream.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl Outlook {
    /// The candidate's index.
    #[getter]
    fn index(&self) -> u64 {
        self.index
    }

    /// How many elites there are.
    fn __len__(&self) -> usize {
        self.elites.len()
    }

    /// An elite by its place, in the order of cells.
    fn at(&self, place: usize) -> PyResult<Known> {
        let elite = self.elites.get(place).map(known);
        elite.ok_or_else(|| pyo3::exceptions::PyIndexError::new_err("there are fewer elites"))
    }

    /// The place of the best elite, of equals the earliest candidate; `None` if there is no elite.
    fn best(&self) -> Option<usize> {
        let objective =
            |elite: &Parent| elite.score.as_ref().map_or(f64::NEG_INFINITY, |score| score.objective);
        let better = |one: &(usize, &Parent), other: &(usize, &Parent)| {
            objective(one.1).total_cmp(&objective(other.1)).then(other.1.id.cmp(&one.1.id))
        };
        self.elites.iter().enumerate().max_by(better).map(|(place, _)| place)
    }

    /// The places of so many elites, drawn uniformly, one independent of the other.
    fn draw(&self, count: usize) -> Vec<usize> {
        if self.elites.is_empty() {
            return Vec::new();
        }
        self.drawn(|stream| (0..count).map(|_| stream.index(self.elites.len())).collect())
    }

    /// A number of the candidate's random stream.
    fn seed(&self) -> u64 {
        self.drawn(Stream::next_u64)
    }
}

/// What a completion is asked with: most tokens, temperature, nucleus, ends.
type Manner = (u32, f64, f64, Vec<String>);

/// A candidate's access to models.
#[pyclass(frozen, module = "samara._samara", name = "Asker")]
pub(crate) struct Asking(Asker);

#[pymethods]
impl Asking {
    /// A number of the candidate's random stream.
    fn seed(&self) -> u64 {
        self.0.seed()
    }

    /// What the generator writes after a prompt.
    fn complete(
        &self,
        py: Python<'_>,
        prompt: String,
        instructions: Option<String>,
        manner: Manner,
    ) -> PyResult<String> {
        let request = request(prompt, instructions, &manner);
        let done = py.detach(|| self.0.complete(request));
        done.map(|completion| completion.text).map_err(unanswered)
    }

    /// What the judge writes after each of these prompts.
    fn answer(
        &self,
        py: Python<'_>,
        prompts: Vec<String>,
        instructions: Option<String>,
        manner: Manner,
    ) -> PyResult<Vec<String>> {
        let one = |prompt| request(prompt, instructions.clone(), &manner);
        let requests = prompts.into_iter().map(one).collect();
        let done = py.detach(|| self.0.answer(requests)).map_err(unanswered)?;
        Ok(done.into_iter().map(|completion| completion.text).collect())
    }

    /// How probable the judge holds the answers of each question, normalised over them.
    fn score(&self, py: Python<'_>, questions: Vec<(String, Vec<String>)>) -> PyResult<Vec<Vec<f64>>> {
        let questions = questions.into_iter().map(|(prompt, answers)| Question { prompt, answers }).collect();
        let scores = py.detach(|| self.0.score(questions)).map_err(unanswered)?;
        Ok(scores.iter().map(samara_lm::Score::normalised).collect())
    }

    /// A vector for each text.
    fn embed(&self, py: Python<'_>, texts: Vec<String>) -> PyResult<Vec<Vec<f64>>> {
        py.detach(|| self.0.embed(texts)).map_err(unanswered)
    }
}

fn request(prompt: String, instructions: Option<String>, manner: &Manner) -> CompletionRequest {
    let (max_tokens, temperature, top_p, stop) = manner.clone();
    let sampling = Sampling { max_tokens, temperature, top_p, stop, seed: 0, penalties: Default::default() };
    CompletionRequest { prompt, instructions, sampling }
}

/// `samara.Unanswered`.
fn unanswered(error: Unanswered) -> PyErr {
    let raised = Python::attach(|py| {
        let class = py.import(intern!(py, "samara.errors"))?.getattr(intern!(py, "Unanswered"))?;
        PyResult::Ok(PyErr::from_value(class.call1((error.0.as_str(),))?))
    });
    raised.unwrap_or_else(|error| error)
}
