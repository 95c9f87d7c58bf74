use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::account::{Account, AccountId, OwnedResource, Owner};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::{Code, CodeId, Resource};
use crate::office_site::{
    Attaching, Attachment, MOST_SITES, Occupied, OfficeSite, SiteId, SiteKind, SiteRefusal, SiteUse,
};
use crate::ports::{OwnerRecords, OwnerRows, Page, RecordsError, SiteRecords, Taken};
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
    pub(super) fn attachable(&self, attaching: &Attaching, code: Option<&Code>) -> Result<(), SiteRefusal> {
        let Attaching { app, site, resource, account, occupied } = attaching;
        let is_owned =
            self.resources.iter().any(|owned| owned.app == *app && owned.id == *resource && owned.account == *account);
        let agrees = |owner: &Account| match code {
            None => owner.is_own,
            Some(code) => code.consent == Some(*account) && code.binding.contact == owner.contact,
        };
        if !is_owned || !self.account(app, *account).is_some_and(agrees) {
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

    fn account(&self, app: &AppId, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.app == *app && account.id == id)
    }

    fn resource(&self, app: &AppId, id: &Resource) -> Option<&OwnedResource> {
        self.resources.iter().find(|owned| owned.app == *app && owned.id == *id)
    }

    fn resources_of(&self, app: &AppId) -> Vec<OwnedResource> {
        let mut found: Vec<_> = self.resources.iter().filter(|owned| owned.app == *app).cloned().collect();
        found.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        found
    }

    fn is_taken(&self, rows: &OwnerRows) -> bool {
        rows.accounts.iter().any(|new| self.accounts.iter().any(|old| old.app == new.app && old.id == new.id))
            || rows.resources.iter().any(|new| self.resources.iter().any(|old| old.app == new.app && old.id == new.id))
            || rows.sites.iter().any(|new| self.sites.iter().any(|old| old.app == new.app && old.id == new.id))
    }

    /// Removes what is attached of a resource, but what `owner` agreed to; where that was, and whose it was.
    fn detach(&mut self, app: &AppId, resource: &Resource, owner: Option<AccountId>) -> Vec<(SiteId, AccountId)> {
        let ends = |(of, one): &(AppId, Attachment)| {
            of == app && one.resource == *resource && owner.is_none_or(|owner| one.account != owner)
        };
        let (ended, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.attachments).into_iter().partition(ends);
        self.attachments = stay;
        ended.into_iter().map(|(_, one)| (one.site, one.account)).collect()
    }
}

impl State {
    /// Whether the app may make no further site, or none of this id.
    pub(super) fn is_makeable(&self, site: &OfficeSite) -> Result<(), RecordsError> {
        let theirs = || self.owners.sites.iter().filter(|old| old.app == site.app);
        if theirs().any(|old| old.id == site.id) {
            return Err(RecordsError::Exists);
        }
        if u32::try_from(theirs().count()).is_ok_and(|count| count >= MOST_SITES) {
            return Err(RecordsError::Full);
        }
        Ok(())
    }

    pub(super) fn tell_attached(&mut self, audit: &AuditEntry, attachment: &Attachment) {
        let Attachment { site, resource, account, .. } = attachment;
        let words = format!("{} of {account}", resource.as_str());
        self.audit.push(audit.further("resource.attached", site.as_str(), &words));
    }

    fn detach(&mut self, app: &AppId, resource: &Resource, owner: Option<AccountId>, audit: &AuditEntry) {
        for (site, account) in self.owners.detach(app, resource, owner) {
            let words = format!("{} of {account}", resource.as_str());
            self.audit.push(audit.further("resource.detached", site.as_str(), &words));
        }
    }

    fn keep_account(&mut self, mut new: Account, audit: &AuditEntry) -> Result<(), RecordsError> {
        let before = self.owners.account(&new.app, new.id).cloned();
        new.created_at = before.as_ref().map_or(new.created_at, |before| before.created_at);
        self.owners.accounts.retain(|old| old.app != new.app || old.id != new.id);
        if new.is_own && self.owners.accounts.iter().any(|old| old.app == new.app && old.is_own) {
            return Err(RecordsError::Exists);
        }
        if before.as_ref().is_some_and(|before| before.contact != new.contact) {
            self.withdraw(&new.app, new.id, None, audit.at);
        }
        let told = new.changes(before.as_ref());
        self.audit.extend(told.map(|words| audit.further("account.kept", &new.id.to_string(), &words)));
        self.owners.accounts.push(new);
        Ok(())
    }

    fn keep_resource(&mut self, mut new: OwnedResource, audit: &AuditEntry) -> Result<(), RecordsError> {
        if self.owners.account(&new.app, new.account).is_none() {
            return Err(RecordsError::Missing);
        }
        let before = self.owners.resource(&new.app, &new.id).cloned();
        new.created_at = before.as_ref().map_or(new.created_at, |before| before.created_at);
        self.owners.resources.retain(|old| old.app != new.app || old.id != new.id);
        let told = new.changes(before.as_ref());
        self.audit.extend(told.map(|words| audit.further("resource.kept", new.id.as_str(), &words)));
        if let Some(former) = before.map(|before| before.account).filter(|former| *former != new.account) {
            self.withdraw(&new.app, former, Some(&new.id), audit.at);
            self.detach(&new.app, &new.id, Some(new.account), audit);
        }
        self.owners.resources.push(new);
        Ok(())
    }

    fn forget_resource(&mut self, app: &AppId, id: &Resource, audit: &AuditEntry) {
        if let Some(account) = self.owners.resource(app, id).map(|owned| owned.account) {
            self.withdraw(app, account, Some(id), audit.at);
        }
        self.detach(app, id, None, audit);
        self.owners.resources.retain(|owned| owned.app != *app || owned.id != *id);
    }
}

/// The subject of an entry about rows.
fn counted(rows: &OwnerRows) -> String {
    let OwnerRows { accounts, resources, sites } = rows;
    format!("{} accounts, {} resources, {} sites", accounts.len(), resources.len(), sites.len())
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
            let mut kept = state.clone();
            kept.audit.push(AuditEntry { subject: counted(&rows), ..audit.clone() });
            let (own, others): (Vec<_>, Vec<_>) = rows.accounts.into_iter().partition(|account| account.is_own);
            others.into_iter().chain(own).try_for_each(|account| kept.keep_account(account, &audit))?;
            rows.resources.into_iter().try_for_each(|resource| kept.keep_resource(resource, &audit))?;
            for mut new in rows.sites {
                let sites = &mut kept.owners.sites;
                let at = sites.iter().position(|old| old.app == new.app && old.id == new.id);
                let is_attached = |(of, one): &(AppId, Attachment)| *of == new.app && one.site == new.id;
                if at.is_some_and(|at| sites[at].kind != new.kind) && kept.owners.attachments.iter().any(is_attached) {
                    return Err(RecordsError::InUse);
                }
                new.created_at = at.map_or(new.created_at, |at| sites[at].created_at);
                at.map(|at| sites.remove(at));
                sites.push(new);
            }
            *state = kept;
            Ok(())
        })
    }

    async fn remove_account(&self, app: AppId, id: AccountId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            if state.owners.account(&app, id).is_none() {
                return Err(RecordsError::Missing);
            }
            let theirs = state.owners.resources.iter().filter(|owned| owned.app == app && owned.account == id);
            for resource in theirs.map(|owned| owned.id.clone()).collect::<Vec<_>>() {
                state.forget_resource(&app, &resource, &audit);
            }
            state.withdraw(&app, id, None, audit.at);
            state.owners.accounts.retain(|account| account.app != app || account.id != id);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn remove_resource(&self, app: AppId, id: Resource, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            if state.owners.resource(&app, &id).is_none() {
                return Err(RecordsError::Missing);
            }
            state.forget_resource(&app, &id, &audit);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn accounts(&self, app: AppId, page: Page) -> Result<(Vec<Account>, u32), RecordsError> {
        self.verb(|state| {
            let mut found: Vec<_> = state.owners.accounts.iter().filter(|one| one.app == app).cloned().collect();
            found.sort_by_key(|account| account.id);
            Ok(page.of(found))
        })
    }

    async fn account_ids(&self, app: AppId) -> Result<BTreeSet<AccountId>, RecordsError> {
        self.verb(|state| {
            let accounts = state.owners.accounts.iter().filter(|one| one.app == app);
            Ok(accounts.map(|account| account.id).collect())
        })
    }

    async fn own_account(&self, app: AppId) -> Result<Option<Account>, RecordsError> {
        self.verb(|state| Ok(state.owners.accounts.iter().find(|one| one.app == app && one.is_own).cloned()))
    }

    async fn resources(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
        self.verb(|state| Ok(page.of(state.owners.resources_of(&app))))
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
            state.is_makeable(&site)?;
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
            if let Err(refusal) = state.owners.attachable(&attaching, None) {
                return Ok(Err(refusal));
            }
            if let SiteUse::New(site) = &attaching.site {
                state.is_makeable(site)?;
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

    async fn remove_site(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let sites = &mut state.owners.sites;
            let at = sites.iter().position(|old| old.app == app && old.id == site).ok_or(RecordsError::Missing)?;
            sites.remove(at);
            let (ended, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut state.owners.attachments)
                .into_iter()
                .partition(|(of, one)| *of == app && one.site == site);
            state.owners.attachments = stay;
            for (_, one) in ended {
                let words = format!("{} of {}", one.resource.as_str(), one.account);
                state.audit.push(audit.further("resource.detached", site.as_str(), &words));
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

    async fn usable(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
        self.verb(|state| {
            let owners = &state.owners;
            let mut found = owners.resources_of(&app);
            found.retain(|owned| {
                owners.account(&app, owned.account).is_some_and(|account| account.is_own)
                    || owners.attachments.iter().any(|(of, one)| *of == app && one.resource == owned.id)
            });
            Ok(page.of(found))
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
