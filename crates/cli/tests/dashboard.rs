//! `samara serve`: what it says and how it ends, and its pages as a real browser makes them of what it answers.

#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use common::{Place, browser::Browser, error, isolated};
use samara_testing::server::{Action, Request, Server, ok};
use serde_json::json;

/// A dashboard that ends with the test.
struct Served {
    child: Child,
    said: BufReader<ChildStderr>,
    /// With its token.
    address: String,
}

impl Served {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let arguments = [&["serve"], arguments].concat();
        let mut child = place.samara(&arguments).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("its stderr"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        Self { child, said, address: address.unwrap_or_else(|| panic!("{line}")) }
    }

    /// The address of a page, with the token.
    fn page(&self, path: &str) -> String {
        let (base, token) = self.address.split_once("/?").expect("an address with a token");
        format!("{base}{path}{}{token}", if path.contains('?') { '&' } else { '?' })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ran(place: &Place, name: &str, seed: &str) {
    let steps = "search.total_steps=300";
    let run = ["run", "function", "--quiet", "--seed", seed, "--out", name, "--set", steps];
    let output = place.run(&run);
    assert!(output.status.success(), "{}", error(&output));
}

#[test]
fn a_dashboard_says_where_it_is_and_ends_politely() {
    let place = Place::new();
    ran(&place, "runs/one", "1");
    let (mut first, second) = (Served::start(&place, &[]), Served::start(&place, &["runs/one"]));
    assert!(first.address.starts_with("http://127.0.0.1:") && first.address.len() > 60, "{}", first.address);
    let token = |served: &Served| served.address.rsplit('=').next().map(str::to_owned);
    assert_ne!(token(&first), token(&second));
    let killed = Command::new("kill").arg(first.child.id().to_string()).status().expect("kill");
    assert!(killed.success());
    assert_eq!(first.child.wait().expect("its end").code(), Some(0));
    let mut rest = String::new();
    first.said.read_line(&mut rest).expect("its last line");
    assert_eq!(rest, "stopped\n");
}

#[test]
fn a_run_or_an_address_that_is_not_there_is_said_to_be_missing() {
    let place = Place::new();
    for (arguments, told) in [
        (&["serve"][..], "runs is not there\nhint: name a run"),
        (&["serve", "runs", "nowhere"], "runs is not there"),
        (&["serve", ".", "--bind", "no address"], "--bind no address is no address\nhint: 127.0.0.1"),
        (&["serve", ".", "--host-name", "http://a"], "--host-name"),
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error(&output).contains(told), "{arguments:?}: {}", error(&output));
    }
}

/// The texts behind the names of a page's definitions.
fn told(page: &str) -> BTreeMap<String, String> {
    let text = |html: &str| html.split(['<', '>']).step_by(2).collect::<String>();
    let pair = |rest: &str| {
        let (name, rest) = rest.split_once("</dt>")?;
        let (value, _) = rest.split_once("<dd")?.1.split_once('>')?.1.split_once("</dd>")?;
        Some((text(name), text(value)))
    };
    page.split("<dt>").skip(1).filter_map(pair).collect()
}

/// The page as the browser has it.
const WHOLE: &str = "document.documentElement.outerHTML";

#[test]
fn a_browser_shows_the_numbers_that_show_tells_on_every_page() {
    let place = Place::new();
    ran(&place, "runs/one", "1");
    ran(&place, "runs/two", "2");
    let served = Served::start(&place, &[]);
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    let mut page = |path: &str| {
        browser.open(&served.page(path));
        browser.is_content();
        browser.text(WHOLE)
    };
    let first = page("/run/one");
    let shown = place.json(&["show", "runs/one", "--best", "1", "--format", "json"]);
    let number = |name: &str| shown[name].as_f64().unwrap_or_else(|| panic!("{name}"));
    let figures = told(&first);
    let figure = |name: &str| -> f64 {
        let text = figures.get(name).unwrap_or_else(|| panic!("{name}: {figures:?}"));
        text.trim_end_matches(" %").replace(',', "").parse().unwrap_or_else(|_| panic!("{name}: {text}"))
    };
    let near = |found: f64, wanted: f64| (found - wanted).abs() <= 1e-4 * wanted.abs().max(1.0);
    assert!(near(figure("Best objective"), number("best")), "{figures:?}");
    assert!(near(figure("QD score"), number("qd_score")) && near(figure("Mean over cells"), number("mean")));
    assert!((figure("Coverage") - 100.0 * number("coverage")).abs() < 0.06, "{figures:?}");
    assert!(near(figure("Candidates"), number("candidates")));
    assert!(first.contains(shown["archive_hash"].as_str().expect("a hash")));
    let elite = &shown["elites"][0];
    let best = elite["candidate"].as_u64().expect("a candidate");
    let candidate = page(&format!("/run/one/candidate/{best}"));
    let objective: f64 = told(&candidate)["objective"].parse().expect("a number");
    assert!(near(objective, elite["objective"].as_f64().expect("an objective")));
    let archive = page("/run/one/archive");
    let cells = shown["cells_filled"].as_u64().expect("cells");
    assert!(archive.contains(&format!("After 300 candidates: {cells} of ")), "{archive}");
    assert!(page("/run/one/archive?at=10").contains("After 10 of 300 candidates: "));
    assert!(page("/run/one/lineage").contains(&format!("Lineage of candidate {best}")));
    assert!(page("/run/one/operators").contains("What each brought"));
    let list = page("/");
    assert!(list.contains("/run/one\"") && list.contains("/run/two\"") && list.contains("2 runs"), "{list}");
    assert!(page("/compare?run=one&run=two").contains("2 seeds"));
    // The script ran: what only it does has been done.
    assert!(list.contains("<button hidden"), "{list}");
}

/// What the film on a page shows so many seconds after its beginning.
fn frame(browser: &mut Browser, seconds: f64) -> String {
    const FILM: &str = "document.querySelector('.walk .film svg')";
    browser.value(&format!("{FILM}.scrollIntoView()"));
    browser.value(&format!("{FILM}.pauseAnimations()"));
    browser.value(&format!("{FILM}.setCurrentTime({seconds})"));
    let place = browser.value(&format!(
        "(({{ x, y, width, height }}) => ({{ x: x + scrollX, y: y + scrollY, width, height, scale: 1 }}))\
         ({FILM}.getBoundingClientRect())"
    ));
    let taken =
        browser.ask("Page.captureScreenshot", &json!({ "clip": place, "captureBeyondViewport": true }));
    taken["data"].as_str().expect("a picture").to_owned()
}

/// How the browser shows the first element of a kind: as a block, or not at all.
fn display(browser: &mut Browser, selector: &str) -> String {
    browser.text(&format!("getComputedStyle(document.querySelector({selector:?})).display"))
}

#[test]
fn a_walk_is_played_where_motion_is_wanted_and_stands_still_elsewhere() {
    let place = Place::new();
    if !isolated() {
        return;
    }
    let run = ["run", "sodarace", "--quiet", "--seed", "1", "--out", "runs/walk"];
    let run = place.run(&[&run[..], &["--set", "search.total_steps=20"]].concat());
    assert!(run.status.success(), "{}", error(&run));
    let shown = place.json(&["show", "runs/walk", "--best", "1", "--format", "json"]);
    let best = shown["elites"][0]["candidate"].as_u64().expect("a candidate");
    let served = Served::start(&place, &[]);
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    let motion = |browser: &mut Browser, media: &str, wanted: &str| {
        let feature = json!({ "name": "prefers-reduced-motion", "value": wanted });
        browser.ask("Emulation.setEmulatedMedia", &json!({ "media": media, "features": [feature] }));
    };
    motion(&mut browser, "", "no-preference");
    browser.open(&served.page(&format!("/run/walk/candidate/{best}")));
    let frames = [0.0, 1.5, 3.5, 0.0].map(|seconds| frame(&mut browser, seconds));
    assert_eq!(frames[0], frames[3], "the same moment is the same picture");
    assert!(frames[0] != frames[1] && frames[1] != frames[2] && frames[0] != frames[2]);
    for (media, wanted, film) in
        [("", "no-preference", "block"), ("", "reduce", "none"), ("print", "", "none")]
    {
        motion(&mut browser, media, wanted);
        assert_eq!(display(&mut browser, ".walk .film"), film, "{media} {wanted}");
        assert_eq!(display(&mut browser, ".walk > svg"), "block", "all moments stand there in any case");
    }
    motion(&mut browser, "", "no-preference");
    browser.open(&served.page("/run/walk/archive?list=gallery"));
    for (wanted, film) in [("no-preference", true), ("reduce", false)] {
        motion(&mut browser, "", wanted);
        let displays = [".card .film", ".card .poses"].map(|one| display(&mut browser, one));
        assert_eq!(displays.map(|display| display != "none"), [film, !film], "{wanted}");
    }
    browser.is_content();
}

/// All that a page leads to of the dashboard, by its links.
const LINKS: &str =
    "[...document.querySelectorAll('a[href^=\"/\"]')].map((a) => a.getAttribute('href')).join('\\n')";

#[test]
fn every_page_of_a_run_that_goes_on_is_shown_without_a_complaint_and_asks_nobody_else() {
    let place = Place::new();
    ran(&place, "runs/one", "1");
    ran(&place, "runs/several/two", "2");
    ran(&place, "runs/several/three", "3");
    let served = Served::start(&place, &[]);
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    browser.open(&served.page("/"));
    // Of each kind of page, and of each way of asking for it, the first that a link leads to.
    let kind = |link: &str| -> String {
        let path = link.split('#').next().unwrap_or_default();
        path.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    let mut waiting = vec!["/".to_owned()];
    let mut seen: std::collections::BTreeSet<String> = waiting.iter().map(|link| kind(link)).collect();
    while let Some(link) = waiting.pop() {
        browser.leave(&format!("location.assign({link:?})"));
        let heading = browser.text("document.querySelector('h1')?.textContent ?? ''");
        assert!(!heading.is_empty() && !heading.contains("can't"), "{link}: {heading}");
        for unnamed in ["a", "button", "input:not([type=hidden])", "select", "summary"] {
            // What a screen reader calls it: its text, its label, or the title of a drawing.
            let named = format!(
                "[...document.querySelectorAll({unnamed:?})].filter((e) => !(e.textContent.trim() || \
                 e.getAttribute('aria-label') || (e.labels && e.labels.length))).length"
            );
            assert_eq!(browser.value(&named), 0, "{unnamed} of {link}");
        }
        let wide = browser.value("document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(wide, true, "{link} is wider than its window");
        for next in browser.text(LINKS).lines() {
            if seen.len() < 120 && seen.insert(kind(next)) {
                waiting.push(next.to_owned());
            }
        }
    }
    for part in ["archive", "lineage", "operators", "candidate", "compare?folder=", "over=", "by="] {
        assert!(seen.iter().any(|link| link.contains(part)), "no link leads to {part}: {seen:?}");
    }
    browser.is_content();
}

#[test]
fn keys_filters_and_choices_do_what_the_page_says() {
    let place = Place::new();
    for (name, seed) in [("runs/apple", "1"), ("runs/pear", "2")] {
        ran(&place, name, seed);
    }
    let served = Served::start(&place, &[]);
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    browser.open(&served.page("/?sort=name"));
    let here = "document.querySelector('.here')?.id ?? ''";
    for (key, row) in [("j", "row-apple"), ("j", "row-pear"), ("j", "row-pear"), ("k", "row-apple")] {
        browser.press(key);
        assert_eq!(browser.text(here), row, "{key}");
    }
    browser.press("?");
    assert_eq!(browser.value("document.getElementById('keys').open"), true);
    browser.press("/");
    assert_eq!(browser.text("document.activeElement.id"), "filter");
    // What is typed into a field is no key of the page, and the list follows it.
    for key in ["p", "e", "a", "r"] {
        browser.press(key);
    }
    browser.until("document.querySelectorAll('tr[id]').length === 1");
    assert_eq!(browser.text("location.search"), "?sort=name&filter=pear");
    browser.press("Escape");
    browser.value("void document.getElementById('choose-pear').click()");
    browser.value("void (document.getElementById('filter').value = '')");
    browser
        .value("void document.getElementById('filter').dispatchEvent(new Event('input', { bubbles: true }))");
    browser.until("document.querySelectorAll('tr[id]').length === 2");
    assert_eq!(browser.value("document.getElementById('choose-pear').checked"), true, "the choice stays");
    browser.value("void document.getElementById('choose-apple').click()");
    browser.leave("document.querySelector('form.chosen button').click()");
    assert!(browser.text("document.body.innerText").contains("2 seeds"));
    browser.open(&served.page("/?sort=name"));
    browser.press("j");
    browser.leave("document.activeElement.click()");
    assert_eq!(browser.text("location.pathname"), "/run/apple");
    // The time of an archive.
    browser.open(&served.page("/run/apple/archive"));
    browser.value("void (document.getElementById('at').value = 20)");
    browser.value("void document.getElementById('at').dispatchEvent(new Event('input', { bubbles: true }))");
    browser.until("document.body.innerText.includes('After 20 of 300 candidates')");
    assert_eq!(browser.text("new URLSearchParams(location.search).get('at')"), "20");
    browser.value("void (document.getElementById('colour').value = 'age')");
    browser
        .value("void document.getElementById('colour').dispatchEvent(new Event('input', { bubbles: true }))");
    browser.until("document.body.innerText.includes('made as candidate')");
    browser.is_content();
}

#[test]
fn a_page_follows_a_run_to_its_end_and_then_says_what_show_says() {
    let place = Place::new();
    ran(&place, "runs/one", "1");
    let served = Served::start(&place, &[]);
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    browser.open(&served.page("/run/one"));
    browser.until("document.getElementById('pulse').textContent === 'live'");
    browser.value("void (window.before = true)");
    browser.value("void (document.querySelector('#settings details').open = true)");
    // The run goes on, further than it was to go at first.
    let resumed = place.run(&["resume", "runs/one", "--quiet", "--set", "search.total_steps=1500"]);
    assert!(resumed.status.success(), "{}", error(&resumed));
    browser.until("document.querySelector('#head .state').textContent.includes('1,500 candidates')");
    browser.until("[...document.querySelectorAll('#figures dd')].some((dd) => dd.textContent === '1,500')");
    assert_eq!(browser.value("window.before"), true, "nobody loaded the page anew");
    assert_eq!(
        browser.value("document.querySelector('#settings details').open"),
        true,
        "what was open stays"
    );
    let shown = place.json(&["show", "runs/one", "--best", "1", "--format", "json"]);
    let page = browser.text(WHOLE);
    assert!(page.contains(shown["archive_hash"].as_str().expect("a hash")));
    let best: f64 = told(&page)["Best objective"].parse().expect("a number");
    assert!((best - shown["best"].as_f64().expect("a best")).abs() < 1e-3, "{best}");
    browser.is_content();
}

/// A run that goes on until somebody asks it to end, with its dashboard.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(place: &Place, arguments: &[String]) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = place.samara(&arguments);
        command.args(["--serve", "--control", "--set", "search.total_steps=1000000000"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("its stderr")).lines();
        let address =
            said.find_map(|line| line.expect("a line").strip_prefix("dashboard: ").map(str::to_owned));
        let address = address.unwrap_or_else(|| panic!("it says no address: {:?}", child.wait()));
        // Whatever else it says is taken, so that it never waits for a reader.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address }
    }

    /// What it says of itself once it has ended.
    fn ended(mut self) -> serde_json::Value {
        let mut told = String::new();
        let mut stdout = self.child.stdout.take().expect("its stdout");
        std::io::Read::read_to_string(&mut stdout, &mut told).expect("what it says");
        assert!(self.child.wait().expect("its end").success(), "{told}");
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The form whose button says this, as a person finds it.
fn form(button: &str) -> String {
    format!("[...document.querySelectorAll('button')].find((one) => one.textContent === {button:?}).form")
}

/// Writes a value into the field of a form whose label says this.
fn fill(browser: &mut Browser, button: &str, label: &str, value: &str) {
    let labels = format!("[...{}.querySelectorAll('label')]", form(button));
    let field = format!("{labels}.find((one) => one.textContent.startsWith({label:?})).control");
    browser.value(&format!("void ({field}.value = {value:?})"));
    assert_eq!(browser.text(&format!("{field}.value")), value, "{label}");
}

/// Presses the button of a form, which leads to the page of the run again.
fn submit(browser: &mut Browser, button: &str) {
    browser.leave(&format!("{}.querySelector('button').click()", form(button)));
    assert_eq!(browser.text("location.pathname"), "/run/run");
}

/// Until the page tells that something was asked.
fn is_told(browser: &mut Browser, what: &str) {
    browser.until(&format!("document.querySelector('#asked').textContent.includes({what:?})"));
}

/// A model that answers in chats; `seen` once its instructions hold the note.
fn chatty(request: &Request, note: &str, seen: &AtomicBool) -> Action {
    if request.path != "/v1/chat/completions" {
        return Action::Reply(404, String::new(), "{\"error\": \"no such route\"}".to_owned());
    }
    let told = request.body["messages"].as_array().map(|messages| {
        messages.iter().filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().concat()
    });
    if told.is_some_and(|told| told.contains(note)) {
        seen.store(true, Ordering::SeqCst);
    }
    let text = format!("I like bean number {} because it fills me up.", request.number);
    let message = json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    ok(&json!({"choices": [message], "usage": {"prompt_tokens": 20, "completion_tokens": 9}}))
}

#[test]
fn a_run_does_what_the_forms_of_its_page_ask_of_it() {
    const NOTE: &str = "Be <b>brief</b> & \"kind\".";
    let place = Place::new();
    let seen = Arc::new(AtomicBool::new(false));
    let saw = Arc::clone(&seen);
    let server = Server::start(move |request| chatty(request, NOTE, &saw));
    let script = place.write("script.toml", &common::script(""));
    let address = format!("models.generator.base_url={}", server.url);
    let sets = ["models.generator=openai:chatty", &*address, "search.budget.calls=1000000000"];
    let sets = sets.map(|set| ["--set", set]).concat();
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    let run = Running::start(&place, &place.opinions(&script, "run", &sets));
    browser.open(&run.address);
    browser.leave("document.querySelector('a[href=\"/run/run\"]').click()");
    fill(&mut browser, "Put it there", "Note above the prompts", NOTE);
    submit(&mut browser, "Put it there");
    is_told(&mut browser, NOTE);
    fill(&mut browser, "Raise it", "Raise the limit of", "calls");
    fill(&mut browser, "Raise it", "to", "2000000000");
    submit(&mut browser, "Raise it");
    is_told(&mut browser, "budget search.budget.calls=2000000000");
    // The prompts from then on have it.
    browser.wait("the model is told the note", |_| seen.load(Ordering::SeqCst));
    // A number is missing: the page says so, and nothing is sent.
    fill(&mut browser, "Stop after these", "Settle so many more", "");
    assert_eq!(browser.value(&format!("{}.checkValidity()", form("Stop after these"))), false);
    fill(&mut browser, "Stop after these", "Settle so many more", "40");
    browser.is_content();
    // The dashboard may end with the run before the page comes.
    browser.value(&format!("void {}.querySelector('button').click()", form("Stop after these")));
    let ended = run.ended();
    assert_eq!(ended["ended"], "completed", "{ended}");
    let shown = place.json(&["show", "run", "--format", "json"]);
    let controls = shown["controls"].as_array().expect("controls");
    let asked: Vec<&str> = controls.iter().filter_map(|control| control["told"].as_str()).collect();
    assert!(asked.len() == 3 && asked[0].contains(NOTE) && asked[2] == "stop after 40 more", "{asked:?}");
    assert_eq!(controls[2]["first"], shown["candidates"], "{controls:?}");
    assert_eq!(shown["archive_hash"], ended["archive_hash"]);
}

#[test]
fn a_run_finishes_at_a_click() {
    let place = Place::new();
    let Some(mut browser) = Browser::start(&place) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
    let arguments = ["run", "function", "--quiet", "--format", "json", "--seed", "5", "--out", "run"];
    let run = Running::start(&place, &arguments.map(str::to_owned));
    browser.open(&run.address);
    browser.leave("document.querySelector('a[href=\"/run/run\"]').click()");
    browser.until("document.querySelector('#head .state').textContent.includes('running')");
    browser.is_content();
    browser.value(&format!("void {}.querySelector('button').click()", form("Finish now")));
    let ended = run.ended();
    let total = ended["candidates"].as_u64().expect("candidates");
    let shown = place.json(&["show", "run", "--format", "json"]);
    assert_eq!(
        (&shown["controls"][0]["asked"], shown["candidates"].as_u64()),
        (&json!("finish"), Some(total))
    );
    // It is the run that was to have so many.
    let steps = format!("search.total_steps={total}");
    let alone =
        ["run", "function", "--quiet", "--format", "json", "--seed", "5", "--out", "alone", "--set", &steps];
    assert_eq!(place.json(&alone)["archive_hash"], ended["archive_hash"]);
}
