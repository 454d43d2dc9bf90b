//! Laws that every edit keeps.

use proptest::prelude::*;
use samara_qd::Stream;

use super::*;
use crate::evaluator::lexer::{self, Syntax};

const PROGRAM: &str = r#"import math  # 0.1 outside
# EVOLVE-BLOCK-START
TABLE = [
    [0.1, 0.25, -0.5],  # 9.9 a comment
    [0.3, 0.7, 1e-3],
]
"""A 1.5 text."""


def score(points, weight=0.5):
    total = 0.0
    for x, y in points:
        if x > 0.5 and y < 2:
            total += math.sqrt(abs(x) * weight) - y
        elif y >= 1:
            total -= max(x, y)
        else:
            total = total + min(x, 3)
    count = len(points)
    scale = 1.5
    return total * scale / (count + 1)
# EVOLVE-BLOCK-END
print(score([(1, 2)]))  # 0.2 outside
"#;

fn program() -> Program {
    Program::of_text("a.py", PROGRAM)
}

/// Another program with the same shape, one improvement away.
fn relative(program: &Program, seed: u64) -> Genome {
    vary(program, Edit::Step, &program.initial, &[], false, &mut Stream::new(seed, 7)).expect("an edit")
}

/// What is outside the blocks, with everything that is no code: comments, strings, line breaks.
fn untouchable(text: &str) -> Vec<String> {
    let outside =
        text.split("# EVOLVE-BLOCK").flat_map(|part| part.lines()).filter(|line| line.contains("outside"));
    let comments =
        text.lines().filter_map(|line| line.split_once("# 9.9").map(|(_, comment)| comment.to_owned()));
    outside.map(str::to_owned).chain(comments).chain(text.contains("A 1.5 text.").then(String::new)).collect()
}

/// Whether brackets close what they open.
fn balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for token in lexer::tokens(text, Syntax::of("python")) {
        match token.of(text) {
            bracket @ ("(" | "[" | "{") => open.push(bracket),
            ")" if open.pop() != Some("(") => return false,
            "]" if open.pop() != Some("[") => return false,
            "}" if open.pop() != Some("{") => return false,
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether lines are indented as Python wants it: deeper behind a colon and nowhere else, and back to a known column.
fn indented(text: &str) -> bool {
    let mut columns = vec![0];
    let mut colon = false;
    let mut depth = 0_i32;
    for line in text.lines() {
        let code = line.split('#').next().unwrap_or_default().trim_end();
        if code.trim().is_empty() {
            continue;
        }
        if depth == 0 {
            let column = code.len() - code.trim_start().len();
            let deeper = columns.last().is_some_and(|last| column > *last);
            if deeper != colon {
                return false;
            }
            if deeper {
                columns.push(column);
            }
            while columns.last().is_some_and(|last| *last > column) {
                columns.pop();
            }
            if columns.last() != Some(&column) {
                return false;
            }
        }
        depth += code.matches(['(', '[', '{']).count() as i32 - code.matches([')', ']', '}']).count() as i32;
        colon = depth == 0 && code.ends_with(':');
    }
    !colon
}

#[test]
fn the_checks_of_these_tests_refuse_what_is_broken() {
    assert!(balanced(PROGRAM) && indented(PROGRAM));
    assert!(!balanced("f(1]") && !balanced("(") && !balanced("f)"));
    for text in ["if x:\n", "if x:\ny\n", "x\n  y\n", "if x:\n    y\n  z\n"] {
        assert!(!indented(text), "{text:?}");
    }
}

#[test]
fn every_edit_is_found_by_its_name() {
    for edit in Edit::ALL {
        assert_eq!(Edit::named(edit.name()), Some(edit));
    }
    assert_eq!(Edit::named("diff"), None);
}

#[test]
fn a_text_without_anything_to_edit_says_so() {
    let program = Program::of_text("a.txt", "just words\n");
    let result = vary(&program, Edit::Step, &program.initial, &[], false, &mut Stream::new(0, 0));
    assert_eq!(result, Err("nothing in its blocks can be edited".to_owned()));
}

#[test]
fn a_merge_of_two_improvements_has_both() {
    let program = Program::of_text("a.py", "x = [0.1, 0.2, 0.3]\n");
    let genome = |text: &str| Program::of_text("a.py", text).initial;
    let (ours, theirs) = (genome("x = [0.5, 0.2, 0.3]\n"), genome("x = [0.1, 0.2, 0.7]\n"));
    let others = [&*program.initial, &*theirs];
    let merged = vary(&program, Edit::Merge, &ours, &others, false, &mut Stream::new(0, 0)).expect("a merge");
    assert_eq!(merged.text(), "x = [0.5, 0.2, 0.7]\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_edit_changes_the_program_and_nothing_that_it_may_not(seed in any::<u64>(), edit in 0..9_usize, rounds in 1..6_u64, larger: bool) {
        let (program, edit) = (program(), Edit::ALL[edit]);
        let (from, to) = (relative(&program, seed), relative(&program, seed ^ 1));
        let mut genome = (*program.initial).clone();
        for round in 0..rounds {
            let mut stream = Stream::new(seed, round);
            let next = vary(&program, edit, &genome, &[&from, &to], larger, &mut stream).expect("an edit");
            let again = vary(&program, edit, &genome, &[&from, &to], larger, &mut Stream::new(seed, round));
            prop_assert_eq!(Ok(&next), again.as_ref(), "the same draw gives the same program");
            prop_assert_ne!(&next, &genome);
            genome = next;
            let text = genome.text();
            prop_assert!(balanced(&text), "{}", text);
            prop_assert!(indented(&text), "{}", text);
            prop_assert!(text.starts_with("import math  # 0.1 outside\n# EVOLVE-BLOCK-START\n"));
            prop_assert!(text.ends_with("# EVOLVE-BLOCK-END\nprint(score([(1, 2)]))  # 0.2 outside\n"));
            if edit != Edit::Statement && rounds == 1 && !larger {
                prop_assert_eq!(untouchable(&text), untouchable(PROGRAM));
            }
        }
    }

    #[test]
    fn numbers_are_edited_in_any_language(seed in any::<u64>(), edit in 0..4_usize) {
        for (path, text) in [("a.rs", "let x = [0.5, 1.5f64]; // 2.5\n"), ("a.txt", "weights 0.5 and 3\n"), ("a.json", "{\"a\": 0.5}\n")] {
            let program = Program::of_text(path, text);
            let varied = vary(&program, Edit::ALL[edit], &program.initial, &[], false, &mut Stream::new(seed, 0)).expect("an edit");
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic() && *c != 'e').collect::<String>();
            prop_assert_eq!(letters(&varied.text()), letters(text));
        }
    }
}

/// The sum of squares of a program's numbers, negated.
fn height(program: &Program, genome: &Genome) -> f64 {
    let source = Source::new(program, genome);
    numbers::sites(&source).iter().map(|site| -site.literal.value * site.literal.value).sum()
}

#[test]
fn the_step_that_promises_most_is_a_better_one_than_any() {
    let program = Program::of_text("a.py", "TABLE = [0.9, -1.1, 0.7, 1.3, -0.8, 1.0]\n");
    let parent = &*program.initial;
    let steps = |edit: &dyn Fn(&mut Stream) -> Option<Genome>| -> Vec<Genome> {
        (0..40).filter_map(|seed| edit(&mut Stream::new(seed, 3))).collect()
    };
    let any = steps(&|stream| vary(&program, Edit::Step, parent, &[], false, stream).ok());
    let known: Vec<(Numbers, f64)> = any
        .iter()
        .filter_map(|genome| Some((Numbers::of(&program, genome)?, height(&program, genome))))
        .collect();
    let learnt = || known.iter().map(|(numbers, objective)| (numbers, *objective));
    let promising = steps(&|stream| promising(&program, parent, learnt(), stream));
    let better = |genomes: &[Genome]| {
        genomes.iter().filter(|genome| height(&program, genome) > height(&program, parent)).count()
    };
    assert!(better(&promising) > better(&any) + 5, "{} of 40, {} of 40", better(&promising), better(&any));
}

#[test]
fn programs_of_another_shape_tell_nothing() {
    let program = Program::of_text("a.py", "x = [0.9, -1.1]\n");
    let numbers =
        |text: &str| Numbers::of(&program, &Program::of_text("a.py", text).initial).expect("numbers");
    assert!(numbers("x = [0.9, -1.1]\n").is_like(&numbers("x = [7, 2e-3]  # others\n")));
    assert!(!numbers("x = [0.9, -1.1]\n").is_like(&numbers("y = [0.9, -1.1]\n")));
    assert!(!numbers("x = [0.9, -1.1]\n").is_like(&numbers("x = [0.9, -1.1, 3.0]\n")));
    let other: Vec<(Numbers, f64)> =
        (0..20).map(|at| (numbers(&format!("y = [0.{at}, 1.0]\n")), f64::from(at))).collect();
    let known = other.iter().map(|(numbers, objective)| (numbers, *objective));
    assert_eq!(promising(&program, &program.initial, known, &mut Stream::new(1, 1)), None);
}
