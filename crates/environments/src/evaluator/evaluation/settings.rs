//! The section `[environment.evaluation]`: what evaluates programs, by which protocol, and what it may use.

use std::{collections::BTreeMap, time::Duration};

use samara_sandbox::EvaluationLimits;
use samara_search::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::MOST_TEXTS;

/// CPU seconds for each second of wall time where `cpu_s` is not set: more than any evaluation has processes to use.
const CPU_PER_WALL: f64 = 256.0;

/// How an evaluator is called and what it answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenEvolve's: `evaluate(program_path)`, or a cascade `evaluate_stage1` to `evaluate_stage3`; a dict of metrics
    /// or an `EvaluationResult`.
    OpenEvolve,
    /// ShinkaEvolve's: `python evaluate.py --program_path P --results_dir R`, which writes `metrics.json` and
    /// `correct.json`.
    Shinka,
    /// AlphaEvolve's: `evaluate(candidate)`, which returns scores and insights.
    AlphaEvolve,
    /// Any command: a number or a JSON object on the last line of its output.
    Command,
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Evaluation", transform = samara_search::schema::in_order::<Self>)]
pub struct EvaluationSettings {
    /// The evaluator, a Python file. It and every `.py` file of its folder are recorded; a relative path starts at the
    /// experiment's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<String>,
    /// A command instead of it, such as `./score {program}`: `{program}` is the candidate's path, `{folder}` its
    /// folder. It runs in the experiment's folder and without a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The name of a function of the Python program that searches, which is called in place of the evaluator's file; that
    /// file is its text, for the record. `samara.evolve` sets it, and the command line can't call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How the evaluator is called. Default: what its text shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Keyword arguments of `evaluate()` beside the program; `--name value` for `shinka`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, serde_json::Value>,
    /// The interpreter, or a virtual environment. A relative path starts at the experiment's file; a name that is not
    /// there is looked for on PATH. Default: the first `python3` on PATH that works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Whether `evaluate_stage1` to `evaluate_stage3` are called instead of `evaluate`, if the evaluator has them.
    /// Default true.
    pub cascade: bool,
    /// What a stage's score must reach for the next one to run; one to three. Default 0.5, 0.75, 0.9.
    #[schemars(length(min = 1, max = 3), inner(range(min = -1e100, max = 1e100)))]
    pub thresholds: Vec<f64>,
    /// The metric that is the score. Default: `combined_score`; without it the mean of the numbers outside the axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// Whether a lower score is better. Default false.
    pub minimise: bool,
    /// Wall seconds of a stage, above 0 to 1,000,000. Default 300.
    #[schemars(range(max = 1e6), extend("exclusiveMinimum" = 0))]
    pub timeout_s: f64,
    /// CPU seconds of a stage, all its processes together, above 0 to 1e9. Default: only `timeout_s` counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1e9), extend("exclusiveMinimum" = 0))]
    pub cpu_s: Option<f64>,
    /// Megabytes (of 1,048,576 bytes) of memory, all processes together; 16 to 10,000,000. Default 4096.
    #[schemars(range(min = 16, max = 10000000))]
    pub memory_mb: u64,
    /// Processes and threads at once, 1 to 100,000. Default 256.
    #[schemars(range(min = 1, max = 100000))]
    pub processes: u32,
    /// Kilobytes (of 1,024 bytes) of standard output, and of standard error; 1 to 1,000,000. Default 1024.
    #[schemars(range(min = 1, max = 1000000))]
    pub output_kb: u32,
    /// Megabytes (of 1,048,576 bytes) of files in `/tmp`, 1 to 1,000,000. Default 1024.
    #[schemars(range(min = 1, max = 1000000))]
    pub scratch_mb: u64,
    /// Evaluations at once, 1 to 4096. Default: the machine's cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub slots: Option<usize>,
    /// Evaluations of a candidate, 1 to 1000; for evaluators that depend on chance. Metrics are means, and `spread` is
    /// the score's standard deviation. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: u32,
    /// A function of the evaluator that checks the best program again, such as one without tolerances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recheck: Option<String>,
    /// Whether what the evaluator returns beside metrics, and what it prints, is kept. Default true.
    pub artifacts: bool,
    /// Whether the evaluator reaches the network. Default false.
    pub network: bool,
    /// More files and folders that it may read. A relative path starts at the experiment's file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub mounts: Vec<String>,
    /// Environment variables that it gets, by name. Their values are not recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub variables: Vec<String>,
    /// Devices that it may use, such as `/dev/nvidia0`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_TEXTS))]
    pub devices: Vec<String>,
    /// Whether candidates run apart from the evaluator, which calls them: `evaluate(candidate)`, where
    /// `candidate.NAME(...)` calls the candidate's function NAME. They can't see the evaluator's data then. Python
    /// only. Default false.
    pub hidden: bool,
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self {
            evaluator: None,
            command: None,
            function: None,
            protocol: None,
            arguments: BTreeMap::new(),
            python: None,
            cascade: true,
            thresholds: vec![0.5, 0.75, 0.9],
            score: None,
            minimise: false,
            timeout_s: 300.0,
            cpu_s: None,
            memory_mb: 4096,
            processes: 256,
            output_kb: 1024,
            scratch_mb: 1024,
            slots: None,
            repeats: 1,
            recheck: None,
            artifacts: true,
            network: false,
            mounts: Vec::new(),
            variables: Vec::new(),
            devices: Vec::new(),
            hidden: false,
        }
    }
}

impl EvaluationSettings {
    /// Checks what depends on several values; `language` is that of the program.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self, language: &str) -> Result<(), Invalid> {
        self.check_evaluator()?;
        self.check_command()?;
        self.check_function()?;
        if self.thresholds.iter().any(|threshold| threshold.is_nan()) {
            return Err(bad("thresholds", "holds NaN", "write numbers, such as [0.5, 0.75, 0.9]"));
        }
        if let Some(device) = self.devices.iter().find(|device| !device.starts_with("/dev/")) {
            return Err(bad(
                "devices",
                &format!("`{device}` is no device"),
                "write paths such as /dev/nvidia0",
            ));
        }
        let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
        if let Some(name) = self.variables.iter().find(|name| !is_name(name)) {
            return Err(bad("variables", &format!("`{name}` is no variable's name"), "write names alone"));
        }
        if self.hidden {
            return self.check_hidden(language);
        }
        Ok(())
    }

    fn check_evaluator(&self) -> Result<(), Invalid> {
        match (&self.evaluator, &self.command) {
            (None, None) => {
                let hint = "set evaluator = \"evaluator.py\", or command = \"./score {program}\"";
                Err(bad("evaluator", "is missing: nothing says how good a program is", hint))
            }
            (Some(_), Some(_)) => Err(bad("command", "stands beside an evaluator", "keep one of the two")),
            (Some(evaluator), None) if evaluator.trim().is_empty() => {
                Err(bad("evaluator", "is empty", "name a Python file, such as evaluator.py"))
            }
            (Some(_), None) if self.protocol == Some(Protocol::Command) => {
                let hint = "set command = \"python3 evaluator.py {program}\" instead of evaluator";
                Err(bad("protocol", "`command` needs the setting `command`", hint))
            }
            _ => Ok(()),
        }
    }

    fn check_command(&self) -> Result<(), Invalid> {
        let Some(command) = &self.command else { return Ok(()) };
        if !matches!(self.protocol, None | Some(Protocol::Command)) {
            return Err(bad("protocol", "is that of an evaluator, not of a command", "leave it out"));
        }
        let words = words(command)?;
        if words.is_empty() {
            return Err(bad("command", "is empty", "write it, such as ./score {program}"));
        }
        if !["{program}", "{folder}"].iter().any(|place| command.contains(place)) {
            let hint = "write {program} where the candidate's path belongs, or {folder} for its folder's";
            return Err(bad("command", "never names the candidate", hint));
        }
        if let Some(key) = [("arguments", !self.arguments.is_empty()), ("recheck", self.recheck.is_some())]
            .iter()
            .find_map(|(key, set)| set.then_some(*key))
        {
            return Err(bad(key, "means nothing to a command", "write arguments into the command itself"));
        }
        Ok(())
    }

    /// What is about the evaluator's process, or what is called in it, would have no effect on a function.
    fn check_function(&self) -> Result<(), Invalid> {
        let Some(function) = &self.function else { return Ok(()) };
        if function.trim().is_empty() {
            return Err(bad("function", "is empty", "leave it out, or call samara.evolve"));
        }
        let plain = Self::default();
        let of_a_process = [
            ("command", self.command.is_some()),
            ("protocol", self.protocol.is_some()),
            ("arguments", !self.arguments.is_empty()),
            ("python", self.python.is_some()),
            ("cpu_s", self.cpu_s.is_some()),
            ("memory_mb", self.memory_mb != plain.memory_mb),
            ("processes", self.processes != plain.processes),
            ("scratch_mb", self.scratch_mb != plain.scratch_mb),
            ("recheck", self.recheck.is_some()),
            ("network", self.network),
            ("mounts", !self.mounts.is_empty()),
            ("variables", !self.variables.is_empty()),
            ("devices", !self.devices.is_empty()),
            ("hidden", self.hidden),
        ];
        match of_a_process.iter().find(|(_, set)| *set) {
            Some((key, _)) => Err(bad(
                key,
                "means nothing to a function of Python",
                "leave it out, or isolate the function in the sandbox: @samara.evaluator(isolate=\"sandbox\")",
            )),
            None => Ok(()),
        }
    }

    fn check_hidden(&self, language: &str) -> Result<(), Invalid> {
        let calls = self.command.is_none() && self.protocol != Some(Protocol::Shinka);
        if !calls {
            let hint = "use an evaluator with evaluate(candidate), or set hidden = false";
            return Err(bad("hidden", "needs an evaluator that calls the candidate", hint));
        }
        if language != "python" {
            let what = format!("is for programs in Python, and this one is in {language}");
            return Err(bad("hidden", &what, "set it to false"));
        }
        Ok(())
    }

    /// The limits of a stage.
    pub fn limits(&self) -> EvaluationLimits {
        let cpu = self.cpu_s.unwrap_or(self.timeout_s * CPU_PER_WALL);
        EvaluationLimits {
            wall: Duration::from_secs_f64(self.timeout_s),
            cpu: Duration::from_secs_f64(cpu),
            memory: self.memory_mb << 20,
            processes: self.processes,
            output: self.output_kb << 10,
            scratch_bytes: self.scratch_mb << 20,
            ..EvaluationLimits::default()
        }
    }
}

/// An error about a key of the section.
pub(super) fn bad(key: &str, what: &str, hint: &str) -> Invalid {
    Invalid::new(format!("environment.evaluation.{key}"), what, hint)
}

/// A command's words: parted by blanks; quotes keep blanks, a backslash outside single quotes keeps the next
/// character.
///
/// # Errors
/// A quote that is not closed.
pub(super) fn words(command: &str) -> Result<Vec<String>, Invalid> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let kept = characters.next();
                word.get_or_insert_default().extend(kept);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(bad("command", &format!("has a quote {open} that is not closed"), "close it"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(toml: &str, language: &str) -> (String, String) {
        let table = toml.parse::<toml::Table>().expect("TOML");
        let read = samara_search::schema::read::<EvaluationSettings>(&table, "environment.evaluation");
        let error = read.and_then(|settings| settings.validate(language)).expect_err("must be refused");
        (error.key.trim_start_matches("environment.evaluation.").to_owned(), error.what)
    }

    #[test]
    fn settings_that_can_not_be_used_are_refused_by_their_keys() {
        for (toml, key) in [
            ("", "evaluator"),
            ("evaluator = ' '", "evaluator"),
            ("evaluator = 'e.py'\ncommand = './s {program}'", "command"),
            ("evaluator = 'e.py'\nprotocol = 'command'", "protocol"),
            ("command = './s {program}'\nprotocol = 'shinka'", "protocol"),
            ("command = ' '", "command"),
            ("command = './s'", "command"),
            ("command = \"./s '{program}\"", "command"),
            ("command = './s {program}'\narguments = { k = 1 }", "arguments"),
            ("command = './s {program}'\nrecheck = 'f'", "recheck"),
            ("command = './s {program}'\nhidden = true", "hidden"),
            ("evaluator = 'e.py'\nprotocol = 'shinka'\nhidden = true", "hidden"),
            ("function = 'f'", "evaluator"),
            ("evaluator = 'e.py'\nfunction = ' '", "function"),
            ("evaluator = 'e.py'\nfunction = 'f'\nhidden = true", "hidden"),
            ("evaluator = 'e.py'\nfunction = 'f'\nmemory_mb = 64", "memory_mb"),
            ("evaluator = 'e.py'\ndevices = ['nvidia0']", "devices"),
            ("evaluator = 'e.py'\nvariables = ['A=1']", "variables"),
            ("evaluator = 'e.py'\nthresholds = []", "thresholds"),
            ("evaluator = 'e.py'\nthresholds = [1, 2, 3, 4]", "thresholds"),
            ("evaluator = 'e.py'\ntimeout_s = 0.0", "timeout_s"),
            ("evaluator = 'e.py'\nmemory_mb = 1", "memory_mb"),
            ("evaluator = 'e.py'\nslots = 0", "slots"),
            ("evaluator = 'e.py'\nrepeats = 0", "repeats"),
        ] {
            assert_eq!(refused(toml, "python").0, key, "{toml}");
        }
        assert_eq!(refused("evaluator = 'e.py'\nhidden = true", "rust").0, "hidden");
    }

    #[test]
    fn a_command_is_parted_as_a_shell_would() {
        for (command, parted) in [
            ("./score {program}", vec!["./score", "{program}"]),
            ("  a  'b c'd \"e \\\" f\" ", vec!["a", "b cd", "e \" f"]),
            ("sh -c 'x \\y' ''", vec!["sh", "-c", "x \\y", ""]),
            ("a\\ b", vec!["a b"]),
            ("", vec![]),
        ] {
            assert_eq!(words(command).expect("words"), parted, "{command}");
        }
        assert!(words("a \"b").is_err());
    }

    #[test]
    fn limits_are_those_of_the_section() {
        let table = "timeout_s = 2.5\nmemory_mb = 64\noutput_kb = 2\nscratch_mb = 3\nprocesses = 7";
        let settings: EvaluationSettings = toml::from_str(table).expect("settings");
        let limits = settings.limits();
        assert_eq!(limits.wall, Duration::from_millis(2500));
        assert_eq!(limits.cpu, Duration::from_secs(640));
        assert_eq!((limits.memory, limits.output), (64 << 20, 2 << 10));
        assert_eq!((limits.scratch_bytes, limits.processes), (3 << 20, 7));
        let cpu = EvaluationSettings { cpu_s: Some(1.0), ..settings };
        assert_eq!(cpu.limits().cpu, Duration::from_secs(1));
    }
}
