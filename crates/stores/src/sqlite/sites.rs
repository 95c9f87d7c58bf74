//! Office sites and what is attached to them.

use async_trait::async_trait;
use countersign_domain::account::{AccountId, OwnedResource};
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::{Code, CodeId, Resource};
use countersign_domain::contact::ContactKey;
use countersign_domain::network::Network;
use countersign_domain::office_site::{
    Attaching, Attachment, MOST_SITES, Occupied, OfficeSite, SiteId, SiteKind, SiteName, SiteRefusal, SiteUse,
};
use countersign_domain::ports::{Page, RecordsError, SiteRecords};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::owners::{account_id, number};
use super::rows::{changed, damaged, optional, parsed, refused, rows, tell, time};
use super::{SqliteRecords, owners};

/// Keeps a site, with the values of [`insert`].
pub(super) const INSERT: &str =
    "INSERT INTO office_site (app, id, name, kind, network, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

#[async_trait]
impl SiteRecords for SqliteRecords {
    async fn create_site(&self, site: OfficeSite, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            make(connection, &site)?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn attach(
        &self,
        attaching: Attaching,
        audit: AuditEntry,
    ) -> Result<Result<Attachment, SiteRefusal>, RecordsError> {
        let verb = move |connection: &Connection| match attachable(connection, &attaching, None)? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(()) => attach(connection, &attaching, None, &audit).map(Ok),
        };
        self.writer.run(verb).await
    }

    async fn detach(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM attachment WHERE app = ?1 AND site = ?2";
            changed(connection, delete, (app.as_str(), site.as_str()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn remove_site(&self, app: AppId, site: SiteId, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM attachment WHERE app = ?1 AND site = ?2 RETURNING resource, account";
            let read = |row: &Row<'_>| Ok((parsed(row, "resource", Resource::parse)?, account_id(row, "account")?));
            for (resource, account) in rows(connection, delete, (app.as_str(), site.as_str()), read)? {
                let words = format!("{} of {account}", resource.as_str());
                tell(connection, &audit.further("resource.detached", site.as_str(), &words))?;
            }
            let delete = "DELETE FROM office_site WHERE app = ?1 AND id = ?2";
            changed(connection, delete, (app.as_str(), site.as_str()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn sites(&self, app: AppId) -> Result<Vec<OfficeSite>, RecordsError> {
        let select = "SELECT app, id, name, kind, network, created_at FROM office_site WHERE app = ?1 ORDER BY id";
        self.reader.run(move |connection| rows(connection, select, [app.as_str()], site)).await
    }

    async fn usable(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
        let usable = "resource.app = ?1 AND resource.id IN ( \
                      SELECT theirs.id FROM owner \
                      JOIN resource AS theirs ON theirs.app = owner.app AND theirs.account = owner.id \
                      WHERE owner.app = ?1 AND owner.is_own \
                      UNION SELECT attachment.resource FROM attachment WHERE attachment.app = ?1)";
        self.reader.run(move |connection| owners::resources_where(connection, usable, &app, page)).await
    }

    async fn attachments(&self, app: AppId) -> Result<Vec<Attachment>, RecordsError> {
        let select = "SELECT site, resource, account, code, since FROM attachment WHERE app = ?1 ORDER BY site";
        self.reader.run(move |connection| rows(connection, select, [app.as_str()], attachment)).await
    }
}

/// Makes a site, if the app has room for one.
fn make(connection: &Connection, site: &OfficeSite) -> Result<(), RecordsError> {
    insert(connection, INSERT, site)?;
    let select = "SELECT 1 FROM office_site WHERE app = ?1 LIMIT 1 OFFSET ?2";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let is_over = statement.exists((site.app.as_str(), MOST_SITES)).map_err(refused)?;
    if is_over { Err(RecordsError::Full) } else { Ok(()) }
}

/// Keeps a site of the operator's.
pub(super) fn keep(connection: &Connection, statement: &str, site: &OfficeSite) -> Result<(), RecordsError> {
    let select = "SELECT 1 FROM attachment JOIN office_site ON office_site.app = attachment.app \
                  AND office_site.id = attachment.site \
                  WHERE attachment.app = ?1 AND attachment.site = ?2 AND office_site.kind <> ?3";
    let mut attached = connection.prepare_cached(select).map_err(refused)?;
    if attached.exists((site.app.as_str(), site.id.as_str(), site.kind.word())).map_err(refused)? {
        return Err(RecordsError::InUse);
    }
    insert(connection, statement, site)
}

/// Runs `statement`, which is [`INSERT`] or begins with it.
fn insert(connection: &Connection, statement: &str, site: &OfficeSite) -> Result<(), RecordsError> {
    let values = params![
        site.app.as_str(),
        site.id.as_str(),
        site.name.as_str(),
        site.kind.word(),
        site.network.map(|network| network.to_string()),
        site.created_at.milliseconds(),
    ];
    changed(connection, statement, values)
}

/// Whether what is asked can be done, for this code or without one.
pub(super) fn attachable(
    connection: &Connection,
    attaching: &Attaching,
    code: Option<&Code>,
) -> Result<Result<(), SiteRefusal>, RecordsError> {
    let Attaching { app, site, resource, occupied, .. } = attaching;
    if !agrees(connection, attaching, code)? {
        return Ok(Err(SiteRefusal::Gone));
    }
    let SiteUse::Existing(site) = site else { return Ok(Ok(())) };
    let select = "SELECT office_site.kind, attachment.resource FROM office_site \
                  LEFT JOIN attachment ON attachment.app = office_site.app AND attachment.site = office_site.id \
                  WHERE office_site.app = ?1 AND office_site.id = ?2";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let read =
        |row: &Row<'_>| Ok((parsed(row, "kind", SiteKind::from_word)?, optional(row, "resource", Resource::parse)?));
    let found = statement.query_row((app.as_str(), site.as_str()), read).optional().map_err(damaged)?;
    Ok(match found {
        None => Err(SiteRefusal::Unknown),
        Some((SiteKind::Basic | SiteKind::AdConnector, _)) => Err(SiteRefusal::OtherKind),
        Some((SiteKind::Simple, Some(other))) if other != *resource && *occupied == Occupied::Refuse => {
            Err(SiteRefusal::Occupied)
        }
        Some((SiteKind::Simple, _)) => Ok(()),
    })
}

/// Whether the account owns the resource now, and either is the app's own or is asked where the code was sent. The caller has
/// looked at the directory before, but in another transaction.
fn agrees(connection: &Connection, attaching: &Attaching, code: Option<&Code>) -> Result<bool, RecordsError> {
    let Attaching { app, resource, account, .. } = attaching;
    let select = "SELECT owner.is_own, owner.contact FROM resource \
                  JOIN owner ON owner.app = resource.app AND owner.id = resource.account \
                  WHERE resource.app = ?1 AND resource.id = ?2 AND resource.account = ?3";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let read = |row: &Row<'_>| Ok((row.get("is_own")?, ContactKey(row.get("contact")?)));
    let values = (app.as_str(), resource.as_str(), number(*account));
    let found: Option<(bool, _)> = statement.query_row(values, read).optional().map_err(damaged)?;
    Ok(found.is_some_and(|(is_own, contact)| match code {
        None => is_own,
        Some(code) => code.consent == Some(*account) && code.binding.contact == contact,
    }))
}

/// Ends what is attached of a resource, but what `owner` agreed to, and tells of each.
pub(super) fn detach(
    connection: &Connection,
    app: &AppId,
    resource: &Resource,
    owner: Option<AccountId>,
    audit: &AuditEntry,
) -> Result<(), RecordsError> {
    let delete =
        "DELETE FROM attachment WHERE app = ?1 AND resource = ?2 AND account IS NOT ?3 RETURNING site, account";
    let read = |row: &Row<'_>| Ok((parsed(row, "site", SiteId::parse)?, account_id(row, "account")?));
    let ended = rows(connection, delete, (app.as_str(), resource.as_str(), owner.map(number)), read)?;
    ended.into_iter().try_for_each(|(site, account)| {
        let words = format!("{} of {account}", resource.as_str());
        tell(connection, &audit.further("resource.detached", site.as_str(), &words))
    })
}

/// Does what is asked and [`attachable`], and tells of it.
pub(super) fn attach(
    connection: &Connection,
    attaching: &Attaching,
    code: Option<CodeId>,
    audit: &AuditEntry,
) -> Result<Attachment, RecordsError> {
    let Attaching { app, site, resource, account, .. } = attaching;
    let site = match site {
        SiteUse::Existing(id) => id.clone(),
        SiteUse::New(new) => {
            make(connection, new)?;
            new.id.clone()
        }
    };
    let insert = "INSERT INTO attachment (app, site, resource, account, code, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                  ON CONFLICT (app, site) DO UPDATE SET resource = excluded.resource, account = excluded.account, \
                  code = excluded.code, since = excluded.since";
    let values = params![
        app.as_str(),
        site.as_str(),
        resource.as_str(),
        number(*account),
        code.map(CodeId::bytes),
        audit.at.milliseconds(),
    ];
    changed(connection, insert, values)?;
    let words = format!("{} of {account}", resource.as_str());
    tell(connection, &audit.further("resource.attached", site.as_str(), &words))?;
    Ok(Attachment { site, resource: resource.clone(), account: *account, code, since: audit.at })
}

fn site(row: &Row<'_>) -> Result<OfficeSite, rusqlite::Error> {
    Ok(OfficeSite {
        app: parsed(row, "app", AppId::parse)?,
        id: parsed(row, "id", SiteId::parse)?,
        name: parsed(row, "name", SiteName::parse)?,
        kind: parsed(row, "kind", SiteKind::from_word)?,
        network: optional(row, "network", |text| Network::try_from(text.to_owned()).ok())?,
        created_at: time(row, "created_at")?,
    })
}

fn attachment(row: &Row<'_>) -> Result<Attachment, rusqlite::Error> {
    Ok(Attachment {
        site: parsed(row, "site", SiteId::parse)?,
        resource: parsed(row, "resource", Resource::parse)?,
        account: account_id(row, "account")?,
        code: row.get::<_, Option<[u8; 16]>>("code")?.map(CodeId::from_bytes),
        since: time(row, "since")?,
    })
}
