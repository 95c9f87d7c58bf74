use countersign_domain::agent::{AgentCertificate, AgentId};
use countersign_domain::time::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::der::{
    Der, Element, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, PLACE_0, SEQUENCE, SET, UTC_TIME, UTF8_STRING,
};

/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What a certificate says that the agents' authority made for an agent; `None` for any other. Whether it holds is for
/// others to check.
pub(crate) fn read(certificate: &CertificateDer<'_>) -> Option<AgentCertificate> {
    let mut fields = Der::new(certificate).enter(SEQUENCE)?.enter(SEQUENCE)?;
    let _version = fields.take(PLACE_0)?;
    let number = fields.take(INTEGER)?.digits();
    let _signature_algorithm = fields.take(SEQUENCE)?;
    let _issuer = fields.take(SEQUENCE)?;
    let mut validity = fields.enter(SEQUENCE)?;
    let _not_before = validity.next()?;
    let not_after = time(validity.next()?)?;
    let mut subject = fields.enter(SEQUENCE)?.enter(SET)?.enter(SEQUENCE)?;

    let mut serial = [0; 16];
    serial.get_mut(16_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
    if subject.take(OBJECT_IDENTIFIER)?.contents != COMMON_NAME {
        return None;
    }
    let name = std::str::from_utf8(subject.take(UTF8_STRING)?.contents).ok()?;
    Some(AgentCertificate { agent: AgentId::parse(name)?, serial, not_after })
}

/// A time of a certificate's (RFC 5280, 4.1.2.5): two digits of the year until 2049, four from then on.
fn time(element: Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(element.contents).ok()?;
    let (century, text) = match element.tag {
        UTC_TIME => (2_000, text),
        GENERALIZED_TIME => {
            let (century, text) = text.split_at_checked(2)?;
            (century.parse::<i16>().ok()? * 100, text)
        }
        _ => return None,
    };
    let digits = text.strip_suffix('Z').filter(|digits| digits.len() == 12)?;
    let mut pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok()?.parse::<i8>().ok());
    let mut next = || pairs.next().flatten();
    let year = century + i16::from(next()?);
    let time = jiff::civil::DateTime::new(year, next()?, next()?, next()?, next()?, next()?, 0).ok()?;
    let time = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
    Some(Timestamp::from_milliseconds(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_of_a_time_are_read() {
        let read =
            |tag, text: &str| time(Element { tag, contents: text.as_bytes(), whole: &[] }).map(Timestamp::milliseconds);
        assert_eq!(read(UTC_TIME, "261118110640Z"), Some(1_795_000_000_000));
        assert_eq!(read(GENERALIZED_TIME, "20261118110640Z"), Some(1_795_000_000_000));
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000_000));
        for text in ["", "261118110640", "261318110640Z", "26111811064Z", "éé11181106Z", "+61118110640Z1"] {
            assert_eq!(read(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(read(SEQUENCE, "261118110640Z"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>) {
            prop_assert_eq!(read(&CertificateDer::from(bytes)), None);
        }
    }
}
