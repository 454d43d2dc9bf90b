//! Metrics by name, and the score in them: the rules of OpenEvolve 0.4.1, and where they are left.
//!
//! Numbers count, flags never do, texts are shown. Metrics keep the order in which the evaluator gave them, since sums of
//! floats depend on it.

/// A metric's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Metric {
    /// A number; it may be NaN or infinite.
    Number(f64),
    /// `True` or `False`.
    Flag(bool),
    /// A text, and the number that Python reads in it.
    Text(String, Option<f64>),
    /// `None`.
    Nothing,
    /// Anything else, as a text.
    Other(String),
}

/// Metrics by name, each name once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Metrics(Vec<(String, Metric)>);

/// The metric that says how good a candidate is.
pub(super) const COMBINED: &str = "combined_score";
/// The metric of failures: it is left out of thresholds and merged results.
const ERROR: &str = "error";

impl Metrics {
    /// Sets a metric; one that is there keeps its place.
    pub(super) fn set(&mut self, name: impl Into<String>, value: Metric) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Metric> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Metric)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Numbers and flags of this stage and the next, the later ones before the earlier; nothing else survives a merge.
    pub(super) fn merged(&self, later: &Self) -> Self {
        let mut merged = Self::default();
        for (name, value) in self.iter().chain(later.iter()) {
            if name != ERROR && matches!(value, Metric::Number(_) | Metric::Flag(_)) {
                merged.set(name, value.clone());
            }
        }
        merged
    }

    /// Adds the numbers and flags of the last stage; texts of earlier ones stay.
    pub(super) fn add(&mut self, later: &Self) {
        for (name, value) in later.iter() {
            if name != ERROR && matches!(value, Metric::Number(_) | Metric::Flag(_)) {
                self.set(name, value.clone());
            }
        }
    }

    /// Whether the next stage of a cascade runs: the combined score reaches the threshold, or without one the mean of
    /// the numbers but `error`.
    pub(super) fn pass(&self, threshold: f64) -> bool {
        match self.get(COMBINED) {
            Some(Metric::Number(score)) => *score >= threshold,
            Some(Metric::Flag(flag)) => f64::from(u8::from(*flag)) >= threshold,
            _ => {
                let counted: Vec<f64> =
                    self.numbers().filter(|(name, _)| *name != ERROR).map(|(_, value)| value).collect();
                !counted.is_empty() && counted.iter().sum::<f64>() / counted.len() as f64 >= threshold
            }
        }
    }

    /// The numbers; flags are none.
    fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        self.iter().filter_map(|(name, value)| match value {
            Metric::Number(number) => Some((name, *number)),
            _ => None,
        })
    }

    /// The score, higher is better: the metric called `wanted` if one is, else the combined score, else the mean of the
    /// finite numbers whose names are no axes', else of all finite numbers.
    ///
    /// # Errors
    /// Why there is no score, for a person. Upstream such a candidate has the score 0, which may be better than all
    /// others'.
    pub(super) fn score(&self, wanted: Option<&str>, axes: &[String]) -> Result<f64, String> {
        if let Some(name) = wanted {
            let value = self.get(name).ok_or_else(|| self.without(name))?;
            return value.reads_as().ok_or_else(|| format!("`{name}` is no number")).and_then(finite(name));
        }
        if let Some(score) = self.get(COMBINED).and_then(Metric::reads_as) {
            return finite(COMBINED)(score);
        }
        if self.get("timeout") == Some(&Metric::Flag(true)) && self.only_errors() {
            return Err("the evaluator says that it ran out of time".to_owned());
        }
        if self.only_errors() {
            return Err(self.unscored());
        }
        let finite: Vec<(&str, f64)> = self.numbers().filter(|(_, number)| number.is_finite()).collect();
        let other = |(name, _): &&(&str, f64)| !axes.iter().any(|axis| axis == name);
        let outside: Vec<f64> = finite.iter().filter(other).map(|(_, number)| *number).collect();
        let counted =
            if outside.is_empty() { finite.iter().map(|(_, number)| *number).collect() } else { outside };
        mean(&counted).ok_or_else(|| "every metric is NaN or infinite".to_owned())
    }

    /// Whether there is no number that could be a score.
    fn only_errors(&self) -> bool {
        self.numbers().all(|(name, _)| name == ERROR)
    }

    /// Why there is no number, by what the evaluator says.
    fn unscored(&self) -> String {
        match self.get(ERROR) {
            Some(Metric::Text(text, _) | Metric::Other(text)) => {
                format!("the evaluator gave no score: {text}")
            }
            Some(_) => "the evaluator reports an error and gave no score".to_owned(),
            None => "the evaluator gave no number".to_owned(),
        }
    }

    fn without(&self, name: &str) -> String {
        let names: Vec<&str> = self.numbers().map(|(name, _)| name).collect();
        if self.only_errors() {
            return self.unscored();
        }
        format!(
            "the evaluator gave no metric `{name}`, but {} (environment.evaluation.score)",
            names.join(", ")
        )
    }
}

impl Metric {
    /// The number that Python's `float()` makes of it.
    fn reads_as(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(_, number) => *number,
            Self::Nothing | Self::Other(_) => None,
        }
    }
}

fn finite(name: &str) -> impl Fn(f64) -> Result<f64, String> {
    move |score| if score.is_finite() { Ok(score) } else { Err(format!("`{name}` is {}", non_finite(score))) }
}

/// The name of a number that JSON lacks, as Python writes it.
pub(super) fn non_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "nan"
    } else if number > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

/// The mean of finite numbers; `None` of none. A sum that overflows is scaled first.
pub(super) fn mean(numbers: &[f64]) -> Option<f64> {
    if numbers.is_empty() {
        return None;
    }
    let count = numbers.len() as f64;
    let total: f64 = numbers.iter().sum();
    if total.is_finite() {
        return Some(total / count);
    }
    let scale = numbers.iter().fold(0.0_f64, |most, number| most.max(number.abs()));
    Some(numbers.iter().map(|number| number / scale).sum::<f64>() / count * scale)
}

/// The sample standard deviation; 0 of fewer than two numbers.
pub(super) fn spread(numbers: &[f64]) -> f64 {
    let Some(mean) = mean(numbers).filter(|_| numbers.len() > 1) else { return 0.0 };
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (squares / (numbers.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Metric::{Flag, Nothing, Number, Other, Text};

    fn of(metrics: &[(&str, Metric)]) -> Metrics {
        let mut made = Metrics::default();
        for (name, value) in metrics {
            made.set(*name, value.clone());
        }
        made
    }

    #[test]
    fn the_score_is_the_combined_one_or_the_mean_of_numbers_outside_the_axes() {
        let axes = ["length".to_owned()];
        for (metrics, score) in [
            (of(&[("combined_score", Number(0.25)), ("other", Number(9.0))]), 0.25),
            (of(&[("combined_score", Text("0.5".into(), Some(0.5)))]), 0.5),
            (of(&[("combined_score", Flag(true))]), 1.0),
            (of(&[("combined_score", Text("good".into(), None)), ("a", Number(2.0))]), 2.0),
            (of(&[("a", Number(1.0)), ("b", Number(2.0)), ("length", Number(90.0))]), 1.5),
            (of(&[("length", Number(90.0))]), 90.0),
            (of(&[("a", Number(1.0)), ("ok", Flag(true)), ("b", Nothing), ("c", Other("[]".into()))]), 1.0),
            (of(&[("a", Number(1.0)), ("b", Number(f64::NAN)), ("c", Number(f64::INFINITY))]), 1.0),
            (of(&[("a", Number(1.0)), ("error", Number(0.0))]), 0.5),
            (of(&[("a", Number(1e308)), ("b", Number(1e308))]), 1e308),
        ] {
            assert_eq!(metrics.score(None, &axes), Ok(score), "{metrics:?}");
        }
    }

    #[test]
    fn what_is_no_score_says_why() {
        for (metrics, why) in [
            (of(&[]), "the evaluator gave no number"),
            (of(&[("ok", Flag(true)), ("note", Text("x".into(), None))]), "the evaluator gave no number"),
            (of(&[("error", Number(0.0))]), "the evaluator reports an error and gave no score"),
            (of(&[("error", Text("no run()".into(), None))]), "the evaluator gave no score: no run()"),
            (
                of(&[("error", Number(0.0)), ("timeout", Flag(true))]),
                "the evaluator says that it ran out of time",
            ),
            (of(&[("combined_score", Number(f64::NAN)), ("a", Number(1.0))]), "`combined_score` is nan"),
            (of(&[("combined_score", Number(f64::NEG_INFINITY))]), "`combined_score` is -inf"),
            (of(&[("a", Number(f64::NAN))]), "every metric is NaN or infinite"),
        ] {
            assert_eq!(metrics.score(None, &[]), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_chosen_metric_is_the_score_and_nothing_else() {
        let metrics = of(&[("combined_score", Number(1.0)), ("length", Number(7.0)), ("word", Nothing)]);
        assert_eq!(metrics.score(Some("length"), &["length".to_owned()]), Ok(7.0));
        assert_eq!(metrics.score(Some("word"), &[]), Err("`word` is no number".to_owned()));
        let why =
            "the evaluator gave no metric `size`, but combined_score, length (environment.evaluation.score)";
        assert_eq!(metrics.score(Some("size"), &[]), Err(why.to_owned()));
    }

    #[test]
    fn a_threshold_is_asked_of_the_combined_score_or_of_the_mean_but_the_error() {
        for (metrics, passes) in [
            (of(&[]), false),
            (of(&[("combined_score", Number(0.5)), ("a", Number(0.0))]), true),
            (of(&[("combined_score", Number(0.4)), ("a", Number(9.0))]), false),
            (of(&[("combined_score", Number(f64::NAN)), ("a", Number(9.0))]), false),
            (of(&[("combined_score", Text("0.1".into(), Some(0.1))), ("a", Number(0.9))]), true),
            (of(&[("a", Number(1.0)), ("b", Number(0.0)), ("error", Number(0.0))]), true),
            (of(&[("a", Number(0.4)), ("ok", Flag(true))]), false),
            (of(&[("ok", Flag(true))]), false),
            (of(&[("a", Number(f64::NAN)), ("b", Number(9.0))]), false),
        ] {
            assert_eq!(metrics.pass(0.5), passes, "{metrics:?}");
        }
    }

    #[test]
    fn a_merge_keeps_numbers_and_flags_and_lets_the_later_stage_win() {
        let first = of(&[
            ("a", Number(1.0)),
            ("ok", Flag(true)),
            ("note", Text("x".into(), None)),
            ("error", Number(0.0)),
        ]);
        let second = of(&[("b", Number(2.0)), ("a", Number(3.0)), ("gone", Nothing)]);
        let merged = of(&[("a", Number(3.0)), ("ok", Flag(true)), ("b", Number(2.0))]);
        assert_eq!(first.merged(&second), merged);
        let mut added = merged.clone();
        added.add(&of(&[("error", Number(0.0)), ("ok", Flag(false)), ("c", Text("x".into(), None))]));
        assert_eq!(added, of(&[("a", Number(3.0)), ("ok", Flag(false)), ("b", Number(2.0))]));
    }

    #[test]
    fn a_spread_is_the_deviation_of_a_sample() {
        assert_eq!((spread(&[]), spread(&[3.0]), spread(&[1.0, 1.0])), (0.0, 0.0, 0.0));
        assert_eq!(spread(&[1.0, 3.0]), 2.0_f64.sqrt());
        assert_eq!(mean(&[]), None);
    }
}
