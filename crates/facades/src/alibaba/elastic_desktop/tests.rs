use std::time::Duration;

use countersign_domain::account::AccountName;
use countersign_domain::app::AppId;
use countersign_domain::code::Requester;
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::message::SenderName;
use countersign_domain::office_site::{OfficeSite, SiteKind, SiteName};
use countersign_domain::operations::{Actor, NewAccount, NewResource, NewRows, TicketDemand};
use countersign_domain::ports::{Clock as _, CodeNamed, OutboxRecords as _, SiteRecords as _, Taken};
use countersign_domain::testing::block_on;
use countersign_domain::throttle::Rule;
use countersign_domain::time::Timestamp;
use http::StatusCode;
use serde_json::Value;

use super::super::Alibaba;
use super::super::tests::signed_of;
use super::*;
use crate::door::Response;
use crate::testing::{House, ask, shown};

const OWNER: &str = "1234567890123456";
const SITE: &str = "cn-hangzhou+dir-3633530001";

/// A house whose directory holds an account of the app's own, and one of somebody else with two CENs.
fn house() -> House {
    furnished(House::new())
}

fn furnished(house: House) -> House {
    let account = |number, name: &str, is_own, language| NewAccount {
        id: AccountId::from_number(number).unwrap(),
        name: AccountName::parse(name).unwrap(),
        is_own,
        contact: Contact::parse(&format!("owner-{number}@example.com")).unwrap(),
        language,
    };
    let resource = |id: &str, account, network: &str| NewResource {
        id: Resource::parse(id).unwrap(),
        account: AccountId::from_number(account).unwrap(),
        networks: vec![Network::try_from(network.to_owned()).unwrap()],
    };
    let site = |id: &str, kind| OfficeSite {
        app: AppId::parse("one").unwrap(),
        id: SiteId::parse(id).unwrap(),
        name: SiteName::default(),
        kind,
        network: None,
        created_at: Timestamp::from_milliseconds(0),
    };
    let rows = NewRows {
        accounts: vec![
            account(42, "Acme", true, Language::English),
            account(1_234_567_890_123_456, "Networks 甲", false, Language::Chinese),
            account(77, "Nobody's", false, Language::English),
        ],
        resources: vec![
            resource("cen-own", 42, "10.0.0.0/12"),
            resource("cen-1", 1_234_567_890_123_456, "192.168.0.0/17"),
            resource("cen-2", 1_234_567_890_123_456, "10.0.0.0/12"),
        ],
        sites: vec![site(SITE, SiteKind::Simple), site("s-basic", SiteKind::Basic)],
    };
    let by = Actor { name: "test", detail: "" };
    let app = AppId::parse("one").unwrap();
    block_on(house.context.owners.manage_directory.keep(&app, rows, Taken::Refuse, by)).unwrap();
    house
}

fn call(house: &House, action: &str, parameters: &[(&str, &str)]) -> Response {
    call_as(house, "AK1", action, parameters)
}

fn call_as(house: &House, key: &str, action: &str, parameters: &[(&str, &str)]) -> Response {
    let mut all = vec![("RegionId", "cn-hangzhou")];
    all.extend_from_slice(parameters);
    raw(house, key, action, &all)
}

fn raw(house: &House, key: &str, action: &str, parameters: &[(&str, &str)]) -> Response {
    ask(&Alibaba::new(&house.context), "GET", &signed_of(house, "2020-09-30", key, action, parameters), &[], "")
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, StatusCode::OK, "{}", shown(response));
    serde_json::from_slice(&response.body).unwrap()
}

fn code(response: &Response) -> String {
    assert!(response.status.is_client_error(), "{}", shown(response));
    serde_json::from_slice::<Value>(&response.body).unwrap()["Code"].as_str().unwrap().to_owned()
}

fn send(house: &House, cen: &str) -> Response {
    let info = format!(r#"{{"cenOwnerId": {OWNER},"cenId": "{cen}"}}"#);
    call(house, "SendVerifyCode", &[("VerifyCodeAction", VERIFY_CODE_ACTION), ("ExtraInfo", &info)])
}

/// The digits of the newest code for a CEN, which no answer tells.
fn sent(house: &House, cen: &str) -> String {
    json(&send(house, cen));
    let contact = Contact::parse(&format!("owner-{OWNER}@example.com")).unwrap();
    let (app, purpose) = (AppId::parse("one").unwrap(), purpose().unwrap());
    let named = house.context.codes.check_code.newest(&app, purpose, &contact, Resource::parse(cen));
    let CodeNamed::Newest(binding) = named else { panic!("{named:?}") };
    let mail = SenderName::parse("mail").unwrap();
    let now = house.clock.now();
    let leased = block_on(house.post.lease_messages(mail, now, now.plus(Duration::from_secs(1)), 100)).unwrap();
    let newest = leased.iter().rev().find(|leased| leased.code.binding == binding).unwrap();
    house.digits(&newest.code.id.to_string())
}

fn claimed<'a>(cen: &'a str, typed: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("CenId", cen), ("CenOwnerId", OWNER), ("VerifyCode", typed)]
}

fn with<'a>(mut parameters: Vec<(&'a str, &'a str)>, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    parameters.retain(|(known, _)| *known != name);
    parameters.push((name, value));
    parameters
}

fn attach_to(house: &House, site: &str, cen: &str, typed: &str) -> Response {
    call(house, "AttachCen", &with(claimed(cen, typed), "OfficeSiteId", site))
}

fn status_of(house: &House, cen: &str, typed: &str, cidr: &str) -> String {
    let verified = json(&call(house, "VerifyCen", &with(claimed(cen, typed), "CidrBlock", cidr)));
    verified["Status"].as_str().unwrap().to_owned()
}

fn wrong(right: &str) -> String {
    let other = if right.starts_with('0') { "1" } else { "0" };
    format!("{other}{}", &right[1..])
}

#[test]
fn the_owner_is_asked_and_the_caller_hears_nothing() {
    let house = house();
    insta::assert_snapshot!("sent", shown(&send(&house, "cen-1")));
    let mail = SenderName::parse("mail").unwrap();
    let now = house.clock.now();
    let leased = block_on(house.post.lease_messages(mail, now, now.plus(Duration::from_secs(1)), 9)).unwrap();
    let [leased] = leased.as_slice() else { panic!("one message") };
    assert_eq!(leased.message.language, Language::Chinese, "the owner's, not the caller's");
    assert_eq!(leased.code.requester.as_ref().map(Requester::as_str), Some("Acme (42)"));
    assert_eq!(leased.code.binding.resource, Resource::parse("cen-1"));
    assert_eq!(leased.code.expires_at.since(now), Duration::from_mins(10));
    for info in [
        r#"{"CenOwnerId":"1234567890123456","CenId":"cen-1"}"#,
        r#"{"cenOwnerId":1234567890123456,"CenId":"cen-2","to":"me@example.com"}"#,
    ] {
        json(&call(&house, "SendVerifyCode", &[("VerifyCodeAction", VERIFY_CODE_ACTION), ("ExtraInfo", info)]));
    }
    insta::assert_snapshot!("sent_told", house.audit_of_codes());
}

#[test]
fn who_is_in_the_directory_is_told_to_nobody() {
    let house = house();
    let of = |owner: &str, cen: &str| {
        let info = format!(r#"{{"cenOwnerId":"{owner}","cenId":"{cen}"}}"#);
        let answer = call(&house, "SendVerifyCode", &[("VerifyCodeAction", VERIFY_CODE_ACTION), ("ExtraInfo", &info)]);
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer["Code"].clone(), answer["Message"].clone())
    };
    let unknown = of("999", "cen-9");
    assert_eq!(unknown.0, "InvalidCen.ParameterCenInstanceId");
    for (owner, cen) in [("999", "cen-1"), ("77", "cen-1"), (OWNER, "cen-9"), (OWNER, "cen-own"), ("42", "cen-1")] {
        assert_eq!(of(owner, cen), unknown, "{owner} {cen}");
    }
    // Another app has a directory of its own.
    let info = format!(r#"{{"cenOwnerId":{OWNER},"cenId":"cen-1"}}"#);
    let parameters = [("VerifyCodeAction", VERIFY_CODE_ACTION), ("ExtraInfo", info.as_str())];
    assert_eq!(code(&call_as(&house, "AK5", "SendVerifyCode", &parameters)), "InvalidCen.ParameterCenInstanceId");
    for (owner, word) in [
        ("77", "InvalidCen.ParameterCenInstanceId"),
        ("999", "InvalidCen.ParameterCenInstanceId"),
        ("42", "InvalidCen.ParameterCenInstanceId"),
        ("", "InvalidCen.ParameterCenInstanceId"),
        ("abc", "InvalidCen.CenUidInvalid"),
        ("0", "InvalidCen.CenUidInvalid"),
        ("1.5", "InvalidCen.CenUidInvalid"),
    ] {
        let parameters = with(claimed("cen-1", "123456"), "CenOwnerId", owner);
        let verified = json(&call(&house, "VerifyCen", &with(parameters.clone(), "CidrBlock", "10.0.0.0/12")));
        assert_eq!(verified["Status"], word, "{owner}");
        assert_eq!(code(&call(&house, "AttachCen", &with(parameters.clone(), "OfficeSiteId", SITE))), word, "{owner}");
        assert_eq!(code(&call(&house, "CreateSimpleOfficeSite", &parameters)), word, "{owner}");
    }
}

#[test]
fn verifying_compares_and_spends_nothing() {
    let house = house();
    let right = sent(&house, "cen-1");
    insta::assert_snapshot!(
        "conflict",
        shown(&call(&house, "VerifyCen", &with(claimed("cen-1", &right), "CidrBlock", "192.168.0.0/16")))
    );
    insta::assert_snapshot!(
        "access",
        shown(&call(&house, "VerifyCen", &with(claimed("cen-1", &right), "CidrBlock", "10.16.0.0/12")))
    );
    assert_eq!(status_of(&house, "cen-2", &right, "10.0.0.0/12"), "VerifyCode.InvalidTokenCode", "another's code");
    for typed in ["", "abc", "12345", &wrong(&right)] {
        assert_eq!(status_of(&house, "cen-1", typed, "10.0.0.0/12"), "VerifyCode.InvalidTokenCode", "{typed}");
    }
    json(&attach_to(&house, SITE, "cen-1", &right));
    assert_eq!(status_of(&house, "cen-1", &right, "10.0.0.0/12"), "VerifyCode.InvalidTokenCode", "it is spent");
}

#[test]
fn a_code_attaches_once() {
    let house = house();
    let right = sent(&house, "cen-1");
    assert_eq!(code(&attach_to(&house, SITE, "cen-1", "")), "MissingVerifyCode");
    assert_eq!(code(&attach_to(&house, SITE, "cen-1", &wrong(&right))), "VerifyCode.InvalidTokenCode");
    assert_eq!(code(&attach_to(&house, SITE, "cen-2", &right)), "VerifyCode.InvalidTokenCode");
    insta::assert_snapshot!("no_site", shown(&attach_to(&house, "nowhere", "cen-1", &right)));
    insta::assert_snapshot!("other_kind", shown(&attach_to(&house, "s-basic", "cen-1", &right)));
    insta::assert_snapshot!("attached", shown(&attach_to(&house, SITE, "cen-1", &right)));
    insta::assert_snapshot!("spent", shown(&attach_to(&house, SITE, "cen-1", &right)));
    let other = sent(&house, "cen-2");
    insta::assert_snapshot!("occupied", shown(&attach_to(&house, SITE, "cen-2", &other)));
    json(&call(&house, "DetachCen", &[("OfficeSiteId", SITE)]));
    assert_eq!(code(&call(&house, "DetachCen", &[("OfficeSiteId", SITE)])), "InvalidOfficeSiteId");
    json(&attach_to(&house, SITE, "cen-2", &other));
    insta::assert_snapshot!("attached_told", house.audit_of_codes());
}

#[test]
fn five_wrong_tries_end_a_code_and_the_next_one_is_fresh() {
    let house = house();
    let right = sent(&house, "cen-1");
    for _ in 0..5 {
        assert_eq!(status_of(&house, "cen-1", &wrong(&right), "10.0.0.0/12"), "VerifyCode.InvalidTokenCode");
    }
    assert_eq!(status_of(&house, "cen-1", &right, "10.0.0.0/12"), "VerifyCode.ReachTokenRetryTime");
    insta::assert_snapshot!("guessed_out", shown(&attach_to(&house, SITE, "cen-1", &right)));
    let fresh = sent(&house, "cen-1");
    json(&attach_to(&house, SITE, "cen-1", &fresh));
}

#[test]
fn a_newer_code_takes_the_older_ones_place_and_time_ends_both() {
    let house = house();
    let (older, newer) = (sent(&house, "cen-1"), sent(&house, "cen-1"));
    assert_ne!(older, newer);
    assert_eq!(code(&attach_to(&house, SITE, "cen-1", &older)), "VerifyCode.InvalidTokenCode");
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(code(&attach_to(&house, SITE, "cen-1", &newer)), "VerifyCode.InvalidTokenCode");
}

#[test]
fn a_code_is_worth_nothing_once_its_owner_is_another_one() {
    let house = house();
    let right = sent(&house, "cen-1");
    let app = AppId::parse("one").unwrap();
    let networks = vec![Network::try_from("192.168.0.0/17".to_owned()).unwrap()];
    for account in [77, 1_234_567_890_123_456] {
        let account = AccountId::from_number(account).unwrap();
        let resource = NewResource { id: Resource::parse("cen-1").unwrap(), account, networks: networks.clone() };
        let rows = NewRows { resources: vec![resource], ..NewRows::default() };
        let by = Actor { name: "test", detail: "" };
        block_on(house.context.owners.manage_directory.keep(&app, rows, Taken::Replace, by)).unwrap();
    }
    assert_eq!(code(&attach_to(&house, SITE, "cen-1", &right)), "VerifyCode.InvalidTokenCode");
    assert_eq!(status_of(&house, "cen-1", &right, "10.0.0.0/12"), "VerifyCode.InvalidTokenCode");
}

#[test]
fn an_owner_is_asked_without_a_ticket_and_whatever_others_sent_to_the_same_mailbox() {
    let rule = |burst| Some(Rule { burst, interval: Duration::from_hours(2) });
    let house = furnished(House::new().with_codes(|_, policy| {
        policy.default.ticket = TicketDemand::Always;
        (policy.rates.per_contact, policy.rates.per_account) = (rule(1), rule(3));
    }));
    for _ in 0..3 {
        json(&send(&house, "cen-1"));
    }
    assert_eq!(send(&house, "cen-2").status, StatusCode::CONFLICT, "the account has had its three");
}

#[test]
fn what_the_app_owns_needs_no_code() {
    let house = house();
    json(&call(&house, "AttachCen", &[("CenId", "cen-own"), ("OfficeSiteId", SITE)]));
    json(&call(&house, "AttachCen", &[("CenId", "cen-own"), ("CenOwnerId", "42"), ("OfficeSiteId", SITE)]));
    assert_eq!(
        code(&call(&house, "AttachCen", &[("CenId", "cen-1"), ("OfficeSiteId", SITE)])),
        "InvalidCen.ParameterCenInstanceId"
    );
    let verified = json(&call(&house, "VerifyCen", &[("CenId", "cen-own"), ("CidrBlock", "10.0.0.0/12")]));
    assert_eq!(verified["Status"], "Conflict");
    assert_eq!(verified["CidrBlocks"].as_array().unwrap().len(), 3);
    insta::assert_snapshot!("cens", shown(&call(&house, "DescribeCens", &[])));
    let page = json(&call(&house, "DescribeCens", &[("PageNumber", "2"), ("PageSize", "1")]));
    assert_eq!((&page["Cens"], &page["TotalCount"]), (&Value::Array(vec![]), &Value::from(1)));
}

#[test]
fn a_site_is_made_with_its_cen_or_not_at_all() {
    let house = house();
    let app = || AppId::parse("one").unwrap();
    let sites = |house: &House| block_on(house.post.sites(app())).unwrap().len();
    let right = sent(&house, "cen-1");
    let named = [("OfficeSiteName", "site-one"), ("CidrBlock", "172.16.0.0/12"), ("VSwitchId.1", "vsw-1")];
    let parameters = |typed| [claimed("cen-1", typed), named.to_vec()].concat();
    let (before, other) = (sites(&house), wrong(&right));
    assert_eq!(code(&call(&house, "CreateSimpleOfficeSite", &parameters(&other))), "VerifyCode.InvalidTokenCode");
    assert_eq!(sites(&house), before);
    insta::assert_snapshot!("site", shown(&call(&house, "CreateSimpleOfficeSite", &parameters(&right))));
    assert_eq!(sites(&house), before + 1);
    assert_eq!(code(&call(&house, "CreateSimpleOfficeSite", &parameters(&right))), "VerifyCode.InvalidTokenCode");
    json(&call(&house, "CreateSimpleOfficeSite", &named));
    let right = sent(&house, "cen-2");
    let domain = [("DomainName", "example.com"), ("DnsAddress.1", "10.0.0.1"), ("DnsAddress.2", "10.0.0.2")];
    json(&call(&house, "CreateADConnectorOfficeSite", &[claimed("cen-2", &right), domain.to_vec()].concat()));
    assert_eq!(block_on(house.post.attachments(app())).unwrap().len(), 2);
}

#[test]
fn the_quota_of_an_account_is_kept() {
    let limited = House::new().with_codes(|_, policy| {
        policy.rates.per_account = Some(Rule { burst: 2, interval: Duration::from_hours(12) });
    });
    let house = furnished(limited);
    json(&send(&house, "cen-1"));
    json(&send(&house, "cen-2"));
    insta::assert_snapshot!("quota", shown(&send(&house, "cen-1")));
    house.clock.advance(Duration::from_hours(12));
    json(&send(&house, "cen-1"));
}

#[test]
fn bad_parameters_are_named_and_cost_nothing() {
    let house = house();
    let right = sent(&house, "cen-1");
    let attaching = with(claimed("cen-1", &right), "OfficeSiteId", SITE);
    let verifying = with(claimed("cen-1", &right), "CidrBlock", "10.0.0.0/12");
    let sending =
        vec![("VerifyCodeAction", VERIFY_CODE_ACTION), ("ExtraInfo", r#"{"cenOwnerId":42,"cenId":"cen-own"}"#)];
    let simple = claimed("cen-1", &right);
    let connector = [simple.clone(), vec![("DomainName", "example.com"), ("DnsAddress.1", "10.0.0.1")]].concat();
    let site = vec![("OfficeSiteId", SITE)];
    let long = "x".repeat(256);
    for (action, good, name, value, expected) in [
        ("SendVerifyCode", &sending, "RegionId", "", "MissingRegionId"),
        ("SendVerifyCode", &sending, "RegionId", "A B", "InvalidRegionId"),
        ("SendVerifyCode", &sending, "VerifyCodeAction", "", "MissingVerifyCodeAction"),
        ("SendVerifyCode", &sending, "VerifyCodeAction", "eds_other", "InvalidVerifyCodeAction"),
        ("SendVerifyCode", &sending, "ExtraInfo", "", "MissingExtraInfo"),
        ("SendVerifyCode", &sending, "ExtraInfo", "[]", "InvalidExtraInfo"),
        ("VerifyCen", &verifying, "RegionId", "", "MissingRegionId"),
        ("VerifyCen", &verifying, "CenId", "", "MissingCenId"),
        ("VerifyCen", &verifying, "CidrBlock", "", "MissingCidrBlock"),
        ("VerifyCen", &verifying, "CidrBlock", "47.100.0.0/16", "InvalidCidrBlock"),
        ("AttachCen", &attaching, "RegionId", "", "MissingRegionId"),
        ("AttachCen", &attaching, "CenId", "", "MissingCenId"),
        ("AttachCen", &attaching, "CenId", "cen 1", "InvalidCen.ParameterCenInstanceId"),
        ("AttachCen", &attaching, "OfficeSiteId", "", "MissingOfficeSiteId"),
        ("AttachCen", &attaching, "OfficeSiteId", "a b", "InvalidOfficeSiteId"),
        ("DetachCen", &site, "RegionId", "", "MissingRegionId"),
        ("DetachCen", &site, "OfficeSiteId", "", "MissingOfficeSiteId"),
        ("DescribeCens", &vec![], "RegionId", "", "MissingRegionId"),
        ("DescribeCens", &vec![], "PageNumber", "0", "InvalidPageNumber"),
        ("DescribeCens", &vec![], "PageSize", "51", "InvalidPageSize"),
        ("CreateSimpleOfficeSite", &simple, "RegionId", "", "MissingRegionId"),
        ("CreateSimpleOfficeSite", &simple, "CenId", "", "MissingCenId"),
        ("CreateSimpleOfficeSite", &vec![("VerifyCode", "123456")], "VpcType", "basic", "MissingCenId"),
        ("CreateSimpleOfficeSite", &simple, "VerifyCode", "", "MissingVerifyCode"),
        ("CreateSimpleOfficeSite", &simple, "CidrBlock", "10.0.0.0/8", "InvalidCidrBlock"),
        ("CreateSimpleOfficeSite", &simple, "Bandwidth", "9", "InvalidBandwidth"),
        ("CreateSimpleOfficeSite", &simple, "Bandwidth", "x", "InvalidBandwidth"),
        ("CreateSimpleOfficeSite", &simple, "OfficeSiteName", "x", "InvalidOfficeSiteName"),
        ("CreateSimpleOfficeSite", &simple, "OfficeSiteName", &long, "InvalidOfficeSiteName"),
        ("CreateSimpleOfficeSite", &simple, "DesktopAccessType", "vpc", "InvalidDesktopAccessType"),
        ("CreateSimpleOfficeSite", &simple, "EnableAdminAccess", "maybe", "InvalidEnableAdminAccess"),
        ("CreateSimpleOfficeSite", &simple, "VpcType", "other", "InvalidVpcType"),
        ("CreateADConnectorOfficeSite", &connector, "DomainName", "", "MissingDomainName"),
        ("CreateADConnectorOfficeSite", &connector, "DnsAddress.1", "", "MissingDnsAddress"),
        ("CreateADConnectorOfficeSite", &connector, "DnsAddress.1", "x", "InvalidDnsAddress"),
        ("CreateADConnectorOfficeSite", &connector, "Bandwidth", "201", "InvalidBandwidth"),
        ("CreateADConnectorOfficeSite", &connector, "Specification", "3", "InvalidSpecification"),
        ("CreateADConnectorOfficeSite", &connector, "DomainPassword", &long, "InvalidDomainPassword"),
        ("CreateADConnectorOfficeSite", &connector, "MfaEnabled", "2", "InvalidMfaEnabled"),
    ] {
        let region = ("RegionId", "cn-hangzhou");
        let parameters = with([vec![region], good.clone()].concat(), name, value);
        assert_eq!(code(&raw(&house, "AK1", action, &parameters)), expected, "{action} {name} {value}");
    }
    json(&call(&house, "AttachCen", &attaching));
}

#[test]
fn a_key_without_the_permission_gets_nothing() {
    let house = house();
    let before = house.audit_of_codes();
    for (action, ..) in OPERATIONS {
        let refused = call_as(&house, "AK2", action, &[]);
        assert_eq!((refused.status, code(&refused).as_str()), (StatusCode::FORBIDDEN, "NoPermission"), "{action}");
    }
    assert_eq!(house.audit_of_codes(), before);
}

#[test]
fn operations_are_sorted() {
    assert!(OPERATIONS.is_sorted_by_key(|(action, ..)| *action));
}
