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
        let has_files = *self.method == Method::POST && parameters.iter().any(|parameter| is_file(&parameter));
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
