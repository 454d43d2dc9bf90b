//! What a reinforcement learning was asked for, and the folder that keeps it.
//!
//! `rl.json` is what was asked for, `run.db` every sample, `sft/` the first step's samples and model, `offline.json` what the
//! runs' programs came to, `checkpoint/` is resumable, `model/` the finished model, `curves.csv` a row an iteration,
//! `curves.svg` their picture, `report.json` how it ended.

use std::path::{Path, PathBuf};

use samara_environments::sodarace;
use samara_journal::Reader;
use samara_seedling::files;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use toml::{Table, Value};

use super::conditions::Condition;
use crate::{
    args::{RlLearn, RlLearning},
    checkpoints::{self, broken, write},
    config::{self, Experiment},
    exit::{self, Failure, quoted},
};

/// Bytes that a file of ours may have.
const MOST: u64 = 1 << 28;
/// The section of a run's settings that says what its samples are of.
const SECTION: &str = "rl";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub runs: Vec<PathBuf>,
    /// The model that is begun with; `None` for the embedded one of what the runs evolve.
    pub from: Option<String>,
    pub learning: RlLearning,
    pub conditions: Vec<Condition>,
}

impl Settings {
    /// As the arguments have it.
    ///
    /// # Errors
    /// No condition, or one that is none; runs that are not there.
    pub(super) fn of(args: &RlLearn) -> Result<Self, Failure> {
        let terrains = args.terrains.iter().map(|name| Ok(Condition::terrain(name)));
        let others = args.conditions.iter().map(|text| Condition::parse(text));
        let conditions: Vec<Condition> = terrains.chain(others).collect::<Result<_, Failure>>()?;
        if conditions.is_empty() {
            return Err(Failure::usage(
                "a writer needs conditions to write for\nhint: name terrains, such as --terrain left_wall --terrain \
                 right_wall --terrain tunnel",
            ));
        }
        // By their whole paths: it may be gone on with from anywhere.
        let whole = |run: &PathBuf| {
            let hint = "name the folder of a run, such as runs/sodarace-1";
            run.canonicalize()
                .map_err(|error| Failure::usage(format!("{}: {error}\nhint: {hint}", run.display())))
        };
        let runs = args.runs.iter().map(whole).collect::<Result<_, _>>()?;
        Ok(Self { runs, from: args.from.clone(), learning: args.learning.clone(), conditions })
    }

    /// The settings of the first run.
    ///
    /// # Errors
    /// A run that can't be read, or that evolved something else than walkers.
    pub(super) fn base(&self) -> Result<(Table, String), Failure> {
        let first = self.runs.first().ok_or_else(|| Failure::usage("there is no run to learn from"))?;
        let reader = Reader::open(first)?;
        refuse_others(&reader.header().environment)?;
        let mut table = config::stored(&reader.header().config, first, &[])?;
        // What a search begins with: there is no search here.
        if let Some(section) = table.get_mut("environment").and_then(Value::as_table_mut) {
            section.remove("seeds");
        }
        Ok((table, first.display().to_string()))
    }

    /// Samples of an iteration.
    pub(super) fn batch(&self) -> usize {
        self.conditions.len() * self.learning.group as usize
    }

    /// The run that records every sample: an island for each condition, nothing varied, nothing exchanged.
    ///
    /// # Errors
    /// Settings that can't be used together.
    pub(super) fn experiment(&self, (base, file): (&Table, &str)) -> Result<Experiment, Failure> {
        let mut table = base.clone();
        let named = Table::from_iter([
            ("name".to_owned(), Value::String("rl".to_owned())),
            ("environment".to_owned(), base["experiment"]["environment"].clone()),
        ]);
        table.insert("experiment".to_owned(), Value::Table(named));
        let cells = ["algorithm", "cvt", "depth", "qd_offset"];
        let own = base.get("search").and_then(Value::as_table).cloned().unwrap_or_default();
        table.insert(
            "search".to_owned(),
            Value::Table(own.into_iter().filter(|(key, _)| cells.contains(&&**key)).collect()),
        );
        let terrains: Vec<&Value> =
            self.conditions.iter().filter_map(|one| one.settings.get("terrain")).collect();
        if let Some(section) = table.get_mut("environment").and_then(Value::as_table_mut)
            && let [terrain, ..] = terrains[..]
        {
            section.insert("terrain".to_owned(), terrain.clone());
        }
        table.insert(SECTION.to_owned(), Value::Table(self.section()?));
        let samples = self.learning.iterations.max(1) * self.batch() as u64;
        let set = [
            format!("search.total_steps={samples}"),
            format!("search.init_steps={samples}"),
            format!("search.window={}", self.batch()),
            format!("search.concurrency={}", self.batch()),
            format!("search.islands.count={}", self.conditions.len()),
            "search.islands.migrants=0".to_owned(),
            format!("search.seed={}", self.learning.seed),
            "search.strategy=random_search".to_owned(),
        ];
        config::of_table(table, (file, Path::new(".")), &set)
    }

    fn section(&self) -> Result<Table, Failure> {
        Table::try_from(self).map_err(|error| Failure::internal(format!("settings as TOML: {error}")))
    }
}

/// What a policy can be rewarded for today.
fn refuse_others(environment: &str) -> Result<(), Failure> {
    if environment == sodarace::NAME {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`samara rl` learns to write walkers, and the runs are of `{environment}`\nhint: evolve `sodarace` first; for other \
         models and subjects `samara export RUN --as grpo` writes prompts for a trainer (docs/guides/train-elsewhere.md)"
    )))
}

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The finished model.
    pub(super) fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// The first step's model.
    pub(super) fn first(&self) -> PathBuf {
        self.path.join("sft").join("model")
    }

    /// The first step's samples.
    pub(super) fn lessons(&self) -> PathBuf {
        self.path.join("sft").join("train.jsonl")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the folder of a new learning.
    ///
    /// # Errors
    /// There is one already.
    pub(super) fn begin(&self, settings: &Settings) -> Result<(), Failure> {
        if self.file("rl.json").exists() || self.file("run.db").exists() {
            return Err(Failure::usage(format!(
                "{} holds a run already\nhint: `{}` goes on with it; choose another -o for a new one",
                self.path.display(),
                self.resume()
            )));
        }
        let sft = self.path.join("sft");
        std::fs::create_dir_all(&sft).map_err(|error| broken(&sft, "made", &error))?;
        self.write("rl.json", settings)
    }

    /// The command that goes on.
    pub(super) fn resume(&self) -> String {
        format!("samara rl --resume -o {}", quoted(&self.path.display().to_string()))
    }

    pub(super) fn write(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        write(&self.file(name), &(exit::json(value) + "\n"))
    }

    /// Reads a file that was written by [`Folder::write`].
    ///
    /// # Errors
    /// It is not there, or not what it should be.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let path = self.file(name);
        let text = files::read_text(&path, MOST).map_err(|error| {
            Failure::usage(format!(
                "{}: {error}\nhint: is this the folder of `samara rl`? `samara rl RUN... --terrain NAME -o {}` makes one",
                path.display(),
                quoted(&self.path.display().to_string())
            ))
        })?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("{}: {error}\nhint: begin anew", path.display())))
    }

    /// The checkpoint, if there is one.
    ///
    /// # Errors
    /// A disk that does not do what it should.
    pub(super) fn checkpoint(&self) -> Result<Option<PathBuf>, Failure> {
        checkpoints::latest(&self.path)
    }
}
