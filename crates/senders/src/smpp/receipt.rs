//! What a message centre tells of a delivery: a `deliver_sm` whose text is the receipt (appendix B), and whose optional
//! parameters may say the same.

use bytes::Bytes;
use countersign_domain::ports::Delivery;
use serde::Deserialize;

use super::pdu::Parts;
use crate::discreet::discreet;

/// The kind of message in `esm_class`, and the one that a receipt is.
const KIND: u8 = 0x3c;
const RECEIPT: u8 = 0x04;
/// Optional parameters.
const MESSAGE_PAYLOAD: u16 = 0x0424;
const MESSAGE_STATE: u16 = 0x0427;
const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
/// Bytes of an id (`message_id` has 65 at most).
const ID: usize = 64;

/// How receipts write the ids that answers to submissions gave. The specification leaves that to the message centre.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReceiptIds {
    #[default]
    Same,
    /// The answer's is hexadecimal and the receipt's the same number in decimal.
    Decimal,
    /// The other way round.
    Hexadecimal,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: String,
    /// `None` for a state on the way there.
    pub(super) delivery: Option<Delivery>,
}

/// A message for us that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads the body of a `deliver_sm`; `Ok(None)` for what is no receipt.
pub(super) fn read(body: &Bytes, ids: ReceiptIds) -> Result<Option<Told>, Unreadable> {
    let mut parts = Parts::of(body);
    let (class, mut text) = mandatory(&mut parts).ok_or(Unreadable)?;
    let (mut id, mut state) = (None, None);
    while let Some((tag, value)) = parts.parameter() {
        match tag {
            MESSAGE_PAYLOAD if text.is_empty() => text = value,
            MESSAGE_STATE => state = value.first().copied().and_then(word),
            // As the answer to the submission had it, whatever the text has.
            RECEIPTED_MESSAGE_ID => id = kept(&String::from_utf8_lossy(&value), ids),
            _ => {}
        }
    }
    if class & KIND != RECEIPT {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let id = id.or_else(|| known_as(field(&text, "id:")?, ids)).ok_or(Unreadable)?;
    let state = state.or_else(|| field(&text, "stat:")).ok_or(Unreadable)?;
    let delivery = match state.to_ascii_uppercase().as_str() {
        "DELIVRD" => Some(Delivery::Delivered),
        "EXPIRED" | "DELETED" | "UNDELIV" | "REJECTD" => {
            let reason = field(&text, "err:").map_or_else(String::new, |code| format!(" error {code}"));
            Some(Delivery::Undelivered(discreet(&format!("{state}{reason}"))))
        }
        _ => None,
    };
    Ok(Some(Told { id, delivery }))
}

/// `esm_class` and the text.
fn mandatory(parts: &mut Parts) -> Option<(u8, Bytes)> {
    parts.text()?; // service_type
    for _ in ["source", "destination"] {
        parts.byte()?;
        parts.byte()?;
        parts.text()?;
    }
    let class = parts.byte()?;
    parts.byte()?; // protocol_id
    parts.byte()?; // priority_flag
    parts.text()?; // schedule_delivery_time
    parts.text()?; // validity_period
    for _ in ["registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id"] {
        parts.byte()?;
    }
    Some((class, parts.counted()?))
}

/// An id as messages are known by, out of a receipt. Numbers are written alike, because message centres fill them up with
/// zeros in receipts.
fn known_as(id: &str, ids: ReceiptIds) -> Option<String> {
    let id = id.trim_matches(['\0', ' ']);
    let number = match ids {
        ReceiptIds::Same => return kept(id, ids),
        ReceiptIds::Decimal => id.parse::<u128>().ok()?,
        ReceiptIds::Hexadecimal => u128::from_str_radix(id, 16).ok()?,
    };
    Some(number.to_string())
}

/// An id as messages are known by, out of the answer to a submission; `None` for an empty one.
pub(super) fn kept(id: &str, ids: ReceiptIds) -> Option<String> {
    let id: String = id.chars().filter(|character| !character.is_control()).take(ID).collect();
    let number = match ids {
        ReceiptIds::Same => None,
        ReceiptIds::Decimal => u128::from_str_radix(&id, 16).ok(),
        ReceiptIds::Hexadecimal => id.parse::<u128>().ok(),
    };
    number.map(|number| number.to_string()).or_else(|| (!id.is_empty()).then_some(id))
}

/// A field of the text: `id:0123 sub:001 dlvrd:001 submit date:2611220500 done date:2611220501 stat:DELIVRD err:000 text:…`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(' ').find_map(|word| word.get(..name.len())?.eq_ignore_ascii_case(name).then(|| &word[name.len()..]))
}

/// The word of the text for `message_state` (section 5.2.28).
fn word(state: u8) -> Option<&'static str> {
    match state {
        1 => Some("ENROUTE"),
        2 => Some("DELIVRD"),
        3 => Some("EXPIRED"),
        4 => Some("DELETED"),
        5 => Some("UNDELIV"),
        6 => Some("ACCEPTD"),
        8 => Some("REJECTD"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pdu::Body;
    use super::*;

    fn deliver(class: u8, text: &str, parameters: &[(u16, &[u8])]) -> Bytes {
        let address = |body: Body, number: &str| body.byte(1).byte(1).text(number);
        let body = address(address(Body::default().text(""), "8613912345678"), "10690").byte(class).byte(0).byte(0);
        let body = body.text("").text("").byte(0).byte(0).byte(0).byte(0).counted(text.as_bytes());
        let mut bytes = body.done().to_vec();
        for (tag, value) in parameters {
            bytes.extend(tag.to_be_bytes());
            bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend(*value);
        }
        bytes.into()
    }

    const TEXT: &str =
        "id:0A1F sub:001 dlvrd:001 submit date:2611220500 done date:2611220501 stat:DELIVRD err:000 text:Your";

    fn told(body: &Bytes, ids: ReceiptIds) -> String {
        match read(body, ids) {
            Err(Unreadable) => "unreadable".to_owned(),
            Ok(None) => "no receipt".to_owned(),
            Ok(Some(Told { id, delivery })) => format!("{id} {delivery:?}"),
        }
    }

    #[test]
    fn receipts() {
        let text = |stat: &str| TEXT.replace("DELIVRD", stat);
        for (body, expected) in [
            (deliver(4, TEXT, &[]), "0A1F Some(Delivered)"),
            (deliver(4, &text("UNDELIV"), &[]), "0A1F Some(Undelivered(\"UNDELIV error 000\"))"),
            (deliver(4, &text("expired"), &[]), "0A1F Some(Undelivered(\"expired error 000\"))"),
            (deliver(4, &text("ACCEPTD"), &[]), "0A1F None"),
            (deliver(4, &text("UNKNOWN"), &[]), "0A1F None"),
            (deliver(4, "Id:7 Stat:REJECTD", &[]), "7 Some(Undelivered(\"REJECTD\"))"),
            (deliver(4, "", &[(RECEIPTED_MESSAGE_ID, b"x-9\0"), (MESSAGE_STATE, &[2])]), "x-9 Some(Delivered)"),
            (deliver(4, "", &[(MESSAGE_PAYLOAD, TEXT.as_bytes())]), "0A1F Some(Delivered)"),
            (deliver(4, "stat:DELIVRD", &[]), "unreadable"),
            (deliver(4, "id:7", &[]), "unreadable"),
            (deliver(0x44, TEXT, &[]), "0A1F Some(Delivered)"),
            (deliver(0, "STOP", &[]), "no receipt"),
            (deliver(0x20, TEXT, &[]), "no receipt"),
            (deliver(4, TEXT, &[]).slice(..60), "unreadable"),
        ] {
            assert_eq!(told(&body, ReceiptIds::Same), expected, "{body:?}");
        }
    }

    #[test]
    fn ids_of_receipts_and_of_answers_meet() {
        for (ids, answered, receipted) in [
            (ReceiptIds::Same, "0a1F", "0a1F"),
            (ReceiptIds::Decimal, "0A1F", "0000002591"),
            (ReceiptIds::Decimal, "a1f", "2591"),
            (ReceiptIds::Hexadecimal, "2591", "A1F"),
        ] {
            let text = TEXT.replace("0A1F", receipted);
            let told = read(&deliver(4, &text, &[]), ids).unwrap().unwrap();
            assert_eq!(kept(answered, ids), Some(told.id));
        }
        assert_eq!(kept("", ReceiptIds::Same), None);
        assert_eq!(kept("no number", ReceiptIds::Decimal).as_deref(), Some("no number"));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = read(&body.into(), ReceiptIds::Decimal);
        }
    }
}
