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
fn numbers_too_large_to_be_meant_name_the_file_and_the_key() {
    let function = |line: &str, key: &str| {
        refuse("function", "total_steps = 10000", &format!("total_steps = 10000\n{line}"), key);
    };
    function("depth = 1000000000000", "search.depth");
    refuse("function", "qd_offset = -5.0", "qd_offset = 1e300", "search.qd_offset");
    function("max_failures = 9223372036854775807", "search.max_failures");
    function("cvt.cells = 4000000000", "search.cvt.cells");
    function("cvt.samples = 4000000000", "search.cvt.samples");
    function("cvt.max_iterations = 4000000000", "search.cvt.max_iterations");
    function("islands.migrants = 4000000000", "search.islands.migrants");
    function("budget.tokens = 9223372036854775807", "search.budget.tokens");
    function("budget.money = 1e300", "search.budget.money");
    function("budget.wall_time_s = inf", "search.budget.wall_time_s");
    refuse("function", "bins = 20", "bins = 4000000000", "axes[0].bins");
    refuse("function", "range = [-4.0, 4.0]", "range = [-1e308, 1e308]", "axes[0].range");
    refuse("function", "dimensions = 2", "dimensions = 1000000000", "environment.dimensions");
    refuse("function", "step = 0.5", "step = 1e308", "environment.step");
    let model = |line: &str, key: &str| {
        let lines = format!("provider = \"embedded\"\n{line}");
        refuse("opinions", "provider = \"embedded\"", &lines, &format!("models.generator.{key}"));
    };
    model("timeout_s = 1e20", "timeout_s");
    model("deadline_s = 1e300", "deadline_s");
    model("max_attempts = 4000000000", "max_attempts");
    model("max_reply_bytes = 9223372036854775807", "max_reply_bytes");
    model("price_in = 1e300", "price_in");
    refuse("opinions", "gen_max_len = 50", "gen_max_len = 4000000000", "environment.gen_max_len");
    refuse("opinions", "gen_max_len = 50", "gen_max_len = 50\nfew_shot = 101", "environment.few_shot");
    refuse("opinions", "gen_max_len = 50", "gen_max_len = 50\nattempts = 4000000000", "environment.attempts");
    refuse("p3", "[environment]", "[environment]\nexamples = 1000000000", "environment.examples");
    refuse("p3-probsol", "samples = 8 ", "samples = 1001 ", "environment.samples");
    refuse("sodarace", "ms = 10000", "ms = 3600001", "environment.ms");
    function("islands.count = 1000\ndepth = 100", "axes");
    let cvt = "algorithm = \"cvt_map_elites\"\ncvt.max_iterations = 1000000";
    refuse("function", "algorithm = \"map_elites\"", cvt, "search.cvt");
    let points: String = (0..50_000).map(|x| format!("[{x}, 0],")).collect();
    let terrain = format!("terrain = {{ custom = [[{points}]] }}");
    refuse("sodarace", "terrain = \"flat\"", &terrain, "environment.terrain");
    refuse(
        "sodarace",
        "terrain = \"flat\"",
        "terrain = { custom = [[[0, 0], [1e7, 1]]] }",
        "environment.terrain",
    );
    let axes: String = (0..101).map(|axis| format!("[[axes]]\nname = \"x{axis}\"\nbins = 1\n")).collect();
    refuse("function", "[environment]", &format!("{axes}[environment]"), "axes");
}

#[test]
fn lists_and_names_too_long_to_be_meant_name_the_file_and_the_key() {
    let list = |count: usize| {
        let entries: Vec<String> = (0..count).map(|entry| format!("\"a{entry}\"")).collect();
        format!("[{}]", entries.join(", "))
    };
    // Nearly as many as a file of settings holds.
    let answers = format!("answers = {}", list(90_000));
    refuse(
        "opinions",
        "answers = [\"positive\", \"negative\"]",
        &answers,
        "environment.diversity[0].answers",
    );
    let more = |key: &str| format!("gen_max_len = 50\n{key} = {}", list(101));
    for key in ["cuts", "stop", "quality_answers"] {
        refuse("opinions", "gen_max_len = 50", &more(key), &format!("environment.{key}"));
    }
    let ensemble = format!("[models.generator]\nensemble = {}\n[models.unused]", list(101));
    refuse("opinions", "[models.generator]", &ensemble, "models.generator.ensemble");
    let named = format!("bins = 20\n[[axes]]\nname = \"{}\"\nbins = 2\n", "n".repeat(201));
    refuse("function", "bins = 20", &named, "axes[1].name");
    refuse("function", "bins = 20", "bins = 20\n[[axes]]\nname = \"\\u001b[2J\"\nbins = 2\n", "axes[1].name");
}

#[test]
fn a_wall_time_of_more_than_a_century_is_no_limit() {
    let place = Place::new();
    let all = ["search.budget.wall_time_s=1e20", "search.total_steps=60"].map(|set| ["--set", set]).concat();
    let run = place.run(&[&["run", "function", "--quiet", "--out", "out"], &*all].concat());
    assert!(run.status.success(), "{}", error(&run));
    let more =
        ["search.budget.wall_time_s=1e300", "search.total_steps=90"].map(|set| ["--set", set]).concat();
    let resumed = place.run(&[&["resume", "out", "--quiet"], &*more].concat());
    assert!(resumed.status.success(), "{}", error(&resumed));
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
