//! An experiment about a subject of somebody's own, as a commented file of settings.

use std::{borrow::Cow, collections::BTreeSet};

use samara_search::settings::MOST_NAME;
use toml::Value;

use crate::exit::{Failure, one_line};

/// What a file is made of.
pub(crate) struct Subject<'a> {
    pub name: &'a str,
    /// What the texts are, such as "a short poem about the sea".
    pub words: &'a str,
    pub axes: &'a [Axis],
    /// The file of the pool, and how many texts it holds; `None` if the generator writes them.
    pub seeds: Option<(Cow<'a, str>, usize)>,
    /// Strings that name models.
    pub generator: Option<&'a str>,
    pub judge: Option<&'a str>,
}

/// What tells texts apart: a question with answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Axis {
    pub name: String,
    /// Two or more.
    pub answers: Vec<String>,
    pub kind: Kind,
}

/// What answers are to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two ends: the measure is how probable the first one is.
    Ends,
    /// Three or more in an order: the measure is where a text is expected among them.
    Order,
    /// Kinds without an order: the measure is the most probable one.
    Kinds,
}

/// How an axis is written, for hints.
const WRITTEN: &str = "write NAME=ANSWER/ANSWER with the answers in order, such as tone=sad/happy or \
                       length=short/medium/long; commas are for kinds without an order: form=haiku,sonnet,ode";

impl Axis {
    /// From `NAME=ANSWER/ANSWER...` or `NAME=KIND,KIND...`. Where there is a `/`, a comma is part of an answer.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |what: &str| Failure::usage(format!("--axis {}: {what}\nhint: {WRITTEN}", one_line(text)));
        let (name, answers) = text.split_once('=').ok_or_else(|| bad("it has no name"))?;
        let in_order = answers.contains('/');
        let answers: Vec<String> =
            answers.split(if in_order { '/' } else { ',' }).map(|answer| answer.trim().to_owned()).collect();
        let kind = match answers.len() {
            _ if !in_order => Kind::Kinds,
            2 => Kind::Ends,
            _ => Kind::Order,
        };
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MOST_NAME {
            return Err(bad("its name is empty or too long"));
        }
        let distinct: BTreeSet<&String> = answers.iter().filter(|answer| !answer.is_empty()).collect();
        if answers.len() < 2 || distinct.len() < answers.len() {
            return Err(bad("its answers are two different ones or more"));
        }
        Ok(Self { name: name.to_owned(), answers, kind })
    }
}

/// Examples in a prompt, where there are as many.
const FEW_SHOT: usize = 3;

/// Cells of an axis of numbers.
fn bins(axes: &[Axis]) -> usize {
    if axes.len() == 1 { 10 } else { 6 }
}

/// Examples in a prompt: as many filled cells are needed.
fn few_shot(axes: &[Axis]) -> usize {
    let cells = |axis: &Axis| if axis.kind == Kind::Kinds { axis.answers.len() } else { bins(axes) };
    axes.iter().map(cells).fold(1, usize::saturating_mul).min(FEW_SHOT)
}

/// The file.
///
/// # Errors
/// There is no subject, no axis, or one twice.
pub(crate) fn experiment(subject: &Subject<'_>) -> Result<String, Failure> {
    let words = subject.words.trim().trim_end_matches(['.', ':']);
    if words.is_empty() {
        return Err(Failure::usage(
            "--subject is empty\nhint: write what the texts are, such as \"a short poem about the sea\"",
        ));
    }
    if subject.axes.is_empty() {
        return Err(Failure::usage(format!(
            "--axis is missing: what tells the texts apart?\nhint: {WRITTEN}"
        )));
    }
    let twice =
        |(place, axis): (usize, &Axis)| subject.axes[..place].iter().any(|other| other.name == axis.name);
    if let Some((_, axis)) = subject.axes.iter().enumerate().find(|one| twice(*one)) {
        return Err(Failure::usage(format!(
            "--axis {}: the name stands twice\nhint: choose another one",
            axis.name
        )));
    }
    let parts = [
        head(subject, words),
        axes(subject.axes),
        environment(subject, words),
        questions(subject.axes),
        models(subject),
    ];
    Ok(parts.concat())
}

fn head(subject: &Subject<'_>, words: &str) -> String {
    format!(
        "# {}: many different ones, from end to end of each axis. Written by `samara new`; change what you like.\n\
         # `samara try FILE` shows the prompts and one answer, `samara run FILE` searches.\n\n\
         [experiment]\nname = {}\nenvironment = \"lmx_generation\"\n\n\
         [search]\n\
         algorithm = \"map_elites\"     # map_elites | cvt_map_elites: which cells the archive has\n\
         init_steps = 50              # candidates made from the first texts before variation starts\n\
         total_steps = 500            # candidates in all: one completion each, and a judgement for every question\n\
         window = 32                  # candidate i is proposed from the archive as candidate i - window left it\n\
         concurrency = 32             # how many live at once; never changes the result\n\
         seed = 0\n\n",
        one_line(words),
        text(subject.name)
    )
}

fn axes(axes: &[Axis]) -> String {
    let bins = bins(axes);
    let has = |kind: Kind| axes.iter().any(|axis| axis.kind == kind);
    let mut file = String::new();
    if has(Kind::Ends) {
        file += "# The cells: an axis goes from 0 to 1, the judge's probability of the first answer. Judges are sure more often \
                 than not:\n# in place of bins, `ticks = [0.01, 0.05, 0.5, 0.95, 0.99]` makes cells narrow at both ends.\n";
    }
    if has(Kind::Order) {
        file += "# Of three or more answers in order: from 0, the first, to 1, the last, wherever the judge expects the text.\n";
    }
    if has(Kind::Kinds) {
        file += "# Of kinds: a cell for each, that of the judge's most probable answer.\n";
    }
    for axis in axes {
        let cells = match axis.kind {
            Kind::Ends | Kind::Order => format!("range = [0.0, 1.0]\nbins = {bins}"),
            Kind::Kinds => format!("categories = [{}]", list(&axis.answers)),
        };
        file += &format!("[[axes]]\nname = {}\n{cells}\n\n", text(&axis.name));
    }
    file
}

fn environment(subject: &Subject<'_>, words: &str) -> String {
    let template = text(&format!("Here is {words}:"));
    let mut file = format!(
        "[environment]\nprompt_template = {template}    # stands before every text in a prompt\n\
         gen_max_len = 100                         # tokens of a text at most\n\
         temperature = 1.0                         # 0.6 to 0.8 suits small models\n\
         similarity = 0.8                          # texts that share so many runs of words with an elite are written anew; 1: none\n"
    );
    let few_shot = few_shot(subject.axes);
    file += &match &subject.seeds {
        Some((path, count)) => format!(
            "solution_init_method = \"seed\"             # seed | generated\nprompt_pool_path = {}\n\
             few_shot = {}                              # examples in a prompt\n",
            text(path),
            few_shot.min(*count)
        ),
        None => format!(
            "solution_init_method = \"generated\"        # the generator writes the first texts; seed: prompt_pool_path names them\n\
             few_shot = {few_shot}                              # examples in a prompt\n"
        ),
    };
    let question = format!(
        "Determine whether or not the input text is {words}, and a good one. If it is, answer \"yes\". If it is not, answer \"no\"."
    );
    file + &format!(
        "# The objective: the judge's probability of \"yes\".\nquality_feedback_prompt = {}\n\n",
        text(&question)
    )
}

fn questions(axes: &[Axis]) -> String {
    let mut file = "# A question for each axis, of the same name and in the same order.\n".to_owned();
    for Axis { name, answers, kind } in axes {
        let each = |answer: &String| format!(" If it is {answer}, answer \"{answer}\".");
        let all: String = answers.iter().map(each).collect();
        let question = format!("Determine the {name} of the input text.{all}");
        let measure = match kind {
            Kind::Ends => "",
            Kind::Order => {
                "measure = \"expected\"                      # 0 at the first answer, 1 at the last\n"
            }
            Kind::Kinds => {
                "measure = \"most_probable\"                 # of the answers, which are the axis' categories\n"
            }
        };
        file += &format!(
            "[[environment.diversity]]\nname = {}\ninstruction_prompt = {}\nanswers = [{}]\n{measure}\n",
            text(name),
            text(&question),
            list(answers)
        );
    }
    file
}

/// Texts as the items of a TOML list.
fn list(texts: &[String]) -> String {
    texts.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")
}

fn models(subject: &Subject<'_>) -> String {
    let generator = subject.generator.unwrap_or("embedded");
    let judge = subject.judge.unwrap_or(generator);
    format!(
        "# Models by strings: embedded (the small one that comes with samara and knows few subjects), gguf:FILE.gguf,\n\
         # huggingface:OWNER/NAME, openai:NAME, http://host:port/v1#NAME. Keys come from environment variables.\n\
         [models]\ngenerator = {}\njudge = {}\n",
        text(generator),
        text(judge)
    )
}

/// A text as TOML on one line.
fn text(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => written += &format!("\\u{:04X}", u32::from(c)),
            c => written.push(c),
        }
    }
    debug_assert!(
        format!("x = {written}\"").parse::<toml::Table>().is_ok_and(|table| table["x"] == Value::from(text))
    );
    written + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(words: &'a str, axes: &'a [Axis]) -> Subject<'a> {
        Subject { name: "mine", words, axes, seeds: None, generator: None, judge: None }
    }

    #[test]
    fn an_axis_is_a_name_and_two_answers_or_more_in_order_or_of_kinds() {
        let axis = |text: &str| Axis::parse(text).unwrap();
        for (text, answers, kind) in [
            (" tone = sad / happy ", &["sad", "happy"][..], Kind::Ends),
            ("tone=sad, bitter/happy", &["sad, bitter", "happy"], Kind::Ends),
            ("tone=a/b/c", &["a", "b", "c"], Kind::Order),
            ("tone=ode, haiku", &["ode", "haiku"], Kind::Kinds),
            ("tone=ode,haiku,song", &["ode", "haiku", "song"], Kind::Kinds),
        ] {
            let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
            assert_eq!(axis(text), Axis { name: "tone".into(), answers, kind }, "{text}");
        }
        for bad in ["tone", "=a/b", "tone=a", "tone=a/b/a", "tone=/b", "tone=a/a", "tone=a//b", "tone=a,,b"] {
            assert!(Axis::parse(bad).unwrap_err().message.contains("hint: "), "{bad}");
        }
    }

    #[test]
    fn what_answers_are_decides_the_cells_and_the_measure() {
        let axes = ["tone=sad/happy", "length=short/medium/long", "form=ode,haiku"];
        let axes = axes.map(|text| Axis::parse(text).unwrap());
        let table: toml::Table = experiment(&subject("a poem", &axes)).unwrap().parse().unwrap();
        let measure = |i: usize| table["environment"]["diversity"][i].get("measure").and_then(Value::as_str);
        assert_eq!([0, 1, 2].map(measure), [None, Some("expected"), Some("most_probable")]);
        let bins = |i: usize| table["axes"][i].get("bins").and_then(Value::as_integer);
        assert_eq!([0, 1, 2].map(bins), [Some(6), Some(6), None]);
        assert_eq!(table["axes"][2]["categories"], table["environment"]["diversity"][2]["answers"]);
        let asked = table["environment"]["diversity"][1]["instruction_prompt"].as_str().unwrap();
        assert!(
            asked.ends_with("If it is medium, answer \"medium\". If it is long, answer \"long\"."),
            "{asked}"
        );
    }

    #[test]
    fn what_people_write_stays_a_text() {
        let axes = [Axis::parse("to\"ne\\=\u{1b}[2J/a]\nb").unwrap()];
        let hostile = "a \"poem\"\n[search]\nseed = 7 \\";
        let file = experiment(&Subject { seeds: Some(("x\"y.jsonl".into(), 2)), ..subject(hostile, &axes) })
            .unwrap();
        let table: toml::Table = file.parse().unwrap();
        assert_eq!(table["search"]["seed"].as_integer(), Some(0));
        assert_eq!(table["environment"]["few_shot"].as_integer(), Some(2));
        assert_eq!(table["environment"]["diversity"][0]["answers"][0].as_str(), Some("\u{1b}[2J"));
        assert!(table["environment"]["prompt_template"].as_str().unwrap().contains(hostile));
    }

    #[test]
    fn a_subject_needs_words_and_an_axis_and_no_axis_twice() {
        let axes = [Axis::parse("tone=a/b").unwrap(), Axis::parse("tone=c/d").unwrap()];
        for (words, axes) in [("", &axes[..1]), ("a poem", &axes[..0]), ("a poem", &axes[..])] {
            assert!(experiment(&subject(words, axes)).unwrap_err().message.contains("hint: "));
        }
    }
}
