//! Marks in memory: a sharded map, each shard under one lock, with a hard cap that refuses what is new.
//!
//! A cache would not do: caches evict, and evicting a mark lets a spent token pass again. Nothing here is written to disk;
//! the [epoch](Marks::epoch) drawn at each start makes tokens of an earlier life void.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use countersign_domain::ports::{Clock, Entropy, Epoch, MarkId, Marks, MarksError, Owner, Spent};
use countersign_domain::throttle::{Rule, Throttled, decide};
use countersign_domain::time::Timestamp;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;

/// Enough that two cores seldom meet in one, few enough that a small cap still divides evenly.
const SHARDS: usize = 64;

/// The marks of one node.
pub struct MemoryMarks {
    clock: Arc<dyn Clock>,
    epoch: Epoch,
    shards: Vec<Mutex<Shard>>,
    shard_capacity: usize,
    held: AtomicU64,
}

#[derive(Default)]
struct Shard {
    marks: HashMap<Key, Mark>,
    /// When to look whether a mark can go. A mark that lives on longer (a throttle that was used again) is put back then.
    ends: BinaryHeap<Reverse<(Timestamp, Key)>>,
}

/// Spent ids and throttles live side by side and never meet.
type Key = (Verb, MarkId);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Verb {
    Spend,
    Throttle,
}

struct Mark {
    until: Timestamp,
    state: State,
}

enum State {
    Spent {
        owner: Owner,
        first: Timestamp,
        count: u32,
    },
    /// `until` is when the throttle's account is empty: there is nothing else to know.
    Throttle,
}

impl MemoryMarks {
    /// An empty store that holds `capacity` marks (about 100 bytes each), in a life of its own.
    pub fn new(clock: Arc<dyn Clock>, entropy: &dyn Entropy, capacity: usize) -> Self {
        // Ids are spread at random, so one shard is full before all are. A tenth more room each (and 16 for small caps)
        // keeps the promise that `capacity` marks fit.
        let even = capacity.div_ceil(SHARDS);
        Self {
            clock,
            epoch: entropy.array(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_capacity: even + even / 10 + 16,
            held: AtomicU64::new(0),
        }
    }

    fn shard(&self, id: &MarkId) -> &Mutex<Shard> {
        &self.shards[usize::from(id[0]) % SHARDS]
    }

    /// Makes room by dropping what has expired. Amortised: each mark is looked at once, a throttle once a use.
    fn sweep(&self, shard: &mut Shard, now: Timestamp) {
        while let Some(Reverse((end, key))) = shard.ends.peek().copied() {
            if end > now {
                return;
            }
            shard.ends.pop();
            let Entry::Occupied(mark) = shard.marks.entry(key) else { continue };
            let until = mark.get().until;
            if until > now {
                shard.ends.push(Reverse((until, key)));
            } else {
                mark.remove();
                self.held.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn keep(&self, shard: &mut Shard, key: Key, mark: Mark) -> Result<(), MarksError> {
        if shard.marks.len() >= self.shard_capacity {
            return Err(MarksError::Full);
        }
        shard.ends.push(Reverse((mark.until, key)));
        shard.marks.insert(key, mark);
        self.held.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Marks for MemoryMarks {
    async fn spend(&self, id: MarkId, owner: Owner, until: Timestamp) -> Result<Spent, MarksError> {
        let now = self.clock.now();
        let mut shard = self.shard(&id).lock();
        self.sweep(&mut shard, now);
        let key = (Verb::Spend, id);
        if let Some(Mark { state: State::Spent { owner: holder, first, count }, .. }) = shard.marks.get_mut(&key) {
            if *holder != owner {
                return Ok(Spent::Taken);
            }
            *count = count.saturating_add(1);
            return Ok(Spent::Again { count: *count, since_first: now.since(*first) });
        }
        let state = State::Spent { owner, first: now, count: 1 };
        self.keep(&mut shard, key, Mark { until, state })?;
        Ok(Spent::First)
    }

    async fn is_spent(&self, id: MarkId) -> Result<bool, MarksError> {
        let now = self.clock.now();
        let shard = self.shard(&id).lock();
        Ok(shard.marks.get(&(Verb::Spend, id)).is_some_and(|mark| mark.until > now))
    }

    async fn throttle(&self, id: MarkId, rule: Rule, cost: u32) -> Result<Throttled, MarksError> {
        let now = self.clock.now();
        let mut shard = self.shard(&id).lock();
        self.sweep(&mut shard, now);
        let key = (Verb::Throttle, id);
        let known = shard.marks.get_mut(&key);
        let (decision, until) = decide(known.as_ref().map(|mark| mark.until), now, rule, cost);
        match known {
            Some(mark) => mark.until = until,
            // A refused call leaves an empty account empty: there is nothing to keep.
            None if decision == Throttled::Go => {
                self.keep(&mut shard, key, Mark { until, state: State::Throttle })?;
            }
            None => {}
        }
        Ok(decision)
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn held(&self) -> Option<u64> {
        Some(self.held.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_domain::testing::{ManualClock, ModelMarks, SeededEntropy, block_on, marks_conformance};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conforms() {
        marks_conformance(|clock, capacity| MemoryMarks::new(clock, &SeededEntropy::new(1), capacity));
    }

    #[test]
    fn each_start_is_a_life_of_its_own() {
        let entropy = SeededEntropy::new(1);
        let clock: Arc<dyn Clock> = ManualClock::new();
        let first = MemoryMarks::new(Arc::clone(&clock), &entropy, 10);
        assert_ne!(first.epoch(), MemoryMarks::new(clock, &entropy, 10).epoch());
    }

    #[test]
    fn what_has_expired_is_let_go() {
        let clock = ManualClock::new();
        let store = MemoryMarks::new(Arc::<ManualClock>::clone(&clock), &SeededEntropy::new(1), 10_000);
        let until = clock.now().plus(Duration::from_secs(1));
        for number in 0..100u8 {
            block_on(store.spend([number; 16], [0; 16], until)).unwrap();
        }
        assert_eq!(store.held(), Some(100));
        clock.advance(Duration::from_secs(1));
        for number in 100..164u8 {
            block_on(store.spend([number; 16], [0; 16], clock.now().plus(Duration::from_secs(1)))).unwrap();
        }
        assert_eq!(store.held(), Some(64), "a call to each shard swept it");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Advance(u64),
        Spend { id: u8, owner: u8, life: u64 },
        Throttle { id: u8, cost: u32 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..3_000).prop_map(Step::Advance),
            (0u8..6, 0u8..3, 1u64..5_000).prop_map(|(id, owner, life)| Step::Spend { id, owner, life }),
            (0u8..3, 1u32..4).prop_map(|(id, cost)| Step::Throttle { id, cost }),
        ]
    }

    proptest! {
        #[test]
        fn means_what_the_model_means(steps in prop::collection::vec(step(), 1..80)) {
            let clock = ManualClock::new();
            let store = MemoryMarks::new(Arc::<ManualClock>::clone(&clock), &SeededEntropy::new(1), 1_000);
            let model = ModelMarks::new(Arc::<ManualClock>::clone(&clock), 1_000, [0; 8]);
            let rule = Rule { burst: 3, interval: Duration::from_secs(1) };
            for step in steps {
                match step {
                    Step::Advance(span) => clock.advance(Duration::from_millis(span)),
                    Step::Spend { id, owner, life } => {
                        let until = clock.now().plus(Duration::from_millis(life));
                        let (real, expected) = (store.spend([id; 16], [owner; 16], until), model.spend([id; 16], [owner; 16], until));
                        prop_assert_eq!(block_on(real), block_on(expected));
                    }
                    Step::Throttle { id, cost } => {
                        let (real, expected) = (store.throttle([id; 16], rule, cost), model.throttle([id; 16], rule, cost));
                        prop_assert_eq!(block_on(real), block_on(expected));
                    }
                }
            }
        }
    }
}
