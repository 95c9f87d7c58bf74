use std::sync::Arc;
use std::time::Duration;

use crate::challenge::Level;
use crate::ports::{History, MarkId};
use crate::standing::{Burden, Deed, Impression, Memory, Waits};
use crate::testing::{ManualClock, local_throttle_conformance::key};

const RIGHT: Deed = Deed::Right(Level::DEFAULT);
const WRONG: Deed = Deed::Wrong(Level::DEFAULT);

const MEMORY: Memory = Memory {
    point: Duration::from_mins(1),
    points_per_level: 2,
    most_levels: [2, 1, 1],
    scripted: 2,
    waits: Some(Waits { after: 2, first: Duration::from_secs(10), longest: Duration::from_mins(1) }),
};

/// What it means to remember clients. `open` makes an empty history that takes its time from the clock and has room for at
/// least `capacity` of them, but not for more than four times as many.
///
/// # Panics
/// Where it does not conform.
pub fn history_conformance<H: History>(open: impl Fn(Arc<ManualClock>, usize) -> H) {
    let clock = ManualClock::new();
    let history = open(Arc::clone(&clock), 1_000);
    it_remembers_each_client_by_itself_and_forgets_in_time(&history, &clock);
    looking_changes_nothing(&history);

    let clock = ManualClock::new();
    a_full_one_remembers_who_did_most(&open(Arc::clone(&clock), 100));
}

fn failures(history: &impl History, key: MarkId) -> u8 {
    history.recall(key, &MEMORY).levels(Burden::Failures)
}

fn it_remembers_each_client_by_itself_and_forgets_in_time(history: &impl History, clock: &ManualClock) {
    assert_eq!(history.recall(key(1), &MEMORY), Impression::default());
    for wait in [None, Some(Duration::from_secs(10)), Some(Duration::from_secs(20))] {
        assert_eq!(history.note(key(1), WRONG, &MEMORY).wait, wait);
    }
    assert_eq!((failures(history, key(1)), failures(history, key(2))), (1, 0));
    clock.advance(Duration::from_secs(15));
    assert_eq!(history.recall(key(1), &MEMORY).wait, Some(Duration::from_secs(5)));
    clock.advance(Duration::from_secs(5));
    assert_eq!(history.recall(key(1), &MEMORY).wait, None);
    assert_eq!(failures(history, key(1)), 1);
    clock.advance(Duration::from_mins(3));
    assert_eq!(history.recall(key(1), &MEMORY), Impression::default());
    // The row of wrong answers is forgotten with them.
    assert_eq!(history.note(key(1), WRONG, &MEMORY).wait, None);
    assert!(history.note(key(1), WRONG, &MEMORY).wait.is_some());
    assert_eq!(history.note(key(1), RIGHT, &MEMORY), Impression::default());
}

fn looking_changes_nothing(history: &impl History) {
    history.note(key(7), WRONG, &MEMORY);
    let before = history.note(key(7), WRONG, &MEMORY);
    for _ in 0..20 {
        assert_eq!(history.recall(key(7), &MEMORY), before);
    }
}

fn a_full_one_remembers_who_did_most(history: &impl History) {
    let guesser = key(0);
    for _ in 0..4 {
        history.note(guesser, WRONG, &MEMORY);
    }
    for number in 1..5_000 {
        history.note(key(number), Deed::Asked, &MEMORY);
        history.recall(key(number + 10_000), &MEMORY);
    }
    assert_eq!(failures(history, guesser), 2, "the one that did most was forgotten");
    let remembered = (1..5_000).filter(|number| {
        let noted = history.note(key(*number), WRONG, &MEMORY);
        noted.wait.is_some()
    });
    assert_eq!(remembered.count(), 0, "asking is no wrong answer");
}
