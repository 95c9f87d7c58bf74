//! What goes wrong before a door has seen a whole request is said in the door's own words, in time.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::raw;
use crate::house::Running;

#[tokio::test]
async fn a_body_over_64_kib_is_refused_in_the_doors_own_shape() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let large = "x".repeat(64 * 1024 + 1);
    let native = client.call("POST", "/v1/challenges", &[], &large).await;
    insta::assert_snapshot!(native.shown(), @r#"
    413 Payload Too Large
    application/problem+json

    {"type":"urn:countersign:problem:body-too-large","title":"The request is too large","status":413,"detail":"A request takes at most 64 KiB."}
    "#);
    let mut client = server.client().await;
    let huge = "x".repeat(3 * 1024 * 1024);
    let oneaccess = client.call("POST", "/api/v2/sdk/captcha/verify", &[("x-l", "zh")], &huge).await;
    insta::assert_snapshot!(oneaccess.shown(), @r#"
    400 Bad Request
    application/json;charset=UTF-8

    {"error_code":"SDK.COMMON.1006","error_msg":"参数错误：请求体超过 64 KiB。"}
    "#);
    let mut client = server.client().await;
    let exact = client.call("POST", "/v1/challenges", &[], &"x".repeat(64 * 1024)).await;
    assert_eq!(exact.status, StatusCode::BAD_REQUEST, "64 KiB are read");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = Running::start().await;
    let head = "POST /v1/challenges HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 70000\r\n\r\n";
    let answer = raw(server.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_hangs_in_its_body_is_told_so_within_the_deadline() {
    let server = Running::with(&[("COUNTERSIGN__LIMITS__BODY_SECONDS", "1")]).await;
    let head = "POST /api/v2/sdk/captcha/verify HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"point";
    let answer = raw(server.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("SDK.COMMON.1006"), "{answer}");
}

#[tokio::test]
async fn a_client_that_hangs_in_its_head_is_let_go() {
    let server = Running::with(&[("COUNTERSIGN__LIMITS__HEAD_SECONDS", "1")]).await;
    let answer = raw(server.address, b"GET / HTTP/1.1\r\nhost:").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let server = Running::with(&[("COUNTERSIGN__LIMITS__UNREAD_SECONDS", "1")]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = json!({ "site_key": server.site_key() }).to_string();
    let request = format!("POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Each answer is 25 KB; together they are more than any socket's buffer.
    stream.write_all(request.repeat(1_000).as_bytes()).await.unwrap();
    let mut observer = server.client().await;
    let alone = async {
        while !observer.get("/metrics").await.text().contains("countersign_connections 1\n") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), alone).await.expect("the server lets go of who does not read");
}

#[tokio::test]
async fn a_client_that_hangs_does_not_hold_up_the_stop() {
    let server = Running::with(&[("COUNTERSIGN__LIMITS__DRAIN_SECONDS", "1")]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    server.client().await.get("/healthz").await;
    tokio::time::timeout(Duration::from_secs(9), server.stop()).await.expect("the stop is bounded");
}

#[tokio::test]
async fn bytes_that_are_no_http_are_refused() {
    let server = Running::start().await;
    for bytes in
        [&b"\0\0\0\0\r\n\r\n"[..], b"\x17\x03\x03\0\x10 a record of TLS, but not its first\r\n\r\n", b"GET\r\n\r\n"]
    {
        let answer = raw(server.address, bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    // Where TLS seems to begin, as an agent would, the refusal is TLS's own: an alert that is fatal.
    let alert = raw(server.address, b"\x16\x03\x01\0\x04\x01\0\0\0").await;
    assert!(alert.starts_with("\x15\x03\x03\0\x02\x02"), "{alert:?}");
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
    let answer = raw(server.address, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn the_host_in_the_target_wins_over_the_header() {
    let server = Running::start().await;
    for (target, wanted) in
        [("http://example.com", "HTTP/1.1 404"), ("http://127.0.0.1", "HTTP/1.1 422"), ("", "HTTP/1.1 422")]
    {
        let head = format!("GET {target}/dev/answers?token=x HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        let answer = raw(server.address, head.as_bytes()).await;
        assert!(answer.starts_with(wanted), "{target}: {answer}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_say_what_to_do() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let nothing = client.call("GET", "/v1/nothing", &[("accept-language", "zh-CN")], "").await;
    insta::assert_snapshot!(nothing.shown(), @r#"
    404 Not Found
    application/problem+json

    {"type":"urn:countersign:problem:not-found","title":"此路径没有内容","status":404,"detail":"请检查路径。"}
    "#);
    let method = client.call("DELETE", "/v1/challenges", &[], "").await;
    assert_eq!((method.status, &method.headers["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap()));
}
