//! Huawei Cloud's scheme, `SDK-HMAC-SHA256`: method, path, query, the headers that the client lists, and the body by its hash.
//!
//! It has a date to the second and no nonce: two equal requests within a second carry equal signatures, and SDKs send such. So
//! a signature that comes again is no replay by itself, and whoever uses this scheme must make its operations safe to repeat.

use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::form::{encode, unescaped};
use super::hex;
use crate::door::Request;

const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// When the request was signed, as `20260102T030405Z`.
pub(crate) const DATE: &str = "x-sdk-date";
/// The hash of the body, as the client says. Where there is a body it stands in for the hash in what is signed, so it has to
/// be the hash: the vendor's `UNSIGNED-PAYLOAD` would leave the body to whoever is on the way.
const PAYLOAD: &str = "x-sdk-content-sha256";
/// Most parameters of one request, and most signed headers.
const MOST: usize = 100;

/// An `Authorization` header of this scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    /// The access key's id.
    pub(crate) access: &'a str,
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
    /// It is not `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`.
    #[error("malformed")]
    Malformed,
}

impl<'a> Authorization<'a> {
    /// Reads the header's value; `None` if it is of another family of schemes.
    pub(crate) fn read(value: &'a str) -> Option<Result<Self, AuthorizationError>> {
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        if !algorithm.starts_with("SDK-") && !algorithm.starts_with("V11-") {
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
        let (access, signed_headers) = (next("Access=")?, next("SignedHeaders=")?);
        let signature = hex::read(next("Signature=")?)?;
        parts.next().is_none().then_some(Self { access, signed_headers, signature })
    }

    /// Whether the signature is that of `request`, in a time that does not depend on where they differ.
    pub(crate) fn holds(&self, request: &Request, secret: &Secret<String>) -> bool {
        let Some(text) = self.string_to_sign(request) else { return false };
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
        mac.chain_update(text).verify_slice(&self.signature).is_ok()
    }

    /// What the client should have signed; `None` where what came cannot have been signed by anybody.
    pub(crate) fn string_to_sign(&self, request: &Request) -> Option<String> {
        let canonical = self.canonical_request(request)?;
        let date = request.header(DATE)?;
        Some(format!("{ALGORITHM}\n{date}\n{}", hex::write(&Sha256::digest(canonical).into())))
    }

    /// `None` also where the host or the date is not covered: a request could then be sent elsewhere, or at any time.
    fn canonical_request(&self, request: &Request) -> Option<Vec<u8>> {
        let names: Vec<_> = self.signed_headers.split(';').collect();
        if names.len() > MOST || !["host", DATE].iter().all(|name| names.contains(name)) {
            return None;
        }
        let payload = hex::write(&Sha256::digest(&request.body).into());
        let is_claimed_well = request.body.is_empty()
            || !request.headers.contains_key(PAYLOAD)
            || request.header(PAYLOAD) == Some(payload.as_str());
        if !is_claimed_well {
            return None;
        }
        let mut bytes = Vec::with_capacity(1_024);
        for line in [request.method.as_str(), &path(&request.path)?, &query(request.query.as_deref())?] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for name in names {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value(&request.headers, name)?);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(self.signed_headers.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(payload.as_bytes());
        Some(bytes)
    }
}

/// Each segment decoded and encoded anew, and a slash at the end, whether it was sent or not.
fn path(path: &str) -> Option<String> {
    let mut text = String::with_capacity(path.len() + 8);
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            text.push('/');
        }
        encode(&unescaped(segment.bytes()).ok()?, &mut text);
    }
    if !text.ends_with('/') {
        text.push('/');
    }
    Some(text)
}

/// The parameters by name and then by value. Some SDKs send them in their own order and leave an asterisk bare, and sign them
/// all the same in order and escaped; a plus is a plus.
fn query(query: Option<&str>) -> Option<String> {
    let mut pairs = Vec::new();
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        if pairs.len() == MOST {
            return None;
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        pairs.push((unescaped(name.bytes()).ok()?, unescaped(value.bytes()).ok()?));
    }
    pairs.sort_unstable();
    let mut text = String::with_capacity(256);
    for (name, value) in &pairs {
        if !text.is_empty() {
            text.push('&');
        }
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    Some(text)
}

/// A signed header's bytes, trimmed: what was signed is not always text. It must have come, and once only.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Vector, request, vectors};

    const HUAWEI: &str = include_str!("../../vectors/huawei.json");

    fn holds(Vector { id, request, secret, json }: &Vector) -> bool {
        let request = request.as_ref().unwrap();
        let authorization = Authorization::read(request.header("authorization").unwrap()).unwrap().unwrap();
        assert_eq!(authorization.access, json["access_key_id"].as_str().unwrap(), "{id}");
        authorization.holds(request, secret)
    }

    #[test]
    fn what_sdks_send_holds() {
        let vectors = vectors(HUAWEI, "hmac_sha256");
        assert_eq!(vectors.len(), 16);
        for vector in vectors {
            let request = vector.request.as_ref().unwrap();
            let authorization = Authorization::read(request.header("authorization").unwrap()).unwrap().unwrap();
            let canonical = String::from_utf8(authorization.canonical_request(request).unwrap()).unwrap();
            assert_eq!(canonical, vector.json["canonical_request"].as_str().unwrap(), "{}", vector.id);
            let text = authorization.string_to_sign(request).unwrap();
            assert_eq!(text, vector.json["string_to_sign"].as_str().unwrap(), "{}", vector.id);
            assert!(holds(&vector), "{}", vector.id);
        }
    }

    #[test]
    fn what_was_changed_on_the_way_does_not() {
        let changed = vectors(HUAWEI, "negative");
        assert_eq!(changed.len(), 7);
        for vector in changed {
            assert!(!holds(&vector), "{}", vector.id);
        }
        for vector in vectors(HUAWEI, "hmac_sha256") {
            let with = |change: &dyn Fn(&mut Request)| {
                let mut request = vector.request.clone().unwrap();
                change(&mut request);
                let (id, json) = (vector.id.clone(), vector.json.clone());
                Vector { id, request: Some(request), secret: Secret::new(vector.secret.expose().clone()), json }
            };
            let payload = |value| {
                move |request: &mut Request| {
                    request.body = bytes::Bytes::from_static(b"{}");
                    request.headers.insert(PAYLOAD, http::HeaderValue::from_static(value));
                }
            };
            assert!(!holds(&with(&|request| request.method = http::Method::PUT)), "{}", vector.id);
            assert!(!holds(&with(&|request| request.path.push_str("/more"))), "{}", vector.id);
            assert!(!holds(&with(&|request| request.path.push_str("%zz"))), "{}", vector.id);
            assert!(!holds(&with(&|request| request.query = Some("a=%".to_owned()))), "{}", vector.id);
            assert!(!holds(&with(&payload("UNSIGNED-PAYLOAD"))), "{}", vector.id);
            assert!(
                !holds(&with(&|request| {
                    request.headers.append("host", http::HeaderValue::from_static("verify.example.com"));
                })),
                "{}",
                vector.id
            );
            assert!(!holds(&with(&|request| drop(request.headers.remove("host")))), "{}", vector.id);
            let mut other = with(&|_| {});
            other.secret = Secret::new(format!("{} ", other.secret.expose()));
            assert!(!holds(&other), "{}", vector.id);
        }
    }

    #[test]
    fn a_header_that_is_not_signed_may_be_added_on_the_way() {
        for mut vector in vectors(HUAWEI, "hmac_sha256") {
            let request = vector.request.as_mut().unwrap();
            request.headers.insert("x-forwarded-for", http::HeaderValue::from_static("192.0.2.7"));
            request.headers.insert("accept", http::HeaderValue::from_static("text/html"));
            assert!(holds(&vector), "{}", vector.id);
        }
    }

    #[test]
    fn other_algorithms_of_the_family_are_told_apart_from_other_families() {
        for vector in vectors(HUAWEI, "other_algorithms") {
            let request = vector.request.unwrap();
            let read = Authorization::read(request.header("authorization").unwrap());
            assert_eq!(read, Some(Err(AuthorizationError::OtherAlgorithm)), "{}", vector.id);
        }
        assert_eq!(Authorization::read("V11-HMAC-SHA256 Credential=a"), Some(Err(AuthorizationError::OtherAlgorithm)));
        for other in ["", "Basic Zm9vOmJhcg==", "ACS3-HMAC-SHA256 Credential=a", "sdk-hmac-sha256 Access=a"] {
            assert_eq!(Authorization::read(other), None, "{other}");
        }
    }

    #[test]
    fn an_authorization_is_read_whole_or_not_at_all() {
        let signature = "0123456789abcdef".repeat(4);
        let whole = format!("{ALGORITHM} Access=AK, SignedHeaders=host;x-sdk-date, Signature={signature}");
        assert!(matches!(Authorization::read(&whole), Some(Ok(read)) if read.access == "AK"));
        for (from, to) in [
            ("Access=AK", "Access="),
            ("Access=AK,", ""),
            ("SignedHeaders=host;x-sdk-date", "SignedHeaders="),
            ("Signature=0", "Signature="),
            ("Signature=0", "Signature=A"),
            ("Signature=0", "Signature=中"),
            ("def", "def,"),
            (" Access", " access"),
        ] {
            let malformed = whole.replacen(from, to, 1);
            assert_eq!(Authorization::read(&malformed), Some(Err(AuthorizationError::Malformed)), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn however_a_client_writes_its_parameters_it_signs_one_text(
            pairs in prop::collection::vec((".{1,6}", ".{0,6}"), 0..8),
            escaped in any::<bool>(),
        ) {
            let written = |pairs: &[(String, String)], escaped: bool| {
                let mut text = String::new();
                for (name, value) in pairs {
                    for part in [name, value] {
                        match part.strip_prefix('*') {
                            Some(rest) if !escaped => {
                                text.push('*');
                                encode(rest, &mut text);
                            }
                            _ => encode(part, &mut text),
                        }
                        text.push('=');
                    }
                    text.pop();
                    text.push('&');
                }
                query(Some(&text)).unwrap()
            };
            let reversed: Vec<_> = pairs.iter().rev().cloned().collect();
            prop_assert_eq!(written(&pairs, true), written(&reversed, escaped));
        }

        #[test]
        fn no_request_panics(target in "/[ -~]{0,30}", names in "[a-z;-]{0,20}", body in ".{0,10}") {
            let authorization = Authorization { access: "AK", signed_headers: &names, signature: [0; 32] };
            prop_assert!(!authorization.holds(&request("POST", &target, &[("host", "a")], &body), &Secret::new(String::new())));
        }
    }
}
