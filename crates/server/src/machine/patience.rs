use std::time::Duration;

use countersign_domain::ports::Entropy;

const FIRST: Duration = Duration::from_secs(1);
/// Longest wait that nobody asked for.
const LONGEST: Duration = Duration::from_mins(5);
/// What a server asks for beyond this is not believed: it would silence its machines for good.
const MOST: Duration = Duration::from_hours(1);

/// How long to wait before the next try: twice as long after each failure, and never in step with other machines.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// After one failure more. What the server asked for is waited for, and a little longer: whoever was told the same must
    /// not come back in the same moment.
    pub(crate) fn wait(&mut self, asked: Option<Duration>, entropy: &dyn Entropy) -> Duration {
        let grown = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let own = grown / 2 + portion(grown / 2, entropy);
        match asked {
            None => own,
            Some(asked) => {
                let asked = asked.min(MOST);
                own.max(asked + portion(asked / 10, entropy))
            }
        }
    }
}

/// The pause between two heartbeats: the interval, or up to a tenth less, so that machines that started together drift
/// apart.
pub(super) fn pause(interval: Duration, entropy: &dyn Entropy) -> Duration {
    interval.saturating_sub(portion(interval / 10, entropy))
}

/// From nothing to all of `span`, by chance.
fn portion(span: Duration, entropy: &dyn Entropy) -> Duration {
    span.mul_f64(f64::from(u32::from_be_bytes(entropy.array())) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_grow_to_an_end() {
        let (mut backoff, entropy) = (Backoff::default(), SeededEntropy::new(1));
        let waits: Vec<_> = (0..40).map(|_| backoff.wait(None, &entropy)).collect();
        for (at, wait) in waits.iter().enumerate() {
            let whole = FIRST.saturating_mul(1 << at.min(16)).min(LONGEST);
            assert!((whole / 2..=whole).contains(wait), "{at}: {wait:?}");
        }
    }

    proptest! {
        #[test]
        fn who_is_told_how_long_waits_that_long(seconds in 0u64..100_000, seed: u64, failures in 0u32..100) {
            let asked = Duration::from_secs(seconds);
            let wait = Backoff { failures }.wait(Some(asked), &SeededEntropy::new(seed));
            prop_assert!(wait >= asked.min(MOST));
            prop_assert!(wait <= LONGEST.max(asked.min(MOST) * 11 / 10));
        }

        #[test]
        fn a_heartbeat_is_never_late(seconds in 1u64..86_400, seed: u64) {
            let interval = Duration::from_secs(seconds);
            let pause = pause(interval, &SeededEntropy::new(seed));
            prop_assert!(pause <= interval && pause >= interval * 9 / 10);
        }
    }
}
