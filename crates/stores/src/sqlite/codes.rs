//! One-time codes.

use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::{Binding, Code, CodeEnd, CodeId, CodePurpose, CodeState, Resend, Resource, TRIES};
use countersign_domain::contact::ContactKey;
use countersign_domain::ports::{
    Accepted, Checked, CodeNamed, CodeRecords, CodeSend, IdempotencyKey, Judge, RecordsError,
};
use countersign_domain::sealing::KeyedHash;
use countersign_domain::throttle::{Rule, Throttled, decide};
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, parsed, refused, tell, time};
use super::{SqliteRecords, accounts};

/// A call may be repeated for this long.
const REPEATABLE: Duration = Duration::from_hours(24);
const CODE: &str = "SELECT id, app, purpose, contact, resource, hash, tries, created_at, expires_at, ended_at, ended \
                    FROM code";

#[async_trait]
impl CodeRecords for SqliteRecords {
    async fn accept_send(&self, send: CodeSend, audit: AuditEntry) -> Result<Accepted, RecordsError> {
        self.writer.run(move |connection| accept(connection, send, audit)).await
    }

    async fn check_code(
        &self,
        named: CodeNamed,
        judge: Judge,
        consume: bool,
        wrong_per_contact: Option<Rule>,
        audit: AuditEntry,
    ) -> Result<Checked, RecordsError> {
        self.writer.run(move |connection| check(connection, &named, &judge, consume, wrong_per_contact, &audit)).await
    }

    async fn code(&self, id: CodeId) -> Result<Code, RecordsError> {
        self.reader.run(move |connection| by_id(connection, id)?.ok_or(RecordsError::Missing)).await
    }
}

fn accept(connection: &Connection, send: CodeSend, audit: AuditEntry) -> Result<Accepted, RecordsError> {
    let now = send.now;
    if let Some(key) = send.idempotency
        && let Some(code) = repeated(connection, key, now)?
    {
        return Ok(Accepted::Repeated(code));
    }
    let binding = &send.code.binding;
    let contact = format!("codes.contact.{}", hex(&binding.contact.0));
    let app = format!("codes.app.{}", binding.app.as_str());
    let accounts = [(contact, send.per_contact), (app, send.per_app)];
    let mut charged = Vec::with_capacity(2);
    for (at, (name, rule)) in accounts.iter().enumerate() {
        let Some(rule) = rule else { continue };
        match decide(accounts::read(connection, name)?, now, *rule, 1) {
            (Throttled::Go, empty_at) => charged.push((name, empty_at)),
            (Throttled::Wait(wait), _) if at == 0 => return Ok(Accepted::TooManyForContact(wait)),
            (Throttled::Wait(wait), _) => return Ok(Accepted::TooManyForApp(wait)),
        }
    }
    for (name, empty_at) in charged {
        accounts::write(connection, name, empty_at)?;
    }
    let live = newest(connection, binding)?.filter(|code| code.state(now) == CodeState::Live);
    let code = match (live, send.resend) {
        (Some(live), Resend::Keep) => {
            again(connection, &live, &send)?;
            live
        }
        (live, Resend::Keep | Resend::Replace) => {
            if let Some(old) = live {
                end(connection, old.id, now, CodeEnd::Replaced)?;
            }
            insert(connection, &send)?;
            send.code
        }
    };
    if let Some(key) = send.idempotency {
        let insert = "INSERT INTO repeatable (key, code, created_at) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (key) DO UPDATE SET code = excluded.code, created_at = excluded.created_at";
        changed(connection, insert, (key, code.id.bytes(), now.milliseconds()))?;
        let forget = "DELETE FROM repeatable WHERE created_at <= ?1";
        connection.execute(forget, [now.minus(REPEATABLE).milliseconds()]).map_err(refused)?;
    }
    tell(connection, &AuditEntry { subject: code.id.to_string(), ..audit })?;
    Ok(Accepted::Queued(code))
}

fn repeated(connection: &Connection, key: IdempotencyKey, now: Timestamp) -> Result<Option<Code>, RecordsError> {
    let select = "SELECT code FROM repeatable WHERE key = ?1 AND created_at > ?2";
    let since = now.minus(REPEATABLE).milliseconds();
    let id = connection.query_row(select, (key, since), |row| row.get(0)).optional().map_err(damaged)?;
    id.map_or(Ok(None), |id| by_id(connection, CodeId::from_bytes(id)))
}

/// Keeps a fresh code, and its message in the outbox.
fn insert(connection: &Connection, send: &CodeSend) -> Result<(), RecordsError> {
    let Code { id, binding, hash, tries, created_at, expires_at, ended: _ } = &send.code;
    let insert = "INSERT INTO code (id, app, purpose, contact, resource, hash, tries, created_at, expires_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        id.bytes(),
        binding.app.as_str(),
        binding.purpose.as_str(),
        binding.contact.0,
        resource(binding),
        hash.bytes(),
        tries,
        created_at.milliseconds(),
        expires_at.milliseconds(),
    ];
    changed(connection, insert, values)?;
    queue(connection, *id, &send.sealed, send.message.0, send)
}

/// Queues the message of a live code once more: the digits of its first one, which nobody but that message knows.
fn again(connection: &Connection, live: &Code, send: &CodeSend) -> Result<(), RecordsError> {
    let select = "SELECT sealed, sealed_for FROM message WHERE code = ?1 AND sealed IS NOT NULL LIMIT 1";
    let first = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 16]>(1)?));
    let found = connection.query_row(select, [live.id.bytes()], first).optional().map_err(damaged)?;
    let (sealed, sealed_for) =
        found.ok_or_else(|| RecordsError::Damaged("a live code without its message".to_owned()))?;
    queue(connection, live.id, &sealed, sealed_for, send)
}

fn queue(
    connection: &Connection,
    code: CodeId,
    sealed: &[u8],
    sealed_for: [u8; 16],
    send: &CodeSend,
) -> Result<(), RecordsError> {
    let insert = "INSERT INTO message (id, code, channel, sealed, sealed_for, created_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let now = send.now.milliseconds();
    changed(connection, insert, (send.message.0, code.bytes(), send.channel.word(), sealed, sealed_for, now))
}

fn check(
    connection: &Connection,
    named: &CodeNamed,
    judge: &Judge,
    consume: bool,
    wrong_per_contact: Option<Rule>,
    audit: &AuditEntry,
) -> Result<Checked, RecordsError> {
    let now = audit.at;
    let found = match named {
        CodeNamed::Id(app, id) => by_id(connection, *id)?.filter(|code| code.binding.app == *app),
        CodeNamed::Newest(binding) => newest(connection, binding)?,
    };
    let Some(mut code) = found else { return Ok(Checked::Unknown) };
    let state = code.state(now);
    if state != CodeState::Live {
        return Ok(Checked::Dead(code, state));
    }
    let account = format!("codes.wrong.{}", hex(&code.binding.contact.0));
    let mut charged = None;
    if let Some(rule) = wrong_per_contact {
        match decide(accounts::read(connection, &account)?, now, rule, 1) {
            (Throttled::Go, empty_at) => charged = Some(empty_at),
            (Throttled::Wait(wait), _) => return Ok(Checked::TooManyWrong(wait)),
        }
    }
    let tells = |detail: &str| AuditEntry { subject: code.id.to_string(), ..audit.clone() }.with_detail(detail);
    if judge(code.id, &code.hash) {
        tell(connection, &tells("right"))?;
        if consume {
            end(connection, code.id, now, CodeEnd::Spent)?;
            code.ended = Some((now, CodeEnd::Spent));
        }
        return Ok(Checked::Right(code));
    }
    tell(connection, &tells("wrong"))?;
    if let Some(empty_at) = charged {
        accounts::write(connection, &account, empty_at)?;
    }
    code.tries += 1;
    changed(connection, "UPDATE code SET tries = ?2 WHERE id = ?1", (code.id.bytes(), code.tries))?;
    if code.tries >= TRIES {
        end(connection, code.id, now, CodeEnd::GuessedOut)?;
        code.ended = Some((now, CodeEnd::GuessedOut));
    }
    Ok(Checked::Wrong(code))
}

/// Ends a code. Its digits are needed by nobody any more.
fn end(connection: &Connection, id: CodeId, at: Timestamp, end: CodeEnd) -> Result<(), RecordsError> {
    let update = "UPDATE code SET ended_at = ?2, ended = ?3 WHERE id = ?1";
    changed(connection, update, (id.bytes(), at.milliseconds(), end.word()))?;
    connection.execute("UPDATE message SET sealed = NULL WHERE code = ?1", [id.bytes()]).map(drop).map_err(refused)
}

fn by_id(connection: &Connection, id: CodeId) -> Result<Option<Code>, RecordsError> {
    let select = format!("{CODE} WHERE id = ?1");
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row([id.bytes()], code).optional().map_err(damaged)
}

fn newest(connection: &Connection, binding: &Binding) -> Result<Option<Code>, RecordsError> {
    let select = format!(
        "{CODE} WHERE app = ?1 AND purpose = ?2 AND contact = ?3 AND resource = ?4 ORDER BY sequence DESC LIMIT 1"
    );
    let values = (binding.app.as_str(), binding.purpose.as_str(), binding.contact.0, resource(binding));
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row(values, code).optional().map_err(damaged)
}

fn resource(binding: &Binding) -> &str {
    binding.resource.as_ref().map_or("", Resource::as_str)
}

fn code(row: &Row<'_>) -> Result<Code, rusqlite::Error> {
    let ended = match row.get::<_, Option<i64>>("ended_at")? {
        None => None,
        Some(at) => Some((Timestamp::from_milliseconds(at), parsed(row, "ended", CodeEnd::from_word)?)),
    };
    let resource = |text: &str| match text {
        "" => Some(None),
        text => Resource::parse(text).map(Some),
    };
    Ok(Code {
        id: CodeId::from_bytes(row.get("id")?),
        binding: Binding {
            app: parsed(row, "app", AppId::parse)?,
            purpose: parsed(row, "purpose", CodePurpose::parse)?,
            contact: ContactKey(row.get("contact")?),
            resource: parsed(row, "resource", resource)?,
        },
        hash: KeyedHash::from_bytes(row.get("hash")?),
        tries: row.get("tries")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        ended,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
