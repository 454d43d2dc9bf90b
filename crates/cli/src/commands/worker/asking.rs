//! The models of a worker: which ones it has, and how they are reached from its machine.

use std::{path::Path, sync::Arc};

use samara_engine::workers::{Duty, Equip, Equipped, Meant, Task};
use samara_lm::{ModelSettings, Respondent};
use toml::{Table, Value};

use crate::{exit::Failure, roles};

/// The models that a file names, in the order of their sections. Relative paths start at the file.
///
/// # Errors
/// It can't be read, or a section can't be used.
pub(super) fn models(path: &Path) -> Result<Vec<ModelSettings>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!(
            "--models {}: {why}\nhint: a section for each model, such as [models.mine] with provider = \"openai\" and \
             base_url = \"http://127.0.0.1:8000/v1\"",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table = text.parse::<Table>().map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    if let Some(other) = table.keys().find(|key| *key != "models") {
        return Err(wrong(format!("`{other}` says nothing of models")));
    }
    let Some(Value::Table(sections)) = table.get("models") else {
        return Err(wrong("it names no model".to_owned()));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let model =
        |(name, section): (&String, &Value)| Ok(roles::model(section, &format!("models.{name}"), folder)?);
    let models: Vec<ModelSettings> = sections.iter().map(model).collect::<Result<_, Failure>>()?;
    if models.is_empty() {
        return Err(wrong("it names no model".to_owned()));
    }
    Ok(models)
}

/// Opens the models that a run means, as this machine reaches them.
pub(super) struct Kit {
    pub(super) models: Vec<ModelSettings>,
}

impl Equip for Kit {
    fn equip(&self, task: &Task, _folder: &Path, _slots: u32) -> Result<Equipped, String> {
        let Duty::Ask { models } = &task.duty else {
            return Err("drafts are evaluated at this desk of the run".to_owned());
        };
        let opened = models.iter().map(|meant| self.open(meant));
        Ok(Equipped::Models(opened.collect::<Result<_, String>>()?))
    }
}

impl Kit {
    fn open(&self, meant: &Meant) -> Result<Arc<Respondent>, String> {
        let Meant { role, settings, .. } = meant;
        let reached = meant.reached(&self.models).ok_or_else(|| {
            format!(
                "it does not have the run's {role}, {}: --models FILE says which models it has",
                settings.named()
            )
        })?;
        let opened = Respondent::open(&reached).map_err(|error| format!("{role}: {error}"))?;
        Ok(Arc::new(opened))
    }
}
