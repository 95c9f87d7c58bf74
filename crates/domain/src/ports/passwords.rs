use async_trait::async_trait;

use crate::iam_user::PasswordHash;
use crate::ports::Busy;
use crate::secret::Secret;

/// Hashes passwords: slowly, which is the point, so it happens behind this port, on threads that may block, and bounded.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A place in the queue before a fresh hash: whoever has to spend something first asks for one, so that nothing is spent
    /// where there is none.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    fn reserve(&self) -> Result<Box<dyn HashingPlace>, Busy>;

    /// Whether `hash` was made from `password`. Without a hash the answer is no, and takes as long: nobody learns from the
    /// time whether there is a user.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already; whether there is a hash makes no difference.
    async fn verify(&self, password: Secret<String>, hash: Option<&PasswordHash>) -> Result<bool, Busy>;
}

/// A place in the queue. Whoever drops it leaves it to others.
#[async_trait]
pub trait HashingPlace: Send {
    /// A fresh, salted hash.
    ///
    /// # Errors
    /// [`Busy`] if hashing has failed; never because too many wait.
    async fn hash(self: Box<Self>, password: Secret<String>) -> Result<PasswordHash, Busy>;
}
