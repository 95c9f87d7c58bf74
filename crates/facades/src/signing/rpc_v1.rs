//! Alibaba's older scheme for RPC calls: HMAC-SHA1 over method and parameters. Its `SignatureVersion` is 1.0, while some of
//! the vendor's pages call it V2. Headers are not covered, and of the body only a form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use sha1::Sha1;

use super::form::{Form, encode};

/// The one parameter that is not signed.
pub(crate) const SIGNATURE: &str = "Signature";

/// What a client signs.
pub(crate) fn string_to_sign(method: &Method, form: &Form) -> String {
    let canonical = form.canonical(|parameter| parameter.name != SIGNATURE);
    let mut text = String::with_capacity(method.as_str().len() + 5 + canonical.len() * 3 / 2);
    text.push_str(method.as_str());
    text.push_str("&%2F&");
    encode(&canonical, &mut text);
    text
}

/// Whether `signature`, in Base64, is that of `string_to_sign`, in a time that does not depend on where they differ.
pub(crate) fn holds(string_to_sign: &str, signature: &str, secret: &Secret<String>) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let key = Secret::new([secret.expose().as_bytes(), b"&"].concat());
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(key.expose()) else { return false };
    mac.chain_update(string_to_sign).verify_slice(&signature).is_ok()
}
