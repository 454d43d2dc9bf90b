//! Settings as somebody might write or edit them: read as `samara resume` reads those of a run, without any file.

use samara_environments::Inputs;
use samara_qd::{Axis, Grid, Tessellation};
use samara_search::{AxisSettings, SearchSettings, decode, settings};
use toml::{Table, Value};

use crate::config::{Fresh, reload};

/// Cells, and steps of k-means, that a target has time and memory for; what asks for more gets one cell.
const MOST: usize = 1 << 16;

/// Reads settings: an error is one that a person can read, and what is accepted reads as itself again.
pub fn check(text: &str) {
    match read(text) {
        Ok(resolved) => {
            let again = read(&resolved).unwrap_or_else(|error| panic!("{error}\n{resolved}"));
            assert_eq!(again, resolved);
        }
        Err(error) => assert!(!error.is_empty()),
    }
}

fn read(text: &str) -> Result<String, String> {
    let fresh = Fresh { inputs: Inputs::recorded(Vec::new()), tessellation: small(text) };
    let experiment = reload(text, "fuzz".as_ref(), (&[], &[]), fresh).map_err(|failure| failure.message)?;
    assert!(!experiment.naming.name.contains(['\n', '\x1b', '\0']));
    Ok(experiment.resolved)
}

/// One cell, where the settings ask for more than there is time for: it is allowed to a person who has it.
fn small(text: &str) -> Option<Tessellation> {
    let table: Table = text.parse().ok()?;
    let section = table.get("search").and_then(Value::as_table).cloned().unwrap_or_default();
    let search: SearchSettings = decode(&section, "search").ok()?;
    let sections = table.get("axes").and_then(Value::as_array).cloned().unwrap_or_default();
    let sections: Vec<Table> = sections.iter().filter_map(Value::as_table).cloned().collect();
    let axes: Vec<AxisSettings> = settings::axes(&sections).ok()?;
    let steps = search.cvt.samples.saturating_mul(search.cvt.max_iterations.max(axes.len()));
    let fits = |places: usize| places <= MOST && steps <= MOST << 4;
    if search.places(&axes, None).is_some_and(fits) {
        return None;
    }
    Grid::new(vec![Axis::bins("x", 0.0, 1.0, 1).ok()?]).ok().map(Tessellation::Grid)
}
