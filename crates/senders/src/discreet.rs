//! What peers say, made fit for operators to read: servers like to quote the address that they refuse, and gateways the whole
//! text that they were given.

/// Characters of an answer that are passed on.
const LENGTH: usize = 200;

/// `text` in one line, without anything that could be a contact or a code: every word with an `@` and every run of four or
/// more digits becomes an ellipsis, which leaves status codes (`550 5.1.1`) and reasons.
pub(crate) fn discreet(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let mut told = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !told.is_empty() {
            told.push(' ');
        }
        if word.contains(['@', '\u{ff20}']) {
            told.push('…');
        } else {
            push_without_numbers(&mut told, word);
        }
    }
    match told.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &told[..end]),
        None => told,
    }
}

fn push_without_numbers(told: &mut String, word: &str) {
    let mut digits = String::new();
    for character in word.chars().chain(std::iter::once('\0')) {
        if character.is_numeric() {
            digits.push(character);
            continue;
        }
        told.push_str(if digits.chars().count() < 4 { &digits } else { "…" });
        digits.clear();
        if character != '\0' {
            told.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reasons_stay_and_contacts_go() {
        for (said, told) in [
            ("550 5.1.1 <ann@example.com>: Recipient address rejected", "550 5.1.1 … Recipient address rejected"),
            ("{\"code\":15,\"to\":\"+8613912345678\"}", "{\"code\":15,\"to\":\"+…\"}"),
            ("no\r\nsecond\tline\0here", "no second line here"),
            ("Your code is 123456!", "Your code is …!"),
            ("１２３４５６", "…"),
            ("", ""),
        ] {
            assert_eq!(discreet(said), told);
        }
        assert_eq!(discreet(&"字".repeat(300)).chars().count(), LENGTH + 1);
    }

    proptest! {
        #[test]
        fn no_code_and_no_contact_gets_through(before: String, code in "[0-9]{6,10}", after: String) {
            let told = discreet(&format!("{before}{code}{after} ann@example.com {before}"));
            prop_assert!(!told.contains(&code));
            prop_assert!(!told.contains("ann@example.com"));
            prop_assert!(!told.contains(char::is_control));
        }
    }
}
