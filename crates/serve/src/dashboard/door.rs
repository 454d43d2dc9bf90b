//! Who is let in: the host that was asked for, a token in the address or in a cookie, and only to read, but for forms that
//! a page of this server sends.

use axum::http::{HeaderMap, Method, Request, StatusCode, header};

use crate::gate::{Access, same};
use crate::refusal::Refusal;

/// What lets somebody in.
pub(crate) struct Keys {
    access: Access,
    token: String,
    /// A cookie is sent to every port of a host: each server has its own.
    cookie: String,
}

/// Whether somebody is let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Let {
    /// Yes.
    In,
    /// With a token in the address, which goes into a cookie: its header's value.
    WithCookie(String),
    /// There is no token, or another one.
    Out,
}

impl Keys {
    pub(crate) fn new(access: Access, token: String, port: u16) -> Self {
        // Without this a name is only checked where everybody may come.
        let access = Access { token: Some(token.clone()), ..access };
        Self { access, token, cookie: format!("samara-{port}") }
    }

    /// Refuses what is no reading, and what a page of another site asks for.
    /// With `asks` it may be a form: then it must say that it comes from a page of this server.
    pub(crate) fn check<B>(&self, request: &Request<B>, asks: bool) -> Result<(), Refusal> {
        // An origin that is there is this server's own, or the request is refused here.
        self.access.check_host(request)?;
        if asks && *request.method() == Method::POST {
            let own = request.headers().contains_key(header::ORIGIN);
            let foreign = || {
                Refusal(StatusCode::FORBIDDEN, "the request does not say which page it comes from".to_owned())
            };
            return own.then_some(()).ok_or_else(foreign);
        }
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(());
        }
        Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "the dashboard only reads: GET and HEAD".to_owned()))
    }

    /// Whether the token is there. `query` is that of the address.
    pub(crate) fn lets(&self, headers: &HeaderMap, query: &str) -> Let {
        let in_address = query.split('&').find_map(|part| part.strip_prefix("token="));
        if in_address.is_some_and(|token| same(token.as_bytes(), self.token.as_bytes())) {
            let attributes = "HttpOnly; SameSite=Strict; Path=/";
            return Let::WithCookie(format!("{}={}; {attributes}", self.cookie, self.token));
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let held = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, value)| name == self.cookie && same(value.as_bytes(), self.token.as_bytes()));
        if held || self.access.admits(headers) { Let::In } else { Let::Out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets(cookie: Option<&str>, query: &str) -> Let {
        let mut headers = HeaderMap::new();
        if let Some(cookie) = cookie {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        Keys::new(Access::default(), "secret".into(), 7).lets(&headers, query)
    }

    #[test]
    fn a_token_is_in_the_address_once_and_then_in_the_cookie_of_this_port() {
        let cookie = "samara-7=secret; HttpOnly; SameSite=Strict; Path=/";
        assert_eq!(lets(None, "a=1&token=secret"), Let::WithCookie(cookie.into()));
        assert_eq!(lets(Some("other=1; samara-7=secret"), ""), Let::In);
        for (cookie, query) in [
            (None, ""),
            (None, "token=secre"),
            (None, "token=secrets"),
            (Some("samara-8=secret"), ""),
            (Some("samara-7=Secret"), "tokens=secret"),
            (Some("samara-7="), "token="),
        ] {
            assert_eq!(lets(cookie, query), Let::Out, "{cookie:?} {query}");
        }
    }
}
