use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::{Binding, Code, CodeId, CodeState, Resend};
use crate::gate::{Charge, CodeLimit, Over};
use crate::language::Language;
use crate::message::{MessageId, SenderName};
use crate::office_site::{Attaching, Attachment, SiteRefusal};
use crate::ports::RecordsError;
use crate::pumping::TextAccount;
use crate::sealing::KeyedHash;
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

/// What makes a repeated call the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeatable {
    /// A hash of the app and of the key that its caller gave.
    pub key: [u8; 32],
    /// A hash of what the call asks for: another one under the same key is a mistake.
    pub asks: [u8; 32],
}

/// A call may be repeated for this long.
pub const REPEATABLE_FOR: Duration = Duration::from_hours(24);

/// A code that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSend {
    /// The code, if a fresh one is made. Its `created_at` is now.
    pub code: Code,
    /// Its message.
    pub message: MessageId,
    /// The sender that gets it first.
    pub lane: SenderName,
    /// The language of its words.
    pub language: Language,
    /// What a live code of the same binding does.
    pub resend: Resend,
    /// Within [`REPEATABLE_FOR`] the same call gets the same answer.
    pub repeatable: Option<Repeatable>,
    /// What it costs.
    pub charges: Vec<Charge>,
    /// The accounts that its text is counted under.
    pub texts: Vec<TextAccount>,
}

/// What became of a [`CodeSend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Its message is in the outbox, for this code; and these limits would have refused it, were they enforced.
    Queued(Code, Vec<CodeLimit>),
    /// It was in the outbox already: this is the same call again.
    Repeated(Code),
    /// The same key came with another call before.
    OtherCall,
    /// An account is full. Nothing was charged or kept.
    Refused(Over),
}

/// Which code is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeNamed {
    /// The one with this id, if it is this app's.
    Id(AppId, CodeId),
    /// The newest of this binding.
    Newest(Binding),
}

/// Judges a code's digits. It is called within the transaction, at most once, and only for a live code.
pub type Judge = Arc<dyn Fn(CodeId, &KeyedHash) -> bool + Send + Sync>;

/// What a try at a code costs.
pub type TryCharges = Arc<dyn Fn(&Code) -> Vec<Charge> + Send + Sync>;

/// What a code is spent for. Both happen in one transaction, or neither does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Its contact becomes a verified one of this customer: under this id, unless it is one already.
    Contact(Customer, VerifiedId),
    /// What its contact owns is attached to a site.
    Attachment(Attaching),
}

/// What was had for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gained {
    /// A verified contact.
    Contact(VerifiedContact),
    /// A resource at a site.
    Attachment(Attachment),
}

/// A check of a code.
#[derive(Clone)]
pub struct CodeCheck {
    /// Which one.
    pub named: CodeNamed,
    /// The judge of its digits.
    pub judge: Judge,
    /// Whether right digits spend it, and for what.
    pub consume: Option<Spending>,
    /// What a wrong try costs, by the code that it is at.
    pub charges: TryCharges,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The digits are right. Where the check consumes, the code is spent now, and this was had for it.
    Right(Code, Option<Gained>),
    /// They are wrong, and the try is counted.
    Wrong(Code),
    /// They were not compared: the code is not live.
    Dead(Code, CodeState),
    /// There is no such code.
    Unknown,
    /// They were not compared: as many wrong tries were made as may be. The code takes none of it.
    Refused(Code, Over),
    /// They were not compared: what the code would be spent for cannot be done. It costs no try.
    Hindered(SiteRefusal),
}

/// Verbs about one-time codes. Sending and checking are told in the audit trail by the same transaction: the entry's subject is the
/// code's id, and its detail begins with the outcome. What is about no code is not told, a refused send and a check that finds none:
/// whoever likes could fill the trail with such. They are counted, by reason.
#[async_trait]
pub trait CodeRecords: Send + Sync {
    /// Accepts a send, in one transaction:
    ///
    /// 1. A call that was made before: [`Accepted::Repeated`], or [`Accepted::OtherCall`]. Nothing is told.
    /// 2. The accounts are charged, all or none, and those of texts are asked, as [`decide`](crate::pumping::decide) says.
    /// 3. A live code of the same binding is kept (see [`Code::is_kept`]) or replaced, as `resend` says; otherwise the code is
    ///    kept in the records.
    /// 4. The text is counted under its accounts, in the hour in which its code was made, and the code remembers each of them.
    /// 5. The message is put into the outbox.
    async fn accept_send(&self, send: CodeSend, audit: AuditEntry) -> Result<Accepted, RecordsError>;

    /// What [`accept_send`](Self::accept_send) would answer, as far as repeated calls and full accounts decide it; `None` where
    /// it would accept. Nothing is charged, kept or told.
    async fn would_refuse(&self, send: CodeSend) -> Result<Option<Accepted>, RecordsError>;

    /// Checks a code, in one transaction: a code that is not live is not compared, nor one that would be spent for what cannot
    /// be done; a wrong try is counted, and the last one ends the code; a right one spends it and gives what it is spent for, if
    /// asked, and each of its texts counts as read. The entry's time is now.
    async fn check_code(&self, check: CodeCheck, audit: AuditEntry) -> Result<Checked, RecordsError>;

    /// One code. [`RecordsError::Missing`] if there is none.
    async fn code(&self, id: CodeId) -> Result<Code, RecordsError>;
}
