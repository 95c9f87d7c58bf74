use std::time::Duration;

use countersign_domain::app::AppId;
use countersign_domain::ticket::Door;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::{AccountType, Group, Person, Step, Usage};
use http::StatusCode;

use super::*;
use crate::testing::{House, ask, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of another app

fn call(house: &House, path: &str, key: (&str, &str)) -> Response {
    ask(&NativeUsage::new(&house.context), "GET", path, &[key], "")
}

fn read(response: &Response) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// The numbers of the calls that a query finds, in the order of the answer.
fn found(house: &House, query: &str) -> Vec<i64> {
    let answer = read(&call(house, &format!("{RECORDS}?{query}"), KEY));
    answer["records"].as_array().expect(query).iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

fn note(house: &House, step: Step, group: Group, person: Person) {
    let registered_at = Some(Timestamp::from_milliseconds(0));
    let (app, door) = (AppId::parse("one").unwrap(), Door::new("test"));
    house.context.usages.note_usage.note(Usage { app, door, step, group, registered_at, person });
}

/// Somebody asks and passes on the 22nd of November 2026 in UTC, and asks again on the 23rd elsewhere.
fn used() -> House {
    let house = House::at(Timestamp::from_milliseconds(1_795_391_999_000)); // 2026-11-22T23:59:59Z
    let text = |text: &str| Some(text.to_owned());
    let person = Person {
        account: text("用户+17"),
        associate_account: text("another"),
        address: text("203.0.113.7"),
        forwarded_for: text("10.0.0.1, 203.0.113.7"),
        mac_address: text("00-00-5E-00-53-01"),
        imei: text("356938035643809"),
    };
    let group = Group { business: Some(99), scene: Some(7), account_type: AccountType::Mobile };
    note(&house, Step::Asked, group, person.clone());
    note(&house, Step::Passed, group, person.clone());
    house.clock.advance(Duration::from_secs(1));
    note(&house, Step::Asked, Group { scene: None, ..group }, person);
    note(&house, Step::Refused, Group::default(), Person::default());
    house
}

#[test]
fn calls_are_counted_by_day_business_and_scene() {
    let house = used();
    insta::assert_snapshot!("counted", shown(&call(&house, USAGE, KEY)));
    insta::assert_snapshot!("counted_together", shown(&call(&house, "/v1/usage?by=", KEY)));
    insta::assert_snapshot!("counted_by_account_type", shown(&call(&house, "/v1/usage?by=account_type", KEY)));
    let days = |query: &str| {
        let answer = read(&call(&house, &format!("/v1/usage?by=day&{query}"), KEY));
        answer["statistics"].as_array().unwrap().iter().map(|row| row["day"].as_str().unwrap().to_owned()).collect()
    };
    let days: [Vec<String>; 5] =
        ["from=2026-11-23", "to=2026-11-22", "from=2026-11-23&to=2026-11-22", "to=2026-12-21", "to=2026-12-22"]
            .map(days);
    assert_eq!(
        days,
        [vec!["2026-11-23"], vec!["2026-11-22"], vec![], vec!["2026-11-22", "2026-11-23"], vec!["2026-11-23"]]
    );
    assert_eq!(read(&call(&house, USAGE, OTHER))["statistics"], serde_json::json!([]), "another app's are its own");
}

#[test]
fn calls_are_listed_with_whom_they_were_for() {
    let house = used();
    insta::assert_snapshot!("listed", shown(&call(&house, "/v1/usage/records?limit=3", KEY)));
    for (query, expected) in [
        ("", &[4, 3, 2, 1][..]),
        ("after=2", &[1]),
        ("after=1", &[]),
        ("from=2026-11-23", &[4, 3]),
        ("to=2026-11-22", &[2, 1]),
        ("business=99&scene=7", &[2, 1]),
        ("account=%E7%94%A8%E6%88%B7+17", &[3, 2, 1]),
        ("account=somebody", &[]),
    ] {
        assert_eq!(found(&house, query), expected, "{query}");
    }
    assert_eq!(read(&call(&house, RECORDS, OTHER))["records"], serde_json::json!([]), "another app's are its own");
}

#[test]
fn a_bad_query_is_said_to_be_one() {
    let house = House::new();
    for query in ["from=yesterday", "to=2026-02-30", "by=week", "by=day&by=day", "day=2026-11-22", "from=%zz"] {
        assert_eq!(call(&house, &format!("{USAGE}?{query}"), KEY).status, StatusCode::BAD_REQUEST, "{query}");
    }
    for query in ["business=-1", "scene=4294967296", "business=", "after=+1", "limit=0", "limit=1001", "by=day"] {
        assert_eq!(call(&house, &format!("{RECORDS}?{query}"), KEY).status, StatusCode::BAD_REQUEST, "{query}");
    }
    insta::assert_snapshot!("unknown_part", shown(&call(&house, "/v1/usage?by=week", KEY)));
}

#[test]
fn each_takes_its_permission() {
    let house = House::new();
    for path in [USAGE, RECORDS] {
        assert_eq!(call(&house, path, DENIED).status, StatusCode::FORBIDDEN);
    }
}
