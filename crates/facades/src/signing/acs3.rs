//! Alibaba's newer scheme, `ACS3-HMAC-SHA256`: method, query, the headers that the client lists, and the body by its hash.
//!
//! Which headers those are is the client's choice: one signs `accept` and `user-agent`, another does not. What *must* be
//! among them is the door's rule.

use std::borrow::Cow;

use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method};
use sha2::{Digest as _, Sha256};

use super::form::{Form, Place};
use super::hex;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The headers whose values may be shown again to whoever asks. Others may have been added on the way, by a proxy that tells
/// this server something: a made-up signature must not be a way to read them.
const SHOWN: [&str; 4] = ["accept", "content-type", "host", "user-agent"];

/// An `Authorization` header of this scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    /// The access key's id.
    pub(crate) credential: &'a str,
    /// The names as the client lists them, separated by semicolons.
    signed_headers: &'a str,
    signature: [u8; 32],
}

/// Why an `Authorization` header cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizationError {
    /// It is of the family, and of no algorithm that is offered here.
    #[error("another algorithm")]
    OtherAlgorithm,
    /// It is not `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…`.
    #[error("malformed")]
    Malformed,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value; `None` if it is of another family of schemes.
    pub(crate) fn read(value: &'a str) -> Option<Result<Self, AuthorizationError>> {
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        if !algorithm.starts_with("ACS3-") {
            return None;
        }
        Some(match algorithm {
            ALGORITHM => Self::parts(rest).ok_or(AuthorizationError::Malformed),
            _ => Err(AuthorizationError::OtherAlgorithm),
        })
    }

    fn parts(text: &'a str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut next = |name| parts.next()?.trim().strip_prefix(name).filter(|value| !value.is_empty());
        let (credential, signed_headers) = (next("Credential=")?, next("SignedHeaders=")?);
        let signature = hex::read(next("Signature=")?)?;
        parts.next().is_none().then_some(Self { credential, signed_headers, signature })
    }

    /// The names of the signed headers, in the client's order.
    pub(crate) fn signed_headers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.signed_headers.split(';')
    }

    /// Whether the header `name`, in lower case, is signed.
    pub(crate) fn signs(&self, name: &str) -> bool {
        self.signed_headers().any(|signed| signed == name)
    }

    /// What the client should have signed.
    pub(crate) fn signed<'r>(&self, method: &'r Method, form: &Form, headers: &'r HeaderMap, body: &[u8]) -> Signed<'r>
    where
        'a: 'r,
    {
        let query = form.canonical(|parameter| parameter.place == Place::Query);
        Signed { method, query, headers, names: self.signed_headers, payload: hex::write(&Sha256::digest(body).into()) }
    }

    /// Whether the signature is that of `signed`, in a time that does not depend on where they differ.
    pub(crate) fn holds(&self, signed: &Signed<'_>, secret: &Secret<String>) -> bool {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
        mac.chain_update(signed.string_to_sign()).verify_slice(&self.signature).is_ok()
    }
}

/// What a client signs.
pub(crate) struct Signed<'a> {
    method: &'a Method,
    query: String,
    headers: &'a HeaderMap,
    names: &'a str,
    /// The hash of the body that came.
    payload: String,
}

impl Signed<'_> {
    /// Whether `claimed` is the hash of the body.
    pub(crate) fn has_payload(&self, claimed: &str) -> bool {
        self.payload == claimed
    }

    /// What is keyed and hashed.
    pub(crate) fn string_to_sign(&self) -> String {
        let canonical = self.canonical_request(|name| self.value(name));
        format!("{ALGORITHM}\n{}", hex::write(&Sha256::digest(canonical).into()))
    }

    /// The canonical request for the client's eyes, with `…` for what is not the client's own.
    pub(crate) fn canonical_request_shown(&self) -> String {
        let shown = self.canonical_request(|name| {
            let own = name.starts_with("x-acs-") || SHOWN.contains(&name);
            if own { self.value(name) } else { "…".as_bytes() }
        });
        match String::from_utf8_lossy(&shown) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }

    /// The string to sign for the client's eyes: where something was blanked, not even its hash, from which a short value
    /// could be found.
    pub(crate) fn string_to_sign_shown(&self) -> String {
        let is_own = |name: &str| name.starts_with("x-acs-") || SHOWN.contains(&name);
        if self.names.split(';').all(is_own) { self.string_to_sign() } else { format!("{ALGORITHM}\n…") }
    }

    fn canonical_request<'s>(&'s self, value: impl Fn(&'s str) -> &'s [u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1_024);
        for line in [self.method.as_str(), "/", &self.query] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for name in self.names.split(';') {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value(name));
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(self.names.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(self.payload.as_bytes());
        bytes
    }

    /// A header's bytes, trimmed; none, if it did not come. `Host` is often no host at all (`http://127.0.0.1:8080`, where
    /// that is what somebody typed), and is signed as it was sent.
    fn value(&self, name: &str) -> &[u8] {
        self.headers.get(name).map(|value| value.as_bytes().trim_ascii()).unwrap_or_default()
    }
}
