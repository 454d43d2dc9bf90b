//! `RUN/best/`: the files of the best candidate so far, with its numbers in `best.json`.
//!
//! It follows from the journal, and is written anew as a whole whenever a better candidate settles and when a run goes
//! on. A run is none the worse without it: what can't be written is told, and the search goes on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use samara_engine::Event;
use samara_journal::Reader;
use samara_search::{Candidate, Genome};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::{Failure, json as printable_json, remark};

/// The folder's name in a run's.
pub(crate) const FOLDER: &str = "best";
/// The file of its numbers.
const NUMBERS: &str = "best.json";
/// The file of a genome that is no file.
const TEXT: &str = "best.txt";

/// Keeps the folder up to date.
pub(crate) struct Best {
    run: PathBuf,
    /// Of every candidate with a score, by its index.
    ancestries: Vec<Option<Ancestry>>,
    /// The best objective.
    best: Option<f64>,
    /// Whether it was told that the folder can't be written.
    told: bool,
}

/// What is remembered of a candidate's lineage: reading it anew for every better one would take longer than the search.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ancestry {
    /// The candidate and its ancestors.
    members: u32,
    /// The objective of the first of them.
    first: f64,
}

impl Best {
    /// For the run in this folder.
    pub(crate) fn new(run: &Path) -> Self {
        Self { run: run.to_owned(), ancestries: Vec::new(), best: None, told: false }
    }

    /// Hears an event of the search.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { search } if search.settled() > 0 => {
                // What earlier sessions left may be older than their journal.
                if let Err(failure) = self.fold() {
                    self.tell(&failure);
                }
            }
            Event::Settled { candidate, .. } => {
                if let Some(ancestry) = self.note(candidate) {
                    self.write(candidate, ancestry);
                }
            }
            Event::Started { .. } | Event::Ordered { .. } | Event::Closing { .. } => {}
        }
    }

    /// Takes a run's candidates in, and writes the best of them.
    fn fold(&mut self) -> Result<(), Failure> {
        let reader = Reader::open(&self.run)?;
        let mut best = None;
        reader.fold(&mut |candidate| {
            if let Some(ancestry) = self.note(&candidate) {
                best = Some((candidate, ancestry));
            }
            Ok::<(), Failure>(())
        })?;
        if let Some((candidate, ancestry)) = best {
            self.write(&candidate, ancestry);
        }
        Ok(())
    }

    /// Remembers a candidate; its ancestry if it is better than all before.
    fn note(&mut self, candidate: &Candidate) -> Option<Ancestry> {
        let objective = candidate.objective()?;
        let parent = candidate.parents.first().and_then(|parent| *self.ancestries.get(*parent as usize)?);
        let ancestry = match parent {
            Some(Ancestry { members, first }) => Ancestry { members: members.saturating_add(1), first },
            None => Ancestry { members: 1, first: objective },
        };
        let place = candidate.index as usize;
        if self.ancestries.len() <= place {
            self.ancestries.resize(place + 1, None);
        }
        self.ancestries[place] = Some(ancestry);
        let better = self.best.is_none_or(|best| objective > best);
        if better {
            self.best = Some(objective);
        }
        better.then_some(ancestry)
    }

    fn write(&mut self, candidate: &Candidate, ancestry: Ancestry) {
        if let Err(failure) = write(&self.run, candidate, ancestry) {
            self.tell(&failure);
        }
    }

    fn tell(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.told, true) {
            let place = self.run.join(FOLDER);
            remark(&format!("{} is not kept up to date: {}", place.display(), failure.message));
        }
    }
}

/// Adds what was found out about the best candidate to its numbers, if they are there.
pub(crate) fn note(run: &Path, name: &str, told: &impl Serialize) -> Result<(), Failure> {
    let place = run.join(FOLDER).join(NUMBERS);
    let Ok(text) = fs::read_to_string(&place) else { return Ok(()) };
    let damaged = |error: serde_json::Error| Failure::internal(format!("{}: {error}", place.display()));
    let mut numbers: serde_json::Map<String, Value> = serde_json::from_str(&text).map_err(damaged)?;
    numbers.insert(name.to_owned(), serde_json::to_value(told).map_err(damaged)?);
    fs::write(&place, printable_json(&numbers) + "\n")
        .map_err(|error| Failure::internal(format!("{} can't be written: {error}", place.display())))
}

/// The best candidate of a run and its objective; of equals the earliest. `None` if none has a score.
pub(crate) fn best_of(reader: &Reader) -> Result<Option<(f64, u64)>, Failure> {
    let mut best: Option<(f64, u64)> = None;
    reader.fold(&mut |candidate| {
        if let Some(objective) = candidate.objective().filter(|new| best.is_none_or(|(best, _)| *new > best))
        {
            best = Some((objective, candidate.index));
        }
        Ok::<(), Failure>(())
    })?;
    Ok(best)
}

/// Writes the folder beside its place and puts it there once it is whole.
fn write(run: &Path, candidate: &Candidate, ancestry: Ancestry) -> Result<(), Failure> {
    let place = run.join(FOLDER);
    let own = std::process::id();
    let (fresh, old) = (run.join(format!(".best-{own}.part")), run.join(format!(".best-{own}.old")));
    let done = fill(&fresh, candidate, ancestry).and_then(|()| {
        if place.exists() {
            fs::rename(&place, &old)?;
        }
        fs::rename(&fresh, &place)
    });
    // Both are gone unless something failed, and then nobody needs them.
    let _ = fs::remove_dir_all(&fresh);
    let _ = fs::remove_dir_all(&old);
    done.map_err(|error| Failure::internal(error.to_string()))
}

fn fill(folder: &Path, candidate: &Candidate, ancestry: Ancestry) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    match candidate.genome.as_deref() {
        Some(Genome::Files(files)) => {
            // Paths of a genome stay inside their folder.
            for (path, text) in files.iter() {
                let path = folder.join(path);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(path, text.as_bytes())?;
            }
        }
        Some(other) => fs::write(folder.join(TEXT), other.text().as_bytes())?,
        None => {}
    }
    fs::write(folder.join(NUMBERS), numbers(candidate, ancestry))
}

fn numbers(candidate: &Candidate, ancestry: Ancestry) -> String {
    let change = candidate.objective().map(|best| best - ancestry.first);
    let object = json!({
        "candidate": candidate.index,
        "objective": candidate.objective(),
        "change": change,
        "metrics": candidate.score.as_ref().map(|score| &score.metrics),
        "measures": candidate.measures(),
        "operator": candidate.operator,
        "parent": candidate.parents.first(),
        "parents": candidate.parents,
        "island": candidate.island,
        "lineage": ancestry.members,
    });
    printable_json(&object) + "\n"
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use samara_search::{Charge, Fate, Files, Score};

    fn candidate(index: u64, objective: f64, files: &[(&str, &str)]) -> Candidate {
        let files: BTreeMap<String, Arc<str>> =
            files.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(*text))).collect();
        Candidate {
            index,
            island: 0,
            horizon: 0,
            operator: "gp".into(),
            parents: index.checked_sub(1).into_iter().collect(),
            generator: None,
            genome: Some(Arc::new(Genome::Files(Files::new(files).expect("files")))),
            score: Some(Arc::new(Score::new(objective, vec![0.5]))),
            fate: Fate::New,
            cell: Some(0),
            rank: Some(0),
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    #[test]
    fn the_folder_holds_the_files_of_the_best_and_nothing_of_the_one_before() {
        let run = tempfile::tempdir().expect("a folder");
        let seed = candidate(0, 1.0, &[("a.py", "x = 1\n"), ("src/old.py", "y = 1\n")]);
        let better = candidate(1, 3.5, &[("a.py", "x = 2\n"), ("src/deep/new.py", "z = 1\n")]);
        let worse = Candidate { parents: vec![1], ..candidate(2, 2.0, &[("a.py", "x = 3\n")]) };
        let mut best = Best::new(run.path());
        for candidate in [&seed, &better, &worse] {
            if let Some(ancestry) = best.note(candidate) {
                best.write(candidate, ancestry);
            }
        }
        assert!(!best.told);
        assert_eq!(best.ancestries[2], Some(Ancestry { members: 3, first: 1.0 }));
        let read = |path: &str| fs::read_to_string(run.path().join(FOLDER).join(path));
        assert_eq!(read("a.py").expect("a file"), "x = 2\n");
        assert_eq!(read("src/deep/new.py").expect("a file"), "z = 1\n");
        assert!(read("src/old.py").is_err());
        let numbers: Value = serde_json::from_str(&read(NUMBERS).expect("a file")).expect("JSON");
        assert_eq!((&numbers["candidate"], &numbers["parent"]), (&json!(1), &json!(0)));
        assert_eq!((&numbers["objective"], &numbers["change"]), (&json!(3.5), &json!(2.5)));
        assert_eq!((&numbers["operator"], &numbers["lineage"]), (&json!("gp"), &json!(2)));
        note(run.path(), "rechecked", &json!({ "objective": 3.25 })).expect("noted");
        let noted: Value = serde_json::from_str(&read(NUMBERS).expect("a file")).expect("JSON");
        assert_eq!((&noted["rechecked"]["objective"], &noted["objective"]), (&json!(3.25), &json!(3.5)));
        let left: Vec<_> = fs::read_dir(run.path()).expect("a folder").flatten().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
    }
}
