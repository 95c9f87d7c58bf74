//! Any gateway that takes a message over HTTP, as the operator describes it: what to call, what of the answer is a yes, and
//! how deliveries are told.
//!
//! Quirks of gateways: many answer 200 to everything and say in the body that it went wrong, so a status alone is believed
//! only where the settings describe nothing better; some answer a proxy's page, which is neither yes nor no; and receipts
//! come by GET, as a form or in JSON.

mod answer;
mod receipt;
mod request;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Delivery, DeliveryAddress, Pace, Receipt, SendError, Sender};
use serde::Deserialize;

use crate::Environment;
use crate::exchange::Exchange;
use crate::settings::{SecretText, SettingsError, connections, deadline, read, secrets};
use answer::Judgement;
use receipt::Receipts;
use request::Template;

/// How the settings call it. Where a template may stand its variables are `to`, `to_digits`, `subject`, `text`, `code`, `minutes`,
/// `message_id`, `language`, `purpose`, `resource`, `app`, `delivery_url`, `segments`, `coding`, and the names of the secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    method: Method,
    /// A template; scheme and host must stand there as they are.
    url: String,
    /// A template each.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// How the body is written: it decides how values are escaped in it, and its content type.
    #[serde(default)]
    format: Format,
    /// A template.
    #[serde(default)]
    body: String,
    /// Values that are nobody's to see, under the names by which templates use them.
    #[serde(default, deserialize_with = "secrets")]
    secrets: BTreeMap<String, SecretText>,
    /// The statuses that are a yes; without any, all of 2xx.
    #[serde(default)]
    success_status: Vec<u16>,
    /// One of these stands in the body of a yes.
    #[serde(default)]
    success_contains: Vec<String>,
    /// A value in the JSON of a yes.
    success: Option<Expected>,
    /// One of these stands in the body of a "try later", whatever its status.
    #[serde(default)]
    later_contains: Vec<String>,
    /// A value in the JSON of a "try later", whatever its status.
    later: Option<Expected>,
    /// Where the gateway says what it calls the message.
    id: Option<Id>,
    receipt: Option<receipt::Settings>,
    /// For authorities that the system does not know: a PEM file, and no other is believed.
    ca: Option<PathBuf>,
    #[serde(default = "default_deadline")]
    deadline_seconds: u64,
    #[serde(default = "default_connections")]
    connections: usize,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    #[default]
    Post,
    Put,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Form,
    Text,
}

/// A place in JSON (RFC 6901), and the values that count there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    pointer: String,
    values: Vec<Scalar>,
}

/// A value as settings write it: `"OK"`, `0`, `true`. They are compared as texts, because gateways change between `0` and `"0"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(i64),
    Truth(bool),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    pointer: Option<String>,
    header: Option<String>,
}

fn default_deadline() -> u64 {
    15
}

fn default_connections() -> usize {
    4
}

/// A gateway.
pub(crate) struct HttpTemplate {
    template: Template,
    judgement: Judgement,
    receipts: Option<Receipts>,
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    deliveries: Arc<dyn DeliveryAddress>,
}

impl HttpTemplate {
    pub(crate) fn new(table: toml::Table, environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Settings = read(table)?;
        let template = Template::new(&settings)?;
        let deadline = deadline(settings.deadline_seconds)?;
        let connections = connections(settings.connections)?;
        Ok(Self {
            exchange: Exchange::new(
                template.address(),
                settings.ca.as_deref(),
                deadline,
                connections,
                template.hidden(),
            )?,
            template,
            receipts: settings.receipt.as_ref().map(Receipts::new).transpose()?,
            judgement: Judgement::new(settings)?,
            clock: Arc::clone(&environment.clock),
            deliveries: Arc::clone(&environment.deliveries),
        })
    }
}

#[async_trait]
impl Sender for HttpTemplate {
    fn pace(&self) -> Pace {
        self.exchange.pace()
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let request = self.template.request(message, &self.deliveries.of(message))?;
        let answer = self.exchange.call(request).await?;
        self.judgement.of(&answer, message, &*self.clock)
    }

    fn delivery(&self, query: &str, body: &[u8]) -> Option<Delivery> {
        self.receipts.as_ref()?.read(query, body)
    }
}

#[cfg(test)]
mod tests;
