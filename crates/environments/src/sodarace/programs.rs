//! Sodarace's programs: the Python in front of every walker program, and the seven seed designs.
//!
//! A program is `def make_walker()`, which builds a walker by `walker_creator` and may use the library's helpers. It is
//! run behind [`preamble`] by calling [`ENTRY`]. The formats of prompts are `samara_seedling::walkers::format`.

/// The builder of walkers: the class that programs import from `walker_creator` or `openelm.environments.sodaracer.walker`.
pub const WALKER_CREATOR: &str = include_str!("walker_creator.py");

/// Helpers that programs may use without an import: `make_square`, `make_circle`, `make_line`, `query_cppn`, `sin`,
/// `cos`, `pi`.
pub const LIBRARY: &str = include_str!("library.py");

/// The modules' names in OpenELM, for programs that import from them.
const OPENELM: &str = include_str!("openelm.py");

const ENTRY_SOURCE: &str = include_str!("entry.py");

/// The function to call: it gives `(joints, muscles)` as lists, `[x, y]` and `[joint, joint, amplitude, phase]`.
pub const ENTRY: &str = "samara_make_walker";

/// What every program is run behind: the prelude of its job.
pub fn preamble() -> String {
    format!("{WALKER_CREATOR}\n\n{OPENELM}\n\n{LIBRARY}\n\n{ENTRY_SOURCE}")
}

/// The seed design of this name.
pub fn seed(name: &str) -> Option<&'static Seed> {
    SEEDS.iter().find(|seed| seed.name == name)
}

/// A seed design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// Its name.
    pub name: &'static str,
    /// The whole program, with its import and its own helpers. Its walker is OpenELM's, number by number.
    pub program: &'static str,
    /// Whether `make_walker` alone makes a valid walker behind [`preamble`], by the library's helpers: fit to be shown
    /// in a prompt. `galloper` and `runner` are invalid by design (amplitudes of 30, too many muscles at a joint).
    pub is_example: bool,
}

impl Seed {
    /// `make_walker` alone, as prompts show programs.
    pub fn function(&self) -> &'static str {
        self.program.find("def make_walker():").map_or(self.program, |start| &self.program[start..])
    }
}

/// The seed designs of OpenELM.
pub const SEEDS: [Seed; 7] = [
    Seed { name: "square", program: include_str!("seeds/square.py"), is_example: true },
    Seed { name: "radial", program: include_str!("seeds/radial.py"), is_example: true },
    Seed { name: "wheel", program: include_str!("seeds/wheel.py"), is_example: true },
    Seed { name: "galloper", program: include_str!("seeds/galloper.py"), is_example: false },
    Seed { name: "runner", program: include_str!("seeds/runner.py"), is_example: false },
    Seed { name: "cppn_fixed", program: include_str!("seeds/cppn_fixed.py"), is_example: true },
    Seed { name: "cppn_mutable", program: include_str!("seeds/cppn_mutable.py"), is_example: true },
];
