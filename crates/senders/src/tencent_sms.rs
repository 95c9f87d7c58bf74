//! Text messages by Tencent Cloud's SMS (`SendSms` of 2021-01-11).
//!
//! Quirks: registered templates only, whose parameters are counted and not named. Every answer has the status 200; what became
//! of the message stands in a list, or an error in its place. Deliveries are told for all messages to one address of the
//! console's, not to one for each message, so they are not heard.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Pace, Receipt, SendError, Sender};
use http::{Request, Uri, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::exchange::{Answer, Exchange, origin};
use crate::settings::{SecretText, SettingsError, connections, deadline, read};
use crate::signing::tc3::{CONTENT_TYPE, Key};
use crate::vendor::{Later, Parameter, Registered, failure, gateway_id, json, only_the_code, parameters, text};

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_url")]
    url: String,
    #[serde(default = "default_region")]
    region: String,
    secret_id: String,
    secret_key: SecretText,
    /// The application in the console.
    sdk_app_id: String,
    /// The registered signature that stands before the text; abroad it may be empty.
    #[serde(default)]
    sign_name: String,
    templates: Registered,
    /// What the templates want, in this order.
    #[serde(default = "only_the_code")]
    parameters: Vec<Parameter>,
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

fn default_url() -> String {
    "https://sms.tencentcloudapi.com".to_owned()
}

fn default_region() -> String {
    "ap-guangzhou".to_owned()
}

fn default_deadline() -> u64 {
    15
}

fn default_connections() -> usize {
    4
}

/// The service, with one application.
pub(crate) struct TencentSms {
    url: Uri,
    region: String,
    key: Key,
    sdk_app_id: String,
    sign_name: String,
    templates: Registered,
    parameters: Vec<Parameter>,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
}

impl TencentSms {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let url = origin(&settings.url)?;
        let deadline = deadline(settings.deadline_seconds)?;
        let count = connections(settings.connections)?;
        let secret = settings.secret_key.0;
        Ok(Self {
            exchange: Exchange::new(&url, settings.ca.as_deref(), deadline, count, vec![secret.clone()])?,
            url,
            region: settings.region,
            key: Key { id: settings.secret_id, secret },
            sdk_app_id: settings.sdk_app_id,
            sign_name: settings.sign_name,
            templates: settings.templates.checked()?,
            parameters: parameters(settings.parameters)?,
            clock: Arc::clone(&environment.clock),
        })
    }

    fn request(&self, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
        let impossible = |error: &dyn std::fmt::Display| SendError::Permanent { reason: error.to_string() };
        let body = Body {
            phone_number_set: [message.to.normalised()],
            sms_sdk_app_id: &self.sdk_app_id,
            template_id: self.templates.of(message.about.language),
            sign_name: &self.sign_name,
            template_param_set: self.parameters.iter().map(|parameter| parameter.value(message)).collect(),
            session_context: message.id.to_string(),
        };
        let body = serde_json::to_vec(&body).map_err(|error| impossible(&error))?;
        let now = self.clock.now();
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let scheme = self.url.scheme_str().unwrap_or("https");
        Request::post(format!("{scheme}://{host}/"))
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, self.key.sign("sms", host, &body, now))
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header("x-tc-action", "SendSms")
            .header("x-tc-version", "2021-01-11")
            .header("x-tc-region", &self.region)
            .header("x-tc-timestamp", now.milliseconds().div_euclid(1_000))
            .body(Full::new(body.into()))
            .map_err(|error| impossible(&error))
    }

    fn judge(&self, answer: &Answer, message: &Message) -> Result<Receipt, SendError> {
        let json = json(answer);
        let code = text(&json, "/Response/Error/Code").or_else(|| text(&json, "/Response/SendStatusSet/0/Code"));
        if code.as_deref() == Some("Ok") && answer.status.is_success() {
            return Ok(Receipt { gateway_id: gateway_id(&json, "/Response/SendStatusSet/0/SerialNo", message) });
        }
        let later = code.as_deref().and_then(later);
        Err(failure(answer, code.as_deref(), later, message, &*self.clock))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    phone_number_set: [&'a str; 1],
    sms_sdk_app_id: &'a str,
    template_id: &'a str,
    sign_name: &'a str,
    template_param_set: Vec<String>,
    session_context: String,
}

#[async_trait]
impl Sender for TencentSms {
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

/// What passes. Limits of an hour and a day do not, as long as a code holds.
fn later(code: &str) -> Option<Later> {
    match code {
        "LimitExceeded.PhoneNumberThirtySecondLimit" | "LimitExceeded.DeliveryFrequencyLimit" => {
            Some(Later::After(Duration::from_secs(30)))
        }
        // A clock that is wrong on one side: it may be set.
        "AuthFailure.SignatureExpire" => Some(Later::Soon),
        _ if code.starts_with("RequestLimitExceeded") || code.starts_with("InternalError") => Some(Later::Soon),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Draft, Peer, environment, told};

    #[tokio::test]
    async fn an_answer_decides_what_becomes_of_the_message() {
        let sent = |status: &str| format!(r#"{{"Response":{{"SendStatusSet":[{status}],"RequestId":"r"}}}}"#);
        let error = |code: &str| format!(r#"{{"Response":{{"Error":{{"Code":"{code}"}},"RequestId":"r"}}}}"#);
        for (body, expected) in [
            (sent(r#"{"SerialNo":"2640:1","Code":"Ok"}"#), "sent as 2640:1"),
            (
                sent(r#"{"SerialNo":"","Code":"LimitExceeded.PhoneNumberThirtySecondLimit"}"#),
                "not now: HTTP 200: LimitExceeded.PhoneNumberThirtySecondLimit, after 30s",
            ),
            (
                sent(r#"{"Code":"LimitExceeded.PhoneNumberDailyLimit"}"#),
                "refused: HTTP 200: LimitExceeded.PhoneNumberDailyLimit",
            ),
            (error("RequestLimitExceeded.IPLimitExceeded"), "not now: HTTP 200: RequestLimitExceeded.IPLimitExceeded"),
            (error("InternalError.Timeout"), "not now: HTTP 200: InternalError.Timeout"),
            (error("AuthFailure.SignatureFailure"), "refused: HTTP 200: AuthFailure.SignatureFailure"),
            (sent(""), "in doubt: no code in HTTP 200: {\"Response\":{\"SendStatusSet\":[],\"RequestId\":\"r\"}}"),
            (String::new(), "in doubt: no code in HTTP 200: "),
        ] {
            let peer =
                Peer::answering(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
            let all = "secret_id = 'AKID1'\nsecret_key = 's3cret'\nsdk_app_id = '1400'\ntemplates = { en = '1' }";
            let settings = format!("url = '{}'\n{all}", peer.url()).parse().unwrap();
            let outcome = TencentSms::new(settings, &environment()).unwrap().send(&Draft::sms().message()).await;
            assert_eq!(told(outcome), expected);
        }
    }
}
