//! Echoes as servers give them. What llama-cpp-python replied was recorded.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn echoed(tokens: &[&str], offsets: &[usize], values: &Json) -> Json {
    json!({"tokens": tokens, "text_offset": offsets, "token_logprobs": values})
}

fn sum(prompt: &str, answer: &str, echoed: &Json) -> Result<f64, EchoFault> {
    answer_sum(echoed, None, prompt, answer)
}

#[test]
fn an_echoed_answer_is_summed_without_the_prompt_and_the_generated_token() {
    let reply =
        echoed(&["Q", ":", " ye", "s", "!"], &[0, 1, 2, 5, 6], &json!([null, -9.0, -1.0, -0.5, -7.0]));
    assert_eq!(sum("Q:", " yes", &reply), Ok(-1.5));
    let straddles = echoed(&["Q", ": y", "es", "!"], &[0, 1, 4, 6], &json!([null, -2.0, -0.5, -7.0]));
    assert_eq!(sum("Q: ", "yes", &straddles), Ok(-2.5));
    // Nothing was generated.
    let bare = echoed(&["Q", ":", " ye", "s"], &[0, 1, 2, 5], &json!([null, -9.0, -1.0, -0.5]));
    assert_eq!(sum("Q:", " yes", &bare), Ok(-1.5));
}

#[test]
fn a_mark_of_the_beginning_that_offsets_count_changes_nothing() {
    let values = json!([null, -4.0, -9.0, -1.0, -0.5, -7.0]);
    for mark in ["<s>", "<|begin_of_text|>", "<bos>", "[CLS]", "<|endoftext|>", "<｜begin▁of▁sentence｜>"]
    {
        let length = mark.chars().count();
        let tokens = [mark, "Q", ":", " ye", "s", "."];
        let shifted = [0, 1, 2, 5, 6].iter().map(|at| at + length);
        let counted: Vec<usize> = [0].into_iter().chain(shifted).collect();
        for offsets in [&counted[..], &[0, 0, 1, 2, 5, 6], &[]] {
            assert_eq!(sum("Q:", " yes", &echoed(&tokens, offsets, &values)), Ok(-1.5), "{mark} {offsets:?}");
        }
    }
    let two = ["[gMASK]", "<sop>", "Q", ":", " yes", "."];
    let two = echoed(&two, &[0, 7, 12, 13, 14, 18], &json!([null, -1.0, -1.0, -1.0, -0.5, -7.0]));
    assert_eq!(sum("Q:", " yes", &two), Ok(-0.5));
    // A prompt that begins with the mark itself.
    let own = echoed(&["<s>", "Q:", " yes"], &[0, 3, 5], &json!([null, -1.0, -0.5]));
    assert_eq!(sum("<s>Q:", " yes", &own), Ok(-0.5));
    // A mark before text that offsets alone can place.
    let parts = echoed(
        &["<s>", "ß", ":", "", "", "!"],
        &[0, 3, 5, 6, 7, 8],
        &json!([null, -1.0, -9.0, -3.0, -0.5, -7.0]),
    );
    assert_eq!(sum("ß:", "é", &parts), Ok(-3.5));
}

#[test]
fn blanks_that_a_server_loses_are_made_up_for() {
    // Decoded one by one, SentencePiece's tokens lose the blank in front; offsets count what is shown.
    let tokens = ["<s>", "Is", "it", "good", "?", "\n", "yes", "."];
    let offsets = [0, 3, 5, 7, 11, 12, 13, 16];
    let values = json!([null, -1.0, -2.0, -3.0, -4.0, -5.0, -0.5, -7.0]);
    assert_eq!(sum("Is it good?\n", "yes", &echoed(&tokens, &offsets, &values)), Ok(-0.5));
    let tokens = ["Answer", ":", "yes", "sir", "."];
    let reply = echoed(&tokens, &[0, 6, 7, 10, 13], &json!([null, -1.0, -0.5, -0.25, -7.0]));
    assert_eq!(sum("Answer:", " yes sir", &reply), Ok(-0.75));
    // A blank of its own that has become nothing.
    let lone =
        echoed(&["A", ":", "", "yes", "."], &[0, 1, 2, 2, 5], &json!([null, -1.0, -0.125, -0.5, -7.0]));
    assert_eq!(sum("A:", "  yes", &lone), Ok(-0.625));
    // The blank that SentencePiece puts in front of a text.
    let dummy = echoed(&["▁Q", ":", "▁yes", "."], &[0, 1, 2, 6], &json!([null, -1.0, -0.5, -7.0]));
    assert_eq!(sum("Q:", " yes", &dummy), Ok(-0.5));
}

#[test]
fn marks_of_vocabularies_are_read_as_what_they_stand_for() {
    let tokens = ["Q", ":", "Ċ", "Ġyes", "Ġsir", "."];
    let reply = echoed(&tokens, &[0, 1, 2, 3, 7, 11], &json!([null, -1.0, -2.0, -0.5, -0.25, -7.0]));
    assert_eq!(sum("Q:\n", " yes sir", &reply), Ok(-0.75));
    let bytes = echoed(&["Q", ":", "<0x0A>", "yes"], &[], &json!([null, -1.0, -2.0, -0.5]));
    assert_eq!(sum("Q:", "\nyes", &bytes), Ok(-2.5));
}

#[test]
fn offsets_may_count_characters_or_bytes() {
    let values = json!([null, -1.0, -0.25, -7.0]);
    for offsets in [[0, 1, 2, 5], [0, 2, 3, 7]] {
        assert_eq!(sum("é:", " né", &echoed(&["é", ":", " né", "!"], &offsets, &values)), Ok(-0.25));
    }
    // "é" in two tokens, decoded cumulatively: both start where the character does.
    let values = json!([null, -9.0, -3.0, -0.5, -7.0]);
    assert_eq!(sum("ß:", "é", &echoed(&["ß", ":", "", "é", "!"], &[0, 1, 2, 2, 3], &values)), Ok(-3.5));
    for part in ["", "\u{fffd}"] {
        let reply = echoed(&["ß", ":", part, part, "!"], &[0, 2, 3, 4, 5], &values);
        assert_eq!(sum("ß:", "é", &reply), Ok(-3.5));
    }
    // Four characters in front make byte 5 look like the end in characters.
    let values = json!([null, -9.0, -2.0]);
    for offsets in [[0, 4, 5], [0, 2, 3]] {
        assert_eq!(sum("ßß:", "no", &echoed(&["ßß", ":", "no"], &offsets, &values)), Ok(-2.0));
    }
}

#[test]
fn what_a_server_goes_on_to_generate_until_a_character_is_complete_does_not_count() {
    let values = json!([null, -5.5, -9.75, -7.5, -6.5, -5.25, -8.0, -2.75, -3.0, -2.5, -1.5]);
    let tokens = ["", "", "?", " ", "\"", "a", "\"", "", "", "", ""];
    let reply = echoed(&tokens, &[0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6], &values);
    assert_eq!(answer_sum(&reply, Some("ß? \"a\"Ѱ"), "ß?", " \"a\""), Ok(-27.25));
    let values = json!([null, -6.0, -5.25, -6.5, -5.0, -4.5, -2.75, -1.75, -3.0, -2.5, -2.5]);
    let tokens = ["Z", "", "", ":", "", "", "", "", "f", "J", "*"];
    let reply = echoed(&tokens, &[0, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6], &values);
    assert_eq!(answer_sum(&reply, Some("Zé:éfJ*"), "Zé:", "é"), Ok(-9.5));
    let values = json!([null, -6.0, -7.75, -9.25, -7.0, -2.75, -1.75, -2.25, -3.0]);
    let reply = echoed(&[""; 9], &[0, 0, 0, 1, 1, 2, 2, 2, 3], &values);
    assert_eq!(answer_sum(&reply, Some("四éʔ"), "四", "é"), Ok(-16.25));
}

#[test]
fn without_offsets_tokens_are_placed_by_their_texts() {
    let reply = |tokens: Json| json!({"tokens": tokens, "token_logprobs": [null, -1.0, -0.5, -7.0]});
    assert_eq!(sum("Q:", " no", &reply(json!(["Q", ":", " no", "!"]))), Ok(-0.5));
    assert_eq!(sum("Q:", " no", &reply(json!(["Q", "", " no", "!"]))), Err(EchoFault::Unplaced));
    assert_eq!(sum("Q:", " no", &reply(json!(null))), Err(EchoFault::Unplaced));
}

#[test]
fn texts_are_better_than_offsets_that_are_wrong() {
    let reply = echoed(&["", "Q", ":", " no", "!"], &[0, 3, 4, 5, 8], &json!([null, -1.0, -1.0, -0.5, -7.0]));
    assert_eq!(sum("Q:", " no", &reply), Ok(-0.5));
}

#[test]
fn tokens_that_do_not_spell_the_answer_are_refused() {
    let values = json!([null, -1.0, -0.5, -7.0]);
    for (reply, fault) in [
        (json!(null), EchoFault::Missing),
        (json!({"token_logprobs": []}), EchoFault::Missing),
        (echoed(&["4"], &[0], &json!([-0.1])), EchoFault::NotEchoed),
        // The generated token alone, at its true place: an empty sum would be a certain answer.
        (echoed(&["4"], &[5], &json!([-0.1])), EchoFault::NotEchoed),
        (echoed(&["o", "4"], &[4, 5], &json!([-0.1, -0.2])), EchoFault::NotEchoed),
        (echoed(&["Q", ":", " ok", "!"], &[0, 1, 2, 5], &values), EchoFault::Misspelt),
        (json!({"text_offset": [0, 1, 2, 5], "token_logprobs": values}), EchoFault::Misspelt),
        (
            echoed(&["Q", ":", " no", "!"], &[0, 1, 2, 5], &json!([null, -1.0, null, -7.0])),
            EchoFault::NoValue,
        ),
        (echoed(&["Q", ":", " no", "!"], &[0, 1, 2, 5], &json!([null, -1.0, 3.0, -7.0])), EchoFault::NoValue),
        (
            echoed(&["Q", ":", " no", "!"], &[0, 1, 2, 5], &json!([null, -1.0, "-inf", -7.0])),
            EchoFault::NoValue,
        ),
    ] {
        assert_eq!(sum("Q:", " no", &reply), Err(fault), "{reply}");
    }
}

proptest! {
    #[test]
    fn an_echo_is_summed_alike_however_it_is_told(
        prompt in prop::collection::vec("[a-zß漢🦀 ]{1,3}", 1..5),
        answer in prop::collection::vec("[a-zß漢🦀 ]{1,3}", 1..4),
        generated: bool, mark: bool,
    ) {
        let mut pieces: Vec<String> = prompt.iter().chain(&answer).cloned().collect();
        let mut first = prompt.len();
        if mark {
            pieces.insert(0, "<s>".to_owned());
            first += 1;
        }
        let mut values: Vec<Option<f64>> = (0..pieces.len()).map(|i| (i > 0).then_some(-(i as f64))).collect();
        let expected: f64 = values[first..].iter().flatten().sum();
        if generated {
            pieces.push("!".to_owned());
            values.push(Some(-100.0));
        }
        let starts = |length: fn(&str) -> usize| pieces.iter().scan(0, move |end, piece| {
            let start = *end;
            *end += length(piece);
            Some(start)
        }).collect::<Vec<usize>>();
        let (bytes, chars) = (starts(str::len), starts(|piece| piece.chars().count()));
        let (prompt, answer) = (prompt.concat(), answer.concat());
        let tokens: Vec<&str> = pieces.iter().map(String::as_str).collect();
        for offsets in [&bytes[..], &chars[..], &[]] {
            prop_assert_eq!(sum(&prompt, &answer, &echoed(&tokens, offsets, &json!(values))), Ok(expected));
        }
    }

    #[test]
    fn blanks_lost_in_front_of_words_change_no_sum(words in prop::collection::vec("[a-zß漢]{1,4}", 2..8), at in 1_usize..7) {
        let at = at.min(words.len() - 1);
        let prompt = words[..at].join(" ");
        let answer: String = words[at..].iter().map(|word| format!(" {word}")).collect();
        let values: Vec<f64> = (0..words.len()).map(|i| -(i as f64)).collect();
        let expected: f64 = values[at..].iter().sum();
        let tokens: Vec<&str> = words.iter().map(String::as_str).collect();
        prop_assert_eq!(sum(&prompt, &answer, &echoed(&tokens, &[], &json!(values))), Ok(expected));
    }

    #[test]
    fn no_echo_makes_the_reader_panic(
        tokens in prop::collection::vec("(<s>|[Q: no\u{fffd}é]{0,3})", 0..8), offsets in prop::collection::vec(0_usize..12, 0..8),
        values in prop::collection::vec(prop::option::of(-9.0_f64..1.0), 0..8), prompt in "[Q: é]{0,4}", answer in "[ noé]{0,4}",
    ) {
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        if let Ok(sum) = sum(&prompt, &answer, &echoed(&tokens, &offsets, &json!(values))) {
            prop_assert!(sum.is_finite() && sum <= 0.0);
        }
    }
}
