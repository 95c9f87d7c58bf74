use std::sync::Arc;

use crate::audit::AuditEntry;
use crate::install_code::InstallCodeKeys;
use crate::ports::{Clock, Entropy, MachineRecords};

/// What the operations on groups, install codes and agents need.
#[derive(Clone)]
pub struct MachinePorts {
    /// Groups, codes and agents.
    pub records: Arc<dyn MachineRecords>,
    /// The installation's keys for install codes.
    pub keys: Arc<InstallCodeKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Who asks, for the audit trail.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// An access key's id, or `cli`.
    pub name: &'a str,
    /// What the caller says about itself, such as an address; recorded and never believed. Often empty.
    pub detail: &'a str,
}

impl MachinePorts {
    pub(super) fn audit(&self, by: Actor<'_>, event: &str, subject: &str) -> AuditEntry {
        AuditEntry::new(self.clock.now(), by.name, event, subject).with_detail(by.detail)
    }
}
