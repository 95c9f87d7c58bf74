//! An IAM user: a name and a password with which a program of an app signs in, and gets a token for a day.
//!
//! An access key signs each call and never travels; a token is for programs that cannot sign. What Huawei calls an account or a
//! *domain* is an app here: its id follows from the app's, and its name is the operator's word for it.

use sha2::{Digest as _, Sha256};

use crate::access_key::Permissions;
use crate::app::AppId;
use crate::hex_id;
use crate::sealing::{Malformed, Reader, Writer};
use crate::time::Timestamp;

/// Names a user where its name must not stand: 16 random bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IamUserId([u8; 16]);

hex_id::id!(IamUserId);

/// What a user, or a domain, is called: 1 to 64 characters of `[A-Za-z0-9_. -]`, no space at either end. Case counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IamName(String);

impl IamName {
    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_. -".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain) && text.trim() == text;
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as it is kept: a slow, salted hash in the PHC string format, which names its function and its parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash that [`as_str`](Self::as_str) gave.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever has a hash can try passwords at home: it goes into no log.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamUser {
    /// Its id.
    pub id: IamUserId,
    /// The app that it speaks for.
    pub app: AppId,
    /// What its app is called when it signs in. No two apps share one; one app may have several.
    pub domain: IamName,
    /// Its name: one of a kind in its domain.
    pub name: IamName,
    /// Its password.
    pub password: PasswordHash,
    /// What it may do.
    pub permissions: Permissions,
    /// A disabled user can neither sign in nor use the tokens that it has.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The id of an app where a vendor's clients want that of an account or domain: 32 hexadecimal digits, the same for ever.
pub fn domain_id(app: &AppId) -> String {
    derived("domain", app)
}

/// The same where they want that of a project. An app has one.
pub fn project_id(app: &AppId) -> String {
    derived("project", app)
}

fn derived(what: &str, app: &AppId) -> String {
    use std::fmt::Write as _;

    let hash = Sha256::new().chain_update(what).chain_update(b"\0").chain_update(app.as_str()).finalize();
    let mut text = String::with_capacity(32);
    for byte in hash.iter().take(16) {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// What a token holds. It says who, and not what they may do: that is looked up when the token is used, so that a change
/// counts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRecord {
    pub(crate) user: IamUserId,
    pub(crate) app: AppId,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl TokenRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(&self.user.0);
        writer.string(self.app.as_str().as_bytes());
        writer.i64(self.issued_at.milliseconds());
        writer.i64(self.expires_at.milliseconds());
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            user: IamUserId(reader.array()?),
            app: AppId::parse(reader.text()?).ok_or(Malformed)?,
            issued_at: Timestamp::from_milliseconds(reader.i64()?),
            expires_at: Timestamp::from_milliseconds(reader.i64()?),
        };
        reader.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_read_as_they_are_written() {
        let id = IamUserId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(IamUserId::parse(&id.to_string()), Some(id));
        for text in ["", "ab", &"g".repeat(32), &"+".repeat(32), &"ab".repeat(17)] {
            assert_eq!(IamUserId::parse(text), None, "{text}");
        }
        for text in ["dev", "Ops Team-1", "a.b_c"] {
            assert_eq!(IamName::parse(text).as_ref().map(IamName::as_str), Some(text));
        }
        for text in ["", " dev", "dev ", "a\nb", "名", &"a".repeat(65)] {
            assert_eq!(IamName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_apps_ids_are_its_own_and_stay() {
        let apps = ["one", "two"].map(|app| AppId::parse(app).unwrap());
        let [one, two] = apps.each_ref().map(|app| (domain_id(app), project_id(app)));
        // Clients keep them: these must never change.
        assert_eq!(one.0, "b109e9e6a11644da7d5ccf240d801c90");
        assert!(one.0 != one.1 && one.0 != two.0 && one.1 != two.1);
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_no_other_bytes_are_one() {
        let record = TokenRecord {
            user: IamUserId::from_bytes([7; 16]),
            app: AppId::parse("one").unwrap(),
            issued_at: Timestamp::from_milliseconds(1),
            expires_at: Timestamp::from_milliseconds(2),
        };
        let bytes = record.encode();
        assert_eq!(TokenRecord::decode(&bytes), Ok(record));
        assert_eq!(TokenRecord::decode(&bytes[1..]), Err(Malformed));
        assert_eq!(TokenRecord::decode(&[&bytes[..], &[0]].concat()), Err(Malformed));
    }
}
