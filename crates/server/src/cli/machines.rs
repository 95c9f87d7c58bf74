//! What the commands for machines share, and some for codes: whose they are about, and the records that they open beside a
//! server.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_domain::app::AppId;
use countersign_domain::group::Group;
use countersign_domain::operations::{Actor, MachinePorts, ManageGroups, OwnerPorts};
use serde::Serialize;

use super::Place;
use super::app::app_id;
use crate::config::Config;
use crate::system::{OsEntropy, SystemClock};
use crate::vault::Vault;

/// Who acts, in the audit trail.
pub(super) const CLI: Actor<'static> = Actor { name: "cli", detail: "" };

#[derive(Args)]
pub(super) struct Of {
    /// The app; may be left out where there is exactly one
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// Print JSON, as the native API shows it
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

/// An app's machines, opened.
pub(super) struct Opened {
    pub(super) app: AppId,
    pub(super) ports: MachinePorts,
    pub(super) config: Config,
}

impl Of {
    pub(super) async fn open(&self) -> anyhow::Result<Opened> {
        let config = self.place.beside()?;
        let vault = self.place.vault()?;
        let app = self.chosen(&vault).await?;
        let ports = vault.machines(Arc::new(SystemClock::new()), Arc::new(OsEntropy)).await?;
        Ok(Opened { app, ports, config })
    }

    /// The app, and what operations on its directory need.
    pub(super) async fn open_owners(&self) -> anyhow::Result<(AppId, OwnerPorts)> {
        let vault = self.place.vault()?;
        let app = self.chosen(&vault).await?;
        Ok((app, vault.owners(Arc::new(SystemClock::new()), Arc::new(OsEntropy)).await?))
    }

    /// The app that is named, or the only one.
    pub(super) async fn chosen(&self, vault: &Vault) -> anyhow::Result<AppId> {
        let apps = vault.records.directory().await?.apps;
        match (self.app.as_deref(), apps.as_slice()) {
            (Some(text), apps) => {
                let id = app_id(text)?;
                anyhow::ensure!(apps.iter().any(|app| app.id == id), "there is no app {text}");
                Ok(id)
            }
            (None, [only]) => Ok(only.id.clone()),
            (None, []) => bail!("there is no app yet: make one with `countersign app create`"),
            (None, apps) => bail!("there are {} apps: choose one with --app", apps.len()),
        }
    }
}

impl Opened {
    /// The app's group of this name.
    pub(super) async fn group(&self, name: &str) -> anyhow::Result<Group> {
        let groups = ManageGroups::new(self.ports.clone()).list(&self.app, CLI).await?;
        let found = groups.into_iter().find(|group| group.name.as_str() == name);
        found.with_context(|| format!("there is no group {name:?}"))
    }
}

/// Prints an object on a line.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(value)?;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Prints what is known of one thing, a fact a line; facts without a value are left out.
pub(super) fn print_facts(facts: &[(&str, Option<String>)]) -> anyhow::Result<()> {
    let known = || facts.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let width = known().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for (name, value) in known() {
        writeln!(out, "{name:<width$}  {value}")?;
    }
    Ok(())
}
