use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::message::{Message, SenderName};
use countersign_domain::ports::{Pace, Receipt, SendError, Sender};
use countersign_domain::routes::{Route, Routes};
use countersign_domain::testing::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::huawei::tests::signed;
use crate::huawei_iam::tests::token;
use crate::testing::{House, ask, request, shown};

const SEND: &str = "/v2/servicerequest/verifycodes/send";
const CHECK: &str = "/v2/servicerequest/verifycodes";
const NEED_VERIFY: &str = "/v2/servicerequest/verifycodes/need-verify";
const HAS_VERIFIED: &str = "/v2/servicerequest/verifycodes/has-verified";
const AREA_CODES: &str = "/v2/servicerequest/config/area-codes";
const MOBILE: &str = "13912345678";

fn call(house: &House, key: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let door = HuaweiServiceTickets::new(&house.context);
    block_on(door.answer(signed(house, key, method, target, headers, body)))
}

/// A call of `AK1`: status and body.
fn said(house: &House, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = call(house, "AK1", method, target, &[("content-type", "application/json")], &body);
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap())
}

/// The code of an answer; empty for success.
fn error_code(house: &House, target: &str, body: &Value) -> String {
    let (status, body) = said(house, "POST", target, body);
    assert_eq!(status, 200);
    body["error_code"].as_str().unwrap_or_default().to_owned()
}

fn to(value: &str, way: u8, area_code: &str) -> Value {
    json!({ "contact_value": value, "contact_way": way, "area_code": area_code })
}

fn check(code: &str, value: &str, way: u8, area_code: &str) -> Value {
    let mut body = to(value, way, area_code);
    body["verify_code"] = json!(code);
    body
}

/// Hears what is sent, a line each: to whom, and the words.
struct Ear(mpsc::Sender<String>);

#[async_trait]
impl Sender for Ear {
    fn pace(&self) -> Pace {
        Pace { deadline: Duration::ZERO, at_once: 1 }
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let line = format!("{} {}", message.to.normalised(), message.text.body.expose());
        self.0
            .send(line)
            .map(|()| Receipt::default())
            .map_err(|error| SendError::Permanent { reason: error.to_string() })
    }
}

/// What waits in the outbox.
fn outbox(house: &House) -> Vec<String> {
    let (ear, heard) = mpsc::channel();
    for lane in ["gateway", "mail"] {
        let deliver = &house.context.codes.deliver_messages;
        for leased in block_on(deliver.take(&SenderName::parse(lane).unwrap(), 100, Duration::ZERO)).unwrap() {
            block_on(deliver.deliver(leased, &Ear(ear.clone()))).unwrap();
        }
    }
    drop(ear);
    heard.iter().collect()
}

/// The digits that were sent last.
fn digits(house: &House) -> String {
    outbox(house).pop().unwrap().split(' ').next_back().unwrap().to_owned()
}

fn wrong(digits: &str) -> String {
    digits.bytes().map(|digit| char::from((digit - b'0' + 1) % 10 + b'0')).collect()
}

#[test]
fn a_code_is_sent_checked_once_and_verifies_its_contact() {
    for (value, way, area_code) in [(MOBILE, 0, "86"), ("李四t+1@example.com", 1, "86"), ("ann@example.com", 1, "")] {
        let house = House::new();
        assert_eq!(error_code(&house, SEND, &to(value, way, area_code)), "");
        let code = digits(&house);
        assert_eq!(code.len(), 6);
        assert_eq!(error_code(&house, CHECK, &check(&wrong(&code), value, way, area_code)), "OSM.01010010");
        assert_eq!(error_code(&house, CHECK, &check(&code, value, way, area_code)), "");
        assert_eq!(error_code(&house, CHECK, &check(&code, value, way, area_code)), "OSM.01010010", "once");
    }
}

#[test]
fn whole_answers() {
    let house = House::new();
    let english = [("x-language", "en-us")];
    let sent = call(&house, "AK1", "POST", SEND, &english, &to(MOBILE, 0, "86").to_string());
    insta::assert_snapshot!("sent", shown(&sent));
    insta::assert_snapshot!(
        "too_soon",
        shown(&call(&house, "AK1", "POST", SEND, &[], &to(MOBILE, 0, "0086").to_string()))
    );
    let message = outbox(&house).pop().unwrap();
    assert!(message.starts_with("+8613912345678 en "), "the caller's language: {message}");
    let code = message.split(' ').next_back().unwrap();
    insta::assert_snapshot!(
        "checked",
        shown(&call(&house, "AK1", "POST", CHECK, &[], &check(code, MOBILE, 0, "86").to_string()))
    );
    insta::assert_snapshot!(
        "wrong",
        shown(&call(&house, "AK1", "POST", CHECK, &[], &check(code, MOBILE, 0, "86").to_string()))
    );
    insta::assert_snapshot!("invalid", shown(&call(&house, "AK1", "POST", SEND, &[], "{}")));
    let query = format!("?contact_value={MOBILE}&contact_way=0&area_code=86");
    insta::assert_snapshot!("verified", shown(&call(&house, "AK1", "GET", &format!("{NEED_VERIFY}{query}"), &[], "")));
    let elsewhere = [("x-time-zone", "GMT-3:30")];
    insta::assert_snapshot!(
        "verified_elsewhere",
        shown(&call(&house, "AK1", "GET", &format!("{NEED_VERIFY}{query}"), &elsewhere, ""))
    );
    insta::assert_snapshot!(
        "not_verified",
        shown(&call(&house, "AK1", "GET", &format!("{NEED_VERIFY}?contact_value=a&contact_way=1"), &[], ""))
    );
    insta::assert_snapshot!("has_verified", shown(&call(&house, "AK1", "GET", HAS_VERIFIED, &[], "")));
    insta::assert_snapshot!("denied", shown(&call(&house, "AK2", "POST", SEND, &[], &to(MOBILE, 0, "86").to_string())));
}

#[test]
fn however_a_number_is_written_it_is_one_contact() {
    let house = House::new();
    let all = [
        to(MOBILE, 0, "86"),
        to("+86 139 1234 5678", 0, "+86"),
        to("0086139-1234-5678", 0, "0086"),
        to("0139 1234 5678", 0, "86"),
        json!({ "contact_value": 13_912_345_678_u64, "contact_way": "0", "area_code": 86, "more": [1] }),
    ];
    assert_eq!(error_code(&house, SEND, &all[0]), "");
    for body in &all {
        assert_eq!(error_code(&house, SEND, body), "OSM.01010024", "{body}");
    }
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(error_code(&house, SEND, &all[1]), "");
}

#[test]
fn what_can_be_no_contact_or_code_is_refused_and_nothing_is_sent() {
    let house = House::new();
    let long = "1".repeat(65);
    for body in [
        json!({}),
        json!([]),
        json!("text"),
        to("", 0, "86"),
        to("13800000001", 2, "86"),
        to("not a phone", 0, "86"),
        to("not-an-email", 1, "86"),
        to("a@example.com\r\nBcc: b@example.com", 1, "86"),
        to(&long, 0, "86"),
        to(&format!("{long}@example.com"), 1, "86"),
        to(MOBILE, 0, ""),
        to(MOBILE, 0, "999"),
        to(MOBILE, 0, "11111111111111111"),
        to("1391234567", 0, "86"),
        json!({ "contact_way": 0, "area_code": "86" }),
        json!({ "contact_value": MOBILE, "area_code": "86" }),
        json!({ "contact_value": MOBILE, "contact_way": 0 }),
        json!({ "contact_value": { "a": 1 }, "contact_way": 0, "area_code": "86" }),
        json!({ "contact_value": MOBILE, "contact_way": -1, "area_code": "86" }),
        json!({ "contact_value": MOBILE, "contact_way": null, "area_code": "86" }),
    ] {
        assert_eq!(error_code(&house, SEND, &body), "OSM.01010001", "{body}");
        assert_eq!(error_code(&house, CHECK, &body), "OSM.01010001", "{body}");
    }
    for code in ["", "12345", "1234567", "12345a", "      "] {
        assert_eq!(error_code(&house, CHECK, &check(code, MOBILE, 0, "86")), "OSM.01010001", "{code:?}");
    }
    let mut number = check("", MOBILE, 0, "86");
    number["verify_code"] = json!(123_456);
    assert_eq!(error_code(&house, CHECK, &number), "OSM.01010001");
    assert_eq!(outbox(&house), [""; 0]);
}

#[test]
fn where_the_operator_sends_nothing_the_caller_has_no_permission() {
    let house = House::new();
    for body in [to("17012345678", 0, "86"), to("7911123456", 0, "44"), to("ann@blocked.example", 1, "86")] {
        assert_eq!(error_code(&house, SEND, &body), "OSM.01010002", "{body}");
    }
    assert_eq!(outbox(&house), [""; 0]);
}

#[test]
fn a_channel_without_a_sender_is_no_failure_of_ours() {
    let house = House::new().with_codes(|ports, _| {
        let gateway = Route {
            sender: SenderName::parse("gateway").unwrap(),
            channel: Channel::Sms,
            prefixes: vec![],
            report_within: None,
        };
        ports.routes = Arc::new(Routes::new(vec![gateway]));
    });
    assert_eq!(error_code(&house, SEND, &to(MOBILE, 0, "86")), "");
    assert_eq!(error_code(&house, SEND, &to("ann@example.com", 1, "86")), "OSM.01010002");
    assert_eq!(outbox(&house).len(), 1);
}

#[test]
fn a_code_holds_five_minutes_and_five_wrong_guesses() {
    let house = House::new();
    assert_eq!(error_code(&house, SEND, &to(MOBILE, 0, "86")), "");
    let code = digits(&house);
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(error_code(&house, CHECK, &check(&code, MOBILE, 0, "86")), "OSM.01010010");

    let house = House::new();
    assert_eq!(error_code(&house, SEND, &to(MOBILE, 0, "86")), "");
    let code = digits(&house);
    for _ in 0..5 {
        assert_eq!(error_code(&house, CHECK, &check(&wrong(&code), MOBILE, 0, "86")), "OSM.01010010");
    }
    assert_eq!(error_code(&house, CHECK, &check(&code, MOBILE, 0, "86")), "OSM.01010010");
}

#[test]
fn a_code_is_for_its_contact_and_its_app() {
    let house = House::new();
    assert_eq!(error_code(&house, SEND, &to(MOBILE, 0, "86")), "");
    let code = digits(&house);
    assert_eq!(error_code(&house, CHECK, &check(&code, "13912345679", 0, "86")), "OSM.01010010");
    let other = call(&house, "AK5", "POST", CHECK, &[], &check(&code, MOBILE, 0, "86").to_string());
    assert!(String::from_utf8_lossy(&other.body).contains("OSM.01010010"));
    assert_eq!(error_code(&house, CHECK, &check(&code, MOBILE, 0, "86")), "");
}

#[test]
fn each_customer_has_a_list_of_its_own() {
    let house = House::new();
    for (value, customer, below) in [(MOBILE, "", ""), ("13912345670", "a", ""), ("13912345671", "a", "b")] {
        assert_eq!(error_code(&house, SEND, &to(value, 0, "86")), "");
        let mut body = check(&digits(&house), value, 0, "86");
        body["customer_id"] = json!(customer);
        body["x_customer_id"] = json!(below);
        assert_eq!(error_code(&house, CHECK, &body), "");
        house.clock.advance(Duration::from_secs(1));
    }
    let list = |query: &str| {
        let (status, body) = said(&house, "GET", &format!("{HAS_VERIFIED}?{query}"), &Value::Null);
        assert_eq!(status, 200);
        let values = body["contact_list"].as_array().unwrap().iter().map(|one| one["contact_value"].as_str().unwrap());
        (body["count"].as_u64().unwrap(), values.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(list(""), (1, MOBILE.to_owned()));
    assert_eq!(list("customer_id=a"), (1, "13912345670".to_owned()));
    assert_eq!(list("customer_id=a&sub_customer_id=b"), (1, "13912345671".to_owned()));
    assert_eq!(list("customer_id=b").0, 0);
    let need =
        |query: &str| said(&house, "GET", &format!("{NEED_VERIFY}?contact_way=0&area_code=86&{query}"), &Value::Null).1;
    assert_eq!(need(&format!("contact_value={MOBILE}"))["need_verify_code"], 0);
    assert_eq!(need("contact_value=13912345670")["need_verify_code"], 1);
}

#[test]
fn a_list_is_filtered_and_cut() {
    let house = House::new();
    for (value, way) in [(MOBILE, 0), ("13912345670", 0), ("ann@example.com", 1)] {
        assert_eq!(error_code(&house, SEND, &to(value, way, "86")), "");
        assert_eq!(error_code(&house, CHECK, &check(&digits(&house), value, way, "86")), "");
        house.clock.advance(Duration::from_secs(1));
    }
    let list = |query: &str| said(&house, "GET", &format!("{HAS_VERIFIED}?{query}"), &Value::Null).1;
    let id =
        list(&format!("contact_way=0&area_code=86&contact_value={MOBILE}"))["contact_list"][0]["verified_id"].clone();
    let by_id = format!("verified_id={}", id.as_str().unwrap());
    for (query, count, length) in [
        ("", 3, 3),
        ("contact_way=0", 2, 2),
        ("contact_way=1&limit=1000", 1, 1),
        ("limit=1", 3, 1),
        ("limit=2&offset=2", 3, 1),
        (&by_id, 1, 1),
        ("verified_id=unknown", 0, 0),
        ("contact_way=1&contact_value=nobody", 0, 0),
        ("expired_time=2027-01-01%2000:00:00", 3, 3),
        ("expired_time=2030-01-01T00:00:00Z", 0, 0),
    ] {
        let body = list(query);
        assert_eq!(body["count"], count, "{query}");
        assert_eq!(body["contact_list"].as_array().map(Vec::len), Some(length), "{query}");
    }
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "contact_way=2",
        "contact_value=a",
        "expired_time=soon",
        "limit=1&limit=2",
    ] {
        assert_eq!(list(query)["error_code"], "OSM.01010001", "{query}");
    }
}

#[test]
fn area_codes_follow_the_language() {
    let house = House::new();
    let list = |language: &[(&str, &str)]| call(&house, "AK2", "GET", AREA_CODES, language, "").body;
    let (default, chinese, english) = (list(&[]), list(&[("x-language", "zh-cn")]), list(&[("x-language", "en-us")]));
    assert_eq!(default, chinese);
    let read =
        |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["area_code_list"].as_array().unwrap().clone();
    let (chinese, english) = (read(&chinese), read(&english));
    assert_eq!(chinese.len(), calling_code::all().len());
    let names = |list: &[Value]| list.iter().find(|one| one["area_code"] == "86").unwrap().clone();
    assert_eq!(names(&chinese), json!({ "id": 86, "area_code": "86", "area_name": "中国" }));
    assert_eq!(names(&english), json!({ "id": 86, "area_code": "86", "area_name": "China" }));
}

#[test]
fn a_token_opens_what_its_user_may_do() {
    let house = House::new();
    let door = HuaweiServiceTickets::new(&house.context);
    let body = to(MOBILE, 0, "86").to_string();
    let send = |name: &str| ask(&door, "POST", SEND, &[("x-auth-token", &token(&house, name))], &body).status;
    assert_eq!(send("ann"), StatusCode::OK);
    assert_eq!(send("powerless"), StatusCode::FORBIDDEN);
    assert_eq!(ask(&door, "POST", SEND, &[], &body).status, StatusCode::UNAUTHORIZED);
    let areas = ask(&door, "GET", AREA_CODES, &[("x-auth-token", &token(&house, "powerless"))], "");
    assert_eq!(areas.status, StatusCode::OK);
}

#[test]
fn permissions_are_those_of_the_operation() {
    let house = House::new();
    for (number, permission) in Permission::ALL.into_iter().enumerate() {
        let may = |method: &str, target: &str| {
            call(&house, &format!("ONLY{number}"), method, target, &[], "").status != StatusCode::FORBIDDEN
        };
        assert_eq!(may("POST", SEND), permission == Permission::SendCodes);
        assert_eq!(may("POST", CHECK), permission == Permission::CheckCodes);
        assert_eq!(may("GET", NEED_VERIFY), permission == Permission::ReadContacts);
        assert_eq!(may("GET", HAS_VERIFIED), permission == Permission::ReadContacts);
        assert!(may("GET", AREA_CODES));
    }
}

#[test]
fn other_paths_and_methods_are_the_gateways() {
    let house = House::new();
    for (method, path) in [
        ("GET", SEND),
        ("PUT", CHECK),
        ("POST", AREA_CODES),
        ("GET", "/v2/servicerequest/cases"),
        ("GET", "/v2/servicerequest/"),
    ] {
        let response = call(&house, "AK1", method, path, &[], "");
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let slash =
        call(&house, "AK1", "POST", "/v2/servicerequest/verifycodes/send/", &[], &to(MOBILE, 0, "86").to_string());
    assert_eq!(slash.status, StatusCode::OK);
}

proptest! {
    #[test]
    fn no_text_panics_and_all_of_it_is_answered(value in "\\PC{0,70}", area_code in "\\PC{0,6}", way in 0u8..3, query in "[ -~]{0,40}") {
        let house = House::new();
        for target in [SEND, CHECK] {
            let (status, _) = said(&house, "POST", target, &check("123456", &value, way, &area_code));
            prop_assert_eq!(status, 200);
        }
        let raw = call(&house, "AK1", "POST", SEND, &[], &value);
        prop_assert_eq!(raw.status, StatusCode::OK);
        let token = token(&house, "ann");
        for path in [NEED_VERIFY, HAS_VERIFIED] {
            let request = request("GET", &format!("{path}?{query}"), &[("x-auth-token", &token)], "");
            let response = block_on(HuaweiServiceTickets::new(&house.context).answer(request));
            prop_assert_eq!(response.status, StatusCode::OK);
        }
    }
}
