//! The native API's errors: RFC 9457 problem documents, in English or Chinese, each saying what to do.

use std::time::Duration;

use countersign_domain::contact::Channel;
use countersign_domain::gate::{CodeLimit, Over};
use countersign_domain::install_code::CodeRefusal;
use countersign_domain::language::Language;
use countersign_domain::operations::{PageRefusal, TicketRefusal};
use countersign_domain::ports::{AuthorityFailure, RecordsError};
use countersign_domain::rates::{Limit, Limited};
use http::header::{ACCEPT_LANGUAGE, ALLOW, CONTENT_LANGUAGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::door::{Refusal, Response, header, json};
use crate::native_tickets::refusal_word;

mod codes;
mod pages;

/// The language that a browser asks for.
pub fn language_of(headers: &HeaderMap) -> Language {
    header(headers, ACCEPT_LANGUAGE.as_str()).map_or(Language::English, Language::from_tag)
}

/// What can go wrong with a call to the native API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The body is not what this call takes; the texts, English and Chinese, say where.
    MalformedRequest(String, String),
    /// No access key was given, or none that exists with this secret.
    Unauthenticated,
    /// The access key may not do this.
    PermissionDenied,
    /// No app has this site key.
    UnknownSiteKey,
    /// The app is switched off.
    AppDisabled,
    /// Nothing is served at this path.
    NotFound,
    /// The path takes only this method.
    MethodNotAllowed(&'static str),
    /// The body came too slowly or broke off.
    BodyIncomplete,
    /// The body is over 64 KiB.
    BodyTooLarge,
    /// The answer was wrong, and the challenge is spent.
    WrongAnswer,
    /// The challenge has expired.
    ChallengeExpired,
    /// The challenge was answered before.
    ChallengeUsed,
    /// The challenge was never issued here, or before a restart.
    ChallengeUnknown,
    /// No install code of this text can admit anybody.
    InstallCodeUnknown,
    /// The install code is there, and does not admit this machine.
    InstallCodeRefused(CodeRefusal),
    /// Short install codes are not looked at for this long.
    InstallCodesPaused(Duration),
    /// As many short install codes are live as may be.
    TooManyInstallCodes,
    /// Machines join over HTTPS only.
    HttpsNeeded,
    /// The call wants an agent's certificate.
    CertificateNeeded,
    /// The agent was sent away, or has left.
    AgentGone,
    /// The app has nothing of this id.
    NoSuchThing,
    /// The app has a group of this name.
    GroupExists,
    /// The group cannot be removed.
    GroupInUse,
    /// Another account of the directory is the app's own.
    OwnAccountExists,
    /// As many codes were sent, or wrong ones typed, as may be.
    OverLimit {
        /// Which limit, and how long to wait.
        over: Over,
        /// Whether a ticket would lift it.
        ticket_lifts: bool,
    },
    /// The send must be paid for with a ticket.
    TicketRequired,
    /// The ticket that should pay for a send does not count.
    TicketRefused(TicketRefusal),
    /// The operator sends nothing to this contact.
    ContactBlocked,
    /// The operator sends no texts to this country.
    CountryNotAllowed,
    /// Nobody can have this number.
    ImpossibleNumber,
    /// No sender serves this channel or country.
    NoSender(Channel),
    /// The same idempotency key came with another call before.
    IdempotencyKeyReused,
    /// The operator's template for the message fails.
    TemplateBroken,
    /// A vendor's widget names an app that there is none of.
    UnknownCaptchaApp,
    /// A page may draw no challenge.
    PageRefused(PageRefusal),
    /// The client or its app calls too often.
    TooManyRequests(Limited),
    /// The server has a defect.
    Failed,
    /// The server cannot take the call now.
    Busy,
    /// The call took too long.
    DeadlineExceeded,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    more: Option<More>,
}

/// The members that some problems add, for programs.
#[derive(Serialize)]
#[serde(untagged)]
enum More {
    Limited { limit: &'static str, retry_after_ms: u64 },
    OverLimit { limit: &'static str, retry_after_ms: u64, unlock: &'static str },
    Ticket { reason: &'static str },
}

/// A problem's words: type, status, English title and detail, Chinese title and detail.
type Words<'a> = (&'static str, StatusCode, [&'a str; 2], [&'a str; 2]);

impl Problem {
    /// One of each, for what must know them all, such as the API's description. A test holds it against the words below.
    pub const ALL: [Self; 49] = [
        Self::MalformedRequest(String::new(), String::new()),
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::UnknownSiteKey,
        Self::AppDisabled,
        Self::NotFound,
        Self::MethodNotAllowed("GET"),
        Self::BodyIncomplete,
        Self::BodyTooLarge,
        Self::WrongAnswer,
        Self::ChallengeExpired,
        Self::ChallengeUsed,
        Self::ChallengeUnknown,
        Self::InstallCodeUnknown,
        Self::InstallCodeRefused(CodeRefusal::Expired),
        Self::InstallCodeRefused(CodeRefusal::Revoked),
        Self::InstallCodeRefused(CodeRefusal::Exhausted),
        Self::InstallCodeRefused(CodeRefusal::OtherSystem),
        Self::InstallCodeRefused(CodeRefusal::OtherNetwork),
        Self::InstallCodeRefused(CodeRefusal::OnlyImage),
        Self::InstallCodeRefused(CodeRefusal::AppDisabled),
        Self::InstallCodesPaused(Duration::from_secs(1)),
        Self::TooManyInstallCodes,
        Self::HttpsNeeded,
        Self::CertificateNeeded,
        Self::AgentGone,
        Self::NoSuchThing,
        Self::GroupExists,
        Self::GroupInUse,
        Self::OwnAccountExists,
        Self::OverLimit {
            over: Over { limit: CodeLimit::Resend, retry_after: Duration::from_secs(1) },
            ticket_lifts: false,
        },
        Self::TicketRequired,
        Self::TicketRefused(TicketRefusal::Used),
        Self::ContactBlocked,
        Self::CountryNotAllowed,
        Self::ImpossibleNumber,
        Self::NoSender(Channel::Sms),
        Self::IdempotencyKeyReused,
        Self::TemplateBroken,
        Self::UnknownCaptchaApp,
        Self::PageRefused(PageRefusal::Unknown),
        Self::PageRefused(PageRefusal::Expired),
        Self::PageRefused(PageRefusal::Loaded),
        Self::PageRefused(PageRefusal::Elsewhere),
        Self::PageRefused(PageRefusal::Exhausted),
        Self::TooManyRequests(Limited { limit: Limit::IssuePerAddress, retry_after: Duration::from_secs(1) }),
        Self::Failed,
        Self::Busy,
        Self::DeadlineExceeded,
    ];

    /// The body is not what this call takes.
    pub(crate) fn malformed(english: &str, chinese: &str) -> Self {
        Self::MalformedRequest(english.to_owned(), chinese.to_owned())
    }

    /// What trouble with the records is to the caller: to be tried again, or a defect.
    pub(crate) fn of_records(error: &RecordsError) -> Self {
        if is_defect(error) { Self::Failed } else { Self::Busy }
    }

    /// A certificate that could not be made.
    pub(crate) fn of_failure(failure: &AuthorityFailure) -> Self {
        tracing::error!(%failure, "a certificate could not be made");
        Self::Failed
    }

    fn words(&self) -> Words<'_> {
        match self {
            Self::MalformedRequest(english, chinese) => (
                "urn:countersign:problem:malformed-request",
                StatusCode::BAD_REQUEST,
                ["The request could not be read", english],
                ["无法读取请求", chinese],
            ),
            Self::Unauthenticated => (
                "urn:countersign:problem:unauthenticated",
                StatusCode::UNAUTHORIZED,
                ["An access key is needed", "Send an enabled access key and its secret as HTTP Basic credentials."],
                ["需要访问密钥", "请以 HTTP Basic 方式提交已启用的访问密钥及其密文。"],
            ),
            Self::PermissionDenied => (
                "urn:countersign:problem:permission-denied",
                StatusCode::FORBIDDEN,
                [
                    "The access key may not do this",
                    "Use a key that has the permission, or make one with `countersign key create`.",
                ],
                ["访问密钥没有此权限", "请使用具有该权限的密钥，或用 `countersign key create` 新建。"],
            ),
            Self::UnknownSiteKey => (
                "urn:countersign:problem:unknown-site-key",
                StatusCode::FORBIDDEN,
                ["Unknown site key", "Check the site key against `countersign app list`."],
                ["未知的站点密钥", "请与 `countersign app list` 的输出核对站点密钥。"],
            ),
            Self::AppDisabled => (
                "urn:countersign:problem:app-disabled",
                StatusCode::FORBIDDEN,
                ["The app is disabled", "Its owner can enable it with `countersign app enable`."],
                ["应用已停用", "其所有者可用 `countersign app enable` 启用。"],
            ),
            Self::NotFound => (
                "urn:countersign:problem:not-found",
                StatusCode::NOT_FOUND,
                ["Nothing is served here", "Check the path."],
                ["此路径没有内容", "请检查路径。"],
            ),
            Self::MethodNotAllowed(_) => (
                "urn:countersign:problem:method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                ["The path does not take this method", "Use the method in the Allow header."],
                ["此路径不支持该方法", "请使用 Allow 标头中的方法。"],
            ),
            Self::BodyIncomplete => (
                "urn:countersign:problem:body-incomplete",
                StatusCode::REQUEST_TIMEOUT,
                ["The request did not arrive in time", "Send it again, all at once."],
                ["请求未按时到达", "请一次性完整地重新发送。"],
            ),
            Self::BodyTooLarge => (
                "urn:countersign:problem:body-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                ["The request is too large", "A request takes at most 64 KiB."],
                ["请求过大", "请求最多为 64 KiB。"],
            ),
            Self::WrongAnswer => (
                "urn:countersign:problem:wrong-answer",
                StatusCode::UNPROCESSABLE_ENTITY,
                ["That was not the place", "Ask for a new challenge and try again."],
                ["位置不对", "请获取新的验证并重试。"],
            ),
            Self::ChallengeExpired => (
                "urn:countersign:problem:challenge-expired",
                StatusCode::UNPROCESSABLE_ENTITY,
                ["The challenge has expired", "Ask for a new one."],
                ["验证已过期", "请获取新的验证。"],
            ),
            Self::ChallengeUsed => (
                "urn:countersign:problem:challenge-used",
                StatusCode::UNPROCESSABLE_ENTITY,
                ["The challenge was answered before", "Each challenge takes one answer. Ask for a new one."],
                ["该验证已被回答过", "每个验证只能回答一次，请获取新的验证。"],
            ),
            Self::ChallengeUnknown => (
                "urn:countersign:problem:challenge-unknown",
                StatusCode::UNPROCESSABLE_ENTITY,
                ["Unknown challenge", "The token was changed, or is from before a restart. Ask for a new challenge."],
                ["未知的验证", "令牌已被更改，或来自服务器重启之前。请获取新的验证。"],
            ),
            Self::InstallCodeUnknown => (
                "urn:countersign:problem:install-code-unknown",
                StatusCode::FORBIDDEN,
                ["Unknown install code", "Check the code, or ask whoever gave it to you for a new one."],
                ["未知的安装码", "请核对安装码，或向提供者索取新的安装码。"],
            ),
            Self::InstallCodeRefused(refusal) => refusal_words(*refusal),
            Self::InstallCodesPaused(_) => (
                "urn:countersign:problem:install-codes-paused",
                StatusCode::SERVICE_UNAVAILABLE,
                [
                    "Short install codes are paused",
                    "Somebody is guessing at them. Use a long install code, or try again after the time in Retry-After.",
                ],
                ["短安装码已暂停使用", "有人正在猜测短安装码。请改用长安装码，或在 Retry-After 所示时间后重试。"],
            ),
            Self::TooManyInstallCodes => (
                "urn:countersign:problem:too-many-install-codes",
                StatusCode::CONFLICT,
                ["Too many short install codes are live", "Revoke one, wait for a deadline, or make a long one."],
                ["有效的短安装码过多", "请撤销其中一个、等待到期，或改用长安装码。"],
            ),
            Self::HttpsNeeded => (
                "urn:countersign:problem:https-needed",
                StatusCode::FORBIDDEN,
                [
                    "Machines join over HTTPS only",
                    "The operator can set up [tls], or allow plain HTTP with `agents.plain_http`.",
                ],
                ["机器只能通过 HTTPS 加入", "管理员可配置 [tls]，或用 `agents.plain_http` 允许明文 HTTP。"],
            ),
            Self::CertificateNeeded => (
                "urn:countersign:problem:certificate-needed",
                StatusCode::UNAUTHORIZED,
                [
                    "An agent's certificate is needed",
                    "Show it in the TLS handshake. A proxy in between has to pass TLS through.",
                ],
                ["需要 Agent 证书", "请在 TLS 握手中出示证书；中间若有反向代理，须透传 TLS。"],
            ),
            Self::AgentGone => (
                "urn:countersign:problem:agent-gone",
                StatusCode::FORBIDDEN,
                [
                    "The agent does not belong here any more",
                    "It was sent away or has left. To come back it has to join again, with an install code.",
                ],
                ["该 Agent 已不属于本服务器", "它已被移除或自行退出；如需恢复，请凭安装码重新加入。"],
            ),
            Self::NoSuchThing => (
                "urn:countersign:problem:no-such-thing",
                StatusCode::NOT_FOUND,
                ["There is nothing with this id", "Check the id against the list."],
                ["没有此 ID 对应的对象", "请与列表核对 ID。"],
            ),
            Self::GroupExists => (
                "urn:countersign:problem:group-exists",
                StatusCode::CONFLICT,
                ["There is a group of this name already", "Choose another name."],
                ["已存在同名分组", "请换一个名称。"],
            ),
            Self::OwnAccountExists => (
                "urn:countersign:problem:own-account-exists",
                StatusCode::CONFLICT,
                [
                    "The app has an account of its own",
                    "Another account of this directory is the app's own already, and only one can be.",
                ],
                ["该应用已有自有账号", "本目录中已有另一个自有账号，自有账号只能有一个。"],
            ),
            Self::GroupInUse => (
                "urn:countersign:problem:group-in-use",
                StatusCode::CONFLICT,
                ["The group cannot be removed", "It is the default group, or install codes or agents belong to it."],
                ["该分组无法删除", "它是默认分组，或仍有安装码、Agent 属于它。"],
            ),
            Self::OverLimit { over, ticket_lifts } => codes::over_limit(over.limit, *ticket_lifts),
            Self::TicketRequired => codes::TICKET_REQUIRED,
            Self::TicketRefused(refusal) => codes::ticket_refused(*refusal),
            Self::ContactBlocked => codes::CONTACT_BLOCKED,
            Self::CountryNotAllowed => codes::COUNTRY_NOT_ALLOWED,
            Self::ImpossibleNumber => codes::IMPOSSIBLE_NUMBER,
            Self::NoSender(channel) => codes::no_sender(*channel),
            Self::IdempotencyKeyReused => codes::IDEMPOTENCY_KEY_REUSED,
            Self::TemplateBroken => codes::TEMPLATE_BROKEN,
            Self::UnknownCaptchaApp => pages::UNKNOWN_CAPTCHA_APP,
            Self::PageRefused(refusal) => pages::refused(*refusal),
            Self::TooManyRequests(_) => (
                "urn:countersign:problem:too-many-requests",
                StatusCode::TOO_MANY_REQUESTS,
                ["Too many requests", "Wait for as long as `retry_after_ms` says and try again. Nothing was spent."],
                ["请求过于频繁", "请等待 `retry_after_ms` 所示的毫秒数后重试，未消耗任何内容。"],
            ),
            Self::Failed => (
                "urn:countersign:problem:failed",
                StatusCode::INTERNAL_SERVER_ERROR,
                ["The server has failed", "The server's log says more, under this answer's X-Request-Id."],
                ["服务器出错", "服务器日志中有详情，可按本响应的 X-Request-Id 查找。"],
            ),
            Self::Busy => (
                "urn:countersign:problem:busy",
                StatusCode::SERVICE_UNAVAILABLE,
                ["The server is busy", "Try again in a second. Nothing was spent."],
                ["服务器繁忙", "请一秒后重试，未消耗任何内容。"],
            ),
            Self::DeadlineExceeded => (
                "urn:countersign:problem:deadline-exceeded",
                StatusCode::GATEWAY_TIMEOUT,
                ["The call took too long", "Try again in a moment."],
                ["请求处理超时", "请稍后重试。"],
            ),
        }
    }

    /// What identifies this problem to programs.
    pub fn r#type(&self) -> &'static str {
        self.words().0
    }

    /// The status that it is answered with.
    pub fn status(&self) -> StatusCode {
        self.words().1
    }

    /// The answer, in this language.
    pub fn response(&self, language: Language) -> Response {
        let (r#type, status, english, chinese) = self.words();
        let [title, detail] = match language {
            Language::English => english,
            Language::Chinese => chinese,
        };
        let document = Document { r#type, title, status: status.as_u16(), detail, more: self.more() };
        let answer = Response::new(status, "application/problem+json", json(&document))
            .with_header(CONTENT_LANGUAGE, language.pick("en", "zh-CN"));
        match self {
            Self::Unauthenticated => answer.with_header(WWW_AUTHENTICATE, "Basic realm=\"countersign\""),
            Self::MethodNotAllowed(method) => answer.with_header(ALLOW, method),
            Self::Busy => answer.with_header(RETRY_AFTER, "1"),
            Self::TooManyRequests(limited) => answer.with_value(RETRY_AFTER, retry_after(limited.retry_after)),
            Self::OverLimit { over, .. } => answer.with_value(RETRY_AFTER, retry_after(over.retry_after)),
            Self::InstallCodesPaused(wait) => answer.with_value(RETRY_AFTER, retry_after(*wait)),
            _ => answer,
        }
    }

    fn more(&self) -> Option<More> {
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::TooManyRequests(limited) => {
                Some(More::Limited { limit: limited.limit.name(), retry_after_ms: milliseconds(limited.retry_after) })
            }
            Self::OverLimit { over, ticket_lifts } => Some(More::OverLimit {
                limit: over.limit.name(),
                retry_after_ms: milliseconds(over.retry_after),
                unlock: if *ticket_lifts { "ticket" } else { "wait" },
            }),
            Self::TicketRefused(refusal) => Some(More::Ticket { reason: refusal_word(*refusal) }),
            _ => None,
        }
    }
}

/// Whether trouble with the records will not go away by itself. Then it is logged: the caller cannot help it.
pub(crate) fn is_defect(error: &RecordsError) -> bool {
    let is_defect = matches!(error, RecordsError::Damaged(_));
    if is_defect {
        tracing::error!(%error, "a row of the records cannot be used");
    }
    is_defect
}

/// Why an install code that exists admits a machine not.
fn refusal_words(refusal: CodeRefusal) -> Words<'static> {
    match refusal {
        CodeRefusal::Expired => (
            "urn:countersign:problem:install-code-expired",
            StatusCode::FORBIDDEN,
            ["The install code has expired", "Its deadline has passed. Ask for a new one."],
            ["安装码已过期", "截止时间已过，请索取新的安装码。"],
        ),
        CodeRefusal::Revoked => (
            "urn:countersign:problem:install-code-revoked",
            StatusCode::FORBIDDEN,
            ["The install code was revoked", "Ask for a new one."],
            ["安装码已被撤销", "请索取新的安装码。"],
        ),
        CodeRefusal::Exhausted => (
            "urn:countersign:problem:install-code-exhausted",
            StatusCode::FORBIDDEN,
            ["The install code is used up", "As many machines as it allows have joined. Ask for a new one."],
            ["安装码的使用次数已用完", "已加入的机器数达到上限，请索取新的安装码。"],
        ),
        CodeRefusal::OtherSystem => (
            "urn:countersign:problem:install-code-other-system",
            StatusCode::FORBIDDEN,
            ["The install code is for another operating system", "Ask for one for this system."],
            ["安装码适用于其他操作系统", "请索取适用于本系统的安装码。"],
        ),
        CodeRefusal::OtherNetwork => (
            "urn:countersign:problem:install-code-other-network",
            StatusCode::FORBIDDEN,
            ["The install code is for machines elsewhere", "It names networks, and this machine is in none of them."],
            ["安装码适用于其他网络", "安装码限定了网段，本机不在这些网段中。"],
        ),
        CodeRefusal::OnlyImage => (
            "urn:countersign:problem:install-code-only-image",
            StatusCode::FORBIDDEN,
            ["The install code is for images", "The machine is prepared only, and joins at its next start."],
            ["安装码仅用于制作镜像", "机器仅完成准备，将在下次启动时加入。"],
        ),
        CodeRefusal::AppDisabled => (
            "urn:countersign:problem:install-code-app-disabled",
            StatusCode::FORBIDDEN,
            ["The install code's app is disabled", "Its owner can enable it with `countersign app enable`."],
            ["安装码所属的应用已停用", "其所有者可用 `countersign app enable` 启用。"],
        ),
    }
}

/// The wait in whole seconds, which is all that the header can say: rounded up, so that whoever keeps to it comes through.
pub(crate) fn retry_after(wait: Duration) -> HeaderValue {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX))
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        let chinese = format!("第 {} 行第 {} 列与要求不符：{error}", error.line(), error.column());
        Self::MalformedRequest(error.to_string(), chinese)
    }
}

impl From<Refusal> for Problem {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every problem has its type in `words`, or the compiler complains; so what stands there is all there is.
    #[test]
    fn all_are_all() {
        let (own, _) = include_str!("problem.rs").split_once("#[cfg(test)]").unwrap();
        let code = [own, include_str!("problem/codes.rs"), include_str!("problem/pages.rs")].concat();
        let types = code.split('"').filter(|text| text.starts_with("urn:countersign:problem:"));
        let listed: BTreeSet<_> = Problem::ALL.iter().map(Problem::r#type).collect();
        assert_eq!(listed.len(), Problem::ALL.len());
        assert_eq!(listed, types.collect());
    }

    #[test]
    fn a_browser_is_answered_in_its_language() {
        for (accepted, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("ZH", Language::Chinese),
            ("en-GB", Language::English),
            ("fr", Language::English),
            ("z", Language::English),
        ] {
            assert_eq!(Language::from_tag(accepted), language, "{accepted}");
        }
    }
}
