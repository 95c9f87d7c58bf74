#![expect(clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::access_key::AccessKeyId;
use crate::ports::{Clock as _, MarksError, NonceId, NonceUse, Nonces};
use crate::testing::{ManualClock, block_on};

const MINUTE: Duration = Duration::from_mins(1);

/// What it means to remember nonces. `open` makes an empty store that takes its time from the clock and holds at least
/// `capacity` nonces, but not more than four times as many. That a restart forgets none is each store's own test: stores
/// differ in where they keep them.
///
/// # Panics
/// Where the store does not conform.
pub fn nonces_conformance<N: Nonces + 'static>(open: impl Fn(Arc<ManualClock>, usize) -> N) {
    let clock = ManualClock::new();
    let store = open(Arc::clone(&clock), 1_000);
    a_nonce_counts_once(&store, &clock);
    a_nonce_ends_at_its_time_and_a_repetition_does_not_prolong_it(&store, &clock);

    let clock = ManualClock::new();
    a_full_store_refuses_the_new_and_keeps_the_live(&open(Arc::clone(&clock), 1_000), &clock);

    let clock = ManualClock::new();
    one_of_many_at_once_is_first(&Arc::new(open(Arc::clone(&clock), 10_000)), &clock);
}

fn id(number: u32) -> NonceId {
    match AccessKeyId::parse("AK1") {
        Some(key) => NonceId::of(&key, &number.to_le_bytes()),
        None => panic!("an access key id"),
    }
}

fn a_nonce_counts_once(store: &impl Nonces, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    assert_eq!(block_on(store.spend(id(1), until)), Ok(NonceUse::First));
    assert_eq!(block_on(store.spend(id(1), until)), Ok(NonceUse::Again));
    assert_eq!(block_on(store.spend(id(2), until)), Ok(NonceUse::First));
    assert_eq!(block_on(store.spend(id(1), until)), Ok(NonceUse::Again));
}

fn a_nonce_ends_at_its_time_and_a_repetition_does_not_prolong_it(store: &impl Nonces, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    assert_eq!(block_on(store.spend(id(3), until)), Ok(NonceUse::First));
    clock.advance(MINUTE.saturating_sub(Duration::from_millis(1)));
    let later = clock.now().plus(MINUTE);
    assert_eq!(block_on(store.spend(id(3), later)), Ok(NonceUse::Again));
    clock.advance(Duration::from_millis(1));
    assert_eq!(block_on(store.spend(id(3), later)), Ok(NonceUse::First));
}

fn a_full_store_refuses_the_new_and_keeps_the_live(store: &impl Nonces, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    let mut kept = Vec::new();
    let mut refused = 0;
    for number in 0..8_000 {
        match block_on(store.spend(id(number), until)) {
            Ok(NonceUse::First) => kept.push(number),
            Err(MarksError::Full) => refused += 1,
            other => panic!("a fresh nonce was answered with {other:?}"),
        }
    }
    assert!(kept.len() >= 1_000, "the store held only {}", kept.len());
    assert!(refused > 0, "the store never refused");
    for number in kept {
        // A store that is full may be too full to look; it must not say that a nonce is new.
        let answer = block_on(store.spend(id(number), until));
        assert!(matches!(answer, Ok(NonceUse::Again) | Err(MarksError::Full)), "nonce {number}: {answer:?}");
    }
}

fn one_of_many_at_once_is_first<N: Nonces + 'static>(store: &Arc<N>, clock: &ManualClock) {
    let until = clock.now().plus(MINUTE);
    let first = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            let (store, first) = (Arc::clone(store), Arc::clone(&first));
            scope.spawn(move || {
                for number in 0..500 {
                    if block_on(store.spend(id(number), until)) == Ok(NonceUse::First) {
                        first.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(first.load(Ordering::SeqCst), 500);
}
