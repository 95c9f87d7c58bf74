//! What was decided about one call, and why: a sample of it is kept for operators to look at.

use std::time::Duration;

use crate::app::AppId;
use crate::challenge::Level;
use crate::escalation::Reason;
use crate::network::Network;
use crate::time::Timestamp;
use crate::trail::score::{Bearing, Score};

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
            // What a door asks for, it asks for everybody.
            Outcome::Shown { reasons, .. } => reasons.iter().any(|reason| *reason != Reason::Door),
            // A hand's trail may be a little odd, and many are.
            Outcome::Passed { trail, .. } | Outcome::Failed { trail, .. } => {
                trail.as_ref().is_some_and(|score| score.bearing() != Bearing::Human)
            }
            Outcome::Waits { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::Answer;
    use crate::trail::{Means, Sample, Spot, Stroke, Trail};

    fn is_notable(outcome: Outcome) -> bool {
        let app = AppId::parse("one").unwrap();
        let network = Network::near(std::net::Ipv4Addr::LOCALHOST.into());
        Decision { at: Timestamp::from_milliseconds(0), app, network, outcome }.is_notable()
    }

    #[test]
    fn a_door_and_a_hand_are_nothing_to_speak_of() {
        let level = Level::DEFAULT;
        let shown = |reasons: &[Reason]| is_notable(Outcome::Shown { level, reasons: reasons.to_vec() });
        assert_eq!([shown(&[]), shown(&[Reason::Door])], [false, false]);
        assert!(shown(&[Reason::Failures]) && shown(&[Reason::Network, Reason::Door]));
        let passed = |trail| is_notable(Outcome::Passed { level, trail });
        assert!(!passed(None) && passed(Some(Score::of_another())));
        let glide = Score::of(&glide(), &Answer::Slider { x: 100.0, y: Some(0.0) }).unwrap();
        assert!(!glide.oddities.is_empty() && !passed(Some(glide)));
    }

    /// A mouse that speeds up once and bends: odd, and a hand's.
    fn glide() -> Trail {
        let origin = Spot { x: 0.0, y: 0.0 };
        let samples = (1..=20).map(|number| {
            let part = f64::from(number) / 20.0;
            let way = part.powi(3) * (10.0 - 15.0 * part + 6.0 * part.powi(2));
            let spot = Spot { x: 100.0 * way, y: 9.0 * (std::f64::consts::PI * way).sin() };
            Sample { after: 14 + number % 5, spot }
        });
        let samples = samples.collect();
        Trail { strokes: vec![Stroke { means: Means::Mouse, pause: 900, from: origin, hold: origin, samples }] }
    }
}
