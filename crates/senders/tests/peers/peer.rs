//! Programs that tests talk to: started by a test, and ended with it by their process's id.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than any of them takes on a busy machine: a peer that does not come up should fail its test, not hold it up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running program, whose output is read as it comes.
pub(crate) struct Peer {
    process: Child,
    lines: Receiver<String>,
}

impl Peer {
    /// Starts it. Both its outputs are read as one.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (tell, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        for output in outputs {
            let tell = tell.clone();
            // Read to its end even when nobody listens: a program must not stop because its output is full.
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    let _nobody = tell.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Self { process, lines }
    }

    /// The next line that it prints with `what` in it.
    pub(crate) fn line(&self, what: &str) -> String {
        let mut seen = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(what) => return line,
                Ok(line) => seen = format!("{seen}{line}\n"),
                Err(error) => panic!("it did not print {what:?} ({error}), but:\n{seen}"),
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SIGTERM, so that it ends what it has started; it may have ended already.
        let _gone = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).stderr(Stdio::null()).status();
        let _gone = self.process.wait();
    }
}

/// A program that must be there.
pub(crate) fn program(path: &str, package: &str) -> Command {
    let found = path.starts_with('/') && Path::new(path).is_file()
        || std::env::split_paths("/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
            .any(|folder| folder.join(path).is_file());
    assert!(found, "{path} is missing: install the package {package}, or run `cargo xtask test tests`");
    Command::new(path)
}

/// The Python that has what `requirements.txt` names, running a script of this folder.
pub(crate) fn python(script: &str) -> Command {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("peers/bin/python");
    let home = folder();
    assert!(
        python.is_file(),
        "{} is missing: `python3 -m venv` there and install {}, or run `cargo xtask test tests`",
        python.display(),
        home.join("requirements.txt").display(),
    );
    let mut command = Command::new(python);
    command.arg(home.join(script));
    command
}

/// Node.js with what `package.json` names, running a script of this folder.
pub(crate) fn node(script: &str) -> Command {
    let home = folder();
    let packages = home.join("node_modules");
    let (packages, home_shown) = (packages.is_dir(), home.display());
    assert!(packages, "{home_shown}/node_modules is missing: `npm ci` there, or run `cargo xtask test tests`");
    let mut command = program("node", "nodejs");
    command.arg(home.join(script));
    command
}

/// Runs a program that must succeed, with `input`.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    let name = command.get_program().to_string_lossy();
    assert!(output.status.success(), "{name}: {}{}", output.status, String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A certificate for `127.0.0.1` and `localhost`, and its key, in a folder: `certificate.pem` is its own authority.
pub(crate) fn certificate(folder: &Path) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    write_pem(folder.join("certificate.pem"), "CERTIFICATE", made.cert.der());
    write_pem(folder.join("key.pem"), "PRIVATE KEY", made.signing_key.serialized_der());
}

fn write_pem(path: impl AsRef<OsStr>, label: &str, der: &[u8]) {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    std::fs::write(path.as_ref(), pem).unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
