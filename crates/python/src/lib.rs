//! The module `samara._samara`: what of the Python package is Rust. People import `samara`, whose Python files give
//! these parts their documented names (`python/samara`).
//!
//! - `cells`, `archive`, `rows`: archives, with what their elites are; `numbers`: arrays of numpy in and out;
//! - `search`: ask and tell;
//! - `evaluating`: functions of Python that evaluate; `hosting`: classes of Python as environments; `running`, `recorded`: runs, under way and on disk; `table`: their columns as Arrow; `errors`: why one stopped.
//!
//! Algorithms are in `samara-qd` and `samara-search`; here are conversions. The interpreter's lock is released while Rust
//! works long or waits.

#![expect(clippy::needless_pass_by_value, reason = "pyo3 hands over what it has converted")]

mod archive;
mod cells;
mod errors;
mod evaluating;
mod hosting;
mod numbers;
mod recorded;
mod rows;
mod running;
mod search;
mod table;

use std::ffi::OsString;

use pyo3::prelude::*;

/// What `samara` does on the command line with these arguments, the program's name first; the code to exit with.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
    py.detach(|| samara::run_with(arguments))
}

#[pymodule]
fn _samara(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("ANSWER", samara_environments::evaluator::evaluation::ANSWER)?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_class::<cells::Cells>()?;
    module.add_class::<archive::Archive>()?;
    module.add_class::<search::Search>()?;
    module.add_function(wrap_pyfunction!(recorded::report, module)?)?;
    module.add_function(wrap_pyfunction!(recorded::export, module)?)?;
    module.add_function(wrap_pyfunction!(recorded::write, module)?)?;
    module.add_class::<recorded::Recorded>()?;
    module.add_class::<running::Running>()?;
    module.add_class::<hosting::Asking>()?;
    module.add_class::<hosting::Outlook>()?;
    module.add_class::<table::Table>()
}
