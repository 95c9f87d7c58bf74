//! Accounts and what they own, as far as an app has to know: whose consent it takes to use a resource, and where to ask.
//!
//! Every app has a directory of its own. One account of it may be the app's: what that owns, the app's keys use as they like.
//! For what others own it takes a [`code`](crate::code) that was sent to the owner, wherever the directory says, and never where
//! a caller says.

use crate::app::AppId;
use crate::code::Resource;
use crate::contact::{ContactKey, is_hidden};
use crate::language::Language;
use crate::network::Network;
use crate::time::Timestamp;

/// The number of an account: 1 to 17 digits, none of them in front of it a zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

impl AccountId {
    /// The account of this number; `None` for 0 and for more than 17 digits.
    pub fn from_number(number: u64) -> Option<Self> {
        (1..100_000_000_000_000_000).contains(&number).then_some(Self(number))
    }

    /// Reads digits, and nothing that merely looks like a number.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        plain.then(|| text.parse().ok()).flatten().and_then(Self::from_number)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// What an account is called, for people only: 1 to 64 characters, no space at either end, none that is hidden or turns the
/// text: owners read it where they are asked for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountName(String);

impl AccountName {
    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(is_hidden);
        (fits && text.trim() == text).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// In whose directory it is.
    pub app: AppId,
    /// Its number: one of a kind in the directory.
    pub id: AccountId,
    /// What it is called.
    pub name: AccountName,
    /// Whether it is the app's own. At most one of a directory is.
    pub is_own: bool,
    /// Where its owner is asked.
    pub contact: ContactKey,
    /// The same, sealed by [`ContactKeys::seal_contact`](crate::contact::ContactKeys::seal_contact).
    pub sealed_contact: Vec<u8>,
    /// The language in which its owner is asked.
    pub language: Language,
    /// When it was put into the directory.
    pub created_at: Timestamp,
}

impl Account {
    /// What is other than it was, for the audit trail: names, and no values. `None` where nothing is.
    pub fn changes(&self, before: Option<&Self>) -> Option<String> {
        let Some(before) = before else { return Some("new".to_owned()) };
        let changes = [
            (self.name != before.name, "name"),
            (self.contact != before.contact, "contact"),
            (self.language != before.language, "language"),
            (self.is_own != before.is_own, "own"),
        ];
        let changes: Vec<_> = changes.into_iter().filter(|(is_other, _)| *is_other).map(|(_, name)| name).collect();
        (!changes.is_empty()).then(|| changes.join(" "))
    }
}

/// Networks that one resource may route to.
pub const MOST_NETWORKS: usize = 32;

/// Something that an account owns: a network of networks (a CEN, to Alibaba's clients).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedResource {
    /// In whose directory it is.
    pub app: AppId,
    /// Its name: one of a kind in the directory, so that a code for it can be a code of one owner only.
    pub id: Resource,
    /// Its owner.
    pub account: AccountId,
    /// Where it routes to, at most [`MOST_NETWORKS`].
    pub networks: Vec<Network>,
    /// When it was put into the directory.
    pub created_at: Timestamp,
}

impl OwnedResource {
    /// What is other than it was, for the audit trail. `None` where nothing is.
    pub fn changes(&self, before: Option<&Self>) -> Option<String> {
        let owner = self.account;
        match before {
            None => Some(format!("new, of {owner}")),
            Some(before) if before.account != owner => Some(format!("of {owner}, was of {}", before.account)),
            Some(before) if before.networks != self.networks => Some(format!("networks, of {owner}")),
            Some(_) => None,
        }
    }
}

/// Whose a caller says that a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The app's own account's.
    Own,
    /// This account's.
    Account(AccountId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_account_has_a_number_of_up_to_17_digits() {
        for text in ["1", "1234567890123456", "99999999999999999"] {
            assert_eq!(AccountId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for text in ["", "0", "01", "-1", "+1", "1.5", "1e3", "100000000000000000", "99999999999999999999", "１", " 1"]
        {
            assert_eq!(AccountId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_shows_as_what_it_is() {
        assert!(AccountName::parse("Acme 甲 Ünal").is_some());
        for text in ["Ac\u{202e}me", "Ac\u{2066}me", "Ac\u{200b}me", "Ac\nme", " Acme", ""] {
            assert_eq!(AccountName::parse(text), None, "{text:?}");
        }
        let asked = crate::code::Requester::of("Ac\u{202e}me\u{200b} (1)").map(|words| words.as_str().to_owned());
        assert_eq!(asked.as_deref(), Some("Acme (1)"));
    }

    proptest! {
        #[test]
        fn no_text_panics_a_reader(text: String) {
            let _any = (AccountId::parse(&text), AccountName::parse(&text));
        }
    }
}
