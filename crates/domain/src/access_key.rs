//! An access key: what an app's server side proves itself with.

use std::collections::BTreeSet;

use subtle::ConstantTimeEq as _;

use crate::app::AppId;
use crate::secret::Secret;
use crate::time::Timestamp;

/// What an access key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Ask whether a ticket is valid, and spend it.
    RedeemTickets,
    /// See a sample of what was decided about challenges, and why.
    ReadDecisions,
    /// Have codes sent, and see how they are doing.
    SendCodes,
    /// Check codes, and spend them.
    CheckCodes,
    /// See the contacts that codes have verified.
    ReadContacts,
    /// Forget verified contacts.
    ManageContacts,
    /// See the install codes of the app.
    ReadInstallCodes,
    /// Make install codes.
    CreateInstallCodes,
    /// End install codes before their time.
    RevokeInstallCodes,
    /// See the machines that joined.
    ReadAgents,
    /// Send machines away.
    RevokeAgents,
    /// Make, rename and remove groups.
    ManageGroups,
    /// See the accounts of the app's directory, what they own, and where it is attached.
    ReadDirectory,
    /// Change accounts and what they own, and with that who is asked for consent.
    ManageDirectory,
    /// Make office sites, attach what the app owns or has a code for, and detach it.
    AttachResources,
    /// See how often the app's calls came how far.
    ReadStatistics,
    /// See for whom each of them was.
    ReadUsage,
}

impl Permission {
    /// Every permission, in the order of the documentation.
    pub const ALL: [Self; 17] = [
        Self::RedeemTickets,
        Self::ReadDecisions,
        Self::SendCodes,
        Self::CheckCodes,
        Self::ReadContacts,
        Self::ManageContacts,
        Self::ReadInstallCodes,
        Self::CreateInstallCodes,
        Self::RevokeInstallCodes,
        Self::ReadAgents,
        Self::RevokeAgents,
        Self::ManageGroups,
        Self::ReadDirectory,
        Self::ManageDirectory,
        Self::AttachResources,
        Self::ReadStatistics,
        Self::ReadUsage,
    ];

    /// The word for this permission on the command line and at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::RedeemTickets => "tickets.redeem",
            Self::ReadDecisions => "decisions.read",
            Self::SendCodes => "codes.send",
            Self::CheckCodes => "codes.check",
            Self::ReadContacts => "contacts.read",
            Self::ManageContacts => "contacts.manage",
            Self::ReadInstallCodes => "install_codes.read",
            Self::CreateInstallCodes => "install_codes.create",
            Self::RevokeInstallCodes => "install_codes.revoke",
            Self::ReadAgents => "agents.read",
            Self::RevokeAgents => "agents.revoke",
            Self::ManageGroups => "groups.manage",
            Self::ReadDirectory => "directory.read",
            Self::ManageDirectory => "directory.manage",
            Self::AttachResources => "resources.attach",
            Self::ReadStatistics => "statistics.read",
            Self::ReadUsage => "usage.read",
        }
    }

    /// The permission that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.word() == word)
    }
}

/// The permissions of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// All there are, and all that later versions bring.
    All,
    /// Just these; none, if the set is empty.
    Only(BTreeSet<Permission>),
}

impl Permissions {
    /// Whether `permission` is among them.
    pub fn allow(&self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(&permission),
        }
    }

    /// As they are kept and shown: `*`, or words separated by spaces.
    pub fn to_text(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Only(set) => set.iter().map(|permission| permission.word()).collect::<Vec<_>>().join(" "),
        }
    }

    /// Reads [`to_text`](Self::to_text)'s form; `None` if a word is unknown.
    pub fn from_text(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        text.split_whitespace().map(Permission::from_word).collect::<Option<_>>().map(Self::Only)
    }
}

/// The public half of an access key. 1 to 64 characters of `[A-Za-z0-9]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// The id, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as clients send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the secret's seal at rest is bound to.
    pub fn place(&self) -> String {
        format!("access_key/{}", self.0)
    }
}

/// An access key as it is kept: all but the secret in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyRow {
    /// The public half.
    pub id: AccessKeyId,
    /// The app that it speaks for.
    pub app: AppId,
    /// The secret, sealed under the master key for [`AccessKeyId::place`].
    pub sealed_secret: Vec<u8>,
    /// What it may do.
    pub permissions: Permissions,
    /// A disabled key is refused at every door; as if it were unknown, where a door has no word for it.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An access key that can be used: its secret is open, because HMAC schemes need it.
pub struct AccessKey {
    /// The key as it is kept.
    pub row: AccessKeyRow,
    /// The secret.
    pub secret: Secret<String>,
}

impl AccessKey {
    /// Whether `secret` is this key's, in a time that does not depend on where the two differ.
    pub fn has_secret(&self, secret: &str) -> bool {
        bool::from(self.secret.expose().as_bytes().ct_eq(secret.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_read_as_they_are_written() {
        let all: BTreeSet<_> = Permission::ALL.into();
        assert_eq!(all.len(), Permission::ALL.len());
        for permissions in [Permissions::All, Permissions::Only(all), Permissions::Only(BTreeSet::new())] {
            assert_eq!(Permissions::from_text(&permissions.to_text()), Some(permissions));
        }
        assert_eq!(Permissions::from_text("tickets.redeem everything"), None);
    }
}
