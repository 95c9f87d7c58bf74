use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::app::AppId;
use crate::iam_user::{IamName, IamUser, IamUserId, TokenRecord};
use crate::operations::{AdmissionError, Policy, Ports, Refused};
use crate::ports::{Busy, Passwords};
use crate::rates::{Limit, Limited};
use crate::sealing::Purpose;
use crate::secret::Secret;
use crate::time::Timestamp;

/// How long a token holds. What the vendor's clients expect.
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// Signs IAM users in, and says later whose a token is.
pub struct SignIn {
    ports: Ports,
    passwords: Arc<dyn Passwords>,
    policy: Policy,
}

/// Who somebody says to be.
pub struct Credentials<'a> {
    /// The name of the user's domain.
    pub domain: &'a str,
    /// The user's name.
    pub name: &'a str,
    /// Its password.
    pub password: Secret<String>,
}

/// A user that has signed in.
pub struct SignedIn {
    /// The user.
    pub user: Arc<IamUser>,
    /// What stands for its password from now on: `[A-Za-z0-9_-]`.
    pub token: Secret<String>,
    /// When the token was made.
    pub issued_at: Timestamp,
    /// From then on the token is refused.
    pub expires_at: Timestamp,
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The user, its password or its domain is wrong, or it is switched off. Which of them nobody is told.
    #[error("no user of this name and password")]
    Refused,
    /// Too many have tried. The password was not looked at, or it was wrong and one more than may be.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It was never issued here, or was changed on the way.
    #[error("not a token of ours")]
    Unknown,
    /// Its time was over then.
    #[error("the token has expired")]
    Expired(Timestamp),
    /// Its user, or its user's app, was switched off or is gone.
    #[error("the token's user is disabled")]
    Ended,
}

impl From<Refused> for SignInError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl SignIn {
    /// The operation over these ports.
    pub fn new(ports: Ports, passwords: Arc<dyn Passwords>, policy: Policy) -> Self {
        Self { ports, passwords, policy }
    }

    /// Signs a user in. The limits come before the hash, which is what costs; after them every refusal takes as long. They are
    /// those of the client's own address and network: whoever knows a user's name could fill any other, and lock the user out.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn run(&self, credentials: Credentials<'_>, client: IpAddr) -> Result<SignedIn, SignInError> {
        let (ports, rates) = (&self.ports, &self.policy.rates);
        let Credentials { domain, name, password } = credentials;
        let limit = Limit::SignInPerAddress;
        ports.admit(rates, limit, limit.key_of_address(client)).await?;
        // By what was typed, whether there is such a user or not.
        let limit = Limit::SignInPerUser;
        ports.admit(rates, limit, limit.key_of_user_name_near(domain, name, client)).await?;
        let named = IamName::parse(domain).zip(IamName::parse(name));
        let user = named.and_then(|(domain, name)| ports.directory.iam_user_named(&domain, &name));
        let holds = self.passwords.verify(password, user.as_ref().map(|user| &user.password)).await?;
        let Some(user) = user.filter(|user| holds && self.is_usable(user)) else {
            return Err(self.count_wrong(domain, name).await);
        };
        let issued_at = ports.clock.now();
        let expires_at = issued_at.plus(TOKEN_LIFETIME);
        let record = TokenRecord { user: user.id, app: user.app.clone(), issued_at, expires_at };
        let keyring = ports.directory.keyring();
        let sealed = keyring.seal(Purpose::IamToken, &record.encode(), issued_at, &*ports.entropy).map_err(|_| Busy)?;
        Ok(SignedIn { user, token: Secret::new(sealed), issued_at, expires_at })
    }

    /// Counts a password that was refused, and says how. What is right is never refused for what was wrong, so the limit tells
    /// operators and honest clients of somebody who guesses from many networks, and slows the guesses down nowhere.
    async fn count_wrong(&self, domain: &str, name: &str) -> SignInError {
        let limit = Limit::WrongPasswords;
        let admitted = self.ports.admit(&self.policy.rates, limit, limit.key_of_user_name(domain, name)).await;
        admitted.map_or_else(SignInError::from, |()| SignInError::Refused)
    }

    /// The user whose token this is, as it is now.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn bearer(&self, token: &str) -> Result<Arc<IamUser>, TokenRefusal> {
        let directory = &self.ports.directory;
        let bytes = directory.keyring().open(Purpose::IamToken, token).map_err(|_| TokenRefusal::Unknown)?;
        let record = TokenRecord::decode(&bytes).map_err(|_| TokenRefusal::Unknown)?;
        if self.ports.clock.now() >= record.expires_at {
            return Err(TokenRefusal::Expired(record.expires_at));
        }
        let is_same = |user: &Arc<IamUser>| user.app == record.app && self.is_usable(user);
        directory.iam_user(record.user).filter(is_same).ok_or(TokenRefusal::Ended)
    }

    /// Counts a call with a token against the limit of its user, which is that of an access key.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub async fn admit(&self, user: IamUserId) -> Result<(), AdmissionError> {
        let limit = Limit::CallsPerKey;
        Ok(self.ports.admit(&self.policy.rates, limit, limit.key_of_iam_user(user)).await?)
    }

    fn is_usable(&self, user: &IamUser) -> bool {
        let app: &AppId = &user.app;
        user.enabled && self.ports.directory.usable_app(app).is_ok()
    }
}
