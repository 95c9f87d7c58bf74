use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::audit::AuditEntry;
use crate::code::{Binding, Code, CodeId, CodeState, Resend};
use crate::contact::Channel;
use crate::message::MessageId;
use crate::ports::RecordsError;
use crate::sealing::KeyedHash;
use crate::throttle::Rule;
use crate::time::Timestamp;

/// What makes a repeated call the same call: a hash of the app and of the key that its caller gave.
pub type IdempotencyKey = [u8; 32];

/// A code that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The code, if a fresh one is made.
    pub code: Code,
    /// Its message: contact, digits and language, sealed. Of a code that is kept, the sealed message of its first send is taken.
    pub message: MessageId,
    /// How it travels.
    pub channel: Channel,
    /// What a live code of the same binding does.
    pub resend: Resend,
    /// The contact, digits and language, sealed for [`Send::message`].
    pub sealed: Vec<u8>,
    /// The same call again within a day gets the same answer.
    pub idempotency: Option<IdempotencyKey>,
    /// How many codes one contact may be sent.
    pub per_contact: Option<Rule>,
    /// How many codes one app may send.
    pub per_app: Option<Rule>,
    /// When.
    pub now: Timestamp,
}

/// What became of a [`Send`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Its message is in the outbox, for this code.
    Queued(Code),
    /// It was in the outbox already: this is the same call again.
    Repeated(Code),
    /// The contact has had as many as it may; after this long it may have one more.
    TooManyForContact(Duration),
    /// The app has sent as many as it may.
    TooManyForApp(Duration),
}

/// Which code is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeNamed {
    /// The one with this id, if it is this app's.
    Id(crate::app::AppId, CodeId),
    /// The newest of this binding.
    Newest(Binding),
}

/// Judges a code's digits. It is called within the transaction, at most once, and only for a live code.
pub type Judge = Arc<dyn Fn(CodeId, &KeyedHash) -> bool + std::marker::Send + Sync>;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The digits are right. Where the check consumes, the code is spent now.
    Right(Code),
    /// They are wrong, and the try is counted.
    Wrong(Code),
    /// They were not compared: the code is not live.
    Dead(Code, CodeState),
    /// There is no such code.
    Unknown,
    /// They were not compared: the contact has had as many wrong tries, over all its codes, as it may in a day.
    TooManyWrong(Duration),
}

/// Verbs about one-time codes. Sending and checking are told in the audit trail by the same transaction.
#[async_trait]
pub trait CodeRecords: std::marker::Send + Sync {
    /// Accepts a send, in one transaction:
    ///
    /// 1. The same idempotency key of the last day: [`Accepted::Repeated`].
    /// 2. The contact's and the app's accounts are charged; where one is spent, nothing is kept.
    /// 3. A live code of the same binding is kept or replaced, as `resend` says; otherwise the code is kept.
    /// 4. The message is put into the outbox. `audit`'s subject is the code's id.
    async fn accept_send(&self, send: Send, audit: AuditEntry) -> Result<Accepted, RecordsError>;

    /// Checks a code, in one transaction: a code that is not live is not compared; a wrong try is counted, and the last one
    /// ends the code; a right one spends it, if `consume`. `wrong_per_contact` is charged before the comparison and given
    /// back for a right one.
    async fn check_code(
        &self,
        named: CodeNamed,
        judge: Judge,
        consume: bool,
        wrong_per_contact: Option<Rule>,
        audit: AuditEntry,
    ) -> Result<Checked, RecordsError>;

    /// One code. [`RecordsError::Missing`] if there is none.
    async fn code(&self, id: CodeId) -> Result<Code, RecordsError>;
}
