//! Agents, and the one transaction in which a machine joins.

use async_trait::async_trait;
use countersign_domain::agent::{Agent, AgentId, Ended, HostFacts, IssuedCertificate, OperatingSystem};
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::group::{GroupId, GroupName};
use countersign_domain::guess_budget::{ALARM_EVERY, Account, REFUSALS_ACCOUNT, REFUSALS_TOLD};
use countersign_domain::install_code::{CodeRefusal, Form, InstallCodeId};
use countersign_domain::ports::{Admission, Admitted, AgentRecords, AgentsWanted, RecordsError};
use countersign_domain::throttle::{Throttled, decide};
use countersign_domain::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::install_codes::{code_of, route, told_short_codes, told_short_codes_near};
use super::rows::{changed, damaged, parsed, refused, rows, tell, time};
use super::{SqliteRecords, accounts};

const AGENT: &str = "SELECT agent.*, machine_group.name AS group_name, vendor, proxy_cluster, private_link FROM agent \
                     JOIN machine_group ON machine_group.id = agent.group_id \
                     JOIN install_code ON install_code.id = agent.code";

#[async_trait]
impl AgentRecords for SqliteRecords {
    async fn admit_agent(&self, admission: Admission) -> Result<Admitted, RecordsError> {
        let verb = move |connection: &Connection| {
            let outcome = admit(connection, &admission)?;
            if let Some(entry) = admission.told(&outcome) {
                match outcome {
                    Admitted::Joined(_) => tell(connection, &entry)?,
                    _ => tell_of_refusal(connection, &entry)?,
                }
            }
            Ok(outcome)
        };
        self.writer.run(verb).await
    }

    async fn see_agent(&self, id: AgentId, shown: [u8; 16], now: Timestamp) -> Result<Agent, RecordsError> {
        let verb = move |connection: &Connection| {
            let agent = one(connection, id)?;
            if agent.ended.is_some() {
                return Ok(agent);
            }
            has_shown(connection, id, shown)?;
            changed(connection, "UPDATE agent SET seen_at = ?2 WHERE id = ?1", (id.bytes(), now.milliseconds()))?;
            Ok(Agent { seen_at: Some(now), ..agent })
        };
        self.writer.run(verb).await
    }

    async fn renew_agent(
        &self,
        id: AgentId,
        shown: [u8; 16],
        certificate: IssuedCertificate,
        audit: AuditEntry,
    ) -> Result<Agent, RecordsError> {
        let verb = move |connection: &Connection| {
            has_shown(connection, id, shown)?;
            let update = "UPDATE agent SET certificate = ?2, serial = ?3, request = ?4, issued_at = ?5, \
                          expires_at = ?6, previous = ?7 WHERE id = ?1";
            let IssuedCertificate { certificate, serial, request, issued_at, expires_at } = certificate;
            let (issued_at, expires_at) = (issued_at.milliseconds(), expires_at.milliseconds());
            changed(connection, update, (id.bytes(), certificate, serial, request, issued_at, expires_at, shown))?;
            tell(connection, &audit)?;
            one(connection, id)
        };
        self.writer.run(verb).await
    }

    async fn end_agent(
        &self,
        app: Option<AppId>,
        id: AgentId,
        at: Timestamp,
        ended: Ended,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let verb = move |connection: &Connection| {
            let agent = one(connection, id)?;
            if app.is_some_and(|app| app != agent.app) {
                return Err(RecordsError::Missing);
            }
            if agent.ended.is_some() {
                return Ok(());
            }
            let update = "UPDATE agent SET ended_at = ?2, ended = ?3 WHERE id = ?1";
            changed(connection, update, (id.bytes(), at.milliseconds(), ended.word()))?;
            tell(connection, &audit)
        };
        self.writer.run(verb).await
    }

    async fn agents(&self, wanted: AgentsWanted) -> Result<Vec<Agent>, RecordsError> {
        let verb = move |connection: &Connection| {
            let (mut conditions, mut values) = (Vec::new(), Vec::new());
            let blob = |id: AgentId| Value::from(id.bytes().to_vec());
            if let Some(app) = wanted.app {
                conditions.push("agent.app = ?".to_owned());
                values.push(Value::from(app.as_str().to_owned()));
            }
            if !wanted.ids.is_empty() {
                conditions.push(format!("agent.id IN (?{})", ", ?".repeat(wanted.ids.len() - 1)));
                values.extend(wanted.ids.into_iter().map(blob));
            }
            if let Some(after) = wanted.after {
                conditions.push("agent.sequence < (SELECT sequence FROM agent WHERE id = ?)".to_owned());
                values.push(blob(after));
            }
            let limit = wanted.limit;
            let filter = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
            let select = format!("{AGENT} WHERE {filter} ORDER BY agent.sequence DESC LIMIT {limit}");
            rows(connection, &select, params_from_iter(values), agent)
        };
        self.reader.run(verb).await
    }
}

fn admit(connection: &Connection, admission: &Admission) -> Result<Admitted, RecordsError> {
    let charged = match admission.form {
        Form::Long => Charged { account: None, live: 0 },
        Form::Short => match charge(connection, admission)? {
            Ok(charged) => charged,
            Err(paused) => return Ok(paused),
        },
    };
    let found = code_of(connection, &admission.lookup)?.filter(|(kept, ..)| kept.code.is_told(admission.now));
    let Some((kept, group_name, app_enabled)) = found else { return Ok(Admitted::Unknown) };
    charged.give_back(connection)?;
    let code = kept.code;
    if let Some(agent) = repeated(connection, admission, &code.id)? {
        return Ok(Admitted::Repeated(Box::new(agent)));
    }
    let disabled = (!app_enabled).then_some(CodeRefusal::AppDisabled);
    let refusal = code.refuses(admission.now, admission.client, admission.host.os(), admission.staged);
    if let Some(refusal) = refusal.or(disabled) {
        return Ok(Admitted::Refused(code.id, refusal));
    }
    changed(connection, "UPDATE install_code SET uses = uses + 1 WHERE id = ?1", [code.id.as_str()])?;
    let joined = admission.agent(&code, group_name);
    insert(connection, &joined)?;
    Ok(Admitted::Joined(Box::new(joined)))
}

/// What a look at a short code was charged with.
struct Charged {
    account: Option<(Account, Timestamp)>,
    live: u32,
}

impl Charged {
    fn give_back(&self, connection: &Connection) -> Result<(), RecordsError> {
        match self.account {
            None => Ok(()),
            Some((account, empty_at)) => {
                accounts::write(connection, account.word(), account.give_back(empty_at, self.live))
            }
        }
    }
}

/// Charges a look at a short code, or says why there is none.
fn charge(connection: &Connection, admission: &Admission) -> Result<Result<Charged, Admitted>, RecordsError> {
    let now = admission.now;
    let live = told_short_codes(connection, now)?;
    let wait = match charge_to(connection, Account::Common, now, live)? {
        (Throttled::Go, empty_at) => {
            return Ok(Ok(Charged { account: Some((Account::Common, empty_at)), live }));
        }
        (Throttled::Wait(wait), _) => wait,
    };
    if accounts::alarm(connection, Account::Common.word(), now.minus(ALARM_EVERY), now)? {
        tell(connection, &admission.alarm(live))?;
    }
    // Before any code is read: while guesses are paused, a stranger's attempt must cost little.
    let empty_at = accounts::read(connection, Account::Reserve.word())?;
    if let (Throttled::Wait(wait), _) = Account::Reserve.charge(empty_at, now, 1) {
        return Ok(Err(Admitted::Paused(wait)));
    }
    let near = told_short_codes_near(connection, now, admission.client)?;
    if near.is_empty() {
        return Ok(Err(Admitted::Paused(wait)));
    }
    let live = u32::try_from(near.len()).unwrap_or(u32::MAX);
    match charge_to(connection, Account::Reserve, now, live)? {
        (Throttled::Wait(wait), _) => Ok(Err(Admitted::Paused(wait))),
        // Compared with those codes only: of any other, not even that it exists is told.
        (Throttled::Go, _) if !near.contains(&admission.lookup) => Ok(Err(Admitted::Unknown)),
        (Throttled::Go, empty_at) => Ok(Ok(Charged { account: Some((Account::Reserve, empty_at)), live })),
    }
}

fn charge_to(
    connection: &Connection,
    account: Account,
    now: Timestamp,
    live: u32,
) -> Result<(Throttled, Timestamp), RecordsError> {
    let (decision, empty_at) = account.charge(accounts::read(connection, account.word())?, now, live);
    accounts::write(connection, account.word(), empty_at)?;
    Ok((decision, empty_at))
}

fn tell_of_refusal(connection: &Connection, entry: &AuditEntry) -> Result<(), RecordsError> {
    let empty_at = accounts::read(connection, REFUSALS_ACCOUNT)?;
    let (decision, empty_at) = decide(empty_at, entry.at, REFUSALS_TOLD, 1);
    accounts::write(connection, REFUSALS_ACCOUNT, empty_at)?;
    match decision {
        Throttled::Go => tell(connection, entry),
        Throttled::Wait(_) => Ok(()),
    }
}

/// Whether the serial number that an agent showed is that of its newest certificate, or of the one before.
fn has_shown(connection: &Connection, id: AgentId, shown: [u8; 16]) -> Result<(), RecordsError> {
    let select = "SELECT serial = ?2 OR previous IS ?2 FROM agent WHERE id = ?1 AND ended IS NULL";
    let mut statement = connection.prepare_cached(select).map_err(refused)?;
    let is_known = statement.query_row((id.bytes(), shown), |row| row.get(0)).optional().map_err(refused)?;
    if is_known.ok_or(RecordsError::Missing)? { Ok(()) } else { Err(RecordsError::Changed) }
}

fn repeated(
    connection: &Connection,
    admission: &Admission,
    code: &InstallCodeId,
) -> Result<Option<Agent>, RecordsError> {
    let select =
        format!("{AGENT} WHERE agent.code = ?1 AND agent.joined_with = ?2 ORDER BY agent.sequence DESC LIMIT 1");
    let values = (code.as_str(), admission.certificate.request);
    let found = connection.query_row(&select, values, agent).optional().map_err(damaged)?;
    Ok(found.filter(|agent| admission.repeats(agent)))
}

fn one(connection: &Connection, id: AgentId) -> Result<Agent, RecordsError> {
    let select = format!("{AGENT} WHERE agent.id = ?1");
    let mut statement = connection.prepare_cached(&select).map_err(refused)?;
    statement.query_row([id.bytes()], agent).optional().map_err(damaged)?.ok_or(RecordsError::Missing)
}

fn insert(connection: &Connection, agent: &Agent) -> Result<(), RecordsError> {
    let insert = "INSERT INTO agent (id, app, group_id, code, hostname, os, architecture, machine_id, certificate, \
                  serial, request, joined_with, issued_at, expires_at, address, joined_at) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let IssuedCertificate { certificate, serial, request, issued_at, expires_at } = &agent.certificate;
    let values = params![
        agent.id.bytes(),
        agent.app.as_str(),
        agent.group.0,
        agent.code.as_str(),
        agent.host.hostname(),
        agent.host.os().word(),
        agent.host.architecture(),
        agent.host.machine_id(),
        certificate,
        serial,
        request,
        agent.joined_with,
        issued_at.milliseconds(),
        expires_at.milliseconds(),
        agent.address.to_string(),
        agent.joined_at.milliseconds(),
    ];
    changed(connection, insert, values)
}

fn agent(row: &Row<'_>) -> Result<Agent, rusqlite::Error> {
    let [hostname, architecture, machine_id]: [String; 3] =
        [row.get("hostname")?, row.get("architecture")?, row.get("machine_id")?];
    let host = |word: &str| {
        let os = OperatingSystem::from_word(word)?;
        HostFacts::new(&hostname, os, &architecture, &machine_id).ok()
    };
    let optional_time =
        |column: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_milliseconds));
    let ended = match optional_time("ended_at")? {
        None => None,
        Some(at) => Some((at, parsed(row, "ended", Ended::from_word)?)),
    };
    Ok(Agent {
        id: AgentId::from_bytes(row.get("id")?),
        app: parsed(row, "app", AppId::parse)?,
        group: GroupId(row.get("group_id")?),
        group_name: parsed(row, "group_name", GroupName::parse)?,
        code: parsed(row, "code", InstallCodeId::parse)?,
        route: route(row)?,
        host: parsed(row, "os", host)?,
        certificate: IssuedCertificate {
            certificate: row.get("certificate")?,
            serial: row.get("serial")?,
            request: row.get("request")?,
            issued_at: time(row, "issued_at")?,
            expires_at: time(row, "expires_at")?,
        },
        joined_with: row.get("joined_with")?,
        address: parsed(row, "address", |text| text.parse().ok())?,
        joined_at: time(row, "joined_at")?,
        seen_at: optional_time("seen_at")?,
        ended,
    })
}
