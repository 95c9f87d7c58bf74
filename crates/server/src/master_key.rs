//! The master key: the file `master.key` in the data folder, or the environment.

use std::path::{Path, PathBuf};

use countersign_domain::ports::Entropy;
use countersign_domain::sealing::MasterKey;
use countersign_domain::secret::Secret;

use crate::{hex, private_file};

/// The environment's variable: 64 hexadecimal digits.
pub(crate) const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    /// It is not 32 bytes in hexadecimal digits.
    #[error("{0}: a master key is 64 hexadecimal digits; while it rotates, a second one follows it")]
    Malformed(String),
    /// It is not a file that could be written.
    #[error("the master key comes from {VARIABLE}: put the new key there, a space and the old one, and restart")]
    Environment,
    /// Others can read the file.
    #[error("{path}: others can read the master key; run `chmod 600 {path}`", path = .0.display())]
    Exposed(PathBuf),
    /// The file cannot be read or made.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Where the master key comes from: the environment, or else the file in the data folder.
#[derive(Clone)]
pub(crate) struct MasterKeySource {
    data: PathBuf,
    variable: Option<Secret<String>>,
}

impl MasterKeySource {
    /// The key of the folder `data`, unless the environment's `variable` holds one.
    pub(crate) fn new(data: &Path, variable: Option<String>) -> Self {
        Self { data: data.to_owned(), variable: variable.map(Secret::new) }
    }

    /// The file, where the key is not the environment's.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.variable.is_none().then(|| self.data.join("master.key"))
    }

    /// Makes the file, if the key should be in one and is not.
    pub(crate) fn ensure(&self, entropy: &dyn Entropy) -> Result<(), MasterKeyError> {
        match self.file() {
            Some(path) if !path.exists() => {
                let key = Secret::new(hex::encode(&entropy.array::<32>()));
                write(&path, &[&key]).map_err(|error| MasterKeyError::File { path, error })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The key as it is now: one line, or two while the one before is still kept.
    pub(crate) fn load(&self) -> Result<MasterKey, MasterKeyError> {
        let (origin, text) = self.text()?;
        let mut lines = text.expose().split_whitespace().map(|line| hex::decode(line).map(Secret::new));
        let (current, previous, end) = (lines.next().flatten(), lines.next(), lines.next());
        match (current, previous, end) {
            (Some(current), None, None) => Ok(MasterKey::new(current, None)),
            (Some(current), Some(Some(previous)), None) => Ok(MasterKey::new(current, Some(previous))),
            _ => Err(MasterKeyError::Malformed(origin)),
        }
    }

    /// Puts a fresh key in front of the current one, which goes on opening. The one before that is forgotten, so nothing may
    /// be sealed under it any more.
    pub(crate) fn rotate(&self, entropy: &dyn Entropy) -> Result<(), MasterKeyError> {
        let path = self.file().ok_or(MasterKeyError::Environment)?;
        let (origin, text) = self.text()?;
        let current = text.expose().split_whitespace().next().ok_or(MasterKeyError::Malformed(origin))?;
        let (fresh, current) = (Secret::new(hex::encode(&entropy.array::<32>())), Secret::new(current.to_owned()));
        write(&path, &[&fresh, &current]).map_err(|error| MasterKeyError::File { path, error })
    }

    fn text(&self) -> Result<(String, Secret<String>), MasterKeyError> {
        if let Some(text) = &self.variable {
            return Ok((VARIABLE.to_owned(), text.clone()));
        }
        let path = self.data.join("master.key");
        match private_file::is_exposed(&path) {
            Ok(false) => {}
            Ok(true) => return Err(MasterKeyError::Exposed(path)),
            Err(error) => return Err(MasterKeyError::File { path, error }),
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path.display().to_string(), Secret::new(text))),
            Err(error) => Err(MasterKeyError::File { path, error }),
        }
    }
}

fn write(path: &Path, keys: &[&Secret<String>]) -> std::io::Result<()> {
    // Big enough from the start: a text that grows leaves copies behind.
    let mut text = String::with_capacity(keys.iter().map(|key| key.expose().len() + 1).sum());
    for key in keys {
        text.push_str(key.expose());
        text.push('\n');
    }
    private_file::write(path, Secret::new(text).expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;

    use super::*;

    fn source(folder: &Path, variable: Option<&str>) -> MasterKeySource {
        MasterKeySource::new(folder, variable.map(str::to_owned))
    }

    fn opens(source: &MasterKeySource, sealed: &[u8]) -> bool {
        source.load().unwrap().open("place", sealed).is_ok()
    }

    #[test]
    fn the_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (entropy, file) = (SeededEntropy::new(1), source(folder.path(), None));
        file.ensure(&entropy).unwrap();
        let sealed = file.load().unwrap().seal("place", b"x", &entropy).unwrap();
        file.ensure(&entropy).unwrap();
        assert!(opens(&file, &sealed));
        assert!(!opens(&source(folder.path(), Some(&"ab".repeat(32))), &sealed), "the environment wins");
    }

    #[test]
    fn after_a_rotation_the_key_before_still_opens_and_the_one_before_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (entropy, file) = (SeededEntropy::new(1), source(folder.path(), None));
        file.ensure(&entropy).unwrap();
        let first = file.load().unwrap().seal("place", b"x", &entropy).unwrap();
        file.rotate(&entropy).unwrap();
        let second = file.load().unwrap().seal("place", b"x", &entropy).unwrap();
        assert!(opens(&file, &first) && opens(&file, &second));
        file.rotate(&entropy).unwrap();
        assert!(!opens(&file, &first) && opens(&file, &second));
        let environment = source(folder.path(), Some(&"ab".repeat(32)));
        assert!(matches!(environment.rotate(&entropy), Err(MasterKeyError::Environment)));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let (entropy, file) = (SeededEntropy::new(1), source(folder.path(), None));
        file.ensure(&entropy).unwrap();
        file.rotate(&entropy).unwrap();
        let path = folder.path().join("master.key");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(file.load(), Err(MasterKeyError::Exposed(_))));
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let good = "ab".repeat(32);
        for text in [
            "",
            "abc",
            &"zz".repeat(32),
            &"ab".repeat(33),
            &"é".repeat(32),
            &format!("{good} abc"),
            &[&good; 3].map(|key| format!("{key} ")).concat(),
        ] {
            let refused = source(folder.path(), Some(text)).load();
            assert!(matches!(refused, Err(MasterKeyError::Malformed(_))), "{text}");
        }
        assert!(source(folder.path(), Some(&format!("{good} {good}"))).load().is_ok());
    }
}
