//! The arguments of `samara sodarace`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, builder::RangedU64ValueParser};
use samara_sodarace::{Law, Terrain, constants::MAX_MS};

use super::output::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum SodaraceCommand {
    /// Draw a creature and its walk, as a strip of frames (SVG) or a film (GIF)
    Render(Render),
    /// Check whether walkers are valid, what they look like and how far they walk
    Evaluate(EvaluateWalkers),
}

/// Which rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LawName {
    /// The corrected law: how far the centre of mass walks on the ground, in metres
    Paper,
    /// OpenELM's simulator, bit for bit
    #[value(name = "openelm")]
    OpenElm,
}

impl From<LawName> for Law {
    fn from(name: LawName) -> Self {
        match name {
            LawName::Paper => Self::Paper,
            LawName::OpenElm => Self::OpenElm,
        }
    }
}

/// What the ground looks like, as `environment.terrain` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TerrainName {
    Flat,
    #[value(name = "left_wall", alias = "left-wall")]
    LeftWall,
    #[value(name = "right_wall", alias = "right-wall")]
    RightWall,
    Tunnel,
    Bumps,
    Hills,
}

impl From<TerrainName> for Terrain {
    fn from(name: TerrainName) -> Self {
        match name {
            TerrainName::Flat => Self::Flat,
            TerrainName::LeftWall => Self::LeftWall,
            TerrainName::RightWall => Self::RightWall,
            TerrainName::Tunnel => Self::Tunnel,
            TerrainName::Bumps => Self::Bumps,
            TerrainName::Hills => Self::Hills,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Render {
    /// A run's folder; or a walker: a JSON file, a Python program that defines make_walker(), or the name of a seed
    pub source: PathBuf,
    /// The picture: a .svg file (a strip of frames) or a .gif file (a film)
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Of a run, the elite of this cell: its bin on every axis, such as 3,0,5 (counted from 0), or its number
    /// [default: the best elite]
    #[arg(long, value_name = "BINS")]
    pub cell: Option<String>,
    /// [default: the run's, or paper]
    #[arg(long, value_enum)]
    pub law: Option<LawName>,
    /// [default: the run's, or flat]
    #[arg(long, value_enum)]
    pub terrain: Option<TerrainName>,
    /// Simulated milliseconds [default: the run's, or 10000]
    #[arg(long, value_parser = milliseconds())]
    pub ms: Option<u32>,
    /// Frames of a strip
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub frames: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateWalkers {
    /// Walkers: JSON files, Python programs that define make_walker(), or names of seeds
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Which rules hold
    #[arg(long, value_enum, default_value = "paper")]
    pub law: LawName,
    /// What the ground looks like
    #[arg(long, value_enum, default_value = "flat")]
    pub terrain: TerrainName,
    /// Simulated milliseconds, of one or more evaluations
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "10000", value_parser = milliseconds())]
    pub ms: Vec<u32>,
    /// How to print; JSON has one object a line for each file, with every digit
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

fn milliseconds() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(0..=u64::from(MAX_MS))
}
