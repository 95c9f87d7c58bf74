//! Rate limits: the generic cell rate algorithm as one pure function, so that every store decides alike.

use std::time::Duration;

use crate::time::Timestamp;

/// How many calls a key may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many calls may come at once, at least 1.
    pub burst: u32,
    /// After how long one call more is allowed, at least 1 ms.
    pub interval: Duration,
}

/// What a limit says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttled {
    /// It may go on, and has been counted.
    Go,
    /// It may not, and has not been counted; after this long it could.
    Wait(Duration),
}

/// Decides whether a call of weight `cost` may go on at `now`, and from when on the key's account is empty again.
///
/// `empty_at` is what the last decision for this key returned, or `None` for a key not seen before. A refused call leaves
/// it unchanged. A cost above the burst can never go on; its wait is how long an empty account would need.
pub fn decide(empty_at: Option<Timestamp>, now: Timestamp, rule: Rule, cost: u32) -> (Throttled, Timestamp) {
    let interval = rule.interval.max(Duration::from_millis(1));
    let room = interval.saturating_mul(rule.burst.max(1));
    // No account is fuller than full. One that seems to be was charged while a clock was ahead, and must not wait until that
    // time has come.
    let start = empty_at.map_or(now, |empty_at| empty_at.max(now).min(now.plus(room)));
    let filled = start.plus(interval.saturating_mul(cost));
    let excess = filled.since(now).saturating_sub(room);
    if excess.is_zero() { (Throttled::Go, filled) } else { (Throttled::Wait(excess), start) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule { burst: 3, interval: Duration::from_secs(10) };

    #[test]
    fn an_account_that_was_charged_while_the_clock_was_ahead_is_full_and_no_more() {
        let (now, ahead) = (Timestamp::from_milliseconds(0), Timestamp::from_milliseconds(1_000_000_000));
        let (_, account) = decide(None, ahead, RULE, 1);
        let (decision, account) = decide(Some(account), now, RULE, 1);
        assert_eq!(decision, Throttled::Wait(RULE.interval));
        let (decision, _) = decide(Some(account), now.plus(RULE.interval), RULE, 1);
        assert_eq!(decision, Throttled::Go);
    }

    #[test]
    fn a_burst_goes_and_the_next_is_told_how_long_to_wait() {
        let now = Timestamp::from_milliseconds(0);
        let mut account = None;
        for _ in 0..3 {
            let (decision, next) = decide(account, now, RULE, 1);
            assert_eq!(decision, Throttled::Go);
            account = Some(next);
        }
        let (decision, after) = decide(account, now, RULE, 1);
        assert_eq!(decision, Throttled::Wait(Duration::from_secs(10)));
        assert_eq!(Some(after), account);
        let (decision, _) = decide(account, now.plus(Duration::from_secs(10)), RULE, 1);
        assert_eq!(decision, Throttled::Go);
    }

    proptest! {
        #[test]
        fn no_window_lets_more_through_than_the_burst_and_what_flowed_back(gaps in prop::collection::vec(0u64..15_000, 1..60)) {
            let mut now = Timestamp::from_milliseconds(0);
            let mut account = None;
            let mut passed = 0u64;
            for gap in gaps {
                now = now.plus(Duration::from_millis(gap));
                let (decision, next) = decide(account, now, RULE, 1);
                account = Some(next);
                match decision {
                    Throttled::Go => passed += 1,
                    Throttled::Wait(wait) => {
                        prop_assert_eq!(decide(account, now.plus(wait), RULE, 1).0, Throttled::Go);
                    }
                }
                let elapsed = u64::try_from(now.milliseconds()).unwrap();
                prop_assert!(passed <= 3 + elapsed / 10_000);
            }
        }
    }
}
