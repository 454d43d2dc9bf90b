//! A run folded into its archives: the one fold that everybody who shows a run shares.
//!
//! Needs the file and nothing else: settings and axes are parsed once from the stored configuration, cells come from the
//! file. Only of runs that were begun in format 1 or 2 they follow from the settings, which for a CVT is the work of
//! k-means.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use samara_qd::Tessellation;
use samara_search::{
    AxisSettings, Candidate, Emitting, Fate, FoldError, Invalid, Replay, SearchSettings, decode, settings,
};

use crate::cells;
use crate::error::JournalError;
use crate::reader::Reader;
use crate::record::{Cells, Event, EventKind, Header, SessionEnd, Totals, Work};
use crate::row::LifeColumns;

/// A run and its archives.
pub struct RunView {
    /// What the run is.
    pub header: Header,
    /// The `[search]` section that the run began with; later changes are `controls`.
    pub settings: SearchSettings,
    /// The `[[axes]]`.
    pub axes: Vec<AxisSettings>,
    /// The archives' cells.
    pub tessellation: Tessellation,
    /// All candidates, folded and compared with what was recorded of them.
    pub replay: Replay,
    /// The run's sums.
    pub totals: Totals,
    /// How its sessions ended.
    pub sessions: Vec<SessionEnd>,
    /// The settings that the run was resumed with: events whose kind is [`EventKind::Control`].
    pub controls: Vec<Event>,
    /// What workers elsewhere have evaluated, by their names.
    pub workers: Vec<WorkerSum>,
    /// Why candidates are invalid or failed, the commonest reasons first.
    pub reasons: Vec<Reason>,
    /// Whether the run says what it was begun from: see [`Reader::verifiable`].
    pub verifiable: bool,
}

/// A candidate of a run that is being folded.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// The name of the model that wrote it.
    pub model: Option<&'a str>,
    /// Wall time of making and evaluating it, in milliseconds.
    pub live_ms: f64,
    /// The archives behind it.
    pub replay: &'a Replay,
    /// Whether none is settled after it: what is only wanted of the end may be left out before.
    pub last: bool,
}

/// What a worker has evaluated in a run, as far as it is noted.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct WorkerSum {
    /// Its name.
    pub name: String,
    /// Candidates that it has evaluated.
    pub evaluated: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Wall time of its evaluations, in seconds.
    pub seconds: f64,
    /// The longest of them, in seconds.
    pub longest: f64,
}

impl WorkerSum {
    /// The sums of what events say, in the order of the names.
    fn of<'a>(events: impl Iterator<Item = &'a Work>) -> Vec<Self> {
        let mut sums: BTreeMap<&str, Self> = BTreeMap::new();
        for worked in events.flat_map(|work| &work.workers) {
            let sum = sums.entry(&worked.worker).or_default();
            sum.evaluated += worked.candidates.len() as u64;
            sum.failed = sum.failed.saturating_add(worked.failed);
            for ms in &worked.ms {
                sum.seconds += ms / 1e3;
                sum.longest = sum.longest.max(ms / 1e3);
            }
        }
        sums.into_iter().map(|(name, sum)| Self { name: name.to_owned(), ..sum }).collect()
    }
}

/// Why candidates are invalid or failed, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `invalid` or `failed`.
    pub fate: String,
    /// The first line of what was recorded, cut to 200 characters.
    pub why: String,
    /// Candidates.
    pub count: u64,
}

/// Reasons as they are counted: not more different ones than a reader has memory for, since each may be of its own.
#[derive(Default)]
struct Reasons(BTreeMap<(&'static str, String), u64>);

impl Reasons {
    const MOST: usize = 10_000;
    const LENGTH: usize = 200;

    /// As they were counted so far.
    fn of(reasons: Vec<Reason>) -> Self {
        let known = [Fate::Invalid { why: String::new() }, Fate::Failed { why: String::new() }];
        let name = |fate: &str| known.iter().map(Fate::name).find(|name| *name == fate);
        let counted = reasons.into_iter().filter_map(|one| Some(((name(&one.fate)?, one.why), one.count)));
        Self(counted.collect())
    }

    fn count(&mut self, fate: &Fate) {
        let Some(why) = fate.why() else { return };
        let first = why.lines().next().unwrap_or_default().chars().take(Self::LENGTH).collect();
        let known = self.0.len();
        match self.0.entry((fate.name(), first)) {
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(reason) if known < Self::MOST => {
                reason.insert(1);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// The commonest first; those equally common in alphabetical order.
    fn ordered(self) -> Vec<Reason> {
        let reason =
            |((fate, why), count): ((&str, String), u64)| Reason { fate: fate.to_owned(), why, count };
        let mut reasons: Vec<Reason> = self.0.into_iter().map(reason).collect();
        reasons.sort_by_key(|reason| Reverse(reason.count));
        reasons
    }
}

impl RunView {
    /// Reads and folds a run, from the path of the file or of its directory.
    ///
    /// # Errors
    /// If the journal can't be read, its settings can't be used, it is larger than a reader takes on, or folding gives
    /// something else than was recorded.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::of(&Reader::open(path)?)
    }

    /// Folds the run of a reader.
    ///
    /// # Errors
    /// As [`RunView::open`].
    pub fn of(reader: &Reader) -> Result<Self, JournalError> {
        Self::following(reader, &mut |_| {})
    }

    /// Folds the run of a reader, and hands over every candidate behind its settling: for curves and whatever else is
    /// more than the end.
    ///
    /// # Errors
    /// As [`RunView::open`].
    pub fn following(reader: &Reader, follow: &mut dyn FnMut(Step<'_>)) -> Result<Self, JournalError> {
        Self::with_emitters(reader, None, follow)
    }

    /// The same with the emitters that proposed the run's vectors, which learn again what they have learnt: see
    /// [`Replay::with_emitters`].
    ///
    /// # Errors
    /// As [`RunView::open`].
    pub fn with_emitters(
        reader: &Reader,
        emitting: Option<Emitting>,
        follow: &mut dyn FnMut(Step<'_>),
    ) -> Result<Self, JournalError> {
        reader.snapshot(|| {
            let path = reader.path();
            let (settings, axes) = search_of(&reader.header().config, reader.begun_format())
                .map_err(|source| JournalError::Settings { path: path.to_owned(), source })?;
            let tessellation = tessellation(reader, &settings, &axes)?;
            let replay = Replay::new(&settings, tessellation.clone())
                .map_err(|source| JournalError::Settings { path: path.to_owned(), source })?;
            let mut replay = match emitting {
                Some(emitting) => replay.with_emitters(emitting),
                None => replay,
            };
            let mut reasons = Reasons::default();
            let (controls, workers) = folded(reader, &mut replay, &mut reasons, follow)?;
            Ok(Self {
                header: reader.header().clone(),
                settings,
                axes,
                tessellation,
                replay,
                totals: reader.totals()?,
                sessions: reader.sessions()?,
                controls,
                workers,
                reasons: reasons.ordered(),
                verifiable: reader.verifiable(),
            })
        })
    }

    /// Folds what has settled since, for whoever follows a run that goes on: the time that this takes does not depend on
    /// what is folded already. The result is whether the reader's run is this one and goes on where it was; if it is not,
    /// nothing is changed. After an error the view is of no use.
    ///
    /// # Errors
    /// As [`RunView::open`].
    pub fn go_on(&mut self, reader: &Reader, follow: &mut dyn FnMut(Step<'_>)) -> Result<bool, JournalError> {
        reader.snapshot(|| {
            let totals = reader.totals()?;
            if *reader.header() != self.header || totals.candidates < self.replay.settled() {
                return Ok(false);
            }
            let mut reasons = Reasons::of(std::mem::take(&mut self.reasons));
            (self.controls, self.workers) = folded(reader, &mut self.replay, &mut reasons, follow)?;
            self.reasons = reasons.ordered();
            (self.totals, self.sessions) = (totals, reader.sessions()?);
            Ok(true)
        })
    }
}

/// The `[search]` section and the `[[axes]]` of a stored configuration. `begun` is the format that the run began in:
/// until format 2 a baseline could be called an algorithm, and the novelty archive was the search's.
///
/// # Errors
/// No TOML, or sections that can't be used.
pub fn search_of(config: &str, begun: u32) -> Result<(SearchSettings, Vec<AxisSettings>), Invalid> {
    let hint = "the run may be of a later samara, or somebody changed it";
    let mut table: toml::Table = config
        .parse()
        .map_err(|error: toml::de::Error| Invalid::new("config", error.message().to_owned(), hint))?;
    if begun < 3 {
        settings::translate(&mut table);
    }
    let mut search = match table.remove("search") {
        Some(toml::Value::Table(search)) => search,
        None => toml::Table::new(),
        Some(_) => return Err(Invalid::new("search", "is no table", hint)),
    };
    if begun < 3 {
        search.remove("novelty");
    }
    let settings: SearchSettings = decode(&search, "search")?;
    settings.validate()?;
    let axes = match table.get("axes") {
        Some(toml::Value::Array(axes)) => axes.as_slice(),
        None => &[],
        Some(_) => return Err(Invalid::new("axes", "is no list of tables", hint)),
    };
    let axis = |(position, axis): (usize, &toml::Value)| match axis {
        toml::Value::Table(axis) => decode(axis, &format!("axes[{position}]")),
        _ => Err(Invalid::new(format!("axes[{position}]"), "is no table", hint)),
    };
    Ok((settings, axes.iter().enumerate().map(axis).collect::<Result<_, _>>()?))
}

fn tessellation(
    reader: &Reader,
    settings: &SearchSettings,
    axes: &[AxisSettings],
) -> Result<Tessellation, JournalError> {
    let path = || reader.path().to_owned();
    let too_big = |detail| JournalError::TooBigToRead { path: path(), detail };
    if !reader.verifiable() {
        cells::check(settings, axes, None).map_err(too_big)?;
        return settings.tessellation(axes).map_err(|source| JournalError::Settings { path: path(), source });
    }
    let mut stored = reader.tessellations()?;
    // One set of cells for all islands and candidates is what this version folds.
    let same = |cells: &Cells| cells.from_index == 0 && cells.tessellation == stored[0].tessellation;
    if stored.is_empty() || !stored.iter().all(same) {
        let detail = if stored.is_empty() {
            "it has no cells"
        } else {
            "its islands have different cells, or they change in mid-run"
        };
        return Err(JournalError::damaged(reader.path(), detail));
    }
    let tessellation = stored.swap_remove(0).tessellation;
    cells::check(settings, axes, Some(tessellation.cells())).map_err(too_big)?;
    Ok(tessellation)
}

/// Folds all candidates that are not folded yet, with the migrations compared; the result is the changes of settings, and
/// what workers have done.
fn folded(
    reader: &Reader,
    replay: &mut Replay,
    reasons: &mut Reasons,
    follow: &mut dyn FnMut(Step<'_>),
) -> Result<(Vec<Event>, Vec<WorkerSum>), JournalError> {
    let fail = |source| JournalError::Fold { path: reader.path().to_owned(), source };
    let (first, settled) = (replay.settled(), reader.totals()?.candidates);
    let events = reader.events()?;
    let (migrations, others): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| matches!(event.kind, EventKind::Migration(_)));
    let work = others.iter().filter_map(|event| match &event.kind {
        EventKind::Work(work) => Some(work),
        EventKind::Migration(_) | EventKind::Control(_) => None,
    });
    let workers = WorkerSum::of(work);
    let mut controls = others;
    controls.retain(|event| matches!(event.kind, EventKind::Control(_)));
    // Those that are due by now were compared when they were folded.
    let mut recorded =
        migrations.into_iter().skip_while(|event| event.after <= first && first > 0).peekable();
    reader.fold_lived(first, &mut |candidate, lived| {
        reasons.count(&candidate.fate);
        let migration = replay.refold(&candidate).map_err(fail)?;
        let after = candidate.index + 1;
        let LifeColumns { model, live_ms, .. } = lived;
        let last = after == settled;
        follow(Step { candidate: &candidate, model: model.as_deref(), live_ms, replay, last });
        let found = recorded.next_if(|event| event.after <= after).map(|event| event.kind);
        if found == migration.map(EventKind::Migration) {
            return Ok(());
        }
        Err(fail(FoldError::Migration { after }))
    })?;
    match recorded.next() {
        Some(event) => Err(fail(FoldError::Migration { after: event.after })),
        None => Ok((controls, workers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_reasons_come_first_and_there_are_not_more_than_memory_holds() {
        let mut reasons = Reasons::default();
        let invalid = |why: &str| Fate::Invalid { why: why.to_owned() };
        for why in ["b", "a\nand more", "c", "a", "c", "c"] {
            reasons.count(&invalid(why));
        }
        reasons.count(&Fate::Failed { why: "a".repeat(300) });
        reasons.count(&Fate::New);
        for i in 0..2 * Reasons::MOST {
            reasons.count(&invalid(&format!("d {i}")));
        }
        reasons.count(&invalid("c"));
        let ordered = reasons.ordered();
        assert_eq!(ordered.len(), Reasons::MOST);
        let told: Vec<(&str, &str, u64)> =
            ordered[..4].iter().map(|one| (&*one.fate, &*one.why, one.count)).collect();
        let long = "a".repeat(200);
        assert_eq!(
            told,
            [("invalid", "c", 4), ("invalid", "a", 2), ("failed", &long, 1), ("invalid", "b", 1)]
        );
    }

    #[test]
    fn random_search_of_an_old_run_is_the_strategy_that_it_was_an_algorithm_of() {
        let config = "[search]\nalgorithm = \"random_search\"\n[search.novelty]\nneighbours = 3\n";
        let (settings, axes) = search_of(config, 2).expect("settings of format 2");
        assert_eq!((settings.strategy.name(), axes.len()), ("random_search", 0));
        assert_eq!(settings.algorithm, SearchSettings::default().algorithm);
        assert!(search_of(config, 3).is_err(), "format 3 never wrote it so");
    }
}
