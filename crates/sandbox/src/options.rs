//! How a sandbox is set up.

use crate::tier::Tier;
use std::path::PathBuf;

/// How to run programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxOptions {
    /// The tier to use; the strongest that works if none is given.
    pub tier: Option<Tier>,
    /// The weakest tier that is acceptable. [`Tier::Process`] isolates nothing: only for code that you trust.
    /// Default: [`Tier::Landlock`].
    pub minimum: Tier,
    /// An interpreter or a virtual environment; the first python3 on PATH that works if none is given.
    pub python: Option<PathBuf>,
    /// Whether to load numpy if the interpreter has it: programs start with it, and servers take its memory.
    /// Default: yes.
    pub numpy: bool,
    /// Fork servers, which is how many programs run at once. Default: the number of CPUs.
    pub servers: usize,
    /// How much programs stand back behind other processes of the machine, as `nice` says it: 0 to 19. A server that must
    /// answer while programs spin wants more than 0. Default: 0.
    pub niceness: u8,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        let servers = std::thread::available_parallelism().map_or(1, usize::from);
        Self { tier: None, minimum: Tier::Landlock, python: None, numpy: true, servers, niceness: 0 }
    }
}
