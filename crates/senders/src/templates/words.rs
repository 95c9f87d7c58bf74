//! One template: its parts, and what is rendered from them.

use countersign_domain::app::AppId;
use countersign_domain::code::{CodePurpose, Digits, Requester, Resource};
use countersign_domain::contact::Channel;
use countersign_domain::language::Language;
use countersign_domain::message::Subject;
use countersign_domain::ports::TemplateError;
use minijinja::{Environment, Error, UndefinedBehavior, context};

use super::TemplatesError;

/// Steps that a template may take: a long e-mail takes a few hundred.
const FUEL: u64 = 20_000;
/// Bytes that a rendered body may have.
const LONGEST: usize = 16 * 1024;

/// What a code is for, where everybody has such codes: the purpose, and the phrase in English and Chinese.
const ACTIONS: &[(&str, &str, &str)] = &[
    ("change-contact", "change your contact", "更换联系方式"),
    ("contact", "confirm this contact", "验证联系方式"),
    ("login", "sign in", "登录"),
    ("oneaccess.bind-mobile", "add this number to your account", "绑定手机号"),
    ("oneaccess.change-password", "change your password", "修改密码"),
    ("oneaccess.forget-password", "reset your password", "重置密码"),
    ("oneaccess.login", "sign in", "登录"),
    ("oneaccess.mfa", "finish signing in", "完成登录验证"),
    ("oneaccess.register", "sign up", "注册"),
    ("oneaccess.reset-otp", "reset your authenticator", "重置动态口令"),
    ("oneaccess.update-mobile", "change your number", "更换手机号"),
    ("oneaccess.update-password", "change your password", "修改密码"),
    ("osm.contact", "confirm this contact", "验证联系方式"),
    ("pay", "confirm a payment", "确认支付"),
    ("reset", "reset your password", "重置密码"),
    ("reset-password", "reset your password", "重置密码"),
    ("signin", "sign in", "登录"),
    ("signup", "sign up", "注册"),
];

/// The names of the two parts in the environment.
const SUBJECT: &str = "subject";
const BODY: &str = "body";

/// A template.
pub(super) struct Words {
    environment: Environment<'static>,
    has_subject: bool,
}

impl Words {
    /// Reads a template and tries it. `name` is how complaints call it.
    pub(super) fn new(channel: Channel, source: &str, name: &str) -> Result<Self, TemplatesError> {
        let source = source.replace("\r\n", "\n");
        let complaint = |line: usize, what: &str| TemplatesError(format!("{name}:{line}: {what}"));
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut add = |part: &'static str, text: &str, first: usize| {
            let added = environment.add_template_owned(part, text.to_owned());
            added.map_err(|error| complaint(first + error.line().unwrap_or(1) - 1, &said(&error)))
        };
        let (body, first) = match channel {
            Channel::Sms => (source.as_str(), 1),
            Channel::Email => {
                let (subject, rest) = source.split_once('\n').unwrap_or((&source, ""));
                let subject = subject.strip_prefix("Subject:").map(str::trim).filter(|subject| !subject.is_empty());
                let Some(subject) = subject else {
                    return Err(complaint(1, "an e-mail's first line must be `Subject: …`"));
                };
                // Whatever stood here would be a header in the eyes of whoever wrote it.
                let Some(body) = rest.strip_prefix('\n') else {
                    return Err(complaint(2, "the line below the subject must be empty: there are no other headers"));
                };
                add(SUBJECT, subject, 1)?;
                (body, 3)
            }
        };
        add(BODY, body.trim_end(), first)?;
        let words = Self { environment, has_subject: channel == Channel::Email };
        words.tried(channel, name, first)?;
        Ok(words)
    }

    /// The subject, empty in a text message, and the body.
    pub(super) fn render(&self, about: &Subject) -> Result<(String, String), TemplateError> {
        let failed = |(part, error): (&str, Error)| TemplateError(format!("{part}: {}", said(&error)));
        let subject = if self.has_subject { self.part(SUBJECT, about).map_err(failed)? } else { String::new() };
        let body = self.part(BODY, about).map_err(failed)?;
        if !body.contains(about.digits.expose()) {
            return Err(TemplateError("it leaves the code out".to_owned()));
        }
        if body.len() > LONGEST {
            return Err(TemplateError(format!("it makes more than {LONGEST} bytes")));
        }
        // A name or a resource could hold an end of line, and with it another header.
        let subject = subject.split(char::is_control).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ");
        Ok((subject, body))
    }

    fn part(&self, part: &'static str, about: &Subject) -> Result<String, (&'static str, Error)> {
        let values = context! {
            app => about.app_name.as_str(),
            code => about.digits.expose(),
            minutes => about.minutes,
            purpose => about.purpose.as_str(),
            resource => about.resource.as_ref().map_or("", |resource| resource.as_str()),
            requester => about.requester.as_ref().map_or("", Requester::as_str),
            action => action(about),
        };
        let template = self.environment.get_template(part).map_err(|error| (part, error))?;
        template.render(values).map_err(|error| (part, error))
    }

    /// Renders messages that differ in what templates tell apart, so that what fails for one of them fails at the start.
    fn tried(&self, channel: Channel, name: &str, first: usize) -> Result<(), TemplatesError> {
        for language in Language::ALL {
            for purpose in ["signup", "some.thing"] {
                for resource in [None, Some("cen-1")] {
                    for minutes in [1, 10] {
                        let Some(about) = sample(channel, language, purpose, resource, minutes) else { continue };
                        for part in [SUBJECT, BODY].into_iter().skip(usize::from(!self.has_subject)) {
                            let first = if part == SUBJECT { 1 } else { first };
                            self.part(part, &about).map_err(|(_, error)| {
                                let line = first + error.line().unwrap_or(1) - 1;
                                TemplatesError(format!("{name}:{line}: {}", said(&error)))
                            })?;
                        }
                        self.render(&about)
                            .map_err(|TemplateError(what)| TemplatesError(format!("{name}:{first}: {what}")))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The phrase for a purpose that everybody has.
fn action(about: &Subject) -> &'static str {
    let known = ACTIONS.iter().find(|(purpose, ..)| *purpose == about.purpose.as_str());
    known.map_or("", |(_, english, chinese)| about.language.pick(english, chinese))
}

/// What to try a template with. Every part can be what it is here, so there always is one.
fn sample(
    channel: Channel,
    language: Language,
    purpose: &str,
    resource: Option<&str>,
    minutes: u32,
) -> Option<Subject> {
    Some(Subject {
        app: AppId::parse("sample")?,
        app_name: "Sample".to_owned(),
        purpose: CodePurpose::parse(purpose)?,
        resource: resource.and_then(Resource::parse),
        requester: resource.and_then(|_| Requester::of("Sample (1)")),
        digits: Digits::read("314159")?,
        minutes,
        channel,
        language,
    })
}

/// An error in one line; its details never quote values.
fn said(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_sorted() {
        assert!(ACTIONS.is_sorted_by_key(|(purpose, ..)| *purpose));
        assert!(ACTIONS.iter().all(|(purpose, ..)| CodePurpose::parse(purpose).is_some()));
    }

    #[test]
    fn there_are_samples() {
        assert!(sample(Channel::Sms, Language::English, "some.thing", Some("cen-1"), 1).is_some());
    }
}
