//! Codes from the command line, beside a server that delivers them into the inbox of `--dev`.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::client::Client;
use crate::house::Running;
use crate::process::{Server, command, output, run};

/// The code that was sent to `to`. What was accepted before is in the inbox of whoever asks for it.
async fn code_for(client: &mut Client, to: &str) -> String {
    let letters = client.get(&format!("/dev/messages?to={to}")).await.json();
    letters[0]["code"].as_str().unwrap_or_else(|| panic!("{letters}")).to_owned()
}

/// Types `code` into `code check`.
fn check(folder: &Path, id: &str, code: &str) -> (Option<i32>, Value) {
    let mut check = command(&["code", "check", id, "--customer", "user-17", "--json", "--data"]);
    check.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = check.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{code}").unwrap();
    let done = child.wait_with_output().unwrap();
    (done.status.code(), serde_json::from_slice(&done.stdout).unwrap())
}

#[tokio::test]
async fn commands_beside_a_running_server_send_and_check_and_it_delivers() {
    // A process: its clock goes with that of the commands.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder);
    let mut client = Client::connect(server.address).await;
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&output(arguments, folder)).unwrap() };
    let arguments = ["code", "send", "--to", "grace@example.com", "--purpose", "signup", "--locale", "zh", "--json"];
    let id = json(&arguments)["id"].as_str().unwrap().to_owned();
    let code = code_for(&mut client, "grace@example.com").await;
    assert_eq!(json(&["code", "status", &id, "--json"])["state"], "live");
    let wrong = if code.ends_with('0') { format!("{}1", &code[..5]) } else { format!("{}0", &code[..5]) };
    assert_eq!(check(folder, &id, &wrong), (Some(1), json!({"valid": false, "attempts_left": 4})));
    let (status, right) = check(folder, &id, &code);
    assert_eq!((status, &right["valid"]), (Some(0), &json!(true)));
    let listed = json(&["contact", "list", "--customer", "user-17", "--json"]);
    assert_eq!((&listed["id"], &listed["to"]), (&right["verified_id"], &json!("grace@example.com")));
    output(&["contact", "forget", listed["id"].as_str().unwrap()], folder);
    assert_eq!(output(&["contact", "list"], folder), "");
    assert!(server.terminate());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_a_sentence() {
    let server = Running::start().await;
    for (arguments, sentence) in [
        (&["code", "send", "--to", "13912345678", "--purpose", "signup"][..], "not a number that can be dialled"),
        (&["code", "send", "--to", "nobody", "--purpose", "signup"], "neither a phone number nor an e-mail address"),
        (&["code", "send", "--to", "a@example.com", "--purpose", "Sign Up"], "a purpose has 1 to 32 characters"),
        (&["code", "status", "123456"], "32 hexadecimal digits"),
        (&["contact", "forget", &"0".repeat(32)], "there is no such verified contact"),
    ] {
        let refused = run(arguments, server.folder.path());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(sentence), "{arguments:?}: {said}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_preview_says_what_a_text_would_cost() {
    let server = Running::start().await;
    let arguments = ["code", "preview", "--purpose", "signup", "--channel", "sms", "--locale", "zh", "--json"];
    let preview: Value = serde_json::from_str(&output(&arguments, server.folder.path())).unwrap();
    assert_eq!((&preview["coding"], &preview["segments"]), (&json!("ucs2"), &json!(1)));
    assert!(preview["text"].as_str().unwrap().contains("123456"));
    server.stop().await;
}
