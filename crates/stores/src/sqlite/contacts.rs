//! Verified contacts.

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::Code;
use countersign_domain::contact::{Channel, ContactKey};
use countersign_domain::ports::{ContactRecords, ContactsWanted, RecordsError};
use countersign_domain::time::Timestamp;
use countersign_domain::verified_contact::{Customer, VerifiedContact, VerifiedId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::SqliteRecords;
use super::rows::{changed, damaged, parsed, refused, rows, tell, time};

const COLUMNS: &str = "id, app, customer, contact, channel, sealed_contact, verified_at";

#[async_trait]
impl ContactRecords for SqliteRecords {
    async fn verified_contacts(&self, wanted: ContactsWanted) -> Result<(Vec<VerifiedContact>, u32), RecordsError> {
        self.reader.run(move |connection| wanted_ones(connection, &wanted)).await
    }

    async fn forget_contact(&self, app: AppId, id: VerifiedId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.writer
            .run(move |connection| {
                let delete = "DELETE FROM verified_contact WHERE app = ?1 AND id = ?2";
                changed(connection, delete, (app.as_str(), id.0))?;
                tell(connection, &audit)
            })
            .await
    }
}

/// Makes the contact of a code that was spent a verified one. One that was verified before keeps its id.
pub(super) fn verify(
    connection: &Connection,
    code: &Code,
    customer: &Customer,
    id: VerifiedId,
    now: Timestamp,
) -> Result<VerifiedContact, RecordsError> {
    let upsert = format!(
        "INSERT INTO verified_contact ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (app, customer, contact) DO UPDATE SET verified_at = excluded.verified_at RETURNING {COLUMNS}"
    );
    let values = params![
        id.0,
        code.binding.app.as_str(),
        customer.as_str(),
        code.binding.contact.0,
        code.channel.word(),
        code.sealed_contact,
        now.milliseconds(),
    ];
    connection.prepare_cached(&upsert).map_err(refused)?.query_row(values, read).map_err(damaged)
}

fn wanted_ones(connection: &Connection, wanted: &ContactsWanted) -> Result<(Vec<VerifiedContact>, u32), RecordsError> {
    let ContactsWanted { app, customer, channel, contact, id, after, offset, limit } = wanted;
    let mut those = "FROM verified_contact WHERE app = ? AND verified_at > ?".to_owned();
    let mut values: Vec<Value> = vec![app.as_str().to_owned().into(), after.milliseconds().into()];
    // Only what is asked for: one statement for all would keep the indexes from being used.
    let mut narrow = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            those = format!("{those} AND {column} = ?");
            values.push(value);
        }
    };
    narrow("customer", customer.as_ref().map(|customer| customer.as_str().to_owned().into()));
    narrow("channel", channel.map(|channel| channel.word().to_owned().into()));
    narrow("contact", contact.map(|contact| contact.0.to_vec().into()));
    narrow("id", id.map(|id| id.0.to_vec().into()));
    let count = connection.prepare_cached(&format!("SELECT count(*) {those}"));
    let count = count.map_err(refused)?.query_row(params_from_iter(&values), |row| row.get(0)).map_err(damaged)?;
    let select = format!("SELECT {COLUMNS} {those} ORDER BY verified_at DESC, sequence DESC LIMIT ? OFFSET ?");
    values.extend([Value::from(*limit), Value::from(*offset)]);
    Ok((rows(connection, &select, params_from_iter(values), read)?, count))
}

fn read(row: &Row<'_>) -> Result<VerifiedContact, rusqlite::Error> {
    Ok(VerifiedContact {
        id: VerifiedId(row.get("id")?),
        app: parsed(row, "app", AppId::parse)?,
        customer: parsed(row, "customer", Customer::parse)?,
        contact: ContactKey(row.get("contact")?),
        channel: parsed(row, "channel", Channel::from_word)?,
        sealed_contact: row.get("sealed_contact")?,
        verified_at: time(row, "verified_at")?,
    })
}
