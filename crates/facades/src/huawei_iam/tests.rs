use std::fmt::Write as _;

use countersign_domain::testing::block_on;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::huawei::tests::signed;
use crate::testing::{House, ask, request, shown};

const TOKENS: &str = "/v3/auth/tokens";

fn body(name: &str, password: &str, domain: &str, scope: Value) -> String {
    let user = json!({ "name": name, "password": password, "domain": { "name": domain } });
    let mut body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
    if !scope.is_null() {
        body["auth"]["scope"] = scope;
    }
    body.to_string()
}

fn tokens(house: &House, target: &str, body: &str) -> Response {
    ask(&HuaweiIam::new(&house.context), "POST", target, &[("content-type", "application/json;charset=utf8")], body)
}

/// The token of `ann`.
pub(crate) fn token(house: &House, name: &str) -> String {
    let response = tokens(house, TOKENS, &body(name, "the password", "acme", Value::Null));
    response.headers[SUBJECT_TOKEN].to_str().unwrap().to_owned()
}

#[test]
fn the_right_password_gets_a_token_in_the_documented_form() {
    let house = House::new();
    let right = |scope| body("ann", "the password", "acme", scope);
    let project = json!({ "project": { "id": "a8e71ea0f3f6f3bd4e9f4b3b0a5d7e1b" } });
    insta::assert_snapshot!(
        "domain_scope",
        shown(&tokens(&house, TOKENS, &right(json!({ "domain": { "name": "acme" } }))))
    );
    insta::assert_snapshot!("no_scope", shown(&tokens(&house, "/v3/auth/tokens/?nocatalog=1", &right(Value::Null))));
    insta::assert_snapshot!(
        "project_by_name",
        shown(&tokens(&house, "/v3/auth/tokens?nocatalog", &right(json!({ "project": { "name": "cn-south-1" } }))))
    );
    insta::assert_snapshot!("another_project", shown(&tokens(&house, TOKENS, &right(project))));
    let own = domain_id(&AppId::parse("one").unwrap());
    let own = tokens(&house, TOKENS, &right(json!({ "domain": { "id": own } })));
    assert_eq!(own.status, StatusCode::CREATED);
}

#[test]
fn whatever_is_wrong_with_the_credentials_is_one_answer() {
    let house = House::new();
    let wrong = [
        ("ann", "wrong", "acme"),
        ("bob", "the password", "acme"),
        ("ann", "the password", "other"),
        ("off", "the password", "acme"),
    ];
    let mut answers = wrong.map(|(name, password, domain)| {
        let response = tokens(&house, TOKENS, &body(name, password, domain, Value::Null));
        assert!(!response.headers.contains_key(SUBJECT_TOKEN));
        (response.status, response.body)
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let (status, body) = &mut answers[0];
    insta::assert_snapshot!(format!("{status} {}", String::from_utf8_lossy(body)));
}

#[test]
fn a_malformed_request_is_told_so_and_costs_no_attempt() {
    let house = House::limited();
    for body in [
        "",
        "{",
        "{}",
        r#"{"auth":{}}"#,
        r#"{"auth":{"identity":{"methods":["password"]}}}"#,
        r#"{"auth":{"identity":{"methods":["totp"],"password":{"user":{"name":"ann","password":"x","domain":{"name":"acme"}}}}}}"#,
        r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":1,"password":"x","domain":{"name":"acme"}}}}}}"#,
    ] {
        let response = tokens(&house, TOKENS, body);
        let error: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, &error["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{body}");
    }
    let right = body("ann", "the password", "acme", Value::Null);
    assert_eq!(tokens(&house, TOKENS, &right).status, StatusCode::CREATED);
    insta::assert_snapshot!(shown(&tokens(&house, TOKENS, &right)));
}

#[test]
fn a_caller_learns_whose_it_is() {
    let house = House::new();
    let door = HuaweiIam::new(&house.context);
    let token = token(&house, "ann");
    for (name, target) in [("domains", "/v3/auth/domains"), ("caller_identity", "/v5/caller-identity")] {
        let by_key = block_on(door.answer(signed(&house, "AK1", "GET", target, &[], "")));
        insta::assert_snapshot!(format!("{name}_by_key"), shown(&by_key));
        let by_token = ask(&door, "GET", target, &[("x-auth-token", &token)], "");
        insta::assert_snapshot!(format!("{name}_by_token"), shown(&by_token));
    }
}

#[test]
fn refusals_and_unknown_paths_are_the_gateways() {
    let house = House::new();
    let door = HuaweiIam::new(&house.context);
    for (method, path) in
        [("GET", TOKENS), ("DELETE", TOKENS), ("GET", "/v3/auth/projects"), ("POST", "/v5/caller-identity")]
    {
        let response = ask(&door, method, path, &[], "");
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let mut text = String::new();
    for refusal in
        [Refusal::BodyTooLarge, Refusal::BodyIncomplete, Refusal::DeadlineExceeded, Refusal::Busy, Refusal::Failed]
    {
        let response = door.refuse(refusal, &HeaderMap::new());
        let body = String::from_utf8_lossy(&response.body);
        let _infallible = writeln!(text, "{} {body}", response.status);
    }
    insta::assert_snapshot!(text);
}

proptest! {
    #[test]
    fn no_body_panics_and_none_of_these_gets_a_token(text in "\\PC{0,60}") {
        let house = House::new();
        let whole = body(&text, &text, &text, json!({ "domain": { "name": text } }));
        for body in [text.as_str(), &whole] {
            let response = block_on(HuaweiIam::new(&house.context).answer(request("POST", TOKENS, &[], body)));
            prop_assert!(response.status.is_client_error());
        }
    }
}
