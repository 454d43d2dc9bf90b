//! Where a model keeps its template: a GGUF file's metadata, or files of a folder.

use std::path::Path;

use serde_json::Value;

use super::{AGAIN, ChatTemplate, MAX_TEMPLATE_BYTES};
use crate::{SeedlingError, files::read_limited, gguf::Metadata, tokenizer::boundary_texts};

/// No `tokenizer_config.json` may be longer, in bytes: some list thousands of tokens.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

const TEMPLATE_FILE: &str = "chat_template.jinja";
const TEMPLATE_JSON: &str = "chat_template.json";
const CONFIG_FILE: &str = "tokenizer_config.json";

/// The key of a GGUF file's template; further ones have a point and their name behind it.
const KEY: &str = "tokenizer.chat_template";

/// Of a model's templates the one for chats that are nothing else.
const DEFAULT: &str = "default";

impl ChatTemplate {
    /// The template of a GGUF file (`tokenizer.chat_template`, else the only one that has a name); `None` if it has none.
    ///
    /// # Errors
    /// If it is broken or too long, or there are several with names and none without.
    pub fn from_gguf(metadata: &Metadata) -> Result<Option<Self>, SeedlingError> {
        let origin = metadata.origin();
        let mut named = Vec::new();
        for key in metadata.keys().filter(|key| key.starts_with(KEY)) {
            let name = match &key[KEY.len()..] {
                "" => DEFAULT,
                name => name.strip_prefix('.').unwrap_or_default(),
            };
            // `tokenizer.chat_templates` lists the names, and is none.
            let text = if name.is_empty() { None } else { metadata.text(key)? };
            named.extend(text.map(|text| (name.to_owned(), text.to_owned())));
        }
        let Some(source) = chosen(named, origin)? else { return Ok(None) };
        let (bos, eos) = boundary_texts(metadata)?;
        Self::new(&source, &bos, &eos, origin).map(Some)
    }

    /// The template in a model's folder (`chat_template.jinja`, else that of `tokenizer_config.json`, else that of
    /// `chat_template.json`); `None` if it has none.
    ///
    /// # Errors
    /// If one of the files is broken or too long, or there are several templates and none is the default.
    pub fn in_folder(folder: &Path) -> Result<Option<Self>, SeedlingError> {
        let config = json(&folder.join(CONFIG_FILE))?;
        let token = |name: &str| token_text(&config[name]);
        let (bos, eos) = (token("bos_token"), token("eos_token"));
        let file = folder.join(TEMPLATE_FILE);
        if file.exists() {
            let bytes = read_limited(&file, MAX_TEMPLATE_BYTES as u64, AGAIN)?;
            let text =
                String::from_utf8(bytes).map_err(|_| SeedlingError::file(&file, "not UTF-8", AGAIN))?;
            return Self::new(&text, &bos, &eos, &file).map(Some);
        }
        for (name, config) in [(CONFIG_FILE, &config), (TEMPLATE_JSON, &json(&folder.join(TEMPLATE_JSON))?)] {
            let origin = folder.join(name);
            if let Some(source) = chosen(named(&config["chat_template"], &origin)?, &origin)? {
                return Self::new(&source, &bos, &eos, &origin).map(Some);
            }
        }
        Ok(None)
    }
}

/// A file's JSON; null if there is no such file.
fn json(path: &Path) -> Result<Value, SeedlingError> {
    if !path.exists() {
        return Ok(Value::Null);
    }
    let bytes = read_limited(path, MAX_CONFIG_BYTES, AGAIN)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| SeedlingError::file(path, format!("not JSON: {error}"), AGAIN))
}

/// The text of a token, which is given alone or with what else is known of it.
fn token_text(token: &Value) -> String {
    token.as_str().or_else(|| token["content"].as_str()).unwrap_or_default().to_owned()
}

/// A file's templates by name.
fn named(templates: &Value, origin: &Path) -> Result<Vec<(String, String)>, SeedlingError> {
    let broken =
        || SeedlingError::file(origin, "chat_template is neither a text nor a list of them by name", AGAIN);
    match templates {
        Value::Null => Ok(Vec::new()),
        Value::String(source) => Ok(vec![(DEFAULT.to_owned(), source.clone())]),
        Value::Array(list) => {
            let text = |entry: &Value, field: &str| entry[field].as_str().map(str::to_owned);
            let pairs = list.iter().map(|entry| text(entry, "name").zip(text(entry, "template")));
            pairs.map(|pair| pair.ok_or_else(broken)).collect()
        }
        _ => Err(broken()),
    }
}

/// The template for plain chats: the default, or the only one.
fn chosen(mut named: Vec<(String, String)>, origin: &Path) -> Result<Option<String>, SeedlingError> {
    let default = named.iter().position(|(name, _)| name == DEFAULT);
    match (default, named.len()) {
        (_, 0) => Ok(None),
        (Some(at), _) => Ok(Some(named.swap_remove(at).1)),
        (None, 1) => Ok(Some(named.swap_remove(0).1)),
        (None, _) => {
            let names = named.iter().map(|(name, _)| name.as_str()).take(8).collect::<Vec<_>>().join(", ");
            let what = format!("there are several chat templates ({names}), and none is the default");
            Err(SeedlingError::file(origin, what, AGAIN))
        }
    }
}

/// A template without the marks by which training finds what the model says (`{% generation %}`), which mean nothing
/// here and are no Jinja.
pub(super) fn without_generation_marks(source: &str) -> String {
    if !source.contains("generation") {
        return source.to_owned();
    }
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(end) = rest[start + 2..].find("%}").map(|end| start + 2 + end) else { break };
        let tag = &rest[start + 2..end];
        let (before, word, after) = parts(tag);
        kept.push_str(&rest[..start]);
        match word {
            "generation" => kept.push_str(&format!("{{%{before} if true {after}%}}")),
            "endgeneration" => kept.push_str(&format!("{{%{before} endif {after}%}}")),
            _ => kept.push_str(&rest[start..end + 2]),
        }
        rest = &rest[end + 2..];
    }
    kept + rest
}

/// A tag's sign before, what it says, and the sign after.
fn parts(tag: &str) -> (&str, &str, &str) {
    let is_sign = |c: char| matches!(c, '-' | '+');
    let before = &tag[..tag.len() - tag.trim_start_matches(is_sign).len()];
    let after = &tag[tag.trim_end_matches(is_sign).len()..];
    (before, tag.trim_matches(is_sign).trim(), after)
}
