//! What is evolved: a text, a vector, or several files; and the bytes that tell genomes apart.
//!
//! Knows neither archives nor how a genome came about, except for the examples that a few-shot prompt showed.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What is evolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Genome {
    /// A text or a program.
    Text(Arc<str>),
    /// A vector of finite numbers.
    Vector(Vec<f64>),
    /// A text together with the few-shot examples that its prompt showed (language-model crossover).
    FewShot {
        /// The examples, in the order of the prompt.
        examples: Vec<Arc<str>>,
        /// The completion.
        text: Arc<str>,
    },
    /// Files by their paths.
    Files(Files),
}

/// One file or more, by path. Paths are relative, with `/` between their parts, and stay inside their folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Arc<str>>", into = "BTreeMap<String, Arc<str>>")]
pub struct Files(BTreeMap<String, Arc<str>>);

/// A set of files that is no genome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// There is none.
    #[error("a genome of files needs at least one file")]
    Empty,
    /// A path that is absolute, leaves the folder, or is written in more than one way.
    #[error(
        "`{0}` is no path inside a folder: write parts joined by `/`, without `.`, `..` or control characters"
    )]
    Path(String),
    /// A file whose path is the folder of another one.
    #[error("`{0}` is both a file and a folder")]
    Folder(String),
}

impl Files {
    /// These files.
    ///
    /// # Errors
    /// If there is none, or a path could lead out of the folder or name the same file in two ways.
    pub fn new(files: BTreeMap<String, Arc<str>>) -> Result<Self, FilesError> {
        if files.is_empty() {
            return Err(FilesError::Empty);
        }
        if let Some(path) = files.keys().find(|path| !is_inside(path)) {
            return Err(FilesError::Path(path.clone()));
        }
        for path in files.keys() {
            let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            if let Some(folder) = folders.into_iter().find(|folder| files.contains_key(*folder)) {
                return Err(FilesError::Folder(folder.to_owned()));
            }
        }
        Ok(Self(files))
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text))
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&Arc<str>> {
        self.0.get(path)
    }

    /// How many files there are: one or more.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl TryFrom<BTreeMap<String, Arc<str>>> for Files {
    type Error = FilesError;

    fn try_from(files: BTreeMap<String, Arc<str>>) -> Result<Self, FilesError> {
        Self::new(files)
    }
}

impl From<Files> for BTreeMap<String, Arc<str>> {
    fn from(files: Files) -> Self {
        files.0
    }
}

fn is_inside(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..");
    path.split('/').all(part) && !path.contains(|c: char| c.is_control() || c == '\\' || c == ':')
}

impl Genome {
    /// A text.
    pub fn text_of(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// What a person reads and the exports write: the text, a vector as a JSON array, the completion of a few-shot
    /// prompt; of several files each below a line `=== PATH`.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::FewShot { text, .. } => Cow::Borrowed(text),
            Self::Vector(numbers) => Cow::Owned(number_list(numbers)),
            Self::Files(files) if files.len() == 1 => {
                files.iter().next().map_or(Cow::Borrowed(""), |(_, text)| Cow::Borrowed(&**text))
            }
            Self::Files(files) => Cow::Owned(listing(files)),
        }
    }

    /// The few-shot examples; none for the other kinds.
    pub fn examples(&self) -> &[Arc<str>] {
        match self {
            Self::FewShot { examples, .. } => examples,
            Self::Text(_) | Self::Vector(_) | Self::Files(_) => &[],
        }
    }

    /// The bytes that tell genomes apart, for hashes: those of [`Genome::text`], or for several files an encoding that
    /// no text and no other files have (a byte that UTF-8 never holds, then every path and text behind its length).
    /// The path of a single file and the examples of a prompt don't count.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Files(files) if files.len() > 1 => {
                let mut bytes = vec![0xff];
                for part in files.iter().flat_map(|(path, text)| [path, &**text]) {
                    bytes.extend((part.len() as u64).to_le_bytes());
                    bytes.extend(part.as_bytes());
                }
                bytes
            }
            _ => self.text().into_owned().into_bytes(),
        }
    }

    /// The first 16 bytes of the SHA-256 of [`Genome::bytes`].
    pub fn digest(&self) -> ContentDigest {
        let whole = match self {
            Self::Text(text) | Self::FewShot { text, .. } => Sha256::digest(text.as_bytes()),
            _ => Sha256::digest(self.bytes()),
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&whole[..16]);
        ContentDigest(digest)
    }
}

/// Which content a genome has, whatever it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentDigest([u8; 16]);

impl ContentDigest {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A seed for what is done with this content the `repeat`th time: equal contents get equal seeds in every run.
    pub fn seed(&self, repeat: u64) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update(b"samara evaluation seed");
        hasher.update(self.0);
        hasher.update(repeat.to_le_bytes());
        let digest = hasher.finalize();
        digest.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
    }
}

impl std::fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Numbers as a JSON array whose reading gives the same bits. They must be finite.
pub fn number_list(numbers: &[f64]) -> String {
    serde_json::to_string(numbers).expect("an array of numbers always has a JSON text")
}

fn listing(files: &Files) -> String {
    let mut listing = String::new();
    for (path, text) in files.iter() {
        let gap = if listing.is_empty() || listing.ends_with('\n') { "" } else { "\n" };
        listing += &format!("{gap}=== {path}\n{text}");
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn files(of: &[(&str, &str)]) -> Result<Files, FilesError> {
        Files::new(of.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(*text))).collect())
    }

    #[test]
    fn one_file_has_the_bytes_of_its_text_whatever_it_is_called() {
        let text = Genome::text_of("x = 1");
        for path in ["a.py", "b/c.py"] {
            let genome = Genome::Files(files(&[(path, "x = 1")]).expect("a file"));
            assert_eq!((genome.bytes(), genome.digest()), (text.bytes(), text.digest()));
        }
    }

    #[test]
    fn paths_that_leave_the_folder_or_have_two_spellings_are_refused() {
        for path in ["", "/etc/passwd", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "c:x", "a\nb"] {
            assert_eq!(files(&[(path, "")]), Err(FilesError::Path(path.to_owned())), "{path:?}");
        }
        assert_eq!(files(&[("a", ""), ("a/b", "")]), Err(FilesError::Folder("a".to_owned())));
        assert_eq!(files(&[]), Err(FilesError::Empty));
    }

    #[test]
    fn several_files_are_listed_by_path() {
        let genome = Genome::Files(files(&[("b.py", "two\n"), ("a.py", "one")]).expect("files"));
        assert_eq!(genome.text(), "=== a.py\none\n=== b.py\ntwo\n");
    }

    #[test]
    fn what_serde_reads_is_checked() {
        let read = |text| serde_json::from_str::<Genome>(text);
        assert!(read(r#"{"kind": "files", "value": {"a.py": ""}}"#).is_ok());
        assert!(read(r#"{"kind": "files", "value": {"../a.py": ""}}"#).is_err());
        assert!(read(r#"{"kind": "files", "value": {}}"#).is_err());
    }

    proptest! {
        #[test]
        fn different_files_have_different_bytes(
            a in prop::collection::btree_map("[ab]{1,2}", "[ab=\n]{0,3}", 2..4),
            b in prop::collection::btree_map("[ab]{1,2}", "[ab=\n]{0,3}", 2..4),
            text in "\\PC{0,9}",
        ) {
            let genome = |map: &BTreeMap<String, String>| {
                let map = map.iter().map(|(path, text)| (path.clone(), Arc::from(&**text))).collect();
                Genome::Files(Files::new(map).expect("files"))
            };
            prop_assert_eq!(genome(&a).bytes() == genome(&b).bytes(), a == b);
            prop_assert_ne!(genome(&a).bytes(), Genome::text_of(text).bytes());
        }

        #[test]
        fn evaluation_seeds_differ_with_the_repeat_and_the_content(
            a in "\\PC{0,9}", b in "\\PC{0,9}", repeat in 0..9_u64,
        ) {
            let seed = |text: &str, repeat| Genome::text_of(text).digest().seed(repeat);
            prop_assert_eq!(seed(&a, repeat), seed(&a, repeat));
            prop_assert_ne!(seed(&a, repeat), seed(&a, repeat + 1));
            prop_assert_eq!(seed(&a, repeat) == seed(&b, repeat), a == b);
        }
    }
}
