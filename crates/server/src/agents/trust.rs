//! Whom an agent trusts: while it joins, the key that its install line pins; from then on the agents' authority alone.

use std::sync::Arc;

use anyhow::Context as _;
use countersign_domain::ports::Clock;
use countersign_domain::secret::Secret;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::{PROTOCOL, SERVER_NAME};
pub use crate::tls::Pin;
use crate::tls::{OurTime, provider};

/// How an agent that joined speaks to its server, whatever host it dials: it shows its certificate, and takes no other
/// server than one with the agents' authority behind it. HTTP/1.1 is spoken.
///
/// # Errors
/// If one of the three texts is not what it should be in PEM, or the key is not the certificate's.
pub fn client_config(
    ca: &str,
    certificate: &str,
    key: &Secret<String>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<ClientConfig> {
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).context("the authority's certificate")?;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).context("the agent's certificate")?;
    // Not the reader's own words: they may quote a line of the key.
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| anyhow::anyhow!("the agent's key: there is no private key in PEM in it"))?;
    let mut roots = RootCertStore::empty();
    roots.add(ca).context("the authority's certificate")?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()?;
    let verifier = AgentsServer { verifier, name: SERVER_NAME.try_into()? };
    let mut config = ClientConfig::builder_with_details(provider(), OurTime::of(clock))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// How a machine that joins speaks to the server: it takes the one whose key it was told, whatever its certificate says,
/// and no other. HTTP/1.1 is spoken.
///
/// # Errors
/// Those of rustls; none with the ciphers that are built in.
pub fn joining_config(pin: Pin, clock: Arc<dyn Clock>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_details(provider(), OurTime::of(clock))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedServer { pin, provider: provider() }))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// How a machine that joins speaks to the server where one of these authorities vouches for its name, as for any site.
/// HTTP/1.1 is spoken.
///
/// # Errors
/// If none of them can be used.
pub(crate) fn vouched_config(
    authorities: Vec<CertificateDer<'static>>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // A system's collection may hold some that are too odd for us, which is no reason to trust none.
    let (used, _odd) = roots.add_parsable_certificates(authorities);
    anyhow::ensure!(used > 0, "there is no authority's certificate to trust");
    let mut config = ClientConfig::builder_with_details(provider(), OurTime::of(clock))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes a certificate of the agents' authority for [`SERVER_NAME`]. The host that was dialled is not compared: it may change.
#[derive(Debug)]
struct AgentsServer {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for AgentsServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // The authority signs its servers itself: what else is shown is not looked at.
        self.verifier.verify_server_cert(end_entity, &[], &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes the certificate with the pinned key: names and dates say nothing that the key does not. The server must still
/// sign the handshake with that key, or anybody who has seen its certificate could show it.
#[derive(Debug)]
struct PinnedServer {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

/// The server has another key than the one that was told. It is in the error that rustls gives for the handshake.
#[derive(Debug, thiserror::Error)]
#[error("the server's key is {shown}, and not the pinned {pinned}")]
pub struct OtherKey {
    /// What the server showed.
    pub shown: Pin,
    /// What was told.
    pub pinned: Pin,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Pin::of(end_entity)?;
        if shown == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let complaint = OtherError(Arc::new(OtherKey { shown, pinned: self.pin }));
        Err(Error::InvalidCertificate(CertificateError::Other(complaint)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
