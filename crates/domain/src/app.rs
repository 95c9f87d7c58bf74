//! An app: somebody's site or program that uses this server.

use crate::time::Timestamp;

/// The public id of an app: its site key, its OneAccess client id. 1 to 64 characters of `[A-Za-z0-9_-]`; ours have 32.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(String);

impl AppId {
    /// The id, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as clients send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Somebody's site or program that uses this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its public id.
    pub id: AppId,
    /// What its owner calls it, for people only.
    pub name: String,
    /// The tenant that callers have to name, where the app is one of several tenants' (OneAccess `X-tenant-id`).
    pub tenant: Option<String>,
    /// A disabled app is refused at every door.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a call for an app is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppRefusal {
    /// No app has this id.
    #[error("no such app")]
    Unknown,
    /// The app is there, and switched off.
    #[error("the app is disabled")]
    Disabled,
}

/// What a ticket is for, in the app's own words: `signup`, `login`. 1 to 64 characters of `[A-Za-z0-9_.:/-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action(String);

impl Action {
    /// The action, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// The app's own word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
