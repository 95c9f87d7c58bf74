use async_trait::async_trait;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::contact::ContactKey;
use crate::iam_user::PasswordHash;
use crate::ports::RecordsError;
use crate::time::Timestamp;
use crate::user::{KeptContact, Session, SessionId, SessionKey, User, UserId, UserName};

/// By what a user is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserNamed {
    /// Its id.
    Id(UserId),
    /// Its mobile number or its e-mail address.
    Contact(ContactKey),
    /// Its name.
    Name(UserName),
}

/// Verbs about users. They are no part of what the doors look up in memory: there may be millions.
#[async_trait]
pub trait UserRecords: Send + Sync {
    /// Keeps a new user. [`RecordsError::Missing`] if its app is not there, [`RecordsError::Exists`] if its id, or in its app one
    /// of its contacts or its name, is taken.
    async fn create_user(&self, user: User, audit: AuditEntry) -> Result<(), RecordsError>;

    /// The user of `candidate`'s app with its mobile number, enabled or not; where there is none, `candidate` is kept, and `audit`
    /// with it. Among callers at once, one makes it. The entry's subject is the user's id. [`RecordsError::Missing`] if the app is
    /// not there, or `candidate` has no number.
    async fn register_user(&self, candidate: User, audit: AuditEntry) -> Result<User, RecordsError>;

    /// A user of the app, enabled or not. [`RecordsError::Missing`] if there is none.
    async fn user(&self, app: AppId, named: UserNamed) -> Result<User, RecordsError>;

    /// A user of whichever app: for the operator. [`RecordsError::Missing`] if there is none.
    async fn user_of_any_app(&self, id: UserId) -> Result<User, RecordsError>;

    /// Users by id, those behind `after`, at most `limit`; only the app's, where one is given.
    async fn users(&self, app: Option<AppId>, after: Option<UserId>, limit: u32) -> Result<Vec<User>, RecordsError>;

    /// Switches a user on or off. Off, its generation grows. [`RecordsError::Missing`] if there is none.
    async fn set_user_enabled(&self, id: UserId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Gives a user of this generation another password; its generation grows. [`RecordsError::Changed`] if it has another, so
    /// that whoever is disabled while a caller decides stays so; [`RecordsError::Missing`] if there is no such user.
    async fn set_user_password(
        &self,
        id: UserId,
        generation: u32,
        password: PasswordHash,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// Gives a user of this generation that has none a mobile number. [`RecordsError::Changed`] if it has another generation;
    /// [`RecordsError::Exists`] if it has a number, or another user of its app has this one; [`RecordsError::Missing`] if there is
    /// no such user.
    async fn bind_mobile(
        &self,
        id: UserId,
        generation: u32,
        mobile: KeptContact,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// Gives a user another mobile number, or its first; its generation grows, because whoever was let in by the old one may be
    /// somebody else. [`RecordsError::Exists`] if another user of its app has this one; [`RecordsError::Missing`] if there is no
    /// such user.
    async fn set_user_mobile(&self, id: UserId, mobile: KeptContact, audit: AuditEntry) -> Result<(), RecordsError>;
}

/// Verbs about sessions.
#[async_trait]
pub trait SessionRecords: Send + Sync {
    /// A user's sessions that hold at `now`, the newest first.
    async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, RecordsError>;

    /// Ends all sessions of a user, and what was begun to open one: its generation grows. [`RecordsError::Missing`] if there is no
    /// such user.
    async fn end_sessions(&self, user: UserId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Keeps a new session. [`RecordsError::Changed`] if its user is disabled or has another generation: what let it in counts no
    /// more. [`RecordsError::Missing`] if there is no such user.
    async fn open_session(&self, session: Session, audit: AuditEntry) -> Result<(), RecordsError>;

    /// The session of this token and its user, whether it holds or not. [`RecordsError::Missing`] if there is none, or it is
    /// another app's.
    async fn session(&self, app: AppId, key: SessionKey) -> Result<(Session, User), RecordsError>;

    /// Ends a session at the entry's time. Of one that was ended before, the first time stays, and nothing is noted.
    /// [`RecordsError::Missing`] if there is none.
    async fn end_session(&self, id: SessionId, audit: AuditEntry) -> Result<(), RecordsError>;

    /// Forgets some sessions whose time was over before `before`; whether there are more.
    async fn forget_sessions(&self, before: Timestamp) -> Result<bool, RecordsError>;
}

/// Users and their sessions.
pub trait PeopleRecords: UserRecords + SessionRecords {}

impl<T: UserRecords + SessionRecords> PeopleRecords for T {}
