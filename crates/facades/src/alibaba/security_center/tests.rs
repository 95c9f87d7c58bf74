use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::super::Alibaba;
use super::super::tests::signed;
use crate::door::Response;
use crate::native_agents::NativeAgents;
use crate::testing::{House, ask, ask_as, shown};

use super::*;

/// Calls an operation with key AK1.
fn call(house: &House, action: &str, parameters: &[(&str, &str)]) -> Response {
    call_as(house, "AK1", action, parameters)
}

fn call_as(house: &House, key: &str, action: &str, parameters: &[(&str, &str)]) -> Response {
    ask(&Alibaba::new(&house.context), "GET", &signed(house, key, action, parameters), &[], "")
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, StatusCode::OK, "{}", shown(response));
    serde_json::from_slice(&response.body).unwrap()
}

fn code(response: &Response) -> String {
    assert!(response.status.is_client_error(), "{}", shown(response));
    serde_json::from_slice::<Value>(&response.body).unwrap()["Code"].as_str().unwrap().to_owned()
}

/// A machine with this code; its id.
fn enrol(house: &House, code: &str, request: u8) -> String {
    let host = r#"{"hostname":"web-1","os":"linux","architecture":"x86_64"}"#;
    let body = format!(r#"{{"code":"{code}","csr":"request {request}","host":{host}}}"#);
    let answer = ask(&NativeAgents::new(&house.context), "POST", "/v1/agents/enrol", &[], &body);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", shown(&answer));
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["agent_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_present_code_is_the_same_until_a_twenty_fourth_of_its_life_is_left() {
    let house = House::new();
    let first = call(&house, "DescribeInstallCaptcha", &[("SourceIp", "192.168.10.20"), ("Lang", "en")]);
    insta::assert_snapshot!("captcha", shown(&first));
    let text =
        |parameters: &[(&str, &str)]| json(&call(&house, "DescribeInstallCaptcha", parameters))["CaptchaCode"].clone();
    let first = json(&first)["CaptchaCode"].clone();
    assert_eq!(text(&[("Deadline", "")]), first);
    assert_eq!(json(&call(&house, "SasInstallCode", &[]))["data"], first);
    house.clock.advance(Duration::from_hours(23));
    assert_eq!(text(&[]), first);
    house.clock.advance(Duration::from_millis(1));
    assert_ne!(text(&[]), first);
    insta::assert_snapshot!("captcha_told", house.audit());
}

#[test]
fn a_deadline_asked_for_is_the_one_that_holds() {
    let house = House::new();
    let wish = [("Deadline", "2026-12-11 16:26:22")];
    let made = json(&call(&house, "DescribeInstallCaptcha", &wish));
    assert_eq!(made["Deadline"], "2026-12-11 16:26:22");
    assert_eq!(json(&call(&house, "DescribeInstallCaptcha", &wish))["CaptchaCode"], made["CaptchaCode"]);
    let listed = json(&call(&house, "DescribeInstallCodes", &[]));
    // 2026-12-11T08:26:22Z: the zone is +08:00.
    assert_eq!(listed["InstallCodes"][0]["ExpiredDate"], 1_796_977_582_000_i64);
    for senseless in [
        "x",
        "2026-12-11",
        "2026-13-41 00:00:00",
        "2026-12-11 25:00:00",
        "2026/12/11 16:26:22",
        " 2026-12-11 16:26:22",
        "1799999999999",
    ] {
        assert_eq!(code(&call(&house, "DescribeInstallCaptcha", &[("Deadline", senseless)])), "InvalidDeadline");
    }
    let past = [("Deadline", "2020-10-11 16:26:22"), ("Lang", "en")];
    insta::assert_snapshot!("past", shown(&call(&house, "DescribeInstallCaptcha", &past)));
    insta::assert_snapshot!("past_zh", shown(&call(&house, "DescribeInstallCaptcha", &past[..1])));
    let far = [("Deadline", "2099-12-11 16:26:22"), ("Lang", "en")];
    insta::assert_snapshot!("far", shown(&call(&house, "DescribeInstallCaptcha", &far)));
    assert_eq!(code(&call(&house, "DescribeInstallCaptcha", &[("Lang", "fr")])), "InvalidLang");
}

#[test]
fn a_further_code_is_made_as_its_parameters_say_and_not_told() {
    let house = House::new();
    let added = call(&house, "AddInstallCode", &[]);
    assert_eq!(json(&added).as_object().unwrap().keys().collect::<Vec<_>>(), ["RequestId"]);
    let whole = [
        ("ExpiredDate", "1797000000123"),
        ("Os", "windows"),
        ("OnlyImage", "True"),
        ("VendorName", "OTHER"),
        ("ProxyCluster", "proxy_test"),
        ("PrivateLinkId", "72845"),
        ("GroupId", "1"),
    ];
    json(&call(&house, "AddInstallCode", &whole));
    insta::assert_snapshot!("codes", shown(&call(&house, "DescribeInstallCodes", &[])));
    for (name, value) in [
        ("Os", "solaris"),
        ("ExpiredDate", "12"),
        ("ExpiredDate", "abc"),
        ("OnlyImage", "maybe"),
        ("GroupId", "99"),
        ("GroupId", "x"),
        ("PrivateLinkId", "x"),
        ("ProxyCluster", "a\nb"),
        ("VendorName", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ] {
        assert_eq!(code(&call(&house, "AddInstallCode", &[(name, value)])), format!("Invalid{name}"), "{value}");
    }
    assert_eq!(json(&call(&house, "DescribeInstallCodes", &[]))["InstallCodes"].as_array().unwrap().len(), 2);
    for _ in 2..5 {
        json(&call(&house, "AddInstallCode", &[]));
    }
    insta::assert_snapshot!("quota", shown(&call(&house, "AddInstallCode", &[])));
}

#[test]
fn a_deleted_code_is_not_listed_and_admits_nobody() {
    let house = House::new();
    let text = json(&call(&house, "SasInstallCode", &[]))["data"].as_str().unwrap().to_owned();
    assert_eq!(code(&call(&house, "DeleteInstallCode", &[])), "MissingCaptchaCode");
    assert_eq!(code(&call(&house, "DeleteInstallCode", &[("CaptchaCode", "000000")])), "IllegalParameter");
    assert_eq!(code(&call_as(&house, "AK5", "DeleteInstallCode", &[("CaptchaCode", &text)])), "IllegalParameter");
    for _ in 0..2 {
        json(&call(&house, "DeleteInstallCode", &[("CaptchaCode", &text)]));
    }
    assert_eq!(json(&call(&house, "DescribeInstallCodes", &[]))["InstallCodes"], serde_json::json!([]));
    assert_ne!(json(&call(&house, "SasInstallCode", &[]))["data"], text);
}

#[test]
fn a_machine_is_found_by_its_id_and_so_is_its_code() {
    let house = House::new();
    let text = json(&call(&house, "SasInstallCode", &[]))["data"].as_str().unwrap().to_owned();
    let [heard, silent, gone] = [1, 2, 3].map(|request| enrol(&house, &text, request));
    let door = NativeAgents::new(&house.context);
    let id = |uuid: &str| AgentId::parse(uuid).unwrap();
    ask_as(&door, id(&heard), "/v1/agents/heartbeat", "");
    ask_as(&door, id(&gone), "/v1/agents/leave", "");
    let found = call(&house, "GetInstallCodeForUuid", &[("Uuid", &heard)]);
    insta::assert_snapshot!("code_for_uuid", shown(&found));
    assert_eq!(json(&found)["InstallCode"]["CaptchaCode"], text);
    let uuids = format!("{heard}, {silent},{gone},inet-eae014a7-16c4-4d4e-9f03-5208f4dc0001,{heard},");
    let status = |house: &House, lang| call(house, "DescribeAgentInstallStatus", &[("Uuids", &uuids), ("Lang", lang)]);
    insta::assert_snapshot!("status", shown(&status(&house, "en")));
    house.clock.advance(Duration::from_mins(10));
    insta::assert_snapshot!("status_later_zh", shown(&status(&house, "zh")));

    assert_eq!(code(&call(&house, "DescribeAgentInstallStatus", &[])), "MissingUuids");
    let many = (0..101).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(code(&call(&house, "DescribeAgentInstallStatus", &[("Uuids", &many)])), "InvalidUuids");
    assert_eq!(code(&call(&house, "GetInstallCodeForUuid", &[])), "MissingUuid");
    for uuid in ["x", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(code(&call(&house, "GetInstallCodeForUuid", &[("Uuid", uuid)])), "IllegalParameter");
    }
    assert_eq!(code(&call_as(&house, "AK5", "GetInstallCodeForUuid", &[("Uuid", &heard)])), "IllegalParameter");
    let foreign = call_as(&house, "AK5", "DescribeAgentInstallStatus", &[("Uuids", &heard)]);
    assert_eq!(json(&foreign)["AegisClientInvokeStatusResponseList"][0]["Result"], -1);
}

#[test]
fn the_answer_to_describe_install_code_is_that_it_worked() {
    let house = House::new();
    assert_eq!(json(&call(&house, "DescribeInstallCode", &[]))["Code"], "200");
}

#[test]
fn a_key_without_the_permission_gets_nothing() {
    let house = House::new();
    for (action, ..) in OPERATIONS {
        let refused = call_as(&house, "AK2", action, &[]);
        assert_eq!((refused.status, code(&refused).as_str()), (StatusCode::FORBIDDEN, "NoPermission"), "{action}");
    }
    assert_eq!(house.audit(), "");
}

#[test]
fn whoever_may_only_read_causes_no_code() {
    let house = House::new();
    for action in ["DescribeInstallCaptcha", "SasInstallCode"] {
        assert_eq!(code(&call_as(&house, "AK6", action, &[])), "NoPermission", "{action}");
    }
    json(&call_as(&house, "AK6", "DescribeInstallCodes", &[]));
}
