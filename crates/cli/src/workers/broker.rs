//! A NATS server as a meeting place: its address, and how to get in, which variables say and no argument does.

use samara_engine::workers::{Broker, LinkError};

use crate::exit::{Exit, Failure};

/// Whether an address is one of a NATS server.
pub(crate) fn is_meant(address: &str) -> bool {
    address.starts_with("nats://") || address.starts_with("tls://")
}

/// The server at an address, with what the variables say.
///
/// # Errors
/// An address that can't be used, which is not shown, since it may hold a password, or half a pair of variables. `option`
/// is what names the address.
pub(crate) fn broker(address: &str, option: &str) -> Result<Broker, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let pair = |one: &str, other: &str| match (variable(one), variable(other)) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        _ => Err(Failure::usage(format!("of {one} and {other} only one is set\nhint: set both"))),
    };
    let certificate = pair("SAMARA_NATS_CERT", "SAMARA_NATS_KEY")?;
    let broker = Broker {
        url: address.to_owned(),
        user: pair("SAMARA_NATS_USER", "SAMARA_NATS_PASSWORD")?,
        token: variable("SAMARA_NATS_TOKEN"),
        authorities: variable("SAMARA_NATS_CA").map(Into::into),
        certificate: certificate.map(|(certificate, key)| (certificate.into(), key.into())),
    };
    broker.check().map_err(|why| Failure::usage(format!("{option}: {why}")))?;
    Ok(broker)
}

/// Why a server can't be used.
pub(crate) fn unusable(address: &str, error: &LinkError) -> Failure {
    let hint = "hint: it needs JetStream (nats-server --jetstream); SAMARA_NATS_USER with SAMARA_NATS_PASSWORD, \
                SAMARA_NATS_TOKEN, SAMARA_NATS_CA, SAMARA_NATS_CERT with SAMARA_NATS_KEY say how to get in";
    Failure { exit: Exit::Usage, message: format!("--workers {address}: {error}\n{hint}") }
}
