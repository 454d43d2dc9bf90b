//! `p3_problem`: programs that solve one puzzle. The objective is 1 if `f6(g6())` is True, and 0 if it is not; the
//! archive holds solutions that look different, and on the way to them programs that don't solve it.

use std::sync::Arc;

use samara_engine::{
    Context, Environment, Future, Invalid, Operator, Outcome, Plan, Roles, State, Trouble, decode,
};
use samara_qd::Stream;
use serde::{Deserialize, Serialize};

use super::{
    IMPORTS, answer,
    descriptors::{Descriptors, Measurer},
    puzzle::{self, Puzzle},
    solves,
};
use crate::{
    Parts,
    program::{Bad, Format, Phrases, Writer, WritingSettings, unscored},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "p3_problem";

/// The solution's function.
const ENTRY: &str = "g6";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The puzzles: `builtin`, or a `puzzles.json` as published; a relative path starts at the experiment's file.
    pub puzzles: String,
    /// The puzzle to solve: its name, or its number from 0. Default `Sevens`.
    pub puzzle: String,
    /// Solved puzzles that a prompt shows first. Default 2.
    pub examples: usize,
    /// What the measures are. Default `features`.
    pub descriptors: Descriptors,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            puzzles: "builtin".into(),
            puzzle: "Sevens".into(),
            examples: 2,
            descriptors: Descriptors::Features,
            writing: WritingSettings::default(),
        }
    }
}

struct Problem {
    puzzle: Puzzle,
    writer: Writer,
    measurer: Measurer,
    /// Solutions of the other puzzles: what operators begin with that need a parent.
    seeds: Vec<Arc<str>>,
}

/// Builds it, reading the puzzles.
pub(crate) fn build(parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: Settings = decode(parts.section, "environment")?;
    let puzzles = puzzle::read(&settings.puzzles, parts.folder)?;
    let puzzle = puzzle::find(&puzzles, &settings.puzzle)?.clone();
    let operator = parts.operator.unwrap_or(Operator::Prompt);
    let seeds = match operator {
        Operator::Prompt | Operator::Crossover => Vec::new(),
        Operator::Gp | Operator::Diff => others(&puzzles, &puzzle.name)?,
    };
    let preamble = puzzle::preamble(&puzzles, Some(&puzzle.name), settings.examples);
    let writer = Writer::new(operator, settings.writing, format(&preamble, &puzzle))?;
    let reference = format!("{IMPORTS}{}    return None\n", puzzle.header(ENTRY, true));
    let measurer = Measurer::new(settings.descriptors, parts.axes, &reference)?;
    Ok(Arc::new(Problem { puzzle, writer, measurer, seeds }))
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

impl Environment for Problem {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.measurer.roles(self.writer.roles())
    }

    fn create(&self, _state: &State, stream: &mut Stream) -> Plan {
        self.writer.seeded(&self.seeds, stream)
    }

    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        self.writer.varied(state, stream)
    }

    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome> {
        Box::pin(async move {
            let text = match self.writer.write(&plan, context).await? {
                Ok(text) => text,
                Err(bad) => return Ok(unscored(bad, None)),
            };
            let solved = self.judge(&text, context).await?;
            self.measurer.outcome(text, solved.map(|solved| f64::from(u8::from(solved))), context).await
        })
    }
}

impl Problem {
    /// Whether the program solves the puzzle.
    async fn judge(&self, text: &str, context: &mut Context) -> Result<Result<bool, Bad>, Trouble> {
        let answer = match answer(text, ENTRY, context).await? {
            Ok(answer) => answer,
            Err(bad) => return Ok(Err(bad)),
        };
        if !self.puzzle.fits(&answer) {
            let kind = self.puzzle.ans_type.as_deref().unwrap_or_default();
            return Ok(Err(Bad::invalid(format!("{ENTRY}() returned no {kind}"))));
        }
        // An answer that the puzzle chokes on is a wrong one; only what costs too much has failed.
        Ok(match solves(&self.puzzle.sat, "sat", &answer, context).await? {
            Err(Bad::Invalid(_)) => Ok(false),
            solved => solved,
        })
    }
}
