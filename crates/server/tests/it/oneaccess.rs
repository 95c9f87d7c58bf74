//! The OneAccess door over the wire, as an app that knows only the vendor's documents.

use hyper::StatusCode;
use serde_json::json;

use crate::client::Place;
use crate::house::Running;

#[tokio::test]
async fn an_app_gets_a_captcha_and_a_captcha_token() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let headers = [
        ("X-client-id", server.site_key()),
        ("X-operating-sys-version", "Android 10"),
        ("X-device-fingerprint", "156aysdna213sc50"),
        ("X-agent", "Mozilla/5.0"),
        ("Content-Type", "application/json;charset=utf8"),
    ];
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
