use std::time::Duration;

use crate::code::Digits;
use crate::contact::{Channel, Contact};
use crate::message::{Message, MessageId, SenderName, Subject};
use crate::operations::CodePorts;
use crate::operations::send_code::whole_minutes;
use crate::ports::{
    Delivery, DeliveryReport, Event, Leased, MessageRow, MessageState, Receipt, RecordsError, SendError, Sender,
    Settlement,
};
use crate::time::Timestamp;

/// Works off the outbox: takes messages, hands them to their senders, and keeps what became of them.
pub struct DeliverMessages {
    ports: CodePorts,
    policy: DeliveryPolicy,
}

/// How persistent a sender is.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryPolicy {
    /// How often one sender tries before the next one takes over, where there is one.
    pub tries_per_sender: u32,
    /// How long a sender waits after its first try. Twice as long after each further one.
    pub first_pause: Duration,
    /// But no longer than this.
    pub longest_pause: Duration,
}

/// How many tries may end in doubt before the message is taken for sent. Each may have brought it, and may have cost.
const MOST_DOUBTS: u32 = 3;

/// How much longer than its sender's deadline a message stays in a worker's hands: or it would be sent while it is being sent.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

impl DeliveryPolicy {
    /// What the default settings say.
    pub const DEFAULT: Self =
        Self { tries_per_sender: 2, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(30) };
}

/// Why a gateway's word about a delivery was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepDeliveryError {
    /// There is no such message.
    #[error("there is no such message")]
    Unknown,
    /// The gateway was quicker than the answer to the send: it must say so again in a moment.
    #[error("the message is not known to be sent yet")]
    TooSoon,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl DeliverMessages {
    /// The operation over these ports.
    pub fn new(ports: CodePorts, policy: DeliveryPolicy) -> Self {
        Self { ports, policy }
    }

    /// Takes up to `limit` messages of a lane that are due, for a sender that answers within `deadline`. A worker that dies holds
    /// them up for that long and a little more.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn take(&self, lane: &SenderName, limit: u32, deadline: Duration) -> Result<Vec<Leased>, RecordsError> {
        let now = self.ports.clock.now();
        let until = now.plus(deadline).plus(LEASE_MARGIN);
        self.ports.records.lease_messages(lane.clone(), now, until, limit).await
    }

    /// Hands a message that was taken to `sender`, and keeps what became of it. It is sent first and settled then: a crash in
    /// between sends it once more, under the same name, and none is lost.
    ///
    /// # Errors
    /// [`RecordsError`]; then the message goes again once its lease is over.
    pub async fn deliver(&self, leased: Leased, sender: &dyn Sender) -> Result<(), RecordsError> {
        let channel = leased.code.channel;
        let (contact, message) = match self.message(&leased) {
            Ok(message) => message,
            Err(reason) => return self.settle(&leased, Settlement::Failed { reason }, channel).await,
        };
        // The lane may have been long: what would be late on arrival is not sent. The next look at the lane tells it expired.
        if self.ports.clock.now() >= leased.code.expires_at {
            return Ok(());
        }
        let outcome = sender.send(&message).await;
        let settlement = self.settlement(&leased.message, &contact, outcome);
        self.settle(&leased, settlement, channel).await
    }

    async fn settle(&self, leased: &Leased, settlement: Settlement, channel: Channel) -> Result<(), RecordsError> {
        let event = match &settlement {
            Settlement::Sent { .. } => Event::MessageSettled(channel, MessageState::Sent),
            Settlement::Again { .. } => Event::MessageSettled(channel, MessageState::Waiting),
            Settlement::Failed { .. } => Event::MessageSettled(channel, MessageState::Failed),
        };
        let now = self.ports.clock.now();
        match self.ports.records.settle_message(leased.message.id, leased.until, now, settlement).await {
            // Another worker has it now, or its code ended meanwhile.
            Err(RecordsError::Changed) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.ports.tally.count(event);
                Ok(())
            }
        }
    }

    /// The message in words, or why it can never be sent.
    fn message(&self, leased: &Leased) -> Result<(Contact, Message), String> {
        let Leased { message: row, code, .. } = leased;
        let ports = &self.ports;
        let unreadable = |what: &str| format!("the {what} cannot be opened with this installation's keys");
        let contact = ports.keys.open_contact(code.binding.contact, &code.sealed_contact);
        let contact = contact.map_err(|_| unreadable("contact"))?;
        let sealed = code.sealed_digits.as_deref().unwrap_or_default();
        let digits: Digits = ports.keys.open_digits(code.id, sealed).map_err(|_| unreadable("code"))?;
        let app = ports.directory.app(&code.binding.app);
        let about = Subject {
            app: code.binding.app.clone(),
            app_name: app.map_or_else(String::new, |app| app.name.clone()),
            purpose: code.binding.purpose.clone(),
            resource: code.binding.resource.clone(),
            requester: code.requester.clone(),
            digits,
            minutes: whole_minutes(code.expires_at.since(ports.clock.now())),
            channel: code.channel,
            language: row.language,
        };
        let text = ports.templates.text(&about).map_err(|error| error.to_string())?;
        let (id, attempt, to) = (row.id, row.tries + 1, contact.clone());
        let message = Message { id, attempt, to, about, text, expires_at: code.expires_at };
        Ok((contact, message))
    }

    fn settlement(&self, row: &MessageRow, contact: &Contact, outcome: Result<Receipt, SendError>) -> Settlement {
        let MessageRow { turn, doubts, .. } = *row;
        let lane = row.lane.clone();
        match outcome {
            Ok(Receipt { gateway_id }) => Settlement::Sent { lane, gateway_id, reason: None },
            Err(SendError::Permanent { reason }) => {
                let refused: Vec<_> = row.refused.iter().cloned().chain([lane]).collect();
                match self.next(row, contact, &refused) {
                    None => Settlement::Failed { reason },
                    Some((lane, due_at)) => {
                        Settlement::Again { lane, due_at, tries: row.tries + 1, turn: 0, doubts, refused, reason }
                    }
                }
            }
            Err(SendError::Doubtful { reason }) if doubts + 1 >= MOST_DOUBTS => {
                Settlement::Sent { lane, gateway_id: None, reason: Some(reason) }
            }
            // Better twice than not at all: the next sender has it at once, where there is one.
            Err(SendError::Doubtful { reason }) => {
                let stays = || (lane, self.ports.clock.now().plus(self.pause(row.tries + 1)), turn + 1);
                let next = self.next(row, contact, &row.refused);
                let (lane, due_at, turn) = next.map_or_else(stays, |(lane, due_at)| (lane, due_at, 0));
                let (tries, doubts, refused) = (row.tries + 1, doubts + 1, row.refused.clone());
                Settlement::Again { lane, due_at, tries, turn, doubts, refused, reason }
            }
            Err(SendError::Transient { reason, retry_after }) => {
                let wanted = retry_after.unwrap_or_default();
                // A peer that wants to be left alone for longer than we would leave it has had its turn.
                let is_over = turn + 1 >= self.policy.tries_per_sender || wanted > self.policy.longest_pause;
                let next = if is_over { self.next(row, contact, &row.refused) } else { None };
                let stays = || {
                    let pause = self.pause(row.tries + 1).max(wanted.min(self.policy.longest_pause));
                    (lane, self.ports.clock.now().plus(pause), turn + 1)
                };
                let (lane, due_at, turn) = next.map_or_else(stays, |(lane, due_at)| (lane, due_at, 0));
                let (tries, refused) = (row.tries + 1, row.refused.clone());
                Settlement::Again { lane, due_at, tries, turn, doubts, refused, reason }
            }
        }
    }

    /// The sender that takes over, and when: at once, or where all have had their turn, after a pause.
    fn next(&self, row: &MessageRow, contact: &Contact, refused: &[SenderName]) -> Option<(SenderName, Timestamp)> {
        let routes = &self.ports.routes;
        let lane = routes.after(&row.lane, contact, refused)?;
        let place = |of: &SenderName| routes.to(contact).position(|sender| sender == of);
        let is_next_round = place(&lane) < place(&row.lane);
        let now = self.ports.clock.now();
        let due_at = if is_next_round { now.plus(self.pause(row.tries + 1)) } else { now };
        Some((lane, due_at))
    }

    /// How long a sender waits after so many tries: twice as long each time, and up to a quarter longer by chance, so that a
    /// sender that comes back does not meet all of them at once.
    fn pause(&self, tries: u32) -> Duration {
        let doubled = self.policy.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let pause = doubled.min(self.policy.longest_pause);
        let [chance] = self.ports.entropy.array::<1>();
        pause + pause.mul_f64(f64::from(chance) / 1024.0)
    }

    /// Keeps what the gateway of `lane` says of a message, of this try.
    ///
    /// # Errors
    /// [`KeepDeliveryError`].
    pub async fn keep_delivery(
        &self,
        id: MessageId,
        lane: &SenderName,
        attempt: u32,
        delivery: Delivery,
    ) -> Result<(), KeepDeliveryError> {
        let ports = &self.ports;
        let missing = |error| match error {
            RecordsError::Missing => KeepDeliveryError::Unknown,
            RecordsError::Changed => KeepDeliveryError::TooSoon,
            error => KeepDeliveryError::Records(error),
        };
        let (row, code) = ports.records.message(id).await.map_err(missing)?;
        let contact = ports.keys.open_contact(code.binding.contact, &code.sealed_contact);
        let mut refused = row.refused.clone();
        refused.push(lane.clone());
        let next = contact.ok().and_then(|contact| ports.routes.after(lane, &contact, &refused));
        let undelivered = match delivery {
            Delivery::Delivered => None,
            Delivery::Undelivered(reason) => Some(reason),
        };
        let report = DeliveryReport { id, lane: lane.clone(), attempt, undelivered, next };
        if let Some(state) = ports.records.keep_delivery(report, ports.clock.now()).await.map_err(missing)? {
            ports.tally.count(Event::MessageSettled(code.channel, state));
        }
        Ok(())
    }

    /// Keeps what the gateway of `lane` says of the message that it calls `gateway_id`.
    ///
    /// # Errors
    /// [`KeepDeliveryError`].
    pub async fn keep_report(
        &self,
        lane: &SenderName,
        gateway_id: &str,
        delivery: Delivery,
    ) -> Result<(), KeepDeliveryError> {
        let called = self.ports.records.message_called(lane.clone(), gateway_id.to_owned()).await;
        let (id, attempt) = called.map_err(|error| match error {
            RecordsError::Missing => KeepDeliveryError::Unknown,
            error => KeepDeliveryError::Records(error),
        })?;
        self.keep_delivery(id, lane, attempt, delivery).await
    }
}
