//! Prints training documents of the written corpus, to be read: `cargo run --example written_documents -- 20`.

#![expect(clippy::print_stdout, reason = "documents are printed to be read")]

use samara_seedling::{
    Stream,
    corpus::Split,
    written::documents::{Chances, Drawn, draw},
};

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10);
    for number in 0..count {
        match draw(
            Split::Train,
            Chances { judged: 0.4, marks: 0.2, variety: 0.5 },
            &mut Stream::new(1, number),
        ) {
            Drawn::Prompt(document) => println!("---- {number}\n{}", document.text()),
            Drawn::Question(group) => {
                println!("---- {number}: {:?}", group.answers);
                for (text, first) in &group.texts {
                    println!("{}[{text}]{} {first:.3}\n", group.before, group.behind);
                }
            }
        }
    }
}
