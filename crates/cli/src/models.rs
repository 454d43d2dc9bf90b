//! Opening and probing the models of an experiment.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{Environment, Models};
use samara_lm::{Budget, Capabilities, LanguageModel, LmError, ModelSettings, Needs, open};

use crate::exit::Failure;

/// Opens the models that the environment needs and probes each for what is needed of it. Roles with the same settings
/// share one client, so that one server is asked through one gate.
pub(crate) async fn start(
    settings: &BTreeMap<String, ModelSettings>,
    environment: &dyn Environment,
    budget: &Arc<Budget>,
) -> Result<(Models, Vec<(&'static str, Capabilities)>), Failure> {
    let roles = environment.roles();
    let wanted = [
        ("generator", roles.generator, Needs { complete: true, ..Needs::default() }),
        ("judge", roles.judge, Needs { score: true, ..Needs::default() }),
        ("embedder", roles.embedder, Needs { embed: true, ..Needs::default() }),
    ];
    let mut opened: Vec<(&ModelSettings, Arc<dyn LanguageModel>)> = Vec::new();
    let mut models = Models::default();
    let mut found = Vec::new();
    for (role, _, needs) in wanted.into_iter().filter(|(_, needed, _)| *needed) {
        let Some(settings) = settings.get(role) else { continue };
        let shared = opened.iter().find(|(other, _)| *other == settings).map(|(_, model)| Arc::clone(model));
        let model = match shared {
            Some(model) => model,
            None => open(settings, Arc::clone(budget)).map_err(|error| named(role, error))?,
        };
        found.push((role, model.probe(needs).await.map_err(|error| named(role, error))?));
        opened.push((settings, Arc::clone(&model)));
        match role {
            "generator" => models.generator = Some(model),
            "judge" => models.judge = Some(model),
            _ => models.embedder = Some(model),
        }
    }
    Ok((models, found))
}

fn named(role: &str, error: LmError) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("models.{role}: {}", failure.message), ..failure }
}
