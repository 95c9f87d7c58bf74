use std::sync::Arc;

use crate::account::{Account, OwnedResource, Owner};
use crate::app::AppId;
use crate::code::{CodeEnd, CodePurpose, CodeState, Resource};
use crate::contact::{Contact, ContactKeys};
use crate::gate::Over;
use crate::office_site::{Attachment, SiteRefusal};
use crate::operations::{Actor, CheckCode, CheckCodeError};
use crate::ports::{Checked, Clock, Entropy, Gained, OwnershipRecords, RecordsError, Spending};

/// What the operations on accounts and what they own need.
#[derive(Clone)]
pub struct OwnerPorts {
    /// Accounts, resources, office sites.
    pub records: Arc<dyn OwnershipRecords>,
    /// The installation's keys for contacts.
    pub keys: Arc<ContactKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What a caller says about a resource, and shows for it.
#[derive(Clone)]
pub struct Claim<'a> {
    /// Who calls.
    pub app: &'a AppId,
    /// Which resource.
    pub resource: Resource,
    /// Whose it is.
    pub owner: Owner,
    /// What the code must be for.
    pub purpose: CodePurpose,
    /// The code that the owner got. What the app's own account owns needs none.
    pub typed: Option<&'a str>,
}

/// Why a claim does not count. Nothing was spent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The resource is not this account's; or there is none, or no such account. One refusal for all three: a caller must not
    /// learn who is in the directory.
    #[error("the resource is not that account's")]
    NotTheirs,
    /// It takes the owner's code.
    #[error("a code is needed")]
    CodeNeeded,
    /// The code is wrong, spent, too old, or for something else.
    #[error("the code is wrong")]
    WrongCode,
    /// The code took as many wrong tries as it may.
    #[error("the code took too many wrong tries")]
    GuessedOut,
    /// The owner's contact, or the app, has had as many wrong tries as it may.
    #[error("over the limit {}", .0.limit.name())]
    Limited(Over),
    /// The site cannot take it.
    #[error("the site does not take it: {}", .0.word())]
    Site(SiteRefusal),
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl OwnerPorts {
    /// The resource of a claim with its owner.
    pub(super) async fn owned(&self, claim: &Claim<'_>) -> Result<(Account, OwnedResource), ClaimError> {
        let owned = self.records.owned(claim.app.clone(), claim.resource.clone(), claim.owner).await?;
        owned.ok_or(ClaimError::NotTheirs)
    }

    /// Where the owner of an account is asked.
    pub(super) fn contact(&self, account: &Account) -> Result<Contact, RecordsError> {
        let opened = self.keys.open_contact(account.contact, &account.sealed_contact);
        opened.map_err(|_| RecordsError::Damaged(format!("the contact of account {} does not open", account.id)))
    }

    /// Compares a claim's code with the newest one that was sent to the owner for it, and spends it for `spending`, if that is
    /// asked for.
    pub(super) async fn compare(
        &self,
        check_code: &CheckCode,
        claim: &Claim<'_>,
        owner: &Account,
        spending: Option<Spending>,
        by: Actor<'_>,
    ) -> Result<Option<Attachment>, ClaimError> {
        let typed = claim.typed.ok_or(ClaimError::CodeNeeded)?;
        let contact = self.contact(owner)?;
        let named = check_code.newest(claim.app, claim.purpose.clone(), &contact, Some(claim.resource.clone()));
        let checked = check_code.compare(named, typed, spending, by).await.map_err(|error| match error {
            CheckCodeError::NotACode => ClaimError::WrongCode,
            CheckCodeError::Limited(over) => ClaimError::Limited(over),
            CheckCodeError::Records(error) => ClaimError::Records(error),
        })?;
        match checked {
            Checked::Right(_, gained) => Ok(gained.and_then(|gained| match gained {
                Gained::Attachment(attachment) => Some(attachment),
                Gained::Contact(_) => None,
            })),
            Checked::Dead(_, CodeState::Ended(CodeEnd::GuessedOut)) => Err(ClaimError::GuessedOut),
            Checked::Wrong(_) | Checked::Dead(..) | Checked::Unknown => Err(ClaimError::WrongCode),
            Checked::Refused(_, over) => Err(ClaimError::Limited(over)),
            Checked::Hindered(refusal) => Err(ClaimError::Site(refusal)),
        }
    }
}
