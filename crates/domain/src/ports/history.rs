use crate::ports::MarkId;
use crate::standing::{Deed, Impression, Memory};

/// What this node remembers of clients, for what must touch no store: choosing how hard a challenge is drawn.
///
/// Approximate, in the client's favour: an implementation is bounded, and when it is full it forgets whoever
/// [matters least](crate::standing::Standing::matters_until), so that a flood of strangers costs no memory and those who did
/// most are remembered longest. `testing::history_conformance` is the definition.
pub trait History: Send + Sync {
    /// What is remembered under `key`. Changes nothing.
    fn recall(&self, key: MarkId, memory: &Memory) -> Impression;

    /// Remembers `deed` under `key`, as [`Standing::after`](crate::standing::Standing::after) says, and tells what counts from
    /// now on. Never blocks for long, never fails.
    fn note(&self, key: MarkId, deed: Deed, memory: &Memory) -> Impression;
}
