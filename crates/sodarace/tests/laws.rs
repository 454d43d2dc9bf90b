//! What must hold of any creature, terrain and law.

use proptest::prelude::*;
use samara_sodarace::{
    Conditions, Evaluation, Kind, Law, Muscle, Rejection, Terrain, Verdict, Walker, World, evaluate,
    evaluate_all, morphology,
};

fn muscle(a: usize, b: usize, amplitude: f64, phase: f64) -> Muscle {
    Muscle { a, b, kind: Kind::Muscle, amplitude, phase }
}

fn bone(a: usize, b: usize) -> Muscle {
    Muscle { a, b, kind: Kind::Distance, amplitude: 0.0, phase: 0.0 }
}

/// A square of bones with crossed braces that does not move by itself.
fn stool() -> Walker {
    let joints = vec![[0.0, 0.0], [0.0, -1.0], [1.0, -1.0], [1.0, 0.0]];
    let sides = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)];
    Walker { joints, muscles: sides.into_iter().map(|(a, b)| bone(a, b)).collect() }
}

/// A triangle whose sides swing one after the other.
fn crawler() -> Walker {
    let muscles = vec![muscle(0, 1, 10.0, 0.0), muscle(1, 2, 10.0, 0.33), muscle(2, 0, 10.0, 0.66)];
    Walker { joints: vec![[0.0, 0.0], [1.0, 0.0], [0.5, -0.8]], muscles }
}

fn on(terrain: Terrain) -> Conditions {
    Conditions { terrain, ..Conditions::default() }
}

fn scored(walker: &Walker, conditions: &Conditions, ms: u32) -> Evaluation {
    let found = evaluate(walker, conditions, ms).expect("a walker that can be simulated");
    assert_eq!(found.verdict, Verdict::Scored, "{found:?}");
    found
}

fn terrains() -> [Terrain; 6] {
    use Terrain::{Bumps, Flat, Hills, LeftWall, RightWall, Tunnel};
    [Flat, LeftWall, RightWall, Tunnel, Bumps, Hills]
}

#[test]
fn a_motionless_creature_scores_nothing() {
    let found = scored(&stool(), &Conditions::default(), 10_000);
    assert!(found.fitness.expect("a fitness") < 1e-3, "{found:?}");
}

#[test]
fn without_drive_a_settled_creature_stays() {
    let mut conditions = Conditions::default();
    conditions.paper.amplitude_scale = 0.0;
    let found = scored(&crawler(), &conditions, 10_000);
    assert!(found.fitness.expect("a fitness") < 0.1, "{found:?}");
    assert!(scored(&crawler(), &Conditions::default(), 10_000).fitness > Some(0.1));
}

#[test]
fn a_mirrored_creature_walks_to_the_other_side() {
    // Joints and muscles of the creature and its mirror image come in the same order, and x = 0 is the middle, so that
    // every number is the other's with the sign changed.
    let walker = crawler();
    let mut mirrored = walker.clone();
    mirrored.joints.iter_mut().for_each(|joint| joint[0] = 1.0 - joint[0]);
    let [one, other] = [&walker, &mirrored].map(|walker| scored(walker, &Conditions::default(), 2_000));
    let [one, other] = [one, other].map(|found| found.displacement.expect("a displacement"));
    assert!(one.abs() > 0.1);
    assert!((one + other).abs() < 1e-2 * one.abs(), "{one} and {other}");
}

#[test]
fn twice_the_time_is_about_twice_the_way_of_a_steady_walker() {
    let way = |ms| scored(&crawler(), &Conditions::default(), ms).fitness.expect("a fitness");
    let ratio = way(40_000) / way(20_000);
    assert!((1.6..2.4).contains(&ratio), "{ratio}");
}

#[test]
fn the_time_after_settling_is_what_was_asked_for() {
    for (ms, steps) in [(0, 0), (1_000, 60), (10_000, 600), (25, 2)] {
        assert_eq!(scored(&crawler(), &Conditions::default(), ms).steps, steps);
    }
}

#[test]
fn a_creature_begins_just_above_the_ground_and_centred() {
    let world = World::new(&crawler(), &Conditions::default()).expect("a walker");
    let [low, left, right] = [
        world.positions().map(|p| p[1]).fold(f32::MAX, f32::min),
        world.positions().map(|p| p[0]).fold(f32::MAX, f32::min),
        world.positions().map(|p| p[0]).fold(f32::MIN, f32::max),
    ];
    let gap = f64::from(low) - f64::from(samara_sodarace::constants::NODE_RADIUS);
    assert!((gap - 0.05).abs() < 1e-6);
    assert_eq!(left, -right);
}

#[test]
fn muscles_that_do_not_meet_may_change_places() {
    // Two triangles without a common joint are two islands. (Of muscles that meet, the solver takes the newest first,
    // so that their order shows after some time.)
    let (one, other) =
        (crawler().muscles, crawler().muscles.into_iter().map(|m| Muscle { a: m.a + 3, b: m.b + 3, ..m }));
    let mut joints = crawler().joints;
    joints.extend(crawler().joints.iter().map(|joint| [joint[0] + 3.0, joint[1]]));
    let other: Vec<Muscle> = other.collect();
    let interleaved = one.iter().zip(&other).flat_map(|(a, b)| [*b, *a]).collect();
    let first = Walker { joints: joints.clone(), muscles: [one, other].concat() };
    let second = Walker { joints, muscles: interleaved };
    for law in [Law::Paper, Law::OpenElm] {
        let conditions = Conditions { law, ..Conditions::default() };
        let [a, b] = [&first, &second].map(|walker| scored(walker, &conditions, 10_000));
        assert_eq!((a.fitness, a.displacement), (b.fitness, b.displacement));
    }
}

#[test]
fn any_number_of_threads_finds_the_same_whatever_was_simulated_before() {
    let each_alone = || {
        let ran = terrains().map(|terrain| scored(&crawler(), &on(terrain), 3_000));
        let openelm = Conditions { law: Law::OpenElm, ..Conditions::default() };
        (ran, scored(&crawler(), &openelm, 10_000))
    };
    let alone = each_alone();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(each_alone)).collect();
        for thread in threads {
            assert_eq!(thread.join().expect("a thread that ends"), alone);
        }
    });
}

// -- terrains --------------------------------------------------------------------------------------------------

/// The positions after settling and 600 steps.
fn after_600(walker: &Walker, terrain: Terrain) -> Vec<[f32; 2]> {
    let mut world = World::new(walker, &on(terrain)).expect("a walker");
    assert!(world.settle().settled);
    (0..600).for_each(|_| world.step());
    world.positions().collect()
}

#[test]
fn a_flat_polyline_is_flat_ground() {
    let line = Terrain::Custom(vec![vec![[-3500.0, 0.0], [3500.0, 0.0]]]);
    for (a, b) in after_600(&stool(), Terrain::Flat).iter().zip(&after_600(&stool(), line)) {
        assert!((a[0] - b[0]).abs() < 1e-3 && (a[1] - b[1]).abs() < 1e-3, "{a:?} and {b:?}");
    }
}

#[test]
fn a_node_slides_over_the_joints_of_a_flat_line_without_a_bump() {
    // Down a slope, onto a flat line that is cut into pieces of 5 m.
    let mut line = vec![[-300.0, 100.0], [-20.0, 0.0]];
    line.extend((0..80).map(|i| [-15.0 + 5.0 * f64::from(i), 0.0]));
    let slope = Terrain::Custom(vec![line]);
    let pair = Walker { joints: vec![[0.0, 0.0], [0.5, 0.0]], muscles: vec![bone(0, 1)] };
    let mut world = World::new(&pair, &on(slope)).expect("a walker");
    world.settle();
    let resting: Vec<f32> = world.positions().map(|p| p[1]).collect();
    let start = world.centre();
    // A leaning crawler is pushed along by its muscles instead: it must stay at the height of its radius or above.
    for _ in 0..600 {
        world.step();
        for (now, before) in world.positions().zip(&resting) {
            assert!((now[1] - before).abs() < 1e-3);
        }
    }
    assert!((world.centre() - start).abs() < 1e-2);
}

#[test]
fn no_node_gets_through_a_terrain() {
    for terrain in terrains() {
        let found = scored(&crawler(), &on(terrain.clone()), 5_000);
        assert!(found.fitness.is_some(), "{terrain:?}");
        let mut conditions = on(terrain.clone());
        // From a kilometre up a creature arrives as fast as damping lets it.
        conditions.paper.clearance = 1_000.0;
        conditions.paper.max_settling_steps = 1;
        let mut world = World::new(&crawler(), &conditions).expect("a walker");
        (0..6_000).for_each(|_| world.step());
        let lowest = world.positions().map(|p| p[1]).fold(f32::MAX, f32::min);
        assert!(lowest > 1.9, "{terrain:?}: {lowest}");
    }
}

#[test]
fn a_wall_stops_a_creature_and_a_tunnel_has_two_ends() {
    let lines = Terrain::LeftWall.lines(40.0);
    assert_eq!(lines[0][1..3], [[-50.0, 200.0], [-50.0, 0.0]]);
    assert_eq!(Terrain::Tunnel.lines(40.0).len(), 3);
    for terrain in [Terrain::LeftWall, Terrain::RightWall] {
        let mut world = World::new(&crawler(), &on(terrain)).expect("a walker");
        world.settle();
        let room = world.morphology().width / 2.0 + 2.0 + samara_sodarace::terrain::START_ROOM;
        for _ in 0..3_000 {
            world.step();
            let far = world.positions().map(|p| p[0].abs()).fold(0.0, f32::max);
            let walled = world.ground()[0][1][0] < 0.0 && world.ground()[0][1][1] > 0.0;
            let beyond = world
                .positions()
                .any(|p| if walled { f64::from(p[0]) < -room } else { f64::from(p[0]) > room });
            assert!(!beyond, "{far}");
        }
    }
}

#[test]
fn every_built_in_terrain_is_flat_where_the_creature_starts() {
    for terrain in terrains() {
        let flat = scored(&stool(), &Conditions::default(), 1_000);
        let found = scored(&stool(), &on(terrain), 1_000);
        assert_eq!(found.settling_steps, flat.settling_steps);
    }
}

// -- what cannot be simulated ----------------------------------------------------------------------------------

#[test]
fn what_cannot_be_simulated_is_rejected_with_its_reason() {
    let change = |change: &dyn Fn(&mut Walker)| {
        let mut walker = crawler();
        change(&mut walker);
        [Law::Paper, Law::OpenElm].map(|law| walker.check(law).err())
    };
    let both = |rejection: Rejection| [Some(rejection); 2];
    assert_eq!(change(&|w| w.joints[1][0] = f64::NAN), both(Rejection::JointNotFinite(1)));
    assert_eq!(change(&|w| w.muscles[1].amplitude = f64::INFINITY), both(Rejection::MuscleNotFinite(1)));
    assert_eq!(change(&|w| w.muscles[2].phase = f64::NAN), both(Rejection::MuscleNotFinite(2)));
    assert_eq!(change(&|w| w.muscles[0].b = 3), both(Rejection::NoSuchJoint { muscle: 0, joint: 3 }));
    assert_eq!(change(&|w| w.joints[2][1] = 1e300), both(Rejection::JointTooFar(2)));
    assert_eq!(change(&|w| w.joints[2][1] = 1e6), [Some(Rejection::JointTooFar(2)), None]);
    assert_eq!(change(&|w| w.muscles[0].phase = 1e9), [Some(Rejection::DriveTooLarge(0)), None]);
    assert_eq!(change(&|w| w.muscles[0].phase = 1e31), both(Rejection::DriveTooLarge(0)));
    assert_eq!(change(&|w| w.joints.resize(1_001, [0.0; 2])), both(Rejection::TooManyJoints(1_001)));
    assert_eq!(Walker::default().check(Law::Paper), Err(Rejection::NoJoints));
    let far = Walker { joints: vec![[1e38, 0.0]], muscles: vec![] };
    let openelm = Conditions { law: Law::OpenElm, ..Conditions::default() };
    assert_eq!(evaluate(&far, &openelm, 0).err(), Some(Rejection::JointTooFar(0)));
    let walled = Conditions { terrain: Terrain::LeftWall, ..openelm };
    assert!(matches!(evaluate(&crawler(), &walled, 0), Err(Rejection::Conditions(_))));
}

#[test]
fn degenerate_walkers_get_a_verdict() {
    let at_origin = |n: usize, muscles| Walker { joints: vec![[0.0, 0.0]; n], muscles };
    let pairs = (0..39).map(|i| muscle(i, i + 1, 5.0, 0.3)).collect();
    let mut far = crawler();
    far.joints[2] = [1e6, -1e6];
    let mut strong = crawler();
    strong.muscles.iter_mut().for_each(|muscle| muscle.amplitude = 1000.0);
    let walkers = [
        at_origin(2, vec![muscle(0, 1, 1.0, 0.5), bone(0, 1)]),
        at_origin(40, pairs),
        at_origin(1, vec![]),
        at_origin(1, vec![muscle(0, 0, 5.0, 0.5)]),
        at_origin(3, vec![]),
        strong,
        far,
    ];
    for walker in &walkers {
        for law in [Law::Paper, Law::OpenElm] {
            let conditions = Conditions { law, score_unsettled: true, ..Conditions::default() };
            match evaluate(walker, &conditions, 10_000) {
                Ok(found) => assert!(found.fitness.is_none_or(f64::is_finite)),
                Err(rejection) => assert_eq!((law, rejection), (Law::Paper, Rejection::JointTooFar(2))),
            }
        }
    }
}

#[test]
fn an_unconnected_creature_scores_zero_under_the_corrected_law_and_nothing_under_openelms() {
    let loose = Walker { joints: vec![[0.0, 0.0], [1.0, -1.0]], muscles: vec![] };
    assert_eq!(scored(&loose, &Conditions::default(), 1_000).fitness, Some(0.0));
    let openelm = Conditions { law: Law::OpenElm, ..Conditions::default() };
    assert_eq!(evaluate(&loose, &openelm, 1_000).expect("a walker").verdict, Verdict::NoConnections);
}

#[test]
fn a_creature_that_does_not_come_to_rest_is_scored_only_if_wanted() {
    let mut conditions = Conditions::default();
    conditions.paper.max_settling_steps = 5;
    conditions.paper.min_settling_steps = 0;
    let found = evaluate(&crawler(), &conditions, 1_000).expect("a walker");
    assert_eq!((found.verdict, found.fitness, found.steps), (Verdict::Unsettled, None, 0));
    conditions.score_unsettled = true;
    let found = scored(&crawler(), &conditions, 1_000);
    assert!(!found.settled && found.fitness.is_some());
}

#[test]
fn a_walker_is_read_from_and_written_as_the_references_dictionary() {
    let text = r#"{"joints":[[0.0,0.0],[1.0,-1.0]],"muscles":[[0,1,{"type":"muscle","amplitude":5.0,"phase":0.25}]]}"#;
    let walker: Walker = serde_json::from_str(text).expect("a walker");
    assert_eq!(walker.muscles, [muscle(0, 1, 5.0, 0.25)]);
    assert_eq!(serde_json::to_string(&walker).expect("JSON"), text);
    assert!(serde_json::from_str::<Walker>(&text.replace("[0,1,", "[0,-1,")).is_err());
}

// -- random creatures ------------------------------------------------------------------------------------------

fn any_walker() -> impl Strategy<Value = Walker> {
    let joints = prop::collection::vec([-3.0..3.0_f64, -3.0..3.0_f64], 1..12);
    joints.prop_flat_map(|joints| {
        let n = joints.len();
        let one = (0..n, 0..n, any::<bool>(), -15.0..15.0_f64, -3.0..3.0_f64).prop_map(
            |(a, b, moves, amplitude, phase)| {
                let kind = if moves { Kind::Muscle } else { Kind::Distance };
                Muscle { a, b, kind, amplitude, phase }
            },
        );
        prop::collection::vec(one, 0..20).prop_map(move |muscles| Walker { joints: joints.clone(), muscles })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_walkers_never_leave_the_numbers_and_get_the_same_twice(
        walker in any_walker(), terrain in 0..6_usize, openelm in any::<bool>(),
    ) {
        let law = if openelm { Law::OpenElm } else { Law::Paper };
        let terrain = if openelm { Terrain::Flat } else { terrains()[terrain].clone() };
        let conditions = Conditions { law, terrain, score_unsettled: true, ..Conditions::default() };
        let found = evaluate(&walker, &conditions, 3_000).expect("a walker that can be simulated");
        prop_assert!(matches!(found.verdict, Verdict::Scored | Verdict::NoConnections));
        prop_assert_eq!(&found, &evaluate(&walker, &conditions, 3_000).expect("the same"));
        prop_assert_eq!(found.morphology, morphology(&walker, law).expect("the same"));
    }

    #[test]
    fn creatures_side_by_side_get_what_each_gets_alone(
        walkers in prop::collection::vec((any_walker(), 0..3_000_u32), 0..9), openelm in any::<bool>(),
        broken in 0..9_usize,
    ) {
        let mut walkers = walkers;
        if let Some((walker, _)) = walkers.get_mut(broken) {
            walker.joints[0][0] = f64::NAN;
        }
        let law = if openelm { Law::OpenElm } else { Law::Paper };
        let conditions = Conditions { law, ..Conditions::default() };
        let together: Vec<(&Walker, u32)> = walkers.iter().map(|(walker, ms)| (walker, *ms)).collect();
        let alone: Vec<_> = walkers.iter().map(|(walker, ms)| evaluate(walker, &conditions, *ms)).collect();
        prop_assert_eq!(evaluate_all(&together, &conditions), alone);
    }

    #[test]
    fn a_run_in_parts_is_a_run(walker in any_walker(), parts in 1..5_u32) {
        for law in [Law::Paper, Law::OpenElm] {
            let conditions = Conditions { law, ..Conditions::default() };
            let [mut whole, mut parted] = [0, 1].map(|_| World::new(&walker, &conditions).expect("a walker"));
            whole.run(parts * 350);
            (0..parts).for_each(|_| { parted.run(350); });
            prop_assert_eq!(whole.positions().collect::<Vec<_>>(), parted.positions().collect::<Vec<_>>());
        }
    }
}
