//! What the server's two certificate authorities have in common: the own one for a first try, and the agents'.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use crate::hex;

pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What an authority's certificate says but for its dates. All of it follows from the key, so that issuing needs no parser
/// of certificates, and one made anew stands in for a lost one.
pub(crate) fn authority(title: &str, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Two authorities of the same name in one trust store would be mistaken for each other.
    let identifier = params.key_identifier(key);
    params.distinguished_name = name(&format!("{title} {}", hex::encode(identifier.get(..4).unwrap_or_default())));
    // It signs no other authority's certificate.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// What the certificate of somebody who takes part in TLS says but for its dates and other names.
pub(crate) fn participant(common_name: &str, purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Has a certificate hold from `from` until `until`, both to the second.
///
/// # Errors
/// Beyond the years 1970 to 9999.
pub(crate) fn hold(params: &mut CertificateParams, from: Timestamp, until: Timestamp) -> anyhow::Result<()> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let point = |time: Timestamp| {
        let seconds = Duration::from_secs(u64::try_from(time.milliseconds() / 1_000).ok()?);
        epoch.checked_add(seconds.try_into().ok()?)
    };
    let (from, until) = point(from).zip(point(until)).context("a certificate cannot hold at this time")?;
    (params.not_before, params.not_after) = (from, until);
    Ok(())
}

/// As [`hold`], from now on for `days`; and since yesterday, because clocks elsewhere go slow.
pub(crate) fn hold_for(params: &mut CertificateParams, now: Timestamp, days: u32) -> anyhow::Result<()> {
    hold(params, now.minus(DAY), now.plus(DAY * days))
}

/// A certificate signing request for `key`, in PEM. It names nobody: who asks learns its name from the answer.
///
/// # Errors
/// Those of the key.
pub(crate) fn request(key: &KeyPair) -> anyhow::Result<String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    Ok(pem("CERTIFICATE REQUEST", params.serialize_request(key)?.der()))
}

/// The private key in a PEM text, which may hold more than it.
pub(crate) fn private_key(text: &[u8]) -> anyhow::Result<KeyPair> {
    // Not the reader's own words: they may quote a line of the key.
    let key = PrivateKeyDer::from_pem_slice(text).ok().and_then(|key| KeyPair::try_from(&key).ok());
    key.ok_or_else(|| anyhow!("there is no private key in PEM in it that can sign"))
}

/// Bytes in PEM's armour.
pub(crate) fn pem(label: &str, bytes: &[u8]) -> String {
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
