//! What the tests share: evaluators whose harness runs Python text of the candidate, and what they leave behind.

use samara_sandbox::{
    CandidateCall, CandidateReply, Clock, EvaluationEnding, EvaluationJob, EvaluationLimits,
    EvaluationVerdict, EvaluatorOptions, Evaluators, SandboxError,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An interpreter or virtual environment for the tests: one with numpy tests more.
const PYTHON: &str = "SAMARA_SANDBOX_PYTHON";

/// How long tests wait for what must happen at once: only a machine that does nothing else needs so long.
const SOON: Duration = Duration::from_secs(60);

/// Runs the candidate's `main.py` and returns what its `evaluate` returns.
pub(crate) const HARNESS: &str = "
import importlib.util, sys
def evaluate(request):
    spec = importlib.util.spec_from_file_location('candidate', '/tmp/candidate/main.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules['candidate'] = module
    spec.loader.exec_module(module)
    return module.evaluate(request)
";

/// A folder of the host that holds an evaluator's files.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    std::fs::write(folder.path().join("data.txt"), "data\n").unwrap();
    folder
}

/// Lets anybody read a folder: as root, evaluators are not root.
pub(crate) fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
}

/// An evaluator of one slot.
pub(crate) fn options(harness: &str, folder: &Path) -> EvaluatorOptions {
    let python = std::env::var_os(PYTHON).map(PathBuf::from);
    EvaluatorOptions { python, slots: 1, ..EvaluatorOptions::new(harness, folder) }
}

/// Starts evaluators; none and a word on stderr, if this machine can't have them and need not.
pub(crate) fn start(options: &EvaluatorOptions) -> Option<Evaluators> {
    match Evaluators::start(options) {
        Ok(evaluators) => Some(evaluators),
        Err(error @ (SandboxError::Step { .. } | SandboxError::Evaluator(_))) => {
            samara_testing::tiers::missing("jail", &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// An evaluator, and the folder that it is in.
pub(crate) struct Bed {
    pub(crate) evaluators: Evaluators,
    pub(crate) folder: tempfile::TempDir,
}

/// An evaluator that runs candidates as [`HARNESS`] does.
pub(crate) fn bed() -> Option<Bed> {
    let folder = folder();
    let evaluators = start(&options(HARNESS, folder.path()))?;
    Some(Bed { evaluators, folder })
}

/// Limits that no honest evaluation reaches, however busy the machine is.
pub(crate) fn limits() -> EvaluationLimits {
    EvaluationLimits {
        wall: Duration::from_secs(200),
        cpu: Duration::from_secs(100),
        memory: 1 << 30,
        processes: 64,
        output: 64 << 10,
        scratch_bytes: 32 << 20,
        result: 1 << 20,
    }
}

/// An evaluation of a candidate of one file.
pub(crate) fn job(text: &str) -> EvaluationJob {
    let files = vec![("main.py".to_owned(), text.as_bytes().to_vec())];
    EvaluationJob { limits: limits(), ..EvaluationJob::new(files) }
}

/// Nobody is asked.
pub(crate) fn no_calls(_: CandidateCall) -> CandidateReply {
    CandidateReply::Error { kind: "Test".to_owned(), message: "no candidate runs apart here".to_owned() }
}

impl Bed {
    pub(crate) fn run(&self, job: &EvaluationJob) -> EvaluationVerdict {
        let verdict = self.evaluators.run(job, &mut no_calls).unwrap();
        self.nothing_is_left();
        verdict
    }

    pub(crate) fn run_text(&self, text: &str) -> EvaluationVerdict {
        self.run(&job(text))
    }

    /// What `evaluate` returned, as JSON; fails with all that is known otherwise.
    pub(crate) fn value(&self, text: &str) -> String {
        returned(self.run_text(text))
    }

    /// No process but the servers, no mount, and the folder as it was.
    pub(crate) fn nothing_is_left(&self) {
        for server in self.evaluators.servers() {
            until("the server has no children", || descendants(server).is_empty());
        }
        let names: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["data.txt"]);
        assert_eq!(std::fs::read_to_string(self.folder.path().join("data.txt")).unwrap(), "data\n");
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(self.folder.path().to_str().unwrap()), "{mounts}");
    }
}

/// The JSON of an evaluation that returned.
pub(crate) fn returned(verdict: EvaluationVerdict) -> String {
    match verdict.ending {
        EvaluationEnding::Returned { json } => json,
        _ => panic!("{verdict:#?}"),
    }
}

/// An ending in a word or two.
pub(crate) fn shown(ending: &EvaluationEnding) -> String {
    let detail = match ending {
        EvaluationEnding::Returned { json } => json.clone(),
        EvaluationEnding::Raised { kind, .. } => kind.clone(),
        EvaluationEnding::Exited { code } => code.to_string(),
        EvaluationEnding::Crashed { signal } => signal.to_string(),
        EvaluationEnding::Time { clock: Clock::Cpu } => "cpu".to_owned(),
        EvaluationEnding::Time { clock: Clock::Wall } => "wall".to_owned(),
        EvaluationEnding::Failed { why } => why.clone(),
        _ => String::new(),
    };
    format!("{} {detail}", ending.name()).trim_end().to_owned()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All processes below one, at any depth.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut open = vec![pid];
    while let Some(pid) = open.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children: Vec<u32> = list.split_whitespace().filter_map(|child| child.parse().ok()).collect();
            all.extend(&children);
            open.extend(children);
        }
    }
    all
}

/// Whether a process is there, and more than its end that nobody has asked for.
pub(crate) fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
