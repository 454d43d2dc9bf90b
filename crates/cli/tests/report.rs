//! `samara report`: what a run is told by, and what can't be told.

mod common;

use std::fs;

use common::{Place, error};

/// A place with runs of `function`, a seed each.
fn runs(seeds: &[&str]) -> Place {
    let place = Place::new();
    for seed in seeds {
        let run =
            ["run", "function", "--quiet", "--seed", seed, "--out", seed, "--set", "search.total_steps=300"];
        let output = place.run(&run);
        assert!(output.status.success(), "{}", error(&output));
    }
    place
}

/// What stands between two marks, behind the first of them.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("no {to}")).0
}

#[test]
fn a_report_tells_the_numbers_that_show_tells() {
    let place = runs(&["1"]);
    let output = place.run(&["report", "1", "-o", "report.html"]);
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "written: report.html\n");
    let file = fs::read_to_string(place.path("report.html")).unwrap();
    let shown = place.json(&["show", "1", "--best", "1", "--format", "json"]);
    assert_eq!(between(&file, "Archive hash <code>", "</code>"), shown["archive_hash"]);
    let best = shown["elites"][0]["candidate"].as_u64().unwrap();
    assert!(file.contains(&format!("id=\"run-1-candidate-{best}\"")));
    assert!(between(&file, "Best objective</dt>", "</div>").contains(&format!("by candidate {best}")));
    assert!(file.contains("completed: 300 candidates"));
    // It is whole, and asks for nothing.
    assert!(file.starts_with("<!doctype html>") && file.trim_end().ends_with("</html>"));
    assert!(
        file.contains("default-src &#39;none&#39;") && !file.contains("<script") && !file.contains("<link")
    );
    assert!(!file.contains("http://") && !file.contains("https://"));
    // The same run gives the same file.
    place.run(&["report", "1", "-o", "again.html"]);
    assert_eq!(fs::read_to_string(place.path("again.html")).unwrap(), file);
}

#[test]
fn several_runs_are_one_report_and_markdown_goes_to_stdout() {
    let place = runs(&["1", "2"]);
    let output = place.run(&["report", "1", "2", "-o", "report.html"]);
    assert!(output.status.success(), "{}", error(&output));
    let file = fs::read_to_string(place.path("report.html")).unwrap();
    assert!(file.contains("2 runs compared") && file.contains("function (qdaif), 2 seeds"));
    let output = place.run(&["report", "1", "2", "--markdown"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.starts_with("# 2 runs compared\n"), "{told}");
    assert!(told.contains("\n## 2\n") && told.contains("### Curves"), "{told}");
}

#[test]
fn why_a_run_ended_is_told() {
    let place = runs(&[]);
    let run = ["run", "function", "--quiet", "--out", "2", "--set", "search.target_score=-1000.0"];
    assert!(place.run(&run).status.success());
    let output = place.run(&["report", "2", "-o", "report.html"]);
    assert!(output.status.success(), "{}", error(&output));
    assert!(fs::read_to_string(place.path("report.html")).unwrap().contains("candidates: target</span>"));
}

#[test]
fn what_can_not_be_told_says_why_and_writes_nothing() {
    let place = runs(&["1"]);
    fs::create_dir(place.path("broken")).unwrap();
    let whole = fs::read(place.path("1/run.db")).unwrap();
    fs::write(place.path("broken/run.db"), &whole[..whole.len() / 2]).unwrap();
    for (arguments, code, why) in [
        (&["report", "1"][..], 2, "--out <FILE>"),
        (&["report", "broken", "-o", "out.html"][..], 1, "is cut off"),
        (&["report", "1", "broken", "-o", "out.html"][..], 1, "is cut off"),
        (&["report", "nowhere", "-o", "out.html"][..], 1, "nowhere"),
        (&["report", "1", "-o", "1/run.db"][..], 2, "never overwritten"),
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains(why), "{arguments:?}: {}", error(&output));
        assert!(!error(&output).contains("panicked"));
        assert!(!place.path("out.html").exists());
    }
    assert_eq!(fs::read(place.path("1/run.db")).unwrap(), whole);
}
