//! A bandit over emitters: which of many propose the next generation (ME-MAP, Cully 2021, arXiv 2007.05352), by UCB1
//! (Auer, Cesa-Bianchi & Fischer 2002).

use std::cmp::Ordering;

use crate::QdError;

/// Which active emitters give their place up for the bandit to choose anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reselect {
    /// Those that have begun anew in the last generation; emitters that learn nothing always do.
    #[default]
    Terminated,
    /// All.
    All,
}

/// What is known of each emitter, and which are active.
#[derive(Debug, Clone, PartialEq)]
pub struct Bandit {
    active: usize,
    zeta: f64,
    reselect: Reselect,
    emitters: Vec<Record>,
}

/// What a bandit knows of an emitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Candidates of its generations that are over.
    pub made: u64,
    /// Those that entered the archive.
    pub entered: u64,
    /// The upper bound of the part of its candidates that enter, by which it is chosen; infinite before the first.
    pub promise: f64,
    /// Whether it proposes this generation.
    pub active: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Record {
    /// Candidates that it has made.
    made: u64,
    /// Those that entered the archive.
    entered: u64,
    active: bool,
    terminated: bool,
}

impl Bandit {
    /// `active` of `emitters` emitters propose every generation, at first the first ones. `zeta`, 0 or more, is what the
    /// doubt about an emitter is worth against the part of its candidates that entered the archive.
    ///
    /// # Errors
    /// No active emitter, more than there are, a zeta that is negative or no number.
    pub fn new(emitters: usize, active: usize, zeta: f64, reselect: Reselect) -> Result<Self, QdError> {
        if active == 0 || active > emitters {
            return Err(QdError::Rules(format!("{active} of {emitters} emitters can't be active")));
        }
        if !(zeta.is_finite() && zeta >= 0.0) {
            return Err(QdError::Rules(format!("the bandit's zeta is {zeta}, not a number from 0")));
        }
        let record = |i| Record { active: i < active, ..Record::default() };
        Ok(Self { active, zeta, reselect, emitters: (0..emitters).map(record).collect() })
    }

    /// The active emitters, by position.
    pub fn active(&self) -> Vec<usize> {
        (0..self.emitters.len()).filter(|i| self.emitters[*i].active).collect()
    }

    /// What is known of each emitter, by position.
    pub fn standings(&self) -> impl Iterator<Item = Standing> {
        let total = self.made();
        self.emitters.iter().map(move |record| Standing {
            made: record.made,
            entered: record.entered,
            promise: record.promise(total, self.zeta),
            active: record.active,
        })
    }

    /// Candidates of all emitters together.
    fn made(&self) -> u64 {
        self.emitters.iter().map(|record| record.made).sum()
    }

    /// Notes what an emitter's candidates of a generation became: how many there were, how many entered the archive, and
    /// whether it has begun anew since, or learns nothing.
    pub fn note(&mut self, emitter: usize, (made, entered): (usize, usize), terminated: bool) {
        let record = &mut self.emitters[emitter];
        record.made += made as u64;
        record.entered += entered as u64;
        record.terminated = terminated;
    }

    /// Chooses the active emitters of the next generation: those that keep their place, and then the most promising,
    /// among which those that have made nothing yet come first; of equals the first.
    pub fn choose(&mut self) {
        for record in &mut self.emitters {
            record.active &= self.reselect == Reselect::Terminated && !record.terminated;
        }
        let total = self.made();
        let mut waiting: Vec<usize> =
            (0..self.emitters.len()).filter(|i| !self.emitters[*i].active).collect();
        let promise = |i: &usize| self.emitters[*i].promise(total, self.zeta);
        waiting.sort_by(|a, b| promise(b).partial_cmp(&promise(a)).unwrap_or(Ordering::Equal));
        let free = self.active - (self.emitters.len() - waiting.len());
        for i in waiting.into_iter().take(free) {
            self.emitters[i].active = true;
        }
    }
}

impl Record {
    /// The upper confidence bound of the part of its candidates that enter the archive.
    fn promise(&self, total: u64, zeta: f64) -> f64 {
        if self.made == 0 {
            return f64::INFINITY;
        }
        let made = self.made as f64;
        self.entered as f64 / made + zeta * (libm::log(total as f64) / made).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emitters_that_were_never_tried_come_first_and_then_the_most_promising() {
        let mut bandit = Bandit::new(3, 1, 0.05, Reselect::All).expect("a bandit");
        assert_eq!(bandit.active(), [0]);
        for (emitter, entered) in [(0, 5), (1, 9), (2, 1)] {
            assert_eq!(bandit.active(), [emitter]);
            bandit.note(emitter, (10, entered), true);
            bandit.choose();
        }
        assert_eq!(bandit.active(), [1], "nine of ten entered");
        bandit.note(1, (90, 0), true);
        bandit.choose();
        assert_eq!(bandit.active(), [0], "now five of ten is the most");
        let known: Vec<Standing> = bandit.standings().collect();
        assert_eq!(
            known.iter().map(|one| (one.made, one.entered)).collect::<Vec<_>>(),
            [(10, 5), (100, 9), (10, 1)]
        );
        assert!(known[0].active && known[0].promise > 0.5 && known[1].promise < known[0].promise);
    }

    #[test]
    fn who_has_not_begun_anew_keeps_its_place() {
        let mut bandit = Bandit::new(3, 2, 0.0, Reselect::Terminated).expect("a bandit");
        bandit.note(0, (10, 0), false);
        bandit.note(1, (10, 10), true);
        bandit.choose();
        assert_eq!(bandit.active(), [0, 2], "the one that was never tried takes the free place");
        bandit.note(0, (10, 0), false);
        bandit.note(2, (10, 1), true);
        bandit.choose();
        assert_eq!(bandit.active(), [0, 1]);
    }

    #[test]
    fn the_bound_is_that_of_ucb1() {
        let record = Record { made: 50, entered: 10, ..Record::default() };
        let expected = 0.2 + 0.5 * (200_f64.ln() / 50.0).sqrt();
        assert!((record.promise(200, 0.5) - expected).abs() < 1e-15);
    }

    #[test]
    fn places_that_nobody_can_fill_are_refused() {
        for (emitters, active, zeta) in [(3, 0, 0.1), (3, 4, 0.1), (3, 1, -1.0), (3, 1, f64::NAN)] {
            assert!(Bandit::new(emitters, active, zeta, Reselect::All).is_err(), "{active} {zeta}");
        }
    }
}
