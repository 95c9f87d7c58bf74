//! The inbox of `--dev`: messages stay in memory, where whoever tries things out reads them, code and all. It is never a
//! sender of an installation that others use.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::calling_code;
use countersign_domain::contact::Contact;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Pace, Receipt, SendError, Sender};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::settings::{SettingsError, read};
use crate::{Environment, settings};

/// Messages that are kept; the oldest goes first.
const ROOM: usize = 1_000;

/// There is nothing to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

/// The environment's inbox: however many senders of this kind there are, there is one place to look.
pub(crate) fn build(table: toml::Table, environment: &Environment) -> Result<Arc<dyn Sender>, SettingsError> {
    let Settings {} = read(table)?;
    Ok(Arc::clone(&environment.inbox) as Arc<dyn Sender>)
}

/// What was sent, the last thousand.
pub struct Inbox {
    clock: Arc<dyn Clock>,
    letters: Mutex<VecDeque<Letter>>,
}

/// A message as it was sent. It has no `Debug`: it holds a code and a contact.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The contact, normalised.
    pub to: String,
    /// `sms` or `email`.
    pub channel: &'static str,
    /// The code.
    pub code: String,
    /// What the code is for.
    pub purpose: String,
    /// What it gives access to, if it is for one thing only.
    pub reference: Option<String>,
    /// An e-mail's subject; empty in a text message.
    pub subject: String,
    /// What the person reads.
    pub text: String,
    /// When, in RFC 3339.
    pub sent_at: String,
}

impl Inbox {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, letters: Mutex::new(VecDeque::with_capacity(ROOM)) })
    }

    /// What was sent to `to`, as it is given or as it is normalised, newest first; everything for an empty one. A number may come
    /// without its calling code, as some doors take it.
    pub fn list(&self, to: &str) -> Vec<Letter> {
        let normalised = Contact::parse(to).ok();
        let normalised = normalised.as_ref().map_or(to, Contact::normalised);
        let is_theirs = |letter: &Letter| [to, normalised].contains(&letter.to.as_str());
        let wanted = |letter: &&Letter| to.is_empty() || is_theirs(letter) || national(&letter.to) == Some(normalised);
        self.letters.lock().iter().rev().filter(wanted).cloned().collect()
    }
}

/// A number without its calling code.
fn national(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+')?;
    digits.get(calling_code::of(digits)?.number().to_string().len()..)
}

#[async_trait]
impl Sender for Inbox {
    fn pace(&self) -> Pace {
        Pace { deadline: Duration::ZERO, at_once: 100 }
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let letter = Letter {
            to: message.to.normalised().to_owned(),
            channel: message.to.channel().word(),
            code: message.about.digits.expose().to_owned(),
            purpose: message.about.purpose.as_str().to_owned(),
            reference: message.about.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            subject: message.text.subject.expose().clone(),
            text: message.text.body.expose().clone(),
            sent_at: settings::rfc3339(self.clock.now()),
        };
        let mut letters = self.letters.lock();
        if letters.len() == ROOM {
            letters.pop_front();
        }
        letters.push_back(letter);
        Ok(Receipt::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, environment};

    #[tokio::test]
    async fn what_was_sent_is_listed_newest_first_however_its_contact_is_written() {
        let inbox = environment().inbox;
        inbox.send(&Draft::email().to("Ann@Example.com").resource("cen-1").message()).await.unwrap();
        inbox.send(&Draft::sms().message()).await.unwrap();
        inbox.send(&Draft::email().to("ann@example.com").message()).await.unwrap();
        let of = |to: &str| inbox.list(to).into_iter().map(|letter| letter.reference).collect::<Vec<_>>();
        assert_eq!(of("ann@example.com"), [None, Some("cen-1".to_owned())]);
        assert_eq!(of("ANN@example.com"), of("ann@example.com"));
        assert_eq!(of("008613912345678"), of("+8613912345678"));
        assert_eq!(of("+86 139 1234 5678"), [None]);
        assert_eq!(of("13912345678"), [None]);
        assert_eq!(inbox.list("").len(), 3);
        assert!(inbox.list("nobody").is_empty());
        insta::assert_json_snapshot!(inbox.list("ann@example.com").last());
    }

    #[tokio::test]
    async fn the_oldest_goes_first() {
        let inbox = environment().inbox;
        for number in 0..=ROOM {
            inbox.send(&Draft::email().to(&format!("{number}@example.com")).message()).await.unwrap();
        }
        assert_eq!(inbox.list("").len(), ROOM);
        assert!(inbox.list("0@example.com").is_empty());
        assert_eq!(inbox.list("1@example.com").len(), 1);
    }
}
