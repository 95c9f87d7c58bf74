//! Groups and install codes.

use std::net::IpAddr;

use async_trait::async_trait;
use countersign_domain::agent::{AgentId, OperatingSystem};
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::group::{Group, GroupId, GroupName};
use countersign_domain::guess_budget::Account;
use countersign_domain::install_code::{
    Form, InstallCode, InstallCodeId, KeptInstallCode, Lookup, Route, Source, TOLD_FOR, Terms,
};
use countersign_domain::network::Network;
use countersign_domain::ports::{GroupRecords, InstallCodeRecords, Named, RecordsError, Use};
use countersign_domain::throttle::Throttled;
use countersign_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{changed, damaged, optional, parsed, refused, rows, tell, time};
use super::{SqliteRecords, accounts};

/// A code that could admit somebody: `?1` is the present time.
const LIVE: &str = "revoked_at IS NULL AND deadline > ?1 AND (max_uses IS NULL OR uses < max_uses)";
/// A short code that machines hear of, be it why they are refused: `?1` is the time a day ago.
const TOLD: &str = "form = 'short' AND deadline > ?1 AND (revoked_at IS NULL OR revoked_at > ?1)";
const GROUP: &str = "SELECT id, app, name, is_default, created_at FROM machine_group";
const CODE: &str = "SELECT install_code.*, machine_group.name AS group_name FROM install_code \
                    JOIN machine_group ON machine_group.id = install_code.group_id";

#[async_trait]
impl GroupRecords for SqliteRecords {
    async fn default_group(&self, app: AppId, audit: AuditEntry) -> Result<Group, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!("{GROUP} WHERE app = ?1 AND is_default = 1");
            let found = connection.query_row(&select, [app.as_str()], group).optional().map_err(refused)?;
            found.map_or_else(|| insert_group(connection, app, GroupName::default_group(), true, &audit), Ok)
        };
        self.writer.run(verb).await
    }

    async fn create_group(&self, app: AppId, name: GroupName, audit: AuditEntry) -> Result<Group, RecordsError> {
        self.writer.run(move |connection| insert_group(connection, app, name, false, &audit)).await
    }

    async fn rename_group(
        &self,
        app: AppId,
        id: GroupId,
        name: GroupName,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let update = "UPDATE machine_group SET name = ?3 WHERE id = ?1 AND app = ?2";
            changed(connection, update, (id.0, app.as_str(), name.as_str()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn remove_group(&self, app: AppId, id: GroupId, audit: AuditEntry) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM machine_group WHERE id = ?1 AND app = ?2 AND is_default = 0";
            let exists = "SELECT 1 FROM machine_group WHERE id = ?1 AND app = ?2";
            let found = connection.query_row(exists, (id.0, app.as_str()), |_| Ok(())).optional().map_err(refused)?;
            found.ok_or(RecordsError::Missing)?;
            // What is there and does not go is the default group, or something refers to it.
            changed(connection, delete, (id.0, app.as_str())).map_err(|error| match error {
                RecordsError::Missing => RecordsError::InUse,
                error => error,
            })?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn groups(&self, app: AppId) -> Result<Vec<Group>, RecordsError> {
        let select = format!("{GROUP} WHERE app = ?1 ORDER BY id");
        self.reader.run(move |connection| rows(connection, &select, [app.as_str()], group)).await
    }
}

fn insert_group(
    connection: &Connection,
    app: AppId,
    name: GroupName,
    is_default: bool,
    audit: &AuditEntry,
) -> Result<Group, RecordsError> {
    let insert = "INSERT INTO machine_group (app, name, is_default, created_at) VALUES (?1, ?2, ?3, ?4)";
    let created_at = audit.at;
    changed(connection, insert, (app.as_str(), name.as_str(), is_default, created_at.milliseconds()))?;
    let id = GroupId(connection.last_insert_rowid());
    tell(connection, audit)?;
    Ok(Group { id, app, name, is_default, created_at })
}

#[async_trait]
impl InstallCodeRecords for SqliteRecords {
    async fn create_install_code(
        &self,
        code: KeptInstallCode,
        most_short: u32,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.writer.run(move |connection| insert_code(connection, &code, most_short, now, &audit)).await
    }

    async fn present_install_code(
        &self,
        candidate: KeptInstallCode,
        deadline_from: Timestamp,
        most_short: u32,
        now: Timestamp,
        read: AuditEntry,
        created: AuditEntry,
    ) -> Result<KeptInstallCode, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!(
                "{CODE} WHERE {LIVE} AND install_code.app = ?2 AND form = ?3 AND source = ?4 AND group_id = ?5 \
                 AND deadline BETWEEN ?6 AND ?7 ORDER BY deadline DESC, install_code.rowid DESC LIMIT 1"
            );
            let InstallCode { app, form, source, terms, .. } = &candidate.code;
            let values = params![
                now.milliseconds(),
                app.as_str(),
                form.word(),
                source.word(),
                terms.group.0,
                deadline_from.milliseconds(),
                terms.deadline.milliseconds(),
            ];
            match connection.query_row(&select, values, code).optional().map_err(refused)? {
                Some((kept, _)) => {
                    tell(connection, &AuditEntry { subject: kept.code.id.as_str().to_owned(), ..read })?;
                    Ok(kept)
                }
                None => insert_code(connection, &candidate, most_short, now, &created).map(|()| candidate),
            }
        };
        self.writer.run(verb).await
    }

    async fn read_install_codes(
        &self,
        app: AppId,
        live_at: Option<Timestamp>,
        limit: u32,
        read: AuditEntry,
    ) -> Result<Vec<(KeptInstallCode, GroupName)>, RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!(
                "{CODE} WHERE (?1 IS NULL OR ({LIVE})) AND install_code.app = ?2 \
                 ORDER BY install_code.created_at DESC, install_code.rowid DESC LIMIT ?3"
            );
            let found = rows(connection, &select, (live_at.map(Timestamp::milliseconds), app.as_str(), limit), code)?;
            tell(connection, &read)?;
            Ok(found)
        };
        self.writer.run(verb).await
    }

    async fn read_install_code(
        &self,
        app: AppId,
        named: Named,
        limit: u32,
        read: AuditEntry,
    ) -> Result<(KeptInstallCode, GroupName, Vec<Use>), RecordsError> {
        let verb = move |connection: &Connection| {
            let (kept, group) = named_code(connection, &app, &named)?;
            let select = "SELECT id, hostname, address, joined_at FROM agent WHERE code = ?1 \
                          ORDER BY sequence DESC LIMIT ?2";
            let uses = rows(connection, select, (kept.code.id.as_str(), limit), |row| {
                Ok(Use {
                    agent: AgentId::from_bytes(row.get("id")?),
                    hostname: row.get("hostname")?,
                    address: parsed(row, "address", |text| text.parse().ok())?,
                    at: time(row, "joined_at")?,
                })
            })?;
            tell(connection, &AuditEntry { subject: kept.code.id.as_str().to_owned(), ..read })?;
            Ok((kept, group, uses))
        };
        self.writer.run(verb).await
    }

    async fn revoke_install_code(
        &self,
        app: AppId,
        named: Named,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<InstallCodeId, RecordsError> {
        let verb = move |connection: &Connection| {
            let (kept, _) = named_code(connection, &app, &named)?;
            let InstallCode { id, revoked_at, .. } = kept.code;
            if revoked_at.is_none() {
                let update = "UPDATE install_code SET revoked_at = ?2 WHERE id = ?1";
                changed(connection, update, (id.as_str(), at.milliseconds()))?;
                tell(connection, &AuditEntry { subject: id.as_str().to_owned(), ..audit })?;
            }
            Ok(id)
        };
        self.writer.run(verb).await
    }

    async fn forget_install_codes(&self, before: Timestamp) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let delete = "DELETE FROM install_code WHERE deadline < ?1 \
                          AND NOT EXISTS (SELECT 1 FROM agent WHERE agent.code = install_code.id)";
            connection.execute(delete, [before.milliseconds()]).map(drop).map_err(refused)
        };
        self.writer.run(verb).await
    }

    async fn guessing(&self, now: Timestamp) -> Result<(u32, bool), RecordsError> {
        let verb = move |connection: &Connection| {
            let select = format!("SELECT count(*) FROM install_code WHERE {LIVE} AND form = 'short'");
            let live = connection.query_row(&select, [now.milliseconds()], |row| row.get(0)).map_err(refused)?;
            let (told, empty_at) =
                (told_short_codes(connection, now)?, accounts::read(connection, Account::Common.word())?);
            Ok((live, matches!(Account::Common.charge(empty_at, now, told).0, Throttled::Wait(_))))
        };
        self.reader.run(verb).await
    }
}

/// How many short codes machines hear of at `now`.
pub(super) fn told_short_codes(connection: &Connection, now: Timestamp) -> Result<u32, RecordsError> {
    let select = format!("SELECT count(*) FROM install_code WHERE {TOLD}");
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row([now.minus(TOLD_FOR).milliseconds()], |row| row.get(0)).map_err(refused)
}

/// The short codes that machines at `client` hear of at `now` because their networks hold it: by what they are found.
pub(super) fn told_short_codes_near(
    connection: &Connection,
    now: Timestamp,
    client: IpAddr,
) -> Result<Vec<Lookup>, RecordsError> {
    let select = format!("SELECT lookup, networks FROM install_code WHERE {TOLD} AND networks != ''");
    let near = |row: &Row<'_>| {
        let holds = parsed(row, "networks", |text| {
            let networks: Option<Vec<Network>> = text.split_whitespace().map(network).collect();
            networks.map(|networks| networks.iter().any(|network| network.contains(client)))
        })?;
        Ok(if holds { Some(row.get("lookup")?) } else { None })
    };
    let found = rows(connection, &select, [now.minus(TOLD_FOR).milliseconds()], near)?;
    Ok(found.into_iter().flatten().collect())
}

fn network(text: &str) -> Option<Network> {
    Network::try_from(text.to_owned()).ok()
}

/// The code of this text, whosever it is, its group's name, and whether its app is on.
pub(super) fn code_of(
    connection: &Connection,
    lookup: &Lookup,
) -> Result<Option<(KeptInstallCode, GroupName, bool)>, RecordsError> {
    let select = "SELECT install_code.*, machine_group.name AS group_name, app.enabled AS app_enabled \
                  FROM install_code JOIN machine_group ON machine_group.id = install_code.group_id \
                  JOIN app ON app.id = install_code.app WHERE lookup = ?1";
    let read = |row: &Row<'_>| code(row).and_then(|(kept, group)| Ok((kept, group, row.get("app_enabled")?)));
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    statement.query_row([lookup], read).optional().map_err(damaged)
}

fn named_code(
    connection: &Connection,
    app: &AppId,
    named: &Named,
) -> Result<(KeptInstallCode, GroupName), RecordsError> {
    let of = |column: &str| format!("{CODE} WHERE install_code.app = ?1 AND {column} = ?2");
    let found = match named {
        Named::Id(id) => connection.query_row(&of("install_code.id"), (app.as_str(), id.as_str()), code),
        Named::Lookup(lookup) => connection.query_row(&of("lookup"), (app.as_str(), lookup), code),
    };
    found.optional().map_err(damaged)?.ok_or(RecordsError::Missing)
}

fn insert_code(
    connection: &Connection,
    kept: &KeptInstallCode,
    most_short: u32,
    now: Timestamp,
    audit: &AuditEntry,
) -> Result<(), RecordsError> {
    let KeptInstallCode { code, lookup, sealed } = kept;
    if code.form == Form::Short && told_short_codes(connection, now)? >= most_short {
        return Err(RecordsError::Full);
    }
    let Terms { deadline, group, os, networks, max_uses, only_image, route } = &code.terms;
    // Only into a group of the same app.
    let insert = "INSERT INTO install_code (id, app, lookup, sealed, form, source, deadline, group_id, os, networks, \
                  max_uses, only_image, vendor, proxy_cluster, private_link, uses, created_at, created_by, revoked_at) \
                  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, id, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19 \
                  FROM machine_group WHERE id = ?8 AND app = ?2";
    let networks = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let values = params![
        code.id.as_str(),
        code.app.as_str(),
        lookup,
        sealed,
        code.form.word(),
        code.source.word(),
        deadline.milliseconds(),
        group.0,
        os.map(OperatingSystem::word),
        networks,
        max_uses,
        only_image,
        route.vendor,
        route.proxy_cluster,
        route.private_link,
        code.uses,
        code.created_at.milliseconds(),
        code.created_by,
        code.revoked_at.map(Timestamp::milliseconds),
    ];
    changed(connection, insert, values)?;
    tell(connection, audit)
}

fn group(row: &Row<'_>) -> Result<Group, rusqlite::Error> {
    Ok(Group {
        id: GroupId(row.get("id")?),
        app: parsed(row, "app", AppId::parse)?,
        name: parsed(row, "name", GroupName::parse)?,
        is_default: row.get("is_default")?,
        created_at: time(row, "created_at")?,
    })
}

fn code(row: &Row<'_>) -> Result<(KeptInstallCode, GroupName), rusqlite::Error> {
    let code = InstallCode {
        id: parsed(row, "id", InstallCodeId::parse)?,
        app: parsed(row, "app", AppId::parse)?,
        form: parsed(row, "form", Form::from_word)?,
        source: parsed(row, "source", Source::from_word)?,
        terms: Terms {
            deadline: time(row, "deadline")?,
            group: GroupId(row.get("group_id")?),
            os: optional(row, "os", OperatingSystem::from_word)?,
            networks: parsed(row, "networks", |text| text.split_whitespace().map(network).collect())?,
            max_uses: row.get("max_uses")?,
            only_image: row.get("only_image")?,
            route: route(row)?,
        },
        uses: row.get("uses")?,
        created_at: time(row, "created_at")?,
        created_by: row.get("created_by")?,
        revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp::from_milliseconds),
    };
    let kept = KeptInstallCode { code, lookup: row.get("lookup")?, sealed: row.get("sealed")? };
    Ok((kept, parsed(row, "group_name", GroupName::parse)?))
}

pub(super) fn route(row: &Row<'_>) -> Result<Route, rusqlite::Error> {
    Ok(Route {
        vendor: row.get("vendor")?,
        proxy_cluster: row.get("proxy_cluster")?,
        private_link: row.get("private_link")?,
    })
}
