use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::AppId;
use crate::ports::{Clock, RecordsError, StatisticsWanted, UsageRecords, UsageWanted};
use crate::time::Timestamp;
use crate::usage::{Day, Part, Person, Statistics, UsageKeys, UsageRow};

/// Statistics are of so many days, where nobody says how many.
const USUAL_DAYS: i64 = 30;
/// And have so many rows at most.
const MOST_ROWS: u32 = 10_000;

/// Reads who used what.
pub struct ReadUsage {
    records: Arc<dyn UsageRecords>,
    keys: Arc<UsageKeys>,
    clock: Arc<dyn Clock>,
}

/// Of which calls. What is `None` does not matter.
#[derive(Default)]
pub struct UsageFilter<'a> {
    /// Since this day.
    pub from: Option<Day>,
    /// To this day, and including it.
    pub to: Option<Day>,
    /// In this business.
    pub business: Option<u32>,
    /// In this scene.
    pub scene: Option<u32>,
    /// For this account, by the app's own name for it.
    pub account: Option<&'a str>,
    /// Older than the one of this number.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// A call in the clear.
pub struct OpenUsage {
    /// Its number: a later one has a greater number.
    pub number: i64,
    /// As it is kept.
    pub row: UsageRow,
    /// Whom it was for.
    pub person: Person,
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadUsageError {
    /// There are too many rows for one answer.
    #[error("there are more than {MOST_ROWS} rows: ask for fewer days, or by less")]
    TooMany,
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl ReadUsage {
    /// The operation over these ports.
    pub fn new(records: Arc<dyn UsageRecords>, keys: Arc<UsageKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { records, keys, clock }
    }

    /// How often the app's calls came how far, from one day to another: to today, and from 29 days before, where neither is
    /// said.
    ///
    /// # Errors
    /// [`ReadUsageError`].
    pub async fn statistics(
        &self,
        app: &AppId,
        from: Option<Day>,
        to: Option<Day>,
        by: BTreeSet<Part>,
    ) -> Result<Vec<Statistics>, ReadUsageError> {
        let to = to.unwrap_or_else(|| Day::of(self.clock.now()));
        let from = from.unwrap_or_else(|| to.plus(1 - USUAL_DAYS));
        let wanted = StatisticsWanted { app: app.clone(), from, to, by, limit: MOST_ROWS + 1 };
        let rows = self.records.usage_statistics(wanted).await?;
        if rows.len() > MOST_ROWS as usize { Err(ReadUsageError::TooMany) } else { Ok(rows) }
    }

    /// The app's calls that pass the filter and are still kept, the newest first.
    ///
    /// # Errors
    /// [`ReadUsageError`].
    pub async fn list(&self, app: &AppId, filter: UsageFilter<'_>) -> Result<Vec<OpenUsage>, ReadUsageError> {
        let UsageFilter { from, to, business, scene, account, before, limit } = filter;
        let wanted = UsageWanted {
            app: app.clone(),
            from: from.map_or(Timestamp::from_milliseconds(i64::MIN), Day::start),
            until: to.map_or(Timestamp::from_milliseconds(i64::MAX), |day| day.plus(1).start()),
            business,
            scene,
            account: account.map(|account| self.keys.account(app, account)),
            before,
            limit,
        };
        let rows = self.records.usage_rows(wanted).await?;
        rows.into_iter().map(|(number, row)| self.open(number, row)).collect()
    }

    fn open(&self, number: i64, row: UsageRow) -> Result<OpenUsage, ReadUsageError> {
        let person = self.keys.person(&row);
        let person =
            person.map_err(|_| RecordsError::Damaged(format!("the person of usage {number} does not open")))?;
        Ok(OpenUsage { number, row, person })
    }
}
