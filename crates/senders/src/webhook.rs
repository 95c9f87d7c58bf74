//! An app's own webhook, for those who deliver themselves: a POST with the message in JSON, signed as Standard Webhooks
//! say (standardwebhooks.com). The app finds its answer's fields in one place, `data`, and must compare the signature before
//! it believes them.
//!
//! Quirks: `webhook-id` is the message's name and the same on every try, so that an app can drop what it has had; the time
//! is the try's, so a signature is as fresh as its call. While a secret is replaced both sign, with a space between.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_domain::code::{Requester, Resource};
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Pace, Receipt, SendError, Sender};
use countersign_domain::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Request, Uri, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::Environment;
use crate::exchange::{Exchange, address, refused, transient};
use crate::settings::{SecretText, SettingsError, connections, deadline, read, rfc3339, secrets};

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where to POST to.
    url: String,
    /// `whsec_` and 24 to 64 bytes in base64; more than one while one is replaced.
    #[serde(deserialize_with = "secrets")]
    secrets: Vec<SecretText>,
    /// For authorities that the system does not know: a PEM file, and no other is believed.
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

fn default_deadline() -> u64 {
    15
}

fn default_connections() -> usize {
    4
}

/// A webhook.
pub(crate) struct Webhook {
    url: Uri,
    keys: Vec<Secret<Vec<u8>>>,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let url = address(&settings.url)?;
        if settings.secrets.is_empty() {
            return Err(SettingsError::new(
                "`secrets` must hold at least one: an app could not tell our calls from others",
            ));
        }
        let keys = settings.secrets.iter().map(key).collect::<Result<_, _>>()?;
        let deadline = deadline(settings.deadline_seconds)?;
        let exchange =
            Exchange::new(&url, settings.ca.as_deref(), deadline, connections(settings.connections)?, vec![])?;
        Ok(Self { url, keys, exchange, clock: Arc::clone(&environment.clock) })
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let id = message.id.to_string();
        let now = self.clock.now();
        let seconds = now.milliseconds().div_euclid(1000);
        let impossible = |error: &dyn std::fmt::Display| SendError::Permanent { reason: error.to_string() };
        let body = serde_json::to_vec(&Event::of(message, rfc3339(now))).map_err(|error| impossible(&error))?;
        let signatures: Vec<_> = self.keys.iter().filter_map(|key| sign(key, &id, seconds, &body)).collect();
        Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("Countersign/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(Full::new(body.into()))
            .map_err(|error| impossible(&error))
    }
}

#[async_trait]
impl Sender for Webhook {
    fn pace(&self) -> Pace {
        self.exchange.pace()
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        // A receiver that has had the message knows it by its id: to send it again costs nothing, so nothing is left in doubt.
        let answer = self.exchange.call(self.request(message)?).await.map_err(|error| match error {
            SendError::Doubtful { reason } => transient(reason),
            error => error,
        })?;
        if answer.status.is_success() { Ok(Receipt::default()) } else { Err(refused(&answer, &*self.clock)) }
    }
}

/// The body.
#[derive(Serialize)]
struct Event<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    message_id: String,
    to: &'a str,
    channel: &'static str,
    code: &'a str,
    app: &'a str,
    purpose: &'a str,
    resource: Option<&'a str>,
    requester: Option<&'a str>,
    language: &'static str,
    subject: &'a str,
    text: &'a str,
    expires_at: String,
}

impl<'a> Event<'a> {
    fn of(message: &'a Message, timestamp: String) -> Self {
        let about = &message.about;
        let data = Data {
            message_id: message.id.to_string(),
            to: message.to.normalised(),
            channel: message.to.channel().word(),
            code: about.digits.expose(),
            app: about.app.as_str(),
            purpose: about.purpose.as_str(),
            resource: about.resource.as_ref().map(Resource::as_str),
            requester: about.requester.as_ref().map(Requester::as_str),
            language: about.language.tag(),
            subject: message.text.subject.expose(),
            text: message.text.body.expose(),
            expires_at: rfc3339(message.expires_at),
        };
        Self { r#type: "code.send", timestamp, data }
    }
}

/// A secret's key: what follows `whsec_`.
fn key(SecretText(text): &SecretText) -> Result<Secret<Vec<u8>>, SettingsError> {
    let key = text.expose().strip_prefix("whsec_").and_then(|base64| STANDARD.decode(base64).ok()).map(Secret::new);
    match key {
        Some(key) if (24..=64).contains(&key.expose().len()) => Ok(key),
        _ => Err(SettingsError::new("`secrets`: each must be `whsec_` and 24 to 64 bytes in base64")),
    }
}

/// `v1,` and the MAC; `None` for no key, since HMAC takes keys of any length.
fn sign(key: &Secret<Vec<u8>>, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use countersign_domain::language::Language;

    use super::*;
    use crate::testing::{Draft, Peer, environment};

    fn webhook(settings: &str) -> Result<Webhook, SettingsError> {
        Webhook::new(settings.parse().unwrap(), &environment())
    }

    /// The example of the Standard Webhooks' own libraries.
    #[test]
    fn the_signature_is_the_one_of_the_specification() {
        let key = key(&SecretText(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()))).unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[tokio::test]
    async fn the_whole_call() {
        let peer = Peer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let secrets = r#"["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]"#;
        let sender = webhook(&format!("url = \"{}/hook?x=1\"\nsecrets = {secrets}", peer.url())).unwrap();
        let draft = Draft::email()
            .resource("cen-1")
            .requester("Acme (1)")
            .language(Language::Chinese)
            .text("验证码", "123456\n请勿转告");
        assert_eq!(sender.send(&draft.message()).await, Ok(Receipt::default()));
        insta::assert_snapshot!(peer.heard().await);
    }

    #[tokio::test]
    async fn an_answer_decides_what_becomes_of_the_message() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "sent"),
            ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", "refused: HTTP 410: "),
            ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "refused: HTTP 302: "),
            (
                "HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow",
                "not now: HTTP 429: slow, after 7s",
            ),
            (
                "HTTP/1.1 500 Oops\r\ncontent-length: 31\r\n\r\nno ann@example.com, code 123456",
                "not now: HTTP 500: no … code …",
            ),
            ("nonsense\r\n\r\n", "not now: client error (SendRequest): invalid HTTP version parsed"),
            ("", "not now: client error (SendRequest): connection closed before message completed"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
                "not now: error reading a body from connection: end of file before message length reached",
            ),
        ] {
            let peer = Peer::answering(answer).await;
            let secrets = r#"["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]"#;
            let sender = webhook(&format!("url = \"{}\"\nsecrets = {secrets}", peer.url())).unwrap();
            assert_eq!(crate::testing::told(sender.send(&Draft::email().message()).await), expected);
        }
    }

    #[test]
    fn settings_that_cannot_be_meant() {
        for (settings, complaint) in [
            ("url = \"https://a.example\"\nsecrets = []", "`secrets` must hold at least one"),
            ("url = \"https://a.example\"\nsecrets = [\"whsec_AAAA\"]", "`secrets`: each must be `whsec_`"),
            ("url = \"https://a.example\"\nsecrets = [\"secret\"]", "`secrets`: each must be `whsec_`"),
            ("url = \"a.example\"\nsecrets = []", "`url`: it must begin with"),
            ("url = \"https://a.example\"\nsecrets = []\nsecret = 1", "unknown field `secret`"),
        ] {
            let told = webhook(settings).err().unwrap().to_string();
            assert!(told.starts_with(complaint), "{told}");
        }
    }
}
