//! Whether codes would reach anybody: the templates, and each sender, as far as it can be asked without a message.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::contact::{Channel, ContactKeys};
use countersign_domain::ports::{Clock, Delivery, Entropy, ReportError, Reports};
use countersign_domain::secret::Secret;
use countersign_senders::Inbox;
use countersign_senders::templates::Book;

use super::{Finding, Line, block_on};
use crate::config::{Config, Mode};
use crate::delivery::{self, Senders};
use crate::dev;
use crate::system::{OsEntropy, SystemClock};

/// The templates and the senders.
pub(super) fn examine(config: &Config) -> Vec<Line> {
    let mut lines = vec![match Book::open(&config.delivery.templates()) {
        Ok(_) if config.delivery.templates.is_empty() => {
            ("templates", Finding::Well, "messages have the built-in words".to_owned())
        }
        Ok(_) => ("templates", Finding::Well, format!("those in {} can be used", config.delivery.templates)),
        Err(error) => ("templates", Finding::Wrong, error.to_string()),
    }];
    let mode = if dev::endpoint(&config.data).is_some() { Mode::Development } else { Mode::Production };
    let settings = match delivery::settings(config, mode) {
        Ok(settings) => settings,
        Err(error) => {
            lines.push(("senders", Finding::Wrong, format!("{error:#}")));
            return lines;
        }
    };
    for (channel, messages) in [(Channel::Sms, "text message"), (Channel::Email, "e-mail")] {
        if !settings.iter().any(|sender| sender.channels.contains(&channel)) {
            let sentence = format!("there is none for {messages}: codes that way are refused; add one to [[senders]]");
            lines.push(("senders", Finding::Note, sentence));
        }
    }
    let asked = block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        // What is built here sends nothing, so any keys will do.
        let keys = Arc::new(ContactKeys::new(&Secret::new([0; 32])));
        let inbox = Inbox::new(Arc::clone(&clock));
        let senders =
            delivery::build(&settings, &keys, &config.public_url, &clock, &entropy, &inbox, |_| Arc::new(Nobody))?;
        Ok(ask(&senders).await)
    });
    match asked {
        Ok(answers) => lines.extend(answers),
        Err(error) => lines.push(("senders", Finding::Wrong, format!("{error:#}"))),
    }
    lines
}

/// Keeps no report: the server beside this command does, and will be told again.
struct Nobody;

#[async_trait]
impl Reports for Nobody {
    async fn keep(&self, _: &str, _: Delivery) -> Result<(), ReportError> {
        Err(ReportError::Unavailable)
    }
}

async fn ask(senders: &Senders) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, running) in senders {
        lines.push(match running.sender.probe().await {
            Ok(true) => ("senders", Finding::Well, format!("{name} is there and takes its credentials")),
            Ok(false) => ("senders", Finding::Well, format!("{name} is set up; it cannot be asked without a message")),
            Err(error) => ("senders", Finding::Wrong, format!("{name}: {error}")),
        });
    }
    lines
}
