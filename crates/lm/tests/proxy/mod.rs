//! A proxy on loopback that harms what passes: between a client and a sound server, by a schedule and by dice.

#![expect(clippy::unwrap_used, reason = "a test's proxy that can't start fails the test")]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use samara_lm::{Api, Budget, CompletionRequest, ErrorKind, ModelSettings, open};

/// What happens to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// It passes.
    None,
    /// It passes late.
    Spike(Duration),
    /// The connection is reset with the request half read.
    Reset,
    /// Half a reply, then the sending side is closed and the other stays open.
    HalfClosed,
    /// Half a reply, then nothing for longer than anybody waits.
    Stalled,
    /// 429, with or without a time to come back.
    TooMany(Option<u32>),
    /// No HTTP at all.
    Garbage,
    /// A good status with a body of nonsense.
    Nonsense,
}

/// When everything is refused, and how often the rest is harmed.
pub(crate) struct Weather {
    /// Spans since the first request in which every request is refused.
    pub(crate) storms: Vec<Range<Duration>>,
    /// Of a thousand exchanges outside of storms, how many are harmed.
    pub(crate) harmed: u64,
}

/// When one request ended.
pub(crate) struct End {
    number: usize,
    took: Duration,
    /// On the proxy's clock.
    pub(crate) at: Duration,
}

/// A running proxy.
pub(crate) struct Proxy {
    /// Its address up to `/v1`.
    pub(crate) url: String,
    /// Exchanges that it harmed.
    pub(crate) harmed: Arc<AtomicU64>,
    started: Instant,
}

impl Proxy {
    /// Starts one before the server at this address.
    pub(crate) fn start(server: &str, weather: Weather) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = server.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let (harmed, count, weather) =
            (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(weather));
        let (started, shared) = (Instant::now(), Arc::clone(&harmed));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, weather) = (server.clone(), Arc::clone(&weather));
                let (count, harmed) = (Arc::clone(&count), Arc::clone(&shared));
                std::thread::spawn(move || {
                    loop {
                        let harm = weather.strike(started.elapsed(), count.fetch_add(1, Ordering::SeqCst));
                        if pass(&stream, &server, harm, &harmed).is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, harmed, started }
    }

    /// Sends this many completions at once through the proxy, each with the answer that it must get, and checks what
    /// must hold for each: it ends within its deadline in its own answer or in an error that the network explains, and
    /// few are given up.
    pub(crate) async fn brave(
        &self,
        model: &str,
        count: usize,
        deadline: f64,
        ask: impl Fn(usize) -> (CompletionRequest, String),
    ) -> Vec<End> {
        let settings = ModelSettings {
            base_url: Some(self.url.clone()),
            model: Some(model.into()),
            api: Api::Completions,
            timeout_s: 1.0,
            deadline_s: deadline,
            max_attempts: 40,
            ..ModelSettings::default()
        };
        let model = open(&settings, Budget::unlimited()).unwrap();
        let live = |number| {
            let (model, (request, answer)) = (&model, ask(number));
            async move {
                let started = Instant::now();
                let reply = model.complete(&request).await.map(|completion| completion.text);
                (End { number, took: started.elapsed(), at: self.now() }, reply, answer)
            }
        };
        let (mut ends, mut failed) = (Vec::new(), 0);
        for (end, reply, answer) in futures_util::future::join_all((0..count).map(live)).await {
            // A second for a busy machine to notice.
            assert!(end.took.as_secs_f64() < deadline + 1.0, "request {} took {:?}", end.number, end.took);
            match reply {
                Ok(text) => assert_eq!(text, answer, "request {}", end.number),
                Err(error) => {
                    failed += 1;
                    let kinds = [ErrorKind::Overloaded, ErrorKind::Timeout, ErrorKind::Malformed];
                    assert!(kinds.contains(&error.kind), "{error}");
                }
            }
            ends.push(end);
        }
        assert_eq!(ends.len(), count);
        assert!(failed * 100 <= count, "{failed} of {count} were given up");
        ends
    }

    /// The time that storms are told in.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Weather {
    fn strike(&self, now: Duration, number: u64) -> Harm {
        // SplitMix64: neighbours have nothing in common.
        let mut dice = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice = (dice ^ (dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        dice = (dice ^ (dice >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if self.storms.iter().any(|storm| storm.contains(&now)) {
            return Harm::TooMany(dice.is_multiple_of(2).then_some(100));
        }
        if dice % 1000 >= self.harmed {
            return Harm::None;
        }
        match (dice >> 20) % 7 {
            0 => Harm::Spike(Duration::from_millis((dice >> 40) % 400)),
            1 => Harm::Reset,
            2 => Harm::HalfClosed,
            3 => Harm::Stalled,
            4 => Harm::TooMany(None),
            5 => Harm::Garbage,
            _ => Harm::Nonsense,
        }
    }
}

/// One exchange; `None` when the connection is over.
fn pass(mut client: &TcpStream, server: &str, harm: Harm, harmed: &AtomicU64) -> Option<()> {
    if harm == Harm::Reset {
        // What is left unread makes the system reset the connection.
        client.read_exact(&mut [0; 16]).ok()?;
        harmed.fetch_add(1, Ordering::SeqCst);
        return None;
    }
    let request = message(client)?;
    harmed.fetch_add(u64::from(harm != Harm::None), Ordering::SeqCst);
    match harm {
        Harm::TooMany(after) => {
            let after = after.map_or(String::new(), |ms| format!("retry-after-ms: {ms}\r\n"));
            let reply = format!("HTTP/1.1 429 X\r\n{after}content-length: 0\r\n\r\n");
            return client.write_all(reply.as_bytes()).ok();
        }
        Harm::Garbage => {
            client.write_all(b"\x16\x03\x01 this is not HTTP\0\xff\r\n\r\n").ok()?;
            return None;
        }
        Harm::Nonsense => {
            return client.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{\"choices").ok();
        }
        Harm::Spike(late) => std::thread::sleep(late),
        _ => {}
    }
    let mut upstream = TcpStream::connect(server).ok()?;
    upstream.write_all(&request).ok()?;
    let reply = message(&upstream)?;
    if !matches!(harm, Harm::HalfClosed | Harm::Stalled) {
        return client.write_all(&reply).ok();
    }
    client.write_all(&reply[..reply.len() - 20]).ok()?;
    if harm == Harm::HalfClosed {
        client.shutdown(Shutdown::Write).ok()?;
    }
    // Until the client gives up.
    client.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let _ = client.read(&mut [0; 1]);
    None
}

/// A whole message with its body, of a sender that tells the length.
fn message(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            if data.len() >= end + 4 + length.map_or(0, |length| length.trim().parse().unwrap()) {
                return Some(data);
            }
        }
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        data.extend_from_slice(&chunk[..read]);
    }
}
