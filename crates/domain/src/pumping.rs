//! The defence against fraudsters who are paid for each text: they ask for codes that nobody types in. So of the texts to one
//! block of numbers, to one country, and for people on one network it is counted how many were answered, and what decides is the
//! ratio: an app with many honest people has room for as many more that do not answer.
//!
//! What is counted is kept by the hour in which a code was made, and counts for a day. A code that is typed in is counted where its
//! texts were, so that both are forgotten together.

use std::time::Duration;

use crate::gate::CodeLimit;
use crate::throttle::Throttled;
use crate::time::Timestamp;

/// How many hours count.
const HOURS: i64 = 24;
const HOUR_MILLISECONDS: i64 = 3_600_000;

/// Of how many texts that are answered one more may stay unread: of four, which is a fifth of all.
const ANSWERED: u32 = 4;

/// An hour, in hours since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour of this time.
    pub fn of(time: Timestamp) -> Self {
        Self(time.milliseconds().div_euclid(HOUR_MILLISECONDS))
    }

    /// The last hour that counts no more at `now`; whatever is older is as good as forgotten.
    pub fn forgotten(now: Timestamp) -> Self {
        Self(Self::of(now).0 - HOURS)
    }

    /// How long after `now` it is forgotten.
    fn counts_for(self, now: Timestamp) -> Duration {
        Timestamp::from_milliseconds((self.0 + HOURS) * HOUR_MILLISECONDS).since(now)
    }
}

/// What one hour saw under one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Which hour.
    pub hour: Hour,
    /// Texts whose codes were made then.
    pub sent: u32,
    /// Those of them whose codes were typed in.
    pub read: u32,
}

/// An account of texts that a send is counted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextAccount {
    /// Which limit it is.
    pub limit: CodeLimit,
    /// Whose account: unique among all limits and subjects.
    pub name: String,
    /// How many texts may be unread in a day, beside one for each four that are read.
    pub unread: u32,
    /// Whether it refuses what is too much; otherwise the caller is only told, and the text counts all the same.
    pub enforced: bool,
}

/// Whether one text more may go to an account that has seen these hours, the oldest first.
pub fn decide(seen: &[Texts], now: Timestamp, unread: u32) -> Throttled {
    // One from the future was counted while a clock was ahead, and counts when its hour has come.
    let counts = |texts: &&Texts| texts.hour > Hour::forgotten(now) && texts.hour <= Hour::of(now);
    let seen: Vec<_> = seen.iter().filter(counts).copied().collect();
    // With the oldest hours forgotten, one after the other: that is how long it would have to wait.
    let forgotten = (0..=seen.len()).find(|forgotten| has_room(&seen[*forgotten..], unread)).unwrap_or_default();
    let last = forgotten.checked_sub(1).and_then(|last| seen.get(last));
    last.map_or(Throttled::Go, |texts| Throttled::Wait(texts.hour.counts_for(now)))
}

fn has_room(seen: &[Texts], unread: u32) -> bool {
    let sum = |count: fn(&Texts) -> u32| seen.iter().map(count).fold(0, u32::saturating_add);
    let (sent, read) = (sum(|texts| texts.sent), sum(|texts| texts.read));
    sent.saturating_sub(read) < unread.saturating_add(read / ANSWERED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_795_000_000_000);

    fn ago(hours: i64, sent: u32, read: u32) -> Texts {
        Texts { hour: Hour(Hour::of(NOW).0 - hours), sent, read }
    }

    #[test]
    fn a_few_may_be_unread_and_one_more_for_each_four_that_are_read() {
        for (seen, goes) in [
            (vec![], true),
            (vec![ago(0, 9, 0)], true),
            (vec![ago(0, 10, 0)], false),
            (vec![ago(3, 5, 0), ago(0, 5, 0)], false),
            (vec![ago(3, 4_000, 4_000), ago(0, 1_009, 0)], true),
            (vec![ago(3, 4_000, 4_000), ago(0, 1_010, 0)], false),
            (vec![ago(24, 10, 0)], true),
            (vec![ago(-1, 10, 0)], true),
        ] {
            assert_eq!(decide(&seen, NOW, 10) == Throttled::Go, goes, "{seen:?}");
        }
    }

    #[test]
    fn the_wait_is_until_enough_is_forgotten() {
        let seen = [ago(23, 1, 0), ago(20, 8, 0), ago(1, 5, 0)];
        let Throttled::Wait(wait) = decide(&seen, NOW, 10) else { panic!("fourteen are unread") };
        assert_eq!(Hour::of(NOW.plus(wait)), Hour(Hour::of(NOW).0 + 4));
        assert_eq!(decide(&seen, NOW.plus(wait), 10), Throttled::Go);
        assert_ne!(decide(&seen, NOW.plus(wait).minus(Duration::from_millis(1)), 10), Throttled::Go);
    }

    proptest! {
        #[test]
        fn whoever_waits_as_long_as_told_goes_on(
            hours in prop::collection::vec((0u32..2_000, 0u32..100), 24),
            unread in 1u32..50,
        ) {
            let texts = |(at, (sent, percent)): (usize, &(u32, u32))| {
                ago(23 - i64::try_from(at).unwrap(), *sent, sent * percent / 100)
            };
            let seen: Vec<_> = hours.iter().enumerate().map(texts).collect();
            if let Throttled::Wait(wait) = decide(&seen, NOW, unread) {
                prop_assert!(wait <= Duration::from_hours(24));
                prop_assert_eq!(decide(&seen, NOW.plus(wait), unread), Throttled::Go);
            }
        }
    }
}
