//! Writes lessons of the walkers' corpus as JSON lines: `walker_corpus COUNT [SEED]`.
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use samara_seedling::{Stream, walkers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().ok_or("usage: walker_corpus COUNT [SEED]")?.parse()?;
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    for number in 0..count {
        let lesson = walkers::lesson(&mut Stream::new(seed, number));
        let measures = lesson.written.body.measures().ok_or("no measures")?;
        let joints = &lesson.written.body.joints;
        let muscles: Vec<_> =
            lesson.written.body.muscles.iter().map(|m| (m.from, m.to, m.amplitude, m.phase)).collect();
        let line = serde_json::json!({
            "kind": format!("{:?}", lesson.kind),
            "document": lesson.document.text(),
            "shown": lesson.shown.iter().map(|program| &program.text).collect::<Vec<_>>(),
            "written": lesson.written.text,
            "joints": joints,
            "muscles": muscles,
            "measures": [measures.height, measures.width, measures.mass],
        });
        println!("{line}");
    }
    Ok(())
}
