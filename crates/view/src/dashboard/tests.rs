//! Pages of small runs that were never on disk.

use std::{collections::BTreeMap, sync::Arc};

use samara_journal::{CallKind, Life, ModelCall};
use samara_search::{Artifact, Candidate, Genome, IslandSettings};

use super::{
    address::{Address, ArchiveAsked, Colour, List, RunsAsked, Sort},
    runs::{Figures, Known, Listed},
    *,
};
use crate::{
    book::{Book, By},
    report::{
        self, Run, State,
        tests::{HOSTILE, axes, candidate, hostile_with_book, made, some, tags},
    },
    trace::Over,
};

fn life(text: &str) -> Life {
    let call = |kind, answer: &str, log_probabilities: Vec<f64>| ModelCall {
        role: "judge".into(),
        kind,
        model: text.into(),
        prompt: text.into(),
        answer: answer.into(),
        log_probabilities,
        method: Some(text.into()),
        tokens_in: 200,
        tokens_out: 3,
        cost: 0.25,
        price: None,
        latency_ms: 1234.0,
        attempts: 2,
        seed: 1,
        error: Some(text.into()),
    };
    let calls = vec![
        call(CallKind::Complete, text, vec![]),
        call(CallKind::Score, "[\"yes\",\"no\"]", vec![-0.5, -2.0]),
    ];
    Life { calls, live_ms: 55.0, isolation: Some(text.into()), ..Life::default() }
}

fn archive_page(shown: Shown<'_>, asked: &ArchiveAsked) -> Page {
    let sight = archive::Sight::of(shown, asked);
    let member = |id| {
        let mut member = candidate(id, None, "");
        member.genome = Some(Arc::new(Genome::text_of(format!("text {id}"))));
        (id, member)
    };
    sight.page(&sight.missing().into_iter().map(member).collect()).expect("a page")
}

/// Every page of a run.
fn pages(name: &str, run: &Run, book: &Book, made: &BTreeMap<u64, Candidate>, text: &str) -> Vec<String> {
    let shown = Shown { name, run, book };
    let best = run.view.replay.population().overall().archive().stats().best_id;
    let members = |of: Option<u64>| {
        let needed = of.map(|of| lineage::needed(shown, of)).unwrap_or_default();
        needed.iter().map(|index| made[index].clone()).collect::<Vec<Candidate>>()
    };
    let facets = ArchiveAsked { facets: true, ..ArchiveAsked::default() };
    let then = ArchiveAsked { at: Some(3), ..ArchiveAsked::default() };
    let mut pages = vec![
        run::page(shown, Some(2.5), Over::default()),
        operators::page(shown, By::default()),
        archive_page(shown, &ArchiveAsked::default()),
        archive_page(shown, &facets),
        archive_page(shown, &then),
        lineage::page(shown, best, members(best)),
        compare::page(&compare::Asked {
            runs: &[shown, shown],
            folder: Some(text),
            missing: &[text.to_owned()],
            left_out: 3,
        }),
        trouble::page("This run can't be shown", text),
    ];
    let life = life(text);
    for candidate in made.values() {
        let other = candidate::compared_with(shown, candidate.index, None).map(|other| &made[&other]);
        pages.push(candidate::page(shown, &candidate::Told { candidate, life: &life, other }));
    }
    let figures = Figures::of(run, Some(0.5));
    let listed = [
        Listed { name: text.to_owned(), known: Known::Read(Box::new(figures)) },
        Listed { name: format!("{text} 2"), known: Known::Broken(text.to_owned()) },
        Listed { name: format!("{text} 3"), known: Known::Unread },
    ];
    for colour in [Colour::Age, Colour::Operator, Colour::Model, Colour::Metric(text.to_owned())] {
        let asked = ArchiveAsked { colour, list: Some(List::Gallery), ..ArchiveAsked::default() };
        pages.push(archive_page(shown, &asked));
    }
    pages.extend(Over::ALL.map(|over| run::page(shown, None, over)));
    pages.extend(By::ALL.map(|by| operators::page(shown, by)));
    pages.push(runs::page(&listed, &RunsAsked::default()));
    pages.into_iter().map(Page::whole).collect()
}

#[test]
fn the_pages_of_a_run_are_these() {
    let (mut run, book) = made(axes(1), some(1, 8)).with_book();
    run.state = State::Running;
    run.view.totals.cost = 1.5;
    let members = run.members.clone();
    let pages = pages("poems", &run, &book, &members, "a text");
    insta::assert_snapshot!("run", pages[0]);
    insta::assert_snapshot!("operators", pages[1]);
    insta::assert_snapshot!("archive", pages[2]);
    insta::assert_snapshot!("lineage", pages[5]);
    insta::assert_snapshot!("candidate", pages[12]);
    insta::assert_snapshot!("runs", pages.last().expect("pages"));
}

#[test]
fn nothing_that_others_write_is_markup_on_any_page_and_no_element_has_a_style() {
    let all = |text: &str| {
        let (run, book) = hostile_with_book(text);
        let members = run.members.clone();
        pages(text, &run, &book, &members, text)
    };
    for (plain, file) in all("plain").iter().zip(&all(HOSTILE)) {
        assert_eq!(tags(file), tags(plain));
        assert!(!file.contains(['\u{202e}', '\u{1b}', '\u{9b}', '\0']));
        assert!(!file.contains(" style=\"") && !file.contains("<style"), "{file}");
        assert_eq!(file.matches("<script").count(), 1);
        for attribute in ["src=\"", "href=\"", "action=\""] {
            for value in file.split(attribute).skip(1) {
                let own = ["/", "#", "candidate/", "data:image/", "data:,"]
                    .iter()
                    .any(|begin| value.starts_with(begin));
                assert!(own && !value.starts_with("//"), "{attribute}{}", &value[..40.min(value.len())]);
            }
        }
    }
}

#[test]
fn runs_without_candidates_and_of_failures_alone_have_all_their_pages() {
    for candidates in [Vec::new(), (0..5).map(|index| candidate(index, None, "x")).collect()] {
        for dims in 1..=3 {
            let (run, book) = made(axes(dims), candidates.clone()).with_book();
            let members = run.members.clone();
            for page in pages("a run", &run, &book, &members, "text") {
                assert!(!page.contains("NaN") && !page.contains(">inf"), "{page}");
            }
        }
    }
}

#[test]
fn a_fragment_has_what_is_alive_and_each_part_has_its_name_once() {
    let (run, book) = made(axes(3), some(3, 40)).with_book();
    let shown = Shown { name: "a/b", run: &run, book: &book };
    let (whole, fragment) =
        (run::page(shown, None, Over::default()).whole(), run::page(shown, None, Over::default()).fragment());
    assert!(whole.contains("Settings as stored") && !fragment.contains("Settings as stored"));
    for part in fragment.split("<section id=\"").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert_eq!(whole.matches(&format!("id=\"{name}\"")).count(), 1, "{name}");
    }
    assert!(whole.contains("data-follows=\"a%2Fb\"") && fragment.contains("data-alive"));
}

#[test]
fn every_square_of_a_map_leads_to_its_elite_also_in_the_past_and_in_a_large_archive_to_the_best_near_it() {
    let (run, book) = made(axes(2), some(2, 12)).with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    let squares = |page: &str| {
        let map = page.split("role=\"group\"").nth(1).and_then(|rest| rest.split("</svg>").next());
        map.expect("a map").matches("<a href=\"candidate/").count()
    };
    let page = archive_page(shown, &ArchiveAsked::default()).whole();
    let filled = run.view.replay.population().overall().archive().stats().cells_filled;
    assert_eq!(squares(&page), filled);
    let then = archive_page(shown, &ArchiveAsked { at: Some(2), ..ArchiveAsked::default() }).whole();
    assert!(then.contains("After 2 of 12 candidates: 2 of 16 cells filled") && then.contains("text 1"));
    assert_eq!(squares(&then), 2);
    let fine = vec![
        samara_search::AxisSettings::even("x", [0.0, 1.0], 100),
        samara_search::AxisSettings::even("y", [0.0, 1.0], 100),
    ];
    let at = |index: u64| {
        (index as f64, vec![(index % 100) as f64 / 100.0 + 0.005, (index / 100) as f64 / 100.0 + 0.005])
    };
    let (run, book) =
        made(fine, (0..10_000).map(|index| candidate(index, Some(at(index)), "x")).collect()).with_book();
    let page = archive_page(Shown { name: "r", run: &run, book: &book }, &ArchiveAsked::default()).whole();
    // All are drawn, as 63 squares of a side, and 20 squares of a side above them are links.
    assert_eq!(squares(&page), 400);
    assert!(page.contains("1 to 40 of 10,000 elites") && page.contains("leads to the best elite around it"));
    assert!(page.len() < 100_000, "{}", page.len());
}

#[test]
fn runs_are_filtered_and_sorted_and_those_that_can_not_be_read_come_last() {
    let listed: Vec<Listed> = [("b", 1.0, "completed"), ("a", 3.0, "killed"), ("c", 2.0, "completed")]
        .into_iter()
        .map(|(name, best, state)| {
            let (run, _) = made(axes(1), some(1, 4)).with_book();
            let mut figures = Figures::of(&run, None);
            figures.best = Some(best);
            figures.state = if state == "killed" { State::Killed } else { State::Ended(state.to_owned()) };
            Listed { name: name.to_owned(), known: Known::Read(Box::new(figures)) }
        })
        .chain([Listed { name: "0".to_owned(), known: Known::Unread }])
        .collect();
    let order = |asked: &RunsAsked| {
        let page = runs::page(&listed, asked).fragment();
        let names = page.split("<tr id=\"row-").skip(1).filter_map(|rest| rest.split('"').next());
        names.map(str::to_owned).collect::<Vec<_>>().concat()
    };
    let sorted = |sort| order(&RunsAsked { sort, ..RunsAsked::default() });
    assert_eq!((sorted(Sort::Name), sorted(Sort::Best)), ("abc0".into(), "acb0".into()));
    let filtered = |filter: &str| order(&RunsAsked { filter: filter.to_owned(), ..RunsAsked::default() });
    assert_eq!(
        (filtered("KILL"), filtered("poem"), filtered("zz")),
        ("a".into(), "abc".into(), String::new())
    );
    assert_eq!(order(&RunsAsked { only: vec!["c".to_owned()], ..RunsAsked::default() }), "c");
}

#[test]
fn a_resumed_run_goes_as_far_as_it_was_told_last() {
    use samara_journal::{Control, Event, EventKind};
    let (mut run, _) = made(axes(1), some(1, 4)).with_book();
    let settings = vec!["search.total_steps=1_000".to_owned(), "search.budget.tokens = 500".to_owned()];
    run.view.controls.push(Event { after: 4, kind: EventKind::Control(Control::of(settings)) });
    assert_eq!(Figures::of(&run, None).candidates, [4, 1000]);
    let shown = Shown { name: "r", run: &run, book: &Book::new() };
    assert!(run::page(shown, None, Over::default()).whole().contains("120 of 500 (24.0 %)"));
}

#[test]
fn a_candidate_shows_its_artifacts_and_what_it_changed_of_any_other() {
    let mut candidates = some(2, 6);
    candidates[5].artifacts = vec![Artifact::text("stderr", "a long trace")];
    candidates[5].score = None;
    let (run, book) = made(axes(2), candidates.clone()).with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    assert_eq!(candidate::compared_with(shown, 5, None), Some(4));
    assert_eq!(candidate::compared_with(shown, 5, Some(0)), Some(0));
    assert_eq!(candidate::compared_with(shown, 5, Some(99)), Some(4));
    let told =
        candidate::Told { candidate: &candidates[5], life: &Life::default(), other: Some(&candidates[0]) };
    let page = candidate::page(shown, &told).whole();
    assert!(
        page.contains("a long trace") && page.contains("first ancestor 0") && page.contains("+a text of 5")
    );
    assert!(page.contains(&Address::Lineage("r".into(), Some(5)).link()));
}

#[test]
fn an_archive_of_islands_has_a_map_of_each_and_one_can_be_chosen_at_any_time() {
    let mut made = made(axes(2), some(2, 40));
    made.settings.islands = IslandSettings { count: 2, migration_interval: 10, migrants: 1 };
    for candidate in &mut made.candidates {
        candidate.island = candidate.index as u32 % 2;
    }
    let settings = made.settings.clone();
    let (run, book) = made.with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    let page = archive_page(shown, &ArchiveAsked::default()).whole();
    assert!(page.contains("Island 0") && page.contains("Island 1") && page.contains("name=\"island\""));
    assert!(!page.contains("Island 2"));
    let filled = |archive: &samara_qd::Archive| archive.stats().cells_filled;
    let one = ArchiveAsked { island: Some(1), ..ArchiveAsked::default() };
    let told = archive_page(shown, &one).whole();
    let cells = filled(run.view.replay.population().islands()[1].archive());
    assert!(told.contains(&format!("After 40 candidates, island 1: {cells} of 16 cells")), "{told}");
    // What migrated is there at any time, too.
    for at in 0..=40 {
        let then = book.replay_at(at, &settings, &run.view.tessellation).expect("a fold");
        let asked = ArchiveAsked { at: Some(at), ..one.clone() };
        let cells = filled(then.population().islands()[1].archive());
        let told = archive_page(shown, &asked).whole();
        assert!(told.contains(&format!("island 1: {cells} of 16 cells")), "{at}: {told}");
    }
    let whole = book.replay_at(40, &settings, &run.view.tessellation).expect("a fold");
    let ids = |replay: &samara_search::Replay| {
        let islands = replay.population().islands().iter();
        islands
            .map(|island| island.archive().iter().map(|elite| elite.id).collect())
            .collect::<Vec<Vec<u64>>>()
    };
    assert_eq!(ids(&whole), ids(&run.view.replay));
}

#[test]
fn colours_stand_for_what_is_asked_and_the_legend_says_it() {
    let mut candidates = some(2, 12);
    for candidate in &mut candidates {
        let half = candidate.index as f64 / 2.0;
        if let Some(score) = candidate.score.as_mut().filter(|_| candidate.index != 4) {
            Arc::make_mut(score).metrics.insert("speed".into(), half);
        }
    }
    let (run, book) = made(axes(2), candidates).with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    let page =
        |colour: Colour| archive_page(shown, &ArchiveAsked { colour, ..ArchiveAsked::default() }).fragment();
    let speed = page(Colour::Metric("speed".into()));
    assert!(
        speed.contains("The colours of speed") && speed.contains("<th scope=\"col\" class=\"n\">speed</th>")
    );
    let operators = page(Colour::Operator);
    assert!(operators.contains("crossover <b>") && operators.contains("fill=\"var(--c0)\""), "{operators}");
    assert!(page(Colour::Age).contains("made as candidate"));
    let whole = archive_page(shown, &ArchiveAsked::default()).whole();
    assert!(whole.contains("<option value=\"metric:speed\">speed</option>"), "{whole}");
    // All were written by one model: its colour would say nothing.
    assert!(!whole.contains("<option value=\"model\">"));
}

#[test]
fn a_gallery_shows_how_texts_begin_and_programs_keep_their_lines() {
    let (mut run, book) = made(axes(1), some(1, 8)).with_book();
    let best = run.view.replay.population().overall().archive().stats().best_id.expect("an elite");
    let asked = ArchiveAsked { list: Some(List::Gallery), ..ArchiveAsked::default() };
    let text = archive_page(Shown { name: "r", run: &run, book: &book }, &asked).fragment();
    assert!(
        text.contains(&format!("class=\"text-begins\" dir=\"auto\">a text of {best} and its end<")),
        "{text}"
    );
    run.programs = true;
    let code = archive_page(Shown { name: "r", run: &run, book: &book }, &asked).fragment();
    assert!(code.contains(&format!("class=\"code-begins\">a text of {best}\nand its end<")), "{code}");
}

#[test]
fn operators_are_told_over_the_run_by_whatever_tells_them_apart() {
    let (mut run, book) = made(axes(1), some(1, 200)).with_book();
    run.programs = true;
    let page = |by| operators::page(Shown { name: "r", run: &run, book: &book }, by).whole();
    let told = page(By::Operator);
    for title in ["Part of the candidates, %", "Better than the first parent, %", "Tokens a candidate"] {
        assert!(told.contains(&format!("<b>{title}</b>")), "{title}");
    }
    assert!(!told.contains("Cost a candidate") && !told.contains(">island</a>"));
    assert!(page(By::Model).contains("</svg>small</span>") && page(By::Island).contains("island 0"));
}

#[test]
fn a_strip_of_ancestors_counts_those_that_brought_nothing() {
    let (run, book) = made(axes(1), some(1, 60)).with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    let candidates = some(1, 60);
    let told = candidate::Told { candidate: &candidates[59], life: &Life::default(), other: None };
    let page = candidate::page(shown, &told).whole();
    let strip = page.split("class=\"strip scroll\"").nth(1).and_then(|rest| rest.split("</nav>").next());
    let strip = strip.expect("a strip");
    let stations = strip.matches("class=\"station\"").count() as u64;
    let folded: u64 = strip
        .split("class=\"folded\">")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok())
        .sum();
    assert!(stations + folded == 60 && (3..20).contains(&stations), "{stations} {folded}");
}

#[test]
fn folders_of_runs_can_be_compared_whole() {
    let listed: Vec<Listed> = ["one", "set/a/1", "set/a/2", "set/b/1"]
        .map(|name| Listed { name: name.to_owned(), known: Known::Unread })
        .into();
    let page = runs::page(&listed, &RunsAsked::default()).whole();
    let folder = |name: &str| Address::Compare(Vec::new(), Some(name.to_owned())).link();
    assert!(page.contains(&format!("href=\"{}\">set (3)", folder("set"))), "{page}");
    assert!(page.contains(&folder("set/a")) && !page.contains(&folder("set/b")));
}

#[test]
fn a_walk_is_seen_in_the_archive_and_on_its_page_and_its_record_is_no_text() {
    let mut candidates = some(2, 6);
    let film = crate::film::tests::film().artifact().expect("an artifact");
    for candidate in &mut candidates {
        if let Some(score) = &mut candidate.score {
            Arc::make_mut(score).artifacts = vec![film.clone()];
        }
    }
    let (run, book) = made(axes(2), candidates.clone()).with_book();
    let shown = Shown { name: "r", run: &run, book: &book };
    let walks = |page: &str| page.matches("the walk of candidate").count();
    let elites = run.view.replay.population().overall().archive().stats().cells_filled;
    let page = archive_page(shown, &ArchiveAsked::default()).fragment();
    assert_eq!(walks(&page), elites);
    let table = ArchiveAsked { list: Some(List::Table), ..ArchiveAsked::default() };
    let table = archive_page(shown, &table).fragment();
    assert_eq!((walks(&table), table.matches("class=\"thumb\"").count()), (0, elites));
    let told = candidate::Told { candidate: &candidates[5], life: &Life::default(), other: None };
    let page = candidate::page(shown, &told).whole();
    assert!(page.contains("The walk of candidate 5") && page.contains("10 s, +15.5 m"), "{page}");
    assert!(!page.contains("What its evaluation left") && !page.contains("poses"), "{page}");
}

#[test]
fn a_page_without_anything_says_why_and_what_to_do() {
    let failing = (0..3).map(|index| candidate(index, None, "x")).collect();
    for (candidates, archive, overview) in [
        (Vec::new(), "`samara resume`", "`samara resume`"),
        (failing, "none of 3 candidates has a score. <a href=\"/run/r#failures\">", "invalid"),
    ] {
        let (mut run, book) = made(axes(2), candidates).with_book();
        run.state = State::Killed;
        let shown = Shown { name: "r", run: &run, book: &book };
        let told = |page: Page| page.whole().replace("<code>", "`").replace("</code>", "`");
        let page = told(archive_page(shown, &ArchiveAsked::default()));
        assert!(page.contains(archive), "{page}");
        assert!(told(run::page(shown, None, Over::default())).contains(overview));
    }
}

/// The settings of a run of `samara rl` with two conditions and four samples of each an iteration.
const RL: &str = "[rl.learning]\ngroup = 4\nseed = SEED\n[[rl.conditions]]\nname = \"wall\"\n[[rl.conditions]]\nname = \"<i>tunnel\"\n";

fn policy(seed: &str) -> (Run, Book) {
    let mut candidates = some(2, 64);
    for candidate in &mut candidates {
        candidate.island = candidate.index as u32 % 2;
        let (reward, distance) = (candidate.index as f64, f64::from(candidate.island));
        if let Some(score) = &mut candidate.score {
            let metrics = &mut Arc::make_mut(score).metrics;
            metrics.extend([("reward".to_owned(), reward), ("kl".to_owned(), distance)]);
        }
    }
    let mut made = made(axes(2), candidates);
    made.settings.islands = IslandSettings { count: 2, migration_interval: 10, migrants: 0 };
    let (mut run, book) = made.with_book();
    run.view.header.config = RL.replace("SEED", seed);
    (run, book)
}

#[test]
fn a_learnt_policy_is_told_condition_by_condition_and_so_are_several_beside_each_other() {
    let (run, book) = policy("1");
    let shown = Shown { name: "r", run: &run, book: &book };
    let page = run::page(shown, None, Over::default()).whole();
    let begin = page.find("What the policy has learnt").expect("its part");
    let part = &page[begin..page.find(">Curves<").expect("the next")];
    for told in ["Mean reward", "Distance (KL)", "Valid, %", "Mean objective", "<td>wall</td><td>first</td>"]
    {
        assert!(part.contains(told), "{told}: {part}");
    }
    assert!(part.contains("&lt;i&gt;tunnel") && !page.contains("<i>"), "{part}");
    // An iteration is a point.
    assert!(part.contains("Each point is of 8 samples"), "{part}");
    assert_eq!(part.matches("<td>last</td><td class=\"n\">4</td>").count(), 2, "{part}");
    let archive = archive_page(shown, &ArchiveAsked::default()).whole();
    assert!(
        archive.contains("Condition") && archive.contains("<b>wall</b>") && !archive.contains("Island 0")
    );
    assert!(operators::page(shown, By::Island).whole().contains("</svg>wall</span>"));
    let (mut alone, book) = policy("1");
    alone.policy = report::Policy::of(&alone.view.header.config, &book);
    let markdown = report::markdown(std::slice::from_ref(&alone));
    let file = report::page(&[alone]).expect("its axes");
    for told in ["What the policy has learnt", "Mean reward", "<td>wall</td><td>first</td>"] {
        assert!(file.contains(told), "{told}");
    }
    assert!(markdown.contains("| wall | last | 4 |"), "{markdown}");
    assert!(!file.contains("<i>tunnel"), "{file}");
    // Seeds alone tell no policies apart.
    let (second, other) = policy("2");
    let both = [shown, Shown { name: "s", run: &second, book: &other }];
    let asked = compare::Asked { runs: &both, folder: None, missing: &[], left_out: 0 };
    let page = compare::page(&asked).whole();
    assert!(page.contains("What policies have learnt") && page.contains("2 seeds"), "{page}");
    assert_eq!(page.matches("<td>s</td><td>").count(), 2, "{page}");
    let (run, book) = made(axes(2), some(2, 24)).with_book();
    let page = run::page(Shown { name: "r", run: &run, book: &book }, None, Over::default()).whole();
    assert!(!page.contains("policy"), "{page}");
}
