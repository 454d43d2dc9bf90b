//! Settings that can't be used: exit code 2, one message that names the file and the key, nothing written.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error};

/// Replaces a line of the `function` or `opinions` experiment, and expects a complaint about a key.
fn refuse(from: &str, replace: &str, by: &str, key: &str) {
    let place = Place::new();
    assert!(place.run(&["new", "mine", "--from", from]).status.success());
    let text = std::fs::read_to_string(place.path("mine.toml")).unwrap();
    assert!(text.contains(replace), "{replace}");
    place.write("mine.toml", &text.replacen(replace, by, 1));
    let output = place.run(&["run", "mine.toml", "--out", "out"]);
    let message = error(&output);
    assert_eq!(output.status.code(), Some(2), "{by}: {message}");
    assert!(message.starts_with("error: mine.toml: "), "{message}");
    assert!(message.contains(&format!("`{key}`")), "{by}: {message}");
    assert_eq!(message.matches("hint: ").count(), 1, "{message}");
    assert!(!place.path("out").exists() && !place.path("runs").exists(), "nothing is written");
}

#[test]
fn malformed_settings_name_the_file_and_the_key() {
    refuse("function", "total_steps = 10000", "totl_steps = 10000", "search.totl_steps");
    refuse("function", "total_steps = 10000", "total_steps = \"many\"", "search.total_steps");
    refuse("function", "concurrency = 4", "concurrency = 64", "search.concurrency");
    refuse("function", "window = 32", "window = 2", "search.concurrency");
    refuse("function", "bins = 20", "bins = 0", "axes[0].bins");
    refuse("function", "range = [-4.0, 4.0]", "range = [nan, 4.0]", "axes[0].range");
    refuse("function", "bins = 20", "ticks = [0.1, 0.3, 0.2]", "axes[0].ticks");
    refuse("function", "dimensions = 2", "dimensions = 3", "axes");
    refuse("function", "environment = \"function\"", "environment = \"functoin\"", "experiment.environment");
    refuse("function", "[environment]", "[enviroment]", "enviroment");
    refuse("opinions", "builtin:opinions", "no-such-file.txt", "environment.prompt_pool_path");
    refuse("opinions", "builtin:opinions", "/dev/null", "environment.prompt_pool_path");
    refuse("opinions", "name = \"sentiment\"", "name = \"mood\"", "axes[0].name");
    refuse("opinions", "provider = \"embedded\"", "provider = \"embeded\"", "models.generator.provider");
    refuse("opinions", "[models.judge]", "[models.juge]", "models.juge");
    refuse(
        "opinions",
        "provider = \"embedded\"",
        "provider = \"openai\"\nbase_url = \"http://me:pw@h/v1\"",
        "models.generator.base_url",
    );
}

#[test]
fn a_bad_set_names_itself_and_the_nearest_key() {
    let place = Place::new();
    let output = place.run(&["run", "function", "--set", "search.total_step=3"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: --set search.total_step=3: `search.total_step`: there is no such key\n\
                    hint: did you mean `total_steps`?\n";
    assert_eq!(error(&output), expected);
    let output = place.run(&["run", "function", "--concurrency", "64"]);
    assert!(error(&output).contains("search.window is 32"), "{}", error(&output));
    assert!(error(&place.run(&["run", "functoin"])).contains("did you mean `function`?"));
}

#[test]
fn a_run_is_never_overwritten() {
    let place = Place::new();
    let run = ["run", "string", "--quiet", "--out", "out", "--set", "search.total_steps=50"];
    assert!(place.run(&run).status.success());
    let again = place.run(&run);
    assert_eq!(again.status.code(), Some(2));
    assert!(error(&again).contains("samara resume out"), "{}", error(&again));
}
