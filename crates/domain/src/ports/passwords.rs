use async_trait::async_trait;

use crate::iam_user::PasswordHash;
use crate::ports::Busy;
use crate::secret::Secret;

/// Hashes passwords: slowly, which is the point, so it happens behind this port, on threads that may block, and bounded.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A fresh, salted hash.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, Busy>;

    /// Whether `hash` was made from `password`. Without a hash the answer is no, and takes as long: nobody learns from the
    /// time whether there is a user.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already; whether there is a hash makes no difference.
    async fn verify(&self, password: Secret<String>, hash: Option<&PasswordHash>) -> Result<bool, Busy>;
}
