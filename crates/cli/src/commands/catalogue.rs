//! `samara list`, `samara new`, `samara schema`, `samara completions` and `samara version`: what comes with samara.

use std::path::Path;

use clap::CommandFactory;
use samara_environments::{REGISTRY, builtin, evaluator};
use samara_search::nearest;
use serde_json::json;

use crate::{
    args::{Args, Format, New},
    completion,
    evolve::builtin as programs,
    exit::{Exit, Failure, print, print_drawn, print_json},
    schema,
};

pub(crate) fn list(format: Format) -> Result<Exit, Failure> {
    let experiments: Vec<(&str, &str)> = builtin::EXPERIMENTS.iter().map(|e| (e.name, e.summary)).collect();
    let evolved: Vec<(&str, &str)> = programs::all().collect();
    let environments: Vec<(&str, &str)> = REGISTRY.iter().map(|e| (e.name, e.summary)).collect();
    match format {
        Format::Json => {
            let rows = |rows: &[(&str, &str)]| -> Vec<serde_json::Value> {
                rows.iter().map(|(name, summary)| json!({"name": name, "summary": summary})).collect()
            };
            let object = json!({
                "experiments": rows(&experiments),
                "programs": rows(&evolved),
                "environments": rows(&environments),
            });
            print_json(&object)?;
        }
        Format::Human => {
            let rows = |rows: &[(&str, &str)]| -> String {
                let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(18);
                rows.iter().map(|(name, summary)| format!("  {name:<width$} {summary}\n")).collect()
            };
            let text = format!(
                "Experiments (samara run NAME)\n{}\nPrograms (samara evolve NAME)\n{}\n\
                 Environments (experiment.environment)\n{}",
                rows(&experiments),
                rows(&evolved),
                rows(&environments)
            );
            print(&text)?;
        }
    }
    Ok(Exit::Ok)
}

/// What `--from` calls a working directory for `samara evolve`.
const EVALUATOR: &str = evaluator::NAME;

pub(crate) fn new(args: &New) -> Result<Exit, Failure> {
    if args.from == EVALUATOR {
        return new_directory(Path::new(&args.name));
    }
    let Some(experiment) = builtin::experiment(&args.from) else {
        let names: Vec<&str> = builtin::EXPERIMENTS.iter().map(|e| e.name).chain([EVALUATOR]).collect();
        let hint = nearest(&args.from, &names);
        return Err(Failure::usage(format!("--from {}: no such experiment\nhint: {hint}", args.from)));
    };
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if args.name.is_empty() || !args.name.chars().all(fine) {
        return Err(Failure::usage(format!("`{}`: a name is made of letters, digits, - and _", args.name)));
    }
    let path = format!("{}.toml", args.name);
    let named = format!("name = \"{}\"", experiment.name);
    let text = experiment.toml.replacen(&named, &format!("name = \"{}\"", args.name), 1);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(&path).map_err(|error| {
        Failure::usage(format!(
            "{path} can't be made: {error}\nhint: choose another name, or remove the file"
        ))
    })?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    print(&format!("{path}\n"))?;
    Ok(Exit::Ok)
}

/// Writes a folder with a program, its evaluator and their settings.
fn new_directory(folder: &Path) -> Result<Exit, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("mine");
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if !name.chars().all(fine) {
        return Err(Failure::usage(format!("`{name}`: a name is made of letters, digits, - and _")));
    }
    let files = programs::write_template(folder, name)?;
    print(&(files.join("\n") + "\n"))?;
    Ok(Exit::Ok)
}

pub(crate) fn schema() -> Result<Exit, Failure> {
    print(&format!("{:#}\n", schema::experiment()))?;
    Ok(Exit::Ok)
}

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    print_drawn(&completion::script(shell)?)?;
    Ok(Exit::Ok)
}

pub(crate) fn version() -> Result<Exit, Failure> {
    print(&Args::command().render_version())?;
    Ok(Exit::Ok)
}
