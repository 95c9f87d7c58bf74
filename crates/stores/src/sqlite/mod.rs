//! Records in one SQLite file, in WAL mode: one thread writes, one reads.
//!
//! The writer commits many verbs together, each under a savepoint of its own, and answers after the commit: what was
//! acknowledged has been through `fsync`. On the disk it was measured on, 200 rows a transaction are fifty times as many a
//! second as one. Another process (a command beside a running server) may write too; the busy timeout lets the two take
//! turns.

mod accounts;
mod agents;
mod captcha_apps;
mod codes;
mod contacts;
mod directory;
mod iam_users;
mod install_codes;
mod migrations;
mod nonces;
mod outbox;
mod outbox_keeping;
mod owners;
mod rows;
mod sites;
mod texts;
mod usage;
mod users;
mod worker;
pub mod yardstick;

use std::path::Path;
use std::time::Duration;

use countersign_domain::ports::RecordsError;
use rusqlite::{Connection, OpenFlags};

use worker::Worker;

/// How long a verb waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The records of one machine.
pub struct SqliteRecords {
    writer: Worker,
    reader: Worker,
}

impl SqliteRecords {
    /// Opens the file, making it (mode 0600, with its journal) and bringing its tables up to date where needed.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`] if the file cannot be opened or written, [`RecordsError::Damaged`] if it was written by
    /// a newer version or its migrations were changed.
    pub fn open(path: &Path) -> Result<Self, RecordsError> {
        restrict_to_owner(path)?;
        let mut connection = connect(path)?;
        migrations::run(&mut connection)?;
        let writer = Worker::writing(connection)?;
        let reader = Worker::reading(connect(path)?)?;
        Ok(Self { writer, reader })
    }
}

fn connect(path: &Path) -> Result<Connection, RecordsError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Every hot statement, and then some.
        connection.set_prepared_statement_cache_capacity(128);
        Ok(connection)
    };
    open().map_err(|error| unavailable(&error))
}

/// Secrets in the file are sealed, but contacts and the audit trail are nobody else's business either. SQLite gives its
/// journal files the mode of the main one.
fn restrict_to_owner(path: &Path) -> Result<(), RecordsError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| RecordsError::Unavailable(format!("{}: {error}", path.display())))
}

fn unavailable(error: &rusqlite::Error) -> RecordsError {
    RecordsError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use countersign_domain::audit::AuditEntry;
    use countersign_domain::ports::AppRecords as _;
    use countersign_domain::testing::{
        app, block_on, code_records_conformance, machine_records_conformance, outbox_conformance,
        owner_records_conformance, people_records_conformance, records_conformance, usage_conformance,
    };

    use countersign_domain::time::Timestamp;

    use super::*;

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        records_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_codes() {
        let folder = tempfile::tempdir().unwrap();
        code_records_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_messages() {
        let folder = tempfile::tempdir().unwrap();
        outbox_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_owners() {
        let folder = tempfile::tempdir().unwrap();
        owner_records_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_machines() {
        let folder = tempfile::tempdir().unwrap();
        machine_records_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_people() {
        let folder = tempfile::tempdir().unwrap();
        people_records_conformance(|| SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap());
    }

    #[test]
    fn conforms_about_usage() {
        let folder = tempfile::tempdir().unwrap();
        usage_conformance(|| {
            let store = SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap();
            for id in ["used", "others"] {
                let made = AuditEntry::new(Timestamp::from_milliseconds(0), "test", "app.created", id);
                // The second time it is there already.
                let _made_before = block_on(store.create_app(app(id), made));
            }
            store
        });
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let store = SqliteRecords::open(&folder.path().join("records.sqlite")).unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 1, "the journal is there");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
        drop(store);
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.sqlite");
        std::fs::write(&path, "this is a letter, and a long one at that, to a friend").unwrap();
        assert!(matches!(SqliteRecords::open(&path), Err(RecordsError::Unavailable(_))));
        assert!(matches!(SqliteRecords::open(folder.path()), Err(RecordsError::Unavailable(_))));
    }
}
