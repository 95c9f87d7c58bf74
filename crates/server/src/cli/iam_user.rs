use std::io::{Read as _, Write as _};

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::iam_user::{IamName, IamUser, IamUserId, domain_id};
use countersign_domain::ports::{Clock as _, Entropy, RecordsError};
use countersign_domain::secret::Secret;
use serde_json::json;

use super::app::{app_id, entry};
use super::key::{permissions_help, read_permissions};
use super::{Place, block_on};
use crate::passwords;
use crate::system::{OsEntropy, SystemClock};

const PASSWORD_CHARACTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// Lengths of a password that somebody chose, in characters.
const CHOSEN: std::ops::RangeInclusive<usize> = 12..=128;

#[derive(Subcommand)]
pub(super) enum IamUserCommand {
    /// Make a user; prints its id and its password, which is shown only now
    Create {
        /// The app that the user speaks for
        #[arg(long, value_name = "ID")]
        app: String,
        /// What the app is called when its users sign in (the account's name, to Huawei's clients); no two apps share one
        #[arg(long, value_name = "NAME")]
        domain: String,
        /// What the user is called
        #[arg(long, value_name = "NAME")]
        name: String,
        #[arg(long = "permission", value_name = "PERMISSION", conflicts_with = "powerless", help = permissions_help("user"))]
        permissions: Vec<String>,
        /// A user that may do nothing
        #[arg(long)]
        powerless: bool,
        /// Read the password from standard input instead of drawing one
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the users
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
    /// Let a user sign in again; its tokens count again until their time
    Enable {
        /// The user's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a user sign in no more, and end its tokens
    Disable {
        /// The user's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

impl IamUserCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { app, domain, name, permissions, powerless, password_stdin, json, place } => {
                let permissions = read_permissions(&permissions, powerless)?;
                let entropy: &dyn Entropy = &OsEntropy;
                let password =
                    if password_stdin { chosen()? } else { Secret::new(entropy.text(PASSWORD_CHARACTERS, 24)) };
                let user = IamUser {
                    id: IamUserId::draw(entropy),
                    app: app_id(&app)?,
                    domain: iam_name("--domain", &domain)?,
                    name: iam_name("--name", &name)?,
                    password: passwords::hash(password.expose().as_bytes(), &entropy.array())?,
                    permissions,
                    enabled: true,
                    created_at: SystemClock::new().now(),
                };
                create(&place, &user, (!password_stdin).then_some(&password), json)
            }
            Self::List { app, json, place } => list(&place, app.as_deref(), json),
            Self::Enable { id, place } => set_enabled(&place, &id, true),
            Self::Disable { id, place } => set_enabled(&place, &id, false),
        }
    }
}

fn iam_name(flag: &str, text: &str) -> anyhow::Result<IamName> {
    let rule = "takes 1 to 64 letters, digits, spaces, underscores, hyphens and full stops";
    IamName::parse(text).with_context(|| format!("{flag} {rule}"))
}

/// The first line of standard input.
pub(super) fn first_line() -> anyhow::Result<Secret<String>> {
    let mut text = String::new();
    std::io::stdin().take(4_096).read_to_string(&mut text).context("the password on standard input")?;
    Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn chosen() -> anyhow::Result<Secret<String>> {
    let password = first_line()?;
    let fits = CHOSEN.contains(&password.expose().chars().count());
    anyhow::ensure!(fits, "a password has {} to {} characters", CHOSEN.start(), CHOSEN.end());
    Ok(password)
}

fn create(place: &Place, user: &IamUser, drawn: Option<&Secret<String>>, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let audit = entry("iam_user.created", &user.id.to_string());
    match block_on(async { Ok(vault.records.create_iam_user(user.clone(), audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no app {}", user.app.as_str()),
        Err(RecordsError::Exists) => {
            let (domain, name) = (user.domain.as_str(), user.name.as_str());
            anyhow::bail!("the domain {domain:?} is another app's, or has a user {name:?} already")
        }
        outcome => outcome?,
    }
    let mut out = std::io::stdout().lock();
    if json {
        let mut shown = describe(user);
        shown["password"] = json!(drawn.map(Secret::expose));
        writeln!(out, "{shown}")?;
        return Ok(());
    }
    writeln!(out, "id         {}\ndomain id  {}", user.id, domain_id(&user.app))?;
    if let Some(password) = drawn {
        writeln!(out, "password   {}", password.expose())?;
    }
    Ok(())
}

fn list(place: &Place, app: Option<&str>, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let rows = block_on(async { Ok(vault.records.directory().await?) })?;
    let mut out = std::io::stdout().lock();
    for user in rows.iam_users.iter().filter(|user| app.is_none_or(|app| app == user.app.as_str())) {
        if json {
            writeln!(out, "{}", describe(user))?;
        } else {
            let state = if user.enabled { "enabled" } else { "disabled" };
            let (id, app, permissions) = (user.id, user.app.as_str(), user.permissions.to_text());
            writeln!(out, "{id}  {state:<8}  {app}  {}/{}  {permissions}", user.domain.as_str(), user.name.as_str())?;
        }
    }
    Ok(())
}

/// A user without its password.
fn describe(user: &IamUser) -> serde_json::Value {
    json!({
        "id": user.id.to_string(),
        "app": user.app.as_str(),
        "domain": user.domain.as_str(),
        "domain_id": domain_id(&user.app),
        "name": user.name.as_str(),
        "permissions": user.permissions.to_text(),
        "enabled": user.enabled,
        "created_at_ms": user.created_at.milliseconds(),
    })
}

fn set_enabled(place: &Place, id: &str, enabled: bool) -> anyhow::Result<()> {
    let audit = entry(if enabled { "iam_user.enabled" } else { "iam_user.disabled" }, id);
    let user = IamUserId::parse(id).with_context(|| format!("{id:?} is no user id"))?;
    let vault = place.vault()?;
    match block_on(async { Ok(vault.records.set_iam_user_enabled(user, enabled, audit).await) })? {
        Err(RecordsError::Missing) => anyhow::bail!("there is no user {id}"),
        outcome => Ok(outcome?),
    }
}
