//! Sixteen bytes as 32 hexadecimal digits: how ids are written that name a row and say nothing else.

/// Reads 32 hexadecimal digits; `None` for any other text.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    // `from_str_radix` takes a sign, too.
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

/// Writes them.
pub(crate) fn write(id: [u8; 16], formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    write!(formatter, "{:032x}", u128::from_be_bytes(id))
}

/// What an id of 16 random bytes can do.
macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// A fresh id.
            pub fn draw(entropy: &dyn $crate::ports::Entropy) -> Self {
                Self(entropy.array())
            }

            /// The id of these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub fn bytes(self) -> [u8; 16] {
                self.0
            }

            /// Reads 32 hexadecimal digits; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                $crate::hex_id::parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::hex_id::write(self.0, formatter)
            }
        }
    };
}
pub(crate) use id;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_none() {
        let id = "0123456789abcdef0123456789ABCDEF";
        assert_eq!(parse(id).map(|bytes| bytes[15]), Some(0xef));
        for text in ["", &id[1..], &format!("+{}", &id[1..]), &format!("{id}0"), "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
