//! How model strings of most providers are read: `PROVIDER:NAME`, `PROVIDER:URL` and `PROVIDER:URL#NAME`.

use crate::{provider_name::ProviderName, settings::ModelSettings};

/// The default settings of a provider.
pub(crate) fn of(provider: ProviderName) -> ModelSettings {
    ModelSettings { provider, ..ModelSettings::default() }
}

/// A name, an address, or both.
pub(crate) fn server(provider: ProviderName, rest: &str) -> Option<ModelSettings> {
    if rest.starts_with('#') {
        return None;
    }
    if rest.starts_with("http://") || rest.starts_with("https://") {
        return Some(with_address(of(provider), rest));
    }
    Some(ModelSettings { model: filled(rest), ..of(provider) })
}

/// A server at an address that may name its model after `#`.
pub(crate) fn with_address(settings: ModelSettings, text: &str) -> ModelSettings {
    let (url, name) = text.split_once('#').unwrap_or((text, ""));
    ModelSettings { base_url: Some(url.to_owned()), model: filled(name), ..settings }
}

/// A text that is not empty.
pub(crate) fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
