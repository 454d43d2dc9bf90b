//! What travels to workers: the files that the environment read, and those that lie beside a user's evaluator.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use samara_engine::workers::{
    TaskFile,
    task::{MOST_BYTES, MOST_FILES, digest_of},
};
use samara_environments::{InputFile, continued};

use crate::{config::Experiment, exit::Failure};

/// Files by their digests.
pub(crate) type Bytes = BTreeMap<String, Arc<[u8]>>;

/// The files of a task, and their bytes.
///
/// # Errors
/// There are too many, or one can't be read.
pub(crate) fn gather(experiment: &Experiment) -> Result<(Vec<TaskFile>, Bytes), Failure> {
    let folder = experiment.environment.evaluator_options().map(|options| options.folder);
    let inputs: Vec<&InputFile> =
        experiment.inputs.iter().filter(|file| file.key != continued::KEY).collect();
    let mut gathered = Gathered::default();
    match folder {
        Some(folder) => {
            let root = root(&folder, &inputs);
            for file in &inputs {
                let place = file.path.strip_prefix(&root).unwrap_or(&file.path);
                gathered.add(&file.key, place, file.text.as_bytes(), is_executable(&file.path))?;
            }
            for (path, executable) in beside(&folder)? {
                let place = path.strip_prefix(&root).unwrap_or(&path);
                if !gathered.places.contains(&joined(place)) {
                    let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
                    gathered.add("", place, &bytes, executable)?;
                }
            }
        }
        // Only their texts count.
        None => {
            for (number, file) in inputs.iter().enumerate() {
                gathered.add(
                    &file.key,
                    &Path::new("inputs").join(number.to_string()),
                    file.text.as_bytes(),
                    false,
                )?;
            }
        }
    }
    Ok((gathered.files, gathered.bytes))
}

#[derive(Default)]
struct Gathered {
    files: Vec<TaskFile>,
    bytes: Bytes,
    /// Where files lie already.
    places: BTreeSet<String>,
    keys: BTreeSet<String>,
    total: u64,
}

impl Gathered {
    fn add(&mut self, key: &str, place: &Path, bytes: &[u8], executable: bool) -> Result<(), Failure> {
        // A file that was read twice under a key is the same file.
        if !key.is_empty() && !self.keys.insert(key.to_owned()) {
            return Ok(());
        }
        self.total += bytes.len() as u64;
        if self.files.len() >= MOST_FILES || self.total > MOST_BYTES {
            return Err(Failure::usage(format!(
                "--workers: more than {MOST_FILES} files or {} MiB lie beside the evaluator, and all of them would \
                 travel\nhint: put the evaluator into a folder of its own",
                MOST_BYTES >> 20
            )));
        }
        let (digest, path) = (digest_of(bytes), joined(place));
        self.places.insert(path.clone());
        self.bytes.entry(digest.clone()).or_insert_with(|| bytes.into());
        self.files.push(TaskFile {
            key: key.to_owned(),
            path,
            digest,
            bytes: bytes.len() as u64,
            executable,
        });
        Ok(())
    }
}

/// The deepest folder that holds the evaluator's folder and all inputs.
fn root(folder: &Path, inputs: &[&InputFile]) -> PathBuf {
    let holds_all =
        |root: &&Path| inputs.iter().all(|file| !file.path.is_absolute() || file.path.starts_with(root));
    folder.ancestors().find(holds_all).unwrap_or(Path::new("/")).to_owned()
}

fn joined(place: &Path) -> String {
    let parts = place.components().filter_map(|part| match part {
        std::path::Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Every file beside an evaluator, in its folder and those in it. Hidden files, links, virtual environments and what tools
/// and samara generate stay here.
fn beside(folder: &Path) -> Result<Vec<(PathBuf, bool)>, Failure> {
    let mut found = Vec::new();
    walk(folder, &mut found)?;
    found.sort_unstable();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, bool)>) -> Result<(), Failure> {
    const GENERATED: [&str; 5] = ["__pycache__", "node_modules", "target", "runs", "openevolve_output"];
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
        if name.starts_with('.') {
            continue;
        }
        let stays = || {
            GENERATED.contains(&&*name) || path.join("pyvenv.cfg").exists() || path.join("run.db").exists()
        };
        if kind.is_dir() && !stays() {
            walk(&path, found)?;
        } else if kind.is_file() {
            let executable = is_executable(&path);
            found.push((path, executable));
        }
        if found.len() > MOST_FILES {
            // Which of them travel is counted later; more than this never do.
            return Err(Failure::usage(format!(
                "--workers: more than {MOST_FILES} files lie beside the evaluator, and all of them would travel\n\
                 hint: put the evaluator into a folder of its own"
            )));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    false
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("--workers: {} can't be read, and would travel: {error}", path.display()))
}
