//! Running programs that models write: the `[sandbox]` section, and what a candidate's life gets of the sandbox.

use std::{path::PathBuf, sync::Arc, time::Duration};

use samara_sandbox::{Isolation, Job, Limits, Sandbox, SandboxError, SandboxOptions, Tier, Verdict};
use samara_search::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::remote::{self, Remote};

/// The `[sandbox]` section: how programs are isolated, and what each may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub struct SandboxSettings {
    /// A sandbox server that runs the programs in place of this machine: the address of `samara sandbox serve`, or of a
    /// server with OpenELM's routes, such as `http://127.0.0.1:5000`. Of its own isolation the first kind tells the tier.
    /// Default: programs run here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The environment variable that holds the server's bearer token, for `server`. Default: none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// How strongly programs are isolated. Default: the strongest tier that works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The weakest of these tiers that is acceptable; a run refuses to start below it. Default `landlock`.
    pub minimum_tier: Tier,
    /// Says that all programs are trusted: without it the tier `process`, which isolates nothing, is refused.
    /// Default false.
    pub trust_code: bool,
    /// An interpreter or a virtual environment; a relative path starts at the experiment's file. Default: the first
    /// `python3` on `PATH` that works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PathBuf>,
    /// Whether programs start with numpy, if the interpreter has it. Default true.
    pub numpy: bool,
    /// Programs that run at once, 1 to 1024, and no more than 64 or eight for each CPU of the machine; never changes a
    /// result. Default: the number of CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_SERVERS))]
    pub servers: Option<usize>,
    /// CPU seconds of a program, above 0 to 3600. Default 2.
    #[schemars(range(max = 3600.0), extend("exclusiveMinimum" = 0))]
    pub cpu_s: f64,
    /// Wall seconds of a program, above 0 to 36000: for programs that sleep. Default 20.
    #[schemars(range(max = 36_000.0), extend("exclusiveMinimum" = 0))]
    pub wall_s: f64,
    /// Memory of a program in MiB, beyond what the idle interpreter has; 16 to 1048576. Default 256.
    #[schemars(range(min = 16, max = MOST_MB))]
    pub memory_mb: u64,
    /// Files of a program in MiB (in the tier `jail`; the others have none), up to 1048576. Default 16.
    #[schemars(range(min = 0, max = MOST_MB))]
    pub scratch_mb: u64,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            server: None,
            token_env: None,
            tier: None,
            minimum_tier: Tier::Landlock,
            trust_code: false,
            python: None,
            numpy: true,
            servers: None,
            cpu_s: 2.0,
            wall_s: 20.0,
            memory_mb: 256,
            scratch_mb: 16,
        }
    }
}

impl SandboxSettings {
    /// Checks its values.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), Invalid> {
        let bad = |key: &str, what: String, hint: &str| {
            Err(Invalid::new(format!("sandbox.{key}"), format!("is {what}"), hint))
        };
        let weakest = self.tier.map_or(self.minimum_tier, |tier| tier.min(self.minimum_tier));
        if weakest == Tier::Process && !self.trust_code {
            let key = if self.tier == Some(Tier::Process) { "tier" } else { "minimum_tier" };
            let hint =
                "use landlock or jail; only if you trust every program that will run, add trust_code = true";
            return bad(key, "process, which isolates nothing".into(), hint);
        }
        if let Some(Err(why)) = self.server.as_deref().map(remote::address) {
            let hint =
                "write an address such as http://127.0.0.1:5000, and a token's variable in sandbox.token_env";
            return Err(Invalid::new("sandbox.server", format!("can't be used: {why}"), hint));
        }
        if self.server.is_none() && self.token_env.is_some() {
            return Err(Invalid::new(
                "sandbox.token_env",
                "is for sandbox.server",
                "name a server, or remove it",
            ));
        }
        if !(self.cpu_s > 0.0 && self.cpu_s <= 3600.0) {
            return bad("cpu_s", self.cpu_s.to_string(), "set it above 0, to 3600 at most");
        }
        if !(self.wall_s > 0.0 && self.wall_s <= 36_000.0) {
            return bad("wall_s", self.wall_s.to_string(), "set it above 0, to 36000 at most");
        }
        if !(16..=MOST_MB).contains(&self.memory_mb) {
            return bad("memory_mb", self.memory_mb.to_string(), "set it to 16 or more; 256 is the default");
        }
        if self.scratch_mb > MOST_MB {
            return bad("scratch_mb", self.scratch_mb.to_string(), "16 is the default");
        }
        match self.servers {
            Some(servers) if !(1..=MOST_SERVERS).contains(&servers) => {
                bad("servers", servers.to_string(), "set it to 1 to 1024, or leave it out")
            }
            Some(servers) if servers > most_servers(cpus()) => {
                let what = format!("{servers}, and this machine has {} CPUs", cpus());
                let hint = format!("set it to 1 to {} here, or leave it out", most_servers(cpus()));
                bad("servers", what, &hint)
            }
            _ => Ok(()),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            cpu: Duration::from_secs_f64(self.cpu_s),
            wall: Duration::from_secs_f64(self.wall_s),
            memory: self.memory_mb << 20,
            scratch_bytes: self.scratch_mb << 20,
            ..Limits::default()
        }
    }
}

const MOST_MB: u64 = 1 << 20;

/// The most servers on any machine.
const MOST_SERVERS: usize = 1024;

/// The most servers on a machine with so many CPUs: more only wait for each other, and take minutes to start.
fn most_servers(cpus: usize) -> usize {
    cpus.saturating_mul(8).clamp(64, MOST_SERVERS)
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A started sandbox and what each program may use. Clones share the sandbox.
#[derive(Debug, Clone)]
pub struct Programs {
    place: Place,
    limits: Limits,
}

/// Where programs run.
#[derive(Debug, Clone)]
enum Place {
    Here(Arc<Sandbox>),
    There(Remote),
}

impl Programs {
    /// Starts the fork servers, or greets the server that the settings name; blocks until it takes programs.
    ///
    /// # Errors
    /// If no acceptable tier works here, or the server can't be used.
    pub fn start(settings: &SandboxSettings) -> Result<Self, SandboxError> {
        let limits = settings.limits();
        if let Some(server) = &settings.server {
            return Ok(Self { place: Place::There(greeted(server, settings)?), limits });
        }
        let defaults = SandboxOptions::default();
        let sandbox = Sandbox::start(&SandboxOptions {
            tier: settings.tier,
            minimum: settings.minimum_tier,
            python: settings.python.clone(),
            numpy: settings.numpy,
            servers: settings.servers.unwrap_or(defaults.servers),
            ..defaults
        })?;
        Ok(Self { place: Place::Here(Arc::new(sandbox)), limits })
    }

    /// The isolation that programs run in.
    pub fn isolation(&self) -> Isolation {
        match &self.place {
            Place::Here(sandbox) => sandbox.isolation(),
            Place::There(remote) => remote.isolation(),
        }
    }

    /// A call of `entry` in `program` under the run's limits.
    pub fn job(&self, program: impl Into<String>, entry: impl Into<String>) -> Job {
        Job { limits: self.limits, ..Job::new(program, entry) }
    }

    /// Runs a job on this thread, which must be one that may block.
    pub(crate) fn run_here(&self, job: &Job) -> Result<Verdict, SandboxError> {
        match &self.place {
            Place::Here(sandbox) => sandbox.run(job),
            Place::There(remote) => tokio::runtime::Handle::current().block_on(remote.run(job)),
        }
    }

    /// Runs a job on a thread that may block, or on the server.
    pub(crate) async fn run(&self, job: Job) -> Result<Verdict, SandboxError> {
        let sandbox = match &self.place {
            Place::Here(sandbox) => Arc::clone(sandbox),
            Place::There(remote) => return remote.run(&job).await,
        };
        let running = tokio::task::spawn_blocking(move || sandbox.run(&job));
        running.await.unwrap_or_else(|error| Err(SandboxError::Server(error.to_string())))
    }
}

/// The server that runs programs, if it isolates them as well as is asked. Of one with OpenELM's routes nothing is known:
/// who names it answers for it.
fn greeted(server: &str, settings: &SandboxSettings) -> Result<Remote, SandboxError> {
    let variable = |name: &String| {
        let token = std::env::var(name).ok().filter(|token| !token.is_empty());
        token
            .ok_or_else(|| SandboxError::Setting(format!("sandbox.token_env names {name}, which is not set")))
    };
    let token = settings.token_env.as_ref().map(variable).transpose()?;
    let remote = Remote::start(server, token.as_deref(), settings.servers.unwrap_or_else(cpus))?;
    let (tier, minimum) = (remote.isolation().tier, settings.minimum_tier);
    if remote.tells_its_tier() && tier < minimum {
        let why = format!("its tier is {tier}, and sandbox.minimum_tier is {minimum}");
        return Err(SandboxError::Remote(why));
    }
    Ok(remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(change: impl FnOnce(&mut SandboxSettings)) -> String {
        let mut settings = SandboxSettings::default();
        change(&mut settings);
        settings.validate().expect_err("must be refused").key
    }

    #[test]
    fn no_isolation_needs_a_word_of_trust() {
        assert_eq!(key_of(|s| s.tier = Some(Tier::Process)), "sandbox.tier");
        assert_eq!(key_of(|s| s.minimum_tier = Tier::Process), "sandbox.minimum_tier");
        let trusted = SandboxSettings {
            tier: Some(Tier::Process),
            minimum_tier: Tier::Process,
            trust_code: true,
            ..SandboxSettings::default()
        };
        assert_eq!(trusted.validate(), Ok(()));
    }

    #[test]
    fn limits_that_mean_nothing_name_their_key() {
        assert_eq!(key_of(|s| s.cpu_s = 0.0), "sandbox.cpu_s");
        assert_eq!(key_of(|s| s.cpu_s = f64::NAN), "sandbox.cpu_s");
        assert_eq!(key_of(|s| s.wall_s = f64::INFINITY), "sandbox.wall_s");
        assert_eq!(key_of(|s| s.memory_mb = 1), "sandbox.memory_mb");
        assert_eq!(key_of(|s| s.scratch_mb = u64::MAX), "sandbox.scratch_mb");
        assert_eq!(key_of(|s| s.servers = Some(0)), "sandbox.servers");
        assert_eq!(key_of(|s| s.server = Some("localhost:5000".into())), "sandbox.server");
        assert_eq!(key_of(|s| s.token_env = Some("TOKEN".into())), "sandbox.token_env");
        assert_eq!(key_of(|s| s.servers = Some(1025)), "sandbox.servers");
        assert_eq!(SandboxSettings::default().validate(), Ok(()));
    }

    #[test]
    fn servers_are_as_many_as_a_machine_can_start() {
        assert_eq!([1, 8, 9, 127, 128, 500].map(most_servers), [64, 64, 72, 1016, 1024, 1024]);
        let with = |servers| SandboxSettings { servers: Some(servers), ..SandboxSettings::default() };
        assert_eq!(with(most_servers(cpus())).validate(), Ok(()));
        let more = with(most_servers(cpus()) + 1).validate().expect_err("too many").to_string();
        assert!(more.contains("sandbox.servers") && more.contains("hint: "), "{more}");
    }
}
