use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::app::{App, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::captcha_app::CaptchaAppRow;
use countersign_domain::ports::{Clock as _, Entropy, RecordsError};
use countersign_domain::secret::Secret;
use serde_json::json;

use super::{Place, block_on};
use crate::system::{OsEntropy, SystemClock};
use crate::vault::{CAPTCHA_SECRET_LENGTH, SECRET_CHARACTERS, Vault};

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
    /// Print what Tencent's widget calls an app: its `CaptchaAppId` and its `AppSecretKey`
    Captcha {
        /// The app's id
        id: String,
        /// Draw another `AppSecretKey` first; the one before counts no more, within a second
        #[arg(long)]
        new_secret: bool,
        /// Print JSON
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
            Self::Captcha { id, new_secret, json, place } => captcha(&place, &id, new_secret, json),
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
    let audit = entry("app.created", app.id.as_str());
    let vault = place.vault()?;
    let secret = Secret::new(entropy.text(SECRET_CHARACTERS, CAPTCHA_SECRET_LENGTH));
    let captcha_app = block_on(async {
        vault.records.create_app(app.clone(), audit).await?;
        // Another transaction: should it fail, the server makes up for it when it starts.
        vault.ensure_captcha_app(&app.id, (None, &secret), "cli", &SystemClock::new(), entropy).await
    })?;
    let shown = if json {
        let mut shown = describe(&app, Some(&captcha_app));
        // The app's, which need not be the one above: a server that runs beside this may have made up for it already.
        shown["captcha_app_secret"] = json!(opened_secret(&vault, &captcha_app)?);
        shown.to_string()
    } else {
        // The id alone, for scripts; `app captcha` prints the rest.
        app.id.as_str().to_owned()
    };
    writeln!(std::io::stdout(), "{shown}")?;
    Ok(())
}

fn list(place: &Place, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let rows = block_on(async { Ok(vault.records.directory().await?) })?;
    let mut out = std::io::stdout().lock();
    for app in &rows.apps {
        let captcha_app = rows.captcha_apps.iter().find(|row| row.app == app.id);
        if json {
            writeln!(out, "{}", describe(app, captcha_app))?;
        } else {
            let state = if app.enabled { "enabled" } else { "disabled" };
            let number = captcha_app.map_or_else(|| "-".to_owned(), |row| row.id.number().to_string());
            writeln!(out, "{}  {state:<8}  {number:<10}  {}", app.id.as_str(), app.name)?;
        }
    }
    Ok(())
}

fn describe(app: &App, captcha_app: Option<&CaptchaAppRow>) -> serde_json::Value {
    json!({
        "id": app.id.as_str(),
        "name": app.name,
        "tenant": app.tenant,
        "enabled": app.enabled,
        "captcha_app_id": captcha_app.map(|row| row.id.number()),
        "created_at_ms": app.created_at.milliseconds(),
    })
}

fn captcha(place: &Place, id: &str, new_secret: bool, json: bool) -> anyhow::Result<()> {
    let app = app_id(id)?;
    let vault = place.vault()?;
    block_on(vault.ensure_captcha_apps(&SystemClock::new(), &OsEntropy))?;
    if new_secret {
        change_secret(&vault, &app)?;
    }
    let rows = block_on(async { Ok(vault.records.directory().await?) })?;
    let row = rows.captcha_apps.iter().find(|row| row.app == app);
    let row = row.with_context(|| format!("there is no app {id}"))?;
    let (number, secret) = (row.id.number(), opened_secret(&vault, row)?);
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", json!({ "captcha_app_id": number, "captcha_app_secret": secret }))?;
    } else {
        writeln!(out, "CaptchaAppId  {number}\nAppSecretKey  {secret}")?;
    }
    Ok(())
}

fn opened_secret(vault: &Vault, row: &CaptchaAppRow) -> anyhow::Result<String> {
    let secret = vault.master_key.load()?.open(&CaptchaAppRow::place(&row.app), &row.sealed_secret)?;
    Ok(String::from_utf8_lossy(secret.expose()).into_owned())
}

fn change_secret(vault: &Vault, app: &AppId) -> anyhow::Result<()> {
    let entropy: &dyn Entropy = &OsEntropy;
    let secret = Secret::new(entropy.text(SECRET_CHARACTERS, CAPTCHA_SECRET_LENGTH));
    let sealed = vault.master_key.load()?.seal(&CaptchaAppRow::place(app), secret.expose().as_bytes(), entropy)?;
    let audit = entry("captcha_app.secret_changed", app.as_str());
    match block_on(async { Ok(vault.records.change_captcha_secret(app.clone(), sealed, audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no app {}", app.as_str()),
        outcome => Ok(outcome?),
    }
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
