//! Which runs there are: those that were named, and those that a folder holds, now or later.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use samara_journal::FILE_NAME;

/// Folders below a named one that are looked into, and how deep.
const MOST_FOLDERS: usize = 5000;
const DEEPEST: usize = 4;

/// Where runs are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Folders in which runs are looked for.
    folders: Vec<PathBuf>,
    /// Runs that were named.
    runs: BTreeMap<String, PathBuf>,
}

impl Catalogue {
    /// Of paths that somebody named: each a run's folder, its file, or a folder of runs.
    ///
    /// # Errors
    /// A path that leads nowhere.
    pub fn of(paths: &[PathBuf]) -> std::io::Result<Self> {
        let mut catalogue = Self::default();
        for path in paths {
            let whole = path.canonicalize()?;
            if whole.is_dir() && !whole.join(FILE_NAME).exists() {
                catalogue.folders.push(whole);
                continue;
            }
            let folder = if whole.is_dir() { &*whole } else { whole.parent().unwrap_or(&whole) };
            let named = if whole.file_name().is_some_and(|name| name == FILE_NAME) { folder } else { &whole };
            let name = named
                .file_name()
                .map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
            let free = (1..).map(|count| if count == 1 { name.clone() } else { format!("{name} ({count})") });
            let free = free.into_iter().find(|name| !catalogue.runs.contains_key(name)).unwrap_or(name);
            catalogue.runs.insert(free, whole);
        }
        Ok(catalogue)
    }

    /// The runs that are there now: by their names, where they are. Those of a folder are called by their path in it. What
    /// can't be looked into is left out, and links are not followed.
    pub fn find(&self) -> BTreeMap<String, PathBuf> {
        let mut found = self.runs.clone();
        let mut left = MOST_FOLDERS;
        for folder in &self.folders {
            look_into(folder, "", DEEPEST, &mut left, &mut |name, path| {
                // A run that was named keeps its name.
                found.entry(name).or_insert(path);
            });
        }
        found
    }
}

fn look_into(
    folder: &Path,
    name: &str,
    depth: usize,
    left: &mut usize,
    found: &mut dyn FnMut(String, PathBuf),
) {
    if depth == 0 || *left == 0 {
        return;
    }
    *left -= 1;
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut below: Vec<(String, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        // A name that is no text can't be asked for.
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| !name.starts_with('.') && !name.chars().any(samara_search::commanding::commands))
        .collect();
    below.sort();
    for (own, path) in below {
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        if path.join(FILE_NAME).exists() {
            found(name, path);
        } else {
            look_into(&path, &name, depth - 1, left, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_called_by_their_path_in_the_folder_and_each_has_a_name() {
        let home = tempfile::tempdir().unwrap();
        for run in ["a", "compare/random/1", "compare/random/2", ".hidden", "deep/1/2/3/4"] {
            std::fs::create_dir_all(home.path().join(run)).unwrap();
            std::fs::write(home.path().join(run).join(FILE_NAME), "").unwrap();
        }
        std::fs::create_dir(home.path().join("empty")).unwrap();
        let names = |paths: &[PathBuf]| Catalogue::of(paths).unwrap().find().into_keys().collect::<Vec<_>>();
        assert_eq!(names(&[home.path().into()]), ["a", "compare/random/1", "compare/random/2"]);
        let file = home.path().join("a").join(FILE_NAME);
        let dots = home.path().join("compare/random/1/../../../a");
        assert_eq!(names(&[file, dots, home.path().join("a")]), ["a", "a (2)", "a (3)"]);
        assert!(Catalogue::of(&[home.path().join("nowhere")]).is_err());
    }
}
