//! Calls that Alibaba's SDKs sign, over a socket: who answers at `/`, what `Host` they send, and what a restart remembers.

use std::net::SocketAddr;

use countersign::SystemClock;
use countersign_domain::ports::{Clock, NonceRecords as _};
use countersign_domain::time::Timestamp;
use countersign_stores::sqlite::SqliteRecords;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::raw;
use crate::house::Running;
use crate::process::Server;

/// A call of an operation that there is none of, signed with the newer scheme, as the bytes of HTTP/1.1: a server that finds
/// nothing wrong with it says that the operation is not there.
fn signed(dev: &Value, clock: &dyn Clock, host: &str, nonce: &str) -> String {
    let key = (dev["access_key_id"].as_str().unwrap(), dev["access_key_secret"].as_str().unwrap());
    let headers = signed_headers(key, clock, host, nonce, "NoSuchOperation", "");
    let headers: String = headers.iter().flat_map(|(name, value)| [*name, ":", value, "\r\n"]).collect();
    format!("POST / HTTP/1.1\r\nhost:{host}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}

/// The headers, but for `host`, of a POST of Security Center's `action` with this query, signed with the newer scheme by the
/// key of this id and secret. The query is in canonical form.
pub(crate) fn signed_headers(
    (id, secret): (&str, &str),
    clock: &dyn Clock,
    host: &str,
    nonce: &str,
    action: &str,
    query: &str,
) -> Vec<(&'static str, String)> {
    let date = jiff::Timestamp::from_second(clock.now().milliseconds() / 1_000).unwrap();
    let payload = hex(&Sha256::digest(b""));
    let mut headers = vec![
        ("x-acs-action", action.to_owned()),
        ("x-acs-content-sha256", payload.clone()),
        ("x-acs-date", date.to_string()),
        ("x-acs-signature-nonce", nonce.to_owned()),
        ("x-acs-version", "2018-12-03".to_owned()),
    ];
    let lines: String = headers.iter().flat_map(|(name, value)| [*name, ":", value, "\n"]).collect();
    let names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
    let request = format!("POST\n/\n{query}\nhost:{host}\n{lines}\n{names}\n{payload}");
    let text = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(request)));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(text);
    let signature = hex(&mac.finalize().into_bytes());
    let authorization = format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}");
    headers.push(("authorization", authorization));
    headers
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The code with which the gateway answers.
async fn code(address: SocketAddr, request: &str) -> String {
    let answer = raw(address, request.as_bytes()).await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    body["Code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_page_and_the_vendors_share_the_root() {
    let server = Running::start().await;
    let mut client = server.client().await;
    assert!(client.get("/").await.text().contains(server.site_key()));
    assert!(client.get("/?lang=zh").await.text().contains(server.site_key()));
    let answer = client.call("GET", "/?Action=DescribeInstallCaptcha", &[("host", "evil.example")], "").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["Code"]), (400, &Value::from("MissingVersion")));
    assert_eq!(answer.json()["HostId"], "127.0.0.1", "the server's own, whatever a caller says");
    assert_eq!(answer.headers["x-acs-request-id"], answer.json()["RequestId"].as_str().unwrap());
    assert_eq!(client.post("/", &Value::Null).await.json()["Code"], "MissingAction");
    for headers in [&[("x-tc-action", "DescribeCaptchaResult")][..], &[("authorization", "TC3-HMAC-SHA256 x")]] {
        let answer = server.client().await.call("POST", "/", headers, "{}").await;
        assert!(answer.json()["Response"]["Error"]["Code"].is_string(), "Tencent's: {}", answer.text());
    }
    let large = client.call("POST", "/", &[], &"x".repeat(65 * 1024)).await;
    assert_eq!((large.status.as_u16(), &large.json()["Code"]), (413, &Value::from("InvalidParameter")));
}

#[tokio::test]
async fn a_host_that_is_none_is_taken_as_it_was_signed() {
    let server = Running::start().await;
    let address = server.address.to_string();
    let hosts = [address.clone(), format!("http://{address}"), format!("{address}/"), "verify.example.com".to_owned()];
    for (number, host) in hosts.iter().enumerate() {
        let request = signed(&server.dev, &*server.clock, host, &format!("nonce {number}"));
        assert_eq!(code(server.address, &request).await, "InvalidAction.NotFound", "{host}");
        let other = request.replacen(host.as_str(), "127.0.0.1", 1);
        assert_eq!(code(server.address, &other).await, "SignatureDoesNotMatch", "{host}");
    }
}

#[tokio::test]
async fn a_stopped_server_remembers_every_nonce() {
    let server = Running::start().await;
    let request = signed(&server.dev, &*server.clock, "x", "once");
    assert_eq!(code(server.address, &request).await, "InvalidAction.NotFound");
    let folder = server.stopped().await;
    let server = Running::in_folder(folder, &[]).await;
    assert_eq!(code(server.address, &request).await, "SignatureNonceUsed");
}

#[tokio::test]
async fn the_same_bytes_do_not_pass_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let clock = SystemClock::new();
    let request = signed(&server.dev, &clock, "x", "once");
    assert_eq!(code(server.address, &request).await, "InvalidAction.NotFound");
    assert_eq!(code(server.address, &request).await, "SignatureNonceUsed");
    let records = SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap();
    while records.spent_nonces(Timestamp::from_milliseconds(0)).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    server.kill();

    let server = Server::start(folder.path());
    assert_eq!(code(server.address, &request).await, "SignatureNonceUsed");
    let another = signed(&server.dev, &clock, "x", "another");
    assert_eq!(code(server.address, &another).await, "InvalidAction.NotFound");
}
