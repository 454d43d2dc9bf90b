//! Opening and probing the models of an experiment.

use std::sync::Arc;

use samara_engine::{Environment, Models};
use samara_lm::{
    AnswerCache, Budget, Capabilities, LanguageModel, LmError, ModelSettings, Needs, open, open_with,
};

use crate::{exit::Failure, roles::Roles};

/// What all models of a session share.
pub(crate) struct Shared {
    /// What they may spend.
    pub budget: Arc<Budget>,
    /// The cache or the recording, if there is one.
    pub cache: Option<Arc<AnswerCache>>,
}

/// A role as errors and remarks name it, and what a probe found.
pub(crate) type Found = (String, Capabilities);

/// Opens the models that the environment needs and probes each for what is needed of it. Roles with the same settings
/// share one client, so that one server is asked through one limiter.
pub(crate) async fn start(
    roles: &Roles,
    environment: &dyn Environment,
    shared: &Shared,
) -> Result<(Models, Vec<Found>), Failure> {
    let needed = environment.roles();
    let mut opener = Opener { shared, opened: Vec::new(), found: Vec::new() };
    let mut models = Models::default();
    if let Some(generator) = roles.generator.as_ref().filter(|_| needed.generator) {
        let needs = Needs { complete: true, ..Needs::default() };
        for (position, member) in generator.members.iter().enumerate() {
            let name = match generator.ensemble {
                Some(_) => format!("generator.ensemble[{position}]"),
                None => "generator".to_owned(),
            };
            models.generator.push(opener.open(&name, &member.model, needs).await?);
        }
    }
    if let Some(settings) = roles.judge.as_ref().filter(|_| needed.judge || needed.answers) {
        let needs = Needs { score: needed.judge, complete: needed.answers, ..Needs::default() };
        models.judge = Some(opener.open("judge", settings, needs).await?);
    }
    if let Some(settings) = roles.embedder.as_ref().filter(|_| needed.embedder) {
        models.embedder =
            Some(opener.open("embedder", settings, Needs { embed: true, ..Needs::default() }).await?);
    }
    Ok((models, opener.found))
}

struct Opener<'a> {
    shared: &'a Shared,
    opened: Vec<(&'a ModelSettings, Arc<dyn LanguageModel>)>,
    found: Vec<Found>,
}

impl<'a> Opener<'a> {
    async fn open(
        &mut self,
        role: &str,
        settings: &'a ModelSettings,
        needs: Needs,
    ) -> Result<Arc<dyn LanguageModel>, Failure> {
        let same = self.opened.iter().find(|(other, _)| *other == settings);
        let model = match same.map(|(_, model)| Arc::clone(model)) {
            Some(model) => model,
            None => self.client(settings).map_err(|error| named(role, error))?,
        };
        self.found.push((role.to_owned(), model.probe(needs).await.map_err(|error| named(role, error))?));
        self.opened.push((settings, Arc::clone(&model)));
        Ok(model)
    }

    fn client(&self, settings: &ModelSettings) -> Result<Arc<dyn LanguageModel>, LmError> {
        let budget = Arc::clone(&self.shared.budget);
        match &self.shared.cache {
            Some(cache) => open_with(settings, budget, Arc::clone(cache)),
            None => open(settings, budget),
        }
    }
}

fn named(role: &str, error: LmError) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("models.{role}: {}", failure.message), ..failure }
}
