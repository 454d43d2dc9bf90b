//! Figures and samples of the corpus, to be read by a person: `cargo test --release --test corpus_report -- --ignored
//! --nocapture`.

use std::{collections::HashSet, time::Instant};

use samara_seedling::{Stream, corpus::*};

#[test]
#[ignore = "prints a report instead of checking anything"]
fn report() {
    for domain in Domain::ALL {
        let mut stream = Stream::new(7, 0);
        let (mut runs, mut all, mut words, mut tokens) = (HashSet::new(), 0, HashSet::new(), Vec::new());
        let (mut unread, mut wrong, mut unclear, mut held) = (0, 0, 0, 0);
        let mut errors = vec![Vec::new(); domain.questions().len()];
        let mut quality = Vec::new();
        let mut fixed = std::collections::HashMap::new();
        for _ in 0..1000 {
            let latents = Latents::draw(domain, &mut stream);
            let text = write_text(domain, &latents, Split::Train, &mut stream);
            let small = text.text.to_lowercase().replace([',', '.'], "");
            let list: Vec<&str> = small.split(' ').collect();
            words.extend(list.iter().map(|word| (*word).to_owned()));
            all += list.len() - 2;
            for run in list.windows(3) {
                *fixed.entry(run.join(" ")).or_insert(0) += 1;
                runs.insert(run.join(" "));
            }
            match parse(domain, &text.text) {
                None => {
                    unread += 1;
                    println!("UNREAD {}", text.text);
                }
                Some(parsed) => {
                    if parsed.odds != text.odds {
                        wrong += 1;
                        println!("WRONG {:?} {:?} {}", text.odds, parsed.odds, text.text);
                    }
                    held += usize::from(parsed.held_out);
                    tokens.push(parsed.tokens);
                    unclear += ambiguities(domain, &text.text);
                }
            }
            for (axis, errors) in errors.iter_mut().enumerate().take(domain.axes()) {
                errors.push((text.odds[axis] - latents.odds[axis]).abs());
            }
            errors[domain.axes()].push((text.odds[domain.axes()] - latents.care).abs());
            quality.push(text.odds[domain.axes()]);
        }
        quality.sort_by(f64::total_cmp);
        tokens.sort_unstable();
        let mut common: Vec<_> = fixed.into_iter().collect();
        common.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        println!(
            "== {}: trigram share {:.3}, words {}",
            domain.name(),
            runs.len() as f64 / all as f64,
            words.len()
        );
        println!("unread {unread}, wrong {wrong}, unclear {unclear}, held out {held}");
        println!("tokens {:?}", [0, 100, 250, 500, 750, 900, 999].map(|at| tokens.get(at)));
        println!("quality {:?}", [0, 50, 100, 250, 500, 750, 900, 999].map(|at| quality[at]));
        for mut errors in errors {
            errors.sort_by(f64::total_cmp);
            println!("miss {:?}", [500, 900, 990].map(|at| errors[at]));
        }
        println!("common {:?}", &common[..40]);
    }
    let start = Instant::now();
    let count = 4000;
    let length: usize =
        (0..count).map(|number| document(Split::Train, &mut Stream::new(1, number)).text().len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.0} documents a second, {} letters each", count as f64 / seconds, length / count as usize);
}

#[test]
#[ignore = "prints samples instead of checking anything"]
fn samples() {
    let count = std::env::var("SAMPLES").ok().and_then(|count| count.parse().ok()).unwrap_or(10);
    for domain in Domain::ALL {
        println!("== {}", domain.name());
        let mut stream = Stream::new(11, 0);
        for _ in 0..count {
            let latents = Latents::draw(domain, &mut stream);
            let text = write_text(domain, &latents, Split::Train, &mut stream);
            println!("{:?} {}", text.odds, text.text);
        }
    }
}
