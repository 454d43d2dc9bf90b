//! The `[workers]` section: where a run meets its workers. It never changes a result.

use samara_search::{Invalid, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::figures;
use crate::args::Workers;

/// Characters of a label at most.
const MOST_LABEL: u64 = 100;
/// Labels at most.
const MOST_LABELS: u64 = 100;
/// Characters of an address at most.
const MOST_ADDRESS: u64 = 1000;

/// The `[workers]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub(crate) struct WorkerSettings {
    /// Where workers are met: an address to listen on, such as `http://0.0.0.0:7000`, or a NATS server with JetStream,
    /// such as `nats://HOST:4222` (`samara run --workers`). Default: evaluations run here alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MOST_ADDRESS))]
    pub address: Option<String>,
    /// Who asks the run's models, its generator, judge and embedder alike (`samara run --worker-write`).
    pub write: Write,
    /// Evaluations at once here, beside those of workers. Default: the number of CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4096))]
    pub local_slots: Option<u16>,
    /// Where figures of the workers are served for Prometheus: a port of this machine, such as `7001`, or an address, such
    /// as `0.0.0.0:7001` (`samara run --worker-metrics`). Default: nowhere but at an `http://` address of `address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MOST_ADDRESS))]
    pub metrics: Option<String>,
    /// What a worker must say of itself, such as `["gpu"]`. Default: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_LABELS), inner(length(max = MOST_LABEL)))]
    pub labels: Vec<String>,
    /// The share of workers' results that is evaluated again here, 0 to 1; a difference ends the run.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub verify: f64,
    /// Seconds of silence after which a worker counts as lost, and others get what it had.
    #[schemars(range(min = 0.1, max = 1e7))]
    pub lease_s: f64,
    /// Seconds after which a candidate that a worker has is given to others though the worker lives.
    #[schemars(range(min = 0.1, max = 1e7))]
    pub deadline_s: f64,
    /// How often a candidate may be lost with workers before that ends the run.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub losses: u32,
}

/// Who asks a run's models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Write {
    /// The machine that drives the run.
    #[default]
    Local,
    /// Workers that have them.
    Remote,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            address: None,
            write: Write::Local,
            local_slots: None,
            metrics: None,
            labels: Vec::new(),
            verify: 0.0,
            lease_s: 30.0,
            deadline_s: 3600.0,
            losses: 5,
        }
    }
}

/// The `[workers]` section.
pub(crate) fn workers(section: &Table) -> Result<WorkerSettings, Invalid> {
    let settings: WorkerSettings = schema::read(section, "workers")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if let Some(bad) = settings.labels.iter().find(|label| label.is_empty() || !label.bytes().all(plain)) {
        let what = format!("`{}` is no label", samara_search::commanding::one_line(bad));
        return Err(Invalid::new("workers.labels", what, "letters, digits, `-`, `_` and `.`"));
    }
    if settings.address.as_ref().is_some_and(|address| address.contains('@')) {
        let hint = "the variables SAMARA_NATS_USER and SAMARA_NATS_PASSWORD";
        return Err(Invalid::new("workers.address", "holds a password, which would be recorded", hint));
    }
    if let Some(Err(hint)) = settings.metrics.as_deref().map(figures::address) {
        return Err(Invalid::new("workers.metrics", "is no port and no address", hint));
    }
    Ok(settings)
}

impl WorkerSettings {
    /// These settings with what the command line says instead.
    #[must_use]
    pub(crate) fn with(mut self, args: &Workers) -> Self {
        self.address = args.listen.clone().or(self.address);
        self.write = args.worker_write.unwrap_or(self.write);
        self.local_slots = args.local_slots.or(self.local_slots);
        self.metrics = args.worker_metrics.map(|address| address.to_string()).or(self.metrics);
        if !args.worker_labels.is_empty() {
            self.labels.clone_from(&args.worker_labels);
        }
        self.verify = args.verify.unwrap_or(self.verify);
        self.lease_s = args.worker_lease.unwrap_or(self.lease_s);
        self.deadline_s = args.worker_deadline.unwrap_or(self.deadline_s);
        self.losses = args.worker_losses.unwrap_or(self.losses);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_over_the_settings() {
        let section = "address = \"nats://h:4222\"\nverify = 0.5\nlabels = [\"gpu\"]\nlocal_slots = 0";
        let settings = workers(&section.parse().expect("TOML")).expect("good settings");
        let args = Workers { verify: Some(0.25), ..Workers::default() };
        let with = settings.clone().with(&args);
        assert_eq!((with.verify, with.address.as_deref()), (0.25, Some("nats://h:4222")));
        assert_eq!((with.labels, with.local_slots, with.lease_s), (vec!["gpu".to_owned()], Some(0), 30.0));
        let args = Workers { listen: Some("http://h:1".to_owned()), ..Workers::default() };
        assert_eq!(settings.with(&args).address.as_deref(), Some("http://h:1"));
    }

    #[test]
    fn settings_that_mean_nothing_name_their_key() {
        let key = |text: &str| workers(&text.parse().expect("TOML")).expect_err("must be refused").key;
        assert_eq!(key("verify = 2"), "workers.verify");
        assert_eq!(key("lease_s = 0"), "workers.lease_s");
        assert_eq!(key("metrics = \"here\""), "workers.metrics");
        assert_eq!(key("losses = 0"), "workers.losses");
        assert_eq!(key("labels = [\"a b\"]"), "workers.labels");
        assert_eq!(key("address = \"nats://u:p@h\""), "workers.address");
        assert_eq!(key("adress = \"x\""), "workers.adress");
    }
}
