//! A server for what is not Rust's tests: a binary with `--dev`, on a port of its own, until it is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, bail};

use crate::run::{cargo, must, program, target};

/// What the server prints once it takes calls.
const READY: &str = "Countersign is ready";

/// A running server.
pub(crate) struct Server {
    process: Child,
    data: PathBuf,
}

impl Server {
    /// Builds the server and starts it with a fresh data folder, `name` in the target folder. Its log goes to `NAME.log`
    /// beside it.
    pub(crate) fn start(name: &str) -> anyhow::Result<Self> {
        must(&mut cargo(&["build", "--locked", "--package", "countersign"]))?;
        Self::start_built("debug", name)
    }

    /// The same, as fast as it will run.
    pub(crate) fn start_release(name: &str) -> anyhow::Result<Self> {
        must(&mut cargo(&["build", "--locked", "--release", "--package", "countersign"]))?;
        Self::start_built("release", name)
    }

    fn start_built(profile: &str, name: &str) -> anyhow::Result<Self> {
        let target = target()?;
        let data = target.join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let log = std::fs::File::create(target.join(format!("{name}.log")))?;
        let arguments = ["serve", "--dev", "--listen", "127.0.0.1:0", "--data"];
        let mut command = program(target.join(profile).join("countersign"), &arguments);
        // Settings that this process happens to have in its environment are not the test's.
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_"))
        {
            command.env_remove(variable);
        }
        let process = command.arg(&data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut server = Self { process, data };
        let output = server.process.stdout.take().context("the server's output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if !line.starts_with(READY) {
            bail!("the server did not start; its log is {name}.log in {}", target.display());
        }
        Ok(server)
    }

    /// The data folder, with `dev.json`.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as an operator would, and wants it to end well.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        must(&mut program("kill", &["-TERM", &self.process.id().to_string()]))?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone where it was stopped; a test that failed leaves nothing running.
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
