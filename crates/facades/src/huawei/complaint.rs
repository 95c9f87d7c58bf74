use countersign_domain::rates::Limited;
use countersign_domain::time::Timestamp;
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;

use super::{CONTENT_TYPE, named};
use crate::door::{Refusal, Response, json};
use crate::problem::retry_after;
use crate::views::rfc3339;

/// What the gateway complains of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    TokenMissing,
    TokenUnknown,
    TokenExpired(Timestamp),
    OtherAlgorithm,
    AuthorizationMalformed,
    SecurityToken,
    DateMalformed,
    Untimely,
    KeyUnknown,
    KeyDisabled,
    Mismatch,
    KeyLocked,
    NoPermission,
    NotFound,
    Throttled(Limited),
    BodyTooLarge,
    BodyIncomplete,
    Busy,
    Failed,
}

impl From<Refusal> for Complaint {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BodyTooLarge => Self::BodyTooLarge,
            Refusal::BodyIncomplete => Self::BodyIncomplete,
            Refusal::DeadlineExceeded | Refusal::Busy => Self::Busy,
            Refusal::Failed => Self::Failed,
        }
    }
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    error_code: &'static str,
    error_msg: &'a str,
    request_id: &'a str,
}

impl Complaint {
    /// Status, code and message, of the vendor's tables and of answers that its users have published. Beyond them are the texts
    /// for a security token, another algorithm, a malformed header or date and a disabled key: the vendor's own say less.
    fn words(self) -> (StatusCode, &'static str, String) {
        let words = |status, code, message: &str| (status, code, message.to_owned());
        let unbelieved = |why: &str| {
            let message = format!("Incorrect IAM authentication information: {why}");
            (StatusCode::UNAUTHORIZED, "APIGW.0301", message)
        };
        match self {
            Self::TokenMissing => unbelieved("x-auth-token not found"),
            Self::TokenUnknown => unbelieved("decrypt token fail"),
            Self::TokenExpired(at) => unbelieved(&format!("token expires, expires_at: {}", rfc3339(at))),
            Self::OtherAlgorithm => unbelieved("only SDK-HMAC-SHA256 is supported"),
            Self::AuthorizationMalformed => {
                unbelieved("authorization must be SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...")
            }
            Self::SecurityToken => unbelieved("temporary access keys (x-security-token) are not supported"),
            Self::DateMalformed => unbelieved("x-sdk-date must be yyyymmddThhmmssZ"),
            Self::Untimely => unbelieved("signature expired, x-sdk-date differs by more than 15 minutes"),
            Self::KeyUnknown => unbelieved("Get secretKey failed, the access key does not exist"),
            Self::KeyDisabled => unbelieved("Get secretKey failed, the access key is disabled"),
            Self::Mismatch => unbelieved("verify aksk signature fail"),
            Self::KeyLocked => unbelieved("AK access failed to reach the limit, forbidden"),
            Self::NoPermission => words(
                StatusCode::FORBIDDEN,
                "APIGW.0302",
                "The IAM user is not allowed to access the API: the permission is missing",
            ),
            Self::NotFound => words(
                StatusCode::NOT_FOUND,
                "APIGW.0101",
                "The API does not exist or has not been published in the environment",
            ),
            Self::Throttled(_) => {
                words(StatusCode::TOO_MANY_REQUESTS, "APIGW.0308", "The throttling threshold has been reached")
            }
            Self::BodyTooLarge => words(StatusCode::PAYLOAD_TOO_LARGE, "APIGW.0201", "Request entity too large"),
            Self::BodyIncomplete => words(StatusCode::BAD_REQUEST, "APIGW.0201", "API request error"),
            Self::Busy => words(StatusCode::SERVICE_UNAVAILABLE, "APIGW.0201", "Backend unavailable"),
            Self::Failed => words(StatusCode::INTERNAL_SERVER_ERROR, "APIGW.0601", "Internal server error"),
        }
    }

    /// The answer.
    pub(crate) fn response(self, request_id: &str) -> Response {
        let (status, error_code, error_msg) = self.words();
        let body = ErrorJson { error_code, error_msg: &error_msg, request_id };
        let response = named(Response::new(status, CONTENT_TYPE, json(&body)), request_id);
        match self {
            Self::Throttled(limited) => response.with_value(RETRY_AFTER, retry_after(limited.retry_after)),
            _ => response,
        }
    }
}
