//! `evaluator`, whole: models that write by script, evaluators that run in their sandbox, fates and archives. Where no
//! isolating tier works and none must, each test says so and passes.

use std::{path::Path, sync::Arc};

use samara_engine::{Control, EngineError, Environment, EvaluatorSlots, Event, Models, Run, Tools};
use samara_environments::{Inputs, Source, evaluator::presets};
use samara_journal::{Cells, Contents, Header, Journal};
use samara_lm::{Budget, ModelSettings, ProviderName};
use samara_sandbox::SandboxError;
use samara_search::{AxisSettings, Candidate, Ensemble, Fate, SearchSettings};
use samara_testing::tiers;

const PROGRAM: &str = "import math\n# EVOLVE-BLOCK-START\nPOINT = [0.9, -0.4, 0.7]\nSCALE = 1.5\n\n\ndef answer():\n    \
                       return [x * SCALE for x in POINT]\n# EVOLVE-BLOCK-END\n";

const EVALUATOR: &str = "import importlib.util\n\n\ndef evaluate(path):\n    \
                         spec = importlib.util.spec_from_file_location('candidate', path)\n    \
                         module = importlib.util.module_from_spec(spec)\n    spec.loader.exec_module(module)\n    \
                         found = module.answer()\n    \
                         error = sum((x - y) ** 2 for x, y in zip(found, [0.3, 0.2, -0.1]))\n    \
                         return {'combined_score': 1.0 / (1.0 + error), 'error_sum': error}\n";

/// An experiment in a folder of its own.
struct Trial {
    folder: tempfile::TempDir,
    table: toml::Table,
    script: Option<String>,
}

struct Ran {
    candidates: Vec<Candidate>,
    hash: String,
}

impl Trial {
    fn new(settings: &str, evaluator: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        write("program.py", PROGRAM);
        write("evaluator.py", evaluator);
        let common = "[environment]\nprogram = \"program.py\"\n[environment.evaluation]\nevaluator = \"evaluator.py\"\ntimeout_s = 60\n";
        let mut table: toml::Table = format!("{common}{settings}").parse().expect("TOML");
        presets::fill(&mut table).expect("a preset");
        Self { folder, table, script: None }
    }

    fn environment(&self, search: &SearchSettings, axes: &[AxisSettings]) -> Arc<dyn Environment> {
        let inputs = Inputs::in_folder(self.folder.path());
        let section = self.table["environment"].as_table().expect("a section");
        let source = Source { section, axes, cells: None, search, inputs: &inputs, own: None };
        samara_environments::build("evaluator", &source).expect("an environment")
    }

    /// Runs it; `None`, said aloud, if no isolating tier works here.
    fn run(&self, concurrency: usize) -> Option<Result<Ran, EngineError>> {
        let section = |name: &str| self.table[name].clone();
        let mut settings: SearchSettings = section("search").try_into().expect("settings");
        settings.concurrency = concurrency;
        let axes: Vec<AxisSettings> = section("axes").try_into().expect("axes");
        let tessellation = settings.tessellation(&axes).expect("cells");
        let environment = self.environment(&settings, &axes);
        let options = environment.evaluator_options().expect("it has an evaluator");
        let evaluators = match EvaluatorSlots::start(&options) {
            Ok(evaluators) => evaluators,
            Err(error @ SandboxError::Tier { .. }) => {
                tiers::none_isolates(&error.to_string());
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let model = self.script.as_ref().map(|script| scripted(self.folder.path(), script));
        let models = Models { generator: model.into_iter().collect(), ..Models::default() };
        assert_eq!(models.missing(environment.roles()), None, "what it needs is there");
        let place = tempfile::tempdir().expect("a folder");
        let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
        let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
        let run = Run {
            settings,
            tessellation,
            environment,
            evaluator: None,
            tools: Tools { models, evaluators: Some(evaluators), ..Tools::default() },
            ensemble: Ensemble::default(),
            journal: Journal::create(&place.path().join("run.db"), &header(), &contents).expect("a journal"),
            controls: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        let (_sender, interrupt) = tokio::sync::watch::channel(false);
        let mut candidates = Vec::new();
        let ended = runtime.block_on(run.run(Control::interrupt(interrupt), &mut |event| {
            if let Event::Settled { candidate, .. } = event {
                candidates.push(candidate.clone());
            }
        }));
        Some(ended.map(|done| Ran { candidates, hash: done.search.population().archive_hash() }))
    }
}

fn header() -> Header {
    let named = "evaluator".to_owned();
    Header {
        id: String::new(),
        config: String::new(),
        experiment: named.clone(),
        environment: named,
        seed: 0,
        samara: String::new(),
        created: String::new(),
    }
}

fn scripted(folder: &Path, script: &str) -> Arc<dyn samara_lm::LanguageModel> {
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

const WITHOUT_A_MODEL: &str = "[environment.variation]\ndiff = 0\nrewrite = 0\ncrossover = 0\nfix = 0\ngp = 1\n\
                               [search]\ntotal_steps = 40\nwindow = 8\n[search.islands]\ncount = 2\nmigration_interval = 10\n";

#[test]
fn without_a_model_a_program_improves_and_archives_are_equal_for_any_concurrency() {
    let trial = Trial::new(WITHOUT_A_MODEL, EVALUATOR);
    let (Some(one), Some(many)) = (trial.run(1), trial.run(8)) else { return };
    let (one, many) = (one.expect("a run"), many.expect("a run"));
    assert_eq!(one.hash, many.hash);
    for seed in &one.candidates[..2] {
        assert_eq!(
            (text(seed), &*seed.operator),
            (PROGRAM.to_owned(), "seed"),
            "every island begins with it"
        );
    }
    let best =
        |candidates: &[Candidate]| candidates.iter().filter_map(Candidate::objective).fold(0.0, f64::max);
    assert!(best(&one.candidates) > best(&one.candidates[..2]), "{}", best(&one.candidates));
    for candidate in &one.candidates {
        let program = text(candidate);
        assert!(
            program.starts_with("import math\n# EVOLVE-BLOCK-START\n")
                && program.ends_with("# EVOLVE-BLOCK-END\n")
        );
        if let Some(score) = &candidate.score {
            assert!(score.measures.len() == 2 && score.metrics.contains_key("complexity"));
            assert!(score.measures.iter().all(|measure| (0.0..=1.0).contains(measure)));
        }
    }
}

#[test]
fn an_island_begins_with_the_initial_program_though_another_one_has_had_it() {
    let trial =
        Trial::new(&WITHOUT_A_MODEL.replace("window = 8", "window = 1").replace("= 40", "= 4"), EVALUATOR);
    let Some(ran) = trial.run(1) else { return };
    let candidates = ran.expect("a run").candidates;
    assert_eq!((text(&candidates[1]), candidates[1].copy_of), (PROGRAM.to_owned(), Some(0)));
    assert!(candidates[1].fate.entered(), "{:?}", candidates[1].fate);
    assert!(candidates[2..].iter().all(|candidate| candidate.copy_of.is_none()));
}

/// A diff that replaces a line.
fn diff(search: &str, replace: &str) -> String {
    format!("I change it.\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

fn with_a_model(operator: &str, steps: u64, script: String) -> Trial {
    let weights = ["diff", "rewrite", "crossover", "fix", "gp"].map(|name| {
        let weight = if name == operator || (operator == "fix" && name == "diff") { 1 } else { 0 };
        format!("{name} = {weight}\n")
    });
    let settings = format!(
        "[environment.variation]\nchoice = \"weights\"\n{}[search]\ntotal_steps = {steps}\nwindow = 1\n",
        weights.concat()
    );
    Trial { script: Some(script), ..Trial::new(&settings, EVALUATOR) }
}

#[test]
fn a_diff_is_applied_where_it_fits_and_asked_for_again_where_it_does_not() {
    let good = diff("SCALE = 1.5", "SCALE = 0.5");
    let rules =
        [answers("An earlier answer could not be used", &[&good]), answers("", &["I would rather not."])];
    let Some(ran) = with_a_model("diff", 2, rules.concat()).run(1) else { return };
    let ran = ran.expect("a run");
    let changed = &ran.candidates[1];
    assert_eq!(text(changed), PROGRAM.replace("SCALE = 1.5", "SCALE = 0.5"));
    assert_eq!((&*changed.operator, &*changed.parents, changed.charge.calls), ("diff", &[0][..], 2));
    assert!(changed.objective() > ran.candidates[0].objective());
}

#[test]
fn a_rewrite_keeps_what_stands_outside_the_blocks() {
    let answer = "```python\nimport os\n# EVOLVE-BLOCK-START\ndef answer():\n    return [0.3, 0.2, -0.1]\n# EVOLVE-BLOCK-END\n```";
    let Some(ran) = with_a_model("rewrite", 2, answers("", &[answer])).run(1) else { return };
    let ran = ran.expect("a run");
    assert!(text(&ran.candidates[1]).starts_with("import math\n"), "{}", text(&ran.candidates[1]));
    assert_eq!(ran.candidates[1].objective(), Some(1.0));
}

#[test]
fn a_program_that_fails_is_repaired_with_its_error_in_the_prompt() {
    let rules = [
        answers("NameError", &[&diff("SCALE = scale", "SCALE = 0.25")]),
        answers("The program below has no score", &["no error was shown"]),
        answers("", &[&diff("SCALE = 1.5", "SCALE = scale")]),
    ];
    let Some(ran) = with_a_model("fix", 8, rules.concat()).run(1) else { return };
    let ran = ran.expect("a run");
    let failed =
        ran.candidates.iter().find(|candidate| text(candidate).contains("SCALE = scale")).expect("one fails");
    assert!(matches!(failed.fate, Fate::Invalid { .. }), "{:?}", failed.fate);
    let fixed = ran.candidates.iter().find(|candidate| candidate.operator == "fix").expect("one is repaired");
    assert_eq!(text(fixed), PROGRAM.replace("SCALE = 1.5", "SCALE = 0.25"), "{:?}", fixed.fate);
    assert_eq!(fixed.parents, [failed.index]);
    assert!(fixed.objective().is_some());
}

#[test]
fn a_model_that_never_answers_in_form_makes_candidates_invalid_with_the_reason() {
    let Some(ran) = with_a_model("diff", 2, answers("", &["<<<<<<< SEARCH\nSCALE = 1.5\n"])).run(1) else {
        return;
    };
    let ran = ran.expect("a run");
    let why = ran.candidates[1].fate.why().expect("a reason").to_owned();
    assert!(why.contains("3 answers") && why.contains("open"), "{why}");
}

#[test]
fn a_broken_evaluator_ends_the_run_before_a_model_is_asked() {
    let trial = Trial::new(WITHOUT_A_MODEL, "def evaluate(path):\n    raise RuntimeError('out of order')\n");
    let Some(ended) = trial.run(1) else { return };
    let error = ended.err().expect("it can't run").to_string();
    assert!(error.contains("out of order"), "{error}");
}
