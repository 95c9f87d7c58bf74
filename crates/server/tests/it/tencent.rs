//! Tencent's older CAPTCHA over a socket: a site's server, the script, the page, and the ticket's way.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::ports::Clock as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::house::Running;

const SITE: (&str, &str) = ("origin", "https://shop.example");

/// A call that the site's server signs now, over a connection to `server`.
async fn call(server: &Running, client: &mut Client, action: &str, nonce: u32, parameters: &[(&str, &str)]) -> Value {
    let [id, secret] = ["access_key_id", "access_key_secret"].map(|name| server.dev[name].as_str().unwrap());
    let timestamp = (server.clock.now().milliseconds() / 1_000).to_string();
    let nonce = nonce.to_string();
    let common = [
        ("Action", action),
        ("Nonce", &nonce),
        ("SecretId", id),
        ("SignatureMethod", "HmacSHA256"),
        ("Timestamp", &timestamp),
    ];
    let mut all = [&common, parameters].concat();
    all.sort_unstable();
    let list: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("GET{}/v2/index.php?{}", server.address, list.join("&"));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(text);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(all).append_pair("Signature", &signature).finish();
    let answer = client.get(&format!("/v2/index.php?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()
}

/// The path of an ordered script.
async fn script(server: &Running, client: &mut Client, nonce: u32) -> String {
    let order = [("captchaType", "9"), ("clientType", "2"), ("disturbLevel", "1"), ("isHttps", "0")];
    let answer = call(server, client, "CaptchaIframeQuery", nonce, &order).await;
    let url = answer["url"].as_str().unwrap_or_else(|| panic!("{answer}"));
    url.strip_prefix(&format!("http://{}", server.address)).unwrap().to_owned()
}

async fn session(server: &Running, client: &mut Client, nonce: u32) -> String {
    let path = script(server, client, nonce).await;
    let text = client.get(&path).await.text();
    let (_, behind) = text.split_once(r#""session":""#).unwrap();
    behind.split('"').next().unwrap().to_owned()
}

async fn draw(client: &mut Client, session: &str, site: (&str, &str)) -> Answer {
    let json = ("content-type", "application/json");
    client.call("POST", "/tencent/challenges", &[json, site], &json!({ "session": session }).to_string()).await
}

async fn ticket(server: &Running, client: &mut Client, nonce: u32) -> String {
    let session = session(server, client, nonce).await;
    let issued = draw(client, &session, SITE).await.json();
    let token = issued["token"].as_str().unwrap_or_else(|| panic!("{issued}"));
    let place = client.solution(token).await;
    let answer = json!({ "token": token, "answer": place.json() });
    let passed = client.post("/tencent/challenges/answer", &answer).await.json();
    assert!(passed["randstr"].as_str().unwrap().starts_with('@'), "{passed}");
    passed["ticket"].as_str().unwrap().to_owned()
}

async fn check(server: &Running, client: &mut Client, nonce: u32, ticket: &str) -> i64 {
    let parameters = [("captchaType", "9"), ("ticket", ticket), ("userIp", "192.0.2.9")];
    call(server, client, "CaptchaCheck", nonce, &parameters).await["code"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_loads_of_a_script_at_once_one_gets_it() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let path = script(&server, &mut client, 1).await;
    let mut loads = JoinSet::new();
    for _ in 0..64 {
        let (mut client, path) = (server.client().await, path.clone());
        loads.spawn(async move { client.get(&path).await });
    }
    let answers = loads.join_all().await;
    let (loaded, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((loaded.len(), refused.len()), (1, 63));
    assert!(loaded[0].text().contains("capInit"));
    assert!(refused.iter().all(|answer| answer.status == StatusCode::GONE && !answer.text().contains("capInit")));
    server.stop().await;
}

#[tokio::test]
async fn a_script_that_is_kept_a_day_or_copied_to_another_site_is_worth_nothing() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let page = session(&server, &mut client, 1).await;
    assert_eq!(draw(&mut client, &page, SITE).await.status, StatusCode::CREATED);
    let copied = draw(&mut client, &page, ("origin", "https://copied.example")).await;
    assert_eq!(copied.status, StatusCode::FORBIDDEN);
    assert_eq!(copied.json()["type"], "urn:countersign:problem:session-elsewhere");
    assert_eq!(draw(&mut client, &page, SITE).await.status, StatusCode::CREATED);
    let path = script(&server, &mut client, 2).await;
    server.clock.advance(Duration::from_hours(24));
    assert_eq!(client.get(&path).await.status, StatusCode::GONE);
    let kept = draw(&mut client, &page, SITE).await;
    assert_eq!(kept.json()["type"], "urn:countersign:problem:session-expired");
    server.stop().await;
}

#[tokio::test]
async fn a_ticket_passes_again_within_a_minute_and_pays_for_a_code_once() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let bought = ticket(&server, &mut client, 1).await;
    assert_eq!(check(&server, &mut client, 2, &bought).await, 0);
    server.clock.advance(Duration::from_secs(59));
    assert_eq!(check(&server, &mut client, 3, &bought).await, 0);
    assert_eq!(check(&server, &mut client, 4, &bought).await, 5100);
    let bought = ticket(&server, &mut client, 5).await;
    assert_eq!(check(&server, &mut client, 6, &bought).await, 0);
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(check(&server, &mut client, 7, &bought).await, 5100);

    let [id, secret] = ["access_key_id", "access_key_secret"].map(|name| server.dev[name].as_str().unwrap());
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/json")];
    let body = |ticket: &str, to: &str| json!({ "to": to, "purpose": "signup", "ticket": ticket }).to_string();
    let price = ticket(&server, &mut client, 8).await;
    let sent = client.call("POST", "/v1/codes", &headers, &body(&price, "ann@example.com")).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text());
    let again = client.call("POST", "/v1/codes", &headers, &body(&price, "bob@example.com")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", again.text());
    assert_eq!(check(&server, &mut client, 9, &price).await, 5100, "a code has spent it");
    let checked = ticket(&server, &mut client, 10).await;
    assert_eq!(check(&server, &mut client, 11, &checked).await, 0);
    let late = client.call("POST", "/v1/codes", &headers, &body(&checked, "eve@example.com")).await;
    assert_eq!(late.json()["type"], "urn:countersign:problem:ticket-refused");
    server.stop().await;
}
