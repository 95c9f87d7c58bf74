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
}
