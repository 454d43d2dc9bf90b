//! What a loop was asked for, kept in its folder: the same command goes on with it, another one is refused.

use std::path::Path;

use samara_lm::ProviderName;
use samara_seedling::files;
use serde::{Deserialize, Serialize};

use crate::{
    args,
    checkpoints::{broken, write},
    config::{self, Experiment},
    exit::Failure,
};

/// The file.
const PLAN: &str = "plan.json";
/// Bytes that it may have.
const MOST: u64 = 1 << 24;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The experiment's name.
    pub experiment: String,
    /// How often is evolved. May grow.
    pub rounds: u64,
    /// Candidates of a round.
    pub evaluations: u64,
    /// The seed of the runs.
    pub seed: u64,
    /// Changes of the experiment's settings.
    pub set: Vec<String>,
    /// The model that every finetuning begins with; `None` for that of the environment.
    pub from: Option<String>,
    /// All settings of the runs, but for how long they are.
    settings: String,
    /// How is finetuned.
    tuning: String,
}

impl Plan {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Settings that can't be used, or a generator that can't be finetuned.
    pub(super) fn new(args: &args::Loop) -> Result<Self, Failure> {
        let mut set = args.set.clone();
        set.extend(args.seed.map(|seed| format!("search.seed={seed}")));
        let experiment = config::load(&args.experiment, &set)?;
        let evaluations = args.evaluations.unwrap_or(experiment.search.total_steps);
        // Checked as it will be run.
        let first = [&set[..], &[format!("search.total_steps={evaluations}")]].concat();
        let settings = config::load(&args.experiment, &first)?.resolved;
        Ok(Self {
            experiment: experiment.naming.name.clone(),
            rounds: args.rounds,
            evaluations,
            seed: experiment.search.seed,
            from: Some(generator(&experiment)?),
            set,
            settings,
            tuning: format!("{:?}", args.tuning),
        })
    }

    /// Keeps it, and refuses a folder of another one.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder).map_err(|error| broken(folder, "made", &error))?;
        let path = folder.join(PLAN);
        if path.exists() {
            let text = files::read_text(&path, MOST).map_err(|error| broken(&path, "read", &error))?;
            let kept: Self = serde_json::from_str(&text)
                .map_err(|error| Failure::internal(format!("{}: {error}", path.display())))?;
            if let Some(what) = self.differs(&kept) {
                return Err(Failure::usage(format!(
                    "{} holds a loop with other {what}\nhint: choose another -o, or what it was begun with",
                    folder.display()
                )));
            }
        }
        write(&path, &serde_json::to_string_pretty(self).map_err(Failure::internal)?)
    }

    /// What of it is not that of another one, which can't be gone on with then.
    fn differs(&self, kept: &Self) -> Option<&'static str> {
        if self.evaluations != kept.evaluations {
            return Some("--evaluations");
        }
        if self.rounds < kept.rounds {
            return Some("--rounds (there may be more, not fewer)");
        }
        if self.settings != kept.settings || self.from != kept.from {
            return Some("settings of the experiment");
        }
        (self.tuning != kept.tuning).then_some("settings of the finetuning")
    }
}

/// The generator, as `--from` names it.
fn generator(experiment: &Experiment) -> Result<String, Failure> {
    let members = experiment.models.generator.as_ref().map_or(&[][..], |generator| &generator.members[..]);
    let [member] = members else {
        return Err(Failure::usage(format!(
            "`{}` has {} generators\nhint: a loop finetunes one: set models.generator = \"embedded#walkers\" or another \
             embedded model",
            experiment.naming.name,
            members.len()
        )));
    };
    let model = &member.model;
    if model.provider != ProviderName::Embedded {
        return Err(Failure::usage(
            "`models.generator`: only samara's own small models can be finetuned\nhint: set models.generator = \
             \"embedded\" or \"embedded#walkers\"; `samara export RUN --as sft` writes samples to train others elsewhere",
        ));
    }
    Ok(match (&model.folder, &model.model) {
        (Some(folder), _) => format!("embedded:{}", folder.display()),
        (None, Some(name)) => format!("embedded#{name}"),
        (None, None) => "embedded".to_owned(),
    })
}
