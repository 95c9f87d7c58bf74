use std::time::Duration;

use countersign_domain::operations::{
    AttendSessionError, LetInError, RedeemTicketError, SendCodeError, StateRefusal, TicketRefusal,
};
use countersign_domain::ports::RecordsError;
use http::StatusCode;

use crate::door::Refusal;
use crate::problem::is_defect;

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
    MobileInvalid,
    TypeUnknown,
    CaptchaTokenMissing,
    CaptchaTokenInvalid,
    NotSent,
    CodeMissing,
    WrongCode,
    WrongPassword,
    PasswordUnfit,
    LockedOut(Duration),
    StateUnknown,
    StateEnded,
    SessionEnded,
    NotFound,
    MethodNotAllowed(&'static str),
    BodyTooLarge,
    BodyIncomplete,
    TooOften(Duration),
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
    /// Why no code was sent.
    pub(super) fn of_send(error: &SendCodeError) -> Self {
        match error {
            SendCodeError::ImpossibleNumber => Self::MobileInvalid,
            SendCodeError::Blocked | SendCodeError::CountryNotAllowed => Self::NotSent,
            SendCodeError::Limited { over, .. } => Self::TooOften(over.retry_after),
            SendCodeError::TicketRefused(TicketRefusal::Expired | TicketRefusal::Used) => Self::TokenDead,
            SendCodeError::TicketRefused(
                TicketRefusal::Unknown
                | TicketRefusal::OtherAction
                | TicketRefusal::OtherContact
                | TicketRefusal::OtherAddress,
            )
            | SendCodeError::TicketRequired => Self::CaptchaTokenInvalid,
            SendCodeError::Redeem(RedeemTicketError::Limited(limited)) => Self::TooOften(limited.retry_after),
            SendCodeError::Redeem(RedeemTicketError::Busy(_)) => Self::Busy,
            SendCodeError::NoSender(channel) => {
                tracing::error!(channel = channel.word(), "a code was asked for that no sender takes");
                Self::NotSent
            }
            // No call of this door has an idempotency key.
            SendCodeError::OtherCall => Self::Failed,
            SendCodeError::Template(_) | SendCodeError::Seal(_) => {
                tracing::error!(%error, "no code was sent");
                Self::Failed
            }
            SendCodeError::Records(error) => Self::of_records(error),
        }
    }

    /// Why nobody was let in. `None` where the vendor has a status for it that is no error.
    pub(super) fn of_let_in(error: &LetInError, wrong: Self) -> Option<Self> {
        Some(match error {
            LetInError::Denied => return None,
            LetInError::Refused | LetInError::NotACode => wrong,
            LetInError::State(StateRefusal::Unknown) => Self::StateUnknown,
            LetInError::State(StateRefusal::Ended) => Self::StateEnded,
            LetInError::Limited(limited) => Self::LockedOut(limited.retry_after),
            LetInError::Busy(_) => Self::Busy,
            LetInError::Records(error) => Self::of_records(error),
            LetInError::IdToken(_) | LetInError::Seal(_) => {
                tracing::error!(%error, "nobody was let in");
                Self::Failed
            }
        })
    }

    /// Why nothing was done for a session.
    pub(super) fn of_session(error: &AttendSessionError) -> Self {
        match error {
            AttendSessionError::Ended => Self::SessionEnded,
            AttendSessionError::Limited(limited) => Self::TooOften(limited.retry_after),
            AttendSessionError::Busy(_) => Self::Busy,
            AttendSessionError::Records(error) => Self::of_records(error),
            AttendSessionError::IdToken(error) => {
                tracing::error!(%error, "an id token was not made anew");
                Self::Failed
            }
        }
    }

    fn of_records(error: &RecordsError) -> Self {
        if is_defect(error) { Self::Failed } else { Self::Busy }
    }

    /// Status, code, English and Chinese message.
    ///
    /// Codes and English messages are those of the vendor's table (`APP`, `PARAM`, `CAPTCHA`) and of the original maker's
    /// (`SDK.COMMON`, `IDAAS.SDK`). Choices, where the documents leave one: a blank client id is `SDK.COMMON.1001`, whose
    /// documented example it is, and not `APP.0002`; a wrong place is `IDAAS.SDK.CAPTCHA.0007`, the one code that is
    /// documented for a wrong verification code; a call over a limit is `SDK.COMMON.1008`, the one code whose documented
    /// advice, to try again later, is what its caller has to do, and it is a 400 like every complaint about a caller, not the
    /// 500 of a busy system: that would show up as our outage in a load balancer and have healthy nodes taken out. A password
    /// that is wrong and a user that is none are `SDK.COMMON.1013`, "no such user", with a text for both; what has ended is
    /// `SDK.COMMON.1005`, "expired"; who may not be sent to is `IDAAS.SDK.CAPTCHA.0006`.
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
            Self::WrongPlace | Self::WrongCode => {
                words(bad, "IDAAS.SDK.CAPTCHA.0007", "Incorrect verification code.", "验证码不正确。")
            }
            Self::MobileInvalid => words(bad, "USER.0038", "Invalid mobile number.", "手机号不正确。"),
            Self::TypeUnknown => words(
                bad,
                "SDK.COMMON.1006",
                "Parameter error: type must be one of the documented ones, such as LOGIN_SMS.",
                "参数错误：type 应为文档中的类型，例如 LOGIN_SMS。",
            ),
            Self::CaptchaTokenMissing => {
                words(bad, "PARAM.0008", "CAPTCHA token required.", "图形验证码token不能为空。")
            }
            Self::CaptchaTokenInvalid => {
                words(bad, "CAPTCHA.0004", "Invalid CAPTCHA token.", "图形验证码token不正确。")
            }
            Self::NotSent => {
                words(bad, "IDAAS.SDK.CAPTCHA.0006", "Failed to send verification code.", "验证码发送失败。")
            }
            Self::CodeMissing => words(bad, "PARAM.0009", "Verification code required.", "验证码不能为空。"),
            Self::WrongPassword => {
                words(bad, "SDK.COMMON.1013", "Incorrect user name or password.", "用户名或密码不正确。")
            }
            Self::PasswordUnfit => words(
                bad,
                "SDK.COMMON.1002",
                "Incorrect parameter format: password must have 8 to 128 characters.",
                "参数格式不正确：password 应为 8 至 128 个字符。",
            ),
            Self::LockedOut(_) => {
                words(bad, "SDK.LOGIN.1003", "Too many attempts. Try again later.", "尝试次数过多，请稍后重试。")
            }
            Self::StateUnknown => words(
                bad,
                "SDK.COMMON.1006",
                "Parameter error: X-state-token is not one of this step.",
                "参数错误：X-state-token 不属于该步骤。",
            ),
            Self::StateEnded => words(
                bad,
                "SDK.COMMON.1005",
                "The state token has expired. Log in again.",
                "state_token已失效，请重新登录。",
            ),
            Self::SessionEnded => {
                words(bad, "SDK.COMMON.1005", "The session has ended. Log in again.", "会话已失效，请重新登录。")
            }
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
