//! Alibaba's ACS3-HMAC-SHA256, for calls whose parameters stand in the query.

use countersign_domain::ports::Entropy;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{hex, hmac_sha256, sha256_hex, utc};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who signs.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Secret<String>,
}

/// A call that is to be signed.
pub(crate) struct Call<'a> {
    pub(crate) host: &'a str,
    pub(crate) action: &'a str,
    pub(crate) version: &'a str,
    /// In any order.
    pub(crate) parameters: Vec<(&'a str, String)>,
}

/// What the signed call is made of: a POST to `/` without a body.
pub(crate) struct Signed {
    pub(crate) query: String,
    /// All headers but `host`.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Key {
    /// Signs a call that is made now.
    pub(crate) fn sign(&self, call: &Call<'_>, now: Timestamp, entropy: &dyn Entropy) -> Signed {
        let nonce = hex(&entropy.array::<16>());
        self.sign_with(call, utc(now), nonce)
    }

    fn sign_with(&self, call: &Call<'_>, date: String, nonce: String) -> Signed {
        let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let mut pairs: Vec<_> = call.parameters.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        pairs.sort();
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let payload = sha256_hex(b"");
        // In the order of their names, as the scheme wants them.
        let mut headers = vec![
            ("host", call.host.to_owned()),
            ("x-acs-action", call.action.to_owned()),
            ("x-acs-content-sha256", payload.clone()),
            ("x-acs-date", date),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", call.version.to_owned()),
        ];
        let lines = headers.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join("\n");
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let canonical = format!("POST\n/\n{query}\n{lines}\n\n{names}\n{payload}");
        let text = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
        let signature = hex(&hmac_sha256(self.secret.expose().as_bytes(), text.as_bytes()));
        let id = &self.id;
        headers.retain(|(name, _)| *name != "host");
        headers.push((
            "authorization",
            format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}"),
        ));
        Signed { query, headers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, secret: &str) -> Key {
        Key { id: id.to_owned(), secret: Secret::new(secret.to_owned()) }
    }

    fn signature(signed: &Signed) -> &str {
        let (name, value) = signed.headers.last().unwrap();
        assert_eq!(*name, "authorization");
        value.split_once("Signature=").unwrap().1
    }

    /// The example with fixed values of the vendor's page on this scheme.
    #[test]
    fn the_signature_is_the_one_of_the_vendors_example() {
        let call = Call {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            parameters: vec![
                ("RegionId", "cn-shanghai".to_owned()),
                ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd".to_owned()),
            ],
        };
        let (date, nonce) = ("2023-10-26T10:22:32Z".to_owned(), "3156853299f313e23d1673dc12e1703d".to_owned());
        let signed = key("YourAccessKeyId", "YourAccessKeySecret").sign_with(&call, date, nonce);
        assert_eq!(signature(&signed), "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
    }

    #[test]
    fn a_value_stays_in_its_place() {
        let call = Call {
            host: "a.example",
            action: "A",
            version: "1",
            parameters: vec![("b", "1 &~*=验".to_owned()), ("B", String::new())],
        };
        let signed = key("a", "b").sign_with(&call, String::new(), String::new());
        assert_eq!(signed.query, "B=&b=1%20%26~%2A%3D%E9%AA%8C");
    }
}
