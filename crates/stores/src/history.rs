//! What one node remembers of clients, in a table of fixed size, whoever comes how often.
//!
//! Cut into small sets as the node's [throttle](crate::throttle) is, for the same reasons. In a full set whoever matters least
//! makes room: a flood of strangers pushes out strangers.

use std::sync::Arc;

use countersign_domain::ports::{Clock, History, MarkId};
use countersign_domain::standing::{Deed, Impression, Memory, Standing};
use countersign_domain::time::Timestamp;
use parking_lot::Mutex;

/// Clients in a set.
const WAYS: usize = 16;

/// The history of one node.
pub struct MemoryHistory {
    clock: Arc<dyn Clock>,
    sets: Vec<Mutex<[Client; WAYS]>>,
}

#[derive(Clone, Copy)]
struct Client {
    key: MarkId,
    standing: Standing,
}

/// A place that nobody has.
const VACANT: Client = Client { key: [0; 16], standing: Standing::UNKNOWN };

impl MemoryHistory {
    /// An empty table with room for `capacity` clients, of 56 bytes each.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).max(1);
        Self { clock, sets: (0..sets).map(|_| Mutex::new([VACANT; WAYS])).collect() }
    }

    fn set(&self, key: &MarkId) -> &Mutex<[Client; WAYS]> {
        let [a, b, c, d, ..] = *key;
        let number = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        &self.sets[number % self.sets.len()]
    }

    /// The time since the start, not the time of day: an operator who sets the clock back makes nobody wait.
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(i64::try_from(self.clock.monotonic().as_millis()).unwrap_or(i64::MAX))
    }
}

impl History for MemoryHistory {
    fn recall(&self, key: MarkId, memory: &Memory) -> Impression {
        let now = self.now();
        let set = self.set(&key).lock();
        let known = set.iter().find(|client| client.key == key);
        known.map_or(Standing::UNKNOWN, |client| client.standing).impression(now, memory)
    }

    fn note(&self, key: MarkId, deed: Deed, memory: &Memory) -> Impression {
        let now = self.now();
        let mut set = self.set(&key).lock();
        let known = set.iter_mut().find(|client| client.key == key);
        let standing = known.as_ref().map_or(Standing::UNKNOWN, |client| client.standing).after(deed, now, memory);
        match known {
            Some(client) => client.standing = standing,
            None => {
                if let Some(least) = set.iter_mut().min_by_key(|client| client.standing.matters_until()) {
                    *least = Client { key, standing };
                }
            }
        }
        standing.impression(now, memory)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_domain::challenge::Level;
    use countersign_domain::standing::Waits;
    use countersign_domain::testing::{ManualClock, ModelHistory, history_conformance};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conforms() {
        history_conformance(|clock, capacity| MemoryHistory::new(clock, capacity));
    }

    #[test]
    fn a_client_takes_the_room_that_the_documentation_says() {
        assert_eq!(size_of::<Client>(), 56);
    }

    proptest! {
        #[test]
        fn means_what_the_model_means_while_there_is_room(
            steps in prop::collection::vec((0u64..90_000, 1u8..6, 0usize..8), 1..120),
        ) {
            let [easy, hard] = [1, 5].map(|number| Level::new(number).unwrap());
            let deeds =
                [Deed::Asked, Deed::Right(easy), Deed::Right(hard), Deed::Wrong(easy), Deed::Wrong(hard), Deed::HumanTrail, Deed::DoubtfulTrail, Deed::ScriptedTrail];
            let waits = Waits { after: 2, first: Duration::from_secs(5), longest: Duration::from_mins(1) };
            let memory = Memory {
                point: Duration::from_mins(1),
                points_per_level: 2,
                most_levels: [3, 1, 2],
                scripted: 2,
                waits: Some(waits),
            };
            let clock = ManualClock::new();
            let history = MemoryHistory::new(Arc::<ManualClock>::clone(&clock), 100);
            let model = ModelHistory::new(Arc::<ManualClock>::clone(&clock), 100);
            for (gap, key, deed) in steps {
                clock.advance(Duration::from_millis(gap));
                let (key, deed) = ([key; 16], deeds[deed]);
                prop_assert_eq!(history.note(key, deed, &memory), model.note(key, deed, &memory));
                prop_assert_eq!(history.recall(key, &memory), model.recall(key, &memory));
            }
        }
    }
}
