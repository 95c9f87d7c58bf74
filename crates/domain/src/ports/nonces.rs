//! Nonces of signed calls: each counts once for its access key, a restart included.

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::access_key::AccessKeyId;
use crate::ports::{MarkId, MarksError};
use crate::time::Timestamp;

/// What a nonce is remembered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonceId(pub MarkId);

impl NonceId {
    /// The id of `nonce` as `key` sent it, whatever the scheme that signed it: a nonce that was used in one scheme is used in
    /// all. Half of SHA-256, so that any length takes the same room and nobody finds two that meet.
    pub fn of(key: &AccessKeyId, nonce: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"countersign nonce\0");
        hash.update(key.as_str());
        hash.update(b"\0");
        hash.update(nonce);
        let full: [u8; 32] = hash.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&full[..16]);
        Self(id)
    }
}

/// What [`Nonces::spend`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceUse {
    /// Nobody had used this nonce.
    First,
    /// It was used before: the call is a repetition.
    Again,
}

/// The nonces that were used and still matter.
///
/// For implementers: among any number of concurrent calls exactly one is [`NonceUse::First`], and what was spent stays spent
/// until its time though the server restarts; a process that is killed may forget the last 100 ms. `testing::nonces_conformance`
/// is the definition.
#[async_trait]
pub trait Nonces: Send + Sync {
    /// Spends `id` until `until`. A repetition does not prolong it.
    ///
    /// # Errors
    /// [`MarksError`]; then nothing was spent.
    async fn spend(&self, id: NonceId, until: Timestamp) -> Result<NonceUse, MarksError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_belongs_to_its_key() {
        let id = |key, nonce| NonceId::of(&AccessKeyId::parse(key).unwrap(), nonce);
        assert_eq!(id("AK1", b"n"), id("AK1", b"n"));
        let others = [id("AK2", b"n"), id("AK1", b"m"), id("AK1", b""), id("A", b"K1\0n"), id("AK1n", b"")];
        assert!(others.iter().all(|other| *other != id("AK1", b"n")));
    }
}
