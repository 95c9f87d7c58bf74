/// Unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` from a cryptographically secure source. It cannot fail: a server that has lost its source of
    /// randomness must stop, and the implementation stops it.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// `N` unpredictable bytes.
    pub fn array<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// `length` characters, each drawn without bias from `alphabet` (2 to 256 characters of ASCII).
    pub fn text(&self, alphabet: &[u8], length: usize) -> String {
        // Bytes past the last whole multiple of the alphabet's size are thrown away: they would favour its first characters.
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let byte = usize::from(self.array::<1>()[0]);
            if byte < fair {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
        text
    }
}
