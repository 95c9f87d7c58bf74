use crate::app::{Action, AppId, AppRefusal};
use crate::challenge::{Kind, Level, Style, View};
use crate::contact::Contact;
use crate::operations::{Lifetimes, Ports};
use crate::ports::{Busy, Event};
use crate::sealing::Purpose;
use crate::ticket::{ChallengeRecord, Note, Stamp};
use crate::time::Timestamp;

/// Draws a challenge and seals its solution into the token that goes with it. Stores nothing.
pub struct IssueChallenge {
    ports: Ports,
    lifetimes: Lifetimes,
}

/// What a door asks for.
pub struct ChallengeRequest<'a> {
    /// For whom.
    pub app: &'a AppId,
    /// Of which kind.
    pub kind: Kind,
    /// How hard.
    pub level: Level,
    /// In which form.
    pub style: Style,
    /// What the app wants the ticket for.
    pub action: Option<Action>,
    /// To whom the ticket is to be bound.
    pub contact: Option<&'a Contact>,
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
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl IssueChallenge {
    /// The operation over these ports.
    pub fn new(ports: Ports, lifetimes: Lifetimes) -> Self {
        Self { ports, lifetimes }
    }

    /// Makes a challenge.
    ///
    /// # Errors
    /// [`IssueChallengeError`]; nothing was kept or spent.
    pub async fn run(&self, request: ChallengeRequest<'_>) -> Result<IssuedChallenge, IssueChallengeError> {
        let ports = &self.ports;
        let app = ports.directory.usable_app(request.app)?;
        let puzzle = ports.puzzles.make(request.kind, request.level, request.style).await?;
        let keyring = ports.directory.keyring();
        let issued_at = ports.clock.now();
        let expires_at = issued_at.plus(self.lifetimes.challenge);
        let record = ChallengeRecord {
            stamp: Stamp {
                id: ports.entropy.array(),
                epoch: ports.marks.epoch(),
                app: app.id.clone(),
                action: request.action,
                contact: request.contact.map(|contact| keyring.contact_hash(contact, issued_at)),
                kind: request.kind,
                level: request.level,
                issued_at,
                expires_at,
            },
            solution: puzzle.solution,
            note: request.note,
        };
        let token = keyring.seal(Purpose::Challenge, &record.encode(), issued_at, &*ports.entropy).map_err(|_| Busy)?;
        ports.tally.count(Event::ChallengeIssued(request.kind));
        Ok(IssuedChallenge { token, view: puzzle.view, issued_at, expires_at })
    }
}
