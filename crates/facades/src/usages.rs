//! What the doors share about who uses what: the operations, and how statistics and calls are shown as JSON. The command line
//! shows them the same way.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_domain::operations::{NoteUsage, OpenUsage, ReadUsage};
use countersign_domain::usage::{Day, Part, Statistics, Step};
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use serde::Serialize;

use crate::views::rfc3339;

/// The operations on who uses what.
#[derive(Clone)]
pub struct Usages {
    /// Notes it; for doors whose callers say whom a call is for.
    pub note_usage: Arc<NoteUsage>,
    /// Reads it again.
    pub read_usage: Arc<ReadUsage>,
}

/// Reads a day: `2026-11-22`.
pub fn day(text: &str) -> Option<Day> {
    // The standard reader takes a time behind it, too.
    let read = text.len() == "2026-11-22".len();
    let day: Date = read.then(|| text.parse().ok()).flatten()?;
    Some(Day::from_number(day.duration_since(EPOCH).as_hours() / 24))
}

/// Writes it. A day that no calendar has is shown as the last one that it does.
pub fn day_text(day: Day) -> String {
    let days = i32::try_from(day.number()).unwrap_or(i32::MAX);
    let hours = SignedDuration::from_hours(i64::from(days) * 24);
    EPOCH.checked_add(hours).unwrap_or(Date::MAX).to_string()
}

/// When days begin to count.
const EPOCH: Date = date(1970, 1, 1);

/// Reads what to split by: `day,business`, or nothing.
pub fn parts(text: &str) -> Option<BTreeSet<Part>> {
    text.split(',').filter(|_| !text.is_empty()).map(Part::from_word).collect()
}

/// A row of statistics as the native API shows it. What it is not split by, it does not say.
#[derive(Serialize)]
pub struct StatisticsJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business: Option<OwnNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<OwnNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_type: Option<&'static str>,
    asked: u64,
    loaded: u64,
    solved: u64,
    failed: u64,
    passed: u64,
    refused: u64,
    accounts: u64,
    newcomers: u64,
}

/// A number of the app's own; null where it did not say.
#[derive(Serialize)]
struct OwnNumber(Option<u32>);

impl StatisticsJson {
    /// A row of statistics that are split `by` these.
    pub fn new(row: &Statistics, by: &BTreeSet<Part>) -> Self {
        let Statistics { day, group, counts } = row;
        Self {
            day: day.map(day_text),
            business: by.contains(&Part::Business).then_some(OwnNumber(group.business)),
            scene: by.contains(&Part::Scene).then_some(OwnNumber(group.scene)),
            account_type: by.contains(&Part::AccountType).then(|| group.account_type.word()),
            asked: counts.of(Step::Asked),
            loaded: counts.of(Step::Loaded),
            solved: counts.of(Step::Solved),
            failed: counts.of(Step::Failed),
            passed: counts.of(Step::Passed),
            refused: counts.of(Step::Refused),
            accounts: counts.accounts,
            newcomers: counts.newcomers,
        }
    }
}

/// A call as the native API shows it.
#[derive(Serialize)]
pub struct UsageJson {
    id: i64,
    at: String,
    door: String,
    step: &'static str,
    business: Option<u32>,
    scene: Option<u32>,
    account_type: &'static str,
    account: Option<String>,
    associate_account: Option<String>,
    registered_at: Option<String>,
    address: Option<String>,
    forwarded_for: Option<String>,
    mac_address: Option<String>,
    imei: Option<String>,
}

impl From<OpenUsage> for UsageJson {
    fn from(OpenUsage { number, row, person }: OpenUsage) -> Self {
        Self {
            id: number,
            at: rfc3339(row.at),
            door: row.door,
            step: row.step.word(),
            business: row.group.business,
            scene: row.group.scene,
            account_type: row.group.account_type.word(),
            account: person.account,
            associate_account: person.associate_account,
            registered_at: row.registered_at.map(rfc3339),
            address: person.address,
            forwarded_for: person.forwarded_for,
            mac_address: person.mac_address,
            imei: person.imei,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        for (text, number) in [("1970-01-01", 0), ("1969-12-31", -1), ("2026-11-22", 20_779), ("9999-12-31", 2_932_896)]
        {
            assert_eq!(day(text), Some(Day::from_number(number)), "{text}");
            assert_eq!(day_text(Day::from_number(number)), text);
        }
        for text in ["", "2026-11-31", "20261122", "2026-11-2", "2026-11-22T00:00:00Z", "+02026-11-2", "today"] {
            assert_eq!(day(text), None, "{text}");
        }
        assert_eq!(day_text(Day::from_number(i64::MAX)), "9999-12-31");
    }

    #[test]
    fn parts_are_words_with_commas() {
        assert_eq!(parts(""), Some(BTreeSet::new()));
        assert_eq!(parts("scene,day"), Some(BTreeSet::from([Part::Day, Part::Scene])));
        for text in [",", "day,", "week", "day, scene"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
