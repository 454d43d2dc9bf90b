//! The corpus: every program in a row on one fork server, then everything must be as before.
//!
//! Programs below 100 came with the specification, their first line in prose; what they must give is listed here. The
//! others say it in their first line: endings with `|` between them, a detail if it matters; `# expect landlock:` where
//! that tier gives something else. The rest of their heads is what `crate::defences` reads.

use crate::common::{self, CONFINED, matches, shown};
use samara_sandbox::{Job, Sandbox, Tier, Value};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

/// What the first programs must give on every confined tier.
const EXPECTED: &[(&str, &str)] = &[
    ("01_infinite_loop", "timeout cpu"),
    ("03_big_list", "exception MemoryError"),
    ("05_deep_recursion", "exception RecursionError"),
    ("06_setrecursionlimit_crash", "crash 11 | memory | exception MemoryError | timeout cpu"),
    (
        "08_deep_nested_ast",
        "exception RecursionError | exception MemoryError | crash | exception SyntaxError",
    ),
    ("10_kill_parent", "exception PermissionError"),
    ("11_kill_all", "exception PermissionError"),
    ("13_cancel_itimer", "timeout cpu"),
    ("15_unix_socket", "exception PermissionError"),
    ("16_read_shadow", "exception FileNotFoundError | exception PermissionError"),
    ("18_read_ssh_home", "exception FileNotFoundError | exception PermissionError"),
    ("20_fill_disk", "exception OSError | exception PermissionError"),
    ("21_exhaust_inodes", "exception OSError | exception PermissionError"),
    ("23_dotdot", "exception FileNotFoundError | exception PermissionError"),
    ("25_ctypes_syscalls", "forbidden"),
    ("26_ptrace", "forbidden ptrace"),
    ("28_proc_ppid_mem", "exception FileNotFoundError | exception PermissionError"),
    ("30_os_system", "ok 32512 | ok -1 | exception PermissionError"),
    ("31_execve", "exception PermissionError"),
    ("33_huge_return", "result_limit"),
    ("35_cyclic_return", "result_limit"),
    ("36_hostile_repr", "exception TypeError"),
    ("38_reduce_bomb", "exception TypeError"),
    ("40_thread_survives", "ok returned"),
    ("41_thread_bomb", "exception RuntimeError | timeout | memory"),
    ("43_daemon_double_fork", "exception PermissionError"),
    ("45_poison_builtins", "ok 1"),
    ("46_check_poison", "ok [Float(2.0), 3, 6, [1]]"),
    ("48_bigint_pow", "timeout cpu | memory"),
    ("50_regex_backtrack", "timeout cpu"),
    ("51_unicode_bomb", "ok"),
    ("53_print_nul_invalid", "ok 1"),
    ("55_os_exit", "no_result 0"),
    ("56_quit", "exception SystemExit"),
    ("58_forge_result", "bad_frame"),
    ("60_frame_length_lie", "bad_frame"),
    ("61_json_nesting_bomb", "bad_frame"),
    ("63_sleep_forever", "timeout wall"),
    ("65_raise_rlimit", "exception ValueError | exception PermissionError"),
    ("66_import_side_effect_toplevel", "no_result 7"),
    ("68_str_repeat_overflow", "exception OverflowError | exception MemoryError"),
    ("70_del_resurrect", "ok 1"),
    ("71_exception_bomb_str", "exception E | memory"),
    ("73_nan_inf_return", "ok [Float(NaN), Float(inf), Float(-inf)]"),
    ("75_numpy_huge", "exception MemoryError | exception ModuleNotFoundError | exception _ArrayMemoryError"),
    (
        "76_numpy_tofile_memmap",
        "exception FileNotFoundError | exception PermissionError | exception ModuleNotFoundError",
    ),
    ("78_numpy_object_array", "exception TypeError | exception ModuleNotFoundError"),
    ("80_mmap_wx", "exception PermissionError"),
];

/// A program of the corpus.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) program: String,
    pub(crate) expected: String,
}

impl Hostile {
    /// What its head says after `# WORD:`.
    fn head(&self, word: &str) -> Option<&str> {
        let comments = self.program.lines().map_while(|line| line.strip_prefix("# "));
        comments
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| *known == word)
            .map(|(_, text)| text.trim())
    }

    /// What its head says of a tier: `# WORD: ..` in a jail, `# WORD landlock: ..` under Landlock.
    pub(crate) fn head_in(&self, word: &str, tier: Tier) -> Option<&str> {
        match tier {
            Tier::Jail => self.head(word),
            other => self.head(&format!("{word} {other}")),
        }
    }

    /// What it must give in a tier: the same in all unless its head says so.
    pub(crate) fn expected_in(&self, tier: Tier) -> &str {
        self.head_in("expect", tier).filter(|_| tier != Tier::Jail).unwrap_or(&self.expected)
    }
}

/// All of them, in the order of their numbers, with a canary's folder in the place of `@CANARY@`.
pub(crate) fn corpus(canary: &Path) -> Vec<Hostile> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name.split('_').next().unwrap().parse::<u32>().unwrap(), name)
    });
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap().replace("@CANARY@", canary.to_str().unwrap());
        let listed =
            EXPECTED.iter().find(|(known, _)| *known == name).map(|(_, expected)| (*expected).to_owned());
        let own = || text.lines().next().unwrap().strip_prefix("# expect:").unwrap().trim().to_owned();
        Hostile { expected: listed.unwrap_or_else(own), program: text.clone(), name }
    };
    files.into_iter().map(read).collect()
}

/// Things of the host that must be as they were: a file anybody may write, a listening socket, marks of escapes.
pub(crate) struct Canary {
    pub(crate) directory: tempfile::TempDir,
    secret: PathBuf,
    before: std::fs::Metadata,
    socket: Option<UnixListener>,
}

const SECRET: &str = "the canary's secret";

impl Canary {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        let all = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        all(directory.path(), 0o777);
        let secret = directory.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        all(&secret, 0o666);
        if rustix::process::geteuid().is_root() {
            // Of the user that programs run as, who may do more with it than write.
            std::os::unix::fs::chown(&secret, Some(65534), Some(65534)).unwrap();
        }
        let before = std::fs::metadata(&secret).unwrap();
        let address = SocketAddr::from_abstract_name(b"probe-abstract-47123").unwrap();
        // Another test may hold it: then it listens for us.
        let socket = UnixListener::bind_addr(&address).ok();
        if let Some(socket) = &socket {
            socket.set_nonblocking(true).unwrap();
        }
        Self { directory, secret, before, socket }
    }

    pub(crate) fn check(&self) {
        use std::os::unix::fs::MetadataExt;
        let after = std::fs::metadata(&self.secret).unwrap();
        assert_eq!(std::fs::read_to_string(&self.secret).unwrap(), SECRET);
        assert_eq!(
            (after.mode(), after.mtime(), after.ctime()),
            (self.before.mode(), self.before.mtime(), self.before.ctime())
        );
        assert_eq!(std::fs::read_dir(self.directory.path()).unwrap().count(), 1);
        for place in ["/tmp", "/dev/shm", "/"] {
            for entry in std::fs::read_dir(place).unwrap().flatten() {
                assert!(!entry.file_name().to_string_lossy().starts_with("ESCAPED"), "{:?}", entry.path());
            }
        }
        assert!(!Path::new("/dev/shm/samara_left").exists());
        if let Some(socket) = &self.socket {
            assert!(socket.accept().is_err(), "somebody connected");
        }
    }
}

/// Children of a process.
fn children(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| parent(child) == Some(pid)).collect()
}

fn everything_in_a_row(sandbox: &Sandbox) {
    let canary = Canary::new();
    let (server, tier) = (sandbox.servers(), sandbox.tier());
    let mut wrong = Vec::new();
    for hostile in corpus(canary.directory.path()) {
        let expected = hostile.expected_in(tier);
        let verdict = common::run_expecting(sandbox, &hostile.program, expected);
        let printed = verdict.stdout.contains(SECRET);
        let told = shown(&verdict.ending).contains(SECRET);
        if !matches(&verdict.ending, expected) || printed || told {
            wrong.push(format!("{}: {:?}, expected {expected}", hostile.name, verdict.ending));
        }
        assert_eq!(verdict.isolation.tier, tier);
    }
    assert!(wrong.is_empty(), "tier {tier}:\n{}", wrong.join("\n"));
    assert_eq!(sandbox.servers(), server, "the fork server has lived through all of them");
    assert_eq!(children(server[0]), [0_u32; 0], "nobody survived");
    let honest =
        common::run(sandbox, "import math\ndef main(): return [math.sqrt(4), sum([1, 2]), len('abc')]");
    assert_eq!(shown(&honest.ending), "ok [Float(2.0), 3, 3]");
    canary.check();
}

#[test]
fn hostile_programs_get_their_verdicts_in_a_jail() {
    common::on_tiers(&[Tier::Jail], everything_in_a_row);
}

#[test]
fn hostile_programs_get_their_verdicts_under_landlock() {
    common::on_tiers(&[Tier::Landlock], everything_in_a_row);
}

#[test]
fn every_hostile_program_says_what_is_expected_of_it() {
    let corpus = corpus(Path::new("/nowhere"));
    assert!(corpus.len() > 310, "{} programs", corpus.len());
    assert_eq!(
        corpus.iter().filter(|one| EXPECTED.iter().any(|(name, _)| *name == one.name)).count(),
        EXPECTED.len()
    );
}

#[test]
fn the_host_s_paths_do_not_show_in_a_jail() {
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let program = "import sys, os\ndef main(): return [sys.executable, sys.prefix, *sys.path, os.__file__, os.getcwd()]";
        let shown = shown(&common::run(sandbox, program).ending);
        assert!(shown.starts_with("ok [/python/bin/python3, /python,"), "{shown}");
        assert!(!shown.contains("home") && !shown.contains("root") && !shown.contains("/usr"), "{shown}");
    });
}

#[test]
fn no_file_in_a_jail_tells_where_the_interpreter_was_installed_or_built() {
    let program = r"
import os, sysconfig
def main(paths):
    paths = [path.encode() for path in paths]
    told = []
    for at, _, files in os.walk('/'):
        for file in files:
            if at == '/dev': continue
            with open(at + '/' + file, 'rb') as opened: text = opened.read()
            told += [[at + '/' + file, path.decode()] for path in paths if path in text]
    for name, value in sysconfig.get_config_vars().items():
        told += [[name, path.decode()] for path in paths if path in str(value).encode()]
    return told
";
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let ask = "import sys, sysconfig\nprint(sys.base_prefix, *sysconfig.get_config_vars('prefix', 'abs_srcdir', 'abs_builddir'))";
        let told = std::process::Command::new(sandbox.interpreter()).args(["-c", ask]).output().unwrap();
        let paths = String::from_utf8(told.stdout).unwrap();
        let paths: Vec<Value> = paths
            .split_whitespace()
            .filter(|path| path.len() > 1 && !path.starts_with("/usr") && *path != "None")
            .map(Value::from)
            .collect();
        if paths.is_empty() || sandbox.interpreter().starts_with("/usr") {
            return samara_testing::tiers::skipped("the system's interpreter tells no path of a user");
        }
        let job = Job { arguments: vec![Value::List(paths)], ..common::job(program) };
        assert_eq!(shown(&sandbox.run(&job).unwrap().ending), "ok []");
    });
}

#[test]
fn a_jail_s_root_holds_nothing_else_and_can_not_be_written() {
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let program = "import os\ndef main():\n    bad = []\n    for at, dirs, files in os.walk('/'):\n        if at.startswith(('/python/lib/python3', '/python/packages')): continue\n        bad += [at + '/' + f for f in files if '.so' not in f]\n    return sorted(bad)";
        assert_eq!(
            shown(&common::run(sandbox, program).ending),
            "ok [/dev/null, /dev/urandom, /python/bin/python3]"
        );
        let program = "import os\ndef main():\n    wrote = []\n    for at, dirs, files in os.walk('/'):\n        if at == '/scratch': continue\n        try: open(at + '/x', 'w'); wrote.append(at)\n        except OSError: pass\n    return wrote";
        assert_eq!(shown(&common::run(sandbox, program).ending), "ok []");
    });
}

#[test]
fn the_host_s_environment_does_not_show() {
    common::on_tiers(&[Tier::Jail, Tier::Landlock, Tier::Process], |sandbox| {
        let shown = shown(&common::run(sandbox, "import os\ndef main(): return sorted(os.environ)").ending);
        assert!(!shown.contains(" PATH,") && !shown.contains("[PATH") && !shown.contains("CARGO"), "{shown}");
    });
}

#[test]
fn nothing_that_a_program_leaves_is_there_for_the_next() {
    let leave = "import os, random, sys\ndef main():\n    random.seed(99)\n    sys.modules['mark'] = 1\n    os.environ['MARK'] = '1'\n    try:\n        open('mark', 'w').write('x')\n        os.mkdir('m')\n    except OSError: pass\n    return os.getpid()";
    let look = "import os, random, sys\ndef main():\n    try: files = os.listdir('.')\n    except OSError: files = []\n    return [files, 'mark' in sys.modules, 'MARK' in os.environ, random.random()]";
    common::on_tiers(&CONFINED, |sandbox| {
        let before = common::run(sandbox, look).ending;
        common::run(sandbox, leave);
        assert_eq!(common::run(sandbox, look).ending, before);
    });
}

#[test]
fn programs_on_two_servers_do_not_see_each_other() {
    for tier in CONFINED {
        let options = samara_sandbox::SandboxOptions { servers: 2, ..common::options(tier) };
        let Some(sandbox) = common::sandbox_of(&options, tier) else { continue };
        let program = "import os, time\ndef main():\n    try: open('mine', 'w').write('x')\n    except OSError: pass\n    time.sleep(0.5)\n    try: return os.listdir('.')\n    except OSError: return ['mine']";
        let endings: Vec<String> = std::thread::scope(|scope| {
            let one = || shown(&common::run(&sandbox, program).ending);
            let both = [scope.spawn(one), scope.spawn(one)];
            both.map(|thread| thread.join().unwrap()).into()
        });
        assert_eq!(endings, ["ok [mine]", "ok [mine]"]);
    }
}
