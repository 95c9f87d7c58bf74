//! The latest decisions of one node, in two samples of fixed size.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

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
    samples: Mutex<Samples>,
}

struct Samples {
    /// The number of the next decision, so that both samples can be told in one order.
    next: u64,
    notable: Sample,
    ordinary: Sample,
}

/// Decisions by app, each with its number, the oldest first. No app is without any.
struct Sample {
    room: usize,
    kept: usize,
    apps: BTreeMap<AppId, VecDeque<(u64, Decision)>>,
}

impl Sample {
    fn new(room: usize) -> Self {
        Self { room, kept: 0, apps: BTreeMap::new() }
    }

    fn keep(&mut self, number: u64, decision: Decision) {
        if self.kept == self.room {
            self.make_room();
        }
        self.apps.entry(decision.app.clone()).or_default().push_back((number, decision));
        self.kept += 1;
    }

    /// The app that has most forgets its oldest: whoever makes much happen at one app shall not hide what happened at another.
    fn make_room(&mut self) {
        let fullest = self.apps.iter_mut().max_by_key(|(_, of_app)| {
            let oldest = of_app.front().map(|(number, _)| *number);
            (of_app.len(), Reverse(oldest))
        });
        let Some((app, of_app)) = fullest else { return };
        of_app.pop_front();
        self.kept -= 1;
        if of_app.is_empty() {
            let app = app.clone();
            self.apps.remove(&app);
        }
    }
}

impl Default for MemoryDecisions {
    fn default() -> Self {
        let samples = Samples { next: 0, notable: Sample::new(NOTABLE), ordinary: Sample::new(ORDINARY) };
        Self { samples: Mutex::new(samples) }
    }
}

impl Decisions for MemoryDecisions {
    fn keep(&self, decision: Decision) {
        let mut samples = self.samples.lock();
        let number = samples.next;
        samples.next += 1;
        let sample = if decision.is_notable() { &mut samples.notable } else { &mut samples.ordinary };
        sample.keep(number, decision);
    }

    fn latest(&self, app: &AppId, limit: usize) -> Vec<Decision> {
        let samples = self.samples.lock();
        let both = [&samples.notable, &samples.ordinary].into_iter();
        let mut found: Vec<_> = both.filter_map(|sample| sample.apps.get(app)).flatten().collect();
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
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
