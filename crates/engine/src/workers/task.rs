//! What a worker needs to work for a run, beside tickets: to evaluate drafts, settings, limits and inputs by their digests;
//! to ask models, which ones are meant.

use std::collections::BTreeMap;

use samara_lm::ModelSettings;
use samara_sandbox::Tier;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{EvaluatorSpec, SandboxSettings};

/// Bytes of all files of a task at most.
pub const MOST_BYTES: u64 = 256 << 20;
/// Files of a task at most.
pub const MOST_FILES: usize = 2000;

/// What a worker needs to work for a run. It travels once to each worker; its files by their digests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The version of samara that drives the run. Another version may give other scores.
    pub samara: String,
    /// What is to be done.
    pub duty: Duty,
    /// The files that the specification names, and those that lie beside the evaluator.
    pub files: Vec<TaskFile>,
    /// What a worker must say of itself to be given tickets.
    pub labels: Vec<String>,
}

/// What workers are there for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Duty {
    /// They evaluate drafts.
    Evaluate {
        /// What the evaluator is made from.
        spec: EvaluatorSpec,
        /// What each program may use.
        limits: ProgramLimits,
        /// The weakest isolation that is acceptable.
        minimum_tier: Tier,
        /// The Python that programs run in where the run is driven; empty if none runs.
        python: String,
    },
    /// They ask models.
    Ask {
        /// The models that are meant, as questions count them.
        models: Vec<Meant>,
    },
}

/// A model that a run wants to ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meant {
    /// Whose model it is in the run, such as `judge`.
    pub role: String,
    /// What decides its answers. How it is reached is the worker's to know.
    pub settings: ModelSettings,
    /// Whether it comes with samara, so that every worker has it.
    pub built_in: bool,
}

impl Meant {
    /// The model of a role as the run's settings have it, without what leads to it from there.
    pub fn new(role: impl Into<String>, settings: &ModelSettings) -> Self {
        Self { role: role.into(), settings: settings.without_reach(), built_in: settings.is_built_in() }
    }

    /// How it is reached by a worker with these models; `None` if it is not among them.
    pub fn reached(&self, own: &[ModelSettings]) -> Option<ModelSettings> {
        let known = own.iter().find_map(|own| self.settings.reached_as(own));
        known.or_else(|| self.built_in.then(|| self.settings.clone()))
    }
}

/// What each program may use: the part of [`SandboxSettings`] that decides results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramLimits {
    /// CPU seconds.
    pub cpu_s: f64,
    /// Wall seconds.
    pub wall_s: f64,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Files in MiB.
    pub scratch_mb: u64,
    /// Whether programs start with numpy.
    pub numpy: bool,
}

/// A file of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// The setting that names it; empty for a file that only lies beside the evaluator.
    pub key: String,
    /// Where it lies, relative to the folder that holds all of them: parts joined by `/`.
    pub path: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it may be run as a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl ProgramLimits {
    /// Those of a run.
    pub fn of(settings: &SandboxSettings) -> Self {
        let SandboxSettings { cpu_s, wall_s, memory_mb, scratch_mb, numpy, .. } = *settings;
        Self { cpu_s, wall_s, memory_mb, scratch_mb, numpy }
    }

    /// These limits in the settings of a worker.
    #[must_use]
    pub fn over(&self, settings: SandboxSettings) -> SandboxSettings {
        let Self { cpu_s, wall_s, memory_mb, scratch_mb, numpy } = *self;
        SandboxSettings { cpu_s, wall_s, memory_mb, scratch_mb, numpy, ..settings }
    }
}

impl Task {
    /// The SHA-256 of its JSON, in hexadecimal digits: what tickets name it by.
    pub fn digest(&self) -> String {
        digest_of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Checks what a stranger could have put together: that no file leads out of the folder, or is more than may travel.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn check(&self) -> Result<(), String> {
        if self.files.len() > MOST_FILES {
            return Err(format!("it has {} files, and {MOST_FILES} may travel", self.files.len()));
        }
        let bytes = self.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
        if bytes > MOST_BYTES {
            return Err(format!("its files have {bytes} bytes, and {MOST_BYTES} may travel"));
        }
        let plain = |part: &str| {
            !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || "\\:".contains(c))
        };
        if let Some(file) = self.files.iter().find(|file| !file.path.split('/').all(plain)) {
            return Err(format!("{:?} is no path inside a folder", file.path));
        }
        if let Some(file) = self.files.iter().find(|file| !is_digest(&file.digest)) {
            return Err(format!("{:?} has no digest", file.path));
        }
        let Duty::Evaluate { spec, .. } = &self.duty else { return Ok(()) };
        let digests: BTreeMap<String, String> =
            self.files.iter().map(|file| (file.key.clone(), file.digest.clone())).collect();
        match spec.inputs.iter().find(|(key, digest)| digests.get(*key) != Some(digest)) {
            Some((key, _)) => Err(format!("the file of {key} is not among its files")),
            None => Ok(()),
        }
    }
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a SHA-256 in lower hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(path: &str, digest: &str) -> Task {
        let spec = EvaluatorSpec {
            environment: "string".to_owned(),
            section: toml::Table::new(),
            axes: Vec::new(),
            operator: None,
            inputs: BTreeMap::from([("k".to_owned(), digest.to_owned())]),
        };
        let file = TaskFile {
            key: "k".to_owned(),
            path: path.to_owned(),
            digest: digest.to_owned(),
            bytes: 1,
            executable: false,
        };
        Task {
            samara: "1".to_owned(),
            duty: Duty::Evaluate {
                spec,
                limits: ProgramLimits::of(&SandboxSettings::default()),
                minimum_tier: Tier::Landlock,
                python: String::new(),
            },
            files: vec![file],
            labels: Vec::new(),
        }
    }

    #[test]
    fn no_file_of_a_task_leads_out_of_its_folder() {
        let digest = digest_of(b"x");
        assert_eq!(task("a/b.py", &digest).check(), Ok(()));
        for path in ["/etc/passwd", "../x", "a/../x", "a//b", "", "a\\b", "c:x", "a/\n"] {
            assert!(task(path, &digest).check().is_err(), "{path:?}");
        }
        assert!(task("a", "../../x").check().is_err(), "a digest is a name in the cache");
        let mut missing = task("a", &digest);
        missing.files.clear();
        assert!(missing.check().is_err(), "an input without its file");
        let mut large = task("a", &digest);
        large.files[0].bytes = MOST_BYTES + 1;
        assert!(large.check().is_err());
    }

    #[test]
    fn a_task_is_read_as_it_was_written_and_has_the_same_digest() {
        let task = task("a/b.py", &digest_of(b"x"));
        let read: Task = serde_json::from_slice(&serde_json::to_vec(&task).unwrap()).unwrap();
        assert_eq!((read.digest(), &read), (task.digest(), &task));
    }
}
