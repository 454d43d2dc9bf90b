//! `samara serve`: a dashboard of runs until a signal ends it. It reads journals and nothing else: no program runs, no host
//! is asked. With `--control` it asks runs that go on what a person asks of them.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
};

use samara_environments::{emitted, entry};
use samara_journal::{Header, run_view::search_of, schema::FORMAT_VERSION};
use samara_search::Emitting;
use samara_serve::{
    Access,
    dashboard::{Catalogue, Known, Settings},
};

use super::report::PROGRAMS;
use crate::{
    args::Serve,
    exit::{Exit, Failure, one_line, remark},
    listening::{Signals, listen},
    session,
};

pub(crate) fn serve(args: &Serve) -> Result<Exit, Failure> {
    let catalogue = Catalogue::of(&args.runs).map_err(|_| nowhere(&args.runs))?;
    let addresses = (&*args.bind, args.port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    if addresses.is_empty() {
        return Err(Failure::usage(format!(
            "--bind {} is no address\nhint: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks",
            args.bind
        )));
    }
    let beyond_loopback = addresses.iter().any(|address| !address.ip().is_loopback());
    let listener = listen(&addresses)?;
    let token = token()?;
    let access = Access { token: None, beyond_loopback, names: args.host_name.clone() };
    if beyond_loopback {
        remark(
            "it can be reached from other machines, without encryption: whoever has the address sees the runs",
        );
    }
    let control = args.control.then(self::token).transpose()?;
    let settings = Settings { catalogue, token: token.clone(), access, ahead: true, known, control };
    let runtime = session::runtime()?;
    let served = runtime.block_on(async {
        let (mut signals, address) = (Signals::new()?, listener.local_addr()?);
        let listener = tokio::net::TcpListener::from_std(listener)?;
        remark(&format!("listening on {}", opened(address, &token)));
        let stop = async move { signals.next().await };
        samara_serve::dashboard::serve(listener, settings, stop).await
    });
    // A page that is still being made ends with this process.
    runtime.shutdown_background();
    served.map_err(|error| Failure::internal(format!("the port can't be used: {error}")))?;
    remark("stopped");
    Ok(Exit::Ok)
}

/// What a person opens: on this machine, if the server listens on all its addresses.
pub(crate) fn opened(address: SocketAddr, token: &str) -> String {
    let host = match address {
        SocketAddr::V4(four) if four.ip().is_unspecified() => format!("127.0.0.1:{}", four.port()),
        SocketAddr::V6(six) if six.ip().is_unspecified() => format!("[::1]:{}", six.port()),
        other => other.to_string(),
    };
    format!("http://{host}/?token={token}")
}

fn nowhere(paths: &[impl AsRef<Path>]) -> Failure {
    let missing = paths.iter().map(AsRef::as_ref).find(|path| !path.exists());
    let path = missing.map_or_else(String::new, |path| one_line(&path.display().to_string()));
    Failure::usage(format!(
        "{path} is not there\nhint: name a run, or the folder that holds runs; `samara run` makes one below runs/"
    ))
}

/// 32 hexadecimal digits that nobody can guess.
pub(crate) fn token() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal(format!("the system gives no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the registry says of a run's environment.
pub(crate) fn known(header: &Header) -> Known {
    let environment = &*header.environment;
    let about = entry(environment).map_or_else(|_| String::new(), |entry| entry.summary.to_owned());
    Known { about, programs: PROGRAMS.contains(&environment), emitting: emitting(header) }
}

/// The emitters of a run in which a bandit chooses among them. A run whose settings can't be read says so elsewhere.
fn emitting(header: &Header) -> Option<Emitting> {
    let (search, _) = search_of(&header.config, FORMAT_VERSION).ok()?;
    let config: toml::Table = header.config.parse().ok()?;
    let none = toml::Table::new();
    let section = config.get("environment").and_then(toml::Value::as_table).unwrap_or(&none);
    emitted(&header.environment, section, &search)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hard_to_guess_and_the_address_can_be_opened() {
        let (one, other) = (token().expect("a token"), token().expect("a token"));
        assert!(one != other && one.len() == 32);
        let opened = |address: &str| opened(address.parse().expect("an address"), "t");
        assert_eq!(opened("127.0.0.1:80"), "http://127.0.0.1:80/?token=t");
        assert_eq!(opened("0.0.0.0:80"), "http://127.0.0.1:80/?token=t");
        assert_eq!(opened("[::]:80"), "http://[::1]:80/?token=t");
    }
}
