//! Prompt evolution and poetry, whole runs with models of rules: a function of prompt and seed writes, chooses and rates.

use std::sync::Arc;

use samara_engine::{Control, Event, Models, Run, Tools};
use samara_environments::{Inputs, Source, builtin, prompt_evolution::race::share};
use samara_journal::{Cells, Contents, Header, Journal};
use samara_lm::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, LanguageModel, Needs,
    Reply, Score, ScoreMethod, ScoreRequest, Usage,
};
use samara_search::{AxisSettings, Candidate, Ensemble, Fate, Invalid, SearchSettings};

/// A model that follows rules.
#[derive(Debug)]
struct Rules {
    writes: fn(&str, u64) -> String,
    /// Log-probabilities of answers.
    scores: fn(&str, &[String]) -> Vec<f64>,
}

impl LanguageModel for Rules {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        let text = (self.writes)(&request.prompt, request.sampling.seed);
        Box::pin(async move { Ok(Completion { text, finish: Finish::Stop, usage: Usage::default() }) })
    }
    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        let log_probabilities = (self.scores)(&request.prompt, &request.answers);
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
        "rules"
    }
}

fn none(_prompt: &str, answers: &[String]) -> Vec<f64> {
    vec![-1.0; answers.len()]
}

struct Parts {
    search: SearchSettings,
    axes: Vec<AxisSettings>,
    table: toml::Table,
}

/// A built-in experiment with other keys in its sections.
fn parts(name: &str, changes: &str) -> Parts {
    let mut table: toml::Table =
        builtin::experiment(name).expect("an experiment").toml.parse().expect("TOML");
    for (section, keys) in changes.parse::<toml::Table>().expect("TOML") {
        let target = table[&section].as_table_mut().expect("a section");
        target.extend(keys.as_table().expect("keys").clone());
    }
    let search = table["search"].clone().try_into().expect("settings");
    let axes = table["axes"].clone().try_into().expect("axes");
    Parts { search, axes, table }
}

fn build(parts: &Parts) -> Result<Arc<dyn samara_engine::Environment>, Invalid> {
    let inputs = Inputs::in_folder(".");
    let section = parts.table["environment"].as_table().expect("a section");
    let source =
        Source { section, axes: &parts.axes, cells: None, search: &parts.search, inputs: &inputs, own: None };
    samara_environments::build(parts.table["experiment"]["environment"].as_str().expect("a name"), &source)
}

/// A whole run; the candidates as they settled.
fn run(parts: Parts, model: Rules) -> Vec<Candidate> {
    let environment = build(&parts).expect("an environment");
    let folder = tempfile::tempdir().expect("a folder");
    let tessellation = parts.search.tessellation(&parts.axes).expect("cells");
    let header = Header {
        id: String::new(),
        config: String::new(),
        experiment: String::new(),
        environment: environment.name().to_owned(),
        seed: parts.search.seed,
        samara: String::new(),
        created: String::new(),
    };
    let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
    let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
    let journal = Journal::create(&folder.path().join("run.db"), &header, &contents).expect("a journal");
    let model: Arc<dyn LanguageModel> = Arc::new(model);
    let models = Models { generator: vec![Arc::clone(&model)], judge: Some(model), embedder: None };
    let run = Run {
        settings: parts.search,
        tessellation,
        environment,
        evaluator: None,
        tools: Tools { models, ..Tools::default() },
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
    candidates
}

/// Writes instructions of drawn words, and follows them the better the more of the words `opposite`, `exactly` and `word`
/// they have: it knows a third of the antonyms by each.
fn antonyms(prompt: &str, seed: u64) -> String {
    let Some((instruction, item)) =
        prompt.split_once("\n\nInput: ").filter(|_| !prompt.contains("different"))
    else {
        let words =
            ["Write", "the", "opposite", "of", "this", "word", "exactly", "please", "now", "for", "me"];
        return (0..1 + seed % 6)
            .map(|i| words[(seed >> (4 * i)) as usize % words.len()])
            .collect::<Vec<_>>()
            .join(" ");
    };
    let input = item.lines().next().unwrap_or_default();
    let known = ["opposite", "exactly", "word"].iter().position(|word| {
        instruction.contains(word) && input.bytes().map(usize::from).sum::<usize>() % 3 == word.len() % 3
    });
    let all = builtin::task("antonyms").expect("a data set");
    let line = all
        .lines()
        .find(|line| line.contains(&format!("\"input\": \"{input}\"")))
        .filter(|_| known.is_some());
    let item: Option<serde_json::Value> = line.and_then(|line| serde_json::from_str(line).ok());
    let output = item.map(|item| item["output"].clone());
    let output = output.map(|output| output.get(0).cloned().unwrap_or(output));
    output.and_then(|output| Some(format!(" {}.\n", output.as_str()?))).unwrap_or_else(|| "?".to_owned())
}

const ANTONYMS: &str = "[search]\ntotal_steps = 80\ninit_steps = 8\n[environment]\ndata = \"builtin:antonyms\"\n\
                        answer = \"exact\"\nmutations = [\"rewrite\", \"crossover\", \"splice\"]\nshown = 5\n";

fn antonym_run(changes: &str) -> Vec<Candidate> {
    let mut parts = parts("prompt-evolution", ANTONYMS);
    for (section, keys) in changes.parse::<toml::Table>().expect("TOML") {
        let target = parts.table[&section].as_table_mut().expect("a section");
        target.extend(keys.as_table().expect("keys").clone());
    }
    parts.search = parts.table["search"].clone().try_into().expect("settings");
    run(parts, Rules { writes: antonyms, scores: none })
}

fn metric(candidate: &Candidate, name: &str) -> f64 {
    candidate.score.as_ref().expect("a score").metrics[name]
}

#[test]
fn a_score_is_the_share_of_right_answers_and_a_stopped_prompt_never_enters() {
    let candidates = antonym_run("");
    let scored: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.score.is_some()).collect();
    let stopped = |candidate: &&&Candidate| metric(candidate, "stopped") == 1.0;
    assert!(scored.iter().filter(stopped).count() > 5 && scored.len() > 60);
    for candidate in &scored {
        let (right, answered) = (metric(candidate, "right") as usize, metric(candidate, "answered") as usize);
        if stopped(&candidate) {
            assert!(answered < 45 && !candidate.fate.entered(), "{candidate:?}");
        } else {
            assert_eq!((candidate.objective(), answered), (Some(share(right, answered)), 45));
        }
    }
    let best = scored.iter().filter_map(|candidate| candidate.objective()).fold(0.0, f64::max);
    assert!(best > scored[0].objective().expect("a score"), "{best}");
}

#[test]
fn races_without_risk_fill_the_archive_as_no_races_do() {
    let held = |changes: &str| {
        let candidates = antonym_run(&format!("[search]\nwindow = 1\nconcurrency = 1\n{changes}"));
        let entered = candidates.iter().filter(|candidate| candidate.fate.entered());
        entered.map(|c| (c.index, c.objective(), c.cell)).collect::<Vec<_>>()
    };
    let raced = held("[environment.race]\nrisk = 0.0\n");
    assert_eq!(raced, held("[environment.race]\nenabled = false\n"));
    assert!(raced.len() > 3);
}

#[test]
fn prompts_and_their_races_are_the_same_at_any_concurrency() {
    let told = |concurrency: usize| {
        let candidates = antonym_run(&format!("[search]\nconcurrency = {concurrency}"));
        candidates.into_iter().map(|c| (c.index, c.genome, c.score, c.fate)).collect::<Vec<_>>()
    };
    assert_eq!(told(1), told(16));
}

#[test]
fn items_that_are_kept_for_a_test_are_answered_by_what_may_enter_and_decide_nothing() {
    // Of 45 items that are not shown, the last nine.
    let tested = |race: &str| antonym_run(&format!("[environment]\ntest_share = 0.2\n{race}"));
    let untested = |race: &str| antonym_run(&format!("[environment]\nscored = 36\n{race}"));
    for race in ["", "[environment.race]\nenabled = false\n"] {
        let outcomes = |candidates: &[Candidate]| {
            let told = |c: &Candidate| (c.index, c.genome.clone(), c.objective(), c.fate.clone(), c.cell);
            candidates.iter().map(told).collect::<Vec<_>>()
        };
        let candidates = tested(race);
        assert_eq!(outcomes(&candidates), outcomes(&untested(race)));
        let share = |candidate: &Candidate| candidate.score.as_ref()?.metrics.get("test_share").copied();
        let mut shares = Vec::new();
        for candidate in candidates.iter().filter(|candidate| candidate.score.is_some()) {
            match share(candidate) {
                Some(share) => shares.push(share),
                None => assert!(!candidate.fate.entered(), "{candidate:?}"),
            }
        }
        assert!(shares.iter().all(|share| ((share * 9.0).round() - share * 9.0).abs() < 1e-9), "{shares:?}");
        assert!(shares.iter().any(|share| *share > 0.0) && shares.len() < 70, "{shares:?}");
    }
}

#[test]
fn instructions_to_begin_with_are_written_from_items_where_none_are_given() {
    let mut parts = parts("prompt-evolution", ANTONYMS);
    parts.table["environment"].as_table_mut().expect("a section").remove("initial_instructions");
    parts.search.total_steps = 8;
    let candidates = run(parts, Rules { writes: antonyms, scores: none });
    let operators: Vec<&str> = candidates.iter().map(|candidate| &*candidate.operator).collect();
    assert_eq!(
        operators,
        ["initial", "initial", "initial", "initial", "initial", "induce", "induce", "induce"]
    );
}

#[test]
fn sections_that_can_not_work_name_their_key() {
    let key = |name: &str, changes: &str| {
        build(&parts(name, changes)).map(|_| ()).expect_err("must be refused").key
    };
    let prompts = |changes: &str| key("prompt-evolution", changes);
    assert_eq!(prompts("[environment]\ndata = \"builtin:opposites\""), "environment.data");
    assert_eq!(prompts("[environment]\ndata = \"nowhere.jsonl\""), "environment.data");
    assert_eq!(prompts("[environment]\nshown = 100"), "environment.data");
    assert_eq!(prompts("[environment]\ntest_share = 0.01"), "environment.test_share");
    assert_eq!(prompts("[environment]\ntest_share = 0.95"), "environment.test_share");
    assert_eq!(prompts("[environment]\nmutations = [\"splice\", \"splice\"]"), "environment.mutations");
    assert_eq!(prompts("[environment]\nmutations = []"), "environment.mutations");
    assert_eq!(
        prompts("[environment]\ntemplates = { rewrite = \"again\" }"),
        "environment.templates.rewrite"
    );
    assert_eq!(prompts("[search]\nalgorithm = \"cvt_map_elites\""), "environment.race.enabled");
    let mut named = parts("prompt-evolution", "");
    named.axes = vec![AxisSettings::named("length", ["short", "long"])];
    assert_eq!(build(&named).map(|_| ()).expect_err("no categories").key, "axes[0].categories");
    assert_eq!(key("poetry", "[environment]\nrewrite = \"{text} as {genre}\""), "environment.rewrite");
    let mut plain = parts("poetry", "");
    plain.axes[1] = AxisSettings::even("tone", [0.0, 1.0], 5);
    assert_eq!(build(&plain).map(|_| ()).expect_err("no categories").key, "axes[1].categories");
}

#[test]
fn an_axis_has_answers_for_categories_where_the_most_probable_is_the_measure_and_there_alone() {
    let with = |measure: &str, axis: AxisSettings| {
        let mut parts = parts("opinions", "");
        let asked = parts.table["environment"]["diversity"][0].as_table_mut().expect("a question");
        asked.insert("measure".into(), measure.into());
        asked.insert("answers".into(), vec!["calm", "merry", "grim"].into());
        parts.axes = vec![axis];
        build(&parts).map(|_| ()).map_err(|invalid| invalid.key)
    };
    let named = |names: &[&str]| AxisSettings::named("sentiment", names.iter().copied());
    let even = AxisSettings::even("sentiment", [0.0, 1.0], 10);
    assert_eq!(with("most_probable", named(&["calm", "merry", "grim"])), Ok(()));
    assert_eq!((with("first", even.clone()), with("expected", even.clone())), (Ok(()), Ok(())));
    for (measure, axis) in [
        ("most_probable", even),
        ("most_probable", named(&["calm", "grim", "merry"])),
        ("most_probable", named(&["calm", "merry"])),
        ("expected", named(&["calm", "merry", "grim"])),
        ("first", named(&["calm", "merry", "grim"])),
    ] {
        assert_eq!(with(measure, axis.clone()), Err("axes[0].categories".to_owned()), "{measure} {axis:?}");
    }
}

/// A poet whose poems say what they were asked to be, in its own words, and a judge who reads them; of some it says
/// nothing that was asked for.
fn poet(prompt: &str, seed: u64) -> String {
    let asked = |names: [&'static str; 5], text: &str| names.into_iter().find(|name| text.contains(name));
    let genres = ["haiku", "sonnet", "ballad", "limerick", "hymn"];
    let tones = ["happy", "dark", "mysterious", "romantic", "reflective"];
    let (poem, question) = prompt.rsplit_once("\n\n").unwrap_or(("", prompt));
    if question.starts_with("Which") {
        let names = if question.contains("genre") { genres } else { tones };
        return asked(names, poem)
            .map_or("I can't tell.".into(), |name| format!("**{}**", name.to_uppercase()));
    }
    if question.starts_with("How good") {
        return format!("{{\"rating\": {}}}", 1 + poem.len() % 10);
    }
    let (Some(genre), Some(tone)) = (asked(genres, question), asked(tones, question)) else {
        return "A happy little hymn\nhums on.".into();
    };
    let line =
        if seed.is_multiple_of(5) { "Nothing at all,".to_owned() } else { format!("A {tone} {genre},") };
    format!(
        "Sure! Here is the poem:\n\n{line}\n{}\n\nLet me know if you'd like more!",
        "la ".repeat(seed as usize % 7)
    )
}

#[test]
fn poems_are_rewritten_into_drawn_cells_and_judged_in_words() {
    let candidates = run(
        parts("poetry", "[search]\ntotal_steps = 120\nwindow = 4\nconcurrency = 4"),
        Rules { writes: poet, scores: none },
    );
    assert_eq!((&*candidates[0].operator, &*candidates[9].operator), ("create", "rewrite"));
    assert_eq!(candidates[0].measures(), Some(&[4.0, 0.0][..]), "a happy hymn");
    let cells: std::collections::BTreeSet<u64> =
        candidates.iter().filter_map(|candidate| candidate.cell).collect();
    assert!(cells.len() > 20, "{cells:?}");
    let objectives: Vec<f64> = candidates.iter().filter_map(Candidate::objective).collect();
    assert!(objectives.iter().all(|rating| (1.0..=10.0).contains(rating)) && objectives.len() > 80);
    let invalid: Vec<&str> = candidates.iter().filter_map(|candidate| candidate.fate.why()).collect();
    assert!(!invalid.is_empty());
    assert!(candidates.iter().all(|candidate| !matches!(candidate.fate, Fate::Failed { .. })));
    let why = "of the judge, 3 completions in a row named no genre of those asked for; the last began \"I can't tell.\"";
    assert!(invalid.iter().all(|reason| *reason == why), "{invalid:?}");
}

#[test]
fn probabilities_of_categories_and_ratings_are_the_most_probable_one_and_the_expectation() {
    // The second category, and ratings 4 and 6 alike.
    fn scores(_prompt: &str, answers: &[String]) -> Vec<f64> {
        let likely = if answers.len() == 10 { vec![3, 5] } else { vec![1] };
        (0..answers.len()).map(|i| if likely.contains(&i) { -1.0 } else { -1000.0 }).collect()
    }
    let changes = "[search]\ntotal_steps = 2\n[environment]\njudged = \"probabilities\"";
    let candidates = run(parts("poetry", changes), Rules { writes: poet, scores });
    assert_eq!((candidates[0].measures(), candidates[0].objective()), (Some(&[1.0, 1.0][..]), Some(5.0)));
}
