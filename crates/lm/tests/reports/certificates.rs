//! Servers behind certificates of their own.
//!
//! `self.pem` is its own authority, as `openssl req -x509` makes it; `leaf.pem` is signed by `ca.pem`. They are good for
//! a hundred years, for localhost and 127.0.0.1:
//!
//! ```sh
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost \
//!     -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout self.key -out self.pem
//! openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=Corp CA" \
//!     -keyout ca.key -out ca.pem
//! openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr
//! printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >ext
//! openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -extfile ext -out leaf.pem
//! ```

use samara_lm::ErrorKind;
use serde_json::json;

use crate::{
    TEXT, complete, error, models,
    server::{Reply, Server, certificate, certificate_file},
    writes,
};

fn behind(name: &str) -> Server {
    Server::start_at("127.0.0.1:0", Some(certificate(name)), |request| match request.path.as_str() {
        "/v1/models" => models(),
        "/v1/completions" => Reply::json(&writes(TEXT, &json!(null))),
        _ => error(404, "Not Found"),
    })
}

fn trusting(name: &str) -> String {
    format!("ca_file = {}", toml::Value::from(certificate_file(name).to_str().unwrap()))
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_is_accepted_if_it_is_named() {
    let server = behind("self");
    assert_eq!(
        complete(&server, &trusting("self.pem")).await.map(|completion| completion.text),
        Ok(TEXT.to_owned())
    );
}

#[tokio::test]
async fn a_certificate_of_a_private_authority_is_accepted_if_that_is_named() {
    let server = behind("leaf");
    assert_eq!(
        complete(&server, &trusting("ca.pem")).await.map(|completion| completion.text),
        Ok(TEXT.to_owned())
    );
}

#[tokio::test]
async fn a_certificate_that_is_pinned_itself_is_accepted() {
    let server = behind("leaf");
    assert_eq!(
        complete(&server, &trusting("leaf.pem")).await.map(|completion| completion.text),
        Ok(TEXT.to_owned())
    );
}

#[tokio::test]
async fn another_certificate_is_refused_and_the_hint_is_about_certificates() {
    let server = behind("self");
    for more in ["", &trusting("ca.pem")] {
        let refused = complete(&server, &format!("max_attempts = 1\n{more}")).await.expect_err("not trusted");
        assert_eq!(refused.kind, ErrorKind::Unreachable, "{refused}");
        let hint = refused.hint.unwrap_or_default();
        assert!(hint.contains("ca_file") && !hint.contains("is running"), "{hint}");
    }
}
