//! The little of DER that is read here: signing requests, and certificates that our own authority made.
//!
//! A reader of our own, because the small crates for it panic at lengths that no message has, or bring a second version of
//! something big, and what is needed is one rule: a tag, a length, as many bytes.

/// SEQUENCE, SET, and the first tags that depend on their place.
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const PLACE_0: u8 = 0xa0;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

/// Values that follow each other, from the first that was not read yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value; `None` where there is none, or none in DER of at most 64 KiB.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match (first, rest) {
            (..=0x7f, rest) => (usize::from(first), rest),
            (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
            (0x82, [high @ 1..=0xff, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        let (whole, after) = self.0.split_at_checked(self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag, contents, whole })
    }

    /// The next value, if its tag is this one.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// What is in the next value, if its tag is this one.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(|element| Self(element.contents))
    }

    /// `None` while something is left.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

impl<'a> Element<'a> {
    /// The bytes of a whole number that is not negative, without leading zeros.
    pub(crate) fn digits(self) -> &'a [u8] {
        let zeros = self.contents.iter().take_while(|byte| **byte == 0).count();
        self.contents.get(zeros..).unwrap_or_default()
    }

    /// The bytes of a string of bits, if there are no bits beside them.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        self.contents.strip_prefix(&[0])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_a_tag_a_length_and_its_bytes() {
        let mut der = Der::new(&[0x30, 3, 2, 1, 5, 4, 0]);
        let mut inner = der.enter(SEQUENCE).unwrap();
        assert_eq!(inner.take(INTEGER).unwrap().contents, [5]);
        assert_eq!(inner.end(), Some(()));
        assert_eq!(der.end(), None);
        assert_eq!(der.take(INTEGER), None, "another tag");
        let long = [&[4, 0x81, 200][..], &[7; 200]].concat();
        assert_eq!(Der::new(&long).next().unwrap().contents, [7; 200]);
        let longer = [&[4, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(Der::new(&longer).next().unwrap().whole, longer);
    }

    #[test]
    fn other_spellings_of_a_length_are_none() {
        for bytes in [
            &[4][..],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 200],
            &[4, 0x83, 0, 0, 1, 0],
            &[4, 0x88, 255, 255, 255, 255, 255, 255, 255, 255],
            &[4, 0xff],
        ] {
            assert_eq!(Der::new(bytes).next(), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stands_there(bytes: Vec<u8>) {
            let mut der = Der::new(&bytes);
            let mut read = Vec::new();
            while let Some(element) = der.next() {
                prop_assert!(element.whole.ends_with(element.contents));
                read.extend_from_slice(element.whole);
            }
            prop_assert!(bytes.starts_with(&read));
        }
    }
}
