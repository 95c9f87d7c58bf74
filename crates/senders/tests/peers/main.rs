//! Senders against real peers on loopback: a scripted mail server, Debian's postfix with its own configuration and queue,
//! Kannel with its fake message centre, a scripted message centre, and a server that verifies the signatures of vendors.
//! `cargo xtask test tests` installs what they are; without it these tests fail and say what is missing.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod kannel;
mod mail_server;
mod message_centre;
mod peer;
mod postfix;
mod vendors;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_domain::app::AppId;
use countersign_domain::code::{CodePurpose, Digits};
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::message::{Message, MessageId, SenderName, Subject, Text};
use countersign_domain::ports::{Clock, DeliveryAddress, Receipt, SendError, Sender};
use countersign_domain::secret::Secret;
use countersign_domain::testing::{ManualClock, RecordedReports, SeededEntropy};
use countersign_senders::{Environment, Inbox, build};

static SEEDS: AtomicU64 = AtomicU64::new(1);

/// A sender of the kind `kind`, with these settings in TOML; deliveries are told below `deliveries`.
fn sender(kind: &str, settings: &str, deliveries: &str) -> Arc<dyn Sender> {
    reporting(kind, settings, deliveries, Arc::default())
}

/// The same; what it hears itself of deliveries is kept in `reports`.
fn reporting(kind: &str, settings: &str, deliveries: &str, reports: Arc<RecordedReports>) -> Arc<dyn Sender> {
    let clock = ManualClock::new();
    let environment = Environment {
        inbox: Inbox::new(Arc::clone(&clock) as _),
        clock,
        // No two senders draw the same: some peers remember what they have seen.
        entropy: Arc::new(SeededEntropy::new(SEEDS.fetch_add(1, Ordering::Relaxed))),
        reports,
        deliveries: Arc::new(Deliveries(deliveries.to_owned())),
    };
    build(&SenderName::parse("test").unwrap(), kind, settings.parse().unwrap(), &environment).unwrap()
}

struct Deliveries(String);

impl DeliveryAddress for Deliveries {
    fn of(&self, message: &Message) -> String {
        format!("{}/{}", self.0, message.id)
    }
}

/// A message with this text.
fn message(to: &str, subject: &str, body: &str) -> Message {
    let to = Contact::parse(to).unwrap();
    let about = Subject {
        app: AppId::parse("shop").unwrap(),
        app_name: "Example".to_owned(),
        purpose: CodePurpose::parse("signup").unwrap(),
        resource: None,
        requester: None,
        digits: Digits::read("123456").unwrap(),
        minutes: 10,
        channel: to.channel(),
        language: Language::English,
    };
    Message {
        id: MessageId([0xab; 16]),
        attempt: 1,
        to,
        about,
        text: Text { subject: Secret::new(subject.to_owned()), body: Secret::new(body.to_owned()) },
        expires_at: ManualClock::new().now().plus(Duration::from_mins(10)),
    }
}

/// What a send came to, in one line.
fn told(outcome: Result<Receipt, SendError>) -> String {
    match outcome {
        Ok(Receipt { gateway_id }) => format!("sent as {}", gateway_id.unwrap_or_default()),
        Err(error) => error.to_string(),
    }
}
