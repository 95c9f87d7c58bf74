//! Levels and waits, over the wire: what a client did decides how hard its next challenge is, and whether it has to wait.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::Running;
use crate::tickets::basic;

const ESCALATE: (&str, &str) = ("COUNTERSIGN__ESCALATION__ESCALATE", "true");
const WAITS: (&str, &str) = ("COUNTERSIGN__ESCALATION__WRONG_IN_A_ROW", "3");
const PROXY: (&str, &str) = ("COUNTERSIGN__TRUSTED_PROXIES", "127.0.0.1");

/// One wrong answer.
async fn fail(server: &Running, client: &mut Client) {
    let token = client.challenge(server.site_key()).await;
    let place = client.solution(&token).await;
    assert_eq!(client.answer(&token, place.right_by(9)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

async fn decisions(server: &Running, client: &mut Client, query: &str) -> Answer {
    let key = basic(&server.dev, "access_key_id", "access_key_secret");
    client.call("GET", &format!("/v1/decisions{query}"), &[("authorization", &key)], "").await
}

/// The level of the next challenge, and why.
async fn next(server: &Running, client: &mut Client) -> (u64, Value) {
    client.challenge(server.site_key()).await;
    let mut latest = decisions(server, client, "?limit=1").await.json()["decisions"][0].take();
    assert_eq!(latest["outcome"], "shown");
    (latest["level"].as_u64().unwrap(), latest["reasons"].take())
}

#[tokio::test]
async fn levels_rise_with_wrong_answers_and_fall_with_right_ones_and_with_time() {
    let server = Running::with(&[ESCALATE]).await;
    let mut client = server.client().await;
    assert_eq!(next(&server, &mut client).await, (3, json!([])));
    for _ in 0..3 {
        fail(&server, &mut client).await;
    }
    assert_eq!(next(&server, &mut client).await, (4, json!(["failures"])));
    for _ in 0..3 {
        fail(&server, &mut client).await;
    }
    assert_eq!(next(&server, &mut client).await, (5, json!(["failures"])));
    client.ticket(server.site_key()).await;
    client.ticket(server.site_key()).await;
    assert_eq!(next(&server, &mut client).await, (3, json!([])));
    for _ in 0..3 {
        fail(&server, &mut client).await;
    }
    assert_ne!(next(&server, &mut client).await.0, 3);
    server.clock.advance(Duration::from_mins(30));
    assert_eq!(next(&server, &mut client).await, (3, json!([])));
    let metrics = client.get("/metrics").await.text();
    for line in [
        "countersign_challenges_issued_total{type=\"slider\",level=\"5\"} ",
        "countersign_challenges_escalated_total{reason=\"failures\"} ",
        "countersign_trails_total{outcome=\"none\"} ",
        "countersign_marks ",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn the_third_wrong_answer_in_a_row_costs_a_wait_that_doubles_at_every_door() {
    let server = Running::with(&[WAITS]).await;
    let mut client = server.client().await;
    let kept = client.challenge(server.site_key()).await;
    let place = client.solution(&kept).await;
    for _ in 0..3 {
        fail(&server, &mut client).await;
    }
    let body = json!({ "site_key": server.site_key() });
    let refused = client.post("/v1/challenges", &body).await;
    assert_eq!(refused.headers["retry-after"], "5");
    insta::assert_snapshot!(refused.shown(), @r#"
    429 Too Many Requests
    application/problem+json

    {"type":"urn:countersign:problem:too-many-requests","title":"Too many requests","status":429,"detail":"Wait for as long as `retry_after_ms` says and try again. Nothing was spent.","limit":"challenges.wrong_answers","retry_after_ms":5000}
    "#);
    assert_eq!(client.answer(&kept, place).await.json()["limit"], "challenges.wrong_answers");
    let headers = [
        ("X-client-id", server.site_key()),
        ("X-operating-sys-version", "Android 10"),
        ("X-device-fingerprint", "156aysdna213sc50"),
        ("X-agent", "Mozilla/5.0"),
    ];
    let vendor = client.call("GET", "/api/v2/sdk/captcha", &headers, "").await;
    assert_eq!(vendor.json()["error_code"], "SDK.COMMON.1008");
    for seconds in [10, 20, 40, 60, 60] {
        // Time stands still but for this: the wait is over to the millisecond.
        let wait = client.post("/v1/challenges", &body).await.json()["retry_after_ms"].as_u64().unwrap();
        server.clock.advance(Duration::from_millis(wait));
        fail(&server, &mut client).await;
        let refused = client.post("/v1/challenges", &body).await.json();
        assert_eq!(refused["retry_after_ms"], seconds * 1_000);
    }
    server.clock.advance(Duration::from_mins(1));
    client.ticket(server.site_key()).await;
    for _ in 0..2 {
        fail(&server, &mut client).await;
    }
    assert_eq!(client.post("/v1/challenges", &body).await.status, StatusCode::CREATED, "the row began anew");
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("countersign_throttled_total{limit=\"challenges.wrong_answers\"} "), "{metrics}");
}

#[tokio::test]
async fn who_guesses_next_door_keeps_nobody_out_and_names_no_address() {
    let server = Running::with(&[ESCALATE, WAITS, PROXY]).await;
    let mut client = server.client().await;
    let mut from = async |address: &str, path: &str, body: Value| {
        client.call("POST", path, &[("x-forwarded-for", address)], &body.to_string()).await
    };
    let site_key = json!({ "site_key": server.site_key() });
    for number in 0..40 {
        let guesser = format!("198.51.100.{number}");
        let issued = from(&guesser, "/v1/challenges", site_key.clone()).await.json();
        let wrong = json!({ "token": issued["token"], "answer": { "x": -50, "y": -50 } });
        assert_eq!(from(&guesser, "/v1/challenges/answer", wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(from("198.51.100.200", "/v1/challenges", site_key.clone()).await.status, StatusCode::CREATED);
    assert_eq!(from("203.0.113.1", "/v1/challenges", site_key).await.status, StatusCode::CREATED);
    let listed = decisions(&server, &mut client, "?limit=2").await;
    assert!(!listed.text().contains("198.51.100.200"), "{}", listed.text());
    let listed = listed.json();
    let shown = |number: usize| (&listed["decisions"][number]["level"], &listed["decisions"][number]["network"]);
    assert_eq!(shown(1), (&json!(4), &json!("198.51.100.0/24")), "a network adds one level");
    assert_eq!(shown(0), (&json!(3), &json!("203.0.113.0/24")));
}

#[tokio::test]
async fn what_is_no_trail_costs_nobody_anything() {
    let server = Running::with(&[ESCALATE]).await;
    let mut client = server.client().await;
    let long = "A".repeat(5_000);
    for trail in [Value::Null, json!(7), json!(["a"]), json!(""), json!("no trail"), json!(long)] {
        let token = client.challenge(server.site_key()).await;
        let place = client.solution(&token).await;
        let body = json!({ "token": token, "answer": place.json(), "trail": trail });
        assert_eq!(client.post("/v1/challenges/answer", &body).await.status, StatusCode::OK, "{trail}");
        assert_eq!(next(&server, &mut client).await, (3, json!([])));
    }
    let metrics = client.get("/metrics").await.text();
    for line in ["{outcome=\"none\"} 1\n", "{outcome=\"unreadable\"} 4\n", "{outcome=\"too_long\"} 1\n"] {
        assert!(metrics.contains(&format!("countersign_trails_total{line}")), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn under_dev_nobody_waits_and_no_level_rises() {
    let server = Running::start().await;
    let mut client = server.client().await;
    for _ in 0..12 {
        fail(&server, &mut client).await;
    }
    assert_eq!(next(&server, &mut client).await, (3, json!([])));
}
