//! The latest decisions of one node, in two rings of fixed size.

use std::collections::VecDeque;

use countersign_domain::app::AppId;
use countersign_domain::decision::Decision;
use countersign_domain::ports::Decisions;
use parking_lot::Mutex;

/// Notable decisions that are kept.
const NOTABLE: usize = 1_000;

/// Others that are kept, to compare with.
const ORDINARY: usize = 200;

/// The sample of one node.
pub struct MemoryDecisions {
    rings: Mutex<Rings>,
}

/// Each with its number, so that the two can be told in one order.
struct Rings {
    next: u64,
    notable: VecDeque<(u64, Decision)>,
    ordinary: VecDeque<(u64, Decision)>,
}

impl Default for MemoryDecisions {
    fn default() -> Self {
        let rings =
            Rings { next: 0, notable: VecDeque::with_capacity(NOTABLE), ordinary: VecDeque::with_capacity(ORDINARY) };
        Self { rings: Mutex::new(rings) }
    }
}

impl Decisions for MemoryDecisions {
    fn keep(&self, decision: Decision) {
        let mut rings = self.rings.lock();
        let number = rings.next;
        rings.next += 1;
        let (ring, room) =
            if decision.is_notable() { (&mut rings.notable, NOTABLE) } else { (&mut rings.ordinary, ORDINARY) };
        if ring.len() == room {
            ring.pop_front();
        }
        ring.push_back((number, decision));
    }

    fn latest(&self, app: &AppId, limit: usize) -> Vec<Decision> {
        let rings = self.rings.lock();
        let both = rings.notable.iter().chain(&rings.ordinary);
        let mut found: Vec<_> = both.filter(|(_, decision)| decision.app == *app).collect();
        found.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        found.into_iter().take(limit).map(|(_, decision)| decision.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::decisions_conformance;

    use super::*;

    #[test]
    fn conforms() {
        decisions_conformance(MemoryDecisions::default);
    }
}
