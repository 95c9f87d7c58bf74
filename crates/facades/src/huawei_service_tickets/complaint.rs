use countersign_domain::operations::{CheckCodeError, RedeemTicketError, SendCodeError};
use countersign_domain::ports::RecordsError;
use http::StatusCode;
use serde::Serialize;

use crate::door::{Response, json};
use crate::huawei::{self, CONTENT_TYPE, named};
use crate::problem::is_defect;

/// What this door complains of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// What the gateway before it says, in its words.
    Gate(huawei::Complaint),
    Invalid,
    /// The operator sends nothing there, by this channel at all, or not without a ticket, which this vendor's clients have none of.
    NotAllowed,
    NotVerified,
    TooFrequent,
    Busy,
    Failed,
}

impl From<huawei::Complaint> for Complaint {
    fn from(complaint: huawei::Complaint) -> Self {
        Self::Gate(complaint)
    }
}

#[derive(Serialize)]
struct ErrorJson {
    error_code: &'static str,
    error_msg: &'static str,
}

impl Complaint {
    /// Why no code was sent.
    pub(super) fn of_send(error: &SendCodeError) -> Self {
        match error {
            SendCodeError::ImpossibleNumber => Self::Invalid,
            SendCodeError::Blocked
            | SendCodeError::CountryNotAllowed
            | SendCodeError::TicketRequired
            | SendCodeError::TicketRefused(_) => Self::NotAllowed,
            SendCodeError::NoSender(channel) => {
                // An operator's decision as much as a mistake, and whoever calls decides how often it would stand there.
                tracing::debug!(channel = channel.word(), "a code was asked for that no sender takes");
                Self::NotAllowed
            }
            SendCodeError::Limited { .. } => Self::TooFrequent,
            SendCodeError::Redeem(RedeemTicketError::Limited(_) | RedeemTicketError::Busy(_)) => Self::Busy,
            // No call of this door has an idempotency key.
            SendCodeError::OtherCall => Self::Failed,
            SendCodeError::Template(_) | SendCodeError::Seal(_) => {
                tracing::error!(%error, "no code was sent");
                Self::Failed
            }
            SendCodeError::Records(error) => Self::of_records(error),
        }
    }

    /// Why no code was compared.
    pub(super) fn of_check(error: &CheckCodeError) -> Self {
        match error {
            CheckCodeError::NotACode => Self::Invalid,
            CheckCodeError::Limited(_) => Self::NotVerified,
            CheckCodeError::Records(error) => Self::of_records(error),
        }
    }

    /// What trouble with the records is to the caller: to be tried again, or a defect.
    pub(super) fn of_records(error: &RecordsError) -> Self {
        if is_defect(error) { Self::Failed } else { Self::Busy }
    }

    /// The answer, with the codes and messages of the vendor's table, which has them in English only. Busy is no row of it:
    /// 503 with the table's code for an error of the server is what SDKs try again.
    pub(super) fn response(self, request_id: &str) -> Response {
        let (status, error_code, error_msg) = match self {
            Self::Gate(complaint) => return complaint.response(request_id),
            Self::Invalid => (StatusCode::OK, "OSM.01010001", "Param validation fail."),
            Self::NotAllowed => (StatusCode::OK, "OSM.01010002", "No operation permission."),
            Self::NotVerified => (StatusCode::OK, "OSM.01010010", "Verify not pass."),
            Self::TooFrequent => (StatusCode::OK, "OSM.01010024", "Verify code resend too frequently."),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "OSM.0004", "Service unavailable, try again later."),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "OSM.0004", "Internal Server Error"),
        };
        named(Response::new(status, CONTENT_TYPE, json(&ErrorJson { error_code, error_msg })), request_id)
    }
}
