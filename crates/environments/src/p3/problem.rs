//! `p3_problem`: programs that solve one puzzle. The objective is 1 if `f6(g6())` is True; the archive holds solutions that
//! look different. A program that does not solve it is invalid, unless `keep_unsolved` makes it a step on the way, with
//! the objective 0.

use std::sync::Arc;

use samara_engine::{Abort, Bench, Context, Environment, Future, Roles};
use samara_search::{Invalid, Operator, Score, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    IMPORTS, answer,
    descriptors::{Descriptors, Measurer},
    puzzle::{self, Choice, Puzzle},
    solves,
};
use crate::{
    Source,
    program::{self, Format, Phrases, Programs, Task, Writer, WritingSettings},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "p3_problem";

/// The solution's function.
const ENTRY: &str = "g6";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "p3_problem", transform = samara_search::schema::in_order::<Self>)]
pub struct ProblemSettings {
    /// The puzzles: `builtin`, or a `puzzles.json` as published; a relative path starts at the experiment's file.
    /// Default `builtin`.
    pub puzzles: String,
    /// The puzzle to solve: its name, or its number from 0. Default `Sevens`.
    pub puzzle: Choice,
    /// Whether programs that run and do not solve the puzzle may be elites, with the objective 0: steps on the way for the
    /// operators gp and diff, which change programs that are there. Default false: they are invalid.
    pub keep_unsolved: bool,
    /// Solved puzzles that a prompt shows first. Default 2.
    #[schemars(range(min = 0, max = 1000))]
    pub examples: usize,
    /// What the measures are. Default `features`.
    pub descriptors: Descriptors,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

impl Default for ProblemSettings {
    fn default() -> Self {
        Self {
            puzzles: "builtin".into(),
            puzzle: Choice::Name("Sevens".into()),
            keep_unsolved: false,
            examples: 2,
            descriptors: Descriptors::Features,
            writing: WritingSettings::default(),
        }
    }
}

struct Problem {
    puzzle: Puzzle,
    keep_unsolved: bool,
    measurer: Measurer,
}

/// Builds it, reading the puzzles.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: ProblemSettings = schema::read(source.section, "environment")?;
    let puzzles = puzzle::read(&settings.puzzles, source.inputs)?;
    let puzzle = puzzle::find(&puzzles, &settings.puzzle)?.clone();
    // Operators that need a parent begin with solutions of the other puzzles.
    let seeds = if begins_with_programs(source, &settings.writing) {
        others(&puzzles, &puzzle.name)?
    } else {
        Vec::new()
    };
    let preamble = puzzle::preamble(&puzzles, Some(&puzzle.name), settings.examples);
    let keep_unsolved = settings.keep_unsolved;
    let writer = Writer::new(source, settings.writing, format(&preamble, &puzzle))?;
    let reference = format!("{IMPORTS}{}    return None\n", puzzle.header(ENTRY, true));
    let measurer = Measurer::new(settings.descriptors, source.axes, &reference)?;
    Ok(Programs::new(Problem { puzzle, keep_unsolved, measurer }, Arc::new(writer), seeds))
}

fn begins_with_programs(source: &Source<'_>, writing: &WritingSettings) -> bool {
    let needs_one = |operator: &Operator| matches!(operator, Operator::Gp | Operator::Diff);
    if source.search.strategy.name() == program::FRESH {
        return false;
    }
    match program::operator(source) {
        Operator::Mix => {
            let mix = writing.mix.unwrap_or_default().operators();
            mix.iter().all(|(operator, _)| needs_one(operator))
        }
        operator => needs_one(&operator),
    }
}

fn others(puzzles: &[Puzzle], but: &str) -> Result<Vec<Arc<str>>, Invalid> {
    let others = puzzles.iter().filter(|puzzle| puzzle.name != but);
    let seeds: Vec<Arc<str>> = others
        .filter_map(|puzzle| puzzle.solution(ENTRY, false))
        .map(|solution| format!("{IMPORTS}{solution}\n").into())
        .collect();
    if seeds.is_empty() {
        let hint = "operators gp and diff begin with the solutions of other puzzles; use prompt or crossover";
        return Err(Invalid::new("environment.puzzles", "no other puzzle has a solution", hint));
    }
    Ok(seeds)
}

/// The prompt for solutions of a puzzle.
pub(super) fn format(preamble: &str, puzzle: &Puzzle) -> Format {
    Format {
        preamble: format!("{preamble}\n\n{}", puzzle.problem("f6")),
        imports: IMPORTS.to_owned(),
        header: puzzle.header(ENTRY, true),
        functions: vec![ENTRY.to_owned()],
        phrases: Phrases::about("g6()"),
        file: "puzzle.py".to_owned(),
        messages: ["Solve the puzzle.", "Solve the puzzle in another way.", "Fix the solution."]
            .map(str::to_owned)
            .to_vec(),
        ..Format::default()
    }
}

impl Task for Problem {
    const NAME: &'static str = NAME;

    fn roles(&self, writer: Roles) -> Roles {
        self.measurer.roles(writer)
    }

    fn evaluate<'a>(&'a self, program: &'a str, bench: &'a mut Bench) -> Future<'a, Score> {
        Box::pin(async move {
            let solved = self.solved(program, bench).await?;
            if !solved && !self.keep_unsolved {
                return Err(Abort::invalid("it does not solve the puzzle (environment.keep_unsolved)"));
            }
            Ok(Score::new(f64::from(u8::from(solved)), Vec::new()))
        })
    }

    fn judge<'a>(&'a self, program: &'a str, score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move {
            let measures = self.measurer.measure(program, context).await?;
            Ok(Score { measures, ..score })
        })
    }
}

impl Problem {
    /// Whether the program solves the puzzle.
    async fn solved(&self, program: &str, bench: &mut Bench) -> Result<bool, Abort> {
        let answer = answer(program, ENTRY, bench).await?;
        if !self.puzzle.fits(&answer) {
            let kind = self.puzzle.ans_type.as_deref().unwrap_or_default();
            return Err(Abort::invalid(format!("{ENTRY}() returned no {kind}")));
        }
        // An answer that the puzzle chokes on is a wrong one; only what costs too much has failed.
        match solves(&self.puzzle.sat, "sat", answer, bench).await {
            Err(Abort::Invalid(_)) => Ok(false),
            solved => solved,
        }
    }
}
