//! Which certificates are trusted beside the system's: those of `ca_file`, and those of `SSL_CERT_FILE`.
//!
//! A certificate that a server made for itself may say that it is an authority, as `openssl req -x509` does. Such a one
//! is no server's by the rules, and is taken all the same if exactly it stands in one of these files.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};

use samara_seedling::files;

use crate::error::{ErrorKind, LmError};

/// A file of certificates at most, in bytes: 16 MiB, where those of a system have a quarter of one.
const MOST_BYTES: u64 = 16 << 20;

/// The variable that names a file of certificates, as other programs read it.
const VARIABLE: &str = "SSL_CERT_FILE";

/// The settings of connections if certificates are named; else the client's own, which trusts the system's.
pub(super) fn config(ca_file: Option<&Path>) -> Result<Option<ClientConfig>, LmError> {
    let variable = std::env::var_os(VARIABLE).filter(|file| !file.is_empty());
    if ca_file.is_none() && variable.is_none() {
        return Ok(None);
    }
    let extra = ca_file.map(|file| certificates(file, "ca_file")).transpose()?.unwrap_or_default();
    let mut pinned = extra.clone();
    if let Some(file) = variable {
        pinned.extend(certificates(Path::new(&file), VARIABLE)?);
    }
    let provider = Arc::new(ring::default_provider());
    let unusable = |error: Error| {
        LmError::new(ErrorKind::Configuration, format!("the certificates can't be used: {error}"))
            .hint("name a file of certificates in PEM form: ca_file in the model's section, or SSL_CERT_FILE")
    };
    let usual = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(unusable)?;
    let verifier = Arc::new(Verifier { usual, pinned, provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Some(config))
}

fn certificates(file: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>, LmError> {
    let bad = |what: String| {
        LmError::new(ErrorKind::Configuration, format!("`{setting}` {}: {what}", file.display()))
            .hint("write the path of a file of certificates in PEM form (-----BEGIN CERTIFICATE-----)")
    };
    let text = files::read(file, MOST_BYTES).map_err(|error| bad(format!("can't be read: {error}")))?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad(format!("can't be read: {error}")))?;
    if found.is_empty() { Err(bad("contains no certificate".to_owned())) } else { Ok(found) }
}

/// The system's rules, and the certificates that are taken as they are.
#[derive(Debug)]
struct Verifier {
    usual: rustls_platform_verifier::Verifier,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // An authority's certificate used as a server's is none of the errors that have a name of their own; an
            // expired one is, and stays refused. A server's own certificate may be named without its authority's.
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if self.pinned.iter().any(|pinned| pinned == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
