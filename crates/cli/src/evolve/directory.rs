//! What is in a working directory: an initial program, an evaluator, and perhaps a configuration.
//!
//! The names are those of OpenEvolve's, Shinka's and SkyDiscover's examples. Of names that differ in how well they say
//! what a file is, the better one counts; two that are equally good are an error that lists them: which is meant is the
//! user's to say.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// A file, or a folder of several.
    pub program: PathBuf,
    pub evaluator: PathBuf,
    /// OpenEvolve's YAML.
    pub config: Option<PathBuf>,
}

/// Stems of initial programs: those of a row count where there are none of the rows above.
const PROGRAMS: [&[&str]; 4] =
    [&["initial_program", "init_program", "initial"], &["initial_prompt"], &["program"], &["main"]];
/// Paths of evaluators, in rows as well.
const EVALUATORS: [&[&str]; 3] =
    [&["evaluator.py", "evaluate.py"], &["evaluator/evaluator.py"], &["evaluator/evaluate.py"]];
/// Names of configurations.
const CONFIGS: [&str; 2] = ["config.yaml", "config.yml"];
/// The name of samara's own settings.
const EXPERIMENT: &str = "experiment.toml";
/// What an interpreter or an editor left behind is no program.
const LEFT_BEHIND: [&str; 5] = ["pyc", "bak", "orig", "swp", "log"];

/// Samara's own settings in a directory, if it has some.
pub(crate) fn experiment(folder: &Path) -> Option<PathBuf> {
    let file = folder.join(EXPERIMENT);
    file.is_file().then_some(file)
}

/// Looks for the parts of a working directory.
///
/// # Errors
/// One is missing, or there are several; or the directory can't be read.
pub(crate) fn search(folder: &Path) -> Result<Directory, Failure> {
    let program = one(folder, programs(folder)?, "initial program", "initial_program.py")?;
    let present = |names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
    };
    let evaluators = EVALUATORS.iter().map(|names| present(names)).find(|found| !found.is_empty());
    let evaluator = one(folder, evaluators.unwrap_or_default(), "evaluator", "evaluator.py")?;
    let config = match present(&CONFIGS) {
        configs if configs.is_empty() => None,
        configs => Some(one(folder, configs, "configuration", "config.yaml")?),
    };
    Ok(Directory { program, evaluator, config })
}

/// The initial program where a command evaluates it: a file, the one of a working directory, or a folder of several files.
///
/// # Errors
/// There are several, or the directory can't be read.
pub(crate) fn program(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    match programs(path)? {
        found if found.is_empty() => Ok(path.to_owned()),
        found => one(path, found, "initial program", "initial_program.py"),
    }
}

/// Files and folders that may be the initial program: those with the best names, in the order of these.
fn programs(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("{} can't be read: {error}", folder.display()));
    let mut found: [Vec<PathBuf>; PROGRAMS.len()] = Default::default();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let row = PROGRAMS.iter().position(|stems| stems.contains(&stem));
        if let Some(row) = row.filter(|_| !LEFT_BEHIND.contains(&ending) && !ending.ends_with('~')) {
            found[row].push(path);
        }
    }
    let mut best = found.into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    best.sort();
    Ok(best)
}

fn one(folder: &Path, mut found: Vec<PathBuf>, what: &str, name: &str) -> Result<PathBuf, Failure> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::usage(format!(
            "{}: there is no {what}\nhint: call it {name}, or name both: samara evolve INITIAL EVALUATOR",
            folder.display()
        ))),
        _ => {
            let list: String = found.iter().map(|path| format!("\n  {}", path.display())).collect();
            let hint = if what == "configuration" {
                "name it with --config"
            } else {
                "name both: samara evolve INITIAL EVALUATOR"
            };
            Err(Failure::usage(format!("{}: which is the {what}?{list}\nhint: {hint}", folder.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        folder
    }

    fn found(files: &[&str]) -> Result<[Option<String>; 3], String> {
        let folder = folder(files);
        let inside = |path: PathBuf| path.strip_prefix(folder.path()).expect("inside").display().to_string();
        let Directory { program, evaluator, config } = search(folder.path())
            .map_err(|failure| failure.message.replace(&folder.path().display().to_string(), "D"))?;
        Ok([Some(inside(program)), Some(inside(evaluator)), config.map(inside)])
    }

    #[test]
    fn the_parts_are_known_by_the_names_that_others_give_them() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            found(&["initial_program.py", "evaluator.py", "config.yaml", "README.md", "initial_program.pyc"]),
            Ok([some("initial_program.py"), some("evaluator.py"), some("config.yaml")])
        );
        assert_eq!(
            found(&["initial.rs", "evaluate.py"]),
            Ok([some("initial.rs"), some("evaluate.py"), None])
        );
        assert_eq!(
            found(&["init_program/src/a.c", "init_program/Makefile", "evaluator/evaluator.py"]),
            Ok([some("init_program"), some("evaluator/evaluator.py"), None])
        );
    }

    #[test]
    fn of_several_names_the_one_that_says_most_counts() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            found(&["initial_prompt.txt", "main.py", "evaluator.py", "evaluator/evaluator.py"]),
            Ok([some("initial_prompt.txt"), some("evaluator.py"), None])
        );
        assert_eq!(
            found(&["initial.py", "program.py", "evaluator/evaluator.py", "evaluator/evaluate.py"]),
            Ok([some("initial.py"), some("evaluator/evaluator.py"), None])
        );
        assert_eq!(
            found(&["program.rs", "main.py", "evaluate.py"]),
            Ok([some("program.rs"), some("evaluate.py"), None])
        );
        assert_eq!(found(&["main.c", "evaluate.py"]), Ok([some("main.c"), some("evaluate.py"), None]));
    }

    #[test]
    fn what_is_missing_or_there_twice_is_told() {
        let message = |files: &[&str]| found(files).expect_err("refused");
        assert!(
            message(&["evaluator.py"])
                .starts_with("D: there is no initial program\nhint: call it initial_program.py")
        );
        assert!(message(&["initial.py"]).starts_with("D: there is no evaluator\nhint: call it evaluator.py"));
        assert_eq!(
            message(&["initial.py", "initial_program.rs", "evaluator.py"]),
            "D: which is the initial program?\n  D/initial.py\n  D/initial_program.rs\n\
             hint: name both: samara evolve INITIAL EVALUATOR"
        );
        assert!(
            message(&["initial.py", "evaluator.py", "config.yaml", "config.yml"])
                .ends_with("hint: name it with --config")
        );
    }
}
