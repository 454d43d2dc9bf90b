//! Models that workers have: which ones are meant, and who says first that it has them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use samara_engine::workers::{Asking, Desk, Duty, Meant, Task};
use samara_lm::ModelSettings;
use tokio::sync::mpsc;

use super::{patience, settings::WorkerSettings};
use crate::{
    config::Experiment,
    exit::{Failure, remark},
    models::{self, Elsewhere},
    trust,
};

/// How long a run waits for its first worker before that is told.
const WONDERING: Duration = Duration::from_secs(1);

/// The desk of questions before a run is recorded.
pub(super) struct Questions {
    pub(super) desk: Arc<Desk>,
    pub(super) news: mpsc::UnboundedReceiver<String>,
    meant: Vec<(String, ModelSettings)>,
}

impl Questions {
    /// The desk of an experiment's models. It is of this session: the run may have no id yet.
    ///
    /// # Errors
    /// An experiment that asks no model.
    pub(super) fn new(experiment: &Experiment, settings: &WorkerSettings) -> Result<Self, Failure> {
        let meant = models::meant(&experiment.models, experiment.environment.as_ref());
        if meant.is_empty() {
            return Err(Failure::usage(
                "workers.write = \"remote\": this experiment asks no model\nhint: leave it out",
            ));
        }
        let task = Task {
            samara: env!("CARGO_PKG_VERSION").to_owned(),
            duty: Duty::Ask { models: meant.iter().map(|(role, model)| Meant::new(role, model)).collect() },
            files: Vec::new(),
            labels: settings.labels.clone(),
        };
        let (desk, news) = Desk::new(trust::new_id()?, task, BTreeMap::new(), patience(settings));
        let meant = meant.into_iter().map(|(role, model)| (role, model.clone())).collect();
        Ok(Self { desk, news, meant })
    }

    /// Waits for a worker that has the models, and says so if that takes a while.
    pub(super) async fn met(&mut self, quiet: bool) -> Elsewhere {
        let carrier = Asking::new(Arc::clone(&self.desk));
        let mut met = std::pin::pin!(carrier.introductions());
        let mut wondering = std::pin::pin!(tokio::time::sleep(WONDERING));
        let mut told = quiet;
        let introductions = loop {
            tokio::select! {
                introductions = &mut met => break introductions,
                Some(line) = self.news.recv() => if !quiet { remark(&line) },
                () = &mut wondering, if !told => {
                    told = true;
                    remark(&format!("waiting for a worker that has {}", self.named()));
                }
            }
        };
        let meant = self.meant.iter().map(|(_, model)| model.clone()).collect();
        Elsewhere { meant, introductions, carrier: Arc::<Asking>::clone(&carrier) }
    }

    /// The models for people, as their roles name them.
    fn named(&self) -> String {
        let named = |(role, model): &(String, ModelSettings)| format!("{role} ({})", model.named());
        self.meant.iter().map(named).collect::<Vec<_>>().join(", ")
    }
}
