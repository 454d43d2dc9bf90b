//! How strongly programs are isolated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A kind of isolation, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Limits, timeouts and an empty environment. No security: for code that you trust.
    Process,
    /// The limits, a list of allowed system calls, and Landlock: programs can read the interpreter's library and write
    /// nothing, on every version of Landlock: what an older one does not govern, the list refuses. They can see that
    /// other files and processes exist, and their sizes, owners and times: Landlock does not govern that.
    /// Threads are limited for the user, not for the program: all of the user's other threads when a server started,
    /// and 256 more.
    Landlock,
    /// The limits and the list in namespaces of their own, with a root that has nothing else in it, and a scratch
    /// directory. Landlock's rules are there too if the kernel has them; they hold nothing here that the rest does not.
    Jail,
}

impl Tier {
    /// All tiers, strongest first: the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Jail, Self::Landlock, Self::Process];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Landlock => "landlock",
            Self::Jail => "jail",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|tier| tier.name() == text);
        known.ok_or_else(|| format!("there is no tier {text:?}\nhint: use jail, landlock or process"))
    }
}
