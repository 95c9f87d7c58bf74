//! Accounts and what they own, by hand and from files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use countersign_domain::code::Resource;
use countersign_domain::office_site::SiteId;
use countersign_domain::operations::{ManageDirectory, NewResource, NewRows};
use countersign_domain::ports::{Page, Taken};
use countersign_facades::{AccountJson, ResourceJson};
use serde_json::json;

use super::block_on;
use super::machines::{CLI, Of, print_json};
use crate::directory_file::{self, Complaint, Format, Known};

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// Put an account into the app's directory
    Create {
        /// Its number, 1 to 17 digits
        number: String,
        /// What it is called
        #[arg(long)]
        name: String,
        /// The e-mail address where its owner is asked for consent
        #[arg(long, value_name = "ADDRESS")]
        contact: String,
        /// The language in which its owner is asked: en or zh
        #[arg(long, default_value = "en")]
        language: String,
        /// It is the app's own: what it owns needs nobody's consent
        #[arg(long)]
        own: bool,
        #[command(flatten)]
        of: Of,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Remove an account, what it owns, and where that is attached
    Remove {
        /// Its number
        number: String,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Subcommand)]
pub(super) enum ResourceCommand {
    /// Put a resource into the app's directory
    Create {
        /// Its id, such as that of a CEN
        id: String,
        /// The number of the account that owns it
        #[arg(long, value_name = "NUMBER")]
        account: String,
        /// A network that it routes to; may be given several times
        #[arg(long = "network", value_name = "NETWORK")]
        networks: Vec<String>,
        #[command(flatten)]
        of: Of,
    },
    /// List the resources
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Remove a resource, and where it is attached
    Remove {
        /// Its id
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Subcommand)]
pub(super) enum OfficeSiteCommand {
    /// List the app's office sites
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Remove an office site, and what is attached to it
    Remove {
        /// Its id
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Subcommand)]
pub(super) enum DirectoryCommand {
    /// Put accounts, resources and office sites from a file into the app's directory, all or none; what is there under the
    /// same id is replaced
    Import {
        /// CSV with a head line, or a JSON list
        file: PathBuf,
        /// How it is written; by the end of its name, where that says so
        #[arg(long, value_enum)]
        format: Option<FileFormat>,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FileFormat {
    Csv,
    Json,
}

impl AccountCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Create { number, name, contact, language, own, of } => {
                    let own = own.then_some("true");
                    let account = directory_file::account(&number, &name, &contact, Some(&language), own);
                    let account = account.map_err(anyhow::Error::msg)?;
                    let rows = NewRows { accounts: vec![account], ..NewRows::default() };
                    keep(rows, &of, &format!("account {number}")).await
                }
                Self::List { of } => list_accounts(&of).await,
                Self::Remove { number, of } => {
                    let id = directory_file::account_id("number", &number).map_err(anyhow::Error::msg)?;
                    let (app, directory) = open(&of).await?;
                    Ok(directory.remove_account(&app, id, CLI).await.with_context(|| format!("account {number}"))?)
                }
            }
        })
    }
}

impl ResourceCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Create { id, account, networks, of } => {
                    let account = directory_file::account_id("--account", &account).map_err(anyhow::Error::msg)?;
                    let networks = directory_file::networks(Some(&networks.join(" "))).map_err(anyhow::Error::msg)?;
                    let resource = NewResource { id: resource_id(&id)?, account, networks };
                    let rows = NewRows { resources: vec![resource], ..NewRows::default() };
                    keep(rows, &of, &format!("resource {id}")).await
                }
                Self::List { of } => list_resources(&of).await,
                Self::Remove { id, of } => {
                    let (app, directory) = open(&of).await?;
                    let removed = directory.remove_resource(&app, resource_id(&id)?, CLI).await;
                    Ok(removed.with_context(|| format!("resource {id}"))?)
                }
            }
        })
    }
}

impl OfficeSiteCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::List { of } => list_sites(&of).await,
                Self::Remove { id, of } => {
                    let site =
                        SiteId::parse(&id).context("an office site's id takes 1 to 64 of A-Z a-z 0-9 _ . + -")?;
                    let (app, directory) = open(&of).await?;
                    let removed = directory.remove_site(&app, site, CLI).await;
                    Ok(removed.with_context(|| format!("office site {id}"))?)
                }
            }
        })
    }
}

impl DirectoryCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self::Import { file, format, of } = self;
        block_on(import(&file, format, &of))
    }
}

async fn open(of: &Of) -> anyhow::Result<(countersign_domain::app::AppId, ManageDirectory)> {
    let (app, ports) = of.open_owners().await?;
    Ok((app, ManageDirectory::new(ports)))
}

fn resource_id(text: &str) -> anyhow::Result<Resource> {
    Resource::parse(text).context("a resource's id takes 1 to 128 printable characters of ASCII")
}

async fn keep(rows: NewRows, of: &Of, what: &str) -> anyhow::Result<()> {
    let (app, directory) = open(of).await?;
    directory.keep(&app, rows, Taken::Refuse, CLI).await.with_context(|| what.to_owned())?;
    if of.json { print_json(&json!({ "kept": what })) } else { Ok(()) }
}

async fn list_accounts(of: &Of) -> anyhow::Result<()> {
    let (app, directory) = open(of).await?;
    let mut out = std::io::stdout().lock();
    for (account, masked) in directory.accounts(&app, Page::ALL).await?.0 {
        if of.json {
            writeln!(out, "{}", serde_json::to_string(&AccountJson::new(&account, masked.as_deref()))?)?;
        } else {
            let note = if account.is_own { "  (the app's own)" } else { "" };
            let (id, name, tag) = (account.id.to_string(), account.name.as_str(), account.language.tag());
            let masked = masked.as_deref().unwrap_or("(its contact cannot be read)");
            writeln!(out, "{id:<17}  {tag}  {masked}  {name}{note}")?;
        }
    }
    Ok(())
}

async fn list_resources(of: &Of) -> anyhow::Result<()> {
    let (app, directory) = open(of).await?;
    let mut out = std::io::stdout().lock();
    for resource in &directory.resources(&app, Page::ALL).await?.0 {
        if of.json {
            writeln!(out, "{}", serde_json::to_string(&ResourceJson::from(resource))?)?;
        } else {
            let networks: Vec<_> = resource.networks.iter().map(ToString::to_string).collect();
            let owner = resource.account.to_string();
            writeln!(out, "{}  {owner:<17}  {}", resource.id.as_str(), networks.join(" "))?;
        }
    }
    Ok(())
}

async fn list_sites(of: &Of) -> anyhow::Result<()> {
    let (app, directory) = open(of).await?;
    let mut out = std::io::stdout().lock();
    for site in &directory.sites(&app).await? {
        let (id, kind, name) = (site.id.as_str(), site.kind.word(), site.name.as_str());
        let network = site.network.map(|network| network.to_string());
        if of.json {
            let shown = json!({ "id": id, "type": kind, "name": name, "network": network });
            writeln!(out, "{shown}")?;
        } else {
            let line = format!("{id}  {kind:<12}  {}  {name}", network.unwrap_or_default());
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    Ok(())
}

async fn import(file: &Path, format: Option<FileFormat>, of: &Of) -> anyhow::Result<()> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let format = match (format, ending) {
        (Some(FileFormat::Csv), _) | (None, "csv") => Format::Csv,
        (Some(FileFormat::Json), _) | (None, "json") => Format::Json,
        (None, _) => bail!("{}: say how it is written, with --format", file.display()),
    };
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let (app, directory) = open(of).await?;
    let (accounts, own) = directory.known(&app).await?;
    let rows = directory_file::read(&text, format, &app, &Known { accounts, own }).map_err(|complaints| {
        let shown: Vec<_> =
            complaints.iter().map(|Complaint { line, what }| format!("\n{}:{line}: {what}", file.display())).collect();
        anyhow::anyhow!("nothing was kept{}", shown.concat())
    })?;
    let counts = (rows.accounts.len(), rows.resources.len(), rows.sites.len());
    directory.keep(&app, rows, Taken::Replace, CLI).await.context("nothing was kept")?;
    let (accounts, resources, office_sites) = counts;
    if of.json {
        return print_json(&json!({ "accounts": accounts, "resources": resources, "office_sites": office_sites }));
    }
    writeln!(std::io::stdout(), "kept {accounts} accounts, {resources} resources and {office_sites} office sites")?;
    Ok(())
}
