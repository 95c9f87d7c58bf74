use std::sync::Arc;

use crate::app::AppId;
use crate::contact::{Channel, Contact};
use crate::operations::{Actor, CodePorts, SendPolicy};
use crate::ports::{ContactsWanted, RecordsError};
use crate::time::Timestamp;
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

/// The contacts that codes have verified.
pub struct VerifiedContacts {
    ports: CodePorts,
    policy: Arc<SendPolicy>,
}

/// Which ones. What is `None` does not matter.
#[derive(Default)]
pub struct ContactsFilter<'a> {
    /// Of this customer.
    pub customer: Option<Customer>,
    /// On this channel.
    pub channel: Option<Channel>,
    /// This contact.
    pub contact: Option<&'a Contact>,
    /// By this id.
    pub id: Option<VerifiedId>,
    /// Verified after this.
    pub after: Option<Timestamp>,
    /// Leave out this many.
    pub offset: u32,
    /// And return at most this many.
    pub limit: u32,
}

/// A verified contact in the clear.
pub struct OpenContact {
    /// As it is kept.
    pub row: VerifiedContact,
    /// Which contact it is.
    pub contact: Contact,
    /// From then on it has to be verified again.
    pub expires_at: Timestamp,
}

/// Why contacts were not read or forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifiedContactsError {
    /// The app has no such contact.
    #[error("there is no such verified contact")]
    Unknown,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for VerifiedContactsError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::Unknown,
            error => Self::Records(error),
        }
    }
}

impl VerifiedContacts {
    /// The operation over these ports.
    pub fn new(ports: CodePorts, policy: Arc<SendPolicy>) -> Self {
        Self { ports, policy }
    }

    /// The app's verified contacts that pass the filter and still count, the newest first; and how many there are in all.
    ///
    /// # Errors
    /// [`VerifiedContactsError::Records`].
    pub async fn list(
        &self,
        app: &AppId,
        filter: ContactsFilter<'_>,
    ) -> Result<(Vec<OpenContact>, u32), VerifiedContactsError> {
        let ports = &self.ports;
        let counts_from = ports.clock.now().minus(self.policy.verified_for);
        let wanted = ContactsWanted {
            app: app.clone(),
            customer: filter.customer,
            channel: filter.channel,
            contact: filter.contact.map(|contact| ports.keys.key(contact)),
            id: filter.id,
            after: filter.after.map_or(counts_from, |after| after.max(counts_from)),
            offset: filter.offset,
            limit: filter.limit,
        };
        let (rows, count) = ports.records.verified_contacts(wanted).await?;
        let contacts = rows.into_iter().map(|row| self.open(row)).collect::<Result<_, _>>()?;
        Ok((contacts, count))
    }

    /// The one of this contact and customer, if it counts.
    ///
    /// # Errors
    /// [`VerifiedContactsError::Records`].
    pub async fn find(
        &self,
        app: &AppId,
        customer: Option<Customer>,
        contact: &Contact,
    ) -> Result<Option<OpenContact>, VerifiedContactsError> {
        let filter = ContactsFilter { customer, contact: Some(contact), limit: 1, ..ContactsFilter::default() };
        let (mut contacts, _) = self.list(app, filter).await?;
        Ok(contacts.pop())
    }

    /// Forgets one: it has to be verified again.
    ///
    /// # Errors
    /// [`VerifiedContactsError`].
    pub async fn forget(&self, app: &AppId, id: VerifiedId, by: Actor<'_>) -> Result<(), VerifiedContactsError> {
        let audit =
            crate::audit::AuditEntry::new(self.ports.clock.now(), by.name, "contact.forgotten", &id.to_string());
        Ok(self.ports.records.forget_contact(app.clone(), id, audit.with_detail(by.detail)).await?)
    }

    fn open(&self, row: VerifiedContact) -> Result<OpenContact, RecordsError> {
        let contact = self.ports.keys.open_contact(row.contact, &row.sealed_contact);
        let contact =
            contact.map_err(|_| RecordsError::Damaged(format!("verified contact {} does not open", row.id)))?;
        let expires_at = row.verified_at.plus(self.policy.verified_for);
        Ok(OpenContact { row, contact, expires_at })
    }
}
