#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::app::AppId;
use crate::ports::{
    MOST_GROUPS, NotesFull, RecordsError, StatisticsWanted, UsageKept, UsageNotes, UsageRecords, UsageWanted,
};
use crate::usage::{Counts, Day, Group, Part, Statistics, UsageRow};

/// Who used what, in one lock: the plainest store that conforms, for tests of rules and doors. What is noted is kept at once.
#[derive(Clone, Default)]
pub struct ModelUsage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    last: i64,
    rows: Vec<(i64, UsageRow)>,
    counts: BTreeMap<(AppId, Day, Group), Counts>,
}

impl ModelUsage {
    fn verb<T>(&self, verb: impl FnOnce(&mut State) -> T) -> Result<T, RecordsError> {
        let mut state = self.0.lock().map_err(|_| RecordsError::Unavailable("a test panicked".to_owned()))?;
        Ok(verb(&mut state))
    }
}

impl State {
    fn keep(&mut self, row: UsageRow) {
        let (app, day) = (row.app.clone(), Day::of(row.at));
        let of_day = self.counts.keys().filter(|(of, on, _)| *of == app && *on == day).count();
        let is_new = !self.counts.contains_key(&(app.clone(), day, row.group));
        let mut counted_as = row.group;
        if is_new && of_day >= MOST_GROUPS as usize {
            (counted_as.business, counted_as.scene) = (None, None);
        }
        let same = |other: &UsageRow| {
            (&other.app, Day::of(other.at), other.group, other.account) == (&app, day, row.group, row.account)
        };
        let is_first = row.step.is_kept() && row.account.is_some() && !self.rows.iter().any(|(_, other)| same(other));
        let counts = self.counts.entry((app, day, counted_as)).or_default();
        counts.steps[row.step as usize] += 1;
        counts.accounts += u64::from(is_first);
        counts.newcomers += u64::from(is_first && row.is_newcomer());
        if row.step.is_kept() {
            self.last += 1;
            self.rows.push((self.last, row));
        }
    }
}

#[async_trait]
impl UsageRecords for ModelUsage {
    async fn keep_usage(&self, rows: Vec<UsageRow>) -> Result<(), RecordsError> {
        self.verb(|state| rows.into_iter().for_each(|row| state.keep(row)))
    }

    async fn usage_statistics(&self, wanted: StatisticsWanted) -> Result<Vec<Statistics>, RecordsError> {
        self.verb(|state| {
            let mut sums = BTreeMap::<_, Statistics>::new();
            for ((app, day, group), counts) in &state.counts {
                if *app != wanted.app || *day < wanted.from || *day > wanted.to {
                    continue;
                }
                let split = |part| wanted.by.contains(&part);
                let day = Some(*day).filter(|_| split(Part::Day));
                let group = Group {
                    business: group.business.filter(|_| split(Part::Business)),
                    scene: group.scene.filter(|_| split(Part::Scene)),
                    account_type: Some(group.account_type).filter(|_| split(Part::AccountType)).unwrap_or_default(),
                };
                let place = (day, group.business, group.scene, group.account_type.word());
                let sum = sums.entry(place).or_insert(Statistics { day, group, counts: Counts::default() });
                sum.counts.steps.iter_mut().zip(counts.steps).for_each(|(sum, count)| *sum += count);
                sum.counts.accounts += counts.accounts;
                sum.counts.newcomers += counts.newcomers;
            }
            sums.into_values().take(wanted.limit as usize).collect()
        })
    }

    async fn usage_rows(&self, wanted: UsageWanted) -> Result<Vec<(i64, UsageRow)>, RecordsError> {
        let UsageWanted { app, from, until, business, scene, account, before, limit } = wanted;
        let matches = |(number, row): &&(i64, UsageRow)| {
            row.app == app
                && (from..until).contains(&row.at)
                && business.is_none_or(|business| row.group.business == Some(business))
                && scene.is_none_or(|scene| row.group.scene == Some(scene))
                && account.is_none_or(|account| row.account == Some(account))
                && before.is_none_or(|before| *number < before)
        };
        self.verb(|state| state.rows.iter().rev().filter(matches).take(limit as usize).cloned().collect())
    }

    async fn forget_usage(&self, kept: UsageKept) -> Result<bool, RecordsError> {
        self.verb(|state| {
            let mut of_app = BTreeMap::<AppId, u32>::new();
            let mut stay = BTreeSet::new();
            for (number, row) in state.rows.iter().rev() {
                let count = of_app.entry(row.app.clone()).or_default();
                *count += 1;
                if row.at >= kept.since && *count <= kept.rows {
                    stay.insert(*number);
                }
            }
            state.rows.retain(|(number, _)| stay.contains(number));
            state.counts.retain(|(_, day, _), _| *day >= kept.counts_since);
            false
        })
    }
}

impl UsageNotes for ModelUsage {
    fn note(&self, row: UsageRow) -> Result<(), NotesFull> {
        self.verb(|state| state.keep(row)).map_err(|_| NotesFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::usage_conformance;

    #[test]
    fn the_model_conforms() {
        let model = ModelUsage::default();
        usage_conformance(|| model.clone());
    }
}
