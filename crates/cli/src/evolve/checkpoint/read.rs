//! The programs of a checkpoint, the most useful first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use samara_lm::files;
use serde::Deserialize;

use crate::exit::{Failure, quoted};

/// Programs that a run begins with at most.
const MOST: usize = 100;
/// Files of a checkpoint that are looked at, at most.
const MOST_FILES: usize = 100_000;
/// A file of a checkpoint at most, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// A program, as far as it is needed.
#[derive(Deserialize)]
struct Program {
    id: String,
    code: String,
    #[serde(default)]
    metrics: BTreeMap<String, serde_json::Value>,
}

/// Who is where, as far as it is needed.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    best_program_id: Option<String>,
    island_feature_maps: Vec<BTreeMap<String, String>>,
    archive: Vec<String>,
}

impl Program {
    /// `combined_score`, else the mean of the numbers.
    fn score(&self) -> f64 {
        if let Some(score) = self.metrics.get("combined_score").and_then(serde_json::Value::as_f64) {
            return score;
        }
        let numbers: Vec<f64> = self.metrics.values().filter_map(serde_json::Value::as_f64).collect();
        if numbers.is_empty() {
            f64::NEG_INFINITY
        } else {
            numbers.iter().sum::<f64>() / numbers.len() as f64
        }
    }
}

/// The texts of a checkpoint's programs: the best, then those of the islands' maps, those of the archive, and the others
/// by their scores. Each text once, a hundred at most.
///
/// # Errors
/// There is no checkpoint, or a file of it can't be read.
pub(crate) fn programs(folder: &Path) -> Result<Vec<String>, Failure> {
    let folder = checkpoint(folder)?;
    let metadata: Metadata = read(&folder.join("metadata.json"))?;
    let mut programs: Vec<Program> = Vec::new();
    for file in program_files(&folder.join("programs"))? {
        programs.push(read(&file)?);
    }
    // Of equal scores the names decide, so that the order does not depend on the disk's.
    programs.sort_by(|a, b| b.score().total_cmp(&a.score()).then_with(|| a.id.cmp(&b.id)));
    let elites: BTreeSet<&String> = metadata.island_feature_maps.iter().flat_map(BTreeMap::values).collect();
    let archive: BTreeSet<&String> = metadata.archive.iter().collect();
    let rank = |program: &Program| match program {
        program if metadata.best_program_id.as_ref() == Some(&program.id) => 0,
        program if elites.contains(&program.id) => 1,
        program if archive.contains(&program.id) => 2,
        _ => 3,
    };
    programs.sort_by_key(rank);
    let mut seen = BTreeSet::new();
    let texts = programs.into_iter().map(|program| program.code).filter(|code| seen.insert(code.clone()));
    let texts: Vec<String> = texts.take(MOST).collect();
    if texts.is_empty() {
        return Err(Failure::usage(format!("{}: the checkpoint has no programs", folder.display())));
    }
    Ok(texts)
}

/// The checkpoint that a folder is, or the latest in it.
fn checkpoint(folder: &Path) -> Result<PathBuf, Failure> {
    let is_one = |path: &Path| path.join("metadata.json").is_file() && path.join("programs").is_dir();
    if is_one(folder) {
        return Ok(folder.to_owned());
    }
    let number = |path: &Path| -> Option<u64> {
        path.file_name()?.to_str()?.strip_prefix("checkpoint_")?.parse().ok()
    };
    let latest = [folder.to_owned(), folder.join("checkpoints")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_one(path))
        .filter_map(|path| Some((number(&path)?, path)))
        .max();
    latest.map(|(_, path)| path).ok_or_else(|| {
        if folder.join("run.db").is_file() {
            let place = quoted(&folder.display().to_string());
            let hint = format!("`samara resume {place}` continues it");
            return Failure::usage(format!("--checkpoint {place}: it is a run of samara's\nhint: {hint}"));
        }
        Failure::usage(format!(
            "--checkpoint {}: there is no checkpoint of OpenEvolve's\nhint: it is a folder checkpoint_N with \
             metadata.json and programs/",
            folder.display()
        ))
    })
}

fn program_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::usage(format!("{} can't be read: {error}", folder.display())))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .take(MOST_FILES)
        .collect();
    found.sort();
    Ok(found)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let bad = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let text = files::read_text(path, MOST_BYTES).map_err(|error| bad(format!("can't be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| bad(format!("is no file of a checkpoint: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// A checkpoint of programs: id, text, score.
    fn checkpoint(folder: &Path, name: &str, programs: &[(&str, &str, f64)], metadata: &str) {
        write(folder, &format!("{name}/metadata.json"), metadata);
        for (id, code, score) in programs {
            let text =
                serde_json::json!({"id": id, "code": code, "metrics": {"combined_score": score, "ok": true}});
            write(folder, &format!("{name}/programs/{id}.json"), &text.to_string());
        }
    }

    #[test]
    fn the_best_comes_first_then_elites_then_the_archive_then_the_rest_by_score() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = r#"{"best_program_id": "b", "island_feature_maps": [{"0-1": "d"}], "archive": ["a"], "islands": [["a"]]}"#;
        let programs = [
            ("a", "A", 0.1),
            ("b", "B", 0.9),
            ("c", "C", 0.5),
            ("d", "D", 0.0),
            ("e", "E", 0.7),
            ("f", "B", 0.2),
        ];
        checkpoint(folder.path(), "out/checkpoints/checkpoint_9", &[("x", "old", 1.0)], "{}");
        checkpoint(folder.path(), "out/checkpoints/checkpoint_10", &programs, metadata);
        for place in ["out", "out/checkpoints", "out/checkpoints/checkpoint_10"] {
            let found = super::programs(&folder.path().join(place)).expect("programs");
            assert_eq!(found, ["B", "D", "A", "E", "C"], "{place}");
        }
    }

    #[test]
    fn a_folder_without_a_checkpoint_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = programs(folder.path()).expect_err("none").message;
        assert!(
            error.contains("there is no checkpoint of OpenEvolve's\nhint: it is a folder checkpoint_N"),
            "{error}"
        );
        std::fs::write(folder.path().join("run.db"), "").expect("a file");
        let error = programs(folder.path()).expect_err("a run").message;
        assert!(error.contains("it is a run of samara's\nhint: `samara resume "), "{error}");
        std::fs::create_dir_all(folder.path().join("checkpoint_1/programs")).expect("a folder");
        checkpoint(folder.path(), "checkpoint_1", &[], "{}");
        let error = programs(folder.path()).expect_err("none").message;
        assert!(error.contains("the checkpoint has no programs"), "{error}");
        write(folder.path(), "checkpoint_1/programs/a.json", "{}");
        let error = programs(folder.path()).expect_err("no program").message;
        assert!(error.contains("a.json: is no file of a checkpoint"), "{error}");
    }
}
