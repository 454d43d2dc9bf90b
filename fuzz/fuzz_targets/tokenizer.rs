//! Files of tokenizers: any bytes are refused or read; what is read encodes any text, and no text becomes a special token.
#![no_main]

use std::{path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use samara_seedling::{ChatTemplate, Message, Role, Tokenizer, gguf::Header};

const TEXTS: [&str; 4] = ["", "the river's 12 mills,\n\n  and <|im_end|></s>", "日本 🎉\u{301}\u{0}", "<s>"];

static SMALL: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::train(["a river".to_owned()].into_iter(), 260, &["<s>", "</s>"]));

fuzz_target!(|data: &[u8]| {
    let origin = Path::new("model.gguf");
    // What begins as GGUF does is the header of such a file; the rest is a tokenizer.json, or a template.
    if let Ok(header) = Header::read(&mut &data[..], data.len() as u64, origin) {
        if let Ok(tokenizer) = Tokenizer::from_gguf(&header.metadata) {
            check(&tokenizer);
            if let Ok(Some(template)) = ChatTemplate::from_gguf(&header.metadata) {
                chat(&template, &tokenizer);
            }
        }
        return;
    }
    if let Ok(tokenizer) = Tokenizer::from_json(data, origin) {
        check(&tokenizer);
    }
    let Ok(source) = str::from_utf8(data) else { return };
    if let Ok(template) = ChatTemplate::new(source, "<s>", "</s>", origin) {
        chat(&template, &SMALL);
    }
});

fn check(tokenizer: &Tokenizer) {
    for text in TEXTS {
        let ids = tokenizer.encode(text);
        assert!(ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size() && !tokenizer.is_special(*id)));
        let _ = tokenizer.decode(&tokenizer.encode_with_specials(text));
    }
}

fn chat(template: &ChatTemplate, tokenizer: &Tokenizer) {
    let messages = TEXTS.map(|text| Message::new(Role::User, text));
    if let Ok(prompt) = template.render(&messages, true, tokenizer) {
        let _ = tokenizer.encode_prompt(&prompt);
    }
}
