//! What the tests need beyond Rust: a browser, Node.js, Python, cargo-deny, and the programs of an installed machine. What is missing is installed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::run::{cargo, is_there, must, program, target};

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const CARGO_DENY: &str = "0.20.2";

/// The browser: what the environment's CHROMIUM names, or a Chromium on the path, or a fresh one of the distribution's.
pub(crate) fn browser() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(path) = BROWSERS.iter().find_map(|name| on_path(name)) {
        return Ok(path);
    }
    apt(&["chromium"])?;
    on_path("chromium").context("a Chromium after installing one")
}

/// Node.js with npm.
pub(crate) fn node() -> anyhow::Result<()> {
    if is_there("node", &["--version"]) && is_there("npm", &["--version"]) {
        return Ok(());
    }
    apt(&["nodejs", "npm"])
}

/// The Python of an environment of its own, `name` in the target folder, with what `requirements` names.
pub(crate) fn python(name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    let environment = target()?.join(name);
    let python = environment.join("bin/python");
    if !is_there(&python, &["-m", "pip", "--version"]) {
        if !is_there("python3", &["-m", "venv", "--help"]) {
            apt(&["python3", "python3-venv"])?;
        }
        must(program("python3", &["-m", "venv", "--clear"]).arg(&environment))?;
    }
    must(program(&python, &["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok(python)
}

/// What a machine has that is installed: the programs of the install script. And iproute2, which makes a second host.
pub(crate) fn machine() -> anyhow::Result<()> {
    const NEEDED: &[(&str, &str)] = &[("curl", "curl"), ("ip", "iproute2"), ("openssl", "openssl"), ("wget", "wget")];
    let missing: Vec<_> =
        NEEDED.iter().filter(|(program, _)| on_path(program).is_none()).map(|(_, package)| *package).collect();
    if missing.is_empty() { Ok(()) } else { apt(&missing) }
}

/// cargo-deny.
pub(crate) fn deny() -> anyhow::Result<()> {
    if is_there("cargo-deny", &["--version"]) {
        return Ok(());
    }
    must(&mut cargo(&["install", "--locked", "--version", CARGO_DENY, "cargo-deny"]))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn apt(packages: &[&str]) -> anyhow::Result<()> {
    if !is_there("apt-get", &["--version"]) {
        bail!("please install {}: the tests need it", packages.join(" and "));
    }
    let root = crate::run::output(&mut program("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    let install = |arguments: &[&str]| {
        let mut command =
            if root { program("apt-get", arguments) } else { program("sudo", &[&["apt-get"], arguments].concat()) };
        must(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install(&["update", "-qq"])?;
    install(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
}
