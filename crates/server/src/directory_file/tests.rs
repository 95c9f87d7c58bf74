use proptest::prelude::*;

use super::*;

fn app() -> AppId {
    AppId::parse("one").unwrap()
}

fn read_file(text: &str, format: Format) -> Result<String, String> {
    let known = Known { accounts: BTreeSet::from([AccountId::parse("7").unwrap()]), own: AccountId::parse("7") };
    let shown = |rows: NewRows| {
        let accounts = rows.accounts.iter().map(|one| {
            let (own, tag) = (if one.is_own { " own" } else { "" }, one.language.tag());
            format!("account {} {:?} {} {tag}{own}\n", one.id, one.name.as_str(), one.contact.normalised())
        });
        let resources = rows.resources.iter().map(|one| {
            let networks: Vec<_> = one.networks.iter().map(ToString::to_string).collect();
            format!("resource {} of {} {}\n", one.id.as_str(), one.account, networks.join(" "))
        });
        let sites = rows
            .sites
            .iter()
            .map(|one| format!("site {} {:?} {}\n", one.id.as_str(), one.name.as_str(), one.kind.word()));
        accounts.chain(resources).chain(sites).collect()
    };
    let complained = |complaints: Vec<Complaint>| {
        let lines: Vec<_> = complaints.iter().map(|Complaint { line, what }| format!("{line}: {what}\n")).collect();
        lines.concat()
    };
    read(text, format, &app(), &known).map(shown).map_err(complained)
}

const CSV: &str = "\u{feff}kind,id,account,name,contact,language,own,networks,type\r\n\
    account,42,,\"Acme, \"\"the\"\" one\",a@example.com,,true,,\r\n\
    account,7,,Us until now,c@example.com,,,,\r\n\
    \r\n\
    account,43,,甲,b@example.com,zh,,,\r\n\
    resource,cen-1,43,,,,,10.0.0.0/8 192.168.0.0/16,\r\n\
    resource,cen-2,7,,,,,,\r\n\
    office_site,cn-hangzhou+dir-1,,Main,,,,172.16.0.0/12,basic";

const JSON: &str = r#"[
    {"kind": "account", "id": 42, "name": "Acme, \"the\" one", "contact": "a@example.com", "own": true},
    {"kind": "account", "id": 7, "name": "Us until now", "contact": "c@example.com", "own": false},
    {"kind": "account", "id": "43", "name": "甲", "contact": "b@example.com", "language": "zh"},
    {"kind": "resource", "id": "cen-1", "account": 43, "networks": ["10.0.0.0/8", "192.168.0.0/16"]},
    {"kind": "resource", "id": "cen-2", "account": 7},
    {"kind": "office_site", "id": "cn-hangzhou+dir-1", "name": "Main", "networks": "172.16.0.0/12", "type": "basic"}
]
"#;

#[test]
fn both_formats_say_the_same() {
    let read = read_file(CSV, Format::Csv).unwrap();
    insta::assert_snapshot!(read);
    assert_eq!(read_file(JSON, Format::Json).unwrap(), read);
    for (text, format) in [("[]", Format::Json), ("kind,id\n", Format::Csv)] {
        assert_eq!(read_file(text, format).unwrap(), "");
    }
}

#[test]
fn every_complaint_has_its_line() {
    let csv = "kind,id,account,name,contact,language,own,networks,type\n\
        account,0,,A,a@example.com,,,,\n\
        account,1,,A,nobody,,,,\n\
        account,2,,A,a@example.com,fr,,,\n\
        account,3,,A,a@example.com,,true,,\n\
        account,4,,\"A\nB\",a@example.com,,,,\n\
        account,5,,B,b@example.com,,true,,\n\
        account,6,,B,b@example.com,,,10.0.0.0/8,\n\
        resource,cen-1,99,,,,,,\n\
        resource,cen-2,3,,,,,10.0.0.1/8,\n\
        resource,cen-3,3,,,,,,\n\
        resource,cen-3,3,,,,,,\n\
        office_site,s,,,,,,,big\n\
        office_site,t,,,,,,8.8.8.0/24,\n\
        office_site,u,,x,,,,,\n\
        network,n,,,,,,,\n\
        ,x,,,,,,,\n";
    insta::assert_snapshot!("rows", read_file(csv, Format::Csv).unwrap_err());
    let mut all = String::new();
    for (text, format) in [
        ("", Format::Csv),
        ("kind,id,size\n", Format::Csv),
        ("kind,id,kind\n", Format::Csv),
        ("kind,id\naccount\n", Format::Csv),
        ("kind,id\naccount,\"1\n\n", Format::Csv),
        ("kind,id\naccount,\"1\"2\n", Format::Csv),
        ("kind,id\naccount,1\"2\n", Format::Csv),
        ("", Format::Json),
        ("{}", Format::Json),
        ("[1]", Format::Json),
        ("[{\"kind\":\n{}}]", Format::Json),
        ("[\n{},\n{\"kind\":}]", Format::Json),
        ("[\n{}", Format::Json),
        ("[\n{}\n{}]", Format::Json),
        ("[] x", Format::Json),
        ("[{\"kind\":\"account\"},\n]", Format::Json),
        ("[,]", Format::Json),
        ("[{\"id\":1,\n\"id\":2}]", Format::Json),
        ("kind,id,name,contact,own\naccount,8,A,a@example.com,true\n", Format::Csv),
        ("kind,id,account,name,contact,language,own,networks\naccount,,B,b@example.com,en,,,\n", Format::Csv),
        ("kind,id,account,language,name,contact\naccount,9,,c@example.com,C,c@example.com\n", Format::Csv),
        ("[\n{\"kind\":\"account\",\"size\":1}]", Format::Json),
    ] {
        all.extend([format!("{text:?} {format:?}\n    "), read_file(text, format).unwrap_err()]);
    }
    insta::assert_snapshot!("files", all);
}

/// Where a complaint counts its lines from the beginning, this takes a quarter of a minute.
#[test]
fn a_long_list_is_read_once() {
    let rows: Vec<_> =
        (1..=20_000).map(|number| format!(r#"{{"kind":"resource","id":"cen-{number}","account":8}}"#)).collect();
    let told = read_file(&format!("[\n{}\n]", rows.join(",\n")), Format::Json).unwrap_err();
    assert_eq!(told.lines().count(), 20_000);
    assert!(told.ends_with("20001: account 8 is neither in the file nor in the directory\n"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\n甲\"\\[\\]{},:]{0,80}") {
        let _any = (read_file(&text, Format::Csv), read_file(&text, Format::Json), read_file(&format!("[{text}]"), Format::Json));
    }
}
