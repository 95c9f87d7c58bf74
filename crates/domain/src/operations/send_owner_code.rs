use std::sync::Arc;

use crate::account::Owner;
use crate::app::App;
use crate::code::{CodePurpose, Requester, Resource};
use crate::operations::{Actor, Consent, DoorRules, NewCode, OwnerPorts, SendCode, SendCodeError, SentCode};
use crate::ports::RecordsError;

/// Sends a code to whoever owns a resource, wherever the directory says: the caller names no destination.
pub struct SendOwnerCode {
    ports: OwnerPorts,
    send_code: Arc<SendCode>,
}

/// A code that somebody wants an owner to get.
pub struct NewOwnerCode<'a> {
    /// Who asks.
    pub app: &'a App,
    /// For which resource.
    pub resource: Resource,
    /// Whose it is.
    pub owner: Owner,
    /// What for.
    pub purpose: CodePurpose,
    /// What the door's documents fix.
    pub rules: DoorRules,
    /// Who asks, for the audit trail.
    pub by: Actor<'a>,
}

/// Why no code was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendOwnerCodeError {
    /// The resource is not this account's; or there is none, or no such account: one refusal for all three.
    #[error("the resource is not that account's")]
    NotTheirs,
    /// The code was refused.
    #[error(transparent)]
    Send(#[from] SendCodeError),
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl SendOwnerCode {
    /// The operation over these ports.
    pub fn new(ports: OwnerPorts, send_code: Arc<SendCode>) -> Self {
        Self { ports, send_code }
    }

    /// Sends a code. Its message is in the owner's language, and says who asks for what.
    ///
    /// # Errors
    /// [`SendOwnerCodeError`].
    pub async fn run(&self, new: NewOwnerCode<'_>) -> Result<SentCode, SendOwnerCodeError> {
        let NewOwnerCode { app, resource, owner, purpose, rules, by } = new;
        let owned = self.ports.records.owned(app.id.clone(), resource.clone(), owner).await?;
        let (account, _) = owned.ok_or(SendOwnerCodeError::NotTheirs)?;
        let contact = self.ports.contact(&account)?;
        let consent = Consent { account: account.id, requester: self.requester(app).await? };
        let new = NewCode {
            app,
            to: &contact,
            purpose,
            resource: Some(resource),
            consent: Some(consent),
            language: account.language,
            payment: None,
            person: None,
            rules: Some(rules),
            idempotency: None,
            by,
        };
        Ok(self.send_code.run(new).await?)
    }

    /// The app's own account, by which the owner may know it; else the app.
    async fn requester(&self, app: &App) -> Result<Option<Requester>, RecordsError> {
        Ok(match self.ports.records.own_account(app.id.clone()).await? {
            Some(own) => Requester::of(&format!("{} ({})", own.name.as_str(), own.id)),
            None => Requester::of(&app.name),
        })
    }
}
