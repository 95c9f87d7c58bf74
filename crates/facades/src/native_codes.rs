//! The native API's server side for one-time codes: they are sent, checked and looked after with an access key.
//!
//! `POST /v1/codes` `{to, purpose, channel?, locale?, resource?, ticket?, client_ip?}`, repeatable by `Idempotency-Key` → 202
//! `{id, expires_at, resend_after}`. `POST /v1/codes/check` `{id, code, consume?, customer?}`, or `{to, purpose, resource?}` for
//! the `id` → 200 `{valid, attempts_left, verified_id?}`. `GET /v1/codes/{id}` says how a code and its messages are doing.
//!
//! Whoever calls is an app's server and no person, so where it calls from counts for no limit; nor does `client_ip`, which is
//! its word about an address. Fields that this version does not know are refused: a mistyped `resource` must not make a code
//! that opens everything.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::code::{CodeId, CodePurpose, Resource};
use countersign_domain::contact::{Channel, Contact};
use countersign_domain::language::Language;
use countersign_domain::operations::{
    CheckCodeError, Idempotency, NewCode, Payment, PaysFor, ReadCodesError, RedeemTicketError, SendCodeError,
    SignedCalls,
};
use countersign_domain::ports::{CodeNamed, Directory};
use countersign_domain::verified_contact::Customer;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use crate::basic::admit;
use crate::codes::{CheckedCodeJson, CodeStatusJson, SentCodeJson};
use crate::door::{Facade, NATIVE, Refusal, Request, Response, json};
use crate::machines::by;
use crate::native_install_codes::{came_from, ok};
use crate::native_tickets::client_ip;
use crate::problem::{Problem, language_of};
use crate::{Codes, Context, Tencent};

const CODES: &str = "/v1/codes";
const CHECK: &str = "/v1/codes/check";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The façade.
pub(crate) struct NativeCodes {
    codes: Codes,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
    tencent: Tencent,
}

impl NativeCodes {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { codes, signed_calls, directory, tencent, .. } = context.clone();
        Self { codes, signed_calls, directory, tencent }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        match (&request.method, request.path.as_str()) {
            (&Method::POST, CODES) => self.send(request).await,
            (&Method::POST, CHECK) => self.check(request).await,
            (_, CODES | CHECK) => Err(Problem::MethodNotAllowed("POST")),
            (method, path) => {
                let id = path.strip_prefix(CODES).and_then(|rest| rest.strip_prefix('/')).ok_or(Problem::NotFound)?;
                if method == Method::GET { self.show(request, id).await } else { Err(Problem::MethodNotAllowed("GET")) }
            }
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn send(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::SendCodes).await?;
        // Its key was admitted only because the app can be used; it may have been disabled since.
        let app = self.directory.usable_app(&key.row.app).map_err(|_| Problem::Unauthenticated)?;
        let body: SendBody = serde_json::from_slice(&request.body)?;
        let repeatable = idempotency_key(&request.headers)?;
        let wanted = body.read(&self.codes, language_of(&request.headers))?;
        let asks = wanted.asks();
        let from = match wanted.client {
            None => came_from(request),
            Some(client) => format!("{}, client_ip {client}", came_from(request)),
        };
        // A site that moved here pays with what its pages have: a ticket of the product that they were built for.
        let door = wanted.ticket.as_deref().and_then(|ticket| self.tencent.door_of(ticket));
        let pays_for = if door.is_some() { PaysFor::AnythingToAnybody } else { PaysFor::Purpose };
        let door = door.unwrap_or(NATIVE);
        let payment =
            wanted.ticket.as_deref().map(|ticket| Payment { ticket, door: &door, client: wanted.client, pays_for });
        let new = NewCode {
            app: &app,
            to: &wanted.to,
            purpose: wanted.purpose,
            resource: wanted.resource,
            consent: None,
            language: wanted.language,
            payment,
            person: None,
            rules: None,
            idempotency: repeatable.map(|key| Idempotency { key, asks: &asks }),
            by: by(&key, &from),
        };
        let sent = self.codes.send_code.run(new).await?;
        Ok(Response::new(StatusCode::ACCEPTED, "application/json", json(&SentCodeJson::from(&sent))))
    }

    async fn check(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::CheckCodes).await?;
        let body: CheckBody = serde_json::from_slice(&request.body)?;
        let (named, consume) = (body.named(&self.codes, &key)?, body.customer()?);
        let from = came_from(request);
        let verdict = self.codes.check_code.run(named, &body.code, consume, by(&key, &from)).await?;
        Ok(ok(&CheckedCodeJson::from(&verdict)))
    }

    async fn show(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::SendCodes).await?;
        let id = CodeId::parse(id).ok_or(Problem::NoSuchThing)?;
        Ok(ok(&CodeStatusJson::from(&self.codes.read_codes.run(Some(&key.row.app), id).await?)))
    }
}

/// What makes the call repeatable, if its caller says so. A key that is none is refused: taken for missing, it would have the
/// code sent twice.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let is_printable = |text: &&str| text.len() <= 255 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let key = crate::door::header(headers, IDEMPOTENCY_KEY).filter(is_printable);
    key.map(Some).ok_or_else(|| {
        Problem::malformed(
            "the header `Idempotency-Key` takes 1 to 255 printable characters of ASCII, once",
            "标头 `Idempotency-Key` 应为 1 到 255 个可打印的 ASCII 字符，且只出现一次",
        )
    })
}

impl From<SendCodeError> for Problem {
    fn from(error: SendCodeError) -> Self {
        match error {
            SendCodeError::ImpossibleNumber => Self::ImpossibleNumber,
            SendCodeError::Blocked => Self::ContactBlocked,
            SendCodeError::CountryNotAllowed => Self::CountryNotAllowed,
            SendCodeError::NoSender(channel) => Self::NoSender(channel),
            SendCodeError::Limited { over, ticket_lifts } => Self::OverLimit { over, ticket_lifts },
            SendCodeError::TicketRequired => Self::TicketRequired,
            SendCodeError::TicketRefused(refusal) => Self::TicketRefused(refusal),
            SendCodeError::OtherCall => Self::IdempotencyKeyReused,
            SendCodeError::Redeem(RedeemTicketError::Limited(limited)) => Self::TooManyRequests(limited),
            SendCodeError::Redeem(RedeemTicketError::Busy(_)) => Self::Busy,
            SendCodeError::Template(error) => {
                tracing::error!(%error, "a message could not be put into words");
                Self::TemplateBroken
            }
            SendCodeError::Seal(error) => {
                tracing::error!(%error, "a code could not be sealed");
                Self::Failed
            }
            SendCodeError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<CheckCodeError> for Problem {
    fn from(error: CheckCodeError) -> Self {
        match error {
            CheckCodeError::NotACode => Self::malformed(
                "`code` can be no code: it has 6 to 10 digits",
                "`code` 不可能是验证码：应为 6 到 10 位数字",
            ),
            CheckCodeError::Limited(over) => Self::OverLimit { over, ticket_lifts: false },
            CheckCodeError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<ReadCodesError> for Problem {
    fn from(error: ReadCodesError) -> Self {
        match error {
            ReadCodesError::Unknown => Self::NoSuchThing,
            ReadCodesError::Records(error) => Self::of_records(&error),
        }
    }
}

#[async_trait]
impl Facade for NativeCodes {
    fn name(&self) -> &'static str {
        "native_codes"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/codes", "/v1/codes/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendBody {
    to: String,
    purpose: String,
    channel: Option<String>,
    locale: Option<String>,
    resource: Option<String>,
    ticket: Option<String>,
    client_ip: Option<String>,
}

/// A send, read.
struct Wanted {
    to: Contact,
    purpose: CodePurpose,
    resource: Option<Resource>,
    language: Language,
    ticket: Option<String>,
    client: Option<IpAddr>,
}

impl SendBody {
    fn read(self, codes: &Codes, accepted: Language) -> Result<Wanted, Problem> {
        let to = contact(codes, &self.to)?;
        let channel = self.channel.as_deref().map(channel).transpose()?;
        if channel.is_some_and(|channel| channel != to.channel()) {
            return Err(Problem::malformed(
                "`channel` does not fit `to`: a phone number takes sms, an address email",
                "`channel` 与 `to` 不符：手机号用 sms，邮箱地址用 email",
            ));
        }
        Ok(Wanted {
            to,
            purpose: purpose(&self.purpose)?,
            resource: self.resource.as_deref().map(resource).transpose()?,
            language: self.locale.as_deref().map_or(accepted, Language::from_tag),
            ticket: self.ticket,
            client: self.client_ip.as_deref().map(client_ip).transpose()?,
        })
    }
}

impl Wanted {
    /// What the call asks for, in one form however it is written. The ticket is not in it, nor is the address that goes with it:
    /// it is the price and not the thing. A caller whose answer was lost may have to bring a fresh one, because tickets live
    /// shorter than keys of calls; it gets the same answer, and the fresh one is not spent.
    fn asks(&self) -> Vec<u8> {
        let resource = self.resource.as_ref().map(Resource::as_str);
        json(&(self.to.normalised(), self.purpose.as_str(), resource, self.language.tag()))
    }
}

/// A check: of the code `id`, or of the newest one to a contact for a purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckBody {
    code: String,
    id: Option<String>,
    to: Option<String>,
    purpose: Option<String>,
    resource: Option<String>,
    #[serde(default = "yes")]
    consume: bool,
    customer: Option<String>,
}

fn yes() -> bool {
    true
}

impl CheckBody {
    fn named(&self, codes: &Codes, key: &AccessKey) -> Result<CodeNamed, Problem> {
        match (&self.id, &self.to, &self.purpose, &self.resource) {
            (Some(id), None, None, None) => {
                let id = CodeId::parse(id).ok_or_else(|| {
                    Problem::malformed("`id` has 32 hexadecimal digits", "`id` 应为 32 位十六进制数字")
                })?;
                Ok(CodeNamed::Id(key.row.app.clone(), id))
            }
            (None, Some(to), Some(word), about) => {
                let about = about.as_deref().map(resource).transpose()?;
                Ok(codes.check_code.newest(&key.row.app, purpose(word)?, &contact(codes, to)?, about))
            }
            _ => Err(Problem::malformed(
                "give `id`, or `to` and `purpose` (and `resource`, if the code is for one)",
                "请给出 `id`，或给出 `to` 和 `purpose`（验证码限定资源时再加 `resource`）",
            )),
        }
    }

    /// For whom the code is spent, if it is.
    fn customer(&self) -> Result<Option<Customer>, Problem> {
        match (self.consume, self.customer.as_deref()) {
            (false, Some(_)) => Err(Problem::malformed(
                "`customer` is for checks that spend the code",
                "`customer` 只用于会使用掉验证码的校验",
            )),
            (false, None) => Ok(None),
            (true, text) => customer(text.unwrap_or_default()).map(Some),
        }
    }
}

pub(crate) fn contact(codes: &Codes, text: &str) -> Result<Contact, Problem> {
    codes.contact(text).map_err(|_| {
        Problem::malformed("`to` is neither a phone number nor an e-mail address", "`to` 既不是手机号也不是邮箱地址")
    })
}

pub(crate) fn channel(word: &str) -> Result<Channel, Problem> {
    Channel::from_word(word)
        .ok_or_else(|| Problem::malformed("`channel` is sms or email", "`channel` 应为 sms 或 email"))
}

pub(crate) fn customer(text: &str) -> Result<Customer, Problem> {
    Customer::parse(text).ok_or_else(|| {
        Problem::malformed(
            "`customer` takes at most 64 printable characters of ASCII, without spaces",
            "`customer` 最多 64 个可打印的 ASCII 字符，不含空格",
        )
    })
}

fn purpose(text: &str) -> Result<CodePurpose, Problem> {
    let purpose = CodePurpose::parse(text).ok_or_else(|| {
        Problem::malformed(
            "`purpose` takes 1 to 32 characters of a-z 0-9 _ . -",
            "`purpose` 由 1 至 32 个 a-z 0-9 _ . - 字符组成",
        )
    })?;
    if purpose.is_a_doors_own() {
        return Err(Problem::malformed(
            "`purpose` is one whose codes another door sends and spends itself",
            "该 `purpose` 的验证码由其他接口自行发送和核销",
        ));
    }
    Ok(purpose)
}

fn resource(text: &str) -> Result<Resource, Problem> {
    Resource::parse(text).ok_or_else(|| {
        Problem::malformed(
            "`resource` takes 1 to 128 printable characters of ASCII, without spaces",
            "`resource` 应为 1 到 128 个可打印的 ASCII 字符，不含空格",
        )
    })
}

#[cfg(test)]
mod tests;
