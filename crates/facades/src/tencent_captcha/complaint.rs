use countersign_domain::rates::Limited;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::door::{Refusal, Response, json};

/// What can be wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    MethodUnsupported,
    Unreadable,
    TooManyParameters,
    Repeated,
    Missing(&'static str),
    Invalid(&'static str),
    Mismatch,
    NoPermission,
    KeyUnknown,
    TokenUnsupported,
    KeyInactive,
    Throttled(Limited),
    Untimely,
    NonceUsed,
    TicketRefused,
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
    /// The vendor's code, its word for it, and what is wrong: in Chinese, and the same in English. Of the words only
    /// `AuthFailure` is attested.
    fn words(self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::MethodUnsupported => (4000, "InvalidParameter", "仅支持 GET 与 POST", "use GET or POST"),
            Self::Unreadable => (4000, "InvalidParameter", "无法读取参数", "the parameters cannot be read"),
            Self::TooManyParameters => (4000, "InvalidParameter", "参数过多", "too many parameters"),
            Self::Repeated => (4000, "InvalidParameter", "参数重复", "a parameter stands twice"),
            Self::Missing(_) => (4000, "InvalidParameter", "缺少参数", "a parameter is missing"),
            Self::Invalid(_) => (4000, "InvalidParameter", "参数取值错误", "a parameter is out of range"),
            Self::BodyTooLarge => (4000, "InvalidParameter", "请求过大", "the request is too large"),
            Self::BodyIncomplete => (4000, "InvalidParameter", "请求未按时到达", "the request did not arrive in time"),
            Self::Mismatch => (4100, "AuthFailure", "身份认证失败，签名不匹配", "the signature does not match"),
            Self::NoPermission => (4101, "UnauthorizedOperation", "密钥没有此接口的权限", "the key may not do this"),
            Self::KeyUnknown => (4104, "SecretIdNotFound", "SecretId 不存在", "no such SecretId"),
            Self::TokenUnsupported => (4105, "TokenError", "不支持临时密钥", "temporary keys are not supported"),
            Self::KeyInactive => (4300, "AccessDenied", "密钥或其应用已停用", "the key or its app is disabled"),
            Self::Throttled(_) => {
                (4400, "QuotaExceeded", "请求过于频繁，请稍后重试", "too many calls, try again later")
            }
            Self::Untimely => (4500, "ReplayAttack", "Timestamp 与服务器时间相差过大", "Timestamp is too far from now"),
            Self::NonceUsed => {
                (4500, "ReplayAttack", "请求重复，请更换 Nonce", "the call was made before, draw another Nonce")
            }
            Self::TicketRefused => (5100, "OperationFailed", "验证失败，票据无效", "the ticket does not count"),
            Self::DeadlineExceeded => (6000, "InternalError", "处理超时", "the call took too long"),
            Self::Failed => (6000, "InternalError", "服务器内部错误", "internal error"),
            Self::ActionUnknown => (6100, "ActionNotSupported", "不支持的 Action", "no such Action"),
            Self::Busy => (6200, "ServiceUnavailable", "服务繁忙，请稍后重试", "busy, try again in a moment"),
        }
    }

    /// The answer: HTTP 200, as every answer of this door.
    pub(super) fn response(self) -> Response {
        let (code, word, chinese, english) = self.words();
        let message = match self {
            Self::Missing(name) | Self::Invalid(name) => format!("({code}){chinese}：{name} ({english})"),
            _ => format!("({code}){chinese} ({english})"),
        };
        let body = json(&json!({ "code": code, "message": message, "codeDesc": word }));
        let response = Response::new(StatusCode::OK, "application/json", body);
        match self {
            Self::Throttled(limited) => {
                response.with_value(RETRY_AFTER, HeaderValue::from(limited.retry_after.as_secs() + 1))
            }
            _ => response,
        }
    }
}
