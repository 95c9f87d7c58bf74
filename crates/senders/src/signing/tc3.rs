//! Tencent's TC3-HMAC-SHA256, for a POST of JSON to `/`.

use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;

use super::{hex, hmac_sha256, sha256_hex, utc};

/// Who signs.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Secret<String>,
}

impl Key {
    /// The header `Authorization` for `body`, sent now to a service's `host`. The call must have the header `Content-Type` as
    /// [`CONTENT_TYPE`], and `X-TC-Timestamp` with these seconds.
    pub(crate) fn sign(&self, service: &str, host: &str, body: &[u8], now: Timestamp) -> String {
        let seconds = now.milliseconds().div_euclid(1_000);
        let date: String = utc(now).chars().take("2026-01-02".len()).collect();
        let payload = sha256_hex(body);
        let canonical = format!("POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\n\ncontent-type;host\n{payload}");
        let scope = format!("{date}/{service}/tc3_request");
        let text = format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let first = Secret::new(format!("TC3{}", self.secret.expose()));
        let of_the_date = hmac_sha256(first.expose().as_bytes(), date.as_bytes());
        let of_the_service = hmac_sha256(&of_the_date, service.as_bytes());
        let signing = hmac_sha256(&of_the_service, b"tc3_request");
        let signature = hex(&hmac_sha256(&signing, text.as_bytes()));
        let id = &self.id;
        format!("TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=content-type;host, Signature={signature}")
    }
}

/// What is signed as the body's type.
pub(crate) const CONTENT_TYPE: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    /// What the vendor's client for Python sent to a server on loopback.
    #[test]
    fn the_signature_is_the_one_of_the_vendors_client() {
        let key = Key {
            id: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".to_owned(),
            secret: Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".to_owned()),
        };
        let body = br#"{"CaptchaType": 9, "Ticket": "tr03XYZ-_*", "UserIp": "127.0.0.1", "Randstr": "@Vki", "CaptchaAppId": 199999164, "AppSecretKey": "E4kwK9AcXQMHkktiItyMEyQPn", "NeedGetCaptchaTime": 1}"#;
        let now = Timestamp::from_milliseconds(1_795_292_084_999);
        assert_eq!(
            key.sign("captcha", "127.0.0.1:46093", body, now),
            "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2026-11-21/captcha/tc3_request, \
             SignedHeaders=content-type;host, \
             Signature=f90dc89ad6e119792d8ded9eb5078e13b436ef5de2de70654270e7e5bad67a2f",
        );
    }
}
