//! The words of messages: ours in both languages, and the operator's own, which are read and tried at the start.
//!
//! A template is minijinja's, without includes, so it reaches no file, and with a limit on its steps, so it ends. Its variables
//! are `app`, `code`, `minutes`, `purpose`, `resource`, `requester` (who asks, where the person does not; often empty) and
//! `action`: a phrase for the purposes that everybody has, such as
//! `sign up`, and empty for others.

mod files;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_domain::app::AppId;
use countersign_domain::code::CodePurpose;
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::message::{Subject, Text};
use countersign_domain::ports::{TemplateError, Templates};
use countersign_domain::secret::Secret;
use countersign_domain::segments::{Coding, Segments};
use serde::Deserialize;

use words::Words;

/// What of `about` decides which template is taken: whose, what for, how, in which language. `None` is `any`.
type Place = (Option<AppId>, Option<CodePurpose>, Channel, Language);

/// The purpose of codes that ask the owner of a resource for consent: they have words of their own.
const CONSENT: &str = "ecd.cen";

/// A text message with a line for browsers is looked at by them if it is no longer than this.
const AUTOFILLED: usize = 140;

/// How the settings call it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The operator's own templates: `FOLDER/{app id or any}/{purpose or any}.{email or sms}.{en or zh}.txt`. Empty: none.
    pub folder: PathBuf,
    /// For browsers that fill a code in by themselves: an app's id, or `any`, and the host whose page asks for the code. Text
    /// messages of that app end with a line `@host #code`.
    pub autofill_hosts: BTreeMap<String, String>,
}

/// Templates that cannot be used: of the operator's files, which one, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplatesError(String);

/// Words of ours: for codes of one purpose, or of any.
type OurWords = (Option<&'static str>, Channel, Language, Words);

/// Ours, and the operator's.
pub struct Book {
    own: Vec<(Place, Words)>,
    ours: Vec<OurWords>,
    autofill_hosts: BTreeMap<String, String>,
}

/// How a message would look, and what it would cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// An e-mail's subject; empty in a text message.
    pub subject: String,
    /// What the person reads.
    pub text: String,
    /// In what a text message is written.
    pub coding: Coding,
    /// Its length in characters.
    pub characters: usize,
    /// What gateways bill.
    pub segments: usize,
    /// Whether it has a line for browsers, and is short enough for them to look at it.
    pub autofill: bool,
}

impl Book {
    /// Ours, and what the settings' folder holds, each tried with several messages.
    ///
    /// # Errors
    /// [`TemplatesError`] for a file whose name is none of a template's, for a template that cannot be read, fails, or leaves
    /// the code out, for an e-mail's without a subject in its first line, and for a host that is none.
    pub fn open(settings: &Settings) -> Result<Self, TemplatesError> {
        let own = if settings.folder.as_os_str().is_empty() { vec![] } else { files::read(&settings.folder)? };
        for (app, host) in &settings.autofill_hosts {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
            if host.is_empty() || !host.bytes().all(plain) {
                let what = "must be a host in lower case, without a scheme and a port";
                return Err(TemplatesError(format!("`autofill_hosts.{app}`: {host:?} {what}")));
            }
        }
        Ok(Self { own, ours: ours()?, autofill_hosts: settings.autofill_hosts.clone() })
    }

    /// How a message about `about` would look. A preview of a made-up code costs nothing and may be shown to anybody.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn preview(&self, about: &Subject) -> Result<Preview, TemplateError> {
        let Text { subject, body } = self.text(about)?;
        let text = body.expose().clone();
        let Segments { coding, count, .. } = Segments::of(&text);
        let characters = text.chars().count();
        let autofill = text.lines().last().is_some_and(|line| line.starts_with('@')) && characters <= AUTOFILLED;
        Ok(Preview { subject: subject.expose().clone(), text, coding, characters, segments: count, autofill })
    }

    /// The most specific template: the app's for the purpose, the app's for any, anybody's for the purpose, anybody's for any,
    /// ours. Where we have words for the purpose itself, the operator's for any do not count: they would tell the owner of a
    /// resource never to share what is to be shared.
    fn words(&self, about: &Subject) -> Option<&Words> {
        let Subject { app, purpose, channel, language, .. } = about;
        let ours = |of: Option<&str>| {
            let is_it = |(purpose, on, in_which, _): &&OurWords| (*purpose, on, in_which) == (of, channel, language);
            self.ours.iter().find(is_it).map(|(.., words)| words)
        };
        let of_purpose = ours(Some(purpose.as_str()));
        let purposes = if of_purpose.is_some() { vec![Some(purpose)] } else { vec![Some(purpose), None] };
        let mut places =
            [Some(app), None].into_iter().flat_map(|app| purposes.iter().map(move |purpose| (app, *purpose)));
        let own = places.find_map(|(app, purpose)| {
            let place = (app.cloned(), purpose.cloned(), *channel, *language);
            self.own.iter().find(|(written, _)| *written == place).map(|(_, words)| words)
        });
        own.or(of_purpose).or_else(|| ours(None))
    }

    /// The line that a browser looks for (the draft "Origin-bound one-time codes delivered via SMS"), after an empty one.
    fn autofill(&self, about: &Subject) -> Option<String> {
        if about.channel != Channel::Sms {
            return None;
        }
        let host = self.autofill_hosts.get(about.app.as_str()).or_else(|| self.autofill_hosts.get("any"))?;
        Some(format!("\n\n@{host} #{}", about.digits.expose()))
    }
}

impl Templates for Book {
    fn text(&self, about: &Subject) -> Result<Text, TemplateError> {
        let words = self.words(about).ok_or_else(|| TemplateError("there is none".to_owned()))?;
        let (subject, mut body) = words.render(about)?;
        if let Some(line) = self.autofill(about) {
            body.push_str(&line);
        }
        Ok(Text { subject: Secret::new(subject), body: Secret::new(body) })
    }
}

/// The embedded ones.
fn ours() -> Result<Vec<OurWords>, TemplatesError> {
    let consent = Some(CONSENT);
    let all = [
        (consent, Channel::Email, Language::English, "en/consent.txt", include_str!("../templates/en/consent.txt")),
        (consent, Channel::Email, Language::Chinese, "zh/consent.txt", include_str!("../templates/zh/consent.txt")),
        (None, Channel::Email, Language::English, "en/email.txt", include_str!("../templates/en/email.txt")),
        (None, Channel::Sms, Language::English, "en/sms.txt", include_str!("../templates/en/sms.txt")),
        (None, Channel::Email, Language::Chinese, "zh/email.txt", include_str!("../templates/zh/email.txt")),
        (None, Channel::Sms, Language::Chinese, "zh/sms.txt", include_str!("../templates/zh/sms.txt")),
    ];
    all.into_iter()
        .map(|(purpose, channel, language, name, source)| {
            Ok((purpose, channel, language, Words::new(channel, source, name)?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
