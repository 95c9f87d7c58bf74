//! Text messages by Huawei Cloud's Message & SMS (`/sms/batchSendSms/v1`).
//!
//! Quirks: registered templates only, whose parameters are counted and not named. Every application has an address of its own.
//! Deliveries are told to an address for each message, once for each of its segments.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Delivery, DeliveryAddress, Entropy, Pace, Receipt, SendError, Sender};
use http::{Request, Uri, header};
use http_body_util::Full;
use serde::Deserialize;

use crate::Environment;
use crate::discreet::discreet;
use crate::exchange::{Answer, Exchange, address};
use crate::settings::{SecretText, SettingsError, connections, deadline, read};
use crate::signing::wsse::{AUTHORIZATION, Key};
use crate::vendor::{Later, Parameter, Registered, failure, gateway_id, json, only_the_code, parameters, text};

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The application's access address, without a path.
    url: String,
    app_key: String,
    app_secret: SecretText,
    /// The channel: of the signature at home, of the application abroad.
    from: String,
    /// The registered signature, for a channel that is shared.
    #[serde(default)]
    signature: String,
    templates: Registered,
    /// What the templates want, in this order.
    #[serde(default = "only_the_code")]
    parameters: Vec<Parameter>,
    /// Whether deliveries are to be told.
    #[serde(default = "default_receipts")]
    receipts: bool,
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
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

/// An application.
pub(crate) struct HuaweiSms {
    url: Uri,
    key: Key,
    from: String,
    signature: String,
    templates: Registered,
    parameters: Vec<Parameter>,
    receipts: bool,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    deliveries: Arc<dyn DeliveryAddress>,
}

impl HuaweiSms {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let url = address(&format!("{}/sms/batchSendSms/v1", settings.url.trim_end_matches('/')))?;
        let deadline = deadline(settings.deadline_seconds)?;
        let count = connections(settings.connections)?;
        let secret = settings.app_secret.0;
        Ok(Self {
            exchange: Exchange::new(&url, settings.ca.as_deref(), deadline, count, vec![secret.clone()])?,
            url,
            key: Key { id: settings.app_key, secret },
            from: settings.from,
            signature: settings.signature,
            templates: settings.templates.checked()?,
            parameters: parameters(settings.parameters)?,
            receipts: settings.receipts,
            clock: Arc::clone(&environment.clock),
            entropy: Arc::clone(&environment.entropy),
            deliveries: Arc::clone(&environment.deliveries),
        })
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let impossible = |error: &dyn std::fmt::Display| SendError::Permanent { reason: error.to_string() };
        let values: Vec<_> = self.parameters.iter().map(|parameter| parameter.value(message)).collect();
        let values = serde_json::to_string(&values).map_err(|error| impossible(&error))?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("from", &self.from);
        form.append_pair("to", message.to.normalised());
        form.append_pair("templateId", self.templates.of(message.about.language));
        form.append_pair("templateParas", &values);
        if self.receipts {
            form.append_pair("statusCallback", &self.deliveries.of(message));
        }
        if !self.signature.is_empty() {
            form.append_pair("signature", &self.signature);
        }
        Request::post(self.url.clone())
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .header("x-wsse", self.key.token(self.clock.now(), &*self.entropy))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(form.finish().into()))
            .map_err(|error| impossible(&error))
    }

    fn judge(&self, answer: &Answer, message: &Message) -> Result<Receipt, SendError> {
        const DONE: &str = "000000";
        let json = json(answer);
        let (whole, ours) = (text(&json, "/code"), text(&json, "/result/0/status"));
        // Where there is a word about the message itself, it says more than the one about the call.
        let code = ours.or(whole);
        if code.as_deref() == Some(DONE) && answer.status.is_success() {
            return Ok(Receipt { gateway_id: gateway_id(&json, "/result/0/smsMsgId", message) });
        }
        let later = code.as_deref().and_then(later);
        Err(failure(answer, code.as_deref(), later, message, &*self.clock))
    }
}

#[async_trait]
impl Sender for HuaweiSms {
    fn pace(&self) -> Pace {
        self.exchange.pace()
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        if message.to.channel() != Channel::Sms {
            return Err(SendError::Permanent { reason: "the service takes text messages only".to_owned() });
        }
        let answer = self.exchange.call(self.request(message)?).await?;
        self.judge(&answer, message)
    }

    /// The last segment's arrival counts as the message's, and any segment's failure: a code in half a text is none.
    fn delivery(&self, _query: &str, body: &[u8]) -> Option<Delivery> {
        let field = |name: &str| form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
        match &*field("status")? {
            "DELIVRD" => (field("sequence") == field("total")).then_some(Delivery::Delivered),
            "" | "ACCEPTD" | "UNKNOWN" => None,
            status => Some(Delivery::Undelivered(discreet(status))),
        }
    }
}

/// What passes: an error inside the system, and a queue that is full.
fn later(code: &str) -> Option<Later> {
    matches!(code, "E000000" | "E200015").then_some(Later::Soon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, Peer, environment, told};

    fn sender(url: &str) -> HuaweiSms {
        let all = "app_key = 'k1'\napp_secret = 's3cret'\nfrom = '8824'\ntemplates = { zh = 't1' }";
        HuaweiSms::new(format!("url = '{url}'\n{all}").parse().unwrap(), &environment()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_decides_what_becomes_of_the_message() {
        for (status, body, expected) in [
            ("200 OK", r#"{"code":"000000","result":[{"smsMsgId":"d6e3_1","status":"000000"}]}"#, "sent as d6e3_1"),
            (
                "200 OK",
                r#"{"code":"E000510","result":[{"smsMsgId":"d6e3_1","status":"E200028"}]}"#,
                "refused: HTTP 200: E200028",
            ),
            (
                "200 OK",
                r#"{"code":"000000","result":[{"smsMsgId":"d6e3_1","status":"E200015"}]}"#,
                "not now: HTTP 200: E200015",
            ),
            ("400 Bad Request", r#"{"code":"E000503"}"#, "refused: HTTP 400: E000503"),
            ("200 OK", r#"{"code":"E000000"}"#, "not now: HTTP 200: E000000"),
            ("401 Unauthorized", "", "not now: HTTP 401: "),
            ("502 Bad Gateway", "<html>", "not now: HTTP 502: <html>"),
            ("200 OK", r#"{"code":0}"#, "in doubt: no code in HTTP 200: {\"code\":0}"),
        ] {
            let peer =
                Peer::answering(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
            assert_eq!(told(sender(&peer.url()).send(&Draft::sms().message()).await), expected);
        }
    }

    #[tokio::test]
    async fn deliveries() {
        let sender = sender("https://a.example");
        let undelivered = |reason: &str| Some(Delivery::Undelivered(reason.to_owned()));
        for (body, expected) in [
            ("sequence=1&total=1&orgCode=000&smsMsgId=d6e3_1&status=DELIVRD", Some(Delivery::Delivered)),
            ("sequence=1&total=2&status=DELIVRD", None),
            ("sequence=2&total=2&status=DELIVRD", Some(Delivery::Delivered)),
            ("status=DELIVRD", Some(Delivery::Delivered)),
            ("sequence=1&total=2&status=EXPIRED", undelivered("EXPIRED")),
            ("status=13912345678", undelivered("…")),
            ("status=ACCEPTD", None),
            ("", None),
        ] {
            assert_eq!(sender.delivery("", body.as_bytes()), expected, "{body}");
        }
    }
}
