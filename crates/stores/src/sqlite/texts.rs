//! Texts and how many of them were answered, by account and hour.

use countersign_domain::code::Code;
use countersign_domain::ports::RecordsError;
use countersign_domain::pumping::{Hour, Texts};
use countersign_domain::time::Timestamp;
use rusqlite::Connection;

use super::rows::{changed, refused, rows};

/// What an account has seen that still counts at `now`, the oldest hour first.
pub(super) fn seen(connection: &Connection, account: &str, now: Timestamp) -> Result<Vec<Texts>, RecordsError> {
    let select = "SELECT hour, sent, read FROM text_count WHERE account = ?1 AND hour > ?2 ORDER BY hour";
    rows(connection, select, (account, Hour::forgotten(now).0), |row| {
        Ok(Texts { hour: Hour(row.get("hour")?), sent: row.get("sent")?, read: row.get("read")? })
    })
}

/// Counts a text of this code under each of `accounts`.
pub(super) fn sent<'a>(
    connection: &Connection,
    code: &Code,
    accounts: impl Iterator<Item = &'a str>,
) -> Result<(), RecordsError> {
    let upsert = "INSERT INTO text_count (account, hour, sent, read) VALUES (?1, ?2, 1, 0) \
                  ON CONFLICT (account, hour) DO UPDATE SET sent = sent + 1";
    for account in accounts {
        changed(connection, upsert, (account, Hour::of(code.created_at).0))?;
    }
    Ok(())
}

/// Counts all texts of this code as read.
pub(super) fn read(connection: &Connection, code: &Code) -> Result<(), RecordsError> {
    let update = "UPDATE text_count SET read = read + 1 WHERE account = ?1 AND hour = ?2";
    for account in &code.texts {
        // What was forgotten meanwhile stays so.
        let mut statement = connection.prepare_cached(update).map_err(refused)?;
        statement.execute((account, Hour::of(code.created_at).0)).map_err(refused)?;
    }
    Ok(())
}
