//! Programming puzzles (Schuster et al. 2021, P3, arXiv 2106.05784): a puzzle is a function `f6` that says whether an
//! answer is right, a solution a function `g6` that returns one.
//!
//! [`problem`] evolves solutions of one puzzle, [`probsol`] new puzzles together with a solution. Both run a solution
//! as one program, and ask the puzzle about its answer, plain data by then, in a second one (`solves`): a solution
//! can't tamper with what judges it. [`puzzle`] reads the published format, [`descriptors`] says where in the archive
//! a program belongs, [`passes`] is the estimator of pass@k.

pub mod descriptors;
pub mod passes;
pub mod problem;
pub mod probsol;
pub mod puzzle;

use samara_engine::{Abort, Bench};
use samara_sandbox::Value;

use crate::program::run;

/// What programs may count on, in the published puzzles as well.
const IMPORTS: &str = "from typing import List\n\n";

/// Is run in front of a puzzle: published ones use more of `typing` than `List`.
const PRELUDE: &str = "from typing import *\n";

/// The answer that `entry` of a program gives.
async fn answer(program: &str, entry: &str, bench: &mut Bench) -> Result<Value, Abort> {
    let job = bench.job(program, entry)?;
    run::value(job, bench).await.map_err(|abort| abort.of(&format!("{entry}()")))
}

/// Whether the puzzle `entry` of a text says True of an answer, in a program of its own.
async fn solves(puzzle: &str, entry: &str, answer: Value, bench: &mut Bench) -> Result<bool, Abort> {
    let program = format!("{puzzle}\n\ndef samara_check(answer):\n    return {entry}(answer) is True\n");
    let mut job = bench.job(program, "samara_check")?;
    job.prelude = PRELUDE.to_owned();
    job.arguments = vec![answer];
    let said = run::value(job, bench).await.map_err(|abort| abort.of(&format!("{entry}()")))?;
    Ok(said == Value::Bool(true))
}
