//! One bound session, from the bind to its end. Everything happens in one task: what was read is answered there, what is to be
//! sent waits for room in the window there, and receipts are answered when they are kept.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_domain::message::MessageId;
use countersign_domain::ports::{Delivery, ReportError, Reports, SendError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep, timeout};

use super::ledger::{Heard, Ledger};
use super::pdu::{Garbled, Parts, Pdu, command};
use super::receipt::{self, ReceiptIds, Told, Unreadable};
use super::status;

/// How often a session looks after itself.
const BEAT: Duration = Duration::from_secs(1);
/// Receipts that may wait to be kept; the message centre keeps the others, and tells them again.
const RECEIPTS: usize = 64;
/// How often a receipt is tried whose message is not known yet, and how long the first wait is; each further one is twice as
/// long: seven seconds in all, and keeping the answer to a submission takes milliseconds.
const TRIES: u32 = 7;
const WAIT: Duration = Duration::from_millis(110);

/// A line to a message centre.
pub(super) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<L: AsyncRead + AsyncWrite + Send + Unpin> Line for L {}

/// A piece of a message that is to be submitted. Who waits for the answer may go away; then it is not sent any more.
pub(super) struct Submission {
    pub(super) body: Bytes,
    pub(super) message: MessageId,
    pub(super) piece: usize,
    pub(super) answer: oneshot::Sender<Result<Option<String>, SendError>>,
}

/// What sessions share.
pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) reports: Arc<dyn Reports>,
    pub(super) receipt_ids: ReceiptIds,
    /// Submissions that may be unanswered.
    pub(super) window: usize,
    /// After how many beats the message centre is asked whether it is there.
    pub(super) enquire: u64,
    /// How long it may take over anything.
    pub(super) patience: Duration,
}

/// Why there is no session, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the line broke: {0}")]
    Line(#[from] std::io::Error),
    #[error("the message centre closed the line")]
    Closed,
    #[error("the message centre was not understood: {0}")]
    Garbled(#[from] Garbled),
    #[error("the message centre was silent")]
    Silent,
    #[error("the bind was refused: {0}")]
    Refused(String),
    #[error("the message centre ended the session")]
    Unbound,
    /// We did: there is nobody left to send anything.
    #[error("nobody sends any more")]
    Done,
}

/// A session.
pub(super) struct Session<L> {
    line: L,
    read: BytesMut,
    sequence: u32,
    unanswered: HashMap<u32, Submission>,
    /// The tasks that keep receipts; each ends with the answer to its one.
    receipts: JoinSet<Pdu>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Something came since the message centre was last asked.
    was_heard: bool,
    /// Something came since the bind.
    pub(super) is_proven: bool,
}

impl<L: Line> Session<L> {
    /// Binds.
    pub(super) async fn bind(line: L, body: Bytes, patience: Duration) -> Result<Self, Ended> {
        let mut session = Self {
            line,
            read: BytesMut::new(),
            sequence: 0,
            unanswered: HashMap::new(),
            receipts: JoinSet::new(),
            pause: None,
            was_heard: true,
            is_proven: false,
        };
        let answered = async {
            let sequence = session.next();
            session.write(&Pdu::new(command::BIND_TRANSCEIVER, sequence, body), patience).await?;
            loop {
                while let Some(pdu) = Pdu::take(&mut session.read)? {
                    match (pdu.command, pdu.status) {
                        (command::BIND_TRANSCEIVER_RESP, status::OK) => return Ok(()),
                        (command::BIND_TRANSCEIVER_RESP | command::GENERIC_NACK, status) => {
                            return Err(Ended::Refused(status::said(status)));
                        }
                        // Nothing else means anything yet.
                        _ => {}
                    }
                }
                session.fill().await?;
            }
        };
        timeout(patience, answered).await.map_err(|_| Ended::Silent)??;
        Ok(session)
    }

    /// Works until the session ends. Submissions without an answer are dropped with it, and whoever waits for one hears that.
    pub(super) async fn run(&mut self, submissions: &mut mpsc::Receiver<Submission>, shared: &Arc<Shared>) -> Ended {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = 0;
        loop {
            if let Err(ended) = self.step(submissions, shared, &mut beat, &mut beats).await {
                return ended;
            }
        }
    }

    async fn step(
        &mut self,
        submissions: &mut mpsc::Receiver<Submission>,
        shared: &Arc<Shared>,
        beat: &mut Interval,
        beats: &mut u64,
    ) -> Result<(), Ended> {
        let has_room = self.pause.is_none() && self.waited_for() < shared.window;
        tokio::select! {
            // In this order: what is known of the window comes before what fills it.
            biased;
            read = self.line.read_buf(&mut self.read) => {
                if read? == 0 {
                    return Err(Ended::Closed);
                }
                (self.was_heard, self.is_proven) = (true, true);
                while let Some(pdu) = Pdu::take(&mut self.read)? {
                    self.hear(&pdu, shared).await?;
                }
            }
            Some(kept) = self.receipts.join_next(), if !self.receipts.is_empty() => {
                // A task that failed leaves its receipt unanswered: it is told again.
                if let Ok(answer) = kept {
                    self.write(&answer, shared.patience).await?;
                }
            }
            () = over(&mut self.pause) => self.pause = None,
            _ = beat.tick() => {
                *beats += 1;
                self.beat(*beats, shared).await?;
            }
            submission = submissions.recv(), if has_room => {
                let Some(submission) = submission else {
                    let sequence = self.next();
                    self.write(&Pdu::new(command::UNBIND, sequence, Bytes::new()), shared.patience).await?;
                    return Err(Ended::Done);
                };
                self.submit(submission, shared).await?;
            }
        }
        Ok(())
    }

    async fn submit(&mut self, submission: Submission, shared: &Shared) -> Result<(), Ended> {
        if submission.answer.is_closed() {
            return Ok(());
        }
        let sequence = self.next();
        let pdu = Pdu::new(command::SUBMIT_SM, sequence, submission.body.clone());
        self.unanswered.insert(sequence, submission);
        self.write(&pdu, shared.patience).await
    }

    async fn hear(&mut self, pdu: &Pdu, shared: &Arc<Shared>) -> Result<(), Ended> {
        match pdu.command {
            command::SUBMIT_SM_RESP | command::GENERIC_NACK => self.answered(pdu, shared),
            command::DELIVER_SM => {
                let told = receipt::read(&pdu.body, shared.receipt_ids);
                let delivery = match told {
                    Ok(Some(Told { id, delivery: Some(delivery) })) => (id, delivery),
                    // Nothing to keep: a state on the way, or what a person wrote.
                    Ok(_) => return self.write(&pdu.answer(status::OK), shared.patience).await,
                    Err(Unreadable) => return self.write(&pdu.answer(status::UNREADABLE), shared.patience).await,
                };
                if self.receipts.len() >= RECEIPTS {
                    return self.write(&pdu.answer(status::LATER), shared.patience).await;
                }
                let (shared, pdu) = (Arc::clone(shared), pdu.clone());
                self.receipts.spawn(async move { pdu.answer(shared.kept(delivery.0, delivery.1).await) });
                Ok(())
            }
            command::ENQUIRE_LINK => self.write(&pdu.answer(status::OK), shared.patience).await,
            command::UNBIND => {
                self.write(&pdu.answer(status::OK), shared.patience).await?;
                Err(Ended::Unbound)
            }
            _ if pdu.is_answer() => Ok(()),
            _ => self.write(&pdu.nack(status::INVALID_COMMAND), shared.patience).await,
        }
    }

    fn answered(&mut self, pdu: &Pdu, shared: &Shared) -> Result<(), Ended> {
        let Some(submission) = self.unanswered.remove(&pdu.sequence) else { return Ok(()) };
        let Submission { message, piece, answer, .. } = submission;
        let outcome = match (pdu.command, pdu.status) {
            (command::SUBMIT_SM_RESP, status::OK) => {
                let id = Parts::of(&pdu.body).text().and_then(|id| receipt::kept(&id, shared.receipt_ids));
                // Also where nobody waits for it any more: a further try must not send it again.
                shared.ledger.keep(message, piece, id.clone());
                Ok(id)
            }
            (_, status) => Err(status::error(status)),
        };
        if status::asks_for_a_pause(pdu.status) {
            self.pause = Some(Box::pin(sleep(status::PAUSE)));
        }
        let _nobody_waits = answer.send(outcome);
        if pdu.status == status::NOT_BOUND { Err(Ended::Unbound) } else { Ok(()) }
    }

    async fn beat(&mut self, beats: u64, shared: &Shared) -> Result<(), Ended> {
        // As many again as the window holds may be answered late; a message centre that answers less is of no use.
        if self.unanswered.len() - self.waited_for() > shared.window {
            return Err(Ended::Silent);
        }
        if !beats.is_multiple_of(shared.enquire) {
            return Ok(());
        }
        if !self.was_heard {
            return Err(Ended::Silent);
        }
        self.was_heard = false;
        let sequence = self.next();
        self.write(&Pdu::new(command::ENQUIRE_LINK, sequence, Bytes::new()), shared.patience).await
    }

    /// Submissions whose answer somebody waits for. The others fill the window no more: it must not stay closed because of
    /// answers that never come.
    fn waited_for(&self) -> usize {
        self.unanswered.values().filter(|submission| !submission.answer.is_closed()).count()
    }

    async fn fill(&mut self) -> Result<(), Ended> {
        match self.line.read_buf(&mut self.read).await? {
            0 => Err(Ended::Closed),
            _ => Ok(()),
        }
    }

    async fn write(&mut self, pdu: &Pdu, patience: Duration) -> Result<(), Ended> {
        let bytes = pdu.bytes();
        let written = async {
            self.line.write_all(&bytes).await?;
            self.line.flush().await
        };
        Ok(timeout(patience, written).await.map_err(|_| Ended::Silent)??)
    }

    /// The number of the next question: 1 to 0x7fffffff.
    fn next(&mut self) -> u32 {
        self.sequence = self.sequence % 0x7fff_ffff + 1;
        self.sequence
    }
}

/// Waits for the end of a pause, for ever where there is none.
async fn over(pause: &mut Option<Pin<Box<Sleep>>>) {
    match pause {
        Some(pause) => pause.await,
        None => pending().await,
    }
}

impl Shared {
    /// Keeps what became of a piece; the status with which its receipt is answered.
    async fn kept(&self, id: String, delivery: Delivery) -> u32 {
        let mut wait = WAIT;
        for _ in 0..TRIES {
            // Asked anew each time: the answer to the message's last piece may have come meanwhile.
            let Heard::Became(name, delivery) = self.ledger.hear(&id, delivery.clone()) else { return status::OK };
            match self.reports.keep(&name, delivery).await {
                Ok(()) => {
                    self.ledger.told(&id);
                    return status::OK;
                }
                Err(ReportError::Unavailable) => return status::LATER,
                Err(ReportError::Unknown) => {}
            }
            sleep(wait).await;
            wait *= 2;
        }
        // Of another system under the same name, or forgotten: nobody will ever know it.
        status::OK
    }
}

#[cfg(test)]
mod tests;
