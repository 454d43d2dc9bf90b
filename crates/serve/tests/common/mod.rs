//! What the tests of the dashboard share: a server, requests to it, and runs that are written candidate by candidate.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test uses its own part")]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use samara_journal::{CallKind, Cells, Contents, Event, EventKind, Header, Journal, Life, ModelCall};
use samara_search::{Artifact, AxisSettings, Candidate, Charge, Fate, Genome, Replay, Score, SearchSettings};
use samara_serve::Access;
use samara_serve::dashboard::{Catalogue, Known, Settings, serve};

/// The token of every server here.
pub(crate) const TOKEN: &str = "0123456789abcdef";
/// What no page may take for markup.
pub(crate) const HOSTILE: &str =
    "</pre><script>alert(1)</script><img src=http://a.b/c onerror='x'>\u{202e}\u{1b}[2J";

pub(crate) fn server(runs: &Path) -> SocketAddr {
    server_with(runs, None)
}

pub(crate) fn server_with(runs: &Path, control: Option<&str>) -> SocketAddr {
    served(runs, control, false)
}

/// A server that reads the youngest runs before anybody asks for them.
pub(crate) fn server_ahead(runs: &Path) -> SocketAddr {
    served(runs, None, true)
}

fn served(runs: &Path, control: Option<&str>, ahead: bool) -> SocketAddr {
    let known = |header: &Header| Known {
        about: format!("{} things", header.environment),
        programs: header.environment == "programs",
        emitting: None,
    };
    let settings = Settings {
        catalogue: Catalogue::of(&[runs.to_owned()]).unwrap(),
        token: TOKEN.to_owned(),
        access: Access::default(),
        ahead,
        known,
        control: control.map(str::to_owned),
    };
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, settings, std::future::pending()).await.unwrap();
        });
    });
    address.recv().unwrap()
}

/// Sends a request and reads the whole answer: the status, the head, the body.
pub(crate) fn asked(address: SocketAddr, request: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head, answer.get(end + 4..).unwrap_or_default().to_vec())
}

pub(crate) fn request(method: &str, path: &str, host: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")
}

/// A page as somebody who is let in sees it.
pub(crate) fn page(address: SocketAddr, path: &str) -> (u16, String) {
    let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    let (status, _, body) = asked(address, &request("GET", path, "localhost", &cookie));
    (status, String::from_utf8(body).unwrap())
}

/// The list of runs once all of them have been read, which takes as long as it takes.
///
/// Each look waits in the server for what it reads, and each is an answer: on a machine that is busy they are slow, not many.
pub(crate) fn list(address: SocketAddr) -> String {
    for _ in 0..LOOKS {
        let (status, body) = page(address, "/");
        assert_eq!(status, 200);
        if !body.contains("is being read") {
            return body;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("after {LOOKS} looks at the list some runs are still being read:\n{}", page(address, "/").1);
}

/// Looks at something that is to come about, after which it is taken not to.
const LOOKS: usize = 5000;
/// How often a stream says that nothing is new, every 15 s, after which it is taken to stay so.
const QUIET: usize = 40;

/// Hears the events of a server.
pub(crate) struct Events(Lines<BufReader<TcpStream>>);

impl Events {
    /// Begins to hear; what grows from now on is told.
    pub(crate) fn of(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
        stream.write_all(request("GET", "/events", "localhost", &cookie).as_bytes()).unwrap();
        let mut events = Self(BufReader::new(stream).lines());
        assert!(events.line(|line| line == "retry: 2000").is_some(), "the stream has begun");
        events
    }

    /// The data of the next event that holds this.
    pub(crate) fn told(&mut self, wanted: &str) -> String {
        let found = self.line(|line| line.starts_with("data: ") && line.contains(wanted));
        found.unwrap_or_else(|| panic!("no event came with {wanted}"))["data: ".len()..].to_owned()
    }

    /// The next line of a kind; `None` if the stream ends before it, or says again and again that nothing is new.
    fn line(&mut self, is: impl Fn(&str) -> bool) -> Option<String> {
        let mut quiet = 0;
        for line in self.0.by_ref().map(Result::unwrap) {
            if is(&line) {
                return Some(line);
            }
            quiet = if line == ": still here" { quiet + 1 } else { quiet };
            if quiet == QUIET {
                return None;
            }
        }
        None
    }
}

/// A run that is written candidate by candidate.
pub(crate) struct Written {
    pub(crate) journal: Journal,
    pub(crate) replay: Replay,
    next: u64,
    kind: Kind,
}

/// What candidates of a run are like.
pub(crate) struct Kind {
    pub(crate) settings: SearchSettings,
    pub(crate) axes: Vec<AxisSettings>,
    /// The text of a candidate.
    pub(crate) text: fn(u64) -> String,
    /// Its measures.
    pub(crate) measures: fn(u64) -> Vec<f64>,
    /// What its evaluation left.
    pub(crate) artifacts: fn(u64) -> Vec<Artifact>,
}

impl Kind {
    /// 60 hostile poems on a small grid.
    fn poems() -> Self {
        Self {
            settings: SearchSettings { total_steps: 60, ..SearchSettings::default() },
            axes: axes(),
            text: |index| format!("poem {index} {HOSTILE}"),
            measures: thirds,
            artifacts: |_| Vec::new(),
        }
    }
}

fn thirds(index: u64) -> Vec<f64> {
    [7, 31, 11].map(|multiple| ((index * multiple) % 101) as f64 / 101.0).into()
}

pub(crate) fn axes() -> Vec<AxisSettings> {
    ["tone", "length", "depth"].iter().map(|name| AxisSettings::even(*name, [0.0, 1.0], 4)).collect()
}

impl Written {
    pub(crate) fn begin(folder: &Path) -> Self {
        Self::of(folder, Kind::poems())
    }

    pub(crate) fn of(folder: &Path, kind: Kind) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let Kind { settings, axes, .. } = &kind;
        let tessellation = settings.tessellation(axes).unwrap();
        let mut config = toml::Table::new();
        config.insert("search".into(), toml::Value::try_from(settings).unwrap());
        config.insert("axes".into(), toml::Value::try_from(axes).unwrap());
        let header = Header {
            id: "ab".repeat(16),
            config: config.to_string(),
            experiment: format!("poems {HOSTILE}"),
            environment: "poetry".into(),
            seed: 7,
            samara: "0.1.0".into(),
            created: "2026-01-02T03:04:05Z".into(),
        };
        // All islands have them.
        let cells = vec![Cells { island: 0, from_index: 0, tessellation: tessellation.clone() }];
        let contents = Contents { inputs: vec![], tessellations: cells };
        let journal = Journal::create(&folder.join("run.db"), &header, &contents).unwrap();
        let replay = Replay::new(settings, tessellation).unwrap();
        Self { journal, replay, next: 0, kind }
    }

    pub(crate) fn add(&mut self, count: u64) {
        for index in self.next..self.next + count {
            let objective = ((index * 53) % 101) as f64 / 101.0;
            let scored = index % 7 != 5;
            let score = || {
                let artifacts = (self.kind.artifacts)(index);
                Arc::new(Score { artifacts, ..Score::new(objective, (self.kind.measures)(index)) })
            };
            let mut candidate = Candidate {
                index,
                island: (index % u64::from(self.kind.settings.islands.count)) as u32,
                horizon: index,
                operator: if index == 0 { "seed" } else { "crossover" }.into(),
                parents: index.checked_sub(1).map(|_| index / 2).into_iter().collect(),
                generator: None,
                genome: Some(Arc::new(Genome::text_of((self.kind.text)(index)))),
                score: scored.then(score),
                fate: Fate::Failed { why: format!("nothing {HOSTILE}") },
                cell: None,
                rank: None,
                copy_of: None,
                artifacts: vec![],
                charge: Charge { calls: 1, tokens: 30, money: 0.5 },
                model_ms: 400.0,
            };
            let (placement, migration) = self.replay.settle(&candidate);
            candidate.fate = placement.fate;
            candidate.cell = placement.cell.map(|cell| cell as u64);
            candidate.rank = placement.rank.map(|rank| rank as u32);
            let call = ModelCall {
                role: "generator".into(),
                kind: CallKind::Complete,
                model: "small".into(),
                prompt: format!("Write. {HOSTILE}"),
                answer: format!("poem {index}"),
                log_probabilities: vec![],
                method: None,
                tokens_in: 20,
                tokens_out: 10,
                cost: 0.5,
                price: None,
                latency_ms: 400.0,
                attempts: 1,
                seed: 1,
                error: None,
            };
            let life = Life { calls: vec![call], model: Some("small".into()), ..Life::default() };
            let migrated =
                migration.map(|migration| Event { after: index + 1, kind: EventKind::Migration(migration) });
            self.journal.append(&candidate, &life, migrated.as_slice()).unwrap();
        }
        self.next += count;
    }
}
