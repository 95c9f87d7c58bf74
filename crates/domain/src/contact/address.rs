//! The one spelling of an e-mail address. Whoever finds a second one has a second account at every limit, and passes every list,
//! for the same mailbox.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

/// Bytes of the longest address (RFC 5321 with its erratum 1690).
const LONGEST: usize = 254;
/// Bytes of the longest name before the `@`.
const LONGEST_NAME: usize = 64;

/// The one form of an address: `None` for what is none.
pub(super) fn normal(text: &str) -> Option<String> {
    // What is typed may be longer than what it stands for, but not without end.
    if text.len() > 4 * LONGEST {
        return None;
    }
    let (name, domain) = text.split_once('@')?;
    let address = format!("{}@{}", mailbox(name)?, host(domain)?);
    (address.len() <= LONGEST).then_some(address)
}

/// What stands before the `@`: words with single dots between them (RFC 5321's dot-string), each of letters, digits and a few
/// signs, or of any script (RFC 6531). A quoted name is refused: nobody has one, and programs on the way disagree about it.
fn mailbox(name: &str) -> Option<String> {
    let name: String = name.to_lowercase().nfc().collect();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character);
    let is_letter = |character: char| is_plain(character) || is_readable(character) && !is_ascii_in_disguise(character);
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_letter);
    (name.len() <= LONGEST_NAME && name.split('.').all(is_word)).then_some(name)
}

/// What stands behind the `@`, in the form in which it is looked up (UTS 46, non-transitional): at least two labels, lower case,
/// those of other scripts in Punycode. Mail goes to that form, so whatever is another spelling of it is the same domain.
pub(crate) fn host(domain: &str) -> Option<String> {
    // UTS 46 drops some of what is hidden, and who looks at the address would not know.
    if !domain.chars().all(|character| character.is_ascii() || is_readable(character)) {
        return None;
    }
    let mapped =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    mapped.ok().filter(|host| host.contains('.')).map(Cow::into_owned)
}

/// Whether a character is another shape of ASCII and nothing else: full-width, circled, mathematical. Mail servers disagree
/// whether that is another name, so it is none.
fn is_ascii_in_disguise(character: char) -> bool {
    !character.is_ascii() && std::iter::once(character).nfkc().all(|one| one.is_ascii())
}

/// Whether a character beyond ASCII shows as what it is.
fn is_readable(character: char) -> bool {
    !character.is_ascii() && !character.is_whitespace() && !is_hidden(character)
}

/// Whether a character does not show as what it is: it controls, turns the direction of a text, takes no room, or is none.
pub(crate) fn is_hidden(character: char) -> bool {
    let is_formatting = matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}'
    );
    character.is_control() || is_formatting
}
