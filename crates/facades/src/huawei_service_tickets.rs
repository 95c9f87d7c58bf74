//! Huawei Cloud's service tickets (OSM), the operations on verification codes: `/v2/servicerequest/verifycodes…` and
//! `/v2/servicerequest/config/area-codes`.
//!
//! Quirks, from the vendor's pages and from what its SDKs send and read:
//! * A service's own errors are HTTP 200 with `error_code`; SDKs do not raise them. What the gateway refuses is 4xx, in its words
//!   ([`huawei`]).
//! * `POST …/verifycodes` checks a code, `POST …/verifycodes/send` sends one. Success is an empty object.
//! * A code has six digits, holds for five minutes and is sent once a minute.
//! * A phone number comes in two parts, `area_code` and `contact_value`. SDKs send the first with an address, too, often empty.
//! * `X-Language` is `zh-cn` unless it is said, and `X-Time-Zone` `GMT+8`.
//!
//! Choices: one code for whatever is wrong with a code that was typed in, as the vendor's table has it; every limit on sending is
//! `OSM.01010024`, the one documented code that says to wait. Of an address `area_code` is not looked at. What cannot be a contact
//! needs no error where a client only asks whether it is verified: it is not. `customer_id`, with `x_customer_id` in a check and
//! `sub_customer_id` in a list, names whose contact it is; each has a list of its own, and so has nobody.

mod complaint;
mod parameters;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::access_key::Permission;
use countersign_domain::calling_code;
use countersign_domain::code::CodePurpose;
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::operations::{
    Actor, CodeVerdict, ContactsFilter, DoorRules, NewCode, OpenContact, VerifiedContactsError,
};
use countersign_domain::ports::{Directory, Entropy};
use countersign_domain::time::Timestamp;
use countersign_domain::verified_contact::VerifiedId;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::Context;
use crate::codes::Codes;
use crate::door::{Facade, Refusal, Request, Response, header, json};
use crate::huawei::{self, CONTENT_TYPE, Caller, Gate, Query, named, request_id};
use complaint::Complaint;
use parameters::{CheckBody, ContactBody, ContactParameters, customer, moment, most, offset, way, zone};

/// What the vendor's page says of its codes.
const RULES: DoorRules =
    DoorRules { digits: 6, lifetime: Duration::from_mins(5), interval: Some(Duration::from_mins(1)), resend: None };

/// The façade.
pub(crate) struct HuaweiServiceTickets {
    gate: Gate,
    codes: Codes,
    directory: Arc<dyn Directory>,
    entropy: Arc<dyn Entropy>,
}

impl HuaweiServiceTickets {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { signed_calls, sign_in, codes, directory, entropy, .. } = context.clone();
        Self { gate: Gate::new(signed_calls, sign_in), codes, directory, entropy }
    }
}

#[async_trait]
impl Facade for HuaweiServiceTickets {
    fn name(&self) -> &'static str {
        "huawei_service_tickets"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v2/servicerequest/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let request_id = request_id(&*self.entropy);
        match self.call(&request).await {
            Ok(body) => named(Response::new(StatusCode::OK, CONTENT_TYPE, body), &request_id),
            Err(complaint) => complaint.response(&request_id),
        }
    }

    fn refuse(&self, refusal: Refusal, _: &HeaderMap) -> Response {
        Complaint::Gate(refusal.into()).response(&request_id(&*self.entropy))
    }
}

/// What a call asks for.
#[derive(Clone, Copy)]
enum Operation {
    SendVerifyCodes,
    CheckVerifyCodes,
    CheckNeedVerify,
    ListHasVerifiedContacts,
    ListAreaCodes,
}

impl Operation {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let operation = path.strip_prefix("/v2/servicerequest/")?.trim_end_matches('/');
        match (method, operation) {
            (&Method::POST, "verifycodes/send") => Some(Self::SendVerifyCodes),
            (&Method::POST, "verifycodes") => Some(Self::CheckVerifyCodes),
            (&Method::GET, "verifycodes/need-verify") => Some(Self::CheckNeedVerify),
            (&Method::GET, "verifycodes/has-verified") => Some(Self::ListHasVerifiedContacts),
            (&Method::GET, "config/area-codes") => Some(Self::ListAreaCodes),
            _ => None,
        }
    }

    /// What its caller must be allowed to do; calling codes are no secret.
    fn permission(self) -> Option<Permission> {
        match self {
            Self::SendVerifyCodes => Some(Permission::SendCodes),
            Self::CheckVerifyCodes => Some(Permission::CheckCodes),
            Self::CheckNeedVerify | Self::ListHasVerifiedContacts => Some(Permission::ReadContacts),
            Self::ListAreaCodes => None,
        }
    }
}

#[derive(Serialize)]
struct Done {}

#[derive(Serialize)]
struct NeedVerifyJson {
    need_verify_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_time: Option<String>,
}

#[derive(Serialize)]
struct ContactsJson {
    count: u32,
    contact_list: Vec<ContactJson>,
}

#[derive(Serialize)]
struct ContactJson {
    contact_way: u8,
    contact_value: String,
    area_code: String,
    verified_id: String,
}

#[derive(Serialize)]
struct AreaCodesJson {
    area_code_list: Vec<AreaCodeJson>,
}

#[derive(Serialize)]
struct AreaCodeJson {
    id: u16,
    area_code: String,
    area_name: &'static str,
}

impl HuaweiServiceTickets {
    async fn call(&self, request: &Request) -> Result<Vec<u8>, Complaint> {
        let operation = Operation::of(&request.method, &request.path).ok_or(huawei::Complaint::NotFound)?;
        let caller = self.gate.admit(request).await?;
        operation.permission().map_or(Ok(()), |permission| caller.may(permission))?;
        match operation {
            Operation::SendVerifyCodes => self.send(request, &caller).await,
            Operation::CheckVerifyCodes => self.check(request, &caller).await,
            Operation::CheckNeedVerify => self.need_verify(request, &caller).await,
            Operation::ListHasVerifiedContacts => self.has_verified(request, &caller).await,
            Operation::ListAreaCodes => Ok(area_codes(language(&request.headers))),
        }
    }

    async fn send(&self, request: &Request, caller: &Caller) -> Result<Vec<u8>, Complaint> {
        let body: ContactBody = serde_json::from_slice(&request.body).map_err(|_| Complaint::Invalid)?;
        let to = ContactParameters::of(&body)?.contact().ok_or(Complaint::Invalid)?;
        // The gate let the caller in, so its app is there and on, but for one that was switched off this very moment.
        let app = self.directory.usable_app(&caller.app).map_err(|_| huawei::Complaint::KeyDisabled)?;
        let new = NewCode {
            app: &app,
            to: &to,
            purpose: purpose()?,
            resource: None,
            consent: None,
            language: language(&request.headers),
            payment: None,
            person: None,
            rules: Some(RULES),
            idempotency: None,
            by: by(caller),
        };
        self.codes.send_code.run(new).await.map_err(|error| Complaint::of_send(&error))?;
        Ok(json(&Done {}))
    }

    async fn check(&self, request: &Request, caller: &Caller) -> Result<Vec<u8>, Complaint> {
        let body: CheckBody = serde_json::from_slice(&request.body).map_err(|_| Complaint::Invalid)?;
        let contact = ContactParameters::of(&body.contact)?.contact().ok_or(Complaint::Invalid)?;
        let typed = body.verify_code.filter(|code| code.chars().count() == RULES.digits).ok_or(Complaint::Invalid)?;
        let customer = customer(body.customer_id.as_deref(), body.x_customer_id.as_deref())?;
        let check_code = &self.codes.check_code;
        let code = check_code.newest(&caller.app, purpose()?, &contact, None);
        match check_code.run(code, &typed, Some(customer), by(caller)).await {
            Ok(CodeVerdict::Right { .. }) => Ok(json(&Done {})),
            Ok(CodeVerdict::Wrong(_) | CodeVerdict::Dead(_) | CodeVerdict::Unknown) => Err(Complaint::NotVerified),
            Err(error) => Err(Complaint::of_check(&error)),
        }
    }

    async fn need_verify(&self, request: &Request, caller: &Caller) -> Result<Vec<u8>, Complaint> {
        let query = Query::read(request.query.as_deref()).ok_or(Complaint::Invalid)?;
        let contact = ContactParameters::in_query(&query)?.contact();
        let customer = customer(query.get("customer_id"), query.get("sub_customer_id"))?;
        let verified = match &contact {
            Some(contact) => self.codes.verified_contacts.find(&caller.app, Some(customer), contact).await,
            None => Ok(None),
        };
        let verified = verified.map_err(|error| contacts_complaint(&error))?;
        let expire_time = verified.map(|verified| in_zone(verified.expires_at, zone(&request.headers)));
        Ok(json(&NeedVerifyJson { need_verify_code: u8::from(expire_time.is_none()), expire_time }))
    }

    async fn has_verified(&self, request: &Request, caller: &Caller) -> Result<Vec<u8>, Complaint> {
        let query = Query::read(request.query.as_deref()).ok_or(Complaint::Invalid)?;
        let none = || Ok(json(&ContactsJson { count: 0, contact_list: Vec::new() }));
        let channel = query.get("contact_way").map(|text| way(text).ok_or(Complaint::Invalid)).transpose()?;
        let contact = match query.get("contact_value") {
            None => None,
            Some(_) => match ContactParameters::in_query(&query)?.contact() {
                None => return none(),
                contact => contact,
            },
        };
        let id = match query.get("verified_id").map(VerifiedId::parse) {
            None => None,
            Some(None) => return none(),
            Some(id) => id,
        };
        let until =
            query.get("expired_time").map(|text| moment(text, zone(&request.headers)).ok_or(Complaint::Invalid));
        let filter = ContactsFilter {
            customer: Some(customer(query.get("customer_id"), query.get("sub_customer_id"))?),
            channel,
            contact: contact.as_ref(),
            id,
            after: until.transpose()?.map(|until| until.minus(self.codes.policy.verified_for)),
            offset: offset(query.get("offset"))?,
            limit: most(query.get("limit"))?,
        };
        let listed = self.codes.verified_contacts.list(&caller.app, filter).await;
        let (contacts, count) = listed.map_err(|error| contacts_complaint(&error))?;
        let contact_list = contacts.iter().map(contact_json).collect();
        Ok(json(&ContactsJson { count, contact_list }))
    }
}

/// What codes of this door are for. It is the door's own, so none of them opens anything else.
fn purpose() -> Result<CodePurpose, Complaint> {
    CodePurpose::parse("osm.contact").ok_or(Complaint::Failed) // never: it is one
}

fn by(caller: &Caller) -> Actor<'_> {
    Actor { name: &caller.name, detail: "" }
}

/// `X-Language` is `zh-cn` or `en-us`; `zh-cn`, where it is neither.
fn language(headers: &HeaderMap) -> Language {
    let is_english =
        header(headers, "x-language").and_then(|tag| tag.get(..2)).is_some_and(|tag| tag.eq_ignore_ascii_case("en"));
    if is_english { Language::English } else { Language::Chinese }
}

fn in_zone(time: Timestamp, zone: jiff::tz::Offset) -> String {
    let time = jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX);
    zone.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string() + &zone_text(zone)
}

fn zone_text(zone: jiff::tz::Offset) -> String {
    let minutes = zone.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn contact_json(OpenContact { row, contact, .. }: &OpenContact) -> ContactJson {
    let text = contact.normalised();
    let (contact_way, area_code, contact_value) = match (row.channel, contact.calling_code()) {
        (Channel::Email, _) => (1, String::new(), text),
        (Channel::Sms, None) => (0, String::new(), text),
        (Channel::Sms, Some(code)) => {
            let area_code = code.number().to_string();
            let national = text.get(1 + area_code.len()..).unwrap_or_default();
            (0, area_code, national)
        }
    };
    ContactJson { contact_way, contact_value: contact_value.to_owned(), area_code, verified_id: row.id.to_string() }
}

fn area_codes(language: Language) -> Vec<u8> {
    let area_code_list = calling_code::all().iter().map(|code| AreaCodeJson {
        id: code.number(),
        area_code: code.number().to_string(),
        area_name: code.name(language),
    });
    json(&AreaCodesJson { area_code_list: area_code_list.collect() })
}

fn contacts_complaint(error: &VerifiedContactsError) -> Complaint {
    match error {
        VerifiedContactsError::Unknown => Complaint::Failed, // nothing is asked for by a name that may be wrong
        VerifiedContactsError::Records(error) => Complaint::of_records(error),
    }
}
