//! How messages travel. A sender takes a message that is ready and hands it to somebody who delivers: a mail server, an HTTP
//! gateway, a message centre, an app's own webhook; and it says in the domain's words how that went. It answers within its own deadline,
//! whatever its peer does, and what it says holds neither the code nor the contact.
//!
//! To add a kind: a file named after it, in five parts (what it is and its quirks, settings, registration, code, tests), and
//! its line in [`KINDS`]. [`templates`] is where the words of a message come from; `discreet`, `exchange`, `signing` and
//! `vendor` are shared.

mod aliyun_sms;
mod discreet;
mod exchange;
mod http_template;
mod huawei_sms;
mod inbox;
mod settings;
mod signing;
mod smpp;
mod smtp;
pub mod templates;
mod tencent_sms;
mod twilio;
mod vendor;
mod webhook;

use std::sync::Arc;

use countersign_domain::message::SenderName;
use countersign_domain::ports::{Clock, DeliveryAddress, Entropy, Reports, Sender};

pub use inbox::{Inbox, Letter};
pub use settings::SettingsError;

/// What a sender is built from.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where the gateway of the sender that is built tells of deliveries.
    pub deliveries: Arc<dyn DeliveryAddress>,
    /// Who keeps what this sender itself hears of deliveries.
    pub reports: Arc<dyn Reports>,
    /// What senders of the kind `inbox` put their messages into.
    pub inbox: Arc<Inbox>,
}

type Build = fn(toml::Table, &Environment) -> Result<Arc<dyn Sender>, SettingsError>;

/// Every kind of sender: the name of its file, and how one is built from its settings. Sorted; a test compares it with the
/// folder.
pub const KINDS: &[(&str, Build)] = &[
    ("aliyun_sms", |table, environment| Ok(Arc::new(aliyun_sms::AliyunSms::new(table, environment)?))),
    ("http_template", |table, environment| Ok(Arc::new(http_template::HttpTemplate::new(table, environment)?))),
    ("huawei_sms", |table, environment| Ok(Arc::new(huawei_sms::HuaweiSms::new(table, environment)?))),
    ("inbox", |table, environment| inbox::build(table, environment)),
    ("smpp", |table, environment| Ok(Arc::new(smpp::Smpp::new(table, environment)?))),
    ("smtp", |table, environment| Ok(Arc::new(smtp::Smtp::new(table, environment)?))),
    ("tencent_sms", |table, environment| Ok(Arc::new(tencent_sms::TencentSms::new(table, environment)?))),
    ("twilio", |table, environment| Ok(Arc::new(twilio::Twilio::new(table, environment)?))),
    ("webhook", |table, environment| Ok(Arc::new(webhook::Webhook::new(table, environment)?))),
];

/// The sender `name` of the kind `kind`. `settings` is its table without what all senders have (`name`, `kind`, `channel` and
/// whatever else the caller reads): a key that the kind does not know is an error. Files that the settings name are read now.
/// Must be called in the runtime in which the sender will send.
///
/// # Errors
/// [`SettingsError`], which names the sender.
pub fn build(
    name: &SenderName,
    kind: &str,
    settings: toml::Table,
    environment: &Environment,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let Some((_, build)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let complaint = SettingsError::new(format!("there is no kind `{kind}`: there are {}", known.join(", ")));
        return Err(complaint.of(name));
    };
    build(settings, environment).map_err(|complaint| complaint.of(name))
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that senders share.
    const SHARED: &[&str] = &["discreet", "exchange", "lib", "settings", "signing", "templates", "testing", "vendor"];

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let listed: Vec<_> = KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
        assert!(listed.is_sorted(), "keep KINDS sorted");
        let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| !SHARED.contains(&name.as_str()))
            .collect();
        files.sort();
        assert_eq!(files, listed, "a sender's file needs its line in KINDS (or in SHARED, if it is none)");
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_settings_is_said_with_the_senders_name() {
        for (kind, settings, expected) in [
            (
                "pigeon",
                "",
                "the sender `mail`: there is no kind `pigeon`: there are aliyun_sms, http_template, huawei_sms, inbox, smpp, \
                 smtp, tencent_sms, twilio, webhook",
            ),
            ("inbox", "size = 3", "the sender `mail`: unknown field `size`, there are no fields"),
            ("smtp", "host = \"localhost\"", "the sender `mail`: missing field `from`"),
            (
                "webhook",
                "url = 3\nsecrets = []",
                "the sender `mail`: invalid type: integer `3`, expected a string in `url`",
            ),
            // What stands where a secret belongs may be one, whatever it looks like.
            ("smpp", "password = 12345678", "the sender `mail`: expected a text in quotes in `password`"),
            ("twilio", "account_sid = 'AC1'\nauth_token = ''", "the sender `mail`: must not be empty in `auth_token`"),
            (
                "webhook",
                "url = ''\nsecrets = 's3cret'",
                "the sender `mail`: expected texts in quotes, as the documentation has them, none of them empty in `secrets`",
            ),
            (
                "http_template",
                "url = ''\nsecrets = { password = 12345678 }",
                "the sender `mail`: expected texts in quotes, as the documentation has them, none of them empty in `secrets`",
            ),
        ] {
            let name = SenderName::parse("mail").unwrap();
            let complaint = build(&name, kind, settings.parse().unwrap(), &testing::environment()).err().unwrap();
            assert_eq!(complaint.to_string(), expected);
        }
    }
}
