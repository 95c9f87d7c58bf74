use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use countersign_domain::ports::RecordsError;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::unavailable;

/// How many verbs may wait. One more is refused at once: a queue that grows is a memory that grows.
const QUEUE: usize = 4096;
/// How many verbs share a commit at most. Bounds how long the first of them waits for the last.
const BATCH: usize = 256;

/// One verb: runs inside the batch's transaction, and returns what answers its caller after the commit.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
/// Told whether the commit held.
type Answer = Box<dyn FnOnce(Result<(), RecordsError>) + Send>;

/// A thread that owns a connection.
pub(super) struct Worker {
    /// `None` only while dropping.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// A worker whose verbs are committed together.
    pub(super) fn writing(connection: Connection) -> Result<Self, RecordsError> {
        Self::spawn("records-writer", connection, write)
    }

    /// A worker whose verbs only read, each as of one moment.
    pub(super) fn reading(connection: Connection) -> Result<Self, RecordsError> {
        Self::spawn("records-reader", connection, read)
    }

    fn spawn(
        name: &str,
        mut connection: Connection,
        work: fn(&mut Connection, &Receiver<Job>),
    ) -> Result<Self, RecordsError> {
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&mut connection, &queue))
            .map_err(|error| RecordsError::Unavailable(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `verb` on the worker's thread. If it fails, nothing of it is kept, and its neighbours in the batch are.
    pub(super) async fn run<T, F>(&self, verb: F) -> Result<T, RecordsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, RecordsError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = in_savepoint(connection, verb);
            Box::new(move |committed| {
                // The caller may have gone; then nobody is told.
                let _unheard = sender.send(committed.and(outcome));
            })
        });
        let queue = self.jobs.as_ref().ok_or_else(|| RecordsError::Unavailable("the store is closing".to_owned()))?;
        queue.try_send(job).map_err(|_| RecordsError::Unavailable("too many calls are waiting".to_owned()))?;
        receiver.await.map_err(|_| RecordsError::Unavailable("the store has stopped".to_owned()))?
    }
}

impl Drop for Worker {
    /// Finishes what was accepted.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    verb: impl FnOnce(&Connection) -> Result<T, RecordsError>,
) -> Result<T, RecordsError> {
    connection.execute_batch("SAVEPOINT verb").map_err(|error| unavailable(&error))?;
    let outcome = verb(connection);
    let end = if outcome.is_ok() { "RELEASE verb" } else { "ROLLBACK TO verb; RELEASE verb" };
    connection.execute_batch(end).map_err(|error| unavailable(&error))?;
    if let Err(error @ (RecordsError::Unavailable(_) | RecordsError::Damaged(_))) = &outcome {
        tracing::error!(%error, "the records could not be used");
    }
    outcome
}

fn write(connection: &mut Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let batch = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1));
        let mut answers = Vec::new();
        let committed = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            answers.extend(batch.map(|job| job(&transaction)));
            transaction.commit()
        })();
        if let Err(error) = &committed {
            // Jobs that were never run drop their sender: their callers hear that the store did not answer.
            tracing::error!(%error, verbs = answers.len(), "the records could not be written");
        }
        let committed = committed.map_err(|error| unavailable(&error));
        for answer in answers {
            answer(committed.clone());
        }
    }
}

fn read(connection: &mut Connection, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        job(connection)(Ok(()));
    }
}
