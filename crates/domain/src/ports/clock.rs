use std::time::Duration;

use crate::time::Timestamp;

/// What time it is. Nothing else in the project asks the operating system.
pub trait Clock: Send + Sync {
    /// The time of day; may jump when an operator sets the machine's clock.
    fn now(&self) -> Timestamp;

    /// The time since some fixed point; never goes back. For measuring how long something took.
    fn monotonic(&self) -> Duration;
}
