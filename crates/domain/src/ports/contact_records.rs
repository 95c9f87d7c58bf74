use async_trait::async_trait;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::contact::{Channel, ContactKey};
use crate::ports::RecordsError;
use crate::time::Timestamp;
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

/// Which verified contacts are wanted. What is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactsWanted {
    /// Of this app.
    pub app: AppId,
    /// Of this customer.
    pub customer: Option<Customer>,
    /// On this channel.
    pub channel: Option<Channel>,
    /// This contact.
    pub contact: Option<ContactKey>,
    /// By this id.
    pub id: Option<VerifiedId>,
    /// Verified after this.
    pub after: Timestamp,
    /// Leave out this many.
    pub offset: u32,
    /// And return at most this many.
    pub limit: u32,
}

/// Verbs about verified contacts. They are made by [`check_code`](crate::ports::CodeRecords::check_code).
#[async_trait]
pub trait ContactRecords: Send + Sync {
    /// Those that are wanted, the newest first, and how many there are in all.
    async fn verified_contacts(&self, wanted: ContactsWanted) -> Result<(Vec<VerifiedContact>, u32), RecordsError>;

    /// Forgets one. [`RecordsError::Missing`] if the app has none of this id.
    async fn forget_contact(&self, app: AppId, id: VerifiedId, audit: AuditEntry) -> Result<(), RecordsError>;
}
