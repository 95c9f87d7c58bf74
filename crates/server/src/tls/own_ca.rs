use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::ports::Clock;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Look, server_config};
use crate::config::{self, Config};
use crate::{hex, private_file};

const DAY: Duration = Duration::from_hours(24);
/// How long a certificate of the server's holds. Nobody sees it expire: it is made anew at each start and when two thirds
/// are over, and its key is never on a disk.
const LIFETIME_DAYS: u32 = 90;
const RENEWAL_DAYS: u32 = 60;
/// How long the authority's certificate holds.
const CA_LIFETIME_DAYS: u32 = 3_650;

/// The server's own certificate authority, in the data folder.
pub(super) struct OwnCa {
    /// `ca.key`.
    key: PathBuf,
    /// `ca.pem`.
    certificate: PathBuf,
    /// For whom certificates are made: names and addresses.
    names: Vec<String>,
    clock: Arc<dyn Clock>,
    renewal: Timestamp,
}

impl OwnCa {
    /// Opens the authority, making it where it is missing, and makes the first certificate.
    pub(super) fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<(Self, ServerConfig)> {
        let (key, certificate) = (config.data.join("ca.key"), config.data.join("ca.pem"));
        let renewal = clock.now();
        let mut own = Self { key, certificate, names: names(config), clock, renewal };
        let first = own.renew()?;
        Ok((own, first))
    }

    /// The authority's certificate, for clients to trust.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A new certificate, if it is time or somebody asked for it.
    pub(super) fn look(&mut self, asked: bool) -> Look {
        let now = self.clock.now();
        (asked || now >= self.renewal).then(|| {
            // Should it fail, then not at each look.
            self.renewal = now.plus(DAY);
            self.renew()
        })
    }

    fn renew(&mut self) -> anyhow::Result<ServerConfig> {
        let issuer = self.issuer()?;
        let now = self.clock.now();
        let mut params = CertificateParams::new(self.names.clone()).context("the certificate's names")?;
        params.distinguished_name = name("Countersign");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        hold(&mut params, now, LIFETIME_DAYS);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = server_config(vec![certificate.der().clone()], key)?;
        self.renewal = now.plus(DAY * RENEWAL_DAYS);
        Ok(config)
    }

    /// The authority, from its files. What can be made without a client noticing is made: both, or the certificate for a
    /// key that has lost it.
    fn issuer(&self) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let (shown_key, shown) = (self.key.display(), self.certificate.display());
        if !self.key.exists() {
            if self.certificate.exists() {
                bail!(
                    "{shown_key} is missing beside {shown}: put it back, or remove {shown} too, and a new authority is made"
                );
            }
            let key = KeyPair::generate()?;
            let text = Secret::new(pem("PRIVATE KEY", key.serialized_der()));
            private_file::write(&self.key, text.expose().as_bytes()).with_context(|| shown_key.to_string())?;
        }
        let failed = |error| anyhow::Error::new(error).context(shown_key.to_string());
        if private_file::is_exposed(&self.key).map_err(failed)? {
            bail!("{shown_key}: others can read the authority's key; run `chmod 600 {shown_key}`");
        }
        let text = Secret::new(std::fs::read(&self.key).map_err(failed)?);
        // Not the reader's own words: they may quote a line of the key.
        let Some(key) = PrivateKeyDer::from_pem_slice(text.expose()).ok().and_then(|key| KeyPair::try_from(&key).ok())
        else {
            bail!("{shown_key}: there is no private key in PEM in it that can sign");
        };
        let params = authority(&key, self.clock.now());
        if self.certificate.exists() {
            let kept = CertificateDer::from_pem_file(&self.certificate).with_context(|| shown.to_string())?;
            let public = key.subject_public_key_info();
            if !kept.windows(public.len()).any(|window| window == public) {
                bail!("{shown} is not the certificate of {shown_key}: remove it, and it is made anew");
            }
        } else {
            let made = params.self_signed(&key)?;
            std::fs::write(&self.certificate, pem("CERTIFICATE", made.der())).with_context(|| shown.to_string())?;
            tracing::info!(ca = %shown, "made a certificate authority for this server");
        }
        Ok(Issuer::new(params, key))
    }
}

/// For whom the certificate is: the host of the public address, or the listener's address, and this machine.
fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = config::host(&config.public_url).into_iter().collect();
    let address = config.listen.ip();
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// What the authority's certificate says. All but the dates follows from the key, so that issuing needs no parser of
/// certificates, and one made anew stands in for the lost one.
fn authority(key: &KeyPair, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Two authorities of the same name in one trust store would be mistaken for each other.
    let identifier = params.key_identifier(key);
    params.distinguished_name =
        name(&format!("Countersign CA {}", hex::encode(identifier.get(..4).unwrap_or_default())));
    // It signs servers' certificates, and no other authority's.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, now, CA_LIFETIME_DAYS);
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Valid from yesterday on, because clients' clocks go slow.
fn hold(params: &mut CertificateParams, now: Timestamp, days: u32) {
    let midnight = |time: Timestamp| {
        let time = jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = jiff::tz::Offset::UTC.to_datetime(time).date();
        // Months and days of a date fit.
        let small = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), small(date.month()), small(date.day()))
    };
    params.not_before = midnight(now.minus(DAY));
    params.not_after = midnight(now.plus(DAY * days));
}

/// Bytes in PEM's armour.
pub(super) fn pem(label: &str, bytes: &[u8]) -> String {
    let encoded = Secret::new(STANDARD.encode(bytes));
    // Big enough from the start: a text that grows leaves copies of a key behind.
    let mut text = String::with_capacity(encoded.expose().len() * 2 + 100);
    text.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = encoded.expose().as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.extend([line, "\n"]);
        rest = after;
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::ManualClock;

    use super::*;
    use crate::config::Flags;

    fn config(data: &Path, settings: &str) -> Config {
        let file = data.join("countersign.toml");
        std::fs::write(&file, settings).unwrap();
        Config::load(Some(&file), [], &Flags { data: Some(data.to_owned()), ..Flags::default() }).unwrap()
    }

    fn open(data: &Path) -> Result<OwnCa, String> {
        OwnCa::open(&config(data, ""), ManualClock::new())
            .map(|(own, _)| own)
            .map_err(|error| format!("{error:#}").replace(&format!("{}/", data.display()), ""))
    }

    #[test]
    fn the_authority_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        open(folder.path()).unwrap();
        let (key, certificate) = (read("ca.key"), read("ca.pem"));
        assert!(!private_file::is_exposed(&folder.path().join("ca.key")).unwrap());
        open(folder.path()).unwrap();
        assert_eq!((read("ca.key"), read("ca.pem")), (key.clone(), certificate));
        std::fs::remove_file(folder.path().join("ca.pem")).unwrap();
        open(folder.path()).unwrap();
        assert_eq!(read("ca.key"), key, "a lost certificate is made anew for the same key");
        assert!(read("ca.pem").starts_with("-----BEGIN CERTIFICATE-----\n"));
    }

    #[test]
    fn an_authority_that_cannot_be_used_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("ca.key"), folder.path().join("ca.pem"));
        open(folder.path()).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert_eq!(
            open(folder.path()).err().unwrap(),
            "ca.key is missing beside ca.pem: put it back, or remove ca.pem too, and a new authority is made"
        );
        private_file::write(&key, pem("PRIVATE KEY", KeyPair::generate().unwrap().serialized_der()).as_bytes())
            .unwrap();
        assert_eq!(
            open(folder.path()).err().unwrap(),
            "ca.pem is not the certificate of ca.key: remove it, and it is made anew"
        );
        std::fs::remove_file(&certificate).unwrap();
        std::fs::write(&key, "nonsense").unwrap();
        assert_eq!(open(folder.path()).err().unwrap(), "ca.key: there is no private key in PEM in it that can sign");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(
                open(folder.path()).err().unwrap(),
                "ca.key: others can read the authority's key; run `chmod 600 ca.key`"
            );
        }
    }

    #[test]
    fn the_certificate_is_made_anew_before_its_end_and_when_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let (mut own, _) = OwnCa::open(&config(folder.path(), ""), Arc::<ManualClock>::clone(&clock)).unwrap();
        assert!(own.look(false).is_none());
        assert!(own.look(true).unwrap().is_ok());
        clock.advance(DAY * 59);
        assert!(own.look(false).is_none());
        clock.advance(DAY);
        assert!(own.look(false).unwrap().is_ok());
        assert!(own.look(false).is_none());
        std::fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
        clock.advance(DAY * 60);
        assert!(own.look(false).unwrap().is_err());
        assert!(own.look(false).is_none(), "once a day is enough");
    }

    #[test]
    fn names_are_those_that_clients_use() {
        let folder = tempfile::tempdir().unwrap();
        for (settings, expected) in [
            ("", &["127.0.0.1", "localhost", "::1"][..]),
            ("listen = \"0.0.0.0:8443\"", &["localhost", "127.0.0.1", "::1"]),
            (
                "listen = \"192.0.2.1:8443\"\npublic_url = \"https://verify.example.com:8443\"",
                &["verify.example.com", "192.0.2.1", "localhost", "127.0.0.1", "::1"],
            ),
        ] {
            assert_eq!(names(&config(folder.path(), settings)), expected);
        }
    }
}
