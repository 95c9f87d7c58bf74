//! An office site: a network of desktops of an app, to which one resource can be attached, with its owner's consent.

use crate::account::AccountId;
use crate::app::AppId;
use crate::code::{CodeId, Resource};
use crate::contact::is_hidden;
use crate::network::Network;
use crate::ports::Entropy;
use crate::time::Timestamp;

/// Names an office site: `cn-hangzhou+dir-3633530001`. 1 to 64 characters of `[A-Za-z0-9_.+-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(String);

impl SiteId {
    /// The id, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// A fresh id in `region`; `None` where the region's name is too long for one.
    pub fn draw(region: &str, entropy: &dyn Entropy) -> Option<Self> {
        Self::parse(&format!("{region}+dir-{}", entropy.text(b"0123456789", 10)))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a site is called, for people only: 2 to 255 characters, none that is hidden; or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteName(String);

impl SiteName {
    /// The name, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (2..=255).contains(&text.chars().count()) && !text.chars().any(is_hidden);
        (fits || text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sites that an app may make by itself. What the operator puts into the directory is not counted against it.
pub const MOST_SITES: u32 = 1_000;

/// What a site is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// Accounts of convenience, the advanced form: the kind that resources can be attached to later.
    Simple,
    /// Accounts of convenience, the basic form.
    Basic,
    /// Accounts of a company's own directory.
    AdConnector,
}

impl SiteKind {
    /// The word at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Basic => "basic",
            Self::AdConnector => "ad-connector",
        }
    }

    /// The kind that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Simple, Self::Basic, Self::AdConnector].into_iter().find(|kind| kind.word() == word)
    }
}

/// An office site as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeSite {
    /// Whose it is.
    pub app: AppId,
    /// Its name: one of a kind among the app's.
    pub id: SiteId,
    /// What it is called; often nothing.
    pub name: SiteName,
    /// What it is made for.
    pub kind: SiteKind,
    /// Its addresses, where they were said.
    pub network: Option<Network>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A resource at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Where.
    pub site: SiteId,
    /// What.
    pub resource: Resource,
    /// Who owned it then.
    pub account: AccountId,
    /// The code with which its owner agreed; none where it is the app's own.
    pub code: Option<CodeId>,
    /// Since when.
    pub since: Timestamp,
}

/// Where a resource is to be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteUse {
    /// To a site that is there, of the kind that takes one later.
    Existing(SiteId),
    /// To one that is made for it.
    New(OfficeSite),
}

/// What happens where another resource is attached already. The same one again is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// Nothing: it stays.
    Refuse,
    /// The new one takes its place.
    Replace,
}

/// A resource that is to be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attaching {
    /// Whose site it is, and in whose directory the resource stands.
    pub app: AppId,
    /// Where.
    pub site: SiteUse,
    /// What.
    pub resource: Resource,
    /// Its owner; if it is another's meanwhile, nothing is attached.
    pub account: AccountId,
    /// What happens where another one is.
    pub occupied: Occupied,
}

/// Why a resource cannot be attached to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteRefusal {
    /// The app has no such site.
    Unknown,
    /// The site is of a kind that takes no resource once it is made.
    OtherKind,
    /// Another resource is attached to it.
    Occupied,
    /// The resource is not there any more, or not this account's; or the account is not asked where its code was sent.
    Gone,
}

impl SiteRefusal {
    /// A stable word, for the audit trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown-site",
            Self::OtherKind => "other-kind",
            Self::Occupied => "occupied",
            Self::Gone => "gone",
        }
    }
}
