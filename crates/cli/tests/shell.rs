//! The command line as a shell and its user meet it: completions, slips of the keyboard, widths and colours.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{path::Path, process::Command};

use common::{Place, error};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What bash offers at the end of these words, with the script that samara prints.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let ask = r#"
        source <(samara completions bash) || exit 1
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        complete -p samara > /dev/null || exit 1
        _clap_complete_samara samara "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let binary = Path::new(env!("CARGO_BIN_EXE_samara")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", ask, "bash"]).args(words);
    let output = bash.env("PATH", path).current_dir(place.folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", error(&output));
    text(&output.stdout).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// A folder with an experiment, a history, two runs and a folder that is none.
fn furnished() -> Place {
    let place = Place::new();
    for folder in ["runs/mine-1", "runs/mine-2", "runs/notes", "other run"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    for run in ["runs/mine-1", "runs/mine-2", "other run"] {
        place.write(&format!("{run}/run.db"), "");
    }
    place.write("mine.toml", "");
    place.write("history.jsonl", "");
    place.write("notes.txt", "");
    place
}

#[test]
fn bash_completes_experiments_and_runs() {
    let place = furnished();
    let at = |words: &[&str]| offered(&place, words);
    assert_eq!(at(&["samara", "comp"]), ["compare", "completions"]);
    assert_eq!(at(&["samara", "run", "fun"]), ["function"]);
    assert_eq!(at(&["samara", "run", "mi"]), ["mine.toml"]);
    assert_eq!(at(&["samara", "compare", "opin"]), ["opinions"]);
    assert_eq!(at(&["samara", "new", "x", "--from", "opin"]), ["opinions"]);
    for command in ["show", "resume", "export", "rebin"] {
        assert_eq!(
            at(&["samara", command, "ru"]),
            ["runs/mine-1/", "runs/mine-2/", "runs/notes/"],
            "{command}"
        );
        assert_eq!(at(&["samara", command, "runs/mine-2"]), ["runs/mine-2/"], "{command}");
        assert_eq!(at(&["samara", command, "oth"]), ["other run/"], "{command}");
    }
    assert_eq!(at(&["samara", "rebin", "hi"]), ["history.jsonl"]);
    assert_eq!(at(&["samara", "show", "no"]), [""; 0]);
    assert!(at(&["samara", "run", "--se"]).contains(&"--set".to_owned()));
}

#[test]
fn there_is_a_script_for_every_shell_and_only_its_own_variable_asks() {
    let place = furnished();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = place.run(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("_SAMARA_COMPLETE"), "{shell}");
    }
    let output = place.samara(&["version"]).env("COMPLETE", "bash").output().unwrap();
    assert_eq!(text(&output.stdout), format!("samara {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_version_is_a_command_and_an_option() {
    let place = Place::new();
    assert_eq!(text(&place.run(&["version"]).stdout), text(&place.run(&["--version"]).stdout));
    assert_eq!(text(&place.run(&["version"]).stdout), format!("samara {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn slips_of_the_keyboard_are_told_what_was_meant() {
    let place = Place::new();
    let said = [
        &["shwo", "x"][..],
        &["resme", "x"],
        &["lsit"],
        &["model", "trian"],
        &["run", "function", "--sed", "3"],
        &["run", "function", "--concurency", "3"],
        &["show", "x", "--format", "jsn"],
        &["show", "x", "--best", "many"],
        &["rebin", "x", "--qd-offset", "nan"],
        &["compare", "opinions", "--min-quality", "inf"],
        &["model", "chat", "embedded", "--temperature", "1e999"],
        &["new", "x", "--from", "opinons"],
    ]
    .map(|arguments| {
        let output = place.run(arguments);
        let code = output.status.code().unwrap_or(-1);
        format!("$ samara {}\n{}exit {code}\n", arguments.join(" "), error(&output))
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn pictures_fit_the_columns_that_the_user_has() {
    let place = Place::new();
    let run = ["run", "function", "--quiet", "--out", "out", "--seed", "1", "--set", "search.total_steps=60"];
    assert!(place.run(&run).status.success());
    for columns in ["20", "40", "80"] {
        let output = place.samara(&["show", "out", "--best", "0"]).env("COLUMNS", columns).output().unwrap();
        let shown = text(&output.stdout);
        let map = shown.split("\n\n").nth(1).unwrap();
        let width: usize = columns.parse().unwrap();
        assert!(map.lines().all(|line| line.chars().count() <= width), "{map}");
        assert!(map.contains("y (-4 to 4)") && map.contains("x (-4 to 4)"), "{map}");
        assert!(!shown.contains('\x1b'), "no colours for what is no terminal");
    }
}
