//! The seed designs are OpenELM's walkers, number by number.

use samara_environments::sodarace::SEEDS;
use samara_seedling::walkers::interpret;
use serde_json::Value;

use crate::run::run;

/// Joints and muscles as OpenELM's own seeds give them.
const GOLDEN: &str = include_str!("../golden/seed_walkers.json");

fn rows(value: &Value) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn every_seed_makes_the_walker_of_the_reference_to_the_last_bit() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.as_object().unwrap().len(), SEEDS.len());
    for seed in SEEDS {
        let body = run(seed.program).unwrap_or_else(|error| panic!("{}: {error}", seed.name));
        let joints: Vec<Vec<f64>> = body.joints.iter().map(|(x, y)| vec![*x, *y]).collect();
        assert_eq!(joints, rows(&golden[seed.name]["joints"]), "{}", seed.name);
        let muscle =
            |m: &samara_seedling::walkers::Muscle| vec![m.from as f64, m.to as f64, m.amplitude, m.phase];
        let muscles: Vec<Vec<f64>> = body.muscles.iter().map(muscle).collect();
        assert_eq!(muscles, rows(&golden[seed.name]["muscles"]), "{}", seed.name);
    }
}

#[test]
fn seeds_that_are_examples_are_valid_by_the_library_alone() {
    for seed in SEEDS {
        let ran = run(seed.function());
        let valid = ran.as_ref().is_ok_and(samara_seedling::walkers::Body::is_valid);
        assert_eq!(valid, seed.is_example, "{}: {ran:?}", seed.name);
        if seed.is_example {
            assert!(interpret(seed.function()).is_some_and(|body| body.is_valid()), "{}", seed.name);
        }
    }
}

#[test]
fn a_connection_to_no_joint_is_an_error_of_the_program() {
    for end in ["1", "-1", "0.0", "None", "True"] {
        let program = format!(
            "def make_walker():\n    wc = walker_creator()\n    a = wc.add_joint(0, 0)\n    \
             wc.add_muscle(a, {end}, 1, 0)\n    return wc.get_walker()\n"
        );
        assert!(run(&program).is_err_and(|error| error.contains("is no joint")), "{end}");
    }
    assert!(run("def make_walker():\n    return 3\n").is_err());
}

/// A walker of two joints by a builder that comes from somewhere.
fn imported(import: &str) -> String {
    format!(
        "{import}\ndef make_walker():\n    wc = walker_creator()\n    \
         wc.add_muscle(wc.add_joint(0, 0), wc.add_joint(0, 5), 3, 0.5)\n    return wc.get_walker()\n"
    )
}

#[test]
fn the_builder_is_imported_by_every_name_that_programs_of_openelm_use() {
    let walker = run(&imported("")).unwrap();
    for import in [
        "from walker_creator import walker_creator, Walker",
        "from walk_creator import walker_creator",
        "from openelm.environments.sodaracer.walker import query_cppn, walker_creator",
        "from openelm.environments.sodaracer.walker.walk_creator import Walker, walker_creator",
        "from .walk_creator import walker_creator\nfrom .CPPN_mutable import query_cppn",
        "from . import walker_creator",
        "import openelm.environments.sodaracer.walker.walk_creator as made\nwalker_creator = made.walker_creator",
        "from openelm.environments.sodaracer import walker\nwalker_creator = walker.walker_creator",
    ] {
        assert_eq!(run(&imported(import)).as_ref(), Ok(&walker), "{import}");
    }
    for import in [
        "from openelm.environments.base import walker_creator",
        "from openelm.environments.sodaracer.walker.square import make_square",
        "from openelm.environments import walker_creator",
        "import openelm.sandbox",
        "import walkers",
    ] {
        let refused = run(&imported(import)).expect_err(import);
        assert!(refused.contains("ModuleNotFoundError") || refused.contains("ImportError"), "{refused}");
    }
}

#[test]
fn an_imported_grid_connects_what_the_grid_of_openelm_connects() {
    let grid = "def make_walker():\n    wc = walker_creator()\n    always = lambda *ends: True\n    \
                query_cppn(wc, 2, 2, 1, always, lambda *ends: 1, lambda x0, y0, x1, y1: x1 + y1)\n    return wc.get_walker()\n";
    let ends = |body: &samara_seedling::walkers::Body| -> Vec<(usize, usize)> {
        body.muscles.iter().map(|muscle| (muscle.from, muscle.to)).collect()
    };
    let theirs =
        format!("from openelm.environments.sodaracer.walker import query_cppn, walker_creator\n{grid}");
    // Joints 0 and 3 are on the main diagonal; 1 and 2 may be connected to themselves.
    assert_eq!(ends(&run(&theirs).unwrap()), [(0, 1), (0, 2), (1, 1), (1, 3), (2, 2), (2, 3)]);
    assert_eq!(ends(&run(grid).unwrap()), [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)], "the library's own");
}
