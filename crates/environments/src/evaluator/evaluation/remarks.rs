//! What a person should know of the initial program's score: most evaluators catch what goes wrong and say 0.

use samara_search::{Artifact, Score, commanding::one_line};

use super::metrics::COMBINED;

/// Characters of a text that a remark quotes.
const MOST_QUOTED: usize = 300;
/// Metrics that a remark names.
const MOST_NAMED: usize = 8;

/// A line each; `wanted` is the metric that is the score, `axes` are those that are no part of a mean.
pub(super) fn of_initial(score: &Score, wanted: Option<&str>, axes: &[String]) -> Vec<String> {
    of_errors(score).into_iter().chain(of_means(score, wanted, axes)).collect()
}

/// What the evaluator says went wrong: in an artifact or a metric `error`, and of a program without a score in any text
/// that is called so.
fn of_errors(score: &Score) -> Option<String> {
    let said = |artifact: &&Artifact| {
        let name = artifact.name.to_lowercase();
        let is_error = name == "error" || (score.objective <= 0.0 && tells_errors(&name));
        is_error && artifact.as_text().is_some_and(|text| !text.trim().is_empty())
    };
    let artifact = score.artifacts.iter().find(said)?;
    let text = artifact.as_text()?.trim();
    // The last line of a traceback says what happened, the first one of anything else.
    let line = if text.starts_with("Traceback") { text.lines().last() } else { text.lines().next() };
    Some(format!(
        "the initial program scores {}, and the evaluator left: {}: {}",
        score.objective,
        quoted(&artifact.name),
        quoted(line.unwrap_or_default().trim())
    ))
}

fn tells_errors(name: &str) -> bool {
    ["error", "exception", "traceback", "failure", "stderr"].iter().any(|word| name.contains(word))
}

/// Whether several numbers make the score, which nobody has said.
fn of_means(score: &Score, wanted: Option<&str>, axes: &[String]) -> Option<String> {
    if wanted.is_some() || score.metrics.contains_key(COMBINED) {
        return None;
    }
    let text = score.artifacts.iter().find(|artifact| artifact.name == COMBINED).and_then(Artifact::as_text);
    if text.is_some_and(|text| text.trim().parse::<f64>().is_ok()) {
        // Python reads a number in it: that is the score.
        return None;
    }
    let counted: Vec<&str> = score
        .metrics
        .keys()
        .map(String::as_str)
        .filter(|name| !axes.iter().any(|axis| axis == name))
        .collect();
    if counted.len() < 2 && text.is_none() {
        return None;
    }
    let named: Vec<String> = counted.iter().take(MOST_NAMED).map(|name| quoted(name)).collect();
    let more = if counted.len() > MOST_NAMED { ", ..." } else { "" };
    let why = match text {
        Some(text) => format!("`{COMBINED}` is \"{}\", which is no number", quoted(text.trim())),
        None => format!("the evaluator gives no `{COMBINED}`"),
    };
    Some(format!(
        "{why}: the score is the mean of {}{more}; environment.evaluation.score names the one that counts",
        named.join(", ")
    ))
}

fn quoted(text: &str) -> String {
    one_line(text).chars().take(MOST_QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(objective: f64, metrics: &[(&str, f64)], artifacts: &[(&str, &str)]) -> Score {
        Score {
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            artifacts: artifacts.iter().map(|(name, text)| Artifact::text(*name, text)).collect(),
            ..Score::new(objective, Vec::new())
        }
    }

    fn told(score: &Score) -> Vec<String> {
        of_initial(score, None, &["speed".to_owned()])
    }

    #[test]
    fn an_error_that_the_evaluator_caught_is_told() {
        let combined = [("combined_score", 0.0)];
        let caught = score(0.0, &combined, &[("stdout", "x"), ("error", "No module named 'jax'\nmore")]);
        assert_eq!(
            told(&caught),
            ["the initial program scores 0, and the evaluator left: error: No module named 'jax'"]
        );
        let trace =
            score(0.0, &combined, &[("stage1_traceback", "Traceback (most recent):\n  x\nKeyError: 1\n")]);
        assert!(told(&trace)[0].ends_with("left: stage1_traceback: KeyError: 1"));
        // A warning that was printed is no error of a program with a score.
        let fine = score(0.5, &[("combined_score", 0.5)], &[("stderr", "a warning")]);
        assert!(told(&fine).is_empty());
        assert!(told(&score(0.0, &combined, &[])).is_empty());
    }

    #[test]
    fn a_score_that_is_a_mean_nobody_asked_for_is_told() {
        let mean = score(2.0, &[("a", 1.0), ("b", 3.0), ("speed", 9.0)], &[]);
        let [said] = &told(&mean)[..] else { panic!("one remark") };
        assert!(said.starts_with("the evaluator gives no `combined_score`: the score is the mean of a, b; "));
        assert!(of_initial(&mean, Some("a"), &[]).is_empty());
        assert!(told(&score(1.0, &[("a", 1.0), ("speed", 2.0)], &[])).is_empty(), "one number");
        let text = score(3.0, &[("a", 3.0)], &[("combined_score", "abc")]);
        assert!(
            told(&text)[0]
                .starts_with("`combined_score` is \"abc\", which is no number: the score is the mean of a;")
        );
        assert!(told(&score(3.0, &[("a", 1.0), ("b", 2.0)], &[("combined_score", "3")])).is_empty());
    }
}
