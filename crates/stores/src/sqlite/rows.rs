//! What the verbs share: changing rows, reading them, telling the audit trail.

use countersign_domain::audit::AuditEntry;
use countersign_domain::ports::RecordsError;
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, ErrorCode, Params, Row, ffi};

use super::unavailable;

/// Runs a statement that must change at least one row.
pub(super) fn changed(connection: &Connection, statement: &str, values: impl Params) -> Result<(), RecordsError> {
    let count = connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
    if count.map_err(refused)? == 0 { Err(RecordsError::Missing) } else { Ok(()) }
}

/// Writes an audit entry.
pub(super) fn tell(connection: &Connection, audit: &AuditEntry) -> Result<(), RecordsError> {
    let insert = "INSERT INTO audit (at, actor, event, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    let entry = (audit.at.milliseconds(), &audit.actor, &audit.event, &audit.subject, &audit.detail);
    let mut statement = connection.prepare_cached(insert).map_err(refused)?;
    statement.execute(entry).map(drop).map_err(refused)
}

/// Every row of a query.
pub(super) fn rows<T>(
    connection: &Connection,
    select: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, RecordsError> {
    let rows = || {
        let mut statement = connection.prepare_cached(select)?;
        statement.query_map(values, |row| read(row))?.collect::<Result<Vec<T>, _>>()
    };
    rows().map_err(damaged)
}

/// What an error of a statement that changes rows means.
pub(super) fn refused(error: rusqlite::Error) -> RecordsError {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::ConstraintViolation => {
            match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE => RecordsError::Exists,
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => RecordsError::Missing,
                _ => unavailable(&error),
            }
        }
        error => unavailable(&error),
    }
}

/// What an error of a statement that reads rows means.
pub(super) fn damaged(error: rusqlite::Error) -> RecordsError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
            RecordsError::Damaged(error.to_string())
        }
        error => unavailable(&error),
    }
}

/// A column that holds a time.
pub(super) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, rusqlite::Error> {
    Ok(Timestamp::from_milliseconds(row.get(column)?))
}

/// A column whose text is more than a text.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, rusqlite::Error> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| {
        let what = format!("column {column} holds {text:?}, which this version cannot read");
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, what.into())
    })
}

/// The same of a column that may be empty.
pub(super) fn optional<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, rusqlite::Error> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(_) => parsed(row, column, parse).map(Some),
    }
}
