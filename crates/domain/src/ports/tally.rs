use crate::challenge::{Kind, Level};
use crate::contact::Channel;
use crate::escalation::Reason;
use crate::ports::MessageState;
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

/// What became of an answer's trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrailSeen {
    /// There was none.
    None,
    /// It was longer than any that the widget sends, and counted as none.
    TooLong,
    /// It could not be read, and counted as none.
    Unreadable,
    /// It was made with keys or taps, which have no score.
    Unscored,
    /// It has this score, 0 to 100.
    Scored(u8),
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

/// How a check of a code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeOutcome {
    /// The digits were right.
    Right,
    /// They were wrong.
    Wrong,
    /// They were not compared: the code was not live.
    Dead,
    /// There was no such code.
    Unknown,
    /// They were not compared: too many wrong ones came before.
    Limited,
}

/// Something that happens too often for the audit trail, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A challenge of this level was handed out.
    ChallengeIssued(Kind, Level),
    /// It was harder than others for this reason, among others perhaps.
    Escalated(Reason),
    /// An answer was judged that had such a trail.
    TrailSeen(TrailSeen),
    /// An answer to a challenge of ours came in.
    ChallengeJudged(Kind, Judged),
    /// A ticket came in.
    TicketRedeemed(Redeemed),
    /// A machine asked to join.
    AgentEnrolled(Enrolment),
    /// A code was accepted for sending.
    CodeSent(Channel),
    /// No code was accepted; the word says why.
    CodeRefused(Channel, &'static str),
    /// A code was accepted that this limit would have refused, were it enforced.
    CodeWouldBeRefused(&'static str),
    /// A code was checked.
    CodeChecked(CodeOutcome),
    /// This became of a message. `Waiting` stands for a try that has to be made again.
    MessageSettled(Channel, MessageState),
    /// A call was over this limit.
    Throttled(Limit),
    /// Too many calls waited to be kept: this one is in no statistics.
    UsageLost,
}

/// Where events are counted.
pub trait Tally: Send + Sync {
    /// Counts `event`. Never blocks, never fails.
    fn count(&self, event: Event);
}
