//! Huawei OneAccess, the mobile-SDK API: `/api/v2/sdk/…`. An app's code calls it on the person's own device.
//!
//! Quirks, all from the vendor's pages (`ShowCaptcha`, `ValidateCaptcha`, `SendSmsVerifyCode`, `LoginByMobileVerifyCode`,
//! `LoginByUserNamePwd`, `SecondaryAuthByMobileVerifyCode`, `ListCountryCodes`, `ShowServerDate`, `ShowPublicKey`, `Logout`, `ErrorCode`) and those of the product's original
//! maker:
//! * Errors are HTTP 400 with `{"error_code","error_msg"}`; only "busy" is 500. Success of `captcha` is the bare body,
//!   without an envelope; of `sms/send` and `pwd/update-by-mobile` it is no body at all.
//! * `point_json` is a *string* that holds JSON, with y always 5. Clients of the AJ family encrypt it with the `secretKey`
//!   of the challenge, where there is one; the documents say there is none.
//! * `captcha_token` has the documented form `<token>---<point_json>`. Here the first part is a sealed ticket, bound to the
//!   sender and the client id.
//! * `mobile` is eleven digits, a number of mainland China without its calling code; others are `+1-4155550100`, as `country-codes`
//!   says, where the operator takes them.
//! * The content type is documented as `application/json;charset=utf8`, which no parser of media types likes: it is not
//!   looked at.
//!
//! Which of two documented codes the vendor's live service gives for a blank client id and for a wrong place is not known;
//! what is given here is a choice, and stands in `complaint.rs`, with the others.

mod captcha;
mod complaint;
mod country_codes;
mod point;
mod sessions;
mod sign_in;
mod sms;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::app::{App, AppId, AppRefusal};
use countersign_domain::challenge::{Axes, PictureFormat, Style};
use countersign_domain::code::CodePurpose;
use countersign_domain::language::Language;
use countersign_domain::operations::{Actor, IssueChallenge, JudgeAnswer};
use countersign_domain::ports::{Clock, Directory, Entropy};
use countersign_domain::ticket::Door;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Context;
use crate::codes::Codes;
use crate::door::{Facade, Refusal, Request, Response, header, json};
use crate::people::People;
use crate::problem::retry_after;
use complaint::Complaint;

/// What goes out here is answered and spent here.
const DOOR: Door = Door::new("huawei_oneaccess");
/// Who asks, for the audit trail: a person's device, of which nothing is known that could be believed.
const BY: Actor<'static> = Actor { name: "huawei_oneaccess", detail: "" };
/// The documents show PNG files and a piece as high as the picture.
const STYLE: Style = Style { format: PictureFormat::Png, axes: Axes::One };
const CONTENT_TYPE: &str = "application/json;charset=UTF-8";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Whose numbers come without their calling code.
const CALLING_CODE: &str = "86";
/// Documented as mandatory; the newer Chinese page says that they are only logged.
const DEVICE_HEADERS: [&str; 3] = ["x-operating-sys-version", "x-device-fingerprint", "x-agent"];

/// How this door behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Refuse calls without the three device headers.
    pub strict_headers: bool,
    /// Send a `secretKey` with each challenge, and take the answer encrypted with it (or plain).
    pub secret_key: bool,
    /// Take numbers of other countries than mainland China, with their calling code.
    pub foreign_numbers: bool,
}

/// The façade.
pub(crate) struct HuaweiOneAccess {
    issue_challenge: Arc<IssueChallenge>,
    judge_answer: Arc<JudgeAnswer>,
    codes: Codes,
    people: People,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
}

impl HuaweiOneAccess {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { issue_challenge, judge_answer, codes, people, directory, clock, entropy, oneaccess, .. } =
            context.clone();
        Self { issue_challenge, judge_answer, codes, people, directory, clock, entropy, settings: oneaccess }
    }
}

/// What a call asks for.
#[derive(Clone, Copy)]
enum Operation {
    Captcha,
    VerifyCaptcha,
    CountryCodes,
    SendSms,
    Register,
    LoginByCode,
    LoginByPassword,
    MobileByToken,
    SecondFactor,
    Bind,
    ResetPassword,
    RefreshIdToken,
    Logout,
    PublicKey,
    ServerDate,
}

/// The calls: what follows `/api/v2/sdk/`, the method, and what it asks for.
const OPERATIONS: [(&str, Method, Operation); 16] = [
    ("captcha", Method::GET, Operation::Captcha),
    ("captcha/verify", Method::POST, Operation::VerifyCaptcha),
    ("country-codes", Method::GET, Operation::CountryCodes),
    ("login", Method::POST, Operation::LoginByPassword),
    ("login/mobile-verify-code", Method::POST, Operation::LoginByCode),
    ("logout", Method::GET, Operation::Logout),
    ("mfa/sms", Method::POST, Operation::SecondFactor),
    ("mobile-by-token", Method::GET, Operation::MobileByToken),
    ("public-key", Method::GET, Operation::PublicKey),
    ("pwd/update-by-mobile", Method::POST, Operation::ResetPassword),
    ("register/mobile-verify-code", Method::POST, Operation::Register),
    ("server-date", Method::GET, Operation::ServerDate),
    ("session-token/refresh-id-token", Method::POST, Operation::RefreshIdToken),
    ("sms/send", Method::POST, Operation::SendSms),
    ("social/bind", Method::POST, Operation::Bind),
    // There are no social accounts here, so there is nothing that one of the two does more than the other.
    ("social/register-bind", Method::POST, Operation::Bind),
];

impl Operation {
    fn of(request: &Request) -> Result<Self, Complaint> {
        let called = request.path.strip_prefix("/api/v2/sdk/").unwrap_or_default();
        let known = OPERATIONS.iter().find(|(path, ..)| *path == called);
        let (_, method, operation) = known.ok_or(Complaint::NotFound)?;
        match *method {
            _ if request.method == *method => Ok(*operation),
            Method::GET => Err(Complaint::MethodNotAllowed("GET")),
            _ => Err(Complaint::MethodNotAllowed("POST")),
        }
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
        let answered = self.call(&request).await;
        answered.unwrap_or_else(|complaint| complained(&complaint, language(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        complained(&Complaint::from(refusal), language(headers))
    }
}

impl HuaweiOneAccess {
    async fn call(&self, request: &Request) -> Result<Response, Complaint> {
        match Operation::of(request)? {
            Operation::Captcha => self.captcha(request).await,
            Operation::VerifyCaptcha => self.verify(request).await,
            Operation::CountryCodes => self.country_codes(request),
            Operation::SendSms => self.send_sms(request).await,
            Operation::Register => self.register(request).await,
            Operation::LoginByCode => self.login_by_code(request).await,
            Operation::LoginByPassword => self.login_by_password(request).await,
            Operation::MobileByToken => self.mobile_by_token(request).await,
            Operation::SecondFactor => self.second_factor(request).await,
            Operation::Bind => self.bind(request).await,
            Operation::ResetPassword => self.reset_password(request).await,
            Operation::RefreshIdToken => self.refresh_id_token(request).await,
            Operation::Logout => self.logout(request).await,
            Operation::PublicKey => self.public_key(request).await,
            Operation::ServerDate => self.server_date(request),
        }
    }

    /// The app that a call is for, and whether the headers are as documented.
    fn client(&self, request: &Request) -> Result<Arc<App>, Complaint> {
        let client_id = request.header("x-client-id").ok_or(Complaint::ParameterBlank("X-client-id"))?;
        if self.settings.strict_headers && DEVICE_HEADERS.iter().any(|name| request.header(name).is_none()) {
            return Err(Complaint::DeviceIncomplete);
        }
        let id = AppId::parse(client_id).ok_or(Complaint::AppUnknown)?;
        let app = self.directory.usable_app(&id).map_err(app_complaint)?;
        // An app of an independent software vendor serves several tenants, and each caller has to name its own.
        let tenant = request.header("x-tenant-id");
        if app.tenant.is_some() && app.tenant.as_deref() != tenant { Err(Complaint::AppUnknown) } else { Ok(app) }
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
        Complaint::TooOften(wait) | Complaint::LockedOut(wait) => answer.with_value(RETRY_AFTER, retry_after(*wait)),
        _ => answer,
    }
}

/// The body of a call: a JSON object whose fields are texts.
fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Complaint> {
    serde_json::from_slice(&request.body).map_err(|_| Complaint::Malformed)
}

fn purpose(word: &'static str) -> Result<CodePurpose, Complaint> {
    CodePurpose::parse(word).ok_or(Complaint::Failed) // never: each is one
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

#[cfg(test)]
mod tests;
