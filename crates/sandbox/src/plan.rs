//! What a program sees of the host's files: as mounts for a jail, as Landlock rules without one.
//!
//! Both show the interpreter's own library and the shared libraries it was found to load, file by file, and nothing
//! else. In a jail these are mounted at neutral paths.

use crate::defence::{self, Defence};
use crate::error::SandboxError;
use crate::library;
use crate::python::Python;
use crate::sys;
use crate::tier::Tier;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One file or directory of the host in a jail.
#[derive(Debug)]
pub(crate) struct Bind {
    /// On the host.
    pub(crate) source: CString,
    /// In the jail, without the leading slash.
    pub(crate) target: CString,
    pub(crate) directory: bool,
    /// A device, which must stay one.
    pub(crate) device: bool,
}

/// The root of a jail, as data for [`crate::launch`].
#[derive(Debug)]
pub(crate) struct Jail {
    /// Where it is put together, in the jail's own mount namespace.
    pub(crate) base: CString,
    /// All directories, parents first, without leading slash.
    pub(crate) directories: Vec<CString>,
    pub(crate) binds: Vec<Bind>,
    /// Directories of the library that are covered: packages that the host has installed.
    pub(crate) hidden: Vec<CString>,
    /// Whether nothing in it can be written.
    pub(crate) read_only: bool,
    /// Options of the file system that it is built in: its size.
    pub(crate) room: &'static CStr,
    /// One of the directories that can be written, a file system of its own with these options.
    pub(crate) scratch: Option<(CString, &'static CStr)>,
    /// Files of its own: path and content.
    pub(crate) files: Vec<(CString, Vec<u8>)>,
    /// Symbolic links: target and path.
    pub(crate) links: Vec<(CString, CString)>,
    /// Whether it shows its own processes, at `proc`, which is among the directories.
    pub(crate) processes: bool,
}

/// Where the interpreter is in a jail.
pub(crate) const PREFIX: &str = "/python";
/// Where numpy is in a jail.
pub(crate) const PACKAGES: &str = "/python/packages";
/// Packages of the host inside the library's directory.
const INSTALLED: [&str; 2] = ["site-packages", "dist-packages"];

impl Jail {
    /// The jail for this interpreter.
    pub(crate) fn new(python: &Python) -> Result<Self, SandboxError> {
        let mut builder = Builder::default();
        let library = library_path(python);
        let outside = outside_libraries(python);
        let copies = library::neutral(python, &outside)?;
        builder.bind(copies.of(&python.executable), &format!("{PREFIX}/bin/python3"), false)?;
        builder.bind(copies.of(&python.stdlib), &library, true)?;
        for package in &python.packages {
            let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
            builder.bind(copies.of(package), &format!("{PACKAGES}/{name}"), true)?;
        }
        for file in &outside {
            builder.bind(copies.of(file), &target(file, python), false)?;
        }
        for device in ["/dev/null", "/dev/urandom"] {
            builder.device(device, false)?;
        }
        builder.directory("/scratch");
        let read_only = defence::holds(Defence::Root);
        if !read_only {
            builder.bind_the_host()?;
        }
        // A copy has none.
        let covered = |name: &&&str| !copies.has(&python.stdlib) && python.stdlib.join(name).is_dir();
        let hidden = INSTALLED.iter().filter(covered);
        let hidden = hidden
            .map(|name| c_string(&format!("{library}/{name}").as_bytes()[1..]))
            .collect::<Result<_, _>>()?;
        builder.jail(hidden, read_only)
    }
}

fn library_path(python: &Python) -> String {
    format!("{PREFIX}/lib/python{}.{}", python.version.0, python.version.1)
}

/// Where a shared library is in a jail: libraries of the interpreter's own tree move with it.
fn target(file: &Path, python: &Python) -> String {
    let system = ["/", "/usr"].map(Path::new).contains(&python.prefix.as_path());
    match file.strip_prefix(&python.prefix) {
        Ok(inner) if !system => format!("{PREFIX}/{}", inner.display()),
        _ => file.display().to_string(),
    }
}

/// Shared libraries that are neither in the standard library nor in a package.
fn outside_libraries(python: &Python) -> Vec<PathBuf> {
    let inside = |file: &Path| {
        file.starts_with(&python.stdlib) || python.packages.iter().any(|at| file.starts_with(at))
    };
    let outside = python.libraries.iter().filter(|file| {
        let real = file.canonicalize();
        !inside(file) && real.is_ok_and(|real| !inside(&real))
    });
    outside.cloned().collect()
}

#[derive(Default)]
pub(crate) struct Builder {
    directories: BTreeSet<String>,
    binds: Vec<Bind>,
}

impl Builder {
    /// A jail of what was named so far.
    pub(crate) fn jail(self, hidden: Vec<CString>, read_only: bool) -> Result<Jail, SandboxError> {
        let base =
            ["/tmp", "/var/tmp", "/run", "/mnt", "/dev"].into_iter().find(|base| Path::new(base).is_dir());
        let directories = self.directories.iter().map(|path| c_string(path.as_bytes()));
        Ok(Jail {
            base: c_string(base.unwrap_or("/").as_bytes())?,
            directories: directories.collect::<Result<_, _>>()?,
            binds: self.binds,
            hidden,
            read_only,
            room: c"mode=0755,size=64k,nr_inodes=256",
            scratch: None,
            files: Vec::new(),
            links: Vec::new(),
            processes: false,
        })
    }

    /// An empty directory, and those above it.
    pub(crate) fn directory(&mut self, path: &str) {
        let parents = path.match_indices('/').skip(1).map(|(end, _)| path[1..end].to_owned());
        self.directories.extend(parents);
        self.directories.insert(path[1..].to_owned());
    }

    /// The host's directories where they are: what a jail is without a root of its own.
    fn bind_the_host(&mut self) -> Result<(), SandboxError> {
        let failed = |error: std::io::Error| SandboxError::Setting(format!("/ can't be listed: {error}"));
        for entry in std::fs::read_dir("/").map_err(failed)?.flatten() {
            let path = entry.path().display().to_string();
            if !entry.path().is_dir() || path.starts_with(PREFIX) || path == "/scratch" {
                continue;
            }
            let inside = format!("{}/", &path[1..]);
            self.binds.retain(|bind| !bind.target.as_bytes().starts_with(inside.as_bytes()));
            self.directories.retain(|directory| !directory.starts_with(&inside));
            self.bind(Path::new(&path), &path, true)?;
            self.binds.last_mut().iter_mut().for_each(|bind| bind.device = true);
        }
        Ok(())
    }

    /// A device of the host where it is.
    pub(crate) fn device(&mut self, path: &str, directory: bool) -> Result<(), SandboxError> {
        self.device_at(path, path, directory)
    }

    /// A device of the host under a name.
    pub(crate) fn device_at(
        &mut self,
        source: &str,
        target: &str,
        directory: bool,
    ) -> Result<(), SandboxError> {
        self.bind(Path::new(source), target, directory)?;
        self.binds.last_mut().iter_mut().for_each(|bind| bind.device = true);
        Ok(())
    }

    /// A file or directory of the host.
    pub(crate) fn bind(&mut self, source: &Path, target: &str, directory: bool) -> Result<(), SandboxError> {
        let parent = target.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() {
            self.directory(parent);
        }
        if directory {
            self.directory(target);
        }
        let source = c_string(source.as_os_str().as_bytes())?;
        let target = c_string(&target.as_bytes()[1..])?;
        if self.binds.iter().all(|bind| bind.target != target) {
            self.binds.push(Bind { source, target, directory, device: false });
        }
        Ok(())
    }
}

/// Bytes as a C string.
pub(crate) fn c_string(bytes: &[u8]) -> Result<CString, SandboxError> {
    CString::new(bytes).map_err(|_| SandboxError::Setting("a path with a NUL byte can't be used".to_owned()))
}

/// The environment of a program: nothing of the host's.
pub(crate) fn environment(python: &Python, tier: Tier) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&str, String)> = [
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONUTF8", "1"),
        ("PYTHONIOENCODING", "utf-8:backslashreplace"),
        ("PYTHONNOUSERSITE", "1"),
        // One thread: numpy's libraries reserve memory per thread, which a limit of address space does not allow.
        ("OPENBLAS_NUM_THREADS", "1"),
        // Links everything when the server starts, and not again in each child.
        ("LD_BIND_NOW", "1"),
        ("OMP_NUM_THREADS", "1"),
        ("MKL_NUM_THREADS", "1"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("HOME", "/scratch"),
        ("TMPDIR", "/scratch"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    if tier == Tier::Jail {
        all.push(("LD_LIBRARY_PATH", format!("{PREFIX}/lib")));
    }
    if let Some(package) = python.packages.first() {
        let path =
            if tier == Tier::Jail { PACKAGES.to_owned() } else { parent(package).display().to_string() };
        all.push(("PYTHONPATH", path));
    }
    all
}

/// The interpreter's path for this tier.
pub(crate) fn executable(python: &Python, tier: Tier) -> PathBuf {
    if tier == Tier::Jail {
        PathBuf::from(format!("{PREFIX}/bin/python3"))
    } else {
        python.executable.clone()
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

/// The version of Landlock that the kernel has; `None` if it has none, or has it switched off.
pub(crate) fn landlock() -> Result<Option<u32>, SandboxError> {
    let version = match defence::landlock_version() {
        Some(version) => Ok(version),
        None => sys::landlock_version(),
    };
    match version {
        Ok(0) | Err(Errno::NOSYS | Errno::OPNOTSUPP) => Ok(None),
        Ok(version) => Ok(Some(version)),
        Err(error) => Err(SandboxError::Landlock(format!("the kernel does not say its version: {error}"))),
    }
}

/// The Landlock rules that children of this tier enter, with all that this version of Landlock knows of what the tier
/// asks for. What an older one does not know is refused by the list of system calls as well: truncating files (3),
/// network (4), control of devices (5), signals and abstract sockets (6).
///
/// # Errors
/// If the kernel does not take them as they are: none is given up.
pub(crate) fn rules(python: &Python, tier: Tier, version: u32) -> Result<OwnedFd, SandboxError> {
    let failed = |error: &dyn std::fmt::Display| SandboxError::Landlock(error.to_string());
    let known = match version {
        0 => return Err(failed(&"the kernel has no Landlock")),
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    };
    let handled = match tier {
        // Files are already in a namespace of their own: what is left is to make no sockets, devices and the like in
        // scratch, and to execute nothing.
        Tier::Jail => {
            AccessFs::Execute
                | AccessFs::MakeSock
                | AccessFs::MakeFifo
                | AccessFs::MakeChar
                | AccessFs::MakeBlock
        }
        Tier::Landlock | Tier::Process => AccessFs::from_all(known),
    };
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset = ruleset.handle_access(handled).map_err(|error| failed(&error))?;
    if known >= ABI::V4 {
        ruleset = ruleset.handle_access(AccessNet::from_all(known)).map_err(|error| failed(&error))?;
    }
    if known >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(known)).map_err(|error| failed(&error))?;
    }
    let mut created = ruleset.create().map_err(|error| failed(&error))?;
    if tier == Tier::Landlock {
        for (path, access) in visible(python)? {
            created = allow(created, &path, access)?;
        }
    }
    Option::<OwnedFd>::from(created).ok_or_else(|| failed(&"the kernel has no Landlock"))
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, SandboxError> {
    let failed = |error: String| SandboxError::Landlock(format!("{}: {error}", path.display()));
    let descriptor = PathFd::new(path).map_err(|error| failed(error.to_string()))?;
    rules.add_rule(PathBeneath::new(descriptor, access)).map_err(|error| failed(error.to_string()))
}

/// What programs may read without a jail, each with whether all that is inside may be, too.
pub(crate) fn readable(python: &Python) -> Vec<(PathBuf, bool)> {
    let all = visible(python).unwrap_or_default();
    all.into_iter().map(|(path, access)| (path, access.contains(AccessFs::ReadFile))).collect()
}

/// What programs may read without a jail: the library without the packages in it, numpy, shared libraries, two devices.
fn visible(python: &Python) -> Result<Vec<(PathBuf, BitFlags<AccessFs>)>, SandboxError> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile.into();
    let list: BitFlags<AccessFs> = AccessFs::ReadDir.into();
    let mut paths = vec![(python.stdlib.clone(), list)];
    let entries = std::fs::read_dir(&python.stdlib).map_err(|error| {
        SandboxError::Python(format!("{} can't be read: {error}", python.stdlib.display()))
    })?;
    for entry in entries.flatten() {
        let path = entry.path();
        if !INSTALLED.iter().any(|name| path.ends_with(name)) {
            paths.push((path.clone(), if path.is_dir() { read | list } else { read }));
        }
    }
    for package in &python.packages {
        paths.extend([(parent(package), list), (package.clone(), read | list)]);
    }
    paths.extend(outside_libraries(python).into_iter().map(|file| (file, read)));
    paths.extend(["/dev/null", "/dev/urandom"].map(|device| (PathBuf::from(device), read)));
    Ok(paths)
}
