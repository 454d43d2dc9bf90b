//! The `[search]` and `[[axes]]` sections of an experiment, and how they become an archive.
//!
//! Reading files and naming the file in an error is the command line's; here a section is checked and built. `search` is a
//! section with its `choices`, `emitters` and `islands`, `axis` the other one, `cells` what follows from both within their `limits`.

mod axis;
mod cells;
mod choices;
mod emitters;
mod islands;
mod limits;
mod search;

pub use axis::{AxisSettings, axes, plain_name};
pub use cells::{CvtSection, DominatedNoveltySection, LocalCompetitionSection};
pub use choices::{Algorithm, Duplicates, Operator};
pub use emitters::{
    BanditSettings, EmitterKind, EmitterSettings, ParentsName, RankingName, ReselectName, RestartName,
};
pub use islands::IslandSettings;
pub(crate) use limits::{MOST, MOST_STEPS};
pub use limits::{MOST_AXES, MOST_NAME, MOST_PLACES};
pub use search::SearchSettings;

use crate::Strategy;

/// Stored settings that earlier versions wrote, in the words of this one: random search was an algorithm, and is a
/// strategy on the same grid.
pub fn translate(table: &mut toml::Table) {
    let Some(toml::Value::Table(search)) = table.get_mut("search") else { return };
    let random = Strategy::RandomSearch;
    if search.get("algorithm").and_then(toml::Value::as_str) == Some(random.name()) {
        search.insert("algorithm".into(), "map_elites".into());
        search.insert("strategy".into(), random.name().into());
    }
}
