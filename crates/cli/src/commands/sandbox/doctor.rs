//! `samara sandbox doctor`: which isolation works on this machine.

use std::fmt::Write;

use samara_sandbox::{
    Tier,
    doctor::{Report, WorkingTier, examine},
};
use serde_json::json;

use crate::{
    args::{Format, sandbox::Doctor},
    exit::{Exit, Failure, print, print_json},
};

pub(crate) fn doctor(args: &Doctor) -> Result<Exit, Failure> {
    let report = examine(&args.interpreter.settings()?);
    match args.format {
        Format::Json => print_json(&as_json(&report))?,
        Format::Human => print(&text(&report, args.interpreter.no_numpy))?,
    }
    Ok(if taken(&report).is_some() { Exit::Ok } else { Exit::Sandbox })
}

/// The tier that untrusted programs run in.
fn taken(report: &Report) -> Option<Tier> {
    report.best().filter(|tier| *tier >= Tier::Landlock)
}

fn as_json(report: &Report) -> serde_json::Value {
    let tiers = report.tiers.iter().map(|(tier, found)| match found {
        Ok(works) => json!({
            "tier": tier,
            "works": true,
            "isolates": *tier >= Tier::Landlock,
            "python": &*works.isolation.python,
            "interpreter": works.interpreter.display().to_string(),
            "start_seconds": works.start.as_secs_f64(),
            "landlock": works.landlock,
            "open": works.open,
        }),
        Err(error) => json!({
            "tier": tier,
            "works": false,
            "isolates": *tier >= Tier::Landlock,
            "why": error.why(),
            "hint": error.hint(),
        }),
    });
    let evaluators = match &report.evaluators {
        Ok(start) => json!({ "works": true, "start_seconds": start.as_secs_f64() }),
        Err(error) => json!({ "works": false, "why": error.why(), "hint": error.hint() }),
    };
    json!({ "tier": taken(report), "tiers": tiers.collect::<Vec<_>>(), "evaluators": evaluators })
}

fn text(report: &Report, no_numpy: bool) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // A string takes everything.
        let _ = writeln!(text, "{line}");
    };
    for (tier, found) in &report.tiers {
        match found {
            Ok(works) => {
                let (version, path) = (&works.isolation.python, works.interpreter.display());
                let start = works.start.as_millis();
                let only = if *tier < Tier::Landlock { "; isolates nothing" } else { "" };
                line(format_args!("  yes  {tier:<9} ready in {start} ms, Python {version} ({path}){only}"));
                if *tier >= Tier::Landlock {
                    works.open.iter().for_each(|open| line(format_args!("                 open: {open}")));
                }
            }
            Err(error) => {
                line(format_args!("  no   {tier:<9} {}", error.why()));
                line(format_args!("                 hint: {}", error.hint()));
            }
        }
    }
    match &report.evaluators {
        Ok(start) => {
            line(format_args!("  yes  evaluator ready in {} ms, for `samara evolve`", start.as_millis()));
        }
        Err(error) => {
            line(format_args!("  no   evaluator {}", error.why()));
            line(format_args!("                 hint: {}", error.hint()));
        }
    }
    line(format_args!(""));
    let has = |(_, found): &(_, Result<WorkingTier, _>)| {
        found.as_ref().is_ok_and(|works| works.isolation.python.contains("numpy"))
    };
    if !no_numpy && report.best().is_some() && !report.tiers.iter().any(has) {
        line(format_args!(
            "  numpy is not there: programs that need it take a Python that has it (--python)"
        ));
    }
    match taken(report) {
        Some(tier) => line(format_args!("  programs run in the tier {tier}")),
        None => line(format_args!("  programs are refused: no tier that isolates them works here")),
    }
    text
}
