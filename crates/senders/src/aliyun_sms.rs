//! Text messages by Alibaba Cloud's short message service (Dysms, `SendSms` of 2017-05-25).
//!
//! Quirks: it sends only registered templates under a registered signature, so the words are there and only their parameters go
//! out. Numbers of mainland China want no calling code, others one without a plus. Deliveries are told for all messages to one
//! address of the console's, not to one for each message, so they are not heard.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Entropy, Pace, Receipt, SendError, Sender};
use http::{Request, Uri, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Environment;
use crate::exchange::{Answer, Exchange, origin};
use crate::settings::{SecretText, SettingsError, connections, deadline, read};
use crate::signing::acs3::{Call, Key};
use crate::vendor::{Later, Parameter, Registered, failure, gateway_id, json, only_the_code, parameters, text};

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_url")]
    url: String,
    access_key_id: String,
    access_key_secret: SecretText,
    /// The registered signature that stands before the text.
    sign_name: String,
    templates: Registered,
    /// What the templates want, by these names.
    #[serde(default = "only_the_code")]
    parameters: Vec<Parameter>,
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

fn default_url() -> String {
    "https://dysmsapi.aliyuncs.com".to_owned()
}

fn default_deadline() -> u64 {
    15
}

fn default_connections() -> usize {
    4
}

/// The service, with one signature.
pub(crate) struct AliyunSms {
    url: Uri,
    key: Key,
    sign_name: String,
    templates: Registered,
    parameters: Vec<Parameter>,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl AliyunSms {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let url = origin(&settings.url)?;
        let deadline = deadline(settings.deadline_seconds)?;
        let count = connections(settings.connections)?;
        let secret = settings.access_key_secret.0;
        Ok(Self {
            exchange: Exchange::new(&url, settings.ca.as_deref(), deadline, count, vec![secret.clone()])?,
            url,
            key: Key { id: settings.access_key_id, secret },
            sign_name: settings.sign_name,
            templates: settings.templates.checked()?,
            parameters: parameters(settings.parameters)?,
            clock: Arc::clone(&environment.clock),
            entropy: Arc::clone(&environment.entropy),
        })
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let of = |parameter: &Parameter| (parameter.name().to_owned(), Value::String(parameter.value(message)));
        let template_parameters: Map<_, _> = self.parameters.iter().map(of).collect();
        let call = Call {
            host,
            action: "SendSms",
            version: "2017-05-25",
            parameters: vec![
                ("OutId", message.id.to_string()),
                ("PhoneNumbers", number(message)),
                ("SignName", self.sign_name.clone()),
                ("TemplateCode", self.templates.of(message.about.language).to_owned()),
                ("TemplateParam", Value::Object(template_parameters).to_string()),
            ],
        };
        let signed = self.key.sign(&call, self.clock.now(), &*self.entropy);
        let scheme = self.url.scheme_str().unwrap_or("https");
        let mut request = Request::post(format!("{scheme}://{host}/?{}", signed.query)).header(header::HOST, host);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        request.body(Full::default()).map_err(|error| SendError::Permanent { reason: error.to_string() })
    }

    fn judge(&self, answer: &Answer, message: &Message) -> Result<Receipt, SendError> {
        let json = json(answer);
        let code = text(&json, "/Code");
        if code.as_deref() == Some("OK") && answer.status.is_success() {
            return Ok(Receipt { gateway_id: gateway_id(&json, "/BizId", message) });
        }
        let why = text(&json, "/Message").unwrap_or_default();
        let later = code.as_deref().and_then(|code| later(code, &why));
        Err(failure(answer, code.as_deref(), later, message, &*self.clock))
    }
}

#[async_trait]
impl Sender for AliyunSms {
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
}

/// The number as the service wants it.
fn number(message: &Message) -> String {
    let digits = message.to.normalised().trim_start_matches('+');
    match digits.strip_prefix("86") {
        Some(national) if national.len() == 11 => national.to_owned(),
        _ => digits.to_owned(),
    }
}

/// What passes. Limits of an hour, a day, a month and an account do not, as long as a code holds.
fn later(code: &str, why: &str) -> Option<Later> {
    let why = why.to_lowercase();
    match code {
        // The limits of one number have one code, and only the words tell them apart (触发小时级流控Permits:5).
        "isv.BUSINESS_LIMIT_CONTROL" if ["小时级", "天级", "hour", "day"].iter().any(|span| why.contains(span)) => {
            None
        }
        // One message a minute.
        "isv.BUSINESS_LIMIT_CONTROL" => Some(Later::After(Duration::from_mins(1))),
        "isp.SYSTEM_ERROR" | "isp.GATEWAY_TIMEOUT" | "InternalError" | "ServiceUnavailable" => Some(Later::Soon),
        _ if code.starts_with("Throttling") => Some(Later::Soon),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, Peer, environment, told};

    fn sender(url: &str, settings: &str) -> Result<AliyunSms, SettingsError> {
        let all = "access_key_id = 'LTAI1'\naccess_key_secret = 's3cret'\nsign_name = '示例'\n";
        AliyunSms::new(format!("url = '{url}'\n{all}{settings}").parse().unwrap(), &environment())
    }

    #[tokio::test]
    async fn an_answer_decides_what_becomes_of_the_message() {
        let templates = "templates = { zh = 'SMS_1' }";
        for (status, body, expected) in [
            (
                "200 OK",
                r#"{"Code":"OK","Message":"OK","BizId":"900619746936498440^0"}"#,
                "sent as 900619746936498440^0",
            ),
            (
                "200 OK",
                r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#,
                "not now: HTTP 200: isv.BUSINESS_LIMIT_CONTROL, after 60s",
            ),
            (
                "200 OK",
                r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发分钟级流控Permits:1"}"#,
                "not now: HTTP 200: isv.BUSINESS_LIMIT_CONTROL, after 60s",
            ),
            (
                "200 OK",
                r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发小时级流控Permits:5"}"#,
                "refused: HTTP 200: isv.BUSINESS_LIMIT_CONTROL",
            ),
            (
                "200 OK",
                r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发天级流控Permits:10"}"#,
                "refused: HTTP 200: isv.BUSINESS_LIMIT_CONTROL",
            ),
            (
                "200 OK",
                r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL:13912345678"}"#,
                "refused: HTTP 200: isv.MOBILE_NUMBER_ILLEGAL:…",
            ),
            ("200 OK", r#"{"Code":"isv.AMOUNT_NOT_ENOUGH"}"#, "refused: HTTP 200: isv.AMOUNT_NOT_ENOUGH"),
            (
                "200 OK",
                r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL 13912345678"}"#,
                "refused: HTTP 200: isv.MOBILE_NUMBER_ILLEGAL …",
            ),
            ("400 Bad Request", r#"{"Code":"Throttling.User"}"#, "not now: HTTP 400: Throttling.User"),
            (
                "404 Not Found",
                r#"{"Code":"InvalidAccessKeyId.NotFound"}"#,
                "refused: HTTP 404: InvalidAccessKeyId.NotFound",
            ),
            ("500 Oops", r#"{"Code":"OK"}"#, "not now: HTTP 500: OK"),
            ("200 OK", "<html>", "in doubt: no code in HTTP 200: <html>"),
            ("302 Found", "", "refused: HTTP 302: "),
        ] {
            let peer =
                Peer::answering(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
            let outcome = sender(&peer.url(), templates).unwrap().send(&Draft::sms().message()).await;
            assert_eq!(told(outcome), expected);
        }
    }

    #[test]
    fn numbers() {
        for (to, expected) in
            [("+8613912345678", "13912345678"), ("+85261234567", "85261234567"), ("+12025550123", "12025550123")]
        {
            assert_eq!(number(&Draft::sms().to(to).message()), expected);
        }
    }

    #[tokio::test]
    async fn settings_that_cannot_be_meant() {
        for (settings, complaint) in [
            ("", "missing field `templates`"),
            ("templates = {}", "`templates` must name one"),
            ("templates = { zh = 'SMS_1' }\nparameters = ['minutes']", "`parameters` must hold `code`"),
        ] {
            let told = sender("https://a.example", settings).err().unwrap().to_string();
            assert!(told.starts_with(complaint), "{told}");
        }
    }
}
