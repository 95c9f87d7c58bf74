use std::fmt::Write as _;

use countersign_domain::ports::Clock as _;
use countersign_domain::testing::block_on;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::StatusCode;
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::door::Facade;
use crate::huawei_iam::HuaweiIam;
use crate::signing::hex;
use crate::testing::{CLIENT, House, request, shown, vectors};

const DOMAINS: &str = "/v3/auth/domains";

/// A request as an SDK sends it now, signed by `key` with the house's secret.
pub(crate) fn signed(
    house: &House,
    key: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request {
    let now = jiff::Timestamp::from_millisecond(house.clock.now().milliseconds()).unwrap();
    signed_at(&now.strftime("%Y%m%dT%H%M%SZ").to_string(), key, method, target, headers, body)
}

fn signed_at(date: &str, key: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut all = vec![("host", "127.0.0.1:39893"), (DATE, date)];
    all.extend_from_slice(headers);
    let names: Vec<_> = all.iter().map(|(name, _)| *name).filter(|name| *name != "x-unsigned").collect();
    let mut request = request(method, target, &all, body);
    let authorization = |signature: &str| {
        format!("SDK-HMAC-SHA256 Access={key}, SignedHeaders={}, Signature={signature}", names.join(";"))
    };
    let unsigned = authorization(&"0".repeat(64));
    let text = Authorization::read(&unsigned).unwrap().unwrap().string_to_sign(&request).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(b"the secret").unwrap().chain_update(text).finalize().into_bytes();
    let signature = hex::write(&mac.into());
    request.headers.insert(AUTHORIZATION, authorization(&signature).parse().unwrap());
    request
}

fn asked(house: &House, request: Request) -> Response {
    block_on(HuaweiIam::new(&house.context).answer(request))
}

/// Status and message.
fn said(response: &Response) -> (u16, String) {
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["request_id"].as_str(), response.headers.get("x-request-id").map(|value| value.to_str().unwrap()));
    (
        response.status.as_u16(),
        format!("{} {}", body["error_code"].as_str().unwrap(), body["error_msg"].as_str().unwrap()),
    )
}

#[test]
fn whoever_signs_with_a_key_that_is_on_gets_in() {
    let house = House::new();
    for target in [DOMAINS, "/v3/auth/domains/", "/v3/auth/domains?a=1&b=%2A"] {
        assert_eq!(asked(&house, signed(&house, "AK1", "GET", target, &[], "")).status, StatusCode::OK, "{target}");
    }
    // The same request once more, within the same second, is no replay to this scheme.
    let twice = signed(&house, "AK1", "GET", DOMAINS, &[], "");
    assert_eq!(asked(&house, twice.clone()).status, StatusCode::OK);
    assert_eq!(asked(&house, twice).status, StatusCode::OK);
    // A token beside the signature is the signature's business, whatever it is worth.
    let both = signed(&house, "AK1", "GET", DOMAINS, &[(TOKEN, "garbage")], "");
    assert_eq!(asked(&house, both).status, StatusCode::OK);
}

#[test]
fn a_captured_request_gets_in_at_its_time() {
    let vector = vectors(include_str!("../../vectors/huawei.json"), "hmac_sha256").remove(9);
    assert_eq!(vector.id, "with_region_auto_domain#0");
    let request = vector.request.unwrap();
    let at = time(request.header(DATE).unwrap()).unwrap();
    let house = House::at(at);
    let (status, said) = said(&asked(&house, request));
    assert_eq!((status, said.contains("does not exist")), (401, true), "the house has no such key: {said}");
}

#[test]
fn whoever_is_not_believed_is_told_why_as_the_vendor_does() {
    let house = House::new();
    let with = |name: &'static str, value: &str| {
        let mut request = signed(&house, "AK1", "GET", DOMAINS, &[], "");
        request.headers.insert(name, value.parse().unwrap());
        request
    };
    let tampered = Request { query: Some("a=1".to_owned()), ..signed(&house, "AK1", "GET", DOMAINS, &[], "") };
    let plain = |headers: &[(&str, &str)]| request("GET", DOMAINS, headers, "");
    let all = [
        ("no authentication", plain(&[])),
        ("an empty token", plain(&[(TOKEN, "")])),
        ("another scheme", plain(&[("authorization", "Basic Zm9vOmJhcg==")])),
        ("garbage for a token", plain(&[(TOKEN, "garbage")])),
        ("another algorithm", with("authorization", "SDK-HMAC-SM3 Access=AK1, SignedHeaders=host, Signature=0")),
        ("a torn header", with("authorization", "SDK-HMAC-SHA256 Access=AK1")),
        ("a security token", signed(&house, "AK1", "GET", DOMAINS, &[(SECURITY_TOKEN, "x")], "")),
        ("no date", with(DATE, "now")),
        ("too old", signed_at("20200101T000000Z", "AK1", "GET", DOMAINS, &[], "")),
        ("an unknown key", signed(&house, "AK99", "GET", DOMAINS, &[], "")),
        ("a disabled key", signed(&house, "AK3", "GET", DOMAINS, &[], "")),
        ("a disabled app", signed(&house, "AK4", "GET", DOMAINS, &[], "")),
        ("a changed request", tampered),
        ("a changed body", Request { body: "x".into(), ..signed(&house, "AK1", "GET", DOMAINS, &[], "") }),
        ("no such operation", signed(&house, "AK1", "POST", DOMAINS, &[], "")),
    ];
    let mut text = String::new();
    for (what, request) in all {
        let (status, said) = said(&asked(&house, request));
        let _infallible = writeln!(text, "{what}: {status} {said}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_call_counts_fifteen_minutes_either_way() {
    let house = House::new();
    let at = |minutes: i64, seconds: i64| {
        let now = house.clock.now().milliseconds() + (minutes * 60 + seconds) * 1_000;
        let date = jiff::Timestamp::from_millisecond(now).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        asked(&house, signed_at(&date, "AK1", "GET", DOMAINS, &[], "")).status.as_u16()
    };
    assert_eq!([at(0, 0), at(15, 0), at(-15, 0), at(15, 1), at(-15, -1)], [200, 200, 200, 401, 401]);
}

#[test]
fn a_key_over_its_limit_waits_and_one_that_guesses_is_told_that_it_is_locked() {
    let house = House::limited();
    assert_eq!(asked(&house, signed(&house, "AK1", "GET", DOMAINS, &[], "")).status, StatusCode::OK);
    insta::assert_snapshot!("throttled", shown(&asked(&house, signed(&house, "AK1", "GET", DOMAINS, &[], ""))));

    let wrong = || Request { query: Some("a=1".to_owned()), ..signed(&house, "AK5", "GET", DOMAINS, &[], "") };
    assert!(said(&asked(&house, wrong())).1.ends_with("verify aksk signature fail"));
    assert!(said(&asked(&house, wrong())).1.ends_with("AK access failed to reach the limit, forbidden"));
    let elsewhere = Request { client: "192.0.2.77".parse().unwrap(), ..wrong() };
    assert_ne!(elsewhere.client, CLIENT);
    assert!(said(&asked(&house, elsewhere)).1.ends_with("verify aksk signature fail"));
    let right = asked(&house, signed(&house, "AK5", "GET", DOMAINS, &[], ""));
    assert_eq!(right.status, StatusCode::OK, "what holds is taken all the same");
}

#[test]
fn a_query_is_read_as_it_is_signed() {
    let query = Query::read(Some("a=x+y%2B&b=%20&c&&d=%E4%B8%AD")).unwrap();
    assert_eq!((query.get("a"), query.get("b"), query.get("d")), (Some("x+y+"), None, Some("中")));
    assert!(query.has("b") && query.has("c") && !query.has("e"));
    for text in ["a=%zz", "a=%ff", "a=1&a=2", "a=1&%61=1", &"a=1&".repeat(200)] {
        assert!(Query::read(Some(text)).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_headers_panic_and_none_of_them_gets_in(
        authorization in "(SDK-HMAC-SHA256 Access=AK1, SignedHeaders=host;x-sdk-date, Signature=)?[ -~]{0,70}",
        date in "20[0-9]{6}T[0-9]{6}Z|[ -~]{0,20}",
        token in "[ -~]{0,40}",
    ) {
        let house = House::new();
        let headers = [("authorization", authorization.as_str()), (DATE, &date), (TOKEN, &token), ("host", "a")];
        prop_assert_eq!(asked(&house, request("GET", DOMAINS, &headers, "")).status, StatusCode::UNAUTHORIZED);
    }
}
