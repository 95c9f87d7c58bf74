use http::StatusCode;

use super::*;
use crate::testing::{House, ask, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret, of app one
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of app two

fn call(house: &House, method: &str, path: &str, body: &str) -> Response {
    ask(&NativeDirectory::new(&house.context), method, path, &[KEY], body)
}

#[test]
fn a_directory_is_kept_shown_and_forgotten() {
    let house = House::new();
    let ada = r#"{"name":"Acme","contact":"Ada@Example.com","language":"zh"}"#;
    insta::assert_snapshot!("kept", shown(&call(&house, "PUT", "/v1/accounts/1234567890123456", ada)));
    let own = r#"{"name":"我们","contact":"us@example.com","is_own":true}"#;
    assert_eq!(call(&house, "PUT", "/v1/accounts/42", own).status, StatusCode::NO_CONTENT);
    assert_eq!(call(&house, "PUT", "/v1/accounts/42", own).status, StatusCode::NO_CONTENT);
    insta::assert_snapshot!("second_own", shown(&call(&house, "PUT", "/v1/accounts/43", own)));
    let resource = r#"{"account":"1234567890123456","networks":["10.0.0.0/12","192.168.0.0/16"]}"#;
    assert_eq!(call(&house, "PUT", "/v1/resources/cen-1", resource).status, StatusCode::NO_CONTENT);
    insta::assert_snapshot!("accounts", shown(&call(&house, "GET", "/v1/accounts", "")));
    insta::assert_snapshot!("resources", shown(&call(&house, "GET", "/v1/resources", "")));
    let second = shown(&call(&house, "GET", "/v1/accounts?limit=1&offset=1", ""));
    assert!(second.contains(r#""id":"1234567890123456""#) && second.contains(r#""count":2"#), "{second}");
    for query in ["limit=0", "limit=1001", "offset=-1", "limit=1&limit=1", "page=2"] {
        let path = format!("/v1/resources?{query}");
        assert_eq!(call(&house, "GET", &path, "").status, StatusCode::BAD_REQUEST, "{query}");
    }
    let door = NativeDirectory::new(&house.context);
    let others = ask(&door, "GET", "/v1/accounts", &[OTHER], "");
    assert_eq!(others.body, br#"{"accounts":[],"count":0}"#.as_slice(), "each app has a directory of its own");
    assert_eq!(ask(&door, "DELETE", "/v1/resources/cen-1", &[OTHER], "").status, StatusCode::NOT_FOUND);
    assert_eq!(call(&house, "DELETE", "/v1/accounts/1234567890123456", "").status, StatusCode::NO_CONTENT);
    assert_eq!(call(&house, "DELETE", "/v1/resources/cen-1", "").status, StatusCode::NOT_FOUND);
    insta::assert_snapshot!("told", house.audit_of_codes());
}

#[test]
fn bad_input_is_told_and_changes_nothing() {
    let house = House::new();
    let mut all = String::new();
    for (path, body) in [
        ("/v1/accounts/0", r#"{"name":"A","contact":"a@example.com"}"#),
        ("/v1/accounts/1", ""),
        ("/v1/accounts/1", r#"{"name":"A"}"#),
        ("/v1/accounts/1", r#"{"name":" A","contact":"a@example.com"}"#),
        ("/v1/accounts/1", r#"{"name":"A","contact":"+8613912345678"}"#),
        ("/v1/accounts/1", r#"{"name":"A","contact":"a@example.com","language":"fr"}"#),
        ("/v1/accounts/1", r#"{"name":"A","contact":"a@example.com","own":true}"#),
        ("/v1/resources/%zz", r#"{"account":"1"}"#),
        ("/v1/resources/cen-1", r#"{"account":1}"#),
        ("/v1/resources/cen-1", r#"{"account":"01"}"#),
        ("/v1/resources/cen-1", r#"{"account":"1"}"#),
        ("/v1/resources/cen-1", r#"{"account":"1","networks":["10.0.0.1/8"]}"#),
    ] {
        let answer = shown(&call(&house, "PUT", path, body));
        let (_, told) = answer.split_once("\n\n").unwrap();
        all.extend([path, " ", body, "\n    ", told, "\n"]);
    }
    insta::assert_snapshot!("bad_input", all);
    assert_eq!(house.audit_of_codes(), "");
}
