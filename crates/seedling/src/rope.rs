//! Rotary positions that are stretched beyond the context a model was first trained with.
//!
//! The frequencies of the rotation are Su et al. 2021 ("RoFormer"), section 3.2; how they are changed is what Hugging
//! Face's `rope_scaling` says, in transformers 5 `rope_parameters`.

use std::f64::consts::TAU;

use serde_json::{Value, json};

/// How frequencies are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All divided by a factor (Chen et al. 2023, "Extending context window of large language models via positional
    /// interpolation").
    Linear {
        /// At least 1.
        factor: f64,
    },
    /// Llama 3.1's: slow ones divided, fast ones kept, those between in proportion.
    Llama3 {
        /// At least 1.
        factor: f64,
        /// A frequency that turns fewer times than this within the first context is divided.
        low: f64,
        /// One that turns more often than this is kept. Above `low`.
        high: f64,
        /// The first context, in tokens.
        original: f64,
    },
}

/// What is wrong, and a hint.
type Refusal = (String, &'static str);

impl RopeScaling {
    /// Reads the object of a `config.json`; other fields are ignored.
    ///
    /// # Errors
    /// A kind that isn't supported, or numbers that make no sense.
    pub(crate) fn read(scaling: &Value) -> Result<Self, Refusal> {
        let kind = scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str);
        let number = |name: &str, least: f64| {
            let value = scaling.get(name).and_then(Value::as_f64).filter(|value| *value >= least);
            value.filter(|value| value.is_finite()).ok_or_else(|| {
                let what = format!("{name} of the rotary positions' scaling is missing or below {least}");
                (what, "download config.json from the model's publisher again")
            })
        };
        match kind {
            Some("default") => Ok(Self::None),
            None if scaling.get("rope_theta").is_some() => Ok(Self::None),
            Some("linear") => Ok(Self::Linear { factor: number("factor", 1.0)? }),
            Some("llama3") => {
                let low = number("low_freq_factor", f64::MIN_POSITIVE)?;
                let high = number("high_freq_factor", low)?;
                if high <= low {
                    let what = format!("high_freq_factor ({high}) is not above low_freq_factor ({low})");
                    return Err((what, "download config.json from the model's publisher again"));
                }
                let (factor, original) =
                    (number("factor", 1.0)?, number("original_max_position_embeddings", 1.0)?);
                Ok(Self::Llama3 { factor, low, high, original })
            }
            _ => Err((
                format!("the scaling {scaling} of rotary positions is not supported"),
                "linear and llama3 are; of a yarn model texts within the first context can be had by setting it to null",
            )),
        }
    }

    /// As [`Self::read`] reads it.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            Self::Llama3 { factor, low, high, original } => json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }),
        }
    }

    /// The angle at a position, in radians, of the pair that turns by `1 / period` at each.
    pub(crate) fn angle(self, position: usize, period: f64) -> f64 {
        let position = position as f64;
        match self {
            Self::None => position / period,
            Self::Linear { factor } => position / (period * factor),
            Self::Llama3 { factor, low, high, original } => {
                let turns = original / (TAU * period);
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                position / period * (kept + (1.0 - kept) / factor)
            }
        }
    }
}
