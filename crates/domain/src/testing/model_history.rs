#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]
#![expect(clippy::unwrap_used, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::app::AppId;
use crate::decision::Decision;
use crate::ports::{Clock, Decisions, History, MarkId};
use crate::standing::{Deed, Impression, Memory, Standing};

/// The meaning of [`History`] in as few lines as it takes.
pub struct ModelHistory {
    clock: Arc<dyn Clock>,
    capacity: usize,
    clients: Mutex<HashMap<MarkId, Standing>>,
}

impl ModelHistory {
    /// An empty one with room for so many clients.
    pub fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self { clock, capacity, clients: Mutex::default() }
    }
}

impl History for ModelHistory {
    fn recall(&self, key: MarkId, memory: &Memory) -> Impression {
        let clients = self.clients.lock().unwrap();
        clients.get(&key).unwrap_or(&Standing::UNKNOWN).impression(self.clock.now(), memory)
    }

    fn note(&self, key: MarkId, deed: Deed, memory: &Memory) -> Impression {
        let (mut clients, now) = (self.clients.lock().unwrap(), self.clock.now());
        let known = clients.get(&key).copied();
        if known.is_none() && clients.len() >= self.capacity {
            let least = clients.iter().min_by_key(|(_, standing)| standing.matters_until()).map(|(key, _)| *key);
            least.and_then(|key| clients.remove(&key));
        }
        let standing = known.unwrap_or(Standing::UNKNOWN).after(deed, now, memory);
        clients.insert(key, standing);
        standing.impression(now, memory)
    }
}

/// Decisions that a test reads back: all of them.
#[derive(Default)]
pub struct ModelDecisions(Mutex<Vec<Decision>>);

impl Decisions for ModelDecisions {
    fn keep(&self, decision: Decision) {
        self.0.lock().unwrap().push(decision);
    }

    fn latest(&self, app: &AppId, limit: usize) -> Vec<Decision> {
        self.0.lock().unwrap().iter().rev().filter(|decision| decision.app == *app).take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history_conformance;

    #[test]
    fn the_model_conforms() {
        history_conformance(|clock, capacity| ModelHistory::new(clock, capacity));
    }
}
