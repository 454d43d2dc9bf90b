//! The program that is evolved: its files, which of them may change and where, and its language.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use samara_search::{Files, Genome, Invalid};

use super::{
    blocks,
    lexer::{self, Syntax, Token},
    settings::EvolveSettings,
};
use crate::Inputs;

/// Files of a program at most.
const MOST_FILES: usize = 200;

/// What stays the same of a program while it evolves.
#[derive(Debug, Clone)]
pub struct Program {
    /// The initial program.
    pub initial: Arc<Genome>,
    /// Further programs to begin with.
    pub seeds: Vec<Arc<Genome>>,
    /// The path of the file that stands for the program: the first that may change.
    pub main: String,
    /// The language, in small letters; `text` where nothing says.
    pub language: String,
    /// The paths of the files that may change.
    changeable: Vec<String>,
    syntax: Syntax,
    max_bytes: usize,
}

/// A file of a program that may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub path: &'a str,
    pub text: &'a str,
    /// The insides of its blocks.
    pub ranges: Vec<Range<usize>>,
}

impl Part<'_> {
    /// Its tokens within the blocks.
    pub(super) fn tokens(&self, syntax: Syntax) -> Vec<Token> {
        let within = |token: &Token| {
            self.ranges.iter().any(|range| range.start <= token.start && token.end <= range.end)
        };
        lexer::tokens(self.text, syntax).into_iter().filter(within).collect()
    }
}

impl Program {
    /// The program that the settings name.
    ///
    /// # Errors
    /// Files that can't be read, markers that don't come in pairs, a pattern that matches nothing, seeds of other files.
    pub fn new(settings: &EvolveSettings, inputs: &Inputs) -> Result<Self, Invalid> {
        let files = read(inputs, "environment.program", &settings.program)?;
        let changeable = changeable(&files, &settings.may_change)?;
        let main = changeable.first().cloned().unwrap_or_default();
        let language =
            settings.language.as_ref().map_or_else(|| language_of(&main), |named| named.to_lowercase());
        let mut program = Self {
            initial: Arc::new(Genome::Files(files)),
            seeds: Vec::new(),
            main,
            syntax: Syntax::of(&language),
            language,
            changeable,
            max_bytes: settings.variation.max_bytes,
        };
        program.check_markers()?;
        for (place, path) in settings.seeds.iter().enumerate() {
            let key = format!("environment.seeds[{place}]");
            let seed = program.seed(read(inputs, &key, path)?, &key)?;
            program.seeds.push(Arc::new(Genome::Files(seed)));
        }
        Ok(program)
    }

    /// A program of one file, without settings or files: for tests and examples.
    ///
    /// # Panics
    /// If the path is none, or the markers don't come in pairs.
    pub fn of_text(path: &str, text: &str) -> Self {
        let files = Files::new([(path.to_owned(), Arc::from(text))].into()).expect("a path inside a folder");
        let language = language_of(path);
        blocks::ranges(text).expect("markers come in pairs");
        Self {
            initial: Arc::new(Genome::Files(files)),
            seeds: Vec::new(),
            main: path.to_owned(),
            syntax: Syntax::of(&language),
            language,
            changeable: vec![path.to_owned()],
            max_bytes: 10_000,
        }
    }

    /// How its language writes comments and strings.
    pub(super) fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The paths of the files that may change, in their order.
    pub fn changeable(&self) -> &[String] {
        &self.changeable
    }

    /// The files that may change of a program that descends from this one.
    pub(super) fn parts<'a>(&'a self, genome: &'a Genome) -> Vec<Part<'a>> {
        let Genome::Files(files) = genome else { return Vec::new() };
        let part = |path: &'a String| {
            let text: &str = files.get(path)?;
            Some(Part { path, text, ranges: blocks::ranges(text).unwrap_or_default() })
        };
        self.changeable.iter().filter_map(part).collect()
    }

    /// The text of what may change, of all files, for descriptors and comparisons.
    pub(super) fn text_of(&self, genome: &Genome) -> String {
        let parts = self.parts(genome);
        let pieces = parts.iter().flat_map(|part| part.ranges.iter().map(|range| &part.text[range.clone()]));
        pieces.collect()
    }

    /// A program with other texts of some files.
    ///
    /// # Errors
    /// Why it is none: a file that may not change, damaged markers, too long, or nothing that differs from `parent`.
    pub(super) fn changed(&self, parent: &Genome, texts: BTreeMap<String, String>) -> Result<Genome, String> {
        let (Genome::Files(old), Genome::Files(initial)) = (parent, &*self.initial) else {
            return Err("the parent is no set of files".to_owned());
        };
        let mut files: BTreeMap<String, Arc<str>> = old.clone().into();
        for (path, text) in texts {
            let original = initial.get(&path).filter(|_| self.changeable.contains(&path));
            let original = original.ok_or_else(|| format!("`{path}` is no file that may change"))?;
            files.insert(path, blocks::restored(original, &text)?.into());
        }
        let files = Files::new(files).map_err(|error| error.to_string())?;
        if files == *old {
            return Err("it changes nothing".to_owned());
        }
        let bytes = self.bytes(&files);
        let most = self.max_bytes.max(self.bytes(initial)).max(self.bytes(old));
        if bytes > most {
            return Err(format!("it has {bytes} bytes, more than {most} (environment.variation.max_bytes)"));
        }
        Ok(Genome::Files(files))
    }

    fn bytes(&self, files: &Files) -> usize {
        self.changeable.iter().filter_map(|path| files.get(path)).map(|text| text.len()).sum()
    }

    fn check_markers(&self) -> Result<(), Invalid> {
        let Genome::Files(files) = &*self.initial else { return Ok(()) };
        for (path, text) in files.iter().filter(|(path, _)| self.changeable.iter().any(|known| known == path))
        {
            blocks::ranges(text).map_err(|what| {
                let hint = "write a line with EVOLVE-BLOCK-START above and one with EVOLVE-BLOCK-END below what may change";
                Invalid::new("environment.program", format!("{path}: {what}"), hint)
            })?;
        }
        Ok(())
    }

    /// A seed with the same files; what may not change is the initial program's.
    fn seed(&self, files: Files, key: &str) -> Result<Files, Invalid> {
        let Genome::Files(initial) = &*self.initial else { return Ok(files) };
        let bad = |what: String| Invalid::new(key, what, "a seed has the files of environment.program");
        // A seed of one file may have a name of its own.
        let renamed =
            (files.len() == 1 && initial.len() == 1).then(|| files.iter().next().map(|(_, text)| text));
        let mut seed: BTreeMap<String, Arc<str>> = initial.clone().into();
        for path in &self.changeable {
            let text = renamed
                .flatten()
                .or_else(|| files.get(path))
                .ok_or_else(|| bad(format!("lacks `{path}`")))?;
            let original = initial.get(path).map_or("", |text| &**text);
            seed.insert(path.clone(), blocks::restored(original, text).map_err(bad)?.into());
        }
        Files::new(seed).map_err(|error| bad(error.to_string()))
    }
}

/// Reads a file, or all files of a folder but hidden ones and what others generate.
fn read(inputs: &Inputs, key: &str, path: &str) -> Result<Files, Invalid> {
    let hint = "name a text file, or a folder of text files, beside the experiment's file";
    let files = inputs.file_or_folder(key, path, hint, MOST_FILES)?;
    let files = files.into_iter().map(|(path, text)| (path, Arc::from(text))).collect();
    Files::new(files).map_err(|error| Invalid::new(key, error.to_string(), hint))
}

/// The files that may change: those that a pattern matches, or else those with markers, or else all.
fn changeable(files: &Files, patterns: &[String]) -> Result<Vec<String>, Invalid> {
    for (place, pattern) in patterns.iter().enumerate() {
        if !files.iter().any(|(path, _)| matches(pattern, path)) {
            let paths: Vec<&str> = files.iter().map(|(path, _)| path).take(20).collect();
            let key = format!("environment.may_change[{place}]");
            let hint = format!("the files are {}", paths.join(", "));
            return Err(Invalid::new(key, format!("`{pattern}` matches no file of the program"), hint));
        }
    }
    let marked = files.iter().any(|(_, text)| blocks::has_markers(text));
    let may = |path: &str, text: &str| match patterns.is_empty() {
        true => !marked || blocks::has_markers(text),
        false => patterns.iter().any(|pattern| matches(pattern, path)),
    };
    Ok(files.iter().filter(|(path, text)| may(path, text)).map(|(path, _)| path.to_owned()).collect())
}

/// Whether a path matches a pattern: `*` is any characters but `/`, `**` any.
fn matches(pattern: &str, path: &str) -> bool {
    let Some(star) = pattern.find('*') else { return pattern == path };
    let Some(rest) = path.strip_prefix(&pattern[..star]) else { return false };
    let deep = pattern[star..].starts_with("**");
    let behind = pattern[star..].trim_start_matches('*');
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.take_while(|end| deep || !rest[..*end].contains('/')).any(|end| {
        matches(behind, &rest[end..])
            || (deep && end == 0 && behind.strip_prefix('/').is_some_and(|behind| matches(behind, rest)))
    })
}

/// The language that a file's name says.
fn language_of(path: &str) -> String {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    let language = match &*ending {
        "py" => "python",
        "rs" => "rust",
        "c" | "h" => "c",
        "cc" | "cpp" | "cxx" | "hpp" => "cpp",
        "cu" => "cuda",
        "js" | "mjs" => "javascript",
        "ts" => "typescript",
        "jl" => "julia",
        "rb" => "ruby",
        "sh" => "shell",
        "f90" | "f95" | "f" => "fortran",
        "hs" => "haskell",
        "kt" => "kotlin",
        "cs" => "csharp",
        "yml" => "yaml",
        "m" => "matlab",
        "md" | "txt" | "" => "text",
        other => other,
    };
    language.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_paths_as_they_say() {
        for (pattern, path, expected) in [
            ("a.py", "a.py", true),
            ("*.py", "src/a.py", false),
            ("src/*.py", "src/a.py", true),
            ("src/*.py", "src/b/a.py", false),
            ("src/**/*.py", "src/b/c/a.py", true),
            ("src/**/*.py", "src/a.py", true),
            ("**", "src/a.py", true),
            ("*", "a.py", true),
            ("*.py", "a.rs", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    fn texts(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("a.py".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_change_keeps_what_may_not_change() {
        let original = "import a\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n";
        let program = Program::of_text("a.py", original);
        let draft = original.replace("import a", "import b").replace("x = 1", "x = 2");
        let changed = program.changed(&program.initial, texts(&draft)).expect("a change");
        assert_eq!(changed.text(), original.replace("x = 1", "x = 2"));
        assert_eq!(program.text_of(&changed), "x = 2\n");
        let outside = original.replace("import a", "import b");
        let error = program.changed(&program.initial, texts(&outside)).expect_err("only the outside");
        assert_eq!(error, "it changes nothing");
        let other = BTreeMap::from([("evaluator.py".to_owned(), String::new())]);
        assert!(program.changed(&program.initial, other).expect_err("not its file").contains("evaluator.py"));
    }

    #[test]
    fn a_program_that_outgrows_the_limit_is_refused_with_the_setting() {
        let program = Program::of_text("a.py", "x = 1\n");
        let error = program.changed(&program.initial, texts(&"y = 1\n".repeat(2000))).expect_err("too long");
        assert!(error.contains("12000 bytes") && error.contains("max_bytes"), "{error}");
    }

    #[test]
    fn the_files_that_may_change_are_those_with_markers_or_else_all() {
        let file = |path: &str, text: &str| (path.to_owned(), Arc::from(text));
        let marked = "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n";
        let files = Files::new([file("a.py", "x"), file("b/c.py", marked)].into()).expect("files");
        assert_eq!(changeable(&files, &[]), Ok(vec!["b/c.py".to_owned()]));
        assert_eq!(changeable(&files, &["a.py".to_owned()]), Ok(vec!["a.py".to_owned()]));
        let error = changeable(&files, &["*.rs".to_owned()]).expect_err("no such file");
        assert_eq!(error.key, "environment.may_change[0]");
        assert!(error.hint.contains("b/c.py"), "{error}");
    }
}
