//! The settings. `config.default.toml` is both their documentation and their defaults; a file, the environment and flags
//! are laid over it, and every complaint names the place that the wrong value came from.

mod agents;
mod codes;
mod escalation;
mod layers;
mod public_url;
mod rates;
mod tencent;
mod tls;
mod usage;
mod users;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_domain::network::Network;
use countersign_facades::OneAccessSettings;
use serde::Deserialize;

pub use agents::{Agents, Alibaba, Endpoint, InstallCodes, PinSetting};
pub use codes::{
    Codes, DailyRate, Delivery, Price, PumpingSetting, Purpose, ResendSetting, SenderSettings, TicketSetting, routes,
};
pub use escalation::Escalation;
use layers::Layers;
pub use rates::{Rate, Rates};
pub use tencent::Tencent;

use crate::client_address::{self, ProxyHeader};

pub(crate) use public_url::host;
pub use tls::Tls;
pub use usage::Usage;
pub use users::Users;

/// The embedded defaults, with their comments.
pub const DEFAULTS: &str = include_str!("../../../../config.default.toml");

/// What `--dev` lays over them: a folder of its own, and none of our own limits, waits and levels, unless the operator's settings have them.
const DEVELOPMENT: &str = r#"
data = "countersign-dev-data"
[rates]
issue_per_address.burst = 0
issue_per_app.burst = 0
answer_per_address.burst = 0
answer_per_app.burst = 0
redeem_per_app.burst = 0
redeem_per_address.burst = 0
enrol_per_address.burst = 0
download_per_address.burst = 0
calls_per_agent.burst = 0
calls_per_key.burst = 0
wrong_signatures.burst = 0
sign_in_per_address.burst = 0
sign_in_per_user.burst = 0
wrong_passwords.burst = 0
person_password_per_address.burst = 0
person_password_per_name.burst = 0
person_wrong_passwords.burst = 0
person_code_per_address.burst = 0
person_code_per_number.burst = 0
person_session_per_address.burst = 0
[escalation]
escalate = false
wrong_in_a_row = 0
[codes]
resend_seconds = 0
per_contact.burst = 0
per_account.burst = 0
per_network.burst = 0
per_country.burst = 0
per_app.burst = 0
unverified_per_prefix = 0
unverified_per_country = 0
unverified_per_network = 0
wrong_per_contact.burst = 0
wrong_per_app.burst = 0
[agents]
plain_http = true
vendor_form = true
"#;

/// How a server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// For others.
    #[default]
    Production,
    /// `--dev`.
    Development,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A key that there is none of, a wrong type, a value out of range.
    #[error("{origin}: {message}")]
    Setting {
        /// File and line, or the environment variable, or the flag.
        origin: String,
        /// The key, and what is wrong with it.
        message: String,
    },
}

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where clients reach this server; empty for the listener's address.
    pub public_url: String,
    /// Whose word about addresses counts.
    #[serde(deserialize_with = "client_address::networks")]
    pub trusted_proxies: Vec<Network>,
    /// Where they say it.
    pub proxy_header: ProxyHeader,
    /// The folder for records and keys.
    pub data: PathBuf,
    /// Logs.
    pub log: Log,
    /// HTTPS.
    pub tls: Tls,
    /// Limits on clients.
    pub limits: Limits,
    /// Limits on how often one may call.
    pub rates: Rates,
    /// Challenges.
    pub challenges: Challenges,
    /// How hard challenges are, and for whom.
    pub escalation: Escalation,
    /// Tickets.
    pub tickets: Tickets,
    /// Who sends messages.
    pub senders: Vec<SenderSettings>,
    /// One-time codes.
    pub codes: Codes,
    /// How messages are sent.
    pub delivery: Delivery,
    /// People whom apps let in.
    pub users: Users,
    /// Who uses what.
    pub usage: Usage,
    /// The store of marks.
    pub marks: Marks,
    /// Install codes.
    pub install_codes: InstallCodes,
    /// Machines that join.
    pub agents: Agents,
    /// Alibaba's gateway.
    pub alibaba: Alibaba,
    /// The OneAccess door.
    pub oneaccess: OneAccess,
    /// Tencent's doors.
    pub tencent: Tencent,
}

/// Section `log`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A filter of tracing's.
    pub level: String,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Section `limits`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Calls at once on one connection of HTTP/2.
    pub streams: u32,
    /// To send a request's head.
    pub head_seconds: u32,
    /// To send a request's body.
    pub body_seconds: u32,
    /// To answer.
    pub deadline_seconds: u32,
    /// To read the answer.
    pub unread_seconds: u32,
    /// To finish after SIGTERM.
    pub drain_seconds: u32,
}

/// Section `challenges`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenges {
    /// From showing to answering.
    pub lifetime_seconds: u32,
    /// Pictures drawn at once; 0 is one for each core.
    pub drawing: u32,
    /// Calls that may wait for a picture.
    pub waiting: u32,
    /// Pictures of each form that are drawn ahead of time.
    pub ready: u32,
}

/// Section `tickets`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tickets {
    /// From the answer to redeeming.
    pub lifetime_seconds: u32,
    /// Tickets count only at the address where they were earned.
    pub bind_address: bool,
}

/// Section `marks`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// How many are held at once.
    pub capacity: u32,
    /// How far two nodes' clocks may lie apart.
    pub clock_skew_seconds: u32,
}

/// Section `oneaccess`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneAccess {
    /// Want the three device headers.
    pub strict_headers: bool,
    /// Send a `secretKey`.
    pub secret_key: bool,
    /// Take numbers of other countries.
    pub foreign_numbers: bool,
}

impl OneAccess {
    /// As the façade takes them.
    pub fn settings(&self) -> OneAccessSettings {
        let Self { strict_headers, secret_key, foreign_numbers } = *self;
        OneAccessSettings { strict_headers, secret_key, foreign_numbers }
    }
}

/// What the command line says; it wins over everything.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--dev`.
    pub mode: Mode,
}

impl Config {
    /// The settings: defaults, then `file`, then `environment`, then `flags`.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line and key.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::over(DEFAULTS)?;
        if flags.mode == Mode::Development {
            layers.file("--dev", DEVELOPMENT)?;
        }
        if let Some(path) = file {
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })?;
            layers.file(&path.display().to_string(), &text)?;
        }
        for (name, value) in environment {
            layers.variable(&name, &value)?;
        }
        if let Some(listen) = &flags.listen {
            layers.flag("--listen", "listen", listen);
        }
        if let Some(data) = &flags.data {
            layers.flag("--data", "data", &data.to_string_lossy());
        }
        let config: Self = layers.read()?;
        match config.complaint() {
            None => Ok(config),
            Some((key, complaint)) => Err(layers.complain(key, complaint)),
        }
    }

    /// The first value that is out of range, and what is wrong with it.
    fn complaint(&self) -> Option<(&'static str, &'static str)> {
        let seconds = |value: u32, most: u32| (1..=most).contains(&value);
        let checks = [
            (
                "public_url",
                self.public_url.is_empty() || host(&self.public_url).is_some(),
                "must be http:// or https:// and a host, without a slash at the end",
            ),
            ("tls.certificate", !self.tls.lacks_key(), "is set and `tls.key` is not: set both or neither"),
            ("tls.key", !self.tls.lacks_certificate(), "is set and `tls.certificate` is not: set both or neither"),
            ("tls.own_ca", !self.tls.is_torn(), "must be false where `tls.certificate` is set"),
            ("limits.connections", self.limits.connections > 0, "must be at least 1"),
            ("limits.streams", (1..=1_000).contains(&self.limits.streams), "must be 1 to 1000"),
            ("limits.head_seconds", seconds(self.limits.head_seconds, 300), "must be 1 to 300"),
            ("limits.body_seconds", seconds(self.limits.body_seconds, 300), "must be 1 to 300"),
            ("limits.deadline_seconds", seconds(self.limits.deadline_seconds, 300), "must be 1 to 300"),
            ("limits.unread_seconds", seconds(self.limits.unread_seconds, 300), "must be 1 to 300"),
            ("limits.drain_seconds", seconds(self.limits.drain_seconds, 60), "must be 1 to 60"),
            ("challenges.lifetime_seconds", seconds(self.challenges.lifetime_seconds, 3600), "must be 1 to 3600"),
            ("challenges.drawing", self.challenges.drawing <= 256, "must be at most 256"),
            ("challenges.ready", self.challenges.ready <= 64, "must be at most 64"),
            ("challenges.waiting", self.challenges.waiting <= 100_000, "must be at most 100000"),
            ("tickets.lifetime_seconds", seconds(self.tickets.lifetime_seconds, 3600), "must be 1 to 3600"),
            ("install_codes.short_hours", (1..=8_760).contains(&self.install_codes.short_hours), "must be 1 to 8760"),
            ("install_codes.long_hours", (1..=8_760).contains(&self.install_codes.long_hours), "must be 1 to 8760"),
            ("install_codes.live_short_codes", self.install_codes.live_short_codes <= 10_000, "must be at most 10000"),
            ("agents.certificate_days", (1..=3_650).contains(&self.agents.certificate_days), "must be 1 to 3650"),
            ("agents.heartbeat_seconds", seconds(self.agents.heartbeat_seconds, 86_400), "must be 1 to 86400"),
            ("senders", !codes::twins(&self.senders), "must have different names"),
            ("marks.capacity", (1_000..=100_000_000).contains(&self.marks.capacity), "must be 1000 to 100000000"),
            ("marks.clock_skew_seconds", self.marks.clock_skew_seconds <= 300, "must be at most 300"),
        ];
        checks
            .into_iter()
            .chain(self.rates.checks())
            .chain(self.escalation.checks())
            .chain(self.codes.checks())
            .chain(self.delivery.checks())
            .chain(self.users.checks())
            .chain(self.usage.checks())
            .chain(self.tencent.checks())
            .find_map(|(key, holds, complaint)| (!holds).then_some((key, complaint)))
    }
}

/// Whole hours as a span.
pub fn hours(number: u32) -> Duration {
    seconds(number) * 3_600
}

/// Whole days as a span.
pub fn days(number: u32) -> Duration {
    hours(number) * 24
}

/// Whole seconds as a span.
pub fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}

#[cfg(test)]
mod tests {
    use countersign_domain::app::AppId;
    use countersign_domain::escalation::EscalationPolicy;
    use countersign_domain::rates::Limit;
    use countersign_domain::throttle::Rule;

    use super::*;

    fn load(text: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.toml");
        std::fs::write(&path, text).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&path), variables, flags)
            .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn the_defaults_hold_and_stand_in_the_file() {
        let config = Config::load(None, [], &Flags::default()).unwrap();
        assert_eq!(config.challenges.lifetime_seconds, 120);
        assert_eq!(config.tickets.lifetime_seconds, 180);
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        let dev = Flags { mode: Mode::Development, ..Flags::default() };
        assert_eq!(Config::load(None, [], &dev).unwrap().data, PathBuf::from("countersign-dev-data"));
        assert_eq!(load("data = \"mine\"", &[], &dev).unwrap().data, PathBuf::from("mine"));
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\n[challenges]\nlifetime_seconds = 60\nwaiting = 7";
        let variables = [
            ("COUNTERSIGN__LISTEN", "127.0.0.1:2"),
            ("COUNTERSIGN__CHALLENGES__LIFETIME_SECONDS", "30"),
            ("COUNTERSIGN_MASTER_KEY", "is no setting"),
            ("PATH", "is not ours"),
        ];
        let flags =
            Flags { listen: Some("127.0.0.1:3".to_owned()), data: Some("elsewhere".into()), ..Flags::default() };
        let config = load(file, &variables, &flags).unwrap();
        assert_eq!(config.listen, "127.0.0.1:3".parse().unwrap());
        assert_eq!(config.data, PathBuf::from("elsewhere"));
        assert_eq!((config.challenges.lifetime_seconds, config.challenges.waiting), (30, 7));
    }

    #[test]
    fn rates_are_on_but_under_dev_only_where_they_are_set() {
        let rates = |text: &str, mode| load(text, &[], &Flags { mode, ..Flags::default() }).unwrap().rates.rates();
        for limit in Limit::ALL {
            let has_rate = limit != Limit::WrongAnswers;
            assert_eq!(rates("", Mode::Production).rule(limit).is_some(), has_rate, "{limit:?}");
            assert!(rates("", Mode::Development).rule(limit).is_none(), "{limit:?}");
        }
        let set = rates("[rates]\nissue_per_address = { burst = 3, per_minute = 6 }", Mode::Development);
        assert_eq!(set.issue_per_address, Some(Rule { burst: 3, interval: seconds(10) }));
        assert_eq!(set.answer_per_address, None);
    }

    #[test]
    fn a_purpose_with_a_full_stop_is_quoted() {
        let file = "[codes.purposes.\"oneaccess.login\"]\ndigits = 8";
        let policy = load(file, &[], &Flags::default()).unwrap().codes.policy();
        assert_eq!(policy.purposes["oneaccess.login"].digits, 8);
    }

    #[test]
    fn escalation_is_on_but_under_dev_only_where_it_is_set() {
        let policy =
            |text: &str, mode| load(text, &[], &Flags { mode, ..Flags::default() }).unwrap().escalation.policy();
        let shipped = policy("", Mode::Production);
        assert!(shipped.default.escalate && shipped.waits.is_some());
        assert_eq!(policy("", Mode::Development), EscalationPolicy::OFF);
        assert_eq!(policy("[escalation]\nescalate = true\nwrong_in_a_row = 3", Mode::Development), shipped);
        let file =
            "[escalation]\nlevel = 2\n[escalation.apps.calm]\nescalate = false\n[escalation.apps.bank]\nlevel = 4";
        let own = policy(file, Mode::Production);
        let of = |id: &str| own.of(&AppId::parse(id).unwrap());
        let numbers = |id: &str| (of(id).level.number(), of(id).highest.number(), of(id).escalate);
        assert_eq!(["calm", "bank", "other"].map(numbers), [(2, 5, false), (4, 5, true), (2, 5, true)]);
    }

    #[test]
    fn a_list_comes_from_a_file_or_with_commas_from_the_environment() {
        let networks =
            |texts: &[&str]| texts.iter().map(|text| Network::try_from((*text).to_owned()).unwrap()).collect();
        let expected: Vec<Network> = networks(&["10.0.0.0/8", "::1"]);
        let file = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nproxy_header = \"forwarded\"";
        let config = load(file, &[], &Flags::default()).unwrap();
        assert_eq!((config.trusted_proxies, config.proxy_header), (expected.clone(), ProxyHeader::Forwarded));
        let from = |value: &str| {
            let config = load(file, &[("COUNTERSIGN__TRUSTED_PROXIES", value)], &Flags::default());
            config.map(|config| config.trusted_proxies)
        };
        assert_eq!(from(" 10.0.0.0/8 ,::1").unwrap(), expected);
        assert_eq!(from("::1").unwrap(), networks(&["::1"]));
        assert_eq!(from("").unwrap(), vec![]);
        let complaint = "COUNTERSIGN__TRUSTED_PROXIES: `trusted_proxies`: \"10.0.0.1/8\" has bits set behind its prefix: \
                         the network is 10.0.0.0/8";
        assert_eq!(from("10.0.0.1/8").unwrap_err(), complaint);
    }

    #[test]
    fn a_complaint_names_the_place_and_the_key() {
        for (file, complaint) in [
            ("\n\n[challenges]\nlifetime = 3", "countersign.toml:4: unknown key `challenges.lifetime`"),
            ("[chalenges]", "countersign.toml:1: unknown key `chalenges`"),
            ("[log]\n\nlevel = 3", "countersign.toml:3: `log.level` must be a string, not an integer"),
            ("listen = 3", "countersign.toml:1: `listen` must be a string, not an integer"),
            ("log = 3", "countersign.toml:1: `log` must be a table, not an integer"),
            ("trusted_proxies = \"::1\"", "countersign.toml:1: `trusted_proxies` must be an array, not a string"),
            ("\ntrusted_proxies = [\"::1\", 1]", "countersign.toml:2: `trusted_proxies` must be a list of strings"),
            (
                "[rates]\n\nanswer_per_app.per_minute = 0",
                "countersign.toml:3: `rates.answer_per_app.per_minute` must be 1 to 60000",
            ),
            ("[limits]\nconnections = 0", "countersign.toml:2: `limits.connections` must be at least 1"),
            ("[limits]\nstreams = 0", "countersign.toml:2: `limits.streams` must be 1 to 1000"),
            (
                "[tls]\n\ncertificate = \"tls.pem\"",
                "countersign.toml:3: `tls.certificate` is set and `tls.key` is not: set both or neither",
            ),
            (
                "[tls]\nkey = \"tls.key\"",
                "countersign.toml:2: `tls.key` is set and `tls.certificate` is not: set both or neither",
            ),
            (
                "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\nown_ca = true",
                "countersign.toml:4: `tls.own_ca` must be false where `tls.certificate` is set",
            ),
            ("[tls]\nown_ca = \"yes\"", "countersign.toml:2: `tls.own_ca` must be a boolean, not a string"),
            ("[tls]\ncert = \"tls.pem\"", "countersign.toml:2: unknown key `tls.cert`"),
            (
                "public_url = \"verify.example.com\"",
                "countersign.toml:1: `public_url` must be http:// or https:// and a host, without a slash at the end",
            ),
            (
                "[escalation]\nlevel = 4\nhighest_level = 3",
                "countersign.toml:3: `escalation.highest_level` must be `level` to 5",
            ),
            (
                "[escalation.apps.one]\nlevel = 6",
                "countersign.toml:1: `escalation.apps` must have a `level` of 1 to 5 and a `highest_level` that is no lower, their own or those of the section",
            ),
            (
                "[escalation]\nlongest_wait_seconds = 4",
                "countersign.toml:2: `escalation.longest_wait_seconds` must be `wait_seconds` to 3600",
            ),
        ] {
            assert_eq!(load(file, &[], &Flags::default()).unwrap_err(), complaint);
        }
        let error = load("listen = \"here\"", &[], &Flags::default()).unwrap_err();
        assert!(error.starts_with("countersign.toml:1: `listen`: "), "{error}");
        let error = load("[limits]\nconnections = -1", &[], &Flags::default()).unwrap_err();
        assert!(error.starts_with("countersign.toml:2: `limits.connections`: "), "{error}");
        let error = load("listen =", &[], &Flags::default()).unwrap_err();
        assert!(error.starts_with("countersign.toml:1: "), "{error}");
        let flags = Flags { listen: Some("here".to_owned()), ..Flags::default() };
        assert!(load("", &[], &flags).unwrap_err().starts_with("--listen: `listen`: "));
    }

    #[test]
    fn the_environment_is_held_to_the_same() {
        for (name, value, complaint) in [
            ("COUNTERSIGN__LISTN", "x", "COUNTERSIGN__LISTN: unknown key `listn`"),
            (
                "COUNTERSIGN__MARKS__CAPACITY",
                "many",
                "COUNTERSIGN__MARKS__CAPACITY: `marks.capacity` must be an integer",
            ),
            (
                "COUNTERSIGN__MARKS__CAPACITY",
                "9",
                "COUNTERSIGN__MARKS__CAPACITY: `marks.capacity` must be 1000 to 100000000",
            ),
            ("COUNTERSIGN__MARKS", "9", "COUNTERSIGN__MARKS: `marks` is a section: name a key in it"),
            ("COUNTERSIGN__TLS__OWN_CA", "yes", "COUNTERSIGN__TLS__OWN_CA: `tls.own_ca` must be true or false"),
            (
                "COUNTERSIGN__TLS__KEY",
                "tls.key",
                "COUNTERSIGN__TLS__KEY: `tls.key` is set and `tls.certificate` is not: set both or neither",
            ),
        ] {
            assert_eq!(load("", &[(name, value)], &Flags::default()).unwrap_err(), complaint);
        }
    }
}
