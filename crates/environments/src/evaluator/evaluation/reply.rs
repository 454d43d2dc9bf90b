//! What the harness answers with, read from its JSON. The candidate shares a process with the evaluator: an answer of
//! another shape is the candidate's doing, and is refused.

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use samara_search::{Artifact, ArtifactKind, commanding::commands};
use serde::Deserialize;

use super::metrics::{Metric, Metrics};

/// Characters of a metric's name.
const MOST_OF_A_NAME: usize = 100;
/// Metrics of an answer. Each is looked for among the others, and every candidate keeps its own.
const MOST_METRICS: usize = 1000;

/// What a stage came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// The function that ran.
    pub(super) ran: String,
    /// The functions of the cascade; none if there is no cascade.
    pub(super) stages: Vec<String>,
    /// Whether artifacts are wanted, by the evaluator's environment.
    pub(super) wants_artifacts: bool,
    pub(super) metrics: Metrics,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) end: End,
}

/// How a stage ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// It measured.
    Measured,
    /// The candidate is no answer to the task, for this reason.
    Refused(String),
    /// The evaluator is at fault.
    Trouble(String),
    /// An exception.
    Raised(Exception),
}

/// An exception of the evaluator or the candidate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Exception {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) traceback: String,
    /// The module that could not be imported; empty for other exceptions.
    #[serde(default)]
    pub(super) module: String,
}

#[derive(Deserialize)]
struct Wire {
    ran: String,
    stages: Vec<String>,
    wants_artifacts: bool,
    #[serde(default)]
    metrics: Vec<(String, WireMetric)>,
    #[serde(default)]
    artifacts: Vec<(String, WireArtifact)>,
    refused: Option<String>,
    trouble: Option<String>,
    raised: Option<Exception>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireMetric {
    Number {
        number: WireNumber,
    },
    Flag {
        flag: bool,
    },
    Text {
        text: String,
        reads_as: Option<WireNumber>,
    },
    Nothing {
        #[serde(rename = "nothing")]
        _told: bool,
    },
    Other {
        other: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireNumber {
    Finite(f64),
    Named(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireArtifact {
    Text { text: String },
    Bytes { base64: String, cut: bool },
}

impl Reply {
    /// Reads an answer; `Err` if it is none.
    pub(super) fn read(json: &str) -> Result<Self, String> {
        let wire: Wire = serde_json::from_str(json)
            .map_err(|error| format!("what came back is no answer of the evaluator's harness: {error}"))?;
        if wire.metrics.len() > MOST_METRICS {
            let count = wire.metrics.len();
            return Err(format!("the evaluator gave {count} metrics, more than {MOST_METRICS}"));
        }
        let mut metrics = Metrics::default();
        for (name, value) in wire.metrics {
            let shown: String = name.chars().filter(|c| !commands(*c)).take(MOST_OF_A_NAME).collect();
            metrics.set(shown, value.read()?);
        }
        let wants_artifacts = wire.wants_artifacts;
        let artifacts = wire.artifacts.into_iter().filter(|_| wants_artifacts);
        let artifacts = artifacts.filter_map(|(name, body)| body.read(name)).collect();
        let end = match (wire.raised, wire.trouble, wire.refused) {
            (Some(exception), _, _) => End::Raised(exception),
            (None, Some(why), _) => End::Trouble(why),
            (None, None, Some(why)) => End::Refused(why),
            (None, None, None) => End::Measured,
        };
        Ok(Self { ran: wire.ran, stages: wire.stages, wants_artifacts, metrics, artifacts, end })
    }
}

impl WireMetric {
    fn read(self) -> Result<Metric, String> {
        Ok(match self {
            Self::Number { number } => Metric::Number(number.read()?),
            Self::Flag { flag } => Metric::Flag(flag),
            Self::Text { text, reads_as } => Metric::Text(text, reads_as.map(WireNumber::read).transpose()?),
            Self::Nothing { .. } => Metric::Nothing,
            Self::Other { other } => Metric::Other(other),
        })
    }
}

impl WireNumber {
    fn read(self) -> Result<f64, String> {
        match self {
            Self::Finite(number) => Ok(number),
            Self::Named(name) => match &*name {
                "nan" => Ok(f64::NAN),
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                other => Err(format!("what came back has the number `{other}`")),
            },
        }
    }
}

impl WireArtifact {
    /// The artifact; `None` if it is a picture or the like that is too large to be kept.
    fn read(self, name: String) -> Option<Artifact> {
        match self {
            Self::Text { text } => Some(Artifact::text(name, &text)),
            Self::Bytes { cut: true, .. } => None,
            Self::Bytes { base64, cut: false } => {
                let body = BASE64.decode(base64).ok()?;
                let png = body.starts_with(b"\x89PNG\r\n\x1a\n");
                Artifact::blob(name, if png { ArtifactKind::Png } else { ArtifactKind::Bytes }, body)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_metric_and_artifact_is_read() {
        let json = r#"{"ran": "evaluate", "stages": [], "wants_artifacts": true,
            "metrics": [["a", {"number": 1}], ["b", {"number": "-inf"}], ["c", {"flag": true}],
                ["d", {"text": "0.5", "reads_as": 0.5}], ["e", {"text": "x"}], ["f", {"nothing": true}],
                ["g", {"other": "[1]"}], ["a", {"number": 2.5}]],
            "artifacts": [["note", {"text": "hi"}], ["picture", {"base64": "iVBORw0KGgo=", "cut": false}],
                ["blob", {"base64": "/w==", "cut": false}], ["large", {"base64": "", "cut": true}]]}"#;
        let reply = Reply::read(json).expect("an answer");
        let values: Vec<(&str, &Metric)> = reply.metrics.iter().collect();
        assert_eq!(values[0], ("a", &Metric::Number(2.5)), "the last of a name");
        assert_eq!(values[1].1, &Metric::Number(f64::NEG_INFINITY));
        assert_eq!(values[2].1, &Metric::Flag(true));
        assert_eq!(values[3].1, &Metric::Text("0.5".to_owned(), Some(0.5)));
        assert_eq!(values[4].1, &Metric::Text("x".to_owned(), None));
        assert_eq!((values[5].1, values[6].1), (&Metric::Nothing, &Metric::Other("[1]".to_owned())));
        let kinds: Vec<ArtifactKind> = reply.artifacts.iter().map(|artifact| artifact.kind).collect();
        assert_eq!(kinds, [ArtifactKind::Text, ArtifactKind::Png, ArtifactKind::Bytes]);
        assert_eq!(reply.end, End::Measured);
    }

    #[test]
    fn names_of_metrics_are_cut_and_hold_no_control_characters() {
        let name = format!("a\\n{}", "b".repeat(300));
        let json = format!(
            r#"{{"ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": [["{name}", {{"flag": true}}]]}}"#
        );
        let reply = Reply::read(&json).expect("an answer");
        let shown = format!("a{}", "b".repeat(99));
        assert_eq!(reply.metrics.get(&shown), Some(&Metric::Flag(true)));
    }

    #[test]
    fn a_thousand_metrics_are_read_and_no_more() {
        let of = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!(r#"["m{n}", {{"number": 1}}]"#)).collect();
            let all = all.join(",");
            Reply::read(&format!(
                r#"{{"ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": [{all}]}}"#
            ))
        };
        assert_eq!(of(1000).expect("read").metrics.iter().count(), 1000);
        assert!(of(1001).expect_err("refused").contains("1001 metrics"));
    }

    #[test]
    fn an_answer_of_another_shape_is_refused() {
        for json in [
            "",
            "null",
            "{}",
            r#"{"ran": "evaluate"}"#,
            r#"{"ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": [["a", {"number": "many"}]]}"#,
            r#"{"ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": [["a", 1]]}"#,
            r#"{"ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": [["a", {"number": NaN}]]}"#,
        ] {
            assert!(Reply::read(json).is_err(), "{json}");
        }
    }
}
