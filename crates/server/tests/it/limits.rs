//! Limits per address and app, and tickets bound to addresses, over the wire: with a trusted proxy, and with headers that
//! somebody made up.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::Running;
use crate::tickets::basic;

const ISSUE: (&str, &str) = ("COUNTERSIGN__RATES__ISSUE_PER_ADDRESS__BURST", "2");
const ANSWER: (&str, &str) = ("COUNTERSIGN__RATES__ANSWER_PER_ADDRESS__BURST", "1");
const PROXY: (&str, &str) = ("COUNTERSIGN__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");

/// Every way of saying an address that callers try.
const CLAIMS: [&str; 6] = ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "x-device-ip", "true-client-ip"];

async fn issue(server: &Running, client: &mut Client, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "site_key": server.site_key(), "client_ip": "198.51.100.77" }).to_string();
    client.call("POST", "/v1/challenges", headers, &body).await
}

#[tokio::test]
async fn a_client_over_its_limit_is_told_how_long_to_wait() {
    let server = Running::with(&[ISSUE]).await;
    let mut client = server.client().await;
    for _ in 0..2 {
        assert_eq!(issue(&server, &mut client, &[]).await.status, StatusCode::CREATED);
    }
    let refused = issue(&server, &mut client, &[]).await;
    assert_eq!(refused.headers["retry-after"], "1");
    insta::assert_snapshot!(refused.shown(), @r#"
    429 Too Many Requests
    application/problem+json

    {"type":"urn:countersign:problem:too-many-requests","title":"Too many requests","status":429,"detail":"Wait for as long as `retry_after_ms` says and try again. Nothing was spent.","limit":"challenges.issue.address","retry_after_ms":1000}
    "#);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(issue(&server, &mut client, &[]).await.status, StatusCode::CREATED);
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("countersign_throttled_total{limit=\"challenges.issue.address\"} 1\n"), "{metrics}");
    assert!(metrics.contains("countersign_marks 0\n"), "issuing touches no store");
}

#[tokio::test]
async fn forged_headers_of_an_untrusted_peer_change_nothing() {
    let server = Running::with(&[ISSUE]).await;
    let mut client = server.client().await;
    for number in 0..8 {
        let address = format!("198.51.100.{number}");
        let forwarded = format!("for={address}");
        let claims: Vec<_> = CLAIMS
            .iter()
            .map(|name| (*name, if *name == "forwarded" { forwarded.as_str() } else { address.as_str() }))
            .collect();
        let expected = if number < 2 { StatusCode::CREATED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(issue(&server, &mut client, &claims).await.status, expected, "call {number}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_who_asks_and_its_clients_cannot() {
    let server = Running::with(&[ISSUE, PROXY]).await;
    let mut client = server.client().await;
    // What stands in front of the proxy's own word is the client's writing.
    for forged in ["", "203.0.113.1, ", "203.0.113.2, 10.0.0.9, "] {
        for client_address in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
            let value = format!("{forged}{client_address}, 10.0.0.1");
            let answer =
                issue(&server, &mut client, &[("x-forwarded-for", &value), ("x-real-ip", "203.0.113.3")]).await;
            let over = forged.len() > 13;
            let expected = if over { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::CREATED };
            assert_eq!(answer.status, expected, "{value}");
        }
    }
    let neighbour = [("x-forwarded-for", "2001:db8::ffff, 10.0.0.1")];
    assert_eq!(issue(&server, &mut client, &neighbour).await.status, StatusCode::TOO_MANY_REQUESTS, "the same /64");
    // What cannot be read is nobody's address: such calls share the last good hop's account.
    for garbage in ["unknown", "198.51.100.1 or so", "999.0.0.1"] {
        let answer = issue(&server, &mut client, &[("x-forwarded-for", garbage)]).await;
        let expected = if garbage == "999.0.0.1" { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::CREATED };
        assert_eq!(answer.status, expected, "{garbage}");
    }
}

#[tokio::test]
async fn the_standard_header_is_read_where_it_is_configured() {
    let server = Running::with(&[ISSUE, PROXY, ("COUNTERSIGN__PROXY_HEADER", "forwarded")]).await;
    let mut client = server.client().await;
    for number in 0..3 {
        let forwarded = format!("for=203.0.113.{number}, for=198.51.100.1;proto=https;by=10.0.0.1");
        let other = format!("198.51.100.{number}");
        let answer = issue(&server, &mut client, &[("forwarded", &forwarded), ("x-forwarded-for", &other)]).await;
        let expected = if number < 2 { StatusCode::CREATED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(answer.status, expected, "{forwarded}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_spends_nothing_at_either_door() {
    let server = Running::with(&[ANSWER]).await;
    let mut client = server.client().await;
    let (first, second) = (client.challenge(server.site_key()).await, client.challenge(server.site_key()).await);
    let (first_place, second_place) = (client.solution(&first).await, client.solution(&second).await);
    assert_eq!(client.answer(&first, first_place.right_by(9)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for _ in 0..3 {
        let refused = client.answer(&second, second_place).await;
        assert_eq!(refused.json()["limit"], "challenges.answer.address");
    }
    let headers = [
        ("X-client-id", server.site_key()),
        ("X-operating-sys-version", "Android 10"),
        ("X-device-fingerprint", "156aysdna213sc50"),
        ("X-agent", "Mozilla/5.0"),
        ("X-device-ip", "198.51.100.1"),
    ];
    let captcha = client.call("GET", "/api/v2/sdk/captcha", &headers, "").await.json();
    let body = json!({"point_json": "{\"x\":1,\"y\":5}", "token": captcha["token"], "sender": "13912345678"});
    let refused = client.call("POST", "/api/v2/sdk/captcha/verify", &headers, &body.to_string()).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400 Bad Request
    application/json;charset=UTF-8

    {"error_code":"SDK.COMMON.1008","error_msg":"Too many requests. Try again later."}
    "#);
    server.clock.advance(Duration::from_secs(1));
    let passed = client.answer(&second, second_place).await;
    assert_eq!(passed.status, StatusCode::OK, "the challenge was kept: {}", passed.text());
}

#[tokio::test]
async fn an_app_over_its_limit_keeps_its_ticket() {
    let server = Running::with(&[("COUNTERSIGN__RATES__REDEEM_PER_APP__BURST", "1")]).await;
    let mut client = server.client().await;
    let body = json!({ "ticket": client.ticket(server.site_key()).await }).to_string();
    let key = basic(&server.dev, "access_key_id", "access_key_secret");
    let mut redeem =
        async |body: &str| client.call("POST", "/v1/tickets/redeem", &[("authorization", &key)], body).await;
    assert_eq!(redeem(r#"{"ticket":"nonsense"}"#).await.json()["reason"], "unknown");
    let refused = redeem(&body).await;
    assert_eq!(
        (refused.status, &refused.json()["limit"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("tickets.redeem.app"))
    );
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(redeem(&body).await.json()["valid"], true);
}

#[tokio::test]
async fn a_bound_ticket_counts_at_the_address_where_it_was_earned() {
    let server = Running::with(&[PROXY, ("COUNTERSIGN__TICKETS__BIND_ADDRESS", "true")]).await;
    let mut client = server.client().await;
    let token = client.challenge(server.site_key()).await;
    let place = client.solution(&token).await;
    let answer = json!({ "token": token, "answer": { "x": place.x, "y": place.y } }).to_string();
    let from = [("x-forwarded-for", "198.51.100.1")];
    let passed = client.call("POST", "/v1/challenges/answer", &from, &answer).await.json();
    let key = basic(&server.dev, "access_key_id", "access_key_secret");
    let mut redeem = async |client_ip: Value| {
        let body = json!({ "ticket": passed["ticket"], "client_ip": client_ip }).to_string();
        // The server's own address is not the person's, even if a proxy of ours would say that it is.
        let headers = [("authorization", key.as_str()), ("x-forwarded-for", "198.51.100.1")];
        client.call("POST", "/v1/tickets/redeem", &headers, &body).await.json()
    };
    for elsewhere in [Value::Null, json!("198.51.100.2"), json!("127.0.0.1"), json!("2001:db8::1")] {
        assert_eq!(redeem(elsewhere).await, json!({ "valid": false, "reason": "other-address" }));
    }
    assert_eq!(redeem(json!("198.51.100")).await["status"], 400);
    assert_eq!(redeem(json!("198.51.100.1")).await["valid"], true);
    assert_eq!(redeem(json!("198.51.100.1")).await["reason"], "used");
}

#[tokio::test]
async fn under_dev_no_limit_is_on() {
    let server = Running::start().await;
    let mut client = server.client().await;
    for _ in 0..100 {
        assert_eq!(issue(&server, &mut client, &[]).await.status, StatusCode::CREATED);
    }
}
