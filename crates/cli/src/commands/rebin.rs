//! `samara rebin`: a run or a published history, replayed into other axes.

use samara_engine::{AxisSettings, Charge, Examples, Outcome, SearchSettings, State};
use samara_journal::{Genome, Reader, Totals, history};

use crate::{
    args::{Format, Rebin},
    config,
    exit::{Exit, Failure, print},
    heatmap,
    summary::Summary,
};

/// What is replayed: outcomes in their order, and what is known beside them.
struct History {
    outcomes: Vec<Outcome>,
    axes: Option<Vec<AxisSettings>>,
    search: SearchSettings,
    name: String,
    seed: Option<u64>,
    totals: Totals,
}

pub(crate) fn rebin(args: &Rebin) -> Result<Exit, Failure> {
    let is_run = args.history.is_dir() || args.history.extension().is_some_and(|extension| extension == "db");
    let history = if is_run { from_run(args)? } else { from_file(args)? };
    let axes = axes(args, &history)?;
    let mut search = history.search;
    search.depth = args.depth.unwrap_or(search.depth);
    search.qd_offset = args.qd_offset.unwrap_or(search.qd_offset);
    let mut state = State::new(search.archive(&axes)?, Examples::default());
    let mut totals = history.totals;
    totals.fates = samara_journal::FateCounts::default();
    for outcome in history.outcomes {
        let settlement = state.settle(outcome, Charge::default(), None);
        let fates = &mut totals.fates;
        match settlement.fate.name() {
            "new" => fates.new += 1,
            "improved" => fates.improved += 1,
            "not_better" => fates.not_better += 1,
            "invalid" => fates.invalid += 1,
            _ => fates.failed += 1,
        }
    }
    let summary = Summary::new(history.name, history.seed, &state, &totals);
    match args.format {
        Format::Json => print(&summary.to_json())?,
        Format::Human => {
            let map = heatmap::draw(state.archive(), &axes, heatmap::coloured());
            print(&format!("{map}\n{}", summary.to_text()))?;
        }
    }
    Ok(Exit::Ok)
}

fn from_run(args: &Rebin) -> Result<History, Failure> {
    let reader = Reader::open(&args.history)?;
    let experiment = config::reload(&reader.header().config, &args.history, &[])?;
    let mut outcomes = Vec::new();
    reader.fold(&mut |settled| {
        outcomes.push(outcome(
            settled.genome.map(|genome| genome.text().into_owned()),
            settled.measures,
            settled.objective,
        ));
        Ok::<(), samara_journal::JournalError>(())
    })?;
    Ok(History {
        outcomes,
        axes: Some(experiment.axes),
        search: experiment.search,
        name: experiment.naming.name,
        seed: Some(reader.header().seed),
        totals: reader.totals()?,
    })
}

fn from_file(args: &Rebin) -> Result<History, Failure> {
    let mut outcomes = Vec::new();
    for row in history::read(&args.history)? {
        let row = row?;
        outcomes.push(outcome(row.genotype, row.phenotype, row.fitness));
    }
    let name = args.history.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (search, totals) = (SearchSettings::default(), Totals::default());
    Ok(History { outcomes, axes: None, search, name, seed: None, totals })
}

fn outcome(genome: Option<String>, measures: Option<Vec<f64>>, objective: Option<f64>) -> Outcome {
    let genome = genome.map(|text| Genome::Text(text.into()));
    match (measures, objective) {
        (Some(measures), Some(objective)) => {
            Outcome::Scored { genome: genome.unwrap_or_else(|| Genome::Text("".into())), measures, objective }
        }
        _ => Outcome::Invalid { genome, why: "recorded without a score".to_owned() },
    }
}

/// The axes that were asked for; those of the run, or 20 even bins over [0, 1], where nothing was.
fn axes(args: &Rebin, history: &History) -> Result<Vec<AxisSettings>, Failure> {
    let measured = history.outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Scored { measures, .. } => Some(measures.len()),
        _ => None,
    });
    let dims = history.axes.as_ref().map(Vec::len).or(measured);
    let dims =
        dims.ok_or_else(|| Failure::usage(format!("{}: no candidate was scored", args.history.display())))?;
    let kept = |i: usize| history.axes.as_ref().map(|axes| axes[i].clone());
    (0..dims)
        .map(|i| {
            let old = kept(i).unwrap_or_else(|| AxisSettings::even(format!("measure {i}"), [0.0, 1.0], 20));
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
            "{flag} is given {n} times, but there are {dims} axes\nhint: give it once for all axes, or once an axis"
        ))),
    }
}

fn numbers(text: &str, flag: &str) -> Result<Vec<f64>, Failure> {
    let number = |part: &str| {
        let part = part.trim();
        part.parse().map_err(|_| {
            Failure::usage(format!("{flag} {text}: `{part}` is no number\nhint: write 0.1,0.5,0.9"))
        })
    };
    text.split(',').map(number).collect()
}
