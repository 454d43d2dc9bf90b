//! Small models say what they don't know before anything is made, and a run knows which weights it was made with.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::path::Path;

use common::{Place, error, parse, script};
use samara_journal::{Contents, Event, EventKind, Journal, Reader};
use samara_seedling::{
    Dtype, Tokenizer, Weights, shipped,
    train::{Corpus, checkpoint::write_model},
};

/// The shipped model of texts in a folder, after a change.
fn model(place: &Place, name: &str, change: impl FnOnce(&mut Weights, &Tokenizer)) -> String {
    let (_, tokenizer) = shipped::model(Corpus::Texts).unwrap();
    let mut weights = shipped::weights(Corpus::Texts).unwrap();
    change(&mut weights, &tokenizer);
    write_model(&place.path(name), &weights, &tokenizer, Dtype::F32).unwrap();
    format!("embedded:{}", place.path(name).display())
}

/// A model that was trained to say what it knows, and says the same of every prompt.
fn model_that_says(place: &Place, answer: &str) -> String {
    model(place, answer, |weights, tokenizer| {
        let other = if answer == "yes" { "no" } else { "yes" };
        let [said, unsaid] = [answer, other].map(|answer| tokenizer.encode(&format!("\n{answer}")));
        let common = said.iter().zip(&unsaid).take_while(|(a, b)| a == b).count();
        assert!(common > 0, "answers begin with the same new line");
        // Without layers all follows from the last token, and after that of the new line one token is nearly certain.
        for layer in &mut weights.layers {
            layer.o.fill(0.0);
            layer.down.fill(0.0);
        }
        weights.final_norm.fill(1.0);
        let width = weights.config.hidden_size;
        let row = |token: u32| token as usize * width..(token as usize + 1) * width;
        let last = weights.embedding[row(said[common - 1])].to_vec();
        let square: f32 = last.iter().map(|x| x * x).sum();
        let certain = 60.0 / (square / (square / width as f32).sqrt());
        let mut head = vec![0.0; weights.embedding.len()];
        for (to, from) in head[row(said[common])].iter_mut().zip(&last) {
            *to = from * certain;
        }
        weights.head = Some(head);
        weights.config.tied = false;
        weights.config.subjects = true;
    })
}

/// Arguments that run `opinions` with a generator and a scripted judge.
fn opinions(place: &Place, command: &str, generator: &str, more: &[&str]) -> Vec<String> {
    let judge = place.write("script.toml", &script(""));
    let mut arguments = vec![command.to_owned(), "opinions".to_owned()];
    for set in [
        format!("models.generator={generator}"),
        format!("models.judge=scripted:{judge}"),
        "search.total_steps=3".to_owned(),
        "search.init_steps=3".to_owned(),
    ] {
        arguments.extend(["--set".to_owned(), set]);
    }
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

const TEMPLATE: &str = "Here is a random opinion piece about eating vegetables and plant-based foods:";

#[test]
fn a_foreign_prompt_ends_the_command_before_anything_is_made_and_anyway_runs_it() {
    let place = Place::new();
    let generator = model_that_says(&place, "no");
    for (command, more) in [
        ("run", &["--out", "run"][..]),
        ("compare", &["--out", "run", "--strategies", "qdaif", "--seeds", "1"][..]),
        ("try", &["--yes"][..]),
    ] {
        let output = place.run_all(&opinions(&place, command, &generator, more));
        let told = error(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {told}");
        assert!(told.contains(&format!("knows nothing of \"{TEMPLATE}\"")), "{command}: {told}");
        assert!(told.contains("--set models.generator=openai:NAME") && told.contains("--anyway"), "{told}");
        assert!(told.contains("vegetables and plant-based foods, stories about a suspicious spy"), "{told}");
        assert!(!place.path("run/run.db").exists(), "{command} has begun a run");
    }
    for more in [&[][..], &["--yes"]] {
        let output = place.run_all(&opinions(&place, "try", &generator, more));
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(output.stdout.is_empty(), "what means nothing to the model is not shown");
    }
    let output = place.run_all(&opinions(&place, "try", &generator, &["--yes", "--anyway"]));
    assert!(output.status.success() && !output.stdout.is_empty(), "{}", error(&output));
    assert_eq!(error(&output).matches("knows nothing of").count(), 1, "nobody is warned twice");
    let output = place.run_all(&opinions(&place, "run", &generator, &["--out", "run", "--anyway"]));
    let told = error(&output);
    assert!(
        output.status.success() && told.contains("warning: ") && told.contains("knows nothing of"),
        "{told}"
    );
    let resumed = place.run(&["resume", "run", "--set", "search.total_steps=4"]);
    assert!(resumed.status.success() && !error(&resumed).contains("knows nothing"), "a run that goes on");
}

#[test]
fn what_a_judge_would_be_asked_is_asked_too_and_what_is_known_runs_without_a_word() {
    let place = Place::new();
    let (yes, no) = (model_that_says(&place, "yes"), model_that_says(&place, "no"));
    let judge = format!("models.judge={no}");
    let output = place.run_all(&opinions(&place, "run", &yes, &["--out", "a", "--set", &judge]));
    let told = error(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("Determine the sentiment") && told.contains("nor of another prompt"), "{told}");
    assert!(told.contains("--set models.judge="), "{told}");
    let output = place.run_all(&opinions(&place, "run", &yes, &["--out", "b"]));
    assert!(output.status.success() && !error(&output).contains("knows"), "{}", error(&output));
}

#[test]
fn models_of_texts_and_of_walkers_are_told_apart_by_their_kind() {
    let place = Place::new();
    let output = place.run_all(&opinions(&place, "run", "embedded#walkers", &["--out", "a"]));
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(error(&output).contains("writes walker programs alone, no texts"), "{}", error(&output));
    let generator = "models.generator=embedded";
    let told = error(&place.run(&["run", "sodarace", "--out", "b", "--set", generator]));
    assert!(told.contains("--set models.generator=embedded#walkers"), "{told}");
    let told = error(&place.run(&["p3", "--generator", "embedded", "--only", "0", "--out", "c"]));
    assert!(told.contains("knows no programs") && told.contains("search.operator=gp"), "{told}");
    let told = error(&place.run(&["evolve", "function-minimization", "--model", "embedded", "--out", "d"]));
    assert!(told.contains("knows no programs") && told.contains("--model none"), "{told}");
}

fn resumed(place: &Place, run: &str, more: &[&str]) -> std::process::Output {
    place.run(&[&["resume", run, "--iterations", "1"][..], more].concat())
}

/// The digests in a run's settings.
fn digests(place: &Place, run: &str) -> Vec<String> {
    let settings = place.run(&["export", run, "--as", "settings"]).stdout;
    let settings = String::from_utf8(settings).unwrap();
    settings.lines().filter_map(|line| line.strip_prefix("digest = ")).map(str::to_owned).collect()
}

#[test]
fn a_run_goes_on_with_other_weights_only_if_that_is_wanted() {
    let place = Place::new();
    let generator = model(&place, "model", |_, _| {});
    let output = place.run_all(&opinions(&place, "run", &generator, &["--out", "run"]));
    assert!(output.status.success(), "{}", error(&output));
    let recorded = digests(&place, "run");
    let [digest] = &recorded[..] else { panic!("one model has weights") };
    let output = resumed(&place, "run", &[]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));

    model(&place, "model", |weights, _| weights.final_norm[0] += 0.5);
    let output = resumed(&place, "run", &[]);
    let told = error(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("this run was made with other weights of the model embedded:"), "{told}");
    assert!(
        told.contains(&digest[1..13]) && told.contains("what comes will not be what it would have been"),
        "{told}"
    );

    let output = resumed(&place, "run", &["--anyway"]);
    assert!(output.status.success() && error(&output).contains("warning: "), "{}", error(&output));
    let output = resumed(&place, "run", &[]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));

    model(&place, "model", |_, _| {});
    let anew = format!("models.generator={generator}");
    let output = resumed(&place, "run", &["--set", &anew]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));
    let output = resumed(&place, "run", &[]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));
    // The settings that it began with can be run again, with the weights that they name alone.
    let settings = place.run(&["export", "run", "--as", "settings"]).stdout;
    place.write("again.toml", &String::from_utf8(settings).unwrap());
    assert!(place.run(&["run", "again.toml", "--out", "again"]).status.success());
    model(&place, "model", |weights, _| weights.final_norm[0] -= 0.5);
    let output = place.run(&["run", "again.toml", "--out", "other"]);
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(error(&output).contains("models.generator.digest"), "{}", error(&output));
}

/// A run in which nothing has happened yet, with the settings of another that are kept, line by line.
fn begun_again(from: &Path, to: &Path, kept: impl Fn(&str) -> bool) {
    let reader = Reader::open(from).unwrap();
    let mut header = reader.header().clone();
    header.config = header.config.lines().filter(|line| kept(line)).collect::<Vec<_>>().join("\n");
    let contents =
        Contents { inputs: reader.inputs().unwrap(), tessellations: reader.tessellations().unwrap() };
    std::fs::create_dir(to).unwrap();
    drop(Journal::create(&to.join("run.db"), &header, &contents).unwrap());
}

#[test]
fn a_run_without_digests_is_shown_exported_and_goes_on_with_a_warning() {
    let place = Place::new();
    let sets = ["--set", "search.total_steps=3", "--set", "search.init_steps=3"];
    parse(&place.run(&[&["run", "opinions", "--out", "new", "--format", "json"][..], &sets].concat()));
    assert_eq!(digests(&place, "new").len(), 2);
    // As earlier versions began them.
    begun_again(&place.path("new"), &place.path("old"), |line| !line.starts_with("digest = "));
    assert_eq!(digests(&place, "old"), [""; 0]);
    assert!(place.run(&["show", "old"]).status.success());
    let output = place.run(&["resume", "old"]);
    let told = error(&output);
    assert!(
        output.status.success() && told.contains("warning: the run was begun by an earlier version"),
        "{told}"
    );
    assert!(told.contains("the embedded model") && told.contains("can't be known"), "{told}");
    let output = resumed(&place, "old", &[]);
    assert!(output.status.success() && !error(&output).contains("warning"), "{}", error(&output));
    assert_eq!(place.json(&["show", "old", "--format", "json"])["candidates"], 4);
}

#[test]
fn runs_of_different_weights_are_not_compared_unless_that_is_wanted() {
    let place = Place::new();
    let generator = model(&place, "model", |_, _| {});
    let compared = |more: &[&str]| {
        let more = [&["--out", "all", "--strategies", "qdaif", "--seeds"][..], more].concat();
        place.run_all(&opinions(&place, "compare", &generator, &more))
    };
    let output = compared(&["1"]);
    assert!(output.status.success(), "{}", error(&output));
    model(&place, "model", |weights, _| weights.final_norm[0] += 0.5);
    assert!(compared(&["1"]).status.success(), "what is done needs no model");
    let output = compared(&["2"]);
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(error(&output).contains("was made with other weights"), "{}", error(&output));
    let output = compared(&["2", "--anyway"]);
    assert!(output.status.success(), "{}", error(&output));
}

/// The changes of settings that an event records.
fn settings(event: Event) -> Vec<String> {
    match event.kind {
        EventKind::Control(control) => control.settings,
        EventKind::Migration(_) | EventKind::Work(_) => Vec::new(),
    }
}

#[test]
fn a_run_of_a_comparison_that_goes_on_with_other_weights_records_them() {
    let place = Place::new();
    let generator = model(&place, "model", |_, _| {});
    let compared = |out: &str, more: &[&str]| {
        let more = [&["--out", out, "--strategies", "qdaif", "--seeds"][..], more].concat();
        place.run_all(&opinions(&place, "compare", &generator, &more))
    };
    assert!(compared("all", &["1"]).status.success());
    // One that was stopped before it had a candidate.
    let (done, run) = (place.path("all/qdaif/seed-0"), place.path("half/qdaif/seed-0"));
    std::fs::create_dir_all(place.path("half/qdaif")).unwrap();
    begun_again(&done, &run, |_| true);
    model(&place, "model", |weights, _| weights.final_norm[0] += 0.5);
    assert_eq!(compared("half", &["1"]).status.code(), Some(2), "other weights");
    let output = compared("half", &["1", "--anyway"]);
    assert!(output.status.success() && error(&output).contains("warning: "), "{}", error(&output));
    let changes: Vec<String> =
        Reader::open(&run).unwrap().events().unwrap().into_iter().flat_map(settings).collect();
    let [change] = &changes[..] else { panic!("one model has weights: {changes:?}") };
    let now = change.strip_prefix("models.generator.digest=").unwrap();
    assert!(digests(&place, "half/qdaif/seed-0") != [now], "{now}");
    // They are its own from now on.
    let output = compared("half", &["2"]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));
}

#[test]
fn scores_of_other_weights_are_taken_over_only_if_that_is_wanted() {
    let place = Place::new();
    let judge = model(&place, "model", |_, _| {});
    let script = place.write("script.toml", &script(""));
    let begun = |out: &str, more: &[&str]| {
        let mut arguments: Vec<String> = ["run", "opinions", "--out", out].map(str::to_owned).to_vec();
        for set in [
            format!("models.generator=scripted:{script}"),
            format!("models.judge={judge}"),
            "search.total_steps=3".to_owned(),
            "search.init_steps=3".to_owned(),
        ] {
            arguments.extend(["--set".to_owned(), set]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        place.run_all(&arguments)
    };
    let output = begun("first", &[]);
    assert!(output.status.success(), "{}", error(&output));
    let output = begun("same", &["--init-from", "first"]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));

    model(&place, "model", |weights, _| weights.final_norm[0] += 0.5);
    let output = begun("other", &["--init-from", "first"]);
    let told = error(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("its scores are of other weights of the model embedded:"), "{told}");
    assert!(told.contains("--anyway") && !place.path("other/run.db").exists(), "{told}");
    let output = begun("other", &["--init-from", "first", "--anyway"]);
    assert!(output.status.success() && error(&output).contains("warning: "), "{}", error(&output));
    // What goes on has its scores already; and a run that asks something else keeps none.
    let output = resumed(&place, "other", &[]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));
    let asked = "environment.quality_feedback_prompt=\"Is it about vegetables?\"";
    let output = begun("anew", &["--init-from", "first", "--set", asked]);
    assert!(output.status.success() && !error(&output).contains("weights"), "{}", error(&output));
}
