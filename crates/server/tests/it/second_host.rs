//! A machine that is not the server's: a network namespace with an address of its own, where the line to paste is pasted.
//!
//! Making one takes root. Where nobody is, `COUNTERSIGN_NO_NAMESPACES=1` leaves this out, and says so.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::agent_machine::{AtWork, ForOthers};

const LEFT_OUT: &str = "COUNTERSIGN_NO_NAMESPACES";

/// A namespace and the pair of network devices that joins it to this machine. Gone when dropped, the pair with it.
struct SecondHost {
    name: String,
    /// This machine's end.
    here: Ipv4Addr,
    /// The other end.
    there: Ipv4Addr,
}

impl SecondHost {
    fn make() -> Self {
        // Several runs of the tests may have theirs at once.
        let number = std::process::id();
        let [.., third, fourth] = (number << 2).to_be_bytes();
        let address = |host: u8| Ipv4Addr::new(10, 213, third, fourth | host);
        let host = Self { name: format!("countersign-{number}"), here: address(1), there: address(2) };
        let (near, far) = (format!("csn{number}"), format!("csf{number}"));
        let name = host.name.as_str();
        ip(&["netns", "add", name]);
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", name]);
        ip(&["address", "add", &format!("{}/30", host.here), "dev", &near]);
        ip(&["link", "set", &near, "up"]);
        ip(&["-netns", name, "address", "add", &format!("{}/30", host.there), "dev", &far]);
        ip(&["-netns", name, "link", "set", &far, "up"]);
        host
    }

    /// A program there, on a disk of its own as far as the agent is concerned.
    fn command(&self, program: &str, disk: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("COUNTERSIGN_PREFIX", disk.join("prefix"));
        command.env("COUNTERSIGN_STATE", disk.join("state"));
        command
    }

    /// Pastes a line there.
    fn paste(&self, line: &str, disk: &Path) -> Output {
        self.command("sh", disk).args(["-c", line]).output().unwrap()
    }

    fn agent(&self, word: &str, disk: &Path) -> Command {
        let mut command = self.command(disk.join("prefix/bin/countersign").to_str().unwrap(), disk);
        command.args(["agent", word, "--state"]).arg(disk.join("state"));
        command
    }
}

impl Drop for SecondHost {
    fn drop(&mut self) {
        let _gone = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("ip (of iproute2): {error}; or set {LEFT_OUT}=1"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "no network namespace could be made, which takes root (ip {}: {}); {LEFT_OUT}=1 leaves this test out",
        arguments.join(" "),
        complaint.trim()
    );
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_line_to_paste_joins_another_machine() {
    if std::env::var(LEFT_OUT).is_ok_and(|value| value == "1") {
        eprintln!("{LEFT_OUT} is set: the second host is left out");
        return;
    }
    let host = SecondHost::make();
    let free = TcpListener::bind(SocketAddrV4::new(host.here, 0)).unwrap().local_addr().unwrap();
    let server = ForOthers::start(&[
        ("COUNTERSIGN__LISTEN", &free.to_string()),
        ("COUNTERSIGN__PUBLIC_URL", &format!("https://{free}")),
        ("COUNTERSIGN__AGENTS__HEARTBEAT_SECONDS", "1"),
    ]);
    let short_lived = server.code(json!({ "lifetime_seconds": 1 })).await;
    let code = server.beside(&["install-code", "create"]);
    let disk = tempfile::tempdir().unwrap();

    let joined = host.paste(code["command"].as_str().unwrap(), disk.path());
    assert!(joined.status.success(), "{}", said(&joined));
    assert!(!said(&joined).contains(code["code"].as_str().unwrap()), "the code is not echoed");
    let mut work = AtWork::start(&mut host.agent("run", disk.path()));
    work.says(&format!("is heard by https://{free}"));
    let agents = server.ask("GET", "/v1/agents", &Value::Null).await.json();
    let agent = &agents["agents"][0];
    let there = host.there.to_string();
    assert_eq!((&agent["state"], &agent["address"]), (&json!("active"), &json!(there)), "{agents}");
    assert!(host.agent("status", disk.path()).output().unwrap().status.success());
    let id = agent["agent_id"].as_str().unwrap();
    let installed = async |lang: &str| {
        let answer = server.vendor("DescribeAgentInstallStatus", &format!("Lang={lang}&Uuids={id}")).await;
        answer["AegisClientInvokeStatusResponseList"][0].clone()
    };
    let seen = installed("en").await;
    assert_eq!((&seen["Result"], &seen["Message"]), (&json!(1), &json!("installed")));

    // By the code that the vendor's SDK gives, the same line joins a further machine.
    let captcha = server.vendor("DescribeInstallCaptcha", "Lang=en").await;
    let line = code["command"]
        .as_str()
        .unwrap()
        .replace(code["code"].as_str().unwrap(), captcha["CaptchaCode"].as_str().unwrap());
    let further = tempfile::tempdir().unwrap();
    let joined = host.paste(&line, further.path());
    assert!(joined.status.success(), "{}", said(&joined));
    assert_eq!(server.ask("GET", "/v1/agents", &Value::Null).await.json()["agents"].as_array().unwrap().len(), 2);

    assert_eq!(server.ask("DELETE", &format!("/v1/agents/{id}"), &Value::Null).await.status, 204);
    let (rest, ended) = work.ends();
    assert_eq!(ended, Some(3), "{rest}");
    let status = host.agent("status", disk.path()).output().unwrap();
    assert_eq!(status.status.code(), Some(3), "{}", said(&status));
    assert_eq!(installed("zh").await["Message"], "未安装");

    let path = format!("/v1/install-codes/{}", short_lived["id"].as_str().unwrap());
    while server.ask("GET", &path, &Value::Null).await.json()["state"] != "expired" {}
    let fresh = tempfile::tempdir().unwrap();
    let late = host.paste(short_lived["command"].as_str().unwrap(), fresh.path());
    assert_eq!(late.status.code(), Some(1), "{}", said(&late));
    assert!(said(&late).contains("The install code has expired"), "{}", said(&late));
    let left = std::fs::read_dir(fresh.path().join("prefix/bin")).unwrap().count();
    assert_eq!(left, 0, "whoever may not join has nothing installed");
}
