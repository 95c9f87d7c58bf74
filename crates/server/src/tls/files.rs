use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use countersign_domain::secret::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{Look, provider};

/// A certificate and its key in PEM files that somebody else renews.
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    fingerprints: RandomState,
    /// What the last look found.
    seen: u64,
    /// What was read last, whether it could be used or not.
    read: u64,
}

/// The bytes of both files.
struct Pair {
    certificate: Vec<u8>,
    key: Secret<Vec<u8>>,
}

impl Files {
    /// Reads the pair.
    pub(super) fn open(certificate: &Path, key: &Path) -> anyhow::Result<(Self, CertifiedKey)> {
        let (certificate, key, fingerprints) = (certificate.to_owned(), key.to_owned(), RandomState::new());
        let mut files = Self { certificate, key, fingerprints, seen: 0, read: 0 };
        let pair = files.pair();
        (files.seen, files.read) = (files.fingerprint(&pair), files.fingerprint(&pair));
        let config = files.config(&pair?)?;
        Ok((files, config))
    }

    /// Reads the pair again, if it is another than before or somebody asked for it.
    pub(super) fn look(&mut self, asked: bool) -> Look {
        let pair = self.pair();
        let found = self.fingerprint(&pair);
        let settled = found == self.seen;
        self.seen = found;
        if !asked && (!settled || found == self.read) {
            return None;
        }
        self.read = found;
        Some(pair.and_then(|pair| self.config(&pair)))
    }

    fn pair(&self) -> anyhow::Result<Pair> {
        let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
        Ok(Pair { certificate: read(&self.certificate)?, key: Secret::new(read(&self.key)?) })
    }

    /// Contents are compared, not times: the files are often links that are turned to others.
    fn fingerprint(&self, pair: &anyhow::Result<Pair>) -> u64 {
        match pair {
            Ok(pair) => self.fingerprints.hash_one((&pair.certificate, pair.key.expose())),
            Err(error) => self.fingerprints.hash_one(format!("{error:#}")),
        }
    }

    fn config(&self, pair: &Pair) -> anyhow::Result<CertifiedKey> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pair.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| anyhow!("{certificate}: {error}"))?;
        if chain.is_empty() {
            bail!("{certificate}: there is no certificate in PEM in it");
        }
        // Not the reader's own words: they may quote a line of the key.
        let private = PrivateKeyDer::from_pem_slice(pair.key.expose())
            .map_err(|_| anyhow!("{key}: there is no private key in PEM in it, or it is encrypted"))?;
        CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => anyhow!("{key} is not the key of {certificate}"),
            error => anyhow!("{certificate} and {key}: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, certificate: &str, key: &str) {
            std::fs::write(self.path("tls.pem"), certificate).unwrap();
            std::fs::write(self.path("tls.key"), key).unwrap();
        }

        fn open(&self) -> Result<Files, String> {
            Files::open(&self.path("tls.pem"), &self.path("tls.key"))
                .map(|(files, _)| files)
                .map_err(|error| format!("{error:#}").replace(&format!("{}/", self.0.path().display()), ""))
        }
    }

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (crate::certificates::pem("CERTIFICATE", certificate.der()), {
            crate::certificates::pem("PRIVATE KEY", key.serialized_der())
        })
    }

    #[test]
    fn a_pair_that_cannot_be_used_is_told_in_a_sentence() {
        let folder = Folder::new();
        assert_eq!(folder.open().err().unwrap(), "tls.pem: No such file or directory (os error 2)");
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        for (certificate, key, complaint) in [
            ("", key.as_str(), "tls.pem: there is no certificate in PEM in it"),
            (&*certificate, "", "tls.key: there is no private key in PEM in it, or it is encrypted"),
            (
                &certificate,
                "-----BEGIN PRIVATE KEY-----\nc2VjcmV0",
                "tls.key: there is no private key in PEM in it, or it is encrypted",
            ),
            (&certificate, &other_key, "tls.key is not the key of tls.pem"),
            (
                "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
                &key,
                "tls.pem: base64 decode error: InvalidCharacter(33)",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &key,
                "tls.pem and tls.key: invalid peer certificate: BadEncoding",
            ),
        ] {
            folder.write(certificate, key);
            assert_eq!(folder.open().err().unwrap(), complaint);
        }
        folder.write(&certificate, &key);
        assert!(folder.open().is_ok());
    }

    #[test]
    fn a_new_pair_is_taken_once_it_has_settled_and_a_broken_one_is_told_once() {
        let folder = Folder::new();
        let (old, new) = (pair(), pair());
        folder.write(&old.0, &old.1);
        let mut files = folder.open().unwrap();
        assert!(files.look(false).is_none());
        assert!(files.look(true).unwrap().is_ok(), "who asks is served");
        folder.write(&new.0, &old.1);
        assert!(files.look(false).is_none(), "the key may be on its way");
        folder.write(&new.0, &new.1);
        assert!(files.look(false).is_none());
        assert!(files.look(false).unwrap().is_ok());
        assert!(files.look(false).is_none());
        folder.write(&new.0, "nonsense");
        assert!(files.look(false).is_none());
        assert!(files.look(false).unwrap().is_err());
        assert!(files.look(false).is_none(), "once is enough");
        std::fs::remove_file(folder.path("tls.key")).unwrap();
        assert!(files.look(false).is_none());
        assert!(files.look(false).unwrap().is_err());
        folder.write(&new.0, &new.1);
        assert!(files.look(false).is_none());
        assert!(files.look(false).unwrap().is_ok());
    }
}
