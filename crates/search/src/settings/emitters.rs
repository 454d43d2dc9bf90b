//! The `[[search.emitters]]` and `[search.bandit]` sections.

use samara_qd::emitters::{Parents, Ranking, Reselect, Restart};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::{MOST, MOST_STEPS};
use crate::Invalid;

/// The most emitters, all counts together.
const MOST_EMITTERS: usize = 1000;
/// The most candidates of an emitter in a generation.
const MOST_BATCH: usize = 65_536;

/// One `[[search.emitters]]` entry: what proposes vectors. See the guide on emitters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct EmitterSettings {
    /// How it proposes.
    pub kind: EmitterKind,
    /// How many of its kind there are, each on its own. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = MOST_EMITTERS))]
    pub count: usize,
    /// Its candidates in a generation; 2 or more of an evolution strategy. Default 36.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = MOST_BATCH))]
    pub batch: usize,
    /// Standard deviation of a step: all of it for `gaussian`, the part that has no direction for `iso_line`, the one that
    /// an evolution strategy begins with. Above 0. Default 0.5.
    #[serde(default = "sigma")]
    #[schemars(range(max = MOST), extend("exclusiveMinimum" = 0))]
    pub sigma: f64,
    /// `iso_line`: the standard deviation of the step along the line to another elite, as a part of the way to it. Above
    /// 0. Default 0.2.
    #[serde(default = "line_sigma", skip_serializing_if = "is_line_sigma")]
    #[schemars(range(max = MOST), extend("exclusiveMinimum" = 0))]
    pub line_sigma: f64,
    /// An evolution strategy: how its candidates are ranked. Default `two_stage`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ranking: RankingName,
    /// An evolution strategy: which candidates it follows. Default `accepted`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parents: ParentsName,
    /// An evolution strategy: when it begins anew at a random elite. Default `no_improvement`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restart: RestartName,
    /// An evolution strategy: begin anew after so many generations instead. Default: as `restart` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub restart_every: Option<u64>,
}

/// How an emitter proposes vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmitterKind {
    /// A Gaussian step from a random elite (MAP-Elites).
    Gaussian,
    /// A Gaussian step from a random elite, and one along the line to another (Vassiliades & Mouret 2018, arXiv 1804.03906).
    IsoLine,
    /// An evolution strategy whose normal distribution learns a whole covariance matrix (CMA-ES; Hansen 2016, arXiv
    /// 1604.00772). For up to a few hundred coordinates.
    CmaEs,
    /// The same with a diagonal (Ros & Hansen 2008), for many coordinates.
    SepCmaEs,
}

/// How an evolution strategy ranks its candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RankingName {
    /// What filled an empty cell first, then what improved one, then the rest; within each by improvement (CMA-ME; Fontaine
    /// et al. 2020, arXiv 1912.02400).
    #[default]
    TwoStage,
    /// By improvement: the objective minus the cell's threshold (CMA-MAE; Fontaine & Nikolaidis 2023, arXiv 2205.10752).
    Improvement,
    /// By the objective alone.
    Objective,
}

/// Which candidates of a generation an evolution strategy follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParentsName {
    /// All that entered the archive (CMA-ME).
    #[default]
    Accepted,
    /// The better half (CMA-MAE).
    Half,
}

/// When an evolution strategy begins anew at a random elite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestartName {
    /// Once none of a generation entered the archive, or it has converged (CMA-ME).
    #[default]
    NoImprovement,
    /// Once it has converged (CMA-MAE).
    Convergence,
}

/// The `[search.bandit]` section: a bandit chooses the emitters of every generation by UCB1 (ME-MAP, Cully 2021, arXiv
/// 2007.05352).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct BanditSettings {
    /// How many emitters propose each generation, 1 to all.
    #[schemars(range(min = 1, max = MOST_EMITTERS))]
    pub active: usize,
    /// What doubt about an emitter is worth against the part of its candidates that enter the archive, 0 or more. Default
    /// 0.05.
    #[serde(default = "zeta")]
    #[schemars(range(min = 0.0, max = MOST))]
    pub zeta: f64,
    /// Whose places are given away after a generation. Default `terminated`.
    #[serde(default)]
    pub reselect: ReselectName,
}

/// Whose places a bandit gives away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReselectName {
    /// Those of emitters that have begun anew; `gaussian` and `iso_line` always do.
    #[default]
    Terminated,
    /// All.
    All,
}

fn one() -> usize {
    1
}

fn batch() -> usize {
    36
}

fn sigma() -> f64 {
    0.5
}

fn line_sigma() -> f64 {
    0.2
}

fn zeta() -> f64 {
    0.05
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_line_sigma(sigma: &f64) -> bool {
    *sigma == line_sigma()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl EmitterSettings {
    /// One emitter of a kind, with the defaults.
    pub fn new(kind: EmitterKind) -> Self {
        Self {
            kind,
            count: one(),
            batch: batch(),
            sigma: sigma(),
            line_sigma: line_sigma(),
            ranking: RankingName::default(),
            parents: ParentsName::default(),
            restart: RestartName::default(),
            restart_every: None,
        }
    }

    /// When it begins anew.
    pub(crate) fn restart(&self) -> Restart {
        match (self.restart_every, self.restart) {
            (Some(generations), _) => Restart::Every(generations),
            (None, RestartName::NoImprovement) => Restart::NoImprovement,
            (None, RestartName::Convergence) => Restart::Convergence,
        }
    }
}

impl From<RankingName> for Ranking {
    fn from(name: RankingName) -> Self {
        match name {
            RankingName::TwoStage => Self::TwoStage,
            RankingName::Improvement => Self::Improvement,
            RankingName::Objective => Self::Objective,
        }
    }
}

impl From<ParentsName> for Parents {
    fn from(name: ParentsName) -> Self {
        match name {
            ParentsName::Accepted => Self::Accepted,
            ParentsName::Half => Self::Half,
        }
    }
}

impl From<ReselectName> for Reselect {
    fn from(name: ReselectName) -> Self {
        match name {
            ReselectName::Terminated => Self::Terminated,
            ReselectName::All => Self::All,
        }
    }
}

/// Checks what does not depend on the vectors.
pub(super) fn validate(emitters: &[EmitterSettings], bandit: Option<&BanditSettings>) -> Result<(), Invalid> {
    let count = emitters.iter().fold(0_usize, |all, emitter| all.saturating_add(emitter.count));
    if count > MOST_EMITTERS {
        let what = format!("there are {count} emitters");
        return Err(Invalid::new("search.emitters", what, format!("use {MOST_EMITTERS} at most")));
    }
    for (i, emitter) in emitters.iter().enumerate() {
        let strategy = matches!(emitter.kind, EmitterKind::CmaEs | EmitterKind::SepCmaEs);
        if strategy && emitter.batch < 2 {
            let key = format!("search.emitters[{i}].batch");
            return Err(Invalid::new(
                key,
                "is less than 2",
                "an evolution strategy ranks two or more; 36 is the default",
            ));
        }
    }
    match bandit {
        Some(bandit) if bandit.active == 0 || bandit.active > count => {
            let what = format!("is {}, but there are {count} emitters", bandit.active);
            Err(Invalid::new(
                "search.bandit.active",
                what,
                "set it from 1 to the number of [[search.emitters]]",
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SearchSettings;

    #[test]
    fn emitters_that_cannot_be_name_their_key() {
        let key = |text: &str| {
            let settings: SearchSettings = toml::from_str(text).expect("settings");
            settings.validate().expect_err("must be refused").key
        };
        assert_eq!(key("[[emitters]]\nkind = \"cma_es\"\nbatch = 1"), "search.emitters[0].batch");
        assert_eq!(key("[[emitters]]\nkind = \"gaussian\"\ncount = 1001"), "search.emitters");
        assert_eq!(key("[bandit]\nactive = 1"), "search.bandit.active");
        assert_eq!(
            key("[bandit]\nactive = 3\n[[emitters]]\nkind = \"iso_line\"\ncount = 2"),
            "search.bandit.active"
        );
    }

    #[test]
    fn emitters_read_as_they_are_written_and_settings_without_them_stay_as_they_were() {
        let emitter = EmitterSettings {
            ranking: RankingName::Improvement,
            parents: ParentsName::Half,
            restart: RestartName::Convergence,
            count: 15,
            ..EmitterSettings::new(EmitterKind::CmaEs)
        };
        let bandit = BanditSettings { active: 2, zeta: 0.1, reselect: ReselectName::All };
        let settings =
            SearchSettings { emitters: vec![emitter], bandit: Some(bandit), ..SearchSettings::default() };
        let text = toml::to_string(&settings).expect("TOML");
        assert_eq!(toml::from_str::<SearchSettings>(&text).expect("settings"), settings);
        let plain = toml::to_string(&SearchSettings::default()).expect("TOML");
        assert!(!plain.contains("emitters") && !plain.contains("bandit"), "{plain}");
    }
}
