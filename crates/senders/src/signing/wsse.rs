//! Huawei's use of WSSE: a digest of a nonce, the time and the secret. It says who calls and when, and nothing of what: that
//! the call is as it was written only TLS says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::ports::Entropy;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{hex, utc};

/// What stands in the header `Authorization` beside the digest.
pub(crate) const AUTHORIZATION: &str = r#"WSSE realm="SDP",profile="UsernameToken",type="Appkey""#;

/// Who calls.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: Secret<String>,
}

impl Key {
    /// The header `X-WSSE` of a call that is made now.
    pub(crate) fn token(&self, now: Timestamp, entropy: &dyn Entropy) -> String {
        self.token_with(&utc(now), &hex(&entropy.array::<16>()))
    }

    fn token_with(&self, created: &str, nonce: &str) -> String {
        let digest =
            Sha256::new().chain_update(nonce).chain_update(created).chain_update(self.secret.expose()).finalize();
        let (id, digest) = (&self.id, STANDARD.encode(digest));
        format!(r#"UsernameToken Username="{id}",PasswordDigest="{digest}",Nonce="{nonce}",Created="{created}""#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the formula of the vendor's manual by openssl, not by this code:
    /// `printf '%s' NONCE CREATED SECRET | openssl dgst -sha256 -binary | base64`.
    #[test]
    fn the_digest_is_the_one_of_the_manuals_formula() {
        let key = Key { id: "AppKey".to_owned(), secret: Secret::new("hwSecretExampleKey".to_owned()) };
        assert_eq!(
            key.token_with("2026-01-02T03:04:05Z", "d36316523bd746d587dadf5fb2d6a2b3"),
            r#"UsernameToken Username="AppKey",PasswordDigest="y/B+G3T4+1eMAUSw8q4b0JsWIhkrGLfkXfXy3hv+v88=",Nonce="d36316523bd746d587dadf5fb2d6a2b3",Created="2026-01-02T03:04:05Z""#,
        );
    }
}
