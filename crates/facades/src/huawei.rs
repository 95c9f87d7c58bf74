//! What Huawei Cloud's doors share: the gateway before its services, which knows who calls and says so when it does not.
//!
//! Quirks, from the vendor's pages and from what its SDKs send and read:
//! * A call is signed ([`sdk_hmac_sha256`](crate::signing::sdk_hmac_sha256)) or carries a token of `/v3/auth/tokens`. An SDK can
//!   do both at once, and signs the token's header, too: then the signature decides.
//! * SDKs want `X-Request-Id` on every error, and take a code and a message only where both are there.
//! * An SDK drops the path of its endpoint, so these doors stand at the root of a host. Operations answer with a slash at their
//!   end, too: it is what is signed.
//! * Temporary access keys (`X-Security-Token`) are refused: this server issues none.
//!
//! Choices: an expired signature is `APIGW.0301` like every other fault of one; a key or user without the permission is refused
//! here, with 403, because SDKs raise no error on the 200 of a service's own code for that. Messages are the vendor's, which has
//! them in English only.

mod complaint;
mod query;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::access_key::{AccessKeyId, Permission, Permissions};
use countersign_domain::app::AppId;
use countersign_domain::iam_user::IamUser;
use countersign_domain::operations::{AdmissionError, SignIn, SignedCalls, SignerRefusal, TokenRefusal};
use countersign_domain::ports::Entropy;
use countersign_domain::time::Timestamp;
use http::HeaderName;
use http::header::{AUTHORIZATION, HeaderValue};

pub(crate) use complaint::Complaint;
pub(crate) use query::Query;

use crate::door::{Request, Response};
use crate::signing::sdk_hmac_sha256::{Authorization, AuthorizationError, DATE};

/// The content type of every answer.
pub(crate) const CONTENT_TYPE: &str = "application/json";
const TOKEN: &str = "x-auth-token";
const SECURITY_TOKEN: &str = "x-security-token";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How far the time of a call may lie from ours, either way.
const WINDOW: Duration = Duration::from_mins(15);

/// The gateway.
#[derive(Clone)]
pub(crate) struct Gate {
    signed_calls: Arc<SignedCalls>,
    sign_in: Arc<SignIn>,
}

/// Who calls: believed, and within its limit.
pub(crate) struct Caller {
    /// The app that it speaks for.
    pub(crate) app: AppId,
    /// What it may do.
    pub(crate) permissions: Permissions,
    /// What it is called in the audit trail: an access key's id, or a user's.
    pub(crate) name: String,
    /// The user, where it came with a token.
    pub(crate) user: Option<Arc<IamUser>>,
}

impl Caller {
    /// Whether it may do this.
    pub(crate) fn may(&self, permission: Permission) -> Result<(), Complaint> {
        if self.permissions.allow(permission) { Ok(()) } else { Err(Complaint::NoPermission) }
    }
}

impl Gate {
    pub(crate) fn new(signed_calls: Arc<SignedCalls>, sign_in: Arc<SignIn>) -> Self {
        Self { signed_calls, sign_in }
    }

    /// Who calls. Nothing is spent: this scheme has no nonce.
    pub(crate) async fn admit(&self, request: &Request) -> Result<Caller, Complaint> {
        match request.header(AUTHORIZATION.as_str()).and_then(Authorization::read) {
            Some(Ok(authorization)) => self.signer(request, &authorization).await,
            Some(Err(AuthorizationError::OtherAlgorithm)) => Err(Complaint::OtherAlgorithm),
            Some(Err(AuthorizationError::Malformed)) => Err(Complaint::AuthorizationMalformed),
            None => self.bearer(request).await,
        }
    }

    /// The key that signed a call: its time, its key, its signature, and then its key's limit.
    async fn signer(&self, request: &Request, authorization: &Authorization<'_>) -> Result<Caller, Complaint> {
        let calls = &self.signed_calls;
        if request.headers.contains_key(SECURITY_TOKEN) {
            return Err(Complaint::SecurityToken);
        }
        let signed_at = request.header(DATE).and_then(time).ok_or(Complaint::DateMalformed)?;
        calls.check_time(signed_at, WINDOW).map_err(|_| Complaint::Untimely)?;
        let key = calls.signer(authorization.access).map_err(|refusal| match refusal {
            SignerRefusal::Unknown => Complaint::KeyUnknown,
            SignerRefusal::Disabled => Complaint::KeyDisabled,
        })?;
        if !authorization.holds(request, &key.secret) {
            return Err(self.mismatch(&key.row.id, request.client).await);
        }
        calls.admit(&key.row.id).await.map_err(limited)?;
        let (app, name) = (key.row.app.clone(), key.row.id.as_str().to_owned());
        Ok(Caller { app, permissions: key.row.permissions.clone(), name, user: None })
    }

    /// What is said of a wrong signature: after a few of them, that the key is locked.
    async fn mismatch(&self, key: &AccessKeyId, client: IpAddr) -> Complaint {
        match self.signed_calls.count_wrong(key, client).await {
            Ok(()) => Complaint::Mismatch,
            Err(AdmissionError::Limited(_)) => Complaint::KeyLocked,
            Err(AdmissionError::Busy(_)) => Complaint::Busy,
        }
    }

    async fn bearer(&self, request: &Request) -> Result<Caller, Complaint> {
        let token = request.header(TOKEN).ok_or(Complaint::TokenMissing)?;
        let user = self.sign_in.bearer(token).map_err(|refusal| match refusal {
            TokenRefusal::Unknown | TokenRefusal::Ended => Complaint::TokenUnknown,
            TokenRefusal::Expired(at) => Complaint::TokenExpired(at),
        })?;
        self.sign_in.admit(user.id).await.map_err(limited)?;
        let (app, permissions, name) = (user.app.clone(), user.permissions.clone(), user.id.to_string());
        Ok(Caller { app, permissions, name, user: Some(user) })
    }
}

fn limited(error: AdmissionError) -> Complaint {
    match error {
        AdmissionError::Limited(limited) => Complaint::Throttled(limited),
        AdmissionError::Busy(_) => Complaint::Busy,
    }
}

/// What names a request in its answer and in the log. The vendor's clients read it in the header and in the body, so the door
/// draws it.
pub(crate) fn request_id(entropy: &dyn Entropy) -> String {
    entropy.text(b"0123456789abcdef", 32)
}

/// The same answer under this name.
pub(crate) fn named(response: Response, request_id: &str) -> Response {
    match HeaderValue::from_str(request_id) {
        Ok(value) => response.with_value(REQUEST_ID, value),
        Err(_) => response, // never: it is hexadecimal
    }
}

/// Reads `20260102T030405Z`, and nothing that merely looks like it.
fn time(text: &str) -> Option<Timestamp> {
    let shaped = text.len() == 16
        && text.bytes().zip(b"00000000T000000Z").all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            like => byte == *like,
        });
    let parsed = shaped.then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    parsed.map(|time| Timestamp::from_milliseconds(time.as_millisecond()))
}

#[cfg(test)]
pub(crate) mod tests;
