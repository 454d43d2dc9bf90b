//! What a person reads, word for word. After a change that is meant: `INSTA_UPDATE=always cargo test -p samara`.

mod common;

use common::{Place, error, script};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_grid_is_shown_as_a_map_with_numbers_and_best_elites() {
    let place = Place::new();
    let run =
        ["run", "function", "--quiet", "--out", "out", "--seed", "1", "--set", "search.total_steps=300"];
    assert!(place.run(&run).status.success());
    insta::assert_snapshot!(text(&place.run(&["show", "out", "--best", "2"]).stdout));
}

#[test]
fn one_axis_is_shown_as_bars_with_texts() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    place.run_all(&place.opinions(&script, "out", &["--set", "search.total_steps=120"]));
    insta::assert_snapshot!(text(&place.run(&["show", "out", "--best", "1"]).stdout));
}

#[test]
fn the_catalogue_lists_experiments_and_environments() {
    insta::assert_snapshot!(text(&Place::new().run(&["list"]).stdout));
}

#[test]
fn a_script_is_checked_like_any_model() {
    let place = Place::new();
    place.write("script.toml", &script(""));
    let report = text(&place.run(&["model", "check", "scripted:script.toml"]).stdout);
    // Speed is the machine's.
    insta::assert_snapshot!(report.split("in flight").next().unwrap_or_default());
}

#[test]
fn what_can_not_be_read_says_what_it_is_and_what_to_do() {
    let place = Place::new();
    place.write("text.txt", "no database");
    place.write("script.toml", "[[complete]]\nanswer = [\"a\"]\n");
    let said = [
        &["show", "text.txt"][..],
        &["show", "nowhere"],
        &["rebin", "text.txt"],
        &["run", "opinons"],
        &["run", "function", "--set", "search.total_steps"],
        &["model", "check", "gpt"],
        &["model", "check", "scripted:nowhere.toml"],
        &["new", "a/b"],
    ]
    .map(|arguments| {
        let output = place.run(arguments);
        format!(
            "$ samara {}\n{}exit {}\n",
            arguments.join(" "),
            error(&output),
            output.status.code().unwrap_or(-1)
        )
    });
    insta::assert_snapshot!(said.join("\n"));
}
