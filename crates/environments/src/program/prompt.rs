//! Prompts that ask for a program, and how a completion becomes one. Pure functions of strings.
//!
//! Base models go on from the function's header, and stop making sense once they have left it; chat models answer
//! with a fenced block that holds the whole program. Both are understood.

use super::settings::Instruction;

/// Stop sequences sent with the request. A fenced answer contains almost anything else that could end a program.
pub const STOPS: [&str; 2] = [END_OF_TEXT, "\n\n\n\n"];

const END_OF_TEXT: &str = "<|endoftext|>";
const FENCE: &str = "```";
const INDENT: &str = "    ";

/// The words of an environment's prompts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Format {
    /// Stands at the top of every prompt: what is wanted, what a program may use. May be empty.
    pub preamble: String,
    /// Stands at the top of every program, and not in prompts. May be empty.
    pub imports: String,
    /// What a completion goes on from: the first function's header, up to its line break, or a part of it.
    pub header: String,
    /// The functions that a program defines, the header's first. A completion ends where the last one does.
    pub functions: Vec<String>,
    /// Names that are written otherwise where parents are shown: (in the program, in the prompt).
    pub renames: Vec<(String, String)>,
    /// What stands between the parents and the new program.
    pub phrases: Phrases,
    /// The file's name in a diff's prompt.
    pub file: String,
    /// What a diff may be said to do; one is drawn.
    pub messages: Vec<String>,
    /// Stop sequences sent with requests in place of [`STOPS`] and [`super::diff::STOPS`], if there are any.
    pub stops: Vec<String>,
}

/// What stands above and between programs in a prompt; lines of comment, without the last line break.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phrases {
    /// Above the parent of [`Instruction::Fix`].
    pub old: String,
    /// Below it.
    pub fixed: String,
    /// For [`Instruction::Modify`].
    pub modify: String,
    /// For [`Instruction::Combine`].
    pub combine: String,
    /// For [`Instruction::Similar`].
    pub similar: String,
    /// Between two parents: line breaks and what else separates them.
    pub between: String,
}

impl Phrases {
    /// Comments about `name`, such as `draw()`.
    pub fn about(name: &str) -> Self {
        Self {
            old: format!("# An old version of {name}. It has a bug."),
            fixed: format!("# A new version of {name}, with the bug fixed:"),
            modify: format!("# Another version of {name}, made by changing the one above:"),
            combine: format!("# Another version of {name}, which combines the ones above:"),
            similar: format!("# Another version of {name}, of the same kind as the ones above:"),
            between: "\n\n".to_owned(),
        }
    }
}

impl Format {
    /// A program as prompts show it: without the imports, under the prompt's names.
    pub fn shown(&self, program: &str) -> String {
        let body = program.strip_prefix(&*self.imports).unwrap_or(program);
        let renamed = self.renames.iter().fold(body.to_owned(), |text, (from, to)| text.replace(&**from, to));
        renamed.trim().to_owned()
    }
}

/// The prompt that shows `parents` and asks for a new program.
pub fn ask(format: &Format, instruction: Instruction, parents: &[String]) -> String {
    let phrases = &format.phrases;
    let (above, below, header) = match instruction {
        Instruction::Fix => (&*phrases.old, &*phrases.fixed, &*format.header),
        Instruction::Nothing => ("", "", ""),
        Instruction::Header => ("", "", &*format.header),
        Instruction::Modify => ("", &*phrases.modify, &*format.header),
        Instruction::Combine => ("", &*phrases.combine, &*format.header),
        Instruction::Similar => ("", &*phrases.similar, &*format.header),
    };
    let mut prompt = String::new();
    let mut line = |text: &str, end: &str| {
        if !text.is_empty() {
            prompt.push_str(text);
            prompt.push_str(end);
        }
    };
    line(&format.preamble, "\n\n");
    line(above, "\n");
    let shown: Vec<String> = parents.iter().map(|parent| format.shown(parent)).collect();
    line(&shown.join(&phrases.between), &phrases.between);
    line(below, "\n");
    prompt.push_str(header);
    prompt
}

/// The program of a completion: the fenced block or the text that defines it, or the header with the completion
/// behind it, cut where its last function ends. `None` if a function is missing, nothing stands below the header, or
/// the completion is not `finished` (it ended at `max_tokens`) and goes on to its last word.
pub fn program(
    format: &Format,
    instruction: Instruction,
    completion: &str,
    finished: bool,
) -> Option<String> {
    let text = completion.replace("\r\n", "\n");
    let text = text.split(END_OF_TEXT).next().unwrap_or_default();
    let first = format.functions.first()?;
    let block = fenced(text);
    let body = match (block, definition(block.unwrap_or(text), first)) {
        (Some(block), Some(_)) => {
            let closed = finished || text.matches(FENCE).count() > 1;
            closed.then(|| block.trim().to_owned())?
        }
        (None, Some(start)) => cut(&text[start..], format.functions.len(), true, finished)?.to_owned(),
        (_, None) if instruction == Instruction::Nothing => return None,
        (_, None) => continued(format, block.unwrap_or(text), finished)?,
    };
    let whole = format.functions.iter().all(|name| definition(&body, name).is_some());
    whole.then(|| format!("{}{body}\n", format.imports))
}

/// The header with a completion behind it; `None` if nothing is left of the completion.
fn continued(format: &Format, completion: &str, finished: bool) -> Option<String> {
    let at_line = format.header.ends_with('\n');
    // Many servers strip the blanks that a completion begins with.
    let stripped = at_line && !completion.starts_with([' ', '\t', '\n', '#']) && !completion.is_empty();
    let body = format!("{}{completion}", if stripped { INDENT } else { "" });
    let kept = cut(&body, format.functions.len() - 1, at_line, finished)?;
    (!kept.trim().is_empty()).then(|| format!("{}{kept}", format.header))
}

/// The inside of the first fenced block; a block that is not closed goes to the end.
fn fenced(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(FENCE)?;
    let (_, block) = rest.split_once('\n')?;
    Some(block.split(FENCE).next().unwrap_or_default())
}

/// Where a line defines the function.
fn definition(text: &str, name: &str) -> Option<usize> {
    let header = format!("def {name}(");
    line_starts(text).find(|start| text[*start..].starts_with(&header))
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

/// A text cut where its `definitions`-th function ends: before the first line that leaves its scope (a further `def`,
/// `#`, `'''`, `"""` or anything else in the first column but a closing bracket), or before three line breaks.
/// With no definitions, the text is the inside of a function, from a line's start or from behind its header. `None` if
/// there is no such function, or it may go on because the text is not `finished`.
fn cut(text: &str, definitions: usize, at_line: bool, finished: bool) -> Option<&str> {
    let inside = match definitions.checked_sub(1) {
        None if at_line => 0,
        None => 1.min(text.len()),
        // Past the line of the header.
        Some(before) => {
            let header = line_starts(text).filter(|start| text[*start..].starts_with("def ")).nth(before)?;
            text[header..].find('\n').map_or(text.len(), |end| header + end)
        }
    };
    let leaves = |start: &usize| {
        *start >= inside && text[*start..].starts_with(|c: char| !c.is_whitespace() && !")]}".contains(c))
    };
    let scope = line_starts(text).find(leaves);
    let breaks = text.match_indices("\n\n\n").map(|(at, _)| at).find(|at| *at >= inside && *at > 0);
    let end = match (scope, breaks) {
        (Some(scope), Some(breaks)) => scope.min(breaks),
        (Some(end), None) | (None, Some(end)) => end,
        (None, None) if finished => text.len(),
        (None, None) => return None,
    };
    Some(text[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn format() -> Format {
        Format {
            preamble: "import math".into(),
            imports: "import math\n\n\n".into(),
            header: "def draw():\n".into(),
            functions: vec!["draw".into()],
            phrases: Phrases::about("draw()"),
            file: "draw.py".into(),
            messages: vec!["Draw a disc.".into()],
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
        assert_eq!(
            read(completion).as_deref(),
            Some("def draw():\n    x = [\n        1,\n]\n\n    return x\n")
        );
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
    fn the_prompts_of_the_embedded_walkers_can_be_written() {
        let phrases = Phrases {
            old: "# A buggy version of make_walker:".into(),
            fixed: "# The fixed version of make_walker:".into(),
            ..Phrases::about("make_walker")
        };
        let header = "def make_walker():\n";
        let format = Format {
            phrases,
            header: header.into(),
            functions: vec!["make_walker".into()],
            ..Format::default()
        };
        let parent = format!("{header}    return 1\n");
        assert_eq!(
            ask(&format, Instruction::Fix, std::slice::from_ref(&parent)),
            format!(
                "# A buggy version of make_walker:\n{parent}\n# The fixed version of make_walker:\n{header}"
            )
        );
        assert_eq!(
            ask(&format, Instruction::Header, &[parent.clone(), parent.clone()]),
            format!("{parent}\n{parent}\n{header}")
        );
        assert_eq!(ask(&format, Instruction::Header, &[]), header, "without a parent");
        assert_eq!(program(&format, Instruction::Header, "    return 1\n", true), Some(parent));
    }

    #[test]
    fn a_pair_ends_with_its_second_function() {
        let written =
            "s: str):\n    return s == \"a\"\n\n\ndef g6_2():\n    return \"a\"\n\n\nassert f6_2(g6_2())\n";
        let expected = "def f6_2(s: str):\n    return s == \"a\"\n\n\ndef g6_2():\n    return \"a\"\n";
        assert_eq!(program(&pair(), Instruction::Header, written, true).as_deref(), Some(expected));
        assert_eq!(
            program(&pair(), Instruction::Header, "s):\n    return True\n", true),
            None,
            "no solution"
        );
        assert_eq!(pair().shown(expected), expected.replace("6_2", "6_1").trim());
    }

    #[test]
    fn prompts_are_as_they_were_agreed() {
        let parents = [
            "import math\n\n\ndef draw():\n    return 1\n".to_owned(),
            "def draw():\n    return 2\n".to_owned(),
        ];
        let mut all = String::new();
        for instruction in [
            Instruction::Fix,
            Instruction::Nothing,
            Instruction::Header,
            Instruction::Modify,
            Instruction::Combine,
            Instruction::Similar,
        ] {
            let shown = if instruction == Instruction::Fix { &parents[..1] } else { &parents[..] };
            all += &format!("=== {instruction:?}\n{}<end>\n", ask(&format(), instruction, shown));
        }
        insta::assert_snapshot!(all);
    }

    proptest! {
        #[test]
        fn any_completion_is_read_without_a_panic_and_twice_alike(text in "(\\PC|\n|def |```| ){0,60}") {
            for format in [format(), pair()] {
                if let Some(written) = program(&format, Instruction::Fix, &text, true) {
                    prop_assert!(format.functions.iter().all(|name| definition(&written, name).is_some()));
                    let again = program(&format, Instruction::Nothing, &format!("```\n{written}\n```"), true);
                    prop_assert!(again.is_some() || written.contains(FENCE));
                }
            }
        }
    }
}
