//! Who is let in: the host that was asked for, the page that asks, the token.

use crate::refusal::Refusal;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, StatusCode, header};
use std::net::{IpAddr, Ipv6Addr};

/// Who is let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// What clients must send as a bearer token, but to `/health`; none by default.
    pub token: Option<String>,
    /// Whether the server can be reached from other machines. Then its address is one that clients may name. Default: no.
    pub beyond_loopback: bool,
    /// Names that clients may use for this server, without a port, besides `localhost` and addresses.
    pub names: Vec<String>,
}

impl Access {
    /// Refuses requests that a page of another site makes. A browser sends them for the page if the page's own name was
    /// made to lead here (DNS rebinding), but it tells that name.
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let forbidden = |why: String| Err(Refusal(StatusCode::FORBIDDEN, why));
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
            return Err(Refusal::bad("the request has not exactly one header Host"));
        };
        for host in [Some(host), request.uri().authority().map(Authority::as_str)].into_iter().flatten() {
            if !name(host).is_some_and(|name| self.serves(name)) {
                let host: String = host.chars().take(100).collect();
                return forbidden(format!(
                    "this server does not go by the name {host:?}; --host-name NAME allows a name"
                ));
            }
        }
        let own = |origin: &str| {
            let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            site.is_some_and(|site| site.eq_ignore_ascii_case(host))
        };
        // A page of another site is not let in by a second header that names this one.
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        if origins.all(|origin| origin.to_str().is_ok_and(own)) {
            return Ok(());
        }
        forbidden("the request comes from a page of another site".to_owned())
    }

    fn serves(&self, name: &str) -> bool {
        let address = name.parse::<IpAddr>().ok();
        name.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|address| address.is_loopback() || self.beyond_loopback)
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            // A page does not know the token: behind proxies a server has many names.
            || (self.beyond_loopback && self.token.is_some() && self.names.is_empty())
    }

    /// Lets a request in that names this server and has the token, which `/health` needs not.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.check_host(request)?;
        if request.uri().path() == "/health" || self.admits(request.headers()) {
            return Ok(());
        }
        Err(Refusal(StatusCode::UNAUTHORIZED, "a bearer token is needed".to_owned()))
    }

    /// Whether these headers have the token, if one is asked.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let given =
            headers.get(header::AUTHORIZATION).and_then(|given| given.as_bytes().strip_prefix(b"Bearer "));
        given.is_some_and(|given| same(given, token.as_bytes()))
    }
}

/// Whether two secrets are the same. They are compared without stopping at the first difference, so that the time does not
/// tell how much was right.
pub(crate) fn same(given: &[u8], secret: &[u8]) -> bool {
    given.len() == secret.len() && given.iter().zip(secret).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// A host without its port and without the brackets, in which only an IPv6 address stands. `None` if something else
/// follows the name or the brackets than a port.
fn name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok())?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let digits = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(digits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(access: &Access, host: &str, origin: Option<&str>) -> Option<StatusCode> {
        let mut request = Request::builder().uri("/v1/run").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        access.check_host(&request.body(()).unwrap()).err().map(|Refusal(status, _)| status)
    }

    const FORBIDDEN: Option<StatusCode> = Some(StatusCode::FORBIDDEN);

    #[test]
    fn on_loopback_only_its_own_names_and_those_that_were_allowed_are_served() {
        let access = Access { names: vec!["box.example".to_owned()], ..Access::default() };
        let good = ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]", "[::1]:5000", "Box.example:80"];
        for host in good {
            assert_eq!(asked(&access, host, None), None, "{host}");
        }
        for host in
            ["evil.example:5000", "localhost.evil.example", "10.0.0.1", "::1.evil", "", "[::1", "0.0.0.0"]
        {
            assert_eq!(asked(&access, host, None), FORBIDDEN, "{host}");
        }
    }

    #[test]
    fn in_brackets_stands_an_ipv6_address_and_behind_them_a_port_or_nothing() {
        let closed = Access { token: Some("secret".to_owned()), beyond_loopback: true, ..Access::default() };
        for access in [Access::default(), closed] {
            for host in ["[::1]", "[::1]:", "[::1]:5000", "[0:0:0:0:0:0:0:1]", "localhost:", "127.0.0.1:1"] {
                assert_eq!(asked(&access, host, None), None, "{host}");
            }
            for host in [
                "[127.0.0.1].evil.example",
                "[127.0.0.1]",
                "[localhost]evil",
                "[localhost]",
                "[::1]evil.example",
                "[::1].evil.example:5000",
                "[::1]:5000.evil.example",
                "[::1]:evil",
                "[::1]]",
                "[[::1]]",
                "[]",
                "::1:5000",
                "localhost:5000:5000",
                "localhost:evil",
            ] {
                assert_eq!(asked(&access, host, None), FORBIDDEN, "{host}");
            }
        }
    }

    #[test]
    fn beyond_loopback_names_are_free_only_where_a_token_is_asked() {
        let open = Access { beyond_loopback: true, ..Access::default() };
        assert_eq!(asked(&open, "10.0.0.1:5000", None), None);
        assert_eq!(asked(&open, "box.example", None), FORBIDDEN);
        let closed = Access { token: Some("secret".to_owned()), ..open };
        assert_eq!(asked(&closed, "box.example", None), None);
        let named = Access { names: vec!["box.example".to_owned()], ..closed };
        assert_eq!(asked(&named, "evil.example", None), FORBIDDEN, "names that are given are all there are");
    }

    #[test]
    fn pages_of_other_sites_are_refused_whatever_they_say() {
        let access = Access::default();
        for origin in ["http://localhost:5000", "https://LOCALHOST:5000"] {
            assert_eq!(asked(&access, "localhost:5000", Some(origin)), None, "{origin}");
        }
        for origin in
            ["null", "http://evil.example", "http://localhost", "http://127.0.0.1:5000", "localhost:5000"]
        {
            assert_eq!(asked(&access, "localhost:5000", Some(origin)), FORBIDDEN, "{origin}");
        }
    }

    #[test]
    fn of_several_origins_each_must_be_the_servers_own() {
        let access = Access::default();
        let own = "http://localhost:5000";
        for (origins, expected) in [
            ([own, own], None),
            ([own, "http://evil.example"], FORBIDDEN),
            (["http://evil.example", own], FORBIDDEN),
            ([own, ""], FORBIDDEN),
            ([own, "null"], FORBIDDEN),
        ] {
            let request = Request::builder().header(header::HOST, "localhost:5000");
            let request =
                origins.into_iter().fold(request, |request, one| request.header(header::ORIGIN, one));
            let refused = access.check_host(&request.body(()).unwrap()).err();
            assert_eq!(refused.map(|Refusal(status, _)| status), expected, "{origins:?}");
        }
    }

    #[test]
    fn a_request_has_one_host_and_its_address_is_the_same() {
        let access = Access::default();
        let status = |request: axum::http::request::Builder| {
            access.check_host(&request.body(()).unwrap()).err().map(|Refusal(status, _)| status)
        };
        assert_eq!(status(Request::builder()), Some(StatusCode::BAD_REQUEST));
        let twice = Request::builder().header(header::HOST, "localhost").header(header::HOST, "evil.example");
        assert_eq!(status(twice), Some(StatusCode::BAD_REQUEST));
        let absolute = Request::builder().uri("http://evil.example/v1/run").header(header::HOST, "localhost");
        assert_eq!(status(absolute), FORBIDDEN);
    }
}
