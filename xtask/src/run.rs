//! Running other programs, always from the root of the repository.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A program to be run from the root.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Runs a program that must succeed, its output shown as it comes.
pub(crate) fn must(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("could not run {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs programs beside each other, all of which must succeed; what they print is not shown.
pub(crate) fn all(commands: &mut [Command]) -> anyhow::Result<()> {
    let mut running = Vec::new();
    for command in commands {
        let shown = shown(command);
        eprintln!("$ {shown} &");
        let process = command.stdout(Stdio::null()).spawn().with_context(|| format!("could not run {shown}"))?;
        running.push((shown, process));
    }
    let mut failed = Vec::new();
    for (shown, mut process) in running {
        let status = process.wait()?;
        if !status.success() {
            failed.push(format!("{shown}: {status}"));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// Runs a program that must succeed, and returns what it prints.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("could not run {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("what {shown} printed"))
}

/// Whether a program can be run at all.
pub(crate) fn is_there(name: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    program(name, arguments).output().is_ok_and(|output| output.status.success())
}

/// Prints what was asked for; what is told beside it goes to standard error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// What cargo knows of the workspace.
pub(crate) fn metadata() -> anyhow::Result<serde_json::Value> {
    let text = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).context("what cargo metadata printed")
}

/// Where cargo builds.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    metadata()?["target_directory"].as_str().map(PathBuf::from).context("a target directory in cargo metadata")
}

fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
