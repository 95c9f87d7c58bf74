use std::time::Duration;

use crate::message::SenderName;
use crate::operations::CodePorts;
use crate::ports::{DeliveryReport, Event, MessageState, RecordsError};

/// Keeps the outbox in order: tells messages expired, gives away those of senders that are no more, forgets what is old.
pub struct KeepOutbox {
    ports: CodePorts,
    keep: Keep,
}

/// How long things are remembered.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Codes, and what became of their messages.
    pub codes: Duration,
    /// Verified contacts: longer than they count.
    pub contacts: Duration,
}

impl KeepOutbox {
    /// The operation over these ports.
    pub fn new(ports: CodePorts, keep: Keep) -> Self {
        Self { ports, keep }
    }

    /// Gives messages that wait for senders that the operator took away to those that serve their contacts now.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn adopt(&self) -> Result<(), RecordsError> {
        let ports = &self.ports;
        loop {
            let lanes = ports.routes.senders().into_iter().collect();
            let orphans = ports.records.orphans(lanes).await?;
            if orphans.is_empty() {
                return Ok(());
            }
            for (row, code) in orphans {
                let contact = ports.keys.open_contact(code.binding.contact, &code.sealed_contact).ok();
                let open = |sender: &&SenderName| !row.refused.contains(sender);
                let heir = contact.and_then(|contact| ports.routes.to(&contact).find(open).cloned());
                match ports.records.adopt_message(row.id, ports.clock.now(), heir).await {
                    // It was called back meanwhile, or its time is over: the others still want an heir.
                    Ok(()) | Err(RecordsError::Missing) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Gives messages to the next sender of whose delivery theirs has not told in time: with the same code, under the same name.
    /// Where there is no next one they stay sent.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn break_silence(&self) -> Result<(), RecordsError> {
        let ports = &self.ports;
        for (lane, within) in ports.routes.silences() {
            let now = ports.clock.now();
            let mut left = Vec::new();
            for (row, code) in ports.records.silent_messages(lane.clone(), now.minus(within), now).await? {
                let contact = ports.keys.open_contact(code.binding.contact, &code.sealed_contact).ok();
                let refused: Vec<_> = row.refused.iter().cloned().chain([lane.clone()]).collect();
                let next = contact.and_then(|contact| ports.routes.after(&lane, &contact, &refused));
                let Some(next) = next else {
                    left.push(row.id);
                    continue;
                };
                let undelivered = Some("its gateway has not told of its delivery in time".to_owned());
                let (id, lane, attempt) = (row.id, lane.clone(), row.tries);
                let report = DeliveryReport { id, lane, attempt, undelivered, next: Some(next) };
                match ports.records.keep_delivery(report, now).await {
                    Ok(None) | Err(RecordsError::Missing | RecordsError::Changed) => {}
                    Ok(Some(state)) => ports.tally.count(Event::MessageSettled(code.channel, state)),
                    Err(error) => return Err(error),
                }
            }
            // Or they would be found at every look, and hide the later ones.
            if !left.is_empty() {
                ports.records.leave_messages(left).await?;
            }
        }
        Ok(())
    }

    /// Tells messages expired whose time is over.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn expire(&self) -> Result<(), RecordsError> {
        for (channel, count) in self.ports.records.expire_messages(self.ports.clock.now()).await? {
            for _ in 0..count {
                self.ports.tally.count(Event::MessageSettled(channel, MessageState::Expired));
            }
        }
        Ok(())
    }

    /// Forgets some of what is old; whether there is more.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn forget(&self) -> Result<bool, RecordsError> {
        let now = self.ports.clock.now();
        let (codes, contacts) = (now.minus(self.keep.codes), now.minus(self.keep.contacts));
        self.ports.records.forget_codes(now, codes, contacts).await
    }
}
