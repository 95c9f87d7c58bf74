use std::time::Duration;

use http::StatusCode;

use super::*;
use crate::native_codes::NativeCodes;
use crate::testing::{House, ask, shown};

const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret
const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of another app

fn call(house: &House, method: &str, path: &str, key: (&str, &str)) -> Response {
    ask(&NativeContacts::new(&house.context), method, path, &[key], "")
}

fn read(response: &Response) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// Whose contacts a query finds, in the order of the answer.
fn found(house: &House, query: &str) -> Vec<String> {
    let answer = read(&call(house, "GET", &format!("{CONTACTS}?{query}"), KEY));
    let contacts = answer["contacts"].as_array().expect(query).iter();
    contacts.map(|contact| contact["to"].as_str().unwrap().to_owned()).collect()
}

/// Sends a code and types it in; the id of the contact that is verified now.
fn verify(house: &House, to: &str, customer: &str) -> String {
    let door = NativeCodes::new(&house.context);
    let sent = read(&ask(&door, "POST", "/v1/codes", &[KEY], &format!(r#"{{"to":"{to}","purpose":"signup"}}"#)));
    let id = sent["id"].as_str().unwrap();
    let body = format!(r#"{{"id":"{id}","code":"{}","customer":"{customer}"}}"#, house.digits(id));
    let checked = read(&ask(&door, "POST", "/v1/codes/check", &[KEY], &body));
    house.clock.advance(Duration::from_mins(1));
    checked["verified_id"].as_str().unwrap().to_owned()
}

#[test]
fn verified_contacts_are_found_by_what_they_are() {
    let house = House::new();
    verify(&house, "ada+news@example.com", "1");
    verify(&house, "139 1234 5678", "1");
    let last = verify(&house, "grace@example.com", "");
    insta::assert_snapshot!("listed", shown(&call(&house, "GET", CONTACTS, KEY)));
    let (ada, number, grace) = ("ada+news@example.com", "+8613912345678", "grace@example.com");
    for (query, expected) in [
        ("", &[grace, number, ada][..]),
        ("customer=1", &[number, ada]),
        ("customer=", &[grace]),
        ("channel=sms", &[number]),
        ("to=%2B86%20139%201234%205678", &[number]),
        ("to=+8613912345678", &[number]),
        ("to=13912345678&customer=1", &[number]),
        ("to=13912345678&customer=2", &[]),
        ("to=Ada+News@example.com", &[ada]),
        ("limit=1", &[grace]),
        ("limit=2&offset=1", &[number, ada]),
        ("after=2000-01-01T00:00:00%2B08:00", &[grace, number, ada]),
        ("after=2099-01-01T00:00:00Z", &[]),
    ] {
        assert_eq!(found(&house, query), expected, "{query}");
    }
    assert_eq!(read(&call(&house, "GET", "/v1/contacts?limit=1", KEY))["count"], 3);
    assert_eq!(read(&call(&house, "GET", CONTACTS, OTHER))["count"], 0);
    assert_eq!(verify(&house, "grace@example.com", ""), last, "verified again, it keeps its name");
    house.clock.advance(Duration::from_hours(365 * 24) - Duration::from_mins(2));
    assert_eq!(found(&house, ""), [grace], "the others were verified too long ago");
}

#[test]
fn a_contact_is_forgotten_by_its_own_app() {
    let house = House::new();
    let path = format!("{CONTACTS}/{}", verify(&house, "ada@example.com", ""));
    assert_eq!(call(&house, "DELETE", &path, OTHER).status, StatusCode::NOT_FOUND);
    assert_eq!(call(&house, "DELETE", &path, KEY).status, StatusCode::NO_CONTENT);
    assert_eq!(call(&house, "DELETE", &path, KEY).status, StatusCode::NOT_FOUND);
    assert_eq!(call(&house, "DELETE", "/v1/contacts/1", KEY).status, StatusCode::NOT_FOUND);
    assert!(found(&house, "").is_empty());
    let audit = house.audit_of_codes();
    assert!(audit.contains("AK1 | contact.forgotten") && !audit.contains("ada@"), "{audit}");
}

#[test]
fn a_query_that_cannot_be_read_is_refused_whole() {
    let house = House::new();
    for query in [
        "everything=1",
        "customer=a%20b",
        "channel=fax",
        "to=nobody",
        "after=yesterday",
        "limit=0",
        "limit=1001",
        "limit=+1",
        "limit=",
        "offset=-1",
        "offset=4294967296",
        "limit=1&limit=1",
        "to=%zz",
        "customer=%ff",
    ] {
        let refused = call(&house, "GET", &format!("{CONTACTS}?{query}"), KEY);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for (method, path, status) in [
        ("GET", CONTACTS, StatusCode::FORBIDDEN),
        ("DELETE", "/v1/contacts/1", StatusCode::FORBIDDEN),
        ("POST", CONTACTS, StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/v1/contacts/1", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        assert_eq!(call(&house, method, path, DENIED).status, status, "{method} {path}");
    }
}
