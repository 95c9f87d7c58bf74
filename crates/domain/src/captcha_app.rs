//! What a vendor's widget calls an app: a number that stands in pages, and a secret that the app's server shows with each check.

use subtle::ConstantTimeEq as _;

use crate::app::AppId;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The number of an app. Ours begin at [`CaptchaAppId::FIRST`]: nine digits, as clients that keep it in 32 bits expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaptchaAppId(u32);

impl CaptchaAppId {
    /// What the first app of an installation is called, unless somebody chose another number for it.
    pub const FIRST: Self = Self(190_000_000);

    /// The id, if `number` can be one.
    pub fn new(number: u64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| *number > 0).map(Self)
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// What an app has for a vendor's widget, as it is kept: all but the secret in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptchaAppRow {
    /// The number.
    pub id: CaptchaAppId,
    /// The app, which has one.
    pub app: AppId,
    /// The secret, sealed under the master key for [`CaptchaAppRow::place`].
    pub sealed_secret: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl CaptchaAppRow {
    /// What the seal of the app's secret at rest is bound to.
    pub fn place(app: &AppId) -> String {
        format!("captcha_app/{}", app.as_str())
    }
}

/// The same with its secret open.
pub struct CaptchaApp {
    /// As it is kept.
    pub row: CaptchaAppRow,
    /// The secret.
    pub secret: Secret<String>,
}

impl CaptchaApp {
    /// Whether `secret` is this app's, in a time that does not depend on where the two differ.
    pub fn has_secret(&self, secret: &str) -> bool {
        bool::from(self.secret.expose().as_bytes().ct_eq(secret.as_bytes()))
    }
}
