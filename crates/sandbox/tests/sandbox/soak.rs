//! Many programs in a row: no leak and no drift. `cargo test --release -- --ignored soak`, with SAMARA_SOAK programs.

use crate::common::{self, shown};
use samara_sandbox::Tier;
use std::time::{Duration, Instant};

/// Descriptors, resident KiB and children of a process.
fn state(pid: &str) -> (usize, u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident = resident.trim().trim_end_matches(" kB").parse().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    (files, resident, children.split_whitespace().count())
}

#[test]
#[ignore = "takes minutes"]
fn soak_a_hundred_thousand_programs_leak_nothing_and_do_not_slow_down() {
    let count: u32 = std::env::var("SAMARA_SOAK").map_or(100_000, |count| count.parse().unwrap());
    let programs = [
        "def main(): return sum(range(1000))",
        "def main():\n    open('f', 'w').write('x' * 5000)\n    return 1",
        "def main(): return {}['x']",
        "import os\ndef main(): os._exit(1)",
        "def main(): return [str(i) for i in range(200)]",
    ];
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let server = sandbox.servers()[0].to_string();
        let (mut before, mut quarters, mut walls) = (None, Vec::new(), Vec::new());
        let begin = Instant::now();
        for index in 0..count {
            let verdict = common::run(sandbox, programs[index as usize % programs.len()]);
            assert_ne!(verdict.ending.name(), "failed", "{}", shown(&verdict.ending));
            walls.push(verdict.wall);
            if index == count / 20 {
                before = Some((state("self"), state(&server)));
            }
            if walls.len() as u32 == count / 4 {
                walls.sort_unstable();
                quarters.push(walls[walls.len() / 2]);
                walls.clear();
            }
        }
        let (host, zygote) = before.unwrap();
        let (host_after, zygote_after) = (state("self"), state(&server));
        println!("{count} programs in {:?}; medians by quarter {quarters:?}", begin.elapsed());
        println!("host {host:?} -> {host_after:?}, server {zygote:?} -> {zygote_after:?}");
        assert_eq!((host.0, host.2), (host_after.0, host_after.2), "descriptors and children of the host");
        assert_eq!(
            (zygote.0, zygote.2),
            (zygote_after.0, zygote_after.2),
            "descriptors and children of the server"
        );
        assert!(zygote_after.1 <= zygote.1 + 1024, "resident memory of the server");
        assert!(host_after.1 <= host.1 + 4096, "resident memory of the host");
        // Other work on the machine slows everything: only a steady rise is a drift.
        let rising = quarters.windows(2).all(|pair| pair[1] > pair[0] + Duration::from_micros(200));
        assert!(!rising, "{quarters:?}");
        assert_eq!(sandbox.servers()[0].to_string(), server);
    });
}
