//! Codes, sign-in and sessions.

use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::iam_user::PasswordHash;
use countersign_domain::operations::PeoplePolicy;
use countersign_domain::ports::{AuditRecords as _, UserNamed, UserRecords as _};
use countersign_domain::time::Timestamp;
use countersign_domain::user::{User, UserId, UserName};

use super::*;
use crate::testing::lines;

const NUMBER: &str = "13912345678";
const OTHER: &str = "13912345679";

fn call(house: &House, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    ask(&HuaweiOneAccess::new(&house.context), method, &format!("/api/v2/sdk/{path}"), headers, body)
}

/// The body of a call that sends a code, with a `captcha_token` as the client gets it.
fn send_body(house: &House, mobile: &str, kind: &str) -> Value {
    let point = r#"{"x":100.0,"y":5.0}"#;
    let body = json!({"point_json": point, "token": token(house), "sender": mobile}).to_string();
    let captcha_token = field(&post(house, &HEADERS, &body), "captcha_token");
    json!({"mobile": mobile, "type": kind, "captcha_token": captcha_token})
}

fn send(house: &House, headers: &[(&str, &str)], body: &Value) -> Response {
    call(house, "POST", "sms/send", headers, &body.to_string())
}

/// Has a code sent, and reads it where it arrives.
fn sent(house: &House, mobile: &str, kind: &str) -> String {
    let answered = send(house, &HEADERS, &send_body(house, mobile, kind));
    assert_eq!(answered.status, StatusCode::OK, "{}", shown(&answered));
    let entries = block_on(house.post.audit_entries(100)).unwrap();
    house.digits(&entries.iter().find(|entry| entry.event == "code.sent").unwrap().subject)
}

fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect()
}

fn typed(mobile: &str, code: &str) -> String {
    json!({"mobile": mobile, "verify_code": code}).to_string()
}

fn login(house: &House, mobile: &str, code: &str) -> Response {
    call(house, "POST", "login/mobile-verify-code", &HEADERS, &typed(mobile, code))
}

fn by_password(house: &House, name: &str, password: &str) -> Response {
    let body = json!({"user_name": name, "password": password}).to_string();
    call(house, "POST", "login", &HEADERS, &body)
}

/// The token of a session that a code has opened.
fn session(house: &House) -> String {
    field(&login(house, NUMBER, &sent(house, NUMBER, "LOGIN_SMS")), "session_token")
}

fn field(response: &Response, name: &str) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned()
}

fn entry() -> AuditEntry {
    AuditEntry::new(Timestamp::from_milliseconds(0), "cli", "user", "")
}

/// A user of the app `one` whose password is `the password`.
fn user(house: &House, number: u8, name: &str, mobile: Option<&str>) -> UserId {
    let id = UserId::from_bytes([number; 16]);
    let user = User {
        id,
        app: AppId::parse("one").unwrap(),
        mobile: mobile.map(|mobile| house.kept(mobile)),
        email: Some(house.kept(&format!("{name}@example.com"))),
        name: UserName::parse(name),
        password: Some(PasswordHash::new("the password".to_owned())),
        enabled: true,
        generation: 0,
        created_at: Timestamp::from_milliseconds(0),
    };
    block_on(house.users.create_user(user, entry())).unwrap();
    id
}

#[test]
fn a_code_lets_in_whoever_reads_it_once() {
    let house = House::new();
    let code = sent(&house, NUMBER, "LOGIN_SMS");
    insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, &wrong(&code))));
    insta::assert_snapshot!("wrong_code", shown(&login(&house, OTHER, &code)));
    insta::assert_snapshot!("signed_in", shown(&login(&house, NUMBER, &code)));
    insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, &code)));
    insta::assert_snapshot!("audit", lines(&block_on(house.users.audit_entries(100)).unwrap()));
    house.clock.advance(Duration::from_mins(1));
    session(&house);
    assert_eq!(block_on(house.users.users(None, None, 9)).unwrap().len(), 1, "the same user");
}

#[test]
fn a_code_of_one_type_is_none_of_another_nor_of_another_app() {
    let house = House::new();
    let code = sent(&house, NUMBER, "FORGET_PWD_SMS");
    for path in ["login/mobile-verify-code", "register/mobile-verify-code"] {
        insta::assert_snapshot!("wrong_code", shown(&call(&house, "POST", path, &HEADERS, &typed(NUMBER, &code))));
    }
    let code = sent(&house, NUMBER, "LOGIN_SMS");
    let two = with("X-client-id", "two");
    let elsewhere = call(&house, "POST", "login/mobile-verify-code", &two, &typed(NUMBER, &code));
    insta::assert_snapshot!("wrong_code", shown(&elsewhere));
    assert_eq!(field(&login(&house, NUMBER, &code), "status"), "SUCCESS");
}

#[test]
fn where_nobody_becomes_a_user_by_signing_in_a_right_code_of_nobodys_is_a_wrong_one() {
    let house = House::new().with_people(PeoplePolicy { register_at_login: false, ..PeoplePolicy::DEFAULT });
    insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, &sent(&house, NUMBER, "LOGIN_SMS"))));
    house.clock.advance(Duration::from_mins(1));
    let register = |code: &str| call(&house, "POST", "register/mobile-verify-code", &HEADERS, &typed(NUMBER, code));
    let code = sent(&house, NUMBER, "REGISTER_SMS");
    assert_eq!(field(&register(&code), "status"), "SUCCESS");
    insta::assert_snapshot!("wrong_code", shown(&register(&code)));
    session(&house);
}

#[test]
fn a_captcha_token_pays_for_one_code_to_its_sender_and_client() {
    let house = House::new();
    let body = send_body(&house, NUMBER, "LOGIN_SMS");
    let mut other = body.clone();
    other["mobile"] = json!(OTHER);
    insta::assert_snapshot!("captcha_token_invalid", shown(&send(&house, &HEADERS, &other)));
    let elsewhere = send(&house, &with("X-client-id", "two"), &body);
    insta::assert_snapshot!("captcha_token_invalid", shown(&elsewhere));
    insta::assert_snapshot!("done_without_a_body", shown(&send(&house, &HEADERS, &body)));
    house.clock.advance(Duration::from_mins(1));
    insta::assert_snapshot!("token_dead", shown(&send(&house, &HEADERS, &body)));
    let late = send_body(&house, NUMBER, "LOGIN_SMS");
    house.clock.advance(Duration::from_mins(3));
    insta::assert_snapshot!("token_dead", shown(&send(&house, &HEADERS, &late)));
}

#[test]
fn what_is_refused_costs_no_captcha_token() {
    let house = House::new();
    sent(&house, NUMBER, "LOGIN_SMS");
    let body = send_body(&house, NUMBER, "LOGIN_SMS");
    insta::assert_snapshot!("sent_too_often", shown(&send(&house, &HEADERS, &body)));
    house.clock.advance(Duration::from_mins(1));
    for (snapshot, name, value) in [
        ("mobile_blank", "mobile", Value::Null),
        ("mobile_invalid", "mobile", json!("123")),
        ("mobile_invalid", "mobile", json!("1391234567a")),
        ("mobile_invalid", "mobile", json!("+8613912345678")),
        ("mobile_invalid", "mobile", json!("１３９１２３４５６７８")),
        ("mobile_invalid", "mobile", json!("02012345678")),
        ("malformed", "mobile", json!(13_912_345_678_u64)),
        ("type_blank", "type", json!(" ")),
        ("type_unknown", "type", json!("NO_SUCH_SMS")),
        ("captcha_token_missing", "captcha_token", json!("")),
        ("captcha_token_invalid", "captcha_token", json!("forged")),
        ("captcha_token_invalid", "captcha_token", json!("0000---{\"x\":237.0,\"y\":5.0}")),
    ] {
        let mut body = body.clone();
        body[name] = value;
        insta::assert_snapshot!(snapshot, shown(&send(&house, &HEADERS, &body)));
    }
    let blocked = send_body(&house, "17012345678", "LOGIN_SMS");
    insta::assert_snapshot!("not_sent", shown(&send(&house, &HEADERS, &blocked)));
    assert_eq!(send(&house, &HEADERS, &body).status, StatusCode::OK);
}

#[test]
fn what_can_be_no_code_costs_no_try_and_five_wrong_ones_end_it() {
    let house = House::new();
    let code = sent(&house, NUMBER, "LOGIN_SMS");
    let without = json!({"mobile": NUMBER}).to_string();
    let missing = call(&house, "POST", "login/mobile-verify-code", &HEADERS, &without);
    insta::assert_snapshot!("code_missing", shown(&missing));
    for _ in 0..9 {
        insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, "none")));
    }
    for _ in 0..5 {
        insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, &wrong(&code))));
    }
    insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, &code)));
}

#[test]
fn a_password_is_enough_only_with_a_code() {
    let house = House::new();
    user(&house, 1, "ann", Some("+8613912345678"));
    for (name, password) in [("ann", "another"), ("nobody", "the password"), ("n o b o d y", "the password")] {
        insta::assert_snapshot!("wrong_password", shown(&by_password(&house, name, password)));
    }
    for name in ["Ann", NUMBER, "ANN@example.com"] {
        assert_eq!(field(&by_password(&house, name, "the password"), "status"), "MFA_AUTH", "{name}");
    }
    let first = by_password(&house, "ann", "the password");
    insta::assert_snapshot!("mfa_auth", shown(&first));
    let state = field(&first, "state_token");
    let headers = with("X-state-token", &state);
    insta::assert_snapshot!("mobile_by_token", shown(&call(&house, "GET", "mobile-by-token", &headers, "")));

    let code = sent(&house, NUMBER, "MFA_AUTH_SMS");
    let mfa = |headers: &[(&str, &str)], mobile: &str, code: &str| {
        call(&house, "POST", "mfa/sms", headers, &typed(mobile, code))
    };
    insta::assert_snapshot!("access_denied", shown(&mfa(&headers, OTHER, &code)));
    insta::assert_snapshot!("state_blank", shown(&mfa(&HEADERS, NUMBER, &code)));
    insta::assert_snapshot!("state_unknown", shown(&mfa(&with("X-state-token", "forged"), NUMBER, &code)));
    let mut elsewhere = with("X-client-id", "two");
    elsewhere.push(("X-state-token", &state));
    insta::assert_snapshot!("state_unknown", shown(&mfa(&elsewhere, NUMBER, &code)));
    let other_step = call(&house, "POST", "social/bind", &headers, &typed(OTHER, &code));
    insta::assert_snapshot!("state_unknown", shown(&other_step));
    insta::assert_snapshot!("wrong_code", shown(&mfa(&headers, NUMBER, &wrong(&code))));
    insta::assert_snapshot!("signed_in_by_both", shown(&mfa(&headers, NUMBER, &code)));
    insta::assert_snapshot!("state_ended", shown(&mfa(&headers, NUMBER, &code)));
    insta::assert_snapshot!("state_ended", shown(&call(&house, "GET", "mobile-by-token", &headers, "")));
    let late = field(&by_password(&house, "ann", "the password"), "state_token");
    house.clock.advance(Duration::from_mins(10));
    let mut chinese = with("X-L", "zh");
    chinese.push(("X-state-token", &late));
    insta::assert_snapshot!("state_ended_zh", shown(&mfa(&chinese, NUMBER, &code)));
}

#[test]
fn a_password_alone_is_enough_where_the_operator_says_so() {
    let house = House::new().with_people(PeoplePolicy { second_factor: false, ..PeoplePolicy::DEFAULT });
    user(&house, 1, "ann", None);
    insta::assert_snapshot!("signed_in_by_password", shown(&by_password(&house, "ann", "the password")));
}

#[test]
fn who_has_no_number_is_denied_where_the_operator_gives_numbers() {
    let house = House::new().with_people(PeoplePolicy { bind_at_login: false, ..PeoplePolicy::DEFAULT });
    user(&house, 1, "ann", None);
    insta::assert_snapshot!("access_denied", shown(&by_password(&house, "ann", "the password")));
    insta::assert_snapshot!("wrong_password", shown(&by_password(&house, "ann", "another")));
}

#[test]
fn who_has_no_number_binds_one_that_nobody_has() {
    let house = House::new();
    user(&house, 1, "ann", Some("+8613912345679"));
    let bob = user(&house, 2, "bob", None);
    let first = by_password(&house, "bob", "the password");
    assert_eq!(field(&first, "status"), "SOCIAL_BIND");
    let state = field(&first, "state_token");
    let headers = with("X-state-token", &state);
    let bind = |path: &str, mobile: &str| {
        let code = sent(&house, mobile, "BIND_MOBILE_SMS");
        call(&house, "POST", path, &headers, &typed(mobile, &code))
    };
    insta::assert_snapshot!("access_denied", shown(&bind("social/bind", OTHER)));
    assert_eq!(field(&bind("social/register-bind", NUMBER), "status"), "SUCCESS");
    assert_eq!(field(&by_password(&house, "bob", "the password"), "status"), "MFA_AUTH");
    let named = UserNamed::Contact(house.kept("+8613912345678").key);
    assert_eq!(block_on(house.users.user(AppId::parse("one").unwrap(), named)).unwrap().id, bob);
}

#[test]
fn a_new_password_ends_sessions_and_what_was_begun_with_the_old_one() {
    let house = House::new();
    user(&house, 1, "ann", Some("+8613912345678"));
    let session = session(&house);
    let state = field(&by_password(&house, "ann", "the password"), "state_token");
    let code = sent(&house, NUMBER, "FORGET_PWD_SMS");
    let reset = |mobile: &str, code: &str, password: &str| {
        let body = json!({"mobile": mobile, "verify_code": code, "password": password}).to_string();
        call(&house, "POST", "pwd/update-by-mobile", &HEADERS, &body)
    };
    insta::assert_snapshot!("password_blank", shown(&reset(NUMBER, &code, "")));
    insta::assert_snapshot!("password_unfit", shown(&reset(NUMBER, &code, "2short")));
    insta::assert_snapshot!("password_unfit", shown(&reset(NUMBER, &code, &"长".repeat(129))));
    insta::assert_snapshot!("wrong_code", shown(&reset(NUMBER, &wrong(&code), "another password")));
    insta::assert_snapshot!("done_without_a_body", shown(&reset(NUMBER, &code, "another password")));
    insta::assert_snapshot!("wrong_code", shown(&reset(NUMBER, &code, "one more password")));
    insta::assert_snapshot!("wrong_password", shown(&by_password(&house, "ann", "the password")));
    assert_eq!(field(&by_password(&house, "ann", "another password"), "status"), "MFA_AUTH");
    let refreshed = call(&house, "POST", "session-token/refresh-id-token", &with("X-session-token", &session), "");
    insta::assert_snapshot!("session_ended", shown(&refreshed));
    let code = sent(&house, NUMBER, "MFA_AUTH_SMS");
    let mfa = call(&house, "POST", "mfa/sms", &with("X-state-token", &state), &typed(NUMBER, &code));
    insta::assert_snapshot!("state_ended", shown(&mfa));
    let nobodys = sent(&house, OTHER, "FORGET_PWD_SMS");
    insta::assert_snapshot!("wrong_code", shown(&reset(OTHER, &nobodys, "another password")));
}

#[test]
fn who_is_disabled_is_let_in_by_nothing() {
    let house = House::new();
    let ann = user(&house, 1, "ann", Some("+8613912345678"));
    let session = session(&house);
    block_on(house.users.set_user_enabled(ann, false, entry())).unwrap();
    house.clock.advance(Duration::from_mins(1));
    let denied = login(&house, NUMBER, &sent(&house, NUMBER, "LOGIN_SMS"));
    insta::assert_snapshot!("access_denied", shown(&denied));
    insta::assert_snapshot!("wrong_password", shown(&by_password(&house, "ann", "the password")));
    let logout = || call(&house, "GET", "logout", &with("X-session-token", &session), "");
    insta::assert_snapshot!("session_ended", shown(&logout()));
    block_on(house.users.set_user_enabled(ann, true, entry())).unwrap();
    insta::assert_snapshot!("session_ended", shown(&logout()));
}

#[test]
fn a_session_gives_id_tokens_until_it_ends() {
    let house = House::new();
    let first = session(&house);
    let refresh = |headers: &[(&str, &str)]| call(&house, "POST", "session-token/refresh-id-token", headers, "");
    let headers = with("X-session-token", &first);
    house.clock.advance(Duration::from_hours(1));
    insta::assert_snapshot!("refreshed", shown(&refresh(&headers)));
    insta::assert_snapshot!("session_blank", shown(&refresh(&HEADERS)));
    insta::assert_snapshot!("session_ended", shown(&refresh(&with("X-session-token", "forged"))));
    let mut elsewhere = with("X-client-id", "two");
    elsewhere.push(("X-session-token", &first));
    insta::assert_snapshot!("session_ended", shown(&refresh(&elsewhere)));
    insta::assert_snapshot!("done_without_a_body", shown(&call(&house, "GET", "logout", &headers, "")));
    insta::assert_snapshot!("session_ended", shown(&refresh(&headers)));
    insta::assert_snapshot!("session_ended", shown(&call(&house, "GET", "logout", &headers, "")));
    let late = session(&house);
    house.clock.advance(Duration::from_hours(7 * 24));
    insta::assert_snapshot!("session_ended", shown(&refresh(&with("X-session-token", &late))));
}

#[test]
fn a_signature_stands_for_a_session_once_and_now() {
    let house = House::new();
    insta::assert_snapshot!("public_key", shown(&call(&house, "GET", "public-key", &HEADERS, "")));
    insta::assert_snapshot!("server_date", shown(&call(&house, "GET", "server-date", &HEADERS, "")));
    let token = session(&house);
    let now = house.clock.now().milliseconds();
    let refresh = |signature: &str| {
        let headers = with("X-signature", signature);
        call(&house, "POST", "session-token/refresh-id-token", &headers, "").status
    };
    let signed = |time: i64, nonce: &str| format!("session_token={token}&timestamp={time}&nonce={nonce}");
    let five = 5 * 60 * 1_000;
    for (signature, status) in [
        (signed(now, "1a"), StatusCode::OK),
        (signed(now, "1a"), StatusCode::BAD_REQUEST),
        (signed(now, "1b"), StatusCode::OK),
        (signed(now - five, "1"), StatusCode::OK),
        (signed(now + five, "1"), StatusCode::OK),
        (signed(now - five - 1, "1"), StatusCode::BAD_REQUEST),
        (signed(now + five + 1, "1"), StatusCode::BAD_REQUEST),
        (signed(now, ""), StatusCode::BAD_REQUEST),
        (signed(-now, "1"), StatusCode::BAD_REQUEST),
        (format!("session_token={token}&nonce=2&timestamp={now}"), StatusCode::BAD_REQUEST),
        (format!("session_token=forged&timestamp={now}&nonce=2"), StatusCode::BAD_REQUEST),
        (token.clone(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(refresh(&signature), status, "{signature}");
    }
    let mut both = with("X-session-token", &token);
    both.push(("X-signature", "nonsense"));
    insta::assert_snapshot!("session_ended", shown(&call(&house, "GET", "logout", &both, "")));
    let last = signed(now, "3");
    let logout = call(&house, "GET", "logout", &with("X-signature", &last), "");
    insta::assert_snapshot!("done_without_a_body", shown(&logout));
    assert_eq!(refresh(&signed(now, "4")), StatusCode::BAD_REQUEST, "the session has ended");
}

#[test]
fn passwords_are_limited_before_one_is_looked_at() {
    let house = House::limited();
    assert_eq!(by_password(&house, "nobody", "the password").status, StatusCode::BAD_REQUEST);
    insta::assert_snapshot!("locked_out", shown(&by_password(&house, "somebody", "the password")));
}

#[test]
fn codes_and_calls_of_sessions_are_limited_before_anything_is_looked_for() {
    let house = House::limited();
    insta::assert_snapshot!("wrong_code", shown(&login(&house, NUMBER, "000000")));
    insta::assert_snapshot!("locked_out", shown(&login(&house, OTHER, "000000")));
    let refresh = || call(&house, "POST", "session-token/refresh-id-token", &with("X-session-token", "forged"), "");
    insta::assert_snapshot!("session_ended", shown(&refresh()));
    insta::assert_snapshot!("too_often", shown(&refresh()));
    let logout = call(&house, "GET", "logout", &with("X-session-token", "forged"), "");
    insta::assert_snapshot!("too_often", shown(&logout));
    let mobile = call(&house, "GET", "mobile-by-token", &with("X-state-token", "forged"), "");
    insta::assert_snapshot!("locked_out", shown(&mobile));
}

#[test]
fn every_call_wants_its_headers_and_a_body_that_can_be_read() {
    let house = House::new();
    for (path, method, _) in OPERATIONS {
        let ask = |headers: &[(&str, &str)], body: &str| call(&house, method.as_str(), path, headers, body);
        insta::assert_snapshot!("client_id_blank", shown(&ask(&with("X-client-id", ""), "{}")));
        insta::assert_snapshot!("device_incomplete", shown(&ask(&with("X-agent", ""), "{}")));
        insta::assert_snapshot!("app_disabled", shown(&ask(&with("X-client-id", "disabled"), "{}")));
        let other = if method == Method::GET { "POST" } else { "GET" };
        assert_eq!(call(&house, other, path, &HEADERS, "{}").status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let headers = [&HEADERS[..], &[("X-state-token", "s"), ("X-session-token", "s")]].concat();
        for raw in ["", "{", "[]", "\"x\"", "{}", r#"{"mobile":{}}"#, r#"{"user_name":[],"password":7}"#, "\u{feff}{}"]
        {
            let wants_nothing = ["captcha", "country-codes", "public-key", "server-date"].contains(&path);
            let expected = if wants_nothing { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            assert_eq!(ask(&headers, raw).status, expected, "{path} {raw}");
        }
    }
    assert!(block_on(house.users.users(None, None, 9)).unwrap().is_empty());
    assert!(block_on(house.post.audit_entries(9)).unwrap().is_empty(), "no code was sent or looked at");
}

fn abroad() -> House {
    House::with(Settings { strict_headers: true, secret_key: false, foreign_numbers: true })
}

#[test]
fn a_number_of_another_country_signs_in_where_such_are_taken() {
    let house = abroad();
    user(&house, 1, "ann", Some("+14155550100"));
    let first = by_password(&house, "ann", "the password");
    assert_eq!(field(&first, "status"), "MFA_AUTH");
    let state = field(&first, "state_token");
    let headers = with("X-state-token", &state);
    let mobile = field(&call(&house, "GET", "mobile-by-token", &headers, ""), "mobile");
    assert_eq!(mobile, "+14155550100");
    let code = sent(&house, "+1-4155550100", "MFA_AUTH_SMS");
    let entered = call(&house, "POST", "mfa/sms", &headers, &typed(&mobile, &code));
    assert_eq!(field(&entered, "status"), "SUCCESS");
    for mobile in ["+1415555", "+", "+nobody@example.com", "4155550100"] {
        insta::assert_snapshot!("mobile_invalid", shown(&login(&house, mobile, "123456")));
    }
    insta::assert_snapshot!("mobile_invalid", shown(&login(&House::new(), "+14155550100", "123456")));
}

#[test]
fn every_calling_code_that_is_taken_has_its_name_and_a_pattern_for_its_numbers() {
    let at_home = call(&House::new(), "GET", "country-codes", &HEADERS, "");
    let at_home: Value = serde_json::from_slice(&at_home.body).unwrap();
    assert_eq!(at_home["phoneAreaCodeDefinitions"].as_array().unwrap().len(), 1);
    let house = abroad();
    let answered = call(&house, "GET", "country-codes", &HEADERS, "");
    let body: Value = serde_json::from_slice(&answered.body).unwrap();
    let codes = body["phoneAreaCodeDefinitions"].as_array().unwrap();
    assert_eq!((codes.len(), &body["preferredAreaCode"]), (235, &json!("CN")));
    let is_sample = |code: &&Value| ["1", "86", "852"].contains(&code["areaCode"].as_str().unwrap());
    let some: Vec<_> = codes.iter().filter(is_sample).collect();
    insta::assert_snapshot!("country_codes", serde_json::to_string_pretty(&some).unwrap());
}
