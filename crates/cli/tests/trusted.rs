//! Somebody else's run is data: what its settings would do beside computing is named, and done only if the user says so.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::process::Output;

use common::{Place, error, parse, script};
use samara_journal::{Contents, Header, Journal, Reader};

/// The same place for another user, who has begun nothing here.
fn as_stranger(place: &Place, arguments: &[&str]) -> Output {
    place.samara(arguments).env("XDG_STATE_HOME", place.path("strangers-state")).output().unwrap()
}

const RESUME: [&str; 6] = ["resume", "run", "--quiet", "--format", "json", "--set"];

fn longer(steps: &'static str, more: &[&'static str]) -> Vec<&'static str> {
    [&RESUME[..], &[steps], more].concat()
}

/// A run of the `opinions` experiment with a script.
fn scripted() -> Place {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    parse(&place.run_all(&place.opinions(&script, "run", &["--set", "search.total_steps=40"])));
    place
}

/// The same run as `copy`, with another id or other settings.
fn copy(place: &Place, change: impl FnOnce(Header) -> Header) {
    let reader = Reader::open(&place.path("run")).unwrap();
    let contents =
        Contents { inputs: reader.inputs().unwrap(), tessellations: reader.tessellations().unwrap() };
    std::fs::create_dir(place.path("copy")).unwrap();
    let header = change(reader.header().clone());
    drop(Journal::create(&place.path("copy/run.db"), &header, &contents).unwrap());
}

#[test]
fn somebody_elses_run_that_reads_files_needs_a_word_of_trust_once() {
    let place = scripted();
    let refused = as_stranger(&place, &longer("search.total_steps=60", &[]));
    assert_eq!(refused.status.code(), Some(2), "{}", error(&refused));
    for told in ["was not begun here", "script.toml (models.generator.script)", "--trust-run"] {
        assert!(error(&refused).contains(told), "{told}: {}", error(&refused));
    }
    assert!(!place.path("strangers-state").exists(), "a refused run is not known");
    let trusted = parse(&as_stranger(&place, &longer("search.total_steps=60", &["--trust-run"])));
    assert_eq!(trusted["candidates"], 60);
    let known = parse(&as_stranger(&place, &longer("search.total_steps=80", &[])));
    assert_eq!(known["candidates"], 80);
}

#[test]
fn ones_own_run_goes_on_unasked_with_ones_own_changes() {
    let place = scripted();
    let set = ["--set", "models.generator.max_attempts=2", "--set", "models.judge.timeout_s=7"];
    assert_eq!(parse(&place.run(&longer("search.total_steps=60", &set)))["candidates"], 60);
    assert_eq!(parse(&place.run(&longer("search.total_steps=80", &[])))["candidates"], 80);
}

#[test]
fn changes_that_a_session_could_not_begin_with_are_forgotten() {
    let place = scripted();
    let nowhere = ["--set", "models.judge=scripted:/nowhere.toml"];
    assert_eq!(place.run(&longer("search.total_steps=60", &nowhere)).status.code(), Some(2));
    assert_eq!(parse(&place.run(&longer("search.total_steps=60", &[])))["candidates"], 60);
}

#[test]
fn a_run_that_only_computes_goes_on_for_anybody() {
    let place = Place::new();
    let run = ["run", "function", "--quiet", "--out", "run", "--set", "search.total_steps=40"];
    assert!(place.run(&run).status.success());
    let resumed = parse(&as_stranger(&place, &longer("search.total_steps=60", &[])));
    assert_eq!(resumed["candidates"], 60);
}

#[test]
fn another_id_is_another_run() {
    let place = scripted();
    copy(&place, |header| Header { id: "0123456789abcdef0123456789abcdef".to_owned(), ..header });
    let refused = place.run(&["resume", "copy", "--quiet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("was not begun here"), "{}", error(&refused));
    copy_again_is_known(&place);
}

/// A copy with the id and the settings of the user's own run is that run.
fn copy_again_is_known(place: &Place) {
    std::fs::remove_dir_all(place.path("copy")).unwrap();
    copy(place, |header| header);
    assert_eq!(place.json(&["resume", "copy", "--quiet", "--format", "json"])["candidates"], 40);
}

#[test]
fn a_known_id_with_edited_settings_is_not_trusted() {
    let place = scripted();
    let secret = place.write("secret.txt", "mine");
    let edited = |header: Header| {
        let config = header.config.replace(&place.path("script.toml").display().to_string(), &secret);
        assert_ne!(config, header.config);
        Header { config, ..header }
    };
    copy(&place, edited);
    let refused = place.run(&["resume", "copy", "--quiet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("secret.txt (models.generator.script)"), "{}", error(&refused));
    let own = place.path("script.toml").display().to_string();
    let set = ["generator", "judge"].map(|role| format!("models.{role}=scripted:{own}"));
    let resume = ["resume", "copy", "--quiet", "--format", "json", "--set", &set[0], "--set", &set[1]];
    assert_eq!(place.json(&resume)["candidates"], 40, "what the user sets is the user's own");
}

#[test]
fn weaker_isolation_is_asked_about() {
    let place = Place::new();
    let run = ["run", "function", "--quiet", "--out", "run", "--set", "search.total_steps=20"];
    assert!(place.run(&run).status.success());
    let reader = Reader::open(&place.path("run")).unwrap();
    let image = samara_testing::workspace_file("crates/environments/experiments/image.toml");
    let config = image + "\ntier = \"process\"\nminimum_tier = \"process\"\ntrust_code = true\n";
    let header = Header { config, environment: "image".into(), ..reader.header().clone() };
    std::fs::create_dir(place.path("copy")).unwrap();
    drop(Journal::create(&place.path("copy/run.db"), &header, &Contents::default()).unwrap());
    let refused = place.run(&["resume", "copy", "--quiet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("run programs without isolation (sandbox.tier"), "{}", error(&refused));
}
