use std::net::IpAddr;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::operations::{Actor, PeoplePolicy, PeoplePorts, Policy, Ports, Refused};
use crate::ports::{Busy, IdTokenFailure, RecordsError};
use crate::rates::{Limit, Limited};
use crate::secret::Secret;
use crate::user::{Session, SessionToken};

/// Looks after sessions: says anew whose one is, and ends it.
pub struct AttendSession {
    ports: Ports,
    people: PeoplePorts,
    limits: Policy,
    policy: PeoplePolicy,
}

/// Why nothing was done for a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttendSessionError {
    /// There is none, or none of this app; or it was ended, its time is over, or its user was disabled or has another password.
    #[error("the session has ended")]
    Ended,
    /// Too many calls. The session was not looked for.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
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

impl From<Refused> for AttendSessionError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl AttendSession {
    /// The operation over these ports.
    pub fn new(ports: Ports, people: PeoplePorts, limits: Policy, policy: PeoplePolicy) -> Self {
        Self { ports, people, limits, policy }
    }

    /// A fresh id token of a session that holds. When and by what its user was let in stays as it was.
    ///
    /// # Errors
    /// [`AttendSessionError`].
    pub async fn id_token(
        &self,
        app: &AppId,
        token: &str,
        client: IpAddr,
    ) -> Result<Secret<String>, AttendSessionError> {
        let session = self.held(app, token, client).await?;
        Ok(self.people.id_tokens.sign(&self.policy.claims(app, &session, self.ports.clock.now()))?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AttendSessionError`].
    pub async fn end(&self, app: &AppId, token: &str, client: IpAddr, by: Actor<'_>) -> Result<(), AttendSessionError> {
        let session = self.held(app, token, client).await?;
        let audit = AuditEntry::new(self.ports.clock.now(), by.name, "session.ended", &session.id.to_string());
        Ok(self.people.records.end_session(session.id, audit.with_detail(by.detail)).await?)
    }

    async fn held(&self, app: &AppId, token: &str, client: IpAddr) -> Result<Session, AttendSessionError> {
        let limit = Limit::PersonSessionPerAddress;
        self.ports.admit(&self.limits.rates, limit, limit.key_of_address(client)).await?;
        let token = SessionToken::parse(token).ok_or(AttendSessionError::Ended)?;
        let (session, user) = self.people.records.session(app.clone(), token.key()).await?;
        if session.holds(&user, self.ports.clock.now()) { Ok(session) } else { Err(AttendSessionError::Ended) }
    }
}
