//! Recorded candidates folded into archives, without an environment: what every reader of a run does.

use std::sync::Arc;

use samara_qd::Tessellation;

use crate::{
    Candidate, Emitting, Fate, FateCounts, FoldError, Genome, Invalid, Migration, Placement, Population,
    Proposer as _, Score, SearchSettings, View,
};

/// A fold over recorded candidates.
#[derive(Debug, Clone)]
pub struct Replay {
    population: Population,
    settled: u64,
    fates: FateCounts,
    /// One an island, or none.
    emitters: Vec<Emitting>,
}

impl Replay {
    /// Before the first candidate.
    ///
    /// # Errors
    /// Rules that contradict each other or the cells.
    pub fn new(settings: &SearchSettings, tessellation: Tessellation) -> Result<Self, Invalid> {
        let population = Population::new(settings, tessellation)?;
        Ok(Self { population, settled: 0, fates: FateCounts::default(), emitters: Vec::new() })
    }

    /// The same with the emitters that proposed the candidates: they learn again what they have learnt. Only to be looked
    /// at, since nothing is proposed.
    #[must_use]
    pub fn with_emitters(self, emitting: Emitting) -> Self {
        let islands = self.population.islands().len();
        Self { emitters: vec![emitting; islands], ..self }
    }

    /// The emitters of each island; none unless they were given.
    pub fn emitters(&self) -> &[Emitting] {
        &self.emitters
    }

    /// The archives so far.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// How many candidates were folded.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// Their fates: those that folding gave, which other cells may make differ from the recorded ones.
    pub fn fates(&self) -> &FateCounts {
        &self.fates
    }

    /// Folds the next candidate, whatever its record says became of it: its fate here, and the migration that was due
    /// after it.
    pub fn settle(&mut self, candidate: &Candidate) -> (Placement, Option<Migration>) {
        let placement = match (&candidate.genome, &candidate.score) {
            (Some(genome), Some(score)) => self.population.offer(self.settled, genome, score),
            _ => Placement::nowhere(candidate.fate.clone().without_score()),
        };
        if !self.emitters.is_empty() {
            let view = View::new(&self.population, self.settled);
            let island = self.population.island_of(self.settled) as usize;
            self.emitters[island].settle(candidate, placement.value, &view);
        }
        self.settled += 1;
        self.fates.count(&placement.fate);
        let migration = self.population.migrate(self.settled).map(|(migration, _)| migration);
        (placement, migration)
    }

    /// Folds the next candidate, and checks that this gives what was recorded.
    ///
    /// # Errors
    /// It gives something else.
    pub fn refold(&mut self, candidate: &Candidate) -> Result<Option<Migration>, FoldError> {
        if candidate.index != self.settled {
            return Err(FoldError::Order { expected: self.settled, found: candidate.index });
        }
        let island = self.population.island_of(candidate.index);
        let (placement, migration) = self.settle(candidate);
        let cell = placement.cell.map(|cell| cell as u64);
        let recorded = (candidate.island, &candidate.fate, candidate.cell);
        FoldError::check(candidate.index, recorded, (island, &placement.fate, cell))?;
        Ok(migration)
    }

    /// Adds a score that belongs to no recorded candidate, such as a row of somebody else's history.
    pub fn add(&mut self, genome: Genome, score: Score) -> Placement {
        let placement = self.population.offer(self.settled, &Arc::new(genome), &Arc::new(score));
        self.settled += 1;
        self.fates.count(&placement.fate);
        placement
    }

    /// Counts a candidate without a score.
    pub fn add_unscored(&mut self, fate: &Fate) {
        self.settled += 1;
        self.fates.count(fate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AxisSettings, Charge};

    fn replay(bins: usize) -> Replay {
        let settings = SearchSettings::default();
        let cells = settings.tessellation(&[AxisSettings::even("x", [0.0, 1.0], bins)]).expect("cells");
        Replay::new(&settings, cells).expect("a fold")
    }

    fn candidate(index: u64, fate: Fate, score: Option<Score>) -> Candidate {
        Candidate {
            index,
            island: 0,
            horizon: 0,
            operator: String::new(),
            parents: Vec::new(),
            generator: None,
            genome: Some(Arc::new(Genome::text_of("x"))),
            score: score.map(Arc::new),
            fate,
            cell: Some(0),
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    #[test]
    fn other_cells_give_other_fates_and_the_record_is_not_believed() {
        let record = [0.1, 0.9].map(|x| Some(Score::new(1.0, vec![x])));
        for (bins, fates) in [(1, [Fate::New, Fate::NotBetter]), (2, [Fate::New, Fate::New])] {
            let mut replay = replay(bins);
            for ((index, score), fate) in (0..).zip(&record).zip(fates) {
                let (placement, _) = replay.settle(&candidate(index, Fate::New, score.clone()));
                assert_eq!(placement.fate, fate);
            }
        }
    }

    #[test]
    fn a_fate_that_needs_a_score_fails_without_one() {
        let (placement, _) = replay(1).settle(&candidate(0, Fate::Improved, None));
        assert_eq!(placement.fate.why(), Some("recorded as improved without a score"));
    }

    #[test]
    fn a_history_counts_its_rows_and_their_fates() {
        let mut replay = replay(1);
        replay.add(Genome::text_of("a"), Score::new(1.0, vec![0.5]));
        replay.add_unscored(&Fate::Invalid { why: "not a number".to_owned() });
        let placement = replay.add(Genome::text_of("b"), Score::new(2.0, vec![0.5]));
        assert_eq!((placement.fate, placement.displaced, replay.settled()), (Fate::Improved, Some(0), 3));
        assert_eq!(*replay.fates(), FateCounts { new: 1, improved: 1, invalid: 1, ..FateCounts::default() });
        assert_eq!(replay.population().overall().genome(2).text(), "b");
    }

    #[test]
    fn a_difference_names_both_sides() {
        let scored = candidate(0, Fate::NotBetter, Some(Score::new(1.0, vec![0.5])));
        let error = |candidate: &Candidate| replay(1).refold(candidate).expect_err("refused").to_string();
        assert_eq!(
            error(&scored),
            "candidate 0 is recorded as not_better in cell 0, but folding the run gives new in cell 0"
        );
        let elsewhere = Candidate { island: 2, fate: Fate::New, ..scored.clone() };
        assert_eq!(
            error(&elsewhere),
            "candidate 0 is recorded as new in cell 0 on island 2, but folding the run gives new in cell 0 on island 0"
        );
        let later = Candidate { index: 7, ..scored };
        assert_eq!(error(&later), "candidate 7 comes where candidate 0 should");
    }
}
