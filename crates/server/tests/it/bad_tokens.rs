//! Tokens and tickets that were cut, doubled, encoded once too often or mixed up on their way: refused in clear words, and
//! nothing is spent, so what they came from still works.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::house::Running;
use crate::tickets::basic;

/// Every byte percent-encoded, as by a client that encodes what needs no encoding.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").unwrap();
        encoded
    })
}

/// What may become of a token between a server and a careless client.
fn mangled(token: &str) -> Vec<String> {
    let half = token.len() / 2;
    vec![
        String::new(),
        token[..half].to_owned(),
        token[half..].to_owned(),
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        format!("{token}{token}"),
        format!("{token},{token}"),
        format!("{token}="),
        format!("{token}A"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("\"{token}\""),
        format!("{token}%3D"),
        encoded(token),
        encoded(&encoded(token)),
        token.to_uppercase(),
        token.chars().rev().collect(),
        token.repeat(20),
        format!("{token}\0"),
        "令牌".to_owned(),
    ]
}

#[tokio::test]
async fn a_mangled_challenge_is_unknown_and_the_real_one_still_counts() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let token = client.challenge(server.site_key()).await;
    let ticket = client.ticket(server.site_key()).await;
    let place = client.solution(&token).await;
    for bad in mangled(&token).into_iter().chain([ticket]) {
        let refused = client.answer(&bad, place).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad:?}");
        assert_eq!(refused.json()["type"], "urn:countersign:problem:challenge-unknown", "{bad:?}");
    }
    for bad in [json!(null), json!(7), json!([token]), json!({ "token": token })] {
        let refused = client
            .post("/v1/challenges/answer", &json!({ "token": bad, "answer": { "x": place.x, "y": place.y } }))
            .await;
        assert_eq!(refused.json()["type"], "urn:countersign:problem:malformed-request", "{bad}");
    }
    let twice = format!(r#"{{"token":"{token}","token":"{token}","answer":{{"x":{},"y":{}}}}}"#, place.x, place.y);
    assert_eq!(client.call("POST", "/v1/challenges/answer", &[], &twice).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(client.answer(&token, place).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_mangled_ticket_is_unknown_and_the_real_one_still_counts() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let ticket = client.ticket(server.site_key()).await;
    let challenge = client.challenge(server.site_key()).await;
    let key = basic(&server.dev, "access_key_id", "access_key_secret");
    let mut redeem = async |body: &str| {
        let answer = client.call("POST", "/v1/tickets/redeem", &[("authorization", &key)], body).await;
        (answer.status, answer.json())
    };
    for bad in mangled(&ticket).into_iter().chain([challenge]) {
        let refused = redeem(&json!({ "ticket": bad }).to_string()).await;
        assert_eq!(refused, (StatusCode::OK, json!({ "valid": false, "reason": "unknown" })), "{bad:?}");
    }
    let cut = format!(r#"{{"ticket":"{ticket}"#);
    let doubled = format!(r#"{{"ticket":"{ticket}"}}{{"ticket":"{ticket}"}}"#);
    let twice = format!(r#"{{"ticket":"{ticket}","ticket":"{ticket}"}}"#);
    let form = format!("ticket={ticket}");
    for bad in ["", "null", "[]", "{}", r#"{"ticket":7}"#, &cut, &doubled, &twice, &form] {
        let (status, problem) = redeem(bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(problem["type"], "urn:countersign:problem:malformed-request", "{bad}");
    }
    assert_eq!(redeem(&json!({ "ticket": ticket }).to_string()).await.1["valid"], true);
}

#[tokio::test]
async fn a_mangled_captcha_is_dead_at_the_oneaccess_door_and_the_real_one_still_counts() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let headers = [
        ("X-client-id", server.site_key()),
        ("X-operating-sys-version", "Android 10"),
        ("X-device-fingerprint", "156aysdna213sc50"),
        ("X-agent", "Mozilla/5.0"),
    ];
    let captcha = client.call("GET", "/api/v2/sdk/captcha", &headers, "").await.json();
    let token = captcha["token"].as_str().unwrap();
    let x = client.solution(token).await.x;
    let point = format!(r#"{{"x":{x}.0,"y":5.0}}"#);
    let mut verify = async |token: &str, point: &str| {
        let body = json!({ "point_json": point, "token": token, "sender": "13912345678" }).to_string();
        let answer = client.call("POST", "/api/v2/sdk/captcha/verify", &headers, &body).await;
        (answer.status, answer.json()["error_code"].clone())
    };
    for bad in mangled(token) {
        let code = if bad.is_empty() { "PARAM.0005" } else { "CAPTCHA.0003" };
        assert_eq!(verify(&bad, &point).await, (StatusCode::BAD_REQUEST, json!(code)), "{bad:?}");
    }
    for bad in [encoded(&point), encoded(&encoded(&point)), point[..7].to_owned(), format!("{point}{point}")] {
        assert_eq!(verify(token, &bad).await, (StatusCode::BAD_REQUEST, json!("SDK.COMMON.1006")), "{bad}");
    }
    assert_eq!(verify(token, &point).await, (StatusCode::OK, Value::Null));
}
