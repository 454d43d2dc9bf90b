//! A hub on loopback: what is asked of it, and what its failures become.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;

use samara_testing::server::{Action, Request, Server, ok};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub and an empty cache.
struct TestHub {
    hub: Hub,
    asked: Arc<Mutex<Vec<String>>>,
    cache: tempfile::TempDir,
    _server: Server,
}

fn start(behave: impl Fn(&Request) -> Option<Action> + Send + Sync + 'static) -> TestHub {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&asked);
    let server = Server::start(move |request| {
        list.lock().expect("no panic").push(request.head.clone());
        behave(request).unwrap_or_else(|| Action::Reply(404, String::new(), "no".into()))
    });
    let cache = tempfile::tempdir().expect("a folder");
    let endpoint = server.url.trim_end_matches("/v1").to_owned();
    let hub =
        Hub { endpoint, cache: cache.path().join("hub"), offline: false, key: Some(Secret::of("canary-7")) };
    TestHub { hub, asked, cache, _server: server }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A hub with these files; each holds its name.
fn files(names: &'static [&'static str]) -> impl Fn(&Request) -> Option<Action> + Send + Sync {
    move |request| {
        if request.path == "/api/models/org/small/revision/main" {
            let siblings: Vec<Value> = names.iter().map(|name| json!({"rfilename": name})).collect();
            return Some(ok(&json!({"sha": SHA, "siblings": siblings})));
        }
        let file = request.path.strip_prefix(&format!("/org/small/resolve/{SHA}/"))?;
        names.contains(&file).then(|| match file {
            INDEX => ok(&json!({"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}})),
            _ => Action::Reply(200, String::new(), file.to_owned()),
        })
    }
}

const WHOLE: &[&str] = &["README.md", "config.json", "tokenizer.json", "model.safetensors"];

#[test]
fn a_model_is_fetched_once_and_then_used_even_offline() {
    let mut server = start(files(WHOLE));
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert_eq!(folder, server.cache.path().join("hub/models--org--small/snapshots").join(SHA));
    assert_eq!(
        std::fs::read_to_string(folder.join("model.safetensors")).expect("there"),
        "model.safetensors"
    );
    assert!(!folder.join("README.md").exists());
    let asked = server.asked.lock().expect("no panic").len();
    assert_eq!(asked, 4);
    server.hub.offline = true;
    assert_eq!(server.hub.folder(&name("org/small")).expect("found"), folder);
    assert_eq!(server.hub.folder(&name(&format!("org/small@{SHA}"))).expect("by its commit"), folder);
    assert_eq!(server.asked.lock().expect("no panic").len(), asked);
    let error = server.hub.folder(&name("org/other")).expect_err("not there").to_string();
    assert!(error.contains("org/other") && error.contains("HF_HUB_OFFLINE"), "{error}");
    // Every request carried the key, and nothing on the disk does.
    assert!(server.asked.lock().expect("no panic").iter().all(|head| head.contains("Bearer canary-7")));
    let kept = std::process::Command::new("grep").args(["-r", "canary-7"]).arg(server.cache.path()).output();
    assert!(kept.expect("grep").stdout.is_empty());
}

#[test]
fn shards_are_those_of_the_index() {
    let server =
        start(files(&["config.json", "tokenizer.json", INDEX, "one.safetensors", "two.safetensors"]));
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert!(folder.join("one.safetensors").exists() && folder.join("two.safetensors").exists());
    assert_eq!(server.asked.lock().expect("no panic").len(), 6);
    std::fs::remove_file(folder.join("two.safetensors")).expect("removed");
    server.hub.folder(&name("org/small")).expect("what is missing is fetched again");
    assert_eq!(server.asked.lock().expect("no panic").len(), 8);
}

#[test]
fn an_error_says_what_the_hub_lacks_or_refuses_and_what_to_do() {
    for (names, says) in [
        (&["config.json", "model.safetensors"][..], "tokenizer.json"),
        (&["config.json", "tokenizer.json", "pytorch_model.bin"], "pickled"),
    ] {
        let error = start(files(names)).hub.folder(&name("org/small")).expect_err("lacks").to_string();
        assert!(error.contains(says), "{error}");
    }
    let gated = start(|_| Some(Action::Reply(401, String::new(), "canary-7".into())));
    let error = gated.hub.folder(&name("org/small")).expect_err("gated");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.to_string().contains("HF_TOKEN") && !error.to_string().contains("canary-7"), "{error}");
    let error = start(|_| None).hub.folder(&name("org/small")).expect_err("nobody");
    assert!(error.to_string().contains("ORG/NAME"), "{error}");
}

#[test]
fn a_file_that_arrives_in_part_is_not_kept() {
    let broken = start(|request| match request.path.ends_with("model.safetensors") {
        true => Some(Action::Truncate("half".into())),
        false => files(WHOLE)(request),
    });
    let error = broken.hub.folder(&name("org/small")).expect_err("broken");
    assert_eq!(error.kind, ErrorKind::Unreachable);
    let folder = broken.cache.path().join("hub/models--org--small/snapshots").join(SHA);
    assert!(folder.join("config.json").exists() && !folder.join("model.safetensors").exists());
    assert_eq!(std::fs::read_dir(folder).expect("there").count(), 2, "nothing half is left");
}

/// A server of ranges: the body of weights, what it gives as its tag, and after how many bytes it breaks off, by request.
struct Ranges {
    body: Vec<u8>,
    etag: &'static str,
    breaks: &'static [usize],
    ranges: bool,
}

/// A hub whose weights come from such a server, by a redirect. Gives the heads that the server saw.
fn start_with(ranges: Ranges) -> (TestHub, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let location = format!("location: http://{}/big\r\n", listener.local_addr().expect("bound"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n")
                && std::io::Read::read(&mut stream, &mut byte).is_ok_and(|read| read == 1)
            {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let number = {
                let mut seen = seen.lock().expect("no panic");
                seen.push(head.clone());
                seen.len() - 1
            };
            let _ = stream.write_all(&ranges.reply(&head, number));
        }
    });
    let hub = start(move |request| match request.path.ends_with("model.safetensors") {
        true => Some(Action::Reply(302, location.clone(), String::new())),
        false => files(WHOLE)(request),
    });
    (hub, heads)
}

impl Ranges {
    fn reply(&self, head: &str, number: usize) -> Vec<u8> {
        let wanted = head
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        let same = head.lines().any(|line| line == format!("if-range: {}", self.etag));
        let start = wanted.filter(|_| self.ranges && same).unwrap_or(0);
        let (rest, total) = (&self.body[start..], self.body.len());
        let status = match start {
            0 => "200 OK".to_owned(),
            _ => format!("206 Partial Content\r\ncontent-range: bytes {start}-{}/{total}", total - 1),
        };
        let etag = if self.etag.is_empty() { String::new() } else { format!("etag: {}\r\n", self.etag) };
        let head =
            format!("HTTP/1.1 {status}\r\n{etag}content-length: {}\r\nconnection: close\r\n\r\n", rest.len());
        let sent = self.breaks.get(number).map_or(rest.len(), |length| *length);
        [head.as_bytes(), &rest[..sent]].concat()
    }
}

fn weights() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// The snapshot's folder, its files by name, and the weights in it.
fn left(server: &TestHub) -> (PathBuf, Vec<String>) {
    let folder = server.cache.path().join("hub/models--org--small/snapshots").join(SHA);
    let entries = std::fs::read_dir(&folder).expect("there").flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    (folder, names)
}

const FETCHED: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let body = weights();
    let (server, heads) =
        start_with(Ranges { body: body.clone(), etag: "\"a\"", breaks: &[300_000, 70_000], ranges: true });
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert_eq!(std::fs::read(folder.join("model.safetensors")).expect("there"), body);
    assert_eq!(left(&server).1, FETCHED);
    let heads = heads.lock().expect("no panic");
    assert_eq!(heads.len(), 3);
    assert!(!heads[0].contains("range:"));
    assert!(
        heads[1].contains("range: bytes=300000-") && heads[1].contains("if-range: \"a\""),
        "{}",
        heads[1]
    );
    assert!(heads[2].contains("range: bytes=370000-"), "{}", heads[2]);
    assert!(heads.iter().all(|head| !head.contains("canary")));
}

#[test]
fn what_arrived_before_a_failure_is_used_by_the_next_run() {
    let body = weights();
    // The second try brings nothing more: the run gives up.
    let (server, heads) =
        start_with(Ranges { body: body.clone(), etag: "\"a\"", breaks: &[300_000, 0], ranges: true });
    let error = server.hub.folder(&name("org/small")).expect_err("broken");
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(
        error.to_string().contains("0.3 MB of it are kept") && error.to_string().contains("goes on"),
        "{error}"
    );
    let names = left(&server).1;
    assert_eq!(
        names,
        [
            "config.json",
            "model.safetensors.incomplete",
            "model.safetensors.incomplete.etag",
            "tokenizer.json"
        ]
    );
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert_eq!(std::fs::read(folder.join("model.safetensors")).expect("there"), body);
    assert_eq!(left(&server).1, FETCHED);
    assert!(heads.lock().expect("no panic")[2].contains("range: bytes=300000-"));
}

#[test]
fn a_server_without_ranges_or_with_another_file_by_now_starts_over() {
    for (etag, ranges) in [("\"a\"", false), ("\"b\"", true)] {
        let body = weights();
        let (server, heads) = start_with(Ranges { body: body.clone(), etag, breaks: &[], ranges });
        let (folder, part) = (
            server.cache.path().join("hub/models--org--small/snapshots").join(SHA),
            "model.safetensors.incomplete",
        );
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join(part), [7; 1000]).expect("written");
        std::fs::write(folder.join(format!("{part}.etag")), "\"a\"").expect("written");
        server.hub.folder(&name("org/small")).expect("fetched");
        assert_eq!(std::fs::read(folder.join("model.safetensors")).expect("there"), body);
        assert_eq!(left(&server).1, FETCHED);
        let heads = heads.lock().expect("no panic");
        assert!(heads.len() == 1 && heads[0].contains("range: bytes=1000-"), "{heads:?}");
    }
}

#[test]
fn without_a_strong_tag_nothing_is_kept_of_what_breaks_off() {
    for etag in ["", "W/\"a\""] {
        let (server, heads) =
            start_with(Ranges { body: weights(), etag, breaks: &[300_000, 300_000], ranges: true });
        let error = server.hub.folder(&name("org/small")).expect_err("broken");
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert_eq!(left(&server).1, ["config.json", "tokenizer.json"]);
        assert!(heads.lock().expect("no panic").iter().all(|head| !head.contains("range:")));
    }
}

#[test]
fn a_gguf_file_is_fetched_by_its_name_with_all_its_parts() {
    const LISTED: &[&str] =
        &["a.gguf", "q/b-00001-of-00002.gguf", "q/b-00002-of-00002.gguf", "c-00001-of-00002.gguf"];
    let mut server = start(files(LISTED));
    let one = server.hub.folder(&name("org/small/a.gguf")).expect("fetched");
    assert_eq!(std::fs::read_to_string(&one).expect("there"), "a.gguf");
    assert_eq!(one, server.cache.path().join("hub/models--org--small/snapshots").join(SHA).join("a.gguf"));
    let split = server.hub.folder(&name("org/small/q/b-00001-of-00002.gguf")).expect("fetched");
    assert!(
        split.ends_with("q/b-00001-of-00002.gguf") && split.with_file_name("b-00002-of-00002.gguf").exists()
    );
    let asked = server.asked.lock().expect("no panic").len();
    assert_eq!(asked, 5);
    for (missing, says) in [
        ("d.gguf", "d.gguf"),
        ("c-00001-of-00002.gguf", "c-00002-of-00002.gguf"),
        ("e-00001-of-99999.gguf", "parts"),
    ] {
        let error = server.hub.folder(&name(&format!("org/small/{missing}"))).expect_err("lacks").to_string();
        assert!(error.contains(says), "{error}");
    }
    server.hub.offline = true;
    assert_eq!(server.hub.folder(&name("org/small/a.gguf")).expect("known"), one);
}

#[test]
fn what_chats_are_written_by_is_fetched_where_it_is_there() {
    const LISTED: &[&str] = &[
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "tokenizer_config.json",
        "chat_template.jinja",
    ];
    let server = start(files(LISTED));
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert!(LISTED.iter().all(|file| folder.join(file).exists()));
}

#[test]
fn a_redirect_to_another_host_carries_no_key() {
    let elsewhere = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&elsewhere);
    let other = Server::start(move |request| {
        *seen.lock().expect("no panic") = request.head.clone();
        Action::Reply(200, String::new(), "weights".into())
    });
    let location = format!("location: {}/big\r\n", other.url);
    let server = start(move |request| match request.path.ends_with("model.safetensors") {
        true => Some(Action::Reply(302, location.clone(), String::new())),
        false => files(WHOLE)(request),
    });
    let folder = server.hub.folder(&name("org/small")).expect("fetched");
    assert_eq!(std::fs::read_to_string(folder.join("model.safetensors")).expect("there"), "weights");
    let head = elsewhere.lock().expect("no panic").to_lowercase();
    assert!(
        head.contains("get /v1/big") && !head.contains("canary") && !head.contains("authorization"),
        "{head}"
    );
}

#[test]
fn names_that_lead_out_of_the_cache_are_refused() {
    let parsed = |text| {
        let Name { repository, revision, file } = name(text);
        [repository, revision, file.unwrap_or_default()]
    };
    assert_eq!(parsed("org/a.b-c_1@v2"), ["org/a.b-c_1", "v2", ""]);
    assert_eq!(parsed("org/a/b.gguf"), ["org/a", "main", "b.gguf"]);
    assert_eq!(parsed("org/a/q/b.gguf@v2"), ["org/a", "v2", "q/b.gguf"]);
    for bad in [
        "",
        "small",
        "org/",
        "/small",
        "org/a/b",
        "org/a/../b.gguf",
        "org/a//b.gguf",
        "org/a/.gguf",
        "org/a/1/2/3/4/5/6/7/8/b.gguf",
        "../a",
        "org/..",
        "org/a@",
        "org/a@../b",
        "org/a@b/c",
        "o rg/a",
    ] {
        assert_eq!(Name::parse(bad), None, "{bad}");
    }
    let server = start(|_| Some(ok(&json!({"sha": "../../x", "siblings": []}))));
    assert!(server.hub.folder(&name("org/small")).is_err());
    assert_eq!(std::fs::read_dir(server.cache.path()).expect("there").count(), 0);
}
