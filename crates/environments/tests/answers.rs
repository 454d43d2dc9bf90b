//! Answers as chat models write them, through whole environments: a scripted model writes and judges, programs run in
//! the sandbox. Where no isolating tier works and none must, tests of programs say so and pass.

use std::sync::{Arc, Mutex};

use samara_engine::{Control, Event, Models, Programs, Run, SandboxSettings, Tools};
use samara_environments::{Inputs, Source, builtin};
use samara_journal::{Cells, Contents, Header, Journal};
use samara_lm::{
    Budget, Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, LanguageModel,
    ModelSettings, Needs, ProviderName, Reply, Score, ScoreRequest,
};
use samara_sandbox::SandboxError;
use samara_search::{AxisSettings, Candidate, Ensemble, Fate, SearchSettings};
use samara_testing::tiers;

/// A scripted model that keeps what it is asked to complete.
#[derive(Debug)]
struct Kept {
    model: Arc<dyn LanguageModel>,
    asked: Mutex<Vec<CompletionRequest>>,
}

impl LanguageModel for Kept {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        self.asked.lock().expect("a list").push(request.clone());
        self.model.complete(request)
    }
    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        self.model.score(request)
    }
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        self.model.embed(request)
    }
    fn probe(&self, needs: Needs) -> Reply<'_, Capabilities> {
        self.model.probe(needs)
    }
    fn label(&self) -> &str {
        self.model.label()
    }
}

/// What a run of an experiment came to.
struct Ran {
    candidates: Vec<Candidate>,
    asked: Vec<CompletionRequest>,
}

impl Ran {
    /// The texts of candidates that were scored, each once.
    fn texts(&self) -> Vec<String> {
        let scored = self.candidates.iter().filter(|candidate| candidate.score.is_some());
        let mut texts: Vec<String> =
            scored.filter_map(|made| Some(made.genome.as_ref()?.text().into_owned())).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    }

    fn reasons(&self) -> Vec<&str> {
        self.candidates
            .iter()
            .filter_map(|candidate| match &candidate.fate {
                Fate::Invalid { why } | Fate::Failed { why } => Some(&**why),
                _ => None,
            })
            .collect()
    }
}

/// A built-in experiment whose generator answers every prompt with `answer`, with keys of its sections changed.
fn run(name: &str, changes: &str, answer: &str) -> Option<Ran> {
    let folder = tempfile::tempdir().expect("a folder");
    let pool = "A first line.\nA second line.\nA third line.\n###\nTwo.\n###\nThree.\n";
    std::fs::write(folder.path().join("pool.txt"), pool).expect("a pool");
    let mut table: toml::Table =
        builtin::experiment(name).expect("an experiment").toml.parse().expect("TOML");
    for (section, keys) in changes.parse::<toml::Table>().expect("TOML") {
        let target = table[&section].as_table_mut().expect("a section");
        target.extend(keys.as_table().expect("keys").clone());
    }
    let mut settings: SearchSettings = table["search"].clone().try_into().expect("settings");
    (settings.total_steps, settings.init_steps, settings.concurrency, settings.window) = (8, 8, 1, 1);
    let axes: Vec<AxisSettings> = table["axes"].clone().try_into().expect("axes");
    let tessellation = settings.tessellation(&axes).expect("cells");
    let inputs = Inputs::in_folder(folder.path());
    let source = Source {
        section: table["environment"].as_table().expect("a section"),
        axes: &axes,
        cells: Some(tessellation.cells()),
        search: &settings,
        inputs: &inputs,
        own: None,
    };
    let environment = table["experiment"]["environment"].as_str().expect("a name").to_owned();
    let environment = samara_environments::build(&environment, &source).expect("an environment");
    let programs = if environment.roles().sandbox { Some(sandbox()?) } else { None };
    let model = Arc::new(Kept { model: scripted(folder.path(), answer), asked: Mutex::default() });
    let asked: Arc<dyn LanguageModel> = Arc::<Kept>::clone(&model);
    let models = Models { generator: vec![Arc::clone(&asked)], judge: Some(asked), embedder: None };
    let header = Header {
        id: String::new(),
        config: String::new(),
        experiment: name.to_owned(),
        environment: environment.name().to_owned(),
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
        environment,
        evaluator: None,
        tools: Tools { models, programs, ..Tools::default() },
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
    ended.expect("a run");
    let asked = model.asked.lock().expect("a list").clone();
    Some(Ran { candidates, asked })
}

fn scripted(folder: &std::path::Path, answer: &str) -> Arc<dyn LanguageModel> {
    let path = folder.join("script.toml");
    let answers = toml::Value::from(vec![answer]);
    std::fs::write(&path, format!("[[complete]]\nanswers = {answers}\n[[score]]\nnoise = 2.0\n"))
        .expect("a script");
    let settings =
        ModelSettings { provider: ProviderName::Scripted, script: Some(path), ..ModelSettings::default() };
    samara_lm::open(&settings, Budget::unlimited()).expect("a model")
}

/// A sandbox; `None`, said aloud, if no isolating tier works here.
fn sandbox() -> Option<Programs> {
    let settings =
        SandboxSettings { cpu_s: 2.0, wall_s: 120.0, servers: Some(1), ..SandboxSettings::default() };
    match Programs::start(&settings) {
        Ok(programs) => Some(programs),
        Err(error @ SandboxError::Tier { .. }) => {
            tiers::none_isolates(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

const POEMS: &str = "[search]\nseed = 1\n[environment]\nprompt_template = \"Here is a poem:\"\nprompt_pool_path = \"pool.txt\"\n";

const POEM: &str = "The fields are green, the day is long,\nthe river hums an early song.\n\nHere comes the evening, soft \
                    and slow,\n#summer written on the snow,\na second stanza, as you know.";

#[test]
fn a_poem_of_several_stanzas_is_one_text_and_a_pool_of_poems_is_shown_whole() {
    let ran = run("opinions", POEMS, &format!("\n{POEM}")).expect("no sandbox is needed");
    assert_eq!(ran.texts(), [POEM]);
    for request in &ran.asked {
        let poem = "Here is a poem:\nA first line.\nA second line.\nA third line.\n###\nHere is a poem:";
        assert!(request.prompt.contains(poem), "{}", request.prompt);
    }
}

#[test]
fn an_announcement_is_no_part_of_a_text() {
    let answer = "Sure! Here is another poem:\n\nI like beans because they are cheap.";
    let ran = run("opinions", POEMS, answer).expect("no sandbox is needed");
    assert_eq!(ran.texts(), ["I like beans because they are cheap."]);
}

#[test]
fn a_candidate_without_a_text_says_what_came_instead() {
    let ran = run("opinions", POEMS, "Would you like me to write a poem?").expect("no sandbox is needed");
    let why = "3 completions in a row held no text; the last began \"Would you like me to write a poem?\"";
    assert_eq!(ran.reasons(), vec![why; 8]);
}

#[test]
fn chat_models_are_told_to_answer_with_the_text_alone_unless_settings_say_otherwise() {
    let told = |changes: &str| {
        run("opinions", &format!("{POEMS}{changes}"), "Beans.").expect("no sandbox").asked[0].clone()
    };
    let usual = told("");
    assert!(usual.instructions.expect("instructions").contains("Reply with the text of that entry alone"));
    assert_eq!(usual.sampling.stop, ["\n###", "@@@"]);
    let own = told("instructions = \"Rhyme.\"\nstop = []\ncuts = [\"an\"]\n");
    assert_eq!((own.instructions.as_deref(), own.sampling.stop.len()), (Some("Rhyme."), 0));
    assert_eq!(told("instructions = \"\"\n").instructions, None);
}

const BODY: &str = "    pic = []\n    for y in range(32):\n        row = []\n        for x in range(32):\n            row.append([200, 200, 0])\n        pic.append(row)\n    return pic\n";

#[test]
fn the_block_that_defines_the_function_is_drawn() {
    let program = format!("def draw():\n{BODY}");
    let indented = program.replace('\n', "\n   ");
    let (quoted, tail) = ("            row.append([200, 200, 1])\n", "That is all.\n");
    for answer in [
        format!(
            "The bug is this line:\n```python\n{quoted}```\nThe fixed version:\n```python\n{program}```\n{tail}"
        ),
        format!("Install numpy:\n```bash\npip install numpy\n```\nThen\n```python\n{program}```\n"),
        format!("The call ```row.append``` was wrong.\n\n```python\n{program}```\n"),
        format!("1. The fixed program:\n\n   ```python\n   {indented}```\n\n2. It draws now.\n"),
    ] {
        let changes = "[search]\noperator = \"prompt\"\n";
        let Some(ran) = run("image", changes, &answer) else { return };
        assert!(ran.reasons().is_empty(), "{:?}", ran.reasons());
        assert!(ran.texts().contains(&program), "{answer}");
        let told = ran.asked[0].instructions.as_deref().expect("instructions");
        assert!(told.contains("the function draw()"), "{told}");
    }
}

const LEGS: &str = "    for k in range(4):\n        wc.add_muscle(sides[k], sides[(k + 1) % 4])\n        wc.add_muscle(sides[k], center, 5, k / 4)\n";

#[test]
fn walkers_of_chat_models_are_valid_whole() {
    let (begin, end) = (
        "    wc = walker_creator()\n    sides = make_square(wc, 0, 0, 10, 10)\n",
        "    return wc.get_walker()\n",
    );
    let plain = format!("def make_walker():\n{begin}    center = wc.add_joint(5, 5)\n{LEGS}{end}");
    let airy = format!("{begin}\n    center = wc.add_joint(5, 5)\n\n{LEGS}\n{end}");
    let helped = format!(
        "def legs(wc, sides, center):\n{LEGS}\ndef make_walker():\n{begin}    center = wc.add_joint(5, 5)\n    legs(wc, sides, center)\n{end}"
    );
    for (answer, program) in [
        (format!("Here is the fixed version:\n\n```python\n{plain}```\n"), plain.clone()),
        (airy.clone(), format!("def make_walker():\n{airy}")),
        (format!("```python\n{helped}```\n"), helped.clone()),
    ] {
        let changes = "[search]\noperator = \"prompt\"\n[environment]\nms = 1000\nseeds = [\"square\"]\n";
        let Some(ran) = run("sodarace", changes, &answer) else { return };
        assert!(ran.reasons().is_empty(), "{:?}", ran.reasons());
        assert!(ran.texts().contains(&program), "{answer}");
        assert_eq!(ran.asked[0].sampling.stop, ["<|endoftext|>", "\n\n\n\n"]);
    }
}
