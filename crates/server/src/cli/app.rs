use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::app::{App, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::ports::{Clock as _, Entropy, RecordsError};
use serde_json::json;

use super::{Place, block_on};
use crate::system::{OsEntropy, SystemClock};

const ID_CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

#[derive(Subcommand)]
pub(super) enum AppCommand {
    /// Make an app; prints its id, which is the site key and the OneAccess client id
    Create {
        /// What to call it, 1 to 64 characters
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The tenant that callers have to name in X-tenant-id
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the apps
    List {
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Take calls for an app again
    Enable {
        /// The app's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Refuse all calls for an app
    Disable {
        /// The app's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

impl AppCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { name, tenant, json, place } => create(&place, name, tenant, json),
            Self::List { json, place } => list(&place, json),
            Self::Enable { id, place } => set_enabled(&place, &id, true),
            Self::Disable { id, place } => set_enabled(&place, &id, false),
        }
    }
}

/// An audit entry of the command line.
pub(super) fn entry(event: &str, subject: &str) -> AuditEntry {
    AuditEntry::new(SystemClock::new().now(), "cli", event, subject)
}

/// The app id that an operator typed.
pub(super) fn app_id(text: &str) -> anyhow::Result<AppId> {
    AppId::parse(text).with_context(|| format!("{text:?} is no app id"))
}

fn create(place: &Place, name: String, tenant: Option<String>, json: bool) -> anyhow::Result<()> {
    let readable = |text: &str| (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    anyhow::ensure!(readable(&name), "--name takes 1 to 64 characters");
    anyhow::ensure!(tenant.as_deref().is_none_or(readable), "--tenant takes 1 to 64 characters");
    let entropy: &dyn Entropy = &OsEntropy;
    let id = app_id(&entropy.text(ID_CHARACTERS, 32))?;
    let app = App { id, name, tenant, enabled: true, created_at: SystemClock::new().now() };
    let shown = if json { describe(&app).to_string() } else { app.id.as_str().to_owned() };
    let audit = entry("app.created", app.id.as_str());
    let vault = place.vault()?;
    block_on(async { Ok(vault.records.create_app(app, audit).await?) })?;
    writeln!(std::io::stdout(), "{shown}")?;
    Ok(())
}

fn list(place: &Place, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let rows = block_on(async { Ok(vault.records.directory().await?) })?;
    let mut out = std::io::stdout().lock();
    for app in &rows.apps {
        if json {
            writeln!(out, "{}", describe(app))?;
        } else {
            let state = if app.enabled { "enabled" } else { "disabled" };
            writeln!(out, "{}  {state:<8}  {}", app.id.as_str(), app.name)?;
        }
    }
    Ok(())
}

fn describe(app: &App) -> serde_json::Value {
    json!({
        "id": app.id.as_str(),
        "name": app.name,
        "tenant": app.tenant,
        "enabled": app.enabled,
        "created_at_ms": app.created_at.milliseconds(),
    })
}

fn set_enabled(place: &Place, id: &str, enabled: bool) -> anyhow::Result<()> {
    let audit = entry(if enabled { "app.enabled" } else { "app.disabled" }, id);
    let app = app_id(id)?;
    let vault = place.vault()?;
    match block_on(async { Ok(vault.records.set_app_enabled(app, enabled, audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no app {id}"),
        outcome => Ok(outcome?),
    }
}
