//! Messages on their way.

use async_trait::async_trait;
use countersign_domain::code::{Code, CodeId};
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::message::{MessageId, SenderName};
use countersign_domain::ports::{
    CodeSend, Leased, MessageRow, MessageState, OutboxRecords, REPEATABLE_FOR, RecordsError, Settlement,
};
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, optional, parsed, refused, rows, time};
use super::{SqliteRecords, codes};

const COLUMNS: &str = "message.id AS message_id, message.lane, message.language, message.state, message.tries, \
                       message.refused, message.created_at, message.due_at, message.gateway_id, message.reason";

#[async_trait]
impl OutboxRecords for SqliteRecords {
    async fn lease_messages(
        &self,
        lane: SenderName,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Leased>, RecordsError> {
        // An idle lane is looked at twice a second: that must cost no transaction.
        let idle = lane.clone();
        if !self.reader.run(move |connection| has_due(connection, &idle, now)).await? {
            return Ok(Vec::new());
        }
        self.writer.run(move |connection| lease(connection, &lane, now, until, limit)).await
    }

    async fn settle_message(
        &self,
        id: MessageId,
        until: Timestamp,
        now: Timestamp,
        settlement: Settlement,
    ) -> Result<(), RecordsError> {
        self.writer.run(move |connection| settle(connection, id, until, now, &settlement)).await
    }

    async fn keep_delivery(
        &self,
        id: MessageId,
        now: Timestamp,
        undelivered: Option<(String, Option<SenderName>)>,
    ) -> Result<(), RecordsError> {
        self.writer.run(move |connection| keep_delivery(connection, id, now, undelivered)).await
    }

    async fn message(&self, id: MessageId) -> Result<(MessageRow, Code), RecordsError> {
        self.reader.run(move |connection| by_id(connection, id)).await
    }

    async fn message_called(&self, lane: SenderName, gateway_id: String) -> Result<MessageId, RecordsError> {
        self.reader.run(move |connection| called(connection, &lane, &gateway_id)).await
    }

    async fn messages_of(&self, code: CodeId) -> Result<Vec<MessageRow>, RecordsError> {
        self.reader
            .run(move |connection| {
                let select = format!(
                    "SELECT {COLUMNS}, code.id AS code_id FROM message JOIN code ON code.sequence = message.code \
                     WHERE code.id = ?1 ORDER BY message.sequence DESC"
                );
                rows(connection, &select, [code.bytes()], read)
            })
            .await
    }

    async fn waiting_messages(&self) -> Result<Vec<(SenderName, u32)>, RecordsError> {
        self.reader
            .run(|connection| {
                let select = "SELECT lane, count(*) FROM message WHERE state = 'waiting' GROUP BY lane ORDER BY lane";
                rows(connection, select, [], |row| Ok((parsed(row, "lane", SenderName::parse)?, row.get(1)?)))
            })
            .await
    }

    async fn adopt_messages(
        &self,
        lanes: Vec<SenderName>,
        heirs: Vec<(Channel, SenderName)>,
    ) -> Result<(), RecordsError> {
        self.writer.run(move |connection| adopt(connection, &lanes, &heirs)).await
    }

    async fn expire_messages(&self, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError> {
        self.writer.run(move |connection| expire(connection, now)).await
    }

    async fn forget_codes(&self, now: Timestamp, before: Timestamp) -> Result<(), RecordsError> {
        self.writer.run(move |connection| forget(connection, now, before)).await
    }
}

/// Puts a message for `code` into the outbox.
pub(super) fn queue(connection: &Connection, code: &Code, send: &CodeSend) -> Result<(), RecordsError> {
    let insert = "INSERT INTO message (id, code, channel, lane, language, state, created_at, due_at, expires_at) \
                  SELECT ?1, sequence, ?3, ?4, ?5, 'waiting', ?6, ?6, ?7 FROM code WHERE id = ?2";
    let values = params![
        send.message.0,
        code.id.bytes(),
        code.channel.word(),
        send.lane.as_str(),
        send.language.tag(),
        send.code.created_at.milliseconds(),
        code.expires_at.milliseconds(),
    ];
    changed(connection, insert, values)
}

/// Calls back the messages of a code that ended: nobody needs them any more.
pub(super) fn call_back(connection: &Connection, code: CodeId, now: Timestamp) -> Result<(), RecordsError> {
    let update = "UPDATE message SET state = 'obsolete', due_at = ?2, leased_until = NULL \
                  WHERE code = (SELECT sequence FROM code WHERE id = ?1) AND state = 'waiting'";
    let mut statement = connection.prepare_cached(update).map_err(refused)?;
    statement.execute((code.bytes(), now.milliseconds())).map(drop).map_err(refused)
}

fn has_due(connection: &Connection, lane: &SenderName, now: Timestamp) -> Result<bool, RecordsError> {
    let select = "SELECT 1 FROM message WHERE lane = ?1 AND due_at <= ?2 AND state = 'waiting' LIMIT 1";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    statement.exists((lane.as_str(), now.milliseconds())).map_err(refused)
}

fn lease(
    connection: &Connection,
    lane: &SenderName,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Leased>, RecordsError> {
    let select = format!(
        "SELECT {COLUMNS}, {} FROM message JOIN code ON code.sequence = message.code \
         WHERE message.lane = ?1 AND message.due_at <= ?2 AND message.state = 'waiting' AND message.expires_at > ?2 \
         ORDER BY message.due_at, message.sequence LIMIT ?3",
        codes::COLUMNS
    );
    let values = (lane.as_str(), now.milliseconds(), limit);
    let read = |row: &Row<'_>| Ok(Leased { message: read(row)?, code: codes::read(row)?, until });
    let leased = rows(connection, &select, values, read)?;
    for Leased { message, .. } in &leased {
        let update = "UPDATE message SET due_at = ?2, leased_until = ?2 WHERE id = ?1";
        changed(connection, update, (message.id.0, until.milliseconds()))?;
    }
    Ok(leased)
}

fn settle(
    connection: &Connection,
    id: MessageId,
    until: Timestamp,
    now: Timestamp,
    settlement: &Settlement,
) -> Result<(), RecordsError> {
    let (now, until) = (now.milliseconds(), until.milliseconds());
    let settled = match settlement {
        // Whatever became of the message meanwhile: it is a fact that it was sent.
        Settlement::Sent { gateway_id } => {
            let update = "UPDATE message SET state = 'sent', due_at = ?2, leased_until = NULL, gateway_id = ?3, \
                          reason = NULL WHERE id = ?1 AND state IN ('waiting', 'obsolete', 'expired')";
            changed(connection, update, (id.0, now, gateway_id))
        }
        Settlement::Again { lane, due_at, tries, refused, reason } => {
            let update = "UPDATE message SET lane = ?3, due_at = ?4, tries = ?5, refused = ?6, reason = ?7, \
                          leased_until = NULL WHERE id = ?1 AND leased_until = ?2 AND state = 'waiting'";
            let due_at = due_at.milliseconds();
            let values = params![id.0, until, lane.as_str(), due_at, tries, joined(refused), clipped(reason)];
            changed(connection, update, values)
        }
        Settlement::Failed { reason } => {
            let update = "UPDATE message SET state = 'failed', due_at = ?3, reason = ?4, leased_until = NULL \
                          WHERE id = ?1 AND leased_until = ?2 AND state = 'waiting'";
            changed(connection, update, (id.0, until, now, clipped(reason)))
        }
    };
    settled.map_err(|error| if error == RecordsError::Missing { RecordsError::Changed } else { error })
}

fn keep_delivery(
    connection: &Connection,
    id: MessageId,
    now: Timestamp,
    undelivered: Option<(String, Option<SenderName>)>,
) -> Result<(), RecordsError> {
    let select = "SELECT state, lane, refused, expires_at FROM message WHERE id = ?1";
    let read = |row: &Row<'_>| {
        let state = parsed(row, "state", MessageState::from_word)?;
        Ok((state, row.get::<_, String>("lane")?, row.get::<_, String>("refused")?, time(row, "expires_at")?))
    };
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let found = statement.query_row([id.0], read).optional().map_err(damaged)?;
    let (state, lane, refused_by, expires_at) = found.ok_or(RecordsError::Missing)?;
    let at = now.milliseconds();
    match undelivered {
        None => {
            let update = "UPDATE message SET state = 'delivered', due_at = ?2, leased_until = NULL WHERE id = ?1";
            changed(connection, update, (id.0, at))
        }
        Some(_) if state == MessageState::Waiting => Err(RecordsError::Changed),
        Some(_) if state != MessageState::Sent => Ok(()),
        Some((reason, Some(next))) if expires_at > now => {
            let update = "UPDATE message SET state = 'waiting', lane = ?2, refused = ?3, due_at = ?4, tries = 0, \
                          reason = ?5, gateway_id = NULL WHERE id = ?1";
            let refused_by = format!("{refused_by} {lane}");
            changed(connection, update, params![id.0, next.as_str(), refused_by.trim(), at, clipped(&reason)])
        }
        Some((reason, _)) => {
            let update = "UPDATE message SET state = 'undelivered', due_at = ?2, reason = ?3 WHERE id = ?1";
            changed(connection, update, (id.0, at, clipped(&reason)))
        }
    }
}

fn by_id(connection: &Connection, id: MessageId) -> Result<(MessageRow, Code), RecordsError> {
    let select = format!(
        "SELECT {COLUMNS}, {} FROM message JOIN code ON code.sequence = message.code WHERE message.id = ?1",
        codes::COLUMNS
    );
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    let found = statement.query_row([id.0], |row| Ok((read(row)?, codes::read(row)?))).optional().map_err(damaged)?;
    found.ok_or(RecordsError::Missing)
}

fn called(connection: &Connection, lane: &SenderName, gateway_id: &str) -> Result<MessageId, RecordsError> {
    let select = "SELECT id FROM message WHERE gateway_id = ?2 AND lane = ?1 ORDER BY sequence DESC LIMIT 1";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let found = statement.query_row((lane.as_str(), gateway_id), |row| row.get("id")).optional().map_err(damaged)?;
    found.map(MessageId).ok_or(RecordsError::Missing)
}

fn adopt(connection: &Connection, lanes: &[SenderName], heirs: &[(Channel, SenderName)]) -> Result<(), RecordsError> {
    let orphans = "SELECT DISTINCT lane FROM message WHERE state = 'waiting'";
    let waiting = rows(connection, orphans, [], |row| parsed(row, "lane", SenderName::parse))?;
    for lane in waiting.into_iter().filter(|lane| !lanes.contains(lane)) {
        for (channel, heir) in heirs {
            let update =
                "UPDATE message SET lane = ?3, tries = 0 WHERE lane = ?1 AND channel = ?2 AND state = 'waiting'";
            let values = (lane.as_str(), channel.word(), heir.as_str());
            connection.execute(update, values).map_err(refused)?;
        }
    }
    Ok(())
}

/// Rows that one pass of housekeeping forgets at most, of each kind: it shares the writer with sends.
const FORGET_AT_ONCE: u32 = 1_000;

fn expire(connection: &Connection, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError> {
    let at = now.milliseconds();
    let late = "UPDATE message SET state = 'expired', leased_until = NULL, due_at = ?1 \
                WHERE state = 'waiting' AND expires_at <= ?1 RETURNING channel";
    let mut messages: Vec<(Channel, u32)> = Vec::new();
    for channel in rows(connection, late, [at], |row| parsed(row, "channel", Channel::from_word))? {
        match messages.iter_mut().find(|(counted, _)| *counted == channel) {
            Some((_, count)) => *count += 1,
            None => messages.push((channel, 1)),
        }
    }
    let digits = "UPDATE code SET sealed_digits = NULL WHERE sealed_digits IS NOT NULL AND expires_at <= ?1";
    connection.execute(digits, [at]).map_err(refused)?;
    Ok(messages)
}

fn forget(connection: &Connection, now: Timestamp, before: Timestamp) -> Result<(), RecordsError> {
    let at = now.milliseconds();
    let repeatable = "DELETE FROM repeatable WHERE created_at <= ?1";
    connection.execute(repeatable, [now.minus(REPEATABLE_FOR).milliseconds()]).map_err(refused)?;
    // By sequence, which grows with time: the oldest codes are the first rows.
    let codes = "DELETE FROM code WHERE sequence IN (SELECT sequence FROM code ORDER BY sequence LIMIT ?2) \
                 AND created_at < ?1 AND expires_at <= ?3";
    connection.execute(codes, (before.milliseconds(), FORGET_AT_ONCE, at)).map_err(refused)?;
    // An account that is empty is the same as none.
    let accounts = "DELETE FROM account WHERE name IN (SELECT name FROM account \
                    WHERE name GLOB 'codes.*' AND empty_at <= ?1 LIMIT ?2)";
    connection.execute(accounts, (at, FORGET_AT_ONCE)).map(drop).map_err(refused)
}

fn joined(names: &[SenderName]) -> String {
    names.iter().map(SenderName::as_str).collect::<Vec<_>>().join(" ")
}

/// What a peer said, short enough to be kept for each message.
fn clipped(reason: &str) -> String {
    reason.chars().take(300).collect()
}

fn read(row: &Row<'_>) -> Result<MessageRow, rusqlite::Error> {
    let senders = |text: &str| text.split_whitespace().map(SenderName::parse).collect::<Option<Vec<_>>>();
    Ok(MessageRow {
        id: MessageId(row.get("message_id")?),
        code: CodeId::from_bytes(row.get("code_id")?),
        lane: parsed(row, "lane", SenderName::parse)?,
        language: parsed(row, "language", |tag| Some(Language::from_tag(tag)))?,
        state: parsed(row, "state", MessageState::from_word)?,
        tries: row.get("tries")?,
        refused: parsed(row, "refused", senders)?,
        created_at: time(row, "created_at")?,
        due_at: time(row, "due_at")?,
        gateway_id: optional(row, "gateway_id", |text| Some(text.to_owned()))?,
        reason: optional(row, "reason", |text| Some(text.to_owned()))?,
    })
}
