//! Lengths of items for vocabularies.
use samara_seedling::{corpus::{self, Split}, train::data, Stream};
fn main() {
    for v in [2048, 3072, 4096] {
    let tok = data::tokenizer(1, v);
    for d in corpus::Domain::ALL { 
        let limit = if d == corpus::Domain::ShortStory { 100 } else { 50 };
        let mut l: Vec<usize> = Vec::new(); let mut w = 0; let mut doc = 0;
        for i in 0..500 { let t = corpus::few_shot_texts(d, Split::Train, &mut Stream::new(9, i)); for t in &t { l.push(tok.encode(&format!("\n{}\n###", t.text)).len()); w += t.text.split_whitespace().count(); } }
        for i in 0..200 { let t = corpus::few_shot_document(d, Split::Train, &mut Stream::new(9, i)); doc += tok.encode(&t.text()).len(); }
        l.sort(); println!("vocab {v} {}: mean {:.1} words {:.1} median {} p99 {} over {limit}: {:.3}; doc {}", d.name(), l.iter().sum::<usize>() as f64 / l.len() as f64, w as f64 / l.len() as f64, l[l.len()/2], l[l.len()*99/100], l.iter().filter(|x| **x > limit).count() as f64 / l.len() as f64, doc/200); }
    }
}
