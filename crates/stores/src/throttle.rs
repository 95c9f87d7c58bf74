//! Limits of one node, in a table of fixed size: what issuing a challenge may cost in memory, whoever asks for how many.
//!
//! The table is cut into small sets; a key belongs to one, found by its first bytes. In a full set the account that would be
//! empty soonest makes room, so whoever owes most is remembered longest, and nobody is refused because others are many.

use std::sync::Arc;

use countersign_domain::ports::{Clock, LocalThrottle, MarkId};
use countersign_domain::throttle::{Rule, Throttled, decide};
use countersign_domain::time::Timestamp;
use parking_lot::Mutex;

/// Accounts in a set: few enough to look through at once, enough that busy ones seldom meet.
const WAYS: usize = 16;

/// The throttles of one node.
pub struct MemoryThrottle {
    clock: Arc<dyn Clock>,
    sets: Vec<Mutex<[Account; WAYS]>>,
}

#[derive(Clone, Copy)]
struct Account {
    key: MarkId,
    empty_at: Timestamp,
}

/// An account that nobody has: it was empty from the beginning, so it is the first to make room.
const VACANT: Account = Account { key: [0; 16], empty_at: Timestamp::from_milliseconds(i64::MIN) };

impl MemoryThrottle {
    /// An empty table with room for `capacity` accounts, of 24 bytes each.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).max(1);
        Self { clock, sets: (0..sets).map(|_| Mutex::new([VACANT; WAYS])).collect() }
    }

    fn set(&self, key: &MarkId) -> &Mutex<[Account; WAYS]> {
        let [a, b, c, d, ..] = *key;
        let number = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        &self.sets[number % self.sets.len()]
    }
}

impl LocalThrottle for MemoryThrottle {
    fn throttle(&self, key: MarkId, rule: Rule) -> Throttled {
        // The time since the start, not the time of day: an operator who sets the clock back locks nobody out.
        let now = Timestamp::from_milliseconds(i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX));
        let mut set = self.set(&key).lock();
        let known = set.iter_mut().find(|account| account.key == key);
        let (decision, empty_at) = decide(known.as_ref().map(|account| account.empty_at), now, rule, 1);
        match known {
            Some(account) => account.empty_at = empty_at,
            None => {
                if let Some(soonest) = set.iter_mut().min_by_key(|account| account.empty_at) {
                    *soonest = Account { key, empty_at };
                }
            }
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_domain::testing::{ManualClock, ModelThrottle, local_throttle_conformance};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conforms() {
        local_throttle_conformance(|clock, capacity| MemoryThrottle::new(clock, capacity));
    }

    proptest! {
        #[test]
        fn means_what_the_model_means_while_there_is_room(steps in prop::collection::vec((0u64..2_000, 1u8..6), 1..80)) {
            let clock = ManualClock::new();
            let throttle = MemoryThrottle::new(Arc::<ManualClock>::clone(&clock), 100);
            let model = ModelThrottle::new(Arc::<ManualClock>::clone(&clock), 100);
            let rule = Rule { burst: 3, interval: Duration::from_secs(1) };
            for (gap, key) in steps {
                clock.advance(Duration::from_millis(gap));
                prop_assert_eq!(throttle.throttle([key; 16], rule), model.throttle([key; 16], rule));
            }
        }
    }
}
