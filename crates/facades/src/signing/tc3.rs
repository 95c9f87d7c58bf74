//! Tencent Cloud's newer scheme, `TC3-HMAC-SHA256`: method, query, the headers that the client lists, and the body by its hash.
//!
//! It has a time to the second and no nonce: two equal calls within a second carry equal signatures, and SDKs send such. So a
//! signature that comes again is no replay by itself, and whoever uses this scheme must make its operations safe to repeat.
//!
//! Clients differ in what they call the host: one leaves its port out. And one takes the service from the first label of the
//! host, whatever that is; so the service is the one that the client names, and only the operation says what it wants.

use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::hex;
use crate::door::{Request, header};

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const TERMINATOR: &str = "tc3_request";
/// The hash of the body, as the client says, where it leaves the body unsigned.
const PAYLOAD: &str = "x-tc-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// When the request was signed, in seconds since 1970.
pub(crate) const TIMESTAMP: &str = "x-tc-timestamp";
/// Most headers that are signed.
const MOST: usize = 100;

/// An `Authorization` header of this scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    /// The access key's id.
    pub(crate) key_id: &'a str,
    /// As `2019-02-25`.
    date: &'a str,
    service: &'a str,
    /// The names as the client lists them, separated by semicolons.
    signed_headers: &'a str,
    signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    /// Reads the header's value; `None` if it is not
    /// `TC3-HMAC-SHA256 Credential=…/date/service/tc3_request, SignedHeaders=…, Signature=…`.
    pub(crate) fn read(value: &'a str) -> Option<Self> {
        let mut parts = value.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',');
        let mut next = |name| parts.next()?.trim().strip_prefix(name).filter(|value: &&str| !value.is_empty());
        let (credential, signed_headers) = (next("Credential=")?, next("SignedHeaders=")?);
        let signature = hex::read(next("Signature=")?)?;
        let mut scope = credential.split('/');
        let (key_id, date, service) = (scope.next()?, scope.next()?, scope.next()?);
        let is_whole = scope.next() == Some(TERMINATOR) && scope.next().is_none() && parts.next().is_none();
        is_whole.then_some(Self { key_id, date, service, signed_headers, signature })
    }

    /// Whether the signature is that of `request`, by one of the `hosts` at `timestamp`, in a time that does not depend on where
    /// they differ.
    pub(crate) fn holds(&self, request: &Request, hosts: &[&str], timestamp: &str, secret: &Secret<String>) -> bool {
        // The key is of a day: one of another day would make a stolen key last.
        let is_dated = timestamp.parse().is_ok_and(|seconds| day(seconds).is_some_and(|day| day == self.date));
        if !is_dated {
            return false;
        }
        hosts.iter().any(|host| {
            let text = self.string_to_sign(request, host, timestamp);
            text.is_some_and(|text| {
                self.mac(&text, secret).is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
            })
        })
    }

    /// What the client should have signed; `None` where what came cannot have been signed by anybody.
    fn string_to_sign(&self, request: &Request, host: &str, timestamp: &str) -> Option<String> {
        let hash = hex::write(&Sha256::digest(self.canonical_request(request, host)?).into());
        Some(format!("{ALGORITHM}\n{timestamp}\n{}/{}/{TERMINATOR}\n{hash}", self.date, self.service))
    }

    /// `None` also where the host or the body's type is not covered: both decide what the request means.
    fn canonical_request(&self, request: &Request, host: &str) -> Option<Vec<u8>> {
        let names: Vec<_> = self.signed_headers.split(';').collect();
        if names.len() > MOST || !["content-type", "host"].iter().all(|name| names.contains(name)) {
            return None;
        }
        let payload = match header(&request.headers, PAYLOAD) {
            Some(UNSIGNED) => Sha256::digest(UNSIGNED),
            _ => Sha256::digest(&request.body),
        };
        let mut bytes = Vec::with_capacity(1_024);
        for line in [request.method.as_str(), &request.path, request.query.as_deref().unwrap_or_default()] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for name in names {
            let value = if name == "host" { host.as_bytes() } else { value(&request.headers, name)? };
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            // The vendor's page wants values in small letters; its SDKs sign them as they are, and send them in small ones.
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(self.signed_headers.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(hex::write(&payload.into()).as_bytes());
        Some(bytes)
    }

    fn mac(&self, text: &str, secret: &Secret<String>) -> Option<Hmac<Sha256>> {
        let mut key = Secret::new([b"TC3", secret.expose().as_bytes()].concat());
        for part in [self.date, self.service, TERMINATOR] {
            let mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?.chain_update(part);
            key = Secret::new(mac.finalize().into_bytes().to_vec());
        }
        Some(Hmac::<Sha256>::new_from_slice(key.expose()).ok()?.chain_update(text))
    }
}

/// The day of UTC in which a time lies, as `2019-02-25`.
fn day(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string())
}

/// A signed header's bytes, trimmed. It must have come, and once only.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use proptest::prelude::*;

    use super::*;
    use crate::signing::tencent_v1::with_and_without_port;
    use crate::testing::{Vector, request, vectors};

    const TENCENT: &str = include_str!("../../vectors/tencent.json");

    fn holds(Vector { request, secret, json, .. }: &Vector) -> bool {
        let request = request.as_ref().unwrap();
        let authorization = Authorization::read(request.header("authorization").unwrap()).unwrap();
        assert_eq!(authorization.key_id, json["secret_id"].as_str().unwrap());
        let hosts: Vec<_> = with_and_without_port(request.header(HOST.as_str()).unwrap()).collect();
        authorization.holds(request, &hosts, request.header(TIMESTAMP).unwrap(), secret)
    }

    #[test]
    fn what_sdks_send_holds_and_with_another_key_body_or_query_it_does_not() {
        let vectors: Vec<_> = vectors(TENCENT, "tc3");
        assert_eq!(vectors.len(), 7);
        for mut vector in vectors {
            assert!(holds(&vector), "{}", vector.id);
            let unsigned = vector.request.as_ref().unwrap().headers.contains_key(PAYLOAD);
            let whole = vector.request.clone().unwrap();
            let body = [&whole.body[..], b" "].concat();
            vector.request = Some(Request { body: body.into(), ..whole.clone() });
            assert_eq!(holds(&vector), unsigned, "{}", vector.id);
            vector.request = Some(Request { query: Some("a=b".to_owned()), ..whole.clone() });
            assert!(!holds(&vector), "{}", vector.id);
            vector.request = Some(whole);
            vector.secret = Secret::new("another".to_owned());
            assert!(!holds(&vector), "{}", vector.id);
        }
    }

    #[test]
    fn the_documented_example_holds_and_not_on_another_day() {
        let [Vector { json, secret, .. }] = &vectors(TENCENT, "tc3_documented")[..] else { panic!("one example") };
        let hosts = ["cvm.tencentcloudapi.com"];
        let headers = [("host", hosts[0]), ("content-type", "application/json; charset=utf-8")];
        let request = request("POST", "/", &headers, json["body"].as_str().unwrap());
        let authorization = Authorization::read(json["authorization"].as_str().unwrap()).unwrap();
        assert!(authorization.holds(&request, &hosts, "1551113065", secret));
        assert!(!authorization.holds(&request, &hosts, "1551113066", secret));
        assert!(!Authorization { date: "2019-02-26", ..authorization }.holds(&request, &hosts, "1551113065", secret));
    }

    #[test]
    fn an_authorization_is_read_whole_or_not_at_all() {
        let whole = format!(
            "{ALGORITHM} Credential=AK/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature={}",
            "0123456789abcdef".repeat(4)
        );
        assert!(Authorization::read(&whole).is_some_and(|read| read.key_id == "AK"));
        for (from, to) in
            [("TC3", "TC4"), ("/cvm", ""), ("tc3_request", "x"), ("=content", "= "), ("Signature=0", "Signature=")]
        {
            let torn = whole.replacen(from, to, 1);
            let read = Authorization::read(&torn);
            assert!(read.is_none() || to == "= ", "{torn}");
        }
    }

    proptest! {
        #[test]
        fn no_request_panics(value in ".{0,80}", target in "/[ -~]{0,30}", seconds in any::<i64>(), names in "[a-z;-]{0,20}") {
            let _whatever = Authorization::read(&value);
            let _none = day(seconds);
            let authorization = Authorization {
                key_id: "AK", date: "2019-02-25", service: "captcha", signed_headers: &names, signature: [0; 32],
            };
            let request = request("POST", &target, &[("host", "a")], "");
            prop_assert!(!authorization.holds(&request, &["a"], "1551113065", &Secret::new(String::new())));
        }
    }
}
