//! What doors for other people's pages share: a challenge as JSON, an answer to it, and how pages of any origin may call.

use countersign_domain::app::AppRefusal;
use countersign_domain::challenge::{Answer, Axes, PictureFormat, Style, Wanted};
use countersign_domain::language::Language;
use countersign_domain::operations::{ChallengeRefusal, IssueChallengeError, IssuedChallenge, JudgeAnswerError};
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use serde::{Deserialize, Serialize};

use crate::door::{Request, Response, json};
use crate::problem::{Problem, language_of};
use crate::views::{ViewJson, rfc3339};

/// What our own pages show: small files, and a piece whose row is told nowhere.
pub(crate) const STYLE: Style = Style { format: PictureFormat::Jpeg, axes: Axes::Two };

/// Lets a page of any origin read the answer, a refusal included.
pub(crate) fn for_any_page(response: Response) -> Response {
    response
        .with_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .with_header(ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after, x-request-id")
}

/// What a browser asks before it lets a page of another origin send JSON. Two hours is the longest that Chromium remembers.
pub(crate) fn preflight() -> Response {
    Response::new(StatusCode::NO_CONTENT, "text/plain", Vec::new())
        .with_header(ACCESS_CONTROL_ALLOW_METHODS, "POST")
        .with_header(ACCESS_CONTROL_ALLOW_HEADERS, "content-type")
        .with_header(ACCESS_CONTROL_MAX_AGE, "7200")
}

/// The language of a body wins over the browser's, because the page may have a switch.
#[derive(Deserialize)]
struct Locale {
    locale: String,
}

/// The language of what a call is told.
pub(crate) fn language(request: &Request) -> Language {
    serde_json::from_slice::<Locale>(&request.body)
        .map_or_else(|_| language_of(&request.headers), |body| Language::from_tag(&body.locale))
}

#[derive(Serialize)]
struct IssuedJson<'a> {
    token: &'a str,
    r#type: &'static str,
    expires_at: String,
    expires_in_ms: u64,
    view: ViewJson,
}

/// A challenge that was drawn.
pub(crate) fn issued(issued: &IssuedChallenge) -> Response {
    let answer = IssuedJson {
        token: &issued.token,
        r#type: issued.view.kind().word(),
        expires_at: rfc3339(issued.expires_at),
        expires_in_ms: milliseconds(issued.expires_at.since(issued.issued_at)),
        view: ViewJson::from(&issued.view),
    };
    Response::new(StatusCode::CREATED, "application/json", json(&answer))
}

pub(crate) fn milliseconds(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The body of an answer.
#[derive(Deserialize)]
pub(crate) struct AnswerBody {
    /// The challenge's.
    pub(crate) token: String,
    answer: serde_json::Value,
    /// Whatever JSON value can be read: what is no trail counts as none, and must not cost a person a challenge.
    #[serde(default)]
    trail: serde_json::Value,
    /// Read by [`language`]; here only so that what is no text is refused.
    #[serde(rename = "locale")]
    _locale: Option<String>,
}

/// The answer to a slider of one axis.
#[derive(Deserialize)]
struct PlaceInRow {
    x: f64,
}

/// The answer to a slider of two axes.
#[derive(Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

impl AnswerBody {
    /// The trail that came with it; text that is no trail, for what is no text.
    pub(crate) fn trail(&self) -> Option<&str> {
        match &self.trail {
            serde_json::Value::Null => None,
            value => Some(value.as_str().unwrap_or_default()),
        }
    }

    /// What was answered, to a challenge that wants this.
    pub(crate) fn answer(self, wanted: Wanted) -> Result<Answer, Problem> {
        match wanted {
            Wanted::Slider { axes: Axes::One } => {
                let PlaceInRow { x } = serde_json::from_value(self.answer).map_err(|_| {
                    Problem::malformed(
                        "`answer` of a slider is {\"x\": number}, in pixels of the picture",
                        "滑块的 `answer` 应为 {\"x\": 数字}，以图片像素为单位",
                    )
                })?;
                Ok(Answer::Slider { x, y: None })
            }
            Wanted::Slider { axes: Axes::Two } => {
                let Place { x, y } = serde_json::from_value(self.answer).map_err(|_| {
                    Problem::malformed(
                        "`answer` of a slider of two axes is {\"x\": number, \"y\": number}, in pixels of the picture",
                        "双轴滑块的 `answer` 应为 {\"x\": 数字, \"y\": 数字}，以图片像素为单位",
                    )
                })?;
                Ok(Answer::Slider { x, y: Some(y) })
            }
        }
    }
}

pub(crate) fn app_problem(refusal: AppRefusal) -> Problem {
    match refusal {
        AppRefusal::Unknown => Problem::UnknownSiteKey,
        AppRefusal::Disabled => Problem::AppDisabled,
    }
}

pub(crate) fn issue_problem(error: IssueChallengeError) -> Problem {
    match error {
        IssueChallengeError::App(refusal) => app_problem(refusal),
        IssueChallengeError::Limited(limited) => Problem::TooManyRequests(limited),
        IssueChallengeError::Busy(_) => Problem::Busy,
    }
}

pub(crate) fn judge_problem(error: JudgeAnswerError) -> Problem {
    match error {
        JudgeAnswerError::Challenge(ChallengeRefusal::Unknown) => Problem::ChallengeUnknown,
        JudgeAnswerError::Challenge(ChallengeRefusal::Expired) => Problem::ChallengeExpired,
        JudgeAnswerError::Challenge(ChallengeRefusal::Used) => Problem::ChallengeUsed,
        JudgeAnswerError::App(refusal) => app_problem(refusal),
        JudgeAnswerError::Limited(limited) => Problem::TooManyRequests(limited),
        JudgeAnswerError::Busy(_) => Problem::Busy,
    }
}
