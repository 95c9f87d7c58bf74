//! `ExtraInfo`: a JSON text in a parameter. The vendor's prose writes `CenId` and `CenOwnerId`, its example `cenId` and
//! `cenOwnerId`; the owner comes as a number or, from languages whose numbers do not hold seventeen digits, as a text.

use countersign_domain::account::AccountId;
use countersign_domain::code::Resource;
use serde::Deserialize;

/// A longer one is not looked at.
const LONGEST: usize = 1_024;

/// Which CEN, and whose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExtraInfo {
    pub(super) cen: Resource,
    pub(super) owner: AccountId,
}

/// The same in JSON. A key in both spellings counts as twice the same, and is refused.
#[derive(Deserialize)]
struct Json {
    #[serde(rename = "cenId", alias = "CenId")]
    cen: String,
    #[serde(rename = "cenOwnerId", alias = "CenOwnerId")]
    owner: Number,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl ExtraInfo {
    /// `None` for text that is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let json: Json = (text.len() <= LONGEST).then(|| serde_json::from_str(text).ok()).flatten()?;
        let owner = match json.owner {
            Number::Number(number) => AccountId::from_number(number),
            Number::Text(text) => AccountId::parse(&text),
        };
        Some(Self { cen: Resource::parse(&json.cen)?, owner: owner? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_spellings_and_both_types_are_read() {
        let expected =
            ExtraInfo { cen: Resource::parse("cen-1").unwrap(), owner: AccountId::parse("1234567890123456").unwrap() };
        for text in [
            r#"{"cenOwnerId": 1234567890123456,"cenId": "cen-1"}"#,
            r#"{"CenOwnerId":"1234567890123456","CenId":"cen-1"}"#,
            r#"{"CenOwnerId":1234567890123456,"cenId":"cen-1","more":[1]}"#,
        ] {
            assert_eq!(ExtraInfo::read(text).as_ref(), Some(&expected), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let deep = "[".repeat(2_000);
        let long = format!(r#"{{"cenOwnerId":1,"cenId":"cen-1","more":"{}"}}"#, "x".repeat(LONGEST));
        for text in [
            "",
            "not json",
            "{",
            "[]",
            "\"text\"",
            "{}",
            "null",
            &deep,
            &long,
            r#"{"cenOwnerId":1}"#,
            r#"{"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":null,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":"abc","cenId":"cen-1"}"#,
            r#"{"cenOwnerId":1.5,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":1.0,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":-1,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":0,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":100000000000000000,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":"1","cenId":""}"#,
            r#"{"cenOwnerId":1,"cenId":7}"#,
            r#"{"cenOwnerId":1,"cenId":"a b"}"#,
            r#"{"cenOwnerId":1,"CenOwnerId":1,"cenId":"cen-1"}"#,
            r#"{"cenOwnerId":1,"cenId":"cen-1"} x"#,
        ] {
            assert_eq!(ExtraInfo::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, owner: i128, cen: String) {
            let _any = (ExtraInfo::read(&text), ExtraInfo::read(&format!(r#"{{"cenOwnerId":{owner},"cenId":"{cen}"}}"#)));
        }
    }
}
