//! From a challenge to a redeemed ticket, over the wire.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::json;

use crate::house::Running;

pub(crate) fn basic(dev: &serde_json::Value, id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", dev[id].as_str().unwrap(), dev[secret].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test]
async fn a_challenge_is_solved_and_its_ticket_redeemed_once() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let issued = client.post("/v1/challenges", &json!({"site_key": server.site_key(), "action": "signup"})).await;
    let issued = issued.json();
    let view = &issued["view"];
    assert_eq!((&view["width"], &view["height"], &view["axes"]), (&json!(310), &json!(155), &json!("xy")));
    assert_eq!(view["background"]["media_type"], "image/jpeg");
    assert_eq!((&view["piece"]["width"], &view["piece"]["height"]), (&json!(47), &json!(47)));
    let piece = STANDARD.decode(view["piece"]["data"].as_str().unwrap()).unwrap();
    assert!(piece.starts_with(b"\x89PNG\r\n\x1a\n"));

    let token = issued["token"].as_str().unwrap();
    let place = client.solution(token).await;
    let passed = client.answer(token, place).await;
    assert_eq!(passed.status, StatusCode::OK);
    assert_eq!(client.answer(token, place).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let body = json!({"ticket": passed.json()["ticket"], "action": "signup"}).to_string();
    let key = basic(&server.dev, "access_key_id", "access_key_secret");
    let denied = basic(&server.dev, "denied_access_key_id", "denied_access_key_secret");
    let mut redeem =
        async |key: &str| client.call("POST", "/v1/tickets/redeem", &[("authorization", key)], &body).await;
    assert_eq!(redeem(&denied).await.status, StatusCode::FORBIDDEN);
    assert_eq!(redeem("Basic eDp5").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(redeem(&key).await.json()["valid"], true);
    assert_eq!(redeem(&key).await.json(), json!({"valid": false, "reason": "used"}));
}

#[tokio::test]
async fn a_wrong_answer_and_a_late_one_are_told_apart() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let token = client.challenge(server.site_key()).await;
    let place = client.solution(&token).await;
    let wrong = client.answer(&token, place.right_by(5)).await.json();
    assert_eq!(wrong["type"], "urn:countersign:problem:wrong-answer");
    assert_eq!(client.answer(&token, place).await.json()["type"], "urn:countersign:problem:challenge-used");

    let token = client.challenge(server.site_key()).await;
    let place = client.solution(&token).await;
    let unreadable = client.post("/v1/challenges/answer", &json!({"token": token, "answer": {"x": place.x}})).await;
    assert_eq!(unreadable.status, StatusCode::BAD_REQUEST, "without y it is no answer, and spends nothing");
    assert_eq!(client.answer(&token, place.down_by(-5)).await.json()["type"], wrong["type"]);

    let token = client.challenge(server.site_key()).await;
    server.clock.advance(Duration::from_mins(2));
    assert_eq!(client.answer(&token, place).await.json()["type"], "urn:countersign:problem:challenge-expired");
}

#[tokio::test]
async fn dev_gives_tickets_and_redeems_them_for_the_page() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let ticket = client.post("/dev/tickets", &json!({"kind": "native"})).await.json()["ticket"].clone();
    let body = json!({ "ticket": ticket });
    assert_eq!(client.post("/dev/redeem", &body).await.json()["valid"], true);
    assert_eq!(client.post("/dev/redeem", &body).await.json()["reason"], "used");
    assert_eq!(client.post("/dev/tickets", &json!({"kind": "smoke"})).await.status, StatusCode::BAD_REQUEST);
    let forwarded = client.call("GET", "/dev/answers?token=x", &[("x-forwarded-for", "10.0.0.1")], "").await;
    assert_eq!(forwarded.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn operators_see_what_happens() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let ticket = client.ticket(server.site_key()).await;
    client.post("/dev/redeem", &json!({ "ticket": ticket })).await;
    assert_eq!(client.get("/healthz").await.json()["status"], "ok");
    assert_eq!(client.get("/readyz").await.json()["status"], "ready");
    let metrics = client.get("/metrics").await.text();
    for line in [
        r#"countersign_challenges_issued_total{type="slider",level="3"} 1"#,
        r#"countersign_challenges_judged_total{type="slider",outcome="passed"} 1"#,
        r#"countersign_tickets_redeemed_total{outcome="valid"} 1"#,
        r#"countersign_requests_total{door="native_challenges",status="201"} 1"#,
        "countersign_marks 2",
    ] {
        assert!(metrics.lines().any(|seen| seen == line), "{line} is not in\n{metrics}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let page = client.get("/").await;
    assert!(page.text().contains(server.site_key()));
    insta::assert_snapshot!(page.headers["content-security-policy"].to_str().unwrap(), @"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    assert_eq!(client.get("/?lang=zh").await.status, StatusCode::OK);
    assert_eq!(client.get("/web/page.js").await.headers["content-type"], "text/javascript; charset=utf-8");
    for nothing in ["/web/", "/web/../config.default.toml", "/web/none.js"] {
        assert_eq!(client.get(nothing).await.status, StatusCode::NOT_FOUND, "{nothing}");
    }
}
