//! A one-time code: digits that are sent to a contact, and that whoever reads them there types back in.
//!
//! Six digits are 10⁶ values, so nothing about a code is safe but by counting: a code takes five wrong tries, then it is dead.
//! At rest there is a keyed hash of it, bound to the code's id, and (while it may still be sent) the sealed digits; without the
//! installation's keys neither says anything.

use std::time::Duration;

use crate::account::AccountId;
use crate::app::AppId;
use crate::contact::{Channel, ContactKey, is_hidden};
use crate::hex_id;
use crate::ports::Entropy;
use crate::sealing::KeyedHash;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Wrong tries that a code takes; with the last of them it is dead.
pub const TRIES: u32 = 5;
/// A code holds for at most this long (OWASP ASVS 5, 6.5.5).
pub const LONGEST: Duration = Duration::from_mins(10);
/// Digits of a code: at least 10⁶ values (ASVS 6.5.4), and as many as people type.
pub const DIGITS: std::ops::RangeInclusive<usize> = 6..=10;

/// Names a code where its digits must not stand: 16 random bytes, written as 32 hexadecimal digits. Whoever sent it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeId([u8; 16]);

hex_id::id!(CodeId);

/// What a code is for, in the app's or the door's own words: `signup`, `osm.contact`. 1 to 32 characters of `[a-z0-9_.-]`. A code
/// for one purpose is none for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodePurpose(String);

/// What codes are for that one door sends and spends itself. There they mean more than that somebody has a contact: whose
/// consent it is, and what was asked before. No other door takes part in that.
const DOORS_OWN: [&str; 7] = [
    "ecd.cen",
    "oneaccess.bind-mobile",
    "oneaccess.forget-password",
    "oneaccess.login",
    "oneaccess.mfa",
    "oneaccess.register",
    "osm.contact",
];

impl CodePurpose {
    /// The purpose, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        ((1..=32).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// Whether one door keeps it for itself.
    pub fn is_a_doors_own(&self) -> bool {
        DOORS_OWN.contains(&self.as_str())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a code gives access to, where it is for one thing only: the id of a network. 1 to 128 printable characters of ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource(String);

impl Resource {
    /// The resource, if `text` can name one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who asks for a code, in words for the person who gets it: at most 128 characters, none that is hidden or turns the
/// text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester(String);

impl Requester {
    /// The words, without what is hidden and without what is too long; `None` if nothing is left.
    pub fn of(text: &str) -> Option<Self> {
        let words: String = text.chars().filter(|character| !is_hidden(*character)).take(128).collect();
        (!words.trim().is_empty()).then_some(Self(words))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digits of a code.
pub struct Digits(Secret<String>);

impl Digits {
    /// Fresh ones, each as likely as any other; `length` is one of [`DIGITS`].
    pub fn draw(length: usize, entropy: &dyn Entropy) -> Self {
        Self(Secret::new(entropy.text(b"0123456789", length.clamp(*DIGITS.start(), *DIGITS.end()))))
    }

    /// Reads what a person typed: full-width digits count (`１２３`), white space and hyphens do not. `None` for what no code can
    /// be; that tells a guesser nothing, and costs no try.
    pub fn read(text: &str) -> Option<Self> {
        let mut digits = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '0'..='9' => digits.push(character),
                '\u{ff10}'..='\u{ff19}' => digits.push(char::from_digit(u32::from(character) - 0xff10, 10)?),
                '-' => {}
                _ if character.is_whitespace() => {}
                _ => return None,
            }
        }
        DIGITS.contains(&digits.len()).then(|| Self(Secret::new(digits)))
    }

    /// The digits themselves.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What a second send to the same contact for the same purpose and resource does while the first code is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resend {
    /// Sends the same digits again, for as long as they still hold: text messages overtake each other, and whichever
    /// arrives is right.
    Keep,
    /// Makes a new code, and the old one is dead.
    Replace,
}

/// For whom and what a code is: there is at most one live code of each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// Whose it is.
    pub app: AppId,
    /// What for.
    pub purpose: CodePurpose,
    /// Whom it was sent to.
    pub contact: ContactKey,
    /// What it gives access to, if it is for one thing only.
    pub resource: Option<Resource>,
}

/// Why a code is dead before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeEnd {
    /// It was used.
    Spent,
    /// A newer one took its place.
    Replaced,
    /// It took as many wrong tries as it may.
    GuessedOut,
    /// It asked for consent, and its resource has another owner meanwhile, or its owner another contact.
    Withdrawn,
}

impl CodeEnd {
    /// The word at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Spent => "spent",
            Self::Replaced => "replaced",
            Self::GuessedOut => "guessed-out",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The end that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Spent, Self::Replaced, Self::GuessedOut, Self::Withdrawn].into_iter().find(|end| end.word() == word)
    }
}

/// A live code is kept by a further send only if it still holds this long: nobody is sent a code that is late on arrival.
pub const KEPT_AT_LEAST: Duration = Duration::from_mins(1);

/// How far a clock may be behind the one by which a code was made.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// A code as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name.
    pub id: CodeId,
    /// For whom and what it is.
    pub binding: Binding,
    /// The account whose consent it asks for, if it does: nobody else's is had for it, whoever has the same contact.
    pub consent: Option<AccountId>,
    /// Who asked for it, where its message says so.
    pub requester: Option<Requester>,
    /// How it was sent.
    pub channel: Channel,
    /// The contact, sealed by [`ContactKeys::seal_contact`](crate::contact::ContactKeys::seal_contact).
    pub sealed_contact: Vec<u8>,
    /// Its digits' keyed hash, bound to its id.
    pub hash: KeyedHash,
    /// The digits, sealed by [`ContactKeys::seal_digits`](crate::contact::ContactKeys::seal_digits), for as long as they may be
    /// sent: until the code ended, or its time is over.
    pub sealed_digits: Option<Vec<u8>>,
    /// The accounts that its texts were counted under, once for each text: [`pumping`](crate::pumping).
    pub texts: Vec<String>,
    /// Wrong tries so far.
    pub tries: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is none.
    pub expires_at: Timestamp,
    /// When and why it was dead before that.
    pub ended: Option<(Timestamp, CodeEnd)>,
}

/// How a code is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeState {
    /// It can be checked.
    Live,
    /// Its time is over.
    Expired,
    /// It is dead before its time.
    Ended(CodeEnd),
}

impl Code {
    /// How it is doing at `now`.
    pub fn state(&self, now: Timestamp) -> CodeState {
        match self.ended {
            Some((_, end)) => CodeState::Ended(end),
            // From the future: the clock was set back, and nobody knows how long the code has held.
            None if self.created_at > now.plus(CLOCK_SKEW) => CodeState::Expired,
            None if now >= self.expires_at => CodeState::Expired,
            None => CodeState::Live,
        }
    }

    /// Whether a further send at `now` sends the same digits again, where its purpose asks for that.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.state(now) == CodeState::Live
            && self.sealed_digits.is_some()
            && self.expires_at.since(now) >= KEPT_AT_LEAST
    }

    /// Whether a check that names nothing but its id finds it. One that asks for consent is no proof of anything but that: it is
    /// found by all of what it is for.
    pub fn is_found_by_its_id(&self, app: &AppId) -> bool {
        self.binding.app == *app && self.consent.is_none()
    }

    /// Wrong tries that it still takes.
    pub fn tries_left(&self) -> u32 {
        TRIES.saturating_sub(self.tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_drawn_is_read_however_it_is_typed(seed: u64, length in DIGITS, gap in 1usize..6) {
            let drawn = Digits::draw(length, &SeededEntropy::new(seed));
            let digits = drawn.expose();
            let wide: String = digits.chars().map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0xff10).unwrap()).collect();
            let (head, tail) = digits.split_at(gap);
            for typed in [digits.to_owned(), wide, format!(" {head}-{tail}\n"), format!("{head}\u{3000}{tail}")] {
                let read = Digits::read(&typed).unwrap();
                prop_assert_eq!(read.expose(), digits);
            }
            let id = CodeId::draw(&SeededEntropy::new(seed));
            prop_assert_eq!(CodeId::parse(&id.to_string()), Some(id));
        }

        #[test]
        fn no_text_panics_a_reader(text: String) {
            let _any = (Digits::read(&text).is_some(), CodeId::parse(&text), CodePurpose::parse(&text), Resource::parse(&text));
        }
    }

    #[test]
    fn what_no_code_can_be_is_none() {
        for text in ["", "12345", "12345678901", "12345a", "１２３４５", "一二三四五六", "+12345", "12.3456"]
        {
            assert!(Digits::read(text).is_none(), "{text}");
        }
    }

    /// 10⁶ draws of one digit: none is further from its share than chance allows (chi-square with 9 degrees of freedom).
    #[test]
    fn every_digit_is_as_likely_as_any_other() {
        let entropy: &dyn Entropy = &SeededEntropy::new(7);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            for digit in Digits::draw(10, entropy).expose().bytes() {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        let expected = 100_000.0;
        let chi: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        assert!(chi < 27.9, "{chi}: one in a thousand is above that; {counts:?}");
    }
}
