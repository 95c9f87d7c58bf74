//! Apps, access keys, IAM users and sealing keys in memory, read anew when the records' revision moves.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_domain::access_key::{AccessKey, AccessKeyId};
use countersign_domain::app::{App, AppId};
use countersign_domain::captcha_app::{CaptchaApp, CaptchaAppId, CaptchaAppRow};
use countersign_domain::iam_user::{IamName, IamUser, IamUserId};
use countersign_domain::ports::{Directory, DirectoryRows, Records, RecordsError, SealingKeyRow};
use countersign_domain::sealing::{Keyring, MasterKey, SealingKey};
use countersign_domain::secret::Secret;
use parking_lot::RwLock;

use crate::master_key::{MasterKeyError, MasterKeySource};

/// The directory as of the last look at the records.
pub(crate) struct SnapshotDirectory {
    master_key: MasterKeySource,
    snapshot: RwLock<Arc<Snapshot>>,
}

struct Snapshot {
    revision: u64,
    apps: HashMap<AppId, Arc<App>>,
    captcha_apps: HashMap<CaptchaAppId, Arc<CaptchaApp>>,
    captcha_app_ids: HashMap<AppId, CaptchaAppId>,
    access_keys: HashMap<AccessKeyId, Arc<AccessKey>>,
    iam_users: HashMap<IamUserId, Arc<IamUser>>,
    /// By domain and name.
    iam_names: HashMap<(IamName, IamName), Arc<IamUser>>,
    keyring: Arc<Keyring>,
}

/// Why the directory could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// What is sealed at rest does not open.
    #[error("{0} does not open under this master key: it belongs to another data folder, or was changed")]
    WrongMasterKey(String),
    /// There is no sealing key.
    #[error("the records hold no sealing key; start the server once")]
    NoSealingKey,
}

impl SnapshotDirectory {
    /// The directory of `records`, whose secrets open under `master_key`.
    pub(crate) async fn open(records: &dyn Records, master_key: MasterKeySource) -> Result<Self, DirectoryError> {
        let snapshot = snapshot(records.directory().await?, &master_key.load()?)?;
        Ok(Self { master_key, snapshot: RwLock::new(Arc::new(snapshot)) })
    }

    /// Reads the records again if they have changed; says whether they had.
    pub(crate) async fn refresh(&self, records: &dyn Records) -> Result<bool, DirectoryError> {
        if records.revision().await? == self.snapshot.read().revision {
            return Ok(false);
        }
        // The key is read anew, too: whoever rotated it has moved the revision.
        let fresh = snapshot(records.directory().await?, &self.master_key.load()?)?;
        *self.snapshot.write() = Arc::new(fresh);
        Ok(true)
    }

    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read())
    }
}

impl Directory for SnapshotDirectory {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        self.current().apps.get(id).cloned()
    }

    fn captcha_app(&self, id: CaptchaAppId) -> Option<Arc<CaptchaApp>> {
        self.current().captcha_apps.get(&id).cloned()
    }

    fn captcha_app_of(&self, app: &AppId) -> Option<CaptchaAppId> {
        self.current().captcha_app_ids.get(app).copied()
    }

    fn access_key(&self, id: &AccessKeyId) -> Option<Arc<AccessKey>> {
        self.current().access_keys.get(id).cloned()
    }

    fn iam_user(&self, id: IamUserId) -> Option<Arc<IamUser>> {
        self.current().iam_users.get(&id).cloned()
    }

    fn iam_user_named(&self, domain: &IamName, name: &IamName) -> Option<Arc<IamUser>> {
        self.current().iam_names.get(&(domain.clone(), name.clone())).cloned()
    }

    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.current().keyring)
    }
}

fn snapshot(rows: DirectoryRows, master_key: &MasterKey) -> Result<Snapshot, DirectoryError> {
    let open = |place: String, sealed: &[u8]| {
        master_key.open(&place, sealed).map_err(|_| DirectoryError::WrongMasterKey(place))
    };
    let open_text = |place: String, sealed: &[u8]| {
        let bytes = open(place.clone(), sealed)?;
        let text = String::from_utf8(bytes.expose().clone()).map_err(|_| DirectoryError::WrongMasterKey(place))?;
        Ok::<_, DirectoryError>(Secret::new(text))
    };
    let mut captcha_apps = HashMap::with_capacity(rows.captcha_apps.len());
    for row in rows.captcha_apps {
        let secret = open_text(CaptchaAppRow::place(&row.app), &row.sealed_secret)?;
        captcha_apps.insert(row.id, Arc::new(CaptchaApp { row, secret }));
    }
    let mut access_keys = HashMap::with_capacity(rows.access_keys.len());
    for row in rows.access_keys {
        let secret = open_text(row.id.place(), &row.sealed_secret)?;
        access_keys.insert(row.id.clone(), Arc::new(AccessKey { row, secret }));
    }
    let mut sealing_keys = Vec::with_capacity(rows.sealing_keys.len());
    for row in rows.sealing_keys {
        let place = SealingKeyRow::place(row.id);
        let bytes = open(place.clone(), &row.sealed_key)?;
        let key = <[u8; 32]>::try_from(bytes.expose().as_slice());
        let key = key.map_err(|_| DirectoryError::WrongMasterKey(place))?;
        sealing_keys.push(SealingKey::new(row.id, Secret::new(key), row.seals_from));
    }
    let mut sealing_keys = sealing_keys.into_iter();
    let oldest = sealing_keys.next().ok_or(DirectoryError::NoSealingKey)?;
    let iam_users: Vec<_> = rows.iam_users.into_iter().map(Arc::new).collect();
    let named = |user: &Arc<IamUser>| ((user.domain.clone(), user.name.clone()), Arc::clone(user));
    Ok(Snapshot {
        revision: rows.revision,
        apps: rows.apps.into_iter().map(|app| (app.id.clone(), Arc::new(app))).collect(),
        captcha_app_ids: captcha_apps.values().map(|app| (app.row.app.clone(), app.row.id)).collect(),
        captcha_apps,
        access_keys,
        iam_names: iam_users.iter().map(named).collect(),
        iam_users: iam_users.into_iter().map(|user| (user.id, user)).collect(),
        keyring: Arc::new(Keyring::new(oldest, sealing_keys.collect())),
    })
}
