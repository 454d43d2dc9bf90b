//! `samara sandbox serve`: the sandbox over HTTP until a signal ends it.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use samara_sandbox::{Sandbox, SandboxOptions};
use samara_serve::{Access, App, Bounds};

use crate::{
    args::sandbox::Serve,
    exit::{Exit, Failure, remark},
    listening::{Signals, listen},
    session,
};

pub(crate) fn serve(args: &Serve) -> Result<Exit, Failure> {
    let token = args.token_env.as_deref().map(token).transpose()?;
    let addresses = addresses(args, token.is_some())?;
    let listener = listen(&addresses)?;
    let servers = args.servers.map_or(SandboxOptions::default().servers, usize::from);
    let memory = args.memory_budget.map_or(Bounds::memory_for(servers), |mib| mib as usize * (1 << 20));
    let bounds = Bounds { queue: usize::from(args.queue), memory, ..Bounds::default() };
    let beyond_loopback = addresses.iter().any(|address| !address.ip().is_loopback());
    let access = Access { token, beyond_loopback, names: args.host_name.clone() };
    let sandbox = args.isolating.start_behind_server(servers)?;
    introduce(&sandbox, servers, access.token.is_some());
    let app = App::new(sandbox, bounds.clone(), access);
    let app = Arc::new(app.map_err(|error| Failure::usage(format!("--memory-budget: {error}")))?);
    let runtime = session::runtime()?;
    let all_answered = runtime.block_on(async {
        let (signals, address) = (Signals::new()?, listener.local_addr()?);
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // Only now: who reads this may stop the server at once.
        remark(&format!("listening on http://{address}"));
        Ok::<_, std::io::Error>(samara_serve::serve(listener, app, stop(signals, bounds.grace)).await)
    });
    // Programs whose clients are no longer there end with this process.
    runtime.shutdown_background();
    match all_answered {
        Ok(true) => remark("stopped"),
        Ok(false) => remark("stopped; some requests did not end in time and were given up"),
        Err(error) => return Err(Failure::internal(format!("the port can't be used: {error}"))),
    }
    Ok(Exit::Ok)
}

/// Ends when the first signal comes; the second one ends the process.
async fn stop(mut signals: Signals, grace: Duration) {
    signals.next().await;
    let seconds = grace.as_secs();
    remark(&format!("stopping: what runs has {seconds} s to end; a second signal ends it at once"));
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(Exit::Interrupted as i32);
    });
}

/// The token that clients must send. It is never an argument: those can be seen by everybody on the machine.
fn token(variable: &str) -> Result<String, Failure> {
    let wrong = |what: &str| {
        Err(Failure::usage(format!(
            "--token-env: the environment variable {variable} {what}\nhint: export {variable}=\"$(openssl rand -hex 32)\""
        )))
    };
    match std::env::var(variable) {
        Ok(token) if token.is_empty() => wrong("is empty"),
        Ok(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            wrong("holds more than visible ASCII characters, which a header can't carry")
        }
        Ok(token) => Ok(token),
        Err(std::env::VarError::NotPresent) => wrong("is not set"),
        Err(std::env::VarError::NotUnicode(_)) => wrong("is no text"),
    }
}

/// Where to listen. Beyond this machine only with a token, or if it is said that none is wanted.
fn addresses(args: &Serve, token: bool) -> Result<Vec<SocketAddr>, Failure> {
    let host = args.host.as_str();
    let found = (host, args.port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "--host {host} is no address\nhint: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks"
        )));
    }
    let beyond = found.iter().any(|address| !address.ip().is_loopback());
    if beyond && !token && !args.allow_anyone {
        return Err(Failure::usage(format!(
            "--host {host} can be reached from other machines, and no token is asked of clients\nhint: put a token into \
             an environment variable and name it with --token-env, or say --allow-anyone"
        )));
    }
    Ok(found)
}

/// Says what serves, and whom.
fn introduce(sandbox: &Sandbox, servers: usize, token: bool) {
    let isolation = sandbox.isolation();
    remark(&format!("tier {}, {servers} fork servers", isolation.tier));
    remark(&format!("Python {} ({})", isolation.python, sandbox.interpreter().display()));
    if !token {
        remark("no token is asked: whoever reaches the port may run programs");
    }
}
