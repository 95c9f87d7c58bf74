use std::io::Write as _;

use clap::Args;
use countersign_domain::app::Action;
use countersign_domain::challenge::Solution;
use countersign_domain::ports::{Clock as _, Directory as _};
use countersign_domain::sealing::Purpose;
use countersign_domain::ticket::{ChallengeRecord, Stamp, TicketRecord};
use serde_json::{Value, json};

use super::{Place, block_on, time};
use crate::directory::SnapshotDirectory;
use crate::hex;
use crate::system::SystemClock;
use crate::vault::Vault;

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
        // A ticket may hold hyphens itself.
        let token = self.token.split("---{").next().unwrap_or_default();
        let shown = if let Ok(bytes) = keyring.open(Purpose::Challenge, token) {
            challenge(&ChallengeRecord::decode(&bytes)?)
        } else if let Ok(bytes) = keyring.open(Purpose::Ticket, token) {
            let TicketRecord { stamp: facts } = TicketRecord::decode(&bytes)?;
            json!({ "what": "ticket", "sentence": sentence("A ticket", &facts), "stamp": stamp(&facts) })
        } else {
            anyhow::bail!("not a token of this server: it was changed, or sealed under another data folder's keys")
        };
        writeln!(std::io::stdout(), "{shown:#}")?;
        Ok(())
    }
}

fn challenge(record: &ChallengeRecord) -> Value {
    let solution = match record.solution {
        Solution::Slider { x, y, tolerance } => json!({ "x": x, "y": y, "tolerance": tolerance }),
    };
    let sentence = sentence("A challenge", &record.stamp);
    let (stamp, note_bytes) = (stamp(&record.stamp), record.note.bytes().len());
    json!({ "what": "challenge", "sentence": sentence, "stamp": stamp, "solution": solution, "note_bytes": note_bytes })
}

/// What an operator wants to know first. Whether the token was spent is known to the running server only.
fn sentence(what: &str, stamp: &Stamp) -> String {
    let now = SystemClock::new().now();
    let (app, left) = (stamp.app.as_str(), stamp.expires_at.since(now).as_secs());
    let action = stamp.action.as_ref().map_or(String::new(), |action| format!(" and the action {}", action.as_str()));
    let time = if now < stamp.expires_at {
        format!("it lives for {left} s more, unless it was spent or the server was restarted")
    } else {
        format!("it expired {} s ago", now.since(stamp.expires_at).as_secs())
    };
    format!("{what} for the app {app}{action}; {time}")
}

fn stamp(stamp: &Stamp) -> Value {
    json!({
        "id": hex::encode(&stamp.id),
        "epoch": hex::encode(&stamp.epoch),
        "door": stamp.door.name(),
        "app": stamp.app.as_str(),
        "action": stamp.action.as_ref().map(Action::as_str),
        "bound_to_a_contact": stamp.contact.is_some(),
        "bound_to_a_user": stamp.user.is_some(),
        "bound_to_an_address": stamp.origin.is_some(),
        "type": stamp.kind.word(),
        "level": stamp.level.number(),
        "issued_at": time(stamp.issued_at),
        "expires_at": time(stamp.expires_at),
    })
}
