//! How byte-level tokenizers of GGUF files cut text, by the names that `tokenizer.ggml.pre` gives.
//!
//! A file names the way rather than giving the expressions. They stand here as the models' publishers have them in
//! `tokenizer.json`; where llama.cpp has simplified one, the publisher's is taken.

use fancy_regex::Regex;

use super::split::{Cut, Gpt2, Source};

/// A way to cut, and what goes with it.
pub(super) struct Way {
    pub cuts: Vec<Cut>,
    /// Text is brought to Unicode's normal form C first.
    pub nfc: bool,
    /// A word that is a token is that token, whatever merging makes of it.
    pub ignore_merges: bool,
    /// A text is begun by the token for it, unless the file says otherwise.
    pub bos: bool,
}

/// The ways that are known, for messages.
pub(super) const KNOWN: &str = "gpt-2, phi-2, mpt, olmo, default, llama-bpe, llama3, llama-v3, falcon3, lfm2, dbrx, \
     smaug-bpe, qwen2, deepseek-r1-qwen, stablelm2, smollm, starcoder, refact, command-r, codeshell, exaone, \
     deepseek-llm, deepseek-coder, deepseek-v3, tekken and gpt-4o";

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Letters that have a case, for DeepSeek's first models, whose files list them one by one.
const DEEPSEEK_LETTERS: &str = r"\s?[\p{Lu}\p{Ll}\p{Lt}]+";
const DEEPSEEK_MARKS: &str = r"\s?[!-/:-~！-／：-～‘-‟　-。]+";
const DEEPSEEK_HAN: &str = r"[一-龥ࠀ-一가-퟿]+";
const DEEPSEEK_V3_CJK: &str = r"[一-龥぀-ゟ゠-ヿ]+";
const DEEPSEEK_V3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// What llama.cpp does where a file says no more than "default".
const DEFAULT_MARKS: &str = r"[\p{P}\$\+<=>\^~\|]+";

impl Way {
    /// The way of a name; `None` if it isn't known.
    pub(super) fn of(name: &str) -> Option<Self> {
        let plain = |cuts: Vec<Cut>| Self { cuts, nfc: false, ignore_merges: false, bos: false };
        let one = |pattern: &str| plain(vec![isolating(pattern)]);
        let each_digit = || Cut::Digits { individual: true };
        let gpt2 = || Cut::Gpt2(Gpt2::new());
        Some(match name {
            "gpt-2" | "phi-2" => plain(vec![gpt2()]),
            "mpt" | "olmo" => Self { nfc: true, ..plain(vec![gpt2()]) },
            "default" => {
                let digits = [r"\p{N}+", "[0-9][0-9][0-9]"].map(isolating);
                plain([isolating(DEFAULT_MARKS), gpt2()].into_iter().chain(digits).collect())
            }
            "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "lfm2" => {
                Self { ignore_merges: true, bos: true, ..one(LLAMA3) }
            }
            "dbrx" | "smaug-bpe" => one(LLAMA3),
            "qwen2" | "deepseek-r1-qwen" | "stablelm2" => Self { nfc: true, ..one(QWEN2) },
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" => {
                plain(vec![each_digit(), gpt2()])
            }
            "deepseek-llm" => {
                let patterns =
                    [r"[\r\n]", DEEPSEEK_LETTERS, DEEPSEEK_MARKS, r"\s+$", DEEPSEEK_HAN, r"\p{N}+"];
                plain(patterns.map(isolating).into())
            }
            "deepseek-coder" => {
                let patterns = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", DEEPSEEK_HAN, r"\p{N}"];
                plain(patterns.map(isolating).into())
            }
            "deepseek-v3" => plain([r"\p{N}{1,3}", DEEPSEEK_V3_CJK, DEEPSEEK_V3].map(isolating).into()),
            "tekken" => Self { ignore_merges: true, bos: true, ..one(TEKKEN) },
            "gpt-4o" => one(GPT4O),
            _ => return None,
        })
    }
}

/// What matches is a piece of its own.
fn isolating(pattern: &str) -> Cut {
    Cut::Pattern {
        regex: Box::new(Regex::new(pattern).expect("the patterns of this file are good ones")),
        source: Source::Regex(pattern.to_owned()),
        removed: false,
        invert: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_that_is_called_known_is_known() {
        for name in KNOWN.replace(" and ", ", ").split(", ").map(str::trim) {
            assert!(Way::of(name).is_some(), "{name}");
        }
        assert!(Way::of("unheard-of").is_none());
    }
}
