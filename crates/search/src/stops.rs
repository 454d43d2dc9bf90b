//! When a search has found what it was to find, or finds nothing better any more: `search.target_score` and
//! `search.patience`.
//!
//! Both look at settled candidates alone, so that a run stops at the same candidate whatever its concurrency. What had
//! been planned by then is made, recorded and offered to the archive: an evaluation that may be paid for is not thrown
//! away.

use crate::{Candidate, End, Invalid, SearchSettings, settings::MOST};

/// What is remembered of settled candidates.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Stops {
    /// The best objective so far.
    best: Option<f64>,
    /// The best objective at the last improvement that counted.
    improved: Option<f64>,
    /// Scored candidates since then.
    since: u64,
}

impl Stops {
    /// Notes a settled candidate. One without a score says nothing about the search.
    pub(crate) fn learn(&mut self, settings: &SearchSettings, candidate: &Candidate) {
        let Some(objective) = candidate.objective() else { return };
        self.best = Some(self.best.map_or(objective, |best| best.max(objective)));
        if self.improved.is_none_or(|best| objective > best + settings.patience_margin) {
            self.improved = Some(objective);
            self.since = 0;
        } else {
            self.since += 1;
        }
    }

    /// Whether the best objective is as good as was asked for.
    pub(crate) fn reached(&self, settings: &SearchSettings) -> bool {
        self.best.zip(settings.target_score).is_some_and(|(best, target)| best >= target)
    }

    /// Why nothing more is to be planned, if so.
    pub(crate) fn end(&self, settings: &SearchSettings) -> Option<End> {
        if self.reached(settings) {
            return Some(End::Target);
        }
        settings.patience.filter(|patience| self.since >= *patience).map(|_| End::Patience)
    }
}

/// Refuses stops that mean nothing.
pub(crate) fn validate(settings: &SearchSettings) -> Result<(), Invalid> {
    let bad = |key: &str, what: String, hint: &str| Err(Invalid::new(format!("search.{key}"), what, hint));
    if let Some(target) = settings.target_score
        && !(target.is_finite() && target.abs() <= MOST)
    {
        return bad("target_score", format!("is {target}"), "set it to a finite number, or leave it out");
    }
    if settings.patience == Some(0) {
        return bad("patience", "is 0".into(), "set it to 1 candidate or more, or leave it out for no limit");
    }
    let margin = settings.patience_margin;
    if !(0.0..=MOST).contains(&margin) {
        return bad("patience_margin", format!("is {margin}"), "set it to 0 or more; 0 is the default");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Charge, Fate, Score};

    fn candidate(objective: Option<f64>) -> Candidate {
        Candidate {
            index: 0,
            island: 0,
            horizon: 0,
            operator: String::new(),
            parents: Vec::new(),
            generator: None,
            genome: None,
            score: objective.map(|objective| std::sync::Arc::new(Score::new(objective, Vec::new()))),
            fate: Fate::NotBetter,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    /// After how many of these candidates it ends, and why.
    fn ends(settings: &SearchSettings, objectives: &[Option<f64>]) -> Option<(usize, End)> {
        let mut stops = Stops::default();
        objectives.iter().enumerate().find_map(|(i, objective)| {
            stops.learn(settings, &candidate(*objective));
            stops.end(settings).map(|end| (i + 1, end))
        })
    }

    #[test]
    fn a_target_is_reached_by_the_first_candidate_that_is_as_good() {
        let settings = SearchSettings { target_score: Some(0.5), ..SearchSettings::default() };
        let objectives = [Some(0.4), None, Some(-1.0), Some(0.5), Some(0.9)];
        assert_eq!(ends(&settings, &objectives), Some((4, End::Target)));
        assert_eq!(ends(&settings, &objectives[..3]), None);
    }

    #[test]
    fn patience_counts_scored_candidates_that_do_not_improve_on_the_best() {
        let settings = SearchSettings { patience: Some(2), ..SearchSettings::default() };
        let one = Some(1.0);
        assert_eq!(ends(&settings, &[one, None, one, None, None, one]), Some((6, End::Patience)));
        assert_eq!(ends(&settings, &[one, one, Some(1.1), one]), None);
    }

    #[test]
    fn small_steps_count_once_they_add_up_to_more_than_the_margin() {
        let settings =
            SearchSettings { patience: Some(3), patience_margin: 0.25, ..SearchSettings::default() };
        let climbing: Vec<Option<f64>> = (0..40).map(|step| Some(f64::from(step) * 0.125)).collect();
        assert_eq!(ends(&settings, &climbing), None, "every third step is one");
        let slower: Vec<Option<f64>> = (0..40).map(|step| Some(f64::from(step) * 0.0625)).collect();
        assert_eq!(ends(&settings, &slower), Some((4, End::Patience)));
    }

    #[test]
    fn stops_that_mean_nothing_name_their_key() {
        let key = |change: fn(&mut SearchSettings)| {
            let mut settings = SearchSettings::default();
            change(&mut settings);
            validate(&settings).expect_err("must be refused").key
        };
        assert_eq!(key(|s| s.target_score = Some(f64::NAN)), "search.target_score");
        assert_eq!(key(|s| s.target_score = Some(f64::INFINITY)), "search.target_score");
        assert_eq!(key(|s| s.patience = Some(0)), "search.patience");
        for margin in [-0.1, f64::NAN, f64::INFINITY] {
            let settings = SearchSettings { patience_margin: margin, ..SearchSettings::default() };
            assert_eq!(validate(&settings).expect_err("refused").key, "search.patience_margin");
        }
    }
}
