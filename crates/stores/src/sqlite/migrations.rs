//! Brings a file's tables up to date. Migrations are numbered, embedded, and never changed once released: the checksum of
//! each is kept with the file.

use countersign_domain::ports::RecordsError;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use sha2::{Digest as _, Sha256};

use super::unavailable;

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_apps.sql"),
    include_str!("../../migrations/sqlite/0002_secrets.sql"),
    include_str!("../../migrations/sqlite/0003_nonces.sql"),
    include_str!("../../migrations/sqlite/0004_machines.sql"),
    include_str!("../../migrations/sqlite/0005_codes.sql"),
    include_str!("../../migrations/sqlite/0006_iam_users.sql"),
    include_str!("../../migrations/sqlite/0007_gateway_ids.sql"),
    include_str!("../../migrations/sqlite/0008_users.sql"),
    include_str!("../../migrations/sqlite/0009_directory.sql"),
    include_str!("../../migrations/sqlite/0010_captcha_apps.sql"),
    include_str!("../../migrations/sqlite/0011_usage.sql"),
];

/// Runs what the file lacks, all in one transaction: it is either up to date afterwards, or as it was.
pub(super) fn run(connection: &mut Connection) -> Result<(), RecordsError> {
    run_list(connection, MIGRATIONS)
}

fn run_list(connection: &mut Connection, migrations: &[&str]) -> Result<(), RecordsError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(|error| unavailable(&error))?;
    let table = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT";
    transaction.execute_batch(table).map_err(|error| unavailable(&error))?;
    let done: u32 = transaction
        .query_row("SELECT count(*) FROM migration", [], |row| row.get(0))
        .map_err(|error| unavailable(&error))?;
    if usize::try_from(done).is_ok_and(|done| done > migrations.len()) {
        return Err(RecordsError::Damaged("the file was written by a newer version".to_owned()));
    }
    for (number, script) in (1..).zip(migrations) {
        run_one(&transaction, number, script)?;
    }
    transaction.commit().map_err(|error| unavailable(&error))
}

fn run_one(transaction: &Transaction<'_>, number: u32, script: &str) -> Result<(), RecordsError> {
    let checksum = Sha256::digest(script.as_bytes()).to_vec();
    let kept: Option<Vec<u8>> = transaction
        .query_row("SELECT checksum FROM migration WHERE number = ?1", [number], |row| row.get(0))
        .optional()
        .map_err(|error| unavailable(&error))?;
    match kept {
        Some(kept) if kept == checksum => Ok(()),
        Some(_) => Err(RecordsError::Damaged(format!("migration {number} was changed after it had been run"))),
        None => {
            transaction.execute_batch(script).map_err(|error| unavailable(&error))?;
            let insert = "INSERT INTO migration (number, checksum) VALUES (?1, ?2)";
            transaction.execute(insert, (number, checksum)).map(drop).map_err(|error| unavailable(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "CREATE TABLE one (id INTEGER) STRICT;";
    const TWO: &str = "CREATE TABLE two (id INTEGER) STRICT;";

    #[test]
    fn migrations_run_once_each_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        run_list(&mut connection, &[ONE]).unwrap();
        run_list(&mut connection, &[ONE, TWO]).unwrap();
        run_list(&mut connection, &[ONE, TWO]).unwrap();
        connection.execute_batch("INSERT INTO one VALUES (1); INSERT INTO two VALUES (1);").unwrap();
    }

    #[test]
    fn a_changed_or_newer_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run_list(&mut connection, &[ONE, TWO]).unwrap();
        assert!(matches!(run_list(&mut connection, &[ONE]), Err(RecordsError::Damaged(_))));
        assert!(matches!(run_list(&mut connection, &[ONE, ONE]), Err(RecordsError::Damaged(_))));
    }

    #[test]
    fn a_failed_migration_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(run_list(&mut connection, &[ONE, "CREATE TABLE one (id INTEGER)"]).is_err());
        run_list(&mut connection, &[ONE]).unwrap();
    }
}
