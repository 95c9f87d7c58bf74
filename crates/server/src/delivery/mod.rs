//! Delivery: the senders that the settings name, the lanes on which messages wait for them, and the door at which gateways tell
//! what became of them.

mod lanes;
mod reports;

pub(crate) use lanes::{Doorbell, Inboxes, Lanes};
use reports::ReportAddress;
pub(crate) use reports::{KeptReports, ReportsDoor};

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use countersign_domain::contact::{Channel, ContactKeys};
use countersign_domain::message::SenderName;
use countersign_domain::ports::{Clock, Entropy, Reports, Sender};
use countersign_senders::{Environment, Inbox};

use crate::config::{Config, Mode, SenderSettings};

/// A sender that runs.
pub(crate) struct Running {
    pub(crate) sender: Arc<dyn Sender>,
    /// It keeps messages for this server's own inbox.
    pub(crate) is_inbox: bool,
}

/// The senders of a server, by name.
pub(crate) type Senders = BTreeMap<SenderName, Running>;

/// The kind that keeps messages instead of sending them.
const INBOX: &str = "inbox";

/// The senders that the settings name; under `--dev`, an inbox for the channels that have none.
///
/// # Errors
/// A sentence for the operator, if one of them keeps messages instead of sending them, and this server is for others.
pub(crate) fn settings(config: &Config, mode: Mode) -> anyhow::Result<Vec<SenderSettings>> {
    let mut senders = config.senders.clone();
    if mode == Mode::Production
        && let Some(inbox) = senders.iter().find(|sender| sender.kind == INBOX)
    {
        anyhow::bail!("the sender `{}`: the kind `inbox` sends nothing to anybody, and is for --dev only", inbox.name);
    }
    if mode == Mode::Development {
        let served = |channel: &Channel| config.senders.iter().any(|sender| sender.channels.contains(channel));
        let channels: Vec<_> = [Channel::Sms, Channel::Email].into_iter().filter(|channel| !served(channel)).collect();
        let name = SenderName::parse("dev-inbox").filter(|_| !channels.is_empty());
        let inbox = |name| SenderSettings {
            name,
            kind: INBOX.to_owned(),
            channels,
            prefixes: Vec::new(),
            report_within: None,
            settings: toml::Table::new(),
        };
        senders.extend(name.map(inbox));
    }
    Ok(senders)
}

/// Builds them. Messages of the kind `inbox` go into `inbox`; `reports` keeps what each sender itself hears of deliveries.
///
/// # Errors
/// A sentence for the operator that names the sender.
pub(crate) fn build(
    settings: &[SenderSettings],
    keys: &Arc<ContactKeys>,
    public_url: &str,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    inbox: &Arc<Inbox>,
    reports: impl Fn(&SenderName) -> Arc<dyn Reports>,
) -> anyhow::Result<Senders> {
    let build = |sender: &SenderSettings| {
        let environment = Environment {
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            deliveries: Arc::new(ReportAddress::new(Arc::clone(keys), public_url, sender.name.clone())),
            reports: reports(&sender.name),
            inbox: Arc::clone(inbox),
        };
        let built = countersign_senders::build(&sender.name, &sender.kind, sender.settings.clone(), &environment);
        let running = Running { sender: built.context("senders")?, is_inbox: sender.kind == INBOX };
        Ok((sender.name.clone(), running))
    };
    settings.iter().map(build).collect()
}
