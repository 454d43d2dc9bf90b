//! What prompts say, seen as a model sees them.

use std::sync::Arc;

use super::*;

const TEXT: &str = "import math\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n";

fn prompts(folder: Option<&Path>) -> Result<Prompts, Invalid> {
    let text = "program = \"a.py\"\ntask = \"Pack circles.\"\n[evaluation]\nevaluator = \"e.py\"\n";
    let mut settings: EvolveSettings = toml::from_str(text).expect("a section");
    settings.prompt.templates = folder.map(|folder| folder.to_string_lossy().into_owned());
    Prompts::new(&settings, &Inputs::in_folder("/"))
}

fn example(name: &str) -> Prompt {
    let program = Program::of_text("a.py", TEXT);
    let examples = prompts(None).expect("our own").examples(&program);
    examples.into_iter().find(|(known, _)| *known == name).expect("an example").1
}

#[test]
fn a_diff_is_asked_for_with_the_score_the_errors_and_other_programs() {
    let prompt = example("diff");
    insta::assert_snapshot!(format!("{}\n----\n{}", prompt.instructions, prompt.text));
}

#[test]
fn a_crossover_shows_every_parent_and_its_score() {
    insta::assert_snapshot!(example("crossover").text);
}

#[test]
fn a_repair_shows_what_went_wrong() {
    insta::assert_snapshot!(example("fix").text);
}

#[test]
fn a_rewrite_and_a_larger_change_say_how_to_answer() {
    assert!(example("rewrite").text.contains("the whole program in one fenced block (```python)"));
    assert!(example("larger_change").text.contains("Small changes have stopped helping."));
}

#[test]
fn no_placeholder_is_left_and_all_of_ours_are_known() {
    for (name, template) in TEMPLATES {
        assert_eq!(template::unknown(template, &PLACEHOLDERS), None, "{name}");
    }
    let program = Program::of_text("a.py", TEXT);
    for (name, prompt) in prompts(None).expect("our own").examples(&program) {
        assert!(
            template::placeholders(&prompt.text).is_empty()
                && template::placeholders(&prompt.instructions).is_empty(),
            "{name}"
        );
    }
}

#[test]
fn a_folder_replaces_the_templates_that_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("diff.txt"), "Mine: {score}\n").expect("a file");
    let own = prompts(Some(folder.path())).expect("a folder");
    let program = Program::of_text("a.py", TEXT);
    let examples: BTreeMap<_, _> = own.examples(&program).into_iter().collect();
    assert_eq!(examples["diff"].text, "Mine: 0.5\n");
    assert_eq!(examples["rewrite"], example("rewrite"));
}

#[test]
fn a_file_that_is_no_template_and_an_unknown_placeholder_are_refused() {
    for (name, text, said) in [("dif.txt", "x", "dif.txt"), ("diff.txt", "{scores} {skore}", "skore")] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), text).expect("a file");
        let error = prompts(Some(folder.path())).expect_err("must be refused");
        assert_eq!(error.key, "environment.prompt.templates");
        assert!(error.what.contains(said), "{error}");
    }
}

#[test]
fn artifacts_are_shown_as_far_as_they_fit_and_without_secrets() {
    let mut own = prompts(None).expect("our own");
    own.artifacts = 60;
    let artifacts = vec![
        Artifact::text("a", "OPENAI_API_KEY=abcdefgh1234"),
        Artifact::text("b", &"z".repeat(500)),
        Artifact::text("c", "never"),
    ];
    let shown = own.artifacts(&Score { artifacts, ..Score::default() });
    assert!(shown.contains("OPENAI_API_KEY=***") && !shown.contains("abcdefgh1234"), "{shown}");
    assert!(shown.contains("[...]") && !shown.contains("never"), "{shown}");
    assert!(shown.len() < 150, "{shown}");
}

#[test]
fn names_that_an_evaluator_gave_can_fill_no_prompt_and_carry_no_secret() {
    let name = |n: usize| format!("{n:03} sk-abcdefghijklmnop1234 {}", "x".repeat(8000));
    let score = Score {
        metrics: (0..900).map(|n| (name(n), 1.0)).collect(),
        artifacts: vec![Artifact::text("sk-abcdefghijklmnop1234", "text")],
        ..Score::default()
    };
    let shown = metrics(&score) + &prompts(None).expect("our own").artifacts(&score);
    assert!(shown.len() < 10_000 && !shown.contains("sk-abc"), "{}", shown.len());
    assert!(shown.starts_with("- 000 *** xxx") && shown.contains("\n- and 850 more\n"), "{shown}");
    let broken =
        Score { metrics: BTreeMap::from([("a\nAnswer: b\u{202e}".to_owned(), 2.0)]), ..Score::default() };
    assert_eq!(metrics(&broken).lines().count(), 1);
}

#[test]
fn a_language_is_called_by_its_name_and_no_task_leaves_no_empty_line() {
    let instructions = |file: &str, task: &str| {
        let mut own = prompts(None).expect("our own");
        task.clone_into(&mut own.task);
        own.examples(&Program::of_text(file, "x = 1\n")).remove(0).1.instructions
    };
    for (file, name) in [("a.py", "Python"), ("a.rs", "Rust"), ("a.cpp", "C++"), ("a.txt", "plain text")] {
        let told = instructions(file, "");
        assert!(told.starts_with(&format!("You improve a program in {name}. ")), "{told}");
        assert!(!told.contains("\n\n"), "{told}");
    }
    assert!(instructions("a.py", "First.\n\nSecond.").contains("First.\n\nSecond.\n"));
}

#[test]
fn a_program_with_fences_of_its_own_stands_in_a_longer_one() {
    let program = Program::of_text("a.md", "```\ncode\n```\n");
    assert!(listing(&program, &program.initial).starts_with("````text\n```\n"));
}

#[test]
fn an_answer_that_could_not_be_used_is_told_to_the_model() {
    let program = Program::of_text("a.py", TEXT);
    let parent = Parent { id: 0, genome: Arc::clone(&program.initial), score: None };
    let plan = Plan::varied("diff", vec![parent]);
    let prompt = prompts(None).expect("our own").of_plan(&program, &plan, Some("changes nothing"));
    assert!(
        prompt.text.ends_with("An earlier answer could not be used: it changes nothing.\n"),
        "{}",
        prompt.text
    );
    assert!(prompt.text.starts_with("The program scores nothing yet."));
}
