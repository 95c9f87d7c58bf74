//! Who used what. Neither table refers to apps: a row that finds none would hold up all that are written with it.

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::ports::{MOST_GROUPS, RecordsError, StatisticsWanted, UsageKept, UsageRecords, UsageWanted};
use countersign_domain::time::Timestamp;
use countersign_domain::usage::{AccountKey, AccountType, Counts, Day, Group, Part, Statistics, Step, UsageRow};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::SqliteRecords;
use super::rows::{damaged, parsed, refused, rows, time};

const COLUMNS: &str = "app, at, door, step, business, scene, account_type, account, registered_at, sealed_person";

/// Whether an account has come before on a day, in a group. The index `usage_account` answers it alone: somebody who comes a
/// hundred thousand times a day costs others no time.
const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM usage WHERE app = ?1 AND account = ?2 AND at >= ?3 AND at < ?4 \
                     AND business = ?5 AND scene = ?6 AND account_type = ?7)";

/// How many rows are forgotten in one verb: others wait behind it.
const FORGOTTEN_AT_ONCE: u32 = 5_000;

#[async_trait]
impl UsageRecords for SqliteRecords {
    async fn keep_usage(&self, rows: Vec<UsageRow>) -> Result<(), RecordsError> {
        self.writer.run(move |connection| rows.iter().try_for_each(|row| keep(connection, row))).await
    }

    async fn usage_statistics(&self, wanted: StatisticsWanted) -> Result<Vec<Statistics>, RecordsError> {
        self.reader.run(move |connection| statistics(connection, &wanted)).await
    }

    async fn usage_rows(&self, wanted: UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError> {
        self.reader.run(move |connection| wanted_ones(connection, &wanted)).await
    }

    async fn forget_usage(&self, kept: UsageKept) -> Result<bool, RecordsError> {
        self.writer.run(move |connection| forget(connection, kept)).await
    }
}

fn keep(connection: &Connection, row: &UsageRow) -> Result<(), RecordsError> {
    let is_kept = row.step.is_kept();
    let is_first = is_kept && row.account.is_some() && !is_known(connection, row)?;
    count(connection, row, is_first)?;
    if !is_kept {
        return Ok(());
    }
    let insert = format!("INSERT INTO usage ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    let values = params![
        row.app.as_str(),
        row.at.milliseconds(),
        row.door,
        row.step.word(),
        number(row.group.business),
        number(row.group.scene),
        row.group.account_type.word(),
        row.account.map(|account| account.0),
        row.registered_at.map(Timestamp::milliseconds),
        row.sealed_person,
    ];
    connection.prepare_cached(&insert).map_err(refused)?.execute(values).map(drop).map_err(refused)
}

/// Whether the row's account has come before on its day, in its group.
fn is_known(connection: &Connection, row: &UsageRow) -> Result<bool, RecordsError> {
    let day = Day::of(row.at);
    let values = params![
        row.app.as_str(),
        row.account.map(|account| account.0),
        day.start().milliseconds(),
        day.plus(1).start().milliseconds(),
        number(row.group.business),
        number(row.group.scene),
        row.group.account_type.word(),
    ];
    connection.prepare_cached(KNOWN).map_err(refused)?.query_row(values, |row| row.get(0)).map_err(damaged)
}

fn count(connection: &Connection, row: &UsageRow, is_first: bool) -> Result<(), RecordsError> {
    let Group { business, scene, account_type } = row.group;
    if add(connection, row, (business, scene), is_first)? {
        return Ok(());
    }
    let day = (row.app.as_str(), Day::of(row.at).number());
    let groups = "SELECT count(*) FROM usage_count WHERE app = ?1 AND day = ?2";
    let groups = connection.prepare_cached(groups).map_err(refused)?.query_row(day, |row| row.get::<_, u32>(0));
    let split = if groups.map_err(damaged)? < MOST_GROUPS { (business, scene) } else { (None, None) };
    let insert = "INSERT INTO usage_count VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
    let values = (day.0, day.1, number(split.0), number(split.1), account_type.word());
    connection.prepare_cached(insert).map_err(refused)?.execute(values).map_err(refused)?;
    add(connection, row, split, is_first).map(drop)
}

/// Counts a row where its day and group are counted already; whether they are.
fn add(
    connection: &Connection,
    row: &UsageRow,
    (business, scene): (Option<u32>, Option<u32>),
    is_first: bool,
) -> Result<bool, RecordsError> {
    // A step's column has its word.
    let step = row.step.word();
    let update = format!(
        "UPDATE usage_count SET {step} = {step} + 1, accounts = accounts + ?1, newcomers = newcomers + ?2 \
         WHERE app = ?3 AND day = ?4 AND business = ?5 AND scene = ?6 AND account_type = ?7"
    );
    let values = params![
        is_first,
        is_first && row.is_newcomer(),
        row.app.as_str(),
        Day::of(row.at).number(),
        number(business),
        number(scene),
        row.group.account_type.word(),
    ];
    let count = connection.prepare_cached(&update).and_then(|mut statement| statement.execute(values));
    Ok(count.map_err(refused)? > 0)
}

/// As it is kept: part of a primary key is never empty.
fn number(part: Option<u32>) -> i64 {
    part.map_or(-1, i64::from)
}

fn statistics(connection: &Connection, wanted: &StatisticsWanted) -> Result<Vec<Statistics>, RecordsError> {
    let StatisticsWanted { app, from, to, by, limit } = wanted;
    let columns: Vec<_> = by.iter().map(|part| part.word().to_owned()).collect();
    let counts = Step::ALL.map(Step::word).into_iter().chain(["accounts", "newcomers"]);
    let sums = counts.map(|count| format!("sum({count}) AS {count}"));
    let selected: Vec<_> = columns.iter().cloned().chain(sums).collect();
    let selected = selected.join(", ");
    let mut select = format!("SELECT {selected} FROM usage_count WHERE app = ?1 AND day BETWEEN ?2 AND ?3");
    if columns.is_empty() {
        // A sum of nothing is a row of its own.
        select.push_str(" HAVING count(*) > 0");
    } else {
        let columns = columns.join(", ");
        select = format!("{select} GROUP BY {columns} ORDER BY {columns}");
    }
    select.push_str(" LIMIT ?4");
    rows(connection, &select, (app.as_str(), from.number(), to.number(), limit), |row| {
        let split = |part| by.contains(&part);
        let day = if split(Part::Day) { Some(Day::from_number(row.get("day")?)) } else { None };
        let business = if split(Part::Business) { part(row, "business")? } else { None };
        let scene = if split(Part::Scene) { part(row, "scene")? } else { None };
        let account_type = if split(Part::AccountType) { account_type(row)? } else { AccountType::default() };
        let mut steps = [0; Step::ALL.len()];
        for (place, step) in steps.iter_mut().zip(Step::ALL) {
            *place = times(row, step.word())?;
        }
        let counts = Counts { steps, accounts: times(row, "accounts")?, newcomers: times(row, "newcomers")? };
        Ok(Statistics { day, group: Group { business, scene, account_type }, counts })
    })
}

fn wanted_ones(connection: &Connection, wanted: &UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError> {
    let UsageWanted { app, from, until, business, scene, account, before, limit } = wanted;
    let mut select = format!("SELECT sequence, {COLUMNS} FROM usage WHERE app = ? AND at >= ? AND at < ?");
    let mut values: Vec<Value> =
        vec![app.as_str().to_owned().into(), from.milliseconds().into(), until.milliseconds().into()];
    // Only what is asked for: one statement for all would keep the indexes from being used.
    let mut narrow = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            select = format!("{select} AND {condition} ?");
            values.push(value);
        }
    };
    narrow("business =", business.map(Value::from));
    narrow("scene =", scene.map(Value::from));
    narrow("account =", account.map(|account| account.0.to_vec().into()));
    narrow("sequence <", before.map(Value::from));
    select.push_str(" ORDER BY sequence DESC LIMIT ?");
    values.push((*limit).into());
    rows(connection, &select, params_from_iter(values), |row| Ok((row.get("sequence")?, read(row)?)))
}

fn read(row: &Row<'_>) -> Result<UsageRow, rusqlite::Error> {
    let group =
        Group { business: part(row, "business")?, scene: part(row, "scene")?, account_type: account_type(row)? };
    Ok(UsageRow {
        app: parsed(row, "app", AppId::parse)?,
        at: time(row, "at")?,
        door: row.get("door")?,
        step: parsed(row, "step", Step::from_word)?,
        group,
        registered_at: row.get::<_, Option<i64>>("registered_at")?.map(Timestamp::from_milliseconds),
        account: row.get::<_, Option<[u8; 16]>>("account")?.map(AccountKey),
        sealed_person: row.get("sealed_person")?,
    })
}

/// A count: it is never negative.
fn times(row: &Row<'_>, column: &str) -> Result<u64, rusqlite::Error> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

fn part(row: &Row<'_>, column: &str) -> Result<Option<u32>, rusqlite::Error> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).ok())
}

fn account_type(row: &Row<'_>) -> Result<AccountType, rusqlite::Error> {
    parsed(row, "account_type", AccountType::from_word)
}

fn forget(connection: &Connection, kept: UsageKept) -> Result<bool, RecordsError> {
    let execute = |statement: &str, values: &[&dyn rusqlite::ToSql]| {
        let count = connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
        count.map_err(refused)
    };
    execute("DELETE FROM usage_count WHERE day < ?1", &[&kept.counts_since.number()])?;
    // The oldest were kept first, give or take a moment: looking further would be looking at everything.
    let old = "DELETE FROM usage WHERE at < ?1 AND sequence IN (SELECT sequence FROM usage ORDER BY sequence LIMIT ?2)";
    let mut most = execute(old, &[&kept.since.milliseconds(), &FORGOTTEN_AT_ONCE])?;
    for app in rows(connection, "SELECT id FROM app", [], |row| row.get::<_, String>(0))? {
        let newest = "SELECT sequence FROM usage WHERE app = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2";
        let surplus = format!(
            "DELETE FROM usage WHERE sequence IN \
             (SELECT sequence FROM usage WHERE app = ?1 AND sequence <= ({newest}) ORDER BY sequence LIMIT ?3)"
        );
        most = most.max(execute(&surplus, &[&app, &kept.rows, &FORGOTTEN_AT_ONCE])?);
    }
    Ok(u32::try_from(most).is_ok_and(|most| most >= FORGOTTEN_AT_ONCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_an_account_is_known_takes_one_look_at_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/sqlite/0011_usage.sql")).unwrap();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {KNOWN}")).unwrap();
        let steps = plan.query_map([None::<i64>; 7], |row| row.get::<_, String>("detail")).unwrap();
        let steps: Vec<_> = steps.collect::<Result<_, _>>().unwrap();
        let look = "SEARCH usage USING COVERING INDEX usage_account \
                    (app=? AND account=? AND business=? AND scene=? AND account_type=? AND at>? AND at<?)";
        assert!(steps.iter().any(|step| step == look), "{steps:?}");
    }
}
