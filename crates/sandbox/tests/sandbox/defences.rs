//! DISCOVER
use crate::common::{self, shown};
use crate::hostile::{Canary, corpus};
use samara_sandbox::defence::{self, Defence};
use samara_sandbox::{Job, Tier};
use std::time::Duration;

#[test]
#[ignore = "discovery"]
fn discover() {
    use Defence::*;
    let sets: [(&str, &[Defence]); 8] = [
        ("seccomp", &[Seccomp]),
        ("root", &[Root]),
        ("landlock", &[Landlock]),
        ("seccomp landlock", &[Seccomp, Landlock]),
        ("seccomp root", &[Seccomp, Root]),
        ("seccomp root landlock", &[Seccomp, Root, Landlock]),
        ("threads", &[Threads]),
        ("seccomp landlock network", &[Seccomp, Landlock, Network]),
    ];
    let only = std::env::var("ONLY").unwrap_or_default();
    for (name, set) in sets {
        for hostile in corpus(std::path::Path::new("/none")) {
            if !only.is_empty() && !only.split(',').any(|o| hostile.name.starts_with(o)) {
                continue;
            }
            if hostile.expected.contains("timeout")
                || hostile.expected.contains("limit")
                || hostile.expected.contains("bad_frame")
            {
                continue;
            }
            let canary = Canary::new();
            let program = hostile.program.replace("/none", canary.directory.path().to_str().unwrap());
            let sandbox = defence::without(set, || common::sandbox(Tier::Jail)).unwrap();
            let mut job = common::job(&program);
            job.limits.wall = Duration::from_secs(3);
            let limits = job.limits;
            let v = sandbox.run(&Job { limits, ..job }).map(|v| v.ending);
            let text = match v {
                Ok(v) => {
                    if common::matches(&v, &hostile.expected) {
                        "same".to_owned()
                    } else {
                        let mut s = shown(&v);
                        s.truncate(90);
                        s
                    }
                }
                Err(e) => format!("ERR {e}"),
            };
            println!("@ {name} | {} | {} | {text}", hostile.name, hostile.expected);
        }
    }
}
