//! The programs that come with samara, each with an evaluator in OpenEvolve's protocol and an experiment. They need
//! nothing but Python's standard library.

/// A program with its evaluator and experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinProgram {
    /// What `samara evolve` takes.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The files of its folder by their paths: `experiment.toml`, which names the others.
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($name:literal) => {
        &[
            ("experiment.toml", include_str!(concat!("../../../programs/", $name, "/experiment.toml"))),
            ("initial_program.py", include_str!(concat!("../../../programs/", $name, "/initial_program.py"))),
            ("evaluator.py", include_str!(concat!("../../../programs/", $name, "/evaluator.py"))),
        ]
    };
}

/// Every built-in program.
pub const PROGRAMS: &[BuiltinProgram] = &[
    BuiltinProgram {
        name: "circle-packing",
        summary: "26 circles in the unit square, as large as they can be",
        files: files!("circle-packing"),
    },
    BuiltinProgram {
        name: "function-minimization",
        summary: "a search for the lowest point of a function, by few calls",
        files: files!("function-minimization"),
    },
    BuiltinProgram {
        name: "heilbronn",
        summary: "11 points in the unit square, no three of them near a line",
        files: files!("heilbronn"),
    },
    BuiltinProgram {
        name: "symbolic-regression",
        summary: "a formula for measurements that another formula has made",
        files: files!("symbolic-regression"),
    },
    BuiltinProgram {
        name: "sorting",
        summary: "a sorting algorithm with few comparisons",
        files: files!("sorting"),
    },
];

/// The built-in program called `name`.
pub fn program(name: &str) -> Option<&'static BuiltinProgram> {
    PROGRAMS.iter().find(|program| program.name == name)
}
