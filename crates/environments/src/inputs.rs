//! The files that an experiment names: read once, kept by the run, and never needed again.
//!
//! A new run reads files relative to the experiment's; a resumed one takes them from its journal. Only regular files of
//! a sane size are read, and a byte-order mark is no part of a text.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use samara_lm::files;
use samara_search::Invalid;
use sha2::{Digest as _, Sha256};

/// Largest input in bytes.
pub const MAX_BYTES: u64 = 16 << 20;

/// A file that a run read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The setting that names it, such as `environment.prompt_pool_path`.
    pub key: String,
    /// Where it was, as an absolute path.
    pub path: PathBuf,
    /// Its text, without a byte-order mark.
    pub text: String,
}

impl InputFile {
    /// The SHA-256 of the text, in hexadecimal digits.
    pub fn digest(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where inputs come from.
#[derive(Debug)]
enum Source {
    /// Files; relative paths start here.
    Folder(PathBuf),
    /// A run's own copies, whatever is on disk.
    Recorded(BTreeMap<String, InputFile>),
    /// The files that a run once read, as they are now.
    Current(BTreeMap<String, InputFile>),
}

/// The files that an experiment names, and those of them that were read.
#[derive(Debug)]
pub struct Inputs {
    source: Source,
    read: RefCell<Vec<InputFile>>,
}

impl Inputs {
    /// Files; relative paths start at `folder`.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self::from(Source::Folder(folder.into()))
    }

    /// What a run has recorded; nothing is read from disk.
    pub fn recorded(files: Vec<InputFile>) -> Self {
        Self::from(Source::Recorded(by_key(files)))
    }

    /// The files that a run read once, as they are now.
    pub fn current(files: Vec<InputFile>) -> Self {
        Self::from(Source::Current(by_key(files)))
    }

    fn from(source: Source) -> Self {
        Self { source, read: RefCell::default() }
    }

    /// The text of the file that the setting `key` names.
    ///
    /// # Errors
    /// It can't be read, is no regular file, too large or not UTF-8; or the run has not recorded it.
    pub fn text(&self, key: &str, path: &str, hint: &str) -> Result<String, Invalid> {
        let file = match &self.source {
            Source::Folder(folder) => read(key, &folder.join(path), hint)?,
            Source::Recorded(files) => files.get(key).cloned().ok_or_else(|| {
                Invalid::new(
                    key,
                    format!("the run has no copy of {path}"),
                    "the run file is damaged or edited",
                )
            })?,
            Source::Current(files) => {
                let recorded = files.get(key).map(|file| file.path.clone());
                read(key, &recorded.unwrap_or_else(|| PathBuf::from(path)), hint)?
            }
        };
        let text = file.text.clone();
        self.read.borrow_mut().push(file);
        Ok(text)
    }

    /// The texts of a file or of all files of a folder, by their paths in it; a single file stands under its name. Hidden
    /// files, links and what tools generate (`__pycache__`, `node_modules`, `target`) are passed over. Each file of a
    /// folder is kept under the key, `/` and its path.
    ///
    /// # Errors
    /// Those of [`Inputs::text`] for any of them; none, more than `most`, or more than [`MAX_BYTES`] together.
    pub fn file_or_folder(
        &self,
        key: &str,
        path: &str,
        hint: &str,
        most: usize,
    ) -> Result<BTreeMap<String, String>, Invalid> {
        let keys = match &self.source {
            Source::Folder(folder) => keys_beneath(key, &folder.join(path), hint, most)?,
            Source::Recorded(files) | Source::Current(files) => recorded_keys(files, key),
        };
        let mut texts = BTreeMap::new();
        for (inner, name) in keys {
            let file_path = if inner == key { path.to_owned() } else { format!("{path}/{name}") };
            texts.insert(name, self.text(&inner, &file_path, hint)?);
        }
        let bytes: usize = texts.values().map(String::len).sum();
        if texts.is_empty() || bytes as u64 > MAX_BYTES {
            let what = if bytes > 0 {
                format!("{path} has {bytes} bytes of text")
            } else {
                format!("{path} holds no file")
            };
            return Err(Invalid::new(key, what, hint));
        }
        Ok(texts)
    }

    /// A run's own copy of what the setting `key` names; `None` where a run begins, or has none.
    pub fn kept(&self, key: &str) -> Option<String> {
        let (Source::Recorded(files) | Source::Current(files)) = &self.source else { return None };
        let file = files.get(key)?;
        self.provide(file.clone());
        Some(file.text.clone())
    }

    /// Has the run keep a text that was made for it, as if it had been read.
    pub fn provide(&self, file: InputFile) {
        self.read.borrow_mut().push(file);
    }

    /// The folder in which relative paths start, as an absolute path; `None` where inputs are those of a run.
    pub fn folder(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Folder(folder) => Some(std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
            Source::Recorded(_) | Source::Current(_) => None,
        }
    }

    /// The inputs of a run whose keys are `key`, `/` and a name: the names, and where the files were. None of files that
    /// no run has recorded.
    pub fn beneath(&self, key: &str) -> Vec<(String, PathBuf)> {
        let (Source::Recorded(files) | Source::Current(files)) = &self.source else { return Vec::new() };
        let name = |file: &InputFile| {
            let name = file.key.strip_prefix(key)?.strip_prefix('/')?;
            Some((name.to_owned(), file.path.clone()))
        };
        files.values().filter_map(name).collect()
    }

    /// What was read, in the order of reading.
    pub fn files(&self) -> Vec<InputFile> {
        self.read.borrow().clone()
    }
}

fn by_key(files: Vec<InputFile>) -> BTreeMap<String, InputFile> {
    files.into_iter().map(|file| (file.key.clone(), file)).collect()
}

/// The keys under which a run has the file or the folder `key`, each with the path in the folder or the file's name.
fn recorded_keys(files: &BTreeMap<String, InputFile>, key: &str) -> Vec<(String, String)> {
    if let Some(file) = files.get(key) {
        return vec![(key.to_owned(), name_of(&file.path))];
    }
    let beneath = format!("{key}/");
    let inner =
        files.keys().filter_map(|other| Some((other.clone(), other.strip_prefix(&beneath)?.to_owned())));
    inner.collect()
}

/// The same for what is on disk.
fn keys_beneath(key: &str, path: &Path, hint: &str, most: usize) -> Result<Vec<(String, String)>, Invalid> {
    if !path.is_dir() {
        return Ok(vec![(key.to_owned(), name_of(path))]);
    }
    let mut names = Vec::new();
    walk(path, "", most, &mut names)
        .map_err(|what| Invalid::new(key, format!("can't read {}: {what}", path.display()), hint))?;
    names.sort_unstable();
    Ok(names.into_iter().map(|name| (format!("{key}/{name}"), name)).collect())
}

fn walk(folder: &Path, beneath: &str, most: usize, names: &mut Vec<String>) -> Result<(), String> {
    const GENERATED: [&str; 3] = ["__pycache__", "node_modules", "target"];
    for entry in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(|error| error.to_string())?;
        if name.starts_with('.') || GENERATED.contains(&&*name) {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), &format!("{beneath}{name}/"), most, names)?;
        } else if kind.is_file() {
            names.push(format!("{beneath}{name}"));
        }
        if names.len() > most {
            return Err(format!("it holds more than {most} files"));
        }
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads a regular file of [`MAX_BYTES`] at most.
fn read(key: &str, path: &Path, hint: &str) -> Result<InputFile, Invalid> {
    let bad = |what: String| Invalid::new(key, format!("can't read {}: {what}", path.display()), hint);
    let full = std::path::absolute(path).map_err(|error| bad(error.to_string()))?;
    let text = files::read_text(&full, MAX_BYTES).map_err(|error| bad(error.to_string()))?;
    Ok(InputFile { key: key.to_owned(), path: full, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_input_needs_no_file_and_a_current_one_is_read_where_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("pool.txt"), "\u{feff}one\n").expect("a file");
        let fresh = Inputs::in_folder(folder.path());
        assert_eq!(fresh.text("k", "pool.txt", ""), Ok("one\n".to_owned()), "without the byte-order mark");
        let files = fresh.files();
        std::fs::write(folder.path().join("pool.txt"), "two\n").expect("a file");
        assert_eq!(Inputs::recorded(files.clone()).text("k", "pool.txt", ""), Ok("one\n".to_owned()));
        let current = Inputs::current(files.clone());
        assert_eq!(current.text("k", "pool.txt", ""), Ok("two\n".to_owned()));
        assert_ne!(current.files()[0].digest(), files[0].digest());
        assert!(Inputs::recorded(Vec::new()).text("k", "pool.txt", "").is_err());
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_paths_and_recorded_file_by_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in ["p/b.py", "p/a/c.py", "p/.hidden", "p/__pycache__/x"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "x\n").expect("a file");
        }
        let fresh = Inputs::in_folder(folder.path());
        let texts = fresh.file_or_folder("k", "p", "", 9).expect("files");
        assert_eq!(texts.keys().collect::<Vec<_>>(), ["a/c.py", "b.py"]);
        let files = fresh.files();
        assert_eq!(files.iter().map(|file| &*file.key).collect::<Vec<_>>(), ["k/a/c.py", "k/b.py"]);
        assert_eq!(Inputs::recorded(files).file_or_folder("k", "p", "", 9).expect("files"), texts);
        let single = Inputs::in_folder(folder.path());
        let texts = single.file_or_folder("k", "p/b.py", "", 9).expect("a file");
        assert_eq!(texts.keys().collect::<Vec<_>>(), ["b.py"]);
        assert_eq!(
            Inputs::recorded(single.files()).file_or_folder("k", "p/b.py", "", 9).expect("a file"),
            texts
        );
        assert!(Inputs::in_folder(folder.path()).file_or_folder("k", "p", "", 1).is_err(), "too many");
    }

    #[test]
    fn a_run_knows_the_names_beneath_a_key_and_a_folder_where_paths_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |key: &str| InputFile { key: key.to_owned(), path: "/x/y.py".into(), text: String::new() };
        let recorded = Inputs::recorded(vec![file("k"), file("k/a.py"), file("k/b/c.py"), file("kk/d.py")]);
        let names: Vec<String> = recorded.beneath("k").into_iter().map(|(name, _)| name).collect();
        assert_eq!((names, recorded.folder()), (vec!["a.py".to_owned(), "b/c.py".to_owned()], None));
        let fresh = Inputs::in_folder(folder.path());
        assert_eq!((fresh.beneath("k"), fresh.folder()), (Vec::new(), Some(folder.path().to_owned())));
    }

    #[test]
    fn only_regular_files_are_read() {
        for path in ["/dev/zero", "/", "/no/such/file"] {
            let error =
                Inputs::in_folder(".").text("environment.k", path, "try another").expect_err("no file");
            assert_eq!((&*error.key, &*error.hint), ("environment.k", "try another"));
        }
    }
}
