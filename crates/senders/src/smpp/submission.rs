//! A message as message centres take it: one submission for each of its segments.

use bytes::Bytes;
use countersign_domain::message::Message;
use countersign_domain::segments::{Segments, septets};
use countersign_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::pdu::Body;

/// GSM's alphabet, which message centres call their default one.
const GSM: u8 = 0;
/// UTF-16, most significant byte first.
const UCS2: u8 = 8;
/// A header stands before the text (`esm_class`).
const HAS_HEADER: u8 = 0x40;
/// Tell of the delivery, however it ends (`registered_delivery`).
const TELL: u8 = 1;
/// A number as the whole world writes it, in the numbering plan of telephones (`ton`, `npi`).
const INTERNATIONAL: (u8, u8) = (1, 1);

/// Who the text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) address: String,
    /// The type of number, and the numbering plan.
    pub(super) kind: (u8, u8),
}

impl Source {
    /// The address as the settings have it; what kind it is can be seen. `None` for one that nobody can have.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (address, kind) = match text.strip_prefix('+') {
            Some(number) if is_number(number) && number.len() <= 15 => (number, INTERNATIONAL),
            // A short one is the network's own.
            None if is_number(text) && text.len() <= 8 => (text, (3, 0)),
            None if is_number(text) && text.len() <= 20 => (text, (0, 1)),
            None if (1..=11).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                (text, (5, 0))
            }
            _ => return None,
        };
        Some(Self { address: address.to_owned(), kind })
    }
}

/// What is the same in every submission.
pub(super) struct Frame {
    pub(super) source: Source,
    pub(super) service_type: String,
    /// Whether deliveries are told.
    pub(super) receipts: bool,
}

/// The submissions that `message` takes with these words, in order.
pub(super) fn submissions(message: &Message, text: &str, frame: &Frame, now: Timestamp) -> Vec<Bytes> {
    // After a restart the words of a further try can be other ones (`9 minutes`): their pieces are no pieces of the first ones.
    let reference = Sha256::new().chain_update(message.id.0).chain_update(text).finalize()[0];
    let pieces = Segments::pieces(text);
    let total = u8::try_from(pieces.len()).unwrap_or(u8::MAX);
    let validity = validity(message.expires_at, now);
    let to = message.to.normalised().trim_start_matches('+');
    let in_gsm = septets(text).is_some();
    let body = |(number, piece): (u8, &&str)| {
        let mut octets = Vec::new();
        if total > 1 {
            // Five bytes of header: one element (0), of three bytes, for texts in pieces, with a reference of one byte. The same
            // words go out under the same reference on every try, so that phones put pieces of two tries together.
            octets.extend([5, 0, 3, reference, total, number]);
        }
        match septets(piece).filter(|_| in_gsm) {
            Some(septets) => octets.extend(septets),
            None => octets.extend(piece.encode_utf16().flat_map(u16::to_be_bytes)),
        }
        Body::default()
            .text(&frame.service_type)
            .byte(frame.source.kind.0)
            .byte(frame.source.kind.1)
            .text(&frame.source.address)
            .byte(INTERNATIONAL.0)
            .byte(INTERNATIONAL.1)
            .text(to)
            .byte(if total > 1 { HAS_HEADER } else { 0 })
            .byte(0) // protocol_id
            .byte(0) // priority_flag
            .text("") // schedule_delivery_time: now
            .text(&validity)
            .byte(if frame.receipts { TELL } else { 0 })
            .byte(0) // replace_if_present_flag
            .byte(if in_gsm { GSM } else { UCS2 })
            .byte(0) // sm_default_msg_id
            .counted(&octets)
            .done()
    };
    (1..=u8::MAX).zip(&pieces).map(body).collect()
}

/// What is left of the code's life, as a span: after it nobody needs the text any more (section 7.1.1.2).
fn validity(expires_at: Timestamp, now: Timestamp) -> String {
    let seconds = expires_at.since(now).as_secs().max(1);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, (seconds / 86_400).min(30));
    format!("0000{days:02}{:02}{:02}{:02}000R", hours % 24, minutes % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_domain::ports::Clock as _;
    use countersign_domain::testing::ManualClock;
    use proptest::prelude::*;

    use super::super::pdu::Parts;
    use super::*;
    use crate::testing::Draft;

    fn frame() -> Frame {
        Frame { source: Source::parse("Example").unwrap(), service_type: String::new(), receipts: true }
    }

    /// The text of a submission: `esm_class`, `data_coding` and the octets.
    fn text(body: &Bytes) -> (u8, u8, Bytes) {
        let mut parts = Parts::of(body);
        parts.text().unwrap();
        parts.byte().zip(parts.byte()).unwrap();
        parts.text().unwrap();
        parts.byte().zip(parts.byte()).unwrap();
        parts.text().unwrap();
        let class = parts.byte().unwrap();
        parts.byte().zip(parts.byte()).unwrap();
        parts.text().zip(parts.text()).unwrap();
        parts.byte().zip(parts.byte()).unwrap();
        let coding = parts.byte().unwrap();
        parts.byte().unwrap();
        (class, coding, parts.counted().unwrap())
    }

    fn of(body: &str) -> Vec<Bytes> {
        submissions(&Draft::sms().message(), body, &frame(), ManualClock::new().now())
    }

    #[test]
    fn a_whole_submission() {
        let made = of("Code 123456 @ 1€");
        assert_eq!(made.len(), 1);
        let addresses = b"\0\x05\0Example\0\x01\x018613912345678\0";
        let text = b"\0\x01\0\0\0\x11Code 123456 \0 1\x1be";
        assert_eq!(made[0], [&addresses[..], &[0; 4], b"000000001000000R", text].concat());
    }

    #[test]
    fn what_is_left_of_the_codes_life() {
        let now = ManualClock::new().now();
        for (seconds, expected) in [
            (0, "000000000001000R"),
            (59, "000000000059000R"),
            (600, "000000001000000R"),
            (90_061, "000001010101000R"),
            (u64::MAX / 10_000, "000030"),
        ] {
            let told = validity(now.plus(Duration::from_secs(seconds)), now);
            assert!(told.starts_with(expected) && told.len() == 16, "{told}");
        }
    }

    #[test]
    fn where_a_text_comes_from() {
        for (text, expected) in [
            ("+8610955", Some(("8610955", (1, 1)))),
            ("10690", Some(("10690", (3, 0)))),
            ("106909876543210", Some(("106909876543210", (0, 1)))),
            ("Example Ltd", Some(("Example Ltd", (5, 0)))),
            ("Example GmbH", None),
            ("+86x", None),
            ("安", None),
            ("", None),
        ] {
            let expected = expected.map(|(address, kind)| Source { address: address.to_owned(), kind });
            assert_eq!(Source::parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn phones_put_the_pieces_together(gsm in "[a-z€\\[ ]{0,600}", other in "码[a-z码😀]{0,300}") {
            for (body, coding) in [(&gsm, GSM), (&other, UCS2)] {
                let made = of(body);
                let mut whole: Vec<u8> = Vec::new();
                for (number, submission) in (1..).zip(&made) {
                    let (class, has, octets) = text(submission);
                    prop_assert_eq!(has, coding);
                    if made.len() == 1 {
                        prop_assert_eq!(class, 0);
                        whole.extend(&octets);
                        continue;
                    }
                    prop_assert_eq!(class, HAS_HEADER);
                    let total = u8::try_from(made.len()).unwrap();
                    prop_assert_eq!(&octets[..6], &[5, 0, 3, text(&made[0]).2[3], total, number]);
                    // A septet in each octet here, in seven bits on the air.
                    let most = if coding == GSM { 6 + 153 } else { 140 };
                    prop_assert!(octets.len() <= most);
                    prop_assert!(octets.last() != Some(&0x1b) || coding == UCS2, "an escape stands alone");
                    whole.extend(&octets[6..]);
                }
                let expected = if coding == GSM {
                    septets(body).unwrap()
                } else {
                    body.encode_utf16().flat_map(u16::to_be_bytes).collect()
                };
                prop_assert_eq!(whole, expected);
            }
        }
    }
}
