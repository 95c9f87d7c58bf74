use std::collections::BTreeSet;

use crate::account::{Account, AccountId, AccountName, OwnedResource};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::Resource;
use crate::contact::Contact;
use crate::language::Language;
use crate::network::Network;
use crate::office_site::{OfficeSite, SiteId};
use crate::operations::{Actor, OwnerPorts};
use crate::ports::{OwnerRows, Page, RecordsError, Taken};
use crate::sealing::NotOurs;

/// Changes and reads an app's directory: accounts, what they own, and the app's office sites.
pub struct ManageDirectory {
    ports: OwnerPorts,
}

/// An account that somebody wants in the directory.
#[derive(Clone)]
pub struct NewAccount {
    /// Its number.
    pub id: AccountId,
    /// What it is called.
    pub name: AccountName,
    /// Whether it is the app's own.
    pub is_own: bool,
    /// Where its owner is asked.
    pub contact: Contact,
    /// In which language.
    pub language: Language,
}

/// A resource that somebody wants in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewResource {
    /// Its name.
    pub id: Resource,
    /// Its owner.
    pub account: AccountId,
    /// Where it routes to.
    pub networks: Vec<Network>,
}

/// What somebody wants in the directory at once.
#[derive(Clone, Default)]
pub struct NewRows {
    /// Accounts.
    pub accounts: Vec<NewAccount>,
    /// What they own.
    pub resources: Vec<NewResource>,
    /// The app's office sites; they are the app's whatever they say.
    pub sites: Vec<OfficeSite>,
}

/// Why the directory stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManageDirectoryError {
    /// An id is taken, or the app has an account of its own under another number.
    #[error("it exists already, or the app has an account of its own already")]
    Exists,
    /// What it is about, or the account of a resource, is not there.
    #[error("there is no such account, resource or office site")]
    Unknown,
    /// A site would become one of another kind while something is attached to it.
    #[error("an office site to which a resource is attached keeps its kind")]
    SiteInUse,
    /// Sealing is at fault.
    #[error(transparent)]
    Seal(#[from] NotOurs),
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for ManageDirectoryError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Exists => Self::Exists,
            RecordsError::Missing => Self::Unknown,
            RecordsError::InUse => Self::SiteInUse,
            error => Self::Records(error),
        }
    }
}

impl ManageDirectory {
    /// The operation over these ports.
    pub fn new(ports: OwnerPorts) -> Self {
        Self { ports }
    }

    /// Puts rows into the directory, all or none.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn keep(
        &self,
        app: &AppId,
        rows: NewRows,
        taken: Taken,
        by: Actor<'_>,
    ) -> Result<(), ManageDirectoryError> {
        let (ports, created_at) = (&self.ports, self.ports.clock.now());
        let account = |new: NewAccount| {
            Ok(Account {
                app: app.clone(),
                id: new.id,
                name: new.name,
                is_own: new.is_own,
                contact: ports.keys.key(&new.contact),
                sealed_contact: ports.keys.seal_contact(&new.contact, &*ports.entropy)?,
                language: new.language,
                created_at,
            })
        };
        let resource = |NewResource { id, account, networks }| OwnedResource {
            app: app.clone(),
            id,
            account,
            networks,
            created_at,
        };
        let rows = OwnerRows {
            accounts: rows.accounts.into_iter().map(account).collect::<Result<_, NotOurs>>()?,
            resources: rows.resources.into_iter().map(resource).collect(),
            sites: rows.sites.into_iter().map(|site| OfficeSite { app: app.clone(), created_at, ..site }).collect(),
        };
        let audit = self.entry("directory.kept", "", by);
        Ok(ports.records.keep_owners(rows, taken, audit).await?)
    }

    /// Forgets an account, what it owns, and where that is attached.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn remove_account(&self, app: &AppId, id: AccountId, by: Actor<'_>) -> Result<(), ManageDirectoryError> {
        let audit = self.entry("account.removed", &id.to_string(), by);
        Ok(self.ports.records.remove_account(app.clone(), id, audit).await?)
    }

    /// Forgets a resource, and where it is attached.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn remove_resource(&self, app: &AppId, id: Resource, by: Actor<'_>) -> Result<(), ManageDirectoryError> {
        let audit = self.entry("resource.removed", id.as_str(), by);
        Ok(self.ports.records.remove_resource(app.clone(), id, audit).await?)
    }

    /// A page of the accounts, by number, each with where its owner is asked, for people: the middle left out. `None` for a
    /// contact that this installation's keys do not open: the other accounts are shown all the same. And how many there are.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn accounts(
        &self,
        app: &AppId,
        page: Page,
    ) -> Result<(Vec<(Account, Option<String>)>, u32), ManageDirectoryError> {
        let (accounts, count) = self.ports.records.accounts(app.clone(), page).await?;
        let shown = accounts.into_iter().map(|account| {
            let masked = self.ports.contact(&account).ok().map(|contact| contact.masked());
            (account, masked)
        });
        Ok((shown.collect(), count))
    }

    /// Who is in the directory, and who of them is the app's own.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn known(&self, app: &AppId) -> Result<(BTreeSet<AccountId>, Option<AccountId>), ManageDirectoryError> {
        let records = &self.ports.records;
        let own = records.own_account(app.clone()).await?.map(|account| account.id);
        Ok((records.account_ids(app.clone()).await?, own))
    }

    /// A page of the resources, by id, and how many there are.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn resources(&self, app: &AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), ManageDirectoryError> {
        Ok(self.ports.records.resources(app.clone(), page).await?)
    }

    /// The app's office sites, by id.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn sites(&self, app: &AppId) -> Result<Vec<OfficeSite>, ManageDirectoryError> {
        Ok(self.ports.records.sites(app.clone()).await?)
    }

    /// Forgets an office site, and what is attached to it.
    ///
    /// # Errors
    /// [`ManageDirectoryError`].
    pub async fn remove_site(&self, app: &AppId, id: SiteId, by: Actor<'_>) -> Result<(), ManageDirectoryError> {
        let audit = self.entry("office_site.removed", id.as_str(), by);
        Ok(self.ports.records.remove_site(app.clone(), id, audit).await?)
    }

    fn entry(&self, event: &str, subject: &str, by: Actor<'_>) -> AuditEntry {
        AuditEntry::new(self.ports.clock.now(), by.name, event, subject).with_detail(by.detail)
    }
}
