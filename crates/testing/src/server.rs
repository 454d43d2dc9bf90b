//! A model server on loopback that can misbehave: raw HTTP over threads, so that nothing protects it from itself.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

/// One request as the server saw it.
pub struct Request {
    /// Its number on this server, from 0.
    pub number: usize,
    /// Its path.
    pub path: String,
    /// Its head, as sent.
    pub head: String,
    /// Its body.
    pub body: Value,
}

/// What the server does with a request.
pub enum Action {
    /// A status, header lines and a body.
    Reply(u16, String, String),
    /// Closes with the request unread: the client sees a reset.
    Reset,
    /// Half a body, then nothing.
    Stall,
    /// Promises more than it sends.
    Truncate(String),
}

/// A good reply.
pub fn ok(body: &Value) -> Action {
    Action::Reply(200, String::new(), body.to_string())
}

/// A running server.
pub struct Server {
    /// Its address up to `/v1`.
    pub url: String,
    /// Requests so far.
    pub seen: Arc<AtomicUsize>,
}

impl Server {
    /// Starts one that answers with `behave`.
    pub fn start(behave: impl Fn(&Request) -> Action + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (seen, behave) = (Arc::new(AtomicUsize::new(0)), Arc::new(behave));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, behave) = (Arc::clone(&count), Arc::clone(&behave));
                std::thread::spawn(move || while serve(&stream, &count, behave.as_ref()).is_some() {});
            }
        });
        Self { url, seen }
    }
}

/// Serves one request; `None` when the connection is over.
fn serve(mut stream: &TcpStream, count: &AtomicUsize, behave: &dyn Fn(&Request) -> Action) -> Option<()> {
    let mut data = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        data.extend_from_slice(&chunk[..read]);
    };
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap())
        })
        .unwrap_or(0_usize);
    while data.len() < end + length {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        data.extend_from_slice(&chunk[..read]);
    }
    let body = serde_json::from_slice(&data[end..]).unwrap_or(Value::Null);
    let path = head.split(' ').nth(1)?.to_owned();
    let number = count.fetch_add(1, Ordering::SeqCst);
    act(stream, behave(&Request { number, path, head, body }))
}

fn act(mut stream: &TcpStream, action: Action) -> Option<()> {
    let head = |status: u16, headers: &str, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
        )
    };
    match action {
        Action::Reply(status, headers, body) => {
            stream.write_all((head(status, &headers, body.len()) + &body).as_bytes()).ok()
        }
        Action::Reset => {
            stream.shutdown(std::net::Shutdown::Both).ok()?;
            None
        }
        Action::Stall => {
            stream.write_all((head(200, "", 1000) + "{\"choices\"").as_bytes()).ok()?;
            std::thread::sleep(Duration::from_secs(20));
            None
        }
        Action::Truncate(body) => {
            stream.write_all((head(200, "", body.len() + 100) + &body).as_bytes()).ok()?;
            stream.shutdown(std::net::Shutdown::Both).ok()?;
            None
        }
    }
}

/// What a sound server says: a few words that depend on prompt and seed, and echoed log-probabilities in which
/// texts with more vowels are the more positive.
pub fn sound(request: &Request) -> Action {
    let body = &request.body;
    let prompt = body["prompt"].as_str().unwrap_or_default();
    match request.path.as_str() {
        "/v1/models" => ok(&json!({"data": [{"id": "sound"}]})),
        "/v1/completions" if body["echo"] == json!(true) => ok(&echo(prompt)),
        "/v1/completions" => {
            let seed = body["seed"].as_u64().unwrap_or(0);
            let words = ["I like green peas", "I hate old beans", "Vegetables are fine", "A salad is a meal"];
            let pick = |n: u64| words[(n % 4) as usize];
            let text = format!(" {}. {}", pick(seed), pick(seed / 4 + prompt.len() as u64));
            ok(
                &json!({"choices": [{"text": text, "finish_reason": "stop"}], "usage": {"prompt_tokens": prompt.len() / 4, "completion_tokens": 9}}),
            )
        }
        "/v1/embeddings" => {
            let texts = body["input"].as_array().map_or(0, Vec::len);
            let data: Vec<Value> = (0..texts).map(|i| json!({"index": i, "embedding": [1.0, i]})).collect();
            ok(&json!({"data": data}))
        }
        _ => Action::Reply(404, String::new(), "{\"error\": \"no such route\"}".to_owned()),
    }
}

/// The last line or word is the answer; its log-probability depends on the vowels before it.
fn echo(text: &str) -> Value {
    // A line's answer comes with its newline, as a tokeniser would have it.
    let start = text.rfind('\n').or_else(|| text.rfind('=').map(|end| end + 1)).unwrap_or(0);
    let (before, answer) = text.split_at(start);
    let vowels = before.chars().filter(|c| "aeiou".contains(*c)).count();
    let odds = ((vowels % 17) as f64 / 4.0 - 2.0) * 3.0;
    let sign = if matches!(answer.trim(), "positive" | "yes" | "2") { -1.0 } else { 1.0 };
    let log = if answer == "zebra" { -9.0 } else { -(1.0 + (sign * odds).exp()).ln() };
    let offset = before.chars().count();
    let last = text.chars().count();
    json!({"choices": [{"text": text, "logprobs": {
        "tokens": ["", answer, "."], "text_offset": [0, offset, last], "token_logprobs": [null, log, -1.0],
    }}]})
}
