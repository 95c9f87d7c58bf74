//! What machines download, over the wire.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use hyper::StatusCode;
use serde_json::json;

use crate::agent_machine::{ForOthers, dev_code};
use crate::client::Client;
use crate::process::Server;

const MEGABYTE: usize = 1024 * 1024;

#[tokio::test]
async fn many_who_download_slowly_share_one_copy() {
    const SIZE: usize = 32 * MEGABYTE;
    const MANY: usize = 12;
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("agents")).unwrap();
    std::fs::write(data.path().join("agents/countersign-linux-riscv64"), vec![b'x'; SIZE]).unwrap();
    let server = Server::start(data.path());
    let before = server.peak_memory();
    let mut downloads: Vec<_> = (0..MANY).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for download in &mut downloads {
        let request = b"GET /agents/countersign-linux-riscv64 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        download.write_all(request).unwrap();
    }
    // All have begun before the first reads on.
    for download in &mut downloads {
        let mut start = vec![0; 64 * 1024];
        download.read_exact(&mut start).unwrap();
        assert!(start.starts_with(b"HTTP/1.1 200 "));
    }
    for mut download in downloads {
        let mut rest = Vec::new();
        download.read_to_end(&mut rest).unwrap();
        assert!(rest.len() > SIZE - 64 * 1024);
    }
    let took = server.peak_memory() - before;
    assert!((SIZE / MEGABYTE..SIZE / MEGABYTE + 16).contains(&usize::try_from(took).unwrap()), "{took} MB");
}

/// As `/install.sh` has it: over HTTPS, in both versions of HTTP.
#[tokio::test]
async fn curl_downloads_the_servers_own_program() {
    let server = ForOthers::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let own = std::fs::read(env!("CARGO_BIN_EXE_countersign")).unwrap();
    let file = format!("agents/countersign-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args(["-fsSk", version, "--noproxy", "*", "--pinnedpubkey", &server.pin, "-o", "program"]);
        let status = curl.arg(format!("{}/{file}", server.url())).current_dir(&folder).status().unwrap();
        assert!(status.success(), "{version}");
        assert!(std::fs::read(folder.path().join("program")).unwrap() == own, "{version}");
    }
}

#[tokio::test]
async fn a_program_that_changes_while_the_server_runs_is_announced_anew() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut client = Client::connect(server.address).await;
    let before = client.get("/install.sh").await.text();
    assert!(!before.contains("riscv64"));
    std::fs::create_dir_all(data.path().join("agents")).unwrap();
    std::fs::write(data.path().join("agents/countersign-linux-riscv64"), "a program").unwrap();
    let after = client.get("/install.sh").await.text();
    let hash = "d69ea8cda2433733c1ce02de65da8f48e6a3dbba6bb18876a2062908e54ef7cb";
    assert!(
        after.contains(&format!("\nlinux riscv64 {hash}\n")) || after.contains(&format!("'linux riscv64 {hash}\n"))
    );
    assert_eq!(client.get("/agents/countersign-linux-mips").await.status, StatusCode::NOT_FOUND);
}

/// A shell with these programs and no others, which runs `line` in `folder`.
fn shell(line: &str, programs: &[&str], folder: &Path) -> Output {
    let (everything, path) = (std::env::var_os("PATH").unwrap(), folder.join("path"));
    std::fs::create_dir_all(&path).unwrap();
    let common = ["cat", "chmod", "cut", "id", "mkdir", "mktemp", "mv", "rm", "sh", "tr", "uname"];
    for name in common.iter().chain(programs) {
        let mut places = std::env::split_paths(&everything).map(|place| place.join(name));
        let found = places.find(|file| file.exists()).unwrap_or_else(|| panic!("{name} is needed"));
        std::os::unix::fs::symlink(found, path.join(name)).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder).env_clear().env("PATH", path).env("LANG", "C");
    shell.env("COUNTERSIGN_PREFIX", folder.join("prefix")).env("COUNTERSIGN_STATE", folder.join("state"));
    shell.output().unwrap()
}

#[tokio::test]
async fn the_vendors_script_takes_its_code_and_hosts_from_arguments() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path());
    let (code, address) = (dev_code(&server, json!({ "form": "short" })).await, server.address);
    let line = format!(
        "wget -q http://{address}/download/install/2.0/linux/AliAqsInstall.sh && chmod +x AliAqsInstall.sh && \
         ./AliAqsInstall.sh -k={code} '-j={address}|127.0.0.1:1' '-u=127.0.0.1:1|{address}'"
    );
    let output = shell(&line, &["wget", "sha256sum"], folder.path());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("joined as agent ") && said.contains("\nInstalled. "), "{said}");
    assert!(folder.path().join("prefix/bin/countersign").is_file());
}

#[tokio::test]
async fn what_is_not_what_was_announced_is_not_run() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path());
    let code = dev_code(&server, json!({})).await;
    let script = Client::connect(server.address).await.get("/install.sh").await.text();
    let list = format!("{} {} ", std::env::consts::OS, std::env::consts::ARCH);
    let at = script.find(&list).unwrap() + list.len();
    let other = format!("{}{}{}", &script[..at], "0".repeat(64), &script[at + 64..]);
    std::fs::write(folder.path().join("install.sh"), other).unwrap();
    for hasher in ["sha256sum", "openssl"] {
        let place = folder.path().join(hasher);
        std::fs::create_dir(&place).unwrap();
        let output = shell(&format!("COUNTERSIGN_CODE={code} sh ../install.sh"), &["curl", hasher], &place);
        let complaint = "What was downloaded is not what the server announced. Nothing was installed.\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), complaint, "{hasher}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(std::fs::read_dir(place.join("prefix/bin")).unwrap().count(), 0);
        assert!(!place.join("state").exists());
    }
}
