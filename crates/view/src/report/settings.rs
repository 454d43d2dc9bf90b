//! The settings and inputs of a run as it stored them, and what of them says what was searched.

use std::collections::BTreeMap;

use samara_journal::EventKind;
use samara_search::commanding::one_line;
use toml::{Table, Value};

use super::{Run, page::Section};
use crate::{html::Html, numbers::grouped};

/// Characters of a setting that is told among the facts at most.
pub(crate) const LONGEST: usize = 300;
/// Keys of `[environment]` that say in words what was searched, and what they are called here.
const WORDS: [(&str, &str); 4] = [
    ("prompt_template", "Prompt"),
    ("subject", "Subject"),
    ("quality_feedback_prompt", "Asked of the judge"),
    ("target", "Target"),
];

fn table(config: &str) -> Table {
    // The journal has read it before; of anything else nothing is told.
    config.parse().unwrap_or_default()
}

fn section<'a>(table: &'a Table, name: &str) -> Option<&'a Table> {
    table.get(name).and_then(Value::as_table)
}

/// A text on a line, cut where it is too long to stand among others.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let (mut line, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        for c in (length > 0).then_some(' ').into_iter().chain(word.chars()) {
            if length == most {
                return one_line(&line) + "…";
            }
            line.push(c);
            length += 1;
        }
    }
    one_line(&line)
}

/// What was searched, in the words of the settings.
pub(crate) fn subject(config: &str) -> Vec<(String, String)> {
    let table = table(config);
    let Some(environment) = section(&table, "environment") else { return Vec::new() };
    let told = |(key, name): &(&str, &str)| {
        let text = environment.get(*key)?.as_str()?;
        Some(((*name).to_owned(), cut(text, LONGEST))).filter(|(_, text)| !text.is_empty())
    };
    WORDS.iter().filter_map(told).collect()
}

/// The models by their roles.
pub(crate) fn models(config: &str) -> Vec<(String, String)> {
    let table = table(config);
    let Some(models) = section(&table, "models") else { return Vec::new() };
    let name = |model: &Value| {
        let text = |key: &str| model.get(key).and_then(Value::as_str).map(|text| cut(text, 80));
        match (text("provider"), text("model")) {
            (Some(provider), Some(model)) => format!("{provider}:{model}"),
            (Some(provider), None) => provider,
            (None, model) => model.unwrap_or_default(),
        }
    };
    let of_role = |(role, value): (&String, &Value)| {
        let ensemble = value.get("members").or_else(|| value.get("models")).and_then(Value::as_array);
        let names: Vec<String> = match (value, ensemble) {
            (Value::String(text), _) => vec![cut(text, 80)],
            (Value::Array(members), _) | (_, Some(members)) => members.iter().map(name).collect(),
            _ => vec![name(value)],
        };
        let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| (format!("Model of {}", one_line(role)), names.join(", ")))
    };
    models.iter().filter_map(of_role).collect()
}

/// The settings without what differs between runs of one outcome but for their seed: which runs belong together.
pub(crate) fn but_for_the_seed(config: &str) -> String {
    let mut table = table(config);
    table.remove("cache");
    table.remove("workers");
    if let Some(learning) = table.get_mut("rl").and_then(|rl| rl.get_mut("learning")?.as_table_mut()) {
        learning.remove("seed");
    }
    if let Some(Value::Table(search)) = table.get_mut("search") {
        search.retain(|key, _| !["seed", "concurrency", "max_failures"].contains(&key));
    }
    table.to_string()
}

/// Conditions that are told apart at most, and letters of their names.
const MOST_CONDITIONS: usize = 64;
const LONGEST_CONDITION: usize = 40;

/// The conditions of a run of `samara rl`, each an island of it, and how many samples of each its iterations have; `None`
/// of any other run.
pub(crate) fn conditions(config: &str) -> Option<(Vec<String>, u64)> {
    let table = table(config);
    let learning = section(&table, "rl")?;
    let group = section(learning, "learning")?.get("group")?.as_integer()?;
    let name = |one: &Value| Some(cut(one.get("name")?.as_str()?, LONGEST_CONDITION));
    let names: Option<Vec<String>> =
        learning.get("conditions")?.as_array()?.iter().take(MOST_CONDITIONS).map(name).collect();
    names.filter(|names| !names.is_empty()).zip(u64::try_from(group).ok().filter(|group| *group > 0))
}

/// What an island of a run is called: by the condition that it is for, if it is for one, else by its number.
pub(crate) fn island(config: &str, place: usize) -> String {
    let named = conditions(config).and_then(|(names, _)| names.into_iter().nth(place));
    named.unwrap_or_else(|| format!("Island {place}"))
}

/// The same settings, each by its dotted key.
pub(crate) fn flat(config: &str) -> BTreeMap<String, String> {
    fn go(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
        let Value::Table(table) = value else {
            found.insert(path.to_owned(), value.to_string());
            return;
        };
        for (key, value) in table {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            go(&path, value, found);
        }
    }
    let mut found = BTreeMap::new();
    go("", &Value::Table(table(&but_for_the_seed(config))), &mut found);
    found
}

/// The settings and inputs, folded.
pub(crate) fn stored(html: &mut Html, section: &Section<'_>) {
    let Run { view, inputs, .. } = section.run;
    html.within("details", &[], |html| {
        html.element("summary", &[], "Settings as stored");
        html.element("pre", &[("class", "code")], view.header.config.trim_end());
    });
    if !view.controls.is_empty() {
        html.within("details", &[("open", "")], |html| {
            html.element("summary", &[], "Changed on the way");
            html.within("ul", &[], |html| {
                for event in &view.controls {
                    if let EventKind::Control(control) = &event.kind {
                        let settings: Vec<String> =
                            control.settings.iter().map(|set| cut(set, LONGEST)).collect();
                        let asked = control.live.as_ref().map(|live| cut(&live.order.told(), LONGEST));
                        let told = asked.unwrap_or_else(|| settings.join(", "));
                        html.element("li", &[], &format!("after {}: {told}", grouped(event.after)));
                    }
                }
            });
        });
    }
    if !inputs.is_empty() {
        html.within("details", &[], |html| {
            html.element("summary", &[], &format!("Inputs as stored ({})", inputs.len()));
            html.within("div", &[("class", "scroll")], |html| {
                html.within("table", &[], |html| {
                    super::tables::heads(html, &["what for", "where it was", "bytes", "SHA-256"], &[2]);
                    for input in inputs {
                        html.within("tr", &[], |html| {
                            html.element("td", &[], &one_line(&input.key));
                            html.element("td", &[], &one_line(&input.path));
                            html.element("td", &[("class", "n")], &grouped(input.bytes as u64));
                            html.within("td", &[], |html| {
                                html.element("code", &[], input.digest.get(..16).unwrap_or(""));
                            });
                        });
                    }
                });
            });
        });
    }
    if !view.verifiable {
        let old = "The run was begun in an older format, which does not say what it was begun from.";
        html.element("p", &[("class", "remark")], old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_searched_is_told_in_the_words_of_the_settings() {
        let config = "[environment]\nprompt_template = \"Here is\\n a \\u001b[2J poem\"\ntarget = 3\n\
                      [models.judge]\nprovider = \"openai\"\nmodel = \"small\"\n[models.generator]\nprovider = \"embedded\"\n";
        assert_eq!(subject(config), [("Prompt".into(), "Here is a \u{fffd}[2J poem".into())]);
        assert_eq!(
            models(config),
            [
                ("Model of generator".into(), "embedded".into()),
                ("Model of judge".into(), "openai:small".into())
            ]
        );
        assert!(subject("[").is_empty() && models("models = 3").is_empty());
        assert_eq!(cut(&"ab ".repeat(10), 4), "ab a…");
    }

    #[test]
    fn runs_that_differ_in_their_seed_alone_belong_together() {
        let of = |seed: u32, steps: u32| {
            but_for_the_seed(&format!("[search]\nseed = {seed}\nconcurrency = {seed}\ntotal_steps = {steps}"))
        };
        assert_eq!(of(1, 5), of(2, 5));
        assert_ne!(of(1, 5), of(1, 6));
    }
}
