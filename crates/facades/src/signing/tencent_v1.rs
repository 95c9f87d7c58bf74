//! Tencent Cloud's older scheme: an HMAC over method, host, path and parameters, whose values are signed as they are and not
//! escaped. Headers are not covered but for the host, and of the body only its fields.
//!
//! The vendor's page leaves open how names with `_` are put in order, and its clients differ; likewise whether the host's port
//! belongs to the host, and whether a value that begins with `@` (once the sign of a file) is signed in a `POST`. Whoever signs
//! one of these texts has signed this request: none of them can be had from another request of the same parameters' names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use sha1::Sha1;
use sha2::Sha256;

use super::form::{Form, Parameter};

/// The one parameter that is not signed.
pub(crate) const SIGNATURE: &str = "Signature";

/// With what a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    /// What `SignatureMethod` names. Whatever is not exactly the newer one is the older one: so says the vendor.
    pub(crate) fn named(method: Option<&str>) -> Self {
        if method == Some("HmacSHA256") { Self::Sha256 } else { Self::Sha1 }
    }

    /// Whether `signature` is that of `text`, in a time that does not depend on where they differ.
    fn holds(self, text: &str, signature: &[u8], secret: &Secret<String>) -> bool {
        let key = secret.expose().as_bytes();
        match self {
            Self::Sha1 => Hmac::<Sha1>::new_from_slice(key)
                .is_ok_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok()),
            Self::Sha256 => Hmac::<Sha256>::new_from_slice(key)
                .is_ok_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok()),
        }
    }
}

/// How a client spells and orders names.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// In the order in which they are sent, and then with a point for each `_` but a leading one.
    OrderThenPoints,
    /// The same with the leading one, too.
    OrderThenAllPoints,
    /// With points first, and in the order of what came out.
    PointsThenOrder,
    /// As they are sent.
    AsSent,
}

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a Method,
    /// The names under which this server may have been called, the `Host` header's first.
    pub(crate) hosts: &'a [&'a str],
    pub(crate) path: &'a str,
    pub(crate) form: &'a Form,
}

impl Signed<'_> {
    /// Whether `signature` is this request's.
    pub(crate) fn holds(&self, signature: &[u8], algorithm: Algorithm, secret: &Secret<String>) -> bool {
        self.texts().iter().any(|text| algorithm.holds(text, signature, secret))
    }

    /// What clients may have signed, the likeliest first.
    fn texts(&self) -> Vec<String> {
        let parameters: Vec<_> = self.form.iter().filter(|parameter| parameter.name != SIGNATURE).collect();
        let spellings: &[Spelling] = if parameters.iter().any(|parameter| parameter.name.contains('_')) {
            &[Spelling::OrderThenPoints, Spelling::PointsThenOrder, Spelling::OrderThenAllPoints, Spelling::AsSent]
        } else {
            &[Spelling::AsSent]
        };
        let is_file = |parameter: &&Parameter| parameter.value.starts_with('@');
        let has_files = *self.method == Method::POST && parameters.iter().any(is_file);
        let without_files: &[bool] = if has_files { &[true, false] } else { &[false] };
        let mut texts: Vec<String> = Vec::new();
        for without in without_files {
            let signed: Vec<_> =
                parameters.iter().copied().filter(|parameter| !(*without && is_file(parameter))).collect();
            for spelling in spellings {
                let list = listed(&signed, *spelling);
                for host in self.hosts {
                    let text = format!("{}{host}{}?{list}", self.method, self.path);
                    if !texts.contains(&text) {
                        texts.push(text);
                    }
                }
            }
        }
        texts
    }
}

/// `a=1&b=2`, from parameters by name in the order of bytes.
fn listed(parameters: &[&Parameter], spelling: Spelling) -> String {
    let spelled = |name: &str| match spelling {
        Spelling::OrderThenPoints if name.starts_with('_') => name.to_owned(),
        Spelling::OrderThenPoints | Spelling::OrderThenAllPoints | Spelling::PointsThenOrder => name.replace('_', "."),
        Spelling::AsSent => name.to_owned(),
    };
    let mut pairs: Vec<_> = parameters.iter().map(|parameter| (spelled(&parameter.name), &parameter.value)).collect();
    if matches!(spelling, Spelling::PointsThenOrder) {
        pairs.sort();
    }
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// A signature as it is sent; empty, and so nobody's, if it is not Base64.
pub(crate) fn read(signature: &str) -> Vec<u8> {
    STANDARD.decode(signature).unwrap_or_default()
}

/// `host`, and the same without its port, if it has one.
pub(crate) fn with_and_without_port(host: &str) -> impl Iterator<Item = &str> {
    let without = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    std::iter::once(host).chain(without.map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, HOST};
    use proptest::prelude::*;

    use super::*;
    use crate::door::Request;
    use crate::signing::multipart;
    use crate::testing::{Vector, vectors};

    const TENCENT: &str = include_str!("../../vectors/tencent.json");

    fn form(request: &Request) -> Form {
        let (query, content_type) =
            (request.query.as_deref(), request.header(CONTENT_TYPE.as_str()).unwrap_or_default());
        match multipart::boundary(content_type) {
            Some(boundary) => Form::with_fields(query, multipart::fields(&request.body, boundary).unwrap()).unwrap(),
            None => Form::read(query, Some(&request.body)).unwrap(),
        }
    }

    fn holds(request: &Request, secret: &Secret<String>) -> bool {
        let form = form(request);
        let hosts: Vec<_> = with_and_without_port(request.header(HOST.as_str()).unwrap()).collect();
        let signed = Signed { method: &request.method, hosts: &hosts, path: &request.path, form: &form };
        let algorithm = Algorithm::named(form.get("SignatureMethod"));
        signed.holds(&read(form.get(SIGNATURE).unwrap()), algorithm, secret)
    }

    #[test]
    fn what_sdks_send_holds_and_with_another_key_or_parameter_it_does_not() {
        let lists = [("v1", 26), ("v1_of_3", 4), ("v1_fixed", 7), ("v1_documented", 1)];
        for (list, count) in lists {
            let vectors = vectors(TENCENT, list);
            assert_eq!(vectors.len(), count, "{list}");
            for Vector { id, request, secret, json } in vectors {
                let request = request.unwrap();
                assert!(holds(&request, &secret), "{id}");
                let signed = json["string_to_sign"].as_str().unwrap();
                assert_eq!(form(&request).get("SecretId"), json["secret_id"].as_str(), "{id}");
                assert!(signed.starts_with(request.method.as_str()), "{id}");
                assert!(!holds(&request, &Secret::new("another".to_owned())), "{id}");
                let query = format!("{}&more=1", request.query.as_deref().unwrap_or_default());
                assert!(!holds(&Request { query: Some(query), ..request }, &secret), "{id}");
            }
        }
    }

    #[test]
    fn every_way_of_ordering_and_spelling_names_is_one_request() {
        let form = Form::read(Some("a_Zone=1&aZ=2&_b_c=@3&Signature=x"), None).unwrap();
        let texts = |method: &Method, hosts: &[&str]| Signed { method, hosts, path: "/", form: &form }.texts();
        let get = texts(&Method::GET, &["h"]);
        for list in ["_b_c=@3&aZ=2&a.Zone=1", ".b.c=@3&a.Zone=1&aZ=2", ".b.c=@3&aZ=2&a.Zone=1", "_b_c=@3&aZ=2&a_Zone=1"]
        {
            assert!(get.contains(&format!("GETh/?{list}")), "{list} is none of {get:?}");
        }
        assert_eq!(get.len(), 4);
        let post = texts(&Method::POST, &["h:1", "h"]);
        assert!(post.contains(&"POSTh:1/?aZ=2&a.Zone=1".to_owned()), "{post:?}");
        assert!(post.contains(&"POSTh/?_b_c=@3&aZ=2&a.Zone=1".to_owned()), "{post:?}");
    }

    #[test]
    fn a_host_may_lose_its_port() {
        for (host, expected) in [
            ("127.0.0.1:8080", &["127.0.0.1:8080", "127.0.0.1"][..]),
            ("example.com", &["example.com"]),
            ("[::1]:8080", &["[::1]:8080", "[::1]"]),
            ("[::1]", &["[::1]"]),
        ] {
            assert_eq!(with_and_without_port(host).collect::<Vec<_>>(), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn no_request_panics(query in "[ -~]{0,60}", signature in ".{0,30}", host in ".{0,10}") {
            let hosts: Vec<_> = with_and_without_port(&host).collect();
            if let Ok(form) = Form::read(Some(&query), None) {
                let signed = Signed { method: &Method::POST, hosts: &hosts, path: "/", form: &form };
                prop_assert!(!signed.holds(&read(&signature), Algorithm::Sha1, &Secret::new("secret".to_owned())));
            }
        }
    }
}
