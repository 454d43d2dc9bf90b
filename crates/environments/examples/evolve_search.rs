//! How well the search of `evaluator` improves programs that are tables of numbers, beside a (1+1) climber on the same
//! edits: medians of ten seeds after 400 evaluations, at several windows. Needs no model, no sandbox and no file.
//!
//! `cargo run --release -p samara-environments --example evolve_search [-- TASK...]`

#![expect(clippy::print_stdout, reason = "its table is what it is run for")]

use std::sync::Arc;

use samara_environments::evaluator::{
    Evolver, Program, gp,
    measures::Measures,
    settings::{SelectionSettings, VariationSettings},
};
use samara_qd::Stream;
use samara_search::{
    Ask, AxisSettings, Charge, Ensemble, Finished, Genome, Outcome, Score, Search, SearchSettings, Setup,
    Strategy, Ticket,
};

const EVALUATIONS: u64 = 400;
const SEEDS: u64 = 10;
const WINDOWS: [usize; 4] = [1, 4, 16, 64];

/// A table of numbers to begin with, and what it is worth: higher is better, 1 about the best known.
struct Task {
    name: &'static str,
    rows: fn() -> Vec<Vec<f64>>,
    worth: fn(&[f64]) -> f64,
}

const TASKS: [Task; 6] = [
    Task { name: "circles", rows: rings, worth: circles },
    Task { name: "heilbronn", rows: scattered, worth: heilbronn },
    Task { name: "rugged", rows: || vec![vec![2.3, -1.7, 3.1, -2.6, 1.2, 2.8, -3.3, 0.7]], worth: rugged },
    Task { name: "trap", rows: || vec![vec![0.5; 4]; 4], worth: trap },
    Task { name: "polynomial", rows: || vec![vec![0.1; 6]], worth: polynomial },
    Task { name: "quadratic", rows: || vec![vec![1.0; 10]; 2], worth: quadratic },
];

/// One circle in the middle, eight around it, sixteen around those, one in a corner.
fn rings() -> Vec<Vec<f64>> {
    let ring = |count: usize, radius: f64| {
        (0..count).map(move |place| {
            let angle = std::f64::consts::TAU * place as f64 / count as f64;
            vec![round(0.5 + radius * libm::cos(angle)), round(0.5 + radius * libm::sin(angle))]
        })
    };
    std::iter::once(vec![0.5, 0.5])
        .chain(ring(8, 0.3))
        .chain(ring(16, 0.45))
        .chain([vec![0.05, 0.95]])
        .collect()
}

fn scattered() -> Vec<Vec<f64>> {
    let mut stream = Stream::named(0, "heilbronn");
    (0..11).map(|_| vec![round(stream.unit()), round(stream.unit())]).collect()
}

fn round(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// 26 circles in the unit square, as large as they may be around these centres: the sum of their radii by 2.635.
fn circles(table: &[f64]) -> f64 {
    let centres: Vec<(f64, f64)> =
        table.chunks_exact(2).map(|row| (row[0].clamp(0.0, 1.0), row[1].clamp(0.0, 1.0))).collect();
    let mut radii: Vec<f64> = centres.iter().map(|(x, y)| x.min(*y).min(1.0 - x).min(1.0 - y)).collect();
    for i in 0..centres.len() {
        for j in i + 1..centres.len() {
            let distance = libm::hypot(centres[i].0 - centres[j].0, centres[i].1 - centres[j].1);
            let sum = radii[i] + radii[j];
            if sum > distance {
                radii[i] *= distance / sum;
                radii[j] *= distance / sum;
            }
        }
    }
    radii.iter().sum::<f64>() / 2.635
}

/// Eleven points in the unit square: the smallest of their triangles by 0.037.
fn heilbronn(table: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> =
        table.chunks_exact(2).map(|row| (row[0].clamp(0.0, 1.0), row[1].clamp(0.0, 1.0))).collect();
    let mut least = f64::INFINITY;
    for (i, a) in points.iter().enumerate() {
        for (j, b) in points.iter().enumerate().skip(i + 1) {
            for c in &points[j + 1..] {
                let area = ((b.0 - a.0) * (c.1 - a.1) - (c.0 - a.0) * (b.1 - a.1)).abs() / 2.0;
                least = least.min(area);
            }
        }
    }
    least / 0.037
}

/// A bowl with a dent at every whole number.
fn rugged(table: &[f64]) -> f64 {
    let value: f64 = table.iter().map(|x| x * x + 3.0 * (1.0 - libm::cos(std::f64::consts::TAU * x))).sum();
    1.0 / (1.0 + value / 10.0)
}

/// Groups of four that lead away from their best, which only all four together reach.
fn trap(table: &[f64]) -> f64 {
    let group = |group: &[f64]| {
        let high = group.iter().filter(|x| **x > 0.9).count();
        let mean = group.iter().map(|x| x.clamp(0.0, 1.0)).sum::<f64>() / 4.0;
        if high == 4 { 1.0 } else { 0.8 * (1.0 - mean) }
    };
    table.chunks_exact(4).map(group).sum::<f64>() / 4.0
}

/// Coefficients of a polynomial that follows a wave.
fn polynomial(table: &[f64]) -> f64 {
    let error = |step: usize| {
        let x = step as f64 / 20.0 - 1.0;
        let value = table.iter().rev().fold(0.0, |value, coefficient| value * x + coefficient);
        let miss = value - libm::sin(3.0 * x) - 0.5 * x;
        miss * miss
    };
    1.0 / (1.0 + 20.0 * (0..=40).map(error).sum::<f64>() / 41.0)
}

/// A bowl that is a hundred times as steep in its last direction as in its first, away from the origin.
fn quadratic(table: &[f64]) -> f64 {
    let last = (table.len() - 1) as f64;
    let part = |(place, x): (usize, &f64)| {
        let target = 3.0 * libm::sin(1.0 + place as f64);
        libm::pow(100.0, place as f64 / last) * (x - target) * (x - target)
    };
    1.0 / (1.0 + table.iter().enumerate().map(part).sum::<f64>() / 100.0)
}

fn text_of(rows: &[Vec<f64>]) -> String {
    let rows: String = rows.iter().map(|row| format!("    {row:?},\n")).collect();
    format!("# EVOLVE-BLOCK-START\nTABLE = [\n{rows}]\n# EVOLVE-BLOCK-END\n")
}

/// The numbers of a table, if it still is one of so many.
fn numbers(genome: &Genome, count: usize) -> Option<Vec<f64>> {
    let text = genome.text();
    let (_, inside) = text.split_once("TABLE = [")?;
    let (inside, _) = inside.split_once("# EVOLVE-BLOCK-END")?;
    let words = inside.split(|c: char| "[],\n ".contains(c)).filter(|word| !word.is_empty());
    let numbers: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() == count)
}

struct Run<'a> {
    task: &'a Task,
    program: Arc<Program>,
    measures: Measures,
    count: usize,
}

impl Run<'_> {
    /// The best objective of a search.
    fn search(&self, strategy: &Strategy, window: usize, seed: u64, islands: u32) -> f64 {
        let axes = axes();
        let mut settings = SearchSettings {
            strategy: strategy.clone(),
            init_steps: 0,
            total_steps: EVALUATIONS,
            window,
            concurrency: window,
            seed,
            ..SearchSettings::default()
        };
        settings.islands.count = islands;
        let variation = VariationSettings {
            diff: 0.0,
            rewrite: 0.0,
            crossover: 0.0,
            fix: 0.0,
            gp: 1.0,
            ..VariationSettings::default()
        };
        let selection = SelectionSettings::default();
        let proposer = || {
            let program = Arc::clone(&self.program);
            Box::new(Evolver::new(program, &variation, &selection, &settings, self.measures.names()))
                as Box<_>
        };
        let tessellation = settings.tessellation(&axes).expect("cells");
        let proposers = (0..islands).map(|_| proposer()).collect();
        let mut search =
            Search::new(Setup { settings, tessellation, ensemble: Ensemble::default(), proposers })
                .expect("a search");
        loop {
            match search.ask() {
                Ask::Ticket(ticket) => {
                    let finished = self.live(*ticket, &search);
                    search.tell(finished);
                }
                Ask::Wait => unreachable!("everything is told at once"),
                Ask::Ended(_) => {
                    return search
                        .population()
                        .overall()
                        .archive()
                        .stats()
                        .best
                        .expect("the seed has a score");
                }
            }
        }
    }

    fn live(&self, mut ticket: Ticket, search: &Search) -> Finished {
        let mut genome = None;
        for _ in 0..4 {
            let draft =
                gp::written(&self.program, &ticket.plan, &mut ticket.stream).expect("a table can be edited");
            let known = search.index().find(&draft.digest(), ticket.horizon).is_some();
            genome = Some(draft);
            if !known {
                break;
            }
        }
        let genome = Arc::new(genome.expect("four drafts"));
        let outcome = match numbers(&genome, self.count) {
            Some(numbers) => {
                let mut score = Score::new((self.task.worth)(&numbers), Vec::new());
                self.measures
                    .fill(&self.program, &genome, &mut score, &ticket.plan.scales)
                    .expect("no metric is named");
                Outcome::Scored { genome, score }
            }
            None => Outcome::Invalid(samara_search::Unscored {
                genome: Some(genome),
                why: "no table".into(),
                artifacts: Vec::new(),
            }),
        };
        Finished { index: ticket.index, outcome, charge: Charge::default(), model_ms: 0.0 }
    }
}

fn axes() -> [AxisSettings; 2] {
    ["complexity", "diversity"].map(|name| AxisSettings::even(name, [0.0, 1.0], 10))
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("{:<11} {:>6} | {:<23} | samara: median (range)", "task", "window", "climber: median (range)");
    for task in TASKS.iter().filter(|task| wanted.is_empty() || wanted.iter().any(|name| name == task.name)) {
        let rows = (task.rows)();
        let program = Arc::new(Program::of_text("table.py", &text_of(&rows)));
        let measures = Measures::new(&axes(), &program);
        let run = Run { task, program, measures, count: rows.iter().map(Vec::len).sum() };
        for window in WINDOWS {
            let row = |strategy: &Strategy| {
                let mut found: Vec<f64> =
                    (0..SEEDS).map(|seed| run.search(strategy, window, seed, 1)).collect();
                found.sort_by(f64::total_cmp);
                let middle = SEEDS as usize / 2;
                let median = (found[middle - 1] + found[middle]) / 2.0;
                format!("{median:.4} ({:.4}-{:.4})", found[0], found[SEEDS as usize - 1])
            };
            let climber = row(&Strategy::Own("climber".to_owned()));
            println!("{:<11} {window:>6} | {climber:<23} | {}", task.name, row(&Strategy::Qdaif));
        }
    }
}
