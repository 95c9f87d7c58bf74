use std::time::Duration;

use countersign_domain::gate::CodeRates;
use countersign_domain::message::Subject;
use countersign_domain::operations::{PurposePolicy, TicketDemand};
use countersign_domain::ports::{TemplateError, Templates};
use countersign_domain::routes::Routes;
use countersign_domain::throttle::Rule;

use super::*;
use crate::native_challenges::NativeChallenges;
use crate::testing::{House, ask, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of another app
const SIGNUP: &str = r#"{"to":"ada@example.com","purpose":"signup"}"#;

fn call(house: &House, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    ask(&NativeCodes::new(&house.context), method, path, headers, body)
}

fn send(house: &House, body: &str) -> Response {
    call(house, "POST", CODES, &[KEY], body)
}

/// Sends again under a key, from which the second call may differ.
fn send_as(house: &House, key: &str, body: &str) -> Response {
    call(house, "POST", CODES, &[KEY, (IDEMPOTENCY_KEY, key)], body)
}

fn check(house: &House, body: &str) -> Response {
    call(house, "POST", CHECK, &[KEY], body)
}

fn status(house: &House, id: &str) -> Response {
    call(house, "GET", &format!("{CODES}/{id}"), &[KEY], "")
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

fn field(response: &Response, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    value[name].as_str().map_or_else(|| value[name].to_string(), str::to_owned)
}

#[test]
fn what_another_door_sends_and_spends_is_not_to_be_had_here() {
    let house = House::new();
    for purpose in ["ecd.cen", "oneaccess.login", "osm.contact"] {
        let asked = format!(r#"{{"to":"ann@example.com","purpose":"{purpose}","resource":"cen-1"}}"#);
        let checked = format!(r#"{{"to":"ann@example.com","purpose":"{purpose}","resource":"cen-1","code":"123456"}}"#);
        for answer in [send(&house, &asked), check(&house, &checked)] {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert!(text(&answer).contains("another door sends and spends"), "{}", text(&answer));
        }
    }
    // Those that no call of their door spends are the app's server's to check.
    let asked = r#"{"to":"+8613912345678","purpose":"oneaccess.change-password"}"#;
    assert_eq!(send(&house, asked).status, StatusCode::ACCEPTED);
    assert_eq!(house.audit_of_codes().lines().count(), 1);
}

/// Digits that are not the code's.
fn wrong(digits: &str) -> String {
    let last = if digits.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &digits[..digits.len() - 1])
}

#[test]
fn a_code_is_sent_checked_and_spent() {
    let house = House::new();
    let sent = send(&house, r#"{"to":"139 1234 5678","channel":"sms","purpose":"signup","locale":"zh"}"#);
    insta::assert_snapshot!("sent", shown(&sent));
    let id = field(&sent, "id");
    insta::assert_snapshot!("live", shown(&status(&house, &id)));
    let digits = house.digits(&id);
    let with = |code: &str| format!(r#"{{"id":"{id}","code":"{code}","customer":"user-17"}}"#);
    insta::assert_snapshot!("wrong", text(&check(&house, &with(&wrong(&digits)))));
    insta::assert_snapshot!("right", shown(&check(&house, &with(&digits))));
    insta::assert_snapshot!("dead", text(&check(&house, &with(&digits))));
    insta::assert_snapshot!("spent", text(&status(&house, &id)));
    insta::assert_snapshot!("told", house.audit_of_codes());
}

#[test]
fn a_code_is_found_by_its_contact_and_looked_at_without_being_spent() {
    let house = House::new();
    let id = field(&send(&house, r#"{"to":"+8613912345678","purpose":"signup","resource":"cen-1"}"#), "id");
    let digits = house.digits(&id);
    let with = |to: &str, rest: &str| {
        text(&check(&house, &format!(r#"{{"to":"{to}","purpose":"signup","code":"{digits}"{rest}}}"#))).to_owned()
    };
    let dead = r#"{"valid":false,"attempts_left":0}"#;
    assert_eq!(with("13912345678", ""), dead, "for no resource");
    assert_eq!(with("13912345678", r#","resource":"cen-2""#), dead);
    assert_eq!(with("13912345679", r#","resource":"cen-1""#), dead);
    let looked = r#"{"valid":true,"attempts_left":5}"#;
    assert_eq!(with("139 1234 5678", r#","resource":"cen-1","consume":false"#), looked);
    assert_eq!(with("139 1234 5678", r#","resource":"cen-1","consume":false"#), looked);
    let spent = with("+86 13912345678", r#","resource":"cen-1""#);
    assert!(spent.starts_with(r#"{"valid":true,"attempts_left":0,"verified_id":""#), "{spent}");
    assert_eq!(with("13912345678", r#","resource":"cen-1""#), dead);
}

#[test]
fn whether_a_code_is_dead_unknown_or_another_apps_is_told_in_the_same_words() {
    let house = House::new();
    let id = field(&send(&house, SIGNUP), "id");
    let digits = house.digits(&id);
    let with = |code: &str| format!(r#"{{"id":"{id}","code":"{code}"}}"#);
    for left in (0..5).rev() {
        let expected = format!(r#"{{"valid":false,"attempts_left":{left}}}"#);
        assert_eq!(text(&check(&house, &with(&wrong(&digits)))), expected);
    }
    let unknown = format!(r#"{{"id":"{}","code":"{digits}"}}"#, "0".repeat(32));
    let never = format!(r#"{{"to":"nobody@example.com","purpose":"signup","code":"{digits}"}}"#);
    let dead = check(&house, &with(&digits));
    for other in [check(&house, &unknown), check(&house, &never), call(&house, "POST", CHECK, &[OTHER], &with(&digits))]
    {
        assert_eq!(shown(&other), shown(&dead));
    }
    assert!(text(&status(&house, &id)).contains(r#""state":"guessed-out""#));
    assert_eq!(call(&house, "GET", &format!("{CODES}/{id}"), &[OTHER], "").status, StatusCode::NOT_FOUND);
    assert_eq!(status(&house, "nonsense").status, StatusCode::NOT_FOUND);
}

#[test]
fn what_can_be_no_code_costs_no_try() {
    let house = House::new();
    let id = field(&send(&house, SIGNUP), "id");
    let digits = house.digits(&id);
    for typed in ["", "12345", "12345678901", "one two", "１２３"] {
        let refused = check(&house, &format!(r#"{{"id":"{id}","code":"{typed}"}}"#));
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{typed}");
    }
    let spaced = format!("{} {}", &digits[..3], &digits[3..]);
    assert!(
        text(&check(&house, &format!(r#"{{"id":"{id}","code":"{spaced}","consume":false}}"#)))
            .contains(r#""valid":true,"attempts_left":5"#)
    );
}

#[test]
fn a_code_is_for_its_time() {
    let house = House::new();
    let id = field(&send(&house, SIGNUP), "id");
    let body = format!(r#"{{"id":"{id}","code":"{}"}}"#, house.digits(&id));
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(text(&check(&house, &body)), r#"{"valid":false,"attempts_left":0}"#);
    assert!(text(&status(&house, &id)).contains(r#""state":"expired","attempts_left":0"#));
}

#[test]
fn a_repeated_call_sends_nothing_more_and_another_one_is_a_mistake() {
    let house = House::new();
    let first = send_as(&house, "order 4711", r#"{"to":"139 1234 5678","purpose":"signup"}"#);
    assert_eq!(first.status, StatusCode::ACCEPTED);
    house.clock.advance(Duration::from_secs(1));
    let again = send_as(&house, "order 4711", r#"{"purpose":"signup","to":"+86-13912345678","channel":"sms"}"#);
    assert_eq!((again.status, field(&again, "id")), (StatusCode::ACCEPTED, field(&first, "id")));
    let of = |response: &Response| field(&status(&house, &field(response, "id")), "messages");
    let messages: Vec<serde_json::Value> = serde_json::from_str(&of(&first)).unwrap();
    assert_eq!(messages.len(), 1);
    for other in [
        r#"{"to":"13912345679","purpose":"signup"}"#,
        r#"{"to":"13912345678","purpose":"login"}"#,
        r#"{"to":"13912345678","purpose":"signup","resource":"cen-1"}"#,
        r#"{"to":"13912345678","purpose":"signup","locale":"zh"}"#,
    ] {
        insta::assert_snapshot!("other_call", shown(&send_as(&house, "order 4711", other)));
    }
    let others = call(&house, "POST", CODES, &[OTHER, (IDEMPOTENCY_KEY, "order 4711")], SIGNUP);
    assert_eq!(others.status, StatusCode::ACCEPTED, "another app's key of that name");
    for key in ["", " ", "订单", &"k".repeat(256)] {
        assert_eq!(send_as(&house, key, SIGNUP).status, StatusCode::BAD_REQUEST, "{key}");
    }
    let twice = [KEY, (IDEMPOTENCY_KEY, "one"), (IDEMPOTENCY_KEY, "two")];
    assert_eq!(call(&house, "POST", CODES, &twice, SIGNUP).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_ticket_pays_for_one_send_to_its_contact_for_its_purpose() {
    let house = House::new();
    let with = |ticket: &str, to: &str| format!(r#"{{"to":"{to}","purpose":"paid","ticket":"{ticket}"}}"#);
    insta::assert_snapshot!("unpaid", shown(&send(&house, r#"{"to":"13912345678","purpose":"paid"}"#)));
    let ticket = house.ticket_for("paid", "+8613912345678");
    for (name, body) in [
        ("nonsense", with("nonsense", "13912345678")),
        ("other_contact", with(&ticket, "13912345679")),
        ("other_action", with(&house.ticket_for("signup", "+8613912345678"), "13912345678")),
    ] {
        insta::assert_snapshot!(format!("ticket_{name}"), shown(&send(&house, &body)));
    }
    let first = send_as(&house, "one", &with(&ticket, "13912345678"));
    assert_eq!(first.status, StatusCode::ACCEPTED);
    // Its answer was lost; the ticket is spent, and a fresh one is not.
    assert_eq!(field(&send_as(&house, "one", &with(&ticket, "13912345678")), "id"), field(&first, "id"));
    let fresh = house.ticket_for("paid", "+8613912345678");
    assert_eq!(field(&send_as(&house, "one", &with(&fresh, "13912345678")), "id"), field(&first, "id"));
    house.clock.advance(Duration::from_mins(1));
    insta::assert_snapshot!("ticket_used", shown(&send(&house, &with(&ticket, "13912345678"))));
    assert_eq!(send(&house, &with(&fresh, "13912345678")).status, StatusCode::ACCEPTED);
}

#[test]
fn a_challenge_for_a_number_without_its_calling_code_pays_for_the_same_number_with_it() {
    let house = House::new();
    let door = NativeChallenges::new(&house.context);
    let asked = r#"{"site_key":"one","action":"paid","contact":"139 1234 5678"}"#;
    let token = field(&ask(&door, "POST", "/v1/challenges", &[], asked), "token");
    let solved = format!(r#"{{"token":"{token}","answer":{{"x":100,"y":50}}}}"#);
    let ticket = field(&ask(&door, "POST", "/v1/challenges/answer", &[], &solved), "ticket");
    let paid = send(&house, &format!(r#"{{"to":"+8613912345678","purpose":"paid","ticket":"{ticket}"}}"#));
    assert_eq!(paid.status, StatusCode::ACCEPTED);
}

#[test]
fn a_bound_ticket_wants_the_address_of_the_person_who_earned_it() {
    let house = House::bound();
    let ticket = house.ticket_for("paid", "ada@example.com");
    let from = |address: &str| {
        let body =
            format!(r#"{{"to":"ada@example.com","purpose":"paid","ticket":"{ticket}","client_ip":"{address}"}}"#);
        send(&house, &body)
    };
    assert_eq!(from("192.0.2").status, StatusCode::BAD_REQUEST);
    assert_eq!(field(&from("198.51.100.1"), "reason"), "other-address");
    assert_eq!(from("192.0.2.1").status, StatusCode::ACCEPTED);
    assert!(house.audit_of_codes().contains("client_ip 192.0.2.1"));
}

#[test]
fn a_limit_is_named_and_what_unlocks_it() {
    let once = Some(Rule { burst: 1, interval: Duration::from_hours(24) });
    let house = House::new().with_codes(|_, policy| {
        policy.default = PurposePolicy { ticket: TicketDemand::OverLimits, ..policy.default };
        policy.rates = CodeRates { per_country: once, wrong_per_contact: once, ..CodeRates::default() };
    });
    let id = field(&send(&house, r#"{"to":"13912345678","purpose":"signup"}"#), "id");
    insta::assert_snapshot!("resend", shown(&send(&house, r#"{"to":"13912345678","purpose":"signup"}"#)));
    let chinese = [KEY, ("accept-language", "zh-CN")];
    let other = r#"{"to":"13912345679","purpose":"signup"}"#;
    insta::assert_snapshot!("country", shown(&call(&house, "POST", CODES, &chinese, other)));
    let ticket = house.ticket_for("signup", "+8613912345679");
    let paid = format!(r#"{{"to":"13912345679","purpose":"signup","ticket":"{ticket}"}}"#);
    assert_eq!(send(&house, &paid).status, StatusCode::ACCEPTED);
    let guess = format!(r#"{{"id":"{id}","code":"{}"}}"#, wrong(&house.digits(&id)));
    assert_eq!(text(&check(&house, &guess)), r#"{"valid":false,"attempts_left":4}"#);
    insta::assert_snapshot!("wrong_tries", shown(&check(&house, &guess)));
    insta::assert_snapshot!("refusals_told", house.audit_of_codes());
}

#[test]
fn whoever_nothing_is_sent_to_is_told_why() {
    let house = House::new();
    for (name, to) in [
        ("blocked", "someone@blocked.example"),
        ("blocked_number", "+8617012345678"),
        ("country_not_allowed", "+44 7400 123456"),
        ("impossible", "+86 139"),
        ("impossible_here", "5551234"),
    ] {
        let refused = send(&house, &format!(r#"{{"to":"{to}","purpose":"signup"}}"#));
        insta::assert_snapshot!(format!("refused_{name}"), text(&refused));
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
}

/// Templates of an operator who has forgotten the code.
struct NoTemplates;

impl Templates for NoTemplates {
    fn text(&self, _: &Subject) -> Result<countersign_domain::message::Text, TemplateError> {
        Err(TemplateError("signup.zh.txt leaves the code out".to_owned()))
    }
}

#[test]
fn an_operators_mistakes_are_named_and_not_a_callers() {
    let house = House::new().with_codes(|ports, _| ports.templates = Arc::new(NoTemplates));
    insta::assert_snapshot!("template_broken", shown(&send(&house, SIGNUP)));
    let house = House::new().with_codes(|ports, _| ports.routes = Arc::new(Routes::new(Vec::new())));
    insta::assert_snapshot!("no_mail_server", text(&send(&house, SIGNUP)));
    insta::assert_snapshot!("no_gateway", text(&send(&house, r#"{"to":"13912345678","purpose":"signup"}"#)));
}

#[test]
fn what_cannot_be_read_is_refused_and_says_where() {
    let house = House::new();
    for (name, path, body) in [
        ("json", CODES, "{"),
        ("nobody", CODES, r#"{"to":"nobody","purpose":"signup"}"#),
        ("no_purpose", CODES, r#"{"to":"ada@example.com"}"#),
        ("purpose", CODES, r#"{"to":"ada@example.com","purpose":"Sign up"}"#),
        ("channel", CODES, r#"{"to":"ada@example.com","purpose":"signup","channel":"fax"}"#),
        ("other_channel", CODES, r#"{"to":"ada@example.com","purpose":"signup","channel":"sms"}"#),
        ("resource", CODES, r#"{"to":"ada@example.com","purpose":"signup","resource":""}"#),
        ("unknown_field", CODES, r#"{"to":"ada@example.com","purpose":"signup","ressource":"cen-1"}"#),
        ("unnamed", CHECK, r#"{"code":"123456"}"#),
        ("named_twice", CHECK, r#"{"code":"123456","id":"1","to":"ada@example.com","purpose":"signup"}"#),
        ("id", CHECK, r#"{"code":"123456","id":"1"}"#),
        ("customer", CHECK, r#"{"code":"123456","to":"ada@example.com","purpose":"signup","customer":"a b"}"#),
        (
            "idle_customer",
            CHECK,
            r#"{"code":"123456","to":"ada@example.com","purpose":"signup","customer":"a","consume":false}"#,
        ),
    ] {
        let refused = call(&house, "POST", path, &[KEY], body);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
        insta::assert_snapshot!(format!("unreadable_{name}"), field(&refused, "detail"));
    }
    assert_eq!(house.audit_of_codes(), "");
}

#[test]
fn each_call_wants_its_permission_and_is_counted_under_its_key() {
    let house = House::new();
    for (method, path) in [("POST", CODES), ("POST", CHECK), ("GET", "/v1/codes/1")] {
        assert_eq!(call(&house, method, path, &[DENIED], "{}").status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(call(&house, method, path, &[], "{}").status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let house = House::limited();
    assert_eq!(send(&house, SIGNUP).status, StatusCode::ACCEPTED);
    assert_eq!(field(&check(&house, "{}"), "limit"), "calls.key");
}
