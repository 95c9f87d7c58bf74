//! E-mail by SMTP, to the operator's own mail server or to one that takes mail for him.
//!
//! Quirks: lettre builds the message and speaks the protocol, but its deadline ends with the connection's beginning, its pool
//! takes a connection back whose send was given up half-way, its DKIM signature is made over other bytes than are sent, and its
//! buffer outlives STARTTLS. So the deadline, the connections, the signature and the line before TLS are ours.

mod connections;
mod dkim;
mod line;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Pace, Receipt, SendError, Sender};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use serde::Deserialize;

use crate::Environment;
use crate::discreet::discreet;
use crate::exchange::transient;
use crate::settings::{self, SecretText, SettingsError, certificates, deadline, read};
use connections::{Connections, Failure, Security, Server};
use dkim::Dkim;

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    host: String,
    /// Where nothing is said: 587 for `starttls`, 465 for `tls`, 25 for `plain`.
    port: Option<u16>,
    #[serde(default)]
    security: SecuritySetting,
    /// Both or neither.
    #[serde(default)]
    user: String,
    password: Option<SecretText>,
    /// `Example <no-reply@example.com>`.
    from: String,
    reply_to: Option<String>,
    /// How we introduce ourselves (EHLO): by default the domain of `from`.
    hello: Option<String>,
    /// For authorities that the system does not know: a PEM file, and no other is believed.
    ca: Option<PathBuf>,
    dkim: Option<dkim::Settings>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

/// How the connection is protected. A server that does not offer STARTTLS where it is wanted gets no mail: whoever sits in
/// between can take the offer out.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum SecuritySetting {
    #[default]
    Starttls,
    Tls,
    /// Not at all: for a server on the same host.
    Plain,
}

fn default_deadline() -> u64 {
    30
}

fn default_connections() -> usize {
    4
}

/// A mail server that takes our messages.
pub(crate) struct Smtp {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    dkim: Option<Dkim>,
    connections: Connections,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let from = mailbox("from", &settings.from)?;
        let reply_to = settings.reply_to.as_deref().map(|text| mailbox("reply_to", text)).transpose()?;
        let domain = from.email.domain().to_owned();
        let deadline = deadline(settings.deadline_seconds)?;
        let server = Server {
            security: security(&settings)?,
            port: settings.port.unwrap_or(match settings.security {
                SecuritySetting::Starttls => 587,
                SecuritySetting::Tls => 465,
                SecuritySetting::Plain => 25,
            }),
            hello: ClientId::Domain(settings.hello.unwrap_or(domain)),
            credentials: credentials(settings.user, settings.password)?,
            host: settings.host,
            patience: deadline / 3,
        };
        let count = settings::connections(settings.connections)?;
        Ok(Self {
            from,
            reply_to,
            dkim: settings.dkim.map(Dkim::new).transpose()?,
            connections: Connections::new(server, count, Arc::clone(&environment.clock)),
            deadline,
            clock: Arc::clone(&environment.clock),
        })
    }

    fn took_too_long(&self) -> SendError {
        transient(format!("the mail server took more than {} s", self.deadline.as_secs_f64()))
    }

    /// The envelope and the bytes of the message, signed.
    fn letter(&self, message: &Message) -> Result<(Envelope, Vec<u8>), SendError> {
        // A reason without the address: it is the contact.
        let to = recipient(message.to.normalised()).ok_or_else(|| refused("the address cannot be written in SMTP"))?;
        let now = self.clock.now();
        let date = std::time::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.milliseconds()).unwrap_or(0));
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(message.text.subject.expose().as_str())
            .date(date)
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let body = SinglePart::plain(message.text.body.expose().clone());
        let letter = builder.singlepart(body).map_err(|error| refused(&error.to_string()))?;
        let bytes = letter.formatted();
        let bytes = match &self.dkim {
            Some(dkim) => dkim.signed(bytes, now).map_err(transient)?,
            None => bytes,
        };
        Ok((letter.envelope().clone(), bytes))
    }
}

#[async_trait]
impl Sender for Smtp {
    fn pace(&self) -> Pace {
        Pace { deadline: self.deadline, at_once: self.connections.at_once() }
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        if message.to.channel() != Channel::Email {
            return Err(refused("a mail server takes e-mail only"));
        }
        let (envelope, bytes) = self.letter(message)?;
        // Given up in time, the connection is dropped with the future, whatever state it is in.
        match tokio::time::timeout(self.deadline, self.connections.deliver(&envelope, &bytes)).await {
            Ok(Ok(response)) => Ok(Receipt { gateway_id: queued_as(&response) }),
            Ok(Err(failure)) => Err(send_error(&failure)),
            Err(_) => Err(self.took_too_long()),
        }
    }

    async fn probe(&self) -> Result<bool, SendError> {
        match tokio::time::timeout(self.deadline, self.connections.probe()).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(failure)) => Err(send_error(&failure)),
            Err(_) => Err(self.took_too_long()),
        }
    }
}

/// The address as contacts have it, its domain in ASCII: then only a name beyond ASCII needs a server that knows of those.
fn recipient(address: &str) -> Option<Address> {
    let (name, domain) = address.rsplit_once('@')?;
    Address::new(name, domain).ok()
}

/// Tells other machines not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn mailbox(setting: &str, text: &str) -> Result<Mailbox, SettingsError> {
    text.parse().map_err(|error| SettingsError::new(format!("`{setting}`: {error}")))
}

fn credentials(user: String, password: Option<SecretText>) -> Result<Option<Credentials>, SettingsError> {
    let password = password.map(|SecretText(password)| password.expose().clone()).unwrap_or_default();
    match (user.is_empty(), password.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(Credentials::new(user, password))),
        _ => Err(SettingsError::new("`user` and `password` must both be set, or neither")),
    }
}

fn security(settings: &Settings) -> Result<Security, SettingsError> {
    if settings.security == SecuritySetting::Plain {
        return Ok(Security::Plain);
    }
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = &settings.ca {
        parameters = parameters.certificate_store(CertificateStore::None);
        for certificate in certificates(path)? {
            let read = Certificate::from_der(certificate.to_vec());
            let complaint = |error| SettingsError::new(format!("`ca`: {}: {error}", path.display()));
            parameters = parameters.add_root_certificate(read.map_err(complaint)?);
        }
    }
    let parameters = parameters.build().map_err(|error| SettingsError::new(format!("`host`: {error}")))?;
    Ok(match settings.security {
        SecuritySetting::Tls => Security::Tls(parameters),
        SecuritySetting::Starttls | SecuritySetting::Plain => Security::Starttls(parameters),
    })
}

/// What the server calls the message in its log, if its answer says so: `250 2.0.0 Ok: queued as 4F2A1B`.
fn queued_as(response: &Response) -> Option<String> {
    let (_, id) = response.first_line()?.split_once("queued as ")?;
    let id: String = id.chars().take_while(char::is_ascii_alphanumeric).take(128).collect();
    (!id.is_empty()).then_some(id)
}

/// An answer 4xx passes and 5xx does not. Of everything else nobody knows, except for what the server does not offer (STARTTLS,
/// a way to authenticate: lettre's "client" errors, and ours): trying again will not change that.
fn send_error(failure: &Failure) -> SendError {
    let error: &Error = match failure {
        Failure::Smtp(error) => error,
        Failure::Line(error) => return transient(discreet(&format!("no connection to the mail server: {error}"))),
        // Who we are is refused, or that we call at all: the operator can put that right while the code holds.
        Failure::Entry(error) => return transient(discreet(&format!("the mail server does not let us in: {error}"))),
        Failure::Lacks(what) => return refused(&format!("the mail server does not offer {what}")),
    };
    let reason = discreet(&error.to_string());
    let permanent = match error.status() {
        Some(code) => code.severity == Severity::PermanentNegativeCompletion,
        None => error.is_client(),
    };
    if permanent { SendError::Permanent { reason } } else { transient(reason) }
}

fn refused(reason: &str) -> SendError {
    SendError::Permanent { reason: discreet(reason) }
}

#[cfg(test)]
mod tests {
    use countersign_domain::contact::Contact;
    use lettre::transport::smtp::commands::Rcpt;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Draft, environment, told};

    fn smtp(settings: &str) -> Result<Smtp, SettingsError> {
        let all = format!("host = \"localhost\"\nsecurity = \"plain\"\n{settings}");
        Smtp::new(all.parse().unwrap(), &environment())
    }

    fn written(smtp: &Smtp, draft: &Draft) -> String {
        let (envelope, bytes) = smtp.letter(&draft.message()).unwrap();
        let to: Vec<_> = envelope.to().iter().map(ToString::to_string).collect();
        let from = envelope.from().map(ToString::to_string).unwrap_or_default();
        format!("{from} → {}\n\n{}", to.join(", "), String::from_utf8(bytes).unwrap().replace("\r\n", "\n"))
    }

    #[test]
    fn a_message_in_english_and_one_in_chinese() {
        let sender = smtp("from = \"Example <no-reply@example.com>\"\nreply_to = \"help@example.com\"").unwrap();
        insta::assert_snapshot!("english", written(&sender, &Draft::email()));
        let sender = smtp("from = \"示例 <no-reply@example.com>\"").unwrap();
        let chinese =
            Draft::email().text("您的验证码（示例）", "您的验证码是 123456。\n\n请勿告诉他人。\n.\nFrom here\n");
        insta::assert_snapshot!("chinese", written(&sender, &chinese));
    }

    #[test]
    fn no_text_adds_a_header() {
        let sender = smtp("from = \"no-reply@example.com\"").unwrap();
        for subject in
            ["Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "您\r\nBcc: eve@example.com", "a\rBcc: b"]
        {
            let whole = written(&sender, &Draft::email().text(subject, "123456"));
            let (head, _) = whole.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap();
            assert!(!head.lines().any(|line| line.trim_start().starts_with("Bcc")), "{head}");
        }
    }

    #[tokio::test]
    async fn a_number_is_no_address() {
        let sender = smtp("from = \"no-reply@example.com\"").unwrap();
        assert_eq!(told(sender.send(&Draft::sms().message()).await), "refused: a mail server takes e-mail only");
    }

    #[test]
    fn a_domain_beyond_ascii_is_written_in_ascii() {
        let sender = smtp("from = \"no-reply@example.com\"").unwrap();
        let (envelope, bytes) = sender.letter(&Draft::email().to("ann@例子.测试").message()).unwrap();
        assert_eq!(envelope.to()[0].to_string(), "ann@xn--fsqu00a.xn--0zwm56d");
        assert!(bytes.is_ascii());
    }

    proptest! {
        /// Whatever address a person gives, it is one recipient, or refused for good.
        #[test]
        fn no_address_becomes_two(name in "[!-~é]{1,20}", domain in "[a-z.é-]{1,20}") {
            let Ok(contact) = Contact::parse(&format!("{name}@{domain}")) else { return Ok(()) };
            let Some(address) = recipient(contact.normalised()) else { return Ok(()) };
            let written = Rcpt::new(address, vec![]).to_string();
            prop_assert_eq!(written.matches(['<', '>', '\r', '\n', ' ']).count(), "RCPT TO:<>\r\n".matches(['<', '>', '\r', '\n', ' ']).count());
        }
    }

    #[test]
    fn the_servers_name_for_a_message_is_its_receipt() {
        for (line, expected) in
            [("2.0.0 Ok: queued as 4F2A1B0C", Some("4F2A1B0C")), ("Ok queued as <x>", None), ("2.0.0 gsmtp", None)]
        {
            let response: Response = format!("250 {line}\r\n").parse().unwrap();
            assert_eq!(queued_as(&response).as_deref(), expected);
        }
    }

    #[test]
    fn settings_that_cannot_be_meant() {
        for (settings, complaint) in [
            ("from = \"Example\"", "`from`: Invalid input"),
            ("from = \"a@example.com\"\nuser = \"x\"", "`user` and `password` must both be set, or neither"),
            ("from = \"a@example.com\"\ndeadline_seconds = 0", "`deadline_seconds` must be 1 to 120"),
            ("from = \"a@example.com\"\nconnections = 0", "`connections` must be 1 to 1000"),
            ("from = \"a@example.com\"\nhots = 1", "unknown field `hots`"),
            (
                "from = \"a@example.com\"\n[dkim]\ndomain = \"example.com\"\nselector = \"s\"\nkey = \"/nowhere.pem\"",
                "`dkim.key`: /nowhere.pem:",
            ),
        ] {
            let told = smtp(settings).err().unwrap().to_string();
            assert!(told.starts_with(complaint), "{told}");
        }
    }
}
