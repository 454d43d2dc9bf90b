//! Tokenizers of GGUF files give the tokens of llama.cpp and of the publishers' `tokenizer.json`, and what lies is refused.
//!
//! `data/vocabularies.json` was written by `data/vocabularies.py`. With SAMARA_SMOLLM2 the tokens of that model are
//! compared too: the variable names its GGUF file.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod gguf_file;

use std::path::Path;

use gguf_file::{File, list, string, value};
use samara_seedling::{Gguf, SeedlingError, Tokenizer, gguf::Header};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/vocabularies.json")).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn numbers(list: &Value) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn strings(all: &[&str]) -> Vec<u8> {
    list(8, all.len() as u64, &all.iter().flat_map(|text| string(text)).collect::<Vec<_>>())
}

fn integers(all: &[u32]) -> Vec<u8> {
    list(5, all.len() as u64, &all.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

fn floats(all: &[f32]) -> Vec<u8> {
    list(6, all.len() as u64, &all.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

fn read(file: &File) -> Result<Tokenizer, SeedlingError> {
    let bytes = file.bytes();
    let header = Header::read(&mut &bytes[..], bytes.len() as u64, Path::new("folder/model.gguf"))?;
    Tokenizer::from_gguf(&header.metadata)
}

fn common(model: &str, vocabulary: &Value) -> File {
    File::new()
        .set("general.architecture", value(8, &string("llama")))
        .set("tokenizer.ggml.model", value(8, &string(model)))
        .set("tokenizer.ggml.tokens", strings(&texts(&vocabulary["tokens"])))
        .set("tokenizer.ggml.token_type", integers(&numbers(&vocabulary["types"])))
        .set("tokenizer.ggml.eos_token_id", value(4, &2_u32.to_le_bytes()))
}

fn byte_level(golden: &Value, pre: &str) -> File {
    common("gpt2", &golden["bytes"])
        .set("tokenizer.ggml.merges", strings(&texts(&golden["bytes"]["merges"])))
        .set("tokenizer.ggml.pre", value(8, &string(pre)))
        .set("tokenizer.ggml.bos_token_id", value(4, &0_u32.to_le_bytes()))
}

fn sentencepiece(golden: &Value, prefix: bool) -> File {
    let scores = golden["spm"]["scores"].as_array().unwrap().iter();
    let scores = scores.map(|score| score.as_f64().unwrap() as f32).collect::<Vec<_>>();
    common("llama", &golden["spm"])
        .set("tokenizer.ggml.scores", floats(&scores))
        .set("tokenizer.ggml.add_space_prefix", value(7, &[u8::from(prefix)]))
        .set("tokenizer.ggml.bos_token_id", value(4, &1_u32.to_le_bytes()))
}

/// Texts whose tokens are others.
fn apart<'a>(tokenizer: &Tokenizer, texts: &[&'a str], ids: &Value) -> Vec<(&'a str, Vec<u32>, Vec<u32>)> {
    let ids = ids.as_array().unwrap();
    assert_eq!(ids.len(), texts.len());
    let each = texts.iter().zip(ids).map(|(text, ids)| (*text, numbers(ids), tokenizer.encode(text)));
    each.filter(|(_, expected, found)| expected != found).collect()
}

#[test]
fn every_way_to_cut_gives_the_tokens_of_the_publishers_files() {
    let golden = golden();
    let texts = texts(&golden["texts"]);
    let ids = golden["ids"].as_object().unwrap();
    let ways = ids.iter().filter(|(name, _)| !name.starts_with("spm")).collect::<Vec<_>>();
    assert_eq!((ways.len(), texts.len()), (12, 263));
    for (name, expected) in ways {
        let tokenizer = read(&byte_level(&golden, name)).unwrap();
        assert_eq!(apart(&tokenizer, &texts, &expected["ids"]), [], "{name}");
        let as_it_was = |text: &&str| !matches!(name.as_str(), "olmo" | "qwen2") || text.is_ascii();
        for text in texts.iter().copied().filter(as_it_was) {
            assert_eq!(tokenizer.decode(&tokenizer.encode(text)), text, "{name}");
        }
    }
}

#[test]
fn a_sentencepiece_vocabulary_gives_the_tokens_of_llama_cpp() {
    let golden = golden();
    let texts = texts(&golden["texts"]);
    for (name, prefix) in [("spm", true), ("spm without prefix", false)] {
        let tokenizer = read(&sentencepiece(&golden, prefix)).unwrap();
        assert_eq!(apart(&tokenizer, &texts, &golden["ids"][name]["ids"]), [], "{name}");
        // Behind a token that is found as a whole another space is put, as llama.cpp does.
        let plain = |text: &&&str| !["\u{2581}", "\n\n", "<mark>"].iter().any(|odd| text.contains(odd));
        for text in texts.iter().filter(plain) {
            assert_eq!(tokenizer.decode(&tokenizer.encode(text)), *text, "{name}");
        }
        let again =
            Tokenizer::from_json(tokenizer.to_json().as_bytes(), Path::new("tokenizer.json")).unwrap();
        for text in &texts {
            assert_eq!(again.encode(text), tokenizer.encode(text), "{name}, written as tokenizer.json");
        }
    }
}

#[test]
fn files_in_the_style_of_every_family_give_the_tokens_of_hugging_face() {
    let golden = golden();
    let texts = texts(&golden["texts"]);
    let styles = golden["json"]["styles"].as_object().unwrap();
    assert_eq!(styles.len(), 5);
    for (name, style) in styles {
        let mut file = style["style"].clone();
        file["model"] = golden["json"]["model"].clone();
        let tokenizer =
            Tokenizer::from_json(file.to_string().as_bytes(), Path::new("tokenizer.json")).unwrap();
        for (text, ids) in texts.iter().zip(style["ids"].as_array().unwrap()) {
            assert_eq!(tokenizer.encode_with_specials(text), numbers(ids), "{name}: {text:?}");
        }
    }
}

#[test]
fn smollm2_has_the_tokens_of_llama_cpp_if_its_file_is_given() {
    let Some(path) = std::env::var_os("SAMARA_SMOLLM2") else { return };
    let golden = golden();
    let tokenizer = Tokenizer::from_gguf(Gguf::open(Path::new(&path)).unwrap().metadata()).unwrap();
    assert_eq!(apart(&tokenizer, &texts(&golden["texts"]), &golden["smollm2"]), []);
    let name = |id: &u32| tokenizer.name(*id).unwrap();
    assert!(tokenizer.ends().iter().map(name).any(|name| name == "<|im_end|>"), "{:?}", tokenizer.ends());
}

#[test]
fn names_of_control_tokens_in_text_are_text_and_user_defined_tokens_are_found() {
    let golden = golden();
    let bytes = read(&byte_level(&golden, "smollm")).unwrap();
    let spm = read(&sentencepiece(&golden, true)).unwrap();
    let marks = "<|im_end|><|endoftext|><s></s><unk><0x41>";
    for tokenizer in [&bytes, &spm] {
        let ids = tokenizer.encode(marks);
        assert!(ids.iter().all(|id| !tokenizer.is_special(*id)), "{ids:?}");
        assert_eq!(tokenizer.decode(&ids), marks);
    }
    assert_eq!(bytes.encode_with_specials("<|im_end|>"), [2]);
    let mark = (0..).find(|id| spm.name(*id) == Some("<mark>")).unwrap();
    assert!(spm.encode("a<mark>b").contains(&mark));
    assert_eq!((bytes.bos(), bytes.eos(), bytes.ends()), (None, Some(2), &[0, 2][..]));
    assert_eq!((spm.bos(), spm.eos(), spm.ends()), (Some(1), Some(2), &[2][..]));
}

#[test]
fn a_file_says_whether_a_text_is_begun_and_what_ends_it() {
    let golden = golden();
    let llama3 = || byte_level(&golden, "llama-bpe");
    assert_eq!(read(&llama3()).unwrap().bos(), Some(0));
    let none = llama3().set("tokenizer.ggml.add_bos_token", value(7, &[0]));
    assert_eq!(read(&none).unwrap().bos(), None);
    let turn = llama3().set("tokenizer.ggml.eot_token_id", value(4, &7_u32.to_le_bytes()));
    let turn = read(&turn).unwrap();
    assert_eq!((turn.eos(), turn.ends()), (Some(2), &[0, 2, 7][..]));
}

/// What a file says that is wrong, and what the error must say.
fn lies(golden: &Value) -> Vec<(&'static str, File)> {
    let bytes = || byte_level(golden, "gpt-2");
    let spm = || sentencepiece(golden, true);
    let without = |mut file: File, key: &str| {
        file.metadata.retain(|(name, _)| name != key);
        file
    };
    let instead = |file: File, key: &str, bytes: Vec<u8>| without(file, key).set(key, bytes);
    let tokens = texts(&golden["bytes"]["tokens"]);
    let doubled = [&tokens[1..], &tokens[1..2]].concat();
    let long = "x".repeat(300);
    let types = numbers(&golden["bytes"]["types"]);
    vec![
        ("tokenizer.ggml.model is missing", without(bytes(), "tokenizer.ggml.model")),
        ("tokenizer.ggml.tokens is missing", without(bytes(), "tokenizer.ggml.tokens")),
        ("tokenizer.ggml.merges is missing", without(bytes(), "tokenizer.ggml.merges")),
        ("tokenizer.ggml.pre is missing", without(bytes(), "tokenizer.ggml.pre")),
        ("tokenizer.ggml.scores is missing", without(spm(), "tokenizer.ggml.scores")),
        ("\"t5\" is not supported", instead(bytes(), "tokenizer.ggml.model", value(8, &string("t5")))),
        ("\"odd\" to cut text", instead(bytes(), "tokenizer.ggml.pre", value(8, &string("odd")))),
        ("there are 0 tokens", instead(bytes(), "tokenizer.ggml.tokens", strings(&[]))),
        ("both named", instead(bytes(), "tokenizer.ggml.tokens", strings(&doubled))),
        ("token_type isn't as long", instead(bytes(), "tokenizer.ggml.token_type", integers(&types[1..]))),
        ("scores isn't as long", instead(spm(), "tokenizer.ggml.scores", floats(&[1.0]))),
        (
            "not a number",
            instead(
                spm(),
                "tokenizer.ggml.scores",
                floats(&vec![f32::NAN; texts(&golden["spm"]["tokens"]).len()]),
            ),
        ),
        ("merge number 0", instead(bytes(), "tokenizer.ggml.merges", strings(&["abc"]))),
        ("merge number 1", instead(bytes(), "tokenizer.ggml.merges", strings(&["t h", "a b c"]))),
        ("needs the token", instead(bytes(), "tokenizer.ggml.merges", strings(&["t qqq"]))),
        (
            "eos_token_id is 99999",
            instead(bytes(), "tokenizer.ggml.eos_token_id", value(4, &99_999_u32.to_le_bytes())),
        ),
        (
            "longer than 256 bytes",
            instead(bytes(), "tokenizer.ggml.tokens", {
                let mut tokens = tokens.clone();
                tokens[2] = &long;
                strings(&tokens)
            }),
        ),
        (
            "the byte 0x41",
            instead(spm(), "tokenizer.ggml.tokens", {
                let tokens = texts(&golden["spm"]["tokens"]);
                strings(
                    &tokens
                        .iter()
                        .map(|name| if *name == "<0x41>" { "gone" } else { name })
                        .collect::<Vec<_>>(),
                )
            }),
        ),
    ]
}

#[test]
fn bytes_without_a_token_are_left_out() {
    let golden = golden();
    let mut file = byte_level(&golden, "gpt-2");
    let tokens = texts(&golden["bytes"]["tokens"]);
    // What stands for the bytes 4 and 0xF5; no merge needs them.
    let lacking =
        tokens.iter().map(|name| if matches!(*name, "Ą" | "õ") { "" } else { name }).collect::<Vec<_>>();
    file.metadata.retain(|(key, _)| key != "tokenizer.ggml.tokens");
    let tokenizer = read(&file.set("tokenizer.ggml.tokens", strings(&lacking))).unwrap();
    assert_eq!(lacking.iter().filter(|name| name.is_empty()).count(), 2);
    assert_eq!(tokenizer.decode(&tokenizer.encode("a\u{4}b")), "ab");
}

#[test]
fn what_lies_is_refused_with_the_files_name_and_a_hint() {
    for (told, file) in lies(&golden()) {
        let error = read(&file).err().unwrap_or_else(|| panic!("{told} is read")).to_string();
        assert!(error.contains(told) && error.starts_with("folder/model.gguf: "), "{told}: {error}");
        assert!(error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_long_text_of_one_letter_or_of_blanks_is_done_in_steps_that_do_not_explode() {
    let golden = golden();
    let texts = ["a".repeat(200_000), " ".repeat(200_000), "<".repeat(200_000), "ab\n".repeat(60_000)];
    for name in ["llama-bpe", "gpt-4o", "deepseek-v3"] {
        let tokenizer = read(&byte_level(&golden, name)).unwrap();
        for text in &texts {
            assert_eq!(tokenizer.decode(&tokenizer.encode(text)), *text, "{name}");
        }
    }
    let tokenizer = read(&sentencepiece(&golden, true)).unwrap();
    for text in &texts {
        assert_eq!(tokenizer.decode(&tokenizer.encode(text)), *text);
    }
}
