//! Reports of small runs that were never on disk.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use samara_journal::{
    CallKind, Header, SessionEnd, Totals,
    run_view::{Reason, Step},
};
use samara_qd::{Axis, Grid, Tessellation};
use samara_search::{
    Artifact, ArtifactKind, AxisSettings, Charge, Fate, Genome, Invalid, IslandSettings, Replay, Score,
    SearchSettings,
};

use super::*;
use crate::book::Book;

pub(crate) const HOSTILE: &str =
    "</pre><script>alert(1)</script><img src=http://a.b/c onerror='x'>\"&\u{202e}\u{1b}[2J\u{9b}\0";

/// What a run is made of.
pub(crate) struct Made {
    pub(crate) axes: Vec<AxisSettings>,
    /// The archive's cells, if they are not those of the axes.
    pub(crate) cells: Option<Tessellation>,
    pub(crate) settings: SearchSettings,
    pub(crate) environment: String,
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) candidates: Vec<Candidate>,
}

pub(crate) fn candidate(index: u64, scored: Option<(f64, Vec<f64>)>, text: &str) -> Candidate {
    let fate = Fate::Invalid { why: "nothing was written".to_owned() };
    Candidate {
        index,
        island: 0,
        horizon: 0,
        operator: if index == 0 { "seed" } else { "crossover" }.to_owned(),
        parents: index.checked_sub(1).into_iter().collect(),
        generator: None,
        genome: Some(Arc::new(Genome::text_of(text))),
        score: scored.map(|(objective, measures)| Arc::new(Score::new(objective, measures))),
        fate,
        cell: None,
        rank: None,
        copy_of: None,
        artifacts: Vec::new(),
        charge: Charge { calls: 2, tokens: 30, money: 0.0 },
        model_ms: 1250.0,
    }
}

pub(crate) fn axes(dims: usize) -> Vec<AxisSettings> {
    ["tone", "length", "depth"][..dims].iter().map(|name| AxisSettings::even(*name, [0.0, 1.0], 4)).collect()
}

pub(crate) fn made(axes: Vec<AxisSettings>, candidates: Vec<Candidate>) -> Made {
    let settings =
        SearchSettings { total_steps: candidates.len().max(1) as u64, ..SearchSettings::default() };
    Made {
        axes,
        settings,
        cells: None,
        environment: "poetry".into(),
        name: "poems".into(),
        seed: 7,
        candidates,
    }
}

impl Made {
    pub(crate) fn run(self) -> Run {
        self.with_book().0
    }

    /// The run, and all its candidates.
    pub(crate) fn with_book(self) -> (Run, Book) {
        let mut book = Book::new();
        let of_axes = || self.settings.tessellation(&self.axes).expect("cells");
        let tessellation = self.cells.clone().unwrap_or_else(of_axes);
        let mut replay = Replay::new(&self.settings, tessellation.clone()).expect("a fold");
        let (mut trace, mut totals) = (Trace::new(), Totals::default());
        let mut reasons: Vec<Reason> = Vec::new();
        let mut members = BTreeMap::new();
        for mut candidate in self.candidates {
            candidate.fate = replay.settle(&candidate).0.fate;
            let step = Step {
                candidate: &candidate,
                model: Some("small"),
                live_ms: 40.0,
                replay: &replay,
                last: true,
            };
            trace.follow(step);
            book.follow(step);
            totals.candidates += 1;
            totals.calls += candidate.charge.calls;
            totals.tokens_in += candidate.charge.tokens;
            totals.fates.count(&candidate.fate);
            if let Some(why) = candidate.fate.why() {
                reasons.push(Reason { fate: candidate.fate.name().into(), why: why.into(), count: 1 });
            }
            members.insert(candidate.index, candidate);
        }
        let header = header(&self.name, self.environment, self.seed);
        let sessions = vec![SessionEnd {
            reason: "completed".into(),
            candidates: totals.candidates,
            ended: "2026-01-02T03:06:35Z".into(),
        }];
        let best = replay.population().overall().archive().stats().best_id;
        let find = |index: u64| members.get(&index).cloned().ok_or("missing");
        let lineage = best.map(|best| Lineage::of(best, find).expect("all are there"));
        let asked = asked(self.name, &totals);
        let run = Run {
            name: format!("runs/{}", self.seed),
            state: State::Ended("completed".into()),
            view: RunView {
                workers: Vec::new(),
                header,
                settings: self.settings,
                axes: self.axes,
                tessellation,
                replay,
                totals,
                sessions,
                controls: Vec::new(),
                reasons,
                verifiable: true,
            },
            trace,
            asked: if totals.calls > 0 { vec![asked] } else { Vec::new() },
            methods: vec!["embedded".into()],
            inputs: vec![Given {
                key: "environment.pool".into(),
                path: "/home/me/pool.txt".into(),
                bytes: 1234,
                digest: "ab".repeat(32),
            }],
            members,
            lineage,
            programs: false,
            about: "texts of named kinds".into(),
            policy: None,
        };
        (run, book)
    }
}

fn header(name: &str, environment: String, seed: u64) -> Header {
    Header {
        id: String::new(),
        config: format!(
            "[search]\nseed = {seed}\n\n[environment]\nprompt_template = '''{name}'''\n\n[models.judge]\nprovider = \"embedded\"\n"
        ),
        experiment: name.to_owned(),
        environment,
        seed,
        samara: "0.1.0".into(),
        created: "2026-01-02T03:04:05Z".into(),
    }
}

fn asked(model: String, totals: &Totals) -> Asked {
    Asked {
        role: "judge".into(),
        kind: CallKind::Score,
        model,
        calls: totals.calls,
        cached: 1,
        failed: 0,
        retries: 3,
        tokens_in: totals.tokens_in,
        tokens_out: 0,
        cost: 0.0,
        median_ms: Some(455.3),
        slow_ms: Some(1234.0),
    }
}

/// Some candidates of which most have scores.
pub(crate) fn some(dims: usize, count: u64) -> Vec<Candidate> {
    let at = |index: u64| {
        let part = |by: u64| (index * by % 10) as f64 / 10.0;
        (index % 4 != 3)
            .then(|| (part(3) + index as f64 / 100.0, [part(7), part(3), part(1)][..dims].to_vec()))
    };
    (0..count).map(|index| candidate(index, at(index), &format!("a text of {index}\nand its end"))).collect()
}

/// The page without its style.
fn body(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").expect("a style");
    format!("{head}{}", rest.split_once("</style>").expect("its end").1)
}

#[test]
fn a_run_of_one_axis_is_told_on_one_page() {
    insta::assert_snapshot!(body(&page(&[made(axes(1), some(1, 12)).run()]).expect("a page")));
}

#[test]
fn a_run_is_told_as_markdown() {
    insta::assert_snapshot!(markdown(&[made(axes(2), some(2, 12)).run()]));
}

#[test]
fn several_runs_have_a_table_and_a_band_over_their_seeds() {
    let seeded = |seed| Made { seed, ..made(axes(2), some(2, 10 + seed)) }.run();
    let other =
        Made { environment: "string".into(), name: "other".into(), ..made(axes(1), some(1, 9)) }.run();
    let runs = [seeded(1), seeded(2), other];
    let page = page(&runs).expect("a page");
    let file = body(&page);
    assert!(file.contains("poems (qdaif), 2 seeds"), "{file}");
    assert_eq!(file.matches("fill-opacity=\"0.18\"").count(), 4, "a band in every chart");
    let ids: Vec<&str> = file.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "no place has the name of another");
    for link in file.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&link), "{link} leads nowhere");
    }
    assert!(markdown(&runs).starts_with("# 3 runs compared\n\n| run | experiment |"));
}

#[test]
fn an_empty_run_and_one_of_failures_alone_are_told() {
    for candidates in [Vec::new(), (0..5).map(|index| candidate(index, None, "x")).collect()] {
        let count = candidates.len();
        for dims in 1..=3 {
            let run = made(axes(dims), candidates.clone()).run();
            let file = page(&[run]).expect("a page");
            assert!(
                file.contains("The archive is empty.") && file.contains("No candidate has a score."),
                "{file}"
            );
            assert!(!file.contains("NaN") && !file.contains(">inf"), "{file}");
            assert_eq!(file.contains("nothing was written"), count > 0);
        }
        let run = made(axes(2), candidates).run();
        assert!(markdown(&[run]).contains("the archive is empty"));
    }
}

/// A run of which everything that others write is hostile.
fn hostile(text: &str) -> Run {
    hostile_with_book(text).0
}

/// The same with all its candidates.
pub(crate) fn hostile_with_book(text: &str) -> (Run, Book) {
    let mut candidates = some(2, 8);
    for candidate in &mut candidates {
        candidate.genome = Some(Arc::new(Genome::text_of(text)));
        candidate.operator = text.into();
        if let Some(score) = &mut candidate.score {
            let score = Arc::make_mut(score);
            score.metrics.insert(text.into(), 1.0);
            score.artifacts = [ArtifactKind::Text, ArtifactKind::Svg]
                .map(|kind| Artifact { name: text.into(), kind, body: text.as_bytes().into() })
                .to_vec();
        }
    }
    candidates[3].fate = Fate::Failed { why: text.into() };
    let axes = vec![AxisSettings::even(text, [0.0, 1.0], 3), AxisSettings::named("kind", [text, "another"])];
    // What settings refuse, the stored cells of a crafted run may have.
    let categories = vec![text.to_owned(), "another".to_owned()];
    let cells = [Axis::bins(text, 0.0, 1.0, 3), Axis::categories("kind", categories)]
        .map(|axis| axis.expect("an axis"));
    let cells = Some(Tessellation::Grid(Grid::new(cells.to_vec()).expect("a grid")));
    for candidate in &mut candidates {
        if let Some(score) = &mut candidate.score {
            Arc::make_mut(score).measures[1] = 0.0;
        }
    }
    let made = Made { cells, environment: text.into(), name: text.into(), ..made(axes, candidates) };
    let (mut run, book) = made.with_book();
    run.view.header.config = format!("# {text}");
    run.view.header.created = text.into();
    run.view.header.samara = text.into();
    run.view.sessions[0].reason = text.into();
    run.state = State::Ended(text.into());
    run.name = text.into();
    run.about = text.into();
    run.methods = vec![text.into()];
    run.inputs[0].key = text.into();
    run.inputs[0].path = text.into();
    run.programs = true;
    (run, book)
}

/// The tags of a page, without their attributes.
pub(crate) fn tags(file: &str) -> BTreeSet<String> {
    let names = file.split('<').skip(1).map(|rest| rest.trim_start_matches('/'));
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect()).collect()
}

#[test]
fn nothing_that_others_write_is_markup_and_nothing_is_asked_for() {
    let plain = tags(&page(&[hostile("plain")]).expect("a page"));
    let file = page(&[hostile(HOSTILE)]).expect("a page");
    assert_eq!(tags(&file), plain);
    assert!(file.contains("&lt;script&gt;alert(1)"));
    assert!(!file.contains("<script") && !file.contains("<iframe"));
    for attribute in ["src=\"", "href=\"", "url("] {
        for value in file.split(attribute).skip(1) {
            assert!(value.starts_with('#') || value.starts_with("data:"), "{attribute}{}", &value[..40]);
        }
    }
    assert!(!file.contains(['\u{202e}', '\u{1b}', '\u{9b}', '\0']));
    let file = markdown(&[hostile(HOSTILE)]);
    assert!(!file.contains(['\u{202e}', '\u{1b}', '\u{9b}', '\0']));
}

#[test]
fn a_large_archive_of_long_texts_makes_no_page_without_end() {
    let axes = vec![AxisSettings::even("x", [0.0, 1.0], 600)];
    let text = "a line of a text\n".repeat(1500);
    let candidates = (0..600).map(|i| candidate(i, Some((i as f64, vec![(i as f64 + 0.5) / 600.0])), &text));
    let run = made(axes, candidates.collect()).run();
    let file = page(&[run]).expect("a page");
    assert!(file.len() < 6_000_000, "{}", file.len());
    assert!(file.contains("The best 400 of 600 elites") && file.contains("characters more"));
    assert!(file.contains("Left out, since the report is large"));
}

#[test]
fn of_many_bodies_those_that_do_best_are_seen_to_walk_and_the_others_as_they_began() {
    let film = crate::film::tests::film().artifact().expect("an artifact");
    let report = |count: u64| {
        let axes = vec![AxisSettings::even("x", [0.0, 1.0], 300)];
        let place = |i: u64| (i as f64, vec![(i as f64 + 0.5) / 300.0]);
        let mut candidates: Vec<Candidate> = (0..count).map(|i| candidate(i, Some(place(i)), "x")).collect();
        for score in candidates.iter_mut().filter_map(|candidate| candidate.score.as_mut()) {
            Arc::make_mut(score).artifacts = vec![film.clone()];
        }
        page(&[made(axes, candidates).run()]).expect("a page")
    };
    let seen = |file: &str| (file.matches("class=\"walk\"").count(), file.matches("class=\"thumb\"").count());
    let many = report(300);
    assert_eq!(seen(&many), (48, 300));
    assert!(
        many.contains("The walks of the best 48 are shown") && many.contains("The walk of candidate 299")
    );
    assert!(!many.contains("The walk of candidate 251") && many.contains("The walk of candidate 252"));
    let few = report(48);
    assert_eq!(seen(&few), (48, 48));
    assert!(!few.contains("of the best 48"), "all are shown");
}

#[test]
fn islands_have_a_map_each_and_the_ways_of_a_program_are_shown() {
    let mut made = made(axes(2), some(2, 20));
    made.settings.islands = IslandSettings { count: 2, migration_interval: 10, migrants: 1 };
    for (index, candidate) in made.candidates.iter_mut().enumerate() {
        candidate.island = index as u32 % 2;
    }
    let mut run = made.run();
    run.programs = true;
    let file = page(&[run]).expect("a page");
    assert!(file.contains("Island 0") && file.contains("Island 1"));
    assert!(file.contains("<span class=\"added\">+a text of"), "{file}");
}

#[test]
fn other_axes_than_those_of_the_archive_are_an_error() -> Result<(), Invalid> {
    let mut run = made(axes(2), some(2, 4)).run();
    run.view.axes.pop();
    assert!(page(&[run]).is_err());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_leaves_the_page_the_same_markup(text in "(<|>|&|\"|'|=|/|`|script|style|-->|\\PC|\\p{Cc}){0,24}") {
        static PLAIN: LazyLock<BTreeSet<String>> =
            LazyLock::new(|| tags(&page(&[hostile("plain")]).expect("a page")));
        // No name is empty, or that of the other category.
        let file = page(&[hostile(&format!("{text}x"))]).expect("a page");
        // A word of the text may be a keyword or a number, and so another piece; never another kind of tag.
        prop_assert!(tags(&file).is_subset(&PLAIN), "{:?}", tags(&file).difference(&PLAIN).collect::<Vec<_>>());
    }
}
