use crate::app::AppId;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::user::{Proof, SessionId, UserId};

/// What an id token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdClaims {
    /// About whom.
    pub user: UserId,
    /// To whom.
    pub app: AppId,
    /// In which session.
    pub session: SessionId,
    /// By what the user was let in.
    pub proof: Proof,
    /// When that was.
    pub let_in_at: Timestamp,
    /// When this was said.
    pub issued_at: Timestamp,
    /// Until when it may be believed.
    pub expires_at: Timestamp,
}

/// A token could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no id token was signed: {0}")]
pub struct IdTokenFailure(pub String);

/// Signs what apps' servers check by themselves. All nodes have the same keys: they are in the records, sealed.
pub trait IdTokens: Send + Sync {
    /// A signed token.
    ///
    /// # Errors
    /// [`IdTokenFailure`].
    fn sign(&self, claims: &IdClaims) -> Result<Secret<String>, IdTokenFailure>;

    /// The public keys of all tokens that can still be believed, as JSON (RFC 7517).
    fn key_set(&self) -> String;
}
