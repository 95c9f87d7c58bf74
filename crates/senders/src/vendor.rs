//! What the gateways of vendors share that send only words which were registered with them: the choice of a template, its
//! parameters, and an answer that says in a code how it went.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::message::Message;
use countersign_domain::ports::{Clock, SendError};
use serde::Deserialize;
use serde_json::Value;

use crate::discreet::discreet;
use crate::exchange::{Answer, doubtful, refused};
use crate::settings::SettingsError;

/// Characters of an id, and of a code, that are kept.
const LONGEST: usize = 128;

/// The registered templates, by language; where a language has none, the other's is taken.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Registered(BTreeMap<String, String>);

/// A part of a message that a template wants.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Parameter {
    Code,
    Minutes,
    App,
}

/// What templates want where nothing else is said.
pub(crate) fn only_the_code() -> Vec<Parameter> {
    vec![Parameter::Code]
}

impl Registered {
    /// Looks at the settings.
    pub(crate) fn checked(self) -> Result<Self, SettingsError> {
        if self.0.is_empty() || self.0.keys().any(|tag| !["en", "zh"].contains(&tag.as_str())) {
            return Err(SettingsError::new("`templates` must name one for `en`, one for `zh`, or both"));
        }
        Ok(self)
    }

    pub(crate) fn of(&self, language: Language) -> &str {
        let template = self.0.get(language.tag()).or_else(|| self.0.values().next());
        template.map_or("", String::as_str)
    }
}

/// Looks at the settings.
pub(crate) fn parameters(list: Vec<Parameter>) -> Result<Vec<Parameter>, SettingsError> {
    if list.contains(&Parameter::Code) {
        return Ok(list);
    }
    Err(SettingsError::new("`parameters` must hold `code`: nobody would get a code"))
}

impl Parameter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Minutes => "minutes",
            Self::App => "app",
        }
    }

    pub(crate) fn value(self, message: &Message) -> String {
        match self {
            Self::Code => message.about.digits.expose().to_owned(),
            Self::Minutes => message.about.minutes.to_string(),
            Self::App => message.about.app_name.clone(),
        }
    }
}

/// When it may go better, in a vendor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// Whenever.
    Soon,
    /// After this time.
    After(Duration),
}

/// The JSON of an answer; `null` where it is none.
pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// A text in it, which is not empty.
pub(crate) fn text(json: &Value, pointer: &str) -> Option<String> {
    let text = json.pointer(pointer)?.as_str()?.chars().filter(|character| !character.is_control()).take(LONGEST);
    let text: String = text.collect();
    (!text.is_empty()).then_some(text)
}

/// What the gateway calls the message, where it says; nothing where that repeats what must not be kept.
pub(crate) fn gateway_id(json: &Value, pointer: &str, message: &Message) -> Option<String> {
    // Whole when it is looked at, and cut afterwards.
    let whole = json.pointer(pointer)?.as_str()?;
    text(json, pointer).filter(|_| !tells(whole, message))
}

/// Whether what a gateway says holds the contact or the code, however it writes them: gateways repeat what they were asked. What
/// only looks like it, one in a million, costs the report of a delivery or a part of a reason.
pub(crate) fn tells(said: &str, message: &Message) -> bool {
    let contact = message.to.normalised();
    let has_contact = match message.to.channel() {
        Channel::Email => said.to_lowercase().contains(contact),
        Channel::Sms => {
            let prefix = message.to.calling_code().map_or(0, |code| 1 + code.number().to_string().len());
            let national = contact.get(prefix..).unwrap_or(contact);
            let digits: String = said.chars().filter(char::is_ascii_digit).collect();
            digits.contains(national)
        }
    };
    let code = message.about.digits.expose();
    has_contact || said.split(|character: char| !character.is_ascii_digit()).any(|digits| digits == code)
}

/// The sender's error for an answer that is no yes. Its `code` decides where the vendor says by it that it may go better later,
/// else its status does. Without a code in it, it is not the gateway that answered: nobody knows what became of the message.
pub(crate) fn failure(
    answer: &Answer,
    code: Option<&str>,
    later: Option<Later>,
    message: &Message,
    clock: &dyn Clock,
) -> SendError {
    let Some(code) = code else {
        let said = &answer.said;
        return if answer.status.is_success() {
            doubtful(format!("no code in {said}"))
        } else {
            refused(answer, clock)
        };
    };
    let reason = format!("HTTP {}: {}", answer.status.as_u16(), shown(code, message));
    match (later, refused(answer, clock)) {
        (Some(Later::After(span)), _) => SendError::Transient { reason, retry_after: Some(span) },
        (Some(Later::Soon), _) => SendError::Transient { reason, retry_after: None },
        (None, SendError::Transient { retry_after, .. }) => SendError::Transient { reason, retry_after },
        (None, SendError::Permanent { .. }) => SendError::Permanent { reason },
        (None, SendError::Doubtful { .. }) => SendError::Doubtful { reason },
    }
}

/// A vendor's code as it is, because operators look it up, unless it repeats what must not be told.
fn shown(code: &str, message: &Message) -> String {
    let is_word = code.chars().all(|character| character.is_ascii_alphanumeric() || "._:-".contains(character));
    if is_word && !tells(code, message) { code.to_owned() } else { discreet(code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draft;

    #[test]
    fn a_code_is_told_unless_it_repeats_ours() {
        let message = Draft::sms().message();
        for (code, expected) in [
            ("E000510", "E000510"),
            ("isv.BUSINESS_LIMIT_CONTROL", "isv.BUSINESS_LIMIT_CONTROL"),
            ("bad:8613912345678", "bad:…"),
            // As Alibaba's service was asked.
            ("bad:13912345678", "bad:…"),
            ("bad:139-1234-5678", "bad:…"),
            ("code_123456", "code_…"),
            ("to ann@example.com", "to …"),
        ] {
            assert_eq!(shown(code, &message), expected);
        }
    }

    #[test]
    fn an_id_that_repeats_ours_is_not_kept() {
        let message = Draft::sms().message();
        let id = |id: &str| gateway_id(&serde_json::json!({ "id": id }), "/id", &message);
        assert_eq!(id("900619746936498440^0").as_deref(), Some("900619746936498440^0"));
        for told in ["13912345678", "sms-8613912345678-1", "123456", "to 139 1234 5678", ""] {
            assert_eq!(id(told), None, "{told}");
        }
        assert_eq!(id(&"a".repeat(200)).map(|id| id.len()), Some(LONGEST));
        assert_eq!(id(&format!("{}13912345678", "a".repeat(200))), None, "looked at whole");
    }

    #[test]
    fn a_language_without_a_template_has_the_others() {
        let registered = |text: &str| toml::from_str::<BTreeMap<String, String>>(text).map(Registered).unwrap();
        let one = registered("en = 'SMS_1'").checked().ok().unwrap();
        assert_eq!((one.of(Language::English), one.of(Language::Chinese)), ("SMS_1", "SMS_1"));
        let both = registered("en = 'SMS_1'\nzh = 'SMS_2'").checked().ok().unwrap();
        assert_eq!(both.of(Language::Chinese), "SMS_2");
        assert!(registered("").checked().is_err() && registered("fr = 'SMS_3'").checked().is_err());
    }
}
