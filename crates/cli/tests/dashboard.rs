//! `samara serve`: what it says and how it ends, and its pages as a real browser makes them of what it answers.

#![cfg(unix)]

mod common;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use common::{Place, error};

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

/// Chromium without a window, in a folder of its own; `None` where there is none.
fn chromium(place: &Place) -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let there =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
    let mut command = Command::new(names.into_iter().find(there)?);
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=2000",
    ]);
    command.args([
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    // Whatever asks another host than this machine gets no answer, and says so.
    command.arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
    command.arg(format!("--user-data-dir={}", place.path("chromium").display()));
    Some(command)
}

/// The page as the browser has it in the end. Nothing was refused, and its script did not fail.
fn seen(place: &Place, address: &str) -> Option<String> {
    let output = chromium(place)?.args(["--dump-dom", address]).output().expect("chromium runs");
    assert!(output.status.success(), "{}", error(&output));
    for line in error(&output).lines().filter(|line| line.contains("CONSOLE")) {
        panic!("{address}: {line}");
    }
    Some(String::from_utf8(output.stdout).expect("a page"))
}

/// The texts behind the names of a page's definitions.
fn told(page: &str) -> BTreeMap<String, String> {
    let text = |html: &str| html.split(['<', '>']).step_by(2).collect::<String>();
    let pair = |rest: &str| {
        let (name, rest) = rest.split_once("</dt>")?;
        Some((
            text(&format!("<{name}").replacen('<', "", 1)),
            text(rest.split_once("<dd")?.1.split_once('>')?.1.split_once("</dd>")?.0),
        ))
    };
    page.split("<dt>").skip(1).filter_map(pair).collect()
}

#[test]
fn a_browser_shows_the_numbers_that_show_tells_on_every_page() {
    let place = Place::new();
    ran(&place, "runs/one", "1");
    ran(&place, "runs/two", "2");
    let served = Served::start(&place, &[]);
    let Some(first) = seen(&place, &served.page("/run/one")) else {
        eprintln!("SKIPPED: there is no chromium");
        return;
    };
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
    let page = |path: &str| seen(&place, &served.page(path)).expect("chromium is there");
    let candidate = page(&format!("/run/one/candidate/{best}"));
    let objective: f64 = told(&candidate)["objective"].parse().expect("a number");
    assert!(near(objective, elite["objective"].as_f64().expect("an objective")));
    let archive = page("/run/one/archive");
    let cells = shown["cells_filled"].as_u64().expect("cells");
    assert!(archive.contains(&format!("After 300 candidates: {cells} of ")), "{archive}");
    assert!(page("/run/one/archive?at=10").contains("After 10 of 300 candidates: "));
    assert!(
        page("/run/one/lineage").contains(&format!("Lineage of candidate {best}"))
            || page("/run/one/lineage").contains("Ancestors")
    );
    assert!(page("/run/one/operators").contains("What each brought"));
    let list = page("/");
    assert!(list.contains("/run/one\"") && list.contains("/run/two\"") && list.contains("2 runs"), "{list}");
    assert!(page("/compare?run=one&run=two").contains("2 seeds"));
    // The script ran: what only it does has been done.
    assert!(list.contains("<button hidden"), "{list}");
}
