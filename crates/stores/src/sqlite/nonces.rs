//! Nonces of signed calls.

use async_trait::async_trait;
use countersign_domain::ports::{NonceId, NonceRecords, NonceRow, RecordsError};
use countersign_domain::time::Timestamp;
use rusqlite::Connection;

use super::SqliteRecords;
use super::rows::{refused, rows, time};

#[async_trait]
impl NonceRecords for SqliteRecords {
    async fn keep_nonces(&self, nonces: Vec<NonceRow>) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let insert = "INSERT INTO nonce (id, until) VALUES (?1, ?2) \
                          ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until)";
            let mut insert = connection.prepare_cached(insert).map_err(refused)?;
            for NonceRow { id, until } in nonces {
                insert.execute((id.0, until.milliseconds())).map_err(refused)?;
            }
            Ok(())
        };
        self.writer.run(verb).await
    }

    async fn spent_nonces(&self, now: Timestamp) -> Result<Vec<NonceRow>, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = "SELECT id, until FROM nonce WHERE until > ?1 ORDER BY id";
            rows(connection, select, [now.milliseconds()], |row| {
                Ok(NonceRow { id: NonceId(row.get("id")?), until: time(row, "until")? })
            })
        };
        self.reader.run(verb).await
    }

    async fn forget_nonces(&self, now: Timestamp) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM nonce WHERE until <= ?1";
            connection.execute(delete, [now.milliseconds()]).map(drop).map_err(refused)
        };
        self.writer.run(verb).await
    }
}
