use std::net::IpAddr;
use std::sync::Arc;

use crate::address::Origin;
use crate::app::{AppId, AppRefusal};
use crate::challenge::{Answer, Wanted};
use crate::contact::Contact;
use crate::network::Network;
use crate::operations::escalation::Caller;
use crate::operations::{Escalation, Policy, Ports, Refused};
use crate::ports::{Busy, Event, Judged, MarkId, MarksError, Spent};
use crate::rates::{Limit, Limited};
use crate::sealing::Purpose;
use crate::ticket::{ChallengeRecord, Door, Stamp, TicketRecord};
use crate::time::Timestamp;
use crate::trail::{Trail, TrailFault};

/// Judges an answer, once.
///
/// In two steps, because a door may need the challenge's [`note`](OpenChallenge::note) to read the answer: [`open`](Self::open)
/// checks the seal and spends nothing, so an answer that cannot be read costs nobody a challenge; [`run`](Self::run) spends
/// the challenge and then judges, so a wrong answer costs it.
pub struct JudgeAnswer {
    ports: Ports,
    policy: Policy,
    escalation: Arc<Escalation>,
}

/// A challenge whose seal held.
pub struct OpenChallenge {
    token: String,
    record: ChallengeRecord,
    trail: Option<Result<Trail, TrailFault>>,
}

impl OpenChallenge {
    /// What its answer has to hold.
    pub fn wants(&self) -> Wanted {
        self.record.solution.wants()
    }

    /// The app that it was made for.
    pub fn app(&self) -> &AppId {
        &self.record.stamp.app
    }

    /// What the door asked to be remembered.
    pub fn note(&self) -> &[u8] {
        self.record.note.bytes()
    }

    /// The same, with the trail that came with the answer, where the door's protocol has one.
    ///
    /// What cannot be read is no error: it is counted, and the answer is judged as one without a trail.
    #[must_use]
    pub fn with_trail(mut self, trail: Option<&str>) -> Self {
        self.trail = trail.map(|text| Trail::read(&self.token, text));
        self
    }
}

/// Why a token stands for no challenge that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeRefusal {
    /// Never issued, issued to another app, changed on the way, or from before a restart.
    #[error("no such challenge")]
    Unknown,
    /// Its time is over.
    #[error("the challenge has expired")]
    Expired,
    /// It was answered before, rightly or wrongly.
    #[error("the challenge was answered before")]
    Used,
}

/// Why an answer was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeAnswerError {
    /// The token.
    #[error(transparent)]
    Challenge(#[from] ChallengeRefusal),
    /// The app is not served.
    #[error(transparent)]
    App(#[from] AppRefusal),
    /// Too many calls; try again later. The challenge is not spent.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment. The challenge is not spent; but where its answer was right and only the ticket could not be
    /// sealed, which no caller can bring about, it is, and the next try hears that it is used.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<MarksError> for JudgeAnswerError {
    fn from(_: MarksError) -> Self {
        Self::Busy(Busy)
    }
}

impl From<Refused> for JudgeAnswerError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

/// What a right answer earns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedTicket {
    /// The proof: `[A-Za-z0-9_-]`, under 500 characters.
    pub ticket: String,
    /// What is marked when it is spent: a secret until then, since it stands sealed in the ticket.
    pub id: MarkId,
    /// When the challenge was solved.
    pub issued_at: Timestamp,
    /// From then on the ticket is refused.
    pub expires_at: Timestamp,
}

/// What an answer was worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It was right.
    Passed(IssuedTicket),
    /// It was wrong, and the challenge is spent.
    Failed,
}

impl JudgeAnswer {
    /// The operation over these ports.
    pub fn new(ports: Ports, policy: Policy, escalation: Arc<Escalation>) -> Self {
        Self { ports, policy, escalation }
    }

    /// Checks the seal, the epoch, the door, the app and the time. Spends nothing.
    ///
    /// A challenge of another door is unknown at this one. `app` is the app that the caller says it is, where its protocol has it say so; a challenge of another is unknown to
    /// it.
    ///
    /// # Errors
    /// [`JudgeAnswerError::Challenge`] with `Unknown` or `Expired`, or [`JudgeAnswerError::App`].
    pub fn open(&self, token: &str, door: &Door, app: Option<&AppId>) -> Result<OpenChallenge, JudgeAnswerError> {
        let ports = &self.ports;
        let bytes = ports.directory.keyring().open(Purpose::Challenge, token).map_err(|_| ChallengeRefusal::Unknown)?;
        let record = ChallengeRecord::decode(&bytes).map_err(|_| ChallengeRefusal::Unknown)?;
        let stamp = &record.stamp;
        let elsewhere = stamp.door != *door || app.is_some_and(|app| *app != stamp.app);
        if elsewhere || stamp.epoch != ports.marks.epoch() {
            return Err(ChallengeRefusal::Unknown.into());
        }
        ports.directory.usable_app(&stamp.app)?;
        self.check_time(stamp)?;
        Ok(OpenChallenge { token: token.to_owned(), record, trail: None })
    }

    /// Spends the challenge, judges the answer, and seals a ticket if it is right. The ticket is bound to `contact`, or else
    /// to the contact that the challenge was asked for; and to `client`, the address that the answer came from, if the
    /// [policy](Policy::bind_address) says so.
    ///
    /// # Errors
    /// [`JudgeAnswerError::Challenge`] with `Used` or `Expired`, [`JudgeAnswerError::Limited`] or [`JudgeAnswerError::Busy`].
    pub async fn run(
        &self,
        challenge: OpenChallenge,
        answer: &Answer,
        contact: Option<&Contact>,
        client: IpAddr,
    ) -> Result<Judgement, JudgeAnswerError> {
        let ports = &self.ports;
        let OpenChallenge { record: ChallengeRecord { stamp, solution, .. }, trail, .. } = challenge;
        let app = stamp.app.clone();
        let caller = Caller { app: &app, client };
        self.check_time(&stamp)?;
        // Before the challenge is spent: a call over a limit costs nothing. The address before the app, as when issuing.
        self.escalation.admit(caller)?;
        let rates = &self.policy.rates;
        ports.admit(rates, Limit::AnswerPerAddress, Limit::AnswerPerAddress.key_of_address(client)).await?;
        ports.admit(rates, Limit::AnswerPerApp, Limit::AnswerPerApp.key_of_app(&stamp.app)).await?;
        let until = stamp.expires_at.plus(self.policy.lifetimes.clock_skew);
        // A fresh owner each time: no caller of this operation may ever be let through again.
        match ports.marks.spend(stamp.id, ports.entropy.array(), until).await? {
            Spent::First => {}
            Spent::Again { .. } | Spent::Taken => {
                ports.tally.count(Event::ChallengeJudged(stamp.kind, Judged::Used));
                return Err(ChallengeRefusal::Used.into());
            }
        }
        let score = self.escalation.look_at(trail, answer);
        let level = stamp.level;
        if !ports.puzzles.judge(&solution, answer) {
            self.escalation.failed(caller, level, score);
            ports.tally.count(Event::ChallengeJudged(stamp.kind, Judged::Failed));
            return Ok(Judgement::Failed);
        }
        self.escalation.passed(caller, level, score);
        ports.tally.count(Event::ChallengeJudged(stamp.kind, Judged::Passed));
        let ticket = self.ticket(stamp, contact, client)?;
        Ok(Judgement::Passed(ticket))
    }

    fn ticket(&self, challenge: Stamp, contact: Option<&Contact>, client: IpAddr) -> Result<IssuedTicket, Busy> {
        let ports = &self.ports;
        let keyring = ports.directory.keyring();
        let issued_at = ports.clock.now();
        let expires_at = issued_at.plus(self.policy.lifetimes.ticket);
        let contact = contact.map(|contact| keyring.contact_hash(contact, issued_at)).or(challenge.contact);
        let origin = self.policy.bind_address.then(|| keyring.origin_hash(Origin::of(client), issued_at));
        let network = Some(Network::around(client));
        let id = ports.entropy.array();
        let stamp = Stamp { id, contact, origin, network, issued_at, expires_at, ..challenge };
        let record = TicketRecord { stamp };
        let ticket = keyring.seal(Purpose::Ticket, &record.encode(), issued_at, &*ports.entropy).map_err(|_| Busy)?;
        Ok(IssuedTicket { ticket, id, issued_at, expires_at })
    }

    fn check_time(&self, stamp: &Stamp) -> Result<(), ChallengeRefusal> {
        if self.ports.clock.now() < stamp.expires_at {
            return Ok(());
        }
        self.ports.tally.count(Event::ChallengeJudged(stamp.kind, Judged::Expired));
        Err(ChallengeRefusal::Expired)
    }
}
