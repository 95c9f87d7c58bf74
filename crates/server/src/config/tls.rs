use std::path::PathBuf;

use serde::Deserialize;

/// Section `tls`. At most one of the pair of files and the own authority is set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate with its chain, PEM; empty for none.
    pub certificate: PathBuf,
    /// Its private key, PEM; empty for none.
    pub key: PathBuf,
    /// A certificate from the server's own authority.
    pub own_ca: bool,
}

impl Tls {
    /// Whether the server speaks HTTPS.
    pub fn is_on(&self) -> bool {
        self.own_ca || self.has_files()
    }

    /// Whether the certificate is in files.
    pub(crate) fn has_files(&self) -> bool {
        is_set(&self.certificate) && is_set(&self.key)
    }

    pub(super) fn lacks_key(&self) -> bool {
        is_set(&self.certificate) && !is_set(&self.key)
    }

    pub(super) fn lacks_certificate(&self) -> bool {
        is_set(&self.key) && !is_set(&self.certificate)
    }

    /// Whether there are two certificates to choose from.
    pub(super) fn is_torn(&self) -> bool {
        self.own_ca && self.has_files()
    }
}

fn is_set(path: &std::path::Path) -> bool {
    !path.as_os_str().is_empty()
}
