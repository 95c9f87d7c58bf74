//! Snapshots that no test looks at any more are promises that nobody keeps: they are refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::run::root;

/// Compares the snapshot files in `crates/` with those that the tests noted in `references`.
pub(crate) fn refuse_unreferenced(references: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(references).context("the list of snapshots that tests looked at")?;
    let looked_at: BTreeSet<_> = text.lines().filter_map(|line| Path::new(line).canonicalize().ok()).collect();
    let mut kept = BTreeSet::new();
    collect(&root().join("crates").canonicalize()?, &mut kept)?;
    let unreferenced: Vec<_> = kept.difference(&looked_at).map(|path| path.display().to_string()).collect();
    if !unreferenced.is_empty() {
        bail!("no test looks at these snapshots:\n{}", unreferenced.join("\n"));
    }
    eprintln!("snapshots: all {} are looked at", kept.len());
    Ok(())
}

fn collect(folder: &Path, kept: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, kept)?;
        } else if path.extension().is_some_and(|extension| extension == "snap") {
            kept.insert(path);
        }
    }
    Ok(())
}
