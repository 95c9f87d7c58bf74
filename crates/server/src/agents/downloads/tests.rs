use std::net::Ipv4Addr;

use std::process::{Command, Output};

use bytes::Bytes;
use countersign_domain::testing::ManualClock;
use countersign_domain::throttle::Rule;
use countersign_stores::throttle::MemoryThrottle;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Flags};
use crate::metrics::Metrics;
use crate::tls::Pin;

const PIN: &str = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const THIRD: &str = "/agents/countersign-linux-riscv64";

fn reachable(url: &str, pin: Option<&str>, settings: &[(&str, &str)]) -> Arc<Reachable> {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::load(None, settings, &Flags::default()).unwrap();
    let pin = pin.map(|pin| Pin::parse(pin).unwrap());
    Arc::new(Reachable::new(url, &config.agents, Box::new(move || pin)))
}

/// The door of a server with one program more than its own.
struct Door {
    downloads: Downloads,
    folder: TempDir,
}

impl Door {
    fn new(url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("countersign-linux-riscv64"), "a program").unwrap();
        let throttle = Arc::new(MemoryThrottle::new(ManualClock::new(), 100));
        let rule = Rule { burst: 4, interval: std::time::Duration::from_secs(3) };
        let rates = Rates { download_per_address: Some(rule), ..Rates::default() };
        let reachable = reachable(url, None, settings);
        Self { downloads: Downloads::new(reachable, folder.path(), throttle, &rates, Arc::new(Metrics::new())), folder }
    }

    async fn ask(&self, method: Method, path: &str, held: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(held) = held {
            headers.insert(IF_NONE_MATCH, held.parse().unwrap());
        }
        let client = Ipv4Addr::LOCALHOST.into();
        let path = path.to_owned();
        let request = Request { client, method, path, query: None, headers, body: Bytes::new(), agent: None };
        self.downloads.answer(request).await
    }

    async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path, None).await
    }
}

/// Status, headers and body.
fn shown(response: &Response) -> String {
    let headers = response.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let headers: String = headers.collect();
    format!("{}\n{headers}\n{}", response.status, String::from_utf8_lossy(&response.body))
}

#[tokio::test]
async fn a_program_comes_once_and_then_only_if_it_has_changed() {
    let door = Door::new("https://verify.example.com", &[]);
    let first = door.get(THIRD).await;
    insta::assert_snapshot!("program", shown(&first));
    let tag = first.headers[ETAG].to_str().unwrap();
    insta::assert_snapshot!("unchanged", shown(&door.ask(Method::GET, THIRD, Some(tag)).await));
    insta::assert_snapshot!("head", shown(&door.ask(Method::HEAD, THIRD, None).await));
    std::fs::write(door.folder.path().join("countersign-linux-riscv64"), "another program").unwrap();
    let changed = door.ask(Method::GET, THIRD, Some(tag)).await;
    assert_eq!((changed.status, &changed.body[..]), (StatusCode::OK, &b"another program"[..]));
    insta::assert_snapshot!("limited", shown(&door.get(THIRD).await));
    assert_eq!(door.get("/install.sh").await.status, StatusCode::OK, "scripts are not counted");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let door = Door::new("https://verify.example.com", &[]);
    std::fs::write(door.folder.path().join("secret"), "a secret").unwrap();
    for path in ["/agents/", "/agents/secret", "/agents/../agents/secret", "/agents/countersign-linux-mips", VENDORS] {
        assert_eq!(door.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    insta::assert_snapshot!("not_found", shown(&door.get("/agents/secret").await));
    assert_eq!(door.ask(Method::POST, "/install.sh", None).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn over_plain_http_nothing_is_handed_out_unless_the_operator_allows_it() {
    let door = Door::new("http://verify.example.com", &[("COUNTERSIGN__AGENTS__VENDOR_FORM", "true")]);
    insta::assert_snapshot!("https_needed", shown(&door.get("/install.sh").await));
    for path in ["/install.ps1", THIRD, VENDORS] {
        assert_eq!(door.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let allowed = [("COUNTERSIGN__AGENTS__VENDOR_FORM", "true"), ("COUNTERSIGN__AGENTS__PLAIN_HTTP", "true")];
    let door = Door::new("http://verify.example.com", &allowed);
    for path in ["/install.sh", "/install.ps1", THIRD, VENDORS] {
        assert_eq!(door.get(path).await.status, StatusCode::OK, "{path}");
    }
}

fn programs() -> Vec<(ProgramName, String)> {
    let names = ["countersign-linux-x86_64", "countersign-windows-x86_64.exe"];
    names
        .iter()
        .zip(["ab", "cd"])
        .map(|(name, digits)| (ProgramName::parse(name).unwrap(), digits.repeat(32)))
        .collect()
}

#[test]
fn the_scripts_hold_what_the_server_knows() {
    let reachable = reachable("https://verify.example.com/it's", Some(PIN), &[]);
    insta::assert_snapshot!("install.sh", shell_script(&reachable, &programs(), false).unwrap());
    insta::assert_snapshot!("install.ps1", powershell_script(&reachable, &programs()).unwrap());
    let vendors = shell_script(&reachable, &programs(), true).unwrap();
    assert_eq!(vendors, shell_script(&reachable, &programs(), false).unwrap().replace("form='no'", "form='yes'"));
}

/// The script, as a shell runs it in `folder`.
fn script(folder: &Path, programs: &[(ProgramName, String)], shell: &[&str]) -> Command {
    let reachable = reachable("https://127.0.0.1:1", None, &[]);
    let file = folder.join("install.sh");
    std::fs::write(&file, shell_script(&reachable, programs, false).unwrap()).unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(file).env("LC_ALL", "C");
    command.env("COUNTERSIGN_PREFIX", folder.join("prefix")).env("COUNTERSIGN_STATE", folder.join("state"));
    command
}

fn complaint(output: &Output) -> (String, Option<i32>) {
    assert_eq!(output.stdout, b"");
    (String::from_utf8(output.stderr.clone()).unwrap(), output.status.code())
}

#[test]
fn the_script_says_what_is_missing_and_installs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for shell in [&["sh"][..], &["dash"], &["bash", "--posix"]] {
        if Command::new(shell[0]).arg("-c").arg(":").output().is_err() {
            continue;
        }
        let checked = script(folder.path(), &programs(), &[shell, &["-n"]].concat()).output().unwrap();
        assert_eq!(complaint(&checked), (String::new(), Some(0)), "{shell:?}");

        let codeless = script(folder.path(), &programs(), shell).env_remove("COUNTERSIGN_CODE").output().unwrap();
        let expected = "An install code is needed, in COUNTERSIGN_CODE.\n".to_owned();
        assert_eq!(complaint(&codeless), (expected, Some(1)), "{shell:?}");

        let mut other = script(folder.path(), &programs()[1..], shell);
        let (said, ended) = complaint(&other.env("COUNTERSIGN_CODE", "aB3dE6").output().unwrap());
        let machine = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        let expected = format!("The server has no program for {machine}. It has:\n  windows x86_64\n");
        assert_eq!((said, ended), (expected, Some(1)), "{shell:?}");

        let mut chinese = script(folder.path(), &programs()[1..], shell);
        chinese.arg("-k=aB3dE6").env("LC_ALL", "zh_CN.UTF-8");
        let (said, ended) = complaint(&chinese.output().unwrap());
        // Some shells add that they lack the locale.
        assert_eq!((said.ends_with("没有选项 -k。\n"), ended), (true, Some(1)), "{shell:?}: {said}");
        assert!(!folder.path().join("prefix").exists() && !folder.path().join("state").exists());
    }
}

#[test]
fn a_script_that_came_in_part_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = shell_script(&reachable("https://127.0.0.1:1", None, &[]), &programs(), false).unwrap();
    let last = whole.trim_end().rfind('\n').unwrap();
    for end in (0..=last).step_by(97).chain([last]).filter(|end| whole.is_char_boundary(*end)) {
        let output = Command::new("sh")
            .arg("-c")
            .arg(&whole[..end])
            .env("COUNTERSIGN_PREFIX", folder.path().join("prefix"))
            .env("COUNTERSIGN_CODE", "aB3dE6")
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{end}");
    }
}
