use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_domain::app::AppId;
use countersign_domain::operations::{OpenUsage, ReadUsage, UsageFilter};
use countersign_domain::ports::Records;
use countersign_domain::usage::{Day, Part, Statistics, Step};
use countersign_facades::{StatisticsJson, UsageJson, day, day_text, parts};

use super::machines::Of;
use super::{block_on, second};
use crate::system::{OsEntropy, SystemClock};

/// Calls that are read at once.
const PAGE: u32 = 1_000;

#[derive(Subcommand)]
pub(super) enum UsageCommand {
    /// Count how far the app's calls came, by UTC days
    Count(Count),
    /// List the app's calls and whom they were for, newest first, as long as they are kept
    List(List),
}

#[derive(Args)]
pub(super) struct Count {
    /// From this day on, such as 2026-12-31; the 30 days to `--to`, where it is left out
    #[arg(long, value_name = "DAY", value_parser = read_day)]
    from: Option<Day>,
    /// To this day, and including it; today, where it is left out
    #[arg(long, value_name = "DAY", value_parser = read_day)]
    to: Option<Day>,
    /// What each row is of: any of day, business, scene and `account_type`, with commas; nothing for one row
    #[arg(long, value_name = "PARTS", default_value = "day,business,scene")]
    by: String,
    #[command(flatten)]
    of: Of,
}

#[derive(Args)]
pub(super) struct List {
    /// Since the beginning of this day, such as 2026-12-31
    #[arg(long, value_name = "DAY", value_parser = read_day)]
    from: Option<Day>,
    /// To the end of this day
    #[arg(long, value_name = "DAY", value_parser = read_day)]
    to: Option<Day>,
    /// Only those in this business
    #[arg(long, value_name = "NUMBER")]
    business: Option<u32>,
    /// Only those in this scene
    #[arg(long, value_name = "NUMBER")]
    scene: Option<u32>,
    /// Only those for this account, by the app's own name for it
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// How many, at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    of: Of,
}

impl UsageCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Count(count) => count.write(&mut std::io::stdout()).await,
                Self::List(list) => list.write(&mut std::io::stdout()).await,
            }
        })
    }
}

fn read_day(text: &str) -> Result<Day, &'static str> {
    day(text).ok_or("a day is written as 2026-12-31")
}

async fn open(of: &Of) -> anyhow::Result<(AppId, ReadUsage)> {
    let vault = of.place.vault()?;
    let app = of.chosen(&vault).await?;
    let clock = Arc::new(SystemClock::new());
    let keys = vault.usage_keys(&*clock, &OsEntropy).await?;
    Ok((app, ReadUsage::new(Arc::<dyn Records>::clone(&vault.records), keys, clock)))
}

impl Count {
    async fn write(self, out: &mut impl Write) -> anyhow::Result<()> {
        let by =
            parts(&self.by).context("--by takes day, business, scene and account_type, with commas between them")?;
        let (app, usage) = open(&self.of).await?;
        let statistics = usage.statistics(&app, self.from, self.to, by.clone()).await?;
        if !self.of.json && !statistics.is_empty() {
            let heads = by.iter().map(|part| part.word()).chain(Step::ALL.map(Step::word));
            let heads: String = heads.chain(["accounts", "newcomers"]).map(column).collect();
            writeln!(out, "{}", heads.trim_end())?;
        }
        for row in &statistics {
            if self.of.json {
                writeln!(out, "{}", serde_json::to_string(&StatisticsJson::new(row, &by))?)?;
            } else {
                writeln!(out, "{}", line(row, &by).trim_end())?;
            }
        }
        Ok(())
    }
}

/// A word, and as much room as any head takes.
fn column(word: impl AsRef<str>) -> String {
    format!("{:<14}", word.as_ref())
}

fn line(row: &Statistics, by: &BTreeSet<Part>) -> String {
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    let parts = by.iter().map(|part| match part {
        Part::Day => row.day.map(day_text).unwrap_or_default(),
        Part::Business => number(row.group.business),
        Part::Scene => number(row.group.scene),
        Part::AccountType => row.group.account_type.word().to_owned(),
    });
    let counts = Step::ALL.map(|step| row.counts.of(step)).into_iter();
    let counts = counts.chain([row.counts.accounts, row.counts.newcomers]).map(|count| count.to_string());
    parts.chain(counts).map(column).collect()
}

impl List {
    async fn write(self, out: &mut impl Write) -> anyhow::Result<()> {
        let (app, usage) = open(&self.of).await?;
        let (mut before, mut left) = (None, self.limit);
        while left > 0 {
            let filter = UsageFilter {
                from: self.from,
                to: self.to,
                business: self.business,
                scene: self.scene,
                account: self.account.as_deref(),
                before,
                limit: left.min(PAGE),
            };
            let page = filter.limit;
            let calls = usage.list(&app, filter).await?;
            before = calls.last().map(|call| call.number);
            left = if calls.len() < page as usize { 0 } else { left - page };
            for call in calls {
                if self.of.json {
                    writeln!(out, "{}", serde_json::to_string(&UsageJson::from(call))?)?;
                } else {
                    writeln!(out, "{}", shown(&call))?;
                }
            }
        }
        Ok(())
    }
}

/// A call on a line: what the app did not say is left out, and what it said is quoted, so that it reaches no terminal as a
/// command.
fn shown(call: &OpenUsage) -> String {
    let OpenUsage { row, person, .. } = call;
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let facts = [
        ("business", number(row.group.business)),
        ("scene", number(row.group.scene)),
        ("account", person.account.clone()),
        ("associate_account", person.associate_account.clone()),
        ("registered_at", row.registered_at.map(second)),
        ("address", person.address.clone()),
        ("forwarded_for", person.forwarded_for.clone()),
        ("mac_address", person.mac_address.clone()),
        ("imei", person.imei.clone()),
    ];
    let said = facts.iter().filter_map(|(name, fact)| fact.as_ref().map(|fact| format!("  {name}={fact:?}")));
    let (at, door, step) = (second(row.at), &row.door, row.step.word());
    format!("{at}  {door}  {step}  {}{}", row.group.account_type.word(), said.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use clap::Parser;
    use countersign_domain::app::App;
    use countersign_domain::audit::AuditEntry;
    use countersign_domain::testing::{ManualClock, NoTally, SeededEntropy};
    use countersign_domain::ticket::Door;
    use countersign_domain::time::Timestamp;
    use countersign_domain::usage::{AccountType, Group, Person, Usage};

    use super::*;
    use crate::config::{Config, Flags};
    use crate::usage::UsageKeeper;
    use crate::vault::Vault;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: UsageCommand,
    }

    /// What `usage` prints with these arguments.
    async fn printed(data: &Path, arguments: &[&str]) -> String {
        let place = ["--data", data.to_str().unwrap()];
        let line = Line::parse_from(["usage"].iter().chain(arguments).chain(&place));
        let mut out = Vec::new();
        match line.command {
            UsageCommand::Count(count) => count.write(&mut out).await.unwrap(),
            UsageCommand::List(list) => list.write(&mut out).await.unwrap(),
        }
        String::from_utf8(out).unwrap()
    }

    /// A folder where an app's calls were noted at the end of the 22nd of November 2026, and written when the server stopped.
    async fn used(data: &Path) {
        let vault = Vault::open(data, None, &OsEntropy).unwrap();
        let (id, at) = (AppId::parse("one").unwrap(), Timestamp::from_milliseconds(1_795_391_999_000));
        let app = App { id: id.clone(), name: "One".to_owned(), tenant: None, enabled: true, created_at: at };
        vault.records.create_app(app, AuditEntry::new(at, "test", "app.created", "one")).await.unwrap();
        let settings = Config::load(None, [], &Flags::default()).unwrap().usage;
        let (clock, entropy) = (ManualClock::at(at), Arc::new(SeededEntropy::new(1)));
        let keeper = UsageKeeper::open(&vault, settings, Arc::<ManualClock>::clone(&clock), entropy, Arc::new(NoTally))
            .await
            .unwrap();
        let note = |step, group, account: Option<&str>| {
            let person = Person {
                account: account.map(str::to_owned),
                forwarded_for: account.map(|_| "10.0.0.1\u{1b}[2J".to_owned()),
                ..Person::default()
            };
            let (app, door, registered_at) = (id.clone(), Door::new("test"), Some(at));
            keeper.usages().note_usage.note(Usage { app, door, step, group, registered_at, person });
        };
        let group = Group { business: Some(99), scene: Some(7), account_type: AccountType::Mobile };
        note(Step::Asked, group, Some("secret-name"));
        note(Step::Passed, group, Some("secret-name"));
        clock.advance(Duration::from_secs(1));
        note(Step::Asked, Group::default(), None);
        keeper.finish(&vault.records).await;
    }

    #[tokio::test]
    async fn what_was_noted_is_counted_and_listed_and_sealed_at_rest() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        used(data).await;
        let days = ["--from", "2026-11-22", "--to", "2026-11-30"];
        let of_days = |first: &[&'static str]| [first, &days].concat();
        insta::assert_snapshot!("counted", printed(data, &of_days(&["count"])).await);
        insta::assert_snapshot!(
            "counted_as_json",
            printed(data, &of_days(&["count", "--by", "account_type", "--json"])).await
        );
        insta::assert_snapshot!("listed", printed(data, &of_days(&["list"])).await);
        let json = printed(data, &["list", "--account", "secret-name", "--limit", "1", "--json"]).await;
        insta::assert_snapshot!("listed_as_json", json);
        assert_eq!(printed(data, &["count", "--to", "2026-11-21"]).await, "");
        for kept in std::fs::read_dir(data).unwrap().map(|kept| kept.unwrap().path()) {
            let bytes = std::fs::read(kept).unwrap();
            assert!(!bytes.windows(11).any(|window| window == b"secret-name"), "persons are sealed at rest");
        }
    }
}
