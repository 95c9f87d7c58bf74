//! What the doors share that let people in.

use std::sync::Arc;

use countersign_domain::operations::{AttendSession, CheckCode, LetIn, PeoplePolicy, PeoplePorts, Policy, Ports};
use countersign_domain::ports::{IdTokens, SessionSignatures};

/// The operations on users and their sessions.
#[derive(Clone)]
pub struct People {
    /// Lets users in.
    pub let_in: Arc<LetIn>,
    /// Looks after their sessions.
    pub attend_session: Arc<AttendSession>,
    /// The keys of id tokens.
    pub id_tokens: Arc<dyn IdTokens>,
    /// The key that hides sessions' tokens on their way.
    pub signatures: Arc<dyn SessionSignatures>,
}

impl People {
    /// All of them over the same ports.
    pub fn new(
        ports: &Ports,
        people: &PeoplePorts,
        check_code: &Arc<CheckCode>,
        limits: Policy,
        policy: PeoplePolicy,
    ) -> Self {
        Self {
            let_in: Arc::new(LetIn::new(ports.clone(), people.clone(), Arc::clone(check_code), limits, policy)),
            attend_session: Arc::new(AttendSession::new(ports.clone(), people.clone(), limits, policy)),
            id_tokens: Arc::clone(&people.id_tokens),
            signatures: Arc::clone(&people.signatures),
        }
    }
}
