use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::access_key::{AccessKeyId, Permission};
use countersign_domain::challenge::Axes;
use countersign_domain::testing::block_on;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::*;
use crate::signing::form::encode;
use crate::tencent_widget::TencentWidget;
use crate::testing::{House, ask, request, shown};

const ORDER: [(&str, &str); 4] = [("captchaType", "9"), ("disturbLevel", "1"), ("isHttps", "1"), ("clientType", "2")];

fn door(house: &House) -> TencentCaptcha {
    TencentCaptcha::new(&house.context)
}

/// The query of a call that `key` signs now, with a nonce of its own.
fn query(house: &House, key: &str, action: &str, parameters: &[(&str, &str)]) -> String {
    let seconds = house.context.clock.now().milliseconds() / 1_000;
    let nonce = u32::from_be_bytes(house.context.entropy.array()).to_string();
    let timestamp = seconds.to_string();
    let common = [("Action", action), ("Region", ""), ("Timestamp", &timestamp), ("Nonce", &nonce), ("SecretId", key)];
    signed(&[&common, parameters].concat())
}

fn signed(parameters: &[(&str, &str)]) -> String {
    let mut parameters = parameters.to_vec();
    parameters.sort_unstable();
    let list: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("GETverify.example.com{PATH}?{}", list.join("&"));
    let mac = Hmac::<Sha1>::new_from_slice(b"the secret").unwrap().chain_update(text);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let mut query = String::new();
    for (name, value) in parameters.into_iter().chain([("Signature", signature.as_str())]) {
        encode(name, &mut query);
        query.push('=');
        encode(value, &mut query);
        query.push('&');
    }
    query.pop();
    query
}

fn send(house: &House, query: &str) -> Response {
    ask(&door(house), "GET", &format!("{PATH}?{query}"), &[("host", "verify.example.com")], "")
}

fn call(house: &House, key: &str, action: &str, parameters: &[(&str, &str)]) -> Response {
    send(house, &query(house, key, action, parameters))
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, StatusCode::OK, "as every answer");
    serde_json::from_slice(&response.body).unwrap()
}

fn code(response: &Response) -> i64 {
    json(response)["code"].as_i64().unwrap()
}

/// The path and query of an ordered script.
fn script(house: &House, parameters: &[(&str, &str)]) -> String {
    let answer = json(&call(house, "AK1", "CaptchaIframeQuery", &[&ORDER, parameters].concat()));
    answer["url"].as_str().unwrap().strip_prefix("https://verify.example.com:8443/shield").unwrap().to_owned()
}

fn load(house: &House, target: &str) -> Response {
    ask(&door(house), "GET", target, &[], "")
}

/// The session that a script was given.
fn session(script: &Response) -> String {
    let text = String::from_utf8(script.body.to_vec()).unwrap();
    let (_, behind) = text.split_once(r#""session":""#).unwrap();
    behind.split('"').next().unwrap().to_owned()
}

fn draw(house: &House, session: &str, origin: &str) -> Response {
    let body = format!(r#"{{"session":"{session}"}}"#);
    ask(&TencentWidget::new(&house.context), "POST", "/tencent/challenges", &[("origin", origin)], &body)
}

/// The ticket of a challenge of a session, solved, and its randstr.
fn solve(house: &House, session: &str) -> Value {
    let issued: Value = serde_json::from_slice(&draw(house, session, "https://shop.example").body).unwrap();
    let body = format!(r#"{{"token":{},"answer":{{"x":100,"y":50}}}}"#, issued["token"]);
    let widget = TencentWidget::new(&house.context);
    serde_json::from_slice(&ask(&widget, "POST", "/tencent/challenges/answer", &[], &body).body).unwrap()
}

fn ticket(house: &House, parameters: &[(&str, &str)]) -> String {
    let page = session(&load(house, &script(house, parameters)));
    solve(house, &page)["ticket"].as_str().unwrap().to_owned()
}

fn check(house: &House, key: &str, ticket: &str, user_ip: &str, more: &[(&str, &str)]) -> i64 {
    let parameters = [("ticket", ticket), ("captchaType", "9"), ("userIp", user_ip), ("accountType", "0")];
    code(&call(house, key, "CaptchaCheck", &[&parameters, more].concat()))
}

#[test]
fn an_order_is_answered_with_the_address_of_a_script() {
    let house = House::new();
    insta::assert_snapshot!("ordered", shown(&call(&house, "AK1", "CaptchaIframeQuery", &ORDER)));
    let app = [ORDER[0], ORDER[1], ("isHttps", "0"), ("clientType", "3")];
    let answer = json(&call(&house, "AK1", "captchaIframeQuery", &app));
    let url = answer["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://verify.example.com:8443/shield/template/TCapIframeApi.js?appid=190000000&clientype=4&")
    );
    assert!(url.ends_with("**"));
}

#[test]
fn a_script_is_loaded_once_and_says_where_and_with_what() {
    let house = House::new();
    let target = script(&house, &[]);
    let loaded = load(&house, &format!("{target}&clientype=1&lang=1033"));
    assert_eq!(loaded.status, StatusCode::OK);
    assert_eq!(loaded.headers["cache-control"], "no-store");
    assert_eq!(loaded.headers["content-type"], "text/javascript; charset=utf-8");
    let text = String::from_utf8(loaded.body.to_vec()).unwrap();
    assert!(text.contains(r#"{"base":"https://verify.example.com:8443/shield/","session":""#));
    assert!(text.contains(r#","appId":190000000,"clientType":1,"language":1033}"#));
    insta::assert_snapshot!("loaded_again", shown(&load(&house, &target)));
    let late = script(&house, &[]);
    house.clock.advance(Duration::from_mins(5));
    insta::assert_snapshot!("expired", shown(&load(&house, &late)));
    for wrong in [SCRIPT.to_owned(), format!("{SCRIPT}?asig=AAAA**"), target.replace("asig=", "asig=A")] {
        insta::assert_snapshot!("unknown", shown(&load(&house, &wrong)));
    }
    let unspent = script(&house, &[]);
    assert_eq!(ask(&door(&house), "HEAD", &unspent, &[], "").status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(load(&house, &unspent).status, StatusCode::OK, "looking at its head loads nothing");
}

#[test]
fn a_page_draws_for_its_own_site_and_so_often() {
    let house = House::new();
    let page = session(&load(&house, &script(&house, &[])));
    assert_eq!(draw(&house, &page, "https://shop.example").status, StatusCode::CREATED);
    insta::assert_snapshot!("elsewhere", shown(&draw(&house, &page, "https://copied.example")));
    for _ in 0..2 {
        assert_eq!(draw(&house, &page, "https://shop.example").status, StatusCode::CREATED);
    }
    insta::assert_snapshot!("exhausted", shown(&draw(&house, &page, "https://shop.example")));
    let late = session(&load(&house, &script(&house, &[])));
    house.clock.advance(Duration::from_mins(20));
    insta::assert_snapshot!("page_expired", shown(&draw(&house, &late, "https://shop.example")));
    insta::assert_snapshot!("page_unknown", shown(&draw(&house, "AAAA", "https://shop.example")));
    let script = script(&house, &[]);
    let (_, asig) = script.split_once("asig=").unwrap();
    let asig = asig.trim_end_matches('*');
    assert_eq!(draw(&house, asig, "https://shop.example").status, StatusCode::FORBIDDEN, "an address is no session");
}

#[test]
fn a_page_over_a_limit_is_neither_bound_nor_closer_to_its_end() {
    let house = House::limited();
    let page = session(&load(&house, &script(&house, &[])));
    house.challenge("one", None, Axes::One);
    for _ in 0..3 {
        assert_eq!(draw(&house, &page, "https://copied.example").status, StatusCode::TOO_MANY_REQUESTS);
    }
    house.clock.advance(Duration::from_millis(2_500));
    assert_eq!(draw(&house, &page, "https://shop.example").status, StatusCode::CREATED);
}

#[test]
fn what_a_key_ordered_that_was_disabled_since_is_not_loaded() {
    let house = House::new();
    let key = house.context.directory.access_key(&AccessKeyId::parse("AK3").unwrap()).unwrap();
    let url = tencent_script(&house.context, &key).unwrap();
    let target = url.strip_prefix("https://verify.example.com:8443/shield").unwrap();
    insta::assert_snapshot!("key_disabled", shown(&load(&house, target)));
}

#[test]
fn a_scheme_is_read_however_it_is_written() {
    let mut house = House::new();
    Arc::make_mut(&mut house.context.tencent.settings).public_url = "HTTPS://verify.example.com".to_owned();
    let answer = json(&call(&house, "AK1", "CaptchaQuery", &[("captchaType", "1"), ("script", "0")]));
    assert!(answer["script"].as_str().unwrap().contains(r#""base":"https://verify.example.com/""#));
}

#[test]
fn a_ticket_passes_twice_within_a_minute_for_the_same_key_address_and_user() {
    let house = House::new();
    let bought = ticket(&house, &[]);
    assert_eq!(check(&house, "AK1", &bought, "192.0.2.9", &[]), 0);
    for (key, user_ip, uid) in
        [("ONLY0", "192.0.2.9", &[][..]), ("AK1", "192.0.2.8", &[]), ("AK1", "192.0.2.9", &[("uid", "ann")])]
    {
        assert_eq!(check(&house, key, &bought, user_ip, uid), 5100, "{key} {user_ip} {uid:?}");
    }
    house.clock.advance(Duration::from_secs(59));
    assert_eq!(check(&house, "AK1", &bought, "192.0.2.9", &[]), 0);
    assert_eq!(check(&house, "AK1", &bought, "192.0.2.9", &[]), 5100, "a third time");

    let late = ticket(&house, &[]);
    assert_eq!(check(&house, "AK1", &late, "192.0.2.9", &[]), 0);
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(check(&house, "AK1", &late, "192.0.2.9", &[]), 5100, "a minute later");
}

#[test]
fn a_ticket_of_another_app_key_door_or_user_or_that_is_old_is_refused_and_not_spent() {
    let house = House::new();
    let of_ann = ticket(&house, &[("uid", "ann")]);
    assert_eq!(check(&house, "AK5", &of_ann, "192.0.2.9", &[("uid", "ann")]), 5100, "another app");
    assert_eq!(check(&house, "ONLY0", &of_ann, "192.0.2.9", &[("uid", "ann")]), 5100, "another key");
    assert_eq!(check(&house, "AK1", &of_ann, "192.0.2.9", &[("uid", "bob")]), 5100, "another user");
    assert_eq!(check(&house, "AK1", &of_ann, "192.0.2.9", &[("uid", "ann")]), 0);
    assert_eq!(check(&house, "AK1", &ticket(&house, &[("uid", "ann")]), "192.0.2.9", &[]), 0, "no user");
    assert_eq!(check(&house, "AK1", &house.ticket("one", None), "192.0.2.9", &[]), 5100, "another door");
    let old = ticket(&house, &[]);
    house.clock.advance(Duration::from_mins(20));
    assert_eq!(check(&house, "AK1", &old, "192.0.2.9", &[]), 5100);
    for bogus in ["1111", "t02+/= *~", "@"] {
        assert_eq!(check(&house, "AK1", bogus, "192.0.2.9", &[]), 5100, "{bogus}");
    }
}

#[test]
fn a_check_is_answered_in_the_vendors_words() {
    let house = House::new();
    let bought = ticket(&house, &[]);
    let parameters = [("ticket", bought.as_str()), ("captchaType", "9"), ("userIp", "192.0.2.9")];
    insta::assert_snapshot!("passed", shown(&call(&house, "AK1", "CaptchaCheck", &parameters)));
    let parameters = [("ticket", "none"), ("captchaType", "9"), ("userIp", "192.0.2.9")];
    insta::assert_snapshot!("refused", shown(&call(&house, "AK1", "CaptchaCheck", &parameters)));
}

#[test]
fn the_first_edition_answers_with_the_script_or_its_text() {
    let house = House::new();
    let text = json(&call(&house, "AK1", "CaptchaQuery", &[("captchaType", "1"), ("script", "0")]));
    assert!(text["script"].as_str().unwrap().contains(r#""base":"https://verify.example.com:8443/shield/""#));
    let script = call(&house, "AK1", "captchaQuery", &[("captchaType", "8"), ("script", "1"), ("callBack", "a.b")]);
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(draw(&house, &session(&script), "https://shop.example").status, StatusCode::CREATED);
    assert_eq!(code(&call(&house, "AK1", "CaptchaQuery", &[("captchaType", "1"), ("script", "2")])), 4000);
}

#[test]
fn who_may_not_call_is_told_why() {
    let house = House::new();
    for (key, action, expected) in [
        ("AK1", "NoSuchAction", 6100),
        ("nobody", "CaptchaIframeQuery", 4104),
        ("AK2", "CaptchaIframeQuery", 4101),
        ("AK2", "CaptchaCheck", 4101),
        ("AK3", "CaptchaIframeQuery", 4300),
        ("AK4", "CaptchaIframeQuery", 4300),
    ] {
        assert_eq!(code(&call(&house, key, action, &ORDER)), expected, "{key} {action}");
    }
    let redeems = Permission::ALL.iter().position(|known| *known == Permission::RedeemTickets).unwrap();
    assert_eq!(code(&call(&house, &format!("ONLY{redeems}"), "CaptchaIframeQuery", &ORDER)), 0);
    let once = query(&house, "AK1", "CaptchaIframeQuery", &ORDER);
    assert_eq!((code(&send(&house, &once)), code(&send(&house, &once))), (0, 4500));
    let late = query(&house, "AK1", "CaptchaIframeQuery", &ORDER);
    house.clock.advance(Duration::from_mins(5) + Duration::from_millis(1));
    assert_eq!(code(&send(&house, &late)), 4500);
    let changed = query(&house, "AK1", "CaptchaIframeQuery", &ORDER).replace("captchaType=9", "captchaType=7");
    insta::assert_snapshot!("mismatch", shown(&send(&house, &changed)));
}

#[test]
fn what_is_missing_or_out_of_range_is_named_and_costs_nothing() {
    let house = House::new();
    for (name, value) in [
        ("captchaType", "0"),
        ("captchaType", "10"),
        ("captchaType", "x"),
        ("disturbLevel", "4"),
        ("disturbLevel", "-1"),
        ("isHttps", "2"),
        ("clientType", "5"),
        ("clientType", ""),
        ("accountType", "3"),
        ("businessId", "-1"),
        ("sceneId", "a"),
        ("registerTime", "1e9"),
    ] {
        let mut parameters: Vec<_> = ORDER.into_iter().filter(|(known, _)| *known != name).collect();
        parameters.push((name, value));
        let answer = call(&house, "AK1", "CaptchaIframeQuery", &parameters);
        let answer = json(&answer);
        assert_eq!(answer["code"], 4000, "{name}={value}");
        assert!(answer["message"].as_str().unwrap().contains(name), "{name}={value}");
    }
    assert_eq!(code(&call(&house, "AK1", "CaptchaIframeQuery", &[&ORDER[..], &[("accountType", "1")]].concat())), 4000);
    for query in [
        "",
        "Action=CaptchaCheck",
        "Action=a&Action=b",
        "Action=%ff",
        "Action=a&SecretId=b&Timestamp=x&Nonce=1&Signature=a",
    ] {
        assert_eq!(code(&send(&house, query)), 4000, "{query}");
    }
    assert_eq!(code(&ask(&door(&house), "PUT", PATH, &[], "")), 4000);
    for refusal in
        [Refusal::BodyTooLarge, Refusal::BodyIncomplete, Refusal::Busy, Refusal::Failed, Refusal::DeadlineExceeded]
    {
        assert_ne!(code(&door(&house).refuse(refusal, &HeaderMap::new())), 0, "{refusal:?}");
    }
}

#[test]
fn a_call_over_a_keys_limit_is_told_so_and_spends_nothing() {
    let house = House::limited();
    assert_eq!(code(&call(&house, "AK1", "CaptchaIframeQuery", &ORDER)), 0);
    let over = query(&house, "AK1", "CaptchaIframeQuery", &ORDER);
    assert_eq!(code(&send(&house, &over)), 4400);
    house.clock.advance(Duration::from_millis(2_500));
    assert_eq!(code(&send(&house, &over)), 0, "its nonce was not spent");
}

#[test]
fn of_64_loads_at_once_one_gets_the_script() {
    let house = House::new();
    let target = script(&house, &[]);
    let loaded = std::thread::scope(|scope| {
        let loads: Vec<_> = (0..64)
            .map(|_| {
                let (house, target) = (&house, &target);
                scope.spawn(move || block_on(door(house).answer(request("GET", target, &[], ""))).status)
            })
            .collect();
        loads.into_iter().map(|load| load.join().unwrap()).filter(|status| *status == StatusCode::OK).count()
    });
    assert_eq!(loaded, 1);
}
