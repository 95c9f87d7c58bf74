//! What goes over the line: the few of SMPP 3.4's protocol data units (PDUs) that a sender of messages needs, of bounded size.

use bytes::{Buf as _, Bytes, BytesMut};

/// The length, the command, the status and the number that every PDU begins with.
const HEAD: usize = 16;
/// Bytes that a PDU may have. A receipt has a few hundred; whoever announces more is not understood any more, and where its
/// next PDU would begin is not known either.
const LONGEST: usize = 16 * 1024;
/// An answer's command is its question's with this bit.
const ANSWER: u32 = 0x8000_0000;

/// The numbers of the commands (section 5.1.2.1).
pub(super) mod command {
    pub(in super::super) const GENERIC_NACK: u32 = 0x8000_0000;
    pub(in super::super) const SUBMIT_SM: u32 = 0x0000_0004;
    pub(in super::super) const SUBMIT_SM_RESP: u32 = 0x8000_0004;
    pub(in super::super) const DELIVER_SM: u32 = 0x0000_0005;
    pub(in super::super) const UNBIND: u32 = 0x0000_0006;
    pub(in super::super) const BIND_TRANSCEIVER: u32 = 0x0000_0009;
    pub(in super::super) const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;
    pub(in super::super) const ENQUIRE_LINK: u32 = 0x0000_0015;
}

/// A PDU. Outside tests it has no `Debug`: it holds the text of a message.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Pdu {
    pub(super) command: u32,
    pub(super) status: u32,
    /// Which question an answer belongs to.
    pub(super) sequence: u32,
    pub(super) body: Bytes,
}

/// Bytes that cannot be the beginning of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it announced a PDU of {0} bytes")]
pub(super) struct Garbled(u32);

impl Pdu {
    /// A question.
    pub(super) fn new(command: u32, sequence: u32, body: Bytes) -> Self {
        Self { command, status: 0, sequence, body }
    }

    /// The answer to this one, whose body is empty but for the empty text that answers to messages have.
    pub(super) fn answer(&self, status: u32) -> Self {
        let body = if self.command == command::DELIVER_SM { Bytes::from_static(&[0]) } else { Bytes::new() };
        Self { command: self.command | ANSWER, status, sequence: self.sequence, body }
    }

    /// Says that nothing is known of such a command as this one's.
    pub(super) fn nack(&self, status: u32) -> Self {
        Self { command: command::GENERIC_NACK, status, sequence: self.sequence, body: Bytes::new() }
    }

    /// Whether this answers something.
    pub(super) fn is_answer(&self) -> bool {
        self.command & ANSWER != 0
    }

    /// As it goes over the line.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(HEAD + self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEAD + self.body.len());
        for number in [length, self.command, self.status, self.sequence] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(&self.body);
        bytes
    }

    /// Takes one off the front of what was read; `None` while it is not whole.
    ///
    /// # Errors
    /// [`Garbled`]; the line is of no use any more.
    pub(super) fn take(read: &mut BytesMut) -> Result<Option<Self>, Garbled> {
        let Some(announced) = read.first_chunk() else { return Ok(None) };
        let announced = u32::from_be_bytes(*announced);
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if !(HEAD..=LONGEST).contains(&length) {
            return Err(Garbled(announced));
        }
        if read.len() < length {
            return Ok(None);
        }
        let mut whole = read.split_to(length).freeze();
        whole.advance(size_of::<u32>());
        let [command, status, sequence] = std::array::from_fn(|_| whole.get_u32());
        Ok(Some(Self { command, status, sequence, body: whole }))
    }
}

/// Writes a body.
#[derive(Default)]
pub(super) struct Body(Vec<u8>);

impl Body {
    /// A text, ended by a zero. One inside it would end it early, so it is left out.
    #[must_use]
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
        self
    }

    #[must_use]
    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    /// What a length stands before.
    #[must_use]
    pub(super) fn counted(mut self, bytes: &[u8]) -> Self {
        let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        self.0.push(length);
        self.0.extend(&bytes[..usize::from(length)]);
        self
    }

    pub(super) fn done(self) -> Bytes {
        self.0.into()
    }
}

/// Reads a body. Each part is `None` where the body has ended before it.
pub(super) struct Parts(Bytes);

impl Parts {
    pub(super) fn of(body: &Bytes) -> Self {
        Self(body.clone())
    }

    /// A text that a zero ends.
    pub(super) fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        (!self.0.is_empty()).then(|| self.0.get_u8())
    }

    /// What a length of one byte stands before.
    pub(super) fn counted(&mut self) -> Option<Bytes> {
        let length = usize::from(self.byte()?);
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    /// The next of the optional parameters: its tag and its value.
    pub(super) fn parameter(&mut self) -> Option<(u16, Bytes)> {
        if self.0.len() < 4 {
            return None;
        }
        let tag = self.0.get_u16();
        let length = usize::from(self.0.get_u16());
        (length <= self.0.len()).then(|| (tag, self.0.split_to(length)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification, section 3.2.2.
    #[test]
    fn the_bytes_are_those_of_the_specifications_example() {
        let bytes = [
            0x00, 0x00, 0x00, 0x2f, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x53, 0x4d,
            0x50, 0x50, 0x33, 0x54, 0x45, 0x53, 0x54, 0x00, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74, 0x30, 0x38, 0x00, 0x53,
            0x55, 0x42, 0x4d, 0x49, 0x54, 0x31, 0x00, 0x50, 0x01, 0x01, 0x00,
        ];
        let body = Body::default().text("SMPP3TEST").text("secret08").text("SUBMIT1").byte(0x50).byte(1).byte(1);
        let pdu = Pdu::new(2, 1, body.text("").done());
        assert_eq!(pdu.bytes(), bytes);
        assert_eq!(Pdu::take(&mut BytesMut::from(&bytes[..])), Ok(Some(pdu)));
    }

    #[test]
    fn a_length_that_no_pdu_has_ends_it() {
        for length in [0, 15, 16 * 1024 + 1, u32::MAX] {
            assert_eq!(Pdu::take(&mut BytesMut::from(&length.to_be_bytes()[..])), Err(Garbled(length)));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            command: u32, status: u32, sequence: u32, body in prop::collection::vec(any::<u8>(), 0..300), cut: prop::sample::Index,
        ) {
            let pdu = Pdu { command, status, sequence, body: body.into() };
            let bytes = [pdu.bytes(), pdu.bytes()].concat();
            let (first, second) = bytes.split_at(cut.index(bytes.len()));
            let mut read = BytesMut::from(first);
            let mut heard = Vec::new();
            while let Some(pdu) = Pdu::take(&mut read).unwrap() {
                heard.push(pdu);
            }
            read.extend_from_slice(second);
            while let Some(pdu) = Pdu::take(&mut read).unwrap() {
                heard.push(pdu);
            }
            prop_assert_eq!(heard, vec![pdu.clone(), pdu]);
            prop_assert!(read.is_empty());
        }

        #[test]
        fn any_body_is_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut parts = Parts::of(&body.into());
            let _ended = (parts.text(), parts.byte(), parts.counted());
            while parts.parameter().is_some() {}
        }
    }
}
