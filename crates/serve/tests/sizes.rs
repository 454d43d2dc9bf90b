//! How many bytes pages and updates have, for archives of every kind: counted, never timed.

mod common;

use std::net::SocketAddr;

use common::{Events, Kind, TOKEN, Written, asked, page, request, server};
use samara_search::{Algorithm, Artifact, AxisSettings, Film, IslandSettings, SearchSettings};

/// Bytes of a page at most, and of an update as it travels.
const PAGE: usize = 100_000;
const UPDATE: usize = 20_000;
const CANDIDATES: u64 = 2000;

/// Even over the unit square: the fractions of multiples of two irrational numbers.
fn spread(index: u64) -> Vec<f64> {
    [0.754_877_666_246_693, 0.569_840_290_998_053].map(|step| (index as f64 * step).fract()).into()
}

/// The indices of two categories.
fn named(index: u64) -> Vec<f64> {
    spread(index).into_iter().zip([24.0, 40.0]).map(|(part, names)| (part * names).floor()).collect()
}

fn even(bins: usize) -> Vec<AxisSettings> {
    ["tone", "length"].map(|name| AxisSettings::even(name, [0.0, 1.0], bins)).into()
}

fn kind(axes: Vec<AxisSettings>, change: impl FnOnce(&mut SearchSettings)) -> Kind {
    let mut settings = SearchSettings { total_steps: CANDIDATES, ..SearchSettings::default() };
    // Coarser cells would be as many, and take longer to make.
    (settings.cvt.samples, settings.cvt.max_iterations) = (10_000, 5);
    change(&mut settings);
    Kind {
        settings,
        axes,
        text: |index| format!("poem {index}"),
        measures: spread,
        artifacts: |_| Vec::new(),
    }
}

/// The walk of a body of 16 joints, as large as those of the creatures that are shipped.
fn walk(index: u64) -> Vec<Artifact> {
    let place = |moment: i32, joint: i32| {
        [40 * (joint % 4) + 37 * moment + (index % 13) as i32, 45 * (joint / 4) + 7 * ((joint + moment) % 5)]
    };
    let film = Film {
        seconds: 10.0,
        radius: 20,
        bones: (0..15).map(|joint| [joint, joint + 1]).collect(),
        muscles: (0..28).map(|one| [one % 14, (one % 14) + 2 - one / 14]).collect(),
        poses: (0..6).map(|moment| (0..16).flat_map(|joint| place(moment, joint)).collect()).collect(),
        ground: vec![vec![-1000, -100, 0, -90, 400, -120, 1000, -100]],
    };
    film.artifact().into_iter().collect()
}

fn islands(count: u32) -> IslandSettings {
    IslandSettings { count, migration_interval: 200, migrants: 2 }
}

/// An archive of every kind, with the number of elites that it has at least.
fn archives() -> Vec<(&'static str, Kind, usize)> {
    let cvt = |cells: usize| {
        move |settings: &mut SearchSettings| {
            settings.algorithm = Algorithm::CvtMapElites;
            settings.cvt.cells = cells;
        }
    };
    let categories = ["form", "genre"].into_iter().zip([24, 40]);
    let categories =
        categories.map(|(axis, count)| AxisSettings::named(axis, (0..count).map(|i| format!("{axis} {i}"))));
    vec![
        ("grid", kind(even(20), |_| ()), 399),
        ("fine grid", kind(even(60), |_| ()), 1300),
        ("finest grid", kind(even(200), |_| ()), 1700),
        ("cvt", kind(even(1), cvt(1000)), 700),
        ("small cvt", kind(even(1), cvt(300)), 290),
        ("large cvt", kind(even(1), cvt(4000)), 1100),
        (
            "places",
            kind(even(1), |settings| {
                settings.algorithm = Algorithm::DominatedNovelty;
                settings.dominated_novelty.places = 500;
            }),
            500,
        ),
        ("islands", kind(even(20), |settings| settings.islands = islands(4)), 399),
        ("many islands", kind(even(20), |settings| settings.islands = islands(24)), 399),
        (
            "cvt islands",
            kind(even(1), |settings| {
                cvt(1000)(settings);
                settings.islands = islands(4);
            }),
            700,
        ),
        ("walkers", Kind { artifacts: walk, ..kind(even(20), |_| ()) }, 399),
        ("categories", Kind { measures: named, ..kind(categories.collect(), |_| ()) }, 700),
    ]
}

/// What an update of a page takes on its way.
fn packed(address: SocketAddr, path: &str) -> usize {
    let headers = format!("Cookie: samara-{}={TOKEN}\r\nAccept-Encoding: gzip\r\n", address.port());
    let (status, head, body) = asked(address, &request("GET", path, "localhost", &headers));
    // What is short is not worth packing.
    let packed = head.contains("content-encoding: gzip") || body.len() <= 1000;
    assert!(status == 200 && packed, "{path}: {head}");
    body.len()
}

#[test]
fn no_page_and_no_update_of_a_run_of_2000_candidates_is_larger_than_it_may_be_whatever_its_archive() {
    let home = tempfile::tempdir().unwrap();
    for (name, kind, elites) in archives() {
        let mut run = Written::of(&home.path().join(name), kind);
        run.add(CANDIDATES);
        let filled = run.replay.population().overall().archive().stats().cells_filled;
        assert!(filled >= elites, "{name}: {filled} elites");
        run.journal.finish("completed").unwrap();
    }
    let address = server(home.path());
    let mut told = Vec::new();
    for (name, _, _) in archives() {
        let run = format!("/run/{}", name.replace(' ', "%20"));
        let colours =
            ["archive?colour=age", "archive?colour=operator", "archive?at=1000", "archive?list=gallery"];
        for part in ["", "archive", "lineage", "operators", "candidate/1999"].into_iter().chain(colours) {
            let path = format!("{run}/{part}").trim_end_matches('/').to_owned();
            let (status, whole) = page(address, &path);
            assert_eq!(status, 200, "{path}");
            let fragment = format!("{path}{}fragment=1", if path.contains('?') { '&' } else { '?' });
            told.push((path, whole.len(), packed(address, &fragment)));
        }
    }
    let told_all: Vec<String> =
        told.iter().map(|(path, whole, update)| format!("{path}: {whole} {update}")).collect();
    println!("{}", told_all.join("\n"));
    for (path, whole, update) in told {
        assert!(whole <= PAGE && update <= UPDATE, "{path}: {whole} bytes, an update {update}");
    }
}

#[test]
fn a_walk_is_a_picture_of_the_dashboards_own_which_who_is_let_in_may_see() {
    let home = tempfile::tempdir().unwrap();
    for (name, artifacts) in [("walkers", walk as fn(u64) -> Vec<Artifact>), ("poems", |_| Vec::new())] {
        let mut run = Written::of(&home.path().join(name), Kind { artifacts, ..kind(even(20), |_| ()) });
        run.add(60);
        run.journal.finish("completed").unwrap();
    }
    let address = server(home.path());
    let (_, gallery) = page(address, "/run/walkers/archive");
    let pictures: Vec<&str> =
        gallery.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(pictures.len() > 30, "{gallery}");
    // What comes into sight later takes the room that it will have.
    let attributes = "loading=\"lazy\" decoding=\"async\" width=\"720\" height=\"";
    assert_eq!(gallery.matches(attributes).count(), pictures.len());
    let cookie = format!("Cookie: samara-{}={TOKEN}\r\n", address.port());
    let played = |still: &str| still.replace("/still/", "/film/");
    assert!(
        pictures.iter().all(|still| gallery.contains(&format!("srcset=\"{}\"", played(still)))),
        "{gallery}"
    );
    let some = pictures[..3].iter().flat_map(|still| [(*still).to_owned(), played(still)]);
    for path in some {
        let path = &*path;
        let (status, head, body) = asked(address, &request("GET", path, "localhost", &cookie));
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body.contains("<animate"), path.contains("/film/"), "{path}");
        assert!(status == 200 && head.contains("content-type: image/svg+xml"), "{path}: {head}");
        assert!(head.contains("content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(body.starts_with("<svg xmlns") && body.contains("prefers-color-scheme:dark"), "{body}");
        assert!(body.contains("the walk of candidate") && !body.contains("<script"), "{body}");
        assert_eq!(asked(address, &request("GET", path, "localhost", "")).0, 401);
        assert_eq!(asked(address, &request("GET", path, "evil.example", &cookie)).0, 403);
    }
    for path in [
        "/run/poems/film/0.svg",
        "/run/poems/still/0.svg",
        "/run/walkers/film/5.svg",
        "/run/walkers/film/60.svg",
        "/run/none/film/0.svg",
    ] {
        assert_eq!(page(address, path).0, 404, "{path}");
    }
}

#[test]
fn what_a_browser_hears_of_many_runs_that_have_grown_is_small_and_so_is_what_it_then_asks_for() {
    let home = tempfile::tempdir().unwrap();
    let begin = |name: usize| {
        Written::of(&home.path().join(format!("runs/of a long name {name}")), kind(even(20), |_| ()))
    };
    let mut runs: Vec<Written> = (0..40).map(begin).collect();
    let address = server(home.path());
    common::list(address);
    let mut events = Events::of(address);
    runs.iter_mut().for_each(|run| run.add(20));
    let last = events.told("of a long name 39");
    assert!(last.len() <= UPDATE, "{} bytes", last.len());
    assert!(packed(address, "/?fragment=1") <= UPDATE);
}
