use std::sync::Arc;

use crate::ports::{Clock, Entropy, Event, Tally, UsageNotes};
use crate::usage::{Usage, UsageKeys};

/// Notes what doors see of who uses what.
pub struct NoteUsage {
    notes: Arc<dyn UsageNotes>,
    keys: Arc<UsageKeys>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    tally: Arc<dyn Tally>,
}

impl NoteUsage {
    /// The operation over these ports.
    pub fn new(
        notes: Arc<dyn UsageNotes>,
        keys: Arc<UsageKeys>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tally: Arc<dyn Tally>,
    ) -> Self {
        Self { notes, keys, clock, entropy, tally }
    }

    /// Notes `usage`, as of now. It never waits and never fails: what finds no room is lost, and counted.
    pub fn note(&self, usage: Usage) {
        let row = self.keys.row(usage, self.clock.now(), &*self.entropy);
        if row.is_ok_and(|row| self.notes.note(row).is_ok()) {
            return;
        }
        self.tally.count(Event::UsageLost);
    }
}
