use std::time::Duration;

use async_trait::async_trait;

use crate::message::{Message, Subject, Text};

/// What a sender got for a message that it handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What the gateway calls the message, if it says: at most 128 characters. What it tells later of the delivery may name it.
    pub gateway_id: Option<String>,
}

/// Why a message was not handed over. The reasons are for operators: they hold neither the code nor the contact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may go better later: no connection, credentials that are refused, an answer of the kind 4xx (SMTP) or 5xx (HTTP). Of
    /// e-mail also what ends in doubt: the same message under the same name costs nothing.
    #[error("not now: {reason}")]
    Transient {
        /// What was said.
        reason: String,
        /// How long the peer asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// Nobody can know whether the message got through, and each try may cost: a gateway that took the call and whose answer did
    /// not come, or says nothing. The next sender has it at once, and after a few doubts it is taken for sent.
    #[error("in doubt: {reason}")]
    Doubtful {
        /// What was seen.
        reason: String,
    },
    /// This sender will never take this message: an answer of the kind 5xx (SMTP) or 4xx (HTTP).
    #[error("refused: {reason}")]
    Permanent {
        /// What was said.
        reason: String,
    },
}

/// How much a sender does, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// It answers within this time.
    pub deadline: Duration,
    /// It takes as many messages at once.
    pub at_once: u32,
}

/// How messages travel: a mail server, a gateway, a webhook.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Hands `message` over. Answers within the sender's own deadline, whatever its peer does.
    ///
    /// # Errors
    /// [`SendError`].
    async fn send(&self, message: &Message) -> Result<Receipt, SendError>;

    /// How much it does, and how fast.
    fn pace(&self) -> Pace;

    /// Asks the peer whether it is there and takes the sender's credentials, where that can be asked without a message; `false`
    /// where it cannot.
    ///
    /// # Errors
    /// [`SendError`], as a message would get it.
    async fn probe(&self) -> Result<bool, SendError> {
        Ok(false)
    }

    /// Reads what the gateway tells of a delivery: the query and the body of its call. `None` where that says nothing (an
    /// intermediate state, or none that this sender knows).
    fn delivery(&self, _query: &str, _body: &[u8]) -> Option<Delivery> {
        None
    }
}

/// What a gateway tells of a message's delivery. Which message, the address that it calls says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It has arrived.
    Delivered,
    /// It has not and will not; why, in the gateway's words.
    Undelivered(String),
}

/// Who keeps what a sender hears of deliveries on a connection of its own, where gateways name messages in their own words.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Keeps what became of the message that the gateway calls `gateway_id`: the [`Receipt`]'s.
    ///
    /// # Errors
    /// [`ReportError`]. The gateway must not be told that it was heard.
    async fn keep(&self, gateway_id: &str, delivery: Delivery) -> Result<(), ReportError>;
}

/// Why what a sender heard was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// No message is known by this name. It may be in a moment: a gateway can be quicker than what we keep of its answer.
    #[error("no message is known by this name")]
    Unknown,
    /// The records cannot be written.
    #[error("the records cannot be written")]
    Unavailable,
}

/// Where the gateway of one sender tells of deliveries.
pub trait DeliveryAddress: Send + Sync {
    /// The address for this try of the message by this sender, without a query: it holds a proof that nobody else can make.
    fn of(&self, message: &Message) -> String;
}

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template cannot be used: {0}")]
pub struct TemplateError(pub String);

/// Puts a message into words.
pub trait Templates: Send + Sync {
    /// The words, in the app's own template if it has one for the purpose and the language, else in ours.
    ///
    /// # Errors
    /// [`TemplateError`] for a template that fails, or that leaves the code out.
    fn text(&self, about: &Subject) -> Result<Text, TemplateError>;
}
