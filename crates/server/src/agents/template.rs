//! Values in scripts. Each value is written by the shell's own rules, so that none can end its quotes.

use anyhow::{Context as _, ensure};

const MARK: &str = "@@";

/// Puts each value where `@@NAME@@` stands.
///
/// # Errors
/// If the template names another value, or lacks one of them.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> anyhow::Result<String> {
    let mut filled = String::with_capacity(template.len());
    let mut used = vec![false; values.len()];
    for (number, part) in template.split(MARK).enumerate() {
        if number.is_multiple_of(2) {
            filled.push_str(part);
        } else {
            let at = values.iter().position(|(name, _)| *name == part);
            let at = at.with_context(|| format!("the script names {part:?}"))?;
            filled.push_str(&values[at].1);
            used[at] = true;
        }
    }
    ensure!(template.matches(MARK).count().is_multiple_of(2), "a mark of the script has no end");
    ensure!(used.iter().all(|used| *used), "the script leaves out a value");
    Ok(filled)
}

/// A text in quotes of a POSIX shell's.
pub(super) fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text in quotes of PowerShell's, which takes four characters for a quote.
pub(super) fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        if matches!(character, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_template_and_its_values_fit() {
        let values = [("A", "1".to_owned()), ("B", "@@A@@".to_owned())];
        assert_eq!(fill("x=@@A@@\ny=@@B@@ @@A@@", &values).unwrap(), "x=1\ny=@@A@@ 1");
        for template in ["@@A@@", "@@A@@ @@B@@ @@C@@", "@@A@@ @@B@@ @@", "@@A @@ @@B@@"] {
            assert!(fill(template, &values).is_err(), "{template}");
        }
    }

    #[test]
    fn powershells_quotes_are_doubled() {
        assert_eq!(powershell("it's \u{2019}so\u{2019}"), "'it''s \u{2019}\u{2019}so\u{2019}\u{2019}'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_text_ends_its_quotes(text in "[^\0]{0,40}") {
            let output = Command::new("sh").arg("-c").arg(format!("printf %s {}", sh(&text))).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
