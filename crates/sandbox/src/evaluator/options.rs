//! How evaluators are set up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// An evaluator, and what of the host it may use. What is not named here it does not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatorOptions {
    /// An interpreter or a virtual environment; the first python3 on PATH that works if none is given. Its packages
    /// are there too.
    pub python: Option<PathBuf>,
    /// Python text that every warm server runs once, before it forks. It must define `evaluate(request)`, which takes a
    /// dict and returns what JSON can hold.
    pub harness: String,
    /// More files and folders of the host, read-only and at their own paths.
    pub mounts: Vec<PathBuf>,
    /// The evaluator's folder: read-only and at its own path, and the working directory.
    pub folder: PathBuf,
    /// Variables of its environment. Of the host's own it gets none but those that stand here.
    pub environment: BTreeMap<String, String>,
    /// Devices (`/dev/nvidia0`), beside those that every program needs.
    pub devices: Vec<PathBuf>,
    /// Whether it may use the host's network. Default: no.
    pub network: bool,
    /// Folders that evaluations must not see though they lie in what they see, such as the journal of the run that they
    /// belong to: in their place is an empty folder. They must be there.
    pub hidden: Vec<PathBuf>,
    /// How long a server may take to start, which is to run the harness with its imports. Default: 120 s.
    pub patience: Duration,
    /// Evaluations at once, each in a server of its own. Default: the number of CPUs.
    pub slots: usize,
}

impl EvaluatorOptions {
    /// An evaluator of this harness and folder, with nothing else of the host.
    pub fn new(harness: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self {
            python: None,
            harness: harness.into(),
            mounts: Vec::new(),
            folder: folder.into(),
            environment: BTreeMap::new(),
            devices: Vec::new(),
            network: false,
            hidden: Vec::new(),
            patience: Duration::from_secs(120),
            slots: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
