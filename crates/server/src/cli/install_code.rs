use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use countersign_domain::agent::OperatingSystem;
use countersign_domain::install_code::{CodeText, Form, InstallCode, InstallCodeId, Route};
use countersign_domain::network::Network;
use countersign_domain::operations::{
    IssueInstallCode, NewInstallCode, ReadInstallCode, ReadInstallCodes, RevokeInstallCode,
};
use countersign_domain::ports::Use;
use countersign_domain::time::Timestamp;
use countersign_facades::{CodeAndUsesJson, CodeJson, Invitation as _, install_code_state};
use serde_json::json;

use super::machines::{CLI, Of, Opened, print_facts, print_json};
use super::{block_on, second};
use crate::agents::Reachable;
use crate::tls::Pin;

#[derive(Subcommand)]
pub(super) enum InstallCodeCommand {
    /// Make an install code; prints it, until when it holds, and the line to paste on the machine
    Create(Box<Create>),
    /// List the install codes that could admit a machine now, newest first
    List {
        /// The expired, revoked and used up ones, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        of: Of,
    },
    /// Show what an install code allows and who joined with it
    Show {
        /// The install code's id
        id: String,
        #[command(flatten)]
        of: Of,
    },
    /// End an install code; machines that have joined with it stay
    Revoke {
        /// The install code's id
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// `long` is shown once and cannot be guessed; `short` is six characters that can be typed and shown again
    #[arg(long, default_value = "long", value_parser = forms())]
    form: Form,
    /// Until when it holds, as 2026-12-31T23:59:59Z; without it and --hours as `[install_codes]` says
    #[arg(long, value_name = "TIME", conflicts_with = "hours", value_parser = time)]
    deadline: Option<Timestamp>,
    /// For how many hours it holds
    #[arg(long, value_name = "N")]
    hours: Option<u32>,
    /// The name of the group where its machines belong; the default group, if left out
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// For machines with this system only
    #[arg(long, value_parser = systems())]
    os: Option<OperatingSystem>,
    /// For machines in this network only, such as 10.0.0.0/8; may be repeated
    #[arg(long = "network", value_name = "CIDR", value_parser = network)]
    networks: Vec<Network>,
    /// How many machines may join with it
    #[arg(long, value_name = "N", default_value_t = 1)]
    max_uses: u32,
    /// Any number of machines may
    #[arg(long, conflicts_with = "max_uses")]
    unlimited: bool,
    /// For images: a machine with it is prepared only, and joins at its next start
    #[arg(long)]
    only_image: bool,
    /// The vendor in whose network the machines are, for `agents.endpoints`
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<String>,
    /// The proxy cluster through which they reach the server, for `agents.endpoints`
    #[arg(long, value_name = "NAME")]
    proxy_cluster: Option<String>,
    /// The private link by which they reach the server, for `agents.endpoints`
    #[arg(long, value_name = "NUMBER")]
    private_link: Option<i64>,
    #[command(flatten)]
    of: Of,
}

fn forms() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new([Form::Long, Form::Short].map(Form::word))
        .try_map(|word| Form::from_word(&word).ok_or("no such form"))
}

fn systems() -> impl TypedValueParser<Value = OperatingSystem> {
    PossibleValuesParser::new(OperatingSystem::ALL.map(OperatingSystem::word))
        .try_map(|word| OperatingSystem::from_word(&word).ok_or("no such system"))
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    read.map(|time| Timestamp::from_milliseconds(time.as_millisecond()))
        .map_err(|_| "a time with its zone is wanted, such as 2026-12-31T23:59:59Z")
}

fn network(text: &str) -> Result<Network, String> {
    Network::try_from(text.to_owned()).map_err(|error| error.to_string())
}

impl InstallCodeCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Create(create) => create.run().await,
                Self::List { all, of } => list(all, &of).await,
                Self::Show { id, of } => show(&id, &of).await,
                Self::Revoke { id, of } => revoke(&id, &of).await,
            }
        })
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let opened = self.of.open().await?;
        let now = opened.ports.clock.now();
        let wanted = NewInstallCode {
            form: self.form,
            deadline: match self.hours {
                Some(hours) => Some(now.plus(Duration::from_hours(hours.into()))),
                None => self.deadline,
            },
            group: match &self.group {
                Some(name) => Some(opened.group(name).await?.id),
                None => None,
            },
            os: self.os,
            networks: self.networks,
            max_uses: (!self.unlimited).then_some(self.max_uses),
            only_image: self.only_image,
            route: Route::new(self.vendor, self.proxy_cluster, self.private_link)?,
        };
        let invitation = Reachable::configured(&opened.config, Pin::ensured(&opened.config)?);
        let issue = IssueInstallCode::new(opened.ports.clone(), opened.config.install_codes.policy());
        let issued = issue.add(&opened.app, wanted, CLI).await?;
        if self.of.json {
            print_json(&CodeJson::new(&issued.code, Some(&issued.text), &issued.group, now, &invitation))?;
        } else {
            print_facts(&[
                ("id", Some(issued.code.id.as_str().to_owned())),
                ("code", Some(issued.text.expose().to_owned())),
                ("deadline", Some(second(issued.code.terms.deadline))),
                ("command", Some(invitation.line(&issued.text, issued.code.terms.os))),
            ])?;
        }
        if !invitation.is_open() {
            writeln!(
                std::io::stderr(),
                "note: no machine can join yet, because the server is reached over plain HTTP: set up [tls] or a \
                 `public_url` with https://, or allow it with `agents.plain_http`"
            )?;
        }
        Ok(())
    }
}

async fn list(all: bool, of: &Of) -> anyhow::Result<()> {
    let Opened { app, ports, config } = of.open().await?;
    let invitation = Reachable::configured(&config, Pin::ensured(&config)?);
    let now = ports.clock.now();
    let codes = ReadInstallCodes::new(ports).list(&app, all, CLI).await?;
    let mut out = std::io::stdout().lock();
    for ReadInstallCode { code, text, group } in &codes {
        if of.json {
            let line = serde_json::to_string(&CodeJson::new(code, text.as_ref(), group, now, &invitation))?;
            writeln!(out, "{line}")?;
        } else {
            let (id, state, deadline) = (code.id.as_str(), install_code_state(code, now), second(code.terms.deadline));
            let shown = text.as_ref().map_or("long", CodeText::expose);
            let (uses, group) = (uses(code), group.as_str());
            writeln!(out, "{id}  {state:<9}  until {deadline}  {shown:<6}  {uses:<8}  {group}")?;
        }
    }
    Ok(())
}

async fn show(id: &str, of: &Of) -> anyhow::Result<()> {
    let id = code_id(id)?;
    let Opened { app, ports, config } = of.open().await?;
    let invitation = Reachable::configured(&config, Pin::ensured(&config)?);
    let now = ports.clock.now();
    let (ReadInstallCode { code, text, group }, used_by) = ReadInstallCodes::new(ports).find(&app, id, CLI).await?;
    if of.json {
        let shown = CodeJson::new(&code, text.as_ref(), &group, now, &invitation);
        return print_json(&CodeAndUsesJson::new(shown, &used_by));
    }
    let terms = &code.terms;
    let networks = match terms.networks.as_slice() {
        [] => "anywhere".to_owned(),
        networks => networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    print_facts(&[
        ("id", Some(code.id.as_str().to_owned())),
        ("state", Some(install_code_state(&code, now).to_owned())),
        ("form", Some(code.form.word().to_owned())),
        ("code", text.as_ref().map(|text| text.expose().to_owned())),
        ("deadline", Some(second(terms.deadline))),
        ("group", Some(group.as_str().to_owned())),
        ("system", Some(terms.os.map_or("any", OperatingSystem::word).to_owned())),
        ("from", Some(networks)),
        ("uses", Some(uses(&code))),
        ("images", terms.only_image.then(|| "only".to_owned())),
        ("vendor", Some(terms.route.vendor.clone())),
        ("proxy cluster", terms.route.proxy_cluster.clone()),
        ("private link", terms.route.private_link.map(|link| link.to_string())),
        ("made", Some(format!("{} by {}", second(code.created_at), code.created_by))),
        ("revoked", code.revoked_at.map(second)),
        ("command", text.filter(|_| code.is_live(now)).map(|text| invitation.line(&text, terms.os))),
    ])?;
    let mut out = std::io::stdout().lock();
    for Use { agent, hostname, address, at } in &used_by {
        writeln!(out, "used by {agent}  {}  {address}  {hostname}", second(*at))?;
    }
    Ok(())
}

async fn revoke(id: &str, of: &Of) -> anyhow::Result<()> {
    let id = code_id(id)?;
    let Opened { app, ports, .. } = of.open().await?;
    let id = RevokeInstallCode::new(ports).by_id(&app, id, CLI).await?;
    if of.json { print_json(&json!({ "id": id.as_str(), "state": "revoked" })) } else { Ok(()) }
}

/// Not repeated in the complaint: whoever mistakes the code for its id has typed a secret.
fn code_id(text: &str) -> anyhow::Result<InstallCodeId> {
    InstallCodeId::parse(text).context("an install code's id is 8 characters of 0-9A-Za-z, as `list` shows them")
}

fn uses(code: &InstallCode) -> String {
    code.terms.max_uses.map_or_else(|| format!("{} of any", code.uses), |most| format!("{} of {most}", code.uses))
}
