use std::sync::Arc;

use countersign_domain::agent::AgentCertificate;
use countersign_domain::ports::Clock;
use countersign_domain::time::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConnection, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};

use super::{OurTime, provider};
use crate::agents::{AgentAuthority, read_certificate};
use crate::certificates::DAY;

/// How long the certificate holds that agents are shown, and when it is made anew: at each start and when two thirds are
/// over. It is in memory only, because agents look at who signed it.
const LIFETIME_DAYS: u32 = 30;
const RENEWAL_DAYS: u32 = 20;

/// The certificate that agents are shown.
pub(super) struct ForAgents {
    authority: Arc<AgentAuthority>,
    clock: Arc<dyn Clock>,
    renewal: Timestamp,
}

impl ForAgents {
    pub(super) fn new(authority: Arc<AgentAuthority>, clock: Arc<dyn Clock>) -> anyhow::Result<(Self, CertifiedKey)> {
        let renewal = clock.now();
        let mut agents = Self { authority, clock, renewal };
        let first = agents.renew()?;
        Ok((agents, first))
    }

    /// A new certificate, if it is time.
    pub(super) fn look(&mut self) -> Option<anyhow::Result<CertifiedKey>> {
        let now = self.clock.now();
        (now >= self.renewal).then(|| {
            // Should it fail, then not at each look.
            self.renewal = now.plus(DAY);
            self.renew()
        })
    }

    fn renew(&mut self) -> anyhow::Result<CertifiedKey> {
        let now = self.clock.now();
        let (certificate, key) = self.authority.certify_server(now, LIFETIME_DAYS)?;
        let certified = CertifiedKey::from_der(vec![certificate], key, &provider())?;
        self.renewal = now.plus(DAY * RENEWAL_DAYS);
        Ok(certified)
    }
}

/// Who the clients are that show a certificate.
#[derive(Clone)]
pub(crate) struct Peers {
    verifier: Arc<dyn ClientCertVerifier>,
    clock: Arc<dyn Clock>,
}

impl Peers {
    pub(super) fn new(authority: &AgentAuthority, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.root().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        Ok(Self { verifier: verifier.allow_unauthenticated().build()?, clock })
    }

    /// What the handshake asks of clients.
    pub(super) fn at_the_handshake(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(AnyCertificate(Arc::clone(&self.verifier)))
    }

    /// The agent at the other end of a connection; `None` if no certificate was shown, or none that holds now. Asked of each
    /// connection, resumed ones too, whose certificates rustls took over without looking at them again.
    pub(crate) fn agent(&self, connection: &ServerConnection) -> Option<AgentCertificate> {
        let shown = connection.peer_certificates()?.first()?;
        let now = OurTime::at(self.clock.now());
        // Without what the client sent beside it: the authority signs agents itself, so nothing can stand in between, and
        // looking for a way through a few hundred certificates of a stranger's takes seconds.
        self.verifier.verify_client_cert(shown, &[], now).ok()?;
        read_certificate(shown)
    }
}

/// Lets every certificate pass the handshake, if the client has its key. Whether it is an agent's is asked afterwards
/// ([`Peers::agent`]), and whose is not counts as none: some clients show a certificate of their own to every server that
/// asks, and must get through; and an agent whose time is over is told so by a door, in words, where TLS 1.3 would have it
/// guess from a connection that breaks off.
#[derive(Debug)]
struct AnyCertificate(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AnyCertificate {
    /// The agents' authority alone, so that no browser asks its user for a certificate.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
