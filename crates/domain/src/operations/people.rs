use std::sync::Arc;
use std::time::Duration;

use crate::app::AppId;
use crate::contact::ContactKeys;
use crate::ports::{IdClaims, IdTokens, Passwords, PeopleRecords, SessionSignatures};
use crate::time::Timestamp;
use crate::user::Session;

/// What the operations on users and sessions need.
#[derive(Clone)]
pub struct PeoplePorts {
    /// Users and sessions.
    pub records: Arc<dyn PeopleRecords>,
    /// The installation's keys for contacts.
    pub keys: Arc<ContactKeys>,
    /// Hashes of passwords.
    pub passwords: Arc<dyn Passwords>,
    /// The keys of id tokens.
    pub id_tokens: Arc<dyn IdTokens>,
    /// The key that hides sessions' tokens on their way.
    pub signatures: Arc<dyn SessionSignatures>,
}

/// What the operator has decided about users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeoplePolicy {
    /// How long a session holds.
    pub session: Duration,
    /// How long an id token may be believed; no longer than its session.
    pub id_token: Duration,
    /// Whether a number that no user has becomes one's when its code is typed in to sign in.
    pub register_at_login: bool,
    /// Whether a password is enough only together with a code.
    pub second_factor: bool,
    /// Whether a user that has no number binds one at signing in; for its password alone, because there is no other proof.
    pub bind_at_login: bool,
}

impl PeoplePolicy {
    /// A week, two hours, and whoever has a number is let in by its code; a password wants one, too.
    pub const DEFAULT: Self = Self {
        session: Duration::from_hours(7 * 24),
        id_token: Duration::from_hours(2),
        register_at_login: true,
        second_factor: true,
        bind_at_login: true,
    };

    /// What an id token of this session says at `now`.
    pub(super) fn claims(&self, app: &AppId, session: &Session, now: Timestamp) -> IdClaims {
        IdClaims {
            user: session.user,
            app: app.clone(),
            session: session.id,
            proof: session.proof,
            let_in_at: session.created_at,
            issued_at: now,
            expires_at: now.plus(self.id_token).min(session.expires_at),
        }
    }
}
