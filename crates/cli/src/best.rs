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
use serde_json::json;

use crate::{
    exit::{Failure, json as printable_json, remark},
    lineage::Lineage,
};

/// The folder's name in a run's.
pub(crate) const FOLDER: &str = "best";
/// The file of its numbers.
const NUMBERS: &str = "best.json";
/// The file of a genome that is no file.
const TEXT: &str = "best.txt";

/// Keeps the folder up to date.
pub(crate) struct Best {
    run: PathBuf,
    /// The best objective and its candidate.
    best: Option<(f64, u64)>,
    /// Whether it was told that the folder can't be written.
    told: bool,
}

impl Best {
    /// For the run in this folder.
    pub(crate) fn new(run: &Path) -> Self {
        Self { run: run.to_owned(), best: None, told: false }
    }

    /// Hears an event of the search.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { search } if search.settled() > 0 => {
                // What earlier sessions left may be older than their journal.
                match Reader::open(&self.run).map_err(Failure::from).and_then(|reader| best_of(&reader)) {
                    Ok(Some(found)) => self.take(found),
                    Ok(None) => {}
                    Err(failure) => self.tell(&failure),
                }
            }
            Event::Settled { candidate, .. } => {
                let Some(objective) = candidate.objective() else { return };
                if self.best.is_none_or(|(best, _)| objective > best) {
                    self.take((objective, candidate.index));
                }
            }
            Event::Started { .. } | Event::Closing { .. } => {}
        }
    }

    fn take(&mut self, found: (f64, u64)) {
        self.best = Some(found);
        let written = Reader::open(&self.run)
            .map_err(Failure::from)
            .and_then(|reader| Lineage::of(&reader, found.1))
            .and_then(|lineage| write(&self.run, &lineage));
        if let Err(failure) = written {
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
fn write(run: &Path, lineage: &Lineage) -> Result<(), Failure> {
    let place = run.join(FOLDER);
    let own = std::process::id();
    let (fresh, old) = (run.join(format!(".best-{own}.part")), run.join(format!(".best-{own}.old")));
    let done = fill(&fresh, lineage).and_then(|()| {
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

fn fill(folder: &Path, lineage: &Lineage) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let candidate = lineage.last();
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
    fs::write(folder.join(NUMBERS), numbers(candidate, lineage))
}

fn numbers(candidate: &Candidate, lineage: &Lineage) -> String {
    let first = lineage.first().objective();
    let change = candidate.objective().zip(first).map(|(best, first)| best - first);
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
        "lineage": lineage.members.len(),
    });
    printable_json(&object) + "\n"
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use samara_search::{Charge, Fate, Files, Score};
    use serde_json::Value;

    use super::*;

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
        write(run.path(), &Lineage { members: vec![seed.clone()] }).expect("written");
        write(run.path(), &Lineage { members: vec![seed, better] }).expect("written");
        let read = |path: &str| fs::read_to_string(run.path().join(FOLDER).join(path));
        assert_eq!(read("a.py").expect("a file"), "x = 2\n");
        assert_eq!(read("src/deep/new.py").expect("a file"), "z = 1\n");
        assert!(read("src/old.py").is_err());
        let numbers: Value = serde_json::from_str(&read(NUMBERS).expect("a file")).expect("JSON");
        assert_eq!((&numbers["candidate"], &numbers["parent"]), (&json!(1), &json!(0)));
        assert_eq!((&numbers["objective"], &numbers["change"]), (&json!(3.5), &json!(2.5)));
        assert_eq!((&numbers["operator"], &numbers["lineage"]), (&json!("gp"), &json!(2)));
        let left: Vec<_> = fs::read_dir(run.path()).expect("a folder").flatten().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
    }
}
