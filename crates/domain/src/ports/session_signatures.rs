use async_trait::async_trait;

use crate::ports::Busy;
use crate::secret::Secret;

/// The key with which clients hide a session's token from whoever reads along: what vendors call a signature is a text that
/// was encrypted for this server. All nodes have the same key.
#[async_trait]
pub trait SessionSignatures: Send + Sync {
    /// The public key: the base64 of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`Busy`] if there is none, and none can be made now.
    async fn public_key(&self) -> Result<String, Busy>;

    /// What was encrypted with it into this text; `None` for every other text.
    ///
    /// # Errors
    /// [`Busy`] if there is no key to open it with now.
    async fn open(&self, text: &str) -> Result<Option<Secret<Vec<u8>>>, Busy>;
}
