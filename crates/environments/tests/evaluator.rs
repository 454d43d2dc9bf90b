//! Evaluators made from data alone: what another machine evaluates with is what the search would have.

use std::collections::BTreeMap;

use samara_engine::{Bench, EvaluatorSpec, Programs, SandboxSettings};
use samara_environments::{InputFile, Inputs};
use samara_sandbox::{SandboxError, Tier};
use samara_search::{AxisSettings, Genome, Score};

fn spec(environment: &str, section: &str, axes: usize) -> EvaluatorSpec {
    EvaluatorSpec {
        environment: environment.to_owned(),
        section: section.parse().expect("TOML"),
        axes: (0..axes).map(|i| AxisSettings::even(format!("tokens {i}"), [-4.0, 4.0], 4)).collect(),
        operator: None,
        inputs: BTreeMap::new(),
    }
}

/// The score that an evaluator gives which was made from the specification as it is sent.
fn score(spec: &EvaluatorSpec, inputs: &Inputs, genome: &Genome, bench: &mut Bench) -> Score {
    let sent = serde_json::to_string(spec).expect("JSON");
    let received: EvaluatorSpec = serde_json::from_str(&sent).expect("a specification");
    assert_eq!((&received, received.digest()), (spec, spec.digest()));
    let evaluator = samara_environments::evaluator(&received, inputs).expect("an evaluator");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let evaluated = runtime.block_on(evaluator.evaluate(genome, &BTreeMap::new(), bench));
    evaluated.unwrap_or_else(|abort| panic!("{abort:?}"))
}

#[test]
fn an_evaluator_that_was_sent_gives_the_scores_of_its_environment() {
    let inputs = Inputs::in_folder(".");
    let mut bench = Bench::default();
    let vector = Genome::Vector(vec![0.0, 0.0]);
    let ackley = score(&spec("function", "dimensions = 2", 2), &inputs, &vector, &mut bench);
    assert_eq!(ackley, Score::new(0.0, vec![0.0, 0.0]));
    let word = Genome::text_of("elk");
    let letters = score(&spec("string", "target = \"elm\"", 3), &inputs, &word, &mut bench);
    assert_eq!(letters, Score::new(-2.0, vec![4.0, 11.0, 10.0]));
}

#[test]
fn settings_and_inputs_make_the_digest() {
    let a = spec("function", "dimensions = 2", 2);
    let b = spec("function", "dimensions = 2\nstep = 0.1", 2);
    let c = EvaluatorSpec { inputs: BTreeMap::from([("k".to_owned(), "00".to_owned())]), ..a.clone() };
    assert_eq!(a.digest().len(), 64);
    assert!(a.digest() != b.digest() && a.digest() != c.digest());
}

#[test]
fn an_evaluator_needs_the_very_files_that_it_was_made_from() {
    let file = |text: &str| InputFile {
        key: "environment.seed_path".to_owned(),
        path: "/home/me/draw.py".into(),
        text: text.to_owned(),
    };
    let seed = file("def draw():\n    return [[[0, 0, 0]] * 32] * 32\n");
    let made = EvaluatorSpec {
        inputs: BTreeMap::from([(seed.key.clone(), seed.digest())]),
        ..spec("image", "seed_path = \"draw.py\"", 3)
    };
    assert!(samara_environments::evaluator(&made, &Inputs::recorded(vec![seed.clone()])).is_ok());
    let other = Inputs::recorded(vec![file("def draw():\n    return 1\n")]);
    let error = samara_environments::evaluator(&made, &other).err().expect("other files");
    assert_eq!(error.key, "inputs");
    assert!(samara_environments::evaluator(&made, &Inputs::recorded(Vec::new())).is_err());
    // The same program, evaluated from what was sent.
    let sandbox = SandboxSettings { wall_s: 120.0, servers: Some(1), ..SandboxSettings::default() };
    match Programs::start(&sandbox) {
        Ok(programs) => {
            let mut bench = Bench::new(Some(programs), 7);
            let black = Genome::text_of(&*seed.text);
            let score = score(&made, &Inputs::recorded(vec![seed]), &black, &mut bench);
            assert_eq!((score.objective, score.measures), (-161_670.0, vec![0.0; 3]));
            assert!(bench.isolation().is_some());
        }
        Err(SandboxError::Tier { .. }) if std::env::var_os("CI").is_none() => {}
        Err(error) => panic!("{error} (tiers below {})", Tier::Landlock),
    }
}

#[test]
fn what_models_judge_has_no_evaluator() {
    let error = samara_environments::evaluator(&spec("p3_probsol", "", 1), &Inputs::in_folder("."));
    let key = error.err().expect("no evaluator").key;
    assert!(key == "experiment.environment" || key.starts_with("axes"), "{key}");
}
