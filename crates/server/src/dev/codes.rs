//! What an app's own server would do about codes with its access key, for the demo page, which has none.

use countersign_domain::app::AppId;
use countersign_domain::code::{CodeId, CodePurpose};
use countersign_domain::language::Language;
use countersign_domain::operations::{Actor, NewCode, Payment, PaysFor};
use countersign_domain::ports::CodeNamed;
use countersign_domain::verified_contact::Customer;
use countersign_facades::{CheckedCodeJson, Context, NATIVE, Problem, Request, Response, SentCodeJson, json};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// What the page's codes are for, and the action of its challenges.
const PURPOSE: &str = "confirm";

#[derive(Deserialize)]
struct SendBody {
    to: String,
    /// The page always pays, whatever the settings ask for: that is what it shows.
    ticket: String,
    locale: String,
}

#[derive(Serialize)]
struct SentJson<'a> {
    #[serde(flatten)]
    sent: SentCodeJson,
    /// As the inbox lists it.
    to: &'a str,
}

#[derive(Deserialize)]
struct CheckBody {
    id: String,
    code: String,
}

/// Sends a code, paid for with a ticket.
pub(super) async fn send(context: &Context, app: &AppId, request: &Request) -> Result<Response, Problem> {
    let body: SendBody = serde_json::from_slice(&request.body)?;
    let app = context.directory.usable_app(app).map_err(|_| Problem::AppDisabled)?;
    let to = context.codes.contact(&body.to).map_err(|_| {
        malformed("`to` is neither a phone number nor an e-mail address", "`to` 既不是手机号也不是邮箱地址")
    })?;
    let new = NewCode {
        app: &app,
        to: &to,
        purpose: CodePurpose::parse(PURPOSE).ok_or(Problem::Failed)?,
        resource: None,
        consent: None,
        language: Language::from_tag(&body.locale),
        payment: Some(Payment {
            ticket: &body.ticket,
            door: &NATIVE,
            client: Some(request.client),
            pays_for: PaysFor::Purpose,
        }),
        person: None,
        rules: None,
        idempotency: None,
        by: DEV,
    };
    let sent = context.codes.send_code.run(new).await?;
    let answer = SentJson { sent: SentCodeJson::from(&sent), to: to.normalised() };
    Ok(Response::new(StatusCode::ACCEPTED, "application/json", json(&answer)))
}

/// Checks what was typed in, and spends the code.
pub(super) async fn check(context: &Context, app: &AppId, request: &Request) -> Result<Response, Problem> {
    let body: CheckBody = serde_json::from_slice(&request.body)?;
    let id = CodeId::parse(&body.id).ok_or(Problem::NoSuchThing)?;
    let named = CodeNamed::Id(app.clone(), id);
    let verdict = context.codes.check_code.run(named, &body.code, Some(Customer::default()), DEV).await?;
    Ok(Response::new(StatusCode::OK, "application/json", json(&CheckedCodeJson::from(&verdict))))
}

/// Who asks, in the audit trail.
const DEV: Actor<'static> = Actor { name: "dev", detail: "" };

fn malformed(english: &str, chinese: &str) -> Problem {
    Problem::MalformedRequest(english.to_owned(), chinese.to_owned())
}
