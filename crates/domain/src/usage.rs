//! What an app says, with its calls, about whom they are for and what; kept so that it can be counted, and looked at where
//! somebody has to.
//!
//! It is kept twice. A [`UsageRow`] is one call of the app's: who it was for and where that was stand in it sealed, and it goes after weeks. The
//! [`Counts`] of a day name nobody, and stay for a year and more. Nothing here is true because a caller said it, and no limit
//! looks at it.

use std::collections::BTreeSet;

use crate::app::AppId;
use crate::ports::Entropy;
use crate::sealing::{Malformed, MasterKey, NotOurs, Reader, Writer, mac};
use crate::secret::Secret;
use crate::ticket::Door;
use crate::time::Timestamp;

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The app asked for a challenge.
    Asked,
    /// A page loaded what it needs to show one.
    Loaded,
    /// Somebody solved it.
    Solved,
    /// Somebody did not.
    Failed,
    /// The app showed the ticket, and it counted.
    Passed,
    /// The app showed a ticket that did not.
    Refused,
}

impl Step {
    /// All of them, in the order in which they happen.
    pub const ALL: [Self; 6] = [Self::Asked, Self::Loaded, Self::Solved, Self::Failed, Self::Passed, Self::Refused];

    /// The word for this step in the native API and at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Loaded => "loaded",
            Self::Solved => "solved",
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::Refused => "refused",
        }
    }

    /// The step that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    /// Whether calls of this step are kept, and not only counted: those that the app signed. What its pages call says nothing
    /// of a person, and anybody may call it: kept, it would push out what the app said.
    pub fn is_kept(self) -> bool {
        match self {
            Self::Asked | Self::Passed | Self::Refused => true,
            Self::Loaded | Self::Solved | Self::Failed => false,
        }
    }
}

/// What kind of account the app has for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountType {
    /// Another one, or the app does not say.
    #[default]
    Other,
    /// One of QQ.
    Qq,
    /// One of `WeChat`.
    WeChat,
    /// A mobile number.
    Mobile,
    /// A mobile number with a code that was sent there.
    MobileCode,
    /// An e-mail address.
    Email,
}

impl AccountType {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Other, Self::Qq, Self::WeChat, Self::Mobile, Self::MobileCode, Self::Email];

    /// The word for this type in the native API and at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Qq => "qq",
            Self::WeChat => "wechat",
            Self::Mobile => "mobile",
            Self::MobileCode => "mobile_code",
            Self::Email => "email",
        }
    }

    /// The type that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r#type| r#type.word() == word)
    }
}

/// What calls are counted by, beside their day. The numbers are the app's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Which of the app's businesses it was.
    pub business: Option<u32>,
    /// Which scene in it: signing up, logging in.
    pub scene: Option<u32>,
    /// The kind of account that it was for.
    pub account_type: AccountType,
}

/// What an app says of a person. It has no `Debug`: all of it is personal.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The app's own name for the account.
    pub account: Option<String>,
    /// Another account of the same person.
    pub associate_account: Option<String>,
    /// The person's address, as the app wrote it.
    pub address: Option<String>,
    /// What proxies told the app of it.
    pub forwarded_for: Option<String>,
    /// The device's hardware address.
    pub mac_address: Option<String>,
    /// The telephone's own number.
    pub imei: Option<String>,
}

/// Of each text of a [`Person`] so many bytes are kept.
const LONGEST: usize = 255;

impl Person {
    fn write(&self) -> Vec<u8> {
        let Self { account, associate_account, address, forwarded_for, mac_address, imei } = self;
        let mut writer = Writer::default();
        for text in [account, associate_account, address, forwarded_for, mac_address, imei] {
            writer.optional(text.as_deref(), |writer, text| writer.string(cut(text).as_bytes()));
        }
        writer.finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut text = || reader.optional(|reader| reader.text().map(str::to_owned));
        let person = Self {
            account: text()?,
            associate_account: text()?,
            address: text()?,
            forwarded_for: text()?,
            mac_address: text()?,
            imei: text()?,
        };
        reader.finish()?;
        Ok(person)
    }
}

/// As much of `text` as is kept: whole characters.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// What a door saw.
#[derive(Clone)]
pub struct Usage {
    /// Whose call it was.
    pub app: AppId,
    /// Where it came in.
    pub door: Door,
    /// How far it went.
    pub step: Step,
    /// What it counts as.
    pub group: Group,
    /// When the account was made, as the app says.
    pub registered_at: Option<Timestamp>,
    /// Whom it was for.
    pub person: Person,
}

/// An account as the records find it: a keyed hash, which says nothing to whoever reads the store without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(pub [u8; 16]);

/// A call as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// Whose it was.
    pub app: AppId,
    /// When.
    pub at: Timestamp,
    /// The name of the door where it came in.
    pub door: String,
    /// How far it went.
    pub step: Step,
    /// What it counts as.
    pub group: Group,
    /// When the account was made, as the app says.
    pub registered_at: Option<Timestamp>,
    /// Which account it was for.
    pub account: Option<AccountKey>,
    /// The [`Person`], sealed for its place.
    pub sealed_person: Vec<u8>,
}

/// How old the account of a newcomer is at most.
const NEWCOMER: std::time::Duration = std::time::Duration::from_hours(24);

impl UsageRow {
    /// What the person's seal is bound to.
    fn place(app: &AppId, at: Timestamp) -> String {
        format!("usage/{}/{}", app.as_str(), at.milliseconds())
    }

    /// Whether the account was made in the day before.
    pub fn is_newcomer(&self) -> bool {
        self.registered_at.is_some_and(|registered| self.at.since(registered) <= NEWCOMER)
    }
}

/// The installation's keys for who used it, derived from one secret of 32 bytes.
pub struct UsageKeys {
    index: Secret<[u8; 32]>,
    seal: MasterKey,
}

impl UsageKeys {
    /// What the secret is called in the records.
    pub const NAME: &str = "usage";

    /// The keys that follow from the installation's secret.
    pub fn new(secret: &Secret<[u8; 32]>) -> Self {
        let derived = |label: &[u8]| Secret::new(mac(secret.expose(), &[b"countersign usage ", label]));
        Self { index: derived(b"index"), seal: MasterKey::new(derived(b"seal"), None) }
    }

    /// Under what an app's `account` is found. The whole name counts, however much of it is kept.
    pub fn account(&self, app: &AppId, account: &str) -> AccountKey {
        let full = mac(self.index.expose(), &[app.as_str().as_bytes(), b"\0", account.as_bytes()]);
        let mut key = [0; 16];
        key.copy_from_slice(&full[..16]);
        AccountKey(key)
    }

    /// `usage` as it is kept when it happened `at`.
    ///
    /// # Errors
    /// [`NotOurs`], which nothing of these lengths gets.
    pub fn row(&self, usage: Usage, at: Timestamp, entropy: &dyn Entropy) -> Result<UsageRow, NotOurs> {
        let Usage { app, door, step, group, registered_at, person } = usage;
        let account = person.account.as_deref().map(|account| self.account(&app, account));
        let sealed_person = self.seal.seal(&UsageRow::place(&app, at), &person.write(), entropy)?;
        Ok(UsageRow { app, at, door: door.name().to_owned(), step, group, registered_at, account, sealed_person })
    }

    /// Whom a row was for.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn person(&self, row: &UsageRow) -> Result<Person, NotOurs> {
        let plain = self.seal.open(&UsageRow::place(&row.app, row.at), &row.sealed_person)?;
        Person::read(plain.expose()).map_err(|_| NotOurs)
    }
}

/// A day of UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    const MILLISECONDS: i64 = 86_400_000;

    /// The day of this number.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The day in which `time` lies.
    pub const fn of(time: Timestamp) -> Self {
        Self(time.milliseconds().div_euclid(Self::MILLISECONDS))
    }

    /// How many days after 1970-01-01 it is.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.saturating_mul(Self::MILLISECONDS))
    }

    /// The day `days` later, or earlier where that is negative.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// What statistics are split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Each day by itself.
    Day,
    /// Each of the app's businesses.
    Business,
    /// Each of its scenes.
    Scene,
    /// Each kind of account.
    AccountType,
}

impl Part {
    /// All of them, in the order in which they sort.
    pub const ALL: [Self; 4] = [Self::Day, Self::Business, Self::Scene, Self::AccountType];

    /// The word for this part in the native API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Business => "business",
            Self::Scene => "scene",
            Self::AccountType => "account_type",
        }
    }

    /// The part that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// By day, business and scene.
    pub fn usual() -> BTreeSet<Self> {
        BTreeSet::from([Self::Day, Self::Business, Self::Scene])
    }
}

/// How often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls, in the order of [`Step::ALL`].
    pub steps: [u64; Step::ALL.len()],
    /// Different accounts. Each day and each group counts by itself: who came on two days is two here.
    pub accounts: u64,
    /// Those of them that had been made in the day before.
    pub newcomers: u64,
}

impl Counts {
    /// How often it came to `step`.
    pub fn of(&self, step: Step) -> u64 {
        self.steps[step as usize]
    }
}

/// The counts of a day and a group, or of several where they are not split by a part; then that part says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// When; `None` where days are taken together.
    pub day: Option<Day>,
    /// What; its parts are as by [`Default`] where they are taken together.
    pub group: Group,
    /// How often.
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SeededEntropy, app};

    fn usage(person: Person) -> Usage {
        let group = Group { business: Some(99), ..Group::default() };
        Usage { app: app("one").id, door: Door::new("test"), step: Step::Asked, group, registered_at: None, person }
    }

    fn keys() -> UsageKeys {
        UsageKeys::new(&Secret::new([1; 32]))
    }

    fn whole() -> Person {
        let text = |text: &str| Some(text.to_owned());
        Person {
            account: text("用户 1"),
            associate_account: text(""),
            address: text("192.0.2.7"),
            forwarded_for: text("10.0.0.1, 192.0.2.7"),
            mac_address: None,
            imei: text("356938035643809"),
        }
    }

    #[test]
    fn a_person_is_read_as_it_was_written_in_its_own_row_only() {
        let entropy = SeededEntropy::new(1);
        let at = Timestamp::from_milliseconds(5);
        for person in [whole(), Person::default()] {
            let row = keys().row(usage(person.clone()), at, &entropy).unwrap();
            assert!(keys().person(&row) == Ok(person));
            assert!(!row.sealed_person.windows(9).any(|bytes| bytes == b"192.0.2.7"));
            let elsewhere = UsageRow { app: app("two").id, ..row.clone() };
            assert!(keys().person(&elsewhere) == Err(NotOurs));
            let later = UsageRow { at: Timestamp::from_milliseconds(6), ..row };
            assert!(keys().person(&later) == Err(NotOurs));
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_found_by_the_whole_of_it() {
        let long = "很".repeat(100);
        let person = Person { account: Some(long.clone()), ..Person::default() };
        let row = keys().row(usage(person), Timestamp::from_milliseconds(5), &SeededEntropy::new(1)).unwrap();
        assert_eq!(keys().person(&row).unwrap().account, Some("很".repeat(85)));
        assert_eq!(row.account, Some(keys().account(&row.app, &long)));
        assert_ne!(row.account, Some(keys().account(&row.app, &"很".repeat(85))));
        assert_ne!(row.account, Some(keys().account(&app("two").id, &long)));
    }

    #[test]
    fn who_was_registered_in_the_last_day_is_a_newcomer() {
        let at = Timestamp::from_milliseconds(100_000_000);
        let row = keys().row(usage(whole()), at, &SeededEntropy::new(1)).unwrap();
        let registered = |milliseconds| {
            let registered_at = Some(Timestamp::from_milliseconds(milliseconds));
            UsageRow { registered_at, ..row.clone() }.is_newcomer()
        };
        assert!(registered(13_600_000));
        assert!(!registered(13_599_999));
        assert!(registered(200_000_000), "the app's clock may be ahead");
        assert!(!row.is_newcomer(), "who knows?");
    }

    #[test]
    fn days_are_those_of_utc() {
        let day = |milliseconds| Day::of(Timestamp::from_milliseconds(milliseconds)).number();
        assert_eq!([day(-1), day(0), day(86_399_999), day(86_400_000)], [-1, 0, 0, 1]);
        assert_eq!(Day::from_number(1).start(), Timestamp::from_milliseconds(86_400_000));
        assert_eq!(Day::from_number(i64::MAX).plus(1).start(), Timestamp::from_milliseconds(i64::MAX));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        assert!(Step::ALL.into_iter().all(|step| Step::from_word(step.word()) == Some(step)));
        assert!(Part::ALL.into_iter().all(|part| Part::from_word(part.word()) == Some(part)));
        assert!(AccountType::ALL.into_iter().all(|r#type| AccountType::from_word(r#type.word()) == Some(r#type)));
        assert!(
            Step::ALL.iter().enumerate().all(|(place, step)| *step as usize == place),
            "counts stand in this order"
        );
    }
}
