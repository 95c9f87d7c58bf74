//! Users and their sessions.

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::contact::ContactKey;
use countersign_domain::iam_user::PasswordHash;
use countersign_domain::ports::{RecordsError, SessionRecords, UserNamed, UserRecords};
use countersign_domain::time::Timestamp;
use countersign_domain::user::{Device, KeptContact, Proof, Session, SessionId, SessionKey, User, UserId, UserName};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::SqliteRecords;
use super::rows::{changed, damaged, optional, parsed, refused, rows, tell, time};

/// Sessions that one pass forgets at most: it shares the writer with those who sign in.
const AT_ONCE: u32 = 1_000;

const COLUMNS: &str = "user.id AS user_id, user.app, user.mobile, user.sealed_mobile, user.email, user.sealed_email, \
     user.name, user.password, user.enabled, user.generation AS user_generation, user.created_at AS user_created_at";

const SESSION: &str = "session.id, session.key, session.generation, session.device, session.proof, session.created_at, \
     session.expires_at, session.ended_at";

#[async_trait]
impl UserRecords for SqliteRecords {
    async fn create_user(&self, user: User, audit: AuditEntry) -> Result<(), RecordsError> {
        self.writer
            .run(move |connection| {
                insert(connection, &user)?;
                tell(connection, &audit)
            })
            .await
    }

    async fn register_user(&self, candidate: User, audit: AuditEntry) -> Result<User, RecordsError> {
        let verb = move |connection: &Connection| {
            let mobile = candidate.mobile.as_ref().ok_or(RecordsError::Missing)?.key;
            let select = format!("SELECT {COLUMNS} FROM user WHERE app = ?1 AND mobile = ?2");
            let mut statement = connection.prepare_cached(&select).map_err(refused)?;
            let known = statement.query_row((candidate.app.as_str(), mobile.0), read).optional().map_err(damaged)?;
            if let Some(known) = known {
                return Ok(known);
            }
            insert(connection, &candidate)?;
            tell(connection, &audit)?;
            Ok(candidate.clone())
        };
        self.writer.run(verb).await
    }

    async fn user(&self, app: AppId, named: UserNamed) -> Result<User, RecordsError> {
        self.reader.run(move |connection| find(connection, &app, &named)?.ok_or(RecordsError::Missing)).await
    }

    async fn user_of_any_app(&self, id: UserId) -> Result<User, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!("SELECT {COLUMNS} FROM user WHERE id = ?1");
            connection.query_row(&select, [id.bytes()], read).optional().map_err(damaged)?.ok_or(RecordsError::Missing)
        };
        self.reader.run(verb).await
    }

    async fn users(&self, app: Option<AppId>, after: Option<UserId>, limit: u32) -> Result<Vec<User>, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!(
                "SELECT {COLUMNS} FROM user WHERE (:app IS NULL OR app = :app) AND (:after IS NULL OR id > :after) \
                 ORDER BY id LIMIT :limit"
            );
            let (app, after) = (app.as_ref().map(AppId::as_str), after.map(UserId::bytes));
            rows(connection, &select, named_params! {":app": app, ":after": after, ":limit": limit}, read)
        };
        self.reader.run(verb).await
    }

    async fn set_user_enabled(&self, id: UserId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError> {
        let update = "UPDATE user SET enabled = ?2, generation = generation + NOT ?2 WHERE id = ?1";
        self.writer
            .run(move |connection| {
                changed(connection, update, (id.bytes(), enabled))?;
                tell(connection, &audit)
            })
            .await
    }

    async fn set_user_password(
        &self,
        id: UserId,
        generation: u32,
        password: PasswordHash,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let update = "UPDATE user SET password = ?2, generation = generation + 1 WHERE id = ?1";
        self.writer
            .run(move |connection| {
                unchanged(connection, id, generation)?;
                changed(connection, update, (id.bytes(), password.as_str()))?;
                tell(connection, &audit)
            })
            .await
    }

    async fn bind_mobile(
        &self,
        id: UserId,
        generation: u32,
        mobile: KeptContact,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            unchanged(connection, id, generation)?;
            let select = "SELECT mobile IS NOT NULL FROM user WHERE id = ?1";
            if connection.query_row(select, [id.bytes()], |row| row.get::<_, bool>(0)).map_err(damaged)? {
                return Err(RecordsError::Exists);
            }
            let update = "UPDATE user SET mobile = ?2, sealed_mobile = ?3 WHERE id = ?1";
            changed(connection, update, (id.bytes(), mobile.key.0, &mobile.sealed))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn set_user_mobile(&self, id: UserId, mobile: KeptContact, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let update = "UPDATE user SET mobile = ?2, sealed_mobile = ?3, generation = generation + 1 WHERE id = ?1";
            changed(connection, update, (id.bytes(), mobile.key.0, &mobile.sealed))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }
}

#[async_trait]
impl SessionRecords for SqliteRecords {
    async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!(
                "SELECT {SESSION}, {COLUMNS} FROM session JOIN user ON user.id = session.user WHERE session.user = ?1 \
                 ORDER BY session.created_at DESC, session.id DESC"
            );
            let found = rows(connection, &select, [user.bytes()], |row| Ok((session(row)?, read(row)?)))?;
            Ok(found
                .into_iter()
                .filter(|(session, user)| session.holds(user, now))
                .map(|(session, _)| session)
                .collect())
        };
        self.reader.run(verb).await
    }

    async fn end_sessions(&self, user: UserId, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            changed(connection, "UPDATE user SET generation = generation + 1 WHERE id = ?1", [user.bytes()])?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn open_session(&self, session: Session, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let select = "SELECT enabled AND generation = ?2 FROM user WHERE id = ?1";
            let values = (session.user.bytes(), session.generation);
            let counts = connection.query_row(select, values, |row| row.get::<_, bool>(0)).optional();
            match counts.map_err(damaged)? {
                None => return Err(RecordsError::Missing),
                Some(false) => return Err(RecordsError::Changed),
                Some(true) => {}
            }
            let insert = "INSERT INTO session (id, key, user, generation, device, proof, created_at, expires_at, \
                          ended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let values = params![
                session.id.bytes(),
                session.key.0,
                session.user.bytes(),
                session.generation,
                session.device.as_str(),
                session.proof.word(),
                session.created_at.milliseconds(),
                session.expires_at.milliseconds(),
                session.ended_at.map(Timestamp::milliseconds),
            ];
            changed(connection, insert, values)?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn session(&self, app: AppId, key: SessionKey) -> Result<(Session, User), RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!(
                "SELECT {SESSION}, {COLUMNS} FROM session JOIN user ON user.id = session.user WHERE session.key = ?1 AND user.app = ?2"
            );
            let mut statement = connection.prepare_cached(&select).map_err(refused)?;
            let found = statement.query_row((key.0, app.as_str()), |row| Ok((session(row)?, read(row)?))).optional();
            found.map_err(damaged)?.ok_or(RecordsError::Missing)
        };
        self.reader.run(verb).await
    }

    async fn end_session(&self, id: SessionId, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let select = "SELECT ended_at IS NOT NULL FROM session WHERE id = ?1";
            let has_ended = connection.query_row(select, [id.bytes()], |row| row.get::<_, bool>(0)).optional();
            if has_ended.map_err(damaged)?.ok_or(RecordsError::Missing)? {
                return Ok(());
            }
            let update = "UPDATE session SET ended_at = ?2 WHERE id = ?1";
            changed(connection, update, (id.bytes(), audit.at.milliseconds()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn forget_sessions(&self, before: Timestamp) -> Result<bool, RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < ?1 LIMIT ?2)";
            let count = connection.execute(delete, (before.milliseconds(), AT_ONCE)).map_err(refused)?;
            Ok(u32::try_from(count) == Ok(AT_ONCE))
        };
        self.writer.run(verb).await
    }
}

/// Whether a user has this generation still.
fn unchanged(connection: &Connection, id: UserId, generation: u32) -> Result<(), RecordsError> {
    let select = "SELECT generation = ?2 FROM user WHERE id = ?1";
    let is_same = connection.query_row(select, (id.bytes(), generation), |row| row.get::<_, bool>(0)).optional();
    if is_same.map_err(damaged)?.ok_or(RecordsError::Missing)? { Ok(()) } else { Err(RecordsError::Changed) }
}

fn insert(connection: &Connection, user: &User) -> Result<(), RecordsError> {
    let insert = "INSERT INTO user (id, app, mobile, sealed_mobile, email, sealed_email, name, password, enabled, \
                  generation, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let key = |contact: &Option<KeptContact>| contact.as_ref().map(|contact| contact.key.0);
    let sealed = |contact: &Option<KeptContact>| contact.as_ref().map(|contact| contact.sealed.clone());
    let values = params![
        user.id.bytes(),
        user.app.as_str(),
        key(&user.mobile),
        sealed(&user.mobile),
        key(&user.email),
        sealed(&user.email),
        user.name.as_ref().map(UserName::as_str),
        user.password.as_ref().map(PasswordHash::as_str),
        user.enabled,
        user.generation,
        user.created_at.milliseconds(),
    ];
    changed(connection, insert, values)
}

fn find(connection: &Connection, app: &AppId, named: &UserNamed) -> Result<Option<User>, RecordsError> {
    let found = |condition: &str, value: &dyn rusqlite::ToSql| {
        let select = format!("SELECT {COLUMNS} FROM user WHERE app = ?1 AND {condition}");
        let mut statement = connection.prepare_cached(&select).map_err(refused)?;
        statement.query_row(params![app.as_str(), value], read).optional().map_err(damaged)
    };
    match named {
        UserNamed::Id(id) => found("id = ?2", &id.bytes()),
        // What is a number's key is no address's: the channel is part of what is hashed.
        UserNamed::Contact(key) => found("(mobile = ?2 OR email = ?2)", &key.0),
        UserNamed::Name(name) => found("name = ?2", &name.as_str()),
    }
}

fn read(row: &Row<'_>) -> Result<User, rusqlite::Error> {
    let contact = |key: &str, sealed: &str| {
        let key = row.get::<_, Option<[u8; 32]>>(key)?.map(ContactKey);
        Ok::<_, rusqlite::Error>(key.zip(row.get(sealed)?).map(|(key, sealed)| KeptContact { key, sealed }))
    };
    Ok(User {
        id: UserId::from_bytes(row.get("user_id")?),
        app: parsed(row, "app", AppId::parse)?,
        mobile: contact("mobile", "sealed_mobile")?,
        email: contact("email", "sealed_email")?,
        name: optional(row, "name", UserName::parse)?,
        password: row.get::<_, Option<String>>("password")?.map(PasswordHash::new),
        enabled: row.get("enabled")?,
        generation: row.get("user_generation")?,
        created_at: time(row, "user_created_at")?,
    })
}

fn session(row: &Row<'_>) -> Result<Session, rusqlite::Error> {
    Ok(Session {
        id: SessionId::from_bytes(row.get("id")?),
        key: SessionKey(row.get("key")?),
        user: UserId::from_bytes(row.get("user_id")?),
        generation: row.get("generation")?,
        device: Device::new(&row.get::<_, String>("device")?),
        proof: parsed(row, "proof", Proof::from_word)?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(Timestamp::from_milliseconds),
    })
}
