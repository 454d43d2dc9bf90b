//! What `samara run --init-from` takes over from another run, or from an OpenELM history.
//!
//! Of a run, those of its candidates that entered its archive, in their order, and its initial prompt pool: settled again
//! they give its archive and the pool that it came to, whatever the axes are now. Of a history, every candidate with a
//! score. Both are data of others: they are checked as they are read, and a copy that a run has kept once more.

use std::path::Path;

use samara_environments::{
    InputFile, Inputs,
    continued::{self, Beginning, Judges, Taken},
    evaluator, function, functions,
    inputs::MAX_BYTES,
    lmx,
};
use samara_journal::{JournalError, Reader, history};
use samara_search::{Candidate, Genome, Invalid, Score};
use toml::{Table, Value};

use crate::{exit::Failure, weights};

/// Candidates that are taken over at most.
const MOST: usize = 100_000;

/// A coordinate of a vector at most; far beyond any range that is searched.
const FARTHEST: f64 = 1e6;

fn invalid(what: impl Into<String>, hint: impl Into<String>) -> Invalid {
    Invalid::new(continued::KEY, what, hint)
}

/// A path of the command line as settings name it, whatever folder the experiment's file is in.
pub(crate) fn absolute(path: &Path) -> Result<String, Failure> {
    let full = std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("--init-from {}: {error}", path.display())))?;
    // Quoted, so that nothing in it reads as TOML.
    Ok(Value::from(full.display().to_string()).to_string())
}

/// What a run begins with: its own copy if it has begun, else what `from` holds, which it then keeps.
///
/// # Errors
/// It can't be read, or does not fit the environment or the number of axes.
pub(crate) fn beginning(
    from: &str,
    inputs: &Inputs,
    environment: &str,
    axes: usize,
) -> Result<Beginning, Invalid> {
    if environment == evaluator::NAME {
        let hint = "`samara evolve --checkpoint` and environment.seeds begin with other programs";
        return Err(invalid(format!("`{environment}` can't begin with another run's candidates"), hint));
    }
    let beginning = match (inputs.kept(continued::KEY), inputs.folder()) {
        (Some(copy), _) => {
            let damaged = |error| invalid(format!("the run's copy is damaged: {error}"), "begin a new run");
            serde_json::from_str(&copy).map_err(damaged)?
        }
        (None, Some(folder)) => fresh(&folder.join(from), inputs, environment)?,
        (None, None) => {
            return Err(invalid(format!("the run has no copy of {from}"), "the run file is damaged"));
        }
    };
    check(&beginning, environment, axes)?;
    Ok(beginning)
}

/// Reads a run or a history, and has the new run keep what is taken from it.
fn fresh(path: &Path, inputs: &Inputs, environment: &str) -> Result<Beginning, Invalid> {
    let beginning = if crate::commands::rebin::is_run(path) {
        of_run(path, environment)?
    } else {
        of_history(path, environment)?
    };
    let text = serde_json::to_string(&beginning)
        .map_err(|error| invalid(format!("can't be written: {error}"), "report this"))?;
    if text.len() as u64 > MAX_BYTES {
        let what = format!("{} holds {} bytes of candidates", path.display(), text.len());
        return Err(invalid(what, format!("{MAX_BYTES} at most can be taken over")));
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    inputs.provide(InputFile { key: continued::KEY.to_owned(), path, text });
    Ok(beginning)
}

fn of_run(path: &Path, environment: &str) -> Result<Beginning, Invalid> {
    let hint = "name a run's folder, or a history.jsonl";
    let unreadable = |error: JournalError| invalid(error.to_string(), hint);
    let reader = Reader::open(path).map_err(unreadable)?;
    let header = reader.header();
    if header.environment != environment {
        let what = format!("{} evolved `{}`, not `{environment}`", path.display(), header.environment);
        return Err(invalid(what, "take over from a run of the same environment"));
    }
    let mut candidates = Vec::new();
    reader
        .fold(&mut |candidate: Candidate| {
            if candidates.len() <= MOST && candidate.fate.entered() {
                candidates.extend(taken(candidate));
            }
            Ok::<(), JournalError>(())
        })
        .map_err(unreadable)?;
    let pool = reader.pool().map_err(unreadable)?.filter(|pool| !pool.is_empty());
    let judges = weights::of_scores(&reader).map_err(|failure| invalid(failure.message, hint))?;
    Ok(Beginning { judged: Some(judged(&header.config)), judges, pool, candidates })
}

/// A candidate without the files and pictures that its evaluation left: they stay in the run that it is from.
fn taken(candidate: Candidate) -> Option<Taken> {
    let score = Score { artifacts: Vec::new(), ..(**candidate.score.as_ref()?).clone() };
    Some(Taken { genome: candidate.genome?, score: score.into() })
}

fn of_history(path: &Path, environment: &str) -> Result<Beginning, Invalid> {
    let hint =
        "name a run's folder, or a history.jsonl: an object a line with genotype, phenotype and fitness";
    let unreadable = |error: JournalError| invalid(error.to_string(), hint);
    let mut candidates = Vec::new();
    for row in history::read(path).map_err(unreadable)? {
        let row = row.map_err(unreadable)?;
        let (Some(text), Some(measures), Some(objective)) = (row.genotype, row.phenotype, row.fitness) else {
            continue;
        };
        let genome = genome(&text, environment).ok_or_else(|| {
            let what = format!("line {} of {} holds no genome of `{environment}`", row.line, path.display());
            invalid(what, "name a history of the same environment")
        })?;
        candidates.push(Taken { genome: genome.into(), score: Score::new(objective, measures).into() });
        if candidates.len() > MOST {
            break;
        }
    }
    Ok(Beginning { judged: None, judges: Judges::new(), pool: None, candidates })
}

/// What a history's text is in an environment.
fn genome(text: &str, environment: &str) -> Option<Genome> {
    match environment {
        function::NAME | functions::NAME => serde_json::from_str::<Vec<f64>>(text).ok().map(Genome::Vector),
        lmx::NAME => Some(Genome::FewShot { examples: Vec::new(), text: text.into() }),
        _ => Some(Genome::text_of(text)),
    }
}

/// Whether what is taken over fits: some candidates, genomes of the environment's kind, finite numbers, and a measure
/// for each axis where scores are kept.
fn check(beginning: &Beginning, environment: &str, axes: usize) -> Result<(), Invalid> {
    let count = beginning.candidates.len();
    if count == 0 || count > MOST {
        let what = format!("{} candidates can be taken over", if count == 0 { "no" } else { "too many" });
        return Err(invalid(what, format!("name a run or a history with 1 to {MOST} scored candidates")));
    }
    for (number, Taken { genome, score }) in beginning.candidates.iter().enumerate() {
        let fits = match &**genome {
            Genome::Vector(vector) => {
                let near = vector.iter().all(|number| number.abs() <= FARTHEST);
                // The vectors of `function` are their own measures; `functions` looks at the length itself.
                let long = environment == functions::NAME || vector.len() == axes;
                matches!(environment, function::NAME | functions::NAME) && long && near
            }
            Genome::Text(_) => !matches!(environment, function::NAME | functions::NAME | lmx::NAME),
            Genome::FewShot { .. } => environment == lmx::NAME,
            Genome::Files(_) => false,
        };
        if !fits {
            let what = format!("candidate {number} is no genome of `{environment}`");
            return Err(invalid(what, "take over from a run of the same environment"));
        }
        if !score.objective.is_finite() || score.measures.iter().any(|measure| !measure.is_finite()) {
            let what = format!("candidate {number} has a score that is not finite");
            return Err(invalid(what, "the file is damaged, or was edited"));
        }
        // Of a run that asked something else, all is judged anew.
        if beginning.judged.is_none() && score.measures.len() != axes {
            let what = format!("candidate {number} has {} measures for {axes} axes", score.measures.len());
            return Err(invalid(what, "set as many [[axes]] as its history has measures"));
        }
    }
    Ok(())
}

/// Settings of `lmx_generation` that decide a score. Of other environments, all do.
const JUDGED: [&str; 9] = [
    "diversity",
    "quality",
    "quality_feedback_prompt",
    "quality_answers",
    "reference",
    "answer_prefix",
    "instruction_suffix",
    "feedback_prompt_template",
    "quality_feedback_prompt_template",
];

/// Settings of a model that decide what it answers.
const ANSWERED: [&str; 12] = [
    "provider",
    "model",
    "base_url",
    "api",
    "scoring",
    "score_samples",
    "score_smoothing",
    "representation",
    "query_prefix",
    "document_prefix",
    "folder",
    "file",
];

/// What decides a score, of a run's resolved settings: two runs with the same text score alike. Settings that can't be read
/// are those of no other run.
pub(crate) fn judged(resolved: &str) -> String {
    let Ok(table) = resolved.parse::<Table>() else { return resolved.to_owned() };
    let section = |name: &str| table.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    let names: Vec<Value> = table
        .get("axes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|axis| axis.get("name").cloned())
        .collect();
    let environment = section("environment");
    let named = section("experiment").get("environment").cloned();
    let is_lmx = named.as_ref().and_then(Value::as_str) == Some(lmx::NAME);
    let asked = environment.into_iter().filter(|(key, _)| !is_lmx || JUDGED.contains(&key.as_str()));
    let mut decides = Table::from_iter([
        ("axes".to_owned(), Value::Array(names)),
        ("environment".to_owned(), Value::Table(asked.collect())),
    ]);
    for role in ["judge", "embedder"] {
        let model = section("models").get(role).and_then(Value::as_table).cloned().unwrap_or_default();
        let told = model.into_iter().filter(|(key, _)| ANSWERED.contains(&key.as_str()));
        decides.insert(role.to_owned(), Value::Table(told.collect()));
    }
    decides.to_string()
}
