//! What the doors answer, held against what the document says of it: status, type of problem, and every field.

use countersign_domain::agent::AgentId;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::ports::AppRecords as _;
use countersign_domain::testing::block_on;
use countersign_domain::ticket::Door;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::{Group, Person, Step, Usage};

use super::*;
use crate::testing::{PlainInvitation, ask_as};

/// Calls operations and looks at each answer; keeps what it has seen.
#[derive(Default)]
struct Caller {
    /// Operations that succeeded, and types of problems.
    seen: BTreeSet<String>,
}

impl Caller {
    /// Calls the operation `id` with an access key that may do everything.
    fn call(&mut self, house: &House, id: &str, body: &Value) -> Value {
        self.call_at(house, id, "", KEY, body)
    }

    /// The same, about the thing `at` and with this access key.
    fn call_at(&mut self, house: &House, id: &str, at: &str, key: (&str, &str), body: &Value) -> Value {
        let operation = Operation::named(id);
        let path = operation.path.replace("{id}", at);
        let door = door(house, &path).unwrap();
        self.look(operation, &ask(&*door, operation.method, &path, &[key], &body.to_string()))
    }

    /// The same, by a machine over its certificate.
    fn call_as(&mut self, house: &House, id: &str, agent: AgentId, body: &Value) -> Value {
        let operation = Operation::named(id);
        let door = door(house, operation.path).unwrap();
        self.look(operation, &ask_as(&*door, agent, operation.path, &body.to_string()))
    }

    fn look(&mut self, operation: &Operation, answer: &Response) -> Value {
        let (id, status) = (operation.id, answer.status.as_u16());
        let document = document();
        let described = &operation.described(&document)["responses"][status.to_string()];
        assert!(!described.is_null(), "{id}: {status} is not documented");
        let described = followed(&document, described);
        if answer.body.is_empty() {
            assert!(described["content"].is_null(), "{id} {status}: a body is documented");
            self.seen.insert(id.to_owned());
            return Value::Null;
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let schema = &described["content"][answer.headers["content-type"].to_str().unwrap()]["schema"];
        assert!(fits(&document, schema, &body), "{id} {status}: {body} is not as documented");
        self.seen.insert(if status < 400 { id.to_owned() } else { body["type"].as_str().unwrap().to_owned() });
        body
    }
}

/// Whether `value` is as `schema` says, in as much of JSON Schema as the document uses for answers; and every field of it is
/// described.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    let schema = followed(document, schema);
    if let Some(ways) = schema["oneOf"].as_array() {
        return ways.iter().filter(|way| fits(document, way, value)).count() == 1;
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    if let Some(only) = schema.get("const") {
        return only == value;
    }
    match value {
        Value::Object(fields) => {
            let (properties, required) = fields_of(document, schema);
            let field_fits = |name: &String, value: &Value| {
                let mut of_name = properties.iter().filter(|(known, _)| *known == name).peekable();
                of_name.peek().is_some() && of_name.all(|(_, schema)| fits(document, schema, value))
            };
            required.iter().all(|name| fields.contains_key(name))
                && fields.iter().all(|(name, value)| field_fits(name, value))
        }
        Value::Array(items) => items.iter().all(|item| fits(document, &schema["items"], item)),
        Value::Null => is_of(schema, "null"),
        Value::Bool(_) => is_of(schema, "boolean"),
        Value::Number(_) => is_of(schema, "integer") || is_of(schema, "number"),
        Value::String(_) => is_of(schema, "string"),
    }
}

fn is_of(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
}

/// The properties of an object's schema, those that it takes from others included, and which of them must be there.
fn fields_of<'a>(document: &'a Value, schema: &'a Value) -> (Vec<(&'a String, &'a Value)>, Vec<String>) {
    let mut properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    let required = schema["required"].as_array().into_iter().flatten();
    let mut required: Vec<_> = required.map(|name| name.as_str().unwrap().to_owned()).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (of_part, required_of_part) = fields_of(document, followed(document, part));
        properties.extend(of_part);
        required.extend(required_of_part);
    }
    (properties, required)
}

#[test]
fn what_the_doors_answer_stands_in_the_document() {
    let mut caller = Caller::default();
    challenges_and_tickets(&mut caller);
    decisions(&mut caller);
    codes_and_contacts(&mut caller);
    directory(&mut caller);
    usage(&mut caller);
    install_codes_and_groups(&mut caller);
    machines(&mut caller);
    limits(&mut caller);
    // All but those that need a socket or a defect; the pause, for which the door's own test makes 50,000 guesses; and what is
    // the operator's mistake, which the door of codes tests, too.
    let unseen = |problem: &Problem| {
        matches!(
            problem,
            Problem::BodyIncomplete
                | Problem::BodyTooLarge
                | Problem::Failed
                | Problem::Busy
                | Problem::DeadlineExceeded
                | Problem::InstallCodesPaused(_)
                | Problem::NoSender(_)
                | Problem::TemplateBroken
        )
    };
    let expected = Problem::ALL.into_iter().filter(|problem| is_documented(problem) && !unseen(problem));
    let expected = expected.map(|problem| problem.r#type()).chain(OPERATIONS.iter().map(|operation| operation.id));
    assert_eq!(caller.seen, expected.map(str::to_owned).collect());
}

fn challenges_and_tickets(caller: &mut Caller) {
    let house = House::new();
    let mut token = |house: &House| caller.call(house, "issueChallenge", &json!({"site_key": "one"}))["token"].clone();
    let (used, late) = (token(&house), token(&house));
    house.clock.advance(Duration::from_mins(1));
    let (fresh, wrong) = (token(&house), token(&house));
    let answer = |token: &Value, x: i32| json!({"token": token, "answer": {"x": x, "y": 50}});
    for body in [json!({"site_key": "nobody"}), json!({"site_key": "disabled"}), json!({"site_key": 1})] {
        caller.call(&house, "issueChallenge", &body);
    }
    for body in [
        answer(&used, 0),
        answer(&used, 100),
        answer(&json!("nonsense"), 100),
        answer(&wrong, 0),
        json!({"token": fresh, "answer": 1}),
    ] {
        caller.call(&house, "answerChallenge", &body);
    }
    house.clock.advance(Duration::from_mins(1));
    caller.call(&house, "answerChallenge", &answer(&late, 100));
    let ticket = caller.call(&house, "answerChallenge", &answer(&fresh, 100))["ticket"].clone();
    for body in [json!({"ticket": ticket}), json!({"ticket": ticket}), json!({})] {
        caller.call(&house, "redeemTicket", &body);
    }
    refused_callers(caller, &house, "redeemTicket", "", &json!({"ticket": "nonsense"}));
}

/// Nobody's credentials, and those of a key that may do nothing.
fn refused_callers(caller: &mut Caller, house: &House, id: &str, at: &str, body: &Value) {
    for (key, status) in [(("authorization", "Basic AAAA"), 401), (DENIED, 403)] {
        assert_eq!(caller.call_at(house, id, at, key, body)["status"], status, "{id}");
    }
}

fn codes_and_contacts(caller: &mut Caller) {
    let house = House::new();
    let to = |to: &str| json!({"to": to, "purpose": "signup", "locale": "zh", "resource": "cen-1"});
    let sent = caller.call(&house, "sendCode", &to("ada@example.com"))["id"].clone();
    let id = sent.as_str().unwrap();
    for body in [
        to("ada@example.com"),
        to("a@blocked.example"),
        to("+44 7400 123456"),
        to("12345"),
        json!({"to": "ada@example.com", "purpose": "paid"}),
        json!({"to": "ada@example.com", "purpose": "paid", "ticket": "nonsense"}),
        json!({}),
    ] {
        caller.call(&house, "sendCode", &body);
    }
    let key = ("idempotency-key", "once");
    let door = door(&house, "/v1/codes").unwrap();
    for contact in ["grace@example.com", "hedy@example.com"] {
        let answer = ask(&*door, "POST", "/v1/codes", &[KEY, key], &to(contact).to_string());
        caller.look(Operation::named("sendCode"), &answer);
    }
    caller.call_at(&house, "showCode", id, KEY, &Value::Null);
    caller.call_at(&house, "showCode", "nothing", KEY, &Value::Null);
    let digits = house.digits(id);
    for body in [
        json!({"id": id, "code": "0000000"}),
        json!({"to": "ada@example.com", "purpose": "signup", "resource": "cen-1", "code": digits, "consume": false}),
        json!({"id": id, "code": digits, "customer": "user-17"}),
        json!({"id": id, "code": digits}),
        json!({"id": id, "code": "one"}),
    ] {
        caller.call(&house, "checkCode", &body);
    }
    caller.call_at(&house, "showCode", id, KEY, &Value::Null);
    let contacts = caller.call(&house, "listContacts", &Value::Null);
    let verified = contacts["contacts"][0]["id"].as_str().unwrap();
    for _ in 0..2 {
        caller.call_at(&house, "forgetContact", verified, KEY, &Value::Null);
    }
}

fn decisions(caller: &mut Caller) {
    let house = House::escalating();
    let ask = json!({"site_key": "one"});
    for trail in [json!("AaaaaaaaaaaaAAAA"), json!(7), Value::Null] {
        let token = caller.call(&house, "issueChallenge", &ask)["token"].clone();
        let body = json!({"token": token, "answer": {"x": 0, "y": 0}, "trail": trail});
        caller.call(&house, "answerChallenge", &body);
    }
    caller.call(&house, "issueChallenge", &ask);
    let told = caller.call(&house, "listDecisions", &Value::Null);
    let outcomes: BTreeSet<_> =
        told["decisions"].as_array().unwrap().iter().map(|each| each["outcome"].to_string()).collect();
    assert_eq!(outcomes.len(), 3, "{told}");
}

fn directory(caller: &mut Caller) {
    let house = House::new();
    let account = json!({"name": "Acme", "contact": "ada@example.com", "language": "zh", "is_own": true});
    for (at, body) in [("42", &account), ("nobody", &account), ("43", &account), ("42", &json!({}))] {
        caller.call_at(&house, "keepAccount", at, KEY, body);
    }
    let resource = json!({"account": "42", "networks": ["10.0.0.0/12"]});
    for (at, body) in [("cen-1", &resource), ("%00", &resource), ("cen-1", &json!({"account": "99"}))] {
        caller.call_at(&house, "keepResource", at, KEY, body);
    }
    caller.call(&house, "listAccounts", &Value::Null);
    caller.call(&house, "listResources", &Value::Null);
    for _ in 0..2 {
        caller.call_at(&house, "removeResource", "cen-1", KEY, &Value::Null);
    }
    for _ in 0..2 {
        caller.call_at(&house, "removeAccount", "42", KEY, &Value::Null);
    }
}

fn usage(caller: &mut Caller) {
    let house = House::new();
    let (app, registered_at) = (AppId::parse("one").unwrap(), Some(Timestamp::from_milliseconds(0)));
    let (group, person) = (Group::default(), Person { imei: Some("356938035643809".to_owned()), ..Person::default() });
    let usage = Usage { app, door: Door::new("test"), step: Step::Asked, group, registered_at, person };
    house.context.usages.note_usage.note(usage);
    caller.call(&house, "countUsage", &Value::Null);
    caller.call(&house, "listUsage", &Value::Null);
}

fn install_codes_and_groups(caller: &mut Caller) {
    let house = House::new();
    let group = caller.call(&house, "createGroup", &json!({"name": "gateways"}))["id"].clone();
    let number = group.to_string();
    let empty = caller.call(&house, "createGroup", &json!({"name": "empty"}))["id"].to_string();
    caller.call(&house, "createGroup", &json!({"name": "empty"}));
    caller.call(&house, "createGroup", &json!({}));
    caller.call(&house, "listGroups", &Value::Null);
    for name in ["routers", "empty", ""] {
        caller.call_at(&house, "renameGroup", &number, KEY, &json!({ "name": name }));
    }
    caller.call_at(&house, "renameGroup", "77", KEY, &json!({"name": "x"}));
    let whole = json!({
        "form": "short", "lifetime_seconds": 60, "group_id": group, "os": "linux", "networks": ["10.0.0.0/8"],
        "max_uses": null, "only_image": true, "vendor": "OTHER", "proxy_cluster": "p", "private_link": 7,
    });
    let code = caller.call(&house, "createInstallCode", &whole)["id"].clone();
    let code = code.as_str().unwrap();
    for body in [json!({}), json!({"lifetime_seconds": 0})] {
        caller.call(&house, "createInstallCode", &body);
    }
    for _ in 0..5 {
        caller.call(&house, "createInstallCode", &json!({"form": "short"}));
    }
    caller.call(&house, "listInstallCodes", &Value::Null);
    for at in [number.as_str(), "77", &empty] {
        caller.call_at(&house, "removeGroup", at, KEY, &Value::Null);
    }
    for id in ["showInstallCode", "revokeInstallCode", "showInstallCode"] {
        caller.call_at(&house, id, code, KEY, &Value::Null);
        caller.call_at(&house, id, "00000000", KEY, &Value::Null);
    }
    for operation in OPERATIONS.iter().filter(|operation| matches!(operation.proof, Key(_))) {
        refused_callers(caller, &house, operation.id, "1", &Value::Null);
    }
}

fn machines(caller: &mut Caller) {
    let mut house = House::new();
    let enrolment = |code: &Value, csr: &str| {
        let host = json!({"hostname": "web-1", "os": "linux", "architecture": "x86_64", "machine_id": "01"});
        json!({ "code": code, "csr": csr, "host": host })
    };
    let code = caller.call(&house, "createInstallCode", &json!({}))["code"].clone();
    let joined = caller.call(&house, "enrolAgent", &enrolment(&code, "request 1"));
    let name = joined["agent_id"].as_str().unwrap();
    let agent = AgentId::parse(name).unwrap();
    for body in [enrolment(&code, "request 2"), enrolment(&json!("0aZ9bY"), "request 1"), enrolment(&code, "nonsense")]
    {
        caller.call(&house, "enrolAgent", &body);
    }
    for wish in [json!({"os": "windows"}), json!({"networks": ["10.0.0.0/8"]}), json!({"only_image": true})] {
        let code = caller.call(&house, "createInstallCode", &wish)["code"].clone();
        caller.call(&house, "enrolAgent", &enrolment(&code, "request 2"));
    }
    let ended = caller.call(&house, "createInstallCode", &json!({}));
    caller.call_at(&house, "revokeInstallCode", ended["id"].as_str().unwrap(), KEY, &Value::Null);
    caller.call(&house, "enrolAgent", &enrolment(&ended["code"], "request 2"));
    let [late, of_disabled] = [60, 6_000].map(|seconds| {
        caller.call(&house, "createInstallCode", &json!({ "lifetime_seconds": seconds }))["code"].clone()
    });
    house.clock.advance(Duration::from_mins(1));
    caller.call(&house, "enrolAgent", &enrolment(&late, "request 2"));

    caller.call(&house, "listAgents", &Value::Null);
    caller.call_at(&house, "showAgent", name, KEY, &Value::Null);
    caller.call_at(&house, "showAgent", "nobody", KEY, &Value::Null);
    caller.call_as(&house, "heartbeat", agent, &Value::Null);
    for csr in ["request 3", "nonsense"] {
        caller.call_as(&house, "renewAgent", agent, &json!({ "csr": csr }));
    }
    for _ in 0..2 {
        for operation in OPERATIONS.iter().filter(|operation| operation.proof == Certificate) {
            caller.call(&house, operation.id, &json!({"csr": "request 4"}));
        }
        caller.call_as(&house, "leave", agent, &Value::Null);
    }
    for id in ["heartbeat", "renewAgent"] {
        assert_eq!(caller.call_as(&house, id, agent, &json!({"csr": "request 4"}))["status"], 403, "{id}");
    }
    caller.call_at(&house, "revokeAgent", name, KEY, &Value::Null);
    caller.call_at(&house, "revokeAgent", "nobody", KEY, &Value::Null);

    let audit = AuditEntry::new(Timestamp::from_milliseconds(0), "cli", "app.disabled", "one");
    block_on(house.records.set_app_enabled(AppId::parse("one").unwrap(), false, audit)).unwrap();
    caller.call(&house, "enrolAgent", &enrolment(&of_disabled, "request 2"));
    house.context.invitation = Arc::new(PlainInvitation { open: false });
    caller.call(&house, "enrolAgent", &enrolment(&of_disabled, "request 2"));
}

fn limits(caller: &mut Caller) {
    let house = House::limited();
    for (id, body) in [
        ("issueChallenge", json!({"site_key": "one"})),
        ("redeemTicket", json!({"ticket": "nonsense"})),
        (
            "enrolAgent",
            json!({"code": "0aZ9bY", "csr": "request 1", "host": {"hostname": "a", "os": "linux", "architecture": "x"}}),
        ),
    ] {
        caller.call(&house, id, &body);
        assert_eq!(caller.call(&house, id, &body)["status"], 429, "{id}");
    }
}
