//! The binary as an operator runs it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str], data: &Path) -> Output {
    command(arguments).arg("--data").arg(data).output().unwrap()
}

/// Runs a command that must succeed; its standard output.
pub(crate) fn output(arguments: &[&str], data: &Path) -> String {
    let output = run(arguments, data);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A command without the settings that this process may have in its environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
        command.env_remove(name);
    }
    command
}

/// A server as a process. Killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) dev: Value,
}

impl Server {
    /// Starts `serve --dev` on a free port and waits until it says that it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::with(data, &[])
    }

    /// With these settings, as environment variables.
    pub(crate) fn with(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(data, settings, Stdio::null())
    }

    /// The same, with the lines of its log as they come.
    pub(crate) fn with_log(data: &Path, settings: &[(&str, &str)]) -> (Self, Receiver<String>) {
        let mut server = Self::spawn(data, settings, Stdio::piped());
        let log = BufReader::new(server.child.stderr.take().unwrap());
        let (line, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|read| line.send(read)));
        (server, lines)
    }

    /// Starts `serve` as for others, and waits until it says that it listens; with the pin of its key, if it has HTTPS.
    pub(crate) fn for_others(data: &Path, settings: &[(&str, &str)]) -> (Self, Option<String>) {
        let listen =
            settings.iter().find(|(name, _)| *name == "COUNTERSIGN__LISTEN").map_or("127.0.0.1:0", |set| set.1);
        let mut command = command(&["serve", "--listen", listen, "--data"]);
        command.arg(data).envs(settings.iter().copied()).env("COUNTERSIGN__LOG__FORMAT", "json");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let said: Value = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server has ended");
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if said["message"] == "listening" {
                break said;
            }
        };
        // Read on, or the server would wait for its log to be read.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let url = said["public_url"].as_str().unwrap();
        let address = url.split_once("://").unwrap().1.parse().unwrap();
        let pin = said["pin"].as_str().map(str::to_owned);
        (Self { child, address, dev: Value::Null }, pin)
    }

    /// With this file of settings.
    pub(crate) fn with_file(data: &Path, settings: &Path) -> Self {
        let mut command = command(&["serve", "--dev", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(settings).stderr(Stdio::null());
        Self::ready(command, data)
    }

    fn spawn(data: &Path, settings: &[(&str, &str)], log: Stdio) -> Self {
        let mut command = command(&["serve", "--dev", "--listen", "127.0.0.1:0"]);
        command.envs(settings.iter().copied()).stderr(log);
        Self::ready(command, data)
    }

    fn ready(mut command: Command, data: &Path) -> Self {
        command.arg("--data").arg(data).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Countersign is ready: http");
        let address = address.and_then(|rest| rest.trim_start_matches('s').strip_prefix("://"));
        let address = address.unwrap_or_else(|| panic!("{line:?}"));
        let dev = std::fs::read_to_string(data.join("dev.json")).unwrap();
        Self { address: address.parse().unwrap(), dev: serde_json::from_str(&dev).unwrap(), child }
    }

    pub(crate) fn site_key(&self) -> &str {
        self.dev["site_key"].as_str().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// SIGTERM, and whether it ended with status 0.
    pub(crate) fn terminate(mut self) -> bool {
        self.signal("-TERM");
        self.child.wait().unwrap().success()
    }

    /// Resident memory at its highest, in MB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone where the test ended it.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
