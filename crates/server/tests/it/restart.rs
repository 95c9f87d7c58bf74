//! `kill -9` and SIGTERM, on the binary.

use serde_json::json;

use crate::client::Client;
use crate::process::Server;

#[tokio::test]
async fn after_kill_9_nothing_that_was_spent_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut client = Client::connect(server.address).await;
    let (answered, fresh) = (client.challenge(server.site_key()).await, client.challenge(server.site_key()).await);
    let place = client.solution(&answered).await;
    let redeemed = client.answer(&answered, place).await.json()["ticket"].clone();
    assert_eq!(client.post("/dev/redeem", &json!({ "ticket": redeemed })).await.json()["valid"], true);
    let unspent = client.ticket(server.site_key()).await;
    let site_key = server.site_key().to_owned();
    server.kill();

    let server = Server::start(folder.path());
    assert_eq!(server.site_key(), site_key, "apps and keys survive");
    let mut client = Client::connect(server.address).await;
    for token in [&answered, &fresh] {
        assert_eq!(client.answer(token, place).await.json()["type"], "urn:countersign:problem:challenge-unknown");
    }
    for ticket in [redeemed.as_str().unwrap(), &unspent] {
        let refused = client.post("/dev/redeem", &json!({ "ticket": ticket })).await.json();
        assert_eq!(refused, json!({"valid": false, "reason": "unknown"}));
    }
    client.ticket(&site_key).await;
    assert!(server.terminate(), "SIGTERM ends it with status 0");
}

#[tokio::test]
async fn sigterm_lets_a_call_under_way_finish() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = json!({ "site_key": server.site_key() }).to_string();
    let (first, second) = body.split_at(5);
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{first}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // An answer on another connection shows that the server has taken up the first; accepting is in order.
    Client::connect(server.address).await.get("/healthz").await;
    let address = server.address;
    let stopping = tokio::task::spawn_blocking(|| server.terminate());
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(second.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(stopping.await.unwrap());
}
