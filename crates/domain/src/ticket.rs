//! The two sealed records: a challenge on its way to an answer, and the ticket that a right answer earns.

use std::borrow::Cow;

use crate::access_key::AccessKeyId;
use crate::app::{Action, AppId};
use crate::challenge::{Kind, Level, Solution};
use crate::network::Network;
use crate::ports::{Epoch, MarkId};
use crate::sealing::{KeyedHash, Malformed, Reader, Writer};
use crate::time::Timestamp;

/// What a door has to remember of a challenge until its answer comes, such as the key that the answer is encrypted with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note(Vec<u8>);

impl Note {
    /// The note, if it has at most 32 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= 32).then(|| Self(bytes.to_vec()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Which door a challenge went out by. Its answer must come in by the same one, and what it earns counts there: doors ask for
/// different things, and nobody may pick the one that asks for least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door(Cow<'static, str>);

impl Door {
    /// A door's name, at most 32 bytes.
    pub const fn new(name: &'static str) -> Self {
        assert!(name.len() <= 32, "a door's name has at most 32 bytes");
        Self(Cow::Borrowed(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What every sealed record carries: what it is for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What is marked when the record is spent.
    pub id: MarkId,
    /// The life of the marks' store in which the record counts.
    pub epoch: Epoch,
    /// The door that it went out by.
    pub door: Door,
    /// The app that it was made for.
    pub app: AppId,
    /// Which of the app's keys has asked for the challenge, where one has.
    pub key: Option<AccessKeyId>,
    /// What the app wants it for, in its own words.
    pub action: Option<Action>,
    /// To whom it is bound: what it pays for must go to this contact.
    pub contact: Option<KeyedHash>,
    /// Where the challenge was solved, in a ticket that is bound to it.
    pub origin: Option<KeyedHash>,
    /// Whom the app has asked the challenge for, in its own words, where it said so.
    pub user: Option<KeyedHash>,
    /// The network where the challenge was solved, in a ticket.
    pub network: Option<Network>,
    /// The kind of challenge.
    pub kind: Kind,
    /// How hard the challenge was.
    pub level: Level,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

impl Stamp {
    fn write(&self, writer: &mut Writer) {
        writer.array(&self.id);
        writer.array(&self.epoch);
        writer.string(self.door.name().as_bytes());
        writer.string(self.app.as_str().as_bytes());
        writer.optional(self.key.as_ref(), |writer, key| writer.string(key.as_str().as_bytes()));
        writer.optional(self.action.as_ref(), |writer, action| writer.string(action.as_str().as_bytes()));
        writer.optional(self.contact, |writer, contact| contact.write(writer));
        writer.optional(self.origin, |writer, origin| origin.write(writer));
        writer.optional(self.user, |writer, user| user.write(writer));
        writer.optional(self.network, |writer, network| writer.string(network.to_string().as_bytes()));
        self.kind.write(writer);
        writer.u8(self.level.number());
        writer.i64(self.issued_at.milliseconds());
        writer.i64(self.expires_at.milliseconds());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: reader.array()?,
            epoch: reader.array()?,
            door: Door(Cow::Owned(reader.text()?.to_owned())),
            app: AppId::parse(reader.text()?).ok_or(Malformed)?,
            key: reader.optional(|reader| AccessKeyId::parse(reader.text()?).ok_or(Malformed))?,
            action: reader.optional(|reader| Action::parse(reader.text()?).ok_or(Malformed))?,
            contact: reader.optional(KeyedHash::read)?,
            origin: reader.optional(KeyedHash::read)?,
            user: reader.optional(KeyedHash::read)?,
            network: reader.optional(|reader| Network::try_from(reader.text()?.to_owned()).map_err(|_| Malformed))?,
            kind: Kind::read(reader)?,
            level: Level::new(reader.u8()?).ok_or(Malformed)?,
            issued_at: Timestamp::from_milliseconds(reader.i64()?),
            expires_at: Timestamp::from_milliseconds(reader.i64()?),
        })
    }
}

/// A challenge that was shown and waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRecord {
    /// What it is for, and how long.
    pub stamp: Stamp,
    /// What solves it.
    pub solution: Solution,
    /// What the door has to remember.
    pub note: Note,
}

impl ChallengeRecord {
    /// The bytes to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.stamp.write(&mut writer);
        self.solution.write(&mut writer);
        writer.string(self.note.bytes());
        writer.finish()
    }

    /// Reads [`encode`](Self::encode)'s bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are not from this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let stamp = Stamp::read(&mut reader)?;
        let solution = Solution::read(&mut reader)?;
        let note = Note::new(reader.string()?).ok_or(Malformed)?;
        let record = Self { stamp, solution, note };
        reader.finish()?;
        Ok(record)
    }
}

/// The proof that a challenge was solved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRecord {
    /// What it is for, and how long; `issued_at` is when the challenge was solved.
    pub stamp: Stamp,
}

impl TicketRecord {
    /// The bytes to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.stamp.write(&mut writer);
        writer.finish()
    }

    /// Reads [`encode`](Self::encode)'s bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are not from this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let stamp = Stamp::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(key: Option<&str>, action: Option<&str>, (x, y): (u16, Option<u16>), note: &[u8]) -> ChallengeRecord {
        ChallengeRecord {
            stamp: Stamp {
                id: [1; 16],
                epoch: [2; 8],
                door: Door::new("a door"),
                app: AppId::parse("an-app").unwrap(),
                key: key.and_then(AccessKeyId::parse),
                action: action.and_then(Action::parse),
                contact: None,
                origin: None,
                user: None,
                network: None,
                kind: Kind::Slider,
                level: Level::DEFAULT,
                issued_at: Timestamp::from_milliseconds(1),
                expires_at: Timestamp::from_milliseconds(2),
            },
            solution: Solution::Slider { x, y, tolerance: 4 },
            note: Note::new(note).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn a_record_reads_back_whole_and_no_part_of_it_does(
            key in proptest::option::of("[A-Za-z0-9]{1,64}"), action in proptest::option::of("[a-z]{1,64}"), place: (u16, Option<u16>),
            note in prop::collection::vec(any::<u8>(), 0..32), cut: usize,
        ) {
            let record = record(key.as_deref(), action.as_deref(), place, &note);
            let bytes = record.encode();
            prop_assert_eq!(ChallengeRecord::decode(&bytes), Ok(record));
            prop_assert_eq!(ChallengeRecord::decode(&bytes[..cut % bytes.len()]), Err(Malformed));
            let longer = [bytes.as_slice(), &[0]].concat();
            prop_assert_eq!(ChallengeRecord::decode(&longer), Err(Malformed));
        }
    }
}
