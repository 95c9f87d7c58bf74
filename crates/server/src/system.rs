//! The operating system's clock and randomness: the only place where either is asked.

use std::process;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_domain::ports::{Clock, Entropy};
use countersign_domain::time::Timestamp;

/// The operating system's clocks.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// The clock; its monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else is passed")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else is passed")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 makes every token expired: safe, and plain to see.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_milliseconds(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The operating system's randomness.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the Entropy that everybody else is passed")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Predictable ids and nonces would break every promise that this server makes; stopping breaks none.
            tracing::error!(%error, "the operating system gives no randomness");
            process::abort();
        }
    }
}
