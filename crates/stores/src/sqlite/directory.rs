//! Apps, access keys, sealing keys and the audit trail; what doors look up in memory.

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKeyId, AccessKeyRow, Permissions};
use countersign_domain::app::{App, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::ports::{
    AccessKeyRecords, AppRecords, AuditRecords, DirectoryRecords, DirectoryRows, RecordsError, Reseal, SealingKeyRow,
    SecretRow,
};
use countersign_domain::sealing::KeyId;
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, Row};

use super::rows::{changed, parsed, refused, rows, tell};
use super::{SqliteRecords, captcha_apps, iam_users, unavailable};

#[async_trait]
impl AppRecords for SqliteRecords {
    async fn create_app(&self, app: App, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO app (id, name, tenant, enabled, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = (app.id.as_str(), app.name, app.tenant, app.enabled, app.created_at.milliseconds());
            change(connection, insert, values, &audit)
        };
        self.writer.run(verb).await
    }

    async fn set_app_enabled(&self, id: AppId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            change(connection, "UPDATE app SET enabled = ?2 WHERE id = ?1", (id.as_str(), enabled), &audit)
        };
        self.writer.run(verb).await
    }
}

#[async_trait]
impl AccessKeyRecords for SqliteRecords {
    async fn create_access_key(&self, key: AccessKeyRow, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO access_key (id, app, sealed_secret, permissions, enabled, created_at) \
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let created_at = key.created_at.milliseconds();
            let (id, app) = (key.id.as_str(), key.app.as_str());
            let values = (id, app, key.sealed_secret, key.permissions.to_text(), key.enabled, created_at);
            change(connection, insert, values, &audit)
        };
        self.writer.run(verb).await
    }

    async fn set_access_key_enabled(
        &self,
        id: AccessKeyId,
        enabled: bool,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            change(connection, "UPDATE access_key SET enabled = ?2 WHERE id = ?1", (id.as_str(), enabled), &audit)
        };
        self.writer.run(verb).await
    }
}

#[async_trait]
impl DirectoryRecords for SqliteRecords {
    async fn revision(&self) -> Result<u64, RecordsError> {
        self.reader.run(revision).await
    }

    async fn directory(&self) -> Result<DirectoryRows, RecordsError> {
        // The reader's savepoint makes the selects one moment.
        let verb = |connection: &Connection| {
            Ok(DirectoryRows {
                revision: revision(connection)?,
                apps: rows(connection, "SELECT id, name, tenant, enabled, created_at FROM app ORDER BY id", [], app)?,
                captcha_apps: captcha_apps::all(connection)?,
                access_keys: rows(
                    connection,
                    "SELECT id, app, sealed_secret, permissions, enabled, created_at FROM access_key ORDER BY id",
                    [],
                    access_key,
                )?,
                iam_users: iam_users::all(connection)?,
                sealing_keys: rows(
                    connection,
                    "SELECT id, sealed_key, created_at, seals_from FROM sealing_key ORDER BY seals_from, id",
                    [],
                    sealing_key,
                )?,
                secrets: rows(connection, "SELECT name, sealed, created_at FROM secret ORDER BY name", [], secret)?,
            })
        };
        self.reader.run(verb).await
    }

    async fn ensure_sealing_key(&self, key: SealingKeyRow, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO sealing_key (id, sealed_key, created_at, seals_from) \
                          SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM sealing_key)";
            match change(connection, insert, values(key), &audit) {
                Err(RecordsError::Missing) => Ok(()), // another server's key was first
                outcome => outcome,
            }
        };
        self.writer.run(verb).await
    }

    async fn ensure_secret(&self, row: SecretRow, audit: AuditEntry) -> Result<SecretRow, RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO secret (name, sealed, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            match change(connection, insert, (&row.name, &row.sealed, row.created_at.milliseconds()), &audit) {
                Err(RecordsError::Missing) => {
                    let select = "SELECT name, sealed, created_at FROM secret WHERE name = ?1";
                    connection.query_row(select, [&row.name], secret).map_err(refused)
                }
                outcome => outcome.map(|()| row),
            }
        };
        self.writer.run(verb).await
    }

    async fn rotate_sealing_key(
        &self,
        key: SealingKeyRow,
        relieved_before: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO sealing_key (id, sealed_key, created_at, seals_from) VALUES (?1, ?2, ?3, ?4)";
            change(connection, insert, values(key), &audit)?;
            let forget = "DELETE FROM sealing_key WHERE EXISTS (SELECT 1 FROM sealing_key AS newer \
                          WHERE newer.seals_from > sealing_key.seals_from AND newer.seals_from < ?1)";
            connection.execute(forget, [relieved_before.milliseconds()]).map(drop).map_err(refused)
        };
        self.writer.run(verb).await
    }

    async fn reseal(&self, expected: u64, seals: Reseal, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            if revision(connection)? != expected {
                return Err(RecordsError::Changed);
            }
            for (id, sealed) in seals.access_keys {
                let update = "UPDATE access_key SET sealed_secret = ?2 WHERE id = ?1";
                connection.execute(update, (id.as_str(), sealed)).map_err(refused)?;
            }
            for (app, sealed) in seals.captcha_apps {
                let update = "UPDATE captcha_app SET sealed_secret = ?2 WHERE app = ?1";
                connection.execute(update, (app.as_str(), sealed)).map_err(refused)?;
            }
            for (id, sealed) in seals.sealing_keys {
                let update = "UPDATE sealing_key SET sealed_key = ?2 WHERE id = ?1";
                connection.execute(update, (id.0, sealed)).map_err(refused)?;
            }
            for (name, sealed) in seals.secrets {
                let update = "UPDATE secret SET sealed = ?2 WHERE name = ?1";
                connection.execute(update, (name, sealed)).map_err(refused)?;
            }
            note(connection, &audit)
        };
        self.writer.run(verb).await
    }
}

fn values(key: SealingKeyRow) -> ([u8; 4], Vec<u8>, i64, i64) {
    (key.id.0, key.sealed_key, key.created_at.milliseconds(), key.seals_from.milliseconds())
}

#[async_trait]
impl AuditRecords for SqliteRecords {
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, RecordsError> {
        let verb = move |connection: &Connection| {
            let select =
                format!("SELECT at, actor, event, subject, detail FROM audit ORDER BY sequence DESC LIMIT {limit}");
            rows(connection, &select, [], |row| {
                Ok(AuditEntry {
                    at: Timestamp::from_milliseconds(row.get("at")?),
                    actor: row.get("actor")?,
                    event: row.get("event")?,
                    subject: row.get("subject")?,
                    detail: row.get("detail")?,
                })
            })
        };
        self.reader.run(verb).await
    }
}

/// Changes one row of the directory, and notes it.
pub(super) fn change(
    connection: &Connection,
    statement: &str,
    values: impl rusqlite::Params,
    audit: &AuditEntry,
) -> Result<(), RecordsError> {
    changed(connection, statement, values)?;
    note(connection, audit)
}

/// Moves the directory's revision and writes the audit entry.
fn note(connection: &Connection, audit: &AuditEntry) -> Result<(), RecordsError> {
    connection.execute("UPDATE directory_revision SET revision = revision + 1", []).map_err(refused)?;
    tell(connection, audit)
}

fn revision(connection: &Connection) -> Result<u64, RecordsError> {
    connection
        .query_row("SELECT revision FROM directory_revision", [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|error| unavailable(&error))
}

fn app(row: &Row<'_>) -> Result<App, rusqlite::Error> {
    Ok(App {
        id: parsed(row, "id", AppId::parse)?,
        name: row.get("name")?,
        tenant: row.get("tenant")?,
        enabled: row.get("enabled")?,
        created_at: Timestamp::from_milliseconds(row.get("created_at")?),
    })
}

fn access_key(row: &Row<'_>) -> Result<AccessKeyRow, rusqlite::Error> {
    Ok(AccessKeyRow {
        id: parsed(row, "id", AccessKeyId::parse)?,
        app: parsed(row, "app", AppId::parse)?,
        sealed_secret: row.get("sealed_secret")?,
        permissions: parsed(row, "permissions", Permissions::from_text)?,
        enabled: row.get("enabled")?,
        created_at: Timestamp::from_milliseconds(row.get("created_at")?),
    })
}

fn sealing_key(row: &Row<'_>) -> Result<SealingKeyRow, rusqlite::Error> {
    Ok(SealingKeyRow {
        id: KeyId(row.get("id")?),
        sealed_key: row.get("sealed_key")?,
        created_at: Timestamp::from_milliseconds(row.get("created_at")?),
        seals_from: Timestamp::from_milliseconds(row.get("seals_from")?),
    })
}

fn secret(row: &Row<'_>) -> Result<SecretRow, rusqlite::Error> {
    Ok(SecretRow {
        name: row.get("name")?,
        sealed: row.get("sealed")?,
        created_at: Timestamp::from_milliseconds(row.get("created_at")?),
    })
}
