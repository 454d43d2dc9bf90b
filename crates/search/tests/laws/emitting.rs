//! Emitters within the window: the same archive in whatever order results are told, however often a run was stopped, and,
//! where nothing looks at the archive within a generation, at any window.

use std::sync::Arc;

use proptest::prelude::*;
use samara_qd::{Stream, emitters::Space};
use samara_search::{
    Ask, AxisSettings, BanditSettings, Candidate, Charge, EmitterKind, EmitterSettings, Emitting, Finished,
    Genome, IslandSettings, Outcome, ParentsName, RankingName, Replay, ReselectName, RestartName, Score,
    Search, SearchSettings, Setup, Ticket, Unscored,
};

const DIMS: usize = 4;

fn strategy(ranking: RankingName, kind: EmitterKind) -> EmitterSettings {
    let half = ranking == RankingName::Improvement;
    EmitterSettings {
        batch: 8,
        count: 2,
        ranking,
        parents: if half { ParentsName::Half } else { ParentsName::Accepted },
        restart: if half { RestartName::Convergence } else { RestartName::NoImprovement },
        ..EmitterSettings::new(kind)
    }
}

fn settings(window: usize, islands: u32, emitters: Vec<EmitterSettings>) -> SearchSettings {
    SearchSettings {
        window,
        concurrency: 1,
        init_steps: 5,
        total_steps: 330,
        seed: 3,
        islands: IslandSettings { count: islands, migration_interval: 50, migrants: 2 },
        emitters,
        ..SearchSettings::default()
    }
}

fn search(settings: &SearchSettings) -> Search {
    let axes = ["x", "y"].map(|name| AxisSettings::even(name, [-4.0, 4.0], 12));
    let space = Space { start: vec![0.0; DIMS], bounds: None };
    let default = EmitterSettings::new(EmitterKind::Gaussian);
    let emitting = Emitting::new(settings, &default, space, "sample").expect("emitters");
    Search::new(Setup {
        settings: settings.clone(),
        tessellation: settings.tessellation(&axes).expect("cells"),
        ensemble: Default::default(),
        proposers: (0..settings.islands.count).map(|_| Box::new(emitting.clone()) as _).collect(),
    })
    .expect("a search")
}

fn finish(ticket: &Ticket) -> Finished {
    let vector = match ticket.plan.material.first().map(|genome| &**genome) {
        Some(Genome::Vector(vector)) => vector.clone(),
        _ => {
            let mut stream = ticket.stream.clone();
            (0..DIMS).map(|_| stream.uniform(-1.0, 1.0)).collect()
        }
    };
    let objective = -vector.iter().map(|x| (x - 1.0) * (x - 1.0)).sum::<f64>();
    let measures = vec![vector[0] + vector[1], vector[2] + vector[3]];
    let genome = Arc::new(Genome::Vector(vector));
    let outcome = if ticket.index % 13 == 7 {
        Outcome::Failed(Unscored { genome: Some(genome), why: "lost".to_owned(), artifacts: Vec::new() })
    } else {
        Outcome::Scored { genome, score: Score::new(objective, measures) }
    };
    Finished { index: ticket.index, outcome, charge: Charge::default(), model_ms: 0.0 }
}

/// Drives a search to its end or to `stop` settled candidates, `alive` at once, told in an order that `order` draws.
fn drive(search: &mut Search, (alive, order): (usize, u64), stop: u64) -> Vec<Candidate> {
    let (mut out, mut settled) = (Vec::new(), Vec::new());
    let mut shuffle = Stream::new(order, 0);
    loop {
        while out.len() < alive {
            match search.ask() {
                Ask::Ticket(ticket) => out.push(finish(&ticket)),
                Ask::Wait => break,
                Ask::Ended(_) => return settled,
            }
        }
        let told = out.swap_remove(shuffle.index(out.len()));
        settled.extend(search.tell(told).into_iter().map(|settled| settled.candidate));
        if search.settled() >= stop {
            return settled;
        }
    }
}

fn whole(settings: &SearchSettings, how: (usize, u64)) -> (Vec<Candidate>, String) {
    let mut search = search(settings);
    let candidates = drive(&mut search, how, u64::MAX);
    assert_eq!(candidates.len() as u64, settings.total_steps);
    (candidates, search.population().archive_hash())
}

fn mixtures() -> impl Strategy<Value = Vec<EmitterSettings>> {
    let small = |kind| EmitterSettings { batch: 3, ..EmitterSettings::new(kind) };
    let all = vec![
        small(EmitterKind::Gaussian),
        small(EmitterKind::IsoLine),
        strategy(RankingName::TwoStage, EmitterKind::CmaEs),
        strategy(RankingName::Improvement, EmitterKind::SepCmaEs),
    ];
    prop::sample::subsequence(all, 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_order_of_telling_nor_a_stop_changes_what_emitters_find(
        emitters in mixtures(), window in 1_usize..60, islands in 1_u32..4, bandit: bool, soft: bool,
        (alive, order, stop) in (1_usize..60, any::<u64>(), 1_u64..330),
    ) {
        let active = BanditSettings { active: 1, zeta: 0.1, reselect: Default::default() };
        let settings = SearchSettings {
            bandit: bandit.then_some(active),
            learning_rate: soft.then_some(0.1),
            threshold_min: soft.then_some(-20.0),
            ..settings(window, islands, emitters)
        };
        let (candidates, hash) = whole(&settings, (1, 0));
        prop_assert_eq!(&whole(&settings, (alive, order)), &(candidates.clone(), hash.clone()));
        let mut stopped = search(&settings);
        let recorded = drive(&mut stopped, (alive, order), stop);
        let mut resumed = search(&settings);
        resumed.resume(recorded.len() as u64);
        for candidate in recorded {
            resumed.refold(candidate).expect("what was recorded");
        }
        let rest = drive(&mut resumed, (alive, order.wrapping_add(1)), u64::MAX);
        prop_assert_eq!(&rest[..], &candidates[candidates.len() - rest.len()..]);
        prop_assert_eq!(resumed.population().archive_hash(), hash);
    }

    #[test]
    fn evolution_strategies_propose_the_same_at_any_window(window in 1_usize..80, improvement: bool, order: u64) {
        let ranking = if improvement { RankingName::Improvement } else { RankingName::TwoStage };
        let at = |window| {
            let emitters = vec![strategy(ranking, EmitterKind::CmaEs)];
            whole(&settings(window, 1, emitters), (window, order)).1
        };
        prop_assert_eq!(at(window), at(1));
    }
}

#[test]
fn a_reader_that_is_given_the_emitters_knows_what_their_bandit_knows() {
    let emitters = vec![
        EmitterSettings { batch: 3, ..EmitterSettings::new(EmitterKind::IsoLine) },
        strategy(RankingName::TwoStage, EmitterKind::CmaEs),
    ];
    let bandit = Some(BanditSettings { active: 1, zeta: 0.1, reselect: ReselectName::All });
    let settings = SearchSettings { bandit, ..settings(20, 2, emitters) };
    let (candidates, hash) = whole(&settings, (7, 1));
    let space = Space { start: vec![0.0; DIMS], bounds: None };
    let emitting = Emitting::new(&settings, &EmitterSettings::new(EmitterKind::Gaussian), space, "sample")
        .expect("emitters");
    let axes = ["x", "y"].map(|name| AxisSettings::even(name, [-4.0, 4.0], 12));
    let cells = settings.tessellation(&axes).expect("cells");
    let mut replay = Replay::new(&settings, cells).expect("a fold").with_emitters(emitting);
    for (index, candidate) in candidates.iter().enumerate() {
        // Whoever proposes next is who the reader says, counted from the beginning of the generation.
        let island = index % 2;
        let number =
            (index as u64).checked_sub(settings.init_steps.next_multiple_of(2)).map(|after| after / 2);
        if number.is_some() && candidate.operator != "sample" {
            let scheduler = replay.emitters()[island].scheduler();
            let active: Vec<&str> =
                scheduler.active().map(|place| scheduler.emitters()[place].name()).collect();
            assert!(active.contains(&&*candidate.operator), "{index}: {active:?} and {}", candidate.operator);
        }
        replay.refold(candidate).expect("what was recorded");
    }
    assert_eq!(replay.population().archive_hash(), hash);
    let islands = replay.emitters().iter().map(|island| island.scheduler().bandit().expect("a bandit"));
    let known: Vec<_> = islands.flat_map(|bandit| bandit.standings().collect::<Vec<_>>()).collect();
    assert!(known.len() == 6 && known.iter().all(|one| one.made > 0 && one.promise.is_finite()), "{known:?}");
    let made: u64 = known.iter().map(|one| one.made).sum();
    assert!((250..=330).contains(&made), "all but created ones and the last generations: {made}");
}

#[test]
fn the_next_generation_waits_for_the_last_and_emitters_that_learn_nothing_wait_for_no_one() {
    let asked = |emitters: Vec<EmitterSettings>| {
        let settings = SearchSettings { init_steps: 0, ..settings(64, 1, emitters) };
        let mut search = search(&settings);
        std::iter::from_fn(|| match search.ask() {
            Ask::Ticket(ticket) => Some(ticket.plan.operator),
            Ask::Wait | Ask::Ended(_) => None,
        })
        .collect::<Vec<_>>()
    };
    let strategies = asked(vec![strategy(RankingName::TwoStage, EmitterKind::CmaEs)]);
    assert_eq!(strategies, ["cma_es"; 16], "a generation of two strategies");
    let lines = asked(vec![EmitterSettings::new(EmitterKind::IsoLine)]);
    assert_eq!(lines, ["iso_line"; 64], "the window");
}

#[test]
fn covariances_that_do_not_fit_into_memory_are_refused_before_they_are_made() {
    let many = EmitterSettings { count: 1000, ..EmitterSettings::new(EmitterKind::CmaEs) };
    let refused = |emitter: EmitterSettings| {
        let space = Space { start: vec![0.0; 10_000], bounds: None };
        let settings = settings(1, 1, vec![emitter.clone()]);
        Emitting::new(&settings, &emitter, space, "sample").map(|_| ())
    };
    assert_eq!(refused(many).expect_err("10^11 numbers").key, "search.emitters");
    refused(EmitterSettings::new(EmitterKind::SepCmaEs)).expect("a diagonal fits");
}
