//! A group: where an app's machines belong, and what an install code puts its machines into.

use crate::app::AppId;
use crate::time::Timestamp;

/// The number of a group: positive, and never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub i64);

/// What people call a group: 1 to 64 characters, none of them a control character or a space at an end; unique within its app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName(String);

impl GroupName {
    /// The name of the group that every app has from its first use on.
    pub fn default_group() -> Self {
        Self("default".to_owned())
    }

    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && text.trim().len() == text.len();
        fits.then(|| Self(text.to_owned()))
    }

    /// The name as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// Whose it is.
    pub app: AppId,
    /// Its name.
    pub name: GroupName,
    /// Whether machines belong here for which no other group was named. Each app has one such group; it cannot be removed.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
}
