//! Compilers that live in a user's home, which evaluators do not see by themselves: rustup's.
//!
//! Of `~/.cargo` only programs and the sources of crates are shown, never its credentials.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::assemble::put;

/// What of a user's home rustup's compilers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rust {
    /// Files and folders that an evaluator must be able to read.
    mounts: Vec<PathBuf>,
    /// Environment variables by which they are found.
    variables: Vec<&'static str>,
}

/// Of `~/.cargo`.
const OF_CARGO: [&str; 2] = ["bin", "registry"];

impl Rust {
    /// Looks for it by the environment; `None` where there is none, as where a distribution's compiler is in `/usr`.
    pub(crate) fn find(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|text| Path::new(text).is_absolute()).map(PathBuf::from);
        let home = set("HOME");
        let place =
            |name: &str, folder: &str| set(name).or_else(|| home.as_ref().map(|home| home.join(folder)));
        let (cargo, rustup) = (place("CARGO_HOME", ".cargo")?, place("RUSTUP_HOME", ".rustup")?);
        if !rustup.is_dir() || !cargo.join("bin").is_dir() {
            return None;
        }
        let shown = OF_CARGO.iter().map(|name| cargo.join(name)).filter(|folder| folder.is_dir());
        let mounts = shown.chain([rustup]).collect();
        let own = ["CARGO_HOME", "RUSTUP_HOME"];
        let named = own.into_iter().filter(|name| set(name).is_some());
        // Where these are not set, both are looked for in the home.
        let home = (!own.iter().all(|name| set(name).is_some())).then_some("HOME");
        let path = variable("PATH").map(|_| "PATH");
        Some(Self { mounts, variables: path.into_iter().chain(home).chain(named).collect() })
    }

    /// Shows it to the evaluator, beside what the settings show already; what is to be told of that.
    pub(crate) fn show(&self, table: &mut Table) -> String {
        let mounts: Vec<String> =
            self.mounts.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        add(table, "mounts", &mounts);
        let variables: Vec<String> = self.variables.iter().map(|name| (*name).to_owned()).collect();
        add(table, "variables", &variables);
        format!(
            "Rust: the evaluator may read {} and is given {} (environment.evaluation.mounts and variables)",
            mounts.join(", "),
            variables.join(", ")
        )
    }
}

/// Adds to a list of texts what it lacks.
fn add(table: &mut Table, name: &str, more: &[String]) {
    let evaluation = table.get("environment").and_then(|section| section.get("evaluation"));
    let own = evaluation.and_then(|section| section.get(name)).and_then(Value::as_array);
    let mut list = own.cloned().unwrap_or_default();
    for text in more {
        if !list.iter().any(|held| held.as_str() == Some(text)) {
            list.push(text.as_str().into());
        }
    }
    put(table, &format!("environment.evaluation.{name}"), Value::Array(list));
}

/// An evaluator's text is looked at up to here, in bytes.
const MOST: u64 = 1 << 20;

/// Whether programs are written in Rust, or what evaluates them names its compiler.
pub(crate) fn wants_rust(table: &Table, folder: &Path) -> bool {
    let Some(environment) = table.get("environment") else { return false };
    let text = |section: Option<&Value>, key: &str| {
        section.and_then(|section| section.get(key)).and_then(Value::as_str).map(str::to_owned)
    };
    let evaluation = environment.get("evaluation");
    let program = text(Some(environment), "program").map(|path| folder.join(path));
    let is_rust = text(Some(environment), "language").is_some_and(|language| language == "rust")
        || program.is_some_and(|path| {
            path.extension().is_some_and(|ending| ending == "rs") || path.join("Cargo.toml").is_file()
        });
    let read = |path: String| samara_lm::files::read_text(&folder.join(path), MOST).unwrap_or_default();
    is_rust
        || text(evaluation, "command").is_some_and(|command| names_rust(&command))
        || text(evaluation, "evaluator").is_some_and(|evaluator| names_rust(&read(evaluator)))
}

fn names_rust(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|word| matches!(word, "rustc" | "cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_in_a_home_is_shown_without_its_credentials() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        let variable = |name: &str| match name {
            "HOME" => Some(home.path().display().to_string()),
            "PATH" => Some("/usr/bin".to_owned()),
            _ => None,
        };
        assert_eq!(Rust::find(variable), None, "nothing is installed");
        for folder in [".cargo/bin", ".rustup/toolchains"] {
            std::fs::create_dir_all(at(folder)).expect("a folder");
        }
        std::fs::write(at(".cargo/credentials.toml"), "token = 1").expect("a file");
        let rust = Rust::find(variable).expect("found");
        assert_eq!(rust.mounts, [at(".cargo/bin"), at(".rustup")]);
        assert_eq!(rust.variables, ["PATH", "HOME"]);
        let elsewhere = |name: &str| match name {
            "CARGO_HOME" => Some(at(".cargo").display().to_string()),
            "RUSTUP_HOME" => Some(at(".rustup").display().to_string()),
            _ => variable(name).filter(|_| name != "HOME"),
        };
        assert_eq!(Rust::find(elsewhere).expect("found").variables, ["PATH", "CARGO_HOME", "RUSTUP_HOME"]);
        let mut table: Table =
            "[environment.evaluation]\nmounts = [\"/data\"]\nvariables = [\"PATH\"]\n".parse().expect("TOML");
        let told = rust.show(&mut table);
        assert!(told.contains(".rustup") && told.contains("PATH, HOME"), "{told}");
        let evaluation = &table["environment"]["evaluation"];
        assert_eq!(evaluation["mounts"].as_array().map(Vec::len), Some(3));
        assert_eq!(evaluation["variables"].as_array().map(Vec::len), Some(2), "PATH is there once");
    }

    #[test]
    fn rust_is_wanted_by_the_program_the_command_or_the_evaluator() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("e.py"), "subprocess.run([\"rustc\", path])").expect("a file");
        std::fs::write(folder.path().join("plain.py"), "cargo_ship = 1").expect("a file");
        let wants = |text: &str| wants_rust(&text.parse().expect("TOML"), folder.path());
        assert!(wants("[environment]\nprogram = \"a.rs\""));
        assert!(wants("[environment]\nprogram = \"a\"\nlanguage = \"rust\""));
        assert!(wants("[environment]\nprogram = \"a.py\"\n[environment.evaluation]\nevaluator = \"e.py\""));
        assert!(wants("[environment.evaluation]\ncommand = \"cargo run {program}\""));
        assert!(!wants(
            "[environment]\nprogram = \"a.py\"\n[environment.evaluation]\nevaluator = \"plain.py\""
        ));
        assert!(!wants(
            "[environment]\nprogram = \"a.c\"\n[environment.evaluation]\ncommand = \"cc {program}\""
        ));
    }
}
