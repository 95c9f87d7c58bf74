//! What the commands for codes and contacts share: the app that they are for, and the records that they open beside a server.

use std::sync::Arc;

use anyhow::Context as _;
use countersign_domain::app::App;
use countersign_domain::contact::Contact;
use countersign_domain::operations::CodePorts;
use countersign_domain::ports::{Clock, Directory, Event, Tally};
use countersign_facades::contact_of;

use super::machines::Of;
use crate::config::Config;
use crate::delivery;
use crate::directory::SnapshotDirectory;
use crate::system::{OsEntropy, SystemClock};

/// An app's codes and contacts, opened.
pub(super) struct Post {
    pub(super) app: Arc<App>,
    pub(super) ports: CodePorts,
    pub(super) config: Config,
}

impl Post {
    /// With the senders' names only: it is the server that sends.
    pub(super) async fn open(of: &Of) -> anyhow::Result<Self> {
        let (config, mode) = of.place.beside_in()?;
        let vault = of.place.vault()?;
        let id = of.chosen(&vault).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        // Digits are hashed under the sealing keys, which the first server or command makes.
        vault.ensure_sealing_key(&*clock, &OsEntropy).await?;
        let directory: Arc<dyn Directory> =
            Arc::new(SnapshotDirectory::open(&*vault.records, vault.master_key.clone()).await?);
        let app = directory.usable_app(&id).map_err(|_| anyhow::anyhow!("the app {} is disabled", id.as_str()))?;
        let senders = delivery::settings(&config, mode)?;
        let ports = vault.codes(&config, &senders, directory, clock, Arc::new(OsEntropy), Arc::new(Nobody)).await?;
        Ok(Self { app, ports, config })
    }

    /// Not repeated in the complaint: contacts stand in no log.
    pub(super) fn contact(&self, text: &str) -> anyhow::Result<Contact> {
        let default = self.config.codes.default_calling_code();
        contact_of(text, default.as_deref()).context("--to")
    }
}

/// What a command counts, nobody reads.
pub(super) struct Nobody;

impl Tally for Nobody {
    fn count(&self, _: Event) {}
}
