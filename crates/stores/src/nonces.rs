//! Nonces over a store of marks that forgets at a restart: what it was told is written behind to the records, and read back
//! before the first call.
//!
//! Written behind, because a transaction for each signed call would make every reading call as dear as a writing one. The
//! price is that a process which is killed can forget the nonces of its last moments, as long as [`KeptNonces::flush`] is
//! not called; the server calls it every 100 ms, and when it stops.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::ports::{
    Marks, MarksError, NonceId, NonceRecords, NonceRow, NonceUse, Nonces, Owner, RecordsError, Spent,
};
use countersign_domain::time::Timestamp;
use tokio::sync::{Mutex, mpsc};

/// How many nonces may wait to be written. One more is refused, and its call with it: what could be forgotten is bounded, too.
const QUEUE: usize = 8_192;

/// A nonce has no owner who may come again.
const NOBODY: Owner = [0; 16];

/// The nonces of one node.
pub struct KeptNonces {
    marks: Arc<dyn Marks>,
    queue: mpsc::Sender<NonceRow>,
    unwritten: Mutex<Unwritten>,
}

struct Unwritten {
    queue: mpsc::Receiver<NonceRow>,
    /// What the records would not take the last time.
    batch: Vec<NonceRow>,
}

/// Why the nonces could not be read back. The server must not serve: old calls would pass again.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The store of marks.
    #[error("{0}: it has to hold the nonces of the last half hour")]
    Marks(#[from] MarksError),
}

impl KeptNonces {
    /// Nonces in `marks`, which knows all that is still spent in `records` before this returns.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub async fn restore(
        marks: Arc<dyn Marks>,
        records: &(impl NonceRecords + ?Sized),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        for NonceRow { id, until } in records.spent_nonces(now).await? {
            marks.spend(id.0, NOBODY, until).await?;
        }
        Ok(Self::empty(marks))
    }

    fn empty(marks: Arc<dyn Marks>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { marks, queue: sender, unwritten: Mutex::new(Unwritten { queue: receiver, batch: Vec::new() }) }
    }

    /// Writes what waits, and says how many nonces that were. After an error they wait on; while they do, the queue fills, and
    /// then calls are refused.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn flush(&self, records: &(impl NonceRecords + ?Sized)) -> Result<usize, RecordsError> {
        let mut unwritten = self.unwritten.lock().await;
        let Unwritten { queue, batch } = &mut *unwritten;
        if batch.is_empty() {
            // As many as wait now: those that come meanwhile are the next flush's.
            batch.extend((0..queue.len()).map_while(|_| queue.try_recv().ok()));
        }
        if !batch.is_empty() {
            records.keep_nonces(batch.clone()).await?;
        }
        let written = batch.len();
        batch.clear();
        Ok(written)
    }
}

#[async_trait]
impl Nonces for KeptNonces {
    async fn spend(&self, id: NonceId, until: Timestamp) -> Result<NonceUse, MarksError> {
        // The place in the queue comes first: a nonce that is marked but cannot be written would be refused for nothing.
        let place = self.queue.try_reserve().map_err(|_| MarksError::Full)?;
        match self.marks.spend(id.0, NOBODY, until).await? {
            Spent::First => {
                place.send(NonceRow { id, until });
                Ok(NonceUse::First)
            }
            Spent::Again { .. } | Spent::Taken => Ok(NonceUse::Again),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use countersign_domain::ports::Clock as _;
    use countersign_domain::testing::{ManualClock, SeededEntropy, block_on, nonces_conformance};

    use super::*;
    use crate::memory::MemoryMarks;
    use crate::sqlite::SqliteRecords;

    const HALF_AN_HOUR: Duration = Duration::from_mins(30);

    fn marks(clock: &Arc<ManualClock>, capacity: usize) -> Arc<dyn Marks> {
        Arc::new(MemoryMarks::new(Arc::<ManualClock>::clone(clock), &SeededEntropy::new(1), capacity))
    }

    fn records(folder: &Path) -> SqliteRecords {
        SqliteRecords::open(&folder.join("records.sqlite")).unwrap()
    }

    /// A node that has just started.
    fn start(clock: &Arc<ManualClock>, records: &SqliteRecords) -> KeptNonces {
        block_on(KeptNonces::restore(marks(clock, 1_000), records, clock.now())).unwrap()
    }

    fn id(number: u16) -> NonceId {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&number.to_le_bytes());
        NonceId(id)
    }

    #[test]
    fn conforms() {
        nonces_conformance(|clock, capacity| KeptNonces::empty(marks(&clock, capacity)));
    }

    #[test]
    fn what_was_flushed_stays_spent_after_a_restart_and_only_for_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(folder.path());
        let clock = ManualClock::new();
        let until = clock.now().plus(HALF_AN_HOUR);
        let node = start(&clock, &records);
        assert_eq!(block_on(node.spend(id(1), until)), Ok(NonceUse::First));
        assert_eq!(block_on(node.spend(id(1), until)), Ok(NonceUse::Again));
        assert_eq!(block_on(node.flush(&records)), Ok(1));
        assert_eq!(block_on(node.flush(&records)), Ok(0));
        clock.advance(HALF_AN_HOUR.saturating_sub(Duration::from_millis(1)));
        let node = start(&clock, &records);
        assert_eq!(block_on(node.spend(id(1), until)), Ok(NonceUse::Again));
        assert_eq!(block_on(node.flush(&records)), Ok(0), "what was read back is not written again");
        clock.advance(Duration::from_millis(1));
        let node = start(&clock, &records);
        assert_eq!(block_on(node.spend(id(1), until.plus(HALF_AN_HOUR))), Ok(NonceUse::First));
    }

    #[test]
    fn a_queue_that_is_full_refuses_until_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(folder.path());
        let clock = ManualClock::new();
        let until = clock.now().plus(HALF_AN_HOUR);
        let node = block_on(KeptNonces::restore(marks(&clock, QUEUE * 2), &records, clock.now())).unwrap();
        let most = u16::try_from(QUEUE).unwrap();
        for number in 0..most {
            assert_eq!(block_on(node.spend(id(number), until)), Ok(NonceUse::First));
        }
        assert_eq!(block_on(node.spend(id(most), until)), Err(MarksError::Full));
        assert_eq!(block_on(node.flush(&records)), Ok(QUEUE));
        assert_eq!(block_on(node.spend(id(most), until)), Ok(NonceUse::First), "a refused nonce is not spent");
    }

    /// Records that are away until they are asked a second time.
    struct Away<'a>(&'a SqliteRecords, std::sync::atomic::AtomicBool);

    #[async_trait]
    impl NonceRecords for Away<'_> {
        async fn keep_nonces(&self, rows: Vec<NonceRow>) -> Result<(), RecordsError> {
            if self.1.swap(true, std::sync::atomic::Ordering::SeqCst) {
                return self.0.keep_nonces(rows).await;
            }
            Err(RecordsError::Unavailable("away".to_owned()))
        }

        async fn spent_nonces(&self, now: Timestamp) -> Result<Vec<NonceRow>, RecordsError> {
            self.0.spent_nonces(now).await
        }

        async fn forget_nonces(&self, now: Timestamp) -> Result<(), RecordsError> {
            self.0.forget_nonces(now).await
        }
    }

    #[test]
    fn what_could_not_be_written_waits_for_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(folder.path());
        let clock = ManualClock::new();
        let until = clock.now().plus(HALF_AN_HOUR);
        let node = start(&clock, &records);
        let away = Away(&records, false.into());
        assert_eq!(block_on(node.spend(id(1), until)), Ok(NonceUse::First));
        assert!(block_on(node.flush(&away)).is_err());
        assert_eq!(block_on(node.spend(id(2), until)), Ok(NonceUse::First));
        assert_eq!(block_on(node.flush(&away)), Ok(1));
        assert_eq!(block_on(node.flush(&away)), Ok(1));
        let kept = block_on(records.spent_nonces(clock.now())).unwrap();
        assert_eq!(kept, [id(1), id(2)].map(|id| NonceRow { id, until }));
    }

    #[test]
    fn a_store_of_marks_that_is_too_small_does_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(folder.path());
        let clock = ManualClock::new();
        let until = clock.now().plus(HALF_AN_HOUR);
        let rows = (0..8_000).map(|number| NonceRow { id: id(number), until }).collect();
        block_on(records.keep_nonces(rows)).unwrap();
        let error = block_on(KeptNonces::restore(marks(&clock, 64), &records, clock.now())).err().unwrap();
        assert_eq!(error.to_string(), "the store of marks is full: it has to hold the nonces of the last half hour");
    }
}
