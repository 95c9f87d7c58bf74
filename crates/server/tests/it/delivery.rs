//! Messages reach a real mail server through `kill -9` and through that server's own absence, and each code is good once.
//!
//! CI sends 60 codes through three kills; `cargo xtask prove delivery` sets `COUNTERSIGN_DELIVERY_CODES`, `…_KILLS`, and
//! `…_EXPIRE`, for codes whose whole life the mail server sleeps through.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::Client;
use crate::codes::credentials;
use crate::process::Server;

/// Messages that are in the sender's hands at once: what one kill may send twice.
const WINDOW: usize = 4;

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// Aiosmtpd, which keeps what it gets in a mailbox.
struct MailServer {
    port: u16,
    mailbox: PathBuf,
    process: Option<Child>,
}

impl MailServer {
    fn new(folder: &Path) -> Self {
        // A port that was free a moment ago: the server comes and goes, and must always be found there.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, mailbox: folder.join("mailbox"), process: None }
    }

    fn start(&mut self) {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("peers/bin/python");
        assert!(python.is_file(), "{} is missing: `cargo xtask test tests` installs it", python.display());
        let mut command = Command::new(python);
        command.args(["-m", "aiosmtpd", "--nosetuid", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(&self.mailbox);
        self.process = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// What arrived: for each Message-ID how often, and the digits in it.
    fn letters(&self) -> BTreeMap<String, (usize, String)> {
        let mut letters: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let Ok(files) = std::fs::read_dir(self.mailbox.join("new")) else { return letters };
        for file in files {
            let letter = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let id = letter.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
            let (_, body) = letter.split_once("\n\n").unwrap();
            let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
            let digits = body.split(|letter: char| !letter.is_ascii_alphanumeric()).find(is_code).unwrap();
            let kept = letters.entry(id).or_insert((0, digits.to_owned()));
            kept.0 += 1;
            assert_eq!(kept.1, digits, "one message says one code");
        }
        letters
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server and whoever calls it, through its deaths.
struct House<'a> {
    data: &'a Path,
    settings: &'a Path,
    server: Server,
    client: Client,
}

impl<'a> House<'a> {
    async fn start(data: &'a Path, settings: &'a Path) -> Self {
        let server = Server::with_file(data, settings);
        let client = Client::connect(server.address).await;
        Self { data, settings, server, client }
    }

    async fn killed(self) -> Self {
        self.server.kill();
        Self::start(self.data, self.settings).await
    }

    async fn call(&mut self, method: &str, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let authorization = credentials(&self.server.dev);
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let answer = self.client.call(method, path, &headers, &body.to_string()).await;
        (answer.status, answer.json())
    }

    /// Sends a code; a call that is made again gets the same.
    async fn send(&mut self, number: usize, purpose: &str) -> String {
        let body = json!({"to": format!("ann{number}@example.com"), "purpose": purpose});
        let (status, sent) = self.call("POST", "/v1/codes", Some(&format!("{purpose}-{number}")), &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
        sent["id"].as_str().unwrap().to_owned()
    }

    async fn message(&mut self, id: &str) -> Value {
        let (status, code) = self.call("GET", &format!("/v1/codes/{id}"), None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let messages = code["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 1, "the same call again sends nothing twice");
        messages[0].clone()
    }

    /// Waits until none of these messages waits any more; their states.
    async fn settled(&mut self, ids: &[String]) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for id in ids {
            let settled = async {
                loop {
                    let message = self.message(id).await;
                    if message["state"] != "waiting" {
                        break message["state"].as_str().unwrap().to_owned();
                    }
                    tokio::task::yield_now().await;
                }
            };
            let state = tokio::time::timeout(Duration::from_mins(6), settled).await.expect("a message is settled");
            *states.entry(state).or_default() += 1;
        }
        states
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_kills_and_outages_every_code_arrives_and_is_good_once() {
    let (codes, kills) = (number("COUNTERSIGN_DELIVERY_CODES", 60), number("COUNTERSIGN_DELIVERY_KILLS", 3));
    let folder = tempfile::tempdir().unwrap();
    let mut mail = MailServer::new(folder.path());
    let settings = folder.path().join("countersign.toml");
    let sender = format!(
        "[[senders]]\nname = 'mail'\nkind = 'smtp'\nchannel = 'email'\nhost = '127.0.0.1'\nport = {}\nsecurity = 'plain'\n\
         from = 'Example <no-reply@example.com>'\ndeadline_seconds = 2\nconnections = {WINDOW}\n\
         [codes]\nlifetime_seconds = 600\n[codes.purposes.brief]\nlifetime_seconds = 30\n\
         [delivery]\nlongest_pause_seconds = 2\n",
        mail.port
    );
    std::fs::write(&settings, sender).unwrap();
    let data = folder.path().join("data");
    let mut house = House::start(&data, &settings).await;

    // Codes that nobody could send in time.
    let mut late = Vec::new();
    for number in 0..number("COUNTERSIGN_DELIVERY_EXPIRE", 0) {
        late.push(house.send(number, "brief").await);
    }
    let states = house.settled(&late).await;
    assert_eq!(states.get("expired").copied().unwrap_or_default(), late.len(), "{states:?}");

    // The mail server is there in every other part, and in the middle of each the server is killed.
    let mut ids = Vec::new();
    for part in 0..kills {
        if part % 2 == 0 {
            mail.start();
        } else {
            mail.stop();
        }
        let share = codes / kills;
        for number in part * share..(part + 1) * share {
            ids.push(house.send(number, "signup").await);
            if number == part * share + share / 2 {
                house = house.killed().await;
                assert_eq!(house.send(number, "signup").await, ids[number], "what was acknowledged is there");
            }
        }
    }
    mail.stop();
    mail.start();
    let states = house.settled(&ids).await;
    assert_eq!(states.get("sent").copied(), Some(ids.len()), "{states:?}");

    let letters = mail.letters();
    assert_eq!(letters.len(), ids.len(), "each message arrived, under one name");
    let twice: usize = letters.values().map(|(count, _)| count - 1).sum();
    assert!(twice <= kills * WINDOW, "{twice} letters came twice");
    eprintln!("{} codes, {kills} kills: {} late ones expired, {twice} letters came twice", ids.len(), late.len());

    let mut names = BTreeSet::new();
    for id in &ids {
        let name = house.message(id).await["id"].as_str().unwrap().to_owned();
        let (_, digits) = &letters[&format!("<{name}@example.com>")];
        let check = json!({"id": id, "code": digits});
        let verdicts = [0, 1].map(|_| check.clone());
        let mut valid = Vec::new();
        for check in verdicts {
            valid.push(house.call("POST", "/v1/codes/check", None, &check).await.1["valid"].clone());
        }
        assert_eq!(valid, [json!(true), json!(false)], "good once");
        names.insert(name);
    }
    assert_eq!(names.len(), ids.len());
}
