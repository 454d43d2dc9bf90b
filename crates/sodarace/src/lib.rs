//! Sodarace creatures.

mod body;
pub mod constants;
mod contact;
mod distance;
mod evaluation;
mod ground;
mod island;
mod joint;
mod law;
mod morphology;
mod piece;
mod schedule;
mod state;
mod substep;
pub mod terrain;
mod toi;
mod vector;
mod walker;
mod world;

pub use evaluation::{Evaluation, Settings, Verdict, evaluate};
pub use law::Law;
pub use morphology::{Morphology, morphology};
pub use terrain::Terrain;
pub use walker::{Kind, Muscle, Rejection, Walker};
pub use world::{Connection, Settling, World};
