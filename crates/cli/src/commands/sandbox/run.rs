//! `samara sandbox run`: one program, one verdict.

use std::{io::Read, path::Path, time::Duration};

use samara_sandbox::{Ending, Job, Limits, Value, job::MAX_PROGRAM, json};

use super::report;
use crate::{
    args::{Format, sandbox::Run},
    exit::{Exit, Failure, print, print_json},
};

/// Wall time for a second of CPU time: programs are judged by CPU, and a busy machine gives it slowly.
const WALL: f64 = 5.0;
/// Least wall time, in seconds.
const LEAST_WALL: f64 = 10.0;

pub(crate) fn run(args: &Run) -> Result<Exit, Failure> {
    let limits = Limits {
        cpu: Duration::from_secs_f64(args.timeout),
        wall: Duration::from_secs_f64((WALL * args.timeout).max(LEAST_WALL)),
        memory: u64::from(args.memory) << 20,
        ..Limits::default()
    };
    let job = Job {
        arguments: arguments(&args.args)?,
        limits,
        seed: args.seed,
        ..Job::new(program(&args.file)?, args.entry.clone())
    };
    let verdict = args.isolating.start(1)?.run(&job)?;
    match args.format {
        Format::Json => print_json(&json::from_verdict(&verdict))?,
        Format::Human => print(&report::text(&verdict, &limits))?,
    }
    // The sandbox broke: nothing is known about the program, so nobody may take it for judged.
    Ok(if matches!(verdict.ending, Ending::Failed { .. }) { Exit::Internal } else { Exit::Ok })
}

/// The program's text. No more of it is read than can be run.
fn program(file: &Path) -> Result<String, Failure> {
    let (name, opened): (_, std::io::Result<Box<dyn Read>>) = if file == Path::new("-") {
        ("standard input".to_owned(), Ok(Box::new(std::io::stdin())))
    } else {
        (file.display().to_string(), std::fs::File::open(file).map(|file| Box::new(file) as Box<dyn Read>))
    };
    let mut bytes = Vec::new();
    opened.and_then(|input| input.take(MAX_PROGRAM as u64 + 1).read_to_end(&mut bytes)).map_err(|error| {
        Failure::usage(format!("{name} can't be read: {error}\nhint: name a Python file, or -"))
    })?;
    if bytes.len() > MAX_PROGRAM {
        return Err(Failure::usage(format!(
            "{name} is longer than {MAX_PROGRAM} bytes\nhint: pass data with --args, or make the program shorter"
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{name} is not UTF-8\nhint: save it as UTF-8")))?;
    // Some editors put a mark at the beginning, which Python skips in files but not in texts.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// Positional arguments from a JSON list.
fn arguments(text: &str) -> Result<Vec<Value>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!(
            "--args: {why}\nhint: write a JSON list, such as --args '[3, \"a\", [1.5]]'; --help says how to write what JSON lacks"
        ))
    };
    let values: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    values.iter().map(json::to_value).collect::<Result<_, _>>().map_err(wrong)
}
