//! Prompts that ask for a program. Pure functions of strings; [`super::read`] makes a program of the answer.

use super::settings::Instruction;

/// Stop sequences sent with the request, unless `stop` is set. A fenced answer contains almost anything else that could
/// end a program.
pub const STOPS: [&str; 2] = ["<|endoftext|>", "\n\n\n\n"];

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

/// What a chat model is told above the prompt, unless `instructions` is set.
pub fn instructions(format: &Format) -> String {
    let names: Vec<String> = format.functions.iter().map(|name| format!("{name}()")).collect();
    let (what, need) = match &names[..] {
        [one] => (format!("the function {one}"), "it needs"),
        names => (format!("the functions {}", names.join(" and ")), "they need"),
    };
    format!(
        "Continue the Python code below with {what} and what {need}. Reply with the complete program in one fenced \
         block, and nothing else."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let read = super::super::read::program(&format, Instruction::Header, "    return 1\n", true);
        assert_eq!(read, Some(parent));
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

    #[test]
    fn instructions_name_the_functions() {
        let pair = Format { functions: vec!["f".into(), "g".into()], ..Format::default() };
        insta::assert_snapshot!(instructions(&format()), @"Continue the Python code below with the function draw() and what it needs. Reply with the complete program in one fenced block, and nothing else.");
        insta::assert_snapshot!(instructions(&pair), @"Continue the Python code below with the functions f() and g() and what they need. Reply with the complete program in one fenced block, and nothing else.");
    }
}
