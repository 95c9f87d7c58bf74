//! What the store is measured against: a loop that inserts the rows of sends and of checks, 64 to a commit, and does nothing
//! else. No queue, no look at an account or at a live code, no answer to anybody.

use std::path::Path;

use countersign_domain::ports::RecordsError;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{connect, migrations, unavailable};

/// Rows that share a commit.
const GROUP: u32 = 64;

/// The loop, over a file of its own.
pub struct Yardstick {
    connection: Connection,
    inserted: u64,
}

impl Yardstick {
    /// Opens a file with the store's own tables and pragmas.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn open(path: &Path) -> Result<Self, RecordsError> {
        let mut connection = connect(path)?;
        migrations::run(&mut connection)?;
        let app = "INSERT OR IGNORE INTO app (id, name, enabled, created_at) VALUES ('bench', 'bench', 1, 0)";
        connection.execute(app, []).map_err(|error| unavailable(&error))?;
        Ok(Self { connection, inserted: 0 })
    }

    /// Inserts what `count` sends leave behind, each to a contact of its own: a code, its message, the accounts of the contact and
    /// of the pause until the next code, a line of the audit trail.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn sends(&mut self, count: u32) -> Result<(), RecordsError> {
        self.in_groups(count, |connection, number| {
            let id = number.to_be_bytes();
            let code = "INSERT INTO code (id, app, purpose, contact, resource, channel, sealed_contact, hash, sealed_digits, \
                        unverified, tries, created_at, expires_at) VALUES (?1, 'bench', 'signup', ?2, '', 'sms', ?3, ?4, ?5, '', 0, ?6, ?6)";
            let values = params![wide(id, 16), wide(id, 32), wide(id, 54), wide(id, 20), wide(id, 46), 1_795_000_000_000_i64];
            connection.prepare_cached(code)?.execute(values)?;
            let message = "INSERT INTO message (id, code, channel, lane, language, state, created_at, due_at, expires_at) \
                           VALUES (?1, ?2, 'sms', 'gateway', 'en', 'waiting', ?3, ?3, ?3)";
            let values = params![wide(id, 16), connection.last_insert_rowid(), 1_795_000_000_000_i64];
            connection.prepare_cached(message)?.execute(values)?;
            for limit in ["codes.resend/bench/signup", "codes.contact.day"] {
                let account = "INSERT INTO account (name, empty_at) VALUES (?1, ?2)";
                let name = format!("{limit}/{}", hex(&wide(id, 32)));
                connection.prepare_cached(account)?.execute(params![name, 1_795_000_000_000_i64])?;
            }
            audit(connection, "code.sent", "accepted gateway")
        })
    }

    /// Inserts what `count` checks that found the code right leave behind: a verified contact, a line of the audit trail.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn checks(&mut self, count: u32) -> Result<(), RecordsError> {
        self.in_groups(count, |connection, number| {
            let id = number.to_be_bytes();
            let contact = "INSERT INTO verified_contact (id, app, customer, contact, channel, sealed_contact, verified_at) \
                           VALUES (?1, 'bench', '', ?2, 'sms', ?3, ?4)";
            let values = params![wide(id, 16), wide(id, 32), wide(id, 54), 1_795_000_000_000_i64];
            connection.prepare_cached(contact)?.execute(values)?;
            audit(connection, "code.checked", "right")
        })
    }

    fn in_groups(
        &mut self,
        count: u32,
        insert: impl Fn(&Connection, u64) -> Result<(), rusqlite::Error>,
    ) -> Result<(), RecordsError> {
        let mut left = count;
        let mut run = || {
            while left > 0 {
                let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for _ in 0..left.min(GROUP) {
                    self.inserted += 1;
                    insert(&transaction, self.inserted)?;
                }
                transaction.commit()?;
                left -= left.min(GROUP);
            }
            Ok(())
        };
        run().map_err(|error: rusqlite::Error| unavailable(&error))
    }
}

/// As many bytes as the real row has, and as random: rows in order would be easier to index than they are.
fn wide(id: [u8; 8], length: usize) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};

    let mut bytes = Sha256::digest(id).to_vec();
    bytes.resize(length, 0);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn audit(connection: &Connection, event: &str, detail: &str) -> Result<(), rusqlite::Error> {
    let insert = "INSERT INTO audit (at, actor, event, subject, detail) VALUES (?1, 'bench', ?2, ?3, ?4)";
    let values = params![1_795_000_000_000_i64, event, "0123456789abcdef0123456789abcdef", detail];
    connection.prepare_cached(insert)?.execute(values).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leaves_the_rows_that_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut yardstick = Yardstick::open(&folder.path().join("records.sqlite")).unwrap();
        yardstick.sends(130).unwrap();
        yardstick.checks(70).unwrap();
        for (table, expected) in
            [("code", 130), ("message", 130), ("account", 260), ("verified_contact", 70), ("audit", 200)]
        {
            let count: i64 =
                yardstick.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            assert_eq!(count, expected, "{table}");
        }
    }
}
