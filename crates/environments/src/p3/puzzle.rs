//! Puzzles in the published format (`puzzles.json` of microsoft/PythonProgrammingPuzzles), and the built-in ones.

use samara_sandbox::Value;
use samara_search::{Invalid, nearest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IMPORTS;
use crate::Inputs;

const BUILTIN: &str = include_str!("puzzles.json");

/// One puzzle. Fields of the file that are not named here are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Puzzle {
    /// Its name.
    pub name: String,
    /// The function `sat`, whose first parameter is the answer; the others have defaults.
    pub sat: String,
    /// The answer's type, such as `List[int]`. Absent: not checked.
    #[serde(default)]
    pub ans_type: Option<String>,
    /// The header of a solution.
    #[serde(default = "header")]
    pub sol_header: String,
    /// What to find, as the docstring of a solution. May be empty.
    #[serde(default)]
    pub sol_docstring: String,
    /// Bodies of known solutions.
    #[serde(default)]
    pub sol_bodies: Vec<String>,
}

fn header() -> String {
    "def sol():".to_owned()
}

impl Puzzle {
    /// The puzzle's function under another name.
    pub fn problem(&self, name: &str) -> String {
        self.sat.replacen("def sat(", &format!("def {name}("), 1).trim_end().to_owned()
    }

    /// The header of a solution under another name, with a line break; the docstring below it, if wanted.
    pub fn header(&self, name: &str, docstring: bool) -> String {
        let mut header = self.sol_header.replacen("def sol(", &format!("def {name}("), 1);
        header.push('\n');
        if docstring && !self.sol_docstring.is_empty() {
            header += &self.sol_docstring;
            header.push('\n');
        }
        header
    }

    /// A known solution under another name.
    pub fn solution(&self, name: &str, docstring: bool) -> Option<String> {
        let body = self.sol_bodies.first()?;
        Some(format!("{}{}", self.header(name, docstring), body.trim_end()))
    }

    /// Puzzle and solution as a prompt shows them, numbered.
    fn example(&self, number: usize) -> Option<String> {
        let solution = self.solution(&format!("g{number}"), true)?;
        let problem = self.problem(&format!("f{number}"));
        Some(format!("{problem}\n\n{solution}\n\nassert f{number}(g{number}())"))
    }

    /// Puzzle and solution as a genome of `p3_probsol`.
    pub fn pair(&self) -> Option<String> {
        let solution = self.solution("g6_2", false)?;
        Some(format!("{IMPORTS}{}\n\n{solution}\n", self.problem("f6_2")))
    }

    /// Whether an answer has the puzzle's type.
    pub fn fits(&self, answer: &Value) -> bool {
        self.ans_type.as_deref().is_none_or(|kind| fits(kind, answer))
    }
}

/// The imports and the first `count` puzzles that have solutions, but for the one called `but`, with their solutions.
pub(super) fn preamble(puzzles: &[Puzzle], but: Option<&str>, count: usize) -> String {
    let others = puzzles.iter().filter(|puzzle| Some(&*puzzle.name) != but && !puzzle.sol_bodies.is_empty());
    let examples = others.take(count).enumerate().filter_map(|(place, puzzle)| puzzle.example(place + 1));
    let parts: Vec<String> = std::iter::once(IMPORTS.trim_end().to_owned()).chain(examples).collect();
    parts.join("\n\n")
}

/// Types as puzzles write them. An `int` does for a `float`, a `bool` for neither; a list is a list, and no tuple or
/// array does for it, as in OpenELM. What Python makes a list or a number of on the way out (a range, a generator,
/// numpy's numbers) is one by now. Types that are no combination of `List` and these five are not checked.
fn fits(kind: &str, answer: &Value) -> bool {
    let kind = kind.trim();
    if let Some(inner) = kind.strip_prefix("List[").and_then(|rest| rest.strip_suffix(']')) {
        return matches!(answer, Value::List(items) if items.iter().all(|item| fits(inner, item)));
    }
    match kind {
        "int" => matches!(answer, Value::Int(_)),
        "float" => matches!(answer, Value::Float(_) | Value::Int(_)),
        "str" => matches!(answer, Value::Str(_) | Value::Surrogates(_)),
        "bool" => matches!(answer, Value::Bool(_)),
        "list" => matches!(answer, Value::List(_)),
        _ => true,
    }
}

/// Which puzzle a setting means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// Its number, from 0.
    Number(usize),
    /// Its name, or its number as a text.
    Name(String),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// Reads `builtin`, or the file that `environment.puzzles` names.
///
/// # Errors
/// The file can't be read, or holds no puzzle.
pub fn read(path: &str, inputs: &Inputs) -> Result<Vec<Puzzle>, Invalid> {
    let hint = "a puzzles.json as published by Python Programming Puzzles, or \"builtin\"; a relative path starts at the \
                experiment's file";
    let bad = |what: String| Invalid::new("environment.puzzles", what, hint);
    let text = match path {
        "builtin" => BUILTIN.to_owned(),
        path => inputs.text("environment.puzzles", path, hint)?,
    };
    let puzzles: Vec<Puzzle> =
        serde_json::from_str(&text).map_err(|error| bad(format!("{path} holds no puzzles: {error}")))?;
    match puzzles.iter().find(|puzzle| !puzzle.sat.contains("def sat(")) {
        Some(puzzle) => Err(bad(format!("the puzzle {} of {path} does not define sat()", puzzle.name))),
        None if puzzles.is_empty() => Err(bad(format!("{path} holds no puzzles"))),
        None => Ok(puzzles),
    }
}

/// The puzzle of a name, or of a number from 0 if no name fits.
///
/// # Errors
/// There is none.
pub fn find<'a>(puzzles: &'a [Puzzle], choice: &Choice) -> Result<&'a Puzzle, Invalid> {
    let named = |name: &String| puzzles.iter().find(|puzzle| puzzle.name == *name);
    let found = match choice {
        Choice::Number(number) => puzzles.get(*number),
        Choice::Name(name) => {
            named(name).or_else(|| puzzles.get(name.parse::<usize>().unwrap_or(usize::MAX)))
        }
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = puzzles.iter().map(|puzzle| &*puzzle.name).take(40).collect();
        let what = format!("there is no puzzle `{choice}`");
        let hint =
            format!("{}; or a number from 0 to {}", nearest(&choice.to_string(), &names), puzzles.len() - 1);
        Invalid::new("environment.puzzle", what, hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use samara_sandbox::value::{Array, Dtype};

    #[test]
    fn the_built_in_puzzles_are_many_different_and_solved() {
        let puzzles = read("builtin", &Inputs::in_folder(".")).expect("puzzles");
        assert!(puzzles.len() >= 20);
        for (place, puzzle) in puzzles.iter().enumerate() {
            assert!(puzzle.pair().is_some() && puzzle.ans_type.is_some(), "{}", puzzle.name);
            assert!(puzzles[..place].iter().all(|other| other.name != puzzle.name), "{}", puzzle.name);
        }
    }

    #[test]
    fn a_published_entry_is_read_and_renamed() {
        let text = r#"{"name": "Study_6:0", "sat": "def sat(i: int, a=3):\n    return i % 123 == 4 and i > 10 ** a",
            "ans_type": "int", "sol_header": "def sol(a=3):", "sol_docstring": "    \"\"\"Find it.\"\"\"",
            "sol_bodies": ["    return 4 + 123 * 100"], "module": "study.py", "notes": "", "weight": 1.0}"#;
        let puzzle: Puzzle = serde_json::from_str(text).expect("a puzzle");
        assert_eq!(puzzle.problem("f6"), "def f6(i: int, a=3):\n    return i % 123 == 4 and i > 10 ** a");
        assert_eq!(puzzle.header("g6", true), "def g6(a=3):\n    \"\"\"Find it.\"\"\"\n");
        insta::assert_snapshot!(preamble(std::slice::from_ref(&puzzle), None, 3), @r#"
        from typing import List

        def f1(i: int, a=3):
            return i % 123 == 4 and i > 10 ** a

        def g1(a=3):
            """Find it."""
            return 4 + 123 * 100

        assert f1(g1())
        "#);
        assert_eq!(preamble(&[puzzle], Some("Study_6:0"), 3), "from typing import List");
    }

    #[test]
    fn answers_of_another_type_do_not_fit() {
        let list = |items: Vec<Value>| Value::List(items);
        let array = || Array::new(Dtype::U8, vec![1], vec![1]).expect("an array");
        for (kind, answer, expected) in [
            ("int", Value::from(1), true),
            ("int", Value::Bool(true), false),
            ("float", Value::from(1), true),
            ("float", Value::from("1"), false),
            ("str", Value::from("x"), true),
            ("str", list(vec![]), false),
            ("List[int]", list(vec![Value::from(1)]), true),
            ("List[int]", list(vec![Value::from(1.0)]), false),
            ("List[List[str]]", list(vec![list(vec![Value::from("x")])]), true),
            ("List[int]", Value::Tuple(vec![]), false),
            ("List[bool]", list(vec![Value::Bool(false)]), true),
            ("List[int]", list(vec![Value::Bool(false)]), false),
            ("List[int]", Value::Array(array()), false),
            ("float", Value::Array(array()), false),
            ("Dict[int, int]", Value::None, true),
        ] {
            assert_eq!(fits(kind, &answer), expected, "{kind} {answer:?}");
        }
    }

    #[test]
    fn puzzles_are_found_by_name_or_number() {
        let puzzles = read("builtin", &Inputs::in_folder(".")).expect("puzzles");
        let named = |name: &str| Choice::Name(name.to_owned());
        assert_eq!(find(&puzzles, &Choice::Number(3)).expect("a puzzle").name, puzzles[3].name);
        assert!(find(&puzzles, &Choice::Number(999)).is_err());
        assert_eq!(find(&puzzles, &named("0")).expect("a puzzle").name, puzzles[0].name);
        assert_eq!(find(&puzzles, &named("Queens")).expect("a puzzle").name, "Queens");
        let error = find(&puzzles, &named("Queen")).expect_err("must be refused");
        assert!(error.hint.contains("`Queens`"), "{error}");
        assert_eq!(
            read("no/such.json", &Inputs::in_folder(".")).expect_err("must be refused").key,
            "environment.puzzles"
        );
    }
}
