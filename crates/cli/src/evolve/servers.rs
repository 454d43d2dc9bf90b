//! The servers of the models that `evolve` asks: which address where none is written, by which interface, and with which
//! key.

use samara_search::Invalid;
use serde_json::{Map, Value as Yaml};
use toml::{Table, Value};

/// OpenEvolve's default, where its configuration or its options name a model and no address.
const OPENAI: &str = "https://api.openai.com/v1";
/// The variables that name another, the first that is set.
const ADDRESSES: [&str; 2] = ["OPENAI_BASE_URL", "OPENAI_API_BASE"];

/// Where models are asked whose address nobody wrote.
pub(crate) fn default_address(variable: impl Fn(&str) -> Option<String>) -> String {
    let set = ADDRESSES.into_iter().filter_map(variable).map(|url| url.trim().to_owned());
    set.into_iter().find(|url| !url.is_empty()).unwrap_or_else(|| OPENAI.to_owned())
}

/// The models that write programs: one, or those of an ensemble.
fn members(table: &mut Table) -> Vec<&mut Table> {
    let generator = table.get_mut("models").and_then(|models| models.get_mut("generator"));
    let Some(generator) = generator.and_then(Value::as_table_mut) else { return Vec::new() };
    if generator.contains_key("ensemble") {
        let list = generator.get_mut("ensemble").and_then(Value::as_array_mut);
        return list.into_iter().flatten().filter_map(Value::as_table_mut).collect();
    }
    vec![generator]
}

/// Writes an address to the models of OpenAI's interface that have a name and none.
pub(crate) fn complete_addresses(table: &mut Table, address: &str) {
    for model in members(table) {
        let openai = model.get("provider").and_then(Value::as_str) == Some("openai");
        if openai && model.contains_key("model") && !model.contains_key("base_url") {
            model.insert("base_url".to_owned(), address.into());
        }
    }
}

/// Asks models in a chat, for which SEARCH/REPLACE prompts are written, unless another interface is set.
pub(crate) fn prefer_chat(table: &mut Table) {
    for model in members(table) {
        let has_both = matches!(model.get("provider").and_then(Value::as_str), Some("openai" | "ollama"));
        if has_both && !model.contains_key("api") {
            model.insert("api".to_owned(), "chat".into());
        }
    }
}

/// The first variable that is to hold a key of a model, and holds none.
pub(crate) fn missing_key(table: &Table, is_set: impl Fn(&str) -> bool) -> Option<String> {
    let mut table = table.clone();
    let keys = members(&mut table)
        .into_iter()
        .filter_map(|model| model.get("api_key_env")?.as_str().map(str::to_owned));
    keys.into_iter().find(|name| !is_set(name))
}

/// What options say of models, over a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Over {
    /// Models are named, or `none`: those of the configuration are not asked.
    pub models: bool,
    /// An address is named: the configuration's models are asked there, whoever was to answer.
    pub address: bool,
}

/// Takes out of a configuration what options replace and keys that are none, so that neither stands in a run's way.
/// What is said of it.
///
/// # Errors
/// The key of a model that upstream refuses as well.
pub(crate) fn clear(config: &mut Yaml, over: Over) -> Result<Vec<String>, Invalid> {
    let mut remarks = Vec::new();
    let Some(llm) = config.get_mut("llm").and_then(Yaml::as_object_mut) else { return Ok(remarks) };
    if over.models {
        for key in ["primary_model", "secondary_model", "models", "provider"] {
            llm.remove(key);
        }
    } else if llm.get("model").is_some_and(|model| !model.is_null()) {
        let hint = "call it llm.primary_model";
        return Err(Invalid::new("llm.model", "is no key of OpenEvolve 0.4.1", hint));
    }
    let written = over.models || over.address;
    clear_key(llm, "llm.", written, &mut remarks);
    if over.address {
        llm.remove("provider");
    }
    let models = llm.get_mut("models").and_then(Yaml::as_array_mut);
    for (position, model) in models.into_iter().flatten().enumerate() {
        let Some(model) = model.as_object_mut() else { continue };
        clear_key(model, &format!("llm.models[{position}]."), written, &mut remarks);
        if over.address {
            model.remove("provider");
        }
    }
    Ok(remarks)
}

/// Takes a key out that is none, and any that is not needed.
fn clear_key(model: &mut Map<String, Yaml>, prefix: &str, written: bool, remarks: &mut Vec<String>) {
    const KEY: &str = "api_key";
    let Some(key) = model.get(KEY).and_then(Yaml::as_str) else { return };
    let variable = key.starts_with("${");
    if is_placeholder(key) {
        remarks.push(format!("{prefix}{KEY}: `{key}` is no key, and none is sent for it"));
        model.remove(KEY);
    } else if written && !variable && !key.is_empty() {
        remarks.push(format!("{prefix}{KEY}: a key is written in the file; it is not used"));
        model.remove(KEY);
    }
}

/// Words that stand where servers need no key, or where one is to be filled in.
const PLACEHOLDERS: [&str; 12] = [
    "empty",
    "ollama",
    "none",
    "null",
    "dummy",
    "fake",
    "local",
    "test",
    "no-key",
    "not-needed",
    "changeme",
    "xxx",
];

/// Whether a text stands in a key's place and is none.
fn is_placeholder(key: &str) -> bool {
    let plain = key.trim().to_ascii_lowercase().replace('_', "-");
    let bare = plain.trim_matches(['<', '>']);
    let yours = bare.starts_with("your") && bare.contains("key");
    PLACEHOLDERS.contains(&bare) || yours || bare == "sk-no-key-required" || bare != plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().expect("TOML")
    }

    #[test]
    fn a_model_without_an_address_is_asked_where_its_name_is_known() {
        let none = |_: &str| None;
        assert_eq!(default_address(none), "https://api.openai.com/v1");
        let other = |name: &str| (name == "OPENAI_API_BASE").then(|| "http://other/v1".to_owned());
        assert_eq!(default_address(other), "http://other/v1");
        let blank = |name: &str| Some(if name == "OPENAI_BASE_URL" { " " } else { "http://b/v1" }.to_owned());
        assert_eq!(default_address(blank), "http://b/v1");
        let mut models = table(
            "[[models.generator.ensemble]]\nprovider = \"openai\"\nmodel = \"a\"\n[[models.generator.ensemble]]\n\
             provider = \"openai\"\nmodel = \"b\"\nbase_url = \"http://own/v1\"\n[[models.generator.ensemble]]\n\
             provider = \"ollama\"\nmodel = \"c\"\n",
        );
        complete_addresses(&mut models, OPENAI);
        let urls: Vec<Option<&str>> = members(&mut models)
            .iter()
            .map(|model| model.get("base_url").and_then(Value::as_str))
            .map(|url| url.map(|url| if url == OPENAI { "default" } else { "own" }))
            .collect();
        assert_eq!(urls, [Some("default"), Some("own"), None]);
    }

    #[test]
    fn models_are_asked_in_a_chat_unless_another_interface_is_set() {
        let mut one = table("[models.generator]\nprovider = \"openai\"\n");
        prefer_chat(&mut one);
        assert_eq!(one["models"]["generator"]["api"].as_str(), Some("chat"));
        let mut own = table("[models.generator]\nprovider = \"openai\"\napi = \"completions\"\n");
        prefer_chat(&mut own);
        assert_eq!(own["models"]["generator"]["api"].as_str(), Some("completions"));
        let mut other = table("[models.generator]\nprovider = \"anthropic\"\n");
        prefer_chat(&mut other);
        assert!(other["models"]["generator"].get("api").is_none(), "it has one interface alone");
    }

    #[test]
    fn a_key_whose_variable_is_not_set_is_found() {
        let models = table("[models.generator]\nprovider = \"openai\"\napi_key_env = \"MY_KEY\"\n");
        assert_eq!(missing_key(&models, |_| false).as_deref(), Some("MY_KEY"));
        assert_eq!(missing_key(&models, |name| name == "MY_KEY"), None);
        assert_eq!(missing_key(&Table::new(), |_| false), None);
    }

    #[test]
    fn placeholders_are_no_keys_and_keys_are_no_placeholders() {
        for key in
            ["EMPTY", "ollama", "none", "dummy", "<your-api-key>", "YOUR_API_KEY", "your-openai-key", "<key>"]
        {
            assert!(is_placeholder(key), "{key}");
        }
        for key in ["sk-abc", "sk-your-life-on-it", "${OPENAI_API_KEY}", "gsk_none"] {
            assert!(!is_placeholder(key), "{key}");
        }
    }

    fn cleared(text: &str, over: Over) -> Result<(Yaml, Vec<String>), Invalid> {
        let mut config: Yaml = serde_json::from_str(text).expect("JSON");
        let remarks = clear(&mut config, over)?;
        Ok((config, remarks))
    }

    #[test]
    fn what_options_replace_does_not_stand_in_the_way() {
        let config = r#"{"llm": {"provider": "claude_code", "model": "x", "primary_model": "p", "api_key": "sk-1",
            "models": [{"name": "a", "api_key": "EMPTY"}]}}"#;
        let models = Over { models: true, address: false };
        let (left, remarks) = cleared(config, models).expect("cleared");
        assert_eq!(left, serde_json::json!({"llm": {"model": "x"}}));
        assert_eq!(remarks, ["llm.api_key: a key is written in the file; it is not used"]);
        assert_eq!(cleared(config, Over::default()).expect_err("refused").key, "llm.model");
        let moved = r#"{"llm": {"provider": "claude_code", "primary_model": "p", "api_key": "${A}"}}"#;
        let (left, remarks) = cleared(moved, Over { models: false, address: true }).expect("cleared");
        assert_eq!(left, serde_json::json!({"llm": {"primary_model": "p", "api_key": "${A}"}}));
        assert_eq!(remarks, [""; 0]);
    }

    #[test]
    fn a_key_that_is_none_is_dropped_with_a_remark_and_a_real_one_stays() {
        let config = r#"{"llm": {"api_key": "ollama", "models": [{"name": "a", "api_key": "sk-1"}]}}"#;
        let (left, remarks) = cleared(config, Over::default()).expect("cleared");
        assert_eq!(left, serde_json::json!({"llm": {"models": [{"name": "a", "api_key": "sk-1"}]}}));
        assert_eq!(remarks, ["llm.api_key: `ollama` is no key, and none is sent for it"]);
    }
}
