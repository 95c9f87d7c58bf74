//! What clients send, in the ways they write it: numbers as text, the parts of a contact, customers, times and zones.

use countersign_domain::contact::{Channel, Contact};
use countersign_domain::time::Timestamp;
use countersign_domain::verified_contact::Customer;
use http::HeaderMap;
use jiff::tz::Offset;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::complaint::Complaint;
use crate::door::header;
use crate::huawei::Query;
use crate::signing::hex;

/// Longest values that the vendor's page allows, in characters.
const CONTACT_VALUE: usize = 64;
const AREA_CODE: usize = 16;
/// Most contacts of one answer.
const LIMIT: u32 = 1_000;
const DEFAULT_LIMIT: u32 = 100;
const DEFAULT_ZONE: Offset = Offset::constant(8);

/// A text, or a number that stands for one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Loose {
    Text(String),
    Number(u64),
}

impl Loose {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// The body of a check.
#[derive(Deserialize)]
pub(super) struct CheckBody {
    #[serde(flatten)]
    pub(super) contact: ContactBody,
    /// Text only: a number has lost its zeros.
    pub(super) verify_code: Option<String>,
    pub(super) customer_id: Option<String>,
    pub(super) x_customer_id: Option<String>,
}

/// A contact in a body: all that a send has.
#[derive(Deserialize)]
pub(super) struct ContactBody {
    contact_value: Option<Loose>,
    contact_way: Option<Loose>,
    area_code: Option<Loose>,
}

/// A contact's parts, within their lengths.
pub(super) struct ContactParameters {
    channel: Channel,
    value: String,
    area_code: String,
}

impl ContactParameters {
    /// The parts in a body.
    pub(super) fn of(body: &ContactBody) -> Result<Self, Complaint> {
        let text = |part: &Option<Loose>| part.as_ref().map(Loose::text).unwrap_or_default();
        Self::new(&text(&body.contact_way), text(&body.contact_value), text(&body.area_code))
    }

    /// The parts in a query.
    pub(super) fn in_query(query: &Query) -> Result<Self, Complaint> {
        let text = |name| query.get(name).unwrap_or_default().to_owned();
        Self::new(&text("contact_way"), text("contact_value"), text("area_code"))
    }

    fn new(contact_way: &str, value: String, area_code: String) -> Result<Self, Complaint> {
        let channel = way(contact_way).ok_or(Complaint::Invalid)?;
        let fits = (1..=CONTACT_VALUE).contains(&value.chars().count()) && area_code.chars().count() <= AREA_CODE;
        let is_whole = channel == Channel::Email || !area_code.is_empty();
        if fits && is_whole { Ok(Self { channel, value, area_code }) } else { Err(Complaint::Invalid) }
    }

    /// The contact, if the parts are one.
    pub(super) fn contact(&self) -> Option<Contact> {
        match self.channel {
            Channel::Sms => Contact::number(&self.area_code, &self.value).ok(),
            Channel::Email => Contact::address(&self.value).ok(),
        }
    }
}

/// `contact_way`: 0 is a text message, 1 an e-mail.
pub(super) fn way(text: &str) -> Option<Channel> {
    match text {
        "0" => Some(Channel::Sms),
        "1" => Some(Channel::Email),
        _ => None,
    }
}

/// Whose contact it is: the customer, and somebody below it where there is one. Two names together may be longer than ours may
/// be, and are then told apart by their hash.
pub(super) fn customer(customer: Option<&str>, below: Option<&str>) -> Result<Customer, Complaint> {
    let given = |name: Option<&str>| Customer::parse(name.unwrap_or_default().trim()).ok_or(Complaint::Invalid);
    let (customer, below) = (given(customer)?, given(below)?);
    if below.as_str().is_empty() {
        return Ok(customer);
    }
    let hash =
        Sha256::new().chain_update(customer.as_str()).chain_update(b"\0").chain_update(below.as_str()).finalize();
    Customer::parse(&hex::write(&hash.into())).ok_or(Complaint::Invalid)
}

/// `offset`: how many to leave out.
pub(super) fn offset(text: Option<&str>) -> Result<u32, Complaint> {
    text.map_or(Ok(0), |text| text.parse().map_err(|_| Complaint::Invalid))
}

/// `limit`: how many to answer with at most.
pub(super) fn most(text: Option<&str>) -> Result<u32, Complaint> {
    let limit = text.map_or(Ok(DEFAULT_LIMIT), |text| text.parse().map_err(|_| Complaint::Invalid))?;
    if (1..=LIMIT).contains(&limit) { Ok(limit) } else { Err(Complaint::Invalid) }
}

/// `X-Time-Zone`: `GMT+8`, `GMT-03:30`, `UTC`. The vendor's default for whatever is none.
pub(super) fn zone(headers: &HeaderMap) -> Offset {
    header(headers, "x-time-zone").and_then(read_zone).unwrap_or(DEFAULT_ZONE)
}

fn read_zone(text: &str) -> Option<Offset> {
    let rest = ["GMT", "UTC"].iter().find_map(|name| text.strip_prefix(name))?;
    if rest.is_empty() {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match rest.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let number = |text: &str, most: i32| {
        let is_short = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_short.then(|| text.parse::<i32>().ok()).flatten().filter(|number| *number <= most)
    };
    Offset::from_seconds(sign * (number(hours, 14)? * 3_600 + number(minutes, 59)? * 60)).ok()
}

/// `expired_time`, whose form no page says: milliseconds since 1970, RFC 3339, or date and time in the caller's zone.
pub(super) fn moment(text: &str, zone: Offset) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp::from_milliseconds);
    }
    let of = |time: jiff::Timestamp| Timestamp::from_milliseconds(time.as_millisecond());
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(of(time));
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    zone.to_timestamp(local).ok().map(of)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn zones_are_read_as_the_vendor_writes_them() {
        for (text, hours, minutes) in [
            ("GMT+8", 8, 0),
            ("GMT+08:00", 8, 0),
            ("UTC-3:30", -3, -30),
            ("GMT", 0, 0),
            ("GMT-12", -12, 0),
            ("GMT+15", 8, 0),
            ("GMT8", 8, 0),
            ("GMT+", 8, 0),
            ("GMT++1", 8, 0),
            ("Asia/Tokyo", 8, 0),
            ("中", 8, 0),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-time-zone", HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(zone(&headers).seconds(), hours * 3_600 + minutes * 60, "{text}");
        }
        assert_eq!(zone(&HeaderMap::new()), DEFAULT_ZONE);
    }

    #[test]
    fn a_moment_has_three_forms() {
        let noon = Timestamp::from_milliseconds(1_795_000_000_000);
        for text in ["1795000000000", "2026-11-18T11:06:40Z", "2026-11-18 19:06:40", "2026-11-18T19:06:40"] {
            assert_eq!(moment(text, DEFAULT_ZONE), Some(noon), "{text}");
        }
        for text in ["", "soon", "2026-13-01 00:00:00", "99999999999999999999"] {
            assert_eq!(moment(text, DEFAULT_ZONE), None, "{text}");
        }
    }

    #[test]
    fn customers_and_those_below_them_are_told_apart() {
        let of = |one, other| customer(one, other).unwrap();
        assert_eq!(of(None, None), Customer::default());
        assert_eq!(of(Some("a"), Some(" ")), of(Some("a"), None));
        let all = [
            of(Some("a"), None),
            of(Some("a"), Some("b")),
            of(None, Some("b")),
            of(Some("ab"), None),
            of(Some("b"), Some("a")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| one != other));
        }
        assert_eq!(customer(Some("a b"), None), Err(Complaint::Invalid));
        assert_eq!(customer(Some(&"a".repeat(65)), None), Err(Complaint::Invalid));
    }
}
