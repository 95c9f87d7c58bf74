//! Apps' numbers for a vendor's widget. They are part of the directory: whatever changes one moves its revision.

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::captcha_app::{CaptchaAppId, CaptchaAppRow};
use countersign_domain::ports::{CaptchaAppRecords, NewCaptchaApp, RecordsError};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::SqliteRecords;
use super::directory::change;
use super::rows::{damaged, parsed, refused, rows, time};

#[async_trait]
impl CaptchaAppRecords for SqliteRecords {
    async fn ensure_captcha_app(&self, new: NewCaptchaApp, audit: AuditEntry) -> Result<CaptchaAppRow, RecordsError> {
        let verb = move |connection: &Connection| {
            let NewCaptchaApp { app, id, sealed_secret, created_at } = new;
            let select = "SELECT number, app, sealed_secret, created_at FROM captcha_app WHERE app = ?1";
            let kept = connection.query_row(select, [app.as_str()], captcha_app).optional().map_err(damaged)?;
            if let Some(row) = kept {
                return Ok(row);
            }
            let number = match id {
                Some(id) => i64::from(id.number()),
                None => next(connection)?,
            };
            let id = u64::try_from(number).ok().and_then(CaptchaAppId::new).ok_or(RecordsError::Full)?;
            let insert = "INSERT INTO captcha_app (number, app, sealed_secret, created_at) VALUES (?1, ?2, ?3, ?4)";
            change(connection, insert, (number, app.as_str(), &sealed_secret, created_at.milliseconds()), &audit)?;
            Ok(CaptchaAppRow { id, app, sealed_secret, created_at })
        };
        self.writer.run(verb).await
    }

    async fn change_captcha_secret(
        &self,
        app: AppId,
        sealed_secret: Vec<u8>,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let update = "UPDATE captcha_app SET sealed_secret = ?2 WHERE app = ?1";
            change(connection, update, (app.as_str(), sealed_secret), &audit)
        };
        self.writer.run(verb).await
    }
}

/// The number after the greatest.
fn next(connection: &Connection) -> Result<i64, RecordsError> {
    let select = "SELECT max(?1, coalesce(max(number) + 1, 0)) FROM captcha_app";
    connection.query_row(select, [CaptchaAppId::FIRST.number()], |row| row.get(0)).map_err(refused)
}

/// Every app's, by number.
pub(super) fn all(connection: &Connection) -> Result<Vec<CaptchaAppRow>, RecordsError> {
    let select = "SELECT number, app, sealed_secret, created_at FROM captcha_app ORDER BY number";
    rows(connection, select, [], captcha_app)
}

fn captcha_app(row: &Row<'_>) -> Result<CaptchaAppRow, rusqlite::Error> {
    let number: i64 = row.get("number")?;
    let id = u64::try_from(number).ok().and_then(CaptchaAppId::new);
    Ok(CaptchaAppRow {
        id: id.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number))?,
        app: parsed(row, "app", AppId::parse)?,
        sealed_secret: row.get("sealed_secret")?,
        created_at: time(row, "created_at")?,
    })
}
