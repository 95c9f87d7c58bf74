use std::io::Write as _;

use clap::Args;
use countersign_domain::app::Action;
use countersign_domain::challenge::Solution;
use countersign_domain::ports::Directory as _;
use countersign_domain::sealing::Purpose;
use countersign_domain::ticket::{ChallengeRecord, Stamp, TicketRecord};
use countersign_domain::time::Timestamp;
use serde_json::{Value, json};

use super::{Place, block_on};
use crate::directory::SnapshotDirectory;
use crate::hex;
use crate::house::Vault;

#[derive(Args)]
pub(super) struct Inspect {
    /// A challenge's token, a ticket, or a OneAccess `captcha_token`
    token: String,
    #[command(flatten)]
    place: Place,
}

impl Inspect {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Vault { records, master_key } = self.place.vault()?;
        let directory = block_on(async { Ok(SnapshotDirectory::open(&*records, master_key).await?) })?;
        let keyring = directory.keyring();
        // A captcha_token is a ticket, three hyphens, and where the piece was put.
        let token = self.token.split("---").next().unwrap_or_default();
        let shown = if let Ok(bytes) = keyring.open(Purpose::Challenge, token) {
            challenge(&ChallengeRecord::decode(&bytes)?)
        } else if let Ok(bytes) = keyring.open(Purpose::Ticket, token) {
            json!({ "what": "ticket", "stamp": stamp(&TicketRecord::decode(&bytes)?.stamp) })
        } else {
            anyhow::bail!("not a token of this server: it was changed, or sealed under another data folder's keys")
        };
        writeln!(std::io::stdout(), "{shown:#}")?;
        Ok(())
    }
}

fn challenge(record: &ChallengeRecord) -> Value {
    let solution = match record.solution {
        Solution::Slider { x, tolerance } => json!({ "x": x, "tolerance": tolerance }),
    };
    json!({ "what": "challenge", "stamp": stamp(&record.stamp), "solution": solution, "note_bytes": record.note.len() })
}

fn stamp(stamp: &Stamp) -> Value {
    json!({
        "id": hex::encode(&stamp.id),
        "epoch": hex::encode(&stamp.epoch),
        "app": stamp.app.as_str(),
        "action": stamp.action.as_ref().map(Action::as_str),
        "bound_to_a_contact": stamp.contact.is_some(),
        "type": stamp.kind.word(),
        "level": stamp.level.number(),
        "issued_at": time(stamp.issued_at),
        "expires_at": time(stamp.expires_at),
    })
}

fn time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX).to_string()
}
