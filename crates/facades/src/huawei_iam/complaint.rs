use countersign_domain::rates::Limited;
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;

use crate::door::{Response, json};
use crate::huawei::{self, CONTENT_TYPE, named};
use crate::problem::retry_after;

/// What this door complains of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// What the gateway before it says, in its words.
    Gate(huawei::Complaint),
    /// What is wrong with the request.
    Malformed(&'static str),
    WrongPassword,
    OtherScope,
    TooOften(Limited),
}

impl From<huawei::Complaint> for Complaint {
    fn from(complaint: huawei::Complaint) -> Self {
        Self::Gate(complaint)
    }
}

#[derive(Serialize)]
struct ErrorJson {
    error: KeystoneJson,
}

#[derive(Serialize)]
struct KeystoneJson {
    code: u16,
    message: String,
    title: &'static str,
}

impl Complaint {
    /// The answer. The message for a wrong password is the vendor's, and one for every reason.
    pub(super) fn response(self, request_id: &str) -> Response {
        let (status, title, message) = match self {
            Self::Gate(complaint) => return complaint.response(request_id),
            Self::Malformed(why) => {
                (StatusCode::BAD_REQUEST, "Bad Request", format!("The request body is invalid: {why}."))
            }
            Self::WrongPassword => {
                (StatusCode::UNAUTHORIZED, "Unauthorized", "The username or password is wrong.".to_owned())
            }
            Self::OtherScope => {
                (StatusCode::UNAUTHORIZED, "Unauthorized", "The scope is not one of the user's.".to_owned())
            }
            Self::TooOften(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too Many Requests",
                "Too many attempts to sign in. Try again later.".to_owned(),
            ),
        };
        let body = ErrorJson { error: KeystoneJson { code: status.as_u16(), message, title } };
        let response = named(Response::new(status, CONTENT_TYPE, json(&body)), request_id);
        match self {
            Self::TooOften(limited) => response.with_value(RETRY_AFTER, retry_after(limited.retry_after)),
            _ => response,
        }
    }
}
