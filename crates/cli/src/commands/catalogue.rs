//! `samara list`, `samara schema`, `samara completions` and `samara version`: what comes with samara.

use clap::CommandFactory;
use samara_environments::{REGISTRY, builtin};
use serde_json::json;

use crate::{
    args::{Args, Format},
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
