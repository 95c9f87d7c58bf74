//! Files that nobody but the server's user may read: keys in the data folder.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes the file whole or not at all, mode 0600.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_added_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
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
