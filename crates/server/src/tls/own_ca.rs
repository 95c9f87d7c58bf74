use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use countersign_domain::ports::Clock;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::{Look, provider};
use crate::certificates::{self, DAY, pem};
use crate::config::{self, Config};
use crate::private_file;

/// How long a certificate of the server's holds. Nobody sees it expire: it is made anew at each start and when two thirds
/// are over, always for the same key, because install lines and clients pin that.
const LIFETIME_DAYS: u32 = 90;
const RENEWAL_DAYS: u32 = 60;
/// How long the authority's certificate holds.
const CA_LIFETIME_DAYS: u32 = 3_650;
const CA_TITLE: &str = "Countersign CA";
/// The key of the server's own certificates, in the data folder.
const OWN_KEY: &str = "own.key";

/// The server's own certificate authority, in the data folder.
pub(super) struct OwnCa {
    /// `ca.key`.
    key: PathBuf,
    /// `ca.pem`.
    certificate: PathBuf,
    /// The data folder, where both are, and the server's key.
    data: PathBuf,
    /// For whom certificates are made: names and addresses.
    names: Vec<String>,
    clock: Arc<dyn Clock>,
    renewal: Timestamp,
}

impl OwnCa {
    /// Opens the authority, making it where it is missing, and makes the first certificate.
    pub(super) fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<(Self, CertifiedKey)> {
        let (key, certificate) = (config.data.join("ca.key"), config.data.join("ca.pem"));
        let renewal = clock.now();
        let mut own = Self { key, certificate, data: config.data.clone(), names: names(config), clock, renewal };
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

    fn renew(&mut self) -> anyhow::Result<CertifiedKey> {
        let issuer = self.issuer()?;
        let now = self.clock.now();
        let mut params = certificates::participant("Countersign", ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names =
            CertificateParams::new(self.names.clone()).context("the certificate's names")?.subject_alt_names;
        certificates::hold_for(&mut params, now, LIFETIME_DAYS)?;
        let key = own_key(&self.data)?;
        let certificate = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider())?;
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
            make_key(&self.key)?;
        }
        let key = read_key(&self.key)?;
        let mut params = certificates::authority(CA_TITLE, &key);
        if self.certificate.exists() {
            let kept = CertificateDer::from_pem_file(&self.certificate).with_context(|| shown.to_string())?;
            let public = key.subject_public_key_info();
            if !kept.windows(public.len()).any(|window| window == public) {
                bail!("{shown} is not the certificate of {shown_key}: remove it, and it is made anew");
            }
        } else {
            certificates::hold_for(&mut params, self.clock.now(), CA_LIFETIME_DAYS)?;
            let made = params.self_signed(&key)?;
            std::fs::write(&self.certificate, pem("CERTIFICATE", made.der())).with_context(|| shown.to_string())?;
            tracing::info!(ca = %shown, "made a certificate authority for this server");
        }
        Ok(Issuer::new(params, key))
    }
}

/// The key of the server's own certificates in this data folder, made where it is missing.
pub(super) fn own_key(data: &Path) -> anyhow::Result<KeyPair> {
    if let Some(key) = kept_key(data)? {
        return Ok(key);
    }
    make_key(&data.join(OWN_KEY))?;
    read_key(&data.join(OWN_KEY))
}

/// The key of the server's own certificates in this data folder, if it was made already.
pub(super) fn kept_key(data: &Path) -> anyhow::Result<Option<KeyPair>> {
    let path = data.join(OWN_KEY);
    if path.exists() { read_key(&path).map(Some) } else { Ok(None) }
}

fn make_key(path: &Path) -> anyhow::Result<()> {
    let key = KeyPair::generate()?;
    let text = Secret::new(pem("PRIVATE KEY", key.serialized_der()));
    private_file::write(path, text.expose().as_bytes()).with_context(|| path.display().to_string())
}

fn read_key(path: &Path) -> anyhow::Result<KeyPair> {
    let shown = path.display();
    let failed = |error| anyhow::Error::new(error).context(shown.to_string());
    if private_file::is_exposed(path).map_err(failed)? {
        bail!("{shown}: others can read the key; run `chmod 600 {shown}`");
    }
    let text = Secret::new(std::fs::read(path).map_err(failed)?);
    certificates::private_key(text.expose()).with_context(|| shown.to_string())
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

#[cfg(test)]
mod tests {
    use countersign_domain::testing::ManualClock;

    use super::super::Pin;
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
    fn the_key_stays_when_the_certificate_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), "tls.own_ca = true");
        assert_eq!(Pin::configured(&config).unwrap(), None, "before the first start");
        let shown = |config: &Config| OwnCa::open(config, ManualClock::new()).unwrap().1.cert[0].clone();
        let (first, second) = (shown(&config), shown(&config));
        assert_ne!(first, second);
        assert_eq!(Pin::of(&first).unwrap(), Pin::of(&second).unwrap());
        assert_eq!(Pin::configured(&config).unwrap(), Some(Pin::of(&first).unwrap()));
        let path = folder.path().join(OWN_KEY);
        assert!(!private_file::is_exposed(&path).unwrap());
        std::fs::write(&path, "nonsense").unwrap();
        let complaint = "own.key: there is no private key in PEM in it that can sign";
        assert_eq!(open(folder.path()).err().unwrap(), complaint);
        assert!(Pin::configured(&config).is_err());
        std::fs::remove_file(&path).unwrap();
        assert_ne!(Pin::of(&shown(&config)).unwrap(), Pin::of(&first).unwrap(), "a lost key is made anew");
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
            assert_eq!(open(folder.path()).err().unwrap(), "ca.key: others can read the key; run `chmod 600 ca.key`");
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
