//! How lists of numbers are varied: the operators of the MAP-Elites papers, drawn from a candidate's own stream.

use std::{collections::BTreeSet, sync::Arc};

use pyo3::{exceptions::PyValueError, prelude::*};
use samara_qd::Stream;
use samara_search::{Genome, Parent, Plan, Proposer, View};

/// An operator on lists of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    /// A Gaussian step from an elite; a standard deviation for every number, or one for all.
    Gaussian { sigma: Vec<f64> },
    /// A Gaussian step from an elite, and one along the line to another: x + iso * N(0, I) + line * N(0, 1) (y - x)
    /// (Vassiliades & Mouret 2018, arXiv 1804.03906).
    IsoLine { iso_sigma: f64, line_sigma: f64 },
}

impl Operator {
    /// An operator by its name, with its numbers.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn read(name: &str, numbers: Vec<f64>) -> PyResult<Self> {
        match (name, &numbers[..]) {
            ("gaussian", _) => Ok(Self::Gaussian { sigma: numbers }),
            ("iso_line", &[iso_sigma, line_sigma]) => Ok(Self::IsoLine { iso_sigma, line_sigma }),
            _ => Err(PyValueError::new_err(format!(
                "there is no operator {name} of {} numbers",
                numbers.len()
            ))),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Gaussian { .. } => "gaussian",
            Self::IsoLine { .. } => "iso_line",
        }
    }

    fn check(&self, width: usize) -> PyResult<()> {
        let fine = |sigma: &f64| sigma.is_finite() && *sigma >= 0.0;
        match self {
            Self::Gaussian { sigma } if sigma.len() != 1 && sigma.len() != width => {
                Err(PyValueError::new_err(format!(
                    "sigma has {} numbers\nhint: give one, or {width}",
                    sigma.len()
                )))
            }
            Self::Gaussian { sigma } if !sigma.iter().all(fine) => {
                Err(PyValueError::new_err("sigma is not finite or below 0"))
            }
            Self::IsoLine { iso_sigma, line_sigma } if !(fine(iso_sigma) && fine(line_sigma)) => {
                Err(PyValueError::new_err("iso_sigma or line_sigma is not finite or below 0"))
            }
            _ => Ok(()),
        }
    }

    fn vary(&self, parents: &[&[f64]], stream: &mut Stream) -> Vec<f64> {
        let first = parents.first().copied().unwrap_or_default();
        match self {
            Self::Gaussian { sigma } => {
                let step = |(place, x): (usize, &f64)| x + sigma[place % sigma.len()] * stream.normal();
                first.iter().enumerate().map(step).collect()
            }
            Self::IsoLine { iso_sigma, line_sigma } => {
                let other = parents.get(1).copied().unwrap_or(first);
                let along = line_sigma * stream.normal();
                let step = |(x, y): (&f64, &f64)| x + iso_sigma * stream.normal() + along * (y - x);
                first.iter().zip(other).map(step).collect()
            }
        }
    }
}

/// What a search plans candidates by.
#[derive(Debug, Clone)]
pub(crate) struct Operators {
    operators: Vec<(String, Operator)>,
    initial: Vec<Arc<Genome>>,
    /// Between which values every number is kept, if it is.
    bounds: Option<Vec<(f64, f64)>>,
}

/// How a candidate is called that is one of the initial solutions, as it is.
const INITIAL: &str = "initial";

impl Operators {
    /// These operators, and what the search begins with.
    ///
    /// # Errors
    /// No operators, no initial solutions, or numbers that can't be used.
    pub(crate) fn new(
        operators: Vec<Operator>,
        initial: Vec<Vec<f64>>,
        bounds: Option<Vec<(f64, f64)>>,
    ) -> PyResult<Self> {
        let Some(width) = initial.first().map(Vec::len) else {
            return Err(PyValueError::new_err("there is no initial solution"));
        };
        if operators.is_empty() {
            return Err(PyValueError::new_err(
                "there is no operator\nhint: operators=[samara.Gaussian(0.1)]",
            ));
        }
        operators.iter().try_for_each(|operator| operator.check(width))?;
        if !initial.iter().flatten().all(|number| number.is_finite()) {
            return Err(PyValueError::new_err("an initial solution holds a number that is not finite"));
        }
        if let Some(bounds) = &bounds
            && !(bounds.len() == width && bounds.iter().all(|(lo, hi)| lo <= hi))
        {
            return Err(PyValueError::new_err(format!(
                "bounds are not {width} pairs, the lower value first"
            )));
        }
        let mut taken = BTreeSet::from([INITIAL.to_owned()]);
        let named = |operator: Operator| {
            let name = (1..).map(|number| match number {
                1 => operator.name().to_owned(),
                number => format!("{}_{number}", operator.name()),
            });
            let name = name.into_iter().find(|name| taken.insert(name.clone())).unwrap_or_default();
            (name, operator)
        };
        let operators = operators.into_iter().map(named).collect();
        let initial = initial.into_iter().map(|solution| Arc::new(Genome::Vector(solution))).collect();
        Ok(Self { operators, initial, bounds })
    }

    /// How many candidates are initial solutions as they are.
    pub(crate) fn initial(&self) -> usize {
        self.initial.len()
    }

    /// Carries a plan out.
    pub(crate) fn write(&self, plan: &Plan, stream: &mut Stream) -> Vec<f64> {
        let sources: Vec<&[f64]> = plan.sources().into_iter().map(|genome| numbers_of(genome)).collect();
        let operator = self.operators.iter().find(|(name, _)| *name == plan.operator);
        let mut solution = match operator {
            Some((_, operator)) => operator.vary(&sources, stream),
            None => return sources.first().map_or(Vec::new(), |source| source.to_vec()),
        };
        for (number, (lo, hi)) in solution.iter_mut().zip(self.bounds.iter().flatten()) {
            *number = number.clamp(*lo, *hi);
        }
        solution
    }

    fn drawn(&self, stream: &mut Stream) -> &(String, Operator) {
        // One operator costs no random number.
        let place = if self.operators.len() > 1 { stream.index(self.operators.len()) } else { 0 };
        &self.operators[place]
    }
}

/// The numbers of a genome that is a list of them.
pub(crate) fn numbers_of(genome: &Genome) -> &[f64] {
    match genome {
        Genome::Vector(numbers) => numbers,
        Genome::Text(_) | Genome::FewShot { .. } | Genome::Files(_) => &[],
    }
}

impl Proposer for Operators {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        let (index, count) = (view.index(), self.initial.len() as u64);
        let material = vec![Arc::clone(&self.initial[(index % count) as usize])];
        if index < count {
            return Plan { verbatim: true, ..Plan::fresh(INITIAL, material) };
        }
        // Nothing has been accepted yet.
        Plan::fresh(self.drawn(stream).0.clone(), material)
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let archive = view.archive();
        if archive.occupied().is_empty() {
            return None;
        }
        let (name, operator) = self.drawn(stream);
        let parents = match operator {
            Operator::Gaussian { .. } => 1,
            Operator::IsoLine { .. } => 2,
        };
        let parents: Option<Vec<Parent>> =
            (0..parents).map(|_| archive.select(stream).map(|elite| view.parent(&elite))).collect();
        Some(Plan::varied(name.clone(), parents?))
    }
}
