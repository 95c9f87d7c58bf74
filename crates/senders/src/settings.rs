//! What the settings of senders share.

use std::path::Path;
use std::time::Duration;

use countersign_domain::message::SenderName;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// What is wrong with a sender's settings, or with a file that they name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(crate) fn new(complaint: impl Into<String>) -> Self {
        Self(complaint.into())
    }

    /// The same, said of the sender `name`.
    pub(crate) fn of(self, name: &SenderName) -> Self {
        Self(format!("the sender `{name}`: {}", self.0))
    }
}

/// A sender's own settings out of its table.
pub(crate) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, SettingsError> {
    // The message of a multi-line complaint is one line in a log.
    table.try_into().map_err(|error: toml::de::Error| SettingsError(error.to_string().trim().replace('\n', " ")))
}

/// A secret as it stands in the settings, never empty: complaints about settings are printed, and none of ours repeats it.
#[derive(Clone)]
pub(crate) struct SecretText(pub(crate) Secret<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The complaint of `String` quotes a number that it found.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a text in quotes"))?;
        if text.is_empty() { Err(D::Error::custom("must not be empty")) } else { Ok(Self(Secret::new(text))) }
    }
}

/// Several secrets, for `deserialize_with`: a list or a table, whose own complaint would quote a secret that stands in its place.
pub(crate) fn secrets<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
        .map_err(|_| D::Error::custom("expected texts in quotes, as the documentation has them, none of them empty"))
}

/// The longest time that a send may be given: longer, and a code is stale before the next try.
const LONGEST_DEADLINE: u64 = 120;

/// The setting `deadline_seconds`.
pub(crate) fn deadline(seconds: u64) -> Result<Duration, SettingsError> {
    if !(1..=LONGEST_DEADLINE).contains(&seconds) {
        return Err(SettingsError(format!("`deadline_seconds` must be 1 to {LONGEST_DEADLINE}")));
    }
    Ok(Duration::from_secs(seconds))
}

/// The setting `connections`.
pub(crate) fn connections(count: usize) -> Result<usize, SettingsError> {
    if !(1..=1000).contains(&count) {
        return Err(SettingsError::new("`connections` must be 1 to 1000"));
    }
    Ok(count)
}

/// Whom to trust: the authorities of the file that the setting `ca` names and no others, or else the system's.
pub(crate) fn roots(ca: Option<&Path>) -> Result<RootCertStore, SettingsError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // Some of the system's may be unreadable or odd; a peer below one of those is refused when it comes.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| SettingsError(format!("`ca`: {}: {error}", path.display())))?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let complaint = |what: String| SettingsError(format!("`ca`: {}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| complaint(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(complaint("there is no certificate in it".to_owned())),
        Err(error) => Err(complaint(error.to_string())),
    }
}

/// `time` as messages say it.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX).to_string()
}
