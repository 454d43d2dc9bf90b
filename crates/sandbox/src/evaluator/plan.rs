//! What an evaluator sees of the host: its own folder, its interpreter, the system's programs, and what was named; all
//! read-only and at its own path.

use super::{EvaluatorOptions, interpreter::Interpreter};
use crate::error::SandboxError;
use crate::plan::{Builder, Jail, c_string};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The system's programs and libraries: evaluators start compilers and tools.
const SYSTEM: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];
/// What loaders and compilers ask for.
const LOADERS: [&str; 7] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/fonts",
];
/// What names and certificates of the network need.
const NETWORK: [&str; 8] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl",
    "/etc/pki",
];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// What no evaluation can have from the host: these it has of its own.
const OWN: [&str; 6] = ["/", "/proc", "/dev", "/tmp", "/etc", "/sys"];
/// Where a /tmp is put together.
const ASIDE: &str = "/.scratch";

/// A jail, and the paths below `/tmp` in it: each evaluation covers that with a folder of its own, and shows these again.
pub(crate) struct Plan {
    pub(crate) jail: Jail,
    pub(crate) below_tmp: Vec<PathBuf>,
}

impl Plan {
    pub(crate) fn new(options: &EvaluatorOptions, interpreter: &Interpreter) -> Result<Self, SandboxError> {
        let mut builder = Builder::default();
        let mut shown = named(&options.folder, "the evaluator's folder")?;
        no_home(&shown)?;
        for mount in &options.mounts {
            shown.extend(named(mount, "a mount")?);
        }
        shown.extend(interpreter.places.iter().cloned());
        // Of ~/.local its packages alone, which are among the places, and their programs.
        shown.extend(interpreter.user_base.as_ref().map(|base| base.join("bin")));
        shown.extend(rust().into_iter().flatten());
        shown.extend(SYSTEM.into_iter().chain(LOADERS).map(PathBuf::from));
        if options.network {
            shown.extend(NETWORK.map(PathBuf::from));
        }
        shown.retain(|path| path.exists());
        let shown = outermost(shown);
        for path in &shown {
            builder.bind(path, text(path)?, path.is_dir())?;
        }
        for device in DEVICES {
            // Mapped, /dev/zero is memory that is counted for no process. What reads like it and can't be mapped stands in
            // for it, but where devices are asked for: their libraries map it.
            let zero = device == "/dev/zero" && options.devices.is_empty();
            builder.device_at(if zero { "/dev/full" } else { device }, device, false)?;
        }
        for device in &options.devices {
            let path = text(device)?;
            if !path.starts_with("/dev/") || !device.exists() || path.contains("..") {
                return Err(SandboxError::Setting(format!("there is no device {path}")));
            }
            builder.device(path, device.is_dir())?;
        }
        for directory in ["/tmp", ASIDE, "/proc", "/dev/shm", "/etc"] {
            builder.directory(directory);
        }
        let hidden = hidden(options, &shown)?;
        let mut jail = builder.jail(hidden, true)?;
        jail.room = c"mode=0755,size=4m,nr_inodes=16384";
        jail.processes = true;
        // For what the evaluator writes while it is imported: each evaluation gets a copy of it.
        jail.scratch = Some((c"tmp".to_owned(), c"mode=1777,size=64m,nr_inodes=16384"));
        jail.files = files(options.network)?;
        jail.links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
            .map(|(name, target)| {
                Ok((c_string(target.as_bytes())?, c_string(format!("dev/{name}").as_bytes())?))
            })
            .into_iter()
            .collect::<Result<_, SandboxError>>()?;
        let below_tmp = shown.into_iter().filter(|path| path.starts_with("/tmp")).collect();
        Ok(Self { jail, below_tmp })
    }
}

/// Where in a jail that shows these paths are the folders that must not be seen.
fn hidden(options: &EvaluatorOptions, shown: &[PathBuf]) -> Result<Vec<CString>, SandboxError> {
    let mut all = Vec::new();
    for folder in &options.hidden {
        let wrong = |why: &str| {
            SandboxError::Setting(format!("{}, which evaluations must not see, {why}", folder.display()))
        };
        let real = folder.canonicalize().map_err(|error| wrong(&format!("can't be hidden: {error}")))?;
        if !real.is_dir() {
            return Err(wrong("is no folder"));
        }
        for path in shown {
            let place = path.canonicalize().unwrap_or_else(|_| path.clone());
            // Of a folder that what is shown lies in, or that lies elsewhere, nothing else is seen.
            let Ok(inner) = real.strip_prefix(place) else { continue };
            if inner.as_os_str().is_empty() {
                return Err(wrong("is the evaluator's own or a mount: use another one for the run"));
            }
            all.push(path.join(inner));
        }
    }
    outermost(all).iter().map(|path| c_string(&path.as_os_str().as_bytes()[1..])).collect()
}

/// Files of /etc that are the jail's own: one user, and nobody else.
fn files(network: bool) -> Result<Vec<(CString, Vec<u8>)>, SandboxError> {
    let mut files = vec![
        ("etc/passwd", "evaluator:x:1000:1000:evaluator:/tmp:/bin/sh\n"),
        ("etc/group", "evaluator:x:1000:\n"),
    ];
    if !network {
        files.push(("etc/hosts", "127.0.0.1 localhost sandbox\n"));
        files.push(("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"));
    }
    let file = |(path, content): (&str, &str)| Ok((c_string(path.as_bytes())?, content.as_bytes().to_vec()));
    files.into_iter().map(file).collect()
}

/// A path that options name, as it is named and as it is.
fn named(path: &Path, what: &str) -> Result<Vec<PathBuf>, SandboxError> {
    let wrong = |why: String| SandboxError::Setting(format!("{what}, {}, {why}", path.display()));
    let absolute = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
    let real = path.canonicalize().map_err(|error| wrong(format!("can't be used: {error}")))?;
    // Without the steps upwards that it may hold.
    let plain =
        if absolute.components().any(|part| part.as_os_str() == "..") { real.clone() } else { absolute };
    for path in [&plain, &real] {
        if OWN.iter().any(|own| path == Path::new(own))
            || path.starts_with("/proc")
            || path.starts_with("/sys")
        {
            return Err(wrong("is what evaluations have of their own; name a folder in it".to_owned()));
        }
    }
    Ok(vec![plain, real])
}

/// Where rustup keeps compilers, and the folder of their programs: these are in a home, and of `~/.cargo` nothing else
/// may be seen, since it has a user's tokens.
fn rust() -> Option<[PathBuf; 2]> {
    let below_home = |name: &str, folder: &str| {
        let named = std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        named.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(folder)))
    };
    let all = [below_home("RUSTUP_HOME", ".rustup")?, below_home("CARGO_HOME", ".cargo")?.join("bin")];
    all.iter().all(|path| path.is_absolute() && path.is_dir()).then_some(all)
}

/// Refuses an evaluator's folder that holds the home of the user: its keys would be seen with it.
fn no_home(folder: &[PathBuf]) -> Result<(), SandboxError> {
    let Some(home) = std::env::var_os("HOME").filter(|home| !home.is_empty()) else { return Ok(()) };
    let Ok(home) = Path::new(&home).canonicalize() else { return Ok(()) };
    match folder.iter().find(|path| home.starts_with(path) && home != Path::new("/")) {
        None => Ok(()),
        Some(path) => Err(SandboxError::Setting(format!(
            "the evaluator's folder, {}, holds your home with all that is in it, and evaluators read all of their \
             folder: put the evaluator into a folder of its own",
            path.display()
        ))),
    }
}

/// The paths that lie in no other of them, in order.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths {
        if !kept.iter().any(|outer| path.starts_with(outer)) {
            kept.push(path);
        }
    }
    kept
}

fn text(path: &Path) -> Result<&str, SandboxError> {
    path.to_str().ok_or_else(|| SandboxError::Setting(format!("{} is no UTF-8", path.display())))
}

/// The environment of an evaluator: defaults, then what the options name.
pub(crate) fn environment(options: &EvaluatorOptions, interpreter: &Interpreter) -> Vec<(String, String)> {
    let folder = interpreter.executable.parent().unwrap_or(Path::new("/usr/bin")).display();
    let rust = rust();
    let programs = rust.as_ref().map_or(String::new(), |[_, programs]| format!(":{}", programs.display()));
    let mut all = vec![
        ("PATH".to_owned(), format!("{folder}:/usr/local/bin:/usr/bin:/bin{programs}")),
        ("HOME".to_owned(), "/tmp".to_owned()),
        ("TMPDIR".to_owned(), "/tmp".to_owned()),
        ("USER".to_owned(), "evaluator".to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("PYTHONHASHSEED".to_owned(), "0".to_owned()),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ("PYTHONUTF8".to_owned(), "1".to_owned()),
        ("PYTHONIOENCODING".to_owned(), "utf-8:backslashreplace".to_owned()),
        // Caches of packages that would look for a home.
        ("MPLCONFIGDIR".to_owned(), "/tmp".to_owned()),
        ("NUMBA_CACHE_DIR".to_owned(), "/tmp".to_owned()),
    ];
    let threads = ["OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS", "NUMBA", "RAYON"];
    all.extend(threads.map(|library| (format!("{library}_NUM_THREADS"), "1".to_owned())));
    if let Some([toolchains, _]) = rust {
        all.push(("RUSTUP_HOME".to_owned(), toolchains.display().to_string()));
    }
    if let Some(base) = &interpreter.user_base {
        all.push(("PYTHONUSERBASE".to_owned(), base.display().to_string()));
    }
    all.retain(|(name, _)| !options.environment.contains_key(name));
    all.extend(options.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_another_path_is_shown_once() {
        let paths = ["/b/c", "/a", "/b", "/bc", "/a", "/b/c/d"].map(PathBuf::from).to_vec();
        assert_eq!(outermost(paths), ["/a", "/b", "/bc"].map(PathBuf::from));
    }

    #[test]
    fn folders_that_an_evaluation_has_of_its_own_are_refused_with_their_name() {
        for path in ["/", "/tmp", "/proc/self", "/usr/../etc"] {
            let error = named(Path::new(path), "a mount").unwrap_err().to_string();
            assert!(error.contains(path) && error.contains("hint: "), "{error}");
        }
        assert!(
            named(Path::new("/no/such/folder"), "a mount")
                .unwrap_err()
                .to_string()
                .contains("/no/such/folder")
        );
    }

    #[test]
    fn the_environment_is_named_by_the_options_and_nothing_of_the_host_is_in_it() {
        let interpreter = Interpreter::find(None).unwrap();
        let mut options = EvaluatorOptions::new("", "/usr");
        options.environment = [("OMP_NUM_THREADS", "4"), ("MINE", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let all = environment(&options, &interpreter);
        let of = |name: &str| {
            all.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect::<Vec<_>>()
        };
        assert_eq!((of("OMP_NUM_THREADS"), of("MINE"), of("HOME")), (vec!["4"], vec!["x"], vec!["/tmp"]));
        assert!(of("CARGO_MANIFEST_DIR").is_empty());
    }
}
