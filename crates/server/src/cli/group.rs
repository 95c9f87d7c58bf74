use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::group::{Group, GroupName};
use countersign_domain::operations::ManageGroups;
use countersign_facades::GroupJson;
use serde_json::json;

use super::block_on;
use super::machines::{CLI, Of, Opened, print_json};

#[derive(Subcommand)]
pub(super) enum GroupCommand {
    /// Make a group; prints its number
    Create {
        /// What to call it, 1 to 64 characters
        name: String,
        #[command(flatten)]
        of: Of,
    },
    /// List the groups
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Give a group another name
    Rename {
        /// The group's name
        name: String,
        /// Its name from now on
        new_name: String,
        #[command(flatten)]
        of: Of,
    },
    /// Remove a group to which no install code and no agent belongs
    Remove {
        /// The group's name
        name: String,
        #[command(flatten)]
        of: Of,
    },
}

impl GroupCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Create { name, of } => create(&name, &of).await,
                Self::List { of } => list(&of).await,
                Self::Rename { name, new_name, of } => rename(&name, &new_name, &of).await,
                Self::Remove { name, of } => remove(&name, &of).await,
            }
        })
    }
}

async fn create(name: &str, of: &Of) -> anyhow::Result<()> {
    let name = group_name(name)?;
    let Opened { app, ports, .. } = of.open().await?;
    let group = ManageGroups::new(ports).create(&app, name, CLI).await?;
    if of.json {
        return print_json(&GroupJson::from(&group));
    }
    writeln!(std::io::stdout(), "{}", group.id.0)?;
    Ok(())
}

async fn list(of: &Of) -> anyhow::Result<()> {
    let Opened { app, ports, .. } = of.open().await?;
    let groups = ManageGroups::new(ports).list(&app, CLI).await?;
    let mut out = std::io::stdout().lock();
    for group in &groups {
        if of.json {
            writeln!(out, "{}", serde_json::to_string(&GroupJson::from(group))?)?;
        } else {
            let note = if group.is_default { "  (the default group)" } else { "" };
            writeln!(out, "{:<4}  {}{note}", group.id.0, group.name.as_str())?;
        }
    }
    Ok(())
}

async fn rename(name: &str, new_name: &str, of: &Of) -> anyhow::Result<()> {
    let new_name = group_name(new_name)?;
    let opened = of.open().await?;
    let group = opened.group(name).await?;
    ManageGroups::new(opened.ports).rename(&opened.app, group.id, new_name.clone(), CLI).await?;
    if of.json { print_json(&GroupJson::from(&Group { name: new_name, ..group })) } else { Ok(()) }
}

async fn remove(name: &str, of: &Of) -> anyhow::Result<()> {
    let opened = of.open().await?;
    let group = opened.group(name).await?;
    let groups = ManageGroups::new(opened.ports);
    let removed = groups.remove(&opened.app, group.id, CLI).await;
    removed.with_context(|| format!("group {name:?} stays"))?;
    if of.json { print_json(&json!({ "id": group.id.0, "state": "removed" })) } else { Ok(()) }
}

fn group_name(text: &str) -> anyhow::Result<GroupName> {
    GroupName::parse(text).context("a group's name takes 1 to 64 characters, without spaces at its ends")
}
