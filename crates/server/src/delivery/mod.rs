//! Delivery: the senders that the settings name, the lanes on which messages wait for them, and the door at which gateways tell
//! what became of them.

mod lanes;
mod reports;

pub(crate) use lanes::{Doorbell, Inboxes, Lanes};
use reports::ReportAddress;
pub(crate) use reports::ReportsDoor;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use countersign_domain::contact::{Channel, ContactKeys};
use countersign_domain::message::SenderName;
use countersign_domain::ports::{Clock, DeliveryAddress, Sender};
use countersign_senders::{Environment, Inbox};

use crate::config::{Config, Mode, SenderSettings};

/// A sender that runs, and how many messages it takes at once.
pub(crate) struct Running {
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) slots: u32,
    /// It keeps messages for this server's own inbox.
    pub(crate) is_inbox: bool,
}

/// The senders of a server, by name.
pub(crate) type Senders = BTreeMap<SenderName, Running>;

/// The senders that the settings name; under `--dev`, an inbox for each channel that has none.
pub(crate) fn settings(config: &Config, mode: Mode) -> Vec<SenderSettings> {
    let mut senders = config.senders.clone();
    if mode == Mode::Development {
        let served = |channel: &Channel| config.senders.iter().any(|sender| sender.channels.contains(channel));
        let channels: Vec<_> = [Channel::Sms, Channel::Email].into_iter().filter(|channel| !served(channel)).collect();
        let name = SenderName::parse("dev-inbox").filter(|_| !channels.is_empty());
        let inbox = |name| SenderSettings {
            name,
            kind: "inbox".to_owned(),
            channels,
            prefixes: Vec::new(),
            settings: toml::Table::new(),
        };
        senders.extend(name.map(inbox));
    }
    senders
}

/// Builds them. Messages of the kind `inbox` go into `inbox`.
///
/// # Errors
/// A sentence for the operator that names the sender.
pub(crate) fn build(
    settings: &[SenderSettings],
    keys: &Arc<ContactKeys>,
    public_url: &str,
    clock: &Arc<dyn Clock>,
    inbox: &Arc<Inbox>,
) -> anyhow::Result<Senders> {
    let deliveries: Arc<dyn DeliveryAddress> = Arc::new(ReportAddress::new(Arc::clone(keys), public_url));
    let environment = Environment { clock: Arc::clone(clock), deliveries, inbox: Arc::clone(inbox) };
    let build = |sender: &SenderSettings| {
        let built = countersign_senders::build(&sender.name, &sender.kind, sender.settings.clone(), &environment);
        let running =
            Running { sender: built.context("senders")?, slots: sender.slots(), is_inbox: sender.kind == "inbox" };
        Ok((sender.name.clone(), running))
    };
    settings.iter().map(build).collect()
}
