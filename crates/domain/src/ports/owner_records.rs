use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::account::{Account, AccountId, OwnedResource, Owner};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::Resource;
use crate::office_site::{Attaching, Attachment, OfficeSite, SiteId, SiteRefusal};
use crate::ports::RecordsError;

/// What is put into an app's directory at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerRows {
    /// Accounts.
    pub accounts: Vec<Account>,
    /// What accounts own; of these or of earlier ones.
    pub resources: Vec<OwnedResource>,
    /// The app's office sites.
    pub sites: Vec<OfficeSite>,
}

/// What happens to a row whose id is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// None of the rows is kept.
    Refuse,
    /// It takes the old one's place; only when that was made stays.
    Replace,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Leave out so many.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

impl Page {
    /// As much as there may be.
    pub const ALL: Self = Self { offset: 0, limit: u32::MAX };

    /// The part of a list that is read already, and how long the list is.
    pub fn of<T>(self, all: Vec<T>) -> (Vec<T>, u32) {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        (all.into_iter().skip(number(self.offset)).take(number(self.limit)).collect(), count)
    }
}

/// Verbs about accounts and what they own, each about one app's directory.
///
/// A live code that asks for consent ends ([`CodeEnd::Withdrawn`](crate::code::CodeEnd::Withdrawn)) in the same transaction in
/// which its resource changes hands or is forgotten, or its owner gets another contact or is forgotten: who agreed to something
/// agreed to that.
#[async_trait]
pub trait OwnerRecords: Send + Sync {
    /// Keeps `rows`, all or none: [`RecordsError::Exists`] where an id is taken, or the app has an account of its own already
    /// under another number that `rows` leave it; [`RecordsError::Missing`] where an app, or the account of a resource, is not
    /// there; [`RecordsError::InUse`] where a site would become one of another kind while something is attached to it. A resource
    /// that changes hands is attached nowhere any more: its former owner agreed to that, not this one.
    ///
    /// The entry's subject is how many rows of each kind there are. Each account and each resource that is new or other than it
    /// was leaves an entry of its own besides (`account.kept` with what is other, `resource.kept` with whose it is and was), and
    /// so does each attachment that ends (`resource.detached`).
    async fn keep_owners(&self, rows: OwnerRows, taken: Taken, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Forgets an account, what it owns, and where that is attached, of which each end leaves an entry. [`RecordsError::Missing`] if there is none.
    async fn remove_account(&self, app: AppId, id: AccountId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Forgets a resource, and where it is attached, of which each end leaves an entry. [`RecordsError::Missing`] if there is none.
    async fn remove_resource(&self, app: AppId, id: Resource, audit: AuditEntry) -> Result<(), RecordsError>;

    /// The accounts of an app's directory, by number, and how many there are beside the page.
    async fn accounts(&self, app: AppId, page: Page) -> Result<(Vec<Account>, u32), RecordsError>;

    /// The numbers of all of them.
    async fn account_ids(&self, app: AppId) -> Result<BTreeSet<AccountId>, RecordsError>;

    /// The app's own account, if it has one.
    async fn own_account(&self, app: AppId) -> Result<Option<Account>, RecordsError>;

    /// The resources of an app's directory, by id, and how many there are beside the page.
    async fn resources(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError>;

    /// The resource and its owner, if it is that owner's. The look-up goes from the resource to its owner, so whether there is
    /// an account shows neither in what is answered nor in when.
    async fn owned(
        &self,
        app: AppId,
        id: Resource,
        owner: Owner,
    ) -> Result<Option<(Account, OwnedResource)>, RecordsError>;
}

/// Verbs about office sites and what is attached to them.
#[async_trait]
pub trait SiteRecords: Send + Sync {
    /// Keeps a new site. [`RecordsError::Exists`] if its id is taken; [`RecordsError::Full`] if the app has [`MOST_SITES`](crate::office_site::MOST_SITES) or more.
    /// Both hold for a site that is made where something is attached, too; then nothing is spent.
    async fn create_site(&self, site: OfficeSite, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Attaches a resource without a code: the app's own, and no other. The entry's time is now.
    async fn attach(
        &self,
        attaching: Attaching,
        audit: AuditEntry,
    ) -> Result<Result<Attachment, SiteRefusal>, RecordsError>;

    /// Ends what is attached to a site. [`RecordsError::Missing`] if there is no such site, or nothing attached to it.
    async fn detach(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Forgets a site, and what is attached to it, whose end leaves an entry (`resource.detached`). [`RecordsError::Missing`] if
    /// there is none.
    async fn remove_site(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// The app's sites, by id.
    async fn sites(&self, app: AppId) -> Result<Vec<OfficeSite>, RecordsError>;

    /// What an app owns and what is attached to its sites, by id, and how many there are beside the page.
    async fn usable(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError>;

    /// What is attached to them, by site.
    async fn attachments(&self, app: AppId) -> Result<Vec<Attachment>, RecordsError>;
}

/// Accounts, what they own, and where it is attached.
pub trait OwnershipRecords: OwnerRecords + SiteRecords {}

impl<T: OwnerRecords + SiteRecords> OwnershipRecords for T {}
