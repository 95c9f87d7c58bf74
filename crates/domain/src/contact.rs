//! A way to reach a person: a phone number or an e-mail address.

use crate::ports::Entropy;
use crate::sealing::{MasterKey, NotOurs, mac};
use crate::secret::Secret;

/// How a contact is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// By text message.
    Sms,
    /// By e-mail.
    Email,
}

impl Channel {
    /// The word for this channel in the native API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

/// A phone number or an e-mail address, in the one form in which it is compared. It has no `Debug`: contacts are never
/// logged.
#[derive(Clone)]
pub struct Contact {
    channel: Channel,
    normalised: Secret<String>,
}

/// Text that is neither a phone number nor an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a phone number nor an e-mail address")]
pub struct NotAContact;

impl Contact {
    /// Reads a contact as a person or an app writes it.
    ///
    /// An address is lower-cased as a whole: that two people share one but for its case does not happen, that one person
    /// types it in two ways does. A number keeps its digits and a leading plus; `00` in front is read as the plus.
    ///
    /// # Errors
    /// [`NotAContact`] for an address without an `@`, with white space or over 254 bytes (RFC 5321), and for a number of
    /// fewer than 5 or more than 15 digits (E.164) or with anything but digits, spaces, hyphens and that plus.
    pub fn parse(text: &str) -> Result<Self, NotAContact> {
        let text = text.trim();
        if text.contains('@') { Self::parse_address(text) } else { Self::parse_number(text) }
    }

    fn parse_address(text: &str) -> Result<Self, NotAContact> {
        let (mailbox, host) = text.rsplit_once('@').ok_or(NotAContact)?;
        let readable = !text.chars().any(|character| character.is_whitespace() || character.is_control());
        if mailbox.is_empty() || mailbox.len() > 64 || host.is_empty() || text.len() > 254 || !readable {
            return Err(NotAContact);
        }
        if host.starts_with('.') || host.ends_with('.') || host.contains("..") || mailbox.contains('@') {
            return Err(NotAContact);
        }
        Ok(Self { channel: Channel::Email, normalised: Secret::new(text.to_lowercase()) })
    }

    fn parse_number(text: &str) -> Result<Self, NotAContact> {
        let mut digits = String::with_capacity(text.len());
        let (international, rest) = match (text.strip_prefix('+'), text.strip_prefix("00")) {
            (Some(rest), _) | (None, Some(rest)) => (true, rest),
            (None, None) => (false, text),
        };
        for character in rest.chars() {
            match character {
                '0'..='9' => digits.push(character),
                ' ' | '-' => {}
                _ => return Err(NotAContact),
            }
        }
        if !(5..=15).contains(&digits.len()) {
            return Err(NotAContact);
        }
        if international {
            digits.insert(0, '+');
        }
        Ok(Self { channel: Channel::Sms, normalised: Secret::new(digits) })
    }

    /// How this contact is reached.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The form in which contacts are compared. Never log it.
    pub fn normalised(&self) -> &str {
        self.normalised.expose()
    }
}

/// A contact as the records find it: a keyed hash, which says nothing to whoever reads the store without the key, and is the
/// same for as long as the installation lives: budgets and verified contacts outlive every sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactKey(pub [u8; 32]);

/// The installation's keys for contacts and what is sent to them, derived from one secret of 32 bytes.
pub struct ContactKeys {
    index: Secret<[u8; 32]>,
    seal: MasterKey,
}

impl ContactKeys {
    /// What the secret is called in the records.
    pub const NAME: &str = "contacts";

    /// The keys that follow from the installation's secret.
    pub fn new(secret: &Secret<[u8; 32]>) -> Self {
        let derived = |label: &[u8]| Secret::new(mac(secret.expose(), &[b"countersign contacts ", label]));
        Self { index: derived(b"index"), seal: MasterKey::new(derived(b"seal"), None) }
    }

    /// Under what `contact` is kept.
    pub fn key(&self, contact: &Contact) -> ContactKey {
        let parts = [contact.channel().word().as_bytes(), b"\0", contact.normalised().as_bytes()];
        ContactKey(mac(self.index.expose(), &parts))
    }

    /// Seals what is sent to a contact, for the row that `place` names.
    ///
    /// # Errors
    /// [`NotOurs`], which nothing of a message's length gets.
    pub fn seal(&self, place: &str, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, NotOurs> {
        self.seal.seal(place, plain, entropy)
    }

    /// Opens what [`seal`](Self::seal) sealed for `place`.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, NotOurs> {
        self.seal.open(place, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_contact_in_several_spellings_is_one() {
        for (written, normalised) in [
            ("13912345678", "13912345678"),
            (" 139-1234 5678 ", "13912345678"),
            ("+86 139 1234 5678", "+8613912345678"),
            ("008613912345678", "+8613912345678"),
            ("Ann@Example.COM", "ann@example.com"),
        ] {
            assert_eq!(Contact::parse(written).unwrap().normalised(), normalised, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_no_contact() {
        for written in ["", "1234", "1391234567a", "+", "1234567890123456", "@example.com", "ann@", "a b@example.com"] {
            assert!(Contact::parse(written).is_err(), "{written}");
        }
        assert!(Contact::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
        assert!(Contact::parse("ann@exa..mple").is_err());
    }
}
