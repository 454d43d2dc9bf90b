//! Servers that are asked in JSON over HTTP: a protocol (pure, of `providers/`) over one transport.

use serde_json::{Map, Value as Json};

use super::transport::Transport;
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    operation::{Answer, Operation},
    providers::facts::Protocol,
    providers::json,
    settings::ModelSettings,
};

/// A server.
#[derive(Debug)]
pub(crate) struct Http {
    transport: Transport,
    protocol: &'static Protocol,
    extra: Map<String, Json>,
}

impl Http {
    pub(crate) fn new(settings: &ModelSettings, protocol: &'static Protocol) -> Result<Self, LmError> {
        Ok(Self { transport: Transport::new(settings)?, protocol, extra: extra(settings)? })
    }

    pub(crate) fn address(&self) -> &str {
        self.transport.base()
    }

    pub(crate) async fn attempt(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let mut replies = Vec::new();
        while let Some(call) = self.protocol.encode(operation, replies.len())? {
            let body = call.body.map(|body| with_extra(body, &self.extra).to_string().into_bytes());
            replies.push(json::parse(&self.transport.exchange(call.path, body).await?)?);
        }
        self.protocol.decode(operation, &replies)
    }
}

/// The extra fields of the settings.
pub(crate) fn extra(settings: &ModelSettings) -> Result<Map<String, Json>, LmError> {
    match serde_json::to_value(&settings.extra) {
        Ok(Json::Object(fields)) => Ok(fields),
        _ => Err(LmError::new(ErrorKind::Configuration, "`extra` can't be written as JSON")),
    }
}

fn with_extra(mut body: Json, extra: &Map<String, Json>) -> Json {
    if let Some(fields) = body.as_object_mut() {
        json::merge(fields, extra);
        if extra.contains_key("max_completion_tokens") {
            // Newer models accept this name only, and refuse the old one next to it.
            fields.remove("max_tokens");
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn extra_fields_are_merged_into_nested_ones_and_replace_others() {
        let body = json!({"model": "m", "options": {"seed": 1, "num_predict": 8}, "max_tokens": 8});
        let extra = json!({"options": {"num_ctx": 4096, "seed": 2}, "max_completion_tokens": 9});
        let extra = extra.as_object().cloned().unwrap_or_default();
        let expected = json!({
            "model": "m", "options": {"seed": 2, "num_predict": 8, "num_ctx": 4096}, "max_completion_tokens": 9
        });
        assert_eq!(with_extra(body, &extra), expected);
    }
}
