use std::time::Duration;

use countersign_domain::ports::RecordsError;
use countersign_domain::rates::Limited;
use http::StatusCode;

use crate::door::Refusal;
use crate::problem::is_defect;

/// What this gateway and its operations complain of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    MethodUnsupported,
    Unreadable,
    TooManyParameters,
    Repeated(String),
    FormatUnknown,
    Missing(&'static str),
    Invalid(&'static str),
    /// Well written, and senseless: what is wrong with it, in a sentence.
    Senseless(&'static str, String),
    IllegalParameter,
    TooManyInstallCodes,
    TooManySites,
    /// The owner of a CEN can be none.
    CenOwnerInvalid,
    /// The CEN is not that owner's; or there is none, or no such owner.
    CenNotTheirs,
    CodeWrong,
    CodeGuessedOut,
    /// As many codes were sent as may be, and for how long.
    TooManyCodes(Duration),
    SignatureMethod,
    SignatureIncomplete,
    SecurityToken,
    TimestampFormat,
    TimestampExpired,
    KeyUnknown,
    KeyInactive,
    MismatchRpcV1(String),
    MismatchAcs3 {
        string_to_sign: String,
        canonical_request: String,
    },
    NonceUsed,
    VersionUnknown,
    ActionUnknown,
    NoPermission,
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

impl Complaint {
    /// What trouble with the records is to the caller: to be tried again, or a defect.
    pub(super) fn of_records(error: &RecordsError) -> Self {
        if is_defect(error) { Self::Failed } else { Self::Busy }
    }

    /// The word by which one operation answers this instead of complaining.
    pub(super) fn cen_status(&self) -> Option<&'static str> {
        match self {
            Self::CenOwnerInvalid => Some("InvalidCen.CenUidInvalid"),
            Self::CenNotTheirs => Some("InvalidCen.ParameterCenInstanceId"),
            // What needs a code and has none has no right one.
            Self::CodeWrong | Self::Missing("VerifyCode") => Some("VerifyCode.InvalidTokenCode"),
            Self::CodeGuessedOut => Some("VerifyCode.ReachTokenRetryTime"),
            _ => None,
        }
    }

    /// Status, code and message.
    ///
    /// Codes and messages are those of the vendor's tables and of answers that its users have published; it has them in
    /// English only, whatever the caller's language. Choices, where the tables leave one: a token of a security token service
    /// does not match any key here, for there are none; a parameter that stands twice, a body that is no text or too large is
    /// `InvalidParameter`, the gateway's word for what it cannot read.
    pub(super) fn words(&self) -> (StatusCode, String, String) {
        let words = |status, code: &str, message: &str| (status, code.to_owned(), message.to_owned());
        let bad = |code, message| words(StatusCode::BAD_REQUEST, code, message);
        match self {
            Self::MethodUnsupported => bad("UnsupportedHTTPMethod", "This http method is not supported."),
            Self::Unreadable => bad("InvalidParameter", "The parameters are not form-encoded UTF-8."),
            Self::TooManyParameters => bad("InvalidParameter", "The request has too many parameters."),
            Self::Repeated(name) => bad("InvalidParameter", &format!("Specified parameter {name} is not valid.")),
            Self::FormatUnknown => bad("InvalidParameter.Format", "Specified parameter format is not valid."),
            Self::Missing(name) => bad(&format!("Missing{name}"), &format!("{name} is mandatory for this action.")),
            Self::Invalid(name) => bad(&format!("Invalid{name}"), &format!("Specified parameter {name} is not valid.")),
            Self::Senseless(name, why) => {
                bad(&format!("Invalid{name}"), &format!("Specified parameter {name} is not valid. {why}"))
            }
            Self::IllegalParameter => bad("IllegalParameter", "Illegal parameter, please check the param."),
            Self::TooManyInstallCodes => bad(
                "QuotaExceeded.InstallCode",
                "The number of valid install codes exceeds the quota: delete one, or wait for one to expire.",
            ),
            Self::TooManySites => {
                bad("QuotaExceeded.OfficeSite", "The number of office sites exceeds the quota: have one removed.")
            }
            Self::CenOwnerInvalid => bad("InvalidCen.CenUidInvalid", "The specified Alibaba Cloud account is invalid."),
            Self::CenNotTheirs => bad(
                "InvalidCen.ParameterCenInstanceId",
                "The specified CEN instance does not belong to the specified Alibaba Cloud account.",
            ),
            Self::CodeWrong => bad("VerifyCode.InvalidTokenCode", "The verification code is invalid."),
            Self::CodeGuessedOut => bad(
                "VerifyCode.ReachTokenRetryTime",
                "The maximum number of times for entering a verification code is reached.",
            ),
            Self::TooManyCodes(_) => words(
                StatusCode::CONFLICT,
                "SendValidateCodeExceedsLimitForAccount",
                "The number of verification codes sent for the account exceeds the limit.",
            ),
            Self::SignatureMethod => bad("InvalidSignatureMethod", "Specified signature method is not valid."),
            Self::SignatureIncomplete => {
                bad("IncompleteSignature", "The request signature does not conform to Aliyun standards.")
            }
            Self::SecurityToken => bad(
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken does not match the access key: this server issues no security tokens.",
            ),
            Self::TimestampFormat => {
                bad("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
            }
            Self::TimestampExpired => bad("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."),
            Self::KeyUnknown => {
                words(StatusCode::NOT_FOUND, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
            }
            Self::KeyInactive => bad("InvalidAccessKeyId.Inactive", "Specified access key is disabled."),
            // Clients compare what follows the colon with what they signed: nothing may follow it.
            Self::MismatchRpcV1(string_to_sign) => bad(
                "SignatureDoesNotMatch",
                &format!(
                    "Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
                ),
            ),
            Self::MismatchAcs3 { string_to_sign, canonical_request } => bad(
                "SignatureDoesNotMatch",
                &format!(
                    "Specified signature does not match our calculation. server StringToSign is [{string_to_sign}] \
                     server CanonicalRequest is [{canonical_request}]"
                ),
            ),
            Self::NonceUsed => bad("SignatureNonceUsed", "Specified signature nonce was used already."),
            Self::VersionUnknown => bad("InvalidVersion", "Specified parameter Version is not valid."),
            Self::ActionUnknown => words(
                StatusCode::NOT_FOUND,
                "InvalidAction.NotFound",
                "Specified api is not found, please check your url and method.",
            ),
            Self::NoPermission => words(StatusCode::FORBIDDEN, "NoPermission", "caller has no permission"),
            Self::Throttled(_) => bad("Throttling.User", "Request was denied due to user flow control."),
            Self::BodyTooLarge => {
                words(StatusCode::PAYLOAD_TOO_LARGE, "InvalidParameter", "The request body exceeds 64 KiB.")
            }
            Self::BodyIncomplete => bad("InvalidParameter", "The request body did not arrive in time."),
            Self::Busy => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The request has failed due to a temporary failure of the server.",
            ),
            Self::Failed => words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "The request processing has failed due to some unknown error.",
            ),
        }
    }
}
