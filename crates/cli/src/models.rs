//! Opening and probing the models of an experiment.

use std::sync::Arc;

use samara_engine::{Environment, Models};
use samara_lm::{
    AnswerCache, Budget, Capabilities, Carrier, Introduction, LanguageModel, LmError, ModelSettings, Needs,
    ProviderName, open, open_elsewhere, open_with,
};

use crate::{
    exit::{Failure, remark},
    knowledge,
    roles::Roles,
    weights::{self, Weights},
};

/// What all models of a session share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What they may spend.
    pub budget: Arc<Budget>,
    /// The cache or the recording, if there is one.
    pub cache: Option<Arc<AnswerCache>>,
    /// What is looked at before they are asked.
    pub checks: Checks,
    /// Workers that have them, and what they say of them; else they are asked from here.
    pub elsewhere: Option<Elsewhere>,
}

/// Models that workers have.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    /// Which ones are meant: those of [`meant`].
    pub meant: Vec<ModelSettings>,
    /// What is said of them, in the same order.
    pub introductions: Vec<Introduction>,
    /// Who carries questions there.
    pub carrier: Arc<dyn Carrier>,
}

/// How models are looked at before they are asked: whether they know what they would be asked, and whether their weights
/// are those that a run was made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checks {
    /// A run goes on.
    pub goes_on: bool,
    /// What would be refused is a warning.
    pub anyway: bool,
    /// What models know was looked at, and told, before.
    pub looked: bool,
    /// A recording answers in the models' place.
    pub replays: bool,
    /// Changes of settings that the user gives to this session.
    pub set: Vec<String>,
    /// Warnings are not told.
    pub quiet: bool,
}

impl Checks {
    /// Refuses to use a model, unless the user wants to all the same.
    pub(crate) fn stop(&self, what: &str, hint: &str) -> Result<(), Failure> {
        if !self.anyway {
            return Err(Failure::usage(format!("{what}\nhint: {hint}")));
        }
        self.warn(what);
        Ok(())
    }

    /// Says what a person should know of a model.
    pub(crate) fn warn(&self, what: &str) {
        if !self.quiet {
            remark(&format!("warning: {what}"));
        }
    }
}

/// A role as errors and remarks name it, and what a probe found.
pub(crate) type Found = (String, Capabilities);

/// Models that are ready to be asked.
pub(crate) struct Ready {
    pub models: Models,
    pub found: Vec<Found>,
    /// The weights of those that have some here.
    pub weights: Vec<Weights>,
}

/// The models that an environment needs, with the first role of each: one for all roles with the same settings.
pub(crate) fn meant<'a>(roles: &'a Roles, environment: &dyn Environment) -> Vec<(String, &'a ModelSettings)> {
    let needed = environment.roles();
    let generator = roles.generator.as_ref().filter(|_| needed.generator);
    let members = generator.into_iter().flat_map(|generator| {
        let member = |(position, member): (usize, &'a crate::roles::Member)| {
            (generator.name_of(position), &member.model)
        };
        generator.members.iter().enumerate().map(member)
    });
    let judge = roles.judge.as_ref().filter(|_| needed.judge || needed.answers);
    let embedder = roles.embedder.as_ref().filter(|_| needed.embedder);
    let others = [("judge", judge), ("embedder", embedder)];
    let others = others.into_iter().filter_map(|(role, model)| Some((role.to_owned(), model?)));
    let mut meant: Vec<(String, &ModelSettings)> = Vec::new();
    for (role, model) in members.chain(others) {
        if !meant.iter().any(|(_, known)| are_of_one_model(known, model)) {
            meant.push((role, model));
        }
    }
    meant
}

/// Opens the models that the environment needs and probes each for what is needed of it. Roles with the same settings
/// share one client, so that one server is asked through one limiter.
pub(crate) async fn start(
    roles: &Roles,
    environment: &dyn Environment,
    shared: &Shared,
) -> Result<Ready, Failure> {
    let needed = environment.roles();
    let mut opener = Opener::new(shared);
    let mut models = Models::default();
    if let Some(generator) = roles.generator.as_ref().filter(|_| needed.generator) {
        let needs = Needs { complete: true, ..Needs::default() };
        for (position, member) in generator.members.iter().enumerate() {
            let name = generator.name_of(position);
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
    knowledge::check(&models, environment, &shared.checks).await?;
    let Opener { found, weights, .. } = opener;
    weights::check(&weights, &shared.checks)?;
    Ok(Ready { models, found, weights })
}

/// Asks the small models among these whether they know what an environment would ask them, before anything else is opened:
/// no server is reached, and nothing is fetched.
pub(crate) async fn look(
    roles: &Roles,
    environment: &dyn Environment,
    shared: &Shared,
) -> Result<(), Failure> {
    let needed = environment.roles();
    let is_here = |settings: &&ModelSettings| settings.provider == ProviderName::Embedded;
    let mut opener = Opener::new(shared);
    let mut models = Models::default();
    if let Some(generator) = roles.generator.as_ref().filter(|_| needed.generator) {
        for (position, member) in generator.members.iter().enumerate() {
            if let Some(settings) = Some(&member.model).filter(is_here) {
                models.generator.push(opener.model(&generator.name_of(position), settings)?.model);
            }
        }
    }
    if let Some(settings) = roles.judge.as_ref().filter(|_| needed.judge || needed.answers).filter(is_here) {
        models.judge = Some(opener.model("judge", settings)?.model);
    }
    knowledge::check(&models, environment, &shared.checks).await
}

struct Opener<'a> {
    shared: &'a Shared,
    opened: Vec<Opened<'a>>,
    found: Vec<Found>,
    weights: Vec<Weights>,
}

/// A model that roles with these settings share.
#[derive(Clone)]
struct Opened<'a> {
    settings: &'a ModelSettings,
    model: Arc<dyn LanguageModel>,
    /// The digest of its weights, if it has any here.
    weights: Option<String>,
}

impl<'a> Opener<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self { shared, opened: Vec::new(), found: Vec::new(), weights: Vec::new() }
    }

    async fn open(
        &mut self,
        role: &str,
        settings: &'a ModelSettings,
        needs: Needs,
    ) -> Result<Arc<dyn LanguageModel>, Failure> {
        let Opened { model, weights, .. } = self.model(role, settings)?;
        self.found.push((role.to_owned(), model.probe(needs).await.map_err(|error| named(role, error))?));
        self.weights.extend(weights.map(|now| Weights {
            // `generator.ensemble[0]` as `--set` has it.
            key: format!("models.{}", role.replace('[', ".").replace(']', "")),
            label: model.label().to_owned(),
            recorded: settings.digest.clone(),
            now,
        }));
        Ok(model)
    }

    /// The model of a role, which may be another role's, too.
    fn model(&mut self, role: &str, settings: &'a ModelSettings) -> Result<Opened<'a>, Failure> {
        match self.opened.iter().find(|other| are_of_one_model(other.settings, settings)) {
            Some(same) => Ok(same.clone()),
            None => self.new_model(settings).map_err(|error| named(role, error)),
        }
    }

    fn new_model(&mut self, settings: &'a ModelSettings) -> Result<Opened<'a>, LmError> {
        let model = self.client(settings)?;
        let weights = model.weights()?;
        let opened = Opened { settings, model, weights };
        self.opened.push(opened.clone());
        Ok(opened)
    }

    fn client(&self, settings: &ModelSettings) -> Result<Arc<dyn LanguageModel>, LmError> {
        let budget = Arc::clone(&self.shared.budget);
        if let Some(there) = &self.shared.elsewhere {
            return there.open(settings, budget, self.shared.cache.clone());
        }
        match &self.shared.cache {
            Some(cache) => open_with(settings, budget, Arc::clone(cache)),
            None => open(settings, budget),
        }
    }
}

impl Elsewhere {
    fn open(
        &self,
        settings: &ModelSettings,
        budget: Arc<Budget>,
        cache: Option<Arc<AnswerCache>>,
    ) -> Result<Arc<dyn LanguageModel>, LmError> {
        let mut known = self.meant.iter().zip(&self.introductions).zip(0..);
        let found = known.find(|((meant, _), _)| are_of_one_model(meant, settings));
        let ((_, introduction), model) = found.ok_or_else(|| LmError {
            kind: samara_lm::ErrorKind::Configuration,
            message: "no worker was told of this model".to_owned(),
            hint: None,
            attempts: 0,
        })?;
        let (introduction, carrier) = (introduction.clone(), Arc::clone(&self.carrier));
        open_elsewhere(settings, samara_lm::Elsewhere { model, introduction, carrier }, budget, cache)
    }
}

/// Whether settings differ in nothing but what a run has recorded of the weights.
fn are_of_one_model(one: &ModelSettings, other: &ModelSettings) -> bool {
    let plain = |settings: &ModelSettings| ModelSettings { digest: None, ..settings.clone() };
    plain(one) == plain(other)
}

fn named(role: &str, error: LmError) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("models.{role}: {}", failure.message), ..failure }
}
