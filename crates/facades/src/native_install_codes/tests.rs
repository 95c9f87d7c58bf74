use super::*;
use crate::testing::{House, ask, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of another app

fn call(house: &House, method: &str, path: &str, key: (&str, &str), body: &str) -> Response {
    ask(&NativeInstallCodes::new(&house.context), method, path, &[key], body)
}

fn field(response: &Response, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    value[name].as_str().map_or_else(|| value[name].to_string(), str::to_owned)
}

#[test]
fn a_long_code_for_one_machine_and_a_week_is_what_nobody_wished_otherwise() {
    let house = House::new();
    let made = call(&house, "POST", CODES, KEY, "{}");
    insta::assert_snapshot!("created", shown(&made));
    insta::assert_snapshot!("listed", shown(&call(&house, "GET", CODES, KEY, "")));
    assert!(!shown(&call(&house, "GET", CODES, KEY, "")).contains(&field(&made, "code")), "its text is shown once");
    insta::assert_snapshot!("told", house.audit());
}

#[test]
fn every_wish_is_granted_and_shown() {
    let house = House::new();
    let group = field(&call(&house, "POST", GROUPS, KEY, r#"{"name":"网关"}"#), "id");
    let body = format!(
        r#"{{"form":"short","deadline":"2026-12-31T23:59:59+08:00","group_id":{group},"os":"windows","networks":["10.0.0.0/8","::1"],
        "max_uses":null,"only_image":true,"vendor":"OTHER","proxy_cluster":"p","private_link":7}}"#
    );
    let made = call(&house, "POST", CODES, KEY, &body);
    insta::assert_snapshot!("created_whole", shown(&made));
    let id = field(&made, "id");
    insta::assert_snapshot!("shown", shown(&call(&house, "GET", &format!("{CODES}/{id}"), KEY, "")));
    assert_eq!(call(&house, "DELETE", &format!("{CODES}/{id}"), OTHER, "").status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        assert_eq!(call(&house, "DELETE", &format!("{CODES}/{id}"), KEY, "").status, StatusCode::NO_CONTENT);
    }
    assert_eq!(call(&house, "GET", CODES, KEY, "").body, r#"{"install_codes":[]}"#);
    assert_eq!(call(&house, "GET", &format!("{CODES}?all=true"), OTHER, "").body, r#"{"install_codes":[]}"#);
    let all = call(&house, "GET", &format!("{CODES}?all=true"), KEY, "");
    assert!(shown(&all).contains(r#""state":"revoked""#) && !shown(&all).contains("command"));
    insta::assert_snapshot!("revoked", house.audit());
}

#[test]
fn a_wish_that_makes_no_sense_makes_no_code() {
    let house = House::new();
    for (name, body) in [
        ("json", "{"),
        ("unknown_field", r#"{"network":["10.0.0.0/8"]}"#),
        ("form", r#"{"form":"medium"}"#),
        ("past", r#"{"deadline":"2020-01-01T00:00:00Z"}"#),
        ("far", r#"{"deadline":"2099-01-01T00:00:00Z"}"#),
        ("no_zone", r#"{"deadline":"2026-12-31 23:59:59"}"#),
        ("no_life", r#"{"lifetime_seconds":0}"#),
        ("both", r#"{"deadline":"2026-12-31T23:59:59Z","lifetime_seconds":60}"#),
        ("group", r#"{"group_id":99}"#),
        ("os", r#"{"os":"solaris"}"#),
        ("networks", r#"{"networks":["10.0.0.1/8"]}"#),
        ("uses", r#"{"max_uses":0}"#),
        ("vendor", r#"{"vendor":""}"#),
    ] {
        let refused = call(&house, "POST", CODES, KEY, body);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
        insta::assert_snapshot!(format!("no_code_{name}"), field(&refused, "detail"));
    }
    let chinese = ask(
        &NativeInstallCodes::new(&house.context),
        "POST",
        CODES,
        &[KEY, ("accept-language", "zh")],
        r#"{"max_uses":0}"#,
    );
    assert_eq!(field(&chinese, "detail"), "`max_uses` 至少为 1");
    assert_eq!(call(&house, "GET", &format!("{CODES}?all=true"), KEY, "").body, r#"{"install_codes":[]}"#);
    assert_eq!(call(&house, "GET", &format!("{CODES}?every=true"), KEY, "").status, StatusCode::BAD_REQUEST);
}

#[test]
fn as_many_short_codes_as_may_be_and_long_ones_beside_them() {
    let house = House::new();
    for _ in 0..5 {
        assert_eq!(call(&house, "POST", CODES, KEY, r#"{"form":"short"}"#).status, StatusCode::CREATED);
    }
    insta::assert_snapshot!("too_many", shown(&call(&house, "POST", CODES, KEY, r#"{"form":"short"}"#)));
    assert_eq!(call(&house, "POST", CODES, KEY, "{}").status, StatusCode::CREATED);
    house.clock.advance(Duration::from_hours(48));
    assert_eq!(call(&house, "POST", CODES, KEY, r#"{"form":"short"}"#).status, StatusCode::CREATED);
}

#[test]
fn groups_are_made_renamed_and_removed() {
    let house = House::new();
    let id = field(&call(&house, "POST", GROUPS, KEY, r#"{"name":"网关"}"#), "id");
    let path = format!("{GROUPS}/{id}");
    insta::assert_snapshot!("groups", shown(&call(&house, "GET", GROUPS, KEY, "")));
    insta::assert_snapshot!("group_exists", shown(&call(&house, "POST", GROUPS, KEY, r#"{"name":"网关"}"#)));
    assert_eq!(call(&house, "POST", GROUPS, KEY, r#"{"name":" "}"#).status, StatusCode::BAD_REQUEST);
    assert_eq!(call(&house, "PATCH", &path, KEY, r#"{"name":"edge"}"#).status, StatusCode::NO_CONTENT);
    assert_eq!(call(&house, "PATCH", &path, OTHER, r#"{"name":"edge"}"#).status, StatusCode::NOT_FOUND);
    assert_eq!(call(&house, "DELETE", &path, KEY, "").status, StatusCode::NO_CONTENT);
    assert_eq!(call(&house, "DELETE", &path, KEY, "").status, StatusCode::NOT_FOUND);
    let groups: serde_json::Value = serde_json::from_slice(&call(&house, "GET", GROUPS, KEY, "").body).unwrap();
    let default = format!("{GROUPS}/{}", groups["groups"][0]["id"]);
    insta::assert_snapshot!("group_in_use", shown(&call(&house, "DELETE", &default, KEY, "")));
    insta::assert_snapshot!("groups_told", house.audit());
}

#[test]
fn each_call_wants_its_permission_and_its_method() {
    let house = House::new();
    let (code, group) = (format!("{CODES}/01234567"), format!("{GROUPS}/1"));
    for (path, methods, allowed) in [
        (CODES, &["GET", "POST"][..], "GET, POST"),
        (GROUPS, &["GET", "POST"], "GET, POST"),
        (&code, &["DELETE", "GET"], "DELETE, GET"),
        (&group, &["DELETE", "PATCH"], "DELETE, PATCH"),
    ] {
        for method in methods {
            assert_eq!(call(&house, method, path, DENIED, "{}").status, StatusCode::FORBIDDEN, "{method} {path}");
            let unknown = ("authorization", "Basic QUsxOndyb25n");
            assert_eq!(call(&house, method, path, unknown, "{}").status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
        let refused = call(&house, "PUT", path, KEY, "");
        assert_eq!(
            (refused.status, &refused.headers["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &allowed.parse().unwrap())
        );
    }
}
