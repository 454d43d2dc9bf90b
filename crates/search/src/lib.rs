//! The pure search: ask for candidates, tell what became of them, the same archives at any concurrency.
//!
//! Read [`search`] first: it is the whole loop without the world. The other modules are what it is made of:
//!
//! - [`genome`], [`score`], [`artifact`], [`ticket`], [`candidate`]: the records that go out to workers, come back, and
//!   are stored and shown; [`film`]: an artifact for people, how a body has moved;
//! - [`population`]: archives with the genomes of their elites, and islands; [`replay`]: the same without an
//!   environment, for readers of a run; [`index`]: what workers may ask about the past;
//! - [`proposer`]: what an environment contributes, plans and a memory;
//! - [`emitting`]: the proposer of vectors, by emitters;
//! - [`ensemble`]: which of several generators writes a candidate; [`budget`]: what a run may spend; `stops`: when it has
//!   found what it was to find; [`control`]: what a person may change on the way; [`strategy`];
//! - [`settings`]: the `[search]` and `[[axes]]` sections; [`decode`](mod@decode): a section of TOML into its settings; [`schema`]:
//!   their ranges and JSON schema; [`invalid`]: what is said of a setting that can't be used;
//! - [`commanding`]: texts without characters that command a terminal;
//! - [`statistics`]: what compares runs; [`error`]: why a recorded run can't be folded.
//!
//! It knows no clock, thread, file, language model or sandbox.

pub mod artifact;
pub mod budget;
pub mod candidate;
pub mod commanding;
pub mod control;
pub mod decode;
pub mod emitting;
pub mod ensemble;
pub mod error;
pub mod film;
pub mod genome;
pub mod index;
pub mod invalid;
mod number;
pub mod population;
pub mod proposer;
pub mod replay;
pub mod schema;
pub mod score;
pub mod search;
pub mod settings;
pub mod statistics;
mod stops;
pub mod strategy;
pub mod ticket;

pub use artifact::{Artifact, ArtifactKind};
pub use budget::{BudgetSettings, Spending};
pub use candidate::{Candidate, Charge, Fate, FateCounts};
pub use control::{Change, Limit, Limits, Order, Scheduled};
pub use decode::{decode, nearest};
pub use emitting::Emitting;
pub use ensemble::{Choose, CostUnit, Ensemble, EnsembleSettings, Gain, Standing, Trial};
pub use error::FoldError;
pub use film::Film;
pub use genome::{ContentDigest, Files, FilesError, Genome, number_list};
pub use index::{Index, Resident};
pub use invalid::Invalid;
pub use population::{Island, Migration, Move, Placement, Population};
pub use proposer::{Proposer, View};
pub use replay::Replay;
pub use score::Score;
pub use search::{Ask, End, Search, Settled, Setup};
pub use settings::{
    Algorithm, AxisSettings, BanditSettings, CvtSection, DominatedNoveltySection, Duplicates, EmitterKind,
    EmitterSettings, IslandSettings, LocalCompetitionSection, Operator, ParentsName, RankingName,
    ReselectName, RestartName, SearchSettings,
};
pub use statistics::{Interval, Resamples};
pub use strategy::Strategy;
pub use ticket::{Finished, Outcome, Parent, Plan, Ticket, Unscored};
