//! What was decided about one call, and why: a sample of it is kept for operators to look at.

use std::time::Duration;

use crate::app::AppId;
use crate::challenge::Level;
use crate::escalation::Reason;
use crate::network::Network;
use crate::time::Timestamp;
use crate::trail::score::Score;

/// One decision. It names a network and no address, and no contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// At which app.
    pub app: AppId,
    /// For whom: the /24 or /56 around the client.
    pub network: Network,
    /// What.
    pub outcome: Outcome,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A challenge was shown.
    Shown {
        /// Of this level.
        level: Level,
        /// What made it harder than others.
        reasons: Vec<Reason>,
    },
    /// An answer was right.
    Passed {
        /// To a challenge of this level.
        level: Level,
        /// What its trail looked like, where it had one that says something.
        trail: Option<Score>,
    },
    /// An answer was wrong.
    Failed {
        /// To a challenge of this level.
        level: Level,
        /// What its trail looked like, where it had one that says something.
        trail: Option<Score>,
    },
    /// The client has to wait from now on. What it asks meanwhile is counted, and is no decision.
    Waits {
        /// For how long.
        wait: Duration,
    },
}

impl Decision {
    /// Whether there is anything to say about it beyond that it happened.
    pub fn is_notable(&self) -> bool {
        match &self.outcome {
            Outcome::Shown { reasons, .. } => !reasons.is_empty(),
            Outcome::Passed { trail, .. } | Outcome::Failed { trail, .. } => {
                trail.as_ref().is_some_and(|score| !score.oddities.is_empty())
            }
            Outcome::Waits { .. } => true,
        }
    }
}
