//! Settings from arguments and files.

use clap::Parser;

use super::*;
use crate::args::{Args, Command};

/// The arguments of `samara evolve`.
fn args(arguments: &[&str]) -> Evolve {
    let all = ["samara", "evolve"].iter().chain(arguments);
    match Args::try_parse_from(all).expect("arguments").command {
        Command::Evolve(evolve) => *evolve,
        _ => panic!("another command"),
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Self { folder }
    }

    /// What arguments come to, in which `@` stands for the folder.
    fn assembled(&self, arguments: &[&str]) -> Result<Assembled, String> {
        let folder = self.folder.path().display().to_string();
        let arguments: Vec<String> =
            arguments.iter().map(|argument| argument.replace('@', &folder)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assemble(&args(&arguments)).map_err(|failure| failure.message.replace(&folder, "@"))
    }

    fn toml(&self, arguments: &[&str]) -> String {
        let table = self.assembled(arguments).unwrap_or_else(|error| panic!("{error}")).table;
        let name = self.folder.path().file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = toml::to_string(&table).expect("TOML");
        text.replace(&self.folder.path().display().to_string(), "@").replace(&name, "NAME")
    }
}

const FILES: [(&str, &str); 2] =
    [("initial_program.py", "x = 1\n"), ("evaluator.py", "def evaluate(path): return 1\n")];

#[test]
fn options_go_over_a_configuration_and_models_replace_its_models() {
    let config = "max_iterations: 50\nrandom_seed: 7\nllm:\n  primary_model: big\n  api_base: http://h/v1\n";
    let place = Place::new(&[FILES[0], FILES[1], ("config.yaml", config)]);
    let plain = place.toml(&["@"]);
    insta::assert_snapshot!(plain);
    assert_eq!(place.toml(&["@/initial_program.py", "@/evaluator.py", "-c", "@/config.yaml"]), plain);
    insta::assert_snapshot!(place.toml(&[
        "@",
        "--iterations",
        "9",
        "--target-score",
        "-2.5",
        "--preset",
        "shinka",
        "--seed",
        "3",
        "--primary-model",
        "a",
        "--secondary-model",
        "b",
        "--api-base",
        "http://other/v1",
        "--evaluator-args",
        r#"{"n": 26, "deep": {"x": [1.5]}}"#,
    ]));
    assert!(!place.toml(&["@", "--model", "none"]).contains("models"));
    let at = place.toml(&["@", "--api-base", "http://other/v1"]);
    assert!(at.contains("base_url = \"http://other/v1\"") && at.contains("model = \"big\""), "{at}");
}

#[test]
fn a_model_is_named_as_everywhere_or_with_an_address_by_its_name() {
    let place = Place::new(&FILES);
    let model = |arguments: &[&str]| {
        let mut all = vec!["@"];
        all.extend(arguments);
        let table = place.assembled(&all)?.table;
        Ok::<String, String>(toml::to_string(&table["models"]).expect("TOML"))
    };
    assert_eq!(
        model(&["--model", "ollama:llama3:8b"]).expect("a model"),
        "[generator]\napi = \"chat\"\nmodel = \"llama3:8b\"\nprovider = \"ollama\"\n"
    );
    assert_eq!(
        model(&["--model", "small", "--api-base", "http://h/v1"]).expect("a model"),
        "[generator]\napi = \"chat\"\nbase_url = \"http://h/v1\"\nmodel = \"small\"\nprovider = \"openai\"\n"
    );
    let two = model(&["--model", "openai:a", "--model", "ollama:b"]).expect("models");
    assert_eq!(two.matches("weight = 1.0").count(), 2, "{two}");
    assert!(model(&["--model", "small"]).expect_err("no provider").contains("does not name a model"));
    assert!(model(&["--model", "none", "--model", "openai:a"]).expect_err("both").contains("another model"));
    assert!(has_model(&Table::new(), &["models.generator=openai:a".to_owned()]));
    assert!(has_model(&Table::new(), &["models.generator.model=a".to_owned()]));
    assert!(!has_model(&Table::new(), &["models.judge=openai:a".to_owned()]));
    assert!(place.assembled(&["@"]).is_ok_and(|assembled| !has_model(&assembled.table, &[])));
}

#[test]
fn settings_of_samaras_own_are_taken_as_they_are() {
    let toml = "[experiment]\nname = \"mine\"\nenvironment = \"evaluator\"\n[environment]\nprogram = \"p.py\"\n\
                [environment.evaluation]\nevaluator = \"e.py\"\n[search]\nwindow = 3\n";
    let place = Place::new(&[("experiment.toml", toml), ("other.toml", "[search]\ntotal_steps = 7\n")]);
    for what in ["@", "@/experiment.toml"] {
        let assembled = place.assembled(&[what, "-c", "@/other.toml"]).expect("settings");
        assert_eq!(assembled.folder, place.folder.path());
        let search = &assembled.table["search"];
        assert_eq!((search["window"].as_integer(), search["total_steps"].as_integer()), (Some(3), Some(7)));
    }
    let other = Place::new(&[("experiment.toml", "[experiment]\nname = \"x\"\nenvironment = \"lmx\"\n")]);
    let error = other.assembled(&["@"]).map(drop).expect_err("another environment");
    assert_eq!(
        error,
        "@/experiment.toml: experiment.environment is not `evaluator`\nhint: `samara run @/experiment.toml` runs any experiment"
    );
}

#[test]
fn what_is_named_wrongly_says_what_to_do() {
    let place =
        Place::new(&[FILES[0], ("bad.yaml", "a: [1\n"), ("key.yaml", "llm:\n  api_key: sk-1\n"), FILES[1]]);
    let message = |arguments: &[&str]| place.assembled(arguments).map(drop).expect_err("refused");
    let messages = [
        message(&["nowhere"]),
        message(&["@/initial_program.py"]),
        message(&["@/initial_program.py", "@/evaluate.py"]),
        message(&["@", "--preset", "openevolv"]),
        message(&["@", "--evaluator-args", "[1]"]),
        message(&["@", "-c", "@/key.yaml"]),
        message(&["@", "-c", "@/none.yaml"]),
    ];
    insta::assert_snapshot!(messages.join("\n\n"));
    assert!(message(&["@", "-c", "@/bad.yaml"]).starts_with("@/bad.yaml: not YAML: "));
}

#[test]
fn a_configuration_whose_model_is_not_asked_stops_no_run() {
    let config = "llm:\n  provider: claude_code\n  primary_model: opus\n  api_key: sk-secret\n";
    let place = Place::new(&[FILES[0], FILES[1], ("config.yaml", config)]);
    let refused = place.assembled(&["@"]).map(drop).expect_err("refused");
    assert!(refused.contains("llm.provider") && !refused.contains("sk-secret"), "{refused}");
    assert!(!place.toml(&["@", "--model", "none"]).contains("models"));
    let other = place.toml(&["@", "--model", "ollama:small"]);
    assert!(other.contains("model = \"small\"") && !other.contains("opus"), "{other}");
    let moved = place.toml(&["@", "--api-base", "http://h/v1"]);
    assert!(moved.contains("model = \"opus\"") && moved.contains("base_url = \"http://h/v1\""), "{moved}");
    let told = place.assembled(&["@", "--model", "none"]).expect("assembled").translation.remarks;
    assert_eq!(told, ["llm.api_key: a key is written in the file; it is not used"]);
}

#[test]
fn an_old_key_of_a_model_is_refused_with_its_new_name() {
    let place = Place::new(&[FILES[0], FILES[1], ("config.yaml", "llm:\n  model: gpt-4o-mini\n")]);
    let message = place.assembled(&["@"]).map(drop).expect_err("refused");
    assert!(message.contains("`llm.model`") && message.contains("llm.primary_model"), "{message}");
    assert!(place.assembled(&["@", "--model", "none"]).is_ok());
}

#[test]
fn a_model_that_is_named_without_an_address_is_given_one() {
    let place = Place::new(&FILES);
    let table = place.assembled(&["@", "--primary-model", "gpt-4o-mini"]).expect("assembled").table;
    let generator = &table["models"]["generator"];
    let address = servers::default_address(|name| std::env::var(name).ok());
    assert_eq!(generator["base_url"].as_str(), Some(&*address));
    assert_eq!(generator["api"].as_str(), Some("chat"));
}

#[test]
fn a_command_evaluates_in_an_evaluators_place() {
    let place =
        Place::new(&[("prog.sh", "A=1\n"), ("score.sh", "#!/bin/sh\nsh \"$1\"\n"), FILES[0], FILES[1]]);
    let assembled = place.assembled(&["@/prog.sh", "@/score.sh"]).expect("assembled");
    let text = |table: &Table, key: &str| table["environment"][key].as_str().map(str::to_owned);
    let command = |table: &Table| table["environment"]["evaluation"]["command"].as_str().map(str::to_owned);
    assert_eq!(text(&assembled.table, "program").as_deref(), Some("prog.sh"));
    assert_eq!(command(&assembled.table).as_deref(), Some("/bin/sh ./score.sh {program}"));
    assert_eq!(assembled.folder, place.folder.path());
    let named = place.assembled(&["@", "--command", "./score {program}"]).expect("assembled").table;
    assert_eq!(command(&named).as_deref(), Some("./score {program}"));
    assert!(text(&named, "program").is_some_and(|program| program.ends_with("initial_program.py")));
    assert!(named["environment"]["evaluation"].get("evaluator").is_none());
}
