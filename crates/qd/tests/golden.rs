//! What other libraries' archives hold after the same 5,000 insertions. The files' rules are stated in their `about`.

#![expect(clippy::unwrap_used, reason = "a golden file that does not read as expected fails the test")]

use samara_qd::{Archive, Axis, Cvt, Entry, Grid, Rules, Soft, Status, Tessellation};
use serde_json::Value;

fn load(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn num(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some("nan") => f64::NAN,
        _ => value.as_f64().unwrap(),
    }
}

fn nums(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(num).collect()
}

/// Any nesting of arrays, flattened.
fn flat(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(values) => values.iter().flat_map(flat).collect(),
        None => vec![num(value)],
    }
}

fn ints(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
}

fn input(dims: usize) -> Vec<Entry> {
    let input = load("input_5000");
    let rows = input["measures"].as_array().unwrap().iter().zip(input["objective"].as_array().unwrap());
    rows.enumerate()
        .map(|(i, (m, o))| Entry { id: i as u64, objective: num(o), measures: nums(m)[..dims].to_vec() })
        .collect()
}

fn even(dims: &[usize], ranges: &[(f64, f64)]) -> Tessellation {
    let axes = dims.iter().zip(ranges).enumerate();
    let axes = axes.map(|(i, (n, (lo, hi)))| Axis::bins(format!("m{i}"), *lo, *hi, *n).unwrap()).collect();
    Tessellation::Grid(Grid::new(axes).unwrap())
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn compare_with_pyribs(want: &Value, mut archive: Archive, batch: usize) {
    let rows = input(archive.tessellation().dims());
    let mut answers = Vec::new();
    for rows in rows.chunks(batch) {
        if batch == 1 {
            answers.push(archive.add(rows[0].id, rows[0].objective, &rows[0].measures).unwrap());
        } else {
            answers.extend(archive.add_batch(rows).unwrap());
        }
    }
    let codes: String = answers
        .iter()
        .map(|added| match added.status {
            Status::NotAdded => '0',
            Status::Improved => '1',
            Status::New => '2',
        })
        .collect();
    assert_eq!(codes, want["status"].as_str().unwrap());
    assert!(close(answers.iter().map(|added| added.value).sum(), num(&want["value_sum"])));
    for (added, value) in answers.iter().zip(nums(&want["value_first_50"])) {
        assert!(close(added.value, value));
    }
    let elites: Vec<_> = archive.iter().collect();
    assert_eq!(elites.iter().map(|e| e.cell as u64).collect::<Vec<_>>(), ints(&want["cell_index"]));
    assert_eq!(elites.iter().map(|e| e.objective).collect::<Vec<_>>(), nums(&want["objective"]));
    assert_eq!(elites.iter().map(|e| e.id).collect::<Vec<_>>(), ints(&want["solution_id"]));
    assert_eq!(
        archive.occupied().iter().map(|c| u64::from(*c)).collect::<Vec<_>>(),
        ints(&want["occupied_list"])
    );
    if let Some(thresholds) = want.get("threshold") {
        for (elite, threshold) in elites.iter().zip(nums(thresholds)) {
            assert!(close(archive.threshold(elite.cell).unwrap(), threshold));
        }
    }
    let (stats, of) = (archive.stats(), &want["stats"]);
    assert_eq!(stats.cells_filled as u64, of["num_elites"].as_u64().unwrap());
    assert_eq!(stats.best_id, of["best_id"].as_u64());
    assert!(close(stats.coverage, num(&of["coverage"])));
    assert!(close(stats.qd_score, num(&of["qd_score"])));
    assert!(close(stats.qd_score / stats.cells_total as f64, num(&of["norm_qd_score"])));
    assert_eq!(stats.best, Some(num(&of["obj_max"])));
    assert!(close(stats.mean.unwrap(), num(&of["obj_mean"])));
}

const UNIT: [(f64, f64); 2] = [(0.0, 1.0), (0.0, 1.0)];

#[test]
fn grids_hold_what_pyribs_holds() {
    let golden = load("pyribs_grid");
    let archive = |cells, rules| Archive::new(cells, rules).unwrap();
    let square = || archive(even(&[10, 10], &UNIT), Rules::default());
    compare_with_pyribs(&golden["grid_10x10_single"], square(), 1);
    compare_with_pyribs(&golden["grid_10x10_batch100"], square(), 100);
    compare_with_pyribs(&golden["grid_10x10_batch5000"], square(), 5000);
    compare_with_pyribs(&golden["grid_20_single"], archive(even(&[20], &UNIT), Rules::default()), 1);
    let offset = Rules { qd_offset: -2.0, ..Rules::default() };
    let wide = even(&[7, 13], &[(-0.5, 1.0), (0.0, 1.5)]);
    compare_with_pyribs(&golden["grid_7x13_offset_single"], archive(wide, offset), 1);
}

#[test]
fn soft_archives_hold_what_pyribs_holds() {
    let golden = load("pyribs_cma_mae");
    let archive = |learning_rate, threshold_min| {
        let rules = Rules { soft: Some(Soft { learning_rate, threshold_min }), ..Rules::default() };
        Archive::new(even(&[10, 10], &UNIT), rules).unwrap()
    };
    compare_with_pyribs(&golden["grid_10x10_single"], archive(0.1, 0.0), 1);
    compare_with_pyribs(&golden["grid_10x10_batch50"], archive(0.1, 0.0), 50);
    compare_with_pyribs(&golden["grid_10x10_single_lr0"], archive(0.0, -1.0), 1);
}

#[test]
fn a_cvt_of_given_centroids_holds_what_pyribs_holds() {
    let golden = load("pyribs_cvt64");
    let cvt =
        Cvt::from_centroids(golden["centroids"].as_array().unwrap().iter().map(nums).collect()).unwrap();
    let cells: Vec<u64> = input(2).iter().map(|row| cvt.cell(&row.measures) as u64).collect();
    assert_eq!(cells, ints(&golden["index_of_all"]));
    compare_with_pyribs(&golden, Archive::new(Tessellation::Cvt(cvt), Rules::default()).unwrap(), 1);
}

fn openelm_tessellation(want: &Value) -> Tessellation {
    let bins = &want["bins"];
    let per_axis = if bins[0].is_array() {
        bins.as_array().unwrap().iter().map(nums).collect()
    } else {
        vec![nums(bins)]
    };
    let dims = want["dims"].as_array().unwrap().len();
    let edges = (0..dims)
        .map(|axis| Axis::ticks(format!("m{axis}"), per_axis[axis.min(per_axis.len() - 1)].clone()).unwrap());
    Tessellation::Grid(Grid::new(edges.collect()).unwrap())
}

/// The flat archive, compared with the newest entries; then the ring of past elites rebuilt from the add statuses.
fn compare_with_openelm_ring(want: &Value) {
    let mut archive = Archive::new(openelm_tessellation(want), Rules::default()).unwrap();
    let (cells, history) =
        (archive.tessellation().cells(), want["history_length"].as_u64().unwrap() as usize);
    let mut objectives = vec![f64::NEG_INFINITY; cells * history];
    let mut ids = vec![-1.0; cells * history];
    let mut top = vec![history - 1; cells];
    for row in input(archive.tessellation().dims()) {
        let added = archive.add(row.id, row.objective, &row.measures).unwrap();
        if added.status != Status::NotAdded {
            top[added.cell] = (top[added.cell] + 1) % history;
            objectives[top[added.cell] * cells + added.cell] = row.objective;
            ids[top[added.cell] * cells + added.cell] = row.id as f64;
        }
    }
    assert_eq!(objectives, flat(&want["fitnesses"]));
    assert_eq!(ids, flat(&want["genome_ids"]));
    if history > 1 {
        assert_eq!(top.iter().map(|t| *t as f64).collect::<Vec<_>>(), flat(&want["top"]));
    }
    compare_openelm_latest(want, &archive);
}

fn compare_openelm_latest(want: &Value, archive: &Archive) {
    let latest = |f: &dyn Fn(usize) -> f64| (0..archive.tessellation().cells()).map(f).collect::<Vec<f64>>();
    assert_eq!(
        latest(&|c| archive.elite(c).map_or(f64::NEG_INFINITY, |e| e.objective)),
        flat(&want["latest_fitnesses"])
    );
    assert_eq!(latest(&|c| archive.elite(c).map_or(-1.0, |e| e.id as f64)), flat(&want["latest_genome_ids"]));
    assert_eq!(latest(&|c| f64::from(u8::from(archive.elite(c).is_some()))), flat(&want["nonzero"]));
    let (stats, of) = (archive.stats(), &want["stats"]);
    assert!(close(stats.qd_score, num(&of["qd_score"])));
    assert_eq!(stats.best, Some(num(&of["max_finite"])));
    assert!(close(stats.mean.unwrap(), num(&of["mean"])));
    assert_eq!(stats.cells_total as u64, of["map_size"].as_u64().unwrap());
    // Coverage counts cells, never history slots: the reference's `niches_filled` counts those too.
    assert_eq!(stats.cells_filled as f64, flat(&want["nonzero"]).iter().sum::<f64>());
}

#[test]
fn flat_archives_hold_what_openelm_holds() {
    let golden = load("openelm");
    for name in [
        "mapelites_10x10_h1",
        "mapelites_20_h1",
        "mapelites_10x10_h5_ring",
        "lmx_ticks9_2d_h1",
        "lmx_ticks19_1d_h1",
    ] {
        compare_with_openelm_ring(&golden[name]);
    }
}

#[test]
fn deep_archives_hold_what_openelm_holds() {
    let golden = load("openelm");
    for name in ["lmx_10x10_h5_altdepth", "lmx_20_h5_altdepth", "lmx_ticks19_1d_h5_altdepth"] {
        let want = &golden[name];
        let rules = Rules { depth: 5, ..Rules::default() };
        let mut archive = Archive::new(openelm_tessellation(want), rules).unwrap();
        for row in input(archive.tessellation().dims()) {
            archive.add(row.id, row.objective, &row.measures).unwrap();
        }
        let cells = archive.tessellation().cells();
        let (mut objectives, mut ids) = (vec![f64::NEG_INFINITY; cells * 5], vec![-1.0; cells * 5]);
        for elite in archive.iter() {
            // The reference lists the worst first and the best last.
            objectives[(4 - elite.rank) * cells + elite.cell] = elite.objective;
            ids[(4 - elite.rank) * cells + elite.cell] = elite.id as f64;
        }
        assert_eq!(objectives, flat(&want["fitnesses"]), "{name}");
        assert_eq!(ids, flat(&want["genome_ids"]), "{name}");
        compare_openelm_latest(want, &archive);
    }
}

#[test]
fn values_on_and_around_edges_lie_in_their_cells() {
    let golden = load("edges");
    let axes = [
        ("grid10_0_1", Axis::bins("m", 0.0, 1.0, 10)),
        ("grid20_0_1", Axis::bins("m", 0.0, 1.0, 20)),
        ("grid7_m1_2", Axis::bins("m", -1.0, 2.0, 7)),
        ("custom_ticks19", Axis::ticks("m", nums(&golden["custom_ticks19"]["inner_edges"]))),
    ];
    let mut finite = 0;
    for (name, axis) in axes {
        let axis = axis.unwrap();
        assert_eq!(axis.edges(), nums(&golden[name]["inner_edges"]), "{name}");
        for row in golden[name]["rows"].as_array().unwrap() {
            let x = num(&row["x"]);
            let mut archive =
                Archive::new(Tessellation::Grid(Grid::new(vec![axis.clone()]).unwrap()), Rules::default())
                    .unwrap();
            match archive.add(0, 1.0, &[x]) {
                Ok(added) => assert_eq!(added.cell as u64, row["openelm"].as_u64().unwrap(), "{name}: {x:?}"),
                Err(_) => assert!(!x.is_finite() && archive.stats().cells_filled == 0),
            }
            finite += u32::from(x.is_finite());
        }
    }
    assert!(finite > 250);
}

#[test]
fn bad_inputs_are_refused_whatever_other_libraries_do() {
    for row in load("edges")["bad_inputs"].as_array().unwrap() {
        // A row without measures is an archive's caller passing none.
        let measures = row["measures"].as_array().map_or(Vec::new(), |m| m.iter().map(num).collect());
        let objective = num(&row["objective"]);
        let mut archive = Archive::new(even(&[10], &UNIT), Rules::default()).unwrap();
        let usable = objective.is_finite() && measures.len() == 1 && measures.iter().all(|m| m.is_finite());
        assert_eq!(archive.add(0, objective, &measures).is_ok(), usable, "{row}");
        assert_eq!(archive.stats().cells_filled, usize::from(usable));
    }
}

#[test]
fn one_cell_of_depth_five_follows_the_trace() {
    let rules = Rules { depth: 5, ..Rules::default() };
    let mut archive = Archive::new(even(&[1], &UNIT), rules).unwrap();
    for step in load("edges")["altdepth_trace_one_cell_h5"].as_array().unwrap() {
        let add = &step["add"];
        archive.add(add[0].as_u64().unwrap(), num(&add[1]), &[0.5]).unwrap();
        let mut held: Vec<(f64, f64)> = archive.elites(0).map(|e| (e.objective, e.id as f64)).collect();
        held.resize(5, (f64::NEG_INFINITY, -1.0));
        held.reverse();
        assert_eq!(held.iter().map(|h| h.0).collect::<Vec<_>>(), nums(&step["fitnesses"]), "{step}");
        assert_eq!(held.iter().map(|h| h.1).collect::<Vec<_>>(), nums(&step["ids"]), "{step}");
    }
}

#[test]
fn one_cell_keeps_its_first_best_along_the_ring_trace() {
    let mut archive = Archive::new(even(&[1], &UNIT), Rules::default()).unwrap();
    for step in load("edges")["ring_trace_one_cell_h3"].as_array().unwrap() {
        let add = &step["add"];
        archive.add(add[0].as_u64().unwrap(), num(&add[1]), &[0.5]).unwrap();
        let top = step["top"].as_u64().unwrap() as usize;
        let elite = archive.elite(0).unwrap();
        assert_eq!(elite.objective, nums(&step["fitnesses"])[top], "{step}");
        assert_eq!(elite.id as f64, nums(&step["ids"])[top], "{step}");
    }
}
