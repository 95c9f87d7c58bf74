//! What the tests of this crate share: messages, and an environment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::app::AppId;
use countersign_domain::code::{CodePurpose, Digits, Requester, Resource};
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::message::{Message, MessageId, Subject, Text};
use countersign_domain::ports::{Clock as _, DeliveryAddress, Receipt, SendError};
use countersign_domain::secret::Secret;
use countersign_domain::testing::{ManualClock, RecordedReports, SeededEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{Environment, Inbox};

/// Where deliveries are told in tests.
pub(crate) struct Deliveries;

impl DeliveryAddress for Deliveries {
    fn of(&self, message: &Message) -> String {
        format!("https://verify.example.com/v1/deliveries/{}", message.id)
    }
}

/// An environment whose clock stands still.
pub(crate) fn environment() -> Environment {
    let clock = ManualClock::new();
    Environment {
        inbox: Inbox::new(Arc::clone(&clock) as _),
        clock,
        entropy: Arc::new(SeededEntropy::new(1)),
        deliveries: Arc::new(Deliveries),
        reports: Arc::new(RecordedReports::default()),
    }
}

/// A message that a test changes before it takes it.
pub(crate) struct Draft {
    to: String,
    language: Language,
    purpose: String,
    resource: Option<String>,
    requester: Option<String>,
    app: String,
    app_name: String,
    subject: String,
    body: String,
}

impl Draft {
    /// A text message.
    pub(crate) fn sms() -> Self {
        Self {
            to: "+8613912345678".to_owned(),
            language: Language::English,
            purpose: "signup".to_owned(),
            resource: None,
            requester: None,
            app: "shop".to_owned(),
            app_name: "Example".to_owned(),
            subject: String::new(),
            body: "Your code is 123456.".to_owned(),
        }
    }

    /// An e-mail.
    pub(crate) fn email() -> Self {
        Self { to: "ann@example.com".to_owned(), subject: "Your code".to_owned(), ..Self::sms() }
    }

    #[must_use]
    pub(crate) fn to(self, to: &str) -> Self {
        Self { to: to.to_owned(), ..self }
    }

    #[must_use]
    pub(crate) fn language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    #[must_use]
    pub(crate) fn purpose(self, purpose: &str) -> Self {
        Self { purpose: purpose.to_owned(), ..self }
    }

    #[must_use]
    pub(crate) fn resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    #[must_use]
    pub(crate) fn requester(self, requester: &str) -> Self {
        Self { requester: Some(requester.to_owned()), ..self }
    }

    #[must_use]
    pub(crate) fn app(self, app: &str, app_name: &str) -> Self {
        Self { app: app.to_owned(), app_name: app_name.to_owned(), ..self }
    }

    #[must_use]
    pub(crate) fn text(self, subject: &str, body: &str) -> Self {
        Self { subject: subject.to_owned(), body: body.to_owned(), ..self }
    }

    /// What it is about.
    pub(crate) fn about(&self) -> Subject {
        Subject {
            app: AppId::parse(&self.app).unwrap(),
            app_name: self.app_name.clone(),
            purpose: CodePurpose::parse(&self.purpose).unwrap(),
            resource: self.resource.as_deref().map(|resource| Resource::parse(resource).unwrap()),
            requester: self.requester.as_deref().and_then(Requester::of),
            digits: Digits::read("123456").unwrap(),
            minutes: 10,
            channel: Contact::parse(&self.to).unwrap().channel(),
            language: self.language,
        }
    }

    /// The message.
    pub(crate) fn message(&self) -> Message {
        Message {
            id: MessageId([0xab; 16]),
            attempt: 1,
            to: Contact::parse(&self.to).unwrap(),
            about: self.about(),
            text: Text { subject: Secret::new(self.subject.clone()), body: Secret::new(self.body.clone()) },
            expires_at: ManualClock::new().now().plus(Duration::from_mins(10)),
        }
    }
}

/// What a send came to, in one line.
pub(crate) fn told(outcome: Result<Receipt, SendError>) -> String {
    match outcome {
        Ok(Receipt { gateway_id: Some(id) }) => format!("sent as {id}"),
        Ok(Receipt { gateway_id: None }) => "sent".to_owned(),
        Err(SendError::Transient { reason, retry_after: Some(span) }) => format!("not now: {reason}, after {span:?}"),
        Err(error) => error.to_string(),
    }
}

/// An HTTP peer on loopback that answers one call with the bytes that it was given, and closes.
pub(crate) struct Peer {
    address: SocketAddr,
    heard: oneshot::Receiver<String>,
}

impl Peer {
    /// A peer that has read one whole request, by its length, before it answers.
    pub(crate) async fn answering(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = answer.to_owned();
        let (tell, heard) = oneshot::channel();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while !whole(&bytes) && stream.read_buf(&mut bytes).await.unwrap() > 0 {}
            stream.write_all(answer.as_bytes()).await.unwrap();
            let text = String::from_utf8(bytes).unwrap().replace(&address.to_string(), "PEER");
            let _nobody_asks = tell.send(text.replace("\r\n", "\n"));
        });
        Self { address, heard }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The request that it read.
    pub(crate) async fn heard(self) -> String {
        self.heard.await.unwrap()
    }
}

fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
