use std::io::Write as _;

use clap::Args;
use countersign_domain::audit::AuditEntry;
use countersign_domain::ports::Records;
use serde_json::json;

use super::{Place, block_on, second, time};

#[derive(Args)]
pub(super) struct Audit {
    /// How many entries, at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// Only events whose name begins like this: `agent.`, `install_code.created`
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    event: String,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Audit {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let vault = self.place.vault()?;
        let entries = block_on(newest(&*vault.records, &self.event, self.limit))?;
        let mut out = std::io::stdout().lock();
        for AuditEntry { at, actor, event, subject, detail } in &entries {
            if self.json {
                let line =
                    json!({ "at": time(*at), "actor": actor, "event": event, "subject": subject, "detail": detail });
                writeln!(out, "{line}")?;
            } else {
                let at = second(*at);
                let line = format!("{at}  {actor}  {event}  {subject}  {detail}");
                writeln!(out, "{}", plain(line.trim_end()))?;
            }
        }
        Ok(())
    }
}

/// The newest entries of an event. How far back the trail has to be read for them is not known before: as far again, until
/// there are enough or there are no more.
async fn newest(records: &dyn Records, event: &str, limit: u32) -> anyhow::Result<Vec<AuditEntry>> {
    let enough = usize::try_from(limit)?;
    let mut depth = limit;
    loop {
        let mut entries = records.audit_entries(depth).await?;
        let is_all = entries.len() < usize::try_from(depth)?;
        entries.retain(|entry| entry.event.starts_with(event));
        entries.truncate(enough);
        if entries.len() == enough || is_all || depth == u32::MAX {
            return Ok(entries);
        }
        depth = depth.saturating_mul(8);
    }
}

/// The trail also says what callers said of themselves, which must not reach a terminal as its commands.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
