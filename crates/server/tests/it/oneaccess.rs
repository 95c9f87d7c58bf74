//! The OneAccess door over the wire, as an app that knows only the vendor's documents.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Client, Place};
use crate::house::Running;
use crate::process::{command, output, run};

type Headers<'a> = [(&'a str, &'a str); 5];

fn headers(client_id: &str) -> Headers<'_> {
    [
        ("X-client-id", client_id),
        ("X-operating-sys-version", "Android 10"),
        ("X-device-fingerprint", "156aysdna213sc50"),
        ("X-agent", "Mozilla/5.0"),
        ("Content-Type", "application/json;charset=utf8"),
    ]
}

/// Solves a challenge, has a code sent and reads it in the inbox.
async fn code(client: &mut Client, headers: &Headers<'_>, mobile: &str, kind: &str) -> String {
    let captcha = client.call("GET", "/api/v2/sdk/captcha", headers, "").await.json();
    let token = captcha["token"].as_str().unwrap();
    let Place { x, .. } = client.solution(token).await;
    let body = json!({"point_json": format!("{{\"x\":{x}.0,\"y\":5.0}}"), "token": token, "sender": mobile});
    let verified = client.call("POST", "/api/v2/sdk/captcha/verify", headers, &body.to_string()).await.json();
    let body = json!({"mobile": mobile, "type": kind, "captcha_token": verified["captcha_token"]});
    let sent = client.call("POST", "/api/v2/sdk/sms/send", headers, &body.to_string()).await;
    assert_eq!((sent.status, sent.text()), (StatusCode::OK, String::new()));
    let inbox = client.get(&format!("/dev/messages?to={mobile}")).await.json();
    inbox[0]["code"].as_str().unwrap().to_owned()
}

async fn signed_in(client: &mut Client, path: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    let answer = client.call("POST", &format!("/api/v2/sdk/{path}"), headers, &body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

fn claims(id_token: &Value) -> Value {
    let part = id_token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_app_gets_a_captcha_and_a_captcha_token() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let headers = headers(server.site_key());
    let captcha = client.call("GET", "/api/v2/sdk/captcha", &headers, "").await.json();
    let token = captcha["token"].as_str().unwrap();
    let Place { x, y } = client.solution(token).await;
    assert_eq!(y, 5, "the only y that this door takes");
    let body = json!({"point_json": format!("{{\"x\":{x}.0,\"y\":5.0}}"), "token": token, "sender": "13912345678"});
    let verified = client.call("POST", "/api/v2/sdk/captcha/verify", &headers, &body.to_string()).await;
    assert_eq!(verified.status, StatusCode::OK, "{}", verified.text());
    let captcha_token = verified.json()["captcha_token"].as_str().unwrap().to_owned();
    assert!(captcha_token.ends_with(&format!("---{{\"x\":{x}.0,\"y\":5.0}}")));
    let again = client.call("POST", "/api/v2/sdk/captcha/verify", &headers, &body.to_string()).await;
    insta::assert_snapshot!(again.shown(), @r#"
    400 Bad Request
    application/json;charset=UTF-8

    {"error_code":"CAPTCHA.0003","error_msg":"CAPTCHA token expired."}
    "#);
}

#[tokio::test]
async fn who_signs_in_by_code_has_a_session_that_outlives_a_restart_and_ends() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let client_id = server.site_key().to_owned();
    let headers = headers(&client_id);
    let code = code(&mut client, &headers, "13912345678", "LOGIN_SMS").await;
    let body = json!({"mobile": "13912345678", "verify_code": code});
    let entered = signed_in(&mut client, "login/mobile-verify-code", &headers, &body).await;
    assert_eq!((&entered["status"], &entered["expire"]), (&json!("SUCCESS"), &json!(604_800)));
    let said = claims(&entered["id_token"]);
    assert_eq!((&said["iss"], &said["aud"]), (&json!(format!("http://{}", server.address)), &json!(client_id)));
    assert_eq!(said["amr"], json!(["sms"]));

    let server = Running::in_folder(server.stopped().await, &[]).await;
    let mut client = server.client().await;
    let mut with_session = headers.to_vec();
    with_session.push(("X-session-token", entered["session_token"].as_str().unwrap()));
    let refreshed = signed_in(&mut client, "session-token/refresh-id-token", &with_session, &json!({})).await;
    assert_eq!(claims(&refreshed["id_token"])["sid"], said["sid"]);
    let keys = client.get("/.well-known/jwks.json").await.json();
    let head = refreshed["id_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let head: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    assert_eq!(keys["keys"][0]["kid"], head["kid"]);

    let logout = client.call("GET", "/api/v2/sdk/logout", &with_session, "").await;
    assert_eq!((logout.status, logout.text()), (StatusCode::OK, String::new()));
    let again = client.call("GET", "/api/v2/sdk/logout", &with_session, "").await;
    insta::assert_snapshot!(again.text(), @r#"{"error_code":"SDK.COMMON.1005","error_msg":"The session has ended. Log in again."}"#);
    let told = output(&["audit"], server.folder.path());
    assert!(!told.contains("13912345678") && !told.contains(entered["session_token"].as_str().unwrap()), "{told}");
    server.stop().await;
}

#[tokio::test]
async fn of_many_who_type_in_one_code_at_once_one_is_let_in() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let headers = headers(server.site_key());
    let code = code(&mut client, &headers, "13912345678", "LOGIN_SMS").await;
    let body = json!({"mobile": "13912345678", "verify_code": code}).to_string();
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let (mut client, client_id, body) = (server.client().await, server.site_key().to_owned(), body.clone());
        calls.spawn(async move {
            let headers = self::headers(&client_id);
            client.call("POST", "/api/v2/sdk/login/mobile-verify-code", &headers, &body).await.status
        });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{statuses:?}");
    server.stop().await;
}

/// Runs a command that reads a password.
fn with_password(arguments: &[&str], data: &Path, password: &str) -> Output {
    let mut command = command(arguments);
    command.arg("--data").arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn an_operator_lists_and_ends_sessions_and_changes_passwords_and_numbers() {
    let server = Running::start().await;
    let (mut client, data, app) = (server.client().await, server.folder.path(), server.site_key());
    let headers = headers(app);
    let create = ["user", "create", "--app", app];
    for lacks in [&["--name", "ann"][..], &["--email", "ann@example.com"], &["--mobile", "+14155550100"], &[]] {
        assert!(!run(&[&create[..], lacks].concat(), data).status.success(), "{lacks:?} can never sign in");
    }
    let by_address = [&create[..], &["--email", "ann@example.com", "--password-stdin"]].concat();
    let made = with_password(&by_address, data, "the password");
    assert!(made.status.success());
    let id = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let upper = id.to_uppercase();
    output(&["user", "set-mobile", &upper, "+8613912345678"], data);
    assert!(!run(&["user", "set-mobile", &upper, "+14155550100"], data).status.success());
    assert!(with_password(&["user", "set-password", &upper], data, "another password").status.success());
    assert!(!with_password(&["user", "set-password", &upper], data, "2short").status.success());
    let password = |text: &str| json!({"user_name": "ann@example.com", "password": text});
    let refused = client.call("POST", "/api/v2/sdk/login", &headers, &password("the password").to_string()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let first = signed_in(&mut client, "login", &headers, &password("another password")).await;
    assert_eq!(first["status"], "MFA_AUTH");

    let mut tokens = Vec::new();
    for _ in 0..2 {
        let code = code(&mut client, &headers, "13912345678", "LOGIN_SMS").await;
        let body = json!({"mobile": "13912345678", "verify_code": code});
        let entered = signed_in(&mut client, "login/mobile-verify-code", &headers, &body).await;
        tokens.push(entered["session_token"].as_str().unwrap().to_owned());
    }
    let listed = || {
        let lines = output(&["user", "sessions", &id, "--json"], data);
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let sessions = listed();
    assert_eq!((sessions.len(), &sessions[0]["device"]), (2, &json!("156aysdna213sc50")));
    let newest = sessions[0]["id"].as_str().unwrap();
    output(&["user", "sessions", &id, "--end", newest], data);
    assert!(!run(&["user", "sessions", &id, "--end", newest], data).status.success(), "it holds no more");
    assert_eq!(listed(), sessions[1..]);
    output(&["user", "sessions", &id, "--end-all"], data);
    assert!(listed().is_empty());
    for token in &tokens {
        let mut headers = headers.to_vec();
        headers.push(("X-session-token", token));
        let refused = client.call("POST", "/api/v2/sdk/session-token/refresh-id-token", &headers, "").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    let told = output(&["audit", "--event", "user."], data);
    for event in ["user.mobile_set", "user.password_set", "user.sessions_ended"] {
        assert!(told.contains(&format!("{event}  {id}")), "{told}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_user_of_the_command_line_signs_in_with_a_password_and_a_code_until_disabled() {
    let server = Running::start().await;
    let (mut client, data) = (server.client().await, server.folder.path());
    let headers = headers(server.site_key());
    let arguments = ["user", "create", "--app", server.site_key(), "--mobile", "+86 139 1234 5678", "--name", "Ann"];
    let made = with_password(&[&arguments[..], &["--password-stdin"]].concat(), data, "the password");
    assert!(made.status.success());
    let id = String::from_utf8(made.stdout).unwrap();
    assert!(!run(&arguments, data).status.success(), "the name and the number are taken");
    let listed: Value = serde_json::from_str(&output(&["user", "list", "--json"], data)).unwrap();
    assert_eq!((&listed["mobile"], &listed["name"]), (&json!("+86139****5678"), &json!("ann")));

    let password = json!({"user_name": "ann", "password": "the password"});
    let first = signed_in(&mut client, "login", &headers, &password).await;
    assert_eq!(first["status"], "MFA_AUTH");
    let mut with_state = headers.to_vec();
    with_state.push(("X-state-token", first["state_token"].as_str().unwrap()));
    let code = code(&mut client, &headers, "13912345678", "MFA_AUTH_SMS").await;
    let body = json!({"mobile": "13912345678", "verify_code": code});
    let entered = signed_in(&mut client, "mfa/sms", &with_state, &body).await;
    assert_eq!(
        (&entered["status"], claims(&entered["id_token"])["sub"].as_str()),
        (&json!("SUCCESS"), Some(id.trim()))
    );

    output(&["user", "disable", id.trim()], data);
    let mut with_session = headers.to_vec();
    with_session.push(("X-session-token", entered["session_token"].as_str().unwrap()));
    for (path, body) in [("login", password), ("session-token/refresh-id-token", json!({}))] {
        let refused = client.call("POST", &format!("/api/v2/sdk/{path}"), &with_session, &body.to_string()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for file in std::fs::read_dir(data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for clear in ["13912345678", "the password", entered["session_token"].as_str().unwrap()] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear.as_bytes()), "{clear}");
        }
    }
    server.stop().await;
}
