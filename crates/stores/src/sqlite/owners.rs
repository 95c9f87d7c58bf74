//! Accounts and what they own.

use std::collections::BTreeSet;

use async_trait::async_trait;
use countersign_domain::account::{Account, AccountId, AccountName, OwnedResource, Owner};
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::Resource;
use countersign_domain::contact::ContactKey;
use countersign_domain::language::Language;
use countersign_domain::network::Network;
use countersign_domain::ports::{OwnerRecords, OwnerRows, Page, RecordsError, Taken};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, parsed, refused, rows, tell, time};
use super::{SqliteRecords, codes, sites};

const ACCOUNT: &str = "owner.app, owner.id AS account, owner.name, owner.is_own, owner.contact, owner.sealed_contact, \
                       owner.language, owner.created_at AS account_created_at";
const RESOURCE: &str = "resource.app, resource.id AS resource, resource.account, resource.networks, \
                        resource.created_at AS resource_created_at";

#[async_trait]
impl OwnerRecords for SqliteRecords {
    async fn keep_owners(&self, rows: OwnerRows, taken: Taken, audit: AuditEntry) -> Result<(), RecordsError> {
        self.writer.run(move |connection| keep(connection, &rows, taken, &audit)).await
    }

    async fn remove_account(&self, app: AppId, id: AccountId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.writer.run(move |connection| remove_account(connection, &app, id, &audit)).await
    }

    async fn remove_resource(&self, app: AppId, id: Resource, audit: AuditEntry) -> Result<(), RecordsError> {
        self.writer.run(move |connection| remove_resource(connection, &app, &id, &audit)).await
    }

    async fn accounts(&self, app: AppId, page: Page) -> Result<(Vec<Account>, u32), RecordsError> {
        let select = format!("SELECT {ACCOUNT} FROM owner WHERE app = ?1 ORDER BY id LIMIT ?2 OFFSET ?3");
        let verb = move |connection: &Connection| {
            let found = rows(connection, &select, (app.as_str(), page.limit, page.offset), account)?;
            Ok((found, count(connection, "SELECT count(*) FROM owner WHERE app = ?1", &app)?))
        };
        self.reader.run(verb).await
    }

    async fn account_ids(&self, app: AppId) -> Result<BTreeSet<AccountId>, RecordsError> {
        let select = "SELECT id FROM owner WHERE app = ?1";
        let verb = move |connection: &Connection| rows(connection, select, [app.as_str()], |row| account_id(row, "id"));
        Ok(self.reader.run(verb).await?.into_iter().collect())
    }

    async fn own_account(&self, app: AppId) -> Result<Option<Account>, RecordsError> {
        let select = format!("SELECT {ACCOUNT} FROM owner WHERE app = ?1 AND is_own");
        self.reader
            .run(move |connection| rows(connection, &select, [app.as_str()], account).map(|mut own| own.pop()))
            .await
    }

    async fn resources(&self, app: AppId, page: Page) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
        self.reader.run(move |connection| resources_where(connection, "resource.app = ?1", &app, page)).await
    }

    async fn owned(
        &self,
        app: AppId,
        id: Resource,
        owner: Owner,
    ) -> Result<Option<(Account, OwnedResource)>, RecordsError> {
        let select = format!(
            "SELECT {ACCOUNT}, {RESOURCE} FROM resource \
             JOIN owner ON owner.app = resource.app AND owner.id = resource.account \
             WHERE resource.app = ?1 AND resource.id = ?2"
        );
        let verb = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&select).map_err(refused)?;
            let read = |row: &Row<'_>| Ok((account(row)?, resource(row)?));
            let found = statement.query_row((app.as_str(), id.as_str()), read).optional().map_err(damaged)?;
            Ok(found.filter(|(account, _)| match owner {
                Owner::Own => account.is_own,
                Owner::Account(id) => account.id == id,
            }))
        };
        self.reader.run(verb).await
    }
}

/// A page of the resources that a condition about the app `?1` finds, and how many it finds.
pub(super) fn resources_where(
    connection: &Connection,
    condition: &str,
    app: &AppId,
    page: Page,
) -> Result<(Vec<OwnedResource>, u32), RecordsError> {
    let select = format!("SELECT {RESOURCE} FROM resource WHERE {condition} ORDER BY id LIMIT ?2 OFFSET ?3");
    let found = rows(connection, &select, (app.as_str(), page.limit, page.offset), resource)?;
    Ok((found, count(connection, &format!("SELECT count(*) FROM resource WHERE {condition}"), app)?))
}

fn count(connection: &Connection, select: &str, app: &AppId) -> Result<u32, RecordsError> {
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    statement.query_row([app.as_str()], |row| row.get(0)).map_err(damaged)
}

fn keep(connection: &Connection, rows: &OwnerRows, taken: Taken, audit: &AuditEntry) -> Result<(), RecordsError> {
    let OwnerRows { accounts, resources, sites } = rows;
    let counts = format!("{} accounts, {} resources, {} sites", accounts.len(), resources.len(), sites.len());
    tell(connection, &AuditEntry { subject: counts, ..audit.clone() })?;
    // The app's own comes last: whoever was it before has ceased to be it then.
    let (own, others): (Vec<_>, Vec<_>) = accounts.iter().partition(|account| account.is_own);
    for account in others.into_iter().chain(own) {
        keep_account(connection, account, taken, audit)?;
    }
    for resource in resources {
        keep_resource(connection, resource, taken, audit)?;
    }
    for site in sites {
        let update = "name = excluded.name, kind = excluded.kind, network = excluded.network";
        sites::keep(connection, &statement(sites::INSERT, update, taken), site)?;
    }
    Ok(())
}

fn keep_account(connection: &Connection, new: &Account, taken: Taken, audit: &AuditEntry) -> Result<(), RecordsError> {
    let (app, id) = (new.app.as_str(), number(new.id));
    let select = format!("SELECT {ACCOUNT} FROM owner WHERE app = ?1 AND id = ?2");
    let before = rows(connection, &select, (app, id), account)?.pop();
    let insert = "INSERT INTO owner (app, id, name, is_own, contact, sealed_contact, language, created_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let update = "name = excluded.name, is_own = excluded.is_own, contact = excluded.contact, \
                  sealed_contact = excluded.sealed_contact, language = excluded.language";
    let values = params![
        app,
        id,
        new.name.as_str(),
        new.is_own,
        new.contact.0,
        new.sealed_contact,
        new.language.tag(),
        new.created_at.milliseconds(),
    ];
    changed(connection, &statement(insert, update, taken), values)?;
    if before.as_ref().is_some_and(|before| before.contact != new.contact) {
        codes::withdraw(connection, &new.app, new.id, None, audit.at)?;
    }
    match new.changes(before.as_ref()) {
        Some(words) => tell(connection, &audit.further("account.kept", &new.id.to_string(), &words)),
        None => Ok(()),
    }
}

fn keep_resource(
    connection: &Connection,
    new: &OwnedResource,
    taken: Taken,
    audit: &AuditEntry,
) -> Result<(), RecordsError> {
    let before = resource_of(connection, &new.app, &new.id)?;
    let insert = "INSERT INTO resource (app, id, account, networks, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let update = "account = excluded.account, networks = excluded.networks";
    let networks: Vec<_> = new.networks.iter().map(ToString::to_string).collect();
    let (app, id, account) = (new.app.as_str(), new.id.as_str(), number(new.account));
    let values = (app, id, account, networks.join(" "), new.created_at.milliseconds());
    changed(connection, &statement(insert, update, taken), values)?;
    if let Some(words) = new.changes(before.as_ref()) {
        tell(connection, &audit.further("resource.kept", new.id.as_str(), &words))?;
    }
    match before {
        Some(before) if before.account != new.account => {
            codes::withdraw(connection, &new.app, before.account, Some(&new.id), audit.at)?;
            sites::detach(connection, &new.app, &new.id, Some(new.account), audit)
        }
        _ => Ok(()),
    }
}

fn remove_account(connection: &Connection, app: &AppId, id: AccountId, audit: &AuditEntry) -> Result<(), RecordsError> {
    let select = "SELECT id FROM resource WHERE app = ?1 AND account = ?2";
    for owned in rows(connection, select, (app.as_str(), number(id)), |row| parsed(row, "id", Resource::parse))? {
        sites::detach(connection, app, &owned, None, audit)?;
    }
    codes::withdraw(connection, app, id, None, audit.at)?;
    changed(connection, "DELETE FROM owner WHERE app = ?1 AND id = ?2", (app.as_str(), number(id)))?;
    tell(connection, audit)
}

fn remove_resource(
    connection: &Connection,
    app: &AppId,
    id: &Resource,
    audit: &AuditEntry,
) -> Result<(), RecordsError> {
    let owned = resource_of(connection, app, id)?.ok_or(RecordsError::Missing)?;
    codes::withdraw(connection, app, owned.account, Some(id), audit.at)?;
    sites::detach(connection, app, id, None, audit)?;
    changed(connection, "DELETE FROM resource WHERE app = ?1 AND id = ?2", (app.as_str(), id.as_str()))?;
    tell(connection, audit)
}

fn resource_of(connection: &Connection, app: &AppId, id: &Resource) -> Result<Option<OwnedResource>, RecordsError> {
    let select = format!("SELECT {RESOURCE} FROM resource WHERE app = ?1 AND id = ?2");
    Ok(rows(connection, &select, (app.as_str(), id.as_str()), resource)?.pop())
}

fn statement(insert: &str, update: &str, taken: Taken) -> String {
    match taken {
        Taken::Refuse => insert.to_owned(),
        Taken::Replace => format!("{insert} ON CONFLICT (app, id) DO UPDATE SET {update}"),
    }
}

/// An account's number as it is kept: of 17 digits at most, it is never above what a column takes.
pub(super) fn number(id: AccountId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

/// The number of an account from a column.
pub(super) fn account_id(row: &Row<'_>, column: &str) -> Result<AccountId, rusqlite::Error> {
    let number: i64 = row.get(column)?;
    let read = u64::try_from(number).ok().and_then(AccountId::from_number);
    read.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))
}

fn account(row: &Row<'_>) -> Result<Account, rusqlite::Error> {
    Ok(Account {
        app: parsed(row, "app", AppId::parse)?,
        id: account_id(row, "account")?,
        name: parsed(row, "name", AccountName::parse)?,
        is_own: row.get("is_own")?,
        contact: ContactKey(row.get("contact")?),
        sealed_contact: row.get("sealed_contact")?,
        language: parsed(row, "language", |tag| Some(Language::from_tag(tag)))?,
        created_at: time(row, "account_created_at")?,
    })
}

fn resource(row: &Row<'_>) -> Result<OwnedResource, rusqlite::Error> {
    let networks = |text: &str| -> Option<Vec<Network>> {
        text.split_whitespace().map(|text| Network::try_from(text.to_owned()).ok()).collect()
    };
    Ok(OwnedResource {
        app: parsed(row, "app", AppId::parse)?,
        id: parsed(row, "resource", Resource::parse)?,
        account: account_id(row, "account")?,
        networks: parsed(row, "networks", networks)?,
        created_at: time(row, "resource_created_at")?,
    })
}
