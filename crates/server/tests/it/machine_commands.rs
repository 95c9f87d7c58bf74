//! The operator's commands for install codes, groups, machines that joined and the audit trail: what they print, whole.

use std::path::Path;
use std::time::Duration;

use countersign::SystemClock;
use countersign_domain::ports::Clock as _;
use hyper::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::Running;
use crate::process::{Server, command, output, run};
use crate::tls_client::pem;

const PUBLIC: (&str, &str) = ("COUNTERSIGN__PUBLIC_URL", "https://verify.example.com");

/// What an operator typed and read, with names for what is drawn at random.
struct Transcript<'a> {
    data: &'a Path,
    text: String,
    names: Vec<(String, &'static str)>,
}

impl<'a> Transcript<'a> {
    fn new(data: &'a Path) -> Self {
        Self { data, text: String::new(), names: Vec::new() }
    }

    /// Runs a command of a server at [`PUBLIC`]; its standard output.
    fn run(&mut self, line: &str) -> String {
        let arguments: Vec<_> = line.split(' ').collect();
        let output = command(&arguments).arg("--data").arg(self.data).env(PUBLIC.0, PUBLIC.1).output().unwrap();
        let [said, complained] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        self.text.extend(["$ countersign ", line, "\n", &said, &complained]);
        said
    }

    /// The transcript shows `value` as `name`.
    fn call(&mut self, value: &str, name: &'static str) {
        self.names.push((value.to_owned(), name));
    }

    fn shown(&self) -> String {
        let named = self.names.iter().fold(self.text.clone(), |text, (value, name)| text.replace(value, name));
        let words = named.split_inclusive([' ', '"', '\n']).map(|word| {
            let bare = word.trim_end_matches([' ', '"', '\n']);
            if bare.parse::<jiff::Timestamp>().is_ok() { word.replace(bare, "TIME") } else { word.to_owned() }
        });
        words.collect()
    }
}

/// A folder with one app, and the app's id.
fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let app = output(&["app", "create", "--name", "Shop"], folder.path()).trim().to_owned();
    (folder, app)
}

/// What stands behind `name` in a line of facts.
fn fact(said: &str, name: &str) -> String {
    let line = said.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_code_is_made_listed_shown_and_revoked() {
    let (folder, app) = folder();
    let mut transcript = Transcript::new(folder.path());
    transcript.call(&app, "APP");
    let made = transcript.run("install-code create");
    let (long, code) = (fact(&made, "id"), fact(&made, "code"));
    transcript.call(&code, "LONG-CODE");
    transcript.call(&long, "LONG-ID");
    transcript.run("group create gateways");
    let made = transcript.run(
        "install-code create --form short --hours 2 --group gateways --os windows --network 10.0.0.0/8 --network ::1 \
         --unlimited --only-image --vendor OTHER --proxy-cluster p --private-link 7",
    );
    transcript.call(&fact(&made, "code"), "SHORT1");
    let short = fact(&made, "id");
    transcript.call(&short, "SHORT-ID");
    for line in ["install-code list", &format!("install-code show {long}"), &format!("install-code show {short}")] {
        transcript.run(line);
    }
    transcript.run(&format!("install-code revoke {short}"));
    transcript.run("install-code list");
    transcript.run("install-code list --all");
    transcript.run("audit --limit 3");
    insta::assert_snapshot!("install_codes", transcript.shown());
}

#[test]
fn programs_read_what_the_native_api_shows() {
    let (folder, _) = folder();
    let mut transcript = Transcript::new(folder.path());
    let deadline = SystemClock::new().now().plus(Duration::from_hours(1)).milliseconds();
    let deadline = jiff::Timestamp::from_millisecond(deadline).unwrap();
    let made = transcript.run(&format!("install-code create --form short --deadline {deadline} --max-uses 3 --json"));
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    transcript.call(made["code"].as_str().unwrap(), "SHORT1");
    transcript.call(id, "SHORT-ID");
    transcript.run("install-code list --json");
    transcript.run(&format!("install-code show {id} --json"));
    transcript.run(&format!("install-code revoke {id} --json"));
    transcript.run("group create one --json");
    transcript.run("group rename one two --json");
    transcript.run("group list --json");
    transcript.run("group remove two --json");
    transcript.run("audit --event group. --json");
    insta::assert_snapshot!("json", transcript.shown());
}

#[test]
fn groups_are_made_listed_renamed_and_removed() {
    let (folder, _) = folder();
    let mut transcript = Transcript::new(folder.path());
    for line in
        ["create 网关", "create 网关", "rename 网关 gateways", "list", "remove gateways", "remove default", "list"]
    {
        transcript.run(&format!("group {line}"));
    }
    insta::assert_snapshot!("groups", transcript.shown());
}

#[tokio::test]
async fn a_machine_that_joined_is_listed_shown_and_sent_away() {
    let server = Running::start().await;
    let folder = server.folder.path();
    let mut transcript = Transcript::new(folder);
    transcript.call(server.dev["agent_uuid"].as_str().unwrap(), "FIRST-AGENT");
    let made: Value =
        serde_json::from_str(&output(&["install-code", "create", "--os", "linux", "--json"], folder)).unwrap();
    assert!(made["command"].as_str().unwrap().contains(&format!("http://{}/", server.address)), "{made}");
    transcript.call(made["id"].as_str().unwrap(), "CODE-ID");
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    let body = json!({
        "code": made["code"],
        "csr": pem("CERTIFICATE REQUEST", request.der()),
        "host": { "hostname": "web-1", "os": "linux", "architecture": "x86_64", "machine_id": "0a1b" },
    });
    let joined = server.client().await.post("/v1/agents/enrol", &body).await;
    assert_eq!(joined.status, StatusCode::CREATED, "{}", joined.text());
    let joined = joined.json();
    let agent = joined["agent_id"].as_str().unwrap();
    transcript.call(agent, "AGENT");
    for line in [
        "agent list",
        &format!("agent show {agent}"),
        &format!("install-code show {}", made["id"].as_str().unwrap()),
        &format!("agent revoke {agent}"),
        &format!("agent show {agent} --json"),
        &format!("agent revoke {agent} --json"),
        "audit --event agent.revoked",
    ] {
        transcript.run(line);
    }
    let listed = transcript.run("agent list --json");
    assert_eq!(listed.lines().count(), 2);
    let first: Value = serde_json::from_str(listed.lines().nth(1).unwrap()).unwrap();
    transcript.call(first["install_code_id"].as_str().unwrap(), "FIRST-CODE-ID");
    insta::assert_snapshot!("agents", transcript.shown());
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence_and_status_1() {
    let (folder, _) = folder();
    let uuid = "00000000-0000-4000-8000-000000000000";
    for (arguments, sentence) in [
        (&["install-code", "create", "--app", "nobody"][..], "there is no app nobody"),
        (&["install-code", "create", "--hours", "0"], "the deadline is over already"),
        (&["install-code", "create", "--deadline", "2026-01-01T00:00:00Z"], "the deadline is over already"),
        (&["install-code", "create", "--hours", "100000"], "the deadline is more than ten years away"),
        (&["install-code", "create", "--max-uses", "0"], "a code for no machine at all"),
        (&["install-code", "create", "--group", "nowhere"], "there is no group \"nowhere\""),
        (&["install-code", "create", "--vendor", ""], "vendor takes 1 to 32 characters"),
        (
            &["install-code", "show", "aB3dE6"],
            "an install code's id is 8 characters of 0-9A-Za-z, as `list` shows them",
        ),
        (&["install-code", "show", "00000000"], "there is no such install code"),
        (&["install-code", "revoke", "00000000"], "there is no such install code"),
        (&["group", "create", " x"], "a group's name takes 1 to 64 characters, without spaces at its ends"),
        (&["group", "create", "default"], "there is a group of this name already"),
        (&["group", "rename", "nowhere", "x"], "there is no group \"nowhere\""),
        (
            &["group", "remove", "default"],
            "group \"default\" stays: it is the default group, or install codes or agents belong to it",
        ),
        (&["agent", "show", "me"], "\"me\" is no agent's id"),
        (&["agent", "show", uuid], "there is no such agent"),
        (&["agent", "revoke", uuid], "there is no such agent"),
    ] {
        // The default group is there from its first use on.
        output(&["group", "list"], folder.path());
        let refused = run(arguments, folder.path());
        assert_eq!(String::from_utf8(refused.stderr).unwrap(), format!("countersign: {sentence}\n"), "{arguments:?}");
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{arguments:?}");
    }
    let most = ("COUNTERSIGN__INSTALL_CODES__LIVE_SHORT_CODES", "1");
    let short =
        || command(&["install-code", "create", "--form", "short", "--data"]).arg(folder.path()).envs([most]).output();
    assert!(short().unwrap().status.success());
    let refused = String::from_utf8(short().unwrap().stderr).unwrap();
    assert_eq!(refused, "countersign: too many short codes are live: revoke one, or make a long one\n");
}

#[test]
fn the_app_may_be_left_out_only_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = || String::from_utf8(run(&["agent", "list"], folder.path()).stderr).unwrap();
    assert_eq!(complaint(), "countersign: there is no app yet: make one with `countersign app create`\n");
    let first = output(&["app", "create", "--name", "one"], folder.path());
    assert_eq!(complaint(), "");
    output(&["app", "create", "--name", "two"], folder.path());
    assert_eq!(complaint(), "countersign: there are 2 apps: choose one with --app\n");
    output(&["agent", "list", "--app", first.trim()], folder.path());
}

#[test]
fn what_no_command_takes_ends_with_status_2() {
    for arguments in [
        &["install-code", "create", "--form", "medium"][..],
        &["install-code", "create", "--os", "plan9"],
        &["install-code", "create", "--network", "10.0.0.0/33"],
        &["install-code", "create", "--deadline", "tomorrow"],
        &["install-code", "create", "--deadline", "2099-01-01T00:00:00Z", "--hours", "1"],
        &["install-code", "create", "--max-uses", "2", "--unlimited"],
        &["agent"],
        &["group"],
    ] {
        let refused = command(arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn over_plain_http_a_code_is_made_with_a_word_of_warning() {
    let (folder, _) = folder();
    let made = run(&["install-code", "create"], folder.path());
    assert!(made.status.success());
    insta::assert_snapshot!("plain_http", String::from_utf8(made.stderr).unwrap());
}

/// The sentences of the doctor's checks that are about machines.
fn examined(data: &Path, settings: &[(&str, &str)]) -> String {
    let output = command(&["doctor", "--data"]).arg(data).envs(settings.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let about = |line: &&str| ["machines", "pin", "codes"].iter().any(|check| line[7..].starts_with(check));
    text.lines().filter(about).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_doctor_says_whether_machines_can_join() {
    let (folder, _) = folder();
    output(&["install-code", "create", "--form", "short"], folder.path());
    let own_ca = ("COUNTERSIGN__TLS__OWN_CA", "true");
    let proxys = ("COUNTERSIGN__AGENTS__PIN", "sha256//AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let found = [&[][..], &[own_ca], &[PUBLIC], &[PUBLIC, proxys]].map(|settings| examined(folder.path(), settings));
    insta::assert_snapshot!("doctor", found.join("\n"));
    // For trying things out, an address of this machine is what is wanted.
    let dev = tempfile::tempdir().unwrap();
    let address = Server::start(dev.path()).address;
    assert!(examined(dev.path(), &[]).contains(&format!("they can join at http://{address}\n")));
}

#[tokio::test]
async fn each_scrape_asks_how_many_short_codes_are_live() {
    let server = Running::start().await;
    let mut client = server.client().await;
    for live in 0..2 {
        let metrics = client.get("/metrics").await.text();
        assert!(metrics.contains(&format!("countersign_short_codes_live {live}\n")), "{metrics}");
        assert!(metrics.contains("countersign_short_codes_paused 0\n"), "{metrics}");
        output(&["install-code", "create", "--form", "short"], server.folder.path());
    }
}
