//! A challenge in somebody else's page, in two steps: the site's server asks for the address of a script, which a page loads
//! once, and the loaded script draws challenges for as long as the page is open. Each step is a sealed record, so neither the
//! order nor the page is kept anywhere; what is spent is a mark.

use crate::access_key::AccessKeyId;
use crate::app::AppId;
use crate::challenge::{Kind, Level};
use crate::ports::{Epoch, MarkId};
use crate::sealing::{KeyedHash, Malformed, Reader, Writer};
use crate::ticket::Note;
use crate::time::Timestamp;

/// For which screen a script lays itself out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A telephone's browser.
    Phone,
    /// Any other browser.
    Desktop,
    /// A web view in somebody's app.
    App,
}

impl Layout {
    fn tag(self) -> u8 {
        match self {
            Self::Phone => 1,
            Self::Desktop => 2,
            Self::App => 3,
        }
    }

    fn from_tag(tag: u8) -> Option<Self> {
        [Self::Phone, Self::Desktop, Self::App].into_iter().find(|layout| layout.tag() == tag)
    }
}

/// What a site asks for, for one view of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Which kind of challenge.
    pub kind: Kind,
    /// How hard at least, where the site says so.
    pub level: Option<Level>,
    /// For which screen.
    pub layout: Layout,
    /// For whom, in the site's own words.
    pub user: Option<KeyedHash>,
    /// What the door has to remember of the order. Each challenge that is drawn carries it on.
    pub note: Note,
}

/// An order on its way: in the address of a script until that is loaded, and then in the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingRecord {
    /// What is marked when it is spent.
    pub id: MarkId,
    /// The life of the marks' store in which it counts.
    pub epoch: Epoch,
    /// Whose page.
    pub app: AppId,
    /// Which of its keys has asked.
    pub key: AccessKeyId,
    /// What for.
    pub wishes: Wishes,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

impl EmbeddingRecord {
    /// The bytes to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(&self.id);
        writer.array(&self.epoch);
        writer.string(self.app.as_str().as_bytes());
        writer.string(self.key.as_str().as_bytes());
        let Wishes { kind, level, layout, user, note } = &self.wishes;
        kind.write(&mut writer);
        writer.optional(*level, |writer, level| writer.u8(level.number()));
        writer.u8(layout.tag());
        writer.optional(*user, |writer, user| user.write(writer));
        writer.string(note.bytes());
        writer.i64(self.issued_at.milliseconds());
        writer.i64(self.expires_at.milliseconds());
        writer.finish()
    }

    /// Reads [`encode`](Self::encode)'s bytes.
    ///
    /// # Errors
    /// [`Malformed`] if they are not from this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            id: reader.array()?,
            epoch: reader.array()?,
            app: AppId::parse(reader.text()?).ok_or(Malformed)?,
            key: AccessKeyId::parse(reader.text()?).ok_or(Malformed)?,
            wishes: Wishes {
                kind: Kind::read(&mut reader)?,
                level: reader.optional(|reader| Level::new(reader.u8()?).ok_or(Malformed))?,
                layout: Layout::from_tag(reader.u8()?).ok_or(Malformed)?,
                user: reader.optional(KeyedHash::read)?,
                note: Note::new(reader.string()?).ok_or(Malformed)?,
            },
            issued_at: Timestamp::from_milliseconds(reader.i64()?),
            expires_at: Timestamp::from_milliseconds(reader.i64()?),
        };
        reader.finish()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_reads_back_whole_and_no_part_of_it_does(
            user in prop::option::of(any::<[u8; 20]>()), layout in 1..=3_u8, level in prop::option::of(1..=5_u8),
            note in prop::collection::vec(any::<u8>(), 0..32), times: (i64, i64), cut: usize,
        ) {
            let record = EmbeddingRecord {
                id: [1; 16],
                epoch: [2; 8],
                app: AppId::parse("an-app").unwrap(),
                key: AccessKeyId::parse("AK1").unwrap(),
                wishes: Wishes {
                    kind: Kind::Slider,
                    level: level.and_then(Level::new),
                    layout: Layout::from_tag(layout).unwrap(),
                    user: user.map(KeyedHash::from_bytes),
                    note: Note::new(&note).unwrap(),
                },
                issued_at: Timestamp::from_milliseconds(times.0),
                expires_at: Timestamp::from_milliseconds(times.1),
            };
            let bytes = record.encode();
            prop_assert_eq!(EmbeddingRecord::decode(&bytes), Ok(record));
            prop_assert_eq!(EmbeddingRecord::decode(&bytes[..cut % bytes.len()]), Err(Malformed));
        }
    }
}
