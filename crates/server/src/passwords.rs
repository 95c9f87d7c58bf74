//! Passwords as Argon2id hashes, worked out on threads that may block, as many at once as there are cores, with a bounded
//! queue before them: each takes 19 MiB and some ten milliseconds.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use async_trait::async_trait;
use countersign_domain::iam_user::PasswordHash;
use countersign_domain::ports::{Busy, Entropy, HashingPlace, Passwords};
use countersign_domain::secret::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls that may wait for a core. One more is told that the server is busy.
const WAITING: usize = 64;

/// Hashes passwords with Argon2id (RFC 9106) at OWASP's least parameters: 19 MiB, two passes, one lane. A hash names its own,
/// so they can grow.
pub(crate) struct ArgonPasswords {
    entropy: Arc<dyn Entropy>,
    /// Of no password, for whoever has no hash.
    decoy: PasswordHash,
    hashing: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl ArgonPasswords {
    /// The hasher. Takes as long as one hash, for the decoy.
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let decoy = hash(&entropy.array::<32>(), &entropy.array())?;
        let (hashing, admitted) = (Arc::new(Semaphore::new(cores)), Arc::new(Semaphore::new(cores + WAITING)));
        Ok(Self { entropy, decoy, hashing, admitted })
    }

    fn place(&self) -> Result<Place, Busy> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Busy)?;
        let (hashing, entropy) = (Arc::clone(&self.hashing), Arc::clone(&self.entropy));
        Ok(Place { hashing, entropy, _admitted: admitted })
    }
}

/// A place in the queue, and what is needed when its turn comes.
struct Place {
    hashing: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
    _admitted: OwnedSemaphorePermit,
}

impl Place {
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| Busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the caller: a caller that goes away frees no core.
            let _permit = permit;
            work()
        });
        match worked.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => {
                tracing::error!(%error, "no password was hashed");
                Err(Busy)
            }
            Err(error) => {
                tracing::error!(%error, "the hashing of a password has failed");
                Err(Busy)
            }
        }
    }
}

#[async_trait]
impl HashingPlace for Place {
    async fn hash(self: Box<Self>, password: Secret<String>) -> Result<PasswordHash, Busy> {
        let salt = self.entropy.array();
        self.run(move || hash(password.expose().as_bytes(), &salt)).await
    }
}

#[async_trait]
impl Passwords for ArgonPasswords {
    fn reserve(&self) -> Result<Box<dyn HashingPlace>, Busy> {
        Ok(Box::new(self.place()?))
    }

    async fn verify(&self, password: Secret<String>, kept: Option<&PasswordHash>) -> Result<bool, Busy> {
        let is_kept = kept.is_some();
        let kept = kept.unwrap_or(&self.decoy).clone();
        let holds = self.place()?.run(move || Ok(verify(password.expose().as_bytes(), &kept))).await?;
        Ok(is_kept && holds)
    }
}

/// The hash of `password` with `salt`, now and on this thread: what commands beside the server use.
pub(crate) fn hash(password: &[u8], salt: &[u8; 16]) -> anyhow::Result<PasswordHash> {
    let hash: phc::PasswordHash = Argon2::default().hash_password_with_salt(password, salt)?;
    Ok(PasswordHash::new(hash.to_string()))
}

/// Whether `kept` was made from `password`, with the parameters that it names; what cannot be read was made from none.
fn verify(password: &[u8], kept: &PasswordHash) -> bool {
    Argon2::default().verify_password(password, kept.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_domain::ports::Clock as _;
    use countersign_domain::testing::SeededEntropy;

    use super::*;
    use crate::system::SystemClock;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_salted_and_names_how_it_was_made() {
        let passwords = ArgonPasswords::new(Arc::new(SeededEntropy::new(1))).unwrap();
        let hash = async || passwords.reserve().unwrap().hash(secret("right")).await.unwrap();
        let (one, other) = (hash().await, hash().await);
        assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
        assert_ne!(one, other);
        for (password, expected) in [("right", true), ("wrong", false), ("", false), ("Right", false)] {
            assert_eq!(passwords.verify(secret(password), Some(&one)).await, Ok(expected), "{password}");
        }
        let unreadable = PasswordHash::new("right".to_owned());
        assert_eq!(passwords.verify(secret("right"), Some(&unreadable)).await, Ok(false));
        assert_eq!(passwords.verify(secret("right"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_place_that_is_held_is_nobody_elses_until_it_is_left() {
        let passwords = ArgonPasswords::new(Arc::new(SeededEntropy::new(1))).unwrap();
        let mut places: Vec<_> = std::iter::from_fn(|| passwords.reserve().ok()).collect();
        assert!(places.len() > WAITING);
        assert_eq!(passwords.verify(secret("right"), None).await, Err(Busy));
        assert!(places.pop().unwrap().hash(secret("right")).await.is_ok(), "who has a place is not refused");
        assert_eq!(passwords.verify(secret("right"), None).await, Ok(false), "and leaves it");
    }

    #[tokio::test]
    async fn no_user_takes_as_long_as_one_with_another_password() {
        let passwords = ArgonPasswords::new(Arc::new(SeededEntropy::new(1))).unwrap();
        let kept = passwords.reserve().unwrap().hash(secret("right")).await.unwrap();
        let clock = SystemClock::new();
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..5 {
            for (fastest, kept) in fastest.iter_mut().zip([Some(&kept), None]) {
                let start = clock.monotonic();
                assert_eq!(passwords.verify(secret("wrong"), kept).await, Ok(false));
                *fastest = (*fastest).min(clock.monotonic().saturating_sub(start));
            }
        }
        let [with, without] = fastest;
        // A refusal without a hash would take microseconds.
        assert!(without > with / 3, "{without:?} against {with:?}");
    }
}
