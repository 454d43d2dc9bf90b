//! What an environment is built from, and checks that several of them make of it.

use std::sync::Arc;

use samara_engine::OwnEnvironment;
use samara_search::{AxisSettings, Invalid, SearchSettings};

use crate::Inputs;

/// The most texts of a list in a section: answers of a question, cuts, stops, seeds.
pub(crate) const MOST_TEXTS: usize = 100;

/// What an environment is built from.
pub struct Source<'a> {
    /// Its section.
    pub section: &'a toml::Table,
    /// The archive's axes, which must fit its measures.
    pub axes: &'a [AxisSettings],
    /// How many cells the archive has, if that is known.
    pub cells: Option<usize>,
    /// The `[search]` section.
    pub search: &'a SearchSettings,
    /// The files that it names.
    pub inputs: &'a Inputs,
    /// What the program that samara is part of has brought along, for [`crate::own`].
    pub own: Option<&'a Arc<dyn OwnEnvironment>>,
}

/// Refuses an operator on programs where there are none.
pub(crate) fn expect_no_operator(source: &Source<'_>) -> Result<(), Invalid> {
    match source.search.operator {
        None => Ok(()),
        Some(operator) => {
            let what = format!("`{}` varies programs, and this environment has none", operator.name());
            Err(Invalid::new("search.operator", what, "leave it out"))
        }
    }
}

/// Refuses an archive with fewer cells than an operator needs filled: it would never vary anything.
pub(crate) fn expect_cells(source: &Source<'_>, needed: usize, key: &str) -> Result<(), Invalid> {
    let varies = source.search.strategy.varies();
    match source.cells.filter(|cells| varies && *cells < needed) {
        None => Ok(()),
        Some(cells) => {
            let what = format!(
                "needs {needed} filled cells, but the archive has {cells} in all: nothing would ever be varied"
            );
            Err(Invalid::new(
                key,
                what,
                "use more cells, fewer examples, or search.strategy = \"random_search\"",
            ))
        }
    }
}

/// Refuses axes that are not one per measure.
pub(crate) fn expect_axes(axes: &[AxisSettings], measures: usize, of: &str) -> Result<(), Invalid> {
    if axes.len() == measures {
        return Ok(());
    }
    let what = format!("there are {} axes, but {of} gives {measures} measures", axes.len());
    Err(Invalid::new("axes", what, "write one [[axes]] entry per measure, in their order"))
}
