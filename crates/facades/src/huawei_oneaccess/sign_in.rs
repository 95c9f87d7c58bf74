use countersign_domain::app::App;
use countersign_domain::contact::Contact;
use countersign_domain::operations::{CodeTyped, Entered, LetInError, Newcomers, PasswordTyped, Welcome, Who};
use countersign_domain::secret::Secret;
use countersign_domain::user::{Device, NextStep, PASSWORD_LENGTH, UserName};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::complaint::Complaint;
use super::sms::mobile;
use super::{BY, CALLING_CODE, CONTENT_TYPE, HuaweiOneAccess, filled, purpose, read};
use crate::codes::contact_of;
use crate::door::{Request, Response, json};

#[derive(Deserialize)]
struct CodeBody {
    mobile: Option<String>,
    verify_code: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize)]
struct PasswordBody {
    user_name: Option<String>,
    password: Option<String>,
}

/// The documented body of every call that signs in. What is `()` is always null.
#[derive(Default, Serialize)]
struct SignedInJson<'a> {
    status: &'static str,
    session_token: Option<&'a str>,
    id_token: Option<&'a str>,
    expire: Option<u64>,
    state_token: Option<&'a str>,
    data: (),
}

#[derive(Serialize)]
struct MobileJson<'a> {
    mobile: &'a str,
}

/// A number and the code that was typed in for it, once both can be what they should.
struct Typed {
    mobile: Contact,
    code: String,
    password: Option<String>,
}

impl HuaweiOneAccess {
    pub(super) async fn register(&self, request: &Request) -> Result<Response, Complaint> {
        let (app, typed) = (self.client(request)?, self.typed(request)?);
        let code = typed.code_for("oneaccess.register", &app, request)?;
        signed_in(self.people.let_in.by_code(code, Newcomers::Register).await)
    }

    pub(super) async fn login_by_code(&self, request: &Request) -> Result<Response, Complaint> {
        let (app, typed) = (self.client(request)?, self.typed(request)?);
        let code = typed.code_for("oneaccess.login", &app, request)?;
        signed_in(self.people.let_in.by_code(code, Newcomers::AsDecided).await)
    }

    pub(super) async fn login_by_password(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let body: PasswordBody = read(request)?;
        let user_name = filled(body.user_name).ok_or(Complaint::ParameterBlank("user_name"))?;
        let password = filled(body.password).ok_or(Complaint::ParameterBlank("password"))?;
        let (name, contact) = (UserName::parse(user_name.trim()), contact_of(&user_name, Some(CALLING_CODE)).ok());
        let who = match (&name, &contact) {
            (Some(name), _) => Who::Name(name),
            (None, Some(contact)) => Who::Contact(contact),
            (None, None) => Who::Nobody(&user_name),
        };
        let typed = PasswordTyped {
            app: &app.id,
            who,
            password: Secret::new(password),
            client: request.client,
            device: device(request),
            by: BY,
        };
        match self.people.let_in.by_password(typed).await {
            Ok(Welcome::Entered(entered)) => Ok(entered_response(&entered)),
            Ok(Welcome::Next { step, state_token }) => Ok(answer(&SignedInJson {
                status: match step {
                    NextStep::Code => "MFA_AUTH",
                    NextStep::Mobile => "SOCIAL_BIND",
                },
                state_token: Some(state_token.expose()),
                ..SignedInJson::default()
            })),
            Err(error) => refused(&error, Complaint::WrongPassword),
        }
    }

    pub(super) async fn mobile_by_token(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let behind = self.people.let_in.mobile_behind(&app.id, state_token(request)?, request.client).await;
        let mobile = behind
            .map_err(|error| Complaint::of_let_in(&error, Complaint::StateUnknown).unwrap_or(Complaint::StateEnded))?;
        // Eleven digits again, as the client has to send them back.
        let text = mobile.normalised();
        let body = MobileJson {
            mobile: text.strip_prefix('+').and_then(|text| text.strip_prefix(CALLING_CODE)).unwrap_or(text),
        };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    pub(super) async fn second_factor(&self, request: &Request) -> Result<Response, Complaint> {
        self.by_both(request, NextStep::Code, "oneaccess.mfa").await
    }

    pub(super) async fn bind(&self, request: &Request) -> Result<Response, Complaint> {
        self.by_both(request, NextStep::Mobile, "oneaccess.bind-mobile").await
    }

    async fn by_both(&self, request: &Request, step: NextStep, purpose: &'static str) -> Result<Response, Complaint> {
        let (app, state_token, typed) = (self.client(request)?, state_token(request)?, self.typed(request)?);
        let code = typed.code_for(purpose, &app, request)?;
        signed_in(self.people.let_in.by_both(state_token, step, code).await)
    }

    pub(super) async fn reset_password(&self, request: &Request) -> Result<Response, Complaint> {
        let (app, mut typed) = (self.client(request)?, self.typed(request)?);
        let password = filled(typed.password.take()).ok_or(Complaint::ParameterBlank("password"))?;
        let password = Secret::new(password);
        if !PASSWORD_LENGTH.contains(&password.expose().chars().count()) {
            return Err(Complaint::PasswordUnfit);
        }
        let code = typed.code_for("oneaccess.forget-password", &app, request)?;
        match self.people.let_in.reset_password(code, password).await {
            Ok(()) => Ok(Response::new(StatusCode::OK, CONTENT_TYPE, Vec::new())),
            Err(error) => refused(&error, Complaint::WrongCode),
        }
    }
}

impl HuaweiOneAccess {
    fn typed(&self, request: &Request) -> Result<Typed, Complaint> {
        let body: CodeBody = read(request)?;
        let mobile = mobile(body.mobile, self.settings.foreign_numbers)?;
        let code = filled(body.verify_code).ok_or(Complaint::CodeMissing)?;
        Ok(Typed { mobile, code, password: body.password })
    }
}

impl Typed {
    fn code_for<'a>(&'a self, word: &'static str, app: &'a App, request: &Request) -> Result<CodeTyped<'a>, Complaint> {
        let (mobile, typed) = (&self.mobile, self.code.as_str());
        let (client, device) = (request.client, device(request));
        Ok(CodeTyped { app: &app.id, mobile, purpose: purpose(word)?, typed, client, device, by: BY })
    }
}

fn device(request: &Request) -> Device {
    Device::new(request.header("x-device-fingerprint").unwrap_or_default())
}

fn state_token(request: &Request) -> Result<&str, Complaint> {
    request.header("x-state-token").ok_or(Complaint::ParameterBlank("X-state-token"))
}

fn signed_in(outcome: Result<Entered, LetInError>) -> Result<Response, Complaint> {
    match outcome {
        Ok(entered) => Ok(entered_response(&entered)),
        Err(error) => refused(&error, Complaint::WrongCode),
    }
}

fn entered_response(entered: &Entered) -> Response {
    answer(&SignedInJson {
        status: "SUCCESS",
        session_token: Some(entered.token.expose()),
        id_token: Some(entered.id_token.expose()),
        expire: Some(entered.lifetime.as_secs()),
        ..SignedInJson::default()
    })
}

/// What somebody hears who was not let in; `wrong` is what is wrong then. A user that is disabled hears so, having shown who it is.
fn refused(error: &LetInError, wrong: Complaint) -> Result<Response, Complaint> {
    match Complaint::of_let_in(error, wrong) {
        Some(complaint) => Err(complaint),
        None => Ok(answer(&SignedInJson { status: "ACCESS_DENIED", ..SignedInJson::default() })),
    }
}

fn answer(body: &SignedInJson<'_>) -> Response {
    Response::new(StatusCode::OK, CONTENT_TYPE, json(body))
}
