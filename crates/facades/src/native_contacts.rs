//! The native API's server side for verified contacts: somebody typed in the code that was sent there.
//!
//! `GET /v1/contacts?customer=&channel=&to=&after=&limit=&offset=` → `{contacts, count}`, the newest first; `DELETE
//! /v1/contacts/{id}` → 204. A plus in the query is a plus, because numbers begin with one and addresses hold some; whoever
//! escapes it is understood, too.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::contact::{Channel, Contact};
use countersign_domain::operations::{ContactsFilter, SignedCalls, VerifiedContactsError};
use countersign_domain::ports::Directory;
use countersign_domain::time::Timestamp;
use countersign_domain::verified_contact::{Customer, VerifiedId};
use http::{HeaderMap, Method};
use serde::Serialize;

use crate::basic::admit;
use crate::codes::ContactJson;
use crate::door::{Facade, Refusal, Request, Response};
use crate::machines::by;
use crate::native_codes::{channel, contact, customer};
use crate::native_install_codes::{came_from, done, ok};
use crate::problem::{Problem, language_of};
use crate::signing::form::unescaped;
use crate::{Codes, Context};

const CONTACTS: &str = "/v1/contacts";
/// Contacts in one answer, where the caller does not say.
pub(crate) const PAGE: u32 = 100;
/// And at most.
const LONGEST_PAGE: u32 = 1_000;

/// The façade.
pub(crate) struct NativeContacts {
    codes: Codes,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
}

impl NativeContacts {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { codes, signed_calls, directory, .. } = context.clone();
        Self { codes, signed_calls, directory }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, CONTACTS) => self.list(request).await,
            (_, CONTACTS) => Err(Problem::MethodNotAllowed("GET")),
            (method, path) => {
                let id = path.strip_prefix(CONTACTS).and_then(|rest| rest.strip_prefix('/'));
                let id = id.ok_or(Problem::NotFound)?;
                if method == Method::DELETE {
                    self.forget(request, id).await
                } else {
                    Err(Problem::MethodNotAllowed("DELETE"))
                }
            }
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadContacts).await?;
        let wanted = Wanted::read(request.query.as_deref().unwrap_or_default(), &self.codes)?;
        let (contacts, count) = self.codes.verified_contacts.list(&key.row.app, wanted.filter()).await?;
        Ok(ok(&ContactsJson { contacts: contacts.iter().map(ContactJson::from).collect(), count }))
    }

    async fn forget(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageContacts).await?;
        let id = VerifiedId::parse(id).ok_or(Problem::NoSuchThing)?;
        let from = came_from(request);
        self.codes.verified_contacts.forget(&key.row.app, id, by(&key, &from)).await?;
        Ok(done())
    }
}

/// What the query asks for.
#[derive(Default)]
struct Wanted {
    customer: Option<Customer>,
    channel: Option<Channel>,
    to: Option<Contact>,
    after: Option<Timestamp>,
    limit: Option<u32>,
    offset: Option<u32>,
}

impl Wanted {
    fn read(query: &str, codes: &Codes) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescaped(raw.bytes()).map_err(|_| unknown())?;
            let was_there = match name {
                "customer" => wanted.customer.replace(customer(&value)?).is_some(),
                "channel" => wanted.channel.replace(channel(&value)?).is_some(),
                "to" => wanted.to.replace(contact(codes, &value)?).is_some(),
                "after" => wanted.after.replace(after(&value)?).is_some(),
                "limit" => wanted.limit.replace(limit(&value)?).is_some(),
                "offset" => wanted.offset.replace(offset(&value)?).is_some(),
                _ => return Err(unknown()),
            };
            if was_there {
                return Err(unknown());
            }
        }
        Ok(wanted)
    }

    fn filter(&self) -> ContactsFilter<'_> {
        ContactsFilter {
            customer: self.customer.clone(),
            channel: self.channel,
            contact: self.to.as_ref(),
            id: None,
            after: self.after,
            offset: self.offset.unwrap_or_default(),
            limit: self.limit.unwrap_or(PAGE),
        }
    }
}

fn unknown() -> Problem {
    Problem::malformed(
        "the query takes customer, channel, to, after, limit and offset, each once and percent-encoded",
        "查询参数只支持 customer、channel、to、after、limit 和 offset，各出现一次，并使用百分号编码",
    )
}

fn after(text: &str) -> Result<Timestamp, Problem> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    read.map(|time| Timestamp::from_milliseconds(time.as_millisecond())).map_err(|_| {
        Problem::malformed(
            "`after` is a time with its zone, such as 2026-12-31T23:59:59Z",
            "`after` 应为带时区的时间，例如 2026-12-31T23:59:59Z",
        )
    })
}

pub(crate) fn limit(text: &str) -> Result<u32, Problem> {
    number(text)
        .filter(|limit| (1..=LONGEST_PAGE).contains(limit))
        .ok_or_else(|| Problem::malformed("`limit` is a number from 1 to 1000", "`limit` 应为 1 到 1000 的数字"))
}

pub(crate) fn offset(text: &str) -> Result<u32, Problem> {
    number(text).ok_or_else(|| Problem::malformed("`offset` is a number from 0", "`offset` 应为从 0 开始的数字"))
}

/// Without a sign, which the standard reader takes.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl From<VerifiedContactsError> for Problem {
    fn from(error: VerifiedContactsError) -> Self {
        match error {
            VerifiedContactsError::Unknown => Self::NoSuchThing,
            VerifiedContactsError::Records(error) => Self::of_records(&error),
        }
    }
}

#[async_trait]
impl Facade for NativeContacts {
    fn name(&self) -> &'static str {
        "native_contacts"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/contacts", "/v1/contacts/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Serialize)]
struct ContactsJson {
    contacts: Vec<ContactJson>,
    count: u32,
}

#[cfg(test)]
mod tests;
