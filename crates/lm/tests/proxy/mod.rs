//! A proxy on loopback that injects faults between a client and a server that works: by a schedule and at random.

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
pub(crate) enum Fault {
    /// It passes.
    None,
    /// It passes late.
    Delay(Duration),
    /// The connection is reset with the request half read.
    Reset,
    /// Half a reply, then the sending side is closed and the other stays open.
    HalfClosed,
    /// Half a reply, then nothing for longer than anybody waits.
    Stalled,
    /// 429, with or without a time to try again, in milliseconds.
    TooMany(Option<u32>),
    /// No HTTP at all.
    Garbage,
    /// A good status with a body of nonsense.
    Nonsense,
}

/// When everything is refused, and how often the rest meets a fault.
pub(crate) struct FaultPlan {
    /// Spans since the first request in which every request is refused.
    pub(crate) outages: Vec<Range<Duration>>,
    /// Of a thousand exchanges outside of outages, how many meet a fault.
    pub(crate) per_thousand: u64,
}

/// When one request ended.
pub(crate) struct RequestEnd {
    number: usize,
    took: Duration,
    /// On the proxy's clock.
    pub(crate) at: Duration,
}

/// A running proxy.
pub(crate) struct Proxy {
    /// Its address up to `/v1`.
    pub(crate) url: String,
    /// Exchanges that met a fault.
    pub(crate) faults: Arc<AtomicU64>,
    started: Instant,
}

impl Proxy {
    /// Starts one in front of the server at this address.
    pub(crate) fn start(server: &str, plan: FaultPlan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = server.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let (faults, count, plan) =
            (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(plan));
        let (started, shared) = (Instant::now(), Arc::clone(&faults));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, plan) = (server.clone(), Arc::clone(&plan));
                let (count, faults) = (Arc::clone(&count), Arc::clone(&shared));
                std::thread::spawn(move || {
                    loop {
                        let fault = plan.draw(started.elapsed(), count.fetch_add(1, Ordering::SeqCst));
                        if pass(&stream, &server, fault, &faults).is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Self { url, faults, started }
    }

    /// Sends this many completions at once through the proxy, each with the answer that it must get, and checks what
    /// must hold for each: it ends within its deadline in its own answer or in an error that the network explains, and
    /// few fail.
    pub(crate) async fn complete_many(
        &self,
        model: &str,
        count: usize,
        deadline: f64,
        ask: impl Fn(usize) -> (CompletionRequest, String),
    ) -> Vec<RequestEnd> {
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
        let complete = |number| {
            let (model, (request, answer)) = (&model, ask(number));
            async move {
                let started = Instant::now();
                let reply = model.complete(&request).await.map(|completion| completion.text);
                (RequestEnd { number, took: started.elapsed(), at: self.now() }, reply, answer)
            }
        };
        let (mut ends, mut failed) = (Vec::new(), 0);
        for (end, reply, answer) in futures_util::future::join_all((0..count).map(complete)).await {
            // A busy machine may need a second to notice.
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
        assert!(failed * 100 <= count, "{failed} of {count} failed");
        ends
    }

    /// The time that outages are scheduled by.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

impl FaultPlan {
    fn draw(&self, now: Duration, number: u64) -> Fault {
        // SplitMix64: neighbours have nothing in common.
        let mut random = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if self.outages.iter().any(|outage| outage.contains(&now)) {
            return Fault::TooMany(random.is_multiple_of(2).then_some(100));
        }
        if random % 1000 >= self.per_thousand {
            return Fault::None;
        }
        match (random >> 20) % 7 {
            0 => Fault::Delay(Duration::from_millis((random >> 40) % 400)),
            1 => Fault::Reset,
            2 => Fault::HalfClosed,
            3 => Fault::Stalled,
            4 => Fault::TooMany(None),
            5 => Fault::Garbage,
            _ => Fault::Nonsense,
        }
    }
}

/// One exchange; `None` when the connection is over.
fn pass(mut client: &TcpStream, server: &str, fault: Fault, faults: &AtomicU64) -> Option<()> {
    if fault == Fault::Reset {
        // What is left unread makes the system reset the connection.
        client.read_exact(&mut [0; 16]).ok()?;
        faults.fetch_add(1, Ordering::SeqCst);
        return None;
    }
    let request = message(client)?;
    faults.fetch_add(u64::from(fault != Fault::None), Ordering::SeqCst);
    match fault {
        Fault::TooMany(after) => {
            let after = after.map_or(String::new(), |ms| format!("retry-after-ms: {ms}\r\n"));
            let reply = format!("HTTP/1.1 429 X\r\n{after}content-length: 0\r\n\r\n");
            return client.write_all(reply.as_bytes()).ok();
        }
        Fault::Garbage => {
            client.write_all(b"\x16\x03\x01 this is not HTTP\0\xff\r\n\r\n").ok()?;
            return None;
        }
        Fault::Nonsense => {
            return client.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{\"choices").ok();
        }
        Fault::Delay(late) => std::thread::sleep(late),
        _ => {}
    }
    let mut upstream = TcpStream::connect(server).ok()?;
    upstream.write_all(&request).ok()?;
    let reply = message(&upstream)?;
    if !matches!(fault, Fault::HalfClosed | Fault::Stalled) {
        return client.write_all(&reply).ok();
    }
    client.write_all(&reply[..reply.len() - 20]).ok()?;
    if fault == Fault::HalfClosed {
        client.shutdown(Shutdown::Write).ok()?;
    }
    // Until the client gives up.
    client.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let _ = client.read(&mut [0; 1]);
    None
}

/// A whole message with its body, of a sender that states the length.
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
