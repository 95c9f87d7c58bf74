//! What the store is measured against: a loop that inserts the rows of sends and of checks, 64 to a commit, and does nothing
//! else. No queue, no look at an account or at a live code, no answer to anybody, no making up of what is inserted.

use std::path::Path;

use countersign_domain::ports::RecordsError;
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::{connect, migrations, unavailable};

/// Rows that share a commit.
const GROUP: usize = 64;
/// When everything happens.
const NOW: i64 = 1_795_000_000_000;

/// The loop, over a file of its own.
pub struct Yardstick {
    connection: Connection,
    drafted: u64,
}

/// What the rows of one send or one check hold: as many bytes as the real ones, and as random, because rows in order would be
/// easier to index than they are.
pub struct Draft {
    id: Vec<u8>,
    contact: Vec<u8>,
    sealed_contact: Vec<u8>,
    hash: Vec<u8>,
    sealed_digits: Vec<u8>,
    accounts: [String; 2],
}

impl Draft {
    fn new(number: u64) -> Self {
        let random = |length| {
            let mut bytes = Sha256::digest(number.to_be_bytes()).to_vec();
            bytes.resize(length, 0);
            bytes
        };
        let contact = random(32);
        let accounts = ["codes.resend/bench/signup", "codes.contact.day"];
        Self {
            id: random(16),
            accounts: accounts.map(|limit| format!("{limit}/{}", hex(&contact))),
            contact,
            sealed_contact: random(54),
            hash: random(20),
            sealed_digits: random(46),
        }
    }
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
        Ok(Self { connection, drafted: 0 })
    }

    /// What `count` sends or checks would insert, none of which was there before. To be made before the clock runs: whatever
    /// slows the yardstick down flatters what is measured with it.
    pub fn drafts(&mut self, count: u32) -> Vec<Draft> {
        let first = self.drafted + 1;
        self.drafted += u64::from(count);
        (first..=self.drafted).map(Draft::new).collect()
    }

    /// Inserts what sends leave behind, each to a contact of its own: a code, its message, the accounts of the contact and of the
    /// pause until the next code, a line of the audit trail.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn sends(&mut self, drafts: &[Draft]) -> Result<(), RecordsError> {
        self.in_groups(drafts, |connection, draft| {
            let Draft { id, contact, sealed_contact, hash, sealed_digits, accounts } = draft;
            let code = "INSERT INTO code (id, app, purpose, contact, resource, channel, sealed_contact, hash, sealed_digits, \
                        texts, tries, created_at, expires_at) VALUES (?1, 'bench', 'signup', ?2, '', 'sms', ?3, ?4, ?5, '', 0, ?6, ?6)";
            let values = params![id, contact, sealed_contact, hash, sealed_digits, NOW];
            connection.prepare_cached(code)?.execute(values)?;
            let message = "INSERT INTO message (id, code, channel, lane, language, state, created_at, due_at, expires_at) \
                           VALUES (?1, ?2, 'sms', 'gateway', 'en', 'waiting', ?3, ?3, ?3)";
            let values = params![id, connection.last_insert_rowid(), NOW];
            connection.prepare_cached(message)?.execute(values)?;
            for name in accounts {
                let account = "INSERT INTO account (name, empty_at) VALUES (?1, ?2)";
                connection.prepare_cached(account)?.execute(params![name, NOW])?;
            }
            audit(connection, "code.sent", "accepted gateway")
        })
    }

    /// Inserts what checks that found the code right leave behind: a verified contact, a line of the audit trail.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub fn checks(&mut self, drafts: &[Draft]) -> Result<(), RecordsError> {
        self.in_groups(drafts, |connection, Draft { id, contact, sealed_contact, .. }| {
            let verified = "INSERT INTO verified_contact (id, app, customer, contact, channel, sealed_contact, verified_at) \
                           VALUES (?1, 'bench', '', ?2, 'sms', ?3, ?4)";
            let values = params![id, contact, sealed_contact, NOW];
            connection.prepare_cached(verified)?.execute(values)?;
            audit(connection, "code.checked", "right")
        })
    }

    fn in_groups(
        &mut self,
        drafts: &[Draft],
        insert: impl Fn(&Connection, &Draft) -> Result<(), rusqlite::Error>,
    ) -> Result<(), RecordsError> {
        let mut run = || {
            for group in drafts.chunks(GROUP) {
                let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for draft in group {
                    insert(&transaction, draft)?;
                }
                transaction.commit()?;
            }
            Ok(())
        };
        run().map_err(|error: rusqlite::Error| unavailable(&error))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn audit(connection: &Connection, event: &str, detail: &str) -> Result<(), rusqlite::Error> {
    let insert = "INSERT INTO audit (at, actor, event, subject, detail) VALUES (?1, 'bench', ?2, ?3, ?4)";
    let values = params![NOW, event, "0123456789abcdef0123456789abcdef", detail];
    connection.prepare_cached(insert)?.execute(values).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_leaves_the_rows_that_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut yardstick = Yardstick::open(&folder.path().join("records.sqlite")).unwrap();
        let (sends, checks) = (yardstick.drafts(130), yardstick.drafts(70));
        yardstick.sends(&sends).unwrap();
        yardstick.checks(&checks).unwrap();
        for (table, expected) in
            [("code", 130), ("message", 130), ("account", 260), ("verified_contact", 70), ("audit", 200)]
        {
            let count: i64 =
                yardstick.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            assert_eq!(count, expected, "{table}");
        }
    }
}
