use std::sync::Arc;

use crate::account::OwnedResource;
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::office_site::{Attaching, Attachment, Occupied, OfficeSite, SiteId, SiteUse};
use crate::operations::{Actor, CheckCode, Claim, ClaimError, OwnerPorts};
use crate::ports::{Page, RecordsError, Spending};

/// Makes office sites, and attaches resources to them: the app's own at once, those of others for their owner's code.
pub struct AttachResource {
    ports: OwnerPorts,
    check_code: Arc<CheckCode>,
    occupied: Occupied,
}

impl AttachResource {
    /// The operation over these ports; `occupied` is what happens where another resource is attached.
    pub fn new(ports: OwnerPorts, check_code: Arc<CheckCode>, occupied: Occupied) -> Self {
        Self { ports, check_code, occupied }
    }

    /// Attaches a resource. The code is spent and the attachment made in one transaction: whatever ends the server, there are
    /// both or neither, and one code gives one attachment.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn run(&self, claim: &Claim<'_>, site: SiteUse, by: Actor<'_>) -> Result<Attachment, ClaimError> {
        let (owner, resource) = self.ports.owned(claim).await?;
        let attaching = Attaching {
            app: claim.app.clone(),
            site,
            resource: resource.id,
            account: owner.id,
            occupied: self.occupied,
        };
        if owner.is_own {
            let audit = self.entry("resource.attached", by);
            return self.ports.records.attach(attaching, audit).await?.map_err(ClaimError::Site);
        }
        let spending = Some(Spending::Attachment(attaching));
        let attachment = self.ports.compare(&self.check_code, claim, &owner, spending, by).await?;
        let lost = || RecordsError::Damaged("a code was spent and nothing attached".to_owned());
        Ok(attachment.ok_or_else(lost)?) // the verb's suite says that this does not happen
    }

    /// Makes a site with nothing attached to it.
    ///
    /// # Errors
    /// [`RecordsError`]: [`Full`](RecordsError::Full) if the app has as many as it may make.
    pub async fn create_site(&self, site: OfficeSite, by: Actor<'_>) -> Result<(), RecordsError> {
        let audit = AuditEntry { subject: site.id.as_str().to_owned(), ..self.entry("office_site.created", by) };
        self.ports.records.create_site(site, audit).await
    }

    /// Ends what is attached to a site.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] if that is nothing, or the app has no such site.
    pub async fn detach(&self, app: &AppId, site: SiteId, by: Actor<'_>) -> Result<(), RecordsError> {
        let audit = AuditEntry { subject: site.as_str().to_owned(), ..self.entry("resource.detached", by) };
        self.ports.records.detach(app.clone(), site, audit).await
    }

    /// What the app can attach without a further code, by id: what it owns, and what is attached to one of its sites. And how many
    /// there are beside this page.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn usable(&self, app: &AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
        self.ports.records.usable(app.clone(), page).await
    }

    fn entry(&self, event: &str, by: Actor<'_>) -> AuditEntry {
        AuditEntry::new(self.ports.clock.now(), by.name, event, "").with_detail(by.detail)
    }
}
