//! The prompts that the walkers' model is trained on. Prompts for it should be written exactly like this.
//!
//! A program is `def make_walker():`, a line break and the indented lines of the body, each with its line break. A
//! completion is the body; it ends at the first of [`STOP`], before which the last line's break may be cut off.

/// What every program begins with, and what a prompt for a program ends with.
pub const HEADER: &str = "def make_walker():\n";

/// What ends a completion: a blank line, or a line that leaves the function.
pub const STOP: [&str; 4] = ["\n\n", "\n#", "\ndef", "\n<"];

/// What stands between two programs, behind the first one's last line break.
pub const BETWEEN: &str = "\n";

/// What stands above the program to change, in prompt mutation.
pub const BUGGY: &str = "# A buggy version of make_walker:\n";

/// What stands above the changed program, in prompt mutation.
pub const FIXED: &str = "# The fixed version of make_walker:\n";

/// The file's name in a diff document.
pub const FILE: &str = "walker.py";

/// What a prompt may ask of a new walker after the examples, by the number of the style.
pub const INSTRUCTIONS: [&str; 4] = [
    "",
    "# A new walker, changed from the one above:\n",
    "# A new walker, combined from the ones above:\n",
    "# A new walker, of the same kind as the ones above:\n",
];

/// The prompt that shows programs and asks for another, in a style from 0 to 3 (see [`INSTRUCTIONS`]).
///
/// # Panics
/// If there is no such style.
pub fn few_shot_prompt(programs: &[&str], style: usize) -> String {
    let shown: String = programs.iter().flat_map(|program| [*program, BETWEEN]).collect();
    shown + INSTRUCTIONS[style] + HEADER
}

/// The prompt of prompt mutation: the program as a buggy one, and the header of its fixed version.
pub fn mutation_prompt(program: &str) -> String {
    format!("{BUGGY}{program}{BETWEEN}{FIXED}{HEADER}")
}

/// The prompt for a diff. The completion begins with ` @@` and holds hunks; it ends at a blank line.
pub fn diff_prompt(program: &str, message: &str) -> String {
    format!("<NME> {FILE}\n<BEF> {program}<MSG> {message}\n<DFF>")
}
