use std::net::IpAddr;
use std::sync::Arc;

use crate::app::AppId;
use crate::challenge::{Answer, Level};
use crate::decision::{Decision, Outcome};
use crate::escalation::{AppEscalation, Choice, EscalationPolicy, Impressions, Scope};
use crate::network::Network;
use crate::ports::{Clock, Decisions, Event, History, Tally, TrailSeen};
use crate::rates::{Limit, Limited};
use crate::standing::{Deed, Impression};
use crate::trail::score::{Bearing, Score};
use crate::trail::{Trail, TrailFault};

/// How hard challenges are and who has to wait, by what this node remembers: what issuing and judging share.
///
/// The history is asked and told in memory, so neither becomes slower, and neither touches a store for it.
pub struct Escalation {
    policy: EscalationPolicy,
    history: Arc<dyn History>,
    decisions: Arc<dyn Decisions>,
    clock: Arc<dyn Clock>,
    tally: Arc<dyn Tally>,
}

/// Whose call it is.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) app: &'a AppId,
    pub(super) client: IpAddr,
}

impl Escalation {
    /// Over this history.
    pub fn new(
        policy: EscalationPolicy,
        history: Arc<dyn History>,
        decisions: Arc<dyn Decisions>,
        clock: Arc<dyn Clock>,
        tally: Arc<dyn Tally>,
    ) -> Self {
        Self { policy, history, decisions, clock, tally }
    }

    /// The latest decisions about `app` that are kept, newest first.
    pub fn decisions(&self, app: &AppId, limit: usize) -> Vec<Decision> {
        self.decisions.latest(app, limit)
    }

    /// Refuses whoever has to wait. Asked both before a challenge is drawn and before an answer is judged, because otherwise
    /// somebody would draw a hundred first and then guess at each. Nothing is spent.
    pub(super) fn admit(&self, caller: Caller<'_>) -> Result<(), Limited> {
        if self.policy.waits.is_none() {
            return Ok(());
        }
        let Some(wait) = self.recall(Scope::Address, caller).wait else { return Ok(()) };
        self.tally.count(Event::Throttled(Limit::WrongAnswers));
        Err(Limited { limit: Limit::WrongAnswers, retry_after: wait })
    }

    /// How hard the next challenge is to be. Where a door asks for a level, it is at least that.
    pub(super) fn choose(&self, caller: Caller<'_>, floor: Option<Level>) -> Choice {
        let app = self.policy.of(caller.app);
        let known = if app.escalate {
            Impressions {
                address: self.recall(Scope::Address, caller),
                network: self.recall(Scope::Network, caller),
                app: self.recall(Scope::App, caller),
            }
        } else {
            Impressions::default()
        };
        app.choose(&known, floor)
    }

    /// Remembers that a challenge was shown.
    pub(super) fn shown(&self, caller: Caller<'_>, choice: Choice) {
        self.note(caller, &[Scope::Address], Deed::Asked);
        for reason in &choice.reasons {
            self.tally.count(Event::Escalated(*reason));
        }
        let Choice { level, reasons } = choice;
        self.keep(caller, Outcome::Shown { level, reasons });
    }

    /// Remembers that an answer was right.
    pub(super) fn passed(&self, caller: Caller<'_>, level: Level, trail: Option<Score>) {
        self.judged(caller, Deed::Right(level), trail.as_ref());
        self.keep(caller, Outcome::Passed { level, trail });
    }

    /// Remembers that an answer was wrong.
    pub(super) fn failed(&self, caller: Caller<'_>, level: Level, trail: Option<Score>) {
        self.judged(caller, Deed::Wrong(self.policy.of(caller.app).level), trail.as_ref());
        self.keep(caller, Outcome::Failed { level, trail });
        if self.policy.waits.is_some()
            && let Some(wait) = self.recall(Scope::Address, caller).wait
        {
            self.keep(caller, Outcome::Waits { wait });
        }
    }

    /// What an answer's trail looks like, where it has one that says something. Whatever else was handed in counts as none: a
    /// person whose browser got it wrong solves a challenge all the same.
    pub(super) fn look_at(&self, trail: Option<Result<Trail, TrailFault>>, answer: &Answer) -> Option<Score> {
        let (seen, score) = match trail {
            None => (TrailSeen::None, None),
            Some(Err(TrailFault::TooLong)) => (TrailSeen::TooLong, None),
            Some(Err(TrailFault::Unreadable)) => (TrailSeen::Unreadable, None),
            Some(Err(TrailFault::OfAnother)) => (TrailSeen::Scored(0), Some(Score::of_another())),
            Some(Ok(trail)) => match Score::of(&trail, answer) {
                None => (TrailSeen::Unscored, None),
                Some(score) => (TrailSeen::Scored(score.points), Some(score)),
            },
        };
        self.tally.count(Event::TrailSeen(seen));
        score
    }

    fn judged(&self, caller: Caller<'_>, deed: Deed, trail: Option<&Score>) {
        self.note(caller, &[Scope::Address, Scope::Network, Scope::App], deed);
        let Some(score) = trail else { return };
        let deed = match score.bearing() {
            Bearing::Human => Deed::HumanTrail,
            Bearing::Doubtful => Deed::DoubtfulTrail,
            Bearing::Scripted => Deed::ScriptedTrail,
        };
        self.note(caller, &[Scope::Address, Scope::Network], deed);
    }

    fn recall(&self, scope: Scope, caller: Caller<'_>) -> Impression {
        self.history.recall(scope.key(caller.app, caller.client), &scope.memory(self.policy.waits))
    }

    fn note(&self, caller: Caller<'_>, scopes: &[Scope], deed: Deed) {
        let AppEscalation { escalate, .. } = self.policy.of(caller.app);
        if !escalate && self.policy.waits.is_none() {
            return;
        }
        for scope in scopes {
            self.history.note(scope.key(caller.app, caller.client), deed, &scope.memory(self.policy.waits));
        }
    }

    fn keep(&self, caller: Caller<'_>, outcome: Outcome) {
        let network = Network::near(caller.client);
        self.decisions.keep(Decision { at: self.clock.now(), app: caller.app.clone(), network, outcome });
    }
}
