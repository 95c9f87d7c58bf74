//! How many segments a text message takes: what gateways bill, and what phones put together again.
//!
//! A segment has 140 octets (3GPP TS 23.040). A text that GSM's own alphabet can write (3GPP TS 23.038) takes seven bits a
//! character, any other text takes UTF-16; one Chinese comma makes the whole text UTF-16. Where one segment does not do,
//! each gives six octets to the header that numbers it.

/// In what a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// GSM's alphabet of seven bits, with its extension.
    Gsm,
    /// UTF-16, which gateways call UCS-2.
    Ucs2,
}

impl Coding {
    /// What the text needs.
    fn of(text: &str) -> Self {
        let gsm = text.chars().all(|character| Self::Gsm.units(character).is_some());
        if gsm { Self::Gsm } else { Self::Ucs2 }
    }

    /// Units in a text of one segment.
    const fn single(self) -> usize {
        match self {
            Self::Gsm => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units in each segment of several.
    const fn joined(self) -> usize {
        match self {
            Self::Gsm => 153,
            Self::Ucs2 => 67,
        }
    }

    /// How many units `character` takes; `None` if it cannot be written.
    fn units(self, character: char) -> Option<usize> {
        match self {
            Self::Gsm if ALPHABET.contains(character) => Some(1),
            Self::Gsm if EXTENSION.contains(character) => Some(2),
            Self::Gsm => None,
            Self::Ucs2 => Some(character.len_utf16()),
        }
    }

    /// The word for it: `gsm`, `ucs2`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gsm => "gsm",
            Self::Ucs2 => "ucs2",
        }
    }
}

/// The default alphabet, without the escape, in the order of its table.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: each takes an escape before it.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";
/// Where each of those stands in its table.
const EXTENSION_PLACES: &[u8] = &[0x0a, 0x14, 0x28, 0x29, 0x2f, 0x3c, 0x3d, 0x3e, 0x40, 0x65];
/// The place of the escape in the default alphabet.
const ESCAPE: u8 = 0x1b;

/// What a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// In what it is written.
    pub coding: Coding,
    /// Its length: septets of GSM's alphabet, or units of UTF-16.
    pub units: usize,
    /// Segments; an empty text takes one, too.
    pub count: usize,
}

impl Segments {
    /// What `text` takes.
    pub fn of(text: &str) -> Self {
        let coding = Coding::of(text);
        let units = text.chars().filter_map(|character| coding.units(character)).sum();
        Self { coding, units, count: Self::pieces(text).len() }
    }

    /// The text cut into what each segment carries, in order; one empty piece for an empty text.
    ///
    /// Neither an escape and what it escapes nor the two halves of a surrogate pair may stand in two segments, so a segment can
    /// end one unit early: segments are filled one after the other, and dividing the length would count too few.
    pub fn pieces(text: &str) -> Vec<&str> {
        let coding = Coding::of(text);
        let (mut pieces, mut units, mut start, mut room) = (Vec::new(), 0, 0, coding.joined());
        for (at, character) in text.char_indices() {
            let width = coding.units(character).unwrap_or_default();
            units += width;
            if width > room {
                pieces.push(&text[start..at]);
                (start, room) = (at, coding.joined());
            }
            room -= width;
        }
        if units <= coding.single() {
            return vec![text];
        }
        pieces.push(&text[start..]);
        pieces
    }
}

/// `text` in GSM's alphabet, a septet in each octet, as message centres take it; `None` if that alphabet cannot write it.
pub fn septets(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        if let Some(place) = ALPHABET.chars().position(|known| known == character) {
            // The escape's own place is not in the list.
            let place = u8::try_from(place).ok()?;
            septets.push(if place < ESCAPE { place } else { place + 1 });
        } else {
            let place = EXTENSION.chars().position(|known| known == character)?;
            septets.extend([ESCAPE, *EXTENSION_PLACES.get(place)?]);
        }
    }
    Some(septets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> (Coding, usize, usize) {
        let Segments { coding, units, count } = Segments::of(text);
        (coding, units, count)
    }

    #[test]
    fn the_table_has_every_place_but_the_escape() {
        assert_eq!(ALPHABET.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        let all: std::collections::HashSet<char> = ALPHABET.chars().chain(EXTENSION.chars()).collect();
        assert_eq!(all.len(), 137, "no character stands twice");
    }

    #[test]
    fn lengths_at_the_edges() {
        for (text, expected) in [
            (String::new(), (Coding::Gsm, 0, 1)),
            ("a".repeat(160), (Coding::Gsm, 160, 1)),
            ("a".repeat(161), (Coding::Gsm, 161, 2)),
            ("a".repeat(306), (Coding::Gsm, 306, 2)),
            ("a".repeat(307), (Coding::Gsm, 307, 3)),
            ("€".repeat(80), (Coding::Gsm, 160, 1)),
            // 76 to a segment, one septet of each unused.
            ("€".repeat(152), (Coding::Gsm, 304, 2)),
            ("€".repeat(153), (Coding::Gsm, 306, 3)),
            ("码".repeat(70), (Coding::Ucs2, 70, 1)),
            ("码".repeat(71), (Coding::Ucs2, 71, 2)),
            ("码".repeat(134), (Coding::Ucs2, 134, 2)),
            ("码".repeat(135), (Coding::Ucs2, 135, 3)),
            ("😀".repeat(35), (Coding::Ucs2, 70, 1)),
            // 33 to a segment, one unit of each unused.
            ("😀".repeat(66), (Coding::Ucs2, 132, 2)),
            ("😀".repeat(67), (Coding::Ucs2, 134, 3)),
            (format!("{}，", "a".repeat(69)), (Coding::Ucs2, 70, 1)),
            // The grave accent is the one character of a keyboard that GSM's alphabet lacks.
            ("`".to_owned(), (Coding::Ucs2, 1, 1)),
        ] {
            assert_eq!(of(&text), expected, "{text}");
        }
    }

    /// The text, cut into segments as a gateway must, one character after the other.
    fn cut(text: &str, coding: Coding) -> Vec<usize> {
        let whole: usize = text.chars().map(|character| coding.units(character).unwrap()).sum();
        if whole <= coding.single() {
            return vec![whole];
        }
        let mut segments = vec![0];
        for character in text.chars() {
            let units = coding.units(character).unwrap();
            if segments.last().unwrap() + units > coding.joined() {
                segments.push(0);
            }
            *segments.last_mut().unwrap() += units;
        }
        segments
    }

    /// Places that 3GPP TS 23.038 gives, at the edges of its columns.
    #[test]
    fn septets_are_the_places_of_the_tables() {
        for (text, expected) in [
            ("@", vec![0x00]),
            ("_", vec![0x11]),
            ("Ξ", vec![0x1a]),
            ("Æ", vec![0x1c]),
            (" ", vec![0x20]),
            ("¤", vec![0x24]),
            ("A1a", vec![0x41, 0x31, 0x61]),
            ("¿", vec![0x60]),
            ("à", vec![0x7f]),
            ("1€[", vec![0x31, 0x1b, 0x65, 0x1b, 0x3c]),
            ("|\u{c}", vec![0x1b, 0x40, 0x1b, 0x0a]),
        ] {
            assert_eq!(septets(text), Some(expected), "{text}");
        }
        assert_eq!(septets("`"), None);
        assert_eq!(EXTENSION.chars().count(), EXTENSION_PLACES.len());
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_each_fits(text in "[a-z€\\[码😀]{0,400}") {
            let pieces = Segments::pieces(&text);
            let Segments { coding, count, .. } = Segments::of(&text);
            prop_assert_eq!(&pieces.concat(), &text);
            prop_assert_eq!(pieces.len(), count);
            let room = if count == 1 { coding.single() } else { coding.joined() };
            for piece in pieces {
                prop_assert!(piece.chars().map(|character| coding.units(character).unwrap()).sum::<usize>() <= room);
            }
        }

        #[test]
        fn a_septet_for_each_unit(text in "[a-zA-Z@_ €\\[\\]^~|]{0,200}") {
            let septets = septets(&text).unwrap();
            prop_assert_eq!(septets.len(), Segments::of(&text).units);
            prop_assert!(septets.iter().all(|septet| *septet < 0x80));
        }

        #[test]
        fn a_text_of_gsms_alphabet_is_cut_where_it_may_be(text in "[a-z€\\[\\]^~ ]{0,700}") {
            let segments = Segments::of(&text);
            let cut = cut(&text, Coding::Gsm);
            prop_assert_eq!(segments.coding, Coding::Gsm);
            prop_assert_eq!((segments.units, segments.count), (cut.iter().sum(), cut.len()));
        }

        #[test]
        fn any_other_text_is_cut_where_it_may_be(text in "码[a-z码😀€]{0,300}") {
            let segments = Segments::of(&text);
            let cut = cut(&text, Coding::Ucs2);
            prop_assert_eq!(segments.coding, Coding::Ucs2);
            prop_assert_eq!(segments.units, text.encode_utf16().count());
            prop_assert_eq!(segments.count, cut.len());
        }

        #[test]
        fn more_text_never_takes_less(text: String, more: char) {
            let (short, long) = (Segments::of(&text), Segments::of(&format!("{text}{more}")));
            prop_assert!(long.count >= short.count);
            // Not so of the length itself: what takes an escape in GSM's alphabet is one unit of UTF-16.
            prop_assert!(long.units > short.units || long.coding != short.coding);
        }
    }
}
