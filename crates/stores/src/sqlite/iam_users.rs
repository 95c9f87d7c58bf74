//! IAM users. They are part of the directory: whatever changes one moves its revision.

use async_trait::async_trait;
use countersign_domain::access_key::Permissions;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::iam_user::{IamName, IamUser, IamUserId, PasswordHash};
use countersign_domain::ports::{IamUserRecords, RecordsError};
use rusqlite::{Connection, Row};

use super::SqliteRecords;
use super::directory::change;
use super::rows::{parsed, refused, rows, time};

#[async_trait]
impl IamUserRecords for SqliteRecords {
    async fn create_iam_user(&self, user: IamUser, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let (domain, name, app) = (user.domain.as_str(), user.name.as_str(), user.app.as_str());
            let select = "SELECT EXISTS (SELECT 1 FROM iam_user WHERE domain = ?1 AND app <> ?2)";
            let is_anothers: bool = connection.query_row(select, (domain, app), |row| row.get(0)).map_err(refused)?;
            if is_anothers {
                return Err(RecordsError::Exists);
            }
            let insert = "INSERT INTO iam_user (id, app, domain, name, password, permissions, enabled, created_at) \
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let (password, permissions) = (user.password.as_str(), user.permissions.to_text());
            let created_at = user.created_at.milliseconds();
            let values = (user.id.bytes(), app, domain, name, password, permissions, user.enabled, created_at);
            change(connection, insert, values, &audit)
        };
        self.writer.run(verb).await
    }

    async fn set_iam_user_enabled(&self, id: IamUserId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            change(connection, "UPDATE iam_user SET enabled = ?2 WHERE id = ?1", (id.bytes(), enabled), &audit)
        };
        self.writer.run(verb).await
    }
}

/// Every user, by id.
pub(super) fn all(connection: &Connection) -> Result<Vec<IamUser>, RecordsError> {
    let select = "SELECT id, app, domain, name, password, permissions, enabled, created_at FROM iam_user ORDER BY id";
    rows(connection, select, [], iam_user)
}

fn iam_user(row: &Row<'_>) -> Result<IamUser, rusqlite::Error> {
    Ok(IamUser {
        id: IamUserId::from_bytes(row.get("id")?),
        app: parsed(row, "app", AppId::parse)?,
        domain: parsed(row, "domain", IamName::parse)?,
        name: parsed(row, "name", IamName::parse)?,
        password: PasswordHash::new(row.get("password")?),
        permissions: parsed(row, "permissions", Permissions::from_text)?,
        enabled: row.get("enabled")?,
        created_at: time(row, "created_at")?,
    })
}
