use crate::ports::MarkId;
use crate::throttle::{Rule, Throttled};

/// Limits of this node alone, for what must touch no store: issuing a challenge.
///
/// Approximate, in the caller's favour: an implementation is bounded, and when it is full it forgets the account that would
/// be empty soonest instead of refusing a new one. Forgetting an account gives somebody a burst too many; refusing would lock
/// out honest people because others are many. `testing::local_throttle_conformance` is the definition.
pub trait LocalThrottle: Send + Sync {
    /// Counts a call against `rule` for `key`, as [`decide`](crate::throttle::decide) says. Never blocks for long, never
    /// fails.
    fn throttle(&self, key: MarkId, rule: Rule) -> Throttled;
}
