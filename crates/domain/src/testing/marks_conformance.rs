#![expect(clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::ports::{Clock as _, MarkId, Marks, MarksError, Spent};
use crate::testing::{ManualClock, block_on};
use crate::throttle::{Rule, Throttled};

const MINUTE: Duration = Duration::from_mins(1);

/// What it means to be a store of marks. `open` makes an empty store that takes its time from the clock and holds at least
/// `capacity` marks, but not more than four times as many.
///
/// # Panics
/// Where the store does not conform.
pub fn marks_conformance<M: Marks + 'static>(open: impl Fn(Arc<ManualClock>, usize) -> M) {
    let clock = ManualClock::new();
    let store = open(Arc::clone(&clock), 1_000);
    one_owner_spends_and_only_it_may_come_again(&store, &clock);
    a_mark_ends_at_its_time_and_a_repetition_does_not_prolong_it(&store, &clock);
    a_throttle_counts_what_it_lets_through(&store, &clock);

    let clock = ManualClock::new();
    a_full_store_refuses_the_new_and_keeps_the_live(&open(Arc::clone(&clock), 1_000), &clock);

    let clock = ManualClock::new();
    one_of_many_at_once_is_first(&Arc::new(open(Arc::clone(&clock), 10_000)), &clock);
}

fn id(number: u64) -> MarkId {
    // As spread as the random ids that the operations draw.
    let spread = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&spread.to_le_bytes());
    id[8..].copy_from_slice(&number.to_le_bytes());
    id
}

fn one_owner_spends_and_only_it_may_come_again(store: &impl Marks, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    assert_eq!(block_on(store.spend(id(1), [1; 16], until)), Ok(Spent::First));
    assert_eq!(block_on(store.spend(id(1), [2; 16], until)), Ok(Spent::Taken));
    clock.advance(Duration::from_secs(3));
    let since_first = Duration::from_secs(3);
    assert_eq!(block_on(store.spend(id(1), [1; 16], until)), Ok(Spent::Again { count: 2, since_first }));
    assert_eq!(block_on(store.spend(id(1), [1; 16], until)), Ok(Spent::Again { count: 3, since_first }));
    assert_eq!(block_on(store.spend(id(1), [2; 16], until)), Ok(Spent::Taken));
    assert_eq!(block_on(store.spend(id(2), [2; 16], until)), Ok(Spent::First));
}

fn a_mark_ends_at_its_time_and_a_repetition_does_not_prolong_it(store: &impl Marks, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    assert_eq!(block_on(store.is_spent(id(3))), Ok(false));
    assert_eq!(block_on(store.spend(id(3), [1; 16], until)), Ok(Spent::First));
    clock.advance(Duration::from_secs(59));
    assert_eq!(block_on(store.is_spent(id(3))), Ok(true));
    let later = clock.now().plus(MINUTE);
    assert!(matches!(block_on(store.spend(id(3), [1; 16], later)), Ok(Spent::Again { .. })));
    assert_eq!(block_on(store.spend(id(3), [2; 16], later)), Ok(Spent::Taken));
    clock.advance(Duration::from_millis(999));
    assert_eq!(block_on(store.spend(id(3), [2; 16], later)), Ok(Spent::Taken));
    clock.advance(Duration::from_millis(1));
    assert_eq!(block_on(store.spend(id(3), [2; 16], later)), Ok(Spent::First));
}

fn a_throttle_counts_what_it_lets_through(store: &impl Marks, clock: &ManualClock) {
    let rule = Rule { burst: 2, interval: Duration::from_secs(10) };
    assert_eq!(block_on(store.throttle(id(4), rule, 1)), Ok(Throttled::Go));
    assert_eq!(block_on(store.throttle(id(4), rule, 1)), Ok(Throttled::Go));
    assert_eq!(block_on(store.throttle(id(4), rule, 1)), Ok(Throttled::Wait(Duration::from_secs(10))));
    assert_eq!(block_on(store.throttle(id(5), rule, 1)), Ok(Throttled::Go));
    clock.advance(Duration::from_secs(10));
    assert_eq!(block_on(store.throttle(id(4), rule, 1)), Ok(Throttled::Go));
    assert_eq!(block_on(store.throttle(id(4), rule, 2)), Ok(Throttled::Wait(Duration::from_secs(20))));
    assert_eq!(block_on(store.throttle(id(4), rule, 3)), Ok(Throttled::Wait(Duration::from_secs(30))));
}

fn a_full_store_refuses_the_new_and_keeps_the_live(store: &impl Marks, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    let mut kept = Vec::new();
    let mut refused = 0;
    for number in 0..8_000 {
        match block_on(store.spend(id(number), [1; 16], until)) {
            Ok(Spent::First) => kept.push(number),
            Err(MarksError::Full) => refused += 1,
            other => panic!("a fresh id was answered with {other:?}"),
        }
    }
    assert!(kept.len() >= 1_000, "the store held only {}", kept.len());
    assert!(refused > 0, "the store never refused");
    for &number in &kept {
        assert_eq!(block_on(store.spend(id(number), [2; 16], until)), Ok(Spent::Taken), "mark {number} was lost");
    }
    clock.advance(MINUTE);
    let until = clock.now().plus(MINUTE);
    for number in 100_000..100_500 {
        assert_eq!(block_on(store.spend(id(number), [1; 16], until)), Ok(Spent::First), "expired marks take no room");
    }
}

fn one_of_many_at_once_is_first<M: Marks + 'static>(store: &Arc<M>, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    let first = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for owner in 0..8u8 {
            let (store, first) = (Arc::clone(store), Arc::clone(&first));
            scope.spawn(move || {
                for number in 0..500 {
                    if block_on(store.spend(id(number), [owner; 16], until)) == Ok(Spent::First) {
                        first.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(first.load(Ordering::SeqCst), 500);
}
