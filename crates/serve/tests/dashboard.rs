//! The dashboard over real sockets: who is let in, what is shown of whom, and runs that grow meanwhile.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use common::{Events, TOKEN, Written, asked, list, page, request, server, server_ahead, server_with};

/// A folder with a run that has ended and one that goes on.
fn two_runs() -> (tempfile::TempDir, Written) {
    let home = tempfile::tempdir().unwrap();
    let mut ended = Written::begin(&home.path().join("ended"));
    ended.add(60);
    ended.journal.finish("completed").unwrap();
    let mut growing = Written::begin(&home.path().join("folder/growing one"));
    growing.add(20);
    (home, growing)
}

#[test]
fn nobody_is_let_in_without_the_token_and_the_address_loses_it_at_once() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    for path in ["/", "/run/ended", "/events", "/nothing", "/?token=0123456789abcdee", "/?token="] {
        let (status, head, body) = asked(address, &request("GET", path, "localhost", ""));
        assert_eq!(status, 401, "{path}");
        assert!(
            !head.to_lowercase().contains("set-cookie") && !String::from_utf8_lossy(&body).contains("poems")
        );
    }
    let (status, head, body) =
        asked(address, &request("GET", &format!("/run/ended?token={TOKEN}"), "localhost", ""));
    assert_eq!((status, body.len()), (303, 0));
    let cookie = format!("set-cookie: samara-{}={TOKEN}; HttpOnly; SameSite=Strict; Path=/", address.port());
    assert!(head.contains(&cookie) && head.contains("location: /run/ended\r\n"), "{head}");
    for elsewhere in ["//evil.example/", "/run/a/../../x", "/\\evil.example"] {
        let (status, head, _) =
            asked(address, &request("GET", &format!("{elsewhere}?token={TOKEN}"), "localhost", ""));
        assert!(status == 303 && head.contains("location: /\r\n") || status == 400, "{elsewhere}: {head}");
    }
    assert_eq!(page(address, "/run/ended").0, 200);
    assert_eq!(asked(address, &request("GET", "/", "localhost", &bearer(TOKEN))).0, 200);
    assert_eq!(asked(address, &request("GET", "/", "localhost", &bearer("0123"))).0, 401);
    let other = format!("Cookie: samara-1={TOKEN}\r\n");
    assert_eq!(asked(address, &request("GET", "/", "localhost", &other)).0, 401);
}

#[test]
fn another_host_another_site_and_whatever_is_no_reading_is_refused() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    for host in ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"] {
        assert_eq!(asked(address, &request("GET", "/", host, &cookie)).0, 403, "{host}");
        assert_eq!(asked(address, &request("GET", "/dashboard.js", host, "")).0, 403, "{host}");
    }
    let origin = format!("{cookie}Origin: http://evil.example\r\n");
    assert_eq!(asked(address, &request("GET", "/", "localhost", &origin)).0, 403);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let (status, head, _) = asked(address, &request(method, "/", "localhost", &cookie));
        assert!(status == 405 && head.contains("allow: GET, HEAD"), "{method}: {head}");
    }
    let (status, head, body) = asked(address, &request("HEAD", "/", "localhost", &cookie));
    assert!(status == 200 && body.is_empty(), "{head}");
}

#[test]
fn a_path_leads_to_a_page_or_nowhere() {
    let (home, _growing) = two_runs();
    std::fs::write(home.path().join("secret.txt"), "the secret").unwrap();
    let address = server(home.path());
    for path in [
        "/run/..",
        "/run/../../etc/passwd",
        "/run/..%2f..%2fetc%2fpasswd",
        "/run/%2e%2e/%2e%2e/secret.txt",
        "/run/.%2Fended",
        "/secret.txt",
        "/ended/run.db",
        "/run/ended/../../secret.txt",
        "/run/ended%00",
        "/run/ended/candidate/60",
        "/run/ended/candidate/18446744073709551615",
        "/run/ended/candidate/x",
        "/run/ended/lineage/60",
        "/run/nobody",
        "/dashboard.css/..",
        "//",
    ] {
        let (status, body) = page(address, path);
        assert!(status == 404 || status == 400, "{path}: {status}");
        assert!(!body.contains("the secret") && !body.contains("root:"), "{path}");
    }
}

#[test]
fn what_models_and_strangers_wrote_is_text_on_every_page_and_every_link_leads_to_one() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    let mut waiting = vec!["/".to_owned(), "/compare?run=ended&run=folder%2Fgrowing+one".to_owned()];
    for asked in ["at=30&facets=1&x=2&y=1", "colour=age&list=gallery&at=12", "colour=operator&island=1"] {
        waiting.push(format!("/run/ended/archive?{asked}"));
    }
    waiting.push("/compare?folder=folder".to_owned());
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let (status, body) = page(address, &path);
        assert_eq!(status, 200, "{path}");
        let scripts = body.matches("<script").count();
        assert_eq!(scripts, 1, "{path}: the page's own script is the only one");
        assert!(
            !body.contains("<img src=http") && !body.contains('\u{202e}') && !body.contains('\u{1b}'),
            "{path}"
        );
        assert!(
            !body.contains(" style=\"") && !body.contains("javascript:") && !body.contains("NaN"),
            "{path}"
        );
        assert!(!body.contains("undefined") && body.len() < 400_000, "{path}");
        for link in body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = link.replace("&amp;", "&");
            let to = link.split('#').next().unwrap_or_default();
            // The cells of a map tell what is beside their page.
            let run = path.split("/archive").next().unwrap_or_default();
            let beside = to.starts_with("candidate/").then(|| format!("{run}/{to}"));
            let path = beside.as_deref().unwrap_or(to);
            let page_of = path.starts_with('/') && !path.ends_with(".css") && !path.ends_with(".js");
            assert!(page_of || path.is_empty() || path.ends_with(".css") || path == "data:,", "{link}");
            // Each way of asking once, and some candidates.
            if page_of && seen.len() < 150 && seen.insert(path.to_owned()) {
                waiting.push(path.to_owned());
            }
        }
    }
    assert!(seen.len() > 100, "{seen:?}");
    let (_, body) = page(address, "/run/ended/candidate/3");
    assert!(body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{body}");
}

#[test]
fn pages_of_runs_that_were_read_before_anybody_asked_are_the_same() {
    let (home, _growing) = two_runs();
    let (one, other) = (server(home.path()), server_ahead(home.path()));
    // The overview tells how fast a run was seen to grow, and so is another at another time.
    for part in ["/archive", "/operators", "/lineage", "/candidate/3"] {
        for run in ["/run/ended", "/run/folder%2Fgrowing%20one"] {
            let path = format!("{run}{part}");
            assert_eq!(page(other, &path), page(one, &path), "{path}");
        }
    }
    assert!(!list(other).contains("is being read"));
}

#[test]
fn every_answer_says_what_a_page_may_do() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    for path in ["/", "/run/ended", "/none", "/dashboard.js", "/dashboard.css", "/?token=wrong"] {
        let (_, head, _) = asked(address, &request("GET", path, "localhost", &cookie));
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(header), "{path}: {head}");
        }
    }
    let (_, head, body) = asked(address, &request("GET", "/dashboard.js", "localhost", ""));
    assert!(head.contains("content-type: text/javascript"), "{head}");
    assert_eq!(String::from_utf8(body).unwrap(), samara_view::dashboard::SCRIPT);
}

#[test]
fn a_hostile_journal_is_an_error_page_and_the_server_lives() {
    let (home, _growing) = two_runs();
    let whole = std::fs::read(home.path().join("ended/run.db")).unwrap();
    let hostile = |name: &str, bytes: &[u8]| {
        std::fs::create_dir(home.path().join(name)).unwrap();
        std::fs::write(home.path().join(name).join("run.db"), bytes).unwrap();
    };
    hostile("empty", b"");
    hostile("text", b"<script>alert(1)</script>");
    hostile("cut", &whole[..whole.len() / 2]);
    let mut flipped = whole.clone();
    let places: Vec<usize> = (0..whole.len() - 6).filter(|at| &whole[*at..at + 5] == b"poem ").collect();
    places.iter().for_each(|at| flipped[*at] = b'P');
    hostile("flipped", &flipped);
    let mut garbled = whole.clone();
    (0..garbled.len()).skip(200).step_by(97).for_each(|at| garbled[at] ^= 0x55);
    hostile("garbled", &garbled);
    let address = server(home.path());
    for name in ["empty", "text", "cut", "flipped", "garbled"] {
        for part in ["", "/archive", "/operators", "/lineage", "/candidate/0"] {
            let (status, body) = page(address, &format!("/run/{name}{part}"));
            assert!(status == 500 && body.contains("can&#39;t be shown"), "{name}{part}: {status}");
            assert!(!body.contains("<script>alert"), "{name}");
        }
    }
    let body = list(address);
    assert_eq!(body.matches("can&#39;t be read").count(), 5, "{body}");
    assert_eq!(page(address, "/run/ended/candidate/59").0, 200);
    let (status, body) = page(address, "/compare?run=ended&run=cut&run=nobody");
    assert!(
        status == 200
            && body.contains("cut can&#39;t be shown")
            && body.contains("nobody can&#39;t be shown")
    );
}

/// What somebody may do to a run with SQLite: each leads to an error page, or to pages that show it as it is.
const CRAFTED: [(&str, &str); 16] = [
    (
        "endless view",
        "ALTER TABLE texts RENAME TO t0; CREATE VIEW texts AS SELECT id, digest, codec, size, body FROM t0 WHERE \
         (SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)) >= 0;",
    ),
    ("view of sums", "ALTER TABLE totals RENAME TO t0; CREATE VIEW totals AS SELECT * FROM t0;"),
    ("trigger", "CREATE TRIGGER e AFTER INSERT ON candidates BEGIN DELETE FROM texts WHERE id = 1; END;"),
    ("large objective", "UPDATE candidates SET objective = 1e308 * 10;"),
    ("word for a number", "UPDATE candidates SET objective = 'NaN';"),
    ("deep measures", "UPDATE candidates SET measures = replace(hex(zeroblob(2500)), '0', '[');"),
    ("few measures", "UPDATE candidates SET measures = '[0.5]';"),
    ("parent that never was", "UPDATE candidates SET parents = '[999999999999]';"),
    ("cell beyond all", "UPDATE candidates SET cell = 9223372036854775807;"),
    ("candidates beyond all", "UPDATE candidates SET id = id + 9223372036854775000 WHERE id > 50;"),
    (
        "sums beyond all",
        "UPDATE totals SET tokens_in = 9223372036854775807, tokens_out = 9223372036854775807;",
    ),
    ("no texts", "DELETE FROM texts;"),
    ("fate without a reason", "UPDATE candidates SET fate = 'invalid', why = NULL;"),
    ("cells without end", "UPDATE run SET config = replace(config, 'bins = 4', 'bins = 4000000000');"),
    ("deep settings", "UPDATE run SET config = 'a = ' || replace(hex(zeroblob(50000)), '0', '[');"),
    (
        "bomb",
        "UPDATE texts SET codec = 1, size = 3145728000, body = zeroblob(4000) WHERE id IN (SELECT text FROM candidates);",
    ),
];

#[test]
fn a_crafted_journal_is_an_error_page_or_shown_and_the_server_lives() {
    let (home, _growing) = two_runs();
    for (name, sql) in CRAFTED {
        let file = home.path().join(name).join("run.db");
        std::fs::create_dir(home.path().join(name)).unwrap();
        std::fs::copy(home.path().join("ended/run.db"), &file).unwrap();
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch("PRAGMA foreign_keys = off;").unwrap();
        database.execute_batch(sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        database.close().unwrap();
    }
    let address = server(home.path());
    for (name, _) in CRAFTED {
        let name = name.replace(' ', "%20");
        for part in ["", "/archive", "/archive?at=30", "/operators", "/lineage", "/candidate/3"] {
            let (status, body) = page(address, &format!("/run/{name}{part}"));
            assert!([200, 404, 500].contains(&status), "{name}{part}: {status}");
            assert!(
                status == 200 || body.contains("can&#39;t be shown") || status == 404,
                "{name}{part}: {body}"
            );
            assert!(!body.contains("error of samara"), "{name}{part}: {body}");
        }
    }
    let body = list(address);
    assert!(body.contains("/run/ended\""), "{body}");
    assert!(body.matches("can&#39;t be read").count() > 8, "{body}");
    assert_eq!(page(address, "/run/ended/candidate/59").0, 200);
}

#[test]
fn a_page_follows_a_run_that_grows_and_says_how_it_ended() {
    let (home, mut growing) = two_runs();
    let address = server(home.path());
    let run = "/run/folder%2Fgrowing%20one";
    let (_, before) = page(address, &format!("{run}?fragment=1"));
    assert!(before.contains("running: 20 of 60 candidates") && !before.contains("<header class=\"top\""));
    assert!(!before.contains("Settings as stored"), "only what is alive");
    let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    let mut events = Events::of(address);
    growing.add(7);
    let mut told = |wanted: &str| {
        let found = events.told(wanted);
        assert!(found.len() < 20_000);
        found
    };
    assert!(told("\"candidates\":27").contains("\"name\":\"folder/growing one\""));
    let (_, after) = page(address, &format!("{run}?fragment=1"));
    assert!(after.contains("running: 27 of 60 candidates"), "{after}");
    let packed = format!("{cookie}Accept-Encoding: gzip\r\n");
    let (_, head, body) = asked(address, &request("GET", &format!("{run}?fragment=1"), "localhost", &packed));
    assert!(head.contains("content-encoding: gzip") && body.len() < 20_000, "{}", body.len());
    let (_, rows) = page(address, "/?fragment=1&only=folder%2Fgrowing+one");
    assert!(rows.contains("growing one") && !rows.contains("row-ended"));
    growing.add(33);
    growing.journal.finish("completed").unwrap();
    drop(growing);
    assert!(told("\"state\":\"completed\"").contains("\"candidates\":60"));
    let (_, end) = page(address, run);
    assert!(end.contains("completed: 60 candidates"));
    // What was folded piece by piece is what the whole run gives.
    let hash =
        |body: &str| body.split("Archive hash ").nth(1).and_then(|rest| rest.get(..90)).map(str::to_owned);
    let (_, whole) = page(address, "/run/ended");
    assert_eq!(hash(&end), hash(&whole));
}

#[test]
fn a_run_that_comes_later_is_found_and_one_that_was_replaced_is_read_anew() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    assert_eq!(page(address, "/run/later").0, 404);
    let mut later = Written::begin(&home.path().join("later"));
    later.add(3);
    assert!(page(address, "/run/later").1.contains("running: 3 of 60"));
    drop(later);
    assert!(page(address, "/run/later").1.contains("killed after 3 of 60"));
    std::fs::remove_dir_all(home.path().join("later")).unwrap();
    let mut other = Written::begin(&home.path().join("later"));
    other.add(2);
    assert!(page(address, "/run/later").1.contains("running: 2 of 60"));
}

/// A form with its headers and body.
fn posted(address: SocketAddr, headers: &str, body: &str) -> (u16, String, String) {
    let headers = format!("{headers}Content-Length: {}\r\n", body.len());
    let (status, head, told) = asked(address, &(request("POST", "/ask", "localhost", &headers) + body));
    (status, head, String::from_utf8(told).unwrap())
}

#[cfg(unix)]
#[test]
fn a_run_is_asked_by_who_is_let_in_from_a_page_of_this_server_and_by_nobody_else() {
    use samara_journal::Live;
    use samara_search::Order;
    let (home, growing) = two_runs();
    let (told, heard) = std::sync::mpsc::channel();
    let folder = home.path().join("folder/growing one");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let socket = runtime.block_on(async {
        samara_serve::control::Socket::open(&folder, move |order| {
            let refuses = matches!(order, Order::StopAfter(_));
            told.send(order.clone()).unwrap();
            async move { if refuses { Err("not <now>".to_owned()) } else { Ok(Live { first: 21, order }) } }
        })
        .unwrap()
    });
    let (closed, open) = (server(home.path()), server_with(home.path(), Some("form-secret")));
    let cookie = |address: SocketAddr| format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let own = "Origin: http://localhost\r\n";
    let body = "run=folder%2Fgrowing+one&secret=form-secret&what=";
    let whole = format!("{}{form}{own}", cookie(open));
    let note = format!("{body}note&text=be%0D%0Abrief");
    let (status, head, _) = posted(open, &whole, &note);
    assert!(status == 303 && head.contains("location: /run/folder%2Fgrowing%20one"), "{head}");
    assert_eq!(heard.try_recv().unwrap(), Order::Note("be\nbrief".into()));
    let (status, _, told) = posted(open, &whole, &format!("{body}stop-after&number=3"));
    assert!(status == 409 && told.contains("not &lt;now&gt;"), "{told}");
    assert_eq!(heard.try_recv().unwrap(), Order::StopAfter(3));
    let other_secret = note.replace("form-secret", "form-secres");
    let foreign = "Origin: http://evil.example\r\n";
    for (headers, body, wanted) in [
        (format!("{}{form}{own}", cookie(closed)), &*note, 405),
        (format!("{form}{own}"), &note, 401),
        (format!("Cookie: samara-{}=wrong\r\n{form}{own}", open.port()), &note, 401),
        (format!("{}{form}", cookie(open)), &note, 403),
        (format!("{}{form}{foreign}", cookie(open)), &note, 403),
        (format!("{}{form}Origin: null\r\n", cookie(open)), &note, 403),
        (format!("{}{own}", cookie(open)), &note, 415),
        (whole.clone(), &other_secret, 403),
        (whole.clone(), "what=finish", 400),
        (whole.clone(), "run=nobody&secret=form-secret&what=finish", 409),
        (whole.clone(), "run=ended&secret=form-secret&what=finish", 409),
    ] {
        let address = if wanted == 405 { closed } else { open };
        let (status, _, told) = posted(address, &headers, body);
        assert_eq!(status, wanted, "{headers} {body}: {told}");
    }
    assert!(heard.try_recv().is_err(), "none of them came to the run");
    let run = "/run/folder%2Fgrowing%20one";
    let (_, shown) = page(open, run);
    assert_eq!(shown.matches("value=\"form-secret\"").count(), 4);
    assert!(shown.contains("content=\"same-origin\"") && shown.contains("<button>Finish now</button>"));
    // Every field has a name that is read aloud.
    assert_eq!(shown.matches("<label><span>").count(), 4, "{shown}");
    let (_, shown) = page(open, "/run/ended");
    assert!(!shown.contains("form-secret"), "it has ended");
    assert!(!page(closed, run).1.contains("action=\"/ask\""), "only with --control");
    drop((socket, growing));
}

#[test]
fn whoever_asks_first_for_a_run_that_nobody_has_read_sees_all_its_calls_as_everybody_after() {
    let (home, _growing) = two_runs();
    let address = server(home.path());
    let asked = || -> Vec<String> {
        std::thread::scope(|scope| {
            let page = |path: &'static str| scope.spawn(move || page(address, path));
            let asking = ["/run/ended", "/run/ended/operators"].repeat(4).into_iter().map(page);
            let asking: Vec<_> = asking.collect();
            asking
                .into_iter()
                .map(|thread| {
                    let (status, page) = thread.join().unwrap();
                    assert_eq!(status, 200, "{page}");
                    page
                })
                .collect()
        })
    };
    let first = asked();
    // 60 calls of 30 tokens.
    assert!(first[0].contains("<td>small</td><td class=\"n\">60</td>"), "{}", first[0]);
    assert_eq!(first[0..2], first[6..8]);
    assert_eq!(first, asked());
}
