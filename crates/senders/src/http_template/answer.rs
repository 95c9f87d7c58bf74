//! What a gateway's answer means.

use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, Receipt, SendError};
use http::HeaderName;
use serde_json::Value;

use super::{Expected, Settings};
use crate::exchange::{Answer, doubtful, refused, retry_after};
use crate::settings::SettingsError;
use crate::vendor::tells;

/// Characters of the gateway's id that are kept.
const ID: usize = 128;

pub(super) struct Judgement {
    status: Vec<u16>,
    contains: Vec<String>,
    success: Option<Place>,
    later_contains: Vec<String>,
    later: Option<Place>,
    id: Option<IdPlace>,
}

struct Place {
    pointer: String,
    values: Vec<String>,
}

enum IdPlace {
    Pointer(String),
    Header(HeaderName),
}

impl Judgement {
    pub(super) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let id = match settings.id.map(|id| (id.pointer, id.header)) {
            None => None,
            Some((Some(text), None)) => Some(IdPlace::Pointer(pointer("id.pointer", text)?)),
            Some((None, Some(header))) => {
                let name = header.parse().map_err(|_| SettingsError::new("`id.header`: it is no header's name"))?;
                Some(IdPlace::Header(name))
            }
            Some(_) => return Err(SettingsError::new("`id`: it is in one place, `pointer` or `header`")),
        };
        if let Some(status) = settings.success_status.iter().find(|status| !(100..600).contains(*status)) {
            return Err(SettingsError::new(format!("`success_status`: {status} is no status")));
        }
        Ok(Self {
            status: settings.success_status,
            contains: settings.success_contains,
            success: settings.success.map(|expected| place("success", expected)).transpose()?,
            later_contains: settings.later_contains,
            later: settings.later.map(|expected| place("later", expected)).transpose()?,
            id,
        })
    }

    /// The answer in the domain's words. First whether it may go better later, which gateways say with any status; then the
    /// status; then the body, where an answer that holds nothing of what was described is neither yes nor no.
    pub(super) fn of(&self, answer: &Answer, message: &Message, clock: &dyn Clock) -> Result<Receipt, SendError> {
        let text = String::from_utf8_lossy(&answer.body);
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let said = || answer.said.clone();
        let at = |place: &Place| json.as_ref().and_then(|json| scalar(json.pointer(&place.pointer)?));
        let holds = |place: &Place| at(place).is_some_and(|value| place.values.contains(&value));
        let contains = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));

        if self.later.as_ref().is_some_and(holds) || contains(&self.later_contains) {
            return Err(SendError::Transient { reason: said(), retry_after: retry_after(&answer.headers, clock) });
        }
        let yes = if self.status.is_empty() {
            answer.status.is_success()
        } else {
            self.status.contains(&answer.status.as_u16())
        };
        if !yes {
            return Err(refused(answer, clock));
        }
        if let Some(place) = &self.success {
            match at(place) {
                None => return Err(doubtful(format!("nothing at {}: {}", place.pointer, said()))),
                Some(value) if !place.values.contains(&value) => return Err(SendError::Permanent { reason: said() }),
                Some(_) => {}
            }
        }
        if !self.contains.is_empty() && !contains(&self.contains) {
            if answer.body.is_empty() {
                return Err(doubtful(format!("an empty answer: {}", said())));
            }
            return Err(SendError::Permanent { reason: said() });
        }
        // Whole when it is looked at, and cut afterwards.
        let id = self.id(answer, json.as_ref()).filter(|id| !tells(id, message));
        Ok(Receipt { gateway_id: id.map(|id| id.chars().take(ID).collect()) })
    }

    fn id(&self, answer: &Answer, json: Option<&Value>) -> Option<String> {
        let id = match self.id.as_ref()? {
            IdPlace::Pointer(pointer) => scalar(json?.pointer(pointer)?)?,
            IdPlace::Header(name) => answer.headers.get(name)?.to_str().ok()?.to_owned(),
        };
        let plain: String = id.chars().filter(|character| !character.is_control()).collect();
        (!plain.is_empty()).then_some(plain)
    }
}

/// A value as a text; `None` for `null`, lists and objects.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A JSON pointer, which begins with a slash: `code` for `/code` would never find anything.
pub(super) fn pointer(setting: &str, text: String) -> Result<String, SettingsError> {
    if text.starts_with('/') {
        return Ok(text);
    }
    Err(SettingsError::new(format!("`{setting}`: a JSON pointer begins with a slash: /{text}")))
}

fn place(setting: &str, expected: Expected) -> Result<Place, SettingsError> {
    if expected.values.is_empty() {
        return Err(SettingsError::new(format!("`{setting}.values` must hold at least one")));
    }
    let values = expected.values.iter().map(super::Scalar::text).collect();
    Ok(Place { pointer: pointer(&format!("{setting}.pointer"), expected.pointer)?, values })
}
