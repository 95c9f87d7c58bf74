use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::operations::{Actor, PeoplePolicy, PeoplePorts, Policy, Ports, Refused};
use crate::ports::{Busy, IdTokenFailure, MarkId, RecordsError, Spent};
use crate::rates::{Limit, Limited};
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::user::{Session, SessionToken};

/// How far a signature's time may lie from now.
pub const SIGNATURE_WINDOW: Duration = Duration::from_mins(5);

/// How somebody shows a session.
#[derive(Clone, Copy)]
pub enum ShownSession<'a> {
    /// By its token, as it is.
    Token(&'a str),
    /// By its token, a time and a nonce, encrypted for this server: `session_token=…&timestamp=…&nonce=…`, in milliseconds
    /// since 1970. It counts once.
    Signature(&'a str),
}

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
    /// There is none, or none of this app; or it was ended, its time is over, or its user was disabled or has another password. Or
    /// the signature does not open, is not of now, or came before: who sends such learns no more than others.
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
        shown: ShownSession<'_>,
        client: IpAddr,
    ) -> Result<Secret<String>, AttendSessionError> {
        let session = self.held(app, shown, client).await?;
        Ok(self.people.id_tokens.sign(&self.policy.claims(app, &session, self.ports.clock.now()))?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`AttendSessionError`].
    pub async fn end(
        &self,
        app: &AppId,
        shown: ShownSession<'_>,
        client: IpAddr,
        by: Actor<'_>,
    ) -> Result<(), AttendSessionError> {
        let session = self.held(app, shown, client).await?;
        let audit = AuditEntry::new(self.ports.clock.now(), by.name, "session.ended", &session.id.to_string());
        Ok(self.people.records.end_session(session.id, audit.with_detail(by.detail)).await?)
    }

    async fn held(&self, app: &AppId, shown: ShownSession<'_>, client: IpAddr) -> Result<Session, AttendSessionError> {
        let limit = Limit::PersonSessionPerAddress;
        self.ports.admit(&self.limits.rates, limit, limit.key_of_address(client)).await?;
        let token = match shown {
            ShownSession::Token(token) => SessionToken::parse(token),
            ShownSession::Signature(text) => self.signed(text).await?,
        };
        let token = token.ok_or(AttendSessionError::Ended)?;
        let (session, user) = self.people.records.session(app.clone(), token.key()).await?;
        if session.holds(&user, self.ports.clock.now()) { Ok(session) } else { Err(AttendSessionError::Ended) }
    }

    /// The token that a signature hides, if that is of now and did not come before.
    async fn signed(&self, text: &str) -> Result<Option<SessionToken>, AttendSessionError> {
        let Some(plain) = self.people.signatures.open(text).await? else { return Ok(None) };
        let Some((token, time)) = std::str::from_utf8(plain.expose()).ok().and_then(read) else { return Ok(None) };
        let now = self.ports.clock.now();
        if time.since(now).max(now.since(time)) > SIGNATURE_WINDOW {
            return Ok(None);
        }
        let Some(token) = SessionToken::parse(token) else { return Ok(None) };
        // The plain text, not the cipher text: whoever has the public key can encrypt it again.
        let mut hash = Sha256::new_with_prefix(b"countersign session signature\0");
        hash.update(plain.expose());
        let mut id = MarkId::default();
        id.copy_from_slice(&hash.finalize()[..16]);
        let until = time.plus(SIGNATURE_WINDOW).plus(self.limits.lifetimes.clock_skew);
        let spent = self.ports.marks.spend(id, self.ports.entropy.array(), until).await;
        Ok((spent.map_err(|_| Busy)? == Spent::First).then_some(token))
    }
}

/// The token and the time of a signature's plain text, whose fields come in the documented order.
fn read(plain: &str) -> Option<(&str, Timestamp)> {
    let (token, rest) = plain.strip_prefix("session_token=")?.split_once("&timestamp=")?;
    let (time, nonce) = rest.split_once("&nonce=")?;
    let is_time = (1..=15).contains(&time.len()) && time.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.parse().ok().filter(|_| is_time && !nonce.is_empty())?;
    Some((token, Timestamp::from_milliseconds(time)))
}
