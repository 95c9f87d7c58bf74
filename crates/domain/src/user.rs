//! A user: a person whom an app lets in, by a code that was sent to a mobile number, or by a password.
//!
//! It is as much as the doors need that sign people in, and no more: an app that wants profiles, groups or other apps' sign-in
//! has an identity provider. What says who somebody is are a keyed hash and a sealed contact, as everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::app::AppId;
use crate::contact::ContactKey;
use crate::hex_id;
use crate::iam_user::PasswordHash;
use crate::ports::Entropy;
use crate::sealing::{Malformed, Reader, Writer};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Lengths of a password that a person chooses, in characters (OWASP ASVS 5, 6.2.1 and 6.2.9). Nothing else is asked of it.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Names a user where no contact must stand: 16 random bytes, written as 32 hexadecimal digits. Apps keep it; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId([u8; 16]);

/// Names a session where its token must not stand; written in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

hex_id::id!(UserId);
hex_id::id!(SessionId);

/// What a user signs in as, where that is no contact: 1 to 64 characters of `[A-Za-z0-9_.-]` with a letter among them, so that no
/// name is a number. Case does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserName(String);

impl UserName {
    /// The name, in lower case, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
        (fits && has_letter).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A contact as a row keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContact {
    /// Under what it is found.
    pub key: ContactKey,
    /// It, sealed by [`ContactKeys::seal_contact`](crate::contact::ContactKeys::seal_contact).
    pub sealed: Vec<u8>,
}

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Whose user it is. An app's users are its own: another app's user with the same number is somebody else.
    pub app: AppId,
    /// Its mobile number; one user of an app has it.
    pub mobile: Option<KeptContact>,
    /// Its e-mail address; the same.
    pub email: Option<KeptContact>,
    /// Its name; the same.
    pub name: Option<UserName>,
    /// Its password, if it has one.
    pub password: Option<PasswordHash>,
    /// A disabled user is let in no more.
    pub enabled: bool,
    /// Grows when all that let this user in before must count no more: when it is disabled, and when its password changes. A
    /// counter and no time, because nodes' clocks differ.
    pub generation: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a session's device calls itself: at most 128 characters, none that controls. Recorded, and never believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device(String);

impl Device {
    /// The name, cut where it is too long.
    pub fn new(text: &str) -> Self {
        Self(text.chars().filter(|character| !character.is_control()).take(128).collect())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// By what somebody has shown to be a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A code that was sent to its mobile number.
    Code,
    /// Its password.
    Password,
    /// Both.
    PasswordAndCode,
}

impl Proof {
    const ALL: [Self; 3] = [Self::Code, Self::Password, Self::PasswordAndCode];

    /// The word at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Password => "password",
            Self::PasswordAndCode => "password-and-code",
        }
    }

    /// The proof that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.word() == word)
    }
}

/// What stands for a session on its device: 32 random bytes, written as 43 characters of `[A-Za-z0-9_-]`.
pub struct SessionToken(Secret<[u8; 32]>);

impl SessionToken {
    /// A fresh one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(entropy.array()))
    }

    /// Reads the text; `None` for what can be none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == bytes.len()).then(|| Self(Secret::new(bytes)))
    }

    /// The text.
    pub fn text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// Under what its session is kept. No salt and no slow hash: nobody guesses 32 random bytes.
    pub fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0.expose()).into())
    }
}

/// The hash under which a session is found: whoever reads the store gets no session from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey(pub [u8; 32]);

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The hash of its token.
    pub key: SessionKey,
    /// Whose it is.
    pub user: UserId,
    /// The user's [generation](User::generation) when it was let in.
    pub generation: u32,
    /// On which device.
    pub device: Device,
    /// By what.
    pub proof: Proof,
    /// Since when.
    pub created_at: Timestamp,
    /// From then on it is none.
    pub expires_at: Timestamp,
    /// When it was ended before that.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether it lets `user`, as it is now, go on at `now`.
    pub fn holds(&self, user: &User, now: Timestamp) -> bool {
        let is_live = self.ended_at.is_none() && now < self.expires_at;
        is_live && user.enabled && user.id == self.user && user.generation == self.generation
    }
}

/// What somebody has still to do who has shown a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextStep {
    /// To type in a code that is sent to the user's mobile number.
    Code,
    /// To have a mobile number first, which a code shows.
    Mobile,
}

/// What a state token holds: who has shown a password, and what is still to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateRecord {
    /// Under which it is spent: one state opens one session.
    pub(crate) id: [u8; 16],
    pub(crate) user: UserId,
    pub(crate) app: AppId,
    pub(crate) generation: u32,
    pub(crate) next: NextStep,
    pub(crate) expires_at: Timestamp,
}

impl StateRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(&self.id);
        writer.array(&self.user.0);
        writer.string(self.app.as_str().as_bytes());
        writer.array(&self.generation.to_be_bytes());
        writer.u8(match self.next {
            NextStep::Code => 1,
            NextStep::Mobile => 2,
        });
        writer.i64(self.expires_at.milliseconds());
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            id: reader.array()?,
            user: UserId(reader.array()?),
            app: AppId::parse(reader.text()?).ok_or(Malformed)?,
            generation: u32::from_be_bytes(reader.array()?),
            next: match reader.u8()? {
                1 => NextStep::Code,
                2 => NextStep::Mobile,
                _ => return Err(Malformed),
            },
            expires_at: Timestamp::from_milliseconds(reader.i64()?),
        };
        reader.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_and_ids_are_read_as_they_were_written(seed: u64) {
            let token = SessionToken::draw(&SeededEntropy::new(seed));
            let read = SessionToken::parse(token.text().expose()).unwrap();
            prop_assert_eq!(read.key(), token.key());
            let id = UserId::draw(&SeededEntropy::new(seed));
            prop_assert_eq!(UserId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn no_text_panics_a_reader(text: String) {
            let _any = (SessionToken::parse(&text).is_some(), UserName::parse(&text), Device::new(&text), SessionId::parse(&text));
        }
    }

    #[test]
    fn a_name_is_no_number_and_no_address_and_has_no_case() {
        assert_eq!(UserName::parse("Ann.B-1_x").as_ref().map(UserName::as_str), Some("ann.b-1_x"));
        for text in ["", "13912345678", "a@example.com", "a b", "名", "-", &"a".repeat(65)] {
            assert_eq!(UserName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_session_holds_until_it_ends_its_time_is_over_or_its_user_changes() {
        let at = Timestamp::from_milliseconds;
        let user = User {
            id: UserId::from_bytes([1; 16]),
            app: AppId::parse("one").unwrap(),
            mobile: None,
            email: None,
            name: None,
            password: None,
            enabled: true,
            generation: 3,
            created_at: at(0),
        };
        let session = Session {
            id: SessionId::from_bytes([2; 16]),
            key: SessionKey([3; 32]),
            user: user.id,
            generation: 3,
            device: Device::default(),
            proof: Proof::Code,
            created_at: at(1),
            expires_at: at(10),
            ended_at: None,
        };
        assert!(session.holds(&user, at(9)));
        assert!(!session.holds(&user, at(10)));
        assert!(!Session { ended_at: Some(at(5)), ..session.clone() }.holds(&user, at(9)));
        assert!(!session.holds(&User { enabled: false, ..user.clone() }, at(9)));
        assert!(!session.holds(&User { generation: 4, ..user.clone() }, at(9)));
        assert!(!session.holds(&User { id: UserId::from_bytes([9; 16]), ..user }, at(9)));
    }

    #[test]
    fn a_state_is_read_as_it_was_written_and_no_other_bytes_are_one() {
        let record = StateRecord {
            id: [6; 16],
            user: UserId::from_bytes([7; 16]),
            app: AppId::parse("one").unwrap(),
            generation: 5,
            next: NextStep::Mobile,
            expires_at: Timestamp::from_milliseconds(2),
        };
        let bytes = record.encode();
        assert_eq!(StateRecord::decode(&bytes), Ok(record));
        assert_eq!(StateRecord::decode(&bytes[1..]), Err(Malformed));
        assert_eq!(StateRecord::decode(&[&bytes[..], &[0]].concat()), Err(Malformed));
    }
}
