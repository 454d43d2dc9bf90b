//! A NATS server as a meeting place: where it is and how to get in. Any build knows it; only one with NATS can go there.

use std::path::PathBuf;

/// What a build without NATS says.
pub(super) const ABSENT: &str = "this samara was built without NATS\nhint: build it with `--features nats`, or let the run listen on http://";

/// A NATS server and how to get in. What it holds is in no log.
#[derive(Clone, Default)]
pub struct Broker {
    /// `nats://HOST:PORT`, or `tls://HOST:PORT`; several with commas between them.
    pub url: String,
    /// A user's name with its password.
    pub user: Option<(String, String)>,
    /// A token of the server (not that of the run).
    pub token: Option<String>,
    /// A file with certificates that the server's is checked against, beside those of the system.
    pub authorities: Option<PathBuf>,
    /// Files with a certificate of one's own and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Broker {
    /// Checks the address: a password in it would be shown to others who look at processes. Whether a server can be reached
    /// at all is known, too: a build without the feature `nats` can reach none.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn check(&self) -> Result<(), String> {
        for address in self.url.split(',') {
            let rest = address.trim();
            let rest = rest.strip_prefix("nats://").or_else(|| rest.strip_prefix("tls://"));
            let rest =
                rest.ok_or("it is no address of a NATS server: nats://HOST:4222 or tls://HOST:4222")?;
            if rest.contains('@') {
                return Err("it holds a password: use SAMARA_NATS_USER and SAMARA_NATS_PASSWORD".to_owned());
            }
            if rest.is_empty() || rest.contains('/') {
                return Err("it is no address of a NATS server: nats://HOST:4222".to_owned());
            }
        }
        if cfg!(feature = "nats") { Ok(()) } else { Err(ABSENT.to_owned()) }
    }
}
