//! `samara rebin`: a run or a published history, replayed into other axes.

use std::io::Read as _;
use std::path::Path;

use samara_journal::{Reader, RunView, Totals, history};
use samara_search::{
    Algorithm, AxisSettings, Candidate, Charge, Fate, Genome, IslandSettings, Replay, Score, SearchSettings,
};

use crate::{
    args::{Format, Rebin},
    exit::{Exit, Failure, print_drawn, print_json, remark},
    screen,
    summary::Summary,
};
use samara_view::heatmap;

/// What is replayed: candidates in their order, and what is known beside them.
struct History {
    candidates: Vec<Candidate>,
    axes: Option<Vec<AxisSettings>>,
    search: SearchSettings,
    /// A run's own cells.
    tessellation: Option<samara_qd::Tessellation>,
    name: String,
    seed: Option<u64>,
    totals: Totals,
}

pub(crate) fn rebin(args: &Rebin) -> Result<Exit, Failure> {
    let history = if is_run(&args.history) { from_run(args)? } else { from_file(args)? };
    let axes = axes(args, &history)?;
    let changed = !(args.ticks.is_empty() && args.bins.is_empty());
    let mut search = history.search;
    search.depth = args.depth.unwrap_or(search.depth);
    search.qd_offset = args.qd_offset.unwrap_or(search.qd_offset);
    // One archive of everything: islands are how a run searched, not what it found.
    search.islands = IslandSettings { count: 1, ..search.islands };
    if changed {
        search.algorithm = Algorithm::MapElites;
    }
    if args.depth.is_some_and(|depth| depth > 1) {
        // Soft thresholds are for one elite a cell; with several, the best are kept.
        (search.learning_rate, search.threshold_min) = (None, None);
    }
    let tessellation = match history.tessellation.filter(|_| !changed) {
        Some(recorded) => recorded,
        None => search.tessellation(&axes)?,
    };
    let mut replay = Replay::new(&search, tessellation)?;
    for candidate in &history.candidates {
        replay.settle(candidate);
    }
    let totals = Totals { fates: *replay.fates(), ..history.totals };
    let summary = Summary::new(history.name, history.seed, (replay.population(), replay.settled()), &totals);
    match args.format {
        Format::Json => print_json(&summary)?,
        Format::Human => {
            let archive = replay.population().overall().archive();
            let map = heatmap::draw(archive, &axes, screen::stdout());
            print_drawn(&format!("{map}\n{}", summary.to_text()))?;
        }
    }
    Ok(Exit::Ok)
}

/// Whether a path is a run: a folder, or any file that SQLite wrote, whatever it is called.
pub(crate) fn is_run(path: &Path) -> bool {
    let mut magic = [0; 15];
    let begins =
        |mut file: std::fs::File| file.read_exact(&mut magic).is_ok() && magic == *b"SQLite format 3";
    path.is_dir()
        || path.extension().is_some_and(|extension| extension == "db")
        || (path.is_file() && std::fs::File::open(path).is_ok_and(begins))
}

fn from_run(args: &Rebin) -> Result<History, Failure> {
    let view = RunView::open(&args.history)?;
    let mut candidates = Vec::new();
    Reader::open(&args.history)?.fold(&mut |candidate| {
        candidates.push(candidate);
        Ok::<(), samara_journal::JournalError>(())
    })?;
    Ok(History {
        candidates,
        tessellation: Some(view.tessellation),
        axes: Some(view.axes),
        search: view.settings,
        name: view.header.experiment,
        seed: Some(view.header.seed),
        totals: view.totals,
    })
}

fn from_file(args: &Rebin) -> Result<History, Failure> {
    let mut candidates = Vec::new();
    let mut problems = Vec::new();
    for row in history::read(&args.history)? {
        let row = row?;
        problems.extend(row.problem.as_ref().map(|problem| format!("line {}: {problem}", row.line)));
        candidates.push(candidate(row.genotype, row.phenotype, row.fitness, row.problem));
    }
    report(&args.history, &problems);
    let name = args.history.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (search, totals) = (SearchSettings::default(), Totals::default());
    Ok(History { candidates, axes: None, tessellation: None, search, name, seed: None, totals })
}

/// Says what is wrong with the rows of a history, the first few of them.
fn report(path: &Path, problems: &[String]) {
    const SHOWN: usize = 3;
    for problem in problems.iter().take(SHOWN) {
        remark(&format!("{}, {problem}: counted as invalid", path.display()));
    }
    if problems.len() > SHOWN {
        remark(&format!("{}: {} more rows are invalid", path.display(), problems.len() - SHOWN));
    }
}

fn candidate(
    genome: Option<String>,
    measures: Option<Vec<f64>>,
    objective: Option<f64>,
    problem: Option<String>,
) -> Candidate {
    let genome = genome.map(Genome::text_of);
    let scored = objective.zip(measures).map(|(objective, measures)| Score::new(objective, measures));
    let why = problem.unwrap_or_else(|| "recorded without a score".to_owned());
    let genome = if scored.is_some() { Some(genome.unwrap_or_else(|| Genome::text_of(""))) } else { genome };
    Candidate {
        index: 0,
        island: 0,
        horizon: 0,
        operator: String::new(),
        parents: Vec::new(),
        generator: None,
        genome: genome.map(Into::into),
        fate: if scored.is_some() { Fate::NotBetter } else { Fate::Invalid { why } },
        score: scored.map(Into::into),
        cell: None,
        rank: None,
        copy_of: None,
        artifacts: Vec::new(),
        charge: Charge::default(),
        model_ms: 0.0,
    }
}

/// The axes that were asked for; those of the run, or 20 even bins over [0, 1], where nothing was. Categories are not cut
/// anew.
fn axes(args: &Rebin, history: &History) -> Result<Vec<AxisSettings>, Failure> {
    let measured = history.candidates.iter().find_map(|candidate| candidate.measures().map(<[f64]>::len));
    let dims = history.axes.as_ref().map(Vec::len).or(measured);
    let dims =
        dims.ok_or_else(|| Failure::usage(format!("{}: no candidate was scored", args.history.display())))?;
    let kept = |i: usize| history.axes.as_ref().map(|axes| axes[i].clone());
    (0..dims)
        .map(|i| {
            let old = kept(i).unwrap_or_else(|| AxisSettings::even(format!("measure {i}"), [0.0, 1.0], 20));
            if old.categories.is_some() {
                return Ok(old);
            }
            if let Some(ticks) = of(&args.ticks, i, dims, "--ticks")? {
                return Ok(AxisSettings { bins: None, ticks: Some(numbers(ticks, "--ticks")?), ..old });
            }
            let Some(bins) = of(&args.bins, i, dims, "--bins")? else { return Ok(old) };
            let range = match of(&args.range, i, dims, "--range")? {
                Some(range) => <[f64; 2]>::try_from(numbers(range, "--range")?).map_err(|_| {
                    Failure::usage(format!("--range {range}: two numbers are needed, such as 0,1"))
                })?,
                None => old.range,
            };
            Ok(AxisSettings::even(old.name, range, *bins))
        })
        .collect()
}

/// The value for axis `i`: the only one, or its own.
fn of<'a, T>(values: &'a [T], i: usize, dims: usize, flag: &str) -> Result<Option<&'a T>, Failure> {
    match values.len() {
        0 => Ok(None),
        1 => Ok(values.first()),
        n if n == dims => Ok(values.get(i)),
        n => Err(Failure::usage(format!(
            "{flag} is given {n} times, but there are {dims} axes\nhint: give it once for all axes, or once per axis"
        ))),
    }
}

fn numbers(text: &str, flag: &str) -> Result<Vec<f64>, Failure> {
    let number = |part: &str| {
        let part = part.trim();
        let bad = |what| Failure::usage(format!("{flag} {text}: `{part}` {what}\nhint: write 0.1,0.5,0.9"));
        match part.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(bad("is not finite")),
            Err(_) => Err(bad("is no number")),
        }
    };
    text.split(',').map(number).collect()
}
