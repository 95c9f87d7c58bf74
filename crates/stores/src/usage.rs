//! What doors note of who uses what, on its way to the records: written behind, many rows a transaction.
//!
//! A call must not wait for statistics, nor be refused for them. So what finds the queue full is lost, and a server that is
//! killed loses what it had not written yet; both are about a moment of a flood or of the last day.

use std::pin::Pin;
use std::sync::Arc;

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
    /// What is being written, or what the records would not take the last time.
    batch: Vec<UsageRow>,
    /// The writing of the batch. It stays when a flush is given up half-way: the records may have the batch all the same, and
    /// what they are given again counts twice.
    writing: Option<Writing>,
}

type Writing = Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send>>;

impl Default for KeptUsage {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { queue: sender, unwritten: Mutex::new(Unwritten { queue: receiver, batch: Vec::new(), writing: None }) }
    }
}

impl KeptUsage {
    /// Writes some of what waits, and says how many rows that were. After an error they wait on. Whoever gives a flush up may
    /// flush again: the next one goes on where it was.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn flush<R: UsageRecords + ?Sized + 'static>(&self, records: &Arc<R>) -> Result<usize, RecordsError> {
        let mut unwritten = self.unwritten.lock().await;
        let Unwritten { queue, batch, writing } = &mut *unwritten;
        if batch.is_empty() {
            batch.extend((0..BATCH).map_while(|_| queue.try_recv().ok()));
        }
        if !batch.is_empty() {
            let written = writing.get_or_insert_with(|| {
                let (records, batch) = (Arc::clone(records), batch.clone());
                Box::pin(async move { records.keep_usage(batch).await })
            });
            let written = written.await;
            *writing = None;
            written?;
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
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Poll, Waker};

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
        let (notes, records) = (KeptUsage::default(), Arc::<ModelUsage>::default());
        for _ in 0..QUEUE {
            assert_eq!(notes.note(row()), Ok(()));
        }
        assert_eq!(notes.note(row()), Err(NotesFull));
        assert_eq!(block_on(notes.flush(&records)), Ok(BATCH));
        assert_eq!(notes.note(row()), Ok(()), "there is room again");
        while block_on(notes.flush(&records)).unwrap() > 0 {}
        assert_eq!(counted(&*records), QUEUE as u64 + 1);
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
        let (notes, records) = (KeptUsage::default(), Arc::<ModelUsage>::default());
        notes.note(row()).unwrap();
        assert!(block_on(notes.flush(&Arc::new(Away))).is_err());
        notes.note(row()).unwrap();
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(block_on(notes.flush(&records)), Ok(0));
        assert_eq!(counted(&*records), 2);
    }

    /// Records whose answer comes later than what they did.
    #[derive(Default)]
    struct Slow(ModelUsage);

    #[async_trait]
    impl UsageRecords for Slow {
        async fn keep_usage(&self, rows: Vec<UsageRow>) -> Result<(), RecordsError> {
            self.0.keep_usage(rows).await?;
            let waited = AtomicBool::new(false);
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if waited.swap(true, Ordering::Relaxed) { Poll::Ready(Ok(())) } else { Poll::Pending }
            })
            .await
        }

        async fn usage_statistics(&self, wanted: StatisticsWanted) -> Result<Vec<Statistics>, RecordsError> {
            self.0.usage_statistics(wanted).await
        }

        async fn usage_rows(&self, wanted: UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError> {
            self.0.usage_rows(wanted).await
        }

        async fn forget_usage(&self, kept: UsageKept) -> Result<bool, RecordsError> {
            self.0.forget_usage(kept).await
        }
    }

    #[test]
    fn what_was_being_written_when_a_flush_was_given_up_counts_once() {
        let (notes, records) = (KeptUsage::default(), Arc::<Slow>::default());
        notes.note(row()).unwrap();
        {
            let flush = pin!(notes.flush(&records));
            assert!(flush.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        notes.note(row()).unwrap();
        assert_eq!(counted(&*records), 1);
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(block_on(notes.flush(&records)), Ok(1));
        assert_eq!(counted(&*records), 2);
    }
}
