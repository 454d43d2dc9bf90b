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

/// A terrain as `environment.terrain` has it: a name, or a table such as `{ kind = "tunnel", height = 60 }`.
fn terrain(text: &str) -> Result<Terrain, String> {
    let text = text.trim();
    let value =
        if text.starts_with('{') { text.to_owned() } else { format!("\"{}\"", text.replace('"', "")) };
    let read = format!("terrain = {value}").parse::<toml::Table>();
    let value = read.map_err(|error| error.message().to_owned())?.remove("terrain");
    let terrain: Option<Terrain> = value.and_then(|value| value.try_into().ok());
    let terrain = terrain.ok_or_else(|| {
        "the terrains are flat, left_wall, right_wall, tunnel, bumps, hills, rough, and tables such as { kind = \
         \"tunnel\", height = 60 } or { custom = [[[x, y], ...]] }"
            .to_owned()
    })?;
    terrain.fault().map_or(Ok(terrain), |fault| Err(fault.to_owned()))
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
    /// A name such as rough, or a table such as '{ kind = "tunnel", height = 60 }' [default: the run's first, or flat]
    #[arg(long, value_parser = terrain)]
    pub terrain: Option<Terrain>,
    /// Simulated milliseconds [default: the run's, or 10000]
    #[arg(long, value_parser = milliseconds())]
    pub ms: Option<u32>,
    /// Frames of a strip
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub frames: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateWalkers {
    /// Walkers: JSON files, Python programs that define make_walker(), names of seeds, or runs' folders: every program
    /// that entered their archives
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Which rules hold
    #[arg(long, value_enum, default_value = "paper")]
    pub law: LawName,
    /// A name such as rough, or a table such as '{ kind = "tunnel", height = 60 }' (repeatable)
    #[arg(long, value_parser = terrain, default_value = "flat")]
    pub terrain: Vec<Terrain>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terrain_is_a_name_or_a_table() {
        assert_eq!(terrain("left-wall"), Ok(Terrain::LeftWall));
        assert_eq!(terrain("rough"), Ok(Terrain::Rough));
        assert!(matches!(terrain("{ kind = \"tunnel\", height = 60 }"), Ok(Terrain::Shaped(_))));
        assert!(matches!(terrain("{ custom = [[[-9, 0], [9, 0]]] }"), Ok(Terrain::Custom(_))));
        for bad in ["", "lake", "{", "{ kind = \"lake\" }", "{ kind = \"tunnel\", height = -1 }", "custom"] {
            assert!(terrain(bad).is_err(), "{bad}");
        }
    }
}
