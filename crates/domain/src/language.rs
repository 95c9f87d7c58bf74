//! The languages that people are spoken to in. Chinese and English are equals: whatever a person sees exists in both.

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language that a tag such as `zh-CN` or a list of them begins with; English for any other.
    pub fn from_tag(tag: &str) -> Self {
        let chinese = tag.trim_start().get(..2).is_some_and(|start| start.eq_ignore_ascii_case("zh"));
        if chinese { Self::Chinese } else { Self::English }
    }

    /// Its short tag: `en`, `zh`. What templates and rows name it by.
    pub fn tag(self) -> &'static str {
        self.pick("en", "zh")
    }

    /// Picks the text for this language.
    pub fn pick<'a>(self, english: &'a str, chinese: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}
