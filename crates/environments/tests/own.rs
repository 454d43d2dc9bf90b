//! An environment that the program brings along, whole runs: functions that block ask models through the engine.

use std::{sync::Arc, time::Duration};

use samara_engine::{
    Abort, Asker, Control, EngineError, Event, Models, OwnEnvironment, Question, Run, Tools, prepare,
};
use samara_environments::{Inputs, Source, own};
use samara_journal::{Cells, Contents, Header, Journal, ModelCall, Reader};
use samara_lm::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, ErrorKind, Finish, LanguageModel,
    LmError, Needs, Reply, Sampling, Score, ScoreMethod, ScoreRequest, Usage,
};
use samara_qd::Stream;
use samara_search::{
    AxisSettings, Candidate, Ensemble, Fate, Genome, Invalid, Plan, Proposer, SearchSettings, View,
};

/// Writes a word by the seed, and takes some time for it; refuses to write after `gone`.
#[derive(Debug)]
struct Words;

impl LanguageModel for Words {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        let seed = request.sampling.seed;
        Box::pin(async move {
            tokio::time::sleep(Duration::from_micros(seed % 700)).await;
            if request.prompt == "gone" {
                return Err(error(ErrorKind::Unreachable));
            }
            if request.prompt == "busy" {
                return Err(error(ErrorKind::Malformed));
            }
            let text = "x".repeat(1 + seed as usize % 9);
            Ok(Completion { text, finish: Finish::Stop, usage: Usage::default() })
        })
    }
    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        let log_probabilities = request.answers.iter().map(|answer| -(answer.len() as f64)).collect();
        let score = Score { log_probabilities, method: ScoreMethod::Scripted, usage: Usage::default() };
        Box::pin(async move { Ok(score) })
    }
    fn embed<'a>(&'a self, _request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        unreachable!("nothing is embedded")
    }
    fn probe(&self, _needs: Needs) -> Reply<'_, Capabilities> {
        unreachable!("it is never probed")
    }
    fn label(&self) -> &str {
        "words"
    }
}

fn error(kind: ErrorKind) -> LmError {
    LmError { kind, message: "no answer".to_owned(), hint: None, attempts: 1 }
}

/// Two words joined, as good as they are long. What it asks of the model is its own text.
struct Joined(&'static str);

fn ask(asker: &Asker, prompt: &str) -> Result<String, Abort> {
    let sampling = Sampling {
        max_tokens: 9,
        temperature: 1.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 0,
        penalties: Default::default(),
    };
    let request = CompletionRequest { prompt: prompt.to_owned(), instructions: None, sampling };
    asker.complete(request).map(|done| done.text).map_err(|why| Abort::failed(why.0))
}

impl OwnEnvironment for Joined {
    fn text(&self) -> String {
        self.0.to_owned()
    }

    fn set_up(&self, asker: &Asker) -> Result<Vec<String>, Abort> {
        Ok(vec![ask(asker, "begin")?])
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Plans)
    }

    fn write(&self, _plan: &Plan, asker: &Asker) -> Result<Genome, Abort> {
        let one = ask(asker, "one");
        match self.0 {
            // Whatever it makes of the error, the run ends.
            "gone" => Ok(Genome::text_of(ask(asker, "gone").unwrap_or_default())),
            "busy" => Ok(Genome::text_of(ask(asker, "busy").unwrap_or_else(|_| "without".to_owned()))),
            "sleepy" if asker.seed().is_multiple_of(4) => {
                std::thread::sleep(Duration::from_secs(3));
                Ok(Genome::text_of("late"))
            }
            _ => Ok(Genome::text_of(format!("{}{}", one?, ask(asker, "two")?))),
        }
    }

    fn evaluate(&self, draft: &Genome, asker: &Asker) -> Result<String, Abort> {
        let question = Question { prompt: draft.text().into(), answers: vec!["a".into(), "bb".into()] };
        let shares = asker.score(vec![question]).map_err(|why| Abort::failed(why.0))?;
        let metrics = serde_json::json!([
            ["combined_score", { "number": draft.text().len() }],
            ["length", { "number": draft.text().len() % 10 }],
            ["share", { "number": shares[0].normalised()[0] }],
        ]);
        let told = serde_json::json!({
            "ran": "evaluate", "stages": [], "wants_artifacts": true, "metrics": metrics, "artifacts": [],
        });
        Ok(told.to_string())
    }
}

struct Plans;

impl Proposer for Plans {
    fn create(&self, _view: &View<'_>, _stream: &mut Stream) -> Plan {
        Plan::fresh("create", Vec::new())
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let parent = view.archive().select(stream)?;
        Some(Plan::varied("vary", vec![view.parent(&parent)]))
    }
}

const AXES: &str = "[[axes]]\nname = \"length\"\nrange = [0.0, 10.0]\nbins = 10\n";

fn build(
    section: &str,
    inputs: &Inputs,
    own: Option<&Arc<dyn OwnEnvironment>>,
) -> Result<Arc<dyn samara_engine::Environment>, Invalid> {
    let axes: toml::Table = AXES.parse().expect("TOML");
    let axes: Vec<AxisSettings> = axes["axes"].clone().try_into().expect("axes");
    let section: toml::Table = section.parse().expect("TOML");
    let search = SearchSettings::default();
    let source = Source { section: &section, axes: &axes, cells: None, search: &search, inputs, own };
    samara_environments::build(own::NAME, &source)
}

const SECTION: &str = "class = \"Joined\"\nasks = [\"generator\", \"judge\"]\n";

fn class(kind: &'static str) -> Arc<dyn OwnEnvironment> {
    Arc::new(Joined(kind))
}

fn hosted(kind: &'static str, section: &str) -> Arc<dyn samara_engine::Environment> {
    build(section, &Inputs::in_folder("."), Some(&class(kind))).expect("an environment")
}

fn tools() -> Tools {
    let model: Arc<dyn LanguageModel> = Arc::new(Words);
    let models = Models { generator: vec![Arc::clone(&model)], judge: Some(model), embedder: None };
    Tools { models, ..Tools::default() }
}

/// A whole run of 40 candidates: its candidates as they settled, its calls, and how it ended.
fn run(
    kind: &'static str,
    section: &str,
    concurrency: usize,
) -> (Vec<Candidate>, Vec<ModelCall>, Result<(), EngineError>) {
    let settings = SearchSettings {
        total_steps: 40,
        init_steps: 10,
        window: 8,
        concurrency,
        max_failures: 40,
        ..SearchSettings::default()
    };
    let axes: toml::Table = AXES.parse().expect("TOML");
    let axes: Vec<AxisSettings> = axes["axes"].clone().try_into().expect("axes");
    let tessellation = settings.tessellation(&axes).expect("cells");
    let folder = tempfile::tempdir().expect("a folder");
    let header = Header {
        id: String::new(),
        config: String::new(),
        experiment: String::new(),
        environment: own::NAME.to_owned(),
        seed: settings.seed,
        samara: String::new(),
        created: String::new(),
    };
    let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
    let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
    let journal = Journal::create(&folder.path().join("run.db"), &header, &contents).expect("a journal");
    let run = Run {
        settings,
        tessellation,
        environment: hosted(kind, section),
        evaluator: None,
        tools: tools(),
        ensemble: Ensemble::default(),
        journal,
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
    runtime.shutdown_background();
    let reader = Reader::open(folder.path()).expect("a journal");
    let calls = |index| reader.candidate(index).expect("a row").expect("a candidate").1.calls;
    let calls = (0..candidates.len() as u64).flat_map(calls).collect();
    (candidates, calls, ended.map(drop))
}

#[test]
fn functions_that_block_ask_models_one_after_the_other_with_seeds_of_their_own() {
    let (candidates, calls, ended) = run("joined", SECTION, 8);
    ended.expect("a run");
    assert_eq!((candidates.len(), calls.len()), (40, 120));
    let prompts: Vec<&str> = calls[..2].iter().map(|call| &*call.prompt).collect();
    assert_eq!(prompts, ["one", "two"]);
    assert!(calls.chunks(3).all(|of_one| of_one[2].role == "judge" && of_one[0].seed != of_one[1].seed));
    let score = candidates[0].score.as_ref().expect("a score");
    assert_eq!(score.metrics.keys().collect::<Vec<_>>(), ["share"], "objective and measures are no metrics");
    assert!((score.metrics["share"] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
}

#[test]
fn a_run_is_the_same_at_any_concurrency() {
    let told = |concurrency| {
        let (candidates, ..) = run("joined", SECTION, concurrency);
        candidates.into_iter().map(|c| (c.index, c.genome, c.score, c.fate)).collect::<Vec<_>>()
    };
    assert_eq!(told(1), told(8));
}

#[test]
fn a_late_function_fails_and_time_in_which_models_answer_does_not_count() {
    let (candidates, _, ended) = run("sleepy", &format!("{SECTION}timeout_s = 1.0"), 8);
    ended.expect("a run");
    let late = "took longer than 1 s (environment.timeout_s)";
    let failed = |candidate: &&Candidate| matches!(&candidate.fate, Fate::Failed { why } if why == late);
    let count = candidates.iter().filter(failed).count();
    assert!(0 < count && count < 40, "{count}");
}

#[test]
fn a_model_that_is_gone_ends_the_run_whatever_the_function_makes_of_it() {
    let (candidates, _, ended) = run("gone", SECTION, 8);
    assert!(matches!(ended, Err(EngineError::Model { role: "generator", .. })), "{ended:?}");
    assert_eq!(candidates.len(), 0);
}

#[test]
fn a_bad_answer_is_for_the_function_to_do_without() {
    let (candidates, calls, ended) = run("busy", SECTION, 8);
    ended.expect("a run");
    assert!(
        candidates.iter().all(|one| one.genome.as_ref().is_some_and(|genome| genome.text() == "without"))
    );
    assert_eq!(calls.iter().filter(|call| call.error.is_some()).count(), 40);
}

#[test]
fn the_setup_asks_too_and_its_text_is_kept() {
    let inputs = Inputs::in_folder(".");
    let environment = build(SECTION, &inputs, Some(&class("joined"))).expect("an environment");
    let kept = inputs.files();
    assert_eq!((&*kept[0].key, &*kept[0].text), (own::KEY, "joined"));
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let prepared = runtime.block_on(prepare(environment.as_ref(), tools(), 1)).expect("a setup");
    assert_eq!((prepared.texts.len(), prepared.calls.len()), (1, 1));
}

#[test]
fn a_run_goes_on_with_the_same_text_only_and_not_without() {
    let inputs = Inputs::in_folder(".");
    build(SECTION, &inputs, Some(&class("joined"))).expect("an environment");
    let recorded = || Inputs::recorded(inputs.files());
    assert!(build(SECTION, &recorded(), Some(&class("joined"))).is_ok());
    let refused =
        |own: Option<&Arc<dyn OwnEnvironment>>| build(SECTION, &recorded(), own).err().expect("refused");
    assert!(refused(Some(&class("other"))).what.contains("another class"));
    assert!(refused(None).hint.contains("samara.resume(path, environment=Joined())"));
}
