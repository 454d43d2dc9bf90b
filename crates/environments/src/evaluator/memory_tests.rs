//! What an island remembers, and what a proposer makes of it.

use samara_qd::Stream;
use samara_search::{
    Ask, AxisSettings, Charge, Ensemble, Finished, Outcome, Plan, Search, SearchSettings, Setup, Strategy,
    Ticket, Unscored,
};

use super::*;
use crate::evaluator::{
    Evolver, Program,
    settings::{Choice, SelectionSettings, VariationSettings},
};

fn without_a_model() -> VariationSettings {
    VariationSettings {
        diff: 0.0,
        rewrite: 0.0,
        crossover: 0.0,
        fix: 0.0,
        gp: 1.0,
        ..VariationSettings::default()
    }
}

fn genome(text: &str) -> Arc<Genome> {
    Program::of_text("a.py", text).initial
}

fn memory(patience: u64) -> Memory {
    let operators = Operators::new(&without_a_model(), Choice::Bandit, false);
    Memory::new(
        operators,
        &Arc::new(Program::of_text("a.py", "x = 0.5\n")),
        patience,
        vec!["length".to_owned()],
    )
}

/// A settled candidate of island 0 whose text names it.
fn candidate(index: u64, operator: &str, parent: Option<u64>, objective: Option<f64>) -> Candidate {
    let metrics = BTreeMap::from([("length".to_owned(), index as f64)]);
    let score = objective.map(|objective| Arc::new(Score { objective, metrics, ..Score::default() }));
    let fate = if score.is_some() { Fate::New } else { Fate::Invalid { why: "NameError: y".to_owned() } };
    let artifacts = if score.is_some() { Vec::new() } else { vec![Artifact::text("traceback", "line 1")] };
    Candidate {
        index,
        island: 0,
        horizon: index,
        operator: operator.to_owned(),
        parents: parent.into_iter().collect(),
        generator: None,
        genome: Some(genome(&format!("x = 0.{index}\n"))),
        score,
        fate,
        cell: objective.map(|_| 0),
        rank: None,
        copy_of: None,
        artifacts,
        charge: Charge::default(),
        model_ms: 0.0,
    }
}

#[test]
fn the_best_is_the_latest_of_equals() {
    let mut memory = memory(0);
    for (index, objective) in [(0, 1.0), (1, 2.0), (2, 2.0), (3, 1.5)] {
        memory.learn(&candidate(index, "gp_step", Some(0), Some(objective)));
    }
    assert_eq!(memory.climber().map(|best| best.id), Some(2));
}

#[test]
fn a_step_that_improved_is_kept_with_where_it_came_from() {
    let mut memory = memory(0);
    memory.learn(&candidate(0, "seed", None, Some(1.0)));
    memory.learn(&candidate(1, "gp_step", Some(0), Some(2.0)));
    memory.learn(&candidate(2, "gp_step", Some(0), Some(1.5)));
    memory.learn(&candidate(3, "gp_step", Some(0), Some(0.5)));
    let ids = |steps: Vec<&Step>| steps.iter().map(|step| step.to.id).collect::<Vec<_>>();
    assert_eq!(ids(memory.steps_to(1)), [1]);
    assert_eq!(ids(memory.steps_beside(1)), [2], "another child of the same parent");
    assert_eq!(memory.steps_to(1)[0].from.text(), "x = 0.0\n");
}

#[test]
fn the_step_to_a_new_best_is_fresh_until_the_next_candidate_settles() {
    let mut memory = memory(0);
    memory.learn(&candidate(0, "seed", None, Some(1.0)));
    assert!(memory.fresh_step().is_none(), "no step led to the seed");
    memory.learn(&candidate(1, "gp_step", Some(0), Some(2.0)));
    assert_eq!(memory.fresh_step().map(|step| step.to.id), Some(1));
    memory.learn(&candidate(2, "gp_again", Some(1), Some(0.5)));
    assert!(memory.fresh_step().is_none(), "it was gone on with in vain");
    memory.learn(&candidate(3, "gp_step", Some(1), Some(2.0)));
    assert!(memory.fresh_step().is_none(), "an equal one is no improvement");
}

#[test]
fn a_failed_program_is_offered_for_repair_with_its_error_and_not_for_ever() {
    let mut memory = memory(0);
    memory.learn(&candidate(0, "seed", None, Some(1.0)));
    memory.learn(&candidate(9, "gp_code", Some(0), None));
    assert!(memory.failures().is_empty(), "a random edit is not worth a model's call");
    memory.learn(&candidate(1, "diff", Some(0), None));
    let failed = memory.failures()[0].clone();
    let artifacts = &failed.score.as_ref().expect("what is known").artifacts;
    assert_eq!((failed.id, artifacts[0].as_text()), (1, Some("NameError: y")));
    assert_eq!(artifacts[1].name, "traceback");
    memory.learn(&candidate(2, "fix", Some(1), None));
    assert_eq!(memory.failures().len(), 1, "one more try");
    memory.learn(&candidate(3, "fix", Some(1), None));
    assert!(memory.failures().is_empty(), "failed repairs are no failures of their own");
}

#[test]
fn a_repaired_program_needs_no_more_repair() {
    let mut memory = memory(0);
    memory.learn(&candidate(1, "diff", Some(0), None));
    memory.learn(&candidate(2, "fix", Some(1), Some(3.0)));
    assert!(memory.failures().is_empty());
}

#[test]
fn stagnation_asks_for_larger_changes_then_climbs_elsewhere_until_the_best_is_beaten() {
    let mut memory = memory(2);
    memory.learn(&candidate(0, "seed", None, Some(1.0)));
    memory.learn(&candidate(1, "gp_step", Some(0), Some(2.0)));
    assert!(!memory.stagnates());
    for index in 2..4 {
        memory.learn(&candidate(index, "gp_step", Some(1), Some(0.5)));
    }
    assert!(memory.stagnates() && memory.restart().is_none());
    for index in 4..6 {
        memory.learn(&candidate(index, "gp_step", Some(1), Some(0.5)));
    }
    let (at, fresh) = memory.restart().expect("a climb from elsewhere");
    assert!(fresh && at.id != 1);
    let child = candidate(6, "gp_jump_larger", Some(at.id), Some(0.1));
    memory.learn(&child);
    assert_eq!(
        memory.restart().map(|(at, fresh)| (at.id, fresh)),
        Some((6, false)),
        "the first leads away in any case"
    );
    memory.learn(&candidate(7, "gp_step", Some(6), Some(0.05)));
    assert_eq!(memory.restart().map(|(at, _)| at.id), Some(6), "a worse one does not");
    memory.learn(&candidate(8, "gp_step", Some(6), Some(3.0)));
    assert!(memory.restart().is_none() && !memory.stagnates());
}

#[test]
fn scales_are_the_least_and_the_greatest_that_settled() {
    let mut memory = memory(0);
    for (index, objective) in [(3, Some(1.0)), (1, None), (8, Some(0.0))] {
        memory.learn(&candidate(index, "gp_step", None, objective));
    }
    assert_eq!(memory.scales().get("length"), Some(&[3.0, 8.0]));
}

/// The settings of a search of 60 candidates.
fn settings(strategy: Strategy, window: usize, islands: u32) -> SearchSettings {
    let mut settings = SearchSettings {
        strategy,
        init_steps: 0,
        total_steps: 60,
        window,
        concurrency: window,
        ..SearchSettings::default()
    };
    settings.islands.count = islands;
    settings.islands.migration_interval = 20;
    settings
}

/// A search whose candidates are worth what their only number says.
fn search(settings: &SearchSettings, seeds: &[&str]) -> Search {
    let mut program = Program::of_text("a.py", "x = 0.5\n");
    program.seeds = seeds.iter().map(|seed| genome(seed)).collect();
    let tessellation = settings.tessellation(&[AxisSettings::even("score", [0.0, 4.0], 4)]).expect("cells");
    let program = Arc::new(program);
    let proposer = || {
        let (program, selection) = (Arc::clone(&program), SelectionSettings::default());
        let evolver = Evolver::new(program, &without_a_model(), &selection, settings, Vec::new());
        Box::new(evolver) as Box<dyn samara_search::Proposer>
    };
    let proposers = (0..settings.islands.count).map(|_| proposer()).collect();
    let setup = Setup { settings: settings.clone(), tessellation, ensemble: Ensemble::default(), proposers };
    Search::new(setup).expect("a search")
}

fn finish(ticket: &Ticket) -> Finished {
    let program = Program::of_text("a.py", "x = 0.5\n");
    let draft =
        crate::evaluator::gp::written(&program, &ticket.plan, &mut ticket.stream.clone()).expect("an edit");
    let number = draft.text().trim_start_matches("x = ").trim().parse::<f64>();
    let outcome = match number {
        Ok(number) => Outcome::Scored { genome: Arc::new(draft), score: Score::new(number, vec![number]) },
        Err(_) => Outcome::Invalid(Unscored {
            genome: Some(Arc::new(draft)),
            why: "no number".into(),
            artifacts: Vec::new(),
        }),
    };
    Finished { index: ticket.index, outcome, charge: Charge::default(), model_ms: 0.0 }
}

/// Runs a search, telling results in an order that `seed` draws; the plans by index, and the archive's hash.
fn run(mut search: Search, seed: u64) -> (BTreeMap<u64, Plan>, String) {
    let (mut out, mut plans) = (Vec::new(), BTreeMap::new());
    let mut order = Stream::named(seed, "order");
    loop {
        match search.ask() {
            Ask::Ticket(ticket) => {
                plans.insert(ticket.index, ticket.plan.clone());
                out.push(finish(&ticket));
            }
            Ask::Wait => {
                search.tell(out.swap_remove(order.index(out.len())));
            }
            Ask::Ended(_) => return (plans, search.population().archive_hash()),
        }
    }
}

#[test]
fn plans_and_archives_do_not_depend_on_the_order_of_results() {
    let of = |seed| run(search(&settings(Strategy::Qdaif, 8, 2), &[]), seed);
    let first = of(0);
    for seed in 1..6 {
        assert!(of(seed) == first, "order {seed}");
    }
}

#[test]
fn every_island_begins_with_the_initial_program_and_the_seeds_follow() {
    let (plans, _) = run(search(&settings(Strategy::Qdaif, 4, 2), &["x = 1.5\n"]), 0);
    let seeds: Vec<String> = plans
        .values()
        .filter(|plan| plan.verbatim)
        .map(|plan| plan.material[0].text().into_owned())
        .collect();
    assert_eq!(seeds, ["x = 0.5\n", "x = 0.5\n", "x = 1.5\n"]);
    assert!(plans.values().skip(3).all(|plan| plan.operator.starts_with("gp_") && !plan.parents.is_empty()));
}

#[test]
fn a_climber_varies_the_best_so_far_alone_and_random_search_the_initial_program() {
    let (plans, _) = run(search(&settings(Strategy::Own("climber".to_owned()), 1, 1), &[]), 0);
    let mut best = (0, 0.5);
    for (index, plan) in plans.iter().skip(1) {
        let parent = &plan.parents[0];
        let objective = parent.score.as_ref().map_or(0.5, |score| score.objective);
        assert!(parent.id == best.0 || parent.id + 1 == *index, "candidate {index}");
        assert!(objective >= best.1, "candidate {index}");
        best = (parent.id, objective);
    }
    assert!(best.1 > 0.5, "it climbs");
    let (plans, _) = run(search(&settings(Strategy::RandomSearch, 1, 1), &[]), 0);
    assert!(plans.values().skip(1).all(|plan| plan.parents[0].id == 0));
}

#[test]
fn created_candidates_are_larger_changes_of_the_initial_program() {
    let created = SearchSettings { init_steps: 4, ..settings(Strategy::Qdaif, 1, 1) };
    let (plans, _) = run(search(&created, &[]), 0);
    for index in 1..4 {
        let plan = &plans[&index];
        assert!(plan.operator.ends_with("_larger") && plan.parents[0].id == 0, "{plan:?}");
    }
    assert!(plans.values().skip(4).any(|plan| !plan.operator.ends_with("_larger")));
}
