//! All candidates of a run in a few numbers each: who made them out of what, how they did, what became of them. Enough for
//! lineages, children, operators and the archive at any time, without reading the run again.
//!
//! Folded along with the run, like [`crate::trace`]. A candidate takes some hundred bytes, and no text of it is kept.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use samara_journal::run_view::Step;
use samara_qd::{Archive, Rules, Tessellation};
use samara_search::{Candidate, Charge, Fate, Genome, Replay, Score, SearchSettings, Trial};

use crate::{bandits::Emitted, lineage::masked};

/// Named numbers of a candidate that are kept at most.
const MOST_METRICS: usize = 16;
/// Names of them in a run at most: a crafted record may have any number.
const MOST_NAMES: usize = 200;

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
    /// The position of its writer in the generator's ensemble.
    pub generator: Option<u32>,
    /// Model calls, tokens and money, a cached answer at the price it had.
    pub charge: Charge,
    /// Wall time of its model calls, in milliseconds.
    pub model_ms: f64,
    /// Whether it differs from its first parent in numbers alone; `None` where that was not looked at, or there is nothing
    /// to compare.
    pub only_numbers: Option<bool>,
}

impl Entry<'_> {
    /// What a bandit over generators learns from; `None` where the run had one generator.
    pub fn trial(&self) -> Option<Trial> {
        Some(Trial { generator: self.generator?, charge: self.charge, model_ms: self.model_ms })
    }
}

/// A text in two numbers: all of it, and all of it but the values of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    whole: u64,
    masked: u64,
}

impl Print {
    fn of(genome: &Genome) -> Self {
        let hash = |text: &str| {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            hasher.finish()
        };
        let text = genome.text();
        Self { whole: hash(&text), masked: hash(&masked(&text)) }
    }
}

#[derive(Debug, Clone, Copy)]
struct Row {
    island: u32,
    operator: u32,
    model: u32,
    became: Became,
    generator: Option<u32>,
    objective: Option<f64>,
    charge: Charge,
    model_ms: f64,
    /// Ends of what it has of the parents, the measures and the metrics of all.
    parents: u32,
    metrics: u32,
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
    /// Named by places in `metric_names`.
    metrics: Vec<(u32, f64)>,
    names: Names,
    metric_names: Names,
    /// One a candidate if genomes are programs, else none.
    prints: Vec<Option<Print>>,
    programs: bool,
    emitted: Emitted,
}

/// What candidates are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// How they were made.
    #[default]
    Operator,
    /// The model that wrote them.
    Model,
    /// The island.
    Island,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Model, Self::Island];

    /// As an address and a page say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Model => "model",
            Self::Island => "island",
        }
    }

    /// What a candidate is counted to.
    pub fn of(self, entry: &Entry<'_>) -> String {
        match self {
            Self::Operator if entry.operator.is_empty() => "unnamed".to_owned(),
            Self::Operator => entry.operator.to_owned(),
            Self::Model if entry.model.is_empty() => "no model".to_owned(),
            Self::Model => entry.model.to_owned(),
            Self::Island => format!("island {}", entry.island),
        }
    }
}

/// What candidates of one kind came to in a part of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Part {
    /// Candidates.
    pub made: u64,
    /// Those that entered an archive.
    pub entered: u64,
    /// What they are better by than their first parents.
    pub gains: Gains,
    /// What their calls cost.
    pub spent: Charge,
    /// Wall time of their calls, in milliseconds.
    pub model_ms: f64,
    /// Those that could be compared with their first parent as texts, and those that differ in numbers alone.
    pub told: [u64; 2],
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

    /// The same for a run whose genomes are programs: of these it is noted which steps changed numbers and nothing else.
    pub fn of_programs(programs: bool) -> Self {
        Self { programs, ..Self::default() }
    }

    /// Takes the next candidate in.
    pub fn follow(&mut self, step: Step<'_>) {
        let Step { candidate, model, replay, .. } = step;
        self.emitted.follow(replay.settled(), replay.emitters());
        if self.programs {
            self.prints.push(candidate.genome.as_deref().map(Print::of));
        }
        for (name, value) in candidate.score.iter().flat_map(|score| &score.metrics).take(MOST_METRICS) {
            if self.metric_names.names.len() < MOST_NAMES || self.metric_names.places.contains_key(name) {
                self.metrics.push((self.metric_names.place(name), *value));
            }
        }
        // A crafted record may name any number as a parent: what is not older is none.
        self.parents.extend(candidate.parents.iter().copied().filter(|parent| *parent < candidate.index));
        self.measures.extend(candidate.measures().unwrap_or_default());
        let row = Row {
            island: candidate.island,
            operator: self.names.place(&candidate.operator),
            model: self.names.place(model.unwrap_or_default()),
            became: Became::of(&candidate.fate),
            generator: candidate.generator,
            objective: candidate.objective(),
            charge: candidate.charge,
            model_ms: candidate.model_ms,
            metrics: u32::try_from(self.metrics.len()).unwrap_or(u32::MAX),
            parents: u32::try_from(self.parents.len()).unwrap_or(u32::MAX),
            measures: self.measures.len() as u64,
        };
        self.rows.push(row);
    }

    /// How a bandit over the run's emitters went.
    pub fn emitted(&self) -> &Emitted {
        &self.emitted
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
        let parents = self.parents.get(parents..row.parents as usize).unwrap_or_default();
        Some(Entry {
            index,
            island: row.island,
            operator: self.names.name(row.operator),
            model: self.names.name(row.model),
            parents,
            objective: row.objective,
            measures: &self.measures[measures..row.measures as usize],
            became: row.became,
            generator: row.generator,
            charge: row.charge,
            model_ms: row.model_ms,
            only_numbers: self.only_numbers(at, parents),
        })
    }

    fn only_numbers(&self, at: usize, parents: &[u64]) -> Option<bool> {
        let print = |at: usize| self.prints.get(at).copied().flatten();
        let (new, old) = (print(at)?, print(usize::try_from(*parents.first()?).ok()?)?);
        Some(new.whole != old.whole && new.masked == old.masked)
    }

    /// The names of the numbers that candidates have beside their scores, in alphabetical order.
    pub fn metric_names(&self) -> Vec<&str> {
        self.metric_names.places.keys().map(|name| &**name).collect()
    }

    /// A named number of a candidate.
    pub fn metric(&self, index: u64, name: &str) -> Option<f64> {
        let (place, at) = (*self.metric_names.places.get(name)?, usize::try_from(index).ok()?);
        let from = at.checked_sub(1).map_or(0, |before| self.rows.get(before).map_or(0, |row| row.metrics));
        let own = self.metrics.get(from as usize..self.rows.get(at)?.metrics as usize)?;
        own.iter().find(|(name, _)| *name == place).map(|(_, value)| *value)
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

    /// All archives as they were after so many candidates, those of islands among them; genomes are left out, which
    /// [`samara_journal::Reader::genome`] reads. `None` where the settings have none.
    pub fn replay_at(
        &self,
        candidates: u64,
        settings: &SearchSettings,
        tessellation: &Tessellation,
    ) -> Option<Replay> {
        let mut replay = Replay::new(settings, tessellation.clone()).ok()?;
        let genome = Arc::new(Genome::text_of(""));
        for entry in (0..candidates.min(self.len())).filter_map(|index| self.get(index)) {
            let score = |objective| Arc::new(Score::new(objective, entry.measures.to_vec()));
            replay.settle(&Candidate {
                index: entry.index,
                island: entry.island,
                horizon: 0,
                operator: String::new(),
                parents: Vec::new(),
                generator: None,
                genome: Some(Arc::clone(&genome)),
                score: entry.objective.map(score),
                // Of one without a score; else it follows from the archive.
                fate: Fate::Failed { why: String::new() },
                cell: None,
                rank: None,
                copy_of: None,
                artifacts: Vec::new(),
                charge: Charge::default(),
                model_ms: 0.0,
            });
        }
        Some(replay)
    }

    /// By how much candidates are better than their first parents, by operator and model.
    pub fn gains(&self) -> BTreeMap<(&str, &str), Gains> {
        let mut gains: BTreeMap<(&str, &str), Gains> = BTreeMap::new();
        for entry in self.entries() {
            let parent = self.parent_objective(&entry);
            if entry.objective.is_some() && parent.is_some() {
                gains.entry((entry.operator, entry.model)).or_default().add(entry.objective, parent);
            }
        }
        gains
    }

    /// Candidates told apart, in so many equal parts of the run, one of these a group and part; the largest groups first.
    pub fn over_time(&self, by: By, parts: usize) -> Vec<(String, Vec<Part>)> {
        let length = self.rows.len().div_ceil(parts.max(1)).max(1);
        let count = self.rows.len().div_ceil(length);
        let mut groups: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        for entry in self.entries() {
            let name = by.of(&entry);
            let known = groups.len() < MOST_NAMES || groups.contains_key(&name);
            let name = if known { name } else { "all others".to_owned() };
            let group = groups.entry(name).or_insert_with(|| vec![Part::default(); count]);
            group[entry.index as usize / length].add(&entry, self.parent_objective(&entry));
        }
        let mut groups: Vec<(String, Vec<Part>)> = groups.into_iter().collect();
        let made = |parts: &[Part]| parts.iter().map(|part| part.made).sum::<u64>();
        groups.sort_by_key(|(_, parts)| std::cmp::Reverse(made(parts)));
        groups
    }

    fn parent_objective(&self, entry: &Entry<'_>) -> Option<f64> {
        self.get(*entry.parents.first()?)?.objective
    }
}

impl Gains {
    fn add(&mut self, objective: Option<f64>, parent: Option<f64>) {
        let (Some(objective), Some(parent)) = (objective, parent) else { return };
        self.compared += 1;
        if objective > parent {
            self.better += 1;
            self.sum += objective - parent;
            self.most = self.most.max(objective - parent);
        }
    }
}

impl Part {
    /// Takes what another counted.
    pub fn join(&mut self, other: &Self) {
        self.made += other.made;
        self.entered += other.entered;
        self.gains.compared += other.gains.compared;
        self.gains.better += other.gains.better;
        self.gains.sum += other.gains.sum;
        self.gains.most = self.gains.most.max(other.gains.most);
        self.spent += other.spent;
        self.model_ms += other.model_ms;
        self.told = [self.told[0] + other.told[0], self.told[1] + other.told[1]];
    }

    fn add(&mut self, entry: &Entry<'_>, parent: Option<f64>) {
        self.made += 1;
        self.entered += u64::from(entry.became.entered());
        self.gains.add(entry.objective, parent);
        self.spent += entry.charge;
        self.model_ms += entry.model_ms;
        if let Some(only) = entry.only_numbers {
            self.told[0] += 1;
            self.told[1] += u64::from(only);
        }
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
            book.follow(Step {
                candidate: &candidate,
                model: Some("m"),
                live_ms: 1.0,
                replay: &replay,
                last: true,
            });
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
        let parts = book.over_time(By::Operator, 2);
        let told = |(name, parts): &(String, Vec<Part>)| {
            (name.clone(), parts.iter().map(|part| (part.made, part.entered, part.gains.better)).collect())
        };
        let told: Vec<(String, Vec<_>)> = parts.iter().map(told).collect();
        let expected = [
            ("cross".to_owned(), vec![(1, 1, 1), (2, 1, 0)]),
            ("seed".to_owned(), vec![(1, 1, 0), (0, 0, 0)]),
        ];
        assert_eq!(told, expected);
        assert_eq!(book.over_time(By::Island, 1)[0].0, "island 0");
        assert!(Book::new().over_time(By::Model, 5).is_empty());
    }

    #[test]
    fn steps_of_numbers_alone_are_known_of_programs_and_metrics_by_their_names() {
        let text = |index: u64, text: &str| {
            let mut made = candidate(index, index.checked_sub(1).into_iter().collect(), Some((1.0, 0.1)));
            made.genome = Some(Arc::new(Genome::text_of(text)));
            made
        };
        let texts = ["x = 1", "x = 2", "x = 2", "y = 2"];
        let mut candidates: Vec<Candidate> =
            texts.iter().enumerate().map(|(index, one)| text(index as u64, one)).collect();
        if let Some(score) = &mut candidates[1].score {
            Arc::make_mut(score).metrics.insert("speed".to_owned(), 3.5);
        }
        let settings = SearchSettings::default();
        let axes = [AxisSettings::even("x", [0.0, 1.0], 5)];
        let replay = Replay::new(&settings, settings.tessellation(&axes).expect("cells")).expect("a fold");
        let (mut book, mut other) = (Book::of_programs(true), Book::new());
        for candidate in &candidates {
            let step = Step { candidate, model: None, live_ms: 1.0, replay: &replay, last: true };
            book.follow(step);
            other.follow(step);
        }
        let only = |book: &Book| book.entries().map(|entry| entry.only_numbers).collect::<Vec<_>>();
        assert_eq!(only(&book), [None, Some(true), Some(false), Some(false)]);
        assert_eq!(only(&other), [None; 4]);
        assert_eq!(book.metric_names(), ["speed"]);
        let speeds = [0, 1, 2, 9].map(|index| book.metric(index, "speed"));
        assert_eq!((speeds, book.metric(1, "none")), ([None, Some(3.5), None, None], None));
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
