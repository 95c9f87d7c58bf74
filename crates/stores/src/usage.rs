//! What doors note of who uses what, on its way to the records: written behind, many rows a transaction.
//!
//! A call must not wait for statistics, nor be refused for them. So what finds the queue full is lost, and a server that is
//! killed loses what it had not written yet; both are about a moment of a flood or of the last day.

use countersign_domain::ports::{NotesFull, RecordsError, UsageNotes, UsageRecords};
use countersign_domain::usage::UsageRow;
use tokio::sync::{Mutex, mpsc};

/// How many rows may wait: at most 1.7 kB each, mostly a tenth of that.
const QUEUE: usize = 8_192;

/// How many are written at once. Others wait behind it: codes, above all.
const BATCH: usize = 512;

/// The notes of one node.
pub struct KeptUsage {
    queue: mpsc::Sender<UsageRow>,
    unwritten: Mutex<Unwritten>,
}

struct Unwritten {
    queue: mpsc::Receiver<UsageRow>,
    /// What the records would not take the last time.
    batch: Vec<UsageRow>,
}

impl Default for KeptUsage {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { queue: sender, unwritten: Mutex::new(Unwritten { queue: receiver, batch: Vec::new() }) }
    }
}

impl KeptUsage {
    /// Writes some of what waits, and says how many rows that were. After an error they wait on.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn flush(&self, records: &(impl UsageRecords + ?Sized)) -> Result<usize, RecordsError> {
        let mut unwritten = self.unwritten.lock().await;
        let Unwritten { queue, batch } = &mut *unwritten;
        if batch.is_empty() {
            batch.extend((0..BATCH).map_while(|_| queue.try_recv().ok()));
        }
        if !batch.is_empty() {
            records.keep_usage(batch.clone()).await?;
        }
        let written = batch.len();
        batch.clear();
        Ok(written)
    }
}

impl UsageNotes for KeptUsage {
    fn note(&self, row: UsageRow) -> Result<(), NotesFull> {
        self.queue.try_send(row).map_err(|_| NotesFull)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use countersign_domain::app::AppId;
    use countersign_domain::ports::{StatisticsWanted, UsageKept, UsageWanted};
    use countersign_domain::testing::{ModelUsage, block_on};
    use countersign_domain::time::Timestamp;
    use countersign_domain::usage::{Day, Group, Statistics, Step};

    use super::*;

    fn app() -> AppId {
        AppId::parse("one").unwrap()
    }

    fn row() -> UsageRow {
        UsageRow {
            app: app(),
            at: Timestamp::from_milliseconds(0),
            door: "test".to_owned(),
            step: Step::Asked,
            group: Group::default(),
            registered_at: None,
            account: None,
            sealed_person: Vec::new(),
        }
    }

    fn counted(records: &impl UsageRecords) -> u64 {
        let day = Day::from_number(0);
        let wanted = StatisticsWanted { app: app(), from: day, to: day, by: [].into(), limit: 1 };
        block_on(records.usage_statistics(wanted)).unwrap().first().map_or(0, |row| row.counts.of(Step::Asked))
    }

    #[test]
    fn what_was_noted_is_kept_and_nothing_holds_up_the_rest() {
        let (notes, records) = (KeptUsage::default(), ModelUsage::default());
        for _ in 0..QUEUE {
            assert_eq!(notes.note(row()), Ok(()));
        }
        assert_eq!(notes.note(row()), Err(NotesFull));
        assert_eq!(block_on(notes.flush(&records)), Ok(BATCH));
        assert_eq!(notes.note(row()), Ok(()), "there is room again");
        while block_on(notes.flush(&records)).unwrap() > 0 {}
        assert_eq!(counted(&records), QUEUE as u64 + 1);
    }

    /// Records that cannot be written.
    struct Away;

    #[async_trait]
    impl UsageRecords for Away {
        async fn keep_usage(&self, _: Vec<UsageRow>) -> Result<(), RecordsError> {
            Err(RecordsError::Unavailable("away".to_owned()))
        }

        async fn usage_statistics(&self, _: StatisticsWanted) -> Result<Vec<Statistics>, RecordsError> {
            Ok(Vec::new())
        }

        async fn usage_rows(&self, _: UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError> {
            Ok(Vec::new())
        }

        async fn forget_usage(&self, _: UsageKept) -> Result<bool, RecordsError> {
            Ok(false)
        }
    }

    #[test]
    fn what_could_not_be_written_waits_for_the_next_time() {
        let (notes, records) = (KeptUsage::default(), ModelUsage::default());
        notes.note(row()).unwrap();
        assert!(block_on(notes.flush(&Away)).is_err());
        notes.note(row()).unwrap();
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(block_on(notes.flush(&records)), Ok(0));
        assert_eq!(counted(&records), 2);
    }
}
