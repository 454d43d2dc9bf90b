//! The arguments of a dashboard along with a run, and of `samara control`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;
use samara_search::{Limit, Order};

use super::{Format, finite, offers};

/// A dashboard along with a run, and what is asked of the run. Neither changes the result but by what is recorded.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Dashboard")]
pub(crate) struct Watch {
    /// Open a dashboard of this run along with it, at an address such as 127.0.0.1:8080 or at a port [default: a free
    /// port of this machine alone]
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:0", value_parser = address)]
    pub serve: Option<String>,
    /// Let that dashboard ask things of the run: finish, stop, raise a budget, a note above prompts
    #[arg(long, requires = "serve")]
    pub control: bool,
    /// Ask of this run what was asked of another one while it went on, at the same candidates
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(offers::runs))]
    pub controls_of: Option<PathBuf>,
}

/// The arguments of `samara control`.
#[derive(Debug, clap::Args)]
pub(crate) struct Control {
    /// The folder of a run that goes on
    #[arg(add = ArgValueCompleter::new(offers::runs))]
    pub run: PathBuf,
    #[command(subcommand)]
    pub what: Asked,
    /// How to print
    #[arg(long, value_enum, default_value = "human", global = true)]
    pub format: Format,
}

/// What can be asked of a run.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub(crate) enum Asked {
    /// Begin no further candidate, finish those that are being made, and end
    Finish,
    /// End once so many more candidates are settled; those that have begun are made in any case
    StopAfter {
        /// Candidates
        #[arg(value_name = "N")]
        more: u64,
    },
    /// Raise a limit of the run
    Budget {
        /// Which limit
        #[arg(value_enum)]
        limit: LimitName,
        /// What it becomes
        #[arg(value_name = "AMOUNT", value_parser = amount)]
        to: f64,
    },
    /// Put a note above the prompts of models that answer in a chat, from the next candidate on, in the place of an
    /// earlier one; an empty one takes it away
    Note {
        /// What they are told, 4,000 characters at most
        text: String,
    },
}

/// A limit of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LimitName {
    /// Candidates in all (search.total_steps)
    Candidates,
    /// Model calls (search.budget.calls)
    Calls,
    /// Tokens, in and out (search.budget.tokens)
    Tokens,
    /// Money (search.budget.money)
    Money,
    /// Seconds of a session (search.budget.wall_time_s)
    Time,
}

impl Asked {
    /// As the run is asked it.
    pub(crate) fn order(&self) -> Order {
        match self {
            Self::Finish => Order::Finish,
            Self::StopAfter { more } => Order::StopAfter(*more),
            Self::Note { text } => Order::Note(text.clone()),
            Self::Budget { limit, to } => Order::Budget(match limit {
                // A float holds every count that a run may have.
                LimitName::Candidates => Limit::Candidates(*to as u64),
                LimitName::Calls => Limit::Calls(*to as u64),
                LimitName::Tokens => Limit::Tokens(*to as u64),
                LimitName::Money => Limit::Money(*to),
                LimitName::Time => Limit::Time(*to),
            }),
        }
    }
}

fn amount(text: &str) -> Result<f64, String> {
    let amount = finite(&text.replace('_', "")).ok().filter(|amount| *amount > 0.0);
    amount.ok_or_else(|| "write a number above 0, such as 500".to_owned())
}

/// `HOST:PORT`, or the port alone.
fn address(text: &str) -> Result<String, String> {
    let port = |text: &str| text.parse::<u16>().is_ok();
    if port(text) {
        return Ok(format!("127.0.0.1:{text}"));
    }
    match text.rsplit_once(':') {
        Some((host, after)) if !host.is_empty() && port(after) => Ok(text.to_owned()),
        _ => Err("write 127.0.0.1:8080 or 8080; what is run stands before --serve".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_a_port_of_this_machine() {
        for (text, read) in [("8080", "127.0.0.1:8080"), ("0.0.0.0:1", "0.0.0.0:1"), ("[::1]:0", "[::1]:0")] {
            assert_eq!(address(text).as_deref(), Ok(read));
        }
        for text in ["opinions", "", ":80", "host:", "host:99999", "-1", "a:b"] {
            assert!(address(text).is_err(), "{text}");
        }
        let budget = Asked::Budget { limit: LimitName::Calls, to: 5e14 };
        assert_eq!(budget.order(), Order::Budget(Limit::Calls(500_000_000_000_000)));
        assert!(amount("0").is_err() && amount("inf").is_err() && amount("1_000") == Ok(1000.0));
    }
}
