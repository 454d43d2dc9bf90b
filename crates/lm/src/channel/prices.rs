//! What tokens cost, and what an operation used.

use std::time::Duration;

use crate::{
    operation::{Answer, Operation, Value, estimate},
    settings::ModelSettings,
    types::Usage,
};

/// Money per million tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    pub tokens_in: f64,
    pub tokens_out: f64,
}

impl Prices {
    pub(crate) fn of(settings: &ModelSettings) -> Self {
        Self { tokens_in: settings.price_in, tokens_out: settings.price_out }
    }

    /// What tokens cost.
    pub(crate) fn price(&self, tokens_in: u64, tokens_out: u64) -> f64 {
        (tokens_in as f64 * self.tokens_in + tokens_out as f64 * self.tokens_out) / 1e6
    }

    /// What an operation took.
    pub(crate) fn usage(
        &self,
        operation: &Operation<'_>,
        answer: &Answer,
        attempts: u32,
        latency: Duration,
    ) -> Usage {
        let (tokens_in, _) = operation.estimate();
        let written = match &answer.value {
            Value::Text(text, _) if !text.is_empty() => estimate(text),
            Value::Texts(texts) => texts.iter().map(|text| estimate(text)).sum(),
            _ => 0,
        };
        let (tokens_in, tokens_out) = answer.tokens.unwrap_or((tokens_in, written));
        let price = self.price(tokens_in, tokens_out);
        Usage {
            tokens_in,
            tokens_out,
            cost: price,
            price,
            attempts,
            latency_ms: latency.as_secs_f64() * 1e3,
            estimated: answer.tokens.is_none(),
        }
    }
}
