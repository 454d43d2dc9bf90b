//! Laws of tokenizers, golden tokens, and refusals.
//!
//! The golden tokens are those of Hugging Face's `tokenizers` 0.23, trained by its own trainer on the same text.

use std::{collections::BTreeSet, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const TEXT: &str = "The river ran past the mill, and the mill ground the grain that the river's boats had brought.\n\
    \"Grind on,\" said the miller, \"the river won't wait: 12 sacks by 10, 24 by noon!\"\n\
    Then the rain came; the river rose, the boats went down the river, and the mill ran on and on.\n";

const GOLDEN_NAMES: &[&str] = &["the", "Ġriver", "'", "s", "Ġmill"];

const GOLDEN: &[(&str, &[u32])] = &[
    ("the river's mill ran", &[260, 269, 9, 85, 274, 262, 264]),
    (
        "  two  spaces,\n\n\tand a tab ",
        &[
            223, 223, 86, 89, 81, 223, 223, 85, 82, 67, 69, 71, 85, 14, 201, 201, 200, 264, 70, 223, 67, 223,
            86, 67, 68, 223,
        ],
    ),
    (
        "we'll, they'Ve; 1234 x5",
        &[89, 71, 9, 78, 78, 14, 261, 91, 9, 56, 71, 29, 223, 19, 20, 21, 22, 223, 90, 23],
    ),
    (
        "Grüße, 日本 🎉\u{200d}!",
        &[
            41, 84, 130, 123, 130, 256, 71, 14, 223, 165, 248, 101, 165, 253, 108, 223, 175, 256, 239, 234,
            161, 225, 238, 3,
        ],
    ),
    ("\u{a0} no-break\u{2003}em", &[129, 257, 223, 80, 81, 15, 68, 84, 71, 67, 77, 161, 225, 228, 71, 79]),
    ("<s>the</s>", &[30, 85, 32, 260, 30, 17, 85, 32]),
];

fn small() -> Tokenizer {
    Tokenizer::train(TEXT.split_inclusive('\n').map(str::to_owned), 280, &["<s>", "</s>", "<pad>"])
}

/// A SentencePiece-like tokenizer with these merges, told as `left right`.
fn sentencepiece(merges: &[&str], change: impl Fn(&mut Value)) -> Result<Tokenizer, SeedlingError> {
    let mut names = vec!["<unk>".to_owned(), "<s>".to_owned(), "</s>".to_owned()];
    names.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    names.extend(["▁", "a", "b", "c", "é"].map(str::to_owned));
    names.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let vocab =
        names.into_iter().zip(0..).map(|(name, id)| (name, json!(id))).collect::<serde_json::Map<_, _>>();
    let special =
        |id: u32, content: &str| json!({"id": id, "content": content, "special": true, "normalized": false});
    let mut file = json!({
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "byte_fallback": true, "vocab": vocab, "merges": merges},
    });
    change(&mut file);
    Tokenizer::from_json(file.to_string().as_bytes(), Path::new("folder/tokenizer.json"))
}

fn names(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter().map(|id| tokenizer.name(*id).unwrap().to_owned()).collect()
}

/// A byte-level tokenizer in which `change` changes the file.
fn byte_level(change: impl Fn(&mut Value)) -> Result<Tokenizer, SeedlingError> {
    let mut file = serde_json::from_str(&small().to_json()).unwrap();
    change(&mut file);
    Tokenizer::from_json(file.to_string().as_bytes(), Path::new("folder/tokenizer.json"))
}

fn added(id: u32, content: &str, special: bool, normalized: bool) -> Value {
    json!({"id": id, "content": content, "special": special, "normalized": normalized})
}

proptest! {
    #[test]
    fn byte_level_text_comes_back_as_it_was(text in "(\\PC|[ -~]|\\s|the river|<s>|'ll){0,80}") {
        let tokenizer = small();
        let ids = tokenizer.encode(&text);
        prop_assert_eq!(tokenizer.decode(&ids), text.as_str());
        prop_assert!(ids.iter().all(|id| !tokenizer.is_special(*id)));
        let streamed = ids.iter().flat_map(|id| tokenizer.token_bytes(*id).to_vec()).collect::<Vec<_>>();
        prop_assert_eq!(streamed, text.as_bytes());
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode_with_specials(&text)), text.replace("<s>", ""));
    }

    #[test]
    fn sentencepiece_text_comes_back_as_it_was(text in "([abc é]|[ -~]|[^\\p{C}▁]){0,60}") {
        let tokenizer = sentencepiece(&["▁ a", "b c", "▁a bc", "é a"], |_| {}).unwrap();
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), text);
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_tokenizer(text in "\\PC{0,60}") {
        for tokenizer in [small(), sentencepiece(&["▁ a", "b c"], |_| {}).unwrap()] {
            let again = Tokenizer::from_json(tokenizer.to_json().as_bytes(), Path::new("again")).unwrap();
            prop_assert_eq!(again.encode(&text), tokenizer.encode(&text));
            prop_assert_eq!(again.to_json(), tokenizer.to_json());
            prop_assert_eq!((again.bos(), again.eos()), (tokenizer.bos(), tokenizer.eos()));
        }
    }

    #[test]
    fn any_tokens_decode_without_panic(ids in prop::collection::vec(any::<u32>().prop_map(|id| id % 400), 0..40)) {
        let _ = small().decode(&ids);
    }

    #[test]
    fn bytes_that_are_no_tokenizer_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Tokenizer::from_json(&bytes, Path::new("x")).is_err());
    }

    #[test]
    fn a_file_with_a_changed_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = small().to_json().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(tokenizer) = Tokenizer::from_json(&bytes, Path::new("x")) {
            let _ = tokenizer.decode(&tokenizer.encode(TEXT));
        }
    }
}

#[test]
fn golden_tokens_of_a_trained_tokenizer_stay() {
    let tokenizer = small();
    assert_eq!((tokenizer.vocab_size(), tokenizer.bos(), tokenizer.eos()), (280, Some(0), Some(1)));
    assert_eq!(names(&tokenizer, &tokenizer.encode("the river's mill")), GOLDEN_NAMES);
    for (text, ids) in GOLDEN {
        assert_eq!(tokenizer.encode(text), *ids, "{text}");
    }
}

#[test]
fn names_of_special_tokens_in_text_are_plain_text() {
    let tokenizer = small();
    let ids = tokenizer.encode("<s>the</s><pad>");
    assert!(ids.iter().all(|id| !tokenizer.is_special(*id)), "{ids:?}");
    assert_eq!(tokenizer.decode(&ids), "<s>the</s><pad>");
    assert_eq!(names(&tokenizer, &tokenizer.encode_with_specials("<s>the</s>")), ["<s>", "the", "</s>"]);
}

#[test]
fn training_never_merges_text_into_a_special_token() {
    let tokenizer = Tokenizer::train(std::iter::repeat_n("<s> <s> <s>".to_owned(), 50), 280, &["<s>"]);
    assert!(!tokenizer.encode("<s> <s>").contains(&0));
}

#[test]
fn merges_of_a_file_never_lead_to_a_special_token() {
    let tokenizer = sentencepiece(&["a b", "ab c"], |file| {
        file["added_tokens"].as_array_mut().unwrap().push(added(265, "abc", true, false));
    });
    let tokenizer = tokenizer.unwrap();
    assert_eq!(names(&tokenizer, &tokenizer.encode("abc")), ["▁", "ab", "c"]);
    assert_eq!(tokenizer.encode_with_specials("abc"), [265]);
}

#[test]
fn training_ends_when_no_pair_is_left_that_occurs_twice() {
    let tokenizer = Tokenizer::train(["abc".to_owned()].into_iter(), 1000, &["<s>"]);
    assert_eq!(tokenizer.vocab_size(), 257);
    assert_eq!(Tokenizer::train(std::iter::empty(), 10, &[]).vocab_size(), 256);
}

#[test]
fn training_merges_the_lowest_pair_first_where_counts_tie() {
    let tokenizer = Tokenizer::train(["xy ab xy ab".to_owned()].into_iter(), 258, &[]);
    assert_eq!(names(&tokenizer, &[256, 257]), ["ab", "xy"]);
}

#[test]
fn training_does_not_depend_on_how_texts_are_cut_at_lines() {
    let whole = Tokenizer::train([TEXT.to_owned()].into_iter(), 280, &["<s>", "</s>", "<pad>"]);
    assert_eq!(whole.to_json(), small().to_json());
}

#[test]
fn sentencepiece_puts_a_space_first_and_falls_back_on_bytes() {
    let tokenizer = sentencepiece(&["▁ a", "b c", "▁a bc"], |_| {}).unwrap();
    let ids = tokenizer.encode("abc aü");
    assert_eq!(names(&tokenizer, &ids), ["▁abc", "▁a", "<0xC3>", "<0xBC>"]);
    assert_eq!(tokenizer.decode(&ids), "abc aü");
    assert_eq!(tokenizer.token_bytes(ids[0]), b" abc");
    assert!(tokenizer.encode("").is_empty());
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(1), Some(2)));
}

#[test]
fn metaspace_puts_a_space_where_its_scheme_says() {
    let encoded = |scheme: &str, text: &str| {
        let tokenizer = sentencepiece(&["▁ a"], |file| {
            file["normalizer"] = Value::Null;
            file["pre_tokenizer"] =
                json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
            file["added_tokens"].as_array_mut().unwrap().push(added(400, "|", false, false));
        });
        let tokenizer = tokenizer.unwrap();
        names(&tokenizer, &tokenizer.encode(text))
    };
    assert_eq!(encoded("always", "a|a"), ["▁a", "|", "▁a"]);
    assert_eq!(encoded("first", "a|a"), ["▁a", "|", "a"]);
    assert_eq!(encoded("never", "a|a"), ["a", "|", "a"]);
    assert_eq!(encoded("always", " a"), ["▁a"]);
}

#[test]
fn added_tokens_that_are_not_special_are_found_in_text_the_longest_first() {
    let tokenizer = byte_level(|file| {
        let tokens = file["added_tokens"].as_array_mut().unwrap();
        tokens.extend([
            added(300, "<tool", false, false),
            added(301, "<tool>", false, false),
            added(302, "日", false, true),
        ]);
    });
    let tokenizer = tokenizer.unwrap();
    assert_eq!(
        tokenizer.encode("<tool><tool 日"),
        [vec![301, 300], tokenizer.encode(" "), vec![302]].concat()
    );
    assert_eq!(tokenizer.decode(&[300, 301, 302]), "<tool<tool>日");
    assert_eq!(tokenizer.vocab_size(), 303);
}

#[test]
fn normal_form_c_is_made_where_the_file_asks_for_it() {
    let tokenizer = byte_level(|file| file["normalizer"] = json!({"type": "NFC"})).unwrap();
    assert_eq!(tokenizer.decode(&tokenizer.encode("e\u{301}")), "\u{e9}");
}

#[test]
fn ignored_merges_leave_whole_words_whole() {
    let tokenizer = byte_level(|file| {
        file["model"]["ignore_merges"] = json!(true);
        file["model"]["vocab"]["xyz"] = json!(300);
    });
    assert_eq!(tokenizer.unwrap().encode("xyz"), [300]);
    let merging = byte_level(|file| file["model"]["vocab"]["xyz"] = json!(300)).unwrap();
    assert_eq!(merging.encode("xyz").len(), 3);
}

#[test]
fn llama_3s_and_qwen2s_steps_are_read_and_written() {
    let pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let tokenizer = byte_level(|file| {
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            {"type": "Split", "pattern": {"String": "mill"}, "behavior": "Isolated", "invert": false},
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]});
        file["post_processor"] = json!({"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
            file["post_processor"],
        ]});
    });
    let tokenizer = tokenizer.unwrap();
    assert_eq!(tokenizer.decode(&tokenizer.encode(TEXT)), TEXT);
    let again = Tokenizer::from_json(tokenizer.to_json().as_bytes(), Path::new("again")).unwrap();
    assert_eq!(again.encode(TEXT), tokenizer.encode(TEXT));
    assert_eq!(again.to_json(), tokenizer.to_json());
}

/// Changes a file's parsed JSON.
type Change = fn(&mut Value);

#[test]
fn what_is_not_supported_is_refused_with_the_files_name_and_a_hint() {
    let changes: [(&str, Change); 18] = [
        ("Unigram", |file| file["model"]["type"] = json!("Unigram")),
        ("WordPiece", |file| file["model"]["type"] = json!("WordPiece")),
        ("dropout", |file| file["model"]["dropout"] = json!(0.1)),
        ("##", |file| file["model"]["continuing_subword_prefix"] = json!("##")),
        ("</w>", |file| file["model"]["end_of_word_suffix"] = json!("</w>")),
        ("NFKC", |file| file["normalizer"] = json!({"type": "NFKC"})),
        ("Prepend", |file| file["normalizer"] = json!({"type": "Prepend", "prepend": "x"})),
        ("Whitespace", |file| file["pre_tokenizer"] = json!({"type": "Whitespace"})),
        ("add_prefix_space", |file| file["pre_tokenizer"]["add_prefix_space"] = json!(true)),
        ("decoder", |file| file["decoder"] = Value::Null),
        ("WordPiece", |file| file["decoder"] = json!({"type": "WordPiece"})),
        ("BertProcessing", |file| file["post_processor"] = json!({"type": "BertProcessing"})),
        ("token 7777", |file| file["post_processor"]["special_tokens"]["<s>"]["ids"] = json!([7777])),
        ("single_word", |file| file["added_tokens"][0]["single_word"] = json!(true)),
        ("both numbered", |file| file["model"]["vocab"]["xyz"] = json!(270)),
        ("token's number", |file| file["model"]["vocab"]["xyz"] = json!(1_u64 << 40)),
        ("needs the token", |file| file["model"]["merges"][0] = json!("q qq")),
        ("0x41", |file| drop(file["model"]["vocab"].as_object_mut().unwrap().remove("A"))),
    ];
    for (told, change) in changes {
        let error = byte_level(change).err().unwrap_or_else(|| panic!("{told} is read")).to_string();
        assert!(error.contains(told) && error.starts_with("folder/tokenizer.json: "), "{told}: {error}");
        assert!(error.contains("hint: "), "{error}");
    }
}

#[test]
fn every_truncation_of_a_file_is_refused() {
    let whole = small().to_json();
    let cuts = (0..whole.len()).step_by(97).chain([whole.len() - 1]).collect::<BTreeSet<_>>();
    for cut in cuts {
        assert!(Tokenizer::from_json(&whole.as_bytes()[..cut], Path::new("x")).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_pattern_that_searches_without_end_leaves_the_text_whole() {
    let tokenizer = byte_level(|file| {
        let pattern = json!({"Regex": r"(?=(\w+)*\d)(\w*)*\1!"});
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]});
    });
    let text = "a".repeat(60);
    let tokenizer = tokenizer.unwrap();
    assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), text);
}

#[test]
fn steps_that_would_make_a_text_much_longer_are_refused_before_any_text_is_met() {
    let replace =
        |from: &str, to: String| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
    let read = |steps: Vec<Value>| {
        sentencepiece(&[], |file| file["normalizer"] = json!({"type": "Sequence", "normalizers": steps}))
    };
    for (steps, fits) in [
        (vec![replace("a", "aa".to_owned()); 4], true),
        (vec![replace("a", "aa".to_owned()); 5], false),
        (vec![replace("a", "aa".to_owned()); 64], false),
        (vec![replace("aa", "a".repeat(32))], true),
        (vec![replace("a", "a".repeat(1000)); 3], false),
        (vec![json!({"type": "Prepend", "prepend": "a".repeat(1024)})], true),
        (vec![json!({"type": "Prepend", "prepend": "a".repeat(1025)})], false),
        (vec![json!({"type": "Prepend", "prepend": "a".repeat(600)}); 2], false),
        (vec![json!({"type": "Prepend", "prepend": "a".repeat(100)}), replace("a", "a".repeat(11))], false),
    ] {
        match read(steps) {
            Ok(tokenizer) => {
                assert!(fits);
                assert!(tokenizer.encode("aaa").len() <= 1024 + 3 * 16);
            }
            Err(error) => {
                assert!(!fits, "{error}");
                assert!(
                    error.to_string().contains("the normalizers make a text more than 16 times"),
                    "{error}"
                );
            }
        }
    }
}
