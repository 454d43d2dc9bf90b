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
    assert_eq!(name("org/a.b-c_1@v2"), Name { repository: "org/a.b-c_1".into(), revision: "v2".into() });
    for bad in [
        "",
        "small",
        "org/",
        "/small",
        "org/a/b",
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
