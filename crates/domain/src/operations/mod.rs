//! The use-cases, one file each. A façade reads a vendor's words, makes one call here, and writes the answer in its words.

mod issue_challenge;
mod judge_answer;
mod redeem_ticket;

pub use issue_challenge::{ChallengeRequest, IssueChallenge, IssueChallengeError, IssuedChallenge};
pub use judge_answer::{ChallengeRefusal, IssuedTicket, JudgeAnswer, JudgeAnswerError, Judgement, OpenChallenge};
pub use redeem_ticket::{Expected, RedeemTicket, RedeemTicketError, Redemption, TicketRefusal};

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{Clock, Directory, Entropy, Marks, Puzzles, Tally};

/// How long things live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From showing a challenge to its answer.
    pub challenge: Duration,
    /// From the right answer to redeeming the ticket.
    pub ticket: Duration,
    /// How far the clocks of two nodes may lie apart. A mark outlives its token by this much, so that a node whose clock is
    /// behind cannot spend a token again.
    pub clock_skew: Duration,
}

/// What the operations on challenges and tickets need.
#[derive(Clone)]
pub struct Ports {
    /// Apps and keys.
    pub directory: Arc<dyn Directory>,
    /// Single use.
    pub marks: Arc<dyn Marks>,
    /// Pictures.
    pub puzzles: Arc<dyn Puzzles>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Counters.
    pub tally: Arc<dyn Tally>,
}

#[cfg(test)]
mod tests;
