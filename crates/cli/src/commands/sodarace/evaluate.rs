//! `samara sodarace evaluate`: what walkers look like and how far they walk, of files and of whole runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use samara_environments::sodarace;
use samara_journal::{JournalError, Reader};
use samara_sodarace::{Conditions, Evaluation, Morphology, Verdict, Walker};
use serde::Serialize;

use super::source::Source;
use crate::{
    args::{Format, sodarace::EvaluateWalkers},
    exit::{Exit, Failure, print, print_json},
};

/// What is said of one file; as JSON, one line.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    /// Of a run, the candidate's index.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<u64>,
    law: samara_sodarace::Law,
    terrain: samara_sodarace::Terrain,
    /// Whether it can be simulated and OpenELM's `validate` accepts it.
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    morphology: Option<Shape>,
    /// Metres by milliseconds; null where the law gives none, for a reason that `verdict` names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fitness: BTreeMap<u32, Option<f64>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    verdict: BTreeMap<u32, Verdict>,
    /// Why it is no walker that can be simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<String>,
}

/// A creature's measures under the names that OpenELM gives them.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    width: f64,
    height: f64,
    mass: f64,
    start_x: f64,
    start_y: f64,
    offset_x: f64,
    offset_y: f64,
}

impl From<Morphology> for Shape {
    fn from(of: Morphology) -> Self {
        let Morphology { width, height, start_x, start_y, offset_x, offset_y, mass } = of;
        Self { width, height, mass, start_x, start_y, offset_x, offset_y }
    }
}

/// What is evaluated: a file, or a candidate of a run.
struct Named {
    file: String,
    candidate: Option<u64>,
}

pub(super) fn evaluate(args: &EvaluateWalkers) -> Result<Exit, Failure> {
    let mut source = Source::default();
    for file in &args.files {
        let name = file.display().to_string();
        if file.is_dir() {
            for (index, program) in entered(file)? {
                let walker = source.program(&program)?;
                tell(args, &Named { file: name.clone(), candidate: Some(index) }, walker.as_ref())?;
            }
        } else {
            let walker = source.walker(file)?;
            tell(args, &Named { file: name, candidate: None }, walker.as_ref())?;
        }
    }
    Ok(Exit::Ok)
}

/// Every program that entered a run's archives, once, with the first candidate that was it.
pub(in crate::commands) fn entered(run: &Path) -> Result<Vec<(u64, String)>, Failure> {
    let reader = Reader::open(run)?;
    if reader.header().environment != sodarace::NAME {
        let hint = "name a run of the environment sodarace";
        let what = format!("{}: its candidates are no walkers\nhint: {hint}", run.display());
        return Err(Failure::usage(what));
    }
    let (mut known, mut programs) = (BTreeSet::new(), Vec::new());
    reader.fold(&mut |candidate| {
        if let Some(genome) = candidate.genome.filter(|_| candidate.fate.entered())
            && known.insert(genome.digest())
        {
            programs.push((candidate.index, genome.text().into_owned()));
        }
        Ok::<(), JournalError>(())
    })?;
    Ok(programs)
}

/// Says how far one walks, on every terrain.
fn tell(args: &EvaluateWalkers, named: &Named, walker: Result<&Walker, &String>) -> Result<(), Failure> {
    for terrain in &args.terrain {
        let settings = Conditions { law: args.law.into(), terrain: terrain.clone(), ..Conditions::default() };
        let report = match walker {
            Ok(walker) => of(named, walker, &settings, &args.ms)?,
            Err(why) => rejected(named, &settings, why.clone()),
        };
        match args.format {
            Format::Json => print_json(&report)?,
            Format::Human => print(&told(&report, args.terrain.len() > 1))?,
        }
    }
    Ok(())
}

fn of(named: &Named, walker: &Walker, settings: &Conditions, ms: &[u32]) -> Result<Report, Failure> {
    let mut report = rejected(named, settings, String::new());
    report.valid = walker.validate();
    report.rejected = None;
    let times: Vec<(&Walker, u32)> = ms.iter().map(|ms| (walker, *ms)).collect();
    for (evaluation, ms) in samara_sodarace::evaluate_all(&times, settings).into_iter().zip(ms) {
        match evaluation {
            Ok(Evaluation { verdict, fitness, morphology, .. }) => {
                report.morphology = Some(morphology.into());
                report.fitness.insert(*ms, fitness);
                report.verdict.insert(*ms, verdict);
            }
            Err(samara_sodarace::Rejection::Conditions(why)) => return Err(Failure::usage(why)),
            Err(rejection) => {
                report.valid = false;
                report.rejected = Some(rejection.to_string());
            }
        }
    }
    Ok(report)
}

fn rejected(named: &Named, settings: &Conditions, why: String) -> Report {
    Report {
        file: named.file.clone(),
        candidate: named.candidate,
        law: settings.law,
        terrain: settings.terrain.clone(),
        valid: false,
        morphology: None,
        fitness: BTreeMap::new(),
        verdict: BTreeMap::new(),
        rejected: Some(why),
    }
}

fn told(report: &Report, several: bool) -> String {
    let candidate = report.candidate.map_or_else(String::new, |index| format!(", candidate {index}"));
    let terrain = if several { format!(" on {}", report.terrain.name()) } else { String::new() };
    let mut text = format!("{}{candidate}{terrain}\n", report.file);
    if let Some(why) = &report.rejected {
        text += &format!("  rejected  {}\n", why.replace('\n', "\n            "));
    }
    if report.rejected.is_none() {
        text += &format!("  valid     {}\n", if report.valid { "yes" } else { "no (OpenELM's limits)" });
    }
    if let Some(shape) = &report.morphology {
        text += &format!(
            "  shape     {:.2} m wide, {:.2} m high, mass {:.2}\n",
            shape.width, shape.height, shape.mass
        );
    }
    for (ms, fitness) in &report.fitness {
        let seconds = f64::from(*ms) / 1000.0;
        let verdict = report.verdict.get(ms).copied().unwrap_or(Verdict::Scored);
        let told = fitness.map_or_else(|| reason(verdict).to_owned(), |fitness| format!("{fitness:.4} m"));
        text += &format!("  {:<9} {told}\n", format!("in {seconds} s"));
    }
    text
}

fn reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Scored => "",
        Verdict::Unsettled => "no fitness: it does not come to rest",
        Verdict::NotFinite => "no fitness: it flies apart",
        Verdict::NoConnections => "no fitness: nothing is connected",
    }
}
