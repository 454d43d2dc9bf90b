//! A run as a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use samara_journal::{Reader, RunView};
use samara_qd::Tessellation;
use samara_search::{Candidate, Genome, Island};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use toml::Table;

use crate::{best, exit::Failure};

/// What every file needs to know of the run.
struct Run<'a> {
    id: &'a str,
    /// Seconds since 1970.
    created: f64,
    language: String,
    /// Of the program's file, with its point; empty if it has none.
    ending: String,
    axes: Vec<String>,
    /// The last candidate.
    last: u64,
    /// What is known of candidates that were written, for their children.
    known: BTreeMap<u64, (u64, Value)>,
    /// Their numbers by island.
    islands: Vec<Vec<u64>>,
    /// Lowest and highest of each measure.
    ranges: Vec<Option<(f64, f64)>>,
}

/// Writes a run; of all candidates with a score, or only of some. The folder must be new or empty.
///
/// # Errors
/// The run has no scored candidate or no program, the folder holds something or can't be written.
pub(crate) fn write(reader: &Reader, only: Option<&BTreeSet<u64>>, out: &Path) -> Result<(), Failure> {
    let view = RunView::of(reader)?;
    let Some((_, best)) = best::best_of(reader)? else {
        return Err(Failure::usage("--as openevolve: no candidate of the run has a score"));
    };
    let cannot =
        |error: std::io::Error| Failure::internal(format!("{} can't be written: {error}", out.display()));
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        let what = format!("{} is not empty", out.display());
        return Err(Failure::usage(format!("{what}\nhint: choose a new folder")));
    }
    let mut run = Run::of(&view);
    let folder = out.join(format!("checkpoints/checkpoint_{}", run.last));
    fs::create_dir_all(folder.join("programs")).map_err(cannot)?;
    fs::create_dir_all(out.join("best")).map_err(cannot)?;
    reader.fold(&mut |candidate| {
        let kept = only.is_none_or(|only| only.contains(&candidate.index) || candidate.index == best);
        let program = run.program(&candidate);
        let Some(program) = program.filter(|_| kept) else { return Ok(()) };
        let file = folder.join(format!("programs/{}.json", run.name(candidate.index)));
        fs::write(file, program.to_string()).map_err(cannot)?;
        if candidate.index == best {
            let code = program["code"].as_str().unwrap_or_default();
            for (place, in_best) in [(&folder, false), (&out.join("best"), true)] {
                fs::write(place.join(format!("best_program{}", run.ending)), code).map_err(cannot)?;
                let info = format!("{:#}", run.info(&program, in_best));
                fs::write(place.join("best_program_info.json"), info).map_err(cannot)?;
            }
        }
        Ok::<(), Failure>(())
    })?;
    let metadata = format!("{:#}", run.metadata(&view, best, only));
    fs::write(folder.join("metadata.json"), metadata).map_err(cannot)
}

impl<'a> Run<'a> {
    fn of(view: &'a RunView) -> Self {
        let config: Table = view.header.config.parse().unwrap_or_default();
        let environment = |key: &str| {
            let section = config.get("environment").and_then(|section| section.get(key));
            section.and_then(toml::Value::as_str).map(str::to_owned)
        };
        let program = environment("program").unwrap_or_default();
        let ending = Path::new(&program).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let created = humantime::parse_rfc3339(&view.header.created).ok();
        let created = created.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self {
            id: &view.header.id,
            created: created.map_or(0.0, |since| since.as_secs_f64()),
            language: environment("language").unwrap_or_else(|| language(ending).to_owned()),
            ending: if ending.is_empty() { String::new() } else { format!(".{ending}") },
            axes: view.axes.iter().map(|axis| axis.name.clone()).collect(),
            last: view.replay.settled().saturating_sub(1),
            known: BTreeMap::new(),
            islands: vec![Vec::new(); view.replay.population().islands().len()],
            ranges: vec![None; view.axes.len()],
        }
    }

    /// A candidate's id: of the form that upstream's have, and the same however often the run is exported.
    fn name(&self, candidate: u64) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.id);
        hasher.update(candidate.to_le_bytes());
        let hex: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// A candidate as upstream writes a program; `None` if it has no score.
    fn program(&mut self, candidate: &Candidate) -> Option<Value> {
        let (genome, score) = (candidate.genome.as_deref()?, candidate.score.as_deref()?);
        let code = match genome {
            Genome::Files(_) | Genome::Text(_) => genome.text(),
            Genome::Vector(_) | Genome::FewShot { .. } => return None,
        };
        let mut metrics: Map<String, Value> =
            score.metrics.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        metrics.insert("combined_score".to_owned(), json!(score.objective));
        let parent = candidate.parents.first().filter(|parent| self.known.contains_key(parent)).copied();
        let (generation, parent_metrics) = match parent.and_then(|parent| self.known.get(&parent)) {
            Some((generation, metrics)) => (generation + 1, metrics.clone()),
            None => (0, json!({})),
        };
        self.known.insert(candidate.index, (generation, Value::Object(metrics.clone())));
        if let Some(island) = self.islands.get_mut(candidate.island as usize) {
            island.push(candidate.index);
        }
        for (range, measure) in self.ranges.iter_mut().zip(&score.measures) {
            let (low, high) = range.unwrap_or((*measure, *measure));
            *range = Some((low.min(*measure), high.max(*measure)));
        }
        let diversity = self.axes.iter().position(|axis| axis == "diversity");
        let artifacts: Map<String, Value> = score
            .artifacts
            .iter()
            .filter_map(|artifact| {
                Some((artifact.name.clone(), std::str::from_utf8(&artifact.body).ok()?.into()))
            })
            .collect();
        Some(json!({
            "id": self.name(candidate.index),
            "code": code,
            "changes_description": "",
            "language": self.language,
            "parent_id": parent.map(|parent| self.name(parent)),
            "generation": generation,
            "timestamp": self.created,
            "iteration_found": candidate.index,
            "metrics": metrics,
            "complexity": code.chars().count() as f64,
            "diversity": diversity.and_then(|axis| score.measures.get(axis)).copied().unwrap_or(0.0),
            "metadata": {
                "changes": candidate.operator,
                "parent_metrics": parent_metrics,
                "island": candidate.island,
            },
            "prompts": null,
            "artifacts_json": if artifacts.is_empty() { None } else { Some(Value::Object(artifacts).to_string()) },
            "artifact_dir": null,
            "embedding": null,
        }))
    }

    fn info(&self, program: &Value, in_best: bool) -> Value {
        let mut info = json!({
            "id": program["id"],
            "generation": program["generation"],
            "iteration": program["iteration_found"],
            "metrics": program["metrics"],
            "language": program["language"],
            "timestamp": program["timestamp"],
            "saved_at": self.created,
        });
        if in_best {
            info["parent_id"] = program["parent_id"].clone();
        } else {
            info["current_iteration"] = self.last.into();
        }
        info
    }

    fn metadata(&self, view: &RunView, best: u64, only: Option<&BTreeSet<u64>>) -> Value {
        let population = view.replay.population();
        let written = |candidate: u64| {
            self.known.contains_key(&candidate)
                && only.is_none_or(|only| only.contains(&candidate) || candidate == best)
        };
        let names = |ids: Vec<u64>| -> Vec<String> {
            ids.into_iter().filter(|id| written(*id)).map(|id| self.name(id)).collect()
        };
        let maps: Vec<Map<String, Value>> = population
            .islands()
            .iter()
            .map(|island| map(island).into_iter().map(|(key, id)| (key, self.name(id).into())).collect())
            .collect();
        let best_of = |island: &Island| island.archive().best_of(1).first().map(|elite| self.name(elite.id));
        let archive = population.overall().archive().best_of(100).iter().map(|elite| elite.id).collect();
        let generations: Vec<u64> = self
            .islands
            .iter()
            .map(|island| {
                island.iter().filter_map(|id| self.known.get(id)).map(|(depth, _)| *depth).max().unwrap_or(0)
            })
            .collect();
        let stats: Map<String, Value> = self
            .axes
            .iter()
            .zip(&self.ranges)
            .filter_map(|(axis, range)| {
                let (min, max) = (*range)?;
                Some((axis.clone(), json!({"min": min, "max": max, "values": []})))
            })
            .collect();
        json!({
            "island_feature_maps": maps,
            "islands": self.islands.iter().map(|island| names(island.clone())).collect::<Vec<_>>(),
            "archive": names(archive),
            "best_program_id": self.name(best),
            "island_best_programs": population.islands().iter().map(best_of).collect::<Vec<_>>(),
            "last_iteration": self.last,
            "current_island": 0,
            "island_generations": generations,
            "last_migration_generation": 0,
            "feature_stats": stats,
        })
    }
}

/// An island's elites, the best of each cell, by the cell as upstream writes it: its bins joined by hyphens.
fn map(island: &Island) -> BTreeMap<String, u64> {
    let archive = island.archive();
    let key = |cell: usize| match archive.tessellation() {
        Tessellation::Grid(grid) => {
            grid.unravel(cell).iter().map(usize::to_string).collect::<Vec<_>>().join("-")
        }
        Tessellation::Cvt(_) | Tessellation::Places(_) => cell.to_string(),
    };
    archive.iter().filter(|elite| elite.rank == 0).map(|elite| (key(elite.cell), elite.id)).collect()
}

/// The language that a file's ending means.
fn language(ending: &str) -> &str {
    match ending {
        "" => "text",
        "py" => "python",
        "rs" => "rust",
        "js" => "javascript",
        "ts" => "typescript",
        "cc" | "cxx" | "hpp" => "cpp",
        "jl" => "julia",
        "rb" => "ruby",
        "txt" => "text",
        "md" => "markdown",
        "sh" => "bash",
        other => other,
    }
}
