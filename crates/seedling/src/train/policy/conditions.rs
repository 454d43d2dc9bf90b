//! Conditions as tokens of their own: what a model is to write for is the first token of its prompt.

use std::path::Path;

use serde_json::{Value, json};

use crate::{SeedlingError, Stream, Tokenizer, train::tune::Base};

/// The deviation of a new token's embedding around the mean of all others, as a part of theirs.
const APART: f64 = 0.5;
/// Letters of a condition's name.
const MOST_LETTERS: usize = 40;

/// The token of a condition, as prompts write it.
pub fn token(name: &str) -> String {
    format!("<{name}>")
}

/// A model with a token for each name, which [`token`] writes: its embedding is the mean of all others with some noise,
/// drawn from `seed`. Tokens that are there already stay as they are.
///
/// # Errors
/// Names that are no words of lower-case letters, digits and `_`, or that come twice.
pub fn extend(base: Base, names: &[String], seed: u64) -> Result<Base, SeedlingError> {
    check(names)?;
    let known = |name: &&String| base.tokenizer.encode(&token(name)).len() == 1;
    let added: Vec<&String> = names.iter().filter(|name| !known(name)).collect();
    let Base { mut weights, tokenizer } = base;
    let tokenizer = with_tokens(&tokenizer, &added)?;
    let hidden = weights.config.hidden_size;
    let (mean, deviation) = moments(&weights.embedding, hidden);
    for name in &added {
        let id = tokenizer.encode(&token(name));
        if id != [weights.config.vocab_size as u32] {
            let what = format!("the token <{name}> can't be added to this vocabulary");
            return Err(SeedlingError::Training { what, hint: "begin with another model".into() });
        }
        let mut stream = Stream::new(seed, weights.config.vocab_size as u64);
        let noise = APART * deviation;
        weights.embedding.extend(mean.iter().map(|mean| (mean + noise * stream.normal()) as f32));
        weights.config.vocab_size += 1;
    }
    Ok(Base { weights, tokenizer })
}

fn check(names: &[String]) -> Result<(), SeedlingError> {
    let word = |name: &String| {
        (1..=MOST_LETTERS).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    for (at, name) in names.iter().enumerate() {
        let hint = "use lower-case letters, digits and _, such as left_wall or tunnel_60";
        if !word(name) {
            return Err(SeedlingError::setting("condition", format!("`{name}` is no name"), hint));
        }
        if names[..at].contains(name) {
            return Err(SeedlingError::setting(
                "condition",
                format!("`{name}` comes twice"),
                "name each once",
            ));
        }
    }
    Ok(())
}

/// The mean embedding, and how far the numbers of one are from it.
fn moments(embedding: &[f32], hidden: usize) -> (Vec<f64>, f64) {
    let rows = (embedding.len() / hidden).max(1) as f64;
    let mut mean = vec![0.0; hidden];
    for row in embedding.chunks_exact(hidden) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / rows);
    }
    let squares: f64 = embedding
        .chunks_exact(hidden)
        .flat_map(|row| row.iter().zip(&mean).map(|(x, mean)| (f64::from(*x) - mean).powi(2)))
        .sum();
    (mean, libm::sqrt(squares / embedding.len().max(1) as f64))
}

/// The tokenizer with these tokens behind all others. They are text like any other: a prompt can name them.
fn with_tokens(tokenizer: &Tokenizer, names: &[&String]) -> Result<Tokenizer, SeedlingError> {
    let origin = Path::new("the model's tokenizer");
    let odd = |what: &str| SeedlingError::file(origin, what, "begin with a model that samara wrote");
    let mut file: Value =
        serde_json::from_str(&tokenizer.to_json()).map_err(|_| odd("can't be written as a file"))?;
    let added = file.get_mut("added_tokens").and_then(Value::as_array_mut);
    let added = added.ok_or_else(|| odd("has no list of added tokens"))?;
    let tokens = (tokenizer.vocab_size()..).zip(names).map(|(id, name)| {
        json!({
            "id": id, "content": token(name), "special": false, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    });
    added.extend(tokens);
    Tokenizer::from_json(file.to_string().as_bytes(), origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check_tokenizer, shipped, train::Corpus};

    fn base() -> Base {
        Base {
            weights: shipped::weights(Corpus::Walkers).expect("weights"),
            tokenizer: shipped::tokenizer(Corpus::Walkers).expect("a tokenizer"),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_condition_is_one_token_and_the_rest_of_a_prompt_is_cut_as_before() {
        let before = base();
        let after = extend(before.clone(), &names(&["left_wall", "tunnel_60"]), 1).expect("extended");
        let size = before.weights.config.vocab_size as u32;
        assert_eq!(after.weights.config.vocab_size as u32, size + 2);
        check_tokenizer(&after.tokenizer, &after.weights.config).expect("they fit");
        let prompt = "def make_walker():\n    wc = walker_creator()\n";
        let plain = before.tokenizer.encode(prompt);
        let told = after.tokenizer.encode(&format!("{}{prompt}", token("tunnel_60")));
        assert_eq!(told[0], size + 1);
        assert_eq!(told[1..], plain);
        assert_eq!(after.tokenizer.encode(prompt), plain);
        assert_eq!(after.tokenizer.decode(&told), format!("<tunnel_60>{prompt}"));
        let old = before.weights.embedding.len();
        assert_eq!(after.weights.embedding[..old], before.weights.embedding);
    }

    #[test]
    fn conditions_that_are_there_are_not_added_again_and_odd_names_are_refused() {
        let once = extend(base(), &names(&["rough"]), 1).expect("extended");
        let size = once.weights.config.vocab_size;
        let twice = extend(once.clone(), &names(&["rough", "flat"]), 1).expect("extended");
        assert_eq!(twice.weights.config.vocab_size, size + 1);
        assert_eq!(twice.tokenizer.encode("<rough>"), once.tokenizer.encode("<rough>"));
        for odd in [&["Left"][..], &[""], &["a b"], &["a>"], &["rough", "rough"]] {
            let error = extend(base(), &names(odd), 1).expect_err("refused").to_string();
            assert!(error.contains("condition"), "{error}");
        }
    }
}
