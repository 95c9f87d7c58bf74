//! What the doors of codes share: the operations, and how codes and contacts are written as JSON. The command line writes them
//! the same way.

use std::sync::Arc;

use countersign_domain::code::CodeState;
use countersign_domain::contact::{Channel, Contact, NotAContact};
use countersign_domain::operations::{
    CheckCode, CodePorts, CodeStatus, CodeVerdict, DeliverMessages, DeliveryPolicy, Keep, KeepOutbox, OpenContact,
    ReadCodes, RedeemTicket, SendCode, SendPolicy, SentCode, VerifiedContacts,
};
use countersign_domain::ports::{MessageRow, MessageState};
use serde::Serialize;

use crate::views::rfc3339;

/// The operations on codes and the contacts that they verify.
#[derive(Clone)]
pub struct Codes {
    /// Sends a code.
    pub send_code: Arc<SendCode>,
    /// Checks one.
    pub check_code: Arc<CheckCode>,
    /// Reads how one is doing.
    pub read_codes: Arc<ReadCodes>,
    /// The contacts that were verified.
    pub verified_contacts: Arc<VerifiedContacts>,
    /// Works off the outbox.
    pub deliver_messages: Arc<DeliverMessages>,
    /// Keeps it in order.
    pub keep_outbox: Arc<KeepOutbox>,
    /// What the operator has decided.
    pub policy: Arc<SendPolicy>,
    /// The calling code of numbers that come without one, where the operator names one: `86`.
    pub default_calling_code: Option<Arc<str>>,
}

impl Codes {
    /// All of them over the same ports.
    pub fn new(
        ports: &CodePorts,
        policy: SendPolicy,
        delivery: DeliveryPolicy,
        keep: Keep,
        redeem: Arc<RedeemTicket>,
        default_calling_code: Option<&str>,
    ) -> Self {
        let policy = Arc::new(policy);
        Self {
            send_code: Arc::new(SendCode::new(ports.clone(), Arc::clone(&policy), Some(redeem))),
            check_code: Arc::new(CheckCode::new(ports.clone(), Arc::clone(&policy))),
            read_codes: Arc::new(ReadCodes::new(ports.clone())),
            verified_contacts: Arc::new(VerifiedContacts::new(ports.clone(), Arc::clone(&policy))),
            deliver_messages: Arc::new(DeliverMessages::new(ports.clone(), delivery)),
            keep_outbox: Arc::new(KeepOutbox::new(ports.clone(), keep)),
            policy,
            default_calling_code: default_calling_code.map(Arc::from),
        }
    }
    /// Reads a contact as an app writes it: a number without its calling code takes the operator's.
    ///
    /// # Errors
    /// [`NotAContact`] for what is neither a number nor an address. A number that nobody can have is read; no code is sent there.
    pub fn contact(&self, text: &str) -> Result<Contact, NotAContact> {
        contact_of(text, self.default_calling_code.as_deref())
    }
}

/// Reads a contact; a number without its calling code takes `default_calling_code`, if that makes one that can be dialled.
///
/// # Errors
/// [`NotAContact`].
pub fn contact_of(text: &str, default_calling_code: Option<&str>) -> Result<Contact, NotAContact> {
    let read = Contact::parse(text)?;
    let lacks_its_code = read.channel() == Channel::Sms && !read.normalised().starts_with('+');
    let completed = default_calling_code
        .filter(|_| lacks_its_code)
        .and_then(|calling_code| Contact::number(calling_code, read.normalised()).ok());
    Ok(completed.unwrap_or(read))
}

/// A code on its way.
#[derive(Serialize)]
pub struct SentCodeJson {
    id: String,
    expires_at: String,
    resend_after: String,
}

impl From<&SentCode> for SentCodeJson {
    fn from(sent: &SentCode) -> Self {
        Self { id: sent.id.to_string(), expires_at: rfc3339(sent.expires_at), resend_after: rfc3339(sent.resend_after) }
    }
}

/// What a check found. Of a code that is dead and of one that never was it says the same.
#[derive(Serialize)]
pub struct CheckedCodeJson {
    /// Whether these are the digits of a live code.
    pub valid: bool,
    /// How many wrong tries it takes from now on.
    pub attempts_left: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_id: Option<String>,
}

impl From<&CodeVerdict> for CheckedCodeJson {
    fn from(verdict: &CodeVerdict) -> Self {
        let (valid, attempts_left, verified) = match verdict {
            CodeVerdict::Right { verified, tries_left } => (true, *tries_left, verified.as_ref()),
            CodeVerdict::Wrong(tries_left) => (false, *tries_left, None),
            CodeVerdict::Dead(_) | CodeVerdict::Unknown => (false, 0, None),
        };
        Self { valid, attempts_left, verified_id: verified.map(|verified| verified.id.to_string()) }
    }
}

/// How a code and its messages are doing, for people who look after somebody's trouble.
#[derive(Serialize)]
pub struct CodeStatusJson {
    id: String,
    purpose: String,
    resource: Option<String>,
    channel: &'static str,
    to: String,
    state: &'static str,
    attempts_left: u32,
    created_at: String,
    expires_at: String,
    ended_at: Option<String>,
    messages: Vec<MessageJson>,
}

/// One of a code's messages.
#[derive(Serialize)]
struct MessageJson {
    id: String,
    state: &'static str,
    sender: String,
    tries: u32,
    refused_by: Vec<String>,
    reason: Option<String>,
    gateway_id: Option<String>,
    created_at: String,
    due_at: Option<String>,
    settled_at: Option<String>,
}

impl From<&CodeStatus> for CodeStatusJson {
    fn from(status: &CodeStatus) -> Self {
        let CodeStatus { code, state, to, messages } = status;
        Self {
            id: code.id.to_string(),
            purpose: code.binding.purpose.as_str().to_owned(),
            resource: code.binding.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            channel: code.channel.word(),
            to: to.clone(),
            state: code_state(*state),
            attempts_left: if *state == CodeState::Live { code.tries_left() } else { 0 },
            created_at: rfc3339(code.created_at),
            expires_at: rfc3339(code.expires_at),
            ended_at: code.ended.map(|(at, _)| rfc3339(at)),
            messages: messages.iter().map(MessageJson::from).collect(),
        }
    }
}

/// The word for how a code is doing.
pub fn code_state(state: CodeState) -> &'static str {
    match state {
        CodeState::Live => "live",
        CodeState::Expired => "expired",
        CodeState::Ended(end) => end.word(),
    }
}

impl From<&MessageRow> for MessageJson {
    fn from(message: &MessageRow) -> Self {
        let is_waiting = message.state == MessageState::Waiting;
        let at = Some(rfc3339(message.due_at));
        let (due_at, settled_at) = if is_waiting { (at, None) } else { (None, at) };
        Self {
            id: message.id.to_string(),
            state: message.state.word(),
            sender: message.lane.to_string(),
            tries: message.tries,
            refused_by: message.refused.iter().map(ToString::to_string).collect(),
            reason: message.reason.clone(),
            gateway_id: message.gateway_id.clone(),
            created_at: rfc3339(message.created_at),
            due_at,
            settled_at,
        }
    }
}

/// A verified contact, in the clear: its app knows it anyway.
#[derive(Serialize)]
pub struct ContactJson {
    id: String,
    to: String,
    channel: &'static str,
    customer: String,
    verified_at: String,
    expires_at: String,
}

impl From<&OpenContact> for ContactJson {
    fn from(open: &OpenContact) -> Self {
        Self {
            id: open.row.id.to_string(),
            to: open.contact.normalised().to_owned(),
            channel: open.row.channel.word(),
            customer: open.row.customer.as_str().to_owned(),
            verified_at: rfc3339(open.row.verified_at),
            expires_at: rfc3339(open.expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_its_calling_code_takes_the_operators() {
        for (text, default, expected) in [
            ("139 1234 5678", Some("86"), "+8613912345678"),
            ("+86 139 1234 5678", Some("1"), "+8613912345678"),
            ("0044 7400 123456", Some("86"), "+447400123456"),
            ("139 1234 5678", None, "13912345678"),
            // Not one of that place: left as it is, and nothing is sent to it.
            ("8613912345678", Some("86"), "8613912345678"),
            ("A@Example.COM", Some("86"), "a@example.com"),
        ] {
            assert_eq!(contact_of(text, default).unwrap().normalised(), expected, "{text}");
        }
        assert!(contact_of("nobody", Some("86")).is_err());
    }
}
