use std::time::Duration;

use async_trait::async_trait;

use crate::code::{Code, CodeId, LONGEST};
use crate::contact::Channel;
use crate::language::Language;
use crate::message::{MessageId, SenderName};
use crate::ports::RecordsError;
use crate::time::Timestamp;

/// How a message is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// It is to be sent.
    Waiting,
    /// A sender has taken it.
    Sent,
    /// The gateway says that it arrived.
    Delivered,
    /// The gateway says that it did not arrive, and no other sender was left.
    Undelivered,
    /// Every sender refused it.
    Failed,
    /// Its code's time was over before it was sent.
    Expired,
    /// Its code ended before it was sent.
    Obsolete,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Sent, Self::Delivered, Self::Undelivered, Self::Failed, Self::Expired, Self::Obsolete];

    /// The word at rest and in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Obsolete => "obsolete",
        }
    }

    /// The state that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its name.
    pub id: MessageId,
    /// The code that it carries.
    pub code: CodeId,
    /// The sender whose turn it is, or that took it.
    pub lane: SenderName,
    /// The language of its words.
    pub language: Language,
    /// How it is doing.
    pub state: MessageState,
    /// How often it was tried, by all senders.
    pub tries: u32,
    /// How often the present sender has tried in its turn.
    pub turn: u32,
    /// How many tries ended in doubt.
    pub doubts: u32,
    /// The senders that will not take it.
    pub refused: Vec<SenderName>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its turn comes next; of one that waits no more, when that was settled.
    pub due_at: Timestamp,
    /// What the gateway calls it.
    pub gateway_id: Option<String>,
    /// What was said when it did not go.
    pub reason: Option<String>,
}

/// A message that a worker has taken. Until `until` no other gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The message.
    pub message: MessageRow,
    /// Its code, live when the message was taken.
    pub code: Code,
    /// When the lease ends: a worker that died holds a message up for no longer.
    pub until: Timestamp,
}

/// What became of a message in a sender's hands, or of one that a sender had taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The sender took it.
    Sent {
        /// Which one.
        lane: SenderName,
        /// What the gateway calls it.
        gateway_id: Option<String>,
        /// What was seen, where nobody can know and it is taken for sent.
        reason: Option<String>,
    },
    /// It goes again.
    Again {
        /// With this sender.
        lane: SenderName,
        /// Then.
        due_at: Timestamp,
        /// How often it was tried, by all senders.
        tries: u32,
        /// How often this sender has tried in its turn.
        turn: u32,
        /// How many tries ended in doubt.
        doubts: u32,
        /// The senders that will not take it.
        refused: Vec<SenderName>,
        /// What was said.
        reason: String,
    },
    /// No sender is left.
    Failed {
        /// What the last one said.
        reason: String,
    },
}

/// What a sender's gateway says of a message's delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Which message.
    pub id: MessageId,
    /// The sender that says so.
    pub lane: SenderName,
    /// Of which try: see [`Message::attempt`](crate::message::Message::attempt).
    pub attempt: u32,
    /// Why it did not arrive; `None` if it did.
    pub undelivered: Option<String>,
    /// The sender that takes over then, if there is one.
    pub next: Option<SenderName>,
}

/// No message waits longer than this for its turn: longer, and its code is over. One that seems to was put there while a clock was
/// ahead, and is due.
pub const LONGEST_WAIT: Duration = LONGEST;

/// Verbs about messages on their way.
#[async_trait]
pub trait OutboxRecords: Send + Sync {
    /// Takes up to `limit` messages of a lane that are due at `now` (or later than [`LONGEST_WAIT`]), the oldest first, until
    /// `until`. Those whose code ended or whose time is over are not among them.
    async fn lease_messages(
        &self,
        lane: SenderName,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Leased>, RecordsError>;

    /// Settles a message that was taken until `until`. [`Settlement::Sent`] counts also when the lease is over; the others only
    /// while it holds, because another worker may have the message now. [`RecordsError::Changed`] where it does not count.
    async fn settle_message(
        &self,
        id: MessageId,
        until: Timestamp,
        now: Timestamp,
        settlement: Settlement,
    ) -> Result<(), RecordsError>;

    /// Keeps what a gateway says of a message, and returns what that came to; `None` where it changed nothing.
    ///
    /// What arrived has arrived, whoever brought it and whatever else is known: it is not sent again. That it did not arrive
    /// counts of the try that sent it, from the sender whose turn it is: it waits for the next one, or is undelivered where
    /// there is none or its code is over. What is told of an earlier try changes nothing: a later one has taken its place.
    /// [`RecordsError::Missing`] if there is no such message; [`RecordsError::Changed`] if that try is not known to have ended
    /// yet.
    async fn keep_delivery(&self, report: DeliveryReport, now: Timestamp)
    -> Result<Option<MessageState>, RecordsError>;

    /// One message and its code. [`RecordsError::Missing`] if there is none.
    async fn message(&self, id: MessageId) -> Result<(MessageRow, Code), RecordsError>;

    /// The message that the gateway of `lane` calls `gateway_id`, and the try that it took; the newest where it has used that
    /// name twice. It is found whoever has the message by now. [`RecordsError::Missing`] if there is none.
    async fn message_called(&self, lane: SenderName, gateway_id: String) -> Result<(MessageId, u32), RecordsError>;

    /// The messages of a code, newest first.
    async fn messages_of(&self, code: CodeId) -> Result<Vec<MessageRow>, RecordsError>;
}

/// Verbs that keep the outbox in order.
#[async_trait]
pub trait OutboxKeeping: Send + Sync {
    /// Some messages that wait in lanes that are not among `lanes`: the operator took their sender away.
    async fn orphans(&self, lanes: Vec<SenderName>) -> Result<Vec<(MessageRow, Code)>, RecordsError>;

    /// Some messages that `lane` sent before `before`, of whose delivery nothing was told, and whose code is live at `now`; the
    /// oldest first, and none that was [left](Self::leave_messages).
    async fn silent_messages(
        &self,
        lane: SenderName,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(MessageRow, Code)>, RecordsError>;

    /// Leaves messages with their sender, however silent its gateway is: nobody else could take them. They are not found again.
    async fn leave_messages(&self, ids: Vec<MessageId>) -> Result<(), RecordsError>;

    /// Gives a message that waits to another sender; where there is none, it has failed. [`RecordsError::Missing`] if it waits no
    /// more.
    async fn adopt_message(&self, id: MessageId, now: Timestamp, heir: Option<SenderName>) -> Result<(), RecordsError>;

    /// Messages whose code's time is over at `now` are expired, some at once, and the digits of codes whose time is over are
    /// forgotten. Returns how many messages that were, by channel.
    async fn expire_messages(&self, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError>;

    /// Some of the oldest codes that were made before `before` and are not live are forgotten, and their messages; contacts that
    /// were verified before `verified_before`; and calls and accounts that do not matter any more. A pass is short, because it
    /// shares the store with sends: whether there is more to forget, it returns.
    async fn forget_codes(
        &self,
        now: Timestamp,
        before: Timestamp,
        verified_before: Timestamp,
    ) -> Result<bool, RecordsError>;
}
