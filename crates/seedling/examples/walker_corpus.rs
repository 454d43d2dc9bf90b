//! Writes training examples of the walkers' corpus as JSON lines: `walker_corpus COUNT [SEED]`.
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use samara_seedling::{Stream, walkers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().ok_or("usage: walker_corpus COUNT [SEED]")?.parse()?;
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    for number in 0..count {
        let example = walkers::training_example(&mut Stream::new(seed, number));
        let measures = example.written.body.measures().ok_or("no measures")?;
        let joints = &example.written.body.joints;
        let muscles: Vec<_> =
            example.written.body.muscles.iter().map(|m| (m.from, m.to, m.amplitude, m.phase)).collect();
        let line = serde_json::json!({
            "kind": format!("{:?}", example.kind),
            "document": example.document.text(),
            "shown": example.shown.iter().map(|program| &program.text).collect::<Vec<_>>(),
            "written": example.written.text,
            "joints": joints,
            "muscles": muscles,
            "measures": [measures.height, measures.width, measures.mass],
        });
        println!("{line}");
    }
    Ok(())
}
