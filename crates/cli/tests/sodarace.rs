//! `samara sodarace` and `samara run sodarace` as people use them. What runs programs says so if none can be isolated
//! here.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::io::Write as _;
use std::process::Output;

use common::{Place, error, isolated, parse};
use serde_json::Value;

/// Values recorded from OpenELM's own simulator.
fn golden() -> Value {
    serde_json::from_str(&samara_testing::workspace_file("crates/sodarace/tests/data/golden.json")).unwrap()
}

fn recorded(golden: &Value, group: &str) -> Vec<Value> {
    let walkers = golden["walkers"].as_array().unwrap().iter();
    walkers.filter(|one| one["group"] == group && one["walker"].is_object()).cloned().collect()
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    format!("{}exit {}\n", String::from_utf8(all).unwrap(), output.status.code().unwrap_or(-1))
}

const TRIANGLE: &str = r#"{"joints": [[0, 0], [1, 0], [0.5, -0.8]], "muscles": [
    [0, 1, {"type": "muscle", "amplitude": 10.0, "phase": 0.0}], [1, 2, {"type": "muscle", "amplitude": 10.0, "phase": 0.33}],
    [2, 0, {"type": "muscle", "amplitude": 10.0, "phase": 0.66}]]}"#;

#[test]
fn an_evaluation_prints_what_the_references_simulator_gave_with_every_digit() {
    let (place, golden) = (Place::new(), golden());
    let walkers = recorded(&golden, "seed");
    let mut command: Vec<String> = ["sodarace", "evaluate"].map(str::to_owned).to_vec();
    for (at, one) in walkers.iter().enumerate() {
        command.push(place.write(&format!("{at}.json"), &one["walker"].to_string()));
    }
    command.extend(["--law", "openelm", "--ms", "1000,10000", "--format", "json"].map(str::to_owned));
    let output = place.run_all(&command);
    assert!(output.status.success(), "{}", error(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), walkers.len());
    assert!(reports.len() >= 7);
    for (report, one) in reports.iter().zip(&walkers) {
        assert_eq!(report["valid"], one["valid"], "{}", one["name"]);
        for ms in ["1000", "10000"] {
            assert_eq!(report["fitness"][ms], one["evaluate"][ms], "{} {ms}", one["name"]);
        }
        for (name, value) in report["morphology"].as_object().unwrap() {
            assert_eq!(value.as_f64(), one["morphology"][name].as_f64(), "{} {name}", one["name"]);
        }
    }
}

#[test]
fn an_evaluation_for_people_has_shape_and_way_and_says_why_there_is_none() {
    let place = Place::new();
    place.write("triangle.json", TRIANGLE);
    place.write("nowhere.json", r#"{"joints": [[0, 0]], "muscles": []}"#);
    place.write("broken.json", r#"{"joints": [[0, 0], [1, 0]], "muscles": [[0, 5, {"type": "muscle", "amplitude": 1, "phase": 0}]]}"#);
    let files = ["triangle.json", "nowhere.json", "broken.json"];
    let output = place.run(&[&["sodarace", "evaluate"], &files[..], &["--ms", "1000,4000"]].concat());
    insta::assert_snapshot!(text(&output));
}

#[test]
fn terrains_are_named_as_the_settings_name_them() {
    let place = Place::new();
    place.write("triangle.json", TRIANGLE);
    for terrain in ["left_wall", "left-wall", "right_wall", "right-wall"] {
        let evaluate = ["sodarace", "evaluate", "triangle.json", "--ms", "100", "--terrain", terrain];
        let output = place.run(&evaluate);
        assert!(output.status.success(), "{terrain}: {}", error(&output));
        let set = format!("environment.terrain={terrain}");
        // The terrain is taken; what is refused is the time.
        let output = place.run(&["run", "sodarace", "--set", &set, "--set", "environment.ms=0"]);
        assert!(error(&output).contains("environment.ms"), "{terrain}: {}", error(&output));
    }
    let output =
        place.run(&["run", "sodarace", "--set", "environment.terrain=wall", "--set", "environment.ms=0"]);
    let told = error(&output);
    assert!(told.contains("\"wall\" is no terrain") && told.contains("left_wall"), "{told}");
}

#[test]
fn all_that_entered_a_run_is_evaluated_on_other_terrains() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    let run = ["run", "sodarace", "--out", "a", "--quiet", "--format", "json", "--set", "search.operator=gp"];
    let steps = ["--set", "search.total_steps=40", "--set", "search.init_steps=20"];
    let done = parse(&place.run(&[&run[..], &steps].concat()));
    let evaluate = ["sodarace", "evaluate", "a", "--ms", "10000", "--format", "json"];
    let output = place.run(&[&evaluate[..], &["--terrain", "flat", "--terrain", "left_wall"]].concat());
    assert!(output.status.success(), "{}", error(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let on =
        |terrain: &str| -> Vec<&Value> { lines.iter().filter(|line| line["terrain"] == terrain).collect() };
    let (flat, wall) = (on("flat"), on("left_wall"));
    assert!(flat.len() == wall.len() && flat.len() * 2 == lines.len() && !flat.is_empty());
    // On the run's own terrain the best is what the run found.
    let distance = |line: &&Value| line["fitness"]["10000"].as_f64();
    let best = flat.iter().filter_map(distance).fold(f64::MIN, f64::max);
    assert_eq!(Some(best), done["best"].as_f64(), "{done}");
    let candidates: Vec<Option<u64>> = flat.iter().map(|line| line["candidate"].as_u64()).collect();
    assert!(candidates.is_sorted() && candidates.iter().all(Option::is_some));
}

#[test]
fn errors_of_a_program_name_its_own_lines() {
    let place = Place::new();
    if !place.run(&["sandbox", "doctor"]).status.success() {
        let skipped = b"SKIPPED: no tier that isolates programs works here\n";
        std::io::stderr().write_all(skipped).unwrap();
        return;
    }
    place.write(
        "w.py",
        "def make_walker():\n    wc = walker_creator()\n    oops oops\n    return wc.get_walker()\n",
    );
    let told = text(&place.run(&["sodarace", "evaluate", "w.py"]));
    assert!(told.contains("does not compile: invalid syntax (<program>, line 3)"), "{told}");
}

#[test]
fn a_strip_shows_the_creature_at_equal_times() {
    let place = Place::new();
    place.write("triangle.json", TRIANGLE);
    let render = ["sodarace", "render", "triangle.json", "--ms", "2000", "--frames", "3", "-o", "t.svg"];
    let output = place.run(&render);
    assert!(output.status.success(), "{}", error(&output));
    insta::assert_snapshot!(std::fs::read_to_string(place.path("t.svg")).unwrap());
}

#[test]
fn a_film_is_an_animation_of_the_whole_walk() {
    let place = Place::new();
    place.write("triangle.json", TRIANGLE);
    let output = place.run(&["sodarace", "render", "triangle.json", "--ms", "2000", "-o", "t.gif"]);
    assert!(output.status.success(), "{}", error(&output));
    let bytes = std::fs::read(place.path("t.gif")).unwrap();
    assert_eq!(&bytes[..6], b"GIF89a");
    // Each frame has a graphic control extension with its delay in hundredths of a second.
    let delays = bytes.windows(8).filter(|window| window.starts_with(b"\x21\xf9\x04"));
    let delays: Vec<u32> = delays.map(|delay| u32::from(u16::from_le_bytes([delay[4], delay[5]]))).collect();
    assert!(delays.len() > 30, "{} frames", delays.len());
    // Two seconds of walking, and one in which the end can be looked at.
    assert_eq!(delays.iter().sum::<u32>(), 300);
}

#[test]
fn what_can_not_be_drawn_or_evaluated_says_why_and_what_to_do() {
    let place = Place::new();
    place.write("triangle.json", TRIANGLE);
    let mut said = String::new();
    for arguments in [
        &["sodarace", "evaluate", "nobody.json"][..],
        &["sodarace", "evaluate", "triangle.json", "--law", "openelm", "--terrain", "hills"],
        &["sodarace", "evaluate", "triangle.json", "--ms", "99999999"],
        &["sodarace", "render", "triangle.json", "-o", "t.png"],
        &["sodarace", "render", "triangle.json", "--cell", "1,2", "-o", "t.svg"],
    ] {
        said += &format!("$ samara {}\n{}\n", arguments.join(" "), text(&place.run(arguments)));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_run_gives_the_same_archive_at_any_concurrency_and_most_of_its_programs_are_valid() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    let run = |out: &str, concurrency: &str| {
        let steps =
            ["--set", "search.total_steps=48", "--set", "search.init_steps=16", "--set", "search.window=16"];
        let more = ["--seed", "7", "--concurrency", concurrency, "--quiet", "--format", "json", "--out", out];
        parse(&place.run(&[&["run", "sodarace"], &steps[..], &more].concat()))
    };
    let (one, many) = (run("one", "1"), run("many", "16"));
    assert_eq!(one["archive_hash"], many["archive_hash"]);
    assert_eq!(one["candidates"], 48);
    let unusable = one["fates"]["invalid"].as_u64().unwrap() + one["fates"]["failed"].as_u64().unwrap();
    assert!(unusable < 19, "{one}");
    assert!(one["cells_filled"].as_u64().unwrap() > 8, "{one}");
}
