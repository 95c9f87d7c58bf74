//! Text messages by Twilio (the Messages API, 2010-04-01).
//!
//! Quirks: its own numbers say what went wrong, beside the status. It signs what it tells of deliveries, by a header that we do
//! not look at: the address that it calls holds a proof that nobody else can make, and is for one message only.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Delivery, DeliveryAddress, Pace, Receipt, SendError, Sender};
use countersign_domain::secret::Secret;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;

use crate::Environment;
use crate::exchange::{Answer, Exchange, address};
use crate::settings::{SecretText, SettingsError, connections, deadline, read};
use crate::vendor::{Later, failure, gateway_id, json, text};

/// The longest time, in seconds, for which it takes a message to hold.
const LONGEST_VALIDITY: u64 = 36_000;

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_url")]
    url: String,
    account_sid: String,
    /// Of an API key, where it is not the account that signs in.
    key_sid: Option<String>,
    /// The account's token, or the key's secret.
    auth_token: SecretText,
    /// A number, or a name.
    #[serde(default)]
    from: String,
    /// Instead of `from`.
    #[serde(default)]
    messaging_service_sid: String,
    /// Whether deliveries are to be told. Twilio refuses an address that is not on the internet.
    #[serde(default = "default_receipts")]
    receipts: bool,
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

fn default_url() -> String {
    "https://api.twilio.com".to_owned()
}

fn default_receipts() -> bool {
    true
}

fn default_deadline() -> u64 {
    15
}

fn default_connections() -> usize {
    4
}

/// Who sends, in the words of the form.
enum From {
    Number(String),
    Service(String),
}

/// An account.
pub(crate) struct Twilio {
    url: Uri,
    authorization: HeaderValue,
    from: From,
    receipts: bool,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    deliveries: Arc<dyn DeliveryAddress>,
}

impl Twilio {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let sid = &settings.account_sid;
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) || sid.is_empty() {
            return Err(SettingsError::new("`account_sid` must be letters and digits"));
        }
        let base = settings.url.trim_end_matches('/');
        let url = address(&format!("{base}/2010-04-01/Accounts/{sid}/Messages.json"))?;
        let from = match (settings.from.is_empty(), settings.messaging_service_sid.is_empty()) {
            (false, true) => From::Number(settings.from),
            (true, false) => From::Service(settings.messaging_service_sid),
            _ => return Err(SettingsError::new("either `from` or `messaging_service_sid` must be set")),
        };
        let token = settings.auth_token.0;
        let user = settings.key_sid.as_deref().unwrap_or(sid);
        let pair = Secret::new(STANDARD.encode(format!("{user}:{}", token.expose())));
        let authorization = HeaderValue::from_str(&format!("Basic {}", pair.expose()));
        let mut authorization = authorization.map_err(|error| SettingsError::new(error.to_string()))?;
        authorization.set_sensitive(true);
        let deadline = deadline(settings.deadline_seconds)?;
        let count = connections(settings.connections)?;
        let exchange = Exchange::new(&url, settings.ca.as_deref(), deadline, count, vec![pair, token])?;
        Ok(Self {
            url,
            authorization,
            from,
            receipts: settings.receipts,
            exchange,
            clock: Arc::clone(&environment.clock),
            deliveries: Arc::clone(&environment.deliveries),
        })
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let left = message.expires_at.since(self.clock.now()).as_secs().clamp(1, LONGEST_VALIDITY);
        let mut form = form_urlencoded::Serializer::new(String::new());
        match &self.from {
            From::Number(number) => form.append_pair("From", number),
            From::Service(sid) => form.append_pair("MessagingServiceSid", sid),
        };
        form.append_pair("To", message.to.normalised());
        form.append_pair("Body", message.text.body.expose());
        form.append_pair("ValidityPeriod", &left.to_string());
        if self.receipts {
            form.append_pair("StatusCallback", &self.deliveries.of(message));
        }
        Request::post(self.url.clone())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(form.finish().into()))
            .map_err(|error| SendError::Permanent { reason: error.to_string() })
    }

    fn judge(&self, answer: &Answer, message: &Message) -> Result<Receipt, SendError> {
        let json = json(answer);
        if text(&json, "/sid").is_some() && answer.status.is_success() {
            return Ok(Receipt { gateway_id: gateway_id(&json, "/sid", message) });
        }
        let number = json.pointer("/code").and_then(Value::as_u64);
        let code = number.map(|number| number.to_string());
        Err(failure(answer, code.as_deref(), number.and_then(later), message, &*self.clock))
    }
}

#[async_trait]
impl Sender for Twilio {
    fn pace(&self) -> Pace {
        self.exchange.pace()
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        if message.to.channel() != Channel::Sms {
            return Err(SendError::Permanent { reason: "Twilio takes text messages only".to_owned() });
        }
        let answer = self.exchange.call(self.request(message)?).await?;
        self.judge(&answer, message)
    }

    fn delivery(&self, _query: &str, body: &[u8]) -> Option<Delivery> {
        let field = |name: &str| form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
        match &*field("MessageStatus")? {
            "delivered" | "read" => Some(Delivery::Delivered),
            status @ ("undelivered" | "failed" | "canceled") => {
                let error = field("ErrorCode").and_then(|code| code.parse::<u32>().ok()).filter(|code| *code < 100_000);
                let error = error.map_or_else(String::new, |code| format!(" error {code}"));
                Some(Delivery::Undelivered(format!("{status}{error}")))
            }
            _ => None,
        }
    }
}

/// What passes, whatever its status.
fn later(code: u64) -> Option<Later> {
    // Too many calls at once, and two queues that are full.
    matches!(code, 14_107 | 20_429 | 21_611 | 30_001 | 30_022).then_some(Later::Soon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, Peer, environment, told};

    fn twilio(settings: &str) -> Result<Twilio, SettingsError> {
        let settings = format!("account_sid = 'AC1'\nauth_token = 's3cret-token'\n{settings}");
        Twilio::new(settings.parse().unwrap(), &environment())
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn the_whole_call() {
        let peer =
            Peer::answering(&answer("201 Created", r#"{"sid": "SM1", "status": "queued", "error_code": null}"#)).await;
        let sender = twilio(&format!("url = '{}'\nfrom = '+12025550123'", peer.url())).unwrap();
        assert_eq!(told(sender.send(&Draft::sms().text("", "验证码 1+1=2 & x").message()).await), "sent as SM1");
        let heard = peer.heard().await;
        // What the vendor checks: user and password of the account.
        let basic = heard.lines().find_map(|line| line.strip_prefix("authorization: Basic ")).unwrap();
        assert_eq!(STANDARD.decode(basic).unwrap(), b"AC1:s3cret-token");
        insta::assert_snapshot!(heard);
    }

    #[tokio::test]
    async fn an_answer_decides_what_becomes_of_the_message() {
        for (answer, expected) in [
            (
                answer(
                    "400 Bad Request",
                    r#"{"code": 21211, "message": "The 'To' number +8613912345678 is not valid"}"#,
                ),
                "refused: HTTP 400: 21211",
            ),
            (answer("400 Bad Request", r#"{"code": 21611}"#), "not now: HTTP 400: 21611"),
            (answer("401 Unauthorized", r#"{"code": 20003}"#), "not now: HTTP 401: 20003"),
            (answer("429 Too Many Requests", r#"{"code": 20429}"#), "not now: HTTP 429: 20429"),
            (answer("503 Busy", "s3cret-token"), "not now: HTTP 503: …"),
            // The name and the token, as the header has them.
            (answer("503 Busy", "Basic QUMxOnMzY3JldC10b2tlbg=="), "not now: HTTP 503: Basic …"),
            (answer("200 OK", "<html>proxy</html>"), "in doubt: no code in HTTP 200: <html>proxy</html>"),
            (answer("200 OK", r#"{"sid": 7}"#), "in doubt: no code in HTTP 200: {\"sid\": 7}"),
            (String::new(), "in doubt: client error (SendRequest): connection closed before message completed"),
        ] {
            let peer = Peer::answering(&answer).await;
            let sender = twilio(&format!("url = '{}'\nmessaging_service_sid = 'MG1'", peer.url())).unwrap();
            assert_eq!(told(sender.send(&Draft::sms().message()).await), expected);
        }
    }

    #[tokio::test]
    async fn deliveries() {
        let sender = twilio("from = 'Example'").unwrap();
        for (body, expected) in [
            ("MessageSid=SM1&MessageStatus=delivered", Some(Delivery::Delivered)),
            (
                "MessageStatus=undelivered&ErrorCode=30003",
                Some(Delivery::Undelivered("undelivered error 30003".to_owned())),
            ),
            ("MessageStatus=failed&ErrorCode=8613912345678", Some(Delivery::Undelivered("failed".to_owned()))),
            ("MessageStatus=sent", None),
            ("", None),
        ] {
            assert_eq!(sender.delivery("", body.as_bytes()), expected, "{body}");
        }
    }

    #[tokio::test]
    async fn settings_that_cannot_be_meant() {
        for (settings, complaint) in [
            ("", "either `from` or `messaging_service_sid` must be set"),
            ("from = '1'\nmessaging_service_sid = '2'", "either `from` or `messaging_service_sid` must be set"),
            ("from = '1'\nurl = 'ftp://api.twilio.com'", "`url`: it must begin with"),
        ] {
            let told = twilio(settings).err().unwrap().to_string();
            assert!(told.starts_with(complaint), "{told}");
        }
    }
}
