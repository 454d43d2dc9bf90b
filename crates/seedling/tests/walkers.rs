//! Laws of the walkers' corpus: every program is a walker, every document is a prompt of its programs and an answer.

use std::collections::HashSet;

use proptest::prelude::*;
use samara_seedling::{
    Stream, Tokenizer,
    corpus::Split,
    shipped,
    train::{Corpus, TrainSettings, data},
    walkers::{
        Body, Kind, Muscle, Program, cross, edit, format, hunks, interpret, patched, training_example,
        training_example_of,
    },
};

/// The lines of a function's body.
fn behind_header(program: &str) -> &str {
    program.strip_prefix(format::HEADER).expect("a program begins with its header")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_program_is_a_valid_driven_walker_in_one_piece(seed: u64) {
        let example = training_example(&mut Stream::new(seed, 0));
        for program in example.shown.iter().chain([&example.written]) {
            let again = interpret(&program.text);
            prop_assert_eq!(again.as_ref(), Some(&program.body));
            prop_assert!(program.body.is_valid() && program.body.is_connected(), "{}", program.text);
            prop_assert!(program.body.muscles.iter().any(Muscle::is_driven), "{}", program.text);
            prop_assert!(program.text.is_ascii() && !program.text.contains("\n\n") && !program.text.contains('#'));
            prop_assert!(program.text.ends_with("    return wc.get_walker()\n"));
            prop_assert!(behind_header(&program.text).lines().all(|line| line.starts_with("    ")));
        }
    }

    #[test]
    fn a_changed_or_crossed_program_makes_another_walker_than_its_parents(seed: u64) {
        let mut stream = Stream::new(seed, 1);
        let (first, second) = (Program::draw(&mut stream), Program::draw(&mut stream));
        let (child, _) = edit(&first, &mut stream);
        prop_assert_ne!(&child.body, &first.body);
        let child = cross(&first, &second, &mut stream);
        prop_assert!(child.body != first.body && child.body.is_valid());
    }

    #[test]
    fn hunks_make_the_new_program_of_the_old_one(seed: u64) {
        let mut stream = Stream::new(seed, 2);
        let old = Program::draw(&mut stream);
        let new = edit(&old, &mut stream).0;
        let hunks = hunks(&old.text, &new.text);
        prop_assert!(hunks.starts_with("@@ -"), "{}", hunks);
        // By text alone a hunk can fit at an earlier place as well; then it makes another program, but it fits.
        prop_assert!(patched(&old.text, &hunks).is_some(), "{}", hunks);
    }

    #[test]
    fn a_document_is_a_prompt_and_its_answer_in_the_exact_formats(seed: u64) {
        for kind in Kind::ALL {
            let example = training_example_of(kind, &mut Stream::new(seed, 3));
            let text = example.document.text();
            let shown: Vec<&str> = example.shown.iter().map(|program| program.text.as_str()).collect();
            let prompts: Vec<String> = match kind {
                Kind::FewShot => (0..4).map(|style| format::few_shot_prompt(&shown, style)).collect(),
                Kind::Mutation => vec![format::mutation_prompt(shown[0])],
                Kind::Diff => samara_seedling::walkers::MESSAGES
                    .iter()
                    .map(|message| format::diff_prompt(shown[0], message))
                    .collect(),
            };
            let answer = prompts.iter().find_map(|prompt| text.strip_prefix(prompt.as_str()));
            prop_assert!(answer.is_some(), "{}", text);
            let answer = answer.unwrap_or_default();
            // The first stop string is the blank line at the end.
            let end = format::STOP.iter().filter_map(|stop| answer.find(stop)).min();
            prop_assert_eq!(end, Some(answer.len() - 2), "{}", answer);
            if kind != Kind::Diff {
                prop_assert_eq!(answer.trim_end(), behind_header(&example.written.text).trim_end());
            }
        }
    }

    #[test]
    fn no_text_makes_the_interpreter_panic(text in r"(def make_walker\(\):\n)?([ -~\n]|    |wc\.add_joint\(|range\(|\]|\(){0,80}") {
        let _ = interpret(&text);
    }

    #[test]
    fn damaged_programs_are_read_or_refused_and_never_run_for_long(seed: u64, at: prop::sample::Index, by in "[ -~\n]{0,3}") {
        let mut text = Program::draw(&mut Stream::new(seed, 4)).text;
        let at = at.index(text.len());
        text.replace_range(at..at + 1, &by);
        if let Some(body) = interpret(&text) {
            prop_assert!(body.joints.len() <= 2000 && body.muscles.len() <= 2000);
        }
    }
}

#[test]
fn the_same_stream_writes_the_same_document_and_documents_differ() {
    let document = |number| data::document(Corpus::Walkers, 1, Split::Train, number).text();
    let texts: HashSet<String> = (0..200).map(document).collect();
    assert_eq!(texts.len(), 200);
    assert_eq!(document(7), document(7));
    assert_ne!(document(7), data::document(Corpus::Walkers, 1, Split::HeldOut, 7).text());
}

#[test]
fn walkers_of_the_corpus_come_in_all_sizes() {
    let mut stream = Stream::new(5, 0);
    let measures: Vec<_> = (0..600).filter_map(|_| Program::draw(&mut stream).body.measures()).collect();
    assert_eq!(measures.len(), 600);
    let share = |count: usize| count as f64 / 600.0;
    let small = measures.iter().filter(|m| m.height < 80.0).count();
    let large = measures.iter().filter(|m| m.height > 400.0).count();
    let wide = measures.iter().filter(|m| m.width > 2.0 * m.height).count();
    let high = measures.iter().filter(|m| m.height > 2.0 * m.width).count();
    for count in [small, large, wide, high] {
        assert!(share(count) > 0.1, "{count} of 600");
    }
    let heavy = measures.iter().filter(|m| m.mass > 1500.0).count();
    let light = measures.iter().filter(|m| m.mass < 300.0).count();
    assert!(share(heavy) > 0.05 && share(light) > 0.05, "{heavy} and {light} of 600");
}

#[test]
fn the_programs_tokenizer_keeps_every_text_and_its_own_file_gives_it_again() {
    let tokenizer = data::tokenizer(Corpus::Walkers, 1, 400);
    let again =
        Tokenizer::from_json(tokenizer.to_json().as_bytes(), std::path::Path::new("t")).expect("read");
    for number in 0..60 {
        let text = data::document(Corpus::Walkers, 2, Split::Train, number).text();
        let tokens = tokenizer.encode(&text);
        assert_eq!(tokenizer.decode(&tokens), text);
        assert_eq!(again.encode(&text), tokens);
        assert!(tokens.len() < text.len());
    }
    for odd in ["\t\n \u{e9}  x1.y[3](é)", "  \n   \n", "1.5.2e7_a", "😀 def\r\n"] {
        assert_eq!(tokenizer.decode(&tokenizer.encode(odd)), odd);
    }
}

#[test]
fn the_shipped_tokenizer_is_the_one_that_todays_corpus_trains() {
    let settings = TrainSettings::of(Corpus::Walkers);
    let trained = data::tokenizer(Corpus::Walkers, settings.seed, settings.vocab_size);
    let (_, shipped) = shipped::model(Corpus::Walkers).expect("good files");
    // Any change of the corpus shows here: the weights must then be trained again.
    assert_eq!(shipped.to_json(), trained.to_json());
}

#[test]
fn a_prompt_ends_where_a_piece_of_text_ends() {
    let tokenizer = data::tokenizer(Corpus::Walkers, 1, 400);
    for number in 0..60 {
        let example = training_example(&mut Stream::new(3, number));
        let pieces: Vec<u32> =
            example.document.segments.iter().flat_map(|segment| tokenizer.encode(&segment.text)).collect();
        assert_eq!(pieces, tokenizer.encode(&example.document.text()));
    }
}

fn walker(lines: &str) -> Option<Body> {
    let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    interpret(&format!("{}    wc = walker_creator()\n{body}    return wc.get_walker()\n", format::HEADER))
}

#[test]
fn python_is_read_as_python_reads_it() {
    let x_of = |value: &str| walker(&format!("wc.add_joint({value}, 0)")).map(|body| body.joints[0].0 / 0.22);
    for (value, number) in [
        ("-7 // 2", -4.0),
        ("-7 % 3", 2.0),
        ("2 ** 3 ** 0 + 1", 3.0),
        ("-2 ** 2", -4.0),
        ("7 - 2 - 1", 4.0),
        ("1 if 0 else 5", 5.0),
        ("[3, 4][-1]", 4.0),
        ("len([1] + [2, 3])", 3.0),
        ("max(2, 1.5)", 2.0),
        ("not 1 == 2", 1.0),
        ("0 or 6", 6.0),
        ("(lambda_ := 3)", f64::NAN),
        ("1 / 0", f64::NAN),
        ("unknown", f64::NAN),
        ("[1, 2][2]", f64::NAN),
        ("range(3)[1.0]", f64::NAN),
    ] {
        let found = x_of(value).unwrap_or(f64::NAN);
        assert!((found - number).abs() < 1e-12 || (found.is_nan() && number.is_nan()), "{value}: {found}");
    }
}

#[test]
fn a_walker_is_refused_for_each_of_its_faults() {
    let tied = |rest: &str| {
        walker(&format!("a = wc.add_joint(0, 0)\nb = wc.add_joint(4, 0)\nwc.add_muscle(a, b, 1, 0)\n{rest}"))
            .is_some_and(|body| body.is_valid())
    };
    assert!(tied("") && tied("wc.add_muscle(a, b, -20, 9)"));
    for fault in [
        "wc.add_muscle(a, b, 10.5, 0)",
        "wc.add_muscle(a, 2, 1, 0)",
        "wc.add_joint(0, 0.01)",
        "wc.add_joint(5000, 0)",
        "for i in range(10):\n    wc.add_muscle(a, b)",
        "wc.add_muscle(a, b, 1, 1 / 0)",
    ] {
        assert!(!tied(fault), "{fault}");
    }
}
