use std::sync::Arc;

use anyhow::{Context as _, ensure};
use countersign_domain::agent::AgentId;
use countersign_domain::ports::{
    Authority, AuthorityFailure, Certified, Clock, Entropy, RequestRefusal, SigningRequest,
};
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, Issuer, KeyPair, PublicKeyData as _, SanType, SerialNumber};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};

use super::SERVER_NAME;
use super::request::{LONGEST, RequestedKey};
use crate::certificates::{self, pem};
use crate::vault::Vault;

/// The secret of the installation that holds the authority: its key and its certificate, two blocks of PEM.
const SECRET: &str = "agent_authority";
const TITLE: &str = "Countersign Agents CA";
/// How long the authority's certificate holds. Agents trust nothing else, and there is no way to give them another.
const LIFETIME_DAYS: u32 = 20 * 365 + 5;

/// The agents' certificate authority.
pub(crate) struct AgentAuthority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
    entropy: Arc<dyn Entropy>,
}

impl AgentAuthority {
    /// The installation's authority, from the records, made where it is missing.
    ///
    /// # Errors
    /// If the records do not open, or what they hold is no authority.
    pub(crate) async fn open(vault: &Vault, clock: &dyn Clock, entropy: Arc<dyn Entropy>) -> anyhow::Result<Self> {
        let kept = vault.secret(SECRET, clock, &*entropy, || make(clock.now())).await?;
        Self::read(&kept, entropy).with_context(|| format!("secret/{SECRET}"))
    }

    fn read(kept: &Secret<Vec<u8>>, entropy: Arc<dyn Entropy>) -> anyhow::Result<Self> {
        let key = certificates::private_key(kept.expose())?;
        let der = CertificateDer::from_pem_slice(kept.expose()).context("there is no certificate in PEM in it")?;
        let public = key.subject_public_key_info();
        ensure!(der.windows(public.len()).any(|window| window == public), "its certificate is not of its key");
        let pem = pem("CERTIFICATE", &der);
        Ok(Self { issuer: Issuer::new(certificates::authority(TITLE, &key), key), der, pem, entropy })
    }

    /// Its own certificate.
    pub(crate) fn root(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// A certificate for the server as agents see it, good for `days`, and its key, which nobody keeps.
    pub(crate) fn certify_server(
        &self,
        now: Timestamp,
        days: u32,
    ) -> anyhow::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        let mut params = certificates::participant("Countersign", ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names = vec![SanType::DnsName(SERVER_NAME.try_into()?)];
        params.serial_number = Some(SerialNumber::from_slice(&self.serial()));
        certificates::hold_for(&mut params, now, days)?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
    }

    fn certify_agent(
        &self,
        request: &SigningRequest,
        agent: AgentId,
        from: Timestamp,
        until: Timestamp,
    ) -> anyhow::Result<Certified> {
        let key = RequestedKey::read(&request.der)?;
        let serial = self.serial();
        let mut params = certificates::participant(&agent.to_string(), ExtendedKeyUsagePurpose::ClientAuth);
        params.subject_alt_names = vec![SanType::URI(format!("urn:uuid:{agent}").try_into()?)];
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        certificates::hold(&mut params, from, until)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certified { certificate: pem("CERTIFICATE", certificate.der()), serial })
    }

    /// Without its first bit, which would make it a negative number.
    fn serial(&self) -> [u8; 16] {
        let mut serial = self.entropy.array::<16>();
        serial[0] &= 0x7f;
        serial
    }
}

impl Authority for AgentAuthority {
    fn read(&self, request: &str) -> Result<SigningRequest, RequestRefusal> {
        if request.len() > LONGEST {
            return Err(RequestRefusal::Malformed);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(request.as_bytes());
        let der = der.map_err(|_| RequestRefusal::Malformed)?.to_vec();
        RequestedKey::read(&der)?;
        Ok(SigningRequest { fingerprint: Sha256::digest(&der).into(), der })
    }

    fn certify(
        &self,
        request: &SigningRequest,
        agent: AgentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Certified, AuthorityFailure> {
        self.certify_agent(request, agent, from, until).map_err(|error| AuthorityFailure(format!("{error:#}")))
    }

    fn certificate(&self) -> &str {
        &self.pem
    }
}

/// A new authority, as it is kept.
fn make(now: Timestamp) -> anyhow::Result<Secret<Vec<u8>>> {
    let key = KeyPair::generate()?;
    let mut params = certificates::authority(TITLE, &key);
    certificates::hold_for(&mut params, now, LIFETIME_DAYS)?;
    let certificate = pem("CERTIFICATE", params.self_signed(&key)?.der());
    let armoured = Secret::new(pem("PRIVATE KEY", key.serialized_der()));
    // Put together at once: a text that grows leaves copies of a key behind.
    Ok(Secret::new([armoured.expose().as_bytes(), certificate.as_bytes()].concat()))
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::{ManualClock, SeededEntropy};
    use proptest::prelude::*;
    use rcgen::CertificateParams;

    use super::*;
    use crate::agents::read_certificate;

    const HOUR: i64 = 3_600_000;

    async fn open(vault: &Vault) -> AgentAuthority {
        AgentAuthority::open(vault, &*ManualClock::new(), Arc::new(SeededEntropy::new(7))).await.unwrap()
    }

    fn any() -> AgentAuthority {
        let kept = make(ManualClock::new().now()).unwrap();
        AgentAuthority::read(&kept, Arc::new(SeededEntropy::new(7))).unwrap()
    }

    /// A request that asks for more than it gets.
    fn request(key: &KeyPair) -> String {
        let mut params = certificates::authority("Somebody", key);
        params.subject_alt_names = CertificateParams::new(["admin.example".to_owned()]).unwrap().subject_alt_names;
        pem("CERTIFICATE REQUEST", params.serialize_request(key).unwrap().der())
    }

    #[tokio::test]
    async fn the_authority_is_made_once_and_kept_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path(), None, &SeededEntropy::new(1)).unwrap();
        let first = open(&vault).await;
        assert_eq!(open(&vault).await.pem, first.pem);
        drop(vault);
        let again = Vault::open(folder.path(), None, &SeededEntropy::new(2)).unwrap();
        assert_eq!(open(&again).await.pem, first.pem);
        assert!(!first.certificate().contains("PRIVATE"), "only the certificate is given away");
        let records = std::fs::read(folder.path().join("records.sqlite")).unwrap();
        assert!(!records.windows(11).any(|window| window == b"PRIVATE KEY"));
    }

    #[test]
    fn a_certificate_names_the_agent_and_nothing_that_the_request_asked_for() {
        let (authority, key) = (any(), KeyPair::generate().unwrap());
        let from = ManualClock::new().now();
        let until = Timestamp::from_milliseconds(from.milliseconds() + 24 * HOUR);
        let agent = AgentId::draw(&SeededEntropy::new(9));
        let request = authority.read(&request(&key)).unwrap();
        let certified = authority.certify(&request, agent, from, until).unwrap();
        let der = CertificateDer::from_pem_slice(certified.certificate.as_bytes()).unwrap();
        let read = read_certificate(&der).unwrap();
        assert_eq!((read.agent, read.serial, read.not_after), (agent, certified.serial, until));
        let shown = rustls::server::ParsedCertificate::try_from(&der).unwrap();
        assert_eq!(shown.subject_public_key_info().as_ref(), key.subject_public_key_info());
        let holds = |text: &str| der.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds(&format!("urn:uuid:{agent}")));
        assert!(!holds("admin.example") && !holds("Somebody"));
        let other = authority.certify(&request, agent, from, until).unwrap();
        assert_ne!(other.serial, certified.serial);
        assert!(certified.serial[0] < 0x80);
    }

    #[test]
    fn a_certificate_that_no_calendar_holds_is_a_failure_and_no_panic() {
        let (authority, key) = (any(), KeyPair::generate().unwrap());
        let request = authority.read(&request(&key)).unwrap();
        let agent = AgentId::draw(&SeededEntropy::new(9));
        let (now, never) = (ManualClock::new().now(), Timestamp::from_milliseconds(i64::MAX));
        let failure = authority.certify(&request, agent, now, never).unwrap_err();
        assert_eq!(failure.to_string(), "the agents' authority: a certificate cannot hold at this time");
        assert!(authority.certify(&request, agent, Timestamp::from_milliseconds(-HOUR), now).is_err());
        let nonsense = SigningRequest { fingerprint: [0; 32], der: vec![1, 2, 3] };
        assert!(authority.certify(&nonsense, agent, now, now).is_err());
    }

    #[test]
    fn requests_that_are_none_are_malformed() {
        let authority = any();
        let good = request(&KeyPair::generate().unwrap());
        let laid_out = good.replace("-----BEGIN", "by hand\n-----BEGIN").replace('\n', "\r\n");
        assert_eq!(authority.read(&laid_out), authority.read(&good), "the same request");
        for text in [
            "",
            "nonsense",
            &good.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
            &good.replace("-----END", "-----"),
            &pem("CERTIFICATE REQUEST", &[]),
            &pem("CERTIFICATE REQUEST", &[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]),
            &"x".repeat(LONGEST + 1),
        ] {
            assert_eq!(authority.read(text), Err(RequestRefusal::Malformed), "{text}");
        }
    }

    #[test]
    fn what_is_kept_must_be_an_authority() {
        let kept = make(ManualClock::new().now()).unwrap();
        let kept = String::from_utf8(kept.expose().clone()).unwrap();
        let other = String::from_utf8(make(ManualClock::new().now()).unwrap().expose().clone()).unwrap();
        let (key, certificate) = kept.split_at(kept.find("-----BEGIN CERTIFICATE").unwrap());
        let (other_key, _) = other.split_at(other.find("-----BEGIN CERTIFICATE").unwrap());
        for (text, complaint) in [
            (String::new(), "there is no private key in PEM in it that can sign"),
            (key.to_owned(), "there is no certificate in PEM in it"),
            (format!("{other_key}{certificate}"), "its certificate is not of its key"),
        ] {
            let refused = AgentAuthority::read(&Secret::new(text.into_bytes()), Arc::new(SeededEntropy::new(1)));
            assert_eq!(refused.err().unwrap().to_string(), complaint);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(bytes: Vec<u8>, text: String) {
            let authority = any();
            prop_assert!(authority.read(&text).is_err());
            prop_assert!(authority.read(&pem("CERTIFICATE REQUEST", &bytes)).is_err());
        }
    }
}
