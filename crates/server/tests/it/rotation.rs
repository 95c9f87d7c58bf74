//! Keys rotate beside a running server, and nothing that is in flight is refused.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::Running;
use crate::process::{Server, output};

/// The first characters of a token name the key that sealed it.
fn sealer(token: &str) -> &str {
    &token[..6]
}

#[tokio::test]
async fn a_new_sealing_key_seals_and_the_old_one_opens() {
    let server = Running::start().await;
    // Ahead of the command's clock, so that the new key's time has come as soon as the server knows it.
    server.clock.advance(Duration::from_hours(24 * 3650));
    let mut client = server.client().await;
    let ticket = client.ticket(server.site_key()).await;
    let in_flight = client.challenge(server.site_key()).await;
    output(&["rotate", "sealing-key"], server.folder.path());
    let fresh = async {
        loop {
            let token = client.challenge(server.site_key()).await;
            if sealer(&token) != sealer(&in_flight) {
                return token;
            }
        }
    };
    let fresh = tokio::time::timeout(Duration::from_secs(20), fresh).await.expect("the new key seals");
    for token in [&in_flight, &fresh] {
        let place = client.solution(token).await;
        assert_eq!(client.answer(token, place).await.status, StatusCode::OK);
    }
    assert_eq!(client.post("/dev/redeem", &json!({ "ticket": ticket })).await.json()["valid"], true);
}

fn credentials(key: &Value) -> String {
    let pair = format!("{}:{}", key["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(pair))
}

async fn install_codes(client: &mut Client, key: &Value, method: &str, body: &str) -> Value {
    let authorization = credentials(key);
    client.call(method, "/v1/install-codes", &[("authorization", &authorization)], body).await.json()
}

async fn is_taken(client: &mut Client, key: &Value) -> bool {
    let authorization = credentials(key);
    let headers = [("authorization", authorization.as_str())];
    client.call("POST", "/v1/tickets/redeem", &headers, r#"{"ticket":"none"}"#).await.status == StatusCode::OK
}

#[tokio::test]
async fn the_master_key_rotates_under_a_running_server_and_it_starts_again_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(data);
    let site_key = server.site_key().to_owned();
    let make =
        || serde_json::from_str::<Value>(&output(&["key", "create", "--app", &site_key, "--json"], data)).unwrap();
    let before = make();
    let mut client = Client::connect(server.address).await;
    let issued = install_codes(&mut client, &before, "POST", r#"{"form":"short"}"#).await;
    let in_flight = client.ticket(&site_key).await;
    for _ in 0..2 {
        let master_key = std::fs::read_to_string(data.join("master.key")).unwrap();
        output(&["rotate", "master-key"], data);
        assert_ne!(std::fs::read_to_string(data.join("master.key")).unwrap(), master_key);
        let after = make();
        let both = async {
            while !(is_taken(&mut client, &before).await && is_taken(&mut client, &after).await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("keys from before and after are taken");
    }
    assert_eq!(client.post("/dev/redeem", &json!({ "ticket": in_flight })).await.json()["valid"], true);
    assert!(server.terminate());
    let server = Server::start(data);
    let mut client = Client::connect(server.address).await;
    assert!(is_taken(&mut client, &before).await);
    client.ticket(&site_key).await;
    let read = install_codes(&mut client, &before, "GET", "").await;
    assert_eq!(read["install_codes"][0]["code"], issued["code"], "a short install code opens as before");
}
