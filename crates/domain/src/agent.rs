//! An agent: a machine that joined with an install code and has a certificate of its own.

use crate::ports::Entropy;

/// Who an agent is, for good: a random UUID (version 4), written as 36 lower-case characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId([u8; 16]);

impl AgentId {
    /// A fresh id.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = entropy.array::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The id in the form 8-4-4-4-12 of hexadecimal digits, in either case; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        if bytes.len() != 36 || (0..36).any(|at| (bytes[at] == b'-') != is_dash(at)) {
            return None;
        }
        let mut digits = bytes.iter().filter(|byte| **byte != b'-').map(|byte| char::from(*byte).to_digit(16));
        let mut id = [0; 16];
        for byte in &mut id {
            *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
        }
        Some(Self(id))
    }
}

impl std::fmt::Display for AgentId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                formatter.write_str("-")?;
            }
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(seed: u64) {
            let id = AgentId::draw(&SeededEntropy::new(seed));
            let shown = id.to_string();
            prop_assert_eq!(AgentId::parse(&shown), Some(id));
            prop_assert_eq!(AgentId::parse(&shown.to_uppercase()), Some(id));
            prop_assert_eq!(&shown[14..15], "4");
            prop_assert!("89ab".contains(&shown[19..20]));
        }

        #[test]
        fn no_other_text_is_one(text in "[0-9a-g-]{30,40}") {
            if let Some(id) = AgentId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
