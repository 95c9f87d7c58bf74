use std::time::Duration;

use super::*;
use crate::native_install_codes::NativeInstallCodes;
use crate::testing::{House, PlainInvitation, ask, ask_as, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of another app

fn code(house: &House, wish: &str) -> String {
    let made = ask(&NativeInstallCodes::new(&house.context), "POST", "/v1/install-codes", &[KEY], wish);
    field(&made, "code")
}

fn field(response: &Response, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    value[name].as_str().unwrap_or_default().to_owned()
}

fn enrol(house: &House, code: &str, request: &str) -> Response {
    let body = format!(
        r#"{{"code":"{code}","csr":"{request}","host":{{"hostname":"web-1","os":"linux","architecture":"x86_64","machine_id":"0123"}}}}"#
    );
    ask(&NativeAgents::new(&house.context), "POST", ENROL, &[], &body)
}

fn joined(house: &House) -> AgentId {
    let answer = enrol(house, &code(house, "{}"), "request 1");
    AgentId::parse(&field(&answer, "agent_id")).unwrap()
}

#[test]
fn a_machine_joins_and_its_request_repeated_gets_the_same_answer() {
    let house = House::new();
    let code = code(&house, r#"{"vendor":"OTHER"}"#);
    let answer = enrol(&house, &code, "request 1");
    insta::assert_snapshot!("joined", shown(&answer));
    assert_eq!(enrol(&house, &code, "request 1").body, answer.body);
    insta::assert_snapshot!("exhausted", shown(&enrol(&house, &code, "request 2")));
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(enrol(&house, &code, "request 1").status, StatusCode::FORBIDDEN);
    insta::assert_snapshot!("told", house.audit());
}

#[test]
fn every_refusal_is_told_and_costs_nothing() {
    let house = House::new();
    let long = code(&house, "{}");
    let mistyped = format!("{}{}", &long[..48], if long.ends_with('0') { '1' } else { '0' });
    for (name, code, request) in [
        ("shape", "12345", "request 1"),
        ("mistyped", &mistyped, "request 1"),
        ("request", &long, "nonsense"),
        ("signature", &long, "request x"),
        ("unknown", "0aZ9bY", "request 1"),
        ("windows", &code(&house, r#"{"os":"windows"}"#), "request 1"),
        ("elsewhere", &code(&house, r#"{"networks":["10.0.0.0/8"]}"#), "request 1"),
        ("image", &code(&house, r#"{"only_image":true}"#), "request 1"),
    ] {
        insta::assert_snapshot!(format!("refused_{name}"), shown(&enrol(&house, code, request)));
    }
    let door = NativeAgents::new(&house.context);
    for (name, host) in [
        ("hostname", r#"{"hostname":"","os":"linux","architecture":"x86_64"}"#),
        ("os", r#"{"hostname":"a","os":"plan9","architecture":"x86_64"}"#),
        ("architecture", r#"{"hostname":"a","os":"linux","architecture":"x 86"}"#),
        ("machine_id", r#"{"hostname":"a","os":"linux","architecture":"x86_64","machine_id":"/"}"#),
        ("missing", r#"{"hostname":"a"}"#),
    ] {
        let body = format!(r#"{{"code":"{long}","csr":"request 1","host":{host}}}"#);
        let refused = ask(&door, "POST", ENROL, &[], &body);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        insta::assert_snapshot!(format!("no_host_{name}"), field(&refused, "detail"));
    }
    assert_eq!(enrol(&house, &long, "request 1").status, StatusCode::CREATED, "nothing was spent");
    let staged = code(&house, r#"{"only_image":true}"#);
    let host = r#"{"hostname":"a","os":"linux","architecture":"x86_64"}"#;
    let body = format!(r#"{{"code":"{staged}","csr":"request 1","host":{host},"staged":true}}"#);
    assert_eq!(ask(&door, "POST", ENROL, &[], &body).status, StatusCode::CREATED);
}

#[test]
fn over_plain_http_machines_join_only_where_the_operator_says_so() {
    let mut house = House::new();
    let code = code(&house, "{}");
    house.context.invitation = Arc::new(PlainInvitation { open: false });
    insta::assert_snapshot!("https_needed", shown(&enrol(&house, &code, "request 1")));
}

#[test]
fn attempts_are_limited_per_address() {
    let house = House::limited();
    assert_eq!(enrol(&house, "0aZ9bY", "request 1").status, StatusCode::FORBIDDEN);
    insta::assert_snapshot!("too_often", shown(&enrol(&house, "0aZ9bY", "request 1")));
}

#[test]
fn guesses_pause_short_codes_and_long_ones_go_on() {
    let house = House::new();
    let short = code(&house, r#"{"form":"short","max_uses":null}"#);
    for _ in 1..5 {
        code(&house, r#"{"form":"short"}"#);
    }
    let guesses = (0..1_000_000).take_while(|_| enrol(&house, "0aZ9bY", "request 1").status == StatusCode::FORBIDDEN);
    // 568,002 comparisons a day, of which nine tenths are everybody's, half of them at once, five for each guess.
    assert_eq!(guesses.count(), 51_120);
    insta::assert_snapshot!("paused", shown(&enrol(&house, &short, "request 2")));
    assert_eq!(enrol(&house, &code(&house, "{}"), "request 3").status, StatusCode::CREATED);
    house.clock.advance(Duration::from_secs(4));
    assert_eq!(enrol(&house, &short, "request 2").status, StatusCode::CREATED, "what came back is enough for one");
}

#[test]
fn an_agent_is_heard_of_renews_and_leaves() {
    let house = House::new();
    let door = NativeAgents::new(&house.context);
    let agent = joined(&house);
    let shows = |name: &str| {
        insta::assert_snapshot!(name, shown(&ask(&door, "GET", &format!("{AGENTS}/{agent}"), &[KEY], "")));
    };
    shows("agent_joining");
    insta::assert_snapshot!("heard", shown(&ask_as(&door, agent, HEARTBEAT, "")));
    shows("agent_active");
    house.clock.advance(Duration::from_hours(24 * 30));
    assert!(shown(&ask_as(&door, agent, HEARTBEAT, "")).contains(r#""renew":true"#));
    insta::assert_snapshot!("renewed", shown(&ask_as(&door, agent, RENEW, r#"{"csr":"request 7"}"#)));
    assert!(shown(&ask_as(&door, agent, HEARTBEAT, "")).contains(r#""renew":false"#));
    assert_eq!(ask_as(&door, agent, RENEW, r#"{"csr":"nonsense"}"#).status, StatusCode::BAD_REQUEST);
    assert_eq!(ask_as(&door, agent, LEAVE, "").status, StatusCode::NO_CONTENT);
    insta::assert_snapshot!("gone", shown(&ask_as(&door, agent, HEARTBEAT, "")));
    assert_eq!(ask_as(&door, agent, RENEW, r#"{"csr":"request 8"}"#).status, StatusCode::FORBIDDEN);
    shows("agent_left");
}

#[test]
fn an_agent_that_was_sent_away_is_refused_from_then_on() {
    let house = House::new();
    let door = NativeAgents::new(&house.context);
    let path = format!("{AGENTS}/{}", joined(&house));
    let agent = AgentId::parse(path.rsplit('/').next().unwrap()).unwrap();
    assert_eq!(ask_as(&door, agent, HEARTBEAT, "").status, StatusCode::OK);
    assert_eq!(ask(&door, "DELETE", &path, &[OTHER], "").status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        assert_eq!(ask(&door, "DELETE", &path, &[KEY], "").status, StatusCode::NO_CONTENT);
    }
    assert_eq!(ask_as(&door, agent, HEARTBEAT, "").status, StatusCode::FORBIDDEN);
    insta::assert_snapshot!("revoked_told", house.audit());
}

#[test]
fn without_a_certificate_nobody_is_heard() {
    let house = House::new();
    let door = NativeAgents::new(&house.context);
    for path in [HEARTBEAT, RENEW, LEAVE] {
        let refused = ask(&door, "POST", path, &[KEY], "{}");
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
        insta::assert_snapshot!("certificate_needed", shown(&refused));
    }
    let stranger = AgentId::parse("00000000-0000-4000-8000-000000000000").unwrap();
    assert_eq!(ask_as(&door, stranger, HEARTBEAT, "").status, StatusCode::FORBIDDEN);
}

#[test]
fn an_owner_lists_its_agents_by_the_page() {
    let house = House::new();
    let door = NativeAgents::new(&house.context);
    let code = code(&house, r#"{"max_uses":null}"#);
    for request in 0..101 {
        assert_eq!(enrol(&house, &code, &format!("request {request}")).status, StatusCode::CREATED);
    }
    let page = |path: &str, key| -> serde_json::Value {
        serde_json::from_slice(&ask(&door, "GET", path, &[key], "").body).unwrap()
    };
    let first = page(AGENTS, KEY);
    assert_eq!(first["agents"].as_array().unwrap().len(), 100);
    let second = page(&format!("{AGENTS}?after={}", first["next"].as_str().unwrap()), KEY);
    assert_eq!((second["agents"].as_array().unwrap().len(), second["next"].is_null()), (1, true));
    assert_eq!(page(AGENTS, OTHER), serde_json::json!({"agents": [], "next": null}));
    assert_eq!(ask(&door, "GET", AGENTS, &[DENIED], "").status, StatusCode::FORBIDDEN);
    assert_eq!(ask(&door, "GET", &format!("{AGENTS}?page=2"), &[KEY], "").status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&door, "GET", &format!("{AGENTS}/nobody"), &[KEY], "").status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&door, "PUT", AGENTS, &[KEY], "").headers["allow"], "GET");
    assert_eq!(ask(&door, "GET", ENROL, &[KEY], "").headers["allow"], "POST");
    assert_eq!(ask(&door, "POST", &format!("{AGENTS}/nobody"), &[KEY], "").headers["allow"], "DELETE, GET");
}
