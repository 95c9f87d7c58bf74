//! The direction of dependencies: `server` → {`challenges`, `facades`, `senders`, `stores`} → `domain`. The four in the middle never
//! know each other, and each knows only its own part of the outside world.

use anyhow::{Context as _, bail};

use crate::run::metadata;

struct Layer {
    package: &'static str,
    /// Packages of the workspace that it may depend on.
    below: &'static [&'static str],
    /// Packages of others that it must not depend on.
    never: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        package: "countersign-domain",
        // Itself, with the feature `testing`, for its own tests.
        below: &["countersign-domain"],
        never: &[
            "anyhow",
            "axum",
            "getrandom",
            "http",
            "hyper",
            "jiff",
            "lettre",
            "rcgen",
            "redis",
            "reqwest",
            "rusqlite",
            "rustls",
            "serde_json",
            "tokio",
            "tokio-postgres",
            "tokio-rustls",
            "tracing",
        ],
    },
    Layer {
        package: "countersign-challenges",
        below: &["countersign-domain"],
        never: &[
            "anyhow",
            "axum",
            "getrandom",
            "http",
            "hyper",
            "rcgen",
            "redis",
            "reqwest",
            "rusqlite",
            "rustls",
            "tokio",
            "tokio-rustls",
        ],
    },
    Layer {
        package: "countersign-facades",
        below: &["countersign-domain"],
        never: &[
            "anyhow",
            "axum",
            "getrandom",
            "hyper",
            "rcgen",
            "redis",
            "reqwest",
            "rusqlite",
            "rustls",
            "tokio",
            "tokio-rustls",
        ],
    },
    Layer {
        package: "countersign-senders",
        below: &["countersign-domain"],
        never: &["anyhow", "axum", "getrandom", "png", "redis", "reqwest", "rusqlite", "tokio-postgres"],
    },
    Layer {
        package: "countersign-stores",
        below: &["countersign-domain"],
        never: &["anyhow", "axum", "getrandom", "http", "hyper", "png", "rcgen", "reqwest", "rustls", "tokio-rustls"],
    },
    Layer {
        package: "countersign",
        below: &[
            "countersign-challenges",
            "countersign-domain",
            "countersign-facades",
            "countersign-senders",
            "countersign-stores",
        ],
        never: &["redis", "rusqlite", "tokio-postgres"],
    },
    Layer { package: "xtask", below: &[], never: &[] },
];

/// Checks every package of the workspace.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("packages in cargo metadata")?;
    let names: Vec<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut complaints = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
            complaints.push(format!("{name} has no layer: give it a line in xtask/src/layers.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().context("dependencies in cargo metadata")?;
        for dependency in dependencies.iter().filter_map(|dependency| dependency["name"].as_str()) {
            let ours = names.contains(&dependency);
            if (ours && !layer.below.contains(&dependency)) || layer.never.contains(&dependency) {
                complaints.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    if complaints.is_empty() {
        eprintln!("layers: {} packages, every dependency points down", names.len());
        return Ok(());
    }
    bail!("{}", complaints.join("\n"))
}
