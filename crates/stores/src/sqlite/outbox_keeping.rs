//! Housekeeping of codes, their messages and the contacts that they verified.

use async_trait::async_trait;
use countersign_domain::code::{Code, CodeState};
use countersign_domain::contact::Channel;
use countersign_domain::message::{MessageId, SenderName};
use countersign_domain::ports::{LONGEST_WAIT, MessageRow, OutboxKeeping, REPEATABLE_FOR, RecordsError};
use countersign_domain::pumping::Hour;
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, Params};

use super::rows::{changed, parsed, refused, rows};
use super::{SqliteRecords, codes, outbox};

/// Rows of each kind that one pass takes at most: it shares the writer with sends.
const AT_ONCE: u32 = 1_000;

#[async_trait]
impl OutboxKeeping for SqliteRecords {
    async fn orphans(&self, lanes: Vec<SenderName>) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
        self.reader.run(move |connection| orphans(connection, &lanes)).await
    }

    async fn silent_messages(
        &self,
        lane: SenderName,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
        self.reader.run(move |connection| silent(connection, &lane, before, now)).await
    }

    async fn leave_messages(&self, ids: Vec<MessageId>) -> Result<(), RecordsError> {
        self.writer
            .run(move |connection| {
                let update = "UPDATE message SET is_left = 1 WHERE id = ?1";
                let mut statement = connection.prepare_cached(update).map_err(refused)?;
                ids.iter().try_for_each(|id| statement.execute([id.0]).map(drop).map_err(refused))
            })
            .await
    }

    async fn adopt_message(&self, id: MessageId, now: Timestamp, heir: Option<SenderName>) -> Result<(), RecordsError> {
        self.writer
            .run(move |connection| {
                let (at, heir) = (now.milliseconds(), heir.as_ref().map(SenderName::as_str));
                let update = "UPDATE message SET lane = coalesce(?3, lane), turn = 0, due_at = ?2, leased_until = NULL, \
                              state = iif(?3 IS NULL, 'failed', state), \
                              reason = iif(?3 IS NULL, 'its sender was taken away', reason) \
                              WHERE id = ?1 AND state = 'waiting'";
                changed(connection, update, (id.0, at, heir))
            })
            .await
    }

    async fn expire_messages(&self, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError> {
        self.writer.run(move |connection| expire(connection, now)).await
    }

    async fn forget_codes(
        &self,
        now: Timestamp,
        before: Timestamp,
        verified_before: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.writer.run(move |connection| forget(connection, now, before, verified_before)).await
    }
}

fn orphans(connection: &Connection, lanes: &[SenderName]) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
    let waiting = "SELECT DISTINCT lane FROM message WHERE state = 'waiting'";
    let waiting = rows(connection, waiting, [], |row| parsed(row, "lane", SenderName::parse))?;
    let Some(lane) = waiting.into_iter().find(|lane| !lanes.contains(lane)) else { return Ok(Vec::new()) };
    let select = format!(
        "SELECT {}, {} FROM message JOIN code ON code.sequence = message.code \
         WHERE message.lane = ?1 AND message.state = 'waiting' LIMIT ?2",
        outbox::COLUMNS,
        codes::COLUMNS
    );
    rows(connection, &select, (lane.as_str(), AT_ONCE), |row| Ok((outbox::read(row)?, codes::read(row)?)))
}

fn silent(
    connection: &Connection,
    lane: &SenderName,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
    let select = format!(
        "SELECT {}, {} FROM message JOIN code ON code.sequence = message.code \
         WHERE message.state = 'sent' AND NOT message.is_left AND message.lane = ?1 \
         AND message.due_at BETWEEN ?5 AND ?2 AND message.expires_at > ?3 \
         AND code.ended_at IS NULL ORDER BY message.due_at, message.sequence LIMIT ?4",
        outbox::COLUMNS,
        codes::COLUMNS
    );
    // What was sent earlier than this carries no live code: the index need not go through it.
    let since = now.minus(LONGEST_WAIT).milliseconds();
    let values = (lane.as_str(), before.milliseconds(), now.milliseconds(), AT_ONCE, since);
    let found = rows(connection, &select, values, |row| Ok((outbox::read(row)?, codes::read(row)?)))?;
    // Of one from the future nobody knows how old it is.
    Ok(found.into_iter().filter(|(_, code)| code.state(now) == CodeState::Live).collect())
}

fn expire(connection: &Connection, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError> {
    let at = now.milliseconds();
    let late = "UPDATE message SET state = 'expired', leased_until = NULL, due_at = ?1 WHERE sequence IN \
                (SELECT sequence FROM message WHERE state = 'waiting' AND expires_at <= ?1 LIMIT ?2) RETURNING channel";
    let mut messages: Vec<(Channel, u32)> = Vec::new();
    for channel in rows(connection, late, (at, AT_ONCE), |row| parsed(row, "channel", Channel::from_word))? {
        match messages.iter_mut().find(|(counted, _)| *counted == channel) {
            Some((_, count)) => *count += 1,
            None => messages.push((channel, 1)),
        }
    }
    let digits = "UPDATE code SET sealed_digits = NULL WHERE sequence IN \
                  (SELECT sequence FROM code WHERE sealed_digits IS NOT NULL AND expires_at <= ?1 LIMIT ?2)";
    forgotten(connection, digits, (at, AT_ONCE))?;
    Ok(messages)
}

fn forget(
    connection: &Connection,
    now: Timestamp,
    before: Timestamp,
    verified_before: Timestamp,
) -> Result<bool, RecordsError> {
    let at = now.milliseconds();
    let repeatable = "DELETE FROM repeatable WHERE key IN (SELECT key FROM repeatable WHERE created_at <= ?1 LIMIT ?2)";
    let repeatable = forgotten(connection, repeatable, (now.minus(REPEATABLE_FOR).milliseconds(), AT_ONCE))?;
    // By sequence, which grows with time: the oldest codes are the first rows.
    let codes = "DELETE FROM code WHERE sequence IN (SELECT sequence FROM code ORDER BY sequence LIMIT ?3) \
                 AND created_at < ?1 AND expires_at <= ?2";
    let codes = forgotten(connection, codes, (before.milliseconds(), at, AT_ONCE))?;
    // An account that is empty is the same as none.
    let accounts = "DELETE FROM account WHERE name IN \
                    (SELECT name FROM account WHERE name GLOB 'codes.*' AND empty_at <= ?1 LIMIT ?2)";
    let accounts = forgotten(connection, accounts, (at, AT_ONCE))?;
    let texts = "DELETE FROM text_count WHERE (account, hour) IN \
                 (SELECT account, hour FROM text_count WHERE hour <= ?1 LIMIT ?2)";
    let texts = forgotten(connection, texts, (Hour::forgotten(now).0, AT_ONCE))?;
    let contacts = "DELETE FROM verified_contact WHERE sequence IN \
                    (SELECT sequence FROM verified_contact WHERE verified_at < ?1 LIMIT ?2)";
    let contacts = forgotten(connection, contacts, (verified_before.milliseconds(), AT_ONCE))?;
    Ok([repeatable, codes, accounts, texts, contacts].contains(&AT_ONCE))
}

/// Runs a statement, and returns how many rows it changed.
fn forgotten(connection: &Connection, statement: &str, values: impl Params) -> Result<u32, RecordsError> {
    let count = connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
    count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)).map_err(refused)
}
