//! `Law::OpenElm` against values recorded from OpenELM's own simulator (pybox2d, Box2D 2.3.0, x86-64): every bit must
//! agree.

use samara_sodarace::{
    Conditions, Law, Morphology, Verdict, Walker, World, evaluate, evaluate_all, morphology,
};
use serde_json::Value;

const GOLDEN: &str = include_str!("data/golden.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).expect("the golden data is JSON")
}

fn conditions() -> Conditions {
    Conditions { law: Law::OpenElm, ..Conditions::default() }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn name(record: &Value) -> &str {
    record["name"].as_str().expect("a name")
}

/// Numbers that are not finite are strings, which no walker has.
fn walker(record: &Value) -> Option<Walker> {
    serde_json::from_value(record["walker"].clone()).ok()
}

/// All records whose walkers have finite numbers.
fn records(golden: &Value) -> Vec<(&Value, Walker)> {
    list(&golden["walkers"]).iter().filter_map(|record| Some((record, walker(record)?))).collect()
}

fn positions(value: &Value) -> Vec<[f32; 2]> {
    let number = |value: &Value| value.as_f64().expect("a number") as f32;
    list(value).iter().map(|point| [number(&point[0]), number(&point[1])]).collect()
}

fn bits(positions: impl IntoIterator<Item = [f32; 2]>) -> Vec<[u32; 2]> {
    positions.into_iter().map(|point| point.map(f32::to_bits)).collect()
}

fn shape(value: &Value) -> [f64; 7] {
    ["width", "height", "startX", "startY", "offsetX", "offsetY", "mass"]
        .map(|key| value[key].as_f64().expect("a number"))
}

fn shape_of(found: &Morphology) -> [f64; 7] {
    let Morphology { width, height, start_x, start_y, offset_x, offset_y, mass } = *found;
    [width, height, start_x, start_y, offset_x, offset_y, mass]
}

#[test]
fn all_recorded_walkers_but_the_one_with_infinity_are_read() {
    let golden = golden();
    let all = list(&golden["walkers"]).len();
    assert!(all > 130);
    assert_eq!(records(&golden).len(), all - 1);
}

#[test]
fn morphologies_and_validity_agree_to_the_last_bit() {
    for (record, walker) in records(&golden()) {
        let found = morphology(&walker, Law::OpenElm).expect("recorded walkers can be simulated");
        assert_eq!(shape_of(&found), shape(&record["morphology"]), "{}", name(record));
        assert_eq!(walker.validate(), record["valid"].as_bool().expect("a truth value"), "{}", name(record));
    }
}

#[test]
fn connections_agree_in_order_length_and_kind() {
    let mut seen = 0;
    for (record, walker) in records(&golden()) {
        let Some(expected) = record["connections"].as_array() else { continue };
        let world = World::new(&walker, &conditions()).expect("recorded walkers can be simulated");
        assert_eq!(world.connections().len(), expected.len());
        for (found, expected) in world.connections().iter().zip(expected) {
            let found = serde_json::json!([found.a, found.b, f64::from(found.rest), i32::from(!found.bone)]);
            assert_eq!(found, *expected, "{}", name(record));
            seen += 1;
        }
    }
    assert!(seen > 1000);
}

#[test]
fn every_fitness_agrees_to_the_last_bit() {
    let mut seen = 0;
    for (record, walker) in records(&golden()) {
        for (ms, expected) in record["evaluate"].as_object().expect("fitness by time") {
            let found = evaluate(&walker, &conditions(), ms.parse().expect("a time")).expect("no rejection");
            if expected == "-inf" {
                assert_eq!((found.fitness, found.verdict), (None, Verdict::NoConnections));
            } else {
                let expected = expected.as_f64().expect("a number");
                assert_eq!(
                    found.fitness.map(f64::to_bits),
                    Some(expected.to_bits()),
                    "{} {ms}",
                    name(record)
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 400);
}

#[test]
fn side_by_side_every_fitness_is_the_same() {
    let golden = golden();
    let records = records(&golden);
    let walkers: Vec<(&Walker, u32)> = records.iter().map(|(_, walker)| (walker, 10_000)).collect();
    let mut seen = 0;
    for (found, (record, _)) in evaluate_all(&walkers, &conditions()).into_iter().zip(&records) {
        let found = found.expect("no rejection").fitness.map(f64::to_bits);
        let Some(expected) = record["evaluate"].get("10000") else { continue };
        assert_eq!(found, expected.as_f64().map(f64::to_bits), "{}", name(record));
        seen += 1;
    }
    assert!(seen > 100);
}

#[test]
fn snapshots_first_contacts_and_sleepers_agree() {
    for (record, walker) in records(&golden()) {
        let mut world = World::new(&walker, &conditions()).expect("recorded walkers can be simulated");
        let sleepers = record["asleep_after_1785"].as_array();
        let last = if sleepers.is_some() { 1785 } else { 600 };
        let mut contact = None;
        for step in 1..=last {
            world.step();
            if contact.is_none() && world.touches_ground() {
                contact = Some(step);
            }
            if let Some(expected) = record["snapshots"].get(step.to_string()) {
                assert_eq!(
                    bits(world.positions()),
                    bits(positions(expected)),
                    "{} step {step}",
                    name(record)
                );
            }
        }
        if let Some(first) = record.get("first_contact_step") {
            assert_eq!(contact, first.as_u64(), "{}", name(record));
        }
        if let Some(sleepers) = sleepers {
            let found: Vec<usize> = (0..walker.joints.len()).filter(|i| world.is_asleep(*i)).collect();
            assert_eq!(serde_json::json!(found), serde_json::json!(sleepers), "{}", name(record));
        }
    }
}

#[test]
fn trajectories_agree_step_by_step() {
    let golden = golden();
    let records = records(&golden);
    for (wanted, trajectory) in golden["trajectories"].as_object().expect("trajectories by name") {
        let walker = &records.iter().find(|(record, _)| name(record) == wanted).expect("a recorded walker").1;
        let mut world = World::new(walker, &conditions()).expect("recorded walkers can be simulated");
        for (step, expected) in list(trajectory).iter().enumerate() {
            world.step();
            assert_eq!(bits(world.positions()), bits(positions(expected)), "{wanted} step {}", step + 1);
        }
    }
}

#[test]
fn the_constants_of_openelms_own_tests_come_out() {
    let golden = golden();
    let records = records(&golden);
    let published = golden["published"]["walkers"].as_object().expect("published walkers by name");
    assert_eq!(published.len(), 4);
    for (wanted, expected) in published {
        let walker = &records.iter().find(|(record, _)| name(record) == wanted).expect("a recorded walker").1;
        let mut world = World::new(walker, &conditions()).expect("recorded walkers can be simulated");
        let steps: u32 = (0..1000).map(|_| world.run(350)).sum();
        assert_eq!(steps, 21_000);
        assert_eq!(world.fitness(), expected["fitness"].as_f64(), "{wanted}");
        assert_eq!(shape_of(world.morphology()), shape(&expected["morphology"]), "{wanted}");
    }
}
