//! A dashboard along with a run: on a thread and a runtime of its own, so that neither waits for the other.
//!
//! [`Watching`] has the port before anything is recorded, [`Watched`] is the dashboard while the run goes on. It ends with
//! the run; only on a terminal it stays until Ctrl-C, so that a person can look at the end.

use std::{
    io::IsTerminal,
    net::{TcpListener, ToSocketAddrs},
    path::Path,
    thread::JoinHandle,
};

use samara_serve::{
    Access,
    dashboard::{self, Catalogue, Settings},
};
use tokio::sync::oneshot;

use crate::{
    args::Watch,
    commands::serve::{known, opened, token},
    exit::{Failure, remark},
    listening::{Signals, listen},
};

/// What its threads are called: by this name whoever measures tells what they took of the run's time.
const THREAD: &str = "dashboard";

/// A dashboard that is to come.
pub(crate) struct Watching {
    listener: TcpListener,
    token: String,
    control: Option<String>,
    beyond_loopback: bool,
}

impl Watching {
    /// Takes the port, if the user wants a dashboard.
    ///
    /// # Errors
    /// An address that can't be used.
    pub(crate) fn begin(args: &Watch) -> Result<Option<Self>, Failure> {
        let Some(address) = &args.serve else { return Ok(None) };
        let addresses = address.to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
        if addresses.is_empty() {
            return Err(Failure::usage(format!(
                "--serve {address}: there is no such address here\nhint: 127.0.0.1:8080 for this machine alone"
            )));
        }
        let beyond_loopback = addresses.iter().any(|address| !address.ip().is_loopback());
        let listener = listen(&addresses)
            .map_err(|failure| Failure { message: format!("--serve: {}", failure.message), ..failure })?;
        let control = args.control.then(token).transpose()?;
        Ok(Some(Self { listener, token: token()?, control, beyond_loopback }))
    }

    /// Serves the run in a folder, and says where.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn open(self, folder: &Path) -> Result<Watched, Failure> {
        let Self { listener, token, control, beyond_loopback } = self;
        let failed = |error: std::io::Error| Failure::internal(format!("--serve: {error}"));
        let catalogue = Catalogue::of(&[folder.to_owned()]).map_err(failed)?;
        let address = opened(listener.local_addr().map_err(failed)?, &token);
        let access = Access { token: None, beyond_loopback, names: Vec::new() };
        let settings = Settings { catalogue, token, access, ahead: false, known, control };
        // The name tells its threads from those of the run.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().thread_name(THREAD).build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                let stop = async {
                    // Also if nobody is left to say it.
                    let _ = stopped.await;
                };
                // It fails only where the listener has no address.
                let _ = dashboard::serve(listener, settings, stop).await;
            });
            // A page that is still being made ends with this process.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(serve).map_err(failed)?;
        if beyond_loopback {
            remark(
                "the dashboard can be reached from other machines, without encryption: whoever has the address \
                    sees the run",
            );
        }
        // The token is known from here alone.
        remark(&format!("dashboard: {address}"));
        Ok(Watched { address, stop: Some(stop), thread: Some(thread) })
    }
}

/// A dashboard while its run goes on. It ends when this is dropped.
pub(crate) struct Watched {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Waits for Ctrl-C where a person sits at a terminal: a run that has ended can still be looked at.
    pub(crate) fn stay(self) -> Result<(), Failure> {
        if !(std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
            return Ok(());
        }
        remark(&format!("the run has ended; the dashboard stays until Ctrl-C: {}", self.address));
        let failed = |error: std::io::Error| Failure::internal(format!("--serve: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime
            .block_on(async {
                Signals::new()?.next().await;
                Ok(())
            })
            .map_err(failed)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends within its grace. One that panicked is gone already.
            let _ = thread.join();
        }
    }
}
