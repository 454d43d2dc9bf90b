//! Runs files in a row on one fork server: `try TIER FILE...`.
#![expect(clippy::print_stdout, reason = "an example")]
use samara_sandbox::{Job, Sandbox, Settings, Tier};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let tier: Tier = args.next().ok_or("tier")?.parse()?;
    let begin = std::time::Instant::now();
    let settings = Settings { tier: Some(tier), minimum: Tier::Process, servers: 1, ..Settings::default() };
    let sandbox = Sandbox::start(&settings)?;
    println!("start {:?} {:?}", begin.elapsed(), sandbox.isolation());
    for file in args {
        let v = sandbox.run(&Job::new(std::fs::read_to_string(&file)?, "main"))?;
        let mut text = format!("{:?}", v.outcome);
        text.truncate(150);
        println!(
            "{:32} {text} cpu {:?} wall {:?} mem {}K scr {} out {:?}",
            file.rsplit('/').next().unwrap_or(""),
            v.cpu,
            v.wall,
            v.peak_memory >> 10,
            v.scratch_bytes,
            &v.stdout[..v.stdout.len().min(60)]
        );
    }
    Ok(())
}
