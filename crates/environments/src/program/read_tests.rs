//! Tests of [`super`]: answers as base models and chat models write them.

use super::*;
use crate::program::prompt::Phrases;
use proptest::prelude::*;

fn format() -> Format {
    Format {
        imports: "import math\n\n\n".into(),
        header: "def draw():\n".into(),
        functions: vec!["draw".into()],
        phrases: Phrases::about("draw()"),
        ..Format::default()
    }
}

fn pair() -> Format {
    let functions = vec!["f6_2".to_owned(), "g6_2".to_owned()];
    let renames = vec![("6_2".to_owned(), "6_1".to_owned())];
    Format { header: "def f6_2(".into(), functions, renames, imports: String::new(), ..format() }
}

fn read(completion: &str) -> Option<String> {
    let text = program(&format(), Instruction::Fix, completion, true)?;
    Some(text.strip_prefix("import math\n\n\n").expect("imports").to_owned())
}

const BODY: &str = "def draw():\n    x = 1\n    return x\n";

#[test]
fn a_completion_is_cut_where_it_leaves_the_function() {
    for more in [
        "",
        "\n",
        "\ndef other():\n    pass\n",
        "# the end",
        "'''text'''",
        "\"\"\"text\"\"\"",
        "print(draw())",
        "\n\n\n    y = 2",
        "<|endoftext|>    y = 2",
    ] {
        let completion = format!("    x = 1\n    return x\n{more}");
        assert_eq!(read(&completion).as_deref(), Some(BODY), "{more:?}");
    }
}

#[test]
fn brackets_and_blank_lines_stay_inside() {
    let completion = "    x = [\n1][0]\n";
    assert_eq!(read(completion).as_deref(), Some("def draw():\n    x = [\n"), "as the reference cuts");
    let completion = "    x = [\n        1,\n]\n\n    return x\nrest";
    assert_eq!(read(completion).as_deref(), Some("def draw():\n    x = [\n        1,\n]\n\n    return x\n"));
}

#[test]
fn servers_may_strip_leading_blanks_and_chats_may_fence() {
    assert_eq!(read("x = 1\n    return x").as_deref(), Some(BODY));
    assert_eq!(read("x = 1\r\n    return x\r\n").as_deref(), Some(BODY));
    assert_eq!(read(&format!("Sure:\n```python\n{BODY}```\nDone.")).as_deref(), Some(BODY));
    let helped = "def help():\n    return 1\n\n\ndef draw():\n    return help()\n";
    assert_eq!(read(&format!("```\n{helped}")).as_deref(), Some(helped), "an open fence, with a helper");
    assert_eq!(read(&format!("Here it is\n{BODY}and so on")).as_deref(), Some(BODY), "without a fence");
}

#[test]
fn what_holds_no_program_is_none() {
    for completion in ["", "\n\n", "```python\n```", "\ndef other():\n    return 1\n", "# nothing"] {
        assert_eq!(read(completion), None, "{completion:?}");
    }
    assert_eq!(program(&format(), Instruction::Nothing, "    x = 1\n", true), None);
    assert_eq!(
        program(&format(), Instruction::Nothing, BODY, true).map(|text| text.len()),
        Some(14 + BODY.len())
    );
}

#[test]
fn a_completion_that_ran_out_of_tokens_counts_only_if_its_function_had_ended() {
    let read = |completion: &str| program(&format(), Instruction::Fix, completion, false);
    assert_eq!(read("    x = 1\n    return"), None);
    assert_eq!(read(&format!("```python\n{BODY}")), None);
    assert!(read("    x = 1\n    return x\n\ndef ot").is_some());
    assert!(read(&format!("```python\n{BODY}```\nThis prog")).is_some());
}

#[test]
fn a_pair_ends_with_its_second_function() {
    let written =
        "s: str):\n    return s == \"a\"\n\n\ndef g6_2():\n    return \"a\"\n\n\nassert f6_2(g6_2())\n";
    let expected = "def f6_2(s: str):\n    return s == \"a\"\n\n\ndef g6_2():\n    return \"a\"\n";
    assert_eq!(program(&pair(), Instruction::Header, written, true).as_deref(), Some(expected));
    assert_eq!(program(&pair(), Instruction::Header, "s):\n    return True\n", true), None, "no solution");
    assert_eq!(pair().shown(expected), expected.replace("6_2", "6_1").trim());
}

#[test]
fn the_last_block_that_defines_the_function_is_the_program() {
    for answer in [
        // Drafts, quoted lines and shell commands before it, remarks and calls behind it.
        format!("A draft:\n```python\ndef draw():\n    pass\n```\nBetter:\n```python\n{BODY}```\n"),
        format!("The bug:\n```python\n    x = 0\n```\nThe fix:\n```python\n{BODY}```\nThat is all.\n"),
        format!("```bash\npip install numpy\n```\nThen\n```python\n{BODY}```\n"),
        format!("```python\n{BODY}```\nUse it so:\n```python\nprint(draw())\n```\n"),
        format!("The call ```row.append``` was wrong.\n\n```python\n{BODY}```\n"),
        format!("~~~python\n{BODY}~~~\n"),
        format!("````\n{BODY}````\n"),
        format!("Here it is: ```python\n{BODY}```"),
        format!("```\n{BODY}"),
        format!("```\n\n{}```", BODY.trim_end()),
        format!("```\n{BODY}```<|im_end|>\n<|im_start|>user"),
        "1. The program:\n\n   ```python\n   def draw():\n       x = 1\n       return x\n   ```\n\n2. It draws.\n".to_owned(),
        "> ```python\n> def draw():\n>     x = 1\n>     return x\n> ```\n".to_owned(),
        "```python\n  def draw():\n      x = 1\n      return x\n```\n".to_owned(),
        "```python\n    x = 1\n    return x\n```\n".to_owned(),
        "```python\nx = 1\nreturn x\n```\n".to_owned(),
    ] {
        assert_eq!(read(&answer).as_deref(), Some(BODY), "{answer:?}");
    }
}

#[test]
fn helpers_constants_and_imports_of_a_whole_program_are_kept() {
    let whole = "import random\n\nSIZE = 3\n\ndef help():\n    return SIZE\n\n\ndef draw():\n    x = help()\n\n    return more(x)\n\n\ndef more(x):\n    return x\n";
    assert_eq!(read(&format!("```python\n{whole}```\n")).as_deref(), Some(whole), "in a block");
    assert_eq!(read(whole).as_deref(), Some(whole), "alone");
    let among = format!("Sure, from here on it is fixed:\n\n{whole}\nIt calls more().\n");
    assert_eq!(read(&among).as_deref(), Some(whole), "between sentences");
    let unused = format!("{BODY}\n\ndef other():\n    return 1\n");
    assert_eq!(read(&unused).as_deref(), Some(BODY), "what nothing calls is another program's");
    let repeated = format!("```\nimport math\n\n\n{BODY}```");
    assert_eq!(read(&repeated).as_deref(), Some(BODY), "the imports stand there once");
}

#[test]
fn a_model_that_goes_on_with_further_programs_has_written_the_first() {
    let answer = "    x = 1\n    return x\n\n# Another version of draw():\ndef draw():\n    return 2\n";
    assert_eq!(read(answer).as_deref(), Some(BODY));
    let stripped = "x = 1\n    return x\n\ndef draw():\n    return 2\n";
    assert_eq!(read(stripped).as_deref(), Some(BODY));
}

#[test]
fn code_that_is_indented_in_place_of_a_fence_is_read() {
    let answer = "Here is the program:\n\n    def draw():\n        x = 1\n        return x\n\nIt draws.\n";
    assert_eq!(read(answer).as_deref(), Some(BODY));
}

#[test]
fn words_and_commands_are_no_program() {
    for answer in [
        "I'm sorry, I can't do that.",
        "Sure! Here is what I would do.\n\nFirst, draw a disc.",
        "```bash\npip install numpy\n```\n",
        "The bug is here:\n```python\n    row.append([1, 2, 3])\n```\n",
        "```json\n{\"return\": 1}\n```",
    ] {
        assert_eq!(read(answer), None, "{answer:?}");
    }
}

#[test]
fn two_functions_may_stand_in_two_blocks_with_helpers_between() {
    let expected = "def f6_2(s):\n    return s == \"a\"\n\ndef g6_2():\n    return \"a\"\n";
    let answer = "The puzzle:\n```python\ndef f6_2(s):\n    return s == \"a\"\n```\nIts solution:\n```python\ndef g6_2():\n    return \"a\"\n```\n";
    assert_eq!(program(&pair(), Instruction::Header, answer, true).as_deref(), Some(expected));
    let helped = "s):\n    return s == help()\n\n\ndef help():\n    return 1\n\n\ndef g6_2():\n    return 1\n\n\ndef f6_2(";
    let read = program(&pair(), Instruction::Header, helped, true).expect("a pair");
    assert_eq!(read, format!("def f6_2({}\n", helped.trim_end_matches("\n\n\ndef f6_2(")));
    let whole = program(&pair(), Instruction::Header, expected, true);
    assert_eq!(whole.as_deref(), Some(expected), "without a fence");
}

/// A text in a fence that none of its lines closes.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '~').map(str::len).max().unwrap_or(0);
    let fence = "~".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

proptest! {
    #[test]
    fn any_answer_is_read_without_a_panic_and_twice_alike(
        text in "(\\PC|\n|def |def draw\\(|def f6_2\\(|def g6_2\\(|import |```|~~~|> |    |\n\n|x = 1\n|return ){0,60}"
    ) {
        for format in [format(), pair()] {
            for instruction in [Instruction::Fix, Instruction::Nothing] {
                if let Some(written) = program(&format, instruction, &text, true) {
                    prop_assert!(format.functions.iter().all(|name| definition(&written, name).is_some()));
                    let again = program(&format, Instruction::Nothing, &fenced(&written), true);
                    prop_assert_eq!(again, Some(written));
                }
            }
        }
    }
}

#[test]
fn the_longest_answers_are_read_in_one_pass() {
    // Each would take minutes if a step looked at the whole answer for every line.
    let unit = |unit: &str| unit.repeat(2_000_000 / unit.len());
    for answer in [
        unit("```\n"),
        unit("```python\ndef raw():\n"),
        unit("> ```\n"),
        unit("a\n"),
        unit("    \n"),
        format!("def draw():\n    return a\n\n{}", unit("a = a\n\n")),
        format!("{}def draw():\n    return a\n", unit("a = a\n\n")),
        format!("def draw():\n    return a\n\n{}", unit("def a():\n    return a\n\n\n")),
    ] {
        let written = program(&format(), Instruction::Fix, &answer, true);
        assert!(written.is_none_or(|text| text.len() <= answer.len() + 100));
    }
}
