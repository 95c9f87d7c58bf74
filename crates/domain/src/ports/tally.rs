use crate::challenge::Kind;
use crate::rates::Limit;

/// How judging an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judged {
    /// The answer was right.
    Passed,
    /// The answer was wrong; the challenge is spent.
    Failed,
    /// The challenge had expired.
    Expired,
    /// The challenge had been spent.
    Used,
}

/// How redeeming a ticket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redeemed {
    /// It was valid, and is spent now.
    Valid,
    /// It was refused, whatever the reason.
    Refused,
}

/// How a machine's attempt to join ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enrolment {
    /// It joined.
    Joined,
    /// It had joined, and asked again.
    Repeated,
    /// Its code does not admit it.
    Refused,
    /// There is no such code.
    Unknown,
    /// Its short code was not looked at: the budget for guesses is spent.
    Paused,
}

/// Something that happens too often for the audit trail, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A challenge was handed out.
    ChallengeIssued(Kind),
    /// An answer to a challenge of ours came in.
    ChallengeJudged(Kind, Judged),
    /// A ticket came in.
    TicketRedeemed(Redeemed),
    /// A machine asked to join.
    AgentEnrolled(Enrolment),
    /// A call was over this limit.
    Throttled(Limit),
}

/// Where events are counted.
pub trait Tally: Send + Sync {
    /// Counts `event`. Never blocks, never fails.
    fn count(&self, event: Event);
}
