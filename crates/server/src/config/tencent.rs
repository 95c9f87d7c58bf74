use countersign_domain::operations::{EmbedPolicy, Repeats};
use countersign_facades::TencentSettings;
use serde::Deserialize;

use super::seconds;

/// Section `tencent`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tencent {
    /// How far the time of a call may lie from ours.
    pub window_seconds: u32,
    /// From asking for a script's address to loading it.
    pub script_seconds: u32,
    /// From loading it to the last challenge.
    pub page_seconds: u32,
    /// Challenges that one page may draw.
    pub page_challenges: u32,
    /// The life of the older product's tickets.
    pub ticket_seconds: u32,
    /// How often one may be checked.
    pub ticket_checks: u32,
    /// For how long after the first check.
    pub recheck_seconds: u32,
    /// The life of the newer product's tickets.
    pub result_ticket_seconds: u32,
}

impl Tencent {
    /// As the façades take them, in a server that clients reach at `public_url`.
    pub fn settings(&self, public_url: &str) -> TencentSettings {
        TencentSettings {
            public_url: public_url.to_owned(),
            window: seconds(self.window_seconds),
            embed: EmbedPolicy {
                script: seconds(self.script_seconds),
                session: seconds(self.page_seconds),
                most_challenges: self.page_challenges,
            },
            ticket: seconds(self.ticket_seconds),
            repeats: Repeats { most: self.ticket_checks, within: seconds(self.recheck_seconds) },
            ticket_3: seconds(self.result_ticket_seconds),
        }
    }

    /// Keys, whether their values are in range, and what is wrong if not.
    pub(super) fn checks(&self) -> impl Iterator<Item = (&'static str, bool, &'static str)> {
        let hour = |value: u32| (1..=3_600).contains(&value);
        [
            ("tencent.window_seconds", (1..=7_200).contains(&self.window_seconds), "must be 1 to 7200"),
            ("tencent.script_seconds", hour(self.script_seconds), "must be 1 to 3600"),
            ("tencent.page_seconds", hour(self.page_seconds), "must be 1 to 3600"),
            ("tencent.page_challenges", (1..=1_000).contains(&self.page_challenges), "must be 1 to 1000"),
            ("tencent.ticket_seconds", hour(self.ticket_seconds), "must be 1 to 3600"),
            ("tencent.ticket_checks", (1..=10).contains(&self.ticket_checks), "must be 1 to 10"),
            ("tencent.recheck_seconds", hour(self.recheck_seconds), "must be 1 to 3600"),
            ("tencent.result_ticket_seconds", hour(self.result_ticket_seconds), "must be 1 to 3600"),
        ]
        .into_iter()
    }
}
