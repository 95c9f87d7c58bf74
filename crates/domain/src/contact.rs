//! A way to reach a person: a phone number or an e-mail address.

use subtle::ConstantTimeEq as _;

use crate::calling_code::{self, CallingCode};
use crate::code::{CodeId, Digits};
use crate::message::{MessageId, SenderName};
use crate::network::Network;
use crate::ports::Entropy;
use crate::sealing::{MasterKey, NotOurs, mac};
use crate::secret::Secret;

mod address;

pub(crate) use address::{host, is_hidden};

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

    /// The channel that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Sms, Self::Email].into_iter().find(|channel| channel.word() == word)
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
    /// types it in two ways does. Its domain gets the form in which it is looked up, however it is spelled. A number keeps its
    /// digits and a leading plus; `00` in front is read as the plus, and a trunk zero behind the calling code is dropped.
    ///
    /// # Errors
    /// [`NotAContact`] for an address that RFC 5321 and RFC 6531 do not know as `name@domain`, or whose name is quoted; and for
    /// a number of fewer than 5 or more than 15 digits (E.164) or with anything but digits, spaces, hyphens and that plus.
    pub fn parse(text: &str) -> Result<Self, NotAContact> {
        let text = text.trim();
        if text.contains('@') { Self::address(text) } else { Self::parse_number(text) }
    }

    /// Reads an e-mail address, and no number.
    ///
    /// # Errors
    /// [`NotAContact`], as [`parse`](Self::parse).
    pub fn address(text: &str) -> Result<Self, NotAContact> {
        let normalised = address::normal(text.trim()).ok_or(NotAContact)?;
        Ok(Self { channel: Channel::Email, normalised: Secret::new(normalised) })
    }

    /// Reads a phone number where the calling code is asked for on its own: `86` and `139 1234 5678`. The result is the one form
    /// of E.164, however either is written: full-width digits count, the calling code may have its `+` or `00`, the number a
    /// trunk zero where that is no part of it, or the whole calling code once more behind a `+` or `00`.
    ///
    /// # Errors
    /// [`NotAContact`] for a calling code that there is none of, and for what cannot be a number there.
    pub fn number(calling_code: &str, national: &str) -> Result<Self, NotAContact> {
        let (_, digits) = dialled(calling_code)?;
        let code = calling_code::exactly(&digits).ok_or(NotAContact)?;
        let (is_international, mut digits) = dialled(national)?;
        if is_international {
            // Where a longer calling code begins with this one, the number is of another place.
            if calling_code::of(&digits) != Some(code) {
                return Err(NotAContact);
            }
            digits.drain(..code.number().to_string().len());
        }
        let national = code.without_trunk_zero(&digits).filter(|national| code.can_be(national)).ok_or(NotAContact)?;
        Ok(Self { channel: Channel::Sms, normalised: Secret::new(format!("+{}{national}", code.number())) })
    }

    fn parse_number(text: &str) -> Result<Self, NotAContact> {
        let (is_international, mut digits) = dialled(text)?;
        if is_international {
            digits = calling_code::without_trunk_zero(&digits).ok_or(NotAContact)?;
        }
        if !(5..=15).contains(&digits.len()) {
            return Err(NotAContact);
        }
        if is_international {
            digits.insert(0, '+');
        }
        Ok(Self { channel: Channel::Sms, normalised: Secret::new(digits) })
    }

    /// The calling code of a number that has one.
    pub fn calling_code(&self) -> Option<&'static CallingCode> {
        self.normalised().strip_prefix('+').and_then(calling_code::of)
    }

    /// Whether a number can be dialled from everywhere: it has its calling code, and as many digits behind it as there are there.
    pub fn is_possible(&self) -> bool {
        let national = |code: &CallingCode| self.normalised().get(1 + code.number().to_string().len()..);
        self.calling_code().is_some_and(|code| national(code).is_some_and(|digits| code.can_be(digits)))
    }

    /// How this contact is reached.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The contact with its middle left out, for people who look after somebody's trouble: `+86139****5678`, `a***@example.com`.
    pub fn masked(&self) -> String {
        let text = self.normalised();
        let (head, tail) = match (self.channel, text.rsplit_once('@')) {
            (Channel::Email, Some((mailbox, host))) => {
                let first = mailbox.chars().next().map_or(0, char::len_utf8);
                return format!("{}***@{host}", &mailbox[..first]);
            }
            (Channel::Email | Channel::Sms, _) => (text.len().saturating_sub(8).min(6), text.len().saturating_sub(4)),
        };
        format!("{}****{}", text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default())
    }

    /// The form in which contacts are compared. Never log it.
    pub fn normalised(&self) -> &str {
        self.normalised.expose()
    }
}

/// The digits of a number as somebody writes it, and whether it began with `+` or `00`.
fn dialled(text: &str) -> Result<(bool, String), NotAContact> {
    let mut plain = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '0'..='9' | '+' => plain.push(character),
            '\u{ff10}'..='\u{ff19}' => plain.extend(char::from_digit(u32::from(character) - 0xff10, 10)),
            '\u{ff0b}' => plain.push('+'),
            ' ' | '-' => {}
            _ => return Err(NotAContact),
        }
    }
    let rest = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
    let (is_international, digits) = rest.map_or((false, plain.as_str()), |rest| (true, rest));
    if digits.contains('+') { Err(NotAContact) } else { Ok((is_international, digits.to_owned())) }
}

/// A contact as the records find it: a keyed hash, which says nothing to whoever reads the store without the key, and is the
/// same for as long as the installation lives: budgets and verified contacts outlive every sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactKey(pub [u8; 32]);

impl std::fmt::Display for ContactKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The installation's keys for contacts and what is sent to them, derived from one secret of 32 bytes.
pub struct ContactKeys {
    index: Secret<[u8; 32]>,
    seal: MasterKey,
    deliveries: Secret<[u8; 32]>,
}

impl ContactKeys {
    /// What the secret is called in the records.
    pub const NAME: &str = "contacts";

    /// The keys that follow from the installation's secret.
    pub fn new(secret: &Secret<[u8; 32]>) -> Self {
        let derived = |label: &[u8]| Secret::new(mac(secret.expose(), &[b"countersign contacts ", label]));
        Self {
            index: derived(b"index"),
            seal: MasterKey::new(derived(b"seal"), None),
            deliveries: derived(b"deliveries"),
        }
    }

    /// Under what `contact` is kept.
    pub fn key(&self, contact: &Contact) -> ContactKey {
        let parts = [contact.channel().word().as_bytes(), b"\0", contact.normalised().as_bytes()];
        ContactKey(mac(self.index.expose(), &parts))
    }

    /// Under what a number is counted without its last digits: most of a number is a number to whoever guesses the rest.
    pub fn prefix(&self, digits: &str) -> ContactKey {
        ContactKey(mac(self.index.expose(), &[b"prefix\0", digits.as_bytes()]))
    }

    /// Under what a network is counted: the same for as long as the installation lives, like a contact's.
    pub fn network(&self, network: Network) -> ContactKey {
        ContactKey(mac(self.index.expose(), &[b"network\0", network.to_string().as_bytes()]))
    }

    /// What this sender's gateway shows when it tells of the message's delivery on this try: nobody can make it up.
    pub fn delivery_proof(&self, id: MessageId, attempt: u32, sender: &SenderName) -> [u8; 16] {
        let mut proof = [0; 16];
        let parts: [&[u8]; 3] = [&id.0, &attempt.to_be_bytes(), sender.as_str().as_bytes()];
        proof.copy_from_slice(&mac(self.deliveries.expose(), &parts)[..16]);
        proof
    }

    /// Whether `proof` is this try's, in constant time.
    pub fn is_delivery_proof(&self, id: MessageId, attempt: u32, sender: &SenderName, proof: &[u8; 16]) -> bool {
        self.delivery_proof(id, attempt, sender).ct_eq(proof).into()
    }

    /// Seals a contact, for the rows that are about it.
    ///
    /// # Errors
    /// [`NotOurs`], which nothing of a contact's length gets.
    pub fn seal_contact(&self, contact: &Contact, entropy: &dyn Entropy) -> Result<Vec<u8>, NotOurs> {
        self.seal.seal(&contact_place(self.key(contact)), contact.normalised().as_bytes(), entropy)
    }

    /// Opens what [`seal_contact`](Self::seal_contact) sealed for the contact that is kept under `key`.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn open_contact(&self, key: ContactKey, sealed: &[u8]) -> Result<Contact, NotOurs> {
        let plain = self.seal.open(&contact_place(key), sealed)?;
        let text = std::str::from_utf8(plain.expose()).map_err(|_| NotOurs)?;
        Contact::parse(text).map_err(|_| NotOurs)
    }

    /// Seals a code's digits, for its row.
    ///
    /// # Errors
    /// [`NotOurs`], which nothing of a code's length gets.
    pub fn seal_digits(&self, id: CodeId, digits: &Digits, entropy: &dyn Entropy) -> Result<Vec<u8>, NotOurs> {
        self.seal.seal(&digits_place(id), digits.expose().as_bytes(), entropy)
    }

    /// Opens what [`seal_digits`](Self::seal_digits) sealed for the code `id`.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn open_digits(&self, id: CodeId, sealed: &[u8]) -> Result<Digits, NotOurs> {
        let plain = self.seal.open(&digits_place(id), sealed)?;
        std::str::from_utf8(plain.expose()).ok().and_then(Digits::read).ok_or(NotOurs)
    }
}

fn contact_place(key: ContactKey) -> String {
    format!("contact/{key}")
}

fn digits_place(id: CodeId) -> String {
    format!("code/{id}/digits")
}

#[cfg(test)]
mod tests;
