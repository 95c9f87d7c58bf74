use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::contact::Contact;
use countersign_domain::operations::{Expected, Redemption, TicketRefusal};
use countersign_domain::testing::block_on;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::testing::{House, ask, shown};

const HEADERS: [(&str, &str); 6] = [
    ("X-operating-sys-version", "Android 10"),
    ("X-device-fingerprint", "156aysdna213sc50"),
    ("X-device-ip", "10.10.10.1"),
    ("X-agent", "Mozilla/5.0 (Linux; Android 10)"),
    ("X-L", "en"),
    ("X-client-id", "one"),
];

fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut headers: Vec<_> = HEADERS.into_iter().filter(|(known, _)| *known != name).collect();
    if !value.is_empty() {
        headers.push((name, value));
    }
    headers
}

fn get(house: &House, headers: &[(&str, &str)]) -> Response {
    ask(&HuaweiOneAccess::new(&house.context), "GET", "/api/v2/sdk/captcha", headers, "")
}

fn post(house: &House, headers: &[(&str, &str)], body: &str) -> Response {
    ask(&HuaweiOneAccess::new(&house.context), "POST", "/api/v2/sdk/captcha/verify", headers, body)
}

fn captcha(house: &House) -> Value {
    serde_json::from_slice(&get(house, &HEADERS).body).unwrap()
}

fn token(house: &House) -> String {
    captcha(house)["token"].as_str().unwrap().to_owned()
}

fn verify(house: &House, token: &str, point_json: &str) -> Response {
    let body = json!({"point_json": point_json, "token": token, "sender": "13912345678"}).to_string();
    post(house, &HEADERS, &body)
}

#[test]
fn the_whole_documented_body_comes_back() {
    let house = House::new();
    insta::assert_snapshot!("captcha", shown(&get(&house, &HEADERS)));
}

#[test]
fn a_right_place_earns_a_token_bound_to_the_sender_and_the_client() {
    let house = House::new();
    let verified = verify(&house, &token(&house), r#"{"x":103.9,"y":5.0}"#);
    insta::assert_snapshot!("verified", shown(&verified));

    let body: Value = serde_json::from_slice(&verified.body).unwrap();
    let (ticket, point) = body["captcha_token"].as_str().unwrap().split_once("---").unwrap();
    assert_eq!(point, r#"{"x":103.9,"y":5.0}"#);
    let redeem = |app: &str, sender: &str| {
        let (app, contact) = (AppId::parse(app).unwrap(), Contact::parse(sender).unwrap());
        let expected =
            Expected { door: &DOOR, app: &app, action: None, contact: Some(&contact), client: None, person: None };
        block_on(house.context.redeem_ticket.run(ticket, expected, [1; 16])).unwrap()
    };
    assert_eq!(redeem("two", "+8613912345678"), Redemption::Refused(TicketRefusal::Unknown));
    assert_eq!(redeem("one", "+8613912345679"), Redemption::Refused(TicketRefusal::OtherContact));
    assert!(matches!(redeem("one", "+8613912345678"), Redemption::Valid(_)));
}

#[test]
fn a_wrong_place_and_a_wrong_y_spend_the_challenge() {
    let house = House::new();
    for wrong in [r#"{"x":105.0,"y":5.0}"#, r#"{"x":100.0,"y":6.0}"#, r#"{"x":100.0,"y":0}"#, r#"{"x":-9e9,"y":5.0}"#] {
        let token = token(&house);
        insta::assert_snapshot!("wrong_place", shown(&verify(&house, &token, wrong)));
        insta::assert_snapshot!("token_dead", shown(&verify(&house, &token, r#"{"x":100.0,"y":5.0}"#)));
    }
}

#[test]
fn what_cannot_be_read_spends_nothing() {
    let house = House::new();
    let token = token(&house);
    for unreadable in [
        r#"{"x":null,"y":5.0}"#,
        "{}",
        "[]",
        "nonsense",
        r#"{"x":1e999,"y":5.0}"#,
        r#"{"x":"100","y":"5"}"#,
        r#"{"x":NaN,"y":5}"#,
    ] {
        insta::assert_snapshot!("point_unreadable", shown(&verify(&house, &token, unreadable)));
    }
    let number = json!({"point_json": 7, "token": token, "sender": "13912345678"}).to_string();
    insta::assert_snapshot!("malformed", shown(&post(&house, &HEADERS, &number)));
    let nobody = json!({"point_json": "{}", "token": token, "sender": "nobody"}).to_string();
    insta::assert_snapshot!("sender_unusable", shown(&post(&house, &HEADERS, &nobody)));
    assert_eq!(verify(&house, &token, r#"{"x":100.0,"y":5.0}"#).status, StatusCode::OK);
}

#[test]
fn an_encrypted_point_is_taken_where_a_key_was_given() {
    let house = House::with(Settings { strict_headers: true, secret_key: true, foreign_numbers: false });
    let captcha = captcha(&house);
    let key = captcha["secretKey"].as_str().unwrap();
    assert_eq!(key.len(), 16);
    let text = r#"{"x":100,"y":5}"#;
    let encrypted = encrypt(text, key.as_bytes());
    let verified = verify(&house, captcha["token"].as_str().unwrap(), &encrypted);
    let body: Value = serde_json::from_slice(&verified.body).unwrap();
    assert!(body["captcha_token"].as_str().unwrap().ends_with(&format!("---{text}")), "the text as it was before");
    assert_eq!(verify(&house, &token(&house), text).status, StatusCode::OK, "plain still does");
}

fn encrypt(text: &str, key: &[u8]) -> String {
    use ecb::cipher::{BlockModeEncrypt as _, KeyInit as _, block_padding::Pkcs7};
    let mut block = [0; 64];
    block[..text.len()].copy_from_slice(text.as_bytes());
    let cipher = ecb::Encryptor::<aes::Aes128>::new_from_slice(key).unwrap();
    STANDARD.encode(cipher.encrypt_padded::<Pkcs7>(&mut block, text.len()).unwrap())
}

#[test]
fn tokens_of_others_late_changed_and_never_issued_are_dead_alike() {
    let house = House::new();
    let late = token(&house);
    house.clock.advance(Duration::from_mins(2));
    let changed = token(&house).replace(|character: char| character.is_ascii_digit(), "A");
    let point = r#"{"x":100.0,"y":5.0}"#;
    for dead in [late.as_str(), &changed, "00000000000000000000000000000000", "---", "令牌"] {
        insta::assert_snapshot!("token_dead", shown(&verify(&house, dead, point)));
    }
    let two_axes = house.challenge("one", None, Axes::Two);
    insta::assert_snapshot!("token_dead", shown(&verify(&house, &two_axes, point)));
    let foreign = json!({"point_json": point, "token": token(&house), "sender": "13912345678"}).to_string();
    insta::assert_snapshot!("token_dead", shown(&post(&house, &with("X-client-id", "two"), &foreign)));
}

#[test]
fn headers_are_wanted_as_documented() {
    let house = House::new();
    for (snapshot, name, value) in [
        ("client_id_blank", "X-client-id", ""),
        ("client_id_blank", "X-client-id", "  "),
        ("app_unknown", "X-client-id", "nosuchclientnosuchclientnosuchcl"),
        ("app_unknown", "X-client-id", "no such client"),
        ("app_disabled", "X-client-id", "disabled"),
        ("app_unknown", "X-client-id", "tenants"),
        ("device_incomplete", "X-agent", ""),
        ("device_incomplete", "X-operating-sys-version", ""),
        ("device_incomplete", "X-device-fingerprint", " "),
    ] {
        insta::assert_snapshot!(snapshot, shown(&get(&house, &with(name, value))));
    }
    insta::assert_snapshot!("client_id_blank", shown(&post(&house, &with("X-client-id", ""), "{}")));
    let lenient = House::with(Settings { strict_headers: false, secret_key: false, foreign_numbers: false });
    assert_eq!(get(&lenient, &[("X-client-id", "one")]).status, StatusCode::OK);
    let mut tenant = with("X-client-id", "tenants");
    tenant.push(("X-tenant-id", "acme"));
    assert_eq!(get(&house, &tenant).status, StatusCode::OK);
}

#[test]
fn each_missing_field_has_its_code_in_both_languages() {
    let house = House::new();
    let body = json!({"point_json": "{\"x\":1,\"y\":5}", "token": "t", "sender": "13912345678"});
    for (name, field) in [("no_point", "point_json"), ("no_token", "token"), ("no_sender", "sender")] {
        for language in ["en", "zh-CN"] {
            let mut body = body.clone();
            body[field] = Value::Null;
            let refused = post(&house, &with("X-L", language), &body.to_string());
            insta::assert_snapshot!(format!("{name}_{}", &language[..2]), shown(&refused));
        }
    }
    for raw in ["", "{", "[]", "\"x\"", "\u{feff}{}"] {
        insta::assert_snapshot!("malformed", shown(&post(&house, &HEADERS, raw)));
    }
}

#[test]
fn other_methods_and_paths_are_refused_in_the_same_shape() {
    let house = House::new();
    let door = HuaweiOneAccess::new(&house.context);
    insta::assert_snapshot!("method", shown(&ask(&door, "GET", "/api/v2/sdk/captcha/verify", &HEADERS, "")));
    insta::assert_snapshot!("path", shown(&ask(&door, "GET", "/api/v2/sdk/nothing", &HEADERS, "")));
    let mut headers = HeaderMap::new();
    headers.insert("x-l", "zh".parse().unwrap());
    for (name, refusal) in [
        ("too_large", Refusal::BodyTooLarge),
        ("incomplete", Refusal::BodyIncomplete),
        ("busy", Refusal::Busy),
        ("failed", Refusal::Failed),
    ] {
        insta::assert_snapshot!(name, shown(&door.refuse(refusal, &headers)));
    }
}

#[test]
fn a_call_over_a_limit_is_refused_in_the_vendors_shape_and_spends_nothing() {
    let house = House::limited();
    let (first, wait) = (token(&house), Duration::from_millis(2_500));
    insta::assert_snapshot!("issued_too_often", shown(&get(&house, &HEADERS)));
    house.clock.advance(wait);
    let second = token(&house);
    let point = r#"{"x":100.0,"y":5.0}"#;
    assert_eq!(verify(&house, &first, point).status, StatusCode::OK);
    let body = json!({"point_json": point, "token": second, "sender": "13912345678"}).to_string();
    insta::assert_snapshot!("answered_too_often_zh", shown(&post(&house, &with("X-L", "zh"), &body)));
    house.clock.advance(wait);
    assert_eq!(verify(&house, &second, point).status, StatusCode::OK);
}

mod people;
