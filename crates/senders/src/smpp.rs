//! Text messages by SMPP 3.4, to an operator's message centre or to a gateway that speaks as one: over TCP, with or without TLS,
//! in one session that is kept bound.
//!
//! Quirks: deliveries are told on the session, in the message centre's own names, which some write in decimal in receipts and in
//! hexadecimal elsewhere. A receipt may come before the answer to the submission is kept, or days later. A full queue and
//! "throttled" are one message's answer and mean all of them. Each piece of a long text is a message of its own to it.

mod ledger;
mod link;
mod pdu;
mod receipt;
mod session;
mod status;
mod submission;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Pace, Receipt, SendError, Sender};
use countersign_domain::secret::Secret;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio_rustls::TlsConnector;

use crate::Environment;
use crate::exchange::transient;
use crate::settings::{SecretText, SettingsError, deadline, read, roots};
use ledger::Ledger;
use link::{Centre, Link};
use receipt::ReceiptIds;
use session::Shared;
use submission::{Frame, Source, submissions};

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    host: String,
    /// Where nothing is said: 3550 for `tls`, 2775 for `plain`.
    port: Option<u16>,
    #[serde(default)]
    security: SecuritySetting,
    /// For authorities that the system does not know: a PEM file, and no other is believed.
    ca: Option<PathBuf>,
    system_id: String,
    /// Left out where the message centre wants none.
    password: Option<SecretText>,
    #[serde(default)]
    system_type: String,
    #[serde(default)]
    service_type: String,
    /// `+8610…`, a short number, or up to 11 letters.
    from: String,
    /// The type of number and the numbering plan of `from`, where they cannot be seen in it; both or neither.
    from_ton: Option<u8>,
    from_npi: Option<u8>,
    /// Whether deliveries are to be told.
    #[serde(default = "default_receipts")]
    receipts: bool,
    #[serde(default)]
    receipt_ids: ReceiptIds,
    /// Submissions that may be unanswered.
    #[serde(default = "default_window")]
    window: usize,
    /// How often the message centre is asked whether it is there.
    #[serde(default = "default_enquire")]
    enquire_seconds: u64,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
}

/// How the line is protected.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum SecuritySetting {
    #[default]
    Tls,
    /// Not at all: for a line that is protected otherwise, as most of those to operators are. Codes go over it as they are.
    Plain,
}

fn default_receipts() -> bool {
    true
}

fn default_window() -> usize {
    10
}

fn default_enquire() -> u64 {
    15
}

fn default_deadline() -> u64 {
    15
}

/// A message centre that takes our messages.
pub(crate) struct Smpp {
    link: Link,
    shared: Arc<Shared>,
    frame: Frame,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl Smpp {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let deadline = deadline(settings.deadline_seconds)?;
        let window = within("window", settings.window, 1_000)?;
        let enquire = within("enquire_seconds", settings.enquire_seconds, 3_600)?;
        let frame = Frame {
            source: source(&settings)?,
            service_type: short("service_type", &settings.service_type, 5)?,
            receipts: settings.receipts,
        };
        let centre = Centre {
            tls: tls(&settings)?,
            port: settings.port.unwrap_or(match settings.security {
                SecuritySetting::Tls => 3550,
                SecuritySetting::Plain => 2775,
            }),
            host: settings.host,
            system_id: short("system_id", &settings.system_id, 15)?,
            // The specification allows 8; some message centres go beyond it.
            password: settings.password.map_or_else(|| Secret::new(String::new()), |SecretText(text)| text),
            system_type: short("system_type", &settings.system_type, 12)?,
        };
        short("password", centre.password.expose(), 64)?;
        let shared = Arc::new(Shared {
            ledger: Ledger::default(),
            reports: Arc::clone(&environment.reports),
            receipt_ids: settings.receipt_ids,
            window,
            enquire,
            patience: deadline,
        });
        let link = Link::open(centre, Arc::clone(&shared), Arc::clone(&environment.entropy));
        Ok(Self { link, shared, frame, deadline, clock: Arc::clone(&environment.clock) })
    }

    /// Submits the pieces one after the other, but those that were taken on an earlier try.
    async fn submit(&self, message: &Message) -> Result<Option<String>, SendError> {
        let ledger = &self.shared.ledger;
        let text = ledger.text(message.id, message.text.body.expose());
        let bodies = submissions(message, text.expose(), &self.frame, self.clock.now());
        let mut ids = Vec::with_capacity(bodies.len());
        for (piece, body) in bodies.into_iter().enumerate() {
            let id = match ledger.taken(message.id, piece) {
                Some(id) => id,
                None => self.link.submit(body, message.id, piece).await?,
            };
            ids.push(id);
        }
        Ok(ledger.done(message.id, ids))
    }

    fn took_too_long(&self) -> SendError {
        transient(format!("the message centre took more than {} s", self.deadline.as_secs_f64()))
    }
}

#[async_trait]
impl Sender for Smpp {
    fn pace(&self) -> Pace {
        Pace { deadline: self.deadline, at_once: u32::try_from(self.shared.window).unwrap_or(u32::MAX) }
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        if message.to.channel() != Channel::Sms {
            return Err(SendError::Permanent { reason: "a message centre takes text messages only".to_owned() });
        }
        match tokio::time::timeout(self.deadline, self.submit(message)).await {
            Ok(taken) => taken.map(|gateway_id| Receipt { gateway_id }),
            Err(_) => Err(self.took_too_long()),
        }
    }

    async fn probe(&self) -> Result<bool, SendError> {
        match tokio::time::timeout(self.deadline, self.link.bound()).await {
            Ok(bound) => bound.map(|()| true),
            Err(_) => Err(self.took_too_long()),
        }
    }
}

fn source(settings: &Settings) -> Result<Source, SettingsError> {
    let complaint = "`from` must be a number, with a plus if it is an international one, or up to 11 letters of ASCII";
    let mut source = Source::parse(&settings.from).ok_or_else(|| SettingsError::new(complaint))?;
    match (settings.from_ton, settings.from_npi) {
        (None, None) => {}
        (Some(ton), Some(npi)) => source.kind = (ton, npi),
        _ => return Err(SettingsError::new("`from_ton` and `from_npi` must both be set, or neither")),
    }
    Ok(source)
}

fn tls(settings: &Settings) -> Result<Option<(TlsConnector, ServerName<'static>)>, SettingsError> {
    if settings.security == SecuritySetting::Plain {
        return Ok(None);
    }
    let name = ServerName::try_from(settings.host.clone());
    let name = name.map_err(|error| SettingsError::new(format!("`host`: {error}")))?;
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::new(error.to_string()))?
        .with_root_certificates(roots(settings.ca.as_deref())?)
        .with_no_client_auth();
    Ok(Some((TlsConnector::from(Arc::new(config)), name)))
}

fn short(setting: &str, text: &str, longest: usize) -> Result<String, SettingsError> {
    if text.len() > longest || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(SettingsError::new(format!("`{setting}` must be at most {longest} characters of ASCII")));
    }
    Ok(text.to_owned())
}

fn within<N: Copy + From<u16> + PartialOrd>(setting: &str, number: N, most: u16) -> Result<N, SettingsError> {
    if number < N::from(1) || number > N::from(most) {
        return Err(SettingsError::new(format!("`{setting}` must be 1 to {most}")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, environment, told};

    fn smpp(settings: &str) -> Result<Smpp, SettingsError> {
        let settings = format!("host = '127.0.0.1'\nport = 1\nsystem_id = 'ann'\npassword = 's3cret'\n{settings}");
        Smpp::new(settings.parse().unwrap(), &environment())
    }

    #[tokio::test]
    async fn settings_that_cannot_be_meant() {
        let from = "from = '10690'";
        for (settings, complaint) in [
            ("from = 'A name that is long'", "`from` must be a number"),
            (&*format!("{from}\nfrom_ton = 1"), "`from_ton` and `from_npi` must both be set"),
            (&format!("{from}\nwindow = 0"), "`window` must be 1 to 1000"),
            (&format!("{from}\nenquire_seconds = 0"), "`enquire_seconds` must be 1 to 3600"),
            (&format!("{from}\nsystem_type = 'more than twelve'"), "`system_type` must be at most 12"),
            (&format!("{from}\nsecurity = 'starttls'"), "unknown variant `starttls`"),
            (&format!("{from}\nreceipt_ids = 'octal'"), "unknown variant `octal`"),
            (&format!("{from}\nconnections = 3"), "unknown field `connections`"),
        ] {
            let told = smpp(settings).err().unwrap().to_string();
            assert!(told.starts_with(complaint), "{told}");
        }
    }

    #[tokio::test]
    async fn a_message_centre_that_is_not_there_is_one_that_may_be_there_later() {
        let sender = smpp("from = '10690'\nsecurity = 'plain'").unwrap();
        let outcome = told(sender.send(&Draft::sms().message()).await);
        assert!(outcome.starts_with("not now: no session: the line broke: Connection refused"), "{outcome}");
        let outcome = told(sender.send(&Draft::email().message()).await);
        assert_eq!(outcome, "refused: a message centre takes text messages only");
    }
}
