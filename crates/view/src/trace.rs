//! A run as it went: its numbers after so many candidates, thinned to a few hundred points, and what every way of making
//! candidates brought.
//!
//! Folded along with the run, candidate by candidate, in memory that does not depend on the run's length.

use std::collections::BTreeMap;

use samara_journal::run_view::Step;
use samara_search::{Candidate, Charge, Fate, FateCounts};

/// Points that are kept at most, beside the last.
const MOST: usize = 512;
/// Ways that are told apart at most: names are a record's, and a crafted one may have any number.
const MOST_WAYS: usize = 200;

/// A run after some candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How many.
    pub candidates: u64,
    /// Sum of the cells' best objectives, less the offset each.
    pub qd_score: f64,
    /// Filled cells / all cells.
    pub coverage: f64,
    /// Best objective so far.
    pub best: Option<f64>,
    /// Mean of the cells' best objectives.
    pub mean: Option<f64>,
    /// What became of the candidates.
    pub fates: FateCounts,
    /// What their calls cost.
    pub spent: Charge,
    /// Those that were evaluated: they are no copies of others, and something usable was written.
    pub evaluations: u64,
    /// Wall time of making and evaluating each, in milliseconds, all together: what lives at once counts as often.
    pub live_ms: f64,
}

/// What a run goes on in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Over {
    /// Candidates.
    #[default]
    Candidates,
    /// Evaluations.
    Evaluations,
    /// The time of all candidates.
    Time,
    /// Tokens.
    Tokens,
    /// Money.
    Money,
}

impl Over {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Candidates, Self::Evaluations, Self::Time, Self::Tokens, Self::Money];

    /// As an address and a page say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Evaluations => "evaluations",
            Self::Time => "time",
            Self::Tokens => "tokens",
            Self::Money => "money",
        }
    }

    /// How far a point is in it; time in seconds.
    pub fn of(self, point: &Point) -> f64 {
        match self {
            Self::Candidates => point.candidates as f64,
            Self::Evaluations => point.evaluations as f64,
            Self::Time => point.live_ms / 1000.0,
            Self::Tokens => point.spent.tokens as f64,
            Self::Money => point.spent.money,
        }
    }
}

/// What candidates that were made in one way came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Way {
    /// What became of them.
    pub fates: FateCounts,
    /// What their calls cost.
    pub spent: Charge,
    /// Wall time of their calls, in milliseconds.
    pub model_ms: f64,
    /// Wall time of making and evaluating them, in milliseconds.
    pub live_ms: f64,
}

impl Way {
    fn add(&mut self, candidate: &Candidate, fate: &Fate, live_ms: f64) {
        self.fates.count(fate);
        self.spent += candidate.charge;
        self.model_ms += candidate.model_ms;
        self.live_ms += live_ms;
    }
}

/// A run as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    points: Vec<Point>,
    /// At the end; before it, the last that is kept.
    last: Option<Point>,
    /// Every so many candidates a point is kept.
    stride: u64,
    ways: BTreeMap<(String, String), Way>,
    /// The operator and the model of the last candidate.
    latest: (String, String),
    others: Way,
    all: Way,
    evaluations: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            last: None,
            stride: 1,
            ways: BTreeMap::new(),
            latest: (String::new(), String::new()),
            others: Way::default(),
            all: Way::default(),
            evaluations: 0,
        }
    }
}

impl Trace {
    /// Before the first candidate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next candidate in.
    pub fn follow(&mut self, step: Step<'_>) {
        let Step { candidate, model, live_ms, replay, last } = step;
        self.way(&candidate.operator, model.unwrap_or_default()).add(candidate, &candidate.fate, live_ms);
        self.all.add(candidate, &candidate.fate, live_ms);
        let written = !matches!(candidate.fate, Fate::Invalid { .. });
        self.evaluations += u64::from(written && candidate.copy_of.is_none());
        let kept = replay.settled().is_multiple_of(self.stride);
        if !kept && !last {
            return;
        }
        let stats = replay.population().overall().archive().stats();
        let point = Point {
            candidates: replay.settled(),
            qd_score: stats.qd_score,
            coverage: stats.coverage,
            best: stats.best,
            mean: stats.mean,
            fates: self.all.fates,
            spent: self.all.spent,
            evaluations: self.evaluations,
            live_ms: self.all.live_ms,
        };
        self.last = Some(point);
        if kept {
            self.keep(point);
        }
    }

    /// What candidates that were made in this way came to; the same way again is found without making its names.
    fn way(&mut self, operator: &str, model: &str) -> &mut Way {
        if (&*self.latest.0, &*self.latest.1) != (operator, model) {
            self.latest = (operator.to_owned(), model.to_owned());
        }
        if !self.ways.contains_key(&self.latest) && self.ways.len() < MOST_WAYS {
            self.ways.insert(self.latest.clone(), Way::default());
        }
        self.ways.get_mut(&self.latest).unwrap_or(&mut self.others)
    }

    fn keep(&mut self, point: Point) {
        self.points.push(point);
        if self.points.len() > MOST {
            self.stride *= 2;
            let stride = self.stride;
            self.points.retain(|point| point.candidates.is_multiple_of(stride));
        }
    }

    /// At even distances, and at the end.
    pub fn points(&self) -> Vec<Point> {
        let mut points = self.points.clone();
        points.extend(self.last.filter(|last| self.points.last() != Some(last)));
        points
    }

    /// After so many candidates, or a little fewer; `None` before the first point.
    pub fn at(&self, candidates: u64) -> Option<Point> {
        let after = self.last.filter(|last| last.candidates <= candidates);
        let place = self.points.partition_point(|point| point.candidates <= candidates);
        after.or_else(|| place.checked_sub(1).map(|place| self.points[place]))
    }

    /// All candidates together.
    pub fn all(&self) -> &Way {
        &self.all
    }

    /// Operators and the models that wrote, with what they brought: the most frequent first. An empty model is none.
    pub fn ways(&self) -> Vec<(&str, &str, &Way)> {
        let mut ways: Vec<_> =
            self.ways.iter().map(|((operator, model), way)| (&**operator, &**model, way)).collect();
        ways.sort_by_key(|(.., way)| std::cmp::Reverse(way.fates.total()));
        ways
    }

    /// What was made in more ways than are told apart.
    pub fn others(&self) -> Option<&Way> {
        (self.others.fates.total() > 0).then_some(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use samara_search::{AxisSettings, Genome, Replay, Score, SearchSettings};

    use super::*;

    fn traced(count: u64, operator: impl Fn(u64) -> String) -> Trace {
        let settings = SearchSettings::default();
        let axes = [AxisSettings::even("x", [0.0, 1.0], 10)];
        let mut replay =
            Replay::new(&settings, settings.tessellation(&axes).expect("cells")).expect("a fold");
        let mut trace = Trace::new();
        for index in 0..count {
            let score = Score::new(index as f64, vec![index as f64 / count as f64]);
            let mut candidate = Candidate {
                index,
                island: 0,
                horizon: 0,
                operator: operator(index),
                parents: Vec::new(),
                generator: None,
                genome: Some(Arc::new(Genome::text_of("x"))),
                score: Some(Arc::new(score)),
                fate: Fate::New,
                cell: None,
                rank: None,
                copy_of: None,
                artifacts: Vec::new(),
                charge: Charge { calls: 1, tokens: 10, money: 0.5 },
                model_ms: 2.0,
            };
            candidate.fate = replay.settle(&candidate).0.fate;
            trace.follow(Step {
                candidate: &candidate,
                model: None,
                live_ms: 3.0,
                replay: &replay,
                last: true,
            });
        }
        trace
    }

    #[test]
    fn a_long_run_is_some_hundred_even_points_with_the_last_one_exact() {
        for count in [0, 1, 512, 513, 40_001] {
            let points = traced(count, |_| "a".into()).points();
            assert!(points.len() <= MOST + 1, "{count}");
            assert_eq!(points.last().map(|point| point.candidates), Some(count).filter(|count| *count > 0));
            assert!(points.windows(2).all(|pair| pair[0].candidates < pair[1].candidates));
        }
        let trace = traced(40_001, |_| "a".into());
        let last = trace.points()[trace.points().len() - 1];
        assert_eq!((last.spent.tokens, last.fates.total(), last.best), (400_010, 40_001, Some(40_000.0)));
        assert_eq!(Over::ALL.map(|over| over.of(&last)), [40_001.0, 40_001.0, 120.003, 400_010.0, 20_000.5]);
        assert_eq!(trace.points()[0].candidates, 128);
        let at = |candidates| trace.at(candidates).map(|point| point.candidates);
        assert_eq!((at(127), at(300), at(40_000), at(50_000)), (None, Some(256), Some(39_936), Some(40_001)));
    }

    #[test]
    fn ways_are_counted_however_many_a_record_names() {
        let trace = traced(1000, |index| format!("{}", index.min(500)));
        assert_eq!(trace.ways().len(), MOST_WAYS);
        let counted: u64 = trace.ways().iter().map(|(.., way)| way.fates.total()).sum();
        assert_eq!(counted + trace.others().map_or(0, |way| way.fates.total()), 1000);
        assert_eq!(trace.all().spent.calls, 1000);
        let few = traced(10, |index| if index < 3 { "a".into() } else { "b".into() });
        assert_eq!(few.ways().iter().map(|(operator, ..)| *operator).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(few.others(), None);
    }
}
