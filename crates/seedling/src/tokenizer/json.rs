//! `tokenizer.json` as Hugging Face's `tokenizers` has it: what of it is supported, and refusals of the rest.

use std::path::Path;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};

use super::{
    definition::{Added, Definition, Joining, Kind, Metaspace, Prepend, SPACE, Step},
    split::{Cut, Gpt2, Source},
};
use crate::{SeedlingError, config::MAX_SIZE};

/// No pattern may be longer, in bytes.
const MAX_PATTERN: usize = 4096;

/// No list of steps may be longer, with the lists in it.
const MAX_STEPS: usize = 64;

/// Normalizing may not make a text longer than this many times, in bytes. SentencePiece's, three bytes for a blank, do so
/// three times.
const MAX_GROWTH: f64 = 16.0;

/// Normalizing may not put more than this many bytes before a text.
const MAX_PREPENDED: f64 = 1024.0;

/// What is wrong, and a hint.
type Refusal = (String, &'static str);

const AGAIN: &str = "download tokenizer.json from the model's publisher again";
const SUPPORTED: &str = "byte-pair encoding is read, byte-level (GPT-2, Llama 3, Qwen2) or SentencePiece-like with \
     byte_fallback (Llama 2, Mistral)";

pub(super) fn parse(bytes: &[u8], origin: &Path) -> Result<Definition, SeedlingError> {
    let refuse = |(what, hint): Refusal| SeedlingError::file(origin, what, hint);
    let file = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(file)) => file,
        Ok(_) => return Err(refuse(("not a JSON object".to_owned(), AGAIN))),
        Err(error) => return Err(refuse((format!("not JSON: {error}"), AGAIN))),
    };
    let model = file
        .get("model")
        .and_then(Value::as_object)
        .ok_or_else(|| refuse(("model is missing".to_owned(), AGAIN)))?;
    check_model(model).map_err(refuse)?;
    let kind = kind(&file, model).map_err(refuse)?;
    Ok(Definition {
        origin: origin.to_owned(),
        kind,
        vocab: vocab(model).map_err(refuse)?,
        joining: Joining::Merges(merges(model).map_err(refuse)?),
        added: added(&file).map_err(refuse)?,
        ignore_merges: flag(model, "ignore_merges", false).map_err(refuse)?,
        unknown: model.get("unk_token").and_then(Value::as_str).map(str::to_owned),
        bos: bos(file.get("post_processor").unwrap_or(&Value::Null)).map_err(refuse)?,
        ends: Vec::new(),
    })
}

fn unsupported(what: &str, value: &Value) -> Refusal {
    let text = value.to_string();
    let short = text.chars().take(200).collect::<String>();
    (format!("{what} {short} is not supported"), SUPPORTED)
}

fn broken(what: &str) -> Refusal {
    (format!("{what} is missing or broken"), AGAIN)
}

fn flag(fields: &Map<String, Value>, name: &str, default: bool) -> Result<bool, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(broken(name)),
    }
}

fn check_model(model: &Map<String, Value>) -> Result<(), Refusal> {
    match model.get("type").map(|kind| (kind, kind.as_str())) {
        Some((_, Some("BPE"))) => {}
        None if model.contains_key("merges") => {}
        Some((kind, _)) => return Err(unsupported("the model type", kind)),
        None => return Err(broken("the model's type")),
    }
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
        match model.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => return Err(unsupported(name, value)),
        }
    }
    match model.get("dropout") {
        None | Some(Value::Null) => Ok(()),
        Some(value) if value.as_f64() == Some(0.0) => Ok(()),
        Some(value) => Err(unsupported("dropout", value)),
    }
}

fn id(value: Option<&Value>) -> Result<u32, Refusal> {
    let number = value.and_then(Value::as_u64).filter(|id| *id < MAX_SIZE as u64);
    number
        .map(|id| id as u32)
        .ok_or_else(|| broken(&format!("a token's number (from 0 to below {MAX_SIZE})")))
}

fn vocab(model: &Map<String, Value>) -> Result<Vec<(String, u32)>, Refusal> {
    let entries = model.get("vocab").and_then(Value::as_object).ok_or_else(|| broken("the model's vocab"))?;
    let mut vocab = entries
        .iter()
        .map(|(name, number)| Ok((name.clone(), id(Some(number))?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    vocab.sort_unstable_by(|left, right| left.1.cmp(&right.1).then_with(|| left.0.cmp(&right.0)));
    Ok(vocab)
}

fn merges(model: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    let lines = model.get("merges").and_then(Value::as_array).ok_or_else(|| broken("the model's merges"))?;
    let mut merges = Vec::with_capacity(lines.len());
    for line in lines {
        let pair = match line {
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => line.split_once(' ').filter(|(_, right)| !right.contains(' ')),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(left), Value::String(right)] => Some((left.as_str(), right.as_str())),
                _ => None,
            },
            _ => None,
        };
        let usable = pair.filter(|(left, right)| !left.is_empty() && !right.is_empty());
        let (left, right) = usable.ok_or_else(|| broken(&format!("merge number {}", merges.len())))?;
        merges.push((left.to_owned(), right.to_owned()));
    }
    Ok(merges)
}

fn added(file: &Map<String, Value>) -> Result<Vec<(String, u32, Added)>, Refusal> {
    let tokens = match file.get("added_tokens") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(tokens)) => tokens,
        Some(_) => return Err(broken("added_tokens")),
    };
    let mut added = Vec::with_capacity(tokens.len());
    for token in tokens {
        let fields = token.as_object().ok_or_else(|| broken("an added token"))?;
        let name = fields
            .get("content")
            .and_then(Value::as_str)
            .ok_or_else(|| broken("an added token's content"))?;
        if flag(fields, "single_word", false)? {
            return Err(unsupported("single_word", token));
        }
        let special = flag(fields, "special", false)?;
        let flags = Added {
            special,
            normalized: flag(fields, "normalized", !special)?,
            lstrip: flag(fields, "lstrip", false)?,
            rstrip: flag(fields, "rstrip", false)?,
        };
        added.push((name.to_owned(), id(fields.get("id"))?, flags));
    }
    added.sort_by_key(|(_, id, _)| *id);
    Ok(added)
}

/// A step's type and fields.
type Typed<'a> = (&'a str, &'a Map<String, Value>);

/// A step by itself, the steps of a `Sequence` (whose list has the name `list`), or none.
fn steps<'a>(step: Option<&'a Value>, list: &str) -> Result<Vec<Typed<'a>>, Refusal> {
    let Some(step) = step.filter(|step| !step.is_null()) else { return Ok(Vec::new()) };
    let fields = step.as_object().ok_or_else(|| broken(list))?;
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| broken(&format!("the type of one of {list}")))?;
    if kind != "Sequence" {
        return Ok(vec![(kind, fields)]);
    }
    let inner = fields.get(list).and_then(Value::as_array).ok_or_else(|| broken(list))?;
    let mut all = Vec::new();
    for step in inner {
        all.extend(steps(Some(step), list)?);
        if all.len() > MAX_STEPS {
            return Err((format!("there are more than {MAX_STEPS} {list}"), AGAIN));
        }
    }
    Ok(all)
}

fn kind(file: &Map<String, Value>, model: &Map<String, Value>) -> Result<Kind, Refusal> {
    let cutting = steps(file.get("pre_tokenizer"), "pretokenizers")?;
    let normalizing = normalizing(file.get("normalizer"))?;
    let decoding = file.get("decoder").unwrap_or(&Value::Null);
    if cutting.iter().any(|(kind, _)| *kind == "ByteLevel") {
        if normalizing.iter().any(|step| *step != Step::Nfc) {
            return Err(unsupported("in a byte-level tokenizer, the normalizer", &file["normalizer"]));
        }
        let plain = steps(Some(decoding), "decoders")?.iter().map(|(kind, _)| *kind).eq(["ByteLevel"]);
        if !plain {
            return Err(unsupported("in a byte-level tokenizer, the decoder", decoding));
        }
        return Ok(Kind::ByteLevel { nfc: !normalizing.is_empty(), cuts: cuts(&cutting)? });
    }
    if !flag(model, "byte_fallback", false)? {
        let pre_tokenizer = file.get("pre_tokenizer").unwrap_or(&Value::Null);
        return Err(unsupported("a model without byte_fallback and with the pre_tokenizer", pre_tokenizer));
    }
    let metaspace = match cutting.as_slice() {
        [] => None,
        [("Metaspace", fields)] => Some(metaspace(fields)?),
        // Gemma's: it splits where no space is left.
        [("Split", fields)] if is_idle(fields, &normalizing) => None,
        [(_, fields), ..] => return Err(unsupported("the pre_tokenizer", &json!(fields))),
    };
    Ok(Kind::Sentencepiece { steps: normalizing, metaspace, strip: strip(decoding)? })
}

/// Whether a pre-tokenizer splits at spaces, which normalizing has replaced.
fn is_idle(fields: &Map<String, Value>, normalizing: &[Step]) -> bool {
    let replaces = |step: &Step| matches!(step, Step::Replace(from, to) if from == " " && !to.contains(' '));
    fields.get("pattern") == Some(&json!({"String": " "})) && normalizing.last().is_some_and(replaces)
}

fn normalizing(normalizer: Option<&Value>) -> Result<Vec<Step>, Refusal> {
    let step = |(kind, fields): Typed<'_>| {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let pattern = || {
            text(fields.get("pattern").and_then(|pattern| pattern.get("String")))
                .filter(|text| !text.is_empty())
        };
        match kind {
            "NFC" => Some(Step::Nfc),
            "Prepend" => text(fields.get("prepend")).map(Step::Prepend),
            "Replace" => pattern().zip(text(fields.get("content"))).map(|(from, to)| Step::Replace(from, to)),
            _ => None,
        }
        .ok_or_else(|| unsupported("the normalizer", &json!(fields)))
    };
    let steps = steps(normalizer, "normalizers")?.into_iter().map(step).collect::<Result<Vec<_>, _>>()?;
    check_growth(&steps)?;
    Ok(steps)
}

/// Refuses steps that together could make a text much longer than it is: each doubling it is soon more than any memory.
fn check_growth(steps: &[Step]) -> Result<(), Refusal> {
    let (mut times, mut added) = (1.0, 0.0);
    for step in steps {
        match step {
            Step::Prepend(text) => added += text.len() as f64,
            Step::Replace(from, to) => {
                let longer = (to.len() as f64 / from.len() as f64).max(1.0);
                (times, added) = (times * longer, added * longer);
            }
            // What is composed has fewer bytes, but for a few characters, and is not composed again.
            Step::Nfc => {}
        }
    }
    if times > MAX_GROWTH || added > MAX_PREPENDED {
        let what = format!(
            "the normalizers make a text more than {MAX_GROWTH} times as long, or put more than {MAX_PREPENDED} bytes \
             before it"
        );
        return Err((what, AGAIN));
    }
    Ok(())
}

fn cuts(steps: &[Typed<'_>]) -> Result<Vec<Cut>, Refusal> {
    let mut cuts = Vec::new();
    for (at, (kind, fields)) in steps.iter().enumerate() {
        match *kind {
            "ByteLevel" if at + 1 == steps.len() && !flag(fields, "add_prefix_space", true)? => {
                if flag(fields, "use_regex", true)? {
                    cuts.push(Cut::Gpt2(Gpt2::new()));
                }
            }
            "Digits" => cuts.push(Cut::Digits { individual: flag(fields, "individual_digits", false)? }),
            "Split" => cuts.push(split(fields)?),
            _ => return Err(unsupported("the pre_tokenizer", &json!(fields))),
        }
    }
    Ok(cuts)
}

fn split(fields: &Map<String, Value>) -> Result<Cut, Refusal> {
    let pattern = fields.get("pattern");
    let text = |name: &str| pattern.and_then(|pattern| pattern.get(name)).and_then(Value::as_str);
    let (source, expression) = match (text("Regex"), text("String")) {
        (Some(regex), None) => (Source::Regex(regex.to_owned()), regex.to_owned()),
        (None, Some(text)) => (Source::Text(text.to_owned()), fancy_regex::escape(text).into_owned()),
        _ => return Err(broken("the pattern of the pre_tokenizer")),
    };
    if expression.len() > MAX_PATTERN {
        return Err((format!("a pattern of the pre_tokenizer is longer than {MAX_PATTERN} bytes"), AGAIN));
    }
    let regex = fancy_regex::Regex::new(&expression)
        .map_err(|error| (format!("a pattern of the pre_tokenizer can't be used: {error}"), AGAIN))?;
    let removed = match fields.get("behavior").and_then(Value::as_str) {
        Some("Isolated") => false,
        Some("Removed") => true,
        _ => return Err(unsupported("the pre_tokenizer", &json!(fields))),
    };
    Ok(Cut::Pattern { regex: Box::new(regex), source, removed, invert: flag(fields, "invert", false)? })
}

fn metaspace(fields: &Map<String, Value>) -> Result<Metaspace, Refusal> {
    let refused = || unsupported("the pre_tokenizer", &json!(fields));
    if fields.get("replacement").and_then(Value::as_str) != Some("\u{2581}") {
        return Err(refused());
    }
    Ok(Metaspace { prepend: prepend(fields)?.ok_or_else(refused)?, split: flag(fields, "split", true)? })
}

/// When a `Metaspace` puts a space before a text; `None` if that can't be told.
fn prepend(fields: &Map<String, Value>) -> Result<Option<Prepend>, Refusal> {
    let old = flag(fields, "add_prefix_space", true)?;
    Ok(match fields.get("prepend_scheme").map(Value::as_str) {
        None if old => Some(Prepend::Always),
        None => Some(Prepend::Never),
        Some(Some("always")) => Some(Prepend::Always),
        Some(Some("first")) => Some(Prepend::First),
        Some(Some("never")) => Some(Prepend::Never),
        Some(_) => None,
    })
}

/// Whether decoding takes away a space before the text, given that the decoder is one for SentencePiece's tokens.
fn strip(decoder: &Value) -> Result<bool, Refusal> {
    let refused = || unsupported("in a SentencePiece-like tokenizer, the decoder", decoder);
    let (mut spaces, mut bytes, mut fused, mut strip) = (false, false, false, false);
    for (kind, fields) in steps(Some(decoder), "decoders")? {
        let is = |name: &str, value: Value| fields.get(name) == Some(&value);
        match kind {
            "Replace" if is("pattern", json!({"String": "\u{2581}"})) && is("content", json!(" ")) => {
                spaces = true;
            }
            "Metaspace" if is("replacement", json!("\u{2581}")) => {
                spaces = true;
                strip |= prepend(fields)?.ok_or_else(refused)? != Prepend::Never;
            }
            "ByteFallback" => bytes = true,
            "Fuse" => fused = true,
            "Strip" if fused && is("content", json!(" ")) && is("stop", json!(0)) && !strip => {
                strip = match fields.get("start").and_then(Value::as_u64) {
                    Some(0) => false,
                    Some(1) => true,
                    _ => return Err(refused()),
                };
            }
            _ => return Err(refused()),
        }
    }
    if spaces && bytes { Ok(strip) } else { Err(refused()) }
}

/// The token that the post-processor puts before a text.
fn bos(processor: &Value) -> Result<Option<u32>, Refusal> {
    let refused = || unsupported("the post_processor", processor);
    let mut bos = None;
    for (kind, fields) in steps(Some(processor), "processors")? {
        match kind {
            "ByteLevel" => {}
            "TemplateProcessing" if bos.is_none() => {
                let single = fields.get("single").and_then(Value::as_array).ok_or_else(refused)?;
                let mut specials = single.iter().take_while(|part| part.get("Sequence").is_none());
                let Some(first) = specials.next() else { continue };
                let name = first.pointer("/SpecialToken/id").and_then(Value::as_str).ok_or_else(refused)?;
                let ids = fields
                    .get("special_tokens")
                    .and_then(|tokens| tokens.get(name))
                    .and_then(|token| token.get("ids"));
                match (ids.and_then(Value::as_array).map(Vec::as_slice), specials.next()) {
                    (Some([one]), None) => bos = Some(id(Some(one))?),
                    _ => return Err(refused()),
                }
            }
            _ => return Err(refused()),
        }
    }
    Ok(bos)
}

#[derive(Serialize)]
struct File<'a> {
    version: &'static str,
    truncation: (),
    padding: (),
    added_tokens: Vec<AddedToken<'a>>,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    model: Model<'a>,
}

#[derive(Serialize)]
struct AddedToken<'a> {
    id: u32,
    content: &'a str,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

#[derive(Serialize)]
struct Model<'a> {
    r#type: &'static str,
    dropout: (),
    unk_token: Option<&'a str>,
    continuing_subword_prefix: (),
    end_of_word_suffix: (),
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: Vocab<'a>,
    merges: &'a [(String, String)],
}

/// Written in the order of the numbers.
struct Vocab<'a>(&'a [(String, u32)]);

impl Serialize for Vocab<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, id) in self.0 {
            map.serialize_entry(name, id)?;
        }
        map.end()
    }
}

pub(super) fn text(definition: &Definition) -> String {
    let Definition { vocab, joining, added, bos, .. } = definition;
    let merges: &[_] = match joining {
        Joining::Merges(merges) => merges,
        Joining::Scores(_) => &[],
    };
    let mut names =
        vocab.iter().map(|(name, id)| (name, id)).chain(added.iter().map(|(name, id, _)| (name, id)));
    let bos = bos.map(|bos| template(bos, names.find(|(_, id)| **id == bos).map_or("", |(name, _)| name)));
    let added_tokens = added.iter().map(|(content, id, flags)| AddedToken {
        id: *id,
        content,
        single_word: false,
        lstrip: flags.lstrip,
        rstrip: flags.rstrip,
        normalized: flags.normalized,
        special: flags.special,
    });
    let (normalizer, pre_tokenizer, decoder) = steps_of(&definition.kind);
    let file = File {
        version: "1.0",
        truncation: (),
        padding: (),
        added_tokens: added_tokens.collect(),
        normalizer,
        pre_tokenizer,
        post_processor: bos.unwrap_or(Value::Null),
        decoder,
        model: Model {
            r#type: "BPE",
            dropout: (),
            unk_token: definition.unknown.as_deref(),
            continuing_subword_prefix: (),
            end_of_word_suffix: (),
            fuse_unk: true,
            byte_fallback: matches!(definition.kind, Kind::Sentencepiece { .. }),
            ignore_merges: definition.ignore_merges,
            vocab: Vocab(vocab),
            merges,
        },
    };
    serde_json::to_string(&file).expect("texts and numbers can be written as JSON")
}

/// A post-processor that puts a token before a text.
fn template(id: u32, name: &str) -> Value {
    let token = json!({"SpecialToken": {"id": name, "type_id": 0}});
    let text = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    json!({
        "type": "TemplateProcessing",
        "single": [token, text("A", 0)],
        "pair": [token, text("A", 0), text("B", 1)],
        "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]}},
    })
}

/// A list of steps: none, one by itself, or a `Sequence` whose list has the name `list`.
fn sequence(mut steps: Vec<Value>, list: &str) -> Value {
    match steps.len() {
        0 => Value::Null,
        1 => steps.remove(0),
        _ => json!({"type": "Sequence", list: steps}),
    }
}

/// Normalizer, pre-tokenizer and decoder.
fn steps_of(kind: &Kind) -> (Value, Value, Value) {
    match kind {
        Kind::ByteLevel { nfc, cuts } => {
            let by_gpt2 = matches!(cuts.last(), Some(Cut::Gpt2(_)));
            let byte_level = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex});
            let mut steps = cuts.iter().filter_map(cut_step).collect::<Vec<_>>();
            steps.push(byte_level(by_gpt2));
            let normalizer = if *nfc { json!({"type": "NFC"}) } else { Value::Null };
            (normalizer, sequence(steps, "pretokenizers"), byte_level(true))
        }
        Kind::Sentencepiece { steps, metaspace, strip } => {
            let normalizers = steps.iter().map(normalizer_step).collect();
            let mut decoders = vec![
                json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
                json!({"type": "ByteFallback"}),
                json!({"type": "Fuse"}),
            ];
            if *strip {
                decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
            }
            let pre_tokenizer = metaspace.map_or(Value::Null, metaspace_step);
            (sequence(normalizers, "normalizers"), pre_tokenizer, sequence(decoders, "decoders"))
        }
    }
}

fn metaspace_step(metaspace: Metaspace) -> Value {
    let scheme = match metaspace.prepend {
        Prepend::Always => "always",
        Prepend::First => "first",
        Prepend::Never => "never",
    };
    json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": metaspace.split})
}

fn normalizer_step(step: &Step) -> Value {
    match step {
        Step::Prepend(text) => json!({"type": "Prepend", "prepend": text}),
        Step::Replace(from, to) => json!({"type": "Replace", "pattern": {"String": from}, "content": to}),
        Step::Nfc => json!({"type": "NFC"}),
    }
}

/// GPT-2's pattern is a setting of the step `ByteLevel`, which comes last.
fn cut_step(cut: &Cut) -> Option<Value> {
    match cut {
        Cut::Gpt2(_) => None,
        Cut::Digits { individual } => Some(json!({"type": "Digits", "individual_digits": individual})),
        Cut::Pattern { source, removed, invert, .. } => {
            let pattern = match source {
                Source::Regex(regex) => json!({"Regex": regex}),
                Source::Text(text) => json!({"String": text}),
            };
            let behavior = if *removed { "Removed" } else { "Isolated" };
            Some(json!({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}))
        }
    }
}
