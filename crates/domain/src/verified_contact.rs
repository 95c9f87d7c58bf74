//! A verified contact: somebody typed in the code that was sent there.

use crate::app::AppId;
use crate::contact::{Channel, ContactKey};
use crate::hex_id;
use crate::ports::Entropy;
use crate::time::Timestamp;

/// Names a verified contact: 16 random bytes, written as 32 hexadecimal digits. It is what a later call shows for the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifiedId(pub [u8; 16]);

impl VerifiedId {
    /// A fresh id.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(entropy.array())
    }

    /// Reads 32 hexadecimal digits; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        hex_id::parse(text).map(Self)
    }
}

impl std::fmt::Display for VerifiedId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        hex_id::write(self.0, formatter)
    }
}

/// The app's own name for whoever a contact belongs to: at most 64 printable characters of ASCII; empty where the app keeps
/// nobody apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Customer(String);

impl Customer {
    /// The customer, if `text` can name one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A verified contact as it is kept: one row for each app, customer and contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedContact {
    /// Its name. It stays when the contact is verified again.
    pub id: VerifiedId,
    /// Whose app verified it.
    pub app: AppId,
    /// Whose contact it is.
    pub customer: Customer,
    /// Which contact.
    pub contact: ContactKey,
    /// How it is reached.
    pub channel: Channel,
    /// The contact, sealed by [`ContactKeys::seal_contact`](crate::contact::ContactKeys::seal_contact).
    pub sealed_contact: Vec<u8>,
    /// When that was last shown.
    pub verified_at: Timestamp,
}
