//! Who uses what: what doors note is written behind, and what is too old is forgotten.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::operations::{NoteUsage, ReadUsage};
use countersign_domain::ports::{Clock, Entropy, Records, Tally};
use countersign_facades::Usages;
use countersign_stores::usage::KeptUsage;
use tokio::time::{MissedTickBehavior, interval};

use crate::config;
use crate::vault::Vault;

/// How often notes are written: what a server that is killed may forget, and with the size of a batch how many a second may come.
const WRITE_BEHIND: Duration = Duration::from_millis(100);

/// How often what is too old is forgotten, in ticks of [`WRITE_BEHIND`]: a minute. In a flood more than may be kept comes until
/// then, some 300,000 rows.
const FORGET_EVERY: u32 = 600;

/// What a node knows of who uses what.
pub(crate) struct UsageKeeper {
    notes: Arc<KeptUsage>,
    usages: Usages,
    settings: config::Usage,
}

impl UsageKeeper {
    pub(crate) async fn open(
        vault: &Vault,
        settings: config::Usage,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tally: Arc<dyn Tally>,
    ) -> anyhow::Result<Self> {
        let keys = vault.usage_keys(&*clock, &*entropy).await?;
        let notes = Arc::new(KeptUsage::default());
        let records = Arc::<dyn Records>::clone(&vault.records);
        let usages = Usages {
            read_usage: Arc::new(ReadUsage::new(records, Arc::clone(&keys), Arc::clone(&clock))),
            note_usage: Arc::new(NoteUsage::new(Arc::<KeptUsage>::clone(&notes), keys, clock, entropy, tally)),
        };
        Ok(Self { notes, usages, settings })
    }

    /// What doors note and read it by.
    pub(crate) fn usages(&self) -> Usages {
        self.usages.clone()
    }

    /// Writes what is noted, and forgets; never ends.
    pub(crate) async fn keep(&self, records: &Arc<dyn Records>, clock: &dyn Clock) {
        let mut tick = interval(WRITE_BEHIND);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_more = false;
        for number in (0..FORGET_EVERY).cycle() {
            tick.tick().await;
            if let Err(error) = self.notes.flush(records).await {
                tracing::error!(%error, "could not write who used what: it waits, and is lost once too much does");
            }
            if number == 0 || is_more {
                let forgotten = records.forget_usage(self.settings.kept(clock.now())).await;
                is_more = forgotten.unwrap_or_else(|error| {
                    tracing::error!(%error, "could not forget who used what long ago");
                    false
                });
            }
        }
    }

    /// Writes all that is left, when no call comes any more.
    pub(crate) async fn finish(&self, records: &Arc<dyn Records>) {
        loop {
            match self.notes.flush(records).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "could not write who used what at last");
                    return;
                }
            }
        }
    }
}
