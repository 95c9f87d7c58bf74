use std::time::Duration;

use countersign_domain::challenge::{Answer, Axes, Kind, PictureFormat, Style};
use countersign_domain::operations::{ChallengeRequest, Judgement};
use countersign_domain::testing::block_on;
use countersign_domain::ticket::{Door, Note};
use countersign_domain::time::Timestamp;

use super::*;
use crate::alibaba::Alibaba;
use crate::signing::tc3::TIMESTAMP;
use crate::tencent::{TENCENT_CAPTCHA, randstr};
use crate::testing::{CLIENT, House, Vector, ask, shown, vectors};

const TENCENT: &str = include_str!("../../vectors/tencent.json");

fn door(house: &House) -> TencentCloud {
    TencentCloud::new(&house.context)
}

/// A ticket that was earned at this door, and its randstr.
fn ticket(house: &House, at: &Door, app: &str) -> (String, String) {
    let app = countersign_domain::app::AppId::parse(app).unwrap();
    let request = ChallengeRequest {
        door: at.clone(),
        app: &app,
        key: None,
        client: CLIENT,
        kind: Kind::Slider,
        level: None,
        style: Style { format: PictureFormat::Jpeg, axes: Axes::Two },
        action: None,
        contact: None,
        user: None,
        note: Note::default(),
    };
    let issued = block_on(house.context.issue_challenge.run(request)).unwrap();
    let judge = house.context.tencent.judge(at);
    let open = judge.open(&issued.token, at, None).unwrap();
    match block_on(judge.run(open, &Answer::Slider { x: 100.0, y: Some(50.0) }, None, CLIENT)).unwrap() {
        Judgement::Passed(ticket) => (ticket.ticket, randstr(&ticket.id)),
        Judgement::Failed => panic!("the right answer failed"),
    }
}

fn judged(house: &House, key: &str, ticket: &str, randstr: &str, app: u64, secret: &str) -> u8 {
    let key = house.context.directory.access_key(&countersign_domain::access_key::AccessKeyId::parse(key).unwrap());
    let asked = Asked {
        ticket: ticket.to_owned(),
        randstr: randstr.to_owned(),
        user_ip: "192.0.2.1".to_owned(),
        app,
        secret: secret.to_owned(),
        needs_time: false,
        group: Group::default(),
        person: Person::default(),
    };
    let (verdict, _) = block_on(door(house).judge(&key.unwrap(), &asked)).unwrap();
    verdict.words().0
}

const APP: u64 = 190_000_000;
const SECRET: &str = "the captcha secret";

#[test]
fn a_ticket_is_worth_what_the_vendors_table_says() {
    let house = House::new();
    let (good, randstr) = ticket(&house, &TENCENT_CAPTCHA_3, "one");
    for (ticket, text, app, secret, expected) in [
        (good.as_str(), randstr.as_str(), APP, "wrong", 100),
        (&good, &randstr, APP + 1, SECRET, 100),
        (&good, &randstr, 0, SECRET, 100),
        (&good, &randstr, u64::MAX, SECRET, 100),
        (&good, "@nope", APP, SECRET, 7),
        ("tr03bogus*", &randstr, APP, SECRET, 15),
        (&house.ticket("one", None), &randstr, APP, SECRET, 16),
        (&ticket(&house, &TENCENT_CAPTCHA_3, "two").0, &randstr, APP, SECRET, 16),
        (&ticket(&house, &TENCENT_CAPTCHA, "one").0, &randstr, APP, SECRET, 16),
        ("terror_1006_190000000_1649302812", "@Vki", APP, SECRET, 21),
        ("trerror_1006_190000000_1649302812", "@Vki", APP, SECRET, 21),
        ("terror_1006_1_1649302812", "@Vki", APP, SECRET, 16),
        ("terror_", "@Vki", APP, SECRET, 16),
        ("terror_1006_190000000_1649302812", "@Vki", APP, "wrong", 100),
    ] {
        assert_eq!(judged(&house, "AK1", ticket, text, app, secret), expected, "{ticket} {text} {app} {secret}");
    }
    assert_eq!(judged(&house, "AK5", &good, &randstr, APP, SECRET), 100, "a key of another app");
    assert_eq!(judged(&house, "AK1", &good, &randstr, APP, SECRET), 1, "nothing above has spent it");
    assert_eq!(judged(&house, "AK1", &good, &randstr, APP, SECRET), 9);
    let (old, randstr) = ticket(&house, &TENCENT_CAPTCHA_3, "one");
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(judged(&house, "AK1", &old, &randstr, APP, SECRET), 8);
}

#[test]
fn what_sdks_send_is_understood_whichever_way_it_is_signed() {
    let mut seen = 0;
    for Vector { id, request, .. } in vectors(TENCENT, "tc3").into_iter().chain(vectors(TENCENT, "v1_of_3")) {
        let request = request.unwrap();
        let head = Head {
            method: &request.method,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &request.headers,
        };
        let parameters = Call::shape(&request).unwrap_or_else(|complaint| panic!("{id}: {complaint:?}"));
        let timestamp = match &parameters {
            Parameters::Form(form) => form.get("Timestamp").or(request.header(TIMESTAMP)),
            Parameters::Json(_) => request.header(TIMESTAMP),
        };
        let seconds: i64 = timestamp.unwrap().parse().unwrap();
        let house = || House::at(Timestamp::from_milliseconds(seconds * 1_000));
        assert!(door(&house()).takes(&head), "{id}");
        assert_understood(&door(&house()), &request, &id);
        // A proxy that names the host anew; the settings have the name that clients know.
        let mut proxied = request.clone();
        let host = proxied.headers.insert("host", "10.0.0.1:8080".parse().unwrap()).unwrap();
        let mut behind = house();
        let settings = Arc::make_mut(&mut behind.context.tencent.settings);
        settings.public_url = format!("https://{}", host.to_str().unwrap());
        assert_understood(&door(&behind), &proxied, &id);
        seen += 1;
    }
    assert_eq!(seen, 11);
}

/// The app of the captures is none here: so a call of one got past signature and parameters.
fn assert_understood(door: &dyn Facade, request: &Request, id: &str) {
    let body: Value = serde_json::from_slice(&block_on(door.answer(request.clone())).body).unwrap();
    assert_eq!(body["Response"]["CaptchaCode"], 100, "{id}: {body}");
}

#[test]
fn a_form_that_nothing_in_its_head_tells_is_understood_all_the_same() {
    let mut seen = 0;
    for Vector { id, request, .. } in vectors(TENCENT, "v1_of_3") {
        let mut request = request.unwrap();
        if request.method != http::Method::POST {
            continue;
        }
        let marks: Vec<_> = request.headers.keys().filter(|name| name.as_str().starts_with("x-tc-")).cloned().collect();
        for mark in marks {
            request.headers.remove(mark);
        }
        let Ok(Parameters::Form(form)) = Call::shape(&request) else { panic!("{id} is a form") };
        let seconds: i64 = form.get("Timestamp").unwrap().parse().unwrap();
        let house = House::at(Timestamp::from_milliseconds(seconds * 1_000));
        let door = Alibaba::new(&house.context);
        let (method, path) = (&request.method, request.path.as_str());
        assert!(door.takes(&Head { method, path, query: None, headers: &request.headers }), "{id}");
        assert_understood(&door, &request, &id);
        seen += 1;
    }
    assert_ne!(seen, 0);
}

#[test]
fn what_is_wrong_with_a_call_is_said() {
    let house = House::new();
    let door = door(&house);
    let json = ("content-type", "application/json");
    let signature = "0".repeat(64);
    let authorization = |key: &str| {
        let scope = format!("{key}/2026-11-18/captcha/tc3_request");
        format!("TC3-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host, Signature={signature}")
    };
    let now = (house.context.clock.now().milliseconds() / 1_000).to_string();
    let (known, unknown) = (authorization("AK1"), authorization("nobody"));
    let with = |authorization, timestamp| {
        [
            json,
            ("authorization", authorization),
            ("x-tc-timestamp", timestamp),
            ("x-tc-action", "A"),
            ("x-tc-version", "V"),
        ]
    };
    for (name, headers, body) in [
        ("unreadable", &[json][..], "{"),
        ("unsigned", &[json, ("x-tc-language", "en-US")], "{}"),
        ("torn", &[json, ("authorization", "TC3-HMAC-SHA256 Credential=a")], "{}"),
        ("no_action", &[json, ("authorization", &known)], "{}"),
        ("late", &with(&known, "1551113065"), "{}"),
        ("unknown_key", &with(&unknown, &now), "{}"),
        ("mismatch", &with(&known, &now), "{}"),
    ] {
        insta::assert_snapshot!(name, shown(&ask(&door, "POST", "/", headers, body)));
    }
    insta::assert_snapshot!("busy", shown(&door.refuse(Refusal::Busy, &HeaderMap::new())));
}
