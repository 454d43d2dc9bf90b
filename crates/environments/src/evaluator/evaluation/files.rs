//! The evaluator's files: read once and recorded, so that a resumed run knows whether it would measure by the same ones.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use samara_search::Invalid;

use super::settings::{EvaluationSettings, bad, words};
use crate::{InputFile, Inputs, inputs::MAX_BYTES};

/// Files beside the evaluator at most.
const MOST_FILES: usize = 200;
const EVALUATOR: &str = "environment.evaluation.evaluator";
const BESIDE: &str = "environment.evaluation.beside";
const COMMAND: &str = "environment.evaluation.command";

/// Where the evaluator is, and what was recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EvaluatorFiles {
    /// The folder of the experiment's file: where relative paths of settings start.
    pub(super) base: PathBuf,
    /// The evaluator's folder.
    pub(super) folder: PathBuf,
    /// The evaluator's name in it; `None` if it is a command.
    pub(super) evaluator: Option<String>,
    /// The SHA-256 of each recorded file, by its path in the folder.
    pub(super) digests: BTreeMap<String, String>,
}

impl EvaluatorFiles {
    /// Reads the evaluator, and every Python file of its folder but the program; of a command the text files of the
    /// folder that it names. `program` is the setting `environment.program`.
    ///
    /// # Errors
    /// A file that can't be read, too many or too large ones.
    pub(super) fn read(
        settings: &EvaluationSettings,
        program: &str,
        inputs: &Inputs,
    ) -> Result<Self, Invalid> {
        match (&settings.evaluator, &settings.command) {
            (Some(evaluator), _) => Self::of_evaluator(evaluator, program, inputs),
            (None, Some(command)) => Self::of_command(&words(command)?, program, inputs),
            (None, None) => Err(bad("evaluator", "is missing", "name the evaluator's file")),
        }
    }

    fn of_evaluator(evaluator: &str, program: &str, inputs: &Inputs) -> Result<Self, Invalid> {
        inputs.text(
            EVALUATOR,
            evaluator,
            "name the evaluator's file; a relative path starts at the experiment's",
        )?;
        let path = path_of(inputs, EVALUATOR).unwrap_or_else(|| evaluator.into());
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = file_name(&path);
        let base = base(inputs, program, &[(EVALUATOR, evaluator)]).unwrap_or_else(|| folder.clone());
        let mut digests = BTreeMap::from([(name.clone(), digest_of(inputs, EVALUATOR))]);
        let beside = match inputs.folder() {
            Some(_) => {
                let not = [path, base.join(program)];
                python_files(&folder, &not).map_err(|what| {
                    let hint = "keep the evaluator in a folder with its own files alone";
                    bad("evaluator", &what, hint)
                })?
            }
            None => inputs.beneath(BESIDE),
        };
        record(BESIDE, beside, inputs, &mut digests)?;
        Ok(Self { base, folder, evaluator: Some(name), digests })
    }

    fn of_command(words: &[String], program: &str, inputs: &Inputs) -> Result<Self, Invalid> {
        let base = base(inputs, program, &[]).ok_or_else(|| {
            let hint = "write environment.program as a relative path";
            bad("command", "has no folder to run in", hint)
        })?;
        let named = match inputs.folder() {
            Some(folder) => named_files(&folder, words),
            None => inputs.beneath(COMMAND),
        };
        let mut digests = BTreeMap::new();
        record(COMMAND, named, inputs, &mut digests)?;
        Ok(Self { folder: base.clone(), base, evaluator: None, digests })
    }

    /// A path of the settings, as an absolute one.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }
}

/// Reads files and takes down their digests.
fn record(
    key: &str,
    files: Vec<(String, PathBuf)>,
    inputs: &Inputs,
    digests: &mut BTreeMap<String, String>,
) -> Result<(), Invalid> {
    let mut bytes = 0;
    for (name, path) in files {
        let key = format!("{key}/{name}");
        let hint = "the evaluator's folder holds text files of its own alone";
        bytes += inputs.text(&key, &path.to_string_lossy(), hint)?.len() as u64;
        if bytes > MAX_BYTES {
            let what = format!("has more than {} MiB of Python files beside it", MAX_BYTES >> 20);
            return Err(bad("evaluator", &what, "keep data in files that don't end with .py"));
        }
        digests.insert(name, digest_of(inputs, &key));
    }
    Ok(())
}

fn path_of(inputs: &Inputs, key: &str) -> Option<PathBuf> {
    inputs.files().into_iter().rev().find(|file| file.key == key).map(|file| file.path)
}

fn digest_of(inputs: &Inputs, key: &str) -> String {
    inputs.files().iter().rev().find(|file| file.key == key).map(InputFile::digest).unwrap_or_default()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder where relative paths start. A run knows it from where its files were.
fn base(inputs: &Inputs, program: &str, known: &[(&str, &str)]) -> Option<PathBuf> {
    if let Some(folder) = inputs.folder() {
        return Some(folder);
    }
    let files = inputs.files();
    let known = known.iter().copied().chain([("environment.program", program)]);
    known.into_iter().find_map(|(key, setting)| {
        let beneath = format!("{key}/");
        let file = files.iter().find(|file| file.key == key || file.key.starts_with(&beneath))?;
        start_of(&file.path, setting)
    })
}

/// Where a relative path starts that has led to an absolute one.
fn start_of(path: &Path, relative: &str) -> Option<PathBuf> {
    let parts: PathBuf = Path::new(relative).components().filter(|part| *part != Component::CurDir).collect();
    if parts.is_absolute() {
        return None;
    }
    let whole = path.ancestors().find(|ancestor| ancestor.ends_with(&parts))?;
    whole.ancestors().nth(parts.components().count()).map(Path::to_owned)
}

/// The Python files of a folder and of the packages in it, by their paths, in their order.
fn python_files(folder: &Path, not: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    gather(folder, "", not, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn gather(
    folder: &Path,
    beneath: &str,
    not: &[PathBuf],
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("can't look into {}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = file_name(&path);
        if name.starts_with('.') || not.contains(&path) {
            continue;
        }
        if path.is_dir() && path.join("__init__.py").is_file() {
            gather(&path, &format!("{beneath}{name}/"), not, found)?;
        } else if name.ends_with(".py") && path.is_file() {
            found.push((format!("{beneath}{name}"), path));
        }
        if found.len() > MOST_FILES {
            return Err(format!("stands among more than {MOST_FILES} Python files"));
        }
    }
    Ok(())
}

/// The text files that words of a command name; programs in machine code can't be recorded.
fn named_files(folder: &Path, words: &[String]) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for word in words.iter().filter(|word| Path::new(word).is_relative() && !word.contains("..")) {
        let name = word.trim_start_matches("./");
        let path = folder.join(name);
        let is_text = samara_lm::files::read_text(&path, MAX_BYTES).is_ok();
        if is_text && !name.is_empty() && !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_owned(), path));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, format!("# {name}\n")).expect("a file");
        }
        folder
    }

    fn names(files: &EvaluatorFiles) -> Vec<&str> {
        files.digests.keys().map(String::as_str).collect()
    }

    #[test]
    fn python_files_beside_the_evaluator_and_its_packages_are_recorded_and_read_back() {
        let folder = folder(&[
            "e/evaluator.py",
            "e/helper.py",
            "e/pack/__init__.py",
            "e/pack/deep.py",
            "e/venv/lib.py",
            "e/data.csv",
            "e/.hidden.py",
            "e/initial_program.py",
        ]);
        let settings =
            EvaluationSettings { evaluator: Some("./e/evaluator.py".to_owned()), ..Default::default() };
        let fresh = Inputs::in_folder(folder.path());
        let files = EvaluatorFiles::read(&settings, "e/initial_program.py", &fresh).expect("files");
        assert_eq!(names(&files), ["evaluator.py", "helper.py", "pack/__init__.py", "pack/deep.py"]);
        assert_eq!((&*files.base, &*files.folder), (folder.path(), &*folder.path().join("e")));
        assert_eq!(files.resolve("venv/bin/python"), folder.path().join("venv/bin/python"));
        std::fs::write(folder.path().join("e/helper.py"), "changed").expect("a file");
        for inputs in [Inputs::recorded(fresh.files()), Inputs::current(fresh.files())] {
            let again = EvaluatorFiles::read(&settings, "e/initial_program.py", &inputs).expect("files");
            assert_eq!((&again.base, names(&again)), (&files.base, names(&files)));
            assert_eq!(again == files, again.digests["helper.py"] == files.digests["helper.py"]);
        }
        let current = Inputs::current(fresh.files());
        let changed = EvaluatorFiles::read(&settings, "e/initial_program.py", &current).expect("files");
        assert_ne!(changed.digests["helper.py"], files.digests["helper.py"]);
    }

    #[test]
    fn of_a_command_the_text_files_that_it_names_are_recorded() {
        let folder = folder(&["score.sh", "tables/a.txt", "initial.rs"]);
        std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).expect("a file");
        let command = "./score.sh ./binary {program} tables/a.txt ../up --flag /etc/hostname";
        let settings = EvaluationSettings { command: Some(command.to_owned()), ..Default::default() };
        let fresh = Inputs::in_folder(folder.path());
        fresh.text("environment.program", "initial.rs", "").expect("a program");
        let files = EvaluatorFiles::read(&settings, "initial.rs", &fresh).expect("files");
        assert_eq!((names(&files), &*files.folder), (vec!["score.sh", "tables/a.txt"], folder.path()));
        let recorded = Inputs::recorded(fresh.files());
        recorded.text("environment.program", "initial.rs", "").expect("a program");
        assert_eq!(EvaluatorFiles::read(&settings, "initial.rs", &recorded), Ok(files));
    }

    #[test]
    fn an_evaluator_that_is_missing_or_lost_among_files_is_refused() {
        let many: Vec<String> = (0..=MOST_FILES).map(|place| format!("f{place}.py")).collect();
        let folder = folder(&many.iter().map(String::as_str).collect::<Vec<_>>());
        let read = |name: &str| {
            let settings = EvaluationSettings { evaluator: Some(name.to_owned()), ..Default::default() };
            EvaluatorFiles::read(&settings, "f1.py", &Inputs::in_folder(folder.path())).map(|_| ())
        };
        assert_eq!(read("none.py").expect_err("no file").key, EVALUATOR);
        // The evaluator and the program are not counted.
        assert_eq!(read("f0.py"), Ok(()));
        std::fs::write(folder.path().join("f300.py"), "").expect("a file");
        std::fs::write(folder.path().join("f301.py"), "").expect("a file");
        assert!(read("f0.py").expect_err("too many").what.contains("more than 200"));
    }

    #[test]
    fn a_relative_path_that_has_led_to_an_absolute_one_tells_where_it_started() {
        for (path, relative, start) in [
            ("/a/b/e.py", "e.py", Some("/a/b")),
            ("/a/b/e.py", "./b/e.py", Some("/a")),
            ("/a/b/../e.py", "../e.py", Some("/a/b")),
            ("/a/b/p/x.rs", "p", Some("/a/b")),
            ("/a/b/e.py", "/a/b/e.py", None),
            ("/a/b/e.py", "f.py", None),
        ] {
            assert_eq!(start_of(Path::new(path), relative), start.map(PathBuf::from), "{path} {relative}");
        }
    }
}
