//! A server's address out of what people write.
//!
//! `OLLAMA_HOST` is read exactly as Ollama reads it. All other addresses are URLs, or almost: a missing scheme is added,
//! the address of an endpoint is cut back to the base that endpoints are appended to, and a query is kept for every
//! request. No port is ever guessed for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// The endpoints of OpenAI's interface, as they are cut off.
pub(crate) const OPENAI_ENDPOINTS: &[&str] =
    &["/chat/completions", "/completions", "/embeddings", "/models", "/responses"];

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// What paths of endpoints are appended to: a URL without a slash at its end, a query or a fragment.
    pub base: String,
    /// What every request carries behind its path, without the question mark.
    pub query: Option<String>,
    /// The endpoint that was cut off, if any.
    pub cut: Option<String>,
}

/// An address as settings or a variable other than Ollama's have it.
///
/// # Errors
/// What is wrong with it, to be read after the name of the setting.
pub(crate) fn read(text: &str, endpoints: &[&str]) -> Result<Address, String> {
    let text = unquoted(text);
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    let mut url = Url::parse(&with_scheme(text)).map_err(|error| format!("is not an address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("has the scheme {}, which is neither http nor https", url.scheme()));
    }
    let Some(host) = url.host_str() else { return Err("names no host".to_owned()) };
    if let Some(reachable) = reachable(host) {
        url.set_host(Some(reachable)).map_err(|error| format!("is not an address: {error}"))?;
    }
    let query = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let cut =
        endpoints.iter().find(|endpoint| path.ends_with(**endpoint)).map(|endpoint| (*endpoint).to_owned());
    let path = cut.as_ref().map_or(path.as_str(), |endpoint| &path[..path.len() - endpoint.len()]);
    url.set_path(path);
    Ok(Address { base: url.as_str().trim_end_matches('/').to_owned(), query, cut })
}

/// The bases that may be meant: the address as it is, and with the `/v1` that people leave out.
pub(crate) fn candidates(base: &str) -> Vec<String> {
    let base = base.trim_end_matches('/');
    let path = Url::parse(base).map(|url| url.path().to_owned()).unwrap_or_default();
    // "v1", "v1beta", "v4": the last part of a path that names a version.
    let has_version = path.split('/').any(|part| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|c: char| c.is_ascii_digit())
    });
    if has_version { vec![base.to_owned()] } else { vec![base.to_owned(), format!("{base}/v1")] }
}

/// The address that `OLLAMA_HOST` means to a client, by the rules of Ollama's own `envconfig.Host`: quotes and blanks
/// around it do not count; without a scheme it is http; the port is 11434, or that of a scheme which is given; a port
/// that is none is the default one. Where a server would listen on all addresses, a client asks this machine.
pub(crate) fn ollama(text: &str) -> String {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let (scheme, rest, default_port) = match text.split_once("://") {
        None if text == "ollama.com" => ("https", "ollama.com:443", "443"),
        None => ("http", text, "11434"),
        Some(("http", rest)) => ("http", rest, "80"),
        Some(("https", rest)) => ("https", rest, "443"),
        Some((scheme, rest)) => (scheme, rest, "11434"),
    };
    let (host_and_port, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host_port(host_and_port).unwrap_or_else(|| {
        let bare = host_and_port.trim_matches(['[', ']']);
        let host = match bare.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) if host_and_port.is_empty() => "127.0.0.1".to_owned(),
            Err(_) => host_and_port.to_owned(),
        };
        (host, default_port.to_owned())
    });
    let port = match port.parse::<i64>() {
        Ok(0..=65535) => port,
        _ => default_port.to_owned(),
    };
    let host = match host.as_str() {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let path = path.trim_end_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    format!("{scheme}://{host}:{port}{slash}{path}")
}

/// Host and port, if there is exactly one colon outside of brackets, as Go's `net.SplitHostPort` has it.
fn host_port(text: &str) -> Option<(String, String)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.contains(['[', ']']) && !port.contains(['[', ']'])).then(|| (host.to_owned(), port.to_owned()))
}

/// Whether an address is this machine's own. A proxy would look for the server on its own machine.
pub(crate) fn is_this_machine(url: &str) -> bool {
    Url::parse(url).ok().and_then(|url| url.host_str().map(is_own_host)).unwrap_or(false)
}

fn is_own_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    match host.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address == Ipv4Addr::UNSPECIFIED,
        Ok(IpAddr::V6(address)) => address.is_loopback() || address == Ipv6Addr::UNSPECIFIED,
        Err(_) => false,
    }
}

/// The address at which a client reaches a server that listens on all addresses.
fn reachable(host: &str) -> Option<&'static str> {
    match host {
        "0.0.0.0" => Some("127.0.0.1"),
        "[::]" => Some("[::1]"),
        _ => None,
    }
}

/// A text without blanks and a pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let pair = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    pair('"').or_else(|| pair('\'')).unwrap_or(text).trim()
}

/// A text with a scheme: http for this machine, for numbers, for names without a dot and for other ports than https has;
/// https for the rest.
fn with_scheme(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let text = text.trim_start_matches('/');
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (authority, rest) = text.split_at(end);
    // An address of six parts and no brackets is one all the same; ":8000" is a port of this machine.
    let authority = match authority {
        _ if authority.parse::<Ipv6Addr>().is_ok() => format!("[{authority}]"),
        _ if authority.starts_with(':') => format!("127.0.0.1{authority}"),
        _ => authority.to_owned(),
    };
    let host = authority.rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    let (host, port) = match host_port(host) {
        Some((host, port)) => (host, Some(port)),
        None => (host.trim_matches(['[', ']']).to_owned(), None),
    };
    let near = is_own_host(&host) || host.parse::<IpAddr>().is_ok() || !host.contains('.');
    let scheme = match port.as_deref() {
        Some("443") => "https",
        Some(_) => "http",
        None if near => "http",
        None => "https",
    };
    format!("{scheme}://{authority}{rest}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ollama_host_means_what_it_means_to_ollama() {
        for (text, expected) in [
            ("", "http://127.0.0.1:11434"),
            ("1.2.3.4", "http://1.2.3.4:11434"),
            (":1234", "http://127.0.0.1:1234"),
            ("1.2.3.4:1234", "http://1.2.3.4:1234"),
            ("example.com", "http://example.com:11434"),
            ("example.com:1234", "http://example.com:1234"),
            (":0", "http://127.0.0.1:0"),
            (":66000", "http://127.0.0.1:11434"),
            (":-1", "http://127.0.0.1:11434"),
            (":", "http://127.0.0.1:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::]", "http://[::1]:11434"),
            ("::1", "http://[::1]:11434"),
            ("::", "http://[::1]:11434"),
            ("[::1]:1337", "http://[::1]:1337"),
            ("[::]:1337", "http://[::1]:1337"),
            (" 1.2.3.4 ", "http://1.2.3.4:11434"),
            ("\"1.2.3.4\"", "http://1.2.3.4:11434"),
            (" \" 1.2.3.4 \" ", "http://1.2.3.4:11434"),
            ("'1.2.3.4'", "http://1.2.3.4:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("http://1.2.3.4", "http://1.2.3.4:80"),
            ("http://1.2.3.4:4321", "http://1.2.3.4:4321"),
            ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
            ("https://1.2.3.4", "https://1.2.3.4:443"),
            ("https://1.2.3.4:4321", "https://1.2.3.4:4321"),
            ("https://1.2.3.4:66000", "https://1.2.3.4:443"),
            ("https://example.com/ollama", "https://example.com:443/ollama"),
            ("example.com/ollama", "http://example.com:11434/ollama"),
            ("http://localhost:11434/", "http://localhost:11434"),
            ("ollama.com", "https://ollama.com:443"),
        ] {
            assert_eq!(ollama(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_addresses_get_a_scheme_and_never_a_port() {
        for (text, expected) in [
            ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
            ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
            (" \"http://gpu/v1\" ", "http://gpu/v1"),
            ("localhost:8000/v1", "http://localhost:8000/v1"),
            ("localhost", "http://localhost"),
            ("gpu", "http://gpu"),
            ("gpu:80", "http://gpu"),
            ("10.0.0.7/v1", "http://10.0.0.7/v1"),
            (":8000/v1", "http://127.0.0.1:8000/v1"),
            ("::1", "http://[::1]"),
            ("[::1]:8000/v1", "http://[::1]:8000/v1"),
            ("0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
            ("http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
            ("http://[::]:8000", "http://[::1]:8000"),
            ("api.openai.com/v1", "https://api.openai.com/v1"),
            ("api.openai.com:443/v1", "https://api.openai.com/v1"),
            ("gpu.example.com:8000/v1", "http://gpu.example.com:8000/v1"),
            ("https://user:word@gpu.example.com/v1", "https://user:word@gpu.example.com/v1"),
        ] {
            let address = read(text, OPENAI_ENDPOINTS).expect(text);
            assert_eq!((address.base.as_str(), address.query, address.cut), (expected, None, None), "{text}");
        }
        for text in ["", "\"\"", "ftp://gpu/v1", "http://", "http://gpu:99999", "file:///etc/passwd"] {
            assert!(read(text, OPENAI_ENDPOINTS).is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_of_an_endpoint_is_cut_back_to_its_base() {
        for endpoint in OPENAI_ENDPOINTS {
            let address = read(&format!("https://gpu/v1{endpoint}/"), OPENAI_ENDPOINTS).expect("an address");
            assert_eq!((address.base.as_str(), address.cut.as_deref()), ("https://gpu/v1", Some(*endpoint)));
        }
        let azure = "https://x.example.com/openai/deployments/d/chat/completions?api-version=2024-10-21";
        let address = read(azure, OPENAI_ENDPOINTS).expect("an address");
        assert_eq!(address.base, "https://x.example.com/openai/deployments/d");
        assert_eq!(address.query.as_deref(), Some("api-version=2024-10-21"));
        assert_eq!(
            read("https://gpu/v1/messages", &["/messages"]).map(|address| address.base),
            Ok("https://gpu/v1".to_owned())
        );
        assert_eq!(
            read("https://gpu/#chat", OPENAI_ENDPOINTS).map(|address| address.base),
            Ok("https://gpu".to_owned())
        );
    }

    #[test]
    fn a_missing_version_is_a_candidate() {
        assert_eq!(candidates("http://gpu:8000"), ["http://gpu:8000", "http://gpu:8000/v1"]);
        assert_eq!(candidates("http://gpu:8000/"), ["http://gpu:8000", "http://gpu:8000/v1"]);
        assert_eq!(candidates("https://gpu/api"), ["https://gpu/api", "https://gpu/api/v1"]);
        for whole in ["http://gpu/v1", "https://gpu/v1beta/openai", "https://gpu/api/paas/v4"] {
            assert_eq!(candidates(whole), [whole]);
        }
    }

    #[test]
    fn this_machine_has_many_names() {
        for own in [
            "http://127.0.0.1:8000/v1",
            "http://127.1.2.3",
            "http://localhost/v1",
            "http://LOCALHOST./v1",
            "http://llm.localhost:80",
            "http://[::1]:8000/v1",
            "http://0.0.0.0:8000",
            "http://[::]:8000",
            "http://[::ffff:127.0.0.1]:8000",
        ] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in
            ["http://localhost.example.com/v1", "https://10.0.0.1/v1", "http://mylocalhost", "nonsense", ""]
        {
            assert!(!is_this_machine(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic_and_what_is_read_is_read_again(
            any: String, near in "(https?://)?[a-z0-9.:\\[\\]@/?#'\" %-]{0,30}",
        ) {
            for text in [&any, &near] {
                let _ = (ollama(text), is_this_machine(text), candidates(text));
                if let Ok(address) = read(text, OPENAI_ENDPOINTS) {
                    let again = read(&address.base, &[]);
                    prop_assert_eq!(again.map(|again| again.base), Ok(address.base));
                }
            }
        }
    }
}
