//! Records: facts that must survive. Acknowledged means durable.

use async_trait::async_trait;

use crate::access_key::{AccessKeyId, AccessKeyRow};
use crate::app::{App, AppId};
use crate::audit::AuditEntry;
use crate::captcha_app::CaptchaAppRow;
use crate::iam_user::{IamUser, IamUserId};
use crate::ports::{
    CaptchaAppRecords, CodeRecords, ContactRecords, MachineRecords, NonceId, OutboxKeeping, OutboxRecords,
    OwnershipRecords, PeopleRecords, UsageRecords,
};
use crate::sealing::KeyId;
use crate::time::Timestamp;

/// Why a verb of the records was not carried out. Nothing of it was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Something with this id is there already.
    #[error("it exists already")]
    Exists,
    /// What the caller had read is no longer what is there.
    #[error("the records have changed meanwhile")]
    Changed,
    /// What the verb is about is not there.
    #[error("there is no such record")]
    Missing,
    /// Something else needs what the verb would take away.
    #[error("it is in use")]
    InUse,
    /// As many are kept as may be.
    #[error("there are too many already")]
    Full,
    /// The store could not be reached, or could not write.
    #[error("the records are unavailable: {0}")]
    Unavailable(String),
    /// A row that this version cannot read.
    #[error("the records are damaged: {0}")]
    Damaged(String),
}

/// A sealing key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingKeyRow {
    /// Names the key in tokens.
    pub id: KeyId,
    /// The 32 bytes, sealed under the master key for [`SealingKeyRow::place`].
    pub sealed_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it seals, until a newer one does; it opens at once.
    pub seals_from: Timestamp,
}

impl SealingKeyRow {
    /// What the seal of the key `id` at rest is bound to.
    pub fn place(id: KeyId) -> String {
        let [a, b, c, d] = id.0;
        format!("sealing_key/{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

/// A secret of the whole installation as it is kept: one key for one use, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// What it is for: `agent_authority`, `install_codes`.
    pub name: String,
    /// Sealed under the master key for [`SecretRow::place`].
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl SecretRow {
    /// What the seal of the secret `name` at rest is bound to.
    pub fn place(name: &str) -> String {
        format!("secret/{name}")
    }
}

/// Everything that the doors look up in memory, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryRows {
    /// Grows with every change of the rest.
    pub revision: u64,
    /// By id.
    pub apps: Vec<App>,
    /// By number.
    pub captcha_apps: Vec<CaptchaAppRow>,
    /// By id.
    pub access_keys: Vec<AccessKeyRow>,
    /// By id.
    pub iam_users: Vec<IamUser>,
    /// Oldest first.
    pub sealing_keys: Vec<SealingKeyRow>,
    /// By name.
    pub secrets: Vec<SecretRow>,
}

/// Verbs about apps.
#[async_trait]
pub trait AppRecords: Send + Sync {
    /// Keeps a new app. [`RecordsError::Exists`] if its id is taken.
    async fn create_app(&self, app: App, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Switches an app on or off. [`RecordsError::Missing`] if there is none.
    async fn set_app_enabled(&self, id: AppId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError>;
}

/// Verbs about access keys.
#[async_trait]
pub trait AccessKeyRecords: Send + Sync {
    /// Keeps a new key. [`RecordsError::Missing`] if its app is not there, [`RecordsError::Exists`] if its id is taken.
    async fn create_access_key(&self, key: AccessKeyRow, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Switches a key on or off. [`RecordsError::Missing`] if there is none.
    async fn set_access_key_enabled(
        &self,
        id: AccessKeyId,
        enabled: bool,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;
}

/// Verbs about IAM users.
#[async_trait]
pub trait IamUserRecords: Send + Sync {
    /// Keeps a new user. [`RecordsError::Missing`] if its app is not there, [`RecordsError::Exists`] if its id or its name in
    /// the domain is taken, or if the domain is another app's.
    async fn create_iam_user(&self, user: IamUser, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Switches a user on or off. [`RecordsError::Missing`] if there is none.
    async fn set_iam_user_enabled(&self, id: IamUserId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError>;
}

/// Verbs about what the doors look up in memory.
#[async_trait]
pub trait DirectoryRecords: Send + Sync {
    /// The present revision: cheap enough to ask twice a second.
    async fn revision(&self) -> Result<u64, RecordsError>;

    /// Everything, as of one moment.
    async fn directory(&self) -> Result<DirectoryRows, RecordsError>;

    /// Keeps `key` if no sealing key is there yet. Among servers that start at once on one store, one key wins.
    async fn ensure_sealing_key(&self, key: SealingKeyRow, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Keeps `secret` if there is none of its name yet; returns the one that is kept. Among servers that start at once on one
    /// store, one wins.
    async fn ensure_secret(&self, secret: SecretRow, audit: AuditEntry) -> Result<SecretRow, RecordsError>;

    /// Keeps a further sealing key, and forgets those that were relieved before `relieved_before`: whose successor seals
    /// since then, so that nothing they sealed lives any more.
    async fn rotate_sealing_key(
        &self,
        key: SealingKeyRow,
        relieved_before: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// Puts fresh seals in the place of old ones, all or none. [`RecordsError::Changed`] if the directory is not at
    /// `revision` any more: then the caller reads it again.
    async fn reseal(&self, revision: u64, seals: Reseal, audit: AuditEntry) -> Result<(), RecordsError>;
}

/// Fresh seals of secrets at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reseal {
    /// Of access keys' secrets.
    pub access_keys: Vec<(AccessKeyId, Vec<u8>)>,
    /// Of apps' secrets for a vendor's widget.
    pub captcha_apps: Vec<(AppId, Vec<u8>)>,
    /// Of sealing keys.
    pub sealing_keys: Vec<(KeyId, Vec<u8>)>,
    /// Of the installation's secrets, by name.
    pub secrets: Vec<(String, Vec<u8>)>,
}

/// Verbs about the audit trail. Entries are written by the verbs that they tell of.
#[async_trait]
pub trait AuditRecords: Send + Sync {
    /// The newest entries, newest first, at most `limit`.
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, RecordsError>;
}

/// A nonce as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NonceRow {
    /// A hash of it and its access key.
    pub id: NonceId,
    /// From then on it may be used again.
    pub until: Timestamp,
}

/// Verbs about nonces, for a store of marks that forgets at a restart. They move no revision and leave no audit entry.
#[async_trait]
pub trait NonceRecords: Send + Sync {
    /// Keeps `rows`. Of a nonce that is kept already the later time counts.
    async fn keep_nonces(&self, rows: Vec<NonceRow>) -> Result<(), RecordsError>;

    /// Those that are still spent at `now`, by id.
    async fn spent_nonces(&self, now: Timestamp) -> Result<Vec<NonceRow>, RecordsError>;

    /// Forgets those that are not spent any more at `now`.
    async fn forget_nonces(&self, now: Timestamp) -> Result<(), RecordsError>;
}

/// A whole store of records.
pub trait Records:
    AppRecords
    + CaptchaAppRecords
    + AccessKeyRecords
    + IamUserRecords
    + DirectoryRecords
    + AuditRecords
    + MachineRecords
    + NonceRecords
    + PeopleRecords
    + PostRecords
    + OwnershipRecords
    + UsageRecords
{
}

impl<T> Records for T where
    T: AppRecords
        + CaptchaAppRecords
        + AccessKeyRecords
        + IamUserRecords
        + DirectoryRecords
        + AuditRecords
        + MachineRecords
        + NonceRecords
        + PeopleRecords
        + PostRecords
        + OwnershipRecords
        + UsageRecords
{
}

/// Codes, their messages, and the contacts that they verify.
pub trait PostRecords: CodeRecords + OutboxRecords + OutboxKeeping + ContactRecords {}

impl<T: CodeRecords + OutboxRecords + OutboxKeeping + ContactRecords> PostRecords for T {}
