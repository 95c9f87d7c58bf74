//! Files that nobody but the server's user may read: keys in the data folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Writes the file whole or not at all, mode 0600, and stays written when the power goes.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_added_extension("new");
    // Left by a write that was cut short, or put there by somebody else: its mode and its owner are not ours, and it may be
    // a link to elsewhere.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)?;
    sync_folder(path)
}

/// Until its folder is on the disk, a rename may be forgotten.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the group or everybody else may do anything with a file.
#[cfg(unix)]
pub(crate) fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;

    // The lower six bits are theirs.
    Ok(path.metadata()?.permissions().mode().trailing_zeros() < 6)
}

/// Elsewhere the folder's own protection must do.
#[cfg(not(unix))]
pub(crate) fn is_exposed(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_way_is_neither_written_into_nor_followed() {
        let place = tempfile::tempdir().unwrap();
        let (path, other) = (place.path().join("key"), place.path().join("other"));
        fs::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, place.path().join("key.new")).unwrap();
        write(&path, b"ours").unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"ours".to_vec(), b"theirs".to_vec()));
        assert!(path.symlink_metadata().unwrap().is_file() && !is_exposed(&path).unwrap());
        // One whose mode is everybody's.
        fs::write(place.path().join("key.new"), "left over").unwrap();
        write(&path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert!(!is_exposed(&path).unwrap());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }
}
