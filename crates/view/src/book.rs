//! All candidates of a run in a few numbers each: who made them out of what, how they did, what became of them. Enough for
//! lineages, children, operators and the archive at any time, without reading the run again.
//!
//! Folded along with the run, like [`crate::trace`]. A candidate takes some hundred bytes, and no text of it is kept.

use std::collections::BTreeMap;

use samara_journal::run_view::Step;
use samara_qd::{Archive, Rules, Tessellation};
use samara_search::Fate;

/// What became of a candidate, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Became {
    /// It filled an empty cell.
    New,
    /// It entered a filled cell.
    Improved,
    /// Its cell did not take it.
    NotBetter,
    /// Nothing usable was written.
    Invalid,
    /// It ran badly.
    Failed,
}

impl Became {
    fn of(fate: &Fate) -> Self {
        match fate {
            Fate::New => Self::New,
            Fate::Improved => Self::Improved,
            Fate::NotBetter => Self::NotBetter,
            Fate::Invalid { .. } => Self::Invalid,
            Fate::Failed { .. } => Self::Failed,
        }
    }

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Improved => "improved",
            Self::NotBetter => "not better",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }

    /// Whether it entered an archive.
    pub fn entered(self) -> bool {
        matches!(self, Self::New | Self::Improved)
    }
}

/// A candidate in a few numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// Its place in the run.
    pub index: u64,
    /// Its island.
    pub island: u32,
    /// How it was made.
    pub operator: &'a str,
    /// The model that wrote it; empty for none.
    pub model: &'a str,
    /// Its parents, in the order they were used.
    pub parents: &'a [u64],
    /// Its objective, if it was scored.
    pub objective: Option<f64>,
    /// Its measures; none without a score.
    pub measures: &'a [f64],
    /// What became of it.
    pub became: Became,
    /// Model calls, tokens and money.
    pub tokens: u64,
    /// Money, a cached answer at the price it had.
    pub money: f64,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    island: u32,
    operator: u32,
    model: u32,
    became: Became,
    objective: Option<f64>,
    tokens: u64,
    money: f64,
    /// Ends of what it has of the parents and the measures of all.
    parents: u32,
    measures: u64,
}

/// Names, each once.
#[derive(Debug, Default)]
struct Names {
    places: BTreeMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.names.len() as u32;
        self.places.insert(name.to_owned(), place);
        self.names.push(name.to_owned());
        place
    }

    fn name(&self, place: u32) -> &str {
        self.names.get(place as usize).map_or("", |name| name)
    }
}

/// All candidates of a run.
#[derive(Debug, Default)]
pub struct Book {
    rows: Vec<Row>,
    parents: Vec<u64>,
    measures: Vec<f64>,
    names: Names,
}

/// What candidates that were made in one way brought, beyond what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Gains {
    /// Candidates that have a score, and a parent that has one.
    pub compared: u64,
    /// Those of them that are better than their first parent.
    pub better: u64,
    /// The sum of what these are better by.
    pub sum: f64,
    /// The most that one is better by.
    pub most: f64,
}

impl Book {
    /// Before the first candidate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next candidate in.
    pub fn follow(&mut self, step: Step<'_>) {
        let Step { candidate, model, .. } = step;
        // A crafted record may name any number as a parent: what is not older is none.
        self.parents.extend(candidate.parents.iter().copied().filter(|parent| *parent < candidate.index));
        self.measures.extend(candidate.measures().unwrap_or_default());
        let row = Row {
            island: candidate.island,
            operator: self.names.place(&candidate.operator),
            model: self.names.place(model.unwrap_or_default()),
            became: Became::of(&candidate.fate),
            objective: candidate.objective(),
            tokens: candidate.charge.tokens,
            money: candidate.charge.money,
            parents: u32::try_from(self.parents.len()).unwrap_or(u32::MAX),
            measures: self.measures.len() as u64,
        };
        self.rows.push(row);
    }

    /// How many candidates there are.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A candidate; `None` if there is none of this index.
    pub fn get(&self, index: u64) -> Option<Entry<'_>> {
        let at = usize::try_from(index).ok()?;
        let row = self.rows.get(at)?;
        let (parents, measures) = match at.checked_sub(1).map(|before| &self.rows[before]) {
            Some(before) => (before.parents as usize, before.measures as usize),
            None => (0, 0),
        };
        Some(Entry {
            index,
            island: row.island,
            operator: self.names.name(row.operator),
            model: self.names.name(row.model),
            parents: self.parents.get(parents..row.parents as usize).unwrap_or_default(),
            objective: row.objective,
            measures: &self.measures[measures..row.measures as usize],
            became: row.became,
            tokens: row.tokens,
            money: row.money,
        })
    }

    /// All candidates, in their order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The candidates that were made out of this one.
    pub fn children(&self, of: u64) -> Vec<u64> {
        let after = (of + 1..self.len()).filter_map(|index| self.get(index));
        after.filter(|entry| entry.parents.contains(&of)).map(|entry| entry.index).collect()
    }

    /// A candidate and its ancestors by first parents, the eldest first; empty if there is no such candidate.
    pub fn ancestors(&self, of: u64) -> Vec<u64> {
        let mut line = Vec::new();
        let mut next = self.get(of);
        while let Some(entry) = next {
            line.push(entry.index);
            // Older than the one before it, so that there is an end.
            next = entry.parents.first().and_then(|parent| self.get(*parent));
        }
        line.reverse();
        line
    }

    /// Everybody who descends from a candidate by first parents, each with the first parent, in their order.
    pub fn descendants(&self, of: u64) -> Vec<(u64, u64)> {
        let mut member = vec![false; self.rows.len()];
        if let Some(mark) = usize::try_from(of).ok().and_then(|of| member.get_mut(of)) {
            *mark = true;
        }
        let mut found = Vec::new();
        for entry in (of.saturating_add(1)..self.len()).filter_map(|index| self.get(index)) {
            if let Some(parent) = entry.parents.first().filter(|parent| member[**parent as usize]) {
                member[entry.index as usize] = true;
                found.push((entry.index, *parent));
            }
        }
        found
    }

    /// The archive as it was after so many candidates: without genomes, which [`samara_journal::Reader::genome`] reads.
    /// `None` where these rules and cells have none.
    pub fn archive_at(&self, candidates: u64, tessellation: &Tessellation, rules: Rules) -> Option<Archive> {
        let mut archive = Archive::new(tessellation.clone(), rules).ok()?;
        for entry in (0..candidates.min(self.len())).filter_map(|index| self.get(index)) {
            if let Some(objective) = entry.objective {
                // What an archive can't hold is a failed candidate of the run.
                let _ = archive.add(entry.index, objective, entry.measures);
            }
        }
        Some(archive)
    }

    /// By how much candidates are better than their first parents, by operator and model.
    pub fn gains(&self) -> BTreeMap<(&str, &str), Gains> {
        let mut gains: BTreeMap<(&str, &str), Gains> = BTreeMap::new();
        for entry in self.entries() {
            let parent = entry.parents.first().and_then(|parent| self.get(*parent)?.objective);
            let (Some(objective), Some(parent)) = (entry.objective, parent) else { continue };
            let of_way = gains.entry((entry.operator, entry.model)).or_default();
            of_way.compared += 1;
            if objective > parent {
                of_way.better += 1;
                of_way.sum += objective - parent;
                of_way.most = of_way.most.max(objective - parent);
            }
        }
        gains
    }

    /// Of every operator the share of its candidates that entered an archive, in so many equal parts of the run; `None` in
    /// a part in which it made none.
    pub fn success(&self, parts: usize) -> BTreeMap<&str, Vec<Option<f64>>> {
        let length = self.rows.len().div_ceil(parts.max(1)).max(1);
        let mut counts: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
        for entry in self.entries() {
            let of_operator = counts
                .entry(entry.operator)
                .or_insert_with(|| vec![(0, 0); self.rows.len().div_ceil(length)]);
            let (entered, all) = &mut of_operator[entry.index as usize / length];
            *all += 1;
            *entered += u64::from(entry.became.entered());
        }
        let share = |(entered, all): (u64, u64)| (all > 0).then(|| entered as f64 / all as f64);
        counts.into_iter().map(|(name, counts)| (name, counts.into_iter().map(share).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use samara_search::{AxisSettings, Candidate, Charge, Genome, Replay, Score, SearchSettings};

    use super::*;

    fn candidate(index: u64, parents: Vec<u64>, scored: Option<(f64, f64)>) -> Candidate {
        Candidate {
            index,
            island: 0,
            horizon: 0,
            operator: if parents.is_empty() { "seed" } else { "cross" }.into(),
            parents,
            generator: None,
            genome: Some(Arc::new(Genome::text_of("x"))),
            score: scored.map(|(objective, measure)| Arc::new(Score::new(objective, vec![measure]))),
            fate: Fate::Failed { why: "no".into() },
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    fn folded(candidates: Vec<Candidate>) -> (Book, Replay, Vec<Archive>) {
        let settings = SearchSettings::default();
        let axes = [AxisSettings::even("x", [0.0, 1.0], 5)];
        let mut replay =
            Replay::new(&settings, settings.tessellation(&axes).expect("cells")).expect("a fold");
        let (mut book, mut archives) = (Book::new(), Vec::new());
        for mut candidate in candidates {
            candidate.fate = replay.settle(&candidate).0.fate;
            book.follow(Step { candidate: &candidate, model: Some("m"), live_ms: 1.0, replay: &replay });
            archives.push(replay.population().overall().archive().clone());
        }
        (book, replay, archives)
    }

    #[test]
    fn families_are_found_whatever_parents_a_record_names() {
        let parents = [vec![], vec![0], vec![0, 1], vec![7, 2], vec![1], vec![u64::MAX]];
        let made = |(index, parents): (usize, &Vec<u64>)| candidate(index as u64, parents.clone(), None);
        let (book, ..) = folded(parents.iter().enumerate().map(made).collect());
        assert_eq!(book.children(0), [1, 2]);
        assert_eq!(
            (book.ancestors(3), book.ancestors(4), book.ancestors(9)),
            (vec![0, 2, 3], vec![0, 1, 4], vec![])
        );
        assert_eq!(book.descendants(0), [(1, 0), (2, 0), (3, 2), (4, 1)]);
        assert_eq!(book.get(3).map(|entry| entry.parents), Some(&[2][..]));
        assert_eq!((book.descendants(9), book.descendants(u64::MAX), book.len()), (vec![], vec![], 6));
    }

    #[test]
    fn what_operators_brought_is_counted_against_first_parents() {
        let made = [
            candidate(0, vec![], Some((1.0, 0.1))),
            candidate(1, vec![0], Some((3.0, 0.1))),
            candidate(2, vec![1], Some((2.0, 0.9))),
            candidate(3, vec![2], None),
        ];
        let (book, ..) = folded(made.into());
        let gains = book.gains();
        assert_eq!(gains.get(&("cross", "m")), Some(&Gains { compared: 2, better: 1, sum: 2.0, most: 2.0 }));
        assert_eq!(gains.get(&("seed", "m")), None);
        assert_eq!(book.success(2)["cross"], [Some(1.0), Some(0.5)]);
        assert_eq!(book.success(2)["seed"], [Some(1.0), None]);
        assert!(Book::new().success(5).is_empty());
    }

    proptest! {
        #[test]
        fn the_archive_at_any_time_is_what_it_was_then(
            scores in proptest::collection::vec(proptest::option::of((-5.0..5.0_f64, 0.0..1.0_f64)), 1..40),
        ) {
            let made = scores.iter().enumerate().map(|(index, score)| candidate(index as u64, vec![], *score));
            let (book, replay, archives) = folded(made.collect());
            let found = replay.population().overall().archive();
            for (index, archive) in archives.iter().enumerate() {
                let at = book.archive_at(index as u64 + 1, found.tessellation(), *found.rules());
                let elites = |archive: &Archive| archive.iter().map(|elite| (elite.id, elite.cell)).collect::<Vec<_>>();
                let at = at.expect("an archive");
                prop_assert_eq!(elites(&at), elites(archive));
                prop_assert_eq!(at.stats(), archive.stats());
            }
        }
    }
}
