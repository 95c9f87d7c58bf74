#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]
#![expect(clippy::unwrap_used, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::ports::{Clock, Epoch, MarkId, Marks, MarksError, Owner, Spent};
use crate::throttle::{Rule, Throttled, decide};
use crate::time::Timestamp;

/// The meaning of [`Marks`] in as few lines as it takes: slow, and what real stores are compared with.
pub struct ModelMarks {
    clock: Arc<dyn Clock>,
    capacity: usize,
    epoch: Epoch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spent: HashMap<MarkId, (Owner, Timestamp, u32, Timestamp)>,
    throttles: HashMap<MarkId, Timestamp>,
}

impl ModelMarks {
    /// An empty store of this size, in the life that `epoch` names.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize, epoch: Epoch) -> Self {
        Self { clock, capacity, epoch, state: Mutex::default() }
    }
}

#[async_trait]
impl Marks for ModelMarks {
    async fn spend(&self, id: MarkId, owner: Owner, until: Timestamp) -> Result<Spent, MarksError> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        state.spent.retain(|_, mark| now < mark.3);
        if let Some((holder, first, count, _)) = state.spent.get_mut(&id) {
            if *holder != owner {
                return Ok(Spent::Taken);
            }
            *count += 1;
            return Ok(Spent::Again { count: *count, since_first: now.since(*first) });
        }
        if state.spent.len() >= self.capacity {
            return Err(MarksError::Full);
        }
        state.spent.insert(id, (owner, now, 1, until));
        Ok(Spent::First)
    }

    async fn is_spent(&self, id: MarkId) -> Result<bool, MarksError> {
        let now = self.clock.now();
        Ok(self.state.lock().unwrap().spent.get(&id).is_some_and(|mark| now < mark.3))
    }

    async fn throttle(&self, key: MarkId, rule: Rule, cost: u32) -> Result<Throttled, MarksError> {
        let mut state = self.state.lock().unwrap();
        let (decision, empty_at) = decide(state.throttles.get(&key).copied(), self.clock.now(), rule, cost);
        state.throttles.insert(key, empty_at);
        Ok(decision)
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn held(&self) -> Option<u64> {
        u64::try_from(self.state.lock().unwrap().spent.len()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::marks_conformance;

    #[test]
    fn the_model_conforms() {
        marks_conformance(|clock, capacity| ModelMarks::new(clock, capacity, [0; 8]));
    }
}
