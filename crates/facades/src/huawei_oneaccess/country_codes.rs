use countersign_domain::calling_code::{self, CallingCode};
use countersign_domain::language::Language;
use http::StatusCode;
use serde::Serialize;

use super::complaint::Complaint;
use super::{CONTENT_TYPE, HuaweiOneAccess};
use crate::door::{Request, Response, json};

/// Whose numbers are taken in any case.
const CHINA: u16 = 86;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountryCodesJson {
    phone_area_code_definitions: Vec<AreaCodeJson>,
    preferred_area_code: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AreaCodeJson {
    area_code: String,
    display_mapping: NamesJson,
    /// Null where several places share the code.
    country_code: Option<&'static str>,
    mobile_regex: String,
    area_code_suffixes: [(); 0],
}

#[derive(Serialize)]
struct NamesJson {
    /// There are no names in traditional characters here; these can be read.
    #[serde(rename = "zh-TW")]
    traditional: &'static str,
    #[serde(rename = "en")]
    english: &'static str,
    #[serde(rename = "zh-CN")]
    simplified: &'static str,
}

impl HuaweiOneAccess {
    pub(super) fn country_codes(&self, request: &Request) -> Result<Response, Complaint> {
        self.client(request)?;
        let is_taken = |code: &&CallingCode| self.settings.foreign_numbers || code.number() == CHINA;
        let phone_area_code_definitions = calling_code::all().iter().filter(is_taken).map(area_code).collect();
        let body = CountryCodesJson { phone_area_code_definitions, preferred_area_code: "CN" };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }
}

fn area_code(code: &CallingCode) -> AreaCodeJson {
    let (english, chinese) = (code.name(Language::English), code.name(Language::Chinese));
    AreaCodeJson {
        area_code: code.number().to_string(),
        display_mapping: NamesJson { traditional: chinese, english, simplified: chinese },
        country_code: code.region(),
        mobile_regex: mobile_regex(code),
        area_code_suffixes: [],
    }
}

/// In the documented form, but for mainland China's numbers, which come without their calling code: the documented pattern takes
/// `+86-` before them, and `sms/send` does not.
fn mobile_regex(code: &CallingCode) -> String {
    let lengths = code.lengths();
    match code.number() {
        CHINA => r"^1\d{10}$".to_owned(),
        number => format!(r"^(\+{number}){{1}}\-?\d{{{},{}}}$", lengths.start(), lengths.end()),
    }
}
