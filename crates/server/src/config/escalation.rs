use std::collections::BTreeMap;

use countersign_domain::app::AppId;
use countersign_domain::challenge::Level;
use countersign_domain::escalation::{AppEscalation, EscalationPolicy};
use countersign_domain::standing::Waits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::seconds;

/// Section `escalation`: how hard challenges are, and for whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// How hard for somebody of whom nothing is known.
    pub level: u8,
    /// And at most.
    pub highest_level: u8,
    /// Whether a client's history adds anything.
    pub escalate: bool,
    /// What is different for one app.
    #[serde(deserialize_with = "apps")]
    pub apps: BTreeMap<String, App>,
    /// After how many wrong answers in a row a client has to wait; 0 for never.
    pub wrong_in_a_row: u16,
    /// The first wait.
    pub wait_seconds: u32,
    /// The longest.
    pub longest_wait_seconds: u32,
}

/// What is different for one app.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Instead of `escalation.level`.
    pub level: Option<u8>,
    /// Instead of `escalation.highest_level`.
    pub highest_level: Option<u8>,
    /// Instead of `escalation.escalate`.
    pub escalate: Option<bool>,
}

impl Escalation {
    /// As the domain takes it.
    pub fn policy(&self) -> EscalationPolicy {
        let waits = (self.wrong_in_a_row > 0).then(|| Waits {
            after: self.wrong_in_a_row,
            first: seconds(self.wait_seconds),
            longest: seconds(self.longest_wait_seconds),
        });
        EscalationPolicy {
            default: levels(self.level, self.highest_level, self.escalate),
            apps: self.apps.iter().map(|(id, app)| (id.clone(), self.of(*app))).collect(),
            waits,
        }
    }

    fn of(&self, app: App) -> AppEscalation {
        levels(
            app.level.unwrap_or(self.level),
            app.highest_level.unwrap_or(self.highest_level),
            app.escalate.unwrap_or(self.escalate),
        )
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> [(&'static str, bool, &'static str); 6] {
        let is_level = |number: u8| Level::new(number).is_some();
        let is_span = |level: u8, highest: u8| is_level(level) && is_level(highest) && level <= highest;
        [
            ("escalation.level", is_level(self.level), "must be 1 to 5"),
            ("escalation.highest_level", is_span(self.level, self.highest_level), "must be `level` to 5"),
            (
                "escalation.apps",
                self.apps.values().all(|app| {
                    is_span(app.level.unwrap_or(self.level), app.highest_level.unwrap_or(self.highest_level))
                }),
                "must have a `level` of 1 to 5 and a `highest_level` that is no lower, their own or those of the section",
            ),
            ("escalation.wrong_in_a_row", self.wrong_in_a_row <= 100, "must be at most 100; 0 for no wait"),
            ("escalation.wait_seconds", (1..=3_600).contains(&self.wait_seconds), "must be 1 to 3600"),
            (
                "escalation.longest_wait_seconds",
                (self.wait_seconds..=3_600).contains(&self.longest_wait_seconds),
                "must be `wait_seconds` to 3600",
            ),
        ]
    }
}

/// Out of range there is a complaint before anybody asks.
fn levels(level: u8, highest: u8, escalate: bool) -> AppEscalation {
    AppEscalation {
        level: Level::new(level).unwrap_or(Level::DEFAULT),
        highest: Level::new(highest).unwrap_or(Level::HIGHEST),
        escalate,
    }
}

fn apps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, App>, D::Error> {
    let apps = BTreeMap::<String, App>::deserialize(deserializer)?;
    match apps.keys().find(|id| AppId::parse(id).is_none()) {
        None => Ok(apps),
        Some(id) => Err(D::Error::custom(format!("{id:?} is no app id: 1 to 64 characters of [A-Za-z0-9_-]"))),
    }
}
