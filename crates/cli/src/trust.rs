//! Whether a run may go on as its file says: a run of somebody else is data until the user trusts it.
//!
//! A run that this user began is known by its id, in the user's state folder, together with a digest of what its
//! settings allow it to do. It goes on unasked while they are the same. Of any other run, settings that run programs
//! with weaker isolation, send keys or read files are named, and `--trust-run` is asked for.

use std::path::{Path, PathBuf};

use samara_environments::{InputFile, evaluator};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::{exit::Failure, weights};

/// Sections whose settings decide what a run may do beside computing.
const SECTIONS: [&str; 4] = ["models", "sandbox", "cache", "workers"];

/// Keys of a model that name files.
const FILES: [&str; 5] = ["script", "folder", "file", "tokenizer", "ca_file"];

/// Notes that this user began or trusted a run with these settings, as it stores them. A state folder that can't be
/// written only means that the user is asked again.
pub(crate) fn remember(id: &str, stored: &Table) {
    let Some(file) = record(id) else { return };
    let digest = digest(stored);
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    if known.lines().any(|line| line == digest) {
        return;
    }
    // The latest settings first; those of sessions that did not come to run are kept, up to a bound.
    let lines: Vec<&str> = std::iter::once(&*digest).chain(known.lines()).take(MOST_KEPT).collect();
    if let Some(folder) = file.parent()
        && std::fs::create_dir_all(folder).is_ok()
    {
        let _ = std::fs::write(&file, lines.join("\n"));
    }
}

/// Settings of a run that are remembered.
const MOST_KEPT: usize = 100;

/// Whether this user began or trusted the run with these settings, as it stores them.
pub(crate) fn is_known(id: &str, stored: &Table) -> bool {
    let digest = digest(stored);
    let known = record(id).and_then(|file| std::fs::read_to_string(file).ok());
    known.is_some_and(|known| known.lines().any(|line| line == digest))
}

/// Refuses to go on with a run that is not known and wants more than to compute; `set` are the user's own changes.
/// `files` are what it reads beside its models', each with the setting that names it.
pub(crate) fn check(run: &str, resolved: &Table, set: &[String], files: &[InputFile]) -> Result<(), Failure> {
    let own = |key: &str| {
        set.iter().filter_map(|change| change.split('=').next()).any(|changed| {
            let changed = changed.trim();
            key == changed || key.starts_with(&format!("{changed}."))
        })
    };
    let reasons: Vec<String> = reasons(resolved)
        .into_iter()
        .chain(files.iter().map(reads))
        .filter(|(key, _)| !own(key))
        .map(|(_, why)| why)
        .collect();
    if reasons.is_empty() {
        return Ok(());
    }
    let list: String = reasons.iter().map(|why| format!("\n  {why}")).collect();
    Err(Failure::usage(format!(
        "{run}: the run was not begun here, and its settings would{list}\nhint: look at them with `samara export {run} \
         --as settings`; if you trust who made the run, add --trust-run; or set your own with --set"
    )))
}

/// Names the evaluator by where it was when the run began: a relative path says nothing of what it would read.
pub(crate) fn place_evaluator(resolved: &mut Table, recorded: &[InputFile]) {
    let place = recorded.iter().find(|file| file.key == EVALUATOR).map(|file| file.path.to_string_lossy());
    let evaluation = resolved.get_mut("environment").and_then(|section| section.get_mut("evaluation"));
    if let (Some(place), Some(evaluator)) =
        (place, evaluation.and_then(|evaluation| evaluation.get_mut("evaluator")))
    {
        *evaluator = Value::from(place.into_owned());
    }
}

/// The setting that names an evaluator, and its record.
const EVALUATOR: &str = "environment.evaluation.evaluator";

fn reads(file: &InputFile) -> (String, String) {
    let why = format!("read the file {} ({})", file.path.display(), file.key);
    (file.key.clone(), why)
}

/// What settings allow beyond computing: the key, and what would happen.
pub(crate) fn reasons(resolved: &Table) -> Vec<(String, String)> {
    let mut reasons = Vec::new();
    let table = |name: &str| resolved.get(name).and_then(Value::as_table);
    if let Some(sandbox) = table("sandbox") {
        for key in ["tier", "minimum_tier"] {
            if sandbox.get(key).and_then(Value::as_str) == Some("process") {
                let why = format!("run programs without isolation (sandbox.{key} = \"process\")");
                reasons.push((format!("sandbox.{key}"), why));
            }
        }
        if sandbox.get("tier").and_then(Value::as_str) == Some("landlock") {
            // Without a setting the strongest tier that works is taken.
            let why = "isolate programs by Landlock even where a jail works (sandbox.tier = \"landlock\")"
                .to_owned();
            reasons.push(("sandbox.tier".to_owned(), why));
        }
        let text = |key: &str| sandbox.get(key).and_then(Value::as_str);
        if let Some(python) = text("python") {
            let why = format!("run the interpreter {python} (sandbox.python)");
            reasons.push(("sandbox.python".to_owned(), why));
        }
        if let Some(server) = text("server") {
            reasons.push(("sandbox.server".to_owned(), format!("run programs on {server} (sandbox.server)")));
        }
        if let Some(variable) = text("token_env") {
            let why = format!("send the environment variable {variable} as a token (sandbox.token_env)");
            reasons.push(("sandbox.token_env".to_owned(), why));
        }
    }
    if let Some(evaluation) = evaluation(resolved) {
        of_evaluation(evaluation, &mut reasons);
    }
    for (role, model) in table("models").into_iter().flatten() {
        of_model(&format!("models.{role}"), model, &mut reasons);
    }
    if let Some(path) = table("cache").and_then(|cache| cache.get("path")).and_then(Value::as_str) {
        reasons.push(("cache.path".to_owned(), format!("read and write the file {path} (cache.path)")));
    }
    if let Some(place) = table("workers").and_then(|workers| workers.get("address")).and_then(Value::as_str) {
        reasons.push(("workers.address".to_owned(), format!("meet workers at {place} (workers.address)")));
    }
    reasons
}

/// The settings of a user's evaluator, where a run has one.
fn evaluation(resolved: &Table) -> Option<&Table> {
    let environment = resolved.get("experiment")?.get("environment")?.as_str()?;
    if environment != evaluator::NAME {
        return None;
    }
    resolved.get("environment")?.get("evaluation")?.as_table()
}

/// An evaluator runs whatever its maker wrote: in a sandbox, but with files, variables and devices of this machine.
fn of_evaluation(evaluation: &Table, reasons: &mut Vec<(String, String)>) {
    const SECTION: &str = "environment.evaluation";
    let mut add = |key: &str, why: String| {
        let key = format!("{SECTION}.{key}");
        reasons.push((key.clone(), format!("{why} ({key})")));
    };
    let text = |name: &str| evaluation.get(name).and_then(Value::as_str);
    if let Some(evaluator) = text("evaluator") {
        let path = Path::new(evaluator);
        let folder =
            path.parent().filter(|_| path.is_absolute()).map_or("its folder".into(), Path::to_string_lossy);
        add("evaluator", format!("run the evaluator {evaluator}, which reads all of {folder}"));
    }
    if let Some(command) = text("command") {
        add("command", format!("run the command `{command}`"));
    }
    if let Some(python) = text("python") {
        add("python", format!("run the interpreter {python}"));
    }
    if evaluation.get("network").and_then(Value::as_bool) == Some(true) {
        add("network", "let the evaluator reach the network".to_owned());
    }
    let wants = [
        ("variables", "hand the evaluator the environment variables"),
        ("devices", "let the evaluator use the devices"),
        ("mounts", "let the evaluator read"),
    ];
    for (name, what) in wants {
        let listed: Vec<&str> = evaluation
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !listed.is_empty() {
            add(name, format!("{what} {}", listed.join(", ")));
        }
    }
}

fn of_model(key: &str, model: &Value, reasons: &mut Vec<(String, String)>) {
    let Some(model) = model.as_table() else { return };
    if let Some(Value::Array(ensemble)) = model.get("ensemble") {
        for (position, model) in ensemble.iter().enumerate() {
            of_model(&format!("{key}.ensemble.{position}"), model, reasons);
        }
        return;
    }
    let text = |name: &str| model.get(name).and_then(Value::as_str);
    if let Some(url) = text("base_url") {
        let why = format!("send prompts, and the provider's key if there is one, to {url} ({key}.base_url)");
        reasons.push((format!("{key}.base_url"), why));
    }
    if let Some(variable) = text("api_key_env") {
        let why = format!("send the environment variable {variable} as a key ({key}.api_key_env)");
        reasons.push((format!("{key}.api_key_env"), why));
    } else if !matches!(text("provider"), None | Some("embedded" | "scripted")) && text("base_url").is_none()
    {
        let why = format!("ask {} with your key, at your cost ({key})", text("provider").unwrap_or_default());
        reasons.push((key.to_owned(), why));
    }
    for table in ["headers", "query"] {
        for (name, value) in model.get(table).and_then(Value::as_table).into_iter().flatten() {
            if let Some(variable) = value.as_str().and_then(|value| value.strip_prefix("env:")) {
                let key = format!("{key}.{table}.{name}");
                reasons.push((key.clone(), format!("send the environment variable {variable} ({key})")));
            }
        }
    }
    for name in FILES {
        if let Some(file) = text(name) {
            reasons.push((format!("{key}.{name}"), format!("read the file {file} ({key}.{name})")));
        }
    }
}

fn digest(stored: &Table) -> String {
    let mut kept: Table =
        SECTIONS.iter().filter_map(|name| Some(((*name).to_owned(), stored.get(*name)?.clone()))).collect();
    if let Some(evaluation) = evaluation(stored) {
        kept.insert("evaluation".to_owned(), Value::Table(evaluation.clone()));
    }
    // Which weights a model has allows nothing.
    if let Some(Value::Table(models)) = kept.get_mut("models") {
        models.iter_mut().for_each(|(_, model)| weights::forget(model));
    }
    // A table of settings always has a text.
    let text = toml::to_string(&kept).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a run is noted: `$XDG_STATE_HOME` or `~/.local/state`, below `samara/runs`.
fn record(id: &str) -> Option<PathBuf> {
    let fine = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !fine {
        return None;
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("samara/runs").join(id))
}

/// A random id for a new run: 32 hexadecimal digits.
pub(crate) fn new_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal(format!("no random numbers for the run's id: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        reasons(&text.parse().expect("TOML")).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn settings_that_only_compute_need_no_trust() {
        assert_eq!(
            keys("[models.generator]\nprovider = \"embedded\"\n[sandbox]\nminimum_tier = \"landlock\""),
            [""; 0]
        );
    }

    #[test]
    fn weaker_isolation_keys_and_files_are_named() {
        assert_eq!(
            keys("[sandbox]\ntier = \"process\"\nminimum_tier = \"process\""),
            ["sandbox.tier", "sandbox.minimum_tier"]
        );
        assert_eq!(keys("[sandbox]\ntier = \"landlock\"\nminimum_tier = \"landlock\""), ["sandbox.tier"]);
        let server = "[sandbox]\nserver = \"http://box:5000\"\ntoken_env = \"TOKEN\"";
        assert_eq!(keys(server), ["sandbox.server", "sandbox.token_env"]);
        let model = "[models.judge]\nprovider = \"openai\"\nbase_url = \"http://x\"\napi_key_env = \"TOKEN\"";
        assert_eq!(keys(model), ["models.judge.base_url", "models.judge.api_key_env"]);
        let header =
            "[models.judge]\nbase_url = \"http://x\"\nheaders = { X = \"env:TOKEN\", Y = \"plain\" }";
        assert_eq!(keys(header), ["models.judge.base_url", "models.judge.headers.X"]);
        assert_eq!(keys("[models.judge]\nprovider = \"openai\""), ["models.judge"]);
        let ensemble = "[[models.generator.ensemble]]\nprovider = \"scripted\"\nscript = \"/etc/passwd\"";
        assert_eq!(keys(ensemble), ["models.generator.ensemble.0.script"]);
    }

    #[test]
    fn what_an_evaluator_may_do_is_named_and_known_by_all_of_its_settings() {
        let text = "[experiment]\nenvironment = \"evaluator\"\n[environment.evaluation]\nevaluator = \"e.py\"\n\
                    command = \"./score {program}\"\npython = \"venv/bin/python\"\nnetwork = true\n\
                    variables = [\"TOKEN\", \"B\"]\ndevices = [\"/dev/nvidia0\"]\nmounts = [\"/data\"]\n";
        let table: Table = text.parse().expect("TOML");
        let told: Vec<String> = reasons(&table).into_iter().map(|(_, why)| why).collect();
        assert_eq!(
            told,
            [
                "run the evaluator e.py, which reads all of its folder (environment.evaluation.evaluator)",
                "run the command `./score {program}` (environment.evaluation.command)",
                "run the interpreter venv/bin/python (environment.evaluation.python)",
                "let the evaluator reach the network (environment.evaluation.network)",
                "hand the evaluator the environment variables TOKEN, B (environment.evaluation.variables)",
                "let the evaluator use the devices /dev/nvidia0 (environment.evaluation.devices)",
                "let the evaluator read /data (environment.evaluation.mounts)",
            ]
        );
        let other: Table = text.replace("[\"/data\"]", "[\"/\"]").parse().expect("TOML");
        assert_ne!(digest(&table), digest(&other));
        let elsewhere = text.replace("= \"evaluator\"", "= \"string\"");
        assert_eq!(keys(&elsewhere), [""; 0], "other environments have no such section");
    }

    #[test]
    fn what_the_user_sets_is_the_users_own() {
        let resolved: Table =
            "[models.judge]\nprovider = \"openai\"\nbase_url = \"http://x\"".parse().expect("TOML");
        assert!(check("r", &resolved, &[], &[]).is_err());
        assert!(check("r", &resolved, &["models.judge=openai:x".to_owned()], &[]).is_ok());
        assert!(check("r", &resolved, &["models.judge.base_url=http://y".to_owned()], &[]).is_ok());
        assert!(check("r", &resolved, &["models.generator=openai:x".to_owned()], &[]).is_err());
    }

    #[test]
    fn an_id_that_is_no_id_is_no_path() {
        assert_eq!(record("../../etc/passwd"), None);
        assert_eq!(record(""), None);
    }
}
