use std::sync::Arc;
use std::time::Duration;

use crate::ports::{LocalThrottle, MarkId};
use crate::testing::ManualClock;
use crate::throttle::{Rule, Throttled};

const RULE: Rule = Rule { burst: 2, interval: Duration::from_secs(10) };

/// What it means to be a throttle of one node. `open` makes an empty one that takes its time from the clock and has room for
/// at least `capacity` accounts, but not for more than four times as many.
///
/// # Panics
/// Where it does not conform.
pub fn local_throttle_conformance<T: LocalThrottle>(open: impl Fn(Arc<ManualClock>, usize) -> T) {
    let clock = ManualClock::new();
    let throttle = open(Arc::clone(&clock), 1_000);
    it_counts_what_it_lets_through(&throttle, &clock);

    let clock = ManualClock::new();
    a_full_one_refuses_nobody_new_and_remembers_who_owes_most(&open(Arc::clone(&clock), 100));
}

pub(super) fn key(number: u64) -> MarkId {
    // As spread as the hashes that the limits are counted under.
    let spread = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(spread ^ (spread >> 29)).to_le_bytes());
    key[8..].copy_from_slice(&number.to_le_bytes());
    key
}

fn it_counts_what_it_lets_through(throttle: &impl LocalThrottle, clock: &ManualClock) {
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Go);
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Go);
    for _ in 0..3 {
        assert_eq!(
            throttle.throttle(key(1), RULE),
            Throttled::Wait(Duration::from_secs(10)),
            "a refusal costs nothing"
        );
    }
    assert_eq!(throttle.throttle(key(2), RULE), Throttled::Go);
    clock.advance(Duration::from_secs(10));
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Go);
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Wait(Duration::from_secs(10)));
    clock.advance(Duration::from_secs(20));
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Go);
    assert_eq!(throttle.throttle(key(1), RULE), Throttled::Go);
}

fn a_full_one_refuses_nobody_new_and_remembers_who_owes_most(throttle: &impl LocalThrottle) {
    let greedy = key(0);
    throttle.throttle(greedy, RULE);
    throttle.throttle(greedy, RULE);
    for number in 1..5_000 {
        assert_eq!(throttle.throttle(key(number), RULE), Throttled::Go, "account {number}");
    }
    assert!(matches!(throttle.throttle(greedy, RULE), Throttled::Wait(_)), "the one that owes most was forgotten");
}
