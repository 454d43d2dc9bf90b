//! Models in GGUF files, which run inside samara as the embedded ones do (`embedded.rs`).

use std::path::Path;

use super::{
    embedded,
    facts::{Interfaces, Kind, Provider},
    strings,
};
use crate::{
    digest::digest_of_files,
    error::{InvalidSetting, LmError},
    hub::Name,
    provider_name::ProviderName,
    settings::ModelSettings,
    types::ScoreMethod,
};

/// A file, by its path or by its name on the hub.
pub(super) static PROVIDER: Provider = Provider {
    name: "gguf",
    forms: &["gguf:FILE.gguf", "gguf:ORG/NAME/FILE.gguf"],
    schemes: &["gguf"],
    read: |_, rest| {
        let settings = strings::of(ProviderName::Gguf);
        Some(if is_on_the_hub(rest) {
            ModelSettings { model: strings::filled(rest), ..settings }
        } else {
            ModelSettings { file: Some(strings::filled(rest)?.into()), ..settings }
        })
    },
    check,
    kind: Kind::Local(embedded::open, ScoreMethod::Embedded),
    own_settings: &["file", "threads", "digest"],
    interfaces: Interfaces::Either,
    digest: Some(digest),
    ..Provider::PLAIN
};

/// Whether a text means a file on the hub: it reads like one, and there is no such file here.
fn is_on_the_hub(text: &str) -> bool {
    let is_path = ["/", "./", "../", "~"].iter().any(|start| text.starts_with(start));
    !is_path && Name::parse(text).is_some_and(|name| name.is_file()) && !Path::new(text).exists()
}

fn check(settings: &ModelSettings) -> Result<(), InvalidSetting> {
    let hint =
        "write file = \"FILE.gguf\", or model = \"ORG/NAME/FILE.gguf\" for one on the Hugging Face hub";
    let problem = match (&settings.model, &settings.file) {
        (None, None) => "is missing for provider = \"gguf\"".to_owned(),
        (Some(_), Some(_)) => "and `file` name two models".to_owned(),
        (Some(model), None) if !Name::parse(model).is_some_and(|name| name.is_file()) => {
            format!("is not the name of a GGUF file on the Hugging Face hub: `{model}`")
        }
        _ => return Ok(()),
    };
    Err(InvalidSetting { key: "model", problem, hint })
}

fn digest(settings: &ModelSettings) -> Result<String, LmError> {
    settings
        .file
        .as_ref()
        .map_or_else(|| Ok(String::new()), |file| digest_of_files(std::slice::from_ref(file)))
}
