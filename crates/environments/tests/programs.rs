//! Environments of programs, whole: models that write by script, programs that run in the sandbox, fates and archives.
//! Where no isolating tier works and none must, each test says so and passes.

use std::sync::Arc;

use samara_engine::{Control, Event, Models, Programs, Run, SandboxSettings, Tools};
use samara_environments::{
    Inputs, Source, builtin,
    p3::puzzle::{self, Puzzle},
};
use samara_journal::{Cells, Contents, Header, Journal, Life};
use samara_lm::{Budget, LanguageModel, ModelSettings, ProviderName};
use samara_sandbox::{Ending, Job, Sandbox, SandboxError, Tier, Value};
use samara_search::{AxisSettings, Candidate, Ensemble, Fate, Operator, SearchSettings};
use samara_testing::tiers;

/// A built-in experiment, changed.
struct Trial {
    table: toml::Table,
    script: Option<String>,
}

/// A candidate and how it was made.
struct Made {
    candidate: Candidate,
    life: Life,
}

impl std::ops::Deref for Made {
    type Target = Candidate;

    fn deref(&self) -> &Candidate {
        &self.candidate
    }
}

/// What a run came to.
struct Ran {
    candidates: Vec<Made>,
    hash: String,
}

impl Trial {
    fn of(name: &str) -> Self {
        let experiment = builtin::experiment(name).expect("an experiment of that name");
        Self { table: experiment.toml.parse().expect("TOML"), script: None }
    }

    fn set(mut self, section: &str, key: &str, value: impl Into<toml::Value>) -> Self {
        let section = self.table[section].as_table_mut().expect("a section");
        section.insert(key.to_owned(), value.into());
        self
    }

    /// Answers of the model that writes, as TOML of a script.
    fn script(mut self, operator: Operator, script: &str) -> Self {
        self = self.set("search", "operator", operator.name());
        self.script = Some(script.to_owned());
        self
    }

    /// Runs `steps` candidates; `None`, said aloud, if no isolating tier works here.
    fn run(&self, steps: u64, concurrency: usize) -> Option<Ran> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let folder = tempfile::tempdir().expect("a folder");
        let programs = programs()?;
        let run = self.prepared(steps, concurrency, folder.path(), programs);
        let (_sender, interrupt) = tokio::sync::watch::channel(false);
        let mut candidates = Vec::new();
        let ended = runtime.block_on(run.run(Control::interrupt(interrupt), &mut |event| {
            if let Event::Settled { candidate, life, .. } = event {
                candidates.push(Made { candidate: candidate.clone(), life: life.clone() });
            }
        }));
        let hash = ended.expect("a run").search.population().archive_hash();
        assert!(candidates.iter().all(|made| made.life.isolation.is_some() || made.genome.is_none()));
        Some(Ran { candidates, hash })
    }

    /// The run, not yet begun.
    fn prepared(&self, steps: u64, concurrency: usize, folder: &std::path::Path, programs: Programs) -> Run {
        let section = |name: &str| self.table[name].clone();
        let mut settings: SearchSettings = section("search").try_into().expect("settings");
        (settings.total_steps, settings.concurrency, settings.window) = (steps, concurrency, 8);
        settings.init_steps = steps / 2;
        settings.max_failures = steps + 1;
        let axes: Vec<AxisSettings> = section("axes").try_into().expect("axes");
        let environment = section("environment");
        let tessellation = settings.tessellation(&axes).expect("cells");
        let inputs = Inputs::in_folder(".");
        let source = Source {
            section: environment.as_table().expect("a section"),
            axes: &axes,
            cells: Some(tessellation.cells()),
            search: &settings,
            inputs: &inputs,
            own: None,
        };
        let name = self.table["experiment"]["environment"].as_str().expect("a name").to_owned();
        let environment = samara_environments::build(&name, &source).expect("an environment");
        let model = self.script.as_ref().map(|script| scripted(folder, script));
        let models =
            Models { generator: model.iter().cloned().collect(), embedder: model.clone(), judge: None };
        assert_eq!(models.missing(environment.roles()), None, "what it needs is there");
        let header = Header {
            id: String::new(),
            config: String::new(),
            experiment: name.clone(),
            environment: name,
            seed: settings.seed,
            samara: String::new(),
            created: String::new(),
        };
        let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
        let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
        Run {
            settings,
            tessellation,
            environment,
            evaluator: None,
            tools: Tools { models, programs: Some(programs), ..Tools::default() },
            ensemble: Ensemble::default(),
            journal: Journal::create(&folder.join("run.db"), &header, &contents).expect("a journal"),
            controls: Vec::new(),
        }
    }
}

/// A sandbox for them; `None`, said aloud, if no isolating tier works here.
fn programs() -> Option<Programs> {
    let sandbox =
        SandboxSettings { cpu_s: 0.5, wall_s: 120.0, servers: Some(2), ..SandboxSettings::default() };
    match Programs::start(&sandbox) {
        Ok(programs) => Some(programs),
        Err(error @ SandboxError::Tier { .. }) => {
            tiers::none_isolates(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn scripted(folder: &std::path::Path, script: &str) -> Arc<dyn LanguageModel> {
    let path = folder.join("script.toml");
    std::fs::write(&path, script).expect("a script");
    let settings =
        ModelSettings { provider: ProviderName::Scripted, script: Some(path), ..ModelSettings::default() };
    samara_lm::open(&settings, Budget::unlimited()).expect("a model")
}

/// A rule that answers prompts which contain a text.
fn answers(contains: &str, answers: &[&str]) -> String {
    let list: Vec<toml::Value> = answers.iter().map(|answer| toml::Value::from(*answer)).collect();
    format!(
        "[[complete]]\ncontains = {}\nanswers = {}\n",
        toml::Value::from(contains),
        toml::Value::from(list)
    )
}

fn text(candidate: &Candidate) -> String {
    candidate.genome.as_ref().map(|genome| genome.text().into_owned()).unwrap_or_default()
}

/// The reason of a fate without a score.
fn why(candidate: &Candidate) -> String {
    match &candidate.fate {
        Fate::Invalid { why } => format!("invalid: {why}"),
        Fate::Failed { why } => format!("failed: {why}"),
        scored => scored.name().to_owned(),
    }
}

/// The candidate whose program contains a text.
fn holding<'a>(ran: &'a Ran, needle: &str) -> &'a Made {
    let found = ran.candidates.iter().find(|candidate| text(candidate).contains(needle));
    found.unwrap_or_else(|| panic!("no candidate holds {needle:?}"))
}

#[test]
fn without_a_model_archives_are_equal_for_any_concurrency() {
    for (name, steps) in [("image", 30), ("p3", 20), ("p3-probsol", 8)] {
        let trial = Trial::of(name).set("search", "seed", 3);
        let (Some(one), Some(many)) = (trial.run(steps, 1), trial.run(steps, 8)) else { return };
        assert_eq!(one.hash, many.hash, "{name}");
        let scored = one.candidates.iter().filter(|candidate| candidate.score.is_some()).count();
        assert!(scored >= 1, "{name}: {:?}", one.candidates.iter().map(|made| why(made)).collect::<Vec<_>>());
        let changed =
            Trial::of(name).set("search", "seed", 4).run(steps, 8).expect("a tier that just worked");
        assert_ne!(one.hash, changed.hash, "{name}");
    }
}

#[test]
fn every_operator_with_a_model_writes_programs_that_are_drawn() {
    let body = "    return [[[9, 9, 0] for x in range(32)] for y in range(32)]\n";
    let fenced = format!("Here:\n```python\ndef draw():\n{body}```\n");
    let diff = "@@ -1,2 +1,2 @@\n-    image = [[[0, 0, 0] for x in range(32)] for y in range(32)]\n\
                +    image = [[[9, 9, 0] for x in range(32)] for y in range(32)]\n";
    for (operator, reply) in [
        (Operator::Prompt, body),
        (Operator::Prompt, &fenced),
        (Operator::Crossover, body),
        (Operator::Diff, diff),
    ] {
        let script = answers("draw", &[reply]);
        let Some(ran) = Trial::of("image").script(operator, &script).run(16, 8) else { return };
        let drawn = ran.candidates.iter().filter(|candidate| text(candidate).contains("[9, 9, 0]"));
        assert!(drawn.filter(|candidate| candidate.score.is_some()).count() > 0, "{operator:?}");
        assert!(ran.candidates.iter().any(|candidate| !candidate.life.calls.is_empty()), "{operator:?}");
    }
    let silent = answers("draw", &["\n\n"]);
    let Some(ran) = Trial::of("image").script(Operator::Prompt, &silent).run(8, 8) else { return };
    assert!(
        ran.candidates
            .iter()
            .any(|candidate| why(candidate).contains("3 completions in a row held no program"))
    );
}

#[test]
fn programs_that_do_not_draw_meet_a_fate_with_the_reason() {
    let cases = [
        ("    while True:\n        marker_loop = 1\n", "failed: draw() ran longer than 0.5 s of CPU time"),
        ("    marker_exit = __import__('os')._exit(3)\n", "failed: draw() ended without a result"),
        ("    marker_error = 1 / 0\n", "invalid: draw() raised ZeroDivisionError"),
        ("    marker_syntax = = 1\n", "invalid: draw() does not compile"),
        ("    marker_none = 1\n", "invalid: draw() returned no 32 x 32 x 3 numbers"),
        (
            "    marker_nan = float('nan')\n    return [[[marker_nan] * 3] * 32] * 32\n",
            "invalid: draw() returned the value NaN",
        ),
        (
            "    marker_large = 256\n    return [[[marker_large] * 3] * 32] * 32\n",
            "invalid: draw() returned the value 256",
        ),
        ("    marker_fork = __import__('os').fork()\n", "failed: draw()"),
    ];
    let replies: Vec<&str> = cases.iter().map(|(reply, _)| *reply).collect();
    let trial = Trial::of("image").script(Operator::Prompt, &answers("draw", &replies));
    let Some(ran) = trial.run(60, 8) else { return };
    for (reply, expected) in cases {
        let marker = reply.split("marker_").nth(1).and_then(|rest| rest.split(' ').next()).expect("a marker");
        let candidate = holding(&ran, &format!("marker_{marker}"));
        // How a refused fork ends depends on the tier: by the call or by an exception.
        let fate = why(candidate);
        assert!(
            fate.starts_with(expected) || (marker == "fork" && fate.starts_with("invalid")),
            "{marker}: {fate}"
        );
    }
}

#[test]
fn a_solution_can_not_tamper_with_what_judges_it() {
    let hostile = [
        (
            "    class marker_eq(list):\n        def __eq__(self, other):\n            return True\n    return marker_eq()\n",
            Some(0.0),
        ),
        (
            "    import builtins\n    builtins.sum = lambda marker_sum: 100\n    builtins.len = lambda x: 9\n    return [1]\n",
            Some(0.0),
        ),
        (
            "    import sys\n    marker_true = True\n    sys.modules['program'].sat = lambda li: True\n    return [1, 2]\n",
            Some(0.0),
        ),
        ("    return 'marker_type'\n", None),
        ("    marker_nan = float('nan')\n    return [marker_nan]\n", None),
        ("    while True:\n        marker_loop = 1\n", None),
        ("    marker_right = list(range(1, 10))\n    return marker_right + [55]\n", Some(1.0)),
        ("    marker_wrong = list(range(1, 10))\n    return marker_wrong + [54]\n", Some(0.0)),
    ];
    let replies: Vec<&str> = hostile.iter().map(|(reply, _)| *reply).collect();
    let trial = Trial::of("p3").script(Operator::Prompt, &answers("f6", &replies)).set(
        "environment",
        "puzzle",
        "Hundred",
    );
    let Some(ran) = trial.run(60, 8) else { return };
    for (reply, expected) in hostile {
        let marker = reply
            .split("marker_")
            .nth(1)
            .map(|rest| rest.chars().take_while(|c| c.is_alphabetic()).collect::<String>())
            .expect("a marker");
        let candidate = holding(&ran, &format!("marker_{marker}"));
        assert_eq!(candidate.objective(), expected, "{marker}: {}", why(candidate));
    }
}

#[test]
fn a_new_puzzle_is_worth_the_inverse_of_its_solvers_success() {
    let pair = |name: &str, puzzle: &str, solution: &str| {
        format!("x):\n    {name} = 1\n    return {puzzle}\n\n\ndef g6_2():\n    return {solution}\n")
    };
    let pairs = [
        pair("fair", "x % 5 == 3", "8"),
        pair("trivial", "x < 5", "3"),
        pair("anything", "True", "8"),
        pair("wrong", "x == 3", "4"),
        pair("hard", "x == 123456", "123456"),
        pair("peeks", "x == g6_2()", "77"),
    ];
    let replies: Vec<&str> = pairs.iter().map(String::as_str).collect();
    // The solver sees the puzzle alone, under the name f6.
    let script =
        answers("def f6(", &["    return 3\n", "    return 13\n", "    return 4\n", "    return 5\n"])
            + &answers("f6_2", &replies);
    let trial = Trial::of("p3-probsol").script(Operator::Prompt, &script).set("environment", "samples", 16);
    let Some(ran) = trial.run(60, 8) else { return };
    let fair = holding(&ran, "fair = 1");
    let objective = fair.objective().expect("a score");
    let passed = 16.0 / objective;
    assert!((passed - passed.round()).abs() < 1e-9 && (1.0..16.0).contains(&passed), "{objective}");
    assert_eq!(fair.life.calls.len(), 17, "one to write it, sixteen to solve it");
    assert!(
        fair.life.calls.iter().skip(1).all(|call| !call.prompt.contains("return 8")),
        "the solution is not shown"
    );
    for (name, expected) in [
        ("trivial", "invalid: f6_2 is trivial: it accepts 0"),
        ("anything", "invalid: f6_2 is trivial: it accepts 0"),
        ("wrong", "invalid: g6_2() does not solve f6_2"),
        ("peeks", "invalid: f6_2() raised NameError"),
    ] {
        assert!(why(holding(&ran, &format!("{name} = 1"))).starts_with(expected), "{name}");
    }
    assert_eq!(holding(&ran, "hard = 1").objective(), Some(0.0), "none of the samples solves it");
}

#[test]
fn embeddings_place_programs_if_there_is_an_embedder() {
    let script = answers("f6", &["    return [1, 2]\n", "    numbers = [3]\n    return numbers\n"]);
    let trial =
        Trial::of("p3").script(Operator::Prompt, &script).set("environment", "descriptors", "embedding");
    let Some(ran) = trial.run(12, 8) else { return };
    let measures: Vec<&[f64]> = ran.candidates.iter().filter_map(|candidate| candidate.measures()).collect();
    assert_eq!(measures.len(), 12);
    assert!(measures.iter().any(|measure| *measure != measures[0]), "two programs, two places");
}

#[test]
fn every_built_in_puzzle_accepts_its_solutions_and_no_nonsense() {
    let sandbox = match Sandbox::start(&samara_sandbox::SandboxOptions {
        minimum: Tier::Landlock,
        servers: 1,
        ..Default::default()
    }) {
        Ok(sandbox) => sandbox,
        Err(error @ SandboxError::Tier { .. }) => {
            return tiers::none_isolates(&error.to_string());
        }
        Err(error) => panic!("{error}"),
    };
    let run = |puzzle: &Puzzle, solution: &str| {
        let program = format!(
            "from typing import *\n{}\n\n{solution}\n\ndef main():\n    return sat(sol())\n",
            puzzle.sat
        );
        sandbox.run(&Job::new(program, "main")).expect("a verdict").ending
    };
    for puzzle in puzzle::read("builtin", &Inputs::in_folder(".")).expect("puzzles") {
        for body in &puzzle.sol_bodies {
            let ending = run(&puzzle, &format!("{}{body}", puzzle.header("sol", true)));
            assert_eq!(ending, Ending::Ok { value: Value::Bool(true) }, "{}", puzzle.name);
        }
        let nonsense = run(&puzzle, "def sol():\n    return None");
        assert_ne!(nonsense, Ending::Ok { value: Value::Bool(true) }, "{}", puzzle.name);
    }
}

#[test]
fn creatures_evolve_without_a_model_alike_for_any_concurrency() {
    let trial = Trial::of("sodarace").set("search", "operator", "gp").set("environment", "ms", 1000);
    let (Some(one), Some(many)) = (trial.run(24, 1), trial.run(24, 8)) else { return };
    assert_eq!(one.hash, many.hash);
    let mut scored = one.candidates.iter().filter(|candidate| candidate.score.is_some()).peekable();
    assert!(scored.peek().is_some(), "{:?}", one.candidates.iter().map(|made| why(made)).collect::<Vec<_>>());
    for candidate in scored {
        assert_eq!(candidate.measures().map(<[f64]>::len), Some(3), "height, width and mass");
        assert!(candidate.objective() >= Some(0.0), "a distance");
    }
}

#[test]
fn creatures_that_can_not_walk_meet_a_fate_with_the_reason() {
    let creature = |lines: &str| format!("    wc = walker_creator()\n{lines}    return wc.get_walker()\n");
    let cases = [
        ("    wc.add_joint(0, 1e6)\n    marker_none = 1\n", "invalid: joint 0 is too far away"),
        ("    wc.add_joint(float('nan'), 1)\n    marker_nan = 1\n", "invalid: joint 0 has a coordinate"),
        (
            "    for marker_coincident in range(40):\n        wc.add_joint(1, 1)\n",
            "invalid: the walker is beyond OpenELM's limits",
        ),
        (
            "    marker_strong = [wc.add_joint(0, 0), wc.add_joint(5, 5)]\n    wc.add_muscle(*marker_strong, 1000, 0)\n",
            "invalid: the walker is beyond OpenELM's limits",
        ),
        (
            "    marker_ends = wc.add_joint(0, 0)\n    wc.add_muscle(0, 7)\n",
            "invalid: make_walker() raised ValueError",
        ),
        ("    return 5 # marker_number\n", "invalid: make_walker() raised TypeError"),
    ];
    let bodies: Vec<String> = cases.iter().map(|(lines, _)| creature(lines)).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let script = answers("make_walker", &bodies);
    let trial = Trial::of("sodarace").script(Operator::Prompt, &script).set("environment", "ms", 350);
    let Some(ran) = trial.run(60, 8) else { return };
    for (lines, expected) in cases {
        let marker = lines.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let marker = marker.into_iter().find(|word| word.starts_with("marker_")).expect("a marker");
        let fate = why(holding(&ran, marker));
        assert!(fate.starts_with(expected), "{marker}: {fate}");
    }
}
