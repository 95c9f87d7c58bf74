#![expect(clippy::expect_used, reason = "a suite is a test: it stops where the store does not conform")]

use crate::app::AppId;
use crate::ports::{MOST_GROUPS, StatisticsWanted, UsageKept, UsageRecords, UsageWanted};
use crate::testing::{app, block_on};
use crate::time::Timestamp;
use crate::usage::{AccountKey, AccountType, Counts, Day, Group, Part, Statistics, Step, UsageRow};

/// An hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// What it means to be a store of who used what. `open` opens the store at one place: the first time it is empty, and every
/// later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn usage_conformance<R: UsageRecords>(open: impl Fn() -> R) {
    let store = open();
    calls_are_counted_by_what_is_asked(&store);
    an_account_counts_once_a_day_in_its_group(&store);
    rows_are_read_newest_first_and_by_what_is_asked(&store);
    an_app_sees_its_own(&store);
    a_day_has_so_many_groups(&store);
    let kept = (rows(&store, everything()), statistics(&store, 0, 10, &Part::ALL));
    drop(store);
    let store = open();
    assert_eq!(
        (rows(&store, everything()), statistics(&store, 0, 10, &Part::ALL)),
        kept,
        "it is there after a reopening"
    );
    what_is_old_or_too_much_is_forgotten(&store);
}

fn used() -> AppId {
    app("used").id
}

/// A row of the first business and the second scene, `hours` after the beginning.
fn row(hours: i64, step: Step) -> UsageRow {
    UsageRow {
        app: used(),
        at: Timestamp::from_milliseconds(hours * HOUR),
        door: "test".to_owned(),
        step,
        group: Group { business: Some(1), scene: Some(2), account_type: AccountType::Mobile },
        registered_at: None,
        account: None,
        sealed_person: vec![7, 0, 255],
    }
}

fn by(row: UsageRow, account: u8) -> UsageRow {
    UsageRow { account: Some(AccountKey([account; 16])), ..row }
}

fn keep(store: &impl UsageRecords, rows: Vec<UsageRow>) {
    block_on(store.keep_usage(rows)).expect("kept");
}

fn statistics(store: &impl UsageRecords, from: i64, to: i64, by: &[Part]) -> Vec<Statistics> {
    let (from, to) = (Day::from_number(from), Day::from_number(to));
    let wanted = StatisticsWanted { app: used(), from, to, by: by.iter().copied().collect(), limit: 5_000 };
    block_on(store.usage_statistics(wanted)).expect("statistics")
}

fn everything() -> UsageWanted {
    UsageWanted {
        app: used(),
        from: Timestamp::from_milliseconds(i64::MIN),
        until: Timestamp::from_milliseconds(i64::MAX),
        business: None,
        scene: None,
        account: None,
        before: None,
        limit: 5_000,
    }
}

fn rows(store: &impl UsageRecords, wanted: UsageWanted) -> Vec<(i64, UsageRow)> {
    block_on(store.usage_rows(wanted)).expect("rows")
}

/// So many calls that came so far, and no account.
fn counts(steps: [u64; 6]) -> Counts {
    Counts { steps, accounts: 0, newcomers: 0 }
}

/// Leaves rows on the days 0 and 1; what pages did leaves none.
fn calls_are_counted_by_what_is_asked(store: &impl UsageRecords) {
    keep(store, vec![]);
    assert_eq!(statistics(store, 0, 10, &Part::ALL), []);
    let plain = |hours, step| UsageRow { group: Group::default(), ..row(hours, step) };
    keep(store, Step::ALL.into_iter().map(|step| row(1, step)).collect());
    keep(store, vec![row(23, Step::Asked), row(24, Step::Asked), plain(24, Step::Passed), plain(25, Step::Passed)]);
    let group = row(0, Step::Asked).group;
    let some = |day, group, steps| Statistics { day: Some(Day::from_number(day)), group, counts: counts(steps) };
    let whole = [
        some(0, group, [2, 1, 1, 1, 1, 1]),
        some(1, Group::default(), [0, 0, 0, 0, 2, 0]),
        some(1, group, [1, 0, 0, 0, 0, 0]),
    ];
    assert_eq!(statistics(store, 0, 10, &Part::ALL), whole);
    assert_eq!(statistics(store, 1, 1, &Part::ALL), whole[1..]);
    assert_eq!(statistics(store, 2, 10, &Part::ALL), []);
    let sum = |group, steps| Statistics { day: None, group, counts: counts(steps) };
    assert_eq!(statistics(store, 0, 10, &[]), [sum(Group::default(), [3, 1, 1, 1, 3, 1])]);
    let business = Group { business: Some(1), ..Group::default() };
    let of_business = [sum(Group::default(), [0, 0, 0, 0, 2, 0]), sum(business, [3, 1, 1, 1, 1, 1])];
    assert_eq!(statistics(store, 0, 10, &[Part::Business]), of_business);
    let r#type = Group { account_type: AccountType::Mobile, ..Group::default() };
    let of_type = [sum(r#type, [3, 1, 1, 1, 1, 1]), sum(Group::default(), [0, 0, 0, 0, 2, 0])];
    assert_eq!(statistics(store, 0, 10, &[Part::AccountType]), of_type, "by their words");
    let wanted = StatisticsWanted {
        app: used(),
        from: Day::from_number(0),
        to: Day::from_number(10),
        by: Part::ALL.into(),
        limit: 1,
    };
    assert_eq!(block_on(store.usage_statistics(wanted)).expect("statistics"), whole[..1]);
}

/// Leaves rows on the days 2 and 3.
fn an_account_counts_once_a_day_in_its_group(store: &impl UsageRecords) {
    let new = |row: UsageRow| UsageRow { registered_at: Some(row.at), ..row };
    let elsewhere = |row: UsageRow| UsageRow { group: Group { scene: None, ..row.group }, ..row };
    keep(store, vec![by(row(48, Step::Asked), 1), by(row(49, Step::Passed), 1), new(by(row(49, Step::Asked), 2))]);
    keep(store, vec![new(by(row(71, Step::Asked), 1)), elsewhere(by(row(50, Step::Asked), 1))]);
    keep(store, vec![new(by(row(72, Step::Asked), 1)), row(73, Step::Asked)]);
    let counted: Vec<_> = statistics(store, 2, 3, &Part::ALL)
        .into_iter()
        .map(|Statistics { day, group, counts }| {
            (day.map(Day::number), group.scene, counts.of(Step::Asked), counts.accounts, counts.newcomers)
        })
        .collect();
    assert_eq!(counted, [(Some(2), None, 1, 1, 0), (Some(2), Some(2), 3, 2, 1), (Some(3), Some(2), 2, 1, 1)]);
}

fn rows_are_read_newest_first_and_by_what_is_asked(store: &impl UsageRecords) {
    let all = rows(store, everything());
    assert_eq!(all.len(), 14);
    assert!(all.iter().all(|(_, row)| row.step.is_kept()));
    assert!(all.is_sorted_by(|(one, _), (next, _)| one > next), "numbers tell the order");
    assert_eq!(all[0].1, row(73, Step::Asked));
    let newcomer = by(row(72, Step::Asked), 1);
    assert_eq!(all[1].1, UsageRow { registered_at: Some(newcomer.at), ..newcomer });
    let count = |wanted| rows(store, wanted).len();
    assert_eq!(count(UsageWanted { limit: 3, ..everything() }), 3);
    assert_eq!(rows(store, UsageWanted { before: Some(all[4].0), ..everything() }), all[5..]);
    assert_eq!(count(UsageWanted { account: Some(AccountKey([1; 16])), ..everything() }), 5);
    assert_eq!(count(UsageWanted { business: Some(1), ..everything() }), 12);
    assert_eq!(count(UsageWanted { scene: Some(2), ..everything() }), 11);
    assert_eq!(count(UsageWanted { business: Some(2), ..everything() }), 0);
    let at = |hours: i64| Timestamp::from_milliseconds(hours * HOUR);
    assert_eq!(count(UsageWanted { from: at(24), until: at(25), ..everything() }), 2);
}

fn an_app_sees_its_own(store: &impl UsageRecords) {
    let others = app("others").id;
    let seen = (rows(store, everything()), statistics(store, 0, 10, &Part::ALL));
    keep(store, vec![UsageRow { app: others.clone(), ..by(row(48, Step::Asked), 1) }]);
    assert_eq!((rows(store, everything()), statistics(store, 0, 10, &Part::ALL)), seen);
    assert_eq!(rows(store, UsageWanted { app: others, ..everything() }).len(), 1);
}

/// Leaves rows on the day 5.
fn a_day_has_so_many_groups(store: &impl UsageRecords) {
    let numbered = |business| {
        let group = Group { business: Some(business), ..row(0, Step::Asked).group };
        by(UsageRow { group, ..row(120, Step::Asked) }, 1)
    };
    keep(store, (0..MOST_GROUPS + 2).map(numbered).collect());
    keep(store, vec![numbered(0), numbered(MOST_GROUPS)]);
    let all = statistics(store, 5, 5, &Part::ALL);
    let most = usize::try_from(MOST_GROUPS).expect("a small number");
    assert_eq!(all.len(), most + 1);
    assert_eq!(all[0].group, Group { business: None, scene: None, ..row(0, Step::Asked).group });
    assert_eq!(all[0].counts, Counts { steps: [3, 0, 0, 0, 0, 0], accounts: 2, newcomers: 0 });
    assert_eq!(all[1].counts, Counts { steps: [2, 0, 0, 0, 0, 0], accounts: 1, newcomers: 0 });
    assert_eq!(rows(store, UsageWanted { business: Some(MOST_GROUPS + 1), ..everything() }).len(), 1);
}

fn what_is_old_or_too_much_is_forgotten(store: &impl UsageRecords) {
    let forget = |since: i64, rows, counts_since| {
        let since = Timestamp::from_milliseconds(since * HOUR);
        let kept = UsageKept { since, rows, counts_since: Day::from_number(counts_since) };
        while block_on(store.forget_usage(kept)).expect("forgotten") {}
    };
    let all = rows(store, everything());
    forget(0, u32::MAX, 0);
    assert_eq!(rows(store, everything()), all);
    forget(24, u32::MAX, 0);
    assert_eq!(rows(store, everything()), all[..all.len() - 4], "four were of the first day");
    forget(24, 3, 1);
    assert_eq!(rows(store, everything()), all[..3]);
    assert_eq!(rows(store, UsageWanted { app: app("others").id, ..everything() }).len(), 1, "each app has its own");
    assert_eq!(statistics(store, 0, 10, &[Part::Day])[0].day, Some(Day::from_number(1)), "counts stay longer");
    forget(1_000, 0, 1_000);
    assert_eq!((rows(store, everything()), statistics(store, 0, 10, &[])), (vec![], vec![]));
    keep(store, vec![row(2_000, Step::Asked)]);
    assert!(rows(store, everything())[0].0 > all[0].0, "a number is given once");
}
