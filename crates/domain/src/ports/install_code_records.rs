use std::net::IpAddr;

use async_trait::async_trait;

use crate::agent::AgentId;
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::group::{Group, GroupId, GroupName};
use crate::install_code::{InstallCodeId, KeptInstallCode, Lookup};
use crate::ports::RecordsError;
use crate::time::Timestamp;

/// Verbs about groups. A group of another app is [`RecordsError::Missing`].
#[async_trait]
pub trait GroupRecords: Send + Sync {
    /// The app's default group. At the first ask it is made, and `audit` with it. Among callers at once, one makes it.
    async fn default_group(&self, app: AppId, audit: AuditEntry) -> Result<Group, RecordsError>;

    /// Makes a group. [`RecordsError::Exists`] if the app has one of this name.
    async fn create_group(&self, app: AppId, name: GroupName, audit: AuditEntry) -> Result<Group, RecordsError>;

    /// Renames a group. [`RecordsError::Exists`] as above.
    async fn rename_group(
        &self,
        app: AppId,
        id: GroupId,
        name: GroupName,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// Removes a group. [`RecordsError::InUse`] if it is the default one, or if a code or an agent belongs to it.
    async fn remove_group(&self, app: AppId, id: GroupId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// The app's groups, by number.
    async fn groups(&self, app: AppId) -> Result<Vec<Group>, RecordsError>;
}

/// By what a code is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(InstallCodeId),
    /// By the keyed hash of its text.
    Lookup(Lookup),
}

/// One use of a code: a machine that joined with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who it has been since.
    pub agent: AgentId,
    /// What it called itself.
    pub hostname: String,
    /// From where it joined.
    pub address: IpAddr,
    /// When.
    pub at: Timestamp,
}

/// Verbs about install codes. A code or group of another app is [`RecordsError::Missing`].
///
/// Reading codes is an event of its own: the verbs that give them out keep an audit entry in the same transaction.
#[async_trait]
pub trait InstallCodeRecords: Send + Sync {
    /// Keeps a fresh code. [`RecordsError::Exists`] if its id or its text is taken; [`RecordsError::Full`] if it is short and
    /// the installation has `most_short` short codes that are [told](crate::install_code::InstallCode::is_told) at `now`.
    async fn create_install_code(
        &self,
        code: KeptInstallCode,
        most_short: u32,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// A code of the same app, form, source and group as `candidate`, live at `now`, whose deadline is not before
    /// `deadline_from` and not after `candidate`'s; the newest, if there are several. Where there is none, `candidate` is kept, as
    /// by [`create_install_code`](Self::create_install_code). One of `read` and `created` is kept accordingly.
    async fn present_install_code(
        &self,
        candidate: KeptInstallCode,
        deadline_from: Timestamp,
        most_short: u32,
        now: Timestamp,
        read: AuditEntry,
        created: AuditEntry,
    ) -> Result<KeptInstallCode, RecordsError>;

    /// The app's codes with their groups' names, newest first; only those live at `live_at`, where that is given. At most
    /// `limit`.
    async fn read_install_codes(
        &self,
        app: AppId,
        live_at: Option<Timestamp>,
        limit: u32,
        read: AuditEntry,
    ) -> Result<Vec<(KeptInstallCode, GroupName)>, RecordsError>;

    /// One code of the app's, and the machines that joined with it, newest first, at most `limit`.
    async fn read_install_code(
        &self,
        app: AppId,
        named: Named,
        limit: u32,
        read: AuditEntry,
    ) -> Result<(KeptInstallCode, GroupName, Vec<Use>), RecordsError>;

    /// Revokes a code from `at` on; returns its id. Of one that was revoked before, the first time stays, and nothing is noted.
    /// The entry's subject is the id, whatever it is before.
    async fn revoke_install_code(
        &self,
        app: AppId,
        named: Named,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<InstallCodeId, RecordsError>;

    /// Forgets codes whose deadline was before `before` and that admitted nobody: nothing refers to them.
    async fn forget_install_codes(&self, before: Timestamp) -> Result<(), RecordsError>;

    /// How many short codes are live at `now`, and whether guesses at them are paused.
    async fn guessing(&self, now: Timestamp) -> Result<(u32, bool), RecordsError>;
}
