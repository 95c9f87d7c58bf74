use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::app::AppId;
use crate::ports::RecordsError;
use crate::time::Timestamp;
use crate::usage::{AccountKey, Day, Part, Statistics, UsageRow};

/// Into how many groups an app's day is split at most. The calls of a further one count without business and scene: their
/// numbers are the caller's, and whoever counts up with them must not fill the disk.
pub const MOST_GROUPS: u32 = 1_000;

/// Which statistics are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsWanted {
    /// Of this app.
    pub app: AppId,
    /// From this day on.
    pub from: Day,
    /// To this day, and including it.
    pub to: Day,
    /// Split by these.
    pub by: BTreeSet<Part>,
    /// At most this many rows.
    pub limit: u32,
}

/// Which calls are wanted. What is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageWanted {
    /// Of this app.
    pub app: AppId,
    /// Since then.
    pub from: Timestamp,
    /// Before then.
    pub until: Timestamp,
    /// In this business.
    pub business: Option<u32>,
    /// In this scene.
    pub scene: Option<u32>,
    /// For this account.
    pub account: Option<AccountKey>,
    /// Older than the one of this number.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// What is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageKept {
    /// Calls are kept that came since then.
    pub since: Timestamp,
    /// And of each app at most so many, the newest.
    pub rows: u32,
    /// Counts are kept of this day and later ones.
    pub counts_since: Day,
}

/// Verbs about who used what. They move no revision and leave no audit entry.
#[async_trait]
pub trait UsageRecords: Send + Sync {
    /// Counts `rows` and keeps those that [are kept](crate::usage::Step::is_kept), all or none. An account counts where its day
    /// and group have seen it in no row that is kept.
    async fn keep_usage(&self, rows: Vec<UsageRow>) -> Result<(), RecordsError>;

    /// The counts, by day, business, scene and account type, as far as they are split by these.
    async fn usage_statistics(&self, wanted: StatisticsWanted) -> Result<Vec<Statistics>, RecordsError>;

    /// The calls with their numbers, the newest first: the order in which they were kept.
    async fn usage_rows(&self, wanted: UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError>;

    /// Forgets some of what is not kept; whether there is more.
    async fn forget_usage(&self, kept: UsageKept) -> Result<bool, RecordsError>;
}

/// As many wait to be kept as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many calls wait to be kept")]
pub struct NotesFull;

/// Where doors note what is to be kept by and by. No call waits for it, or is refused because of it.
pub trait UsageNotes: Send + Sync {
    /// Takes `row`, to be kept within a moment. Never blocks.
    ///
    /// # Errors
    /// [`NotesFull`]: it is lost.
    fn note(&self, row: UsageRow) -> Result<(), NotesFull>;
}
