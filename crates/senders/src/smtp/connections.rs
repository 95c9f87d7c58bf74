//! Connections to one mail server: at most so many at once, and used again while they are fresh.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::ports::Clock;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::line::Line;

/// A connection that has waited longer is not used again: servers close theirs after a while, some after one minute.
const FRESH: Duration = Duration::from_secs(45);

/// How the connection is protected.
pub(super) enum Security {
    Plain,
    Starttls(TlsParameters),
    Tls(TlsParameters),
}

/// Where the mail goes, and as whom.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) hello: ClientId,
    pub(super) credentials: Option<Credentials>,
    /// How long one of the host's addresses may take to accept, before the next one is tried.
    pub(super) patience: Duration,
}

/// Why a message was not handed over.
pub(super) enum Failure {
    /// What the server said, or the network.
    Smtp(Error),
    /// There is no connection.
    Line(std::io::Error),
    /// What the server said before the message.
    Entry(Error),
    /// What the server does not offer and the message cannot do without.
    Lacks(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Smtp(error)
    }
}

pub(super) struct Connections {
    server: Server,
    /// As many as may be open; a waiting one is open, too, and is taken before another is opened.
    permits: Semaphore,
    count: usize,
    waiting: Mutex<Vec<Waiting>>,
    clock: Arc<dyn Clock>,
}

struct Waiting {
    connection: AsyncSmtpConnection,
    since: Duration,
}

impl Connections {
    pub(super) fn new(server: Server, count: usize, clock: Arc<dyn Clock>) -> Self {
        Self { server, permits: Semaphore::new(count), count, waiting: Mutex::new(Vec::new()), clock }
    }

    /// How many messages go at once.
    pub(super) fn at_once(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// Hands one message over. A connection goes back to the others only after the server has said yes: any other end, this
    /// future's being dropped among them, ends the connection, too.
    pub(super) async fn deliver(&self, envelope: &Envelope, letter: &[u8]) -> Result<Response, Failure> {
        // The semaphore is never closed, so there is a permit.
        let _permit = self.permits.acquire().await;
        let mut connection = self.begin(envelope, letter).await?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), vec![])).await?;
        }
        connection.command(Data).await?;
        let response = connection.message(letter).await?;
        self.waiting.lock().push(Waiting { connection, since: self.clock.monotonic() });
        Ok(response)
    }

    /// Opens a connection as for a message, and ends it politely.
    pub(super) async fn probe(&self) -> Result<(), Failure> {
        let mut connection = self.server.connect().await?;
        // It was there and let us in; how it takes our leaving says nothing.
        let _parted = connection.quit().await;
        Ok(())
    }

    /// A connection on which the server has said yes to the message's first command. One that has waited may be dead without
    /// our knowing; then nothing of the message has been taken, and a new one is opened.
    async fn begin(&self, envelope: &Envelope, letter: &[u8]) -> Result<AsyncSmtpConnection, Failure> {
        if let Some(mut connection) = self.take() {
            let mail = mail(&connection, envelope, letter)?;
            if connection.command(mail).await.is_ok() {
                return Ok(connection);
            }
        }
        let mut connection = self.server.connect().await?;
        let mail = mail(&connection, envelope, letter)?;
        connection.command(mail).await?;
        Ok(connection)
    }

    fn take(&self) -> Option<AsyncSmtpConnection> {
        let now = self.clock.monotonic();
        let mut waiting = self.waiting.lock();
        waiting.retain(|waiting| now.saturating_sub(waiting.since) < FRESH);
        waiting.pop().map(|waiting| waiting.connection)
    }
}

impl Server {
    /// A connection that is protected and authenticated as the settings say.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let hello = &self.hello;
        let mut connection = match &self.security {
            Security::Plain => self.dial(None).await.map_err(entry)?,
            Security::Tls(parameters) => self.dial(Some(parameters.clone())).await.map_err(entry)?,
            Security::Starttls(parameters) => {
                let line = Line::connect(&self.host, self.port, self.patience).await.map_err(Failure::Line)?;
                let mut connection =
                    AsyncSmtpConnection::connect_with_transport(Box::new(line), hello).await.map_err(entry)?;
                connection.starttls(parameters.clone(), hello).await?;
                connection
            }
        };
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(entry)?;
        }
        Ok(connection)
    }

    async fn dial(&self, tls: Option<TlsParameters>) -> Result<AsyncSmtpConnection, Error> {
        let server = (self.host.as_str(), self.port);
        AsyncSmtpConnection::connect_tokio1(server, Some(self.patience), &self.hello, tls, None).await
    }
}

/// What the server says before the message, as such; what it does not offer stays what it is.
fn entry(error: Error) -> Failure {
    if error.status().is_some() { Failure::Entry(error) } else { Failure::Smtp(error) }
}

/// The command that begins a message. lettre would say of an address or a text beyond ASCII that the client is at fault.
fn mail(connection: &AsyncSmtpConnection, envelope: &Envelope, letter: &[u8]) -> Result<Mail, Failure> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let mut parameters = Vec::new();
    let beyond = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
    if envelope.to().iter().chain(envelope.from()).any(beyond) {
        if !offers(Extension::SmtpUtfEight) {
            return Err(Failure::Lacks("SMTPUTF8, which an address beyond ASCII needs"));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !letter.is_ascii() {
        if !offers(Extension::EightBitMime) {
            return Err(Failure::Lacks("8BITMIME, which a head beyond ASCII needs"));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(Mail::new(envelope.from().cloned(), parameters))
}
