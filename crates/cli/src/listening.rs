//! What servers share: the socket that they listen on, and the signals that end them.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use crate::exit::Failure;

/// The signals that end a server. None that comes after this is made is lost.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C, where there are no signals.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// A listener on the first of these addresses that can be had.
pub(crate) fn listen(addresses: &[SocketAddr]) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(addresses).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        let first = addresses.first().map_or(String::new(), SocketAddr::to_string);
        Failure::usage(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "{first} is in use: another program listens there\nhint: --port 0 takes a free port, --port N another one"
            ),
            _ => format!("{first} can't be listened on: {error}\nhint: choose another --host or --port"),
        })
    })
}
