//! A comparison in numbers: intervals over seeds, as a table, as JSON, as CSV.

use samara_search::{
    Interval, Resamples, Strategy,
    statistics::{Against, LEVEL, RESAMPLES, over_seeds},
};
use serde::Serialize;

use crate::exit::one_line;
use samara_view::numbers::fixed;

use super::{
    curve::{Point, Run, steps},
    plan::Planned,
};

/// The object that `--format json` prints and `compare.json` holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The experiment's name.
    pub experiment: String,
    /// The seeds of every strategy.
    pub seeds: Vec<u64>,
    /// Candidates of a run.
    pub total_steps: u64,
    /// The part of the resampled means that an interval holds.
    pub level: f64,
    /// How often seeds were drawn anew.
    pub resamples: u32,
    /// The steps of the curves.
    pub steps: Vec<u64>,
    /// What each strategy found.
    pub strategies: Vec<Found>,
}

/// A strategy's results.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Found {
    pub strategy: Strategy,
    /// Over seeds, at the end.
    pub qd_score: Interval,
    /// Over seeds, at the end, 0 to 1.
    pub coverage: Interval,
    /// Over seeds, at the end; null if a run scored nothing.
    pub best: Option<Interval>,
    /// The QD score's interval beside that of `qdaif`; null for `qdaif` itself, without it, or for a single seed.
    pub against_qdaif: Option<Against>,
    /// Run by run, in the order of the seeds.
    pub runs: Vec<Run>,
    /// The same numbers at every step.
    pub curves: Curves,
}

/// Intervals at the steps of [`Report::steps`].
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Curves {
    pub qd_score: Vec<Interval>,
    pub coverage: Vec<Interval>,
    pub best: Vec<Option<Interval>>,
}

impl Report {
    /// The report of a plan and its runs, in the plan's order.
    pub(crate) fn new(plan: &[Planned], runs: Vec<Run>) -> Self {
        let first = &plan[0];
        let of_first = plan.iter().take_while(|planned| planned.strategy == first.strategy);
        let seeds: Vec<u64> = of_first.map(|planned| planned.experiment.search.seed).collect();
        // The same drawings for every number of every strategy, from the seeds alone.
        let resamples = over_seeds(seeds[0], seeds.len());
        let mut strategies = Vec::new();
        let mut runs = runs.into_iter();
        for planned in plan.iter().step_by(seeds.len()) {
            strategies.push(Found::new(
                planned.strategy.clone(),
                runs.by_ref().take(seeds.len()).collect(),
                &resamples,
            ));
        }
        let ours = strategies.iter().find(|found| found.strategy == Strategy::Qdaif).map(|f| f.qd_score);
        for found in strategies.iter_mut().filter(|found| found.strategy != Strategy::Qdaif) {
            found.against_qdaif =
                ours.filter(|_| seeds.len() > 1).map(|ours| Against::of(&found.qd_score, &ours));
        }
        let total_steps = first.experiment.search.total_steps;
        Self {
            experiment: first.experiment.naming.name.clone(),
            seeds,
            total_steps,
            level: LEVEL,
            resamples: RESAMPLES,
            steps: steps(total_steps),
            strategies,
        }
    }

    /// A row for every strategy, seed and step.
    pub(crate) fn to_csv(&self) -> String {
        let mut csv = String::from("strategy,seed,step,qd_score,coverage,best\n");
        for found in &self.strategies {
            for run in &found.runs {
                for Point { step, qd_score, coverage, best } in &run.curve {
                    let best = best.map_or(String::new(), |best| best.to_string());
                    let (strategy, seed) = (found.strategy.name(), run.seed);
                    csv += &format!("{strategy},{seed},{step},{qd_score},{coverage},{best}\n");
                }
            }
        }
        csv
    }

    /// The table.
    pub(crate) fn to_text(&self) -> String {
        let seeds = match self.seeds[..] {
            [seed] => format!("seed {seed}, no intervals"),
            [first, .., last] => {
                format!("seeds {first} to {last}, mean and 95 % bootstrap interval over seeds")
            }
            [] => String::new(),
        };
        let mut text =
            format!("{} · {} candidates · {seeds}\n\n", one_line(&self.experiment), self.total_steps);
        let titles = ["strategy", "QD score", "coverage %", "best objective", "QD score against qdaif"];
        let rows: Vec<[String; 5]> =
            self.strategies.iter().map(|found| found.row(self.seeds.len())).collect();
        let mut lines = vec![titles.map(str::to_owned)];
        lines.extend(rows);
        let widths: [usize; 5] =
            std::array::from_fn(|i| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0));
        for line in &lines {
            let cells: Vec<String> =
                line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text += cells.join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

impl Found {
    fn new(strategy: Strategy, runs: Vec<Run>, resamples: &Resamples) -> Self {
        let interval = |values: Vec<f64>| resamples.interval(&values, LEVEL);
        let length = runs.first().map_or(0, |run| run.curve.len());
        let at = |step: usize| runs.iter().map(move |run| run.curve[step]);
        let over = |number: fn(Point) -> f64| {
            (0..length).map(|step| interval(at(step).map(number).collect())).collect::<Vec<Interval>>()
        };
        let best = |values: Option<Vec<f64>>| values.map(interval);
        let curves = Curves {
            qd_score: over(|point| point.qd_score),
            coverage: over(|point| point.coverage),
            best: (0..length).map(|step| best(at(step).map(|point| point.best).collect())).collect(),
        };
        Self {
            strategy,
            qd_score: interval(runs.iter().map(|run| run.qd_score).collect()),
            coverage: interval(runs.iter().map(|run| run.coverage).collect()),
            best: best(runs.iter().map(|run| run.best).collect()),
            against_qdaif: None,
            curves,
            runs,
        }
    }

    fn row(&self, seeds: usize) -> [String; 5] {
        let number = |interval: &Interval, scale: f64, decimals: usize| {
            let [mean, low, high] =
                fixed([interval.mean, interval.low, interval.high].map(|x| x * scale), decimals);
            if seeds > 1 { format!("{mean} [{low}, {high}]") } else { mean }
        };
        [
            self.strategy.name().to_owned(),
            number(&self.qd_score, 1.0, 3),
            number(&self.coverage, 100.0, 1),
            self.best.map_or("-".to_owned(), |best| number(&best, 1.0, 4)),
            self.against_qdaif.map_or("-", Against::text).to_owned(),
        ]
    }
}
