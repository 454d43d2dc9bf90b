//! Prints training documents of the written corpus, to be read: `cargo run --example written_documents -- 20`.

#![expect(clippy::print_stdout, reason = "documents are printed to be read")]

use samara_seedling::{
    Stream,
    corpus::Split,
    written::documents::{Chances, Drawn, Marked, draw},
};

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10);
    for number in 0..count {
        let chances = Chances { judged: 0.5, marks: 0.2, asks: 0.1, variety: 0.5 };
        match draw(Split::Train, chances, &mut Stream::new(1, number)) {
            Drawn::Prompt(document) => println!("---- {number}\n{}", document.text()),
            Drawn::Question(group) => {
                println!("---- {number}: {:?}", group.answers);
                for (text, first) in &group.texts {
                    println!("{}[{text}]{} {first:.3}\n", group.before, group.behind);
                }
            }
            Drawn::Marks(texts) => {
                println!("---- {number}");
                for Marked { text, marks } in texts {
                    println!("{text}");
                    marks.iter().for_each(|mark| {
                        println!("{}{:?} {:.3}", mark.heading.trim(), mark.answers, mark.truth);
                    });
                }
            }
        }
    }
}
