use countersign_domain::language::Language;
use countersign_domain::usage::Step;
use serde_json::{Value, json};

use crate::door::Refusal;

/// What a ticket is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    OtherRandstr,
    Expired,
    Reused,
    Unreadable,
    OtherApp,
    Disaster,
    Busy,
    WrongSecret,
}

impl Verdict {
    /// The vendor's number and words, which it has in English only.
    pub(super) fn words(self) -> (u8, &'static str) {
        match self {
            Self::Passed => (1, "OK"),
            Self::OtherRandstr => (7, "captcha no match"),
            Self::Expired => (8, "ticket expired"),
            Self::Reused => (9, "ticket reused"),
            Self::Unreadable => (15, "decrypt fail"),
            Self::OtherApp => (16, "appid-ticket mismatch"),
            Self::Disaster => (21, "ticket diff"),
            Self::Busy => (26, "system busy"),
            Self::WrongSecret => (100, "appid-secretkey-ticket mismatch"),
        }
    }

    /// What it counts as; `None` where nothing was found about the ticket.
    pub(super) fn step(self) -> Option<Step> {
        match self {
            Self::Passed => Some(Step::Passed),
            Self::OtherRandstr
            | Self::Expired
            | Self::Reused
            | Self::Unreadable
            | Self::OtherApp
            | Self::Disaster
            | Self::WrongSecret => Some(Step::Refused),
            Self::Busy => None,
        }
    }
}

/// What can be wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    MethodUnsupported,
    Unreadable,
    Repeated,
    AuthorizationInvalid,
    Missing(&'static str),
    Invalid(&'static str),
    TokenUnsupported,
    Untimely,
    KeyUnknown,
    KeyInactive,
    Mismatch,
    NonceUsed,
    Throttled,
    NoPermission,
    VersionUnknown,
    ActionUnknown,
    BodyTooLarge,
    BodyIncomplete,
    DeadlineExceeded,
    Failed,
    Busy,
}

impl From<Refusal> for Complaint {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BodyTooLarge => Self::BodyTooLarge,
            Refusal::BodyIncomplete => Self::BodyIncomplete,
            Refusal::DeadlineExceeded => Self::DeadlineExceeded,
            Refusal::Busy => Self::Busy,
            Refusal::Failed => Self::Failed,
        }
    }
}

impl Complaint {
    /// The vendor's code, and what is wrong, in Chinese and in English.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::MethodUnsupported => ("UnsupportedProtocol", "仅支持 GET 与 POST", "Use GET or POST"),
            Self::Unreadable => ("InvalidParameter", "无法读取参数", "The parameters cannot be read"),
            Self::Repeated => ("InvalidParameter", "参数重复", "A parameter stands twice"),
            Self::Missing(_) => ("MissingParameter", "缺少参数", "A parameter is missing"),
            Self::Invalid(_) => ("InvalidParameter", "参数取值错误", "A parameter is out of range"),
            Self::BodyTooLarge => ("RequestSizeLimitExceeded", "请求过大", "The request is too large"),
            Self::BodyIncomplete => ("InvalidParameter", "请求未按时到达", "The request did not arrive in time"),
            Self::AuthorizationInvalid => (
                "AuthFailure.InvalidAuthorization",
                "请求头部的 Authorization 不符合规范",
                "The Authorization header is missing or malformed",
            ),
            Self::TokenUnsupported => {
                ("AuthFailure.TokenFailure", "不支持临时密钥", "Temporary keys are not supported")
            }
            Self::Untimely => (
                "AuthFailure.SignatureExpire",
                "签名过期：时间戳与服务器时间相差过大",
                "The timestamp is too far from now",
            ),
            Self::NonceUsed => (
                "AuthFailure.SignatureExpire",
                "请求重复，请更换 Nonce",
                "The call was made before: draw another Nonce",
            ),
            Self::KeyUnknown => ("AuthFailure.SecretIdNotFound", "SecretId 不存在", "No such SecretId"),
            Self::KeyInactive => {
                ("AuthFailure.InvalidSecretId", "密钥或其应用已停用", "The key or its app is disabled")
            }
            Self::Mismatch => ("AuthFailure.SignatureFailure", "请求签名验证失败", "The signature does not match"),
            Self::NoPermission => {
                ("UnauthorizedOperation.Unauthorized", "密钥没有此接口的权限", "The key may not do this")
            }
            Self::Throttled => ("RequestLimitExceeded", "请求过于频繁，请稍后重试", "Too many calls: try again later"),
            Self::VersionUnknown => ("NoSuchVersion", "接口版本不存在", "No such version"),
            Self::ActionUnknown => ("InvalidAction", "接口不存在", "No such action"),
            Self::DeadlineExceeded => ("InternalError", "处理超时", "The call took too long"),
            Self::Failed => ("InternalError", "服务器内部错误", "Internal error"),
            Self::Busy => ("ResourceUnavailable", "服务繁忙，请稍后重试", "Busy: try again in a moment"),
        }
    }

    /// As the answer has it, but for the request's id.
    pub(super) fn members(self, language: Language) -> Value {
        let (code, chinese, english) = self.words();
        let message = match language {
            Language::Chinese => chinese,
            Language::English => english,
        };
        let message = match self {
            Self::Missing(name) | Self::Invalid(name) => format!("{message} ({name})"),
            _ => message.to_owned(),
        };
        json!({ "Error": { "Code": code, "Message": message } })
    }
}
