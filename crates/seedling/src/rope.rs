//! Rotary positions, and how they are stretched beyond the context a model was first trained with.
//!
//! The frequencies of the rotation are Su et al. 2021 ("RoFormer"), section 3.2; how they are changed is what Hugging
//! Face's `rope_scaling` says, in transformers 5 `rope_parameters`.

use std::f64::consts::TAU;

use serde_json::{Value, json};

use crate::{ModelConfig, kernel::Real};

/// How frequencies are changed.
#[derive(Debug, Clone, PartialEq)]
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
    /// YaRN (Peng et al. 2023, arXiv 2309.00071): slow ones divided, fast ones kept, those between on a ramp over the
    /// dimensions; and what is rotated is made longer.
    Yarn {
        /// At least 1.
        factor: f64,
        /// The ramp begins where a frequency turns this often within the first context. Default 32.
        fast: f64,
        /// It ends where one turns this often. Default 1.
        slow: f64,
        /// The first context, in tokens.
        original: f64,
        /// What is rotated is multiplied by it. Default 0.1 ln(factor) + 1.
        attention: f64,
        /// Whether the ramp begins and ends at whole dimensions. Default true.
        whole: bool,
    },
    /// Each divided by a factor of its own: LongRoPE (Ding et al. 2024, arXiv 2402.13753) of texts within the first
    /// context, and what llama.cpp's converter makes of the scaling of Llama 3.1.
    Factors {
        /// One for each pair of dimensions, above 0.
        factors: Vec<f64>,
        /// What is rotated is multiplied by it.
        attention: f64,
    },
}

/// What is wrong, and a hint.
pub(crate) type Refusal = (String, &'static str);

const AGAIN: &str = "download config.json from the model's publisher again";

/// A number of an object, at least `least`.
fn number(scaling: &Value, name: &str, least: f64) -> Result<f64, Refusal> {
    let value = scaling.get(name).and_then(Value::as_f64).filter(|value| *value >= least);
    value.filter(|value| value.is_finite()).ok_or_else(|| {
        (format!("{name} of the rotary positions' scaling is missing or below {least}"), AGAIN)
    })
}

/// A number that has a default.
fn number_or(scaling: &Value, name: &str, least: f64, default: f64) -> Result<f64, Refusal> {
    match scaling.get(name).filter(|value| !value.is_null()) {
        Some(_) => number(scaling, name, least),
        None => Ok(default),
    }
}

impl RopeScaling {
    /// Reads the object of a `config.json` of a model whose context is `context` tokens; other fields are ignored.
    ///
    /// # Errors
    /// A kind that isn't supported, or numbers that make no sense.
    pub(crate) fn read(scaling: &Value, context: usize) -> Result<Self, Refusal> {
        let kind = scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str);
        match kind {
            // A dynamic scaling sets in where the first context ends, and no text is longer than that here.
            Some("default" | "dynamic") => Ok(Self::None),
            None if scaling.get("rope_theta").is_some() => Ok(Self::None),
            Some("linear") => Ok(Self::Linear { factor: number(scaling, "factor", 1.0)? }),
            Some("llama3") => {
                let low = number(scaling, "low_freq_factor", f64::MIN_POSITIVE)?;
                let high = number(scaling, "high_freq_factor", low)?;
                if high <= low {
                    let what = format!("high_freq_factor ({high}) is not above low_freq_factor ({low})");
                    return Err((what, AGAIN));
                }
                let factor = number(scaling, "factor", 1.0)?;
                let original = number(scaling, "original_max_position_embeddings", 1.0)?;
                Ok(Self::Llama3 { factor, low, high, original })
            }
            Some("yarn") if scaling.get("short_factor").is_none() => Self::read_yarn(scaling, context),
            _ => Err((
                format!("the scaling {scaling} of rotary positions is not supported"),
                "linear, llama3, yarn, dynamic and (of phi3) longrope are",
            )),
        }
    }

    fn read_yarn(scaling: &Value, context: usize) -> Result<Self, Refusal> {
        let factor = number(scaling, "factor", 1.0)?;
        let original = number_or(scaling, "original_max_position_embeddings", 1.0, context as f64)?;
        let all = number_or(scaling, "mscale", 0.0, 0.0)?;
        let dims = number_or(scaling, "mscale_all_dim", 0.0, 0.0)?;
        let by_default = if all != 0.0 && dims != 0.0 {
            yarn_attention(factor, all) / yarn_attention(factor, dims)
        } else {
            yarn_attention(factor, 1.0)
        };
        Ok(Self::Yarn {
            factor,
            fast: number_or(scaling, "beta_fast", f64::MIN_POSITIVE, 32.0)?,
            slow: number_or(scaling, "beta_slow", f64::MIN_POSITIVE, 1.0)?,
            original,
            attention: number_or(scaling, "attention_factor", f64::MIN_POSITIVE, by_default)?,
            whole: scaling.get("truncate").and_then(Value::as_bool).unwrap_or(true),
        })
    }

    /// Reads Phi-3's object, of whose two lists the one for texts within the first context is taken: `original` tokens
    /// of the `context` in all.
    ///
    /// # Errors
    /// Factors that are missing or not above 0.
    pub(crate) fn read_longrope(scaling: &Value, original: usize, context: usize) -> Result<Self, Refusal> {
        let each = |factor: &Value| factor.as_f64().filter(|factor| *factor > 0.0);
        let list = scaling.get("short_factor").and_then(Value::as_array);
        let Some(factors) = list.and_then(|list| list.iter().map(each).collect::<Option<Vec<_>>>()) else {
            return Err(("short_factor is not a list of numbers above 0".to_owned(), AGAIN));
        };
        let by_default = longrope_attention(original, context);
        let attention = number_or(scaling, "attention_factor", f64::MIN_POSITIVE, by_default)?;
        Ok(Self::Factors { factors, attention })
    }

    /// As [`Self::read`] reads it, except for factors, which no model has that is written.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Linear { factor } => json!({"rope_type": "linear", "factor": factor}),
            Self::Llama3 { factor, low, high, original } => json!({
                "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }),
            Self::Yarn { factor, fast, slow, original, attention, whole } => json!({
                "rope_type": "yarn", "factor": factor, "beta_fast": fast, "beta_slow": slow, "truncate": whole,
                "original_max_position_embeddings": original, "attention_factor": attention,
            }),
            Self::Factors { factors, attention } => {
                json!({"rope_type": "longrope", "short_factor": factors, "attention_factor": attention})
            }
        }
    }

    /// The angle at a position, in radians, of pair `i` of a rotation of `dim` dimensions with base `theta`, which
    /// turns by `1 / period` at each position.
    fn angle(&self, position: usize, (i, dim): (usize, usize), theta: f64, period: f64) -> f64 {
        let position = position as f64;
        match self {
            Self::None => position / period,
            Self::Linear { factor } => position / (period * factor),
            Self::Llama3 { factor, low, high, original } => {
                let turns = original / (TAU * period);
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                position / period * (kept + (1.0 - kept) / factor)
            }
            Self::Yarn { factor, fast, slow, original, whole, .. } => {
                let dim = dim as f64;
                let place = |turns: f64| dim * libm::log(original / (turns * TAU)) / (2.0 * libm::log(theta));
                let (mut low, mut high) = (place(*fast), place(*slow));
                if *whole {
                    (low, high) = (low.floor(), high.ceil());
                }
                let (low, high) = (low.max(0.0), high.min(dim - 1.0));
                let kept = 1.0 - ((i as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
                position / period * (kept + (1.0 - kept) / factor)
            }
            Self::Factors { factors, .. } => position / (period * factors[i]),
        }
    }

    /// What is rotated is multiplied by it.
    fn attention(&self) -> f64 {
        match self {
            Self::Yarn { attention, .. } | Self::Factors { attention, .. } => *attention,
            _ => 1.0,
        }
    }
}

/// YaRN's factor of what is rotated, `times` as strong.
pub(crate) fn yarn_attention(factor: f64, times: f64) -> f64 {
    0.1 * times * libm::log(factor) + 1.0
}

/// LongRoPE's factor of what is rotated.
pub(crate) fn longrope_attention(original: usize, context: usize) -> f64 {
    let (original, context) = (original as f64, context as f64);
    if context <= original {
        return 1.0;
    }
    (1.0 + libm::log(context / original) / libm::log(original)).sqrt()
}

/// Cosines and sines of rotary positions, halves of a head rotated against each other (Hugging Face's order).
#[derive(Debug, Clone)]
pub struct Rotary<T> {
    cosines: Vec<T>,
    sines: Vec<T>,
    half: usize,
}

impl<T: Real> Rotary<T> {
    /// The table for positions below `positions`.
    pub fn new(config: &ModelConfig, positions: usize) -> Self {
        Self::table(config.rope_theta, config.head_dim, &config.rope_scaling, positions)
    }

    /// The table of a rotation of the first `dim` dimensions of a head, with base `theta`.
    pub(crate) fn table(theta: f64, dim: usize, scaling: &RopeScaling, positions: usize) -> Self {
        let half = dim / 2;
        let longer = scaling.attention();
        let (mut cosines, mut sines) = (Vec::new(), Vec::new());
        for position in 0..positions {
            for i in 0..half {
                let period = libm::pow(theta, 2.0 * i as f64 / dim as f64);
                let angle = scaling.angle(position, (i, dim), theta, period);
                cosines.push(T::from_f64(libm::cos(angle) * longer));
                sines.push(T::from_f64(libm::sin(angle) * longer));
            }
        }
        Self { cosines, sines, half }
    }

    /// Rotates the dimensions of a head that the table is for; `direction` 1 is forward, -1 back.
    pub fn turn(&self, head: &mut [T], position: usize, direction: T) {
        let at = position * self.half..(position + 1) * self.half;
        let (low, high) = head.split_at_mut(self.half);
        for (((a, b), cos), sin) in
            low.iter_mut().zip(high).zip(&self.cosines[at.clone()]).zip(&self.sines[at])
        {
            let sin = *sin * direction;
            (*a, *b) = (*a * *cos - *b * sin, *b * *cos + *a * sin);
        }
    }
}
