use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::access_key::{AccessKeyId, AccessKeyRow, Permission, Permissions};
use countersign_domain::ports::{Clock as _, Entropy, RecordsError};
use countersign_domain::secret::Secret;
use serde_json::json;

use super::app::{app_id, entry};
use super::{Place, block_on};
use crate::system::{OsEntropy, SystemClock};
use crate::vault::SECRET_CHARACTERS;

const ID_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Make an access key; prints its id and its secret, which is shown only now
    Create {
        /// The app that the key speaks for
        #[arg(long, value_name = "ID")]
        app: String,
        #[arg(long = "permission", value_name = "PERMISSION", conflicts_with = "powerless", help = permissions_help("key"))]
        permissions: Vec<String>,
        /// A key that may do nothing
        #[arg(long)]
        powerless: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the access keys, without their secrets
    List {
        /// Only those of this app
        #[arg(long, value_name = "ID")]
        app: Option<String>,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Take calls with a key again
    Enable {
        /// The key's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Refuse all calls with a key
    Disable {
        /// The key's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

impl KeyCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { app, permissions, powerless, json, place } => {
                create(&place, &app, read_permissions(&permissions, powerless)?, json)
            }
            Self::List { app, json, place } => list(&place, app.as_deref(), json),
            Self::Enable { id, place } => set_enabled(&place, &id, true),
            Self::Disable { id, place } => set_enabled(&place, &id, false),
        }
    }
}

/// Every permission, for people.
fn known() -> String {
    Permission::ALL.map(Permission::word).join(", ")
}

/// What `--permission` does, for a key or a user.
pub(super) fn permissions_help(whom: &str) -> String {
    format!("What the {whom} may do ({}); may be repeated; all, if left out", known())
}

/// The permissions that an operator named.
pub(super) fn read_permissions(words: &[String], powerless: bool) -> anyhow::Result<Permissions> {
    if words.is_empty() {
        return Ok(if powerless { Permissions::Only([].into()) } else { Permissions::All });
    }
    let read = |word: &String| {
        Permission::from_word(word).with_context(|| format!("{word:?} is no permission: there are {}", known()))
    };
    Ok(Permissions::Only(words.iter().map(read).collect::<Result<_, _>>()?))
}

fn create(place: &Place, app: &str, permissions: Permissions, json: bool) -> anyhow::Result<()> {
    let entropy: &dyn Entropy = &OsEntropy;
    let id = AccessKeyId::parse(&format!("CSAK{}", entropy.text(ID_CHARACTERS, 16))).context("an access key id")?;
    let secret = Secret::new(entropy.text(SECRET_CHARACTERS, 40));
    let vault = place.vault()?;
    let row = AccessKeyRow {
        id: id.clone(),
        app: app_id(app)?,
        sealed_secret: vault.master_key.load()?.seal(&id.place(), secret.expose().as_bytes(), entropy)?,
        permissions,
        enabled: true,
        created_at: SystemClock::new().now(),
    };
    let audit = entry("access_key.created", id.as_str());
    match block_on(async { Ok(vault.records.create_access_key(row, audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no app {app}"),
        outcome => outcome?,
    }
    let (id, secret) = (id.as_str(), secret.expose());
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", json!({ "id": id, "secret": secret }))?;
    } else {
        writeln!(out, "id      {id}\nsecret  {secret}")?;
    }
    Ok(())
}

fn list(place: &Place, app: Option<&str>, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let rows = block_on(async { Ok(vault.records.directory().await?) })?;
    let mut out = std::io::stdout().lock();
    for key in rows.access_keys.iter().filter(|key| app.is_none_or(|app| app == key.app.as_str())) {
        let (id, app, permissions) = (key.id.as_str(), key.app.as_str(), key.permissions.to_text());
        if json {
            let created_at_ms = key.created_at.milliseconds();
            let enabled = key.enabled;
            let line = json!({ "id": id, "app": app, "permissions": permissions, "enabled": enabled, "created_at_ms": created_at_ms });
            writeln!(out, "{line}")?;
        } else {
            let state = if key.enabled { "enabled" } else { "disabled" };
            writeln!(out, "{id}  {state:<8}  {app}  {permissions}")?;
        }
    }
    Ok(())
}

fn set_enabled(place: &Place, id: &str, enabled: bool) -> anyhow::Result<()> {
    let audit = entry(if enabled { "access_key.enabled" } else { "access_key.disabled" }, id);
    let key = AccessKeyId::parse(id).with_context(|| format!("{id:?} is no access key id"))?;
    let vault = place.vault()?;
    match block_on(async { Ok(vault.records.set_access_key_enabled(key, enabled, audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no access key {id}"),
        outcome => Ok(outcome?),
    }
}
