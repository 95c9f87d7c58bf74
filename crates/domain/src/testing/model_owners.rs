use async_trait::async_trait;

use crate::account::{Account, AccountId, OwnedResource, Owner};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::{CodeId, Resource};
use crate::office_site::{Attaching, Attachment, Occupied, OfficeSite, SiteId, SiteKind, SiteRefusal, SiteUse};
use crate::ports::{OwnerRecords, OwnerRows, RecordsError, SiteRecords, Taken};
use crate::testing::ModelCodes;
use crate::testing::model_codes::State;
use crate::time::Timestamp;

/// Accounts, what they own and where it is attached, as part of the model of codes: a code is spent for an attachment under
/// one lock.
#[derive(Clone, Default)]
pub(super) struct Owners {
    accounts: Vec<Account>,
    resources: Vec<OwnedResource>,
    sites: Vec<OfficeSite>,
    attachments: Vec<(AppId, Attachment)>,
}

impl Owners {
    pub(super) fn attachable(&self, attaching: &Attaching) -> Result<(), SiteRefusal> {
        let Attaching { app, site, resource, account, occupied } = attaching;
        let is_owned =
            self.resources.iter().any(|owned| owned.app == *app && owned.id == *resource && owned.account == *account);
        if !is_owned {
            return Err(SiteRefusal::Gone);
        }
        let SiteUse::Existing(id) = site else { return Ok(()) };
        let site = self.sites.iter().find(|site| site.app == *app && site.id == *id).ok_or(SiteRefusal::Unknown)?;
        if site.kind != SiteKind::Simple {
            return Err(SiteRefusal::OtherKind);
        }
        let other = |(of, one): &(AppId, Attachment)| of == app && one.site == *id && one.resource != *resource;
        if *occupied == Occupied::Refuse && self.attachments.iter().any(other) {
            return Err(SiteRefusal::Occupied);
        }
        Ok(())
    }

    pub(super) fn attach(&mut self, attaching: &Attaching, code: Option<CodeId>, since: Timestamp) -> Attachment {
        let Attaching { app, site, resource, account, .. } = attaching.clone();
        let site = match site {
            SiteUse::Existing(id) => id,
            SiteUse::New(new) => {
                self.sites.push(new.clone());
                new.id
            }
        };
        let attachment = Attachment { site, resource, account, code, since };
        self.attachments.retain(|(of, one)| *of != app || one.site != attachment.site);
        self.attachments.push((app, attachment.clone()));
        attachment
    }

    fn is_taken(&self, rows: &OwnerRows) -> bool {
        rows.accounts.iter().any(|new| self.accounts.iter().any(|old| old.app == new.app && old.id == new.id))
            || rows.resources.iter().any(|new| self.resources.iter().any(|old| old.app == new.app && old.id == new.id))
            || rows.sites.iter().any(|new| self.sites.iter().any(|old| old.app == new.app && old.id == new.id))
    }

    fn keep(&mut self, rows: OwnerRows) -> Result<(), RecordsError> {
        for mut new in rows.accounts {
            let at = self.accounts.iter().position(|old| old.app == new.app && old.id == new.id);
            new.created_at = at.map_or(new.created_at, |at| self.accounts[at].created_at);
            at.map(|at| self.accounts.remove(at));
            let has_other = self.accounts.iter().any(|old| old.app == new.app && old.is_own);
            if new.is_own && has_other {
                return Err(RecordsError::Exists);
            }
            self.accounts.push(new);
        }
        for mut new in rows.resources {
            if !self.accounts.iter().any(|account| account.app == new.app && account.id == new.account) {
                return Err(RecordsError::Missing);
            }
            let at = self.resources.iter().position(|old| old.app == new.app && old.id == new.id);
            new.created_at = at.map_or(new.created_at, |at| self.resources[at].created_at);
            at.map(|at| self.resources.remove(at));
            self.attachments
                .retain(|(app, one)| *app != new.app || one.resource != new.id || one.account == new.account);
            self.resources.push(new);
        }
        for mut new in rows.sites {
            let at = self.sites.iter().position(|old| old.app == new.app && old.id == new.id);
            new.created_at = at.map_or(new.created_at, |at| self.sites[at].created_at);
            at.map(|at| self.sites.remove(at));
            self.sites.push(new);
        }
        Ok(())
    }

    fn forget_resource(&mut self, app: &AppId, id: &Resource) {
        self.resources.retain(|owned| owned.app != *app || owned.id != *id);
        self.attachments.retain(|(of, one)| of != app || one.resource != *id);
    }
}

impl State {
    pub(super) fn tell_attached(&mut self, audit: &AuditEntry, attachment: &Attachment) {
        let Attachment { site, resource, account, .. } = attachment;
        let detail = format!("{} of {account} {}", resource.as_str(), audit.detail);
        self.audit.push(AuditEntry {
            event: "resource.attached".to_owned(),
            subject: site.as_str().to_owned(),
            detail: detail.trim_end().to_owned(),
            ..audit.clone()
        });
    }
}

#[async_trait]
impl OwnerRecords for ModelCodes {
    async fn keep_owners(&self, rows: OwnerRows, taken: Taken, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let apps = rows.accounts.iter().map(|row| &row.app).chain(rows.resources.iter().map(|row| &row.app));
            if apps.chain(rows.sites.iter().map(|row| &row.app)).any(|app| !state.apps.contains(app)) {
                return Err(RecordsError::Missing);
            }
            if taken == Taken::Refuse && state.owners.is_taken(&rows) {
                return Err(RecordsError::Exists);
            }
            let mut owners = state.owners.clone();
            owners.keep(rows)?;
            state.owners = owners;
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn remove_account(&self, app: AppId, id: AccountId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let owners = &mut state.owners;
            let before = owners.accounts.len();
            owners.accounts.retain(|account| account.app != app || account.id != id);
            if owners.accounts.len() == before {
                return Err(RecordsError::Missing);
            }
            let theirs = owners.resources.iter().filter(|owned| owned.app == app && owned.account == id);
            for resource in theirs.map(|owned| owned.id.clone()).collect::<Vec<_>>() {
                owners.forget_resource(&app, &resource);
            }
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn remove_resource(&self, app: AppId, id: Resource, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            if !state.owners.resources.iter().any(|owned| owned.app == app && owned.id == id) {
                return Err(RecordsError::Missing);
            }
            state.owners.forget_resource(&app, &id);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn accounts(&self, app: AppId) -> Result<Vec<Account>, RecordsError> {
        self.verb(|state| {
            let mut found: Vec<_> = state.owners.accounts.iter().filter(|one| one.app == app).cloned().collect();
            found.sort_by_key(|account| account.id);
            Ok(found)
        })
    }

    async fn resources(&self, app: AppId) -> Result<Vec<OwnedResource>, RecordsError> {
        self.verb(|state| {
            let mut found: Vec<_> = state.owners.resources.iter().filter(|one| one.app == app).cloned().collect();
            found.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
            Ok(found)
        })
    }

    async fn owned(
        &self,
        app: AppId,
        id: Resource,
        owner: Owner,
    ) -> Result<Option<(Account, OwnedResource)>, RecordsError> {
        self.verb(|state| {
            let Owners { accounts, resources, .. } = &state.owners;
            let Some(found) = resources.iter().find(|one| one.app == app && one.id == id) else {
                return Ok(None);
            };
            let account = accounts.iter().find(|account| account.app == app && account.id == found.account);
            let is_theirs = |account: &&Account| match owner {
                Owner::Own => account.is_own,
                Owner::Account(id) => account.id == id,
            };
            Ok(account.filter(is_theirs).map(|account| (account.clone(), found.clone())))
        })
    }
}

#[async_trait]
impl SiteRecords for ModelCodes {
    async fn create_site(&self, site: OfficeSite, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            if !state.apps.contains(&site.app) {
                return Err(RecordsError::Missing);
            }
            if state.owners.sites.iter().any(|old| old.app == site.app && old.id == site.id) {
                return Err(RecordsError::Exists);
            }
            state.owners.sites.push(site);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn attach(
        &self,
        attaching: Attaching,
        audit: AuditEntry,
    ) -> Result<Result<Attachment, SiteRefusal>, RecordsError> {
        self.verb(|state| {
            if let Err(refusal) = state.owners.attachable(&attaching) {
                return Ok(Err(refusal));
            }
            let attachment = state.owners.attach(&attaching, None, audit.at);
            state.tell_attached(&audit, &attachment);
            Ok(Ok(attachment))
        })
    }

    async fn detach(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let attachments = &mut state.owners.attachments;
            let before = attachments.len();
            attachments.retain(|(of, one)| *of != app || one.site != site);
            if attachments.len() == before {
                return Err(RecordsError::Missing);
            }
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn sites(&self, app: AppId) -> Result<Vec<OfficeSite>, RecordsError> {
        self.verb(|state| {
            let mut found: Vec<_> = state.owners.sites.iter().filter(|one| one.app == app).cloned().collect();
            found.sort_by(|one, other| one.id.cmp(&other.id));
            Ok(found)
        })
    }

    async fn attachments(&self, app: AppId) -> Result<Vec<Attachment>, RecordsError> {
        self.verb(|state| {
            let theirs = state.owners.attachments.iter().filter(|(of, _)| *of == app);
            let mut found: Vec<_> = theirs.map(|(_, one)| one.clone()).collect();
            found.sort_by(|one, other| one.site.cmp(&other.site));
            Ok(found)
        })
    }
}
