use countersign_domain::ports::UsageKept;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::Day;
use serde::Deserialize;

use super::days;

/// Section `usage`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// How long calls are kept.
    pub keep_days: u32,
    /// And of each app at most this many.
    pub keep_rows: u32,
    /// How long their counts are.
    pub statistics_days: u32,
}

impl Usage {
    /// What is kept at `now`.
    pub fn kept(&self, now: Timestamp) -> UsageKept {
        UsageKept {
            since: now.minus(days(self.keep_days)),
            rows: self.keep_rows,
            counts_since: Day::of(now).plus(1 - i64::from(self.statistics_days)),
        }
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> [(&'static str, bool, &'static str); 3] {
        [
            ("usage.keep_days", (1..=3_650).contains(&self.keep_days), "must be 1 to 3650"),
            ("usage.keep_rows", (1_000..=10_000_000).contains(&self.keep_rows), "must be 1000 to 10000000"),
            ("usage.statistics_days", (1..=3_650).contains(&self.statistics_days), "must be 1 to 3650"),
        ]
    }
}
