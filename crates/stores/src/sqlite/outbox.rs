//! Messages on their way.

use async_trait::async_trait;
use countersign_domain::code::{Code, CodeId, CodeState};
use countersign_domain::language::Language;
use countersign_domain::message::{MessageId, SenderName};
use countersign_domain::ports::{
    CodeSend, DeliveryReport, LONGEST_WAIT, Leased, MessageRow, MessageState, OutboxRecords, RecordsError, Settlement,
};
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, optional, parsed, refused, rows, time};
use super::{SqliteRecords, codes};

pub(super) const COLUMNS: &str = "message.id AS message_id, message.lane, message.language, message.state, message.tries, message.turn, message.doubts, \
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
        report: DeliveryReport,
        now: Timestamp,
    ) -> Result<Option<MessageState>, RecordsError> {
        self.writer.run(move |connection| keep_delivery(connection, &report, now)).await
    }

    async fn message(&self, id: MessageId) -> Result<(MessageRow, Code), RecordsError> {
        self.reader.run(move |connection| by_id(connection, id)).await
    }

    async fn message_called(&self, lane: SenderName, gateway_id: String) -> Result<(MessageId, u32), RecordsError> {
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
    let select =
        "SELECT 1 FROM message WHERE lane = ?1 AND (due_at <= ?2 OR due_at > ?3) AND state = 'waiting' LIMIT 1";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    statement.exists((lane.as_str(), now.milliseconds(), now.plus(LONGEST_WAIT).milliseconds())).map_err(refused)
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
         WHERE message.lane = ?1 AND (message.due_at <= ?2 OR message.due_at > ?4) AND message.state = 'waiting' \
         AND message.expires_at > ?2 ORDER BY message.due_at, message.sequence LIMIT ?3",
        codes::COLUMNS
    );
    let values = (lane.as_str(), now.milliseconds(), limit, now.plus(LONGEST_WAIT).milliseconds());
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
        Settlement::Sent { lane, gateway_id, reason } => {
            let update = "UPDATE message SET state = 'sent', due_at = ?2, leased_until = NULL, lane = ?3, \
                          gateway_id = ?4, reason = ?5, tries = tries + 1 \
                          WHERE id = ?1 AND state IN ('waiting', 'obsolete', 'expired')";
            let reason = reason.as_deref().map(clipped);
            changed(connection, update, params![id.0, now, lane.as_str(), gateway_id, reason])
                .and_then(|()| gateway_id.iter().try_for_each(|called| remember(connection, lane, called, id)))
        }
        Settlement::Again { lane, due_at, tries, turn, doubts, refused, reason } => {
            let update = "UPDATE message SET lane = ?3, due_at = ?4, tries = ?5, turn = ?6, doubts = ?7, refused = ?8, \
                          reason = ?9, leased_until = NULL \
                          WHERE id = ?1 AND leased_until = ?2 AND state = 'waiting'";
            let (lane, due_at) = (lane.as_str(), due_at.milliseconds());
            let values = params![id.0, until, lane, due_at, tries, turn, doubts, joined(refused), clipped(reason)];
            changed(connection, update, values)
        }
        Settlement::Failed { reason } => {
            let update = "UPDATE message SET state = 'failed', due_at = ?3, reason = ?4, leased_until = NULL, tries = tries + 1 \
                          WHERE id = ?1 AND leased_until = ?2 AND state = 'waiting'";
            changed(connection, update, (id.0, until, now, clipped(reason)))
        }
    };
    settled.map_err(|error| if error == RecordsError::Missing { RecordsError::Changed } else { error })
}

fn keep_delivery(
    connection: &Connection,
    report: &DeliveryReport,
    now: Timestamp,
) -> Result<Option<MessageState>, RecordsError> {
    let DeliveryReport { id, lane, attempt, undelivered, next } = report;
    let (row, code) = by_id(connection, *id)?;
    let at = now.milliseconds();
    let Some(reason) = undelivered else {
        if row.state == MessageState::Delivered {
            return Ok(None);
        }
        let update =
            "UPDATE message SET state = 'delivered', lane = ?2, due_at = ?3, leased_until = NULL WHERE id = ?1";
        return changed(connection, update, (id.0, lane.as_str(), at)).map(|()| Some(MessageState::Delivered));
    };
    match row.state {
        // Its turn is over, or it never had one; or it has tried again since.
        _ if row.lane != *lane || *attempt < row.tries => Ok(None),
        MessageState::Waiting if *attempt == row.tries => Ok(None),
        MessageState::Waiting => Err(RecordsError::Changed),
        MessageState::Sent => {
            let next = next.as_ref().filter(|_| code.state(now) == CodeState::Live);
            let (state, to) = match next {
                Some(next) => (MessageState::Waiting, next),
                None => (MessageState::Undelivered, lane),
            };
            let refused: Vec<_> = row.refused.into_iter().chain([lane.clone()]).collect();
            let update = "UPDATE message SET state = ?2, lane = ?3, refused = ?4, due_at = ?5, turn = 0, reason = ?6, \
                          gateway_id = iif(?7, NULL, gateway_id) WHERE id = ?1";
            let goes_on = state == MessageState::Waiting;
            let values = params![id.0, state.word(), to.as_str(), joined(&refused), at, clipped(reason), goes_on];
            changed(connection, update, values).map(|()| Some(state))
        }
        _ => Ok(None),
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

/// Remembers what the gateway of `lane` calls the message, in a row of its own: it may tell of the delivery when another sender
/// has had the message for long.
fn remember(connection: &Connection, lane: &SenderName, called: &str, id: MessageId) -> Result<(), RecordsError> {
    let insert = "INSERT INTO gateway_id (lane, id, message, attempt) SELECT ?1, ?2, sequence, tries FROM message \
                  WHERE id = ?3 \
                  ON CONFLICT (lane, id) DO UPDATE SET message = excluded.message, attempt = excluded.attempt";
    changed(connection, insert, (lane.as_str(), called, id.0))
}

fn called(connection: &Connection, lane: &SenderName, gateway_id: &str) -> Result<(MessageId, u32), RecordsError> {
    let select = "SELECT message.id, gateway_id.attempt FROM gateway_id \
                  JOIN message ON message.sequence = gateway_id.message \
                  WHERE gateway_id.lane = ?1 AND gateway_id.id = ?2";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let read = |row: &Row<'_>| Ok((MessageId(row.get(0)?), row.get(1)?));
    let found = statement.query_row((lane.as_str(), gateway_id), read).optional().map_err(damaged)?;
    found.ok_or(RecordsError::Missing)
}

fn joined(names: &[SenderName]) -> String {
    names.iter().map(SenderName::as_str).collect::<Vec<_>>().join(" ")
}

/// What a peer said, short enough to be kept for each message.
fn clipped(reason: &str) -> String {
    reason.chars().take(300).collect()
}

pub(super) fn read(row: &Row<'_>) -> Result<MessageRow, rusqlite::Error> {
    let senders = |text: &str| text.split_whitespace().map(SenderName::parse).collect::<Option<Vec<_>>>();
    Ok(MessageRow {
        id: MessageId(row.get("message_id")?),
        code: CodeId::from_bytes(row.get("code_id")?),
        lane: parsed(row, "lane", SenderName::parse)?,
        language: parsed(row, "language", |tag| Some(Language::from_tag(tag)))?,
        state: parsed(row, "state", MessageState::from_word)?,
        tries: row.get("tries")?,
        turn: row.get("turn")?,
        doubts: row.get("doubts")?,
        refused: parsed(row, "refused", senders)?,
        created_at: time(row, "created_at")?,
        due_at: time(row, "due_at")?,
        gateway_id: optional(row, "gateway_id", |text| Some(text.to_owned()))?,
        reason: optional(row, "reason", |text| Some(text.to_owned()))?,
    })
}
