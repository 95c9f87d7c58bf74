use countersign_domain::rates::Limited;
use http::StatusCode;

use crate::door::Refusal;

/// What this door complains of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    ParameterBlank(&'static str),
    Malformed,
    DeviceIncomplete,
    AppUnknown,
    AppDisabled,
    CoordinatesMissing,
    TokenMissing,
    TokenDead,
    PointUnreadable,
    SenderUnusable,
    WrongPlace,
    NotFound,
    MethodNotAllowed(&'static str),
    BodyTooLarge,
    BodyIncomplete,
    TooOften(Limited),
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
    /// Status, code, English and Chinese message.
    ///
    /// Codes and English messages are those of the vendor's table (`APP`, `PARAM`, `CAPTCHA`) and of the original maker's
    /// (`SDK.COMMON`, `IDAAS.SDK`). Choices, where the documents leave one: a blank client id is `SDK.COMMON.1001`, whose
    /// documented example it is, and not `APP.0002`; a wrong place is `IDAAS.SDK.CAPTCHA.0007`, the one code that is
    /// documented for a wrong verification code; a call over a limit is `SDK.COMMON.1008`, the one code whose documented
    /// advice, to try again later, is what its caller has to do, and it is a 400 like every complaint about a caller, not the
    /// 500 of a busy system: that would show up as our outage in a load balancer and have healthy nodes taken out.
    pub(super) fn words(self) -> (StatusCode, &'static str, String, String) {
        let bad = StatusCode::BAD_REQUEST;
        let words = |status, code, english: &str, chinese: &str| (status, code, english.to_owned(), chinese.to_owned());
        match self {
            Self::ParameterBlank(name) => (
                bad,
                "SDK.COMMON.1001",
                format!("Parameter {name} cannot be left blank."),
                format!("参数 {name} 不能为空。"),
            ),
            Self::Malformed => words(bad, "SDK.COMMON.1002", "Incorrect parameter format.", "参数格式不正确。"),
            Self::DeviceIncomplete => {
                words(bad, "SDK.COMMON.1003", "Device information is incomplete.", "设备信息不完整。")
            }
            Self::AppUnknown => words(bad, "APP.0001", "Application does not exist.", "应用不存在。"),
            Self::AppDisabled => words(bad, "APP.0003", "Application disabled.", "应用已禁用。"),
            Self::CoordinatesMissing => words(bad, "PARAM.0004", "Coordinates required.", "坐标不能为空。"),
            Self::TokenMissing => words(bad, "PARAM.0005", "Token required.", "token不能为空。"),
            Self::TokenDead => words(bad, "CAPTCHA.0003", "CAPTCHA token expired.", "图形验证码token已失效。"),
            Self::PointUnreadable => words(
                bad,
                "SDK.COMMON.1006",
                "Parameter error: point_json must be {\"x\":number,\"y\":5.0}.",
                "参数错误：point_json 应为 {\"x\":数字,\"y\":5.0}。",
            ),
            Self::SenderUnusable => words(
                bad,
                "SDK.COMMON.1002",
                "Incorrect parameter format: sender must be a mobile number or an email address.",
                "参数格式不正确：sender 应为手机号或邮箱。",
            ),
            Self::WrongPlace => words(bad, "IDAAS.SDK.CAPTCHA.0007", "Incorrect verification code.", "验证码不正确。"),
            Self::NotFound => words(StatusCode::NOT_FOUND, "SDK.COMMON.1006", "Unknown path.", "路径不存在。"),
            Self::MethodNotAllowed(_) => {
                words(StatusCode::METHOD_NOT_ALLOWED, "SDK.COMMON.1006", "Unsupported method.", "不支持该请求方法。")
            }
            Self::BodyTooLarge => words(
                bad,
                "SDK.COMMON.1006",
                "Parameter error: the request body exceeds 64 KiB.",
                "参数错误：请求体超过 64 KiB。",
            ),
            Self::BodyIncomplete => words(
                bad,
                "SDK.COMMON.1006",
                "Parameter error: the request body did not arrive in time.",
                "参数错误：请求体未按时到达。",
            ),
            Self::TooOften(_) => {
                words(bad, "SDK.COMMON.1008", "Too many requests. Try again later.", "请求过于频繁，请稍后重试。")
            }
            Self::Busy => words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "SDK.COMMON.1008",
                "The system is busy. Try again later.",
                "系统繁忙，请稍后重试。",
            ),
            Self::Failed => words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "SDK.COMMON.1008",
                "The system has failed. Its log says more.",
                "系统出错，详情见日志。",
            ),
        }
    }
}
