//! The budget for guesses at short install codes, of the whole installation.
//!
//! There are 62⁶ short codes. A guess that is compared with `live` codes hits with probability `live / 62⁶`, so it costs
//! `live` units (those that have ended count for a day longer, because a guess that hits one is told so), and a day's units are so many that all of a day's guesses together hit with a probability of at most 10⁻⁵:
//! 568,002. Counted in units, the bound holds however the number of live codes changes during the day; with 100 of them it
//! is 5,680 guesses.
//!
//! The budget fills evenly, as every other limit here does (no midnight at which twice as much is free): half of it may go at
//! once, the other half comes back over a day, so that no 24 hours ever see more than the whole. A tenth is set aside for
//! machines whose address lies in a network that a live code names: an attacker who has spent the rest cannot lock them
//! out. They are compared with those codes only, and pay for those only.
//!
//! A guess that hits a code, whatever the code then allows, gets its units back.

use std::time::Duration;

use crate::throttle::{Rule, Throttled, decide};
use crate::time::Timestamp;

/// How many short codes there are: 62⁶.
const CODES: u64 = 62 * 62 * 62 * 62 * 62 * 62;
/// A day's guesses hit with a probability of at most one in this many.
const ONE_IN: u64 = 100_000;
const DAY: Duration = Duration::from_hours(24);

/// The two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// Everybody's: nine tenths.
    Common,
    /// For machines inside a live code's networks: one tenth.
    Reserve,
}

impl Account {
    /// Its name at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Common => "guesses.common",
            Self::Reserve => "guesses.reserve",
        }
    }

    /// Units that may be spent in 24 hours.
    pub fn units_a_day(self) -> u64 {
        let all = CODES / ONE_IN;
        match self {
            Self::Common => all - all / 10,
            Self::Reserve => all / 10,
        }
    }

    /// Half at once, the other half over a day.
    fn rule(self) -> Rule {
        let half = u32::try_from(self.units_a_day() / 2).unwrap_or(u32::MAX);
        // Rounded up to whole milliseconds, which is how fine time is; so the refill is a little slower than it may be.
        let milliseconds = DAY.as_millis().div_ceil(u128::from(half));
        Rule { burst: half, interval: Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)) }
    }

    /// Decides whether a guess that is compared with `live` codes may go on at `now`, and what the account is then. `empty_at`
    /// is the account before, `None` for a fresh one.
    pub fn charge(self, empty_at: Option<Timestamp>, now: Timestamp, live: u32) -> (Throttled, Timestamp) {
        decide(empty_at, now, self.rule(), live)
    }

    /// The account after a guess compared with `live` codes turned out to be none.
    pub fn give_back(self, empty_at: Timestamp, live: u32) -> Timestamp {
        empty_at.minus(self.rule().interval.saturating_mul(live))
    }
}

/// How often the audit trail tells of refused machines: 1,000 at once, and as many again in a day. Who has no code, or an old
/// one, must not be able to fill the disk; what is not told is counted in the metrics.
pub const REFUSALS_TOLD: Rule = Rule { burst: 1_000, interval: Duration::from_millis(86_400) };
/// The account of [`REFUSALS_TOLD`] at rest.
pub const REFUSALS_ACCOUNT: &str = "refusals.told";
/// The alarm that guesses are paused is raised once in this time, while it lasts.
pub const ALARM_EVERY: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Guesses that go through in `span`, if as many as possible are tried at each step.
    fn guesses(account: Account, live: u32, span: Duration) -> u64 {
        let step = Duration::from_mins(1);
        let (mut now, end) = (Timestamp::from_milliseconds(0), Timestamp::from_milliseconds(0).plus(span));
        let (mut empty_at, mut count) = (None, 0);
        while now < end {
            let (decision, after) = account.charge(empty_at, now, live);
            empty_at = Some(after);
            match decision {
                Throttled::Go => count += 1,
                Throttled::Wait(_) => now = now.plus(step),
            }
        }
        count
    }

    #[test]
    fn a_days_guesses_hit_with_a_probability_of_at_most_one_in_a_hundred_thousand() {
        for live in [1, 20, 100, 1_000] {
            let tried: u64 =
                [Account::Common, Account::Reserve].map(|account| guesses(account, live, DAY)).iter().sum();
            let hit = tried * u64::from(live);
            assert!(hit <= CODES / ONE_IN, "{live} live: {hit} comparisons");
            assert!(hit > CODES / ONE_IN * 9 / 10, "{live} live: {hit} comparisons are far below the budget");
        }
        assert_eq!(guesses(Account::Common, 100, DAY) / 100, 51);
    }

    #[test]
    fn what_was_no_guess_is_given_back() {
        let now = Timestamp::from_milliseconds(1_000);
        let mut empty_at = None;
        for _ in 0..1_000_000 {
            let (decision, after) = Account::Common.charge(empty_at, now, 100);
            assert_eq!(decision, Throttled::Go);
            empty_at = Some(Account::Common.give_back(after, 100));
        }
        assert_eq!(empty_at, Some(now));
    }

    #[test]
    fn without_a_live_code_a_guess_costs_nothing() {
        assert_eq!(guesses(Account::Common, 1_000_000, DAY), 0, "and with too many none is looked at");
        let now = Timestamp::from_milliseconds(1_000);
        assert_eq!(Account::Common.charge(None, now, 0), (Throttled::Go, now));
    }
}
