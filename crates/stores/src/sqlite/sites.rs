//! Office sites and what is attached to them.

use async_trait::async_trait;
use countersign_domain::account::AccountId;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::{CodeId, Resource};
use countersign_domain::network::Network;
use countersign_domain::office_site::{
    Attaching, Attachment, Occupied, OfficeSite, SiteId, SiteKind, SiteRefusal, SiteUse,
};
use countersign_domain::ports::{RecordsError, SiteRecords};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteRecords;
use super::owners::{account_id, number};
use super::rows::{changed, damaged, optional, parsed, refused, rows, tell, time};

/// Keeps a site, with the values of [`insert`].
pub(super) const INSERT: &str =
    "INSERT INTO office_site (app, id, name, kind, network, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

#[async_trait]
impl SiteRecords for SqliteRecords {
    async fn create_site(&self, site: OfficeSite, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            insert(connection, INSERT, &site)?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn attach(
        &self,
        attaching: Attaching,
        audit: AuditEntry,
    ) -> Result<Result<Attachment, SiteRefusal>, RecordsError> {
        let verb = move |connection: &Connection| match attachable(connection, &attaching)? {
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

    async fn sites(&self, app: AppId) -> Result<Vec<OfficeSite>, RecordsError> {
        let select = "SELECT app, id, name, kind, network, created_at FROM office_site WHERE app = ?1 ORDER BY id";
        self.reader.run(move |connection| rows(connection, select, [app.as_str()], site)).await
    }

    async fn attachments(&self, app: AppId) -> Result<Vec<Attachment>, RecordsError> {
        let select = "SELECT site, resource, account, code, since FROM attachment WHERE app = ?1 ORDER BY site";
        self.reader.run(move |connection| rows(connection, select, [app.as_str()], attachment)).await
    }
}

/// Runs `statement`, which is [`INSERT`] or begins with it.
pub(super) fn insert(connection: &Connection, statement: &str, site: &OfficeSite) -> Result<(), RecordsError> {
    let values = params![
        site.app.as_str(),
        site.id.as_str(),
        site.name,
        site.kind.word(),
        site.network.map(|network| network.to_string()),
        site.created_at.milliseconds(),
    ];
    changed(connection, statement, values)
}

/// Whether what is asked can be done.
pub(super) fn attachable(
    connection: &Connection,
    attaching: &Attaching,
) -> Result<Result<(), SiteRefusal>, RecordsError> {
    let Attaching { app, site, resource, account, occupied } = attaching;
    if !is_owned(connection, app, resource, *account)? {
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

fn is_owned(
    connection: &Connection,
    app: &AppId,
    resource: &Resource,
    account: AccountId,
) -> Result<bool, RecordsError> {
    let select = "SELECT 1 FROM resource WHERE app = ?1 AND id = ?2 AND account = ?3";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    statement.exists((app.as_str(), resource.as_str(), number(account))).map_err(refused)
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
            insert(connection, INSERT, new)?;
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
    let detail = format!("{} of {account} {}", resource.as_str(), audit.detail);
    tell(
        connection,
        &AuditEntry {
            event: "resource.attached".to_owned(),
            subject: site.as_str().to_owned(),
            detail: detail.trim_end().to_owned(),
            ..audit.clone()
        },
    )?;
    Ok(Attachment { site, resource: resource.clone(), account: *account, code, since: audit.at })
}

fn site(row: &Row<'_>) -> Result<OfficeSite, rusqlite::Error> {
    Ok(OfficeSite {
        app: parsed(row, "app", AppId::parse)?,
        id: parsed(row, "id", SiteId::parse)?,
        name: row.get("name")?,
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
