//! The DKIM signature (RFC 6376, RFC 8463): relaxed over head and body, because servers on the way fold lines anew and trim
//! white space, and a signature that breaks is worse than none.
//!
//! The headers are listed once more than they stand in the head, so that nobody can add a second `From` or `Reply-To` under our
//! name. The private key signs in rustls, which has it in hand for TLS anyway.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::time::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::settings::SettingsError;

/// What is signed, where it stands in the head.
const HEADERS: &[&str] = &[
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Characters of a signature on a line.
const LINE: usize = 72;

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Whose mail it is: the domain of `from`, or one above it.
    domain: String,
    /// Under which name the public key is in the DNS: `SELECTOR._domainkey.DOMAIN`.
    selector: String,
    /// The private key: PEM, RSA of at least 2048 bits or Ed25519.
    key: PathBuf,
}

pub(super) struct Dkim {
    domain: String,
    selector: String,
    key: Arc<dyn SigningKey>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Rsa,
    Ed25519,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }
}

impl Dkim {
    /// Reads the key.
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let Settings { domain, selector, key: path } = settings;
        for (setting, value) in [("domain", &domain), ("selector", &selector)] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if value.is_empty() || !value.bytes().all(plain) {
                return Err(SettingsError::new(format!("`dkim.{setting}` must be a name of the DNS, in ASCII")));
            }
        }
        let complaint = |what: String| SettingsError::new(format!("`dkim.key`: {}: {what}", path.display()));
        let pem = std::fs::read(&path).map_err(|error| complaint(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| complaint(error.to_string()))?;
        let key = any_supported_type(&key).map_err(|error| complaint(error.to_string()))?;
        let kind = match key.algorithm() {
            SignatureAlgorithm::RSA => Kind::Rsa,
            SignatureAlgorithm::ED25519 => Kind::Ed25519,
            _ => return Err(complaint("it is neither an RSA key nor an Ed25519 key".to_owned())),
        };
        Ok(Self { domain, selector, key, kind })
    }

    /// The message with its signature in front. `Err` says what the key could not do, which no key does that was read.
    pub(super) fn signed(&self, letter: Vec<u8>, now: Timestamp) -> Result<Vec<u8>, &'static str> {
        let text = String::from_utf8(letter).map_err(|_| "the message is no text")?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("the message has no end of its head")?;
        let fields = fields(head);
        let (names, mut input) = selection(&fields);
        let unsigned = format!(
            "v=1; a={}; c=relaxed/relaxed; d={}; s={}; t={};\r\n\th={};\r\n\tbh={};\r\n\tb=",
            self.kind.word(),
            self.domain,
            self.selector,
            now.milliseconds().div_euclid(1000),
            names.join(":\r\n\t "),
            STANDARD.encode(Sha256::digest(relaxed_body(body))),
        );
        // The signature covers its own field, with `b=` empty and no end of line.
        input.push_str(&relaxed_field("DKIM-Signature", &unsigned));
        let signature = STANDARD.encode(self.sign(input.as_bytes())?);
        let lines: Vec<_> = signature.as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect();
        Ok(format!("DKIM-Signature: {unsigned}{}\r\n{text}", lines.join("\r\n\t ")).into_bytes())
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (scheme, message) = match self.kind {
            Kind::Rsa => (SignatureScheme::RSA_PKCS1_SHA256, input.to_vec()),
            // Ed25519 signs the hash as its message (RFC 8463, section 3).
            Kind::Ed25519 => (SignatureScheme::ED25519, Sha256::digest(input).to_vec()),
        };
        let signer = self.key.choose_scheme(&[scheme]).ok_or("the DKIM key has no signature of this kind")?;
        signer.sign(&message).map_err(|_| "the DKIM key did not sign")
    }
}

/// The head's fields in order, each with its folds.
fn fields(head: &str) -> Vec<(&str, String)> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in head.split("\r\n") {
        match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
            (true, Some((_, value)), _) => {
                value.push_str("\r\n");
                value.push_str(line);
            }
            (_, _, Some((name, value))) => fields.push((name, value.to_owned())),
            _ => {}
        }
    }
    fields
}

/// The names to list, and what they stand for: each field that is there, and nothing for the listing beyond it.
fn selection(fields: &[(&str, String)]) -> (Vec<&'static str>, String) {
    let (mut names, mut signed) = (Vec::new(), String::new());
    for name in HEADERS {
        // From the last one up (RFC 6376, section 5.4.2); we write each once.
        for (_, value) in fields.iter().rev().filter(|(field, _)| field.eq_ignore_ascii_case(name)) {
            names.push(*name);
            signed.push_str(&relaxed_field(name, value));
            signed.push_str("\r\n");
        }
        names.push(name);
    }
    (names, signed)
}

/// RFC 6376, section 3.4.2.
fn relaxed_field(name: &str, value: &str) -> String {
    format!(
        "{}:{}",
        name.to_ascii_lowercase(),
        value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    )
}

/// RFC 6376, section 3.4.4.
fn relaxed_body(body: &str) -> String {
    let mut relaxed = String::with_capacity(body.len() + 2);
    for line in body.split("\r\n") {
        let mut gap = false;
        for character in line.trim_end_matches([' ', '\t']).chars() {
            let white = matches!(character, ' ' | '\t');
            if !white || !gap {
                relaxed.push(if white { ' ' } else { character });
            }
            gap = white;
        }
        relaxed.push_str("\r\n");
    }
    let end = relaxed.trim_end_matches("\r\n").len();
    relaxed.truncate(end);
    if !relaxed.is_empty() {
        relaxed.push_str("\r\n");
    }
    relaxed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relaxed_is_what_the_rfc_says() {
        // Section 3.4.5.
        assert_eq!(relaxed_field("A", " X"), "a:X");
        assert_eq!(relaxed_field("B ".trim_end(), " Y\t\r\n\tZ  "), "b:Y Z");
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body(""), "");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("a"), "a\r\n");
        // Section 3.4.4: the hash of an empty body.
        assert_eq!(STANDARD.encode(Sha256::digest(relaxed_body(""))), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn every_field_that_is_there_is_signed_and_none_can_be_added() {
        let head = "From: Joe <joe@example.com>\r\nSubject: a\r\n b\r\nX-Other: c\r\nDate: today";
        let (names, signed) = selection(&fields(head));
        assert_eq!(signed, "from:Joe <joe@example.com>\r\nsubject:a b\r\ndate:today\r\n");
        assert_eq!(names.iter().filter(|name| **name == "From").count(), 2);
        assert_eq!(names.iter().filter(|name| **name == "Reply-To").count(), 1);
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let settings =
            |domain: &str| Settings { domain: domain.to_owned(), selector: "s1".to_owned(), key: key.clone() };
        let told = |domain: &str| Dkim::new(settings(domain)).err().unwrap().to_string();
        std::fs::write(&key, "no key").unwrap();
        assert!(told("example.com").contains("key.pem: "), "{}", told("example.com"));
        let elliptic = rcgen::KeyPair::generate().unwrap();
        std::fs::write(&key, pem("PRIVATE KEY", elliptic.serialized_der())).unwrap();
        assert!(told("example.com").ends_with("it is neither an RSA key nor an Ed25519 key"));
        assert_eq!(told("exämple.com"), "`dkim.domain` must be a name of the DNS, in ASCII");
        assert_eq!(told("example.com; l=0"), "`dkim.domain` must be a name of the DNS, in ASCII");
    }

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }
}
