//! Data sets: items with an input and the outputs that are right for it, in three forms. A function of a file's text.
//!
//! - `.jsonl`: an object a line, `{"input": "hot", "output": "cold"}`; `output` may be a list of accepted ones.
//! - `.json`: instruction induction (Honovich et al. 2022, arXiv 2205.10782): `{"examples": {"1": {...}, ...}}`. Beside
//!   `input` and `output`, other accepted outputs stand in `possible_outputs`, `possible_translations` or `other_rhymes`;
//!   two of its tasks have `cause` and `effect`, or `items` and `all_common_concepts`.
//! - `.csv`: chain of thought as OpenELM keeps it: a question, a comma, and a rationale that ends with "the answer is ...".

use std::collections::BTreeMap;

use samara_search::Invalid;
use serde::Deserialize;

/// The most items of a data set.
pub const MOST_ITEMS: usize = 10_000;
/// The most characters of an input or an output.
const MOST_CHARACTERS: usize = 20_000;
/// The most accepted outputs of an item.
const MOST_OUTPUTS: usize = 1000;

/// An input, and the outputs that are right for it; the first is the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What is asked about.
    pub input: String,
    /// One or more.
    pub outputs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outputs {
    One(String),
    Many(Vec<String>),
}

impl Outputs {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(output) => vec![output],
            Self::Many(outputs) => outputs,
        }
    }
}

#[derive(Deserialize)]
struct Line {
    input: String,
    #[serde(alias = "outputs")]
    output: Outputs,
}

#[derive(Deserialize)]
struct Induction {
    examples: BTreeMap<String, Example>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Example {
    Plain {
        input: String,
        output: Outputs,
        #[serde(
            default,
            alias = "possible_outputs",
            alias = "possible_translations",
            alias = "other_rhymes"
        )]
        others: Vec<String>,
    },
    Cause {
        cause: String,
        effect: String,
    },
    Concept {
        items: Vec<String>,
        concept: String,
        #[serde(default)]
        all_common_concepts: Vec<String>,
    },
}

impl Example {
    /// `odd` decides which of cause and effect comes first.
    fn item(self, odd: bool) -> Item {
        match self {
            Self::Plain { input, output, others } => {
                Item { input, outputs: output.list().into_iter().chain(others).collect() }
            }
            Self::Cause { cause, effect } => {
                let [first, second] = if odd { [&cause, &effect] } else { [&effect, &cause] };
                Item { input: format!("Sentence 1: {first} Sentence 2: {second}"), outputs: vec![cause] }
            }
            Self::Concept { items, concept, all_common_concepts } => Item {
                input: items.join(", "),
                outputs: [concept].into_iter().chain(all_common_concepts).collect(),
            },
        }
    }
}

/// The items of a file in the form that its name says, each with its outputs once. `key` is the setting that names it.
///
/// # Errors
/// Another form, a line that holds no item, none or too many items, an item without an output or of absurd size.
pub fn read(key: &str, path: &str, file: &str) -> Result<Vec<Item>, Invalid> {
    let form = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let items = match form.as_str() {
        "jsonl" => lines(key, path, file)?,
        "json" => induction(key, path, file)?,
        "csv" => file.lines().filter_map(reasoned).collect(),
        _ => {
            let hint = "name a .jsonl, .json or .csv file; docs/guides/prompt-evolution.md describes them";
            return Err(Invalid::new(key, format!("{path} has no form that is known"), hint));
        }
    };
    check(key, path, &items)?;
    Ok(items.into_iter().map(once).collect())
}

fn lines(key: &str, path: &str, file: &str) -> Result<Vec<Item>, Invalid> {
    let item = |(number, line): (usize, &str)| {
        let line: Line = serde_json::from_str(line).map_err(|error| {
            let what = format!("line {} of {path} is no item: {error}", number + 1);
            Invalid::new(key, what, "such as {\"input\": \"hot\", \"output\": [\"cold\", \"icy\"]}")
        })?;
        Ok(Item { input: line.input, outputs: line.output.list() })
    };
    file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(item).collect()
}

fn induction(key: &str, path: &str, file: &str) -> Result<Vec<Item>, Invalid> {
    let read: Induction = serde_json::from_str(file).map_err(|error| {
        let hint = "such as {\"examples\": {\"1\": {\"input\": \"hot\", \"output\": \"cold\"}}}";
        Invalid::new(key, format!("{path} is no instruction-induction data: {error}"), hint)
    })?;
    let mut examples: Vec<(String, Example)> = read.examples.into_iter().collect();
    // By number, which is not the order of the keys as texts.
    examples.sort_by_key(|(name, _)| name.parse::<u64>().unwrap_or(u64::MAX));
    Ok(examples.into_iter().enumerate().map(|(i, (_, example))| example.item(i % 2 == 0)).collect())
}

/// A question and the conclusion of its rationale; `None` of a line without a conclusion.
fn reasoned(line: &str) -> Option<Item> {
    let (question, rationale) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\",")?,
        None => line.split_once(',')?,
    };
    let lower = rationale.to_ascii_lowercase();
    let behind = lower.rfind("herefore").unwrap_or(0);
    let at = behind + lower[behind..].find(" is")? + " is".len();
    let output = rationale[at..].trim_matches(|c: char| !c.is_alphanumeric() && c != '-');
    (!output.is_empty()).then(|| Item { input: question.trim().to_owned(), outputs: vec![output.to_owned()] })
}

fn check(key: &str, path: &str, items: &[Item]) -> Result<(), Invalid> {
    if items.is_empty() || items.len() > MOST_ITEMS {
        let what = format!("{path} holds {} items", items.len());
        return Err(Invalid::new(key, what, format!("a data set has 1 to {MOST_ITEMS}")));
    }
    let long = |text: &String| text.chars().count() > MOST_CHARACTERS;
    let bad = |item: &Item| {
        let outputs = &item.outputs;
        let wrong = item.input.trim().is_empty() || outputs.iter().any(|output| output.trim().is_empty());
        wrong
            || outputs.is_empty()
            || outputs.len() > MOST_OUTPUTS
            || long(&item.input)
            || outputs.iter().any(long)
    };
    match items.iter().position(bad) {
        None => Ok(()),
        Some(i) => {
            let what = format!("item {} of {path} lacks an input or an output, or is too long", i + 1);
            let hint = format!(
                "an item has an input and 1 to {MOST_OUTPUTS} outputs, each of 1 to {MOST_CHARACTERS} characters"
            );
            Err(Invalid::new(key, what, hint))
        }
    }
}

fn once(item: Item) -> Item {
    let mut outputs: Vec<String> = Vec::new();
    for output in item.outputs {
        let output = output.trim().to_owned();
        if !outputs.contains(&output) {
            outputs.push(output);
        }
    }
    Item { input: item.input.trim().to_owned(), outputs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(path: &str, file: &str) -> Vec<(String, Vec<String>)> {
        let items = read("k", path, file).expect("items");
        items.into_iter().map(|item| (item.input, item.outputs)).collect()
    }

    fn item(input: &str, outputs: &[&str]) -> (String, Vec<String>) {
        (input.into(), outputs.iter().map(|output| (*output).into()).collect())
    }

    #[test]
    fn an_item_is_a_line_with_one_output_or_several() {
        let file = "{\"input\": \"hot\", \"output\": \"cold\"}\n\n{\"input\": \" up\", \"output\": [\"down\", \"down \"]}\n";
        assert_eq!(items("a.jsonl", file), [item("hot", &["cold"]), item("up", &["down"])]);
    }

    #[test]
    fn instruction_induction_is_read_in_the_order_of_its_numbers_with_all_accepted_outputs() {
        let file = r#"{"metadata": {"num_examples": 4}, "examples": {
            "10": {"cause": "It rained.", "effect": "We got wet."},
            "2": {"input": "place", "output": "Platz", "possible_translations": ["Ort", "Platz"]},
            "1": {"input": "ice", "output": "rice", "other_rhymes": ["price"], "rhyme_group": "AY S"},
            "3": {"concept": "have strings.", "items": ["guitars", "tennis"], "all_common_concepts": ["have strings."]}}}"#;
        assert_eq!(
            items("a.json", file),
            [
                item("ice", &["rice", "price"]),
                item("place", &["Platz", "Ort"]),
                item("guitars, tennis", &["have strings."]),
                item("Sentence 1: We got wet. Sentence 2: It rained.", &["It rained."]),
            ]
        );
    }

    #[test]
    fn a_rationale_ends_with_the_output() {
        let file = "Is it up? \"Up\" is high.,It is not turned so it is up. Therefore the answer (Yes or No) is Yes.\n\
                    no comma\nHow many are 2 and 3?,2 and 3 is 5. Therefore the answer (arabic numerals) is 5.\n";
        assert_eq!(
            items("a.csv", file),
            [item("Is it up? \"Up\" is high.", &["Yes"]), item("How many are 2 and 3?", &["5"])]
        );
    }

    #[test]
    fn what_holds_no_items_says_where() {
        for (path, file) in [
            ("a.txt", "hot cold"),
            ("a.jsonl", ""),
            ("a.jsonl", "{\"input\": \"hot\"}"),
            ("a.jsonl", "{\"input\": \"hot\", \"output\": []}"),
            ("a.jsonl", "{\"input\": \"\", \"output\": \"x\"}"),
            ("a.json", "{\"examples\": {}}"),
            ("a.json", "[1]"),
            ("a.csv", "hot cold"),
        ] {
            assert_eq!(read("k", path, file).expect_err("must be refused").key, "k", "{path} {file}");
        }
    }
}
