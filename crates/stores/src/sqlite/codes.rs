//! One-time codes.

use async_trait::async_trait;
use countersign_domain::account::AccountId;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::{
    Binding, Code, CodeEnd, CodeId, CodePurpose, CodeState, Requester, Resend, Resource, TRIES,
};
use countersign_domain::contact::{Channel, ContactKey};
use countersign_domain::gate::{Charge, CodeLimit, Over};
use countersign_domain::ports::{
    Accepted, Checked, CodeCheck, CodeNamed, CodeRecords, CodeSend, Gained, REPEATABLE_FOR, RecordsError, Repeatable,
    Spending,
};
use countersign_domain::pumping::{self, TextAccount};
use countersign_domain::sealing::KeyedHash;
use countersign_domain::throttle::{Throttled, decide};
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, parsed, refused, rows, tell, time};
use super::{SqliteRecords, accounts, contacts, outbox, owners, sites, texts};

/// The columns of a code, for rows that [`read`] reads.
pub(super) const COLUMNS: &str = "code.id AS code_id, code.app, code.purpose, code.contact, code.resource, code.consent, code.requester, \
     code.channel, code.sealed_contact, code.hash, code.sealed_digits, code.texts, code.tries AS code_tries, \
     code.created_at AS code_created_at, \
     code.expires_at AS code_expires_at, code.ended_at, code.ended";

#[async_trait]
impl CodeRecords for SqliteRecords {
    async fn accept_send(&self, send: CodeSend, audit: AuditEntry) -> Result<Accepted, RecordsError> {
        self.writer.run(move |connection| accept(connection, &send, &audit)).await
    }

    async fn would_refuse(&self, send: CodeSend) -> Result<Option<Accepted>, RecordsError> {
        self.reader.run(move |connection| Ok(look(connection, &send)?.err().map(|answer| *answer))).await
    }

    async fn check_code(&self, check: CodeCheck, audit: AuditEntry) -> Result<Checked, RecordsError> {
        self.writer.run(move |connection| self::check(connection, &check, &audit)).await
    }

    async fn code(&self, id: CodeId) -> Result<Code, RecordsError> {
        self.reader.run(move |connection| by_id(connection, id)?.ok_or(RecordsError::Missing)).await
    }
}

fn accept(connection: &Connection, send: &CodeSend, audit: &AuditEntry) -> Result<Accepted, RecordsError> {
    let now = send.code.created_at;
    let Charged { accounts, over } = match look(connection, send)? {
        Ok(charged) => charged,
        Err(answer) => return Ok(*answer),
    };
    for (account, empty_at) in accounts {
        accounts::write(connection, account, empty_at)?;
    }
    let live = newest(connection, &send.code.binding)?.filter(|code| code.state(now) == CodeState::Live);
    let names = || send.texts.iter().map(|account| account.name.clone());
    let (code, outcome) = match live {
        Some(mut live) if send.resend == Resend::Keep && live.is_kept(now) => {
            live.texts.extend(names());
            let update = "UPDATE code SET texts = ?2 WHERE id = ?1";
            changed(connection, update, (live.id.bytes(), live.texts.join(" ")))?;
            (live, "kept")
        }
        live => {
            if let Some(old) = live {
                end(connection, old.id, now, CodeEnd::Replaced)?;
            }
            let code = Code { texts: names().collect(), ..send.code.clone() };
            insert(connection, &code)?;
            (code, "accepted")
        }
    };
    texts::sent(connection, &code, send.texts.iter().map(|account| account.name.as_str()))?;
    outbox::queue(connection, &code, send)?;
    if let Some(repeatable) = send.repeatable {
        remember(connection, repeatable, code.id, now)?;
    }
    let noted = over.iter().flat_map(|limit| [" would-refuse ", limit.name()]).collect::<String>();
    let entry = AuditEntry { subject: code.id.to_string(), ..audit.clone() };
    tell(connection, &entry.with_detail(format!("{outcome} {}{noted} {}", send.lane, audit.detail).trim_end()))?;
    Ok(Accepted::Queued(code, over))
}

/// Accounts as they are after a send was charged to them, and limits that were over but are not enforced.
struct Charged<'a> {
    accounts: Vec<(&'a str, Timestamp)>,
    over: Vec<CodeLimit>,
}

/// Whether a send is accepted, as far as calls made before and accounts decide it.
fn look<'a>(connection: &Connection, send: &'a CodeSend) -> Result<Result<Charged<'a>, Box<Accepted>>, RecordsError> {
    let now = send.code.created_at;
    if let Some(repeatable) = send.repeatable
        && let Some(answer) = repeated(connection, repeatable, now)?
    {
        return Ok(Err(Box::new(answer)));
    }
    let refused = |over| Ok(Err(Box::new(Accepted::Refused(over))));
    let mut charged = match charge(connection, &send.charges, now)? {
        Ok(charged) => charged,
        Err(over) => return refused(over),
    };
    for TextAccount { limit, name, unread, enforced } in &send.texts {
        match pumping::decide(&texts::seen(connection, name, now)?, now, *unread) {
            Throttled::Go => {}
            Throttled::Wait(retry_after) if *enforced => return refused(Over { limit: *limit, retry_after }),
            Throttled::Wait(_) => charged.over.push(*limit),
        }
    }
    Ok(Ok(charged))
}

/// What is in the accounts after all of `charges`; writes none of them.
fn charge<'a>(
    connection: &Connection,
    charges: &'a [Charge],
    now: Timestamp,
) -> Result<Result<Charged<'a>, Over>, RecordsError> {
    let mut after = Charged { accounts: Vec::with_capacity(charges.len()), over: Vec::new() };
    for Charge { limit, account, rule, cost, enforced } in charges {
        match decide(accounts::read(connection, account)?, now, *rule, *cost) {
            (Throttled::Go, empty_at) => after.accounts.push((account, empty_at)),
            (Throttled::Wait(retry_after), _) if *enforced => return Ok(Err(Over { limit: *limit, retry_after })),
            (Throttled::Wait(_), _) => after.over.push(*limit),
        }
    }
    Ok(Ok(after))
}

fn repeated(connection: &Connection, call: Repeatable, now: Timestamp) -> Result<Option<Accepted>, RecordsError> {
    let mut statement = connection
        .prepare_cached("SELECT asks, code FROM repeatable WHERE key = ?1 AND created_at > ?2")
        .map_err(refused)?;
    let read = |row: &Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, CodeId::from_bytes(row.get(1)?)));
    let since = now.minus(REPEATABLE_FOR).milliseconds();
    let Some((asks, id)) = statement.query_row((call.key, since), read).optional().map_err(damaged)? else {
        return Ok(None);
    };
    if asks != call.asks {
        return Ok(Some(Accepted::OtherCall));
    }
    Ok(by_id(connection, id)?.map(Accepted::Repeated))
}

fn remember(connection: &Connection, call: Repeatable, code: CodeId, now: Timestamp) -> Result<(), RecordsError> {
    let insert = "INSERT INTO repeatable (key, asks, code, created_at) VALUES (?1, ?2, ?3, ?4) \
                  ON CONFLICT (key) DO UPDATE SET \
                  asks = excluded.asks, code = excluded.code, created_at = excluded.created_at";
    changed(connection, insert, (call.key, call.asks, code.bytes(), now.milliseconds()))
}

fn insert(connection: &Connection, code: &Code) -> Result<(), RecordsError> {
    let Code { binding, .. } = code;
    let insert = "INSERT INTO code (id, app, purpose, contact, resource, channel, sealed_contact, hash, sealed_digits, \
                  texts, tries, created_at, expires_at, consent, requester) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let values = params![
        code.id.bytes(),
        binding.app.as_str(),
        binding.purpose.as_str(),
        binding.contact.0,
        resource(binding),
        code.channel.word(),
        code.sealed_contact,
        code.hash.bytes(),
        code.sealed_digits,
        code.texts.join(" "),
        code.tries,
        code.created_at.milliseconds(),
        code.expires_at.milliseconds(),
        code.consent.map(owners::number),
        code.requester.as_ref().map_or("", Requester::as_str),
    ];
    changed(connection, insert, values)
}

fn check(connection: &Connection, check: &CodeCheck, audit: &AuditEntry) -> Result<Checked, RecordsError> {
    let now = audit.at;
    let found = match &check.named {
        CodeNamed::Id(app, id) => by_id(connection, *id)?.filter(|code| code.is_found_by_its_id(app)),
        CodeNamed::Newest(binding) => newest(connection, binding)?,
    };
    let tells = |id: &str, outcome: &str| {
        let entry = AuditEntry { subject: id.to_owned(), ..audit.clone() };
        tell(connection, &entry.with_detail(format!("{outcome} {}", audit.detail).trim_end()))
    };
    let Some(mut code) = found else { return Ok(Checked::Unknown) };
    let id = code.id.to_string();
    let state = code.state(now);
    if state != CodeState::Live {
        tells(&id, "dead")?;
        return Ok(Checked::Dead(code, state));
    }
    if let Some(Spending::Attachment(attaching)) = &check.consume
        && let Err(refusal) = sites::attachable(connection, attaching, Some(&code))?
    {
        tells(&id, &format!("hindered {}", refusal.word()))?;
        return Ok(Checked::Hindered(refusal));
    }
    let costs = (check.charges)(&code);
    let Charged { accounts, .. } = match charge(connection, &costs, now)? {
        Ok(after) => after,
        Err(over) => {
            tells(&id, &format!("refused {}", over.limit.name()))?;
            return Ok(Checked::Refused(code, over));
        }
    };
    if (check.judge)(code.id, &code.hash) {
        tells(&id, "right")?;
        let Some(spending) = &check.consume else { return Ok(Checked::Right(code, None)) };
        let gained = match spending {
            Spending::Contact(customer, verified) => {
                Gained::Contact(contacts::verify(connection, &code, customer, *verified, now)?)
            }
            Spending::Attachment(attaching) => {
                Gained::Attachment(sites::attach(connection, attaching, Some(code.id), audit)?)
            }
        };
        end(connection, code.id, now, CodeEnd::Spent)?;
        code.ended = Some((now, CodeEnd::Spent));
        code.sealed_digits = None;
        texts::read(connection, &code)?;
        return Ok(Checked::Right(code, Some(gained)));
    }
    tells(&id, "wrong")?;
    for (account, empty_at) in accounts {
        accounts::write(connection, account, empty_at)?;
    }
    code.tries += 1;
    changed(connection, "UPDATE code SET tries = ?2 WHERE id = ?1", (code.id.bytes(), code.tries))?;
    if code.tries >= TRIES {
        end(connection, code.id, now, CodeEnd::GuessedOut)?;
        code.ended = Some((now, CodeEnd::GuessedOut));
        code.sealed_digits = None;
    }
    Ok(Checked::Wrong(code))
}

/// Ends the live codes that ask this account for consent, to this resource or to any.
pub(super) fn withdraw(
    connection: &Connection,
    app: &AppId,
    account: AccountId,
    resource: Option<&Resource>,
    now: Timestamp,
) -> Result<(), RecordsError> {
    let select = "SELECT id FROM code WHERE app = ?1 AND consent = ?2 AND ended_at IS NULL AND expires_at > ?4 \
                  AND (?3 IS NULL OR resource = ?3)";
    let values = (app.as_str(), owners::number(account), resource.map(Resource::as_str), now.milliseconds());
    let asking = rows(connection, select, values, |row| Ok(CodeId::from_bytes(row.get("id")?)))?;
    asking.into_iter().try_for_each(|id| end(connection, id, now, CodeEnd::Withdrawn))
}

/// Ends a code. Its digits are sent no more.
fn end(connection: &Connection, id: CodeId, at: Timestamp, end: CodeEnd) -> Result<(), RecordsError> {
    let update = "UPDATE code SET ended_at = ?2, ended = ?3, sealed_digits = NULL WHERE id = ?1";
    changed(connection, update, (id.bytes(), at.milliseconds(), end.word()))?;
    outbox::call_back(connection, id, at)
}

fn by_id(connection: &Connection, id: CodeId) -> Result<Option<Code>, RecordsError> {
    let select = format!("SELECT {COLUMNS} FROM code WHERE id = ?1");
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row([id.bytes()], read).optional().map_err(damaged)
}

fn newest(connection: &Connection, binding: &Binding) -> Result<Option<Code>, RecordsError> {
    let select = format!(
        "SELECT {COLUMNS} FROM code WHERE app = ?1 AND purpose = ?2 AND contact = ?3 AND resource = ?4 \
         ORDER BY sequence DESC LIMIT 1"
    );
    let values = (binding.app.as_str(), binding.purpose.as_str(), binding.contact.0, resource(binding));
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row(values, read).optional().map_err(damaged)
}

fn resource(binding: &Binding) -> &str {
    binding.resource.as_ref().map_or("", Resource::as_str)
}

/// Reads a code from a row with [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Code, rusqlite::Error> {
    let ended = match row.get::<_, Option<i64>>("ended_at")? {
        None => None,
        Some(at) => Some((Timestamp::from_milliseconds(at), parsed(row, "ended", CodeEnd::from_word)?)),
    };
    let resource = |text: &str| match text {
        "" => Some(None),
        text => Resource::parse(text).map(Some),
    };
    Ok(Code {
        id: CodeId::from_bytes(row.get("code_id")?),
        binding: Binding {
            app: parsed(row, "app", AppId::parse)?,
            purpose: parsed(row, "purpose", CodePurpose::parse)?,
            contact: ContactKey(row.get("contact")?),
            resource: parsed(row, "resource", resource)?,
        },
        consent: row.get::<_, Option<i64>>("consent")?.map(|_| owners::account_id(row, "consent")).transpose()?,
        requester: parsed(row, "requester", |text| Some(Requester::of(text)))?,
        channel: parsed(row, "channel", Channel::from_word)?,
        sealed_contact: row.get("sealed_contact")?,
        hash: KeyedHash::from_bytes(row.get("hash")?),
        sealed_digits: row.get("sealed_digits")?,
        texts: row.get::<_, String>("texts")?.split_whitespace().map(str::to_owned).collect(),
        tries: row.get("code_tries")?,
        created_at: time(row, "code_created_at")?,
        expires_at: time(row, "code_expires_at")?,
        ended,
    })
}
