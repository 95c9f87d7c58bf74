//! Accounts and what they own.

use async_trait::async_trait;
use countersign_domain::account::{Account, AccountId, AccountName, OwnedResource, Owner};
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::Resource;
use countersign_domain::contact::ContactKey;
use countersign_domain::language::Language;
use countersign_domain::network::Network;
use countersign_domain::ports::{OwnerRecords, OwnerRows, RecordsError, Taken};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, parsed, refused, rows, tell, time};
use super::{SqliteRecords, sites};

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
        let verb = move |connection: &Connection| {
            changed(connection, "DELETE FROM owner WHERE app = ?1 AND id = ?2", (app.as_str(), number(id)))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn remove_resource(&self, app: AppId, id: Resource, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            changed(connection, "DELETE FROM resource WHERE app = ?1 AND id = ?2", (app.as_str(), id.as_str()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn accounts(&self, app: AppId) -> Result<Vec<Account>, RecordsError> {
        let select = format!("SELECT {ACCOUNT} FROM owner WHERE app = ?1 ORDER BY id");
        self.reader.run(move |connection| rows(connection, &select, [app.as_str()], account)).await
    }

    async fn resources(&self, app: AppId) -> Result<Vec<OwnedResource>, RecordsError> {
        let select = format!("SELECT {RESOURCE} FROM resource WHERE app = ?1 ORDER BY id");
        self.reader.run(move |connection| rows(connection, &select, [app.as_str()], resource)).await
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

fn keep(connection: &Connection, rows: &OwnerRows, taken: Taken, audit: &AuditEntry) -> Result<(), RecordsError> {
    for account in &rows.accounts {
        let insert = "INSERT INTO owner (app, id, name, is_own, contact, sealed_contact, language, created_at) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let update = "name = excluded.name, is_own = excluded.is_own, contact = excluded.contact, \
                      sealed_contact = excluded.sealed_contact, language = excluded.language";
        let values = params![
            account.app.as_str(),
            number(account.id),
            account.name.as_str(),
            account.is_own,
            account.contact.0,
            account.sealed_contact,
            account.language.tag(),
            account.created_at.milliseconds(),
        ];
        changed(connection, &statement(insert, update, taken), values)?;
    }
    for resource in &rows.resources {
        let insert = "INSERT INTO resource (app, id, account, networks, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let networks: Vec<_> = resource.networks.iter().map(ToString::to_string).collect();
        let (app, id, account) = (resource.app.as_str(), resource.id.as_str(), number(resource.account));
        let values = (app, id, account, networks.join(" "), resource.created_at.milliseconds());
        let update = "account = excluded.account, networks = excluded.networks";
        changed(connection, &statement(insert, update, taken), values)?;
        let delete = "DELETE FROM attachment WHERE app = ?1 AND resource = ?2 AND account <> ?3";
        let mut delete = connection.prepare_cached(delete).map_err(refused)?;
        delete.execute((app, id, account)).map_err(refused)?;
    }
    for site in &rows.sites {
        let update = "name = excluded.name, kind = excluded.kind, network = excluded.network";
        sites::insert(connection, &statement(sites::INSERT, update, taken), site)?;
    }
    tell(connection, audit)
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
