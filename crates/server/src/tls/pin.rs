use std::fmt;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ParsedCertificate;
use sha2::{Digest as _, Sha256};

use super::own_ca;
use crate::config::Config;

const PREFIX: &str = "sha256//";

/// The fingerprint of a server's public key, by which a client knows the server without an authority in between: SHA-256 of
/// the certificate's `SubjectPublicKeyInfo`. Written as curl's `--pinnedpubkey` takes it, `sha256//` and Base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a certificate's key.
    ///
    /// # Errors
    /// If it is no certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        Ok(Self::of_key(&ParsedCertificate::try_from(certificate)?.subject_public_key_info()))
    }

    /// The pin of a key, given as a `SubjectPublicKeyInfo`.
    pub(super) fn of_key(info: &[u8]) -> Self {
        Self(Sha256::digest(info).into())
    }

    /// Reads one; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As [`configured`](Self::configured), and an own key is made where it is missing: what is handed out before the first
    /// start must pin the key that the server will have.
    ///
    /// # Errors
    /// If the files cannot be read, or the key cannot be made.
    pub(crate) fn ensured(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.tls.own_ca {
            return Ok(Some(Self::of_key(&own_ca::own_key(&config.data)?.subject_public_key_info())));
        }
        Self::configured(config)
    }

    /// The pin of the certificate that the settings name, for commands beside the server. `None` without TLS, and before
    /// an own key was made. Changes nothing.
    ///
    /// # Errors
    /// If the files cannot be read.
    pub(crate) fn configured(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.tls.own_ca {
            let key = own_ca::kept_key(&config.data)?;
            return Ok(key.map(|key| Self::of_key(&key.subject_public_key_info())));
        }
        if !config.tls.has_files() {
            return Ok(None);
        }
        let file = &config.tls.certificate;
        let certificate = CertificateDer::from_pem_file(file).with_context(|| file.display().to_string())?;
        Ok(Some(Self::of(&certificate).with_context(|| file.display().to_string())?))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn an_own_key_is_made_for_who_hands_out_its_pin_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let settings = [("COUNTERSIGN__TLS__OWN_CA".to_owned(), "true".to_owned())];
        let flags = Flags { data: Some(folder.path().to_owned()), ..Flags::default() };
        let config = Config::load(None, settings, &flags).unwrap();
        assert_eq!(Pin::configured(&config).unwrap(), None);
        let made = Pin::ensured(&config).unwrap();
        assert!(made.is_some());
        assert_eq!(Pin::ensured(&config).unwrap(), made);
        assert_eq!(Pin::configured(&config).unwrap(), made);
    }

    #[test]
    fn what_is_shown_is_read_again() {
        let pin = Pin::of_key(b"a key");
        assert_eq!(Pin::parse(&pin.to_string()), Some(pin));
        for text in ["", "sha256//", "sha256//AAAA", "sha256/", "sha1//AAAA", &pin.to_string()[1..]] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
    }
}
