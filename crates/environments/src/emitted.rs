//! What proposed the vectors of a run that is over or goes on elsewhere, for whoever shows what a bandit among its emitters
//! has learnt: they are told the run's candidates again.

use samara_search::{Emitting, SearchSettings, schema};
use toml::Table;

use crate::{function, functions};

/// Numbers that the emitters keep at most: a recorded run may be anybody's, and is read on a whim.
const MOST_NUMBERS: usize = 1 << 22;

/// The emitters of a run of the environment `name`, whose section this is. `None` where no bandit chooses among them, or
/// they are larger than a reader takes on.
pub fn emitted(name: &str, section: &Table, search: &SearchSettings) -> Option<Emitting> {
    search.bandit?;
    match name {
        function::NAME => {
            let settings: function::FunctionSettings = schema::read(section, "environment").ok()?;
            fits(search, settings.dimensions)?;
            function::emitting(search, &settings).ok()?
        }
        functions::NAME => {
            let settings: functions::FunctionsSettings = schema::read(section, "environment").ok()?;
            fits(search, settings.dimensions)?;
            functions::emitting(search, &settings).ok()
        }
        _ => None,
    }
}

/// Whether they are few enough, as if each kept a whole matrix and its eigensystem.
fn fits(search: &SearchSettings, dims: usize) -> Option<()> {
    let count = search.emitters.iter().try_fold(0_usize, |all, emitter| all.checked_add(emitter.count))?;
    let numbers = dims.checked_mul(dims)?.checked_mul(count)?;
    (dims > 0 && numbers <= MOST_NUMBERS).then_some(())
}

#[cfg(test)]
mod tests {
    use samara_search::{BanditSettings, EmitterKind, EmitterSettings};

    use super::*;

    #[test]
    fn a_run_of_vectors_has_its_emitters_again_where_a_bandit_chooses_and_they_are_not_too_large() {
        let emitters = vec![EmitterSettings { count: 3, ..EmitterSettings::new(EmitterKind::CmaEs) }];
        let bandit =
            Some(BanditSettings { active: 1, zeta: 0.05, reselect: samara_search::ReselectName::All });
        let search = SearchSettings { emitters, bandit, ..SearchSettings::default() };
        let section =
            |dimensions: usize| format!("dimensions = {dimensions}\n").parse::<Table>().expect("TOML");
        for name in [function::NAME, functions::NAME] {
            let found = emitted(name, &section(6), &search).expect("emitters");
            assert_eq!(found.scheduler().bandit().expect("a bandit").standings().count(), 3);
            assert!(emitted(name, &section(2000), &search).is_none());
            assert!(emitted(name, &section(6), &SearchSettings { bandit: None, ..search.clone() }).is_none());
        }
        assert!(emitted("image", &section(6), &search).is_none());
    }
}
