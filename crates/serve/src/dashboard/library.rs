//! What is held of runs: folded once, and folded on as they grow.
//!
//! A journal is opened anew whenever its run is looked at, to read only, and closed when the page is made: whoever writes
//! it never waits. What is held is a run's fold without its texts; the runs that were looked at last are kept.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant, SystemTime};

use samara_journal::{AskedSums, Header, Input, JournalError, Reader, RunView, is_written};
use samara_view::book::Book;
use samara_view::dashboard::Shown;
use samara_view::report::{Given, Run, State};
use samara_view::trace::Trace;

use super::{Catalogue, Known};

/// Runs whose folds are kept.
pub(crate) const MOST_HELD: usize = 32;
/// How long back the rate of a run is measured.
const WINDOW: Duration = Duration::from_secs(60);

/// All runs.
pub(crate) struct Library {
    catalogue: Catalogue,
    known: fn(&Header) -> Known,
    shelves: Mutex<BTreeMap<String, Arc<Shelf>>>,
    clock: AtomicU64,
    /// Whether somebody reads the runs that the list does not know yet.
    pub(crate) reading: AtomicBool,
    /// Pages that are being made.
    asked: AtomicUsize,
}

/// A page is being made while this is held.
pub(crate) struct Asking<'a>(&'a Library);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asked.fetch_sub(1, Relaxed);
    }
}

/// Nobody else sums up the calls of a run ahead while this is held.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// A run's place.
pub(crate) struct Shelf {
    pub(crate) name: String,
    path: PathBuf,
    held: Mutex<Option<Box<Held>>>,
    used: AtomicU64,
    /// When it had how many candidates, lately.
    seen: Mutex<VecDeque<(Instant, u64)>>,
    /// Whether it is held, or was and is looked at.
    was_read: AtomicBool,
    /// Whether somebody sums up its calls ahead.
    summing: AtomicBool,
    /// What the list knows of it.
    pub(crate) listed: Mutex<Option<super::figures::Kept>>,
    /// Whether that is to be told to whoever follows.
    pub(crate) news: AtomicBool,
}

/// A run that is held.
pub(crate) struct Held {
    run: Run,
    book: Book,
    asked: AskedSums,
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is nothing of that name.
    NotThere(String),
    /// The run can't be read or shown.
    Broken(String),
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<samara_view::picture::OtherAxes> for Trouble {
    fn from(error: samara_view::picture::OtherAxes) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What tells whether a file of a run has changed: the length and the time of the journal and of the log beside it.
pub(crate) type Stamp = [Option<(u64, SystemTime)>; 2];

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a page that panicked was at is taken out of its place before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Library {
    pub(crate) fn new(catalogue: Catalogue, known: fn(&Header) -> Known) -> Self {
        let library = Self {
            catalogue,
            known,
            shelves: Mutex::default(),
            clock: AtomicU64::new(1),
            reading: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        };
        library.look_around();
        library
    }

    /// Says that a page is being made: what nobody has asked for yet waits.
    pub(crate) fn asking(&self) -> Asking<'_> {
        self.asked.fetch_add(1, Relaxed);
        Asking(self)
    }

    /// Whether pages are being made.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Relaxed) > 0
    }

    /// Looks which runs there are by now.
    pub(crate) fn look_around(&self) {
        let found = self.catalogue.find();
        let mut shelves = locked(&self.shelves);
        shelves.retain(|name, shelf| found.get(name) == Some(&shelf.path));
        for (name, path) in found {
            let shelf = |name: &String| Arc::new(Shelf::new(name, path));
            shelves.entry(name.clone()).or_insert_with(|| shelf(&name));
        }
    }

    /// All places, in the order of their names.
    pub(crate) fn shelves(&self) -> Vec<Arc<Shelf>> {
        locked(&self.shelves).values().cloned().collect()
    }

    /// The run of a name.
    pub(crate) fn shelf(&self, name: &str) -> Result<Arc<Shelf>, Trouble> {
        let find = || locked(&self.shelves).get(name).cloned();
        let found = find().or_else(|| {
            self.look_around();
            find()
        });
        found.ok_or_else(|| Trouble::NotThere(format!("There is no run called {name}.")))
    }

    /// Does something with a run as it is now. While somebody else reads it, that is waited for.
    pub(crate) fn with<T>(
        &self,
        shelf: &Shelf,
        work: impl FnOnce(Shown<'_>, &Reader) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.look_at(shelf);
        self.in_passing(shelf, work)
    }

    /// The same for whoever only passes by: it is nothing that keeps the run longer than others.
    pub(crate) fn in_passing<T>(
        &self,
        shelf: &Shelf,
        work: impl FnOnce(Shown<'_>, &Reader) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut place = locked(&shelf.held);
        let reader = Reader::open(&shelf.path)?;
        // Out of its place: whatever ends this early leaves nothing half done.
        let held = self.brought_up(shelf, place.take(), &reader)?;
        let shown = Shown { name: &shelf.name, run: &held.run, book: &held.book };
        let done = work(shown, &reader);
        *place = Some(held);
        drop(place);
        self.let_go();
        done
    }

    /// The same with the calls of the run summed up.
    pub(crate) fn with_calls<T>(
        &self,
        shelf: &Shelf,
        work: impl FnOnce(Shown<'_>, &Reader) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.look_at(shelf);
        std::thread::scope(|scope| {
            // A long run is being read, here or by somebody else: meanwhile its calls are summed up, which needs no fold.
            let thread = || std::thread::Builder::new().name("dashboard".to_owned());
            let begun = |turn| thread().spawn_scoped(scope, move || shelf.calls(turn)).ok();
            let ahead = shelf.first_to_sum().and_then(begun);
            let done = self.summed_up(shelf, &mut locked(&shelf.held), ahead, work);
            self.let_go();
            done
        })
    }

    /// The rest of [`Library::with_calls`], once nobody else has the run.
    fn summed_up<T>(
        &self,
        shelf: &Shelf,
        place: &mut MutexGuard<'_, Option<Box<Held>>>,
        ahead: Option<ScopedJoinHandle<'_, Option<(Header, AskedSums)>>>,
        work: impl FnOnce(Shown<'_>, &Reader) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let reader = Reader::open(&shelf.path)?;
        let mut held = self.brought_up(shelf, place.take(), &reader)?;
        // Without them, or if it is another run by now, all calls are summed up here.
        let ahead = ahead.and_then(|thread| thread.join().ok().flatten());
        let ahead = ahead.filter(|(header, _)| header == reader.header() && held.asked.is_empty());
        if let Some((_, sums)) = ahead {
            held.asked = sums;
        }
        reader.asked_since(&mut held.asked)?;
        held.run.asked = held.asked.told();
        let shown = Shown { name: &shelf.name, run: &held.run, book: &held.book };
        let done = work(shown, &reader);
        **place = Some(held);
        done
    }

    /// Does something with several runs, which are held all the while.
    pub(crate) fn with_all<T>(
        &self,
        shelves: &[Arc<Shelf>],
        work: impl FnOnce(&[Shown<'_>]) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        // In one order, so that nobody waits for whoever waits.
        let mut sorted: Vec<&Arc<Shelf>> = shelves.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.dedup_by(|a, b| a.name == b.name);
        sorted.iter().for_each(|shelf| self.look_at(shelf));
        let mut places: Vec<_> = sorted.iter().map(|shelf| locked(&shelf.held)).collect();
        for (shelf, place) in sorted.iter().zip(&mut places) {
            let reader = Reader::open(&shelf.path)?;
            let held = self.brought_up(shelf, place.take(), &reader)?;
            **place = Some(held);
        }
        let shown_of = |name: &str| {
            let at = sorted.iter().position(|shelf| shelf.name == name)?;
            let held = places[at].as_ref()?;
            Some(Shown { name: &sorted[at].name, run: &held.run, book: &held.book })
        };
        // As they were asked for.
        let shown: Vec<Shown<'_>> = shelves.iter().filter_map(|shelf| shown_of(&shelf.name)).collect();
        let done = work(&shown);
        drop(places);
        self.let_go();
        done
    }

    /// A run as it is now: folded on from what was held, or from the beginning.
    fn brought_up(
        &self,
        shelf: &Shelf,
        held: Option<Box<Held>>,
        reader: &Reader,
    ) -> Result<Box<Held>, Trouble> {
        let mut held = match held {
            Some(mut held) => match held.go_on(reader) {
                Ok(true) => held,
                // Another run by now, or one that does not go on where it was.
                Ok(false) | Err(_) => Box::new(Held::read(reader, &shelf.name, self.known)?),
            },
            None => Box::new(Held::read(reader, &shelf.name, self.known)?),
        };
        held.run.state = State::of(&held.run.view, is_written(reader.path()));
        shelf.see(held.run.view.totals.candidates);
        shelf.was_read.store(true, Relaxed);
        Ok(held)
    }

    /// Somebody looks at the run.
    fn look_at(&self, shelf: &Shelf) {
        shelf.used.store(self.clock.fetch_add(1, Relaxed), Relaxed);
    }

    /// Of too many runs that are held, the one that was not looked at for longest is let go.
    fn let_go(&self) {
        let holds = |shelf: &Arc<Shelf>| shelf.held.try_lock().is_ok_and(|held| held.is_some());
        let mut holding: Vec<Arc<Shelf>> = self.shelves().into_iter().filter(holds).collect();
        if holding.len() > MOST_HELD {
            holding.sort_by_cached_key(|shelf| shelf.used.load(Relaxed));
            if let Ok(mut held) = holding[0].held.try_lock() {
                *held = None;
                holding[0].was_read.store(false, Relaxed);
            }
        }
    }
}

impl Shelf {
    fn new(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            path,
            held: Mutex::default(),
            used: AtomicU64::new(0),
            seen: Mutex::default(),
            was_read: AtomicBool::new(false),
            summing: AtomicBool::new(false),
            listed: Mutex::default(),
            news: AtomicBool::new(false),
        }
    }

    /// Its journal, to read what needs no fold.
    pub(crate) fn reader(&self) -> Result<Reader, Trouble> {
        Ok(Reader::open(&self.path)?)
    }

    /// The folder that it is in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.file().parent().unwrap_or(Path::new(".")).to_owned()
    }

    fn file(&self) -> PathBuf {
        if self.path.is_dir() { self.path.join(samara_journal::FILE_NAME) } else { self.path.clone() }
    }

    /// The turn to sum up the calls of a run that nobody has read yet; one thread has it.
    fn first_to_sum(&self) -> Option<Turn<'_>> {
        let unread = !self.was_read.load(Relaxed) && !self.summing.swap(true, Relaxed);
        unread.then(|| Turn(&self.summing))
    }

    /// The calls of the run, and which run it is; `None` if they can't be read here: whoever needs them says why.
    fn calls(&self, turn: Turn<'_>) -> Option<(Header, AskedSums)> {
        let reader = Reader::open(&self.path).ok()?;
        let mut sums = AskedSums::default();
        reader.asked_since(&mut sums).ok()?;
        drop(turn);
        Some((reader.header().clone(), sums))
    }

    /// Whether somebody reads it, or makes a page of it.
    pub(crate) fn is_busy(&self) -> bool {
        self.held.try_lock().is_err()
    }

    /// Whether its files have changed is told by this.
    pub(crate) fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            std::fs::metadata(path).ok().and_then(|data| Some((data.len(), data.modified().ok()?)))
        };
        let file = self.file();
        let mut log = file.clone().into_os_string();
        log.push("-wal");
        [of(&file), of(Path::new(&log))]
    }

    /// Whether somebody writes it.
    pub(crate) fn is_written(&self) -> bool {
        is_written(&self.file())
    }

    fn see(&self, candidates: u64) {
        let mut seen = locked(&self.seen);
        let now = Instant::now();
        seen.push_back((now, candidates));
        while seen.len() > 2 && seen.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW) {
            seen.pop_front();
        }
    }

    /// Candidates per second, as they were seen to come lately.
    pub(crate) fn rate(&self) -> Option<f64> {
        let seen = locked(&self.seen);
        let ((from, first), (to, last)) = (*seen.front()?, *seen.back()?);
        let time = to.duration_since(from).as_secs_f64();
        (time >= 0.5 && last >= first).then(|| (last - first) as f64 / time)
    }
}

impl Held {
    fn read(reader: &Reader, name: &str, known: fn(&Header) -> Known) -> Result<Self, Trouble> {
        let Known { about, programs, emitting } = known(reader.header());
        let (mut trace, mut book) = (Trace::new(), Book::of_programs(programs));
        let view = RunView::with_emitters(reader, emitting, &mut |step| {
            trace.follow(step);
            book.follow(step);
        })?;
        let given = |input: &Input| Given {
            key: input.key.clone(),
            path: input.path.clone(),
            bytes: input.bytes.len(),
            digest: input.digest(),
        };
        let run = Run {
            name: name.to_owned(),
            state: State::of(&view, false),
            trace,
            asked: Vec::new(),
            methods: reader.methods()?,
            inputs: reader.inputs()?.iter().map(given).collect(),
            members: BTreeMap::new(),
            lineage: None,
            programs,
            about,
            policy: None,
            view,
        };
        Ok(Self { run, book, asked: AskedSums::default() })
    }

    fn go_on(&mut self, reader: &Reader) -> Result<bool, JournalError> {
        let Self { run, book, .. } = self;
        let trace = &mut run.trace;
        let same = run.view.go_on(reader, &mut |step| {
            trace.follow(step);
            book.follow(step);
        })?;
        run.methods = reader.methods()?;
        Ok(same)
    }
}
