//! The binary as an agent of the binary as a server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use countersign::SystemClock;
use hyper::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::alibaba::signed_headers;
use crate::client::{Answer, Client};
use crate::process::{Server, command, output};
use crate::tls_client::Trust;

const OWN_CA: (&str, &str) = ("COUNTERSIGN__TLS__OWN_CA", "true");
const PLAIN: [&str; 1] = ["--plain-http"];
const SECOND: (&str, &str) = ("COUNTERSIGN__AGENTS__HEARTBEAT_SECONDS", "1");

/// A server as others have it: HTTPS, no `--dev`, and an app with a key.
pub(crate) struct ForOthers {
    pub(crate) server: Server,
    pub(crate) pin: String,
    pub(crate) folder: TempDir,
    settings: Vec<(String, String)>,
    key: String,
    /// Its id and its secret.
    vendor_key: [String; 2],
}

impl ForOthers {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: Vec<_> = settings.iter().copied().chain([OWN_CA]).collect();
        let app = output(&["app", "create", "--name", "machines", "--json"], folder.path());
        let app: Value = serde_json::from_str(&app).unwrap();
        let key = ["key", "create", "--json", "--app", app["id"].as_str().unwrap()];
        let key: Value = serde_json::from_str(&output(&key, folder.path())).unwrap();
        let (server, pin) = Server::for_others(folder.path(), &settings);
        let vendor_key = ["id", "secret"].map(|half| key[half].as_str().unwrap().to_owned());
        let key = basic(&vendor_key[0], &vendor_key[1]);
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { server, pin: pin.unwrap(), folder, settings, key, vendor_key }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.server.address)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What a command beside the server prints, as JSON.
    pub(crate) fn beside(&self, arguments: &[&str]) -> Value {
        let mut command = command(arguments);
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        let output = command.arg("--json").arg("--data").arg(self.folder.path()).envs(settings).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{:?}", said(&output)))
    }

    /// What the owner of the app asks for.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let trust = Trust::file(&self.ca()).now();
        owner(trust.http_1(self.server.address).await, &self.key, method, path, body).await
    }

    /// What one of Security Center's operations answers to the owner, called as a vendor's SDK would.
    pub(crate) async fn vendor(&self, action: &str, query: &str) -> Value {
        let [id, secret] = &self.vendor_key;
        let (clock, host) = (SystemClock::new(), self.server.address.to_string());
        let nonce = format!("{action} {query}");
        let headers = signed_headers((id, secret), &clock, &host, &nonce, action, query);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let trust = Trust::file(&self.ca()).now();
        let mut client = trust.http_1(self.server.address).await;
        let answer = client.call("POST", &format!("/?{query}"), &headers, "").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn code(&self, wishes: Value) -> Value {
        self.ask("POST", "/v1/install-codes", &wishes).await.json()
    }
}

async fn owner(mut client: Client, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.call(method, path, &[("authorization", key)], &body).await
}

fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;

    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

/// A code of the app in `dev.json`.
pub(crate) async fn dev_code(server: &Server, wishes: Value) -> String {
    let word = |name: &str| server.dev[name].as_str().unwrap();
    let key = basic(word("access_key_id"), word("access_key_secret"));
    let made = owner(Client::connect(server.address).await, &key, "POST", "/v1/install-codes", &wishes).await;
    made.json()["code"].as_str().unwrap_or_else(|| panic!("{}", made.text())).to_owned()
}

/// `countersign agent …` on a machine whose folder is `state`.
fn agent(arguments: &[&str], state: &Path) -> Command {
    let mut command = command(&[&["agent"], arguments].concat());
    command.env("LC_ALL", "C").arg("--state").arg(state);
    command
}

/// A folder that is a machine's alone, as the unit makes one.
fn machine() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;

    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// Standard output, standard error and the status.
fn said(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

fn join(url: &str, more: &[&str], code: &str, state: &Path) -> (String, String, Option<i32>) {
    said(&agent(&[&["join", "--server", url], more].concat(), state).env("COUNTERSIGN_CODE", code).output().unwrap())
}

fn status(state: &Path) -> (Value, Option<i32>) {
    let (out, _, code) = said(&agent(&["status", "--json"], state).output().unwrap());
    (serde_json::from_str(&out).unwrap(), code)
}

/// An agent at work. Killed when dropped.
pub(crate) struct AtWork {
    pub(crate) child: Child,
    lines: BufReader<std::process::ChildStderr>,
}

impl AtWork {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// Waits until it says something that holds `text`.
    pub(crate) fn says(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let start = all.len();
            assert!(self.lines.read_line(&mut all).unwrap() > 0, "it ended without {text:?}: {all}");
            if all[start..].contains(text) {
                return all[start..].to_owned();
            }
        }
    }

    /// What else it says, and its status at the end.
    pub(crate) fn ends(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }

    fn terminate(self) -> (String, Option<i32>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.ends()
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[tokio::test]
async fn a_machine_joins_is_heard_of_and_leaves() {
    let (server, state) = (ForOthers::start(&[SECOND]), machine());
    let state = state.path().join("agent");
    assert_eq!(status(&state), (json!({ "joined": false }), Some(1)));
    let code = server.code(json!({})).await;
    let (url, ca) = (server.url(), server.ca());
    let trust = ["--ca", ca.to_str().unwrap()];
    let (out, complaint, ended) = join(&url, &trust, code["code"].as_str().unwrap(), &state);
    let agents = server.ask("GET", "/v1/agents", &Value::Null).await.json();
    let id = agents["agents"][0]["agent_id"].as_str().unwrap_or_else(|| panic!("{agents} {complaint}")).to_owned();
    assert_eq!((out, complaint.as_str(), ended), (format!("joined as agent {id}, group default\n"), "", Some(0)));
    assert!(agents["agents"][0]["seen_at"].is_string(), "the first heartbeat comes at once");

    let (out, _, ended) = join(&url, &trust, "", &state);
    assert_eq!((out.starts_with(&format!("has joined before as agent {id}")), ended), (true, Some(0)), "{out}");
    let (known, ended) = status(&state);
    assert_eq!(
        (&known["agent_id"], &known["endpoint"], &known["heard"], ended),
        (&json!(id), &json!(url), &json!(true), Some(0))
    );
    let mut work = AtWork::start(&mut agent(&["run"], &state));
    work.says("is heard by");
    assert_eq!(work.terminate(), (String::new(), Some(0)));

    assert_eq!(
        said(&agent(&["leave"], &state).output().unwrap()),
        ("this machine has left\n".into(), String::new(), Some(0))
    );
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0, "no key is left");
    let (_, complaint, ended) = said(&agent(&["run"], &state).output().unwrap());
    assert_eq!(ended, Some(3), "the unit starts it no more: {complaint}");
    let agent = server.ask("GET", &format!("/v1/agents/{id}"), &Value::Null).await.json();
    assert_eq!(agent["state"], "left", "{agent}");
}

#[tokio::test]
async fn who_is_sent_away_ends_with_a_status_of_its_own() {
    let (server, state) = (ForOthers::start(&[SECOND]), machine());
    let code = server.code(json!({})).await;
    let pin = ["--pin", &server.pin];
    let (_, complaint, ended) = join(&server.url(), &pin, code["code"].as_str().unwrap(), state.path());
    assert_eq!((complaint.as_str(), ended), ("", Some(0)));
    let id = status(state.path()).0["agent_id"].as_str().unwrap().to_owned();
    let mut work = AtWork::start(&mut agent(&["run"], state.path()));
    work.says("is heard by");
    assert_eq!(server.ask("DELETE", &format!("/v1/agents/{id}"), &Value::Null).await.status, 204);
    let (rest, ended) = work.ends();
    assert_eq!(ended, Some(3));
    assert!(rest.contains("the server has sent this agent away"), "{rest}");
    assert_eq!(status(state.path()).1, Some(3));

    // With another code it comes back as somebody else.
    let code = server.code(json!({})).await;
    assert_eq!(join(&server.url(), &pin, code["code"].as_str().unwrap(), state.path()).2, Some(0));
    assert_ne!(status(state.path()).0["agent_id"], id.as_str());
}

#[tokio::test]
async fn only_the_server_with_the_pinned_key_hears_the_code() {
    let (server, state) = (ForOthers::start(&[]), machine());
    let code = server.code(json!({})).await;
    let code = code["code"].as_str().unwrap();
    let other = format!("sha256//{}=", "A".repeat(43));
    let (_, complaint, ended) = join(&server.url(), &["--pin", &other], code, state.path());
    assert_eq!(ended, Some(1));
    let expected = format!("is not to be trusted: the server's key is {}, and not the pinned {other}\n", server.pin);
    assert!(complaint.ends_with(&expected), "{complaint}");
    let mut chinese = agent(&["join", "--server", &server.url(), "--pin", &other], state.path());
    chinese.env_remove("LC_ALL").env("LANG", "zh_CN.UTF-8").env("COUNTERSIGN_CODE", code);
    let expected = format!(" 不可信任：服务器的公钥是 {}，而不是指定的 {other}\n", server.pin);
    let complaint = said(&chinese.output().unwrap()).1;
    assert!(complaint.ends_with(&expected), "{complaint}");
    // No authority of the system's knows it.
    let (_, complaint, ended) = join(&server.url(), &[], code, state.path());
    assert_eq!(ended, Some(1), "{complaint}");
    assert_eq!(server.ask("GET", "/v1/agents", &Value::Null).await.json()["agents"], json!([]));
    assert!(!complaint.contains(code));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_machines_language() {
    let (data, state) = (tempfile::tempdir().unwrap(), machine());
    let server = Server::start(data.path());
    let url = format!("http://{}", server.address);
    let made = state.path().join("agent");
    let (out, complaint, ended) = join(&url, &PLAIN, "aaaaaa", &made);
    assert_eq!((out.as_str(), ended), ("", Some(1)));
    assert!(!made.exists(), "no key that the machine's copies would share");
    insta::assert_snapshot!(complaint, @"countersign: Unknown install code: Check the code, or ask whoever gave it to you for a new one.");
    let mut chinese = agent(&["join", "--server", &url, PLAIN[0]], state.path());
    chinese.env_remove("LC_ALL").env("LANG", "zh_CN.UTF-8").env("COUNTERSIGN_CODE", "aaaaaa");
    insta::assert_snapshot!(said(&chinese.output().unwrap()).1, @"countersign: 未知的安装码: 请核对安装码，或向提供者索取新的安装码。");
    let nowhere = agent(&["join", "--server", &url, PLAIN[0]], state.path()).output().unwrap();
    insta::assert_snapshot!(said(&nowhere).1, @"countersign: an install code is needed: in COUNTERSIGN_CODE, in the file that --code-file names, or on standard input");
}

#[test]
fn a_code_goes_in_the_clear_only_where_somebody_says_so() {
    let (state, server) = (machine(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}", server.local_addr().unwrap());
    let without = |complaint: String| complaint.replace(&url, "URL");
    let (out, complaint, ended) = join(&url, &[], "aaaaaa", state.path());
    assert_eq!((out.as_str(), ended), ("", Some(1)));
    insta::assert_snapshot!(without(complaint), @"countersign: URL is plain HTTP, where whoever is on the way can read the code: use https://, or say --plain-http");
    let mut chinese = agent(&["join", "--server", &url], state.path());
    chinese.env_remove("LC_ALL").env("LANG", "zh_CN.UTF-8").env("COUNTERSIGN_CODE", "aaaaaa");
    insta::assert_snapshot!(without(said(&chinese.output().unwrap()).1), @"countersign: URL 是明文 HTTP，途经之处皆可读取安装码：请使用 https://，或加上 --plain-http");
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody was called");
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let state = machine();
    let exposed = std::fs::Permissions::from_mode(0o750);
    std::fs::set_permissions(state.path(), exposed).unwrap();
    let folder = state.path().display();
    for arguments in [&["join", "--server", "https://127.0.0.1:1"][..], &["status"], &["run"], &["leave"]] {
        let refused = said(&agent(arguments, state.path()).env("COUNTERSIGN_CODE", "aaaaaa").output().unwrap());
        let complaint =
            format!("countersign: other users may read or write {folder}, where the key is: `chmod 700` comes first\n");
        assert_eq!(refused, (String::new(), complaint, Some(1)), "{arguments:?}");
    }
    let mut chinese = agent(&["status"], state.path());
    chinese.env_remove("LC_ALL").env("LANG", "zh_CN.UTF-8");
    let complaint = format!("countersign: 其他用户可以读写存放密钥的 {folder}：请先运行 `chmod 700`\n");
    assert_eq!(said(&chinese.output().unwrap()).1, complaint);
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_code_comes_from_a_file_or_from_standard_input() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let url = format!("http://{}", server.address);
    let code = dev_code(&server, json!({ "max_uses": 2 })).await;
    let (first, second) = (machine(), machine());
    let file = first.path().join("code");
    std::fs::write(&file, format!("{code}\n")).unwrap();
    let from_file =
        agent(&["join", "--server", &url, PLAIN[0], "--code-file", file.to_str().unwrap()], first.path()).output();
    assert_eq!(said(&from_file.unwrap()).2, Some(0));

    let mut piped = agent(&["join", "--server", &url, PLAIN[0]], second.path());
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(format!(" {code}\n").as_bytes()).unwrap();
    assert!(piped.wait().unwrap().success());
    let (known, ended) = status(second.path());
    assert_eq!((&known["heard"], ended), (&json!(true), Some(0)), "TLS on the port of plain HTTP");
}

#[tokio::test]
async fn a_server_that_was_away_is_found_again() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let settings = [SECOND, ("COUNTERSIGN__LISTEN", free.as_str())];
    let (server, state) = (ForOthers::start(&settings), machine());
    let code = server.code(json!({})).await;
    assert_eq!(join(&server.url(), &["--pin", &server.pin], code["code"].as_str().unwrap(), state.path()).2, Some(0));
    let mut work = AtWork::start(&mut agent(&["run"], state.path()));
    work.says("is heard by");
    let ForOthers { server, folder, .. } = server;
    server.kill();
    work.says("once more in");
    let (_again, _) = Server::for_others(folder.path(), &[settings[0], settings[1], OWN_CA]);
    work.says("is heard by");
    assert_eq!(work.terminate().1, Some(0));
}

/// Passes one connection on to the server, and drops its answer once it is whole; then passes on what comes.
fn lossy_way(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let (mut up, mut down) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut client, &mut up));
            if number == 0 {
                assert!(server.read(&mut [0; 1]).unwrap() > 0, "the server has answered");
                down.shutdown(std::net::Shutdown::Both).unwrap();
            } else {
                std::thread::spawn(move || std::io::copy(&mut server, &mut down));
            }
        }
    });
    address
}

#[tokio::test]
async fn a_lost_reply_costs_nothing() {
    let (data, state) = (tempfile::tempdir().unwrap(), machine());
    let server = Server::start(data.path());
    let code = dev_code(&server, json!({})).await;
    let way = lossy_way(server.address);
    let (out, complaint, ended) = join(&format!("http://{way}"), &PLAIN, &code, state.path());
    assert_eq!((out.starts_with("joined as agent "), ended), (true, Some(0)), "{complaint}");
    assert!(complaint.contains("once more in 1 s"), "{complaint}");
}

#[test]
fn patience_has_an_end() {
    let state = machine();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, complaint, ended) =
        join(&format!("http://{nobody}"), &["--plain-http", "--patience", "0"], "aaaaaa", state.path());
    assert_eq!(ended, Some(1));
    assert!(state.path().join("request.json").exists(), "the same request gets the answer that was lost");
    assert_eq!(complaint, format!("countersign: http://{nobody}: Connection refused (os error 111)\n"));
}

#[tokio::test]
async fn a_machine_made_from_an_image_joins_at_its_first_start() {
    let (data, state) = (tempfile::tempdir().unwrap(), machine());
    let server = Server::start(data.path());
    let url = format!("http://{}", server.address);
    let code = dev_code(&server, json!({ "only_image": true })).await;
    let staged = "staged: the machine joins at its next start\n".to_owned();
    assert_eq!(join(&url, &PLAIN, &code, state.path()), (staged, String::new(), Some(0)));
    let files = || {
        let names = std::fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(files(), ["staged.json"], "no key that all machines would share");
    let (out, _, ended) = said(&agent(&["run"], state.path()).output().unwrap());
    assert_eq!((out.as_str(), ended), ("staged in this start of the machine: it joins at the next one\n", Some(0)));

    // Another start of the machine.
    let file = state.path().join("staged.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["boot"] = json!("an earlier one");
    std::fs::write(&file, kept.to_string()).unwrap();
    let mut work = AtWork::start(&mut agent(&["run"], state.path()));
    work.says("joined as agent ");
    work.says("is heard by");
    assert_eq!(work.terminate().1, Some(0));
    assert_eq!(files(), ["identity.json"]);
}
