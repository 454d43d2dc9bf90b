//! Where in the archive a puzzle's program belongs: by what its text looks like, or by an embedding of it.

use samara_engine::{Abort, Context, Roles};
use samara_qd::Stream;
use samara_search::{AxisSettings, Invalid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::program::features::Feature;

/// What the measures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Descriptors {
    /// Features of the program's tokens, named by the axes: `tokens`, `branches`, `depth`, `calls`, `literals`.
    #[default]
    Features,
    /// The embedder's vector, projected to as many numbers as there are axes.
    Embedding,
}

/// Measures programs.
#[derive(Debug)]
pub(super) enum Measurer {
    Features(Vec<Feature>),
    Embedding(Projection),
}

impl Measurer {
    /// A measurer with one number per axis. `reference` is the text that has the measures 0 in an embedding.
    pub(super) fn new(kind: Descriptors, axes: &[AxisSettings], reference: &str) -> Result<Self, Invalid> {
        if axes.is_empty() {
            return Err(Invalid::new("axes", "there is none", "such as [[axes]] with name = \"tokens\""));
        }
        Ok(match kind {
            Descriptors::Features => Self::Features(
                axes.iter()
                    .enumerate()
                    .map(|(i, axis)| Feature::of_axis(i, &axis.name))
                    .collect::<Result<_, _>>()?,
            ),
            Descriptors::Embedding => {
                Self::Embedding(Projection { axes: axes.len(), reference: reference.to_owned() })
            }
        })
    }

    pub(super) fn roles(&self, roles: Roles) -> Roles {
        Roles { embedder: matches!(self, Self::Embedding(_)), ..roles }
    }

    /// The measures of a program.
    pub(super) async fn measure(&self, text: &str, context: &mut Context) -> Result<Vec<f64>, Abort> {
        match self {
            Self::Features(features) => Ok(features.iter().map(|feature| feature.of(text)).collect()),
            Self::Embedding(projection) => projection.measure(text, context).await,
        }
    }
}

/// A fixed random projection (Johnson & Lindenstrauss 1984): distances between embeddings survive it as well as they
/// can in so few numbers, and it depends on neither the run nor its seed.
#[derive(Debug)]
pub(super) struct Projection {
    axes: usize,
    reference: String,
}

impl Projection {
    async fn measure(&self, text: &str, context: &mut Context) -> Result<Vec<f64>, Abort> {
        let vectors = context.embed(vec![text.to_owned(), self.reference.clone()]).await?;
        match &vectors[..] {
            [text, reference] if text.len() == reference.len() => {
                self.project(text, reference).ok_or_else(|| Abort::failed("an embedding has no direction"))
            }
            _ => Err(Abort::failed(format!("the embedder gave {} vectors for 2 texts", vectors.len()))),
        }
    }

    /// Each measure is sqrt(D) times the product of a random unit vector with the difference of the two embeddings,
    /// both of length 1. For unrelated texts it is about normal with variance 2; programs are more alike than that, and
    /// mostly lie between -1.5 and 1.5.
    fn project(&self, text: &[f64], reference: &[f64]) -> Option<Vec<f64>> {
        let (text, reference) = (unit(text)?, unit(reference)?);
        let difference: Vec<f64> = text.iter().zip(&reference).map(|(a, b)| a - b).collect();
        (0..self.axes)
            .map(|axis| {
                let mut stream = Stream::named(0, &format!("projection {axis}"));
                let random: Vec<f64> = difference.iter().map(|_| stream.normal()).collect();
                let product: f64 = unit(&random)?.iter().zip(&difference).map(|(a, b)| a * b).sum();
                Some(libm::sqrt(difference.len() as f64) * product)
            })
            .collect()
    }
}

/// A vector of length 1 in the same direction.
fn unit(vector: &[f64]) -> Option<Vec<f64>> {
    let norm = libm::sqrt(vector.iter().map(|x| x * x).sum());
    (norm > 0.0 && norm.is_finite()).then(|| vector.iter().map(|x| x / norm).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u64, length: usize) -> Vec<f64> {
        let mut stream = Stream::new(seed, 0);
        (0..length).map(|_| stream.normal()).collect()
    }

    #[test]
    fn a_projection_is_fixed_and_ignores_lengths() {
        let projection = Projection { axes: 2, reference: String::new() };
        let (a, b) = (random(1, 64), random(2, 64));
        let once = projection.project(&a, &b).expect("a direction");
        let longer: Vec<f64> = a.iter().map(|x| 4.0 * x).collect();
        assert_eq!(projection.project(&longer, &b).expect("a direction"), once);
        assert_eq!(projection.project(&a, &a).expect("a direction"), [0.0, 0.0]);
        assert_eq!(projection.project(&[0.0; 64], &b), None);
    }

    #[test]
    fn unrelated_texts_have_variance_two_on_every_axis() {
        let projection = Projection { axes: 2, reference: String::new() };
        let pairs: Vec<Vec<f64>> = (0..400)
            .map(|i| projection.project(&random(2 * i, 128), &random(2 * i + 1, 128)).expect("a direction"))
            .collect();
        for axis in 0..2 {
            let variance = pairs.iter().map(|pair| pair[axis] * pair[axis]).sum::<f64>() / 400.0;
            assert!((variance - 2.0).abs() < 0.4, "{variance}");
        }
    }
}
