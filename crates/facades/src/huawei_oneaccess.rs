//! Huawei OneAccess, the mobile-SDK API: `GET /api/v2/sdk/captcha` and `POST /api/v2/sdk/captcha/verify`.
//!
//! Quirks, all from the vendor's pages `ShowCaptcha`, `ValidateCaptcha` and `ErrorCode` and those of the product's original
//! maker:
//! * Errors are HTTP 400 with `{"error_code","error_msg"}`; only "busy" is 500. Success of `captcha` is the bare body,
//!   without an envelope.
//! * `point_json` is a *string* that holds JSON, with y always 5. Clients of the AJ family encrypt it with the `secretKey`
//!   of the challenge, where there is one; the documents say there is none.
//! * `captcha_token` has the documented form `<token>---<point_json>`. Here the first part is a sealed ticket, bound to the
//!   sender and the client id.
//! * The content type is documented as `application/json;charset=utf8`, which no parser of media types likes: it is not
//!   looked at.
//!
//! Which of two documented codes the vendor's live service gives for a blank client id and for a wrong place is not known;
//! what is given here is a choice, and stands in `complaint.rs`.

mod complaint;
mod point;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::app::{AppId, AppRefusal};
use countersign_domain::challenge::{Answer, Axes, Kind, Level, PictureFormat, Style, View, Wanted};
use countersign_domain::contact::Contact;
use countersign_domain::operations::{
    ChallengeRefusal, ChallengeRequest, IssueChallenge, IssueChallengeError, JudgeAnswer, JudgeAnswerError, Judgement,
};
use countersign_domain::ports::{Directory, Entropy};
use countersign_domain::ticket::{Door, Note};
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::door::{Facade, Refusal, Request, Response, header, json};
use crate::problem::retry_after;
use complaint::Complaint;
use countersign_domain::language::Language;

/// What goes out here is answered and spent here.
const DOOR: Door = Door::new("huawei_oneaccess");
/// The documents show PNG files and a piece as high as the picture.
const STYLE: Style = Style { format: PictureFormat::Png, axes: Axes::One };
const CONTENT_TYPE: &str = "application/json;charset=UTF-8";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Documented as mandatory; the newer Chinese page says that they are only logged.
const DEVICE_HEADERS: [&str; 3] = ["x-operating-sys-version", "x-device-fingerprint", "x-agent"];

/// How this door behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Refuse calls without the three device headers.
    pub strict_headers: bool,
    /// Send a `secretKey` with each challenge, and take the answer encrypted with it (or plain).
    pub secret_key: bool,
}

/// The façade.
pub(crate) struct HuaweiOneAccess {
    issue_challenge: Arc<IssueChallenge>,
    judge_answer: Arc<JudgeAnswer>,
    directory: Arc<dyn Directory>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
}

impl HuaweiOneAccess {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { issue_challenge, judge_answer, directory, entropy, oneaccess, .. } = context.clone();
        Self { issue_challenge, judge_answer, directory, entropy, settings: oneaccess }
    }
}

#[async_trait]
impl Facade for HuaweiOneAccess {
    fn name(&self) -> &'static str {
        "huawei_oneaccess"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/api/v2/sdk/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = match (&request.method, request.path.as_str()) {
            (&Method::GET, "/api/v2/sdk/captcha") => self.captcha(&request).await,
            (&Method::POST, "/api/v2/sdk/captcha/verify") => self.verify(&request).await,
            (_, "/api/v2/sdk/captcha") => Err(Complaint::MethodNotAllowed("GET")),
            (_, "/api/v2/sdk/captcha/verify") => Err(Complaint::MethodNotAllowed("POST")),
            _ => Err(Complaint::NotFound),
        };
        answered.unwrap_or_else(|complaint| complained(&complaint, language(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        complained(&Complaint::from(refusal), language(headers))
    }
}

/// `X-L` is `zh` or `en`.
fn language(headers: &HeaderMap) -> Language {
    header(headers, "x-l").map_or(Language::English, Language::from_tag)
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    error_code: &'static str,
    error_msg: &'a str,
}

fn complained(complaint: &Complaint, language: Language) -> Response {
    let (status, error_code, english, chinese) = complaint.words();
    let body = ErrorJson { error_code, error_msg: language.pick(&english, &chinese) };
    let answer = Response::new(status, CONTENT_TYPE, json(&body));
    match complaint {
        Complaint::MethodNotAllowed(method) => answer.with_header(ALLOW, method),
        Complaint::TooOften(limited) => answer.with_value(RETRY_AFTER, retry_after(limited.retry_after)),
        _ => answer,
    }
}

/// The documented body of `captcha`, in the documented order. What is `()` is always null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaptchaJson<'a> {
    captcha_id: String,
    project_code: (),
    captcha_original_path: (),
    captcha_font_type: (),
    captcha_font_size: (),
    secret_key: Option<&'a str>,
    original_image_base64: String,
    point: (),
    jigsaw_image_base64: String,
    word_list: (),
    point_list: (),
    point_json: (),
    token: &'a str,
    result: bool,
    captcha_verification: (),
}

#[derive(Deserialize)]
struct VerifyBody {
    point_json: Option<String>,
    token: Option<String>,
    sender: Option<String>,
}

#[derive(Serialize)]
struct VerifiedJson {
    captcha_token: String,
}

impl HuaweiOneAccess {
    async fn captcha(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let secret_key = self.settings.secret_key.then(|| self.entropy.text(ALPHANUMERIC, 16));
        let issued = self
            .issue_challenge
            .run(ChallengeRequest {
                door: DOOR,
                app: &app,
                client: request.client,
                kind: Kind::Slider,
                level: Level::DEFAULT,
                style: STYLE,
                action: None,
                contact: None,
                note: secret_key.as_deref().and_then(|key| Note::new(key.as_bytes())).unwrap_or_default(),
            })
            .await
            .map_err(|error| match error {
                IssueChallengeError::App(refusal) => app_complaint(refusal),
                IssueChallengeError::Limited(limited) => Complaint::TooOften(limited),
                IssueChallengeError::Busy(_) => Complaint::Busy,
            })?;
        let View::Slider { background, piece, .. } = issued.view;
        let body = CaptchaJson {
            captcha_id: self.entropy.text(b"0123456789abcdef", 32),
            project_code: (),
            captcha_original_path: (),
            captcha_font_type: (),
            captcha_font_size: (),
            secret_key: secret_key.as_deref(),
            original_image_base64: STANDARD.encode(background.bytes),
            point: (),
            jigsaw_image_base64: STANDARD.encode(piece.bytes),
            word_list: (),
            point_list: (),
            point_json: (),
            token: &issued.token,
            result: false,
            captcha_verification: (),
        };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    async fn verify(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let body: VerifyBody = serde_json::from_slice(&request.body).map_err(|_| Complaint::Malformed)?;
        let point_json = filled(body.point_json).ok_or(Complaint::CoordinatesMissing)?;
        let token = filled(body.token).ok_or(Complaint::TokenMissing)?;
        let sender = filled(body.sender).ok_or(Complaint::ParameterBlank("sender"))?;
        let sender = Contact::parse(&sender).map_err(|_| Complaint::SenderUnusable)?;

        let challenge = self.judge_answer.open(&token, &DOOR, Some(&app)).map_err(judge_complaint)?;
        // This door asks for one axis only, so no other challenge opens here.
        let Wanted::Slider { axes: Axes::One } = challenge.wants() else { return Err(Complaint::TokenDead) };
        let (point, text) = point::read(&point_json, challenge.note()).ok_or(Complaint::PointUnreadable)?;
        // The piece is as high as the picture, so there is only one y: AJ-Captcha's server wants it, truncated, to be 5. An
        // answer elsewhere is a wrong one.
        let x = if (5.0..6.0).contains(&point.y) { point.x } else { f64::INFINITY };
        let answer = Answer::Slider { x, y: None };
        let judged = self.judge_answer.run(challenge, &answer, Some(&sender), request.client).await;
        match judged.map_err(judge_complaint)? {
            Judgement::Failed => Err(Complaint::WrongPlace),
            Judgement::Passed(ticket) => {
                let verified = VerifiedJson { captcha_token: format!("{}---{text}", ticket.ticket) };
                Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&verified)))
            }
        }
    }

    /// The app that a call is for, and whether the headers are as documented.
    fn client(&self, request: &Request) -> Result<AppId, Complaint> {
        let client_id = request.header("x-client-id").ok_or(Complaint::ParameterBlank("X-client-id"))?;
        if self.settings.strict_headers && DEVICE_HEADERS.iter().any(|name| request.header(name).is_none()) {
            return Err(Complaint::DeviceIncomplete);
        }
        let id = AppId::parse(client_id).ok_or(Complaint::AppUnknown)?;
        let app = self.directory.usable_app(&id).map_err(app_complaint)?;
        // An app of an independent software vendor serves several tenants, and each caller has to name its own.
        let tenant = request.header("x-tenant-id");
        if app.tenant.is_some() && app.tenant.as_deref() != tenant { Err(Complaint::AppUnknown) } else { Ok(id) }
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn app_complaint(refusal: AppRefusal) -> Complaint {
    match refusal {
        AppRefusal::Unknown => Complaint::AppUnknown,
        AppRefusal::Disabled => Complaint::AppDisabled,
    }
}

fn judge_complaint(error: JudgeAnswerError) -> Complaint {
    match error {
        // As upstream: one answer for a token that is unknown, used or late.
        JudgeAnswerError::Challenge(ChallengeRefusal::Unknown | ChallengeRefusal::Expired | ChallengeRefusal::Used) => {
            Complaint::TokenDead
        }
        JudgeAnswerError::App(refusal) => app_complaint(refusal),
        JudgeAnswerError::Limited(limited) => Complaint::TooOften(limited),
        JudgeAnswerError::Busy(_) => Complaint::Busy,
    }
}

#[cfg(test)]
mod tests;
