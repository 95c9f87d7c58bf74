//! Commands beside a running server: it sees what they change.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::Running;
use crate::process::{output, run};

/// Asks until the server has seen the change; it promises a second.
async fn until(client: &mut Client, site_key: &str, status: StatusCode) {
    let seen = async {
        while client.post("/v1/challenges", &json!({ "site_key": site_key })).await.status != status {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the server sees the change");
}

#[tokio::test]
async fn an_app_is_made_disabled_and_enabled_beside_a_running_server() {
    let server = Running::start().await;
    let data = server.folder.path();
    let app = output(&["app", "create", "--name", "Shop 商店"], data).trim().to_owned();
    let mut client = server.client().await;
    until(&mut client, &app, StatusCode::CREATED).await;
    output(&["app", "disable", &app], data);
    until(&mut client, &app, StatusCode::FORBIDDEN).await;
    let refused = client.post("/v1/challenges", &json!({ "site_key": app })).await.json();
    assert_eq!(refused["type"], "urn:countersign:problem:app-disabled");
    output(&["app", "enable", &app], data);
    until(&mut client, &app, StatusCode::CREATED).await;
}

#[test]
fn keys_are_made_for_an_app_and_their_secret_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let app = output(&["app", "create", "--name", "Shop", "--tenant", "acme", "--json"], data);
    let app: Value = serde_json::from_str(&app).unwrap();
    assert_eq!((&app["name"], &app["tenant"], &app["enabled"]), (&json!("Shop"), &json!("acme"), &json!(true)));
    let app = app["id"].as_str().unwrap();
    let key: Value = serde_json::from_str(&output(&["key", "create", "--app", app, "--json"], data)).unwrap();
    let (id, secret) = (key["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
    output(&["key", "create", "--app", app, "--permission", "tickets.redeem"], data);
    output(&["key", "create", "--app", app, "--powerless"], data);
    output(&["key", "disable", id], data);

    let listed = output(&["key", "list", "--app", app, "--json"], data);
    let mut permissions: Vec<_> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|key| (key["permissions"].as_str().unwrap().to_owned(), key["enabled"].as_bool().unwrap()))
        .collect();
    permissions.sort();
    let expected = [("", true), ("*", false), ("tickets.redeem", true)];
    assert_eq!(permissions, expected.map(|(words, enabled)| (words.to_owned(), enabled)));
    assert!(!listed.contains(secret));
    for file in std::fs::read_dir(data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "the secret is sealed at rest");
    }
}

#[test]
fn a_users_password_is_shown_once_and_kept_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let app = output(&["app", "create", "--name", "Test"], data);
    let create = ["iam-user", "create", "--app", app.trim(), "--domain", "acme", "--name", "ann", "--json"];
    let user: Value = serde_json::from_str(&output(&create, data)).unwrap();
    let (id, password) = (user["id"].as_str().unwrap(), user["password"].as_str().unwrap());
    assert!(!run(&create, data).status.success(), "the name is taken");
    output(&["iam-user", "disable", id], data);
    let listed = output(&["iam-user", "list", "--json"], data);
    let kept: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&kept["id"], &kept["enabled"]), (&user["id"], &Value::Bool(false)));
    for file in std::fs::read_dir(data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(password.len()).any(|window| window == password.as_bytes()));
    }
    assert!(!listed.contains(password) && !listed.contains("argon2"));
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence_and_status_1() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, sentence) in [
        (&["app", "disable", "nobody"][..], "countersign: there is no app nobody\n"),
        (&["app", "disable", "no body"], "countersign: \"no body\" is no app id\n"),
        (&["app", "create", "--name", ""], "countersign: --name takes 1 to 64 characters\n"),
        (&["key", "create", "--app", "nobody"], "countersign: there is no app nobody\n"),
        (
            &["iam-user", "create", "--app", "nobody", "--domain", "a", "--name", "b"],
            "countersign: there is no app nobody\n",
        ),
        (&["iam-user", "disable", "ann"], "countersign: \"ann\" is no user id\n"),
        (&["key", "enable", "AK"], "countersign: there is no access key AK\n"),
        (
            &["key", "create", "--app", "a", "--permission", "everything"],
            "countersign: \"everything\" is no permission: there are tickets.redeem, decisions.read, codes.send, codes.check, contacts.read, contacts.manage, install_codes.read, install_codes.create, install_codes.revoke, agents.read, agents.revoke, groups.manage, directory.read, directory.manage, resources.attach, statistics.read, usage.read\n",
        ),
    ] {
        let refused = run(arguments, folder.path());
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert_eq!(String::from_utf8(refused.stderr).unwrap(), sentence);
    }
}
