//! What others write into models' texts, names, settings and files: no output is commanded by it, and what asks for too
//! much is refused.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, script};
use samara_search::commanding::commands;

/// A title, a colour by a C1 control, and marks that turn the direction of reading, as TOML writes them.
const HOSTILE: &str = r"\u001b]0;pwned\u0007\u009b31m\u202e\u2066";

/// The first character that commands a terminal; new lines do not, nor does what ends a line of CSV.
fn commanding(text: &str) -> Option<char> {
    text.chars().find(|c| commands(*c) && !matches!(c, '\n' | '\r'))
}

/// A run whose generator writes escapes and formulas.
fn hostile_run(more: &[&str]) -> Place {
    let place = Place::new();
    let script = script("").replace("I love roasted carrots.", &format!("I love {HOSTILE}carrots."));
    let script = script.replace("The weather was fine", "=HYPERLINK(1) is fine");
    assert!(script.contains("pwned") && script.contains("=HYPERLINK"));
    let script = place.write("script.toml", &script);
    let output = place.run_all(&place.opinions(
        &script,
        "out",
        &[&["--set", "search.total_steps=60", "--set", "search.init_steps=20"], more].concat(),
    ));
    assert!(output.status.success(), "{}", error(&output));
    place
}

#[test]
fn no_command_prints_or_writes_what_commands_a_terminal() {
    let template = format!("environment.prompt_template=\"Here {HOSTILE}is a random opinion piece:\"");
    let place = hostile_run(&["--set", &template]);
    let mut seen = String::new();
    for arguments in [
        &["show", "out", "--best", "20"][..],
        &["show", "out", "--format", "json", "--best", "20"],
        &["show", "out", "--svg", "out.svg"],
        &["export", "out", "--as", "csv"],
        &["export", "out", "--as", "csv", "--out", "out.csv"],
        &["export", "out", "--as", "jsonl"],
        &["export", "out", "--as", "jsonl", "--out", "out.jsonl"],
        &["export", "out", "--as", "openelm"],
        &["export", "out", "--as", "settings"],
        &["report", "out", "--markdown"],
        &["report", "out", "--out", "out.html"],
        &["rebin", "out", "--bins", "4"],
        &["rebin", "out", "--bins", "4", "--format", "json"],
        &["resume", "out", "--set", "search.total_steps=70", "--log", "log"],
    ] {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", error(&output));
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(text.clone()).unwrap();
            assert_eq!(commanding(&text), None, "{arguments:?}: {text}");
            seen += &text;
        }
    }
    for file in ["out.svg", "out.html", "out.csv", "out.jsonl", "log"] {
        let text = std::fs::read_to_string(place.path(file)).unwrap();
        assert_eq!(commanding(&text), None, "{file}");
    }
    assert!(seen.contains(r"\u009b31m\u202e\u2066"), "the texts are there, written as escapes");
    let settings = place.run(&["export", "out", "--as", "settings"]).stdout;
    let settings: toml::Table = String::from_utf8(settings).unwrap().parse().unwrap();
    let template = settings["environment"]["prompt_template"].as_str().unwrap();
    assert!(template.starts_with("Here \u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}\u{2066}is"), "{template:?}");
}

#[test]
fn errors_quote_no_escapes_and_no_line_without_end() {
    let place = Place::new();
    let arguments = [
        format!("search.{}=1", "\u{9b}31m\u{202e}"),
        format!("search.{}=1", "n".repeat(100_000)),
        format!("environment.target=\"{HOSTILE}\""),
        format!("axes={}", "[".repeat(100_000)),
    ];
    for set in arguments {
        let output = place.run(&["run", "string", "--set", &set]);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert_eq!(commanding(&error(&output)), None);
        assert!(error(&output).lines().all(|line| line.chars().count() < 2100));
    }
    place.write("deep.toml", &format!("a = {}", "[".repeat(500_000)));
    let output = place.run(&["run", "deep.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.len() < 10_000, "{}", output.stderr.len());
}

#[test]
fn a_name_that_commands_or_never_ends_is_refused_and_one_that_is_a_path_leads_nowhere() {
    let place = Place::new();
    let run = |name: &str| {
        let set = format!("experiment.name={name}");
        place.run(&["run", "function", "--quiet", "--set", &set, "--set", "search.total_steps=60"])
    };
    let long = format!("\"{}\"", "n".repeat(201));
    for name in [r#""a\u0000b""#, r#""a\nb""#, r#""\u001b]0;pwn\u0007""#, r#""\u202e""#, &long] {
        let output = run(name);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(error(&output).contains("experiment.name"), "{}", error(&output));
    }
    assert!(!place.path("runs").exists(), "nothing is written");
    for name in ["\"../../x\"", "\"/tmp/x\"", "\"..\"", "\"\"", "\"-rf\"", "\"~\"", "\"$(id)\""] {
        assert!(run(name).status.success(), "{name}");
    }
    let runs = std::fs::read_dir(place.path("runs")).unwrap().count();
    assert_eq!(runs, 7, "each has a folder of its own in `runs`");
    let beside = std::fs::read_dir(place.folder.path()).unwrap().count();
    assert_eq!(beside, 2, "`runs` and the user's state");
}

/// What is named where a file is wanted, and is none that can be read.
fn no_files(place: &Place) -> Vec<String> {
    let path = |name: &str| place.path(name).display().to_string();
    let made = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", place.path("link")).unwrap();
    std::os::unix::fs::symlink("loop", place.path("loop")).unwrap();
    std::fs::create_dir(place.path("folder")).unwrap();
    std::fs::File::create(place.path("sparse")).unwrap().set_len(10 << 30).unwrap();
    let names = ["fifo", "link", "loop", "folder", "sparse", "nowhere"].map(path);
    names.into_iter().chain(["/dev/zero", "/dev/null"].map(str::to_owned)).collect()
}

#[cfg(unix)]
#[test]
fn devices_fifos_folders_and_files_without_end_are_refused_wherever_a_file_is_named() {
    let place = Place::new();
    for file in no_files(&place) {
        let scripted = format!("models.generator=scripted:{file}");
        let pool = format!("environment.prompt_pool_path=\"{file}\"");
        let certificates = format!(
            "models.generator={{provider=\"openai\", model=\"m\", base_url=\"https://127.0.0.1:1\", ca_file=\"{file}\"}}"
        );
        let cache = format!("cache.path=\"{file}\"");
        let mut all = vec![
            vec!["run", &*file],
            vec!["run", "opinions", "--set", &scripted],
            vec!["run", "opinions", "--set", &pool],
            vec!["run", "opinions", "--set", &certificates],
            vec!["rebin", &file, "--bins", "4"],
            vec!["show", &file],
            vec!["sodarace", "evaluate", &file],
        ];
        // Where there is no cache yet, one is made.
        if !file.ends_with("nowhere") {
            all.push(vec!["run", "opinions", "--set", &cache]);
        }
        for arguments in all {
            let output = place.run(&[&arguments[..], &["--format", "json"]].concat());
            assert!(matches!(output.status.code(), Some(1..=3)), "{arguments:?}: {:?}", output.status);
            assert!(error(&output).starts_with("error: "), "{arguments:?}: {}", error(&output));
        }
    }
}
