//! A copy of an interpreter's files in which no path of the host shows, for jails.
//!
//! An interpreter outside of the system's folders (`/usr`) tells where it was built and installed: in compiled modules,
//! in its configuration, in its own text. That names users and their folders. Each such path is replaced by a neutral
//! one of the same length, `/python///...`, so that every file keeps its layout and stays valid where it is in a jail.
//! A copy is made once, is kept in the user's folder for caches, and is made anew if any of its sources has changed.

use crate::error::SandboxError;
use crate::plan::{PACKAGES, PREFIX};
use crate::python::Python;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Error;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Counted up when what a copy holds changes.
const FORMAT: u32 = 2;
/// What no program needs of a library: tests, an editor, an installer, and packages, which are copied for themselves.
const LEFT_OUT: [&str; 7] =
    ["test", "idlelib", "turtledemo", "ensurepip", "site-packages", "dist-packages", "config-"];
/// What is for compilers, or for interpreters that are started with -O.
const LEFT_OUT_ENDS: [&str; 4] = [".a", ".o", ".opt-1.pyc", ".opt-2.pyc"];

/// Where the copies of an interpreter's files are; what is not here is used as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies(HashMap<PathBuf, PathBuf>);

impl Copies {
    /// Where this file or directory of the interpreter is to be taken from.
    pub(crate) fn of<'a>(&'a self, source: &'a Path) -> &'a Path {
        self.0.get(source).map_or(source, PathBuf::as_path)
    }

    pub(crate) fn has(&self, source: &Path) -> bool {
        self.0.contains_key(source)
    }
}

/// A path of the host, and what stands in its place, which is as long.
struct Replacement {
    hidden: Vec<u8>,
    neutral: Vec<u8>,
}

/// What is to be copied.
struct Plan {
    /// Files and directories, each with its name in the copy.
    sources: Vec<(PathBuf, String)>,
    replacements: Vec<Replacement>,
}

/// A file to copy: where it is, its place in the copy, what was seen of it.
struct Entry {
    source: PathBuf,
    target: PathBuf,
    seen: std::fs::Metadata,
}

/// The neutral copies of this interpreter's files: of those that are outside of the system's folders.
///
/// # Errors
/// If there is no folder for them, or a file can't be read or written.
pub(crate) fn neutral(python: &Python, libraries: &[PathBuf]) -> Result<Copies, SandboxError> {
    static KNOWN: Mutex<Option<HashMap<PathBuf, Copies>>> = Mutex::new(None);
    let plan = Plan::new(python, libraries);
    if plan.sources.is_empty() {
        return Ok(Copies::default());
    }
    let key = python.packages.first().unwrap_or(&python.executable).clone();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(copies) = known.get(&key).filter(|copies| copies.0.values().all(|copy| copy.exists())) {
        return Ok(copies.clone());
    }
    let root = plan.make().map_err(SandboxError::Library)?;
    let copies = plan.sources.into_iter().map(|(source, name)| (source, root.join(name))).collect();
    Ok(known.entry(key).insert_entry(Copies(copies)).get().clone())
}

/// Whether a path is the system's own and names nobody.
fn of_the_system(path: &Path) -> bool {
    path == Path::new("/") || ["/usr", "/lib", "/lib64", "/bin"].iter().any(|system| path.starts_with(system))
}

impl Plan {
    fn new(python: &Python, libraries: &[PathBuf]) -> Self {
        let mut plan = Self { sources: Vec::new(), replacements: Vec::new() };
        if !of_the_system(&python.prefix) {
            plan.sources.push((python.executable.clone(), "python3".to_owned()));
            plan.sources.push((python.stdlib.clone(), "library".to_owned()));
            let own = libraries.iter().filter(|file| file.starts_with(&python.prefix)).enumerate();
            plan.sources.extend(own.map(|(index, file)| (file.clone(), format!("{index}.so"))));
            // What lies in the prefix moves with it.
            for built in python.built_in.iter().filter(|built| !built.starts_with(&python.prefix)) {
                plan.hide(built, "/build");
            }
            plan.hide(&python.prefix, PREFIX);
        }
        for package in python.packages.iter().filter(|package| !of_the_system(package)) {
            let name = package.file_name().unwrap_or_default().to_string_lossy();
            plan.sources.push((package.clone(), format!("packages/{name}")));
            package.parent().into_iter().for_each(|parent| plan.hide(parent, PACKAGES));
        }
        // Those that lie in others come first.
        plan.replacements.sort_by_key(|one| std::cmp::Reverse(one.hidden.len()));
        plan
    }

    fn hide(&mut self, path: &Path, neutral: &str) {
        let hidden = path.as_os_str().as_encoded_bytes().to_vec();
        if of_the_system(path)
            || !path.is_absolute()
            || self.replacements.iter().any(|one| one.hidden == hidden)
        {
            return;
        }
        let mut neutral =
            if neutral.len() <= hidden.len() { neutral.as_bytes().to_vec() } else { Vec::new() };
        neutral.resize(hidden.len(), b'/');
        self.replacements.push(Replacement { hidden, neutral });
    }

    /// Makes the copy if it is not there; returns its folder.
    fn make(&self) -> Result<PathBuf, String> {
        let mut entries = Vec::new();
        for (source, name) in &self.sources {
            collect(source, Path::new(name), &mut entries)?;
        }
        let folder = folder()?;
        let copy = folder.join(format!("library-{:016x}", self.digest(&entries)));
        if copy.is_dir() {
            return Ok(copy);
        }
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |error: Error| format!("{path}: {error}")
        };
        remove_leftovers(&folder);
        let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
        for entry in &entries {
            let target = unfinished.join(&entry.target);
            make_parents(&target, &unfinished).map_err(at(&target))?;
            match self.copy(entry, &target) {
                // What this user can't read, no program could.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
                copied => copied.map_err(at(&entry.source))?,
            }
        }
        match std::fs::rename(&unfinished, &copy) {
            Ok(()) => Ok(copy),
            // Another process was faster.
            Err(_) if copy.is_dir() => {
                std::fs::remove_dir_all(&unfinished).map_err(at(&unfinished)).map(|()| copy)
            }
            Err(error) => Err(at(&copy)(error)),
        }
    }

    fn digest(&self, entries: &[Entry]) -> u64 {
        let mut hasher = DefaultHasher::new();
        FORMAT.hash(&mut hasher);
        self.replacements.iter().for_each(|one| (&one.hidden, &one.neutral).hash(&mut hasher));
        for Entry { source, target, seen } in entries {
            (source, target, seen.len(), seen.mtime(), seen.mtime_nsec(), seen.mode()).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn copy(&self, entry: &Entry, target: &Path) -> std::io::Result<()> {
        let mut bytes = std::fs::read(&entry.source)?;
        self.scrub(&mut bytes);
        std::fs::write(target, bytes)?;
        let file = std::fs::File::options().write(true).open(target)?;
        // Compiled modules are valid for a source of this time.
        file.set_modified(entry.seen.modified()?)?;
        file.set_permissions(PermissionsExt::from_mode(entry.seen.mode() & 0o755))
    }

    /// Replaces every path of the host. Linkers let a text of a binary be the end of another one (a version that of
    /// a folder's path), so where a binary's text ends with such a path, its last name stays.
    fn scrub(&self, bytes: &mut [u8]) {
        let binary = bytes.starts_with(b"\x7fELF");
        let mut at = 0;
        while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'/') {
            at += next;
            let Some(one) = self.replacements.iter().find(|one| bytes[at..].starts_with(&one.hidden)) else {
                at += 1;
                continue;
            };
            let end = at + one.hidden.len();
            let last_name = one.hidden.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
            let ends = binary && bytes.get(end) == Some(&0);
            let length = if ends { last_name + 1 } else { one.hidden.len() };
            bytes[at..at + length].copy_from_slice(&one.neutral[..length]);
            at = end;
        }
    }
}

/// Makes the directories above a file, up to a root, which any user can enter.
fn make_parents(file: &Path, root: &Path) -> std::io::Result<()> {
    let mut missing: Vec<&Path> =
        file.ancestors().skip(1).take_while(|path| path.starts_with(root) && !path.is_dir()).collect();
    while let Some(directory) = missing.pop() {
        std::fs::create_dir(directory)?;
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}

/// Lists what is to be copied of a file or directory, in a fixed order. Links are followed to files, not to directories.
fn collect(source: &Path, target: &Path, entries: &mut Vec<Entry>) -> Result<(), String> {
    let at = |error: Error| format!("{}: {error}", source.display());
    let Ok(seen) = std::fs::metadata(source) else { return Ok(()) };
    if seen.is_file() {
        entries.push(Entry { source: source.to_owned(), target: target.to_owned(), seen });
    }
    if !std::fs::symlink_metadata(source).map_err(at)?.is_dir() {
        return Ok(());
    }
    let mut inside: Vec<_> = std::fs::read_dir(source).map_err(at)?.collect::<Result<_, _>>().map_err(at)?;
    inside.sort_by_key(std::fs::DirEntry::file_name);
    for entry in inside {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        // The library's own parts stand at its top; a package may have a part of any name.
        let top = target == Path::new("library");
        let left_out =
            top && LEFT_OUT.iter().any(|out| text == *out || out.ends_with('-') && text.starts_with(out));
        if !left_out && !LEFT_OUT_ENDS.iter().any(|end| text.ends_with(end)) {
            collect(&entry.path(), &target.join(&name), entries)?;
        }
    }
    Ok(())
}

/// The folder that copies are kept in: of this user alone.
fn folder() -> Result<PathBuf, String> {
    let user = rustix::process::geteuid().as_raw();
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let candidates = [
        absolute("XDG_CACHE_HOME").map(|cache| cache.join("samara")),
        absolute("HOME").map(|home| home.join(".cache/samara")),
        // A user without a home, as services are.
        Some(std::env::temp_dir().join(format!("samara-{user}"))),
    ];
    let mut wrong = Vec::new();
    for folder in candidates.into_iter().flatten() {
        match own(&folder, user) {
            Ok(()) => return Ok(folder),
            Err(why) => wrong.push(format!("{}: {why}", folder.display())),
        }
    }
    Err(wrong.join("; "))
}

/// Makes a folder, if it is not there, that nobody else can write.
fn own(folder: &Path, user: u32) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| error.to_string())?;
    let seen = std::fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if !seen.is_dir() || seen.uid() != user || seen.mode() & 0o022 != 0 {
        return Err("it is not a folder of this user that nobody else can write".to_owned());
    }
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).map_err(|error| error.to_string())
}

/// Removes what processes that are gone have left half done.
fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("unfinished-")?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists() || pid == std::process::id())
        {
            // If it can't be removed it stays, which costs room and nothing else.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let mut plan = Plan { sources: Vec::new(), replacements: Vec::new() };
        plan.hide(Path::new("/home/ann/py"), PREFIX);
        plan.hide(Path::new("/home/ann/py/site"), PACKAGES);
        plan.hide(Path::new("/b"), "/build");
        plan.hide(Path::new("/usr/lib"), PREFIX);
        plan.replacements.sort_by_key(|one| std::cmp::Reverse(one.hidden.len()));
        plan
    }

    #[test]
    fn paths_of_the_host_are_replaced_by_neutral_ones_of_the_same_length() {
        let scrubbed = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            plan().scrub(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(scrubbed("x/home/ann/py/os.py:/home/ann/py"), "x/python//////os.py:/python/////");
        assert_eq!(scrubbed("/home/ann/py/site/numpy"), "/python/packages//numpy");
        assert_eq!(
            scrubbed("\x7fELF/home/ann/py\0/home/ann/py/lib\0"),
            "\x7fELF/python///py\0/python//////lib\0"
        );
        assert_eq!(scrubbed("/b/x /usr/lib/y //b"), "///x /usr/lib/y ///");
    }

    #[test]
    fn a_file_that_changes_changes_the_copy_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("test")).unwrap();
        let names = ["os.py", "os.opt-1.pyc", "test/x.py"];
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), "1").unwrap());
        let entries = || {
            let mut entries = Vec::new();
            collect(folder.path(), Path::new("library"), &mut entries).unwrap();
            entries
        };
        let first = entries();
        assert_eq!(
            first.iter().map(|entry| entry.target.to_str().unwrap()).collect::<Vec<_>>(),
            ["library/os.py"]
        );
        let digest = plan().digest(&first);
        assert_eq!(plan().digest(&entries()), digest);
        std::fs::write(folder.path().join("os.py"), "22").unwrap();
        assert_ne!(plan().digest(&entries()), digest);
    }

    #[test]
    fn a_folder_that_others_can_write_holds_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().as_raw();
        assert_eq!(own(&folder.path().join("new/one"), user), Ok(()));
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(own(folder.path(), user).is_err());
        assert!(own(Path::new("/proc"), user + 1).is_err());
    }
}
