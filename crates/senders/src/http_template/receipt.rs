//! What a gateway tells later of a delivery. Which message it is about, the address that it calls says, so only the state is
//! read here.

use countersign_domain::ports::Delivery;
use serde::Deserialize;
use serde_json::Value;

use super::Scalar;
use super::answer::{pointer, scalar};
use crate::discreet::discreet;
use crate::settings::SettingsError;

/// How the settings call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Where the state stands.
    from: From,
    /// The name of the parameter or field; in JSON a pointer.
    status: String,
    /// Where the gateway gives its reason, likewise.
    reason: Option<String>,
    /// The states that mean: it has arrived.
    delivered: Vec<Scalar>,
    /// The states that mean: it has not and will not. All others are on the way there and say nothing.
    undelivered: Vec<Scalar>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum From {
    Query,
    Form,
    Json,
}

pub(super) struct Receipts {
    from: From,
    status: String,
    reason: Option<String>,
    delivered: Vec<String>,
    undelivered: Vec<String>,
}

impl Receipts {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let texts = |values: &[Scalar]| values.iter().map(Scalar::text).collect::<Vec<_>>();
        let (delivered, undelivered) = (texts(&settings.delivered), texts(&settings.undelivered));
        if delivered.is_empty() && undelivered.is_empty() {
            return Err(SettingsError::new(
                "`receipt`: `delivered` and `undelivered` are empty, so nothing could be told",
            ));
        }
        if let Some(both) = delivered.iter().find(|state| undelivered.contains(state)) {
            return Err(SettingsError::new(format!("`receipt`: {both:?} is both delivered and undelivered")));
        }
        let place = |setting: &str, name: &String| match settings.from {
            From::Json => pointer(setting, name.clone()),
            From::Query | From::Form => Ok(name.clone()),
        };
        Ok(Self {
            from: settings.from,
            status: place("receipt.status", &settings.status)?,
            reason: settings.reason.as_ref().map(|name| place("receipt.reason", name)).transpose()?,
            delivered,
            undelivered,
        })
    }

    pub(super) fn read(&self, query: &str, body: &[u8]) -> Option<Delivery> {
        let json: Option<Value> = if self.from == From::Json { serde_json::from_slice(body).ok() } else { None };
        let find = |name: &str| match self.from {
            From::Query => field(query.as_bytes(), name),
            From::Form => field(body, name),
            From::Json => scalar(json.as_ref()?.pointer(name)?),
        };
        let status = find(&self.status)?;
        if self.delivered.contains(&status) {
            return Some(Delivery::Delivered);
        }
        if !self.undelivered.contains(&status) {
            return None;
        }
        let reason = self.reason.as_deref().and_then(find).unwrap_or_default();
        Some(Delivery::Undelivered(discreet(&format!("{status} {reason}"))))
    }
}

fn field(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
