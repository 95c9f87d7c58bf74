//! What peers say, made fit for operators to read: servers like to quote the address that they refuse, and gateways the whole
//! text that they were given.

/// Characters of an answer that are passed on.
const LENGTH: usize = 200;

/// How an `@` is written: as it is, full-width, in addresses, in HTML, in JSON.
const AT: [&str; 7] = ["@", "\u{ff20}", "%40", "&#64;", "&#x40;", "&commat;", "\\u0040"];

/// Digits that make a number even where they stand in groups. A status and an enhanced one have fewer (`550 5.7.26`).
const GROUPED: usize = 9;

/// `text` in one line, without anything that could be a contact or a code: every word with an `@`, every run of four or more
/// digits, and every nine in groups become an ellipsis, which leaves status codes (`550 5.1.1`) and reasons.
pub(crate) fn discreet(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let is_address = |word: &str| {
        let word = word.to_lowercase();
        AT.iter().any(|at| word.contains(at))
    };
    let words = words.filter(|word| !word.is_empty()).map(|word| if is_address(word) { "…" } else { word });
    let told = without_numbers(&words.collect::<Vec<_>>().join(" "));
    match told.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &told[..end]),
        None => told,
    }
}

fn without_numbers(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(char::is_numeric) {
        told.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let run = digits(rest);
        let (end, is_hidden) = match group(rest) {
            (end, count) if count >= GROUPED => (end, true),
            _ => (run, rest[..run].chars().count() >= 4),
        };
        told.push_str(if is_hidden { "…" } else { &rest[..end] });
        rest = &rest[end..];
    }
    told + rest
}

/// Where the digits end that `text` begins with.
fn digits(text: &str) -> usize {
    text.find(|character: char| !character.is_numeric()).unwrap_or(text.len())
}

/// Where the groups of digits end that `text` begins with, single spaces, dots and hyphens between them, and how many digits
/// that is.
fn group(text: &str) -> (usize, usize) {
    let (mut end, mut count) = (digits(text), text[..digits(text)].chars().count());
    while let Some(next) = text[end..].strip_prefix([' ', '.', '-']).filter(|next| next.starts_with(char::is_numeric)) {
        end += 1 + digits(next);
        count += next[..digits(next)].chars().count();
    }
    (end, count)
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
            ("GET /send?to=ann%40example.com&x=1 failed", "GET … failed"),
            ("no such user ann&#64;example.com", "no such user …"),
            (r#"{"to":"ann\u0040example.com"}"#, "…"),
            ("+33 6 12 34 56 78 is no mobile", "+… is no mobile"),
            ("139-12-34-56-78 or 61.23.45.678", "… or …"),
            ("550 5.7.26 Unauthenticated mail", "550 5.7.26 Unauthenticated mail"),
            ("421 4.7.0 [127.0.0.1] try again in 30 s", "421 4.7.0 [127.0.0.1] try again in 30 s"),
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
