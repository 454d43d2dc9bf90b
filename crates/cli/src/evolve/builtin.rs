//! The programs that come with samara: directories embedded in the binary, with their settings.

use std::path::Path;

use samara_environments::evaluator::evaluation::programs::{PROGRAMS, program};
use toml::Table;

use crate::exit::Failure;

/// The file with a program's settings.
const SETTINGS: &str = "experiment.toml";

/// All of them: the name, and what it is in a line.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROGRAMS.iter().map(|program| (program.name, program.summary))
}

/// The settings of a built-in program, as its file has them; `None` if there is no such program.
pub(crate) fn settings(name: &str) -> Option<Result<Table, toml::de::Error>> {
    let program = program(name)?;
    let text = program.files.iter().find(|(path, _)| *path == SETTINGS).map_or("", |(_, text)| text);
    Some(text.parse())
}

/// Writes a built-in program's files into a folder, which is made.
///
/// # Errors
/// A file is there already, or can't be written.
pub(crate) fn write(name: &str, folder: &Path) -> Result<(), Failure> {
    let Some(program) = program(name) else {
        return Err(Failure::internal(format!("there is no built-in program {name}")));
    };
    write_files(program.files, folder)
}

/// A working directory to change: a program, its evaluator, and their settings.
const TEMPLATE: &[(&str, &str)] = &[
    ("initial_program.py", include_str!("template/initial_program.py")),
    ("evaluator.py", include_str!("template/evaluator.py")),
    (SETTINGS, include_str!("template/experiment.toml")),
];

/// Writes a working directory to change, and returns the paths of its files.
///
/// # Errors
/// A file is there already, or can't be written.
pub(crate) fn write_template(folder: &Path, name: &str) -> Result<Vec<String>, Failure> {
    let named = |(path, text): &(&'static str, &str)| {
        let text = text.replacen("name = \"mine\"", &format!("name = \"{name}\""), 1);
        (*path, text)
    };
    let files: Vec<(&str, String)> = TEMPLATE.iter().map(named).collect();
    let texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    write_files(&texts, folder)?;
    Ok(files.iter().map(|(path, _)| folder.join(path).display().to_string()).collect())
}

/// Writes files that come with samara into a folder, which is made; none that is there is overwritten.
///
/// # Errors
/// A file is there already, or can't be written.
pub(crate) fn write_files(files: &[(&str, &str)], folder: &Path) -> Result<(), Failure> {
    let cannot = |path: &Path, error: std::io::Error| {
        let hint = "choose another folder, or remove the file";
        Failure::usage(format!("{} can't be made: {error}\nhint: {hint}", path.display()))
    };
    for (path, _) in files {
        let path = folder.join(path);
        if path.exists() {
            return Err(cannot(&path, std::io::ErrorKind::AlreadyExists.into()));
        }
    }
    for (path, text) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
        std::fs::write(&path, text).map_err(|error| cannot(&path, error))?;
    }
    Ok(())
}
