//! Runs that are killed (`kill -9`) at drawn counts of settled candidates and resumed end in the archive of a run that
//! was left alone, and lose nothing.
//!
//! Nothing here is a matter of time: each session has a model server of its own, which answers no more writers than the
//! run needs for the drawn count and a few beyond, so that it can't reach its end before it is killed.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use common::{Place, parse};
use samara_journal::Reader;
use samara_testing::server::{Request, Server, sound};

/// How many more requests for a completion a server answers.
#[derive(Default)]
struct Gate {
    left: Mutex<u64>,
    opened: Condvar,
}

impl Gate {
    fn of(left: u64) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(left), ..Self::default() })
    }

    /// Waits for a turn, for good if there is none left.
    fn pass(&self) {
        let mut left = self.opened.wait_while(self.left.lock().unwrap(), |left| *left == 0).unwrap();
        *left -= 1;
    }
}

/// A sound server that answers so many writers; those that ask what it can do, and the judge, always.
fn server(writers: u64) -> Server {
    let gate = Gate::of(writers);
    Server::start(move |request| {
        if writes(request) {
            gate.pass();
            // Answers come in another order than they were asked for.
            std::thread::sleep(Duration::from_millis(request.body["seed"].as_u64().unwrap_or(0) % 4));
        }
        sound(request)
    })
}

fn writes(request: &Request) -> bool {
    let probe = request.body["prompt"].as_str().is_some_and(|prompt| prompt.starts_with("1+1="));
    request.path == "/v1/completions" && request.body["echo"] != serde_json::json!(true) && !probe
}

/// Settings of both roles for a server. No answer is given up.
fn models(url: &str) -> Vec<String> {
    let of = |role: &str| {
        [("base_url", url), ("timeout_s", "3000"), ("deadline_s", "3000")]
            .map(|(key, value)| format!("models.{role}.{key}={value}"))
    };
    ["generator", "judge"]
        .iter()
        .flat_map(|role| of(role))
        .flat_map(|set| ["--set".to_owned(), set])
        .collect()
}

/// A case: how many live at once, on how many islands, killed how often.
#[derive(Clone, Copy)]
struct Case {
    concurrency: u64,
    islands: u32,
    kills: u64,
}

/// Most candidates between two drawn counts.
const STEP: u64 = 20;

/// Writers that are answered beyond the drawn count, with `concurrency`: as many as may have overtaken the last one.
const BEYOND: u64 = 8;

impl Case {
    /// So many candidates that no drawn count reaches the end.
    fn total(self) -> u64 {
        self.kills * (STEP + self.concurrency + BEYOND) + 20
    }

    fn begin(self, url: &str, out: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["run", "opinions", "--quiet", "--format", "json", "--out", out].map(str::to_owned).to_vec();
        for set in ["models.generator=openai:", "models.judge=openai:"] {
            arguments.extend(["--set".to_owned(), set.to_owned()]);
        }
        for (key, value) in [
            ("total_steps", self.total()),
            ("concurrency", self.concurrency),
            ("islands.count", self.islands.into()),
            ("islands.migration_interval", 30),
            ("depth", 2),
        ] {
            arguments.extend(["--set".to_owned(), format!("search.{key}={value}")]);
        }
        arguments.extend(models(url));
        arguments
    }

    /// Kills a run `kills` times and lets it end; compares it with one that was left alone.
    fn holds(self) {
        let place = Place::new();
        let alone = server(u64::MAX);
        let whole = parse(&place.run_all(&self.begin(&alone.url, "whole")));
        let mut draw = 41_u64;
        let mut settled = 0;
        for kill in 0..self.kills {
            draw = (draw * 75 + 74) % 65_537;
            let until = settled + 1 + draw % STEP;
            settled = self.killed_at(&place, settled, until);
            assert!(0 < settled && until <= settled && settled < self.total(), "kill {kill} at {settled}");
        }
        let mut resume = ["resume", "killed", "--quiet", "--format", "json"].map(str::to_owned).to_vec();
        resume.extend(models(&alone.url));
        let resumed = parse(&place.run_all(&resume));
        assert_eq!(resumed["candidates"], self.total());
        for key in ["archive_hash", "islands", "fates"] {
            assert_eq!(resumed[key], whole[key], "{key}");
        }
    }

    /// One session that is killed once `until` candidates are settled; how many were.
    fn killed_at(self, place: &Place, before: u64, until: u64) -> u64 {
        let server = server(until - before + self.concurrency + BEYOND);
        let arguments = if before == 0 {
            self.begin(&server.url, "killed")
        } else {
            let mut resume = ["resume", "killed", "--quiet"].map(str::to_owned).to_vec();
            resume.extend(models(&server.url));
            resume
        };
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = place.samara(&words).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let run = place.path("killed");
        while settled(&run) < until {
            assert!(child.try_wait().unwrap().is_none(), "it ended before {until} candidates were settled");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        settled(&run)
    }
}

/// How many candidates a run has settled; 0 before anything is recorded.
fn settled(run: &Path) -> u64 {
    Reader::open(run).and_then(|reader| reader.len()).unwrap_or(0)
}

const CASES: [(u64, u32); 4] = [(1, 1), (4, 1), (1, 4), (4, 4)];

#[test]
fn twenty_kills_at_drawn_counts_change_nothing_and_lose_nothing() {
    for (concurrency, islands) in CASES {
        Case { concurrency, islands, kills: 5 }.holds();
    }
}

#[test]
#[ignore = "takes minutes: two hundred kills"]
fn two_hundred_kills_at_drawn_counts_change_nothing_and_lose_nothing() {
    for (concurrency, islands) in CASES {
        Case { concurrency, islands, kills: 50 }.holds();
    }
}
