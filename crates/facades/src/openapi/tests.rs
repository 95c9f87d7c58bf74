use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::access_key::Permission;
use countersign_domain::gate::CodeLimit;
use countersign_domain::language::Language;
use countersign_domain::operations::{Redemption, TicketRefusal};
use countersign_domain::rates::Limit;
use serde_json::{Value, json};

use super::*;
use crate::native_tickets::redemption_json;
use crate::problem::Problem;
use crate::testing::{House, ask};

mod answers;

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
/// The doors that the document describes.
const NATIVE: [&str; 9] = [
    "native_agents",
    "native_challenges",
    "native_codes",
    "native_contacts",
    "native_decisions",
    "native_directory",
    "native_install_codes",
    "native_tickets",
    "native_usage",
];
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "TRACE"];

/// By what an operation proves who calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Nothing,
    Key(Permission),
    Certificate,
}

/// An operation of the code's, held against the one of this `operationId`.
struct Operation {
    id: &'static str,
    method: &'static str,
    path: &'static str,
    success: u16,
    proof: Proof,
    /// Whether it takes a body.
    body: bool,
}

const fn operation(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    success: u16,
    proof: Proof,
    body: bool,
) -> Operation {
    Operation { id, method, path, success, proof, body }
}

use Permission::{
    CheckCodes, CreateInstallCodes, ManageContacts, ManageDirectory, ManageGroups, ReadAgents, ReadContacts,
    ReadDecisions, ReadDirectory, ReadInstallCodes, ReadStatistics, ReadUsage, RedeemTickets, RevokeAgents,
    RevokeInstallCodes, SendCodes,
};
use Proof::{Certificate, Key, Nothing};

const OPERATIONS: [Operation; 32] = [
    operation("issueChallenge", "POST", "/v1/challenges", 201, Nothing, true),
    operation("answerChallenge", "POST", "/v1/challenges/answer", 200, Nothing, true),
    operation("listDecisions", "GET", "/v1/decisions", 200, Key(ReadDecisions), false),
    operation("redeemTicket", "POST", "/v1/tickets/redeem", 200, Key(RedeemTickets), true),
    operation("sendCode", "POST", "/v1/codes", 202, Key(SendCodes), true),
    operation("checkCode", "POST", "/v1/codes/check", 200, Key(CheckCodes), true),
    operation("showCode", "GET", "/v1/codes/{id}", 200, Key(SendCodes), false),
    operation("listContacts", "GET", "/v1/contacts", 200, Key(ReadContacts), false),
    operation("forgetContact", "DELETE", "/v1/contacts/{id}", 204, Key(ManageContacts), false),
    operation("listAccounts", "GET", "/v1/accounts", 200, Key(ReadDirectory), false),
    operation("keepAccount", "PUT", "/v1/accounts/{id}", 204, Key(ManageDirectory), true),
    operation("removeAccount", "DELETE", "/v1/accounts/{id}", 204, Key(ManageDirectory), false),
    operation("listResources", "GET", "/v1/resources", 200, Key(ReadDirectory), false),
    operation("keepResource", "PUT", "/v1/resources/{id}", 204, Key(ManageDirectory), true),
    operation("removeResource", "DELETE", "/v1/resources/{id}", 204, Key(ManageDirectory), false),
    operation("countUsage", "GET", "/v1/usage", 200, Key(ReadStatistics), false),
    operation("listUsage", "GET", "/v1/usage/records", 200, Key(ReadUsage), false),
    operation("createInstallCode", "POST", "/v1/install-codes", 201, Key(CreateInstallCodes), true),
    operation("listInstallCodes", "GET", "/v1/install-codes", 200, Key(ReadInstallCodes), false),
    operation("showInstallCode", "GET", "/v1/install-codes/{id}", 200, Key(ReadInstallCodes), false),
    operation("revokeInstallCode", "DELETE", "/v1/install-codes/{id}", 204, Key(RevokeInstallCodes), false),
    operation("createGroup", "POST", "/v1/groups", 201, Key(ManageGroups), true),
    operation("listGroups", "GET", "/v1/groups", 200, Key(ManageGroups), false),
    operation("renameGroup", "PATCH", "/v1/groups/{id}", 204, Key(ManageGroups), true),
    operation("removeGroup", "DELETE", "/v1/groups/{id}", 204, Key(ManageGroups), false),
    operation("listAgents", "GET", "/v1/agents", 200, Key(ReadAgents), false),
    operation("showAgent", "GET", "/v1/agents/{id}", 200, Key(ReadAgents), false),
    operation("revokeAgent", "DELETE", "/v1/agents/{id}", 204, Key(RevokeAgents), false),
    operation("enrolAgent", "POST", "/v1/agents/enrol", 201, Nothing, true),
    operation("heartbeat", "POST", "/v1/agents/heartbeat", 200, Certificate, false),
    operation("renewAgent", "POST", "/v1/agents/renew", 200, Certificate, true),
    operation("leave", "POST", "/v1/agents/leave", 204, Certificate, false),
];

impl Operation {
    fn named(id: &str) -> &'static Self {
        OPERATIONS.iter().find(|operation| operation.id == id).expect(id)
    }

    /// Whether this operation, called as documented, can have this problem. Exhaustive: a new problem needs its place here
    /// and in the document.
    fn can_have(&self, problem: &Problem) -> bool {
        let is_one_of = |ids: &[&str]| ids.contains(&self.id);
        match problem {
            Problem::Failed | Problem::Busy | Problem::DeadlineExceeded | Problem::TooManyRequests(_) => true,
            Problem::MalformedRequest(..) => {
                let with_query = [
                    "countUsage",
                    "listAccounts",
                    "listAgents",
                    "listContacts",
                    "listDecisions",
                    "listInstallCodes",
                    "listResources",
                    "listUsage",
                ];
                self.body || is_one_of(&with_query)
            }
            Problem::BodyIncomplete | Problem::BodyTooLarge => self.body,
            Problem::Unauthenticated | Problem::PermissionDenied => matches!(self.proof, Key(_)),
            Problem::CertificateNeeded | Problem::AgentGone => self.proof == Certificate,
            Problem::NoSuchThing => self.path.ends_with("/{id}"),
            Problem::UnknownSiteKey => is_one_of(&["issueChallenge", "answerChallenge"]),
            Problem::AppDisabled => is_one_of(&["issueChallenge", "answerChallenge", "heartbeat", "renewAgent"]),
            Problem::WrongAnswer | Problem::ChallengeExpired | Problem::ChallengeUsed | Problem::ChallengeUnknown => {
                is_one_of(&["answerChallenge"])
            }
            Problem::InstallCodeUnknown
            | Problem::InstallCodeRefused(_)
            | Problem::InstallCodesPaused(_)
            | Problem::HttpsNeeded => is_one_of(&["enrolAgent"]),
            Problem::TooManyInstallCodes => is_one_of(&["createInstallCode"]),
            Problem::GroupExists => is_one_of(&["createGroup", "renameGroup"]),
            Problem::GroupInUse => is_one_of(&["removeGroup"]),
            Problem::OwnAccountExists => is_one_of(&["keepAccount"]),
            Problem::OverLimit { .. } => is_one_of(&["sendCode", "checkCode"]),
            Problem::TicketRequired
            | Problem::TicketRefused(_)
            | Problem::ContactBlocked
            | Problem::CountryNotAllowed
            | Problem::ImpossibleNumber
            | Problem::NoSender(_)
            | Problem::IdempotencyKeyReused
            | Problem::TemplateBroken => is_one_of(&["sendCode"]),
            // Of other paths and methods.
            Problem::NotFound | Problem::MethodNotAllowed(_) | Problem::UnknownCaptchaApp | Problem::PageRefused(_) => {
                false
            }
        }
    }

    /// What the document says of it.
    fn described<'a>(&self, document: &'a Value) -> &'a Value {
        &document["paths"][self.path][self.method.to_lowercase()]
    }
}

fn is_documented(problem: &Problem) -> bool {
    OPERATIONS.iter().any(|operation| operation.can_have(problem))
}

fn document() -> Value {
    serde_json::from_str(&DOCUMENT).unwrap()
}

/// The object that a `$ref` names, or `value` itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
        None => value,
    }
}

/// What the document says of an operation's answers: each status, and the problem types under it.
fn documented(operation: &Operation) -> BTreeMap<u16, BTreeSet<String>> {
    let document = document();
    let responses = operation.described(&document)["responses"].as_object().expect(operation.id);
    let types = |response: &Value| -> BTreeSet<String> {
        let problem = &followed(&document, response)["content"]["application/problem+json"]["schema"];
        let types = problem["properties"]["type"]["enum"].as_array().cloned().unwrap_or_default();
        types.iter().map(|r#type| r#type.as_str().unwrap().to_owned()).collect()
    };
    responses.iter().map(|(status, response)| (status.parse().unwrap(), types(response))).collect()
}

/// The door of `path`, if it is one of those that are described.
fn door(house: &House, path: &str) -> Option<Arc<dyn Facade>> {
    let holds = |listed: &&str| match listed.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => *listed == path,
    };
    let mut native = crate::all(&house.context).into_iter().filter(|door| NATIVE.contains(&door.name()));
    native.find(|door| door.paths().iter().any(holds))
}

#[test]
fn the_parts_are_all_that_is_in_their_folder_and_say_nothing_twice() {
    fn places(value: &Value, place: &str, out: &mut Vec<String>) {
        match value.as_object() {
            Some(object) => object.iter().for_each(|(name, value)| places(value, &format!("{place}/{name}"), out)),
            None => out.push(place.to_owned()),
        }
    }
    let (mut of_parts, mut of_document) = (Vec::new(), Vec::new());
    for part in PARTS {
        places(&serde_json::from_str(part).unwrap(), "", &mut of_parts);
    }
    places(&document(), "", &mut of_document);
    of_parts.sort();
    of_document.sort();
    assert_eq!(of_parts, of_document);
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi")).unwrap();
    let names: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(
        names.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")).count(),
        PARTS.len()
    );
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    fn collect(value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                out.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| collect(value, out));
            }
            Value::Array(array) => array.iter().for_each(|value| collect(value, out)),
            _ => {}
        }
    }
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    let mut components = BTreeSet::new();
    for kind in ["headers", "parameters", "responses", "schemas"] {
        let names = document["components"][kind].as_object().unwrap().keys();
        components.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(references, components);
}

#[test]
fn every_native_path_stands_in_the_document_and_no_other() {
    let house = House::new();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    let ours: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.path).collect();
    assert_eq!(described, ours);
    for door in crate::all(&house.context).iter().filter(|door| NATIVE.contains(&door.name())) {
        for listed in door.paths() {
            let is_there = match listed.strip_suffix('*') {
                Some(prefix) => described.iter().any(|path| path.starts_with(prefix)),
                None => described.contains(listed),
            };
            assert!(is_there, "{listed}");
        }
    }
    // Paths below those that end in `/*` stand in the code of the doors only.
    for code in [
        include_str!("../native_agents.rs"),
        include_str!("../native_codes.rs"),
        include_str!("../native_contacts.rs"),
        include_str!("../native_directory.rs"),
        include_str!("../native_install_codes.rs"),
        include_str!("../native_usage.rs"),
    ] {
        for path in code.split('"').filter(|text| text.starts_with("/v1/") && !text.ends_with('*')) {
            assert!(described.contains(path), "{path}");
        }
    }
}

#[test]
fn every_method_of_a_path_stands_in_the_document_and_no_other() {
    let house = House::new();
    for (path, operations) in document()["paths"].as_object().unwrap() {
        let of_path = OPERATIONS.iter().filter(|operation| operation.path == path);
        let ours: BTreeMap<_, _> = of_path.map(|operation| (operation.method.to_lowercase(), operation.id)).collect();
        let described = operations.as_object().unwrap().iter();
        let described =
            described.map(|(method, operation)| (method.clone(), operation["operationId"].as_str().unwrap()));
        assert_eq!(described.collect::<BTreeMap<_, _>>(), ours, "{path}");
        let (door, called) = (door(&house, path).unwrap(), path.replace("{id}", "1"));
        let allowed = METHODS.into_iter().filter(|method| ours.contains_key(&method.to_lowercase()));
        let allowed = allowed.collect::<Vec<_>>().join(", ");
        for method in METHODS {
            let answer = ask(&*door, method, &called, &[], "");
            match answer.headers.get("allow") {
                Some(said) => assert_eq!((answer.status.as_u16(), said.to_str().unwrap()), (405, &*allowed), "{path}"),
                None => assert!(ours.contains_key(&method.to_lowercase()), "{method} {path} is not described"),
            }
        }
        // A browser's question before a call from another origin: part of CORS, not of the API. The server side has none.
        let preflight = ask(&*door, "OPTIONS", &called, &[], "");
        let for_browsers = door.name() == "native_challenges";
        assert_eq!(preflight.status.as_u16(), if for_browsers { 204 } else { 405 }, "{path}");
    }
}

#[test]
fn every_problem_of_an_operation_stands_in_the_document_and_no_other() {
    for operation in &OPERATIONS {
        let mut expected = BTreeMap::from([(operation.success, BTreeSet::new())]);
        for problem in Problem::ALL.iter().filter(|problem| operation.can_have(problem)) {
            let types: &mut BTreeSet<_> = expected.entry(problem.status().as_u16()).or_default();
            types.insert(problem.r#type().to_owned());
        }
        assert_eq!(documented(operation), expected, "{}", operation.id);
    }
}

#[test]
fn every_operation_says_by_what_the_caller_is_known_and_whether_it_takes_a_body() {
    let document = document();
    for operation in &OPERATIONS {
        let described = operation.described(&document);
        let security = match operation.proof {
            Nothing => json!([]),
            Key(permission) => json!([{ "accessKey": [permission.word()] }]),
            Certificate => json!([{ "agentCertificate": [] }]),
        };
        assert_eq!(described["security"], security, "{}", operation.id);
        assert_eq!(described["requestBody"]["required"].as_bool().unwrap_or(false), operation.body, "{}", operation.id);
    }
}

#[test]
fn a_key_needs_the_permission_that_the_document_names_and_no_other() {
    let house = House::new();
    for operation in OPERATIONS.iter().filter(|operation| matches!(operation.proof, Key(_))) {
        let path = operation.path.replace("{id}", "1");
        let door = door(&house, &path).unwrap();
        for (number, permission) in Permission::ALL.into_iter().enumerate() {
            let credentials = STANDARD.encode(format!("ONLY{number}:the secret"));
            let key = ("authorization", &*format!("Basic {credentials}"));
            let status = ask(&*door, operation.method, &path, &[key], "").status;
            let may = operation.proof == Key(permission);
            assert_eq!(status != StatusCode::FORBIDDEN, may, "{} with {}", operation.id, permission.word());
            assert_ne!(status, StatusCode::UNAUTHORIZED);
        }
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
    let documented = Problem::ALL.into_iter().filter(is_documented);
    assert_eq!(seen, documented.map(|problem| problem.r#type()).collect());
}

#[test]
fn the_document_names_this_version_and_every_limit() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let limited = &document["components"]["responses"]["TooManyRequests"]["content"]["application/problem+json"];
    let limits = limited["schema"]["properties"]["limit"]["enum"].as_array().unwrap();
    let ours = Limit::ALL.map(|limit| json!(limit.name()));
    assert_eq!(*limits, ours);
    let of_codes = CodeLimit::ALL.map(|limit| json!(limit.name()));
    let limited = &document["components"]["responses"]["TooManyCodes"]["content"]["application/problem+json"];
    let limits = limited["schema"]["properties"]["limit"]["enum"].as_array().unwrap();
    assert_eq!(*limits, [&of_codes[..], &ours].concat());
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
    let refused = &document()["components"]["responses"]["CodeRefused"]["content"]["application/problem+json"];
    assert_eq!(refused["schema"]["properties"]["reason"]["enum"], json!(reasons));
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
