#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]
#![expect(clippy::unwrap_used, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::ports::{Clock, LocalThrottle, MarkId};
use crate::throttle::{Rule, Throttled, decide};
use crate::time::Timestamp;

/// The meaning of [`LocalThrottle`] in as few lines as it takes.
pub struct ModelThrottle {
    clock: Arc<dyn Clock>,
    capacity: usize,
    accounts: Mutex<HashMap<MarkId, Timestamp>>,
}

impl ModelThrottle {
    /// An empty one with room for so many accounts.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity, accounts: Mutex::default() }
    }
}

impl LocalThrottle for ModelThrottle {
    fn throttle(&self, key: MarkId, rule: Rule) -> Throttled {
        let mut accounts = self.accounts.lock().unwrap();
        let (decision, empty_at) = decide(accounts.get(&key).copied(), self.clock.now(), rule, 1);
        if !accounts.contains_key(&key) && accounts.len() >= self.capacity {
            let soonest = accounts.iter().min_by_key(|(_, empty_at)| **empty_at).map(|(key, _)| *key);
            soonest.and_then(|key| accounts.remove(&key));
        }
        accounts.insert(key, empty_at);
        decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::local_throttle_conformance;

    #[test]
    fn the_model_conforms() {
        local_throttle_conformance(|clock, capacity| ModelThrottle::new(clock, capacity));
    }
}
