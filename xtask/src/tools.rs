//! What the tests need beyond Rust: a browser, Node.js, Python, cargo-deny, the programs of an installed machine, and the mail
//! server and the SMS gateway that senders talk to. What is missing is installed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::run::{cargo, is_there, must, program, root, target};

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
    installed(NEEDED)
}

/// What senders talk to in `crates/senders/tests/peers`: a scripted mail server and a verifier of DKIM in Python, postfix with
/// what checks its passwords, Kannel, and a scripted message centre for Node.js.
pub(crate) fn peers() -> anyhow::Result<()> {
    let mechanism = format!("/usr/lib/{}-linux-gnu/sasl2/libplain.so", std::env::consts::ARCH);
    installed(&[
        ("bearerbox", "kannel"),
        ("/usr/lib/kannel/test/fakesmsc", "kannel-extras"),
        ("postfix", "postfix"),
        ("saslpasswd2", "sasl2-bin"),
        (&mechanism, "libsasl2-modules"),
    ])?;
    let folder = root().join("crates/senders/tests/peers");
    let _python = python("peers", &folder.join("requirements.txt"))?;
    node()?;
    must(program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

/// What calls a server as fast as it answers.
pub(crate) fn load() -> anyhow::Result<()> {
    installed(&[("wrk", "wrk")])
}

/// Installs the packages of those files that are neither there nor programs on the path.
fn installed(needed: &[(&str, &'static str)]) -> anyhow::Result<()> {
    let missing: Vec<_> =
        needed.iter().filter(|(name, _)| on_path(name).is_none()).map(|(_, package)| *package).collect();
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
    // Daemons are here, which is not everybody's path.
    let daemons = [PathBuf::from("/usr/sbin")];
    std::env::split_paths(&path).chain(daemons).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn apt(packages: &[&str]) -> anyhow::Result<()> {
    if !is_there("apt-get", &["--version"]) {
        bail!("please install {}: the tests need it", packages.join(" and "));
    }
    let is_root = crate::run::output(&mut program("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    let install = |arguments: &[&str]| {
        let mut command =
            if is_root { program("apt-get", arguments) } else { program("sudo", &[&["apt-get"], arguments].concat()) };
        must(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install(&["update", "-qq"])?;
    install(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
}
