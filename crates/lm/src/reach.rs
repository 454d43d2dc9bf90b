//! Where a server is, and which key it gets: the settings', else the variables that its own tools read.

use crate::{reading::address, settings::ModelSettings};

impl ModelSettings {
    /// The variables that may hold the key, in their order.
    pub(crate) fn key_variables(&self) -> Vec<&str> {
        match &self.api_key_env {
            Some(name) => vec![name],
            None => self.provider.facts().keys.to_vec(),
        }
    }

    /// The server's address: the settings', its variable's, or the default. Empty for those without a server.
    ///
    /// An endpoint's address (`.../v1/chat/completions`) means its base.
    pub(crate) fn address(&self) -> String {
        let facts = self.provider.facts();
        let from_environment = || {
            let text = std::env::var(facts.base_variable?).ok()?;
            (!text.trim().is_empty()).then(|| (facts.read_address)(text.trim()))
        };
        let base = self.base_url.clone().or_else(from_environment);
        let base = base.as_deref().unwrap_or(facts.base_url);
        match address::read(base, facts.endpoints) {
            // What can't be read is shown as it was written: it is refused where it is used.
            Ok(address) if address.query.is_none() => address.base,
            _ => base.trim_end_matches('/').to_owned(),
        }
    }
}
