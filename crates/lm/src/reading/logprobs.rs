//! The first token's alternatives, in every shape in which servers list them, and what they say of some answers.
//!
//! An alternative that can't come (null, "-inf", NaN, a sentinel such as -9999, a value above 0) has the probability 0
//! and is passed over. How much of the probability the listed alternatives hold, and how much of it the answers, is
//! told: where the answers hold next to nothing (`<think>` holds the rest), their ratio is noise, and it is the caller
//! who refuses.

use serde_json::Value as Json;

/// What is lower counts as minus infinity: servers write -9999 or the smallest float for it.
const LOWEST: f64 = -1000.0;
/// What is left at least for alternatives that are not listed: rounding may leave nothing.
const LEAST_LEFT: f64 = 1e-4;
/// How far above 0 rounding may lift a log-probability.
const ROUNDING: f64 = 1e-3;

/// One alternative to the first token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternative {
    /// Its text, as it stands in a text: without a vocabulary's marks.
    pub text: String,
    /// Its log-probability: finite, at most 0.
    pub log: f64,
}

/// The alternatives that a reply lists: at least one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternatives {
    /// Those with a probability above 0, in the reply's order.
    pub listed: Vec<Alternative>,
    /// How many others were listed.
    pub impossible: usize,
}

/// What the alternatives say of some answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    /// Each answer's log-probability. One that is not listed has an upper bound: that of the least probable
    /// alternative, or what all that are listed leave, whichever is less.
    pub logs: Vec<f64>,
    /// How much of the probability the listed answers hold together, from 0 to 1.
    pub mass: f64,
    /// Which answers are listed.
    pub listed: Vec<bool>,
}

/// Why a reply has no alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAlternatives {
    /// The reply has no log-probabilities: the server ignores the request for them.
    #[error("the reply contains no alternatives to the first token")]
    Missing,
    /// None of those that are listed has a log-probability.
    #[error("none of the first token's alternatives has a log-probability")]
    Impossible,
}

/// The first token's alternatives in a reply: of its first choice, or of its own where there are no choices.
///
/// # Errors
/// If there are none.
pub(crate) fn first_token(reply: &Json) -> Result<Alternatives, NoAlternatives> {
    let choice = reply["choices"].get(0).unwrap_or(reply);
    let entries = entries(choice).ok_or(NoAlternatives::Missing)?;
    let (mut listed, mut impossible) = (Vec::new(), 0);
    for (text, log) in entries {
        match log {
            Some(log) => listed.push(Alternative { text, log }),
            None => impossible += 1,
        }
    }
    if listed.is_empty() {
        return Err(if impossible > 0 { NoAlternatives::Impossible } else { NoAlternatives::Missing });
    }
    Ok(Alternatives { listed, impossible })
}

/// Texts with log-probabilities; without one where it is not above minus infinity.
type Entries = Vec<(String, Option<f64>)>;

/// The alternatives, wherever they stand: in chats' and llama.cpp's `content`, in the older lists beside each other, in
/// llama.cpp's own interface, in Ollama's list, in Text Generation Inference's details.
fn entries(choice: &Json) -> Option<Entries> {
    let logprobs = &choice["logprobs"];
    let details = &choice["details"];
    let of_first = [
        &logprobs["content"][0],
        &logprobs[0],
        &choice["completion_probabilities"][0],
        &choice["message"]["logprobs"]["content"][0],
    ];
    let lists =
        of_first.into_iter().flat_map(|first| [&first["top_logprobs"], &first["top_probs"], &first["probs"]]);
    let older = [
        &logprobs["top_logprobs"][0],
        &details["top_tokens"][0],
        &details["best_of_sequences"][0]["top_tokens"][0],
    ];
    lists.chain(older).find_map(|place| match place {
        Json::Array(list) if !list.is_empty() => Some(list.iter().filter_map(entry).collect()),
        Json::Object(map) if !map.is_empty() => {
            Some(map.iter().map(|(token, log)| (clean(token), log_probability(map_value(log)))).collect())
        }
        _ => None,
    })
}

/// A map's value: the number, or vLLM's object with it.
fn map_value(value: &Json) -> &Json {
    if value.is_object() { &value["logprob"] } else { value }
}

/// An entry of a list: its text, and its log-probability or probability.
fn entry(entry: &Json) -> Option<(String, Option<f64>)> {
    let token = ["token", "text", "tok_str", "decoded_token"].iter().find_map(|name| entry[*name].as_str());
    let text = spelt(&entry["bytes"]).or_else(|| token.map(clean))?;
    let log = match (&entry["logprob"], &entry["prob"]) {
        (Json::Null, Json::Number(probability)) => {
            let probability = probability.as_f64().filter(|p| (0.0..=1.0 + ROUNDING).contains(p))?;
            Some(libm::log(probability.min(1.0))).filter(|log| *log > LOWEST)
        }
        (log, _) => log_probability(log),
    };
    Some((text, log))
}

/// A token's log-probability; `None` if it is no number, or that of a token that can't come.
pub(crate) fn log_probability(value: &Json) -> Option<f64> {
    let log = match value {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (LOWEST..=ROUNDING).contains(&log).then_some(log.min(0.0))
}

/// A text by its bytes, if they are given. A part of a character is U+FFFD.
fn spelt(bytes: &Json) -> Option<String> {
    let bytes: Vec<u8> =
        bytes.as_array()?.iter().map(|byte| byte.as_u64()?.try_into().ok()).collect::<Option<_>>()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// A token as it stands in a text. Vocabularies mark blanks and bytes: `Ġyes`, `▁yes`, `Ċ`, `<0x0A>`; some servers show
/// the marks, or even their escapes (`\u0120yes`).
pub(crate) fn clean(token: &str) -> String {
    if let Some(byte) = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'))
        && byte.len() == 2
        && let Ok(byte) = u8::from_str_radix(byte, 16)
    {
        return if byte.is_ascii() {
            char::from(byte).to_string()
        } else {
            char::REPLACEMENT_CHARACTER.to_string()
        };
    }
    let mut token = token.to_owned();
    for (escape, mark) in [("\\u0120", "Ġ"), ("\\u010a", "Ċ"), ("\\u010A", "Ċ"), ("\\u2581", "▁")] {
        if token.contains(escape) {
            token = token.replace(escape, mark);
        }
    }
    // In front they are marks; elsewhere they may be letters, but for the block, which no language writes.
    let bare = token.trim_start_matches(['Ġ', 'Ċ', 'ĉ']);
    let marks = &token[..token.len() - bare.len()];
    let blanks = marks.chars().map(|mark| match mark {
        'Ġ' => ' ',
        'Ċ' => '\n',
        _ => '\t',
    });
    blanks.chain(bare.chars().map(|c| if c == '▁' { ' ' } else { c })).collect()
}

impl Alternatives {
    /// How much of the probability all that is listed holds, from 0 to 1: far from 1, the list is short, or no list of
    /// probabilities.
    pub(crate) fn mass(&self) -> f64 {
        self.listed.iter().map(|alternative| libm::exp(alternative.log)).sum::<f64>().min(1.0)
    }

    /// What they say of some answers: "Yes", " yes", "\"yes\"" and "yes" are one, and so is a token that is the
    /// unmistakable beginning of one answer.
    pub(crate) fn of(&self, answers: &[String]) -> Answers {
        let mut masses = vec![0.0_f64; answers.len()];
        let mut smallest = 0.0_f64;
        for alternative in &self.listed {
            smallest = smallest.min(alternative.log);
            if let Some(answer) = answer_of(&alternative.text, answers) {
                masses[answer] += libm::exp(alternative.log);
            }
        }
        let bound = smallest.min(libm::log((1.0 - self.mass()).max(LEAST_LEFT)));
        let log = |mass: f64| if mass > 0.0 { libm::log(mass).min(0.0) } else { bound };
        Answers {
            logs: masses.iter().map(|mass| log(*mass)).collect(),
            mass: masses.iter().sum::<f64>().min(1.0),
            listed: masses.iter().map(|mass| *mass > 0.0).collect(),
        }
    }
}

/// The answer that a token spells, or that it is the unmistakable beginning of.
fn answer_of(token: &str, answers: &[String]) -> Option<usize> {
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    // An answer may consist of signs alone: then they count.
    let (plain, token) = (token.trim().to_lowercase(), bare(token));
    let label = |i: usize| bare(&answers[i]);
    let exact = (0..answers.len()).find(|i| answers[*i].trim().to_lowercase() == plain && !plain.is_empty());
    let exact = exact.or_else(|| (0..answers.len()).find(|i| label(*i) == token && !token.is_empty()));
    if exact.is_some() {
        return exact;
    }
    let mut begun = (0..answers.len()).filter(|i| label(*i).starts_with(&token));
    match (token.chars().count() >= 3, begun.next(), begun.next()) {
        (true, Some(only), None) => Some(only),
        _ => None,
    }
}

#[cfg(test)]
#[path = "logprobs_tests.rs"]
mod tests;
