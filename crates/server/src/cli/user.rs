mod sessions;

use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::contact::{Channel, Contact, ContactKeys};
use countersign_domain::ports::{Clock as _, Entropy, RecordsError};
use countersign_domain::secret::Secret;
use countersign_domain::user::{KeptContact, PASSWORD_LENGTH, User, UserId, UserName};
use countersign_facades::contact_of;
use serde_json::json;

use super::app::{app_id, entry};
use super::iam_user::first_line;
use super::{Place, block_on, second};
use crate::config::Config;
use crate::passwords;
use crate::system::{OsEntropy, SystemClock};

/// Users that are read at once.
const PAGE: u32 = 500;

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Make a user, whom the app lets in; prints the id. It needs a number, or a password and a name or an address, to sign in with
    Create {
        /// The app that lets the user in
        #[arg(long, value_name = "ID")]
        app: String,
        /// A mobile number with its calling code: +8613912345678
        #[arg(long, value_name = "NUMBER")]
        mobile: Option<String>,
        /// An e-mail address, to sign in with a password
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// What the user is called when signing in with a password
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Read a password from standard input; without one the user signs in by code
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List the users, with the middle of their contacts left out
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
    /// Give a user another password, read from standard input, and end all sessions
    SetPassword {
        /// The user's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give a user another mobile number, and end all sessions
    SetMobile {
        /// The user's id
        id: String,
        /// The number with its calling code: +8613912345678
        number: String,
        #[command(flatten)]
        place: Place,
    },
    /// List a user's sessions with the devices that they say to be on, or end one or all
    Sessions {
        /// The user's id
        id: String,
        /// End this one
        #[arg(long, value_name = "SESSION_ID", conflicts_with_all = ["end_all", "json"])]
        end: Option<String>,
        /// End all, and what was begun to open one
        #[arg(long, conflicts_with = "json")]
        end_all: bool,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Let a user in again; sessions of before count no more
    Enable {
        /// The user's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a user in no more, and end all sessions
    Disable {
        /// The user's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

impl UserCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create { app, mobile, email, name, password_stdin, json, place } => {
                let wanted = Wanted { app, mobile, email, name, password_stdin };
                block_on(create(&place, wanted, json))
            }
            Self::List { app, json, place } => block_on(list(&place, app, json)),
            Self::SetPassword { id, place } => block_on(set_password(&place, &id)),
            Self::SetMobile { id, number, place } => block_on(set_mobile(&place, &id, &number)),
            Self::Sessions { id, end: Some(session), place, .. } => block_on(sessions::end(&place, &id, &session)),
            Self::Sessions { id, end_all: true, place, .. } => block_on(sessions::end_all(&place, &id)),
            Self::Sessions { id, json, place, .. } => block_on(sessions::list(&place, &id, json)),
            Self::Enable { id, place } => set_enabled(&place, &id, true),
            Self::Disable { id, place } => set_enabled(&place, &id, false),
        }
    }
}

/// A user as the operator types it.
struct Wanted {
    app: String,
    mobile: Option<String>,
    email: Option<String>,
    name: Option<String>,
    password_stdin: bool,
}

async fn create(place: &Place, wanted: Wanted, json: bool) -> anyhow::Result<()> {
    let Wanted { app, mobile, email, name, password_stdin } = wanted;
    let config = place.beside()?;
    let mobile = mobile.map(|text| number(&text, &config)).transpose()?;
    let email = email.map(|text| Contact::address(&text).context("--email takes an e-mail address")).transpose()?;
    let rule = "--name takes 1 to 64 letters, digits, underscores, hyphens and full stops, one of them a letter";
    let name = name.map(|text| UserName::parse(&text).context(rule)).transpose()?;
    let has_password = password_stdin && (name.is_some() || email.is_some());
    anyhow::ensure!(
        mobile.is_some() || has_password,
        "a user needs --mobile, or --password-stdin and --name or --email, to sign in with"
    );
    let entropy: &dyn Entropy = &OsEntropy;
    let password =
        if password_stdin { Some(passwords::hash(chosen()?.expose().as_bytes(), &entropy.array())?) } else { None };
    let vault = place.vault()?;
    let keys = vault.contact_keys(&SystemClock::new(), entropy).await?;
    let kept = |contact: Contact| {
        anyhow::Ok(KeptContact { key: keys.key(&contact), sealed: keys.seal_contact(&contact, entropy)? })
    };
    let user = User {
        id: UserId::draw(entropy),
        app: app_id(&app)?,
        mobile: mobile.map(kept).transpose()?,
        email: email.map(kept).transpose()?,
        name,
        password,
        enabled: true,
        generation: 0,
        created_at: SystemClock::new().now(),
    };
    match vault.records.create_user(user.clone(), entry("user.created", &user.id.to_string())).await {
        Err(RecordsError::Missing) => anyhow::bail!("there is no app {app}"),
        Err(RecordsError::Exists) => anyhow::bail!("the app has a user with this number, address or name already"),
        outcome => outcome?,
    }
    let shown = if json { describe(&user, &keys).to_string() } else { user.id.to_string() };
    writeln!(std::io::stdout(), "{shown}")?;
    Ok(())
}

fn number(text: &str, config: &Config) -> anyhow::Result<Contact> {
    let contact = contact_of(text, config.codes.default_calling_code().as_deref()).ok();
    let can_be_dialled = |contact: &Contact| contact.channel() == Channel::Sms && contact.is_possible();
    let contact = contact.filter(can_be_dialled).context("a number has its calling code: +8613912345678")?;
    let is_taken = contact.normalised().starts_with("+86") || config.oneaccess.foreign_numbers;
    anyhow::ensure!(is_taken, "a user with this number cannot sign in: `oneaccess.foreign_numbers` is off");
    Ok(contact)
}

fn chosen() -> anyhow::Result<Secret<String>> {
    let password = first_line()?;
    let fits = PASSWORD_LENGTH.contains(&password.expose().chars().count());
    anyhow::ensure!(fits, "a password has {} to {} characters", PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end());
    Ok(password)
}

async fn list(place: &Place, app: Option<String>, json: bool) -> anyhow::Result<()> {
    let vault = place.vault()?;
    let keys = vault.contact_keys(&SystemClock::new(), &OsEntropy).await?;
    let app = app.map(|app| app_id(&app)).transpose()?;
    let mut out = std::io::stdout().lock();
    let mut after = None;
    loop {
        let users = vault.records.users(app.clone(), after, PAGE).await?;
        for user in &users {
            if json {
                writeln!(out, "{}", describe(user, &keys))?;
                continue;
            }
            let state = if user.enabled { "enabled" } else { "disabled" };
            let name = user.name.as_ref().map_or("-", UserName::as_str);
            let [mobile, email] = [&user.mobile, &user.email]
                .map(|contact| masked(contact.as_ref(), &keys).unwrap_or_else(|| "-".to_owned()));
            let (id, app, since) = (user.id, user.app.as_str(), second(user.created_at));
            writeln!(out, "{id}  {state:<8}  {app}  {since}  {mobile}  {email}  {name}")?;
        }
        match users.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
}

/// A contact with its middle left out; without one, `None`.
fn masked(contact: Option<&KeptContact>, keys: &ContactKeys) -> Option<String> {
    let opened = contact.map(|contact| keys.open_contact(contact.key, &contact.sealed));
    opened.map(|contact| contact.map_or_else(|_| "does not open".to_owned(), |contact| contact.masked()))
}

fn describe(user: &User, keys: &ContactKeys) -> serde_json::Value {
    json!({
        "id": user.id.to_string(),
        "app": user.app.as_str(),
        "mobile": masked(user.mobile.as_ref(), keys),
        "email": masked(user.email.as_ref(), keys),
        "name": user.name.as_ref().map(UserName::as_str),
        "has_password": user.password.is_some(),
        "enabled": user.enabled,
        "created_at_ms": user.created_at.milliseconds(),
    })
}

async fn set_password(place: &Place, id: &str) -> anyhow::Result<()> {
    let id = user_id(id)?;
    let entropy: &dyn Entropy = &OsEntropy;
    let password = passwords::hash(chosen()?.expose().as_bytes(), &entropy.array())?;
    let vault = place.vault()?;
    let generation = known(vault.records.user_of_any_app(id).await, id)?.generation;
    let audit = entry("user.password_set", &id.to_string());
    match vault.records.set_user_password(id, generation, password, audit).await {
        Err(RecordsError::Changed) => anyhow::bail!("the user {id} was changed meanwhile: look, and try again"),
        outcome => known(outcome, id),
    }
}

async fn set_mobile(place: &Place, id: &str, text: &str) -> anyhow::Result<()> {
    let (id, mobile) = (user_id(id)?, number(text, &place.beside()?)?);
    let vault = place.vault()?;
    let keys = vault.contact_keys(&SystemClock::new(), &OsEntropy).await?;
    let mobile = KeptContact { key: keys.key(&mobile), sealed: keys.seal_contact(&mobile, &OsEntropy)? };
    match vault.records.set_user_mobile(id, mobile, entry("user.mobile_set", &id.to_string())).await {
        Err(RecordsError::Exists) => anyhow::bail!("another user of the app has this number"),
        outcome => known(outcome, id),
    }
}

fn user_id(text: &str) -> anyhow::Result<UserId> {
    UserId::parse(text).with_context(|| format!("{text:?} is no user id"))
}

fn known<T>(outcome: Result<T, RecordsError>, id: UserId) -> anyhow::Result<T> {
    match outcome {
        Err(RecordsError::Missing) => anyhow::bail!("there is no user {id}"),
        outcome => Ok(outcome?),
    }
}

fn set_enabled(place: &Place, id: &str, enabled: bool) -> anyhow::Result<()> {
    let user = user_id(id)?;
    let audit = entry(if enabled { "user.enabled" } else { "user.disabled" }, &user.to_string());
    let vault = place.vault()?;
    block_on(async { known(vault.records.set_user_enabled(user, enabled, audit).await, user) })
}
