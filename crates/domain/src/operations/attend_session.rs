use std::sync::Arc;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::operations::{Actor, PeoplePolicy, PeoplePorts};
use crate::ports::{Clock, IdTokenFailure, RecordsError};
use crate::secret::Secret;
use crate::user::{Session, SessionToken};

/// Looks after sessions: says anew whose one is, and ends it.
pub struct AttendSession {
    people: PeoplePorts,
    clock: Arc<dyn Clock>,
    policy: PeoplePolicy,
}

/// Why nothing was done for a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttendSessionError {
    /// There is none, or none of this app; or it was ended, its time is over, or its user was disabled or has another password.
    #[error("the session has ended")]
    Ended,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
    /// The key of id tokens is at fault.
    #[error(transparent)]
    IdToken(#[from] IdTokenFailure),
}

impl From<RecordsError> for AttendSessionError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::Ended,
            error => Self::Records(error),
        }
    }
}

impl AttendSession {
    /// The operation over these ports.
    pub fn new(people: PeoplePorts, clock: Arc<dyn Clock>, policy: PeoplePolicy) -> Self {
        Self { people, clock, policy }
    }

    /// A fresh id token of a session that holds. When and by what its user was let in stays as it was.
    ///
    /// # Errors
    /// [`AttendSessionError`].
    pub async fn id_token(&self, app: &AppId, token: &str) -> Result<Secret<String>, AttendSessionError> {
        let session = self.held(app, token).await?;
        Ok(self.people.id_tokens.sign(&self.policy.claims(app, &session, self.clock.now()))?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AttendSessionError`].
    pub async fn end(&self, app: &AppId, token: &str, by: Actor<'_>) -> Result<(), AttendSessionError> {
        let session = self.held(app, token).await?;
        let audit = AuditEntry::new(self.clock.now(), by.name, "session.ended", &session.id.to_string());
        Ok(self.people.records.end_session(session.id, audit.with_detail(by.detail)).await?)
    }

    async fn held(&self, app: &AppId, token: &str) -> Result<Session, AttendSessionError> {
        let token = SessionToken::parse(token).ok_or(AttendSessionError::Ended)?;
        let (session, user) = self.people.records.session(app.clone(), token.key()).await?;
        if session.holds(&user, self.clock.now()) { Ok(session) } else { Err(AttendSessionError::Ended) }
    }
}
