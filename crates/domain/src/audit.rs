//! The audit trail: who did what to whom, kept with the deed in one transaction.

use crate::time::Timestamp;

/// One line of the trail. It holds no secret, no code and no contact in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: `cli`, `server`, or an access key's id.
    pub actor: String,
    /// What, as a stable word: `app.created`, `access_key.disabled`.
    pub event: String,
    /// To whom: the id of the app, key or agent.
    pub subject: String,
    /// What else there is to say: a reason, a caller's word about an address. Often empty.
    pub detail: String,
}

impl AuditEntry {
    /// An entry without a detail.
    pub fn new(at: Timestamp, actor: &str, event: &str, subject: &str) -> Self {
        Self {
            at,
            actor: actor.to_owned(),
            event: event.to_owned(),
            subject: subject.to_owned(),
            detail: String::new(),
        }
    }

    /// A further entry of the same deed: `words` stand before its detail.
    #[must_use]
    pub fn further(&self, event: &str, subject: &str, words: &str) -> Self {
        let detail = format!("{words} {}", self.detail).trim_end().to_owned();
        Self { event: event.to_owned(), subject: subject.to_owned(), detail, ..self.clone() }
    }

    /// The same, with a detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}
