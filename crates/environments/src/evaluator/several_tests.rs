//! Programs of several files, whatever changes them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use samara_qd::Stream;
use samara_search::Genome;

use super::{
    Program,
    gp::{self, Edit},
    measures::Measures,
    rewrite, search_replace,
    settings::EvolveSettings,
};
use crate::Inputs;

const MAIN: &str = "from lib import scale\n\n\ndef run(x):\n    return scale(x) + 1.5\n";
const LIB: &str = "def scale(x):\n    if x > 0.5:\n        return 2.0 * x\n    return x\n";
const DATA: &str = "0.1 0.2\n";

/// A folder's program of which the Python files may change.
fn program() -> Program {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("p/src")).expect("a folder");
    for (path, text) in [("p/main.py", MAIN), ("p/src/lib.py", LIB), ("p/data.txt", DATA)] {
        std::fs::write(folder.path().join(path), text).expect("a file");
    }
    let text = "program = \"p\"\nmay_change = [\"**/*.py\"]\n[evaluation]\nevaluator = \"e.py\"\n";
    let settings: EvolveSettings = toml::from_str(text).expect("a section");
    Program::new(&settings, &Inputs::in_folder(folder.path())).expect("a program")
}

fn file(genome: &Genome, path: &str) -> String {
    match genome {
        Genome::Files(files) => files.get(path).map(|text| text.to_string()).unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

fn block(search: &str, replace: &str) -> String {
    format!("<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

#[test]
fn a_block_changes_the_file_above_it_and_else_the_first_that_fits() {
    let program = program();
    let answer = format!(
        "### src/lib.py\n{}{}",
        block("    return x", "    return 3 * x"),
        block("    if x > 0.5:", "    if x > 0.4:")
    );
    let changed = search_replace::apply(&program, &program.initial, &answer).expect("it fits");
    assert_eq!((changed.applied, changed.texts.len()), (2, 1));
    assert!(
        changed.texts["src/lib.py"].contains("return 3 * x") && changed.texts["src/lib.py"].contains("0.4")
    );
    let unnamed = block("    return scale(x) + 1.5", "    return scale(x)");
    let changed = search_replace::apply(&program, &program.initial, &unnamed).expect("it fits");
    assert_eq!(changed.texts.keys().collect::<Vec<_>>(), ["main.py"]);
    let data = format!("### data.txt\n{}", block("0.1 0.2", "9 9"));
    assert!(search_replace::apply(&program, &program.initial, &data).is_err(), "it may not change");
}

#[test]
fn a_rewrite_names_the_files_that_it_writes() {
    let program = program();
    let answer =
        "### `main.py`\n```python\nx = 1\n```\nand src/lib.py:\n```python\ny = 2\n```\n```\nz\n```\n";
    let texts = rewrite::read(&program, &program.initial, answer).expect("two files");
    assert_eq!(
        texts,
        BTreeMap::from([
            ("main.py".to_owned(), "x = 1\n".to_owned()),
            ("src/lib.py".to_owned(), "y = 2\n".to_owned())
        ])
    );
    let genome = program.changed(&program.initial, texts).expect("a program");
    assert_eq!(file(&genome, "data.txt"), DATA);
    assert!(rewrite::read(&program, &program.initial, "```python\nx = 1\n```").is_err());
}

#[test]
fn features_add_up_over_files_and_the_deepest_counts() {
    let program = program();
    let axes = ["branches", "depth"].map(|name| samara_search::AxisSettings::even(name, [0.0, 1.0], 4));
    let mut score = samara_search::Score::default();
    Measures::new(&axes, &program)
        .fill(&program, &program.initial, &mut score, &BTreeMap::new())
        .expect("both");
    assert_eq!((score.metrics["branches"], score.metrics["depth"]), (1.0, 2.0));
}

#[test]
fn a_seed_has_the_files_of_the_program_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).expect("a file");
    write("a.py", "import a\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n");
    write("other.py", "import b\n# EVOLVE-BLOCK-START\nx = 7\n# EVOLVE-BLOCK-END\n");
    write("bad.py", "x = 7\n");
    let of = |seed: &str| {
        let text = format!("program = \"a.py\"\nseeds = [\"{seed}\"]\n[evaluation]\nevaluator = \"e.py\"\n");
        let settings: EvolveSettings = toml::from_str(&text).expect("a section");
        Program::new(&settings, &Inputs::in_folder(folder.path()))
    };
    let program = of("other.py").expect("a seed of another name");
    assert_eq!(program.seeds[0].text(), "import a\n# EVOLVE-BLOCK-START\nx = 7\n# EVOLVE-BLOCK-END\n");
    assert_eq!(of("bad.py").expect_err("no markers").key, "environment.seeds[0]");
}

proptest! {
    #[test]
    fn edits_change_the_files_that_may_change_alone(seed in any::<u64>(), edit in 0..6_usize) {
        let program = program();
        let varied = gp::vary(&program, Edit::ALL[edit], &program.initial, &[], false, &mut Stream::new(seed, 0)).expect("an edit");
        prop_assert_eq!(file(&varied, "data.txt"), DATA);
        let changed = file(&varied, "main.py") != MAIN || file(&varied, "src/lib.py") != LIB;
        prop_assert!(changed);
    }
}
