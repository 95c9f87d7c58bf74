//! The master key: the file `master.key` in the data folder, or the environment.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use countersign_domain::ports::Entropy;
use countersign_domain::sealing::MasterKey;
use countersign_domain::secret::Secret;

use crate::hex;

/// The environment's variable: 64 hexadecimal digits.
pub(crate) const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    /// It is not 32 bytes in hexadecimal digits.
    #[error("{0}: a master key is 64 hexadecimal digits")]
    Malformed(String),
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

/// The key from the environment's `variable`, or else from the file in `data`, which is made where it is missing.
pub(crate) fn load(data: &Path, variable: Option<&str>, entropy: &dyn Entropy) -> Result<MasterKey, MasterKeyError> {
    if let Some(text) = variable {
        return parse(text).ok_or_else(|| MasterKeyError::Malformed(VARIABLE.to_owned()));
    }
    let path = data.join("master.key");
    let failed = |error| MasterKeyError::File { path: path.clone(), error };
    if !path.exists() {
        create(&path, entropy).map_err(failed)?;
    }
    refuse_exposed(&path)?;
    let text = Secret::new(std::fs::read_to_string(&path).map_err(failed)?);
    parse(text.expose()).ok_or_else(|| MasterKeyError::Malformed(path.display().to_string()))
}

fn parse(text: &str) -> Option<MasterKey> {
    hex::decode(text.trim()).map(|key| MasterKey::new(Secret::new(key)))
}

fn create(path: &Path, entropy: &dyn Entropy) -> std::io::Result<()> {
    let key = Secret::new(entropy.array::<32>());
    let text = Secret::new(hex::encode(key.expose()));
    let mut options = std::fs::OpenOptions::new();
    // Of two servers that start at once, one makes the file; the other fails here and says so, and is started again.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = path.metadata().map_err(|error| MasterKeyError::File { path: path.to_owned(), error })?;
    // The lower six bits are what the group and everybody else may do.
    if metadata.permissions().mode().trailing_zeros() >= 6 {
        Ok(())
    } else {
        Err(MasterKeyError::Exposed(path.to_owned()))
    }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;

    use super::*;

    fn opens(key: &MasterKey, sealed: &[u8]) -> bool {
        key.open("place", sealed).is_ok()
    }

    #[test]
    fn the_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let entropy = SeededEntropy::new(1);
        let sealed = load(folder.path(), None, &entropy).unwrap().seal("place", b"x", &entropy).unwrap();
        assert!(opens(&load(folder.path(), None, &entropy).unwrap(), &sealed));
        let other = "ab".repeat(32);
        assert!(!opens(&load(folder.path(), Some(&other), &entropy).unwrap(), &sealed), "the environment wins");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        load(folder.path(), None, &SeededEntropy::new(1)).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load(folder.path(), None, &SeededEntropy::new(1));
        assert!(matches!(refused, Err(MasterKeyError::Exposed(_))));
    }

    #[test]
    fn a_malformed_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "abc", &"zz".repeat(32), &"ab".repeat(33), &"é".repeat(32)] {
            let refused = load(folder.path(), Some(text), &SeededEntropy::new(1));
            assert!(matches!(refused, Err(MasterKeyError::Malformed(_))), "{text}");
        }
    }
}
