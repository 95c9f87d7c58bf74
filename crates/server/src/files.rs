//! Files of `web/`, embedded.

/// A path below `web/`, or below one of its folders, and what is in the file.
pub(crate) type Embedded = (&'static str, &'static [u8]);

/// Embeds files of one folder, each by its path below it.
macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../../", $folder, $path)))),*]
    };
}
pub(crate) use files;

/// What a file is, by its extension.
pub(crate) fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The file with this path in a sorted list.
pub(crate) fn find(files: &[Embedded], path: &str) -> Option<&'static [u8]> {
    files.binary_search_by_key(&path, |(name, _)| name).ok().map(|index| files[index].1)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::path::Path;

    /// Every file below `folder` of the repository, by its path below it, sorted; without what is below one of `but`.
    pub(crate) fn found(folder: &str, but: &[&str]) -> Vec<String> {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../")).join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                if path.is_dir() {
                    if !but.contains(&name.as_str()) {
                        folders.push(path);
                    }
                } else {
                    found.push(name);
                }
            }
        }
        found.sort();
        found
    }
}
