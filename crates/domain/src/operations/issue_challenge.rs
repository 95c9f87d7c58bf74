use std::net::IpAddr;
use std::sync::Arc;

use crate::access_key::AccessKeyId;
use crate::app::{Action, AppId, AppRefusal};
use crate::challenge::{Kind, Level, Style, View};
use crate::contact::Contact;
use crate::operations::escalation::Caller;
use crate::operations::{Escalation, Policy, Ports};
use crate::ports::{Busy, Event};
use crate::rates::{Limit, Limited};
use crate::sealing::{KeyedHash, Purpose};
use crate::ticket::{ChallengeRecord, Door, Note, Stamp};
use crate::time::Timestamp;

/// Draws a challenge and seals its solution into the token that goes with it. Stores nothing.
pub struct IssueChallenge {
    ports: Ports,
    policy: Policy,
    escalation: Arc<Escalation>,
}

/// What a door asks for.
pub struct ChallengeRequest<'a> {
    /// Which door asks.
    pub door: Door,
    /// For whom.
    pub app: &'a AppId,
    /// Which of the app's keys has asked, where one has.
    pub key: Option<AccessKeyId>,
    /// From where it is asked.
    pub client: IpAddr,
    /// Of which kind.
    pub kind: Kind,
    /// How hard at least, where the door's caller may say so. What the operator has decided and the client's history choose
    /// the rest.
    pub level: Option<Level>,
    /// In which form.
    pub style: Style,
    /// What the app wants the ticket for.
    pub action: Option<Action>,
    /// To whom the ticket is to be bound.
    pub contact: Option<&'a Contact>,
    /// Whom the app asks it for, in its own words.
    pub user: Option<KeyedHash>,
    /// What the door has to remember until the answer comes.
    pub note: Note,
}

/// A challenge to be shown.
pub struct IssuedChallenge {
    /// Stands for the challenge when it is answered: `[A-Za-z0-9_-]`, under 700 characters.
    pub token: String,
    /// What is shown.
    pub view: View,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From then on an answer is refused.
    pub expires_at: Timestamp,
}

/// Why no challenge was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueChallengeError {
    /// The app is not served.
    #[error(transparent)]
    App(#[from] AppRefusal),
    /// Too many calls; try again later.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl IssueChallenge {
    /// The operation over these ports.
    pub fn new(ports: Ports, policy: Policy, escalation: Arc<Escalation>) -> Self {
        Self { ports, policy, escalation }
    }

    /// Makes a challenge.
    ///
    /// # Errors
    /// [`IssueChallengeError`]; nothing was kept or spent.
    pub async fn run(&self, request: ChallengeRequest<'_>) -> Result<IssuedChallenge, IssueChallengeError> {
        self.admit(request.app, request.client)?;
        self.draw(request).await
    }

    /// Whether the limits admit a challenge for this app and client now. Counts.
    ///
    /// # Errors
    /// [`IssueChallengeError::App`] and [`IssueChallengeError::Limited`].
    pub(super) fn admit(&self, app: &AppId, client: IpAddr) -> Result<(), IssueChallengeError> {
        let app = self.ports.directory.usable_app(app)?;
        self.escalation.admit(Caller { app: &app.id, client })?;
        Ok(self.limit(&app.id, client)?)
    }

    /// Makes a challenge that was [admitted](Self::admit).
    ///
    /// # Errors
    /// [`IssueChallengeError::App`] and [`IssueChallengeError::Busy`].
    pub(super) async fn draw(&self, request: ChallengeRequest<'_>) -> Result<IssuedChallenge, IssueChallengeError> {
        let ports = &self.ports;
        let app = ports.directory.usable_app(request.app)?;
        let caller = Caller { app: &app.id, client: request.client };
        let choice = self.escalation.choose(caller, request.level);
        let puzzle = ports.puzzles.make(request.kind, choice.level, request.style).await?;
        let keyring = ports.directory.keyring();
        let issued_at = ports.clock.now();
        let expires_at = issued_at.plus(self.policy.lifetimes.challenge);
        let record = ChallengeRecord {
            stamp: Stamp {
                id: ports.entropy.array(),
                epoch: ports.marks.epoch(),
                door: request.door,
                app: app.id.clone(),
                key: request.key,
                action: request.action,
                contact: request.contact.map(|contact| keyring.contact_hash(contact, issued_at)),
                origin: None,
                user: request.user,
                network: None,
                kind: request.kind,
                level: choice.level,
                issued_at,
                expires_at,
            },
            solution: puzzle.solution,
            note: request.note,
        };
        let token = keyring.seal(Purpose::Challenge, &record.encode(), issued_at, &*ports.entropy).map_err(|_| Busy)?;
        ports.tally.count(Event::ChallengeIssued(request.kind, choice.level));
        self.escalation.shown(caller, choice);
        Ok(IssuedChallenge { token, view: puzzle.view, issued_at, expires_at })
    }

    /// The address before the app: one client over its limit must not use up what its app's other clients have. The limits
    /// are this node's own, because issuing touches no store.
    fn limit(&self, app: &AppId, client: IpAddr) -> Result<(), Limited> {
        let keys = [
            (Limit::IssuePerAddress, Limit::IssuePerAddress.key_of_address(client)),
            (Limit::IssuePerApp, Limit::IssuePerApp.key_of_app(app)),
        ];
        for (limit, key) in keys {
            let Some(rule) = self.policy.rates.rule(limit) else { continue };
            limit.allows(self.ports.local_throttle.throttle(key, rule)).inspect_err(|_| self.ports.throttled(limit))?;
        }
        Ok(())
    }
}
