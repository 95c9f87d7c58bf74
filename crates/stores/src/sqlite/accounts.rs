//! Accounts of what is counted for the whole installation and must survive a restart.

use countersign_domain::ports::RecordsError;
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::rows::refused;

/// When the account `name` is empty again; `None` if nothing was ever charged to it.
pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<Timestamp>, RecordsError> {
    let select = "SELECT empty_at FROM account WHERE name = ?1";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let found: Option<i64> = statement.query_row([name], |row| row.get(0)).optional().map_err(refused)?;
    Ok(found.map(Timestamp::from_milliseconds))
}

/// Keeps the account.
pub(super) fn write(connection: &Connection, name: &str, empty_at: Timestamp) -> Result<(), RecordsError> {
    let upsert = "INSERT INTO account (name, empty_at) VALUES (?1, ?2) \
                  ON CONFLICT (name) DO UPDATE SET empty_at = excluded.empty_at";
    let mut statement = connection.prepare_cached(upsert).map_err(refused)?;
    statement.execute((name, empty_at.milliseconds())).map(drop).map_err(refused)
}

/// Whether an alarm about the account is due at `now`, if none was raised since `since`; then it counts as raised.
pub(super) fn alarm(
    connection: &Connection,
    name: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, RecordsError> {
    let update = "UPDATE account SET alarmed_at = ?2 WHERE name = ?1 AND \
                  (alarmed_at IS NULL OR alarmed_at <= ?3 OR alarmed_at > ?2)";
    let raised = connection.execute(update, (name, now.milliseconds(), since.milliseconds())).map_err(refused)?;
    Ok(raised > 0)
}
