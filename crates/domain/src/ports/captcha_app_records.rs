use async_trait::async_trait;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::captcha_app::{CaptchaAppId, CaptchaAppRow};
use crate::ports::RecordsError;
use crate::time::Timestamp;

/// What an app is to get for a vendor's widget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCaptchaApp {
    /// Whose.
    pub app: AppId,
    /// The number that it must be; without one, the next after the greatest.
    pub id: Option<CaptchaAppId>,
    /// The secret, sealed for [`CaptchaAppRow::place`].
    pub sealed_secret: Vec<u8>,
    /// When.
    pub created_at: Timestamp,
}

/// Verbs about apps' numbers. They are part of the directory: whatever changes one moves its revision.
#[async_trait]
pub trait CaptchaAppRecords: Send + Sync {
    /// Gives an app a number and this secret, if it has none yet; returns what it has. [`RecordsError::Missing`] if there is no
    /// such app, [`RecordsError::Exists`] if the number is another's, [`RecordsError::Full`] if none is left.
    async fn ensure_captcha_app(&self, new: NewCaptchaApp, audit: AuditEntry) -> Result<CaptchaAppRow, RecordsError>;

    /// Puts another secret in the place of an app's. [`RecordsError::Missing`] if it has no number.
    async fn change_captcha_secret(
        &self,
        app: AppId,
        sealed_secret: Vec<u8>,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;
}
