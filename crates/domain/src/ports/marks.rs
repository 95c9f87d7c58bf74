//! Marks: facts that live for seconds to minutes and must be exact while they live.

use std::time::Duration;

use async_trait::async_trait;

use crate::throttle::{Rule, Throttled};
use crate::time::Timestamp;

/// What is marked: the 16-byte id of a challenge, ticket or nonce, or the hash of a throttle's key.
pub type MarkId = [u8; 16];

/// Who spends: drawn at random for a call that must not be repeated, or derived from what makes a retry the same call.
pub type Owner = [u8; 16];

/// Which life of the store a token belongs to. A store that forgets at a restart draws a new one at each start, and a token
/// of another epoch is refused, so nothing that was spent comes back. A store that remembers keeps one for ever.
pub type Epoch = [u8; 8];

/// What [`Marks::spend`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Nobody had spent this id: the caller has it now.
    First,
    /// The same owner had spent it before. The operation decides whether a retry may go on.
    Again {
        /// How often this owner has come, the first time included: 2 or more.
        count: u32,
        /// How long ago the first time was.
        since_first: Duration,
    },
    /// Somebody else had spent it.
    Taken,
}

/// Why a store of marks did not do what it was asked. The caller's call is refused; nothing was marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarksError {
    /// It holds as many live marks as it may. It refuses what is new and never forgets what is live.
    #[error("the store of marks is full")]
    Full,
    /// It could not be reached, or did not answer in time.
    #[error("the store of marks does not answer")]
    Unavailable,
}

/// The store of marks.
///
/// For implementers: each verb is atomic for its one key (one lock in memory, one script in Redis), expiry is decided when a
/// mark is read, and sweeping is housekeeping that may come late. `testing::marks_conformance` is the definition.
#[async_trait]
pub trait Marks: Send + Sync {
    /// Spends `id` for `owner`. The mark stays until `until`, and a repetition does not prolong it. Among any number of
    /// concurrent calls with different owners exactly one is [`Spent::First`].
    ///
    /// # Errors
    /// [`MarksError`]; then nothing was spent.
    async fn spend(&self, id: MarkId, owner: Owner, until: Timestamp) -> Result<Spent, MarksError>;

    /// Whether `id` is spent, by whomever. Spends nothing; somebody may a moment later.
    ///
    /// # Errors
    /// [`MarksError::Unavailable`].
    async fn is_spent(&self, id: MarkId) -> Result<bool, MarksError>;

    /// Counts a call of weight `cost` against `rule` for `key`, as [`decide`](crate::throttle::decide) says.
    ///
    /// # Errors
    /// [`MarksError`]; then nothing was counted, and the caller refuses the call.
    async fn throttle(&self, key: MarkId, rule: Rule, cost: u32) -> Result<Throttled, MarksError>;

    /// The store's present life.
    fn epoch(&self) -> Epoch;

    /// How many marks are held, the expired but not yet swept ones included; `None` where counting is dear.
    fn held(&self) -> Option<u64>;
}
