//! `p3_probsol`: new puzzles, each with a solution. A good puzzle can be solved, but not by everybody.
//!
//! A genome defines a puzzle `f6_2` and below it a solution `g6_2`. It is scored if `f6_2(g6_2())` is True and the
//! puzzle is not trivial: none of a few guesses of the answer's kind (0, the empty text, the empty list, ...) passes.
//! Then a solver writes `samples` solutions of its own, c of which pass, and the objective is 1 / pass@k, the inverse
//! chance that one of k of them does: 1 for a puzzle that is always solved, up to `samples` (for k = 1) for one that
//! one sample solves; 0 if none does, as nothing says that it can be solved without knowing how it was made.
//!
//! The solver is the generator, which sees the puzzle and not the solution. Without a model it is a stand-in: the
//! samples are perturbed copies of `g6_2` itself, so that the objective says how few of those still pass, and nothing
//! about how hard the puzzle is to solve from scratch.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{Abort, Bench, Context, Environment, Future, Roles};
use samara_sandbox::{Value, codec, text::Repr};
use samara_search::{Invalid, Operator, Score, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    IMPORTS, answer,
    descriptors::{Descriptors, Measurer},
    passes::pass_at_k,
    problem,
    puzzle::{self, Puzzle},
    solves,
};
use crate::{
    Source,
    program::{self, Format, Phrases, Programs, Task, Writer, WritingSettings},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "p3_probsol";

const PUZZLE: &str = "f6_2";
const SOLUTION: &str = "g6_2";

/// Who writes the solutions that pass@k counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// The generator, from the puzzle alone.
    Generator,
    /// No model: perturbed copies of the known solution.
    Gp,
}

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "p3_probsol", transform = samara_search::schema::in_order::<Self>)]
pub struct ProbsolSettings {
    /// The puzzles to begin with: `builtin`, or a `puzzles.json` as published; a relative path starts at the
    /// experiment's file. Default `builtin`.
    pub puzzles: String,
    /// Solved puzzles that a prompt shows first. Default 2.
    #[schemars(range(min = 0, max = 1000))]
    pub examples: usize,
    /// Who writes the solutions that pass@k counts. Default: `generator`, or `gp` for the operator `gp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solver: Option<Solver>,
    /// Solutions written of every puzzle, 1 to 1000. Default 8.
    #[schemars(range(min = 1, max = 1000))]
    pub samples: usize,
    /// The k of pass@k, 1 to `samples`. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub k: usize,
    /// What the measures are. Default `features`.
    pub descriptors: Descriptors,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

impl Default for ProbsolSettings {
    fn default() -> Self {
        Self {
            puzzles: "builtin".into(),
            examples: 2,
            solver: None,
            samples: 8,
            k: 1,
            descriptors: Descriptors::Features,
            writing: WritingSettings::default(),
        }
    }
}

struct ProbSol {
    settings: ProbsolSettings,
    solver: Solver,
    /// What stands above a puzzle that is to be solved.
    preamble: String,
    writer: Arc<Writer>,
    measurer: Measurer,
}

/// Builds it, reading the puzzles.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: ProbsolSettings = schema::read(source.section, "environment")?;
    if !(1..=1000).contains(&settings.samples) {
        let what = format!("is {}", settings.samples);
        return Err(Invalid::new("environment.samples", what, "set it from 1 to 1000; 8 is the default"));
    }
    if !(1..=settings.samples).contains(&settings.k) {
        let what = format!("is {}, but environment.samples is {}", settings.k, settings.samples);
        return Err(Invalid::new("environment.k", what, "set it from 1 to environment.samples"));
    }
    let puzzles = puzzle::read(&settings.puzzles, source.inputs)?;
    let seeds: Vec<Arc<str>> = puzzles.iter().filter_map(Puzzle::pair).map(Into::into).collect();
    let Some(reference) = seeds.first() else {
        let hint = "give at least one of them sol_bodies: new puzzles are varied from solved ones";
        return Err(Invalid::new("environment.puzzles", "no puzzle has a solution", hint));
    };
    let operator = program::operator(source);
    let usual = if operator == Operator::Gp { Solver::Gp } else { Solver::Generator };
    let preamble = puzzle::preamble(&puzzles, None, settings.examples);
    let measurer = Measurer::new(settings.descriptors, source.axes, reference)?;
    let writer = Arc::new(Writer::new(source, settings.writing.clone(), format(&preamble))?);
    let solver = settings.solver.unwrap_or(usual);
    let task = ProbSol { settings, solver, preamble, writer: Arc::clone(&writer), measurer };
    Ok(Programs::new(task, writer, seeds))
}

fn format(preamble: &str) -> Format {
    Format {
        preamble: preamble.to_owned(),
        imports: IMPORTS.to_owned(),
        header: format!("def {PUZZLE}("),
        functions: vec![PUZZLE.to_owned(), SOLUTION.to_owned()],
        renames: vec![(PUZZLE.to_owned(), "f6_1".to_owned()), (SOLUTION.to_owned(), "g6_1".to_owned())],
        phrases: Phrases {
            old: "# A puzzle and its solution:".to_owned(),
            fixed: "# Another puzzle, changed from the one above, and its solution:".to_owned(),
            modify: "# Another puzzle, changed from the one above, and its solution:".to_owned(),
            combine: "# Another puzzle, which combines the ones above, and its solution:".to_owned(),
            similar: "# Another puzzle of the same kind, and its solution:".to_owned(),
            between: "\n\n".to_owned(),
        },
        file: "puzzle.py".to_owned(),
        messages: ["Change the puzzle and its solution.", "Make the puzzle harder."]
            .map(str::to_owned)
            .to_vec(),
    }
}

impl Task for ProbSol {
    const NAME: &'static str = NAME;
    /// The objective asks a model for solutions between one program and the next.
    const EVALUATES: bool = false;

    fn roles(&self, writer: Roles) -> Roles {
        let generator = writer.generator || self.solver == Solver::Generator;
        self.measurer.roles(Roles { generator, ..writer })
    }

    fn judge<'a>(&'a self, program: &'a str, _score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move {
            let objective = self.objective(program, context).await?;
            Ok(Score::new(objective, self.measurer.measure(program, context).await?))
        })
    }
}

impl ProbSol {
    async fn objective(&self, text: &str, context: &mut Context) -> Result<f64, Abort> {
        let (puzzle, solution) = split(text)?;
        // The whole text, for a solution may use its puzzle; the puzzle may not use its solution.
        let known = answer(text, SOLUTION, &mut context.bench).await?;
        if !solves(puzzle, PUZZLE, known.clone(), &mut context.bench).await? {
            return Err(Abort::invalid(format!("{SOLUTION}() does not solve {PUZZLE}")));
        }
        for guess in guesses(&known) {
            let what = shown(&guess);
            // A puzzle that chokes on a guess does not accept it.
            if scored(solves(puzzle, PUZZLE, guess, &mut context.bench).await)? == Some(true) {
                return Err(Abort::invalid(format!("{PUZZLE} is trivial: it accepts {what}")));
            }
        }
        let samples = self.samples(puzzle, &solution, context).await?;
        let (known, _) = named(known, &context.bench).await?;
        let mut checked = BTreeMap::from([(known, true)]);
        let mut passed = 0;
        for sample in &samples {
            passed += usize::from(passes(sample, puzzle, &mut checked, &mut context.bench).await?);
        }
        let pass = pass_at_k(self.settings.samples, passed, self.settings.k);
        Ok(if passed > 0 { 1.0 / pass } else { 0.0 })
    }

    /// Programs with a function `g6` each; fewer than `samples` if the solver wrote some that are none.
    async fn samples(
        &self,
        puzzle: &str,
        solution: &str,
        context: &mut Context,
    ) -> Result<Vec<String>, Abort> {
        let samples = self.settings.samples;
        if self.solver == Solver::Gp {
            let names = ["g6".to_owned()];
            let varied = self.writer.mutator().vary(&[solution.to_owned()], &names, samples, context).await?;
            return Ok(varied.into_iter().flatten().collect());
        }
        let puzzle = Puzzle {
            name: String::new(),
            sat: without_hints(puzzle).replacen(&format!("def {PUZZLE}("), "def sat(", 1),
            ans_type: None,
            sol_header: "def sol():".to_owned(),
            sol_docstring: String::new(),
            sol_bodies: Vec::new(),
        };
        let format = problem::format(&self.preamble, &puzzle);
        let mut written = Vec::new();
        for _ in 0..samples {
            written.extend(self.writer.ask(&format, context).await?);
        }
        Ok(written)
    }
}

/// Whether a sample solves the puzzle. The puzzle is asked once about each different answer.
async fn passes(
    sample: &str,
    puzzle: &str,
    checked: &mut BTreeMap<Name, bool>,
    bench: &mut Bench,
) -> Result<bool, Abort> {
    let Some(found) = scored(answer(sample, "g6", bench).await)? else { return Ok(false) };
    let (name, found) = named(found, bench).await?;
    if let Some(passed) = checked.get(&name) {
        return Ok(*passed);
    }
    let passed = scored(solves(puzzle, PUZZLE, found, bench).await)?.unwrap_or(false);
    checked.insert(name, passed);
    Ok(passed)
}

/// The SHA-256 of a value as it is written: a thousand answers of 4 MiB are neither kept nor compared with each other.
type Name = [u8; 32];

/// A value's name and the value, computed on a thread that may block.
async fn named(value: Value, bench: &Bench) -> Result<(Name, Value), Abort> {
    bench.compute(move || (Sha256::digest(codec::write(&value)).into(), value)).await
}

/// What a program came to; `None` for one that came to nothing, which is no fault of the candidate.
fn scored<T>(result: Result<T, Abort>) -> Result<Option<T>, Abort> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Abort::Invalid(_) | Abort::Failed(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// The puzzle's text, and the solution as a program of its own with the function `g6`.
fn split(text: &str) -> Result<(&str, String), Abort> {
    let at = |name: &str| {
        let header = format!("def {name}(");
        let start = if text.starts_with(&header) {
            Some(0)
        } else {
            text.find(&format!("\n{header}")).map(|at| at + 1)
        };
        start.ok_or_else(|| Abort::invalid(format!("there is no {name}")))
    };
    let (puzzle, solution) = (at(PUZZLE)?, at(SOLUTION)?);
    if solution < puzzle {
        return Err(Abort::invalid(format!("{SOLUTION} stands before {PUZZLE}")));
    }
    let alone = text[solution..].replacen(&format!("def {SOLUTION}("), "def g6(", 1);
    Ok((&text[..solution], format!("{IMPORTS}{alone}")))
}

/// A puzzle without its comments and the imports above it: they may tell the solution.
fn without_hints(puzzle: &str) -> String {
    let start = puzzle.find(&format!("def {PUZZLE}(")).unwrap_or(0);
    let lines = puzzle[start..].lines().filter(|line| {
        let line = line.trim_start();
        !(line.is_empty() || line.starts_with('#'))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What anybody would try first, of the same kind as the known answer.
fn guesses(known: &Value) -> Vec<Value> {
    let list = |items: &[i64]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
    match known {
        Value::Bool(_) => Vec::new(),
        Value::Int(_) => [0, 1, -1, 2, 10].map(Value::from).to_vec(),
        Value::Float(_) => [0.0, 1.0, -1.0, 0.5, 100.0].map(Value::from).to_vec(),
        Value::Str(_) | Value::Surrogates(_) => ["", "a", "0", "hello"].map(Value::from).to_vec(),
        Value::List(items) => {
            let zeros = Value::List(vec![Value::from(0); items.len()]);
            let texts = Value::List(vec![Value::from(""); items.len()]);
            vec![list(&[]), list(&[0]), zeros, texts]
        }
        _ => vec![Value::None, Value::Tuple(Vec::new()), Value::Dict(Vec::new())],
    }
}

/// Items of a guess that a reason names: as many as the known answer has would be 200,000.
const SHOWN_ITEMS: usize = 8;

/// A guess, for the reason of a fate.
fn shown(guess: &Value) -> String {
    match guess {
        Value::None => "None".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Str(text) => format!("{text:?}"),
        Value::List(items) => {
            let first: Vec<String> = items.iter().take(SHOWN_ITEMS).map(shown).collect();
            let more = items.len().saturating_sub(SHOWN_ITEMS);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            format!("[{}{more}]", first.join(", "))
        }
        other => Repr(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_split_into_its_puzzle_and_a_solution_that_stands_alone() {
        let text = "from typing import List\n\ndef f6_2(x: int):\n    # over two\n    return x > 2\n\ndef g6_2():\n    return 3\n";
        let (puzzle, solution) = split(text).expect("a pair");
        assert_eq!(solution, "from typing import List\n\ndef g6():\n    return 3\n");
        assert_eq!(without_hints(puzzle), "def f6_2(x: int):\n    return x > 2");
        for bad in
            ["def f6_2(x):\n    return 1\n", "def g6_2():\n    return 1\n\ndef f6_2(x):\n    return 1\n", ""]
        {
            assert!(split(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn guesses_are_of_the_answers_kind() {
        assert!(guesses(&Value::from(5)).contains(&Value::from(0)));
        assert!(guesses(&Value::from("x")).contains(&Value::from("")));
        let three = Value::List(vec![Value::from(7); 3]);
        assert!(guesses(&three).contains(&Value::List(vec![Value::from(0); 3])));
        assert_eq!(shown(&Value::List(vec![Value::from(""), Value::from(1)])), "[\"\", 1]");
        let long = Value::List(vec![Value::from(0); 200_000]);
        assert_eq!(shown(&long), "[0, 0, 0, 0, 0, 0, 0, 0, and 199992 more]");
        assert_eq!(shown(&Value::Tuple(vec![])), "()");
    }
}
