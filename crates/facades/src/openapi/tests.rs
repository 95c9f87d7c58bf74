use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_domain::operations::{Redemption, TicketRefusal};
use countersign_domain::rates::Limit;
use serde_json::{Value, json};

use super::*;
use crate::native_tickets::redemption_json;
use crate::problem::Problem;
use crate::testing::{House, ask};

const ISSUE: &str = "/v1/challenges";
const ANSWER: &str = "/v1/challenges/answer";
const REDEEM: &str = "/v1/tickets/redeem";
const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret

/// Which problems each operation can have. Exhaustive: a new problem needs its place here and in the document.
fn operations(problem: &Problem) -> &'static [&'static str] {
    match problem {
        Problem::MalformedRequest(..)
        | Problem::BodyIncomplete
        | Problem::BodyTooLarge
        | Problem::TooManyRequests(_)
        | Problem::Failed
        | Problem::Busy
        | Problem::DeadlineExceeded => &[ISSUE, ANSWER, REDEEM],
        Problem::UnknownSiteKey | Problem::AppDisabled => &[ISSUE, ANSWER],
        Problem::WrongAnswer | Problem::ChallengeExpired | Problem::ChallengeUsed | Problem::ChallengeUnknown => {
            &[ANSWER]
        }
        Problem::Unauthenticated | Problem::PermissionDenied => &[REDEEM],
        // Of other paths and methods: an operation that is called as documented has neither.
        Problem::NotFound
        | Problem::MethodNotAllowed(_)
        | Problem::InstallCodeUnknown
        | Problem::InstallCodeRefused(_)
        | Problem::InstallCodesPaused(_)
        | Problem::TooManyInstallCodes
        | Problem::HttpsNeeded
        | Problem::CertificateNeeded
        | Problem::AgentGone
        | Problem::NoSuchThing
        | Problem::GroupExists
        | Problem::GroupInUse => &[],
    }
}

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// The object that a `$ref` names, or `value` itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
        None => value,
    }
}

/// What the document says of an operation: each status, and the problem types under it.
fn documented(path: &str) -> BTreeMap<u16, BTreeSet<String>> {
    let document = document();
    let responses = document["paths"][path]["post"]["responses"].as_object().expect(path);
    let types = |response: &Value| -> BTreeSet<String> {
        let problem = &followed(&document, response)["content"]["application/problem+json"]["schema"];
        let types = problem["properties"]["type"]["enum"].as_array().cloned().unwrap_or_default();
        types.iter().map(|r#type| r#type.as_str().unwrap().to_owned()).collect()
    };
    responses.iter().map(|(status, response)| (status.parse().unwrap(), types(response))).collect()
}

#[test]
fn every_native_path_stands_in_the_document_and_no_other() {
    let house = House::new();
    let native = ["native_challenges", "native_tickets"];
    let doors = crate::all(&house.context);
    let ours: BTreeSet<_> =
        doors.iter().filter(|door| native.contains(&door.name())).flat_map(|door| door.paths()).copied().collect();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().map(String::as_str).collect::<BTreeSet<_>>(), ours);
    for (path, operations) in paths {
        assert_eq!(operations.as_object().unwrap().keys().collect::<Vec<_>>(), ["post"], "{path}");
        let door = doors.iter().find(|door| door.paths().contains(&path.as_str())).unwrap();
        for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"] {
            let refused = ask(&**door, method, path, &[], "");
            assert_eq!(
                (refused.status.as_u16(), &refused.headers["allow"]),
                (405, &"POST".parse().unwrap()),
                "{method}"
            );
        }
        // A browser's question before a call from another origin: part of CORS, not of the API. The server side has none.
        let preflight = ask(&**door, "OPTIONS", path, &[], "");
        let for_browsers = door.name() == "native_challenges";
        assert_eq!(preflight.status.as_u16(), if for_browsers { 204 } else { 405 }, "{path}");
    }
}

#[test]
fn every_problem_of_an_operation_stands_in_the_document_and_no_other() {
    for (path, success) in [(ISSUE, 201), (ANSWER, 200), (REDEEM, 200)] {
        let mut expected = BTreeMap::from([(success, BTreeSet::new())]);
        for problem in Problem::ALL.iter().filter(|problem| operations(problem).contains(&path)) {
            let types: &mut BTreeSet<_> = expected.entry(problem.status().as_u16()).or_default();
            types.insert(problem.r#type().to_owned());
        }
        assert_eq!(documented(path), expected, "{path}");
    }
}

#[test]
fn each_example_of_a_problem_is_what_the_code_says() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        for (example, value) in response["content"]["application/problem+json"]["examples"].as_object().unwrap() {
            let value = &value["value"];
            let problem = Problem::ALL.into_iter().find(|problem| value["type"] == problem.r#type()).expect(example);
            let said: Value = serde_json::from_slice(&problem.response(Language::English).body).unwrap();
            assert_eq!((&value["title"], &value["status"]), (&said["title"], &said["status"]), "{name}/{example}");
            if !matches!(problem, Problem::MalformedRequest(..)) {
                assert_eq!(value["detail"], said["detail"], "{name}/{example}");
            }
            seen.insert(problem.r#type());
        }
    }
    let documented = Problem::ALL.into_iter().filter(|problem| !operations(problem).is_empty());
    assert_eq!(seen, documented.map(|problem| problem.r#type()).collect());
}

#[test]
fn what_the_doors_answer_stands_in_the_document() {
    let (house, limited) = (House::new(), House::limited());
    let token = |house: &House| call(house, ISSUE, &[], &json!({"site_key": "one"})).1["token"].clone();
    let (used, late) = (token(&house), token(&house));
    house.clock.advance(Duration::from_mins(1));
    let (fresh, wrong) = (token(&house), token(&house));
    let answer = |token: &Value, x: i32| json!({"token": token, "answer": {"x": x, "y": 50}});
    call(&house, ANSWER, &[], &answer(&used, 0));
    let mut answers = vec![
        (ISSUE, call(&house, ISSUE, &[], &json!({"site_key": "one"}))),
        (ISSUE, call(&house, ISSUE, &[], &json!({"site_key": "nobody"}))),
        (ISSUE, call(&house, ISSUE, &[], &json!({"site_key": "disabled"}))),
        (ISSUE, call(&house, ISSUE, &[], &json!({"site_key": 1}))),
        (ANSWER, call(&house, ANSWER, &[], &answer(&used, 100))),
        (ANSWER, call(&house, ANSWER, &[], &answer(&json!("nonsense"), 100))),
        (ANSWER, call(&house, ANSWER, &[], &answer(&wrong, 0))),
        (ANSWER, call(&house, ANSWER, &[], &json!({"token": fresh, "answer": 1}))),
        (REDEEM, call(&house, REDEEM, &[], &json!({"ticket": "nonsense"}))),
        (REDEEM, call(&house, REDEEM, &[KEY], &json!({"ticket": "nonsense"}))),
        (REDEEM, call(&house, REDEEM, &[KEY], &json!({}))),
        (REDEEM, call(&house, REDEEM, &[DENIED], &json!({"ticket": "nonsense"}))),
    ];
    house.clock.advance(Duration::from_mins(1));
    answers.push((ANSWER, call(&house, ANSWER, &[], &answer(&late, 100))));
    let passed = call(&house, ANSWER, &[], &answer(&fresh, 100));
    answers.push((REDEEM, call(&house, REDEEM, &[KEY], &json!({"ticket": passed.1["ticket"]}))));
    answers.push((ANSWER, passed));
    for (path, body) in [(ISSUE, json!({"site_key": "one"})), (REDEEM, json!({"ticket": "nonsense"}))] {
        call(&limited, path, &[KEY], &body);
        answers.push((path, call(&limited, path, &[KEY], &body)));
    }
    let mut kinds = BTreeSet::new();
    for (path, (status, body)) in answers {
        let documented = documented(path);
        let types = documented.get(&status).unwrap_or_else(|| panic!("{path}: {status} is not documented"));
        match body["type"].as_str().filter(|_| status >= 400) {
            Some(r#type) => assert!(types.contains(r#type), "{path} {status}: {type} is not documented"),
            None => assert!(types.is_empty(), "{path} {status}: {body}"),
        }
        kinds.insert(body["type"].as_str().filter(|_| status >= 400).map(str::to_owned));
    }
    // All but those that need a socket or a defect, and success.
    let documented = Problem::ALL.iter().filter(|problem| !operations(problem).is_empty()).count();
    assert_eq!(kinds.len(), documented - 5 + 1, "{kinds:?}");
}

/// Calls the native doors; the status, and the body as JSON.
fn call(house: &House, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let doors = crate::all(&house.context);
    let door = doors.iter().find(|door| door.paths().contains(&path)).unwrap();
    let response = ask(&**door, "POST", path, headers, &body.to_string());
    (response.status.as_u16(), serde_json::from_slice(&response.body).unwrap())
}

#[test]
fn the_document_names_this_version_and_every_limit() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let limited = &document["components"]["responses"]["TooManyRequests"]["content"]["application/problem+json"];
    let limits = limited["schema"]["properties"]["limit"]["enum"].as_array().unwrap();
    // The native API's calls are not signed.
    let native = Limit::ALL.into_iter().filter(|limit| *limit != Limit::SignedCallsPerKey);
    assert_eq!(*limits, native.map(|limit| json!(limit.name())).collect::<Vec<_>>());
    assert_eq!(document["paths"][REDEEM]["post"]["security"], json!([{ "accessKey": [] }]));
}

#[test]
fn every_reason_for_refusing_a_ticket_stands_in_the_document() {
    use TicketRefusal::{Expired, OtherAction, OtherAddress, OtherContact, Unknown, Used};
    let refusals = [Unknown, Expired, Used, OtherAction, OtherContact, OtherAddress];
    let reasons = refusals.map(|refusal| match refusal {
        // Named once more, so that the compiler stops here at a new one.
        Unknown | Expired | Used | OtherAction | OtherContact | OtherAddress => {
            let answer = redemption_json(&Redemption::Refused(refusal));
            serde_json::from_slice::<Value>(&answer).unwrap()["reason"].clone()
        }
    });
    let documented = document()["components"]["schemas"]["RefusedTicket"]["properties"]["reason"]["enum"].clone();
    assert_eq!(documented, json!(reasons));
}

#[test]
fn it_is_served_to_who_asks_for_it() {
    let house = House::new();
    let door = OpenApi::new(&house.context);
    let served = ask(&door, "GET", "/openapi.json", &[], "");
    assert_eq!(
        (served.status, &served.headers["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert_eq!(serde_json::from_slice::<Value>(&served.body).unwrap(), document());
    assert_eq!(ask(&door, "POST", "/openapi.json", &[], "").status, StatusCode::METHOD_NOT_ALLOWED);
}
