//! What a machine keeps: one file for what makes it an agent, so that key and certificate change in one rename; and files
//! for what is under way.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_domain::secret::Secret;
use rcgen::KeyPair;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{certificates, private_file};

/// Where it is, unless somebody says otherwise.
pub(crate) const DEFAULT: &str = "/var/lib/countersign-agent";

const IDENTITY: &str = "identity.json";
const REQUEST: &str = "request.json";
const RENEWAL: &str = "renewal.json";
const STAGED: &str = "staged.json";
/// More than any of the files takes, so that a growing buffer leaves no copy of a key behind.
const ROOM: usize = 64 * 1024;

/// The folder. Nobody but its owner may look into it.
pub(crate) struct Folder(PathBuf);

/// Who a machine is, and where its server is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) agent_id: String,
    pub(crate) group: String,
    /// Where to call from now on.
    pub(crate) endpoint: String,
    /// Where it joined: an address that worked once, for when nobody is found at the other.
    pub(super) joined_by: String,
    pub(crate) heartbeat_seconds: u32,
    pub(crate) expires_at: String,
    /// In PEM, as the two others.
    #[serde(with = "exposed")]
    pub(super) key: Secret<String>,
    pub(super) certificate: String,
    /// The agents' authority: the only server that is trusted is one that it vouches for.
    pub(super) ca: String,
}

/// A key that is not certified yet, and the request for it. Kept before it is sent: where the answer is lost, the same
/// request is sent again and gets the same answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    #[serde(with = "exposed")]
    pub(super) key: Secret<String>,
    pub(super) csr: String,
}

impl Request {
    /// A fresh key, and a request for it that names nobody.
    pub(super) fn draw() -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let csr = certificates::request(&key)?;
        Ok(Self { key: Secret::new(certificates::pem("PRIVATE KEY", key.serialized_der())), csr })
    }
}

/// What a machine made from this one needs to join at its first start.
#[derive(Serialize, Deserialize)]
pub(super) struct Staged {
    #[serde(with = "exposed")]
    pub(super) code: Secret<String>,
    /// The start of the machine that was staged: in this one nobody joins.
    pub(super) boot: String,
    pub(super) server: String,
    pub(super) pin: Option<String>,
    /// Certificates in PEM.
    pub(super) ca: Option<String>,
}

impl Folder {
    /// The folder at `path`, which need not be there to be read.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Who this machine is, if it has joined.
    pub(crate) fn identity(&self) -> anyhow::Result<Option<Identity>> {
        self.read(IDENTITY)
    }

    /// Whether others may look into the folder or put something there.
    pub(crate) fn is_exposed(&self) -> anyhow::Result<bool> {
        match private_file::is_exposed(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            known => known.with_context(|| self.0.display().to_string()),
        }
    }

    /// From now on the machine is this agent; what was on the way there is forgotten.
    pub(super) fn keep_identity(&self, identity: &Identity) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        self.write(IDENTITY, identity)?;
        [REQUEST, RENEWAL, STAGED].into_iter().try_for_each(|name| self.remove(name))
    }

    /// Changes what is known of the agent `agent_id`. `None` where the machine is another one by now, or nobody: another
    /// command has the last word on that, and a command at work must not undo it.
    pub(super) fn update_identity(
        &self,
        agent_id: &str,
        change: impl FnOnce(&mut Identity),
    ) -> anyhow::Result<Option<Identity>> {
        self.change_identity(agent_id, change, |_| Ok(()))
    }

    /// The same, and the renewal that was under way has come to its end.
    pub(super) fn end_renewal(
        &self,
        agent_id: &str,
        change: impl FnOnce(&mut Identity),
    ) -> anyhow::Result<Option<Identity>> {
        self.change_identity(agent_id, change, |folder| folder.remove(RENEWAL))
    }

    fn change_identity(
        &self,
        agent_id: &str,
        change: impl FnOnce(&mut Identity),
        then: impl FnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<Identity>> {
        let _lock = self.lock()?;
        let Some(mut identity) = self.identity()?.filter(|identity| identity.agent_id == agent_id) else {
            return Ok(None);
        };
        change(&mut identity);
        self.write(IDENTITY, &identity)?;
        then(self)?;
        Ok(Some(identity))
    }

    /// The machine is nobody any more.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        [IDENTITY, REQUEST, RENEWAL, STAGED].into_iter().try_for_each(|name| self.remove(name))
    }

    /// The request to join that is under way, or a fresh one, on the disk before anybody sees it.
    pub(super) fn request(&self) -> anyhow::Result<Request> {
        let _lock = self.lock()?;
        self.under_way(REQUEST)
    }

    /// After the server's no. A key that stayed would be in every copy that is made of this machine. The folder goes as well
    /// where it was `made` for this.
    pub(super) fn drop_request(&self, made: bool) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        self.remove(REQUEST)?;
        if made {
            // Not where something else has come to lie in it.
            let _stays = fs::remove_dir(&self.0);
        }
        Ok(())
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// The request for a new certificate of the agent `agent_id`. `None` where the machine is another one by now, or nobody.
    pub(super) fn renewal(&self, agent_id: &str) -> anyhow::Result<Option<Request>> {
        let _lock = self.lock()?;
        let is_same = self.identity()?.is_some_and(|identity| identity.agent_id == agent_id);
        is_same.then(|| self.under_way(RENEWAL)).transpose()
    }

    /// Whether a renewal was begun and did not come to its end.
    pub(super) fn is_renewing(&self) -> bool {
        self.0.join(RENEWAL).exists()
    }

    fn under_way(&self, name: &str) -> anyhow::Result<Request> {
        if let Some(request) = self.read(name)? {
            return Ok(request);
        }
        let request = Request::draw()?;
        self.write(name, &request)?;
        Ok(request)
    }

    pub(super) fn staged(&self) -> anyhow::Result<Option<Staged>> {
        self.read(STAGED)
    }

    /// Leaves what a later start needs. Every key goes: all machines made from this one would have the same, and a machine
    /// with an identity does not join. What is needed is there first, so that a stop in between loses no code.
    pub(super) fn stage(&self, staged: &Staged) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        self.write(STAGED, staged)?;
        [REQUEST, RENEWAL, IDENTITY].into_iter().try_for_each(|name| self.remove(name))
    }

    /// Nobody else reads and writes here until the result is dropped. Not to be asked for twice.
    fn lock(&self) -> anyhow::Result<File> {
        let lock = self.make().and_then(|()| self.lockable()).and_then(|file| file.lock().map(|()| file));
        lock.with_context(|| self.0.display().to_string())
    }

    /// The folder itself: a file for the lock alone would stay behind in an image, and after a leave.
    #[cfg(unix)]
    fn lockable(&self) -> io::Result<File> {
        File::open(&self.0)
    }

    /// A folder cannot be opened as a file here.
    #[cfg(not(unix))]
    fn lockable(&self) -> io::Result<File> {
        File::options().create(true).append(true).open(self.0.join("lock"))
    }

    fn make(&self) -> io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(&self.0)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.0.join(name);
        let text = match fs::read(&path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        // Not the reader's own words: they may quote a secret.
        let read = serde_json::from_slice(text.expose()).ok();
        let read = read.with_context(|| format!("{} is not what was written there", path.display()))?;
        Ok(Some(read))
    }

    fn write(&self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let mut text = Vec::with_capacity(ROOM);
        serde_json::to_writer(&mut text, value)?;
        let text = Secret::new(text);
        let path = self.0.join(name);
        private_file::write(&path, text.expose()).with_context(|| path.display().to_string())
    }

    fn remove(&self, name: &str) -> anyhow::Result<()> {
        let path = self.0.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| path.display().to_string()),
            _ => Ok(()),
        }
    }
}

/// Secrets in files that nobody else may read: nowhere else is one written out.
mod exposed {
    use countersign_domain::secret::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let Request { key, csr } = Request::draw().unwrap();
        Identity {
            agent_id: "c15c0289-ec2d-4a91-a7ec-8e65a18debbe".to_owned(),
            group: "default".to_owned(),
            endpoint: "https://verify.example.com".to_owned(),
            joined_by: "https://192.0.2.1:8443".to_owned(),
            heartbeat_seconds: 60,
            expires_at: "2027-01-01T00:00:00Z".to_owned(),
            key,
            certificate: csr.clone(),
            ca: csr,
        }
    }

    fn staged() -> Staged {
        let server = "https://verify.example.com".to_owned();
        Staged { code: Secret::new("aB3dE6".to_owned()), boot: "first".to_owned(), server, pin: None, ca: None }
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_kept_is_read_again_and_nobody_elses() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(&place.path().join("agent"));
        assert!(folder.identity().unwrap().is_none(), "a folder that is not there holds nothing");
        let identity = identity();
        folder.keep_identity(&identity).unwrap();
        let kept = folder.identity().unwrap().unwrap();
        assert_eq!(kept.key.expose(), identity.key.expose());
        assert_eq!((kept.agent_id, kept.ca), (identity.agent_id, identity.ca));
        assert!(!private_file::is_exposed(&folder.0).unwrap());
        assert!(!private_file::is_exposed(&folder.0.join(IDENTITY)).unwrap());
        folder.forget().unwrap();
        folder.forget().unwrap();
        assert_eq!(names(&folder), Vec::<String>::new());
    }

    #[test]
    fn a_request_stays_the_same_until_the_machine_has_joined() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let first = folder.request().unwrap();
        assert!(!private_file::is_exposed(&place.path().join(REQUEST)).unwrap());
        let second = folder.request().unwrap();
        assert_eq!((second.csr, second.key.expose()), (first.csr.clone(), first.key.expose()));
        folder.keep_identity(&identity()).unwrap();
        assert_eq!(names(&folder), [IDENTITY]);
        assert_ne!(folder.request().unwrap().csr, first.csr);
        let id = identity().agent_id;
        let renewal = || folder.renewal(&id).unwrap().unwrap().csr;
        let first = renewal();
        folder.update_identity(&id, |identity| identity.group = "web".to_owned()).unwrap().unwrap();
        assert_eq!(renewal(), first, "news of other kinds leave it alone");
        let kept = folder.end_renewal(&id, |identity| identity.expires_at = "2027-02-01".to_owned()).unwrap().unwrap();
        assert_eq!((kept.group.as_str(), kept.expires_at.as_str()), ("web", "2027-02-01"));
        assert_eq!(names(&folder), [IDENTITY, REQUEST]);
        folder.keep_identity(&identity()).unwrap();
        assert_eq!(names(&folder), [IDENTITY]);
    }

    #[test]
    fn who_the_machine_was_is_not_written_over_who_it_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let (old, new) = (identity(), Identity { agent_id: "another".to_owned(), ..identity() });
        let stays = || {
            let id = &old.agent_id;
            let change = |identity: &mut Identity| identity.key = old.key.clone();
            assert!(folder.update_identity(id, change).unwrap().is_none());
            assert!(folder.end_renewal(id, change).unwrap().is_none());
            assert!(folder.renewal(id).unwrap().is_none());
        };
        folder.keep_identity(&new).unwrap();
        stays();
        assert_eq!(folder.identity().unwrap().unwrap().key.expose(), new.key.expose());
        assert_eq!(names(&folder), [IDENTITY]);
        folder.forget().unwrap();
        stays();
        assert_eq!(names(&folder), Vec::<String>::new());
    }

    #[test]
    fn changes_wait_for_one_another() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let identity = Identity { heartbeat_seconds: 0, ..identity() };
        folder.keep_identity(&identity).unwrap();
        let count = || {
            for _ in 0..20 {
                folder
                    .update_identity(&identity.agent_id, |identity| identity.heartbeat_seconds += 1)
                    .unwrap()
                    .unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(count);
            scope.spawn(count);
        });
        assert_eq!(folder.identity().unwrap().unwrap().heartbeat_seconds, 40);
    }

    #[test]
    fn no_key_goes_into_an_image() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        folder.keep_identity(&identity()).unwrap();
        folder.request().unwrap();
        folder.renewal(&identity().agent_id).unwrap().unwrap();
        folder.stage(&staged()).unwrap();
        assert_eq!(names(&folder), [STAGED]);
        let kept = folder.staged().unwrap().unwrap();
        assert_eq!((kept.code.expose().as_str(), kept.boot.as_str()), ("aB3dE6", "first"));
        folder.keep_identity(&identity()).unwrap();
        assert!(folder.staged().unwrap().is_none(), "a code is not kept for longer than it is needed");
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_goes() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(&place.path().join("agent"));
        let refused = |made| {
            folder.request().unwrap();
            folder.drop_request(made).unwrap();
        };
        refused(true);
        assert!(!folder.exists());
        refused(false);
        assert_eq!(names(&folder), Vec::<String>::new());
        folder.stage(&staged()).unwrap();
        refused(true);
        assert_eq!(names(&folder), [STAGED]);
    }

    #[test]
    fn a_torn_file_is_named_and_its_secret_is_not() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(STAGED), r#"{"code":"aB3dE6","boot":7}"#).unwrap();
        let complaint = format!("{:#}", Folder::at(place.path()).staged().err().unwrap());
        assert_eq!(complaint, format!("{}/staged.json is not what was written there", place.path().display()));
    }
}
