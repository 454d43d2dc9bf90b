//! How results are printed: what several commands share.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Output {
    /// How to print the result
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// Print no progress and no remarks
    #[arg(long)]
    pub quiet: bool,
}
