//! Admits calls that an access key has signed. A vendor's door reads and verifies the signature in its own way and order;
//! what it needs from outside meanwhile are the verbs here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::access_key::{AccessKey, AccessKeyId};
use crate::operations::{Policy, Ports, Refused};
use crate::ports::{Busy, MarksError, NonceId, NonceUse, Nonces};
use crate::rates::{Limit, Limited};
use crate::time::Timestamp;

/// Admits signed calls.
pub struct SignedCalls {
    ports: Ports,
    nonces: Arc<dyn Nonces>,
    policy: Policy,
}

/// The call says that it was signed too long ago, or too far in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signed at a time that is too far from now")]
pub struct Untimely;

/// Why nobody can sign with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefusal {
    /// There is no such key.
    #[error("no such access key")]
    Unknown,
    /// The key is switched off, or its app is.
    #[error("the access key or its app is disabled")]
    Disabled,
}

/// Why a nonce was not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// The key has used it before.
    #[error("the nonce was used before")]
    Used,
    /// Try again in a moment: the nonce is not spent.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Why a call whose signature holds has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The key has made too many calls.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<MarksError> for NonceError {
    fn from(error: MarksError) -> Self {
        match error {
            MarksError::Full | MarksError::Unavailable => Self::Busy(Busy),
        }
    }
}

impl From<Refused> for AdmissionError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl SignedCalls {
    /// The operation over these ports.
    pub fn new(ports: Ports, nonces: Arc<dyn Nonces>, policy: Policy) -> Self {
        Self { ports, nonces, policy }
    }

    /// Whether a call that was signed at `signed_at` is still, and already, taken: `window` before and after now.
    ///
    /// # Errors
    /// [`Untimely`].
    pub fn check_time(&self, signed_at: Timestamp, window: Duration) -> Result<(), Untimely> {
        let now = self.ports.clock.now();
        let distance = now.since(signed_at).max(signed_at.since(now));
        if distance <= window { Ok(()) } else { Err(Untimely) }
    }

    /// The key with this id, with which the signature is to be verified.
    ///
    /// # Errors
    /// [`SignerRefusal`].
    pub fn signer(&self, id: &str) -> Result<Arc<AccessKey>, SignerRefusal> {
        let directory = &self.ports.directory;
        let key = AccessKeyId::parse(id).and_then(|id| directory.access_key(&id)).ok_or(SignerRefusal::Unknown)?;
        let usable = key.row.enabled && directory.usable_app(&key.row.app).is_ok();
        if usable { Ok(key) } else { Err(SignerRefusal::Disabled) }
    }

    /// Spends the nonce of a call whose signature holds: of one that does not, anybody could burn somebody else's nonces. It
    /// stays spent for as long as any call with it could still pass [`check_time`](Self::check_time) on any node, which is
    /// twice the window: a call may be signed for the end of it and come at its beginning.
    ///
    /// # Errors
    /// [`NonceError`].
    pub async fn spend_nonce(&self, key: &AccessKeyId, nonce: &[u8], window: Duration) -> Result<(), NonceError> {
        let kept = window.saturating_mul(2).saturating_add(self.policy.lifetimes.clock_skew);
        let until = self.ports.clock.now().plus(kept).plus(BRIM);
        match self.nonces.spend(NonceId::of(key, nonce), until).await? {
            NonceUse::First => Ok(()),
            NonceUse::Again => Err(NonceError::Used),
        }
    }

    /// Counts a signature by `key` that does not hold against the limit of that key at that address. What holds is never
    /// refused for what did not: nobody guesses a signature, and the address may be a whole company's.
    ///
    /// # Errors
    /// [`AdmissionError`], which only changes what the caller is told.
    pub async fn count_wrong(&self, key: &AccessKeyId, client: IpAddr) -> Result<(), AdmissionError> {
        let limit = Limit::WrongSignatures;
        Ok(self.ports.admit(&self.policy.rates, limit, limit.key_of_access_key_at(key, client)).await?)
    }

    /// Counts a call against the limit of its key.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub async fn admit(&self, key: &AccessKeyId) -> Result<(), AdmissionError> {
        let limit = Limit::CallsPerKey;
        Ok(self.ports.admit(&self.policy.rates, limit, limit.key_of_access_key(key)).await?)
    }
}

/// A mark ends *at* its time, and a call passes until the *end* of the window: one millisecond lies between.
const BRIM: Duration = Duration::from_millis(1);
