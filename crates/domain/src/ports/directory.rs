use std::sync::Arc;

use crate::access_key::{AccessKey, AccessKeyId};
use crate::app::{App, AppId, AppRefusal};
use crate::captcha_app::{CaptchaApp, CaptchaAppId};
use crate::iam_user::{IamName, IamUser, IamUserId};
use crate::sealing::Keyring;

/// Apps, access keys, IAM users and sealing keys as the server last read them: in memory, so that looking one up touches no store.
pub trait Directory: Send + Sync {
    /// The app with this id, enabled or not.
    fn app(&self, id: &AppId) -> Option<Arc<App>>;

    /// What this number stands for, its app enabled or not.
    fn captcha_app(&self, id: CaptchaAppId) -> Option<Arc<CaptchaApp>>;

    /// The number of an app, enabled or not.
    fn captcha_app_of(&self, app: &AppId) -> Option<CaptchaAppId>;

    /// The access key with this id, enabled or not.
    fn access_key(&self, id: &AccessKeyId) -> Option<Arc<AccessKey>>;

    /// The IAM user with this id, enabled or not.
    fn iam_user(&self, id: IamUserId) -> Option<Arc<IamUser>>;

    /// The IAM user of this name, enabled or not.
    fn iam_user_named(&self, domain: &IamName, name: &IamName) -> Option<Arc<IamUser>>;

    /// The sealing keys.
    fn keyring(&self) -> Arc<Keyring>;
}

impl dyn Directory + '_ {
    /// The app with this id, if calls for it are taken.
    pub fn usable_app(&self, id: &AppId) -> Result<Arc<App>, AppRefusal> {
        let app = self.app(id).ok_or(AppRefusal::Unknown)?;
        if app.enabled { Ok(app) } else { Err(AppRefusal::Disabled) }
    }
}
