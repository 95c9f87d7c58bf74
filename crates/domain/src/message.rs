//! A message: a code on its way to a contact, in words.

use crate::app::AppId;
use crate::code::{CodePurpose, Digits, Requester, Resource};
use crate::contact::{Channel, Contact};
use crate::hex_id;
use crate::language::Language;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Names a message where its contents must not stand: 16 random bytes, written as 32 hexadecimal digits. A message keeps its
/// name on every try and with every sender: it is the e-mail's Message-ID and the webhook's id, so that whoever gets it twice
/// can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// Reads 32 hexadecimal digits; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        hex_id::parse(text).map(Self)
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        hex_id::write(self.0, formatter)
    }
}

/// The name of a sender as the operator calls it: 1 to 32 characters of `[a-z0-9_-]`. It is the name of its lane, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SenderName(String);

impl SenderName {
    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        ((1..=32).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SenderName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a message is about: what its words are made from.
pub struct Subject {
    /// Whose app sends it.
    pub app: AppId,
    /// What its owner calls the app.
    pub app_name: String,
    /// What the code is for.
    pub purpose: CodePurpose,
    /// What it gives access to, if it is for one thing only.
    pub resource: Option<Resource>,
    /// Who asks for it, where the person does not.
    pub requester: Option<Requester>,
    /// The code.
    pub digits: Digits,
    /// How long it holds from now on, in whole minutes, at least 1.
    pub minutes: u32,
    /// How it travels.
    pub channel: Channel,
    /// The language of its words.
    pub language: Language,
}

/// A message in words.
pub struct Text {
    /// An e-mail's subject, one line; empty in a text message.
    pub subject: Secret<String>,
    /// What the person reads.
    pub body: Secret<String>,
}

/// A message that is ready to be sent.
pub struct Message {
    /// Its name, the same on every try.
    pub id: MessageId,
    /// Which try this is, of all senders': 1 is the first. What a gateway tells of an earlier one says nothing about this.
    pub attempt: u32,
    /// To whom.
    pub to: Contact,
    /// What it is about, for gateways that have their own words and want the parts.
    pub about: Subject,
    /// Its words.
    pub text: Text,
    /// From then on it must not be sent.
    pub expires_at: Timestamp,
}
