//! The commands about machines that joined, on the server's side.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Subcommand;
use countersign_domain::agent::AgentId;
use countersign_domain::operations::ManageAgents;
use countersign_facades::AgentJson;
use serde_json::json;

use super::machines::{CLI, Of, Opened, print_facts, print_json};
use super::{block_on, second};

/// Agents that are read at once.
const PAGE: u32 = 1_000;

#[derive(Subcommand)]
pub(super) enum AgentAdminCommand {
    /// List the machines that joined, newest first
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Show what is known of a machine that joined
    Show {
        /// The agent's id
        id: String,
        #[command(flatten)]
        of: Of,
    },
    /// Send a machine away: its certificate is refused from now on
    Revoke {
        /// The agent's id
        id: String,
        #[command(flatten)]
        of: Of,
    },
}

impl AgentAdminCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::List { of } => list(&of).await,
                Self::Show { id, of } => show(&id, &of).await,
                Self::Revoke { id, of } => revoke(&id, &of).await,
            }
        })
    }
}

async fn list(of: &Of) -> anyhow::Result<()> {
    let Opened { app, ports, .. } = of.open().await?;
    let manage = ManageAgents::new(ports);
    let mut out = std::io::stdout().lock();
    let mut after = None;
    loop {
        let page = manage.list(&app, after, PAGE).await?;
        for (agent, state) in &page {
            if of.json {
                writeln!(out, "{}", serde_json::to_string(&AgentJson::new(agent, *state))?)?;
                continue;
            }
            let (id, state, os, address) = (agent.id, state.word(), agent.host.os().word(), agent.address);
            let seen = agent.seen_at.map_or_else(|| "never".to_owned(), second);
            let (group, host) = (agent.group_name.as_str(), agent.host.hostname());
            writeln!(out, "{id}  {state:<7}  {os:<7}  seen {seen:<20}  {address}  {group}  {host}")?;
        }
        after = match page.last() {
            Some((last, _)) => Some(last.id),
            None => return Ok(()),
        };
    }
}

async fn show(id: &str, of: &Of) -> anyhow::Result<()> {
    let id = agent_id(id)?;
    let Opened { app, ports, .. } = of.open().await?;
    let (agent, state) = ManageAgents::new(ports).find(&app, id).await?;
    if of.json {
        return print_json(&AgentJson::new(&agent, state));
    }
    let host = &agent.host;
    print_facts(&[
        ("id", Some(agent.id.to_string())),
        ("state", Some(state.word().to_owned())),
        ("host", Some(host.hostname().to_owned())),
        ("system", Some(format!("{} on {}", host.os().word(), host.architecture()))),
        ("machine id", Some(host.machine_id().to_owned()).filter(|text| !text.is_empty())),
        ("group", Some(agent.group_name.as_str().to_owned())),
        (
            "joined",
            Some(format!(
                "{} from {} with install code {}",
                second(agent.joined_at),
                agent.address,
                agent.code.as_str()
            )),
        ),
        ("seen", Some(agent.seen_at.map_or_else(|| "never".to_owned(), second))),
        ("certificate", Some(format!("until {}", second(agent.certificate.expires_at)))),
        ("ended", agent.ended.map(|(at, ended)| format!("{} ({})", second(at), ended.word()))),
    ])
}

async fn revoke(id: &str, of: &Of) -> anyhow::Result<()> {
    let id = agent_id(id)?;
    let Opened { app, ports, .. } = of.open().await?;
    ManageAgents::new(ports).revoke(&app, id, CLI).await?;
    if of.json { print_json(&json!({ "agent_id": id.to_string(), "state": "revoked" })) } else { Ok(()) }
}

fn agent_id(text: &str) -> anyhow::Result<AgentId> {
    AgentId::parse(text).with_context(|| format!("{text:?} is no agent's id"))
}
