//! A port for Prometheus and operators: what a worker has done, or how a run's workers do.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use samara_serve::{
    Access,
    watch::{Watched, watch},
};

use crate::exit::{Failure, remark};

/// The address in a text such as `127.0.0.1:7001`; a port alone is one of this machine.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let port = || text.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse().ok().or_else(port).ok_or_else(|| "write 7001 or 127.0.0.1:7001".to_owned())
}

/// Takes the port that an option names, and says where figures are.
///
/// # Errors
/// It can't be had.
pub(crate) fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    let listener = bound.map_err(|error| {
        let hint = "hint: choose another port; 0 takes a free one";
        Failure::usage(format!("{option} {address}: can't be listened on: {error}\n{hint}"))
    })?;
    if let Ok(address) = listener.local_addr() {
        remark(&format!("figures: http://{address}/metrics"));
    }
    Ok(listener)
}

/// Serves figures on the runtime that this is called on. The token, if there is one, is asked for by everything but
/// `/health`.
pub(crate) fn serve(
    listener: TcpListener,
    watched: Arc<dyn Watched>,
    token: Option<String>,
) -> tokio::task::JoinHandle<()> {
    let access = token.map(|token| Access { token: Some(token), beyond_loopback: true, names: Vec::new() });
    tokio::spawn(async move {
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            watch(listener, watched, access).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        let parsed = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(parsed("7001").as_deref(), Ok("127.0.0.1:7001"));
        assert_eq!(parsed("0.0.0.0:7001").as_deref(), Ok("0.0.0.0:7001"));
        assert_eq!(parsed("[::1]:0").as_deref(), Ok("[::1]:0"));
        for bad in ["", "70000", "localhost", "host:7001", "http://127.0.0.1:7001", "-1"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
