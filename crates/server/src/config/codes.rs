use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign_domain::calling_code;
use countersign_domain::code::{CodePurpose, Resend};
use countersign_domain::contact::Channel;
use countersign_domain::gate::CodeRates;
use countersign_domain::message::SenderName;
use countersign_domain::operations::{
    Blocked, DeliveryPolicy, Enforcement, Keep, PurposePolicy, SendPolicy, TicketDemand,
};
use countersign_domain::routes::{Route, Routes};
use countersign_domain::throttle::Rule;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{days, seconds};

const DAY: Duration = Duration::from_hours(24);

/// Section `codes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codes {
    /// How many digits.
    pub digits: usize,
    /// How long a code holds.
    pub lifetime_seconds: u32,
    /// How soon one may be sent again; 0 for at once.
    pub resend_seconds: u32,
    /// What happens to the live one then.
    pub resend: ResendSetting,
    /// When a send must be paid for with a ticket.
    pub ticket: TicketSetting,
    /// What is different for codes of one purpose.
    #[serde(deserialize_with = "purposes")]
    pub purposes: BTreeMap<String, Purpose>,
    /// The limits only record what they would have refused.
    pub monitor: bool,
    /// Calling codes that texts may go to; empty for all.
    #[serde(deserialize_with = "calling_codes")]
    pub countries: Vec<u16>,
    /// The calling code of numbers that come without one; empty for none.
    #[serde(deserialize_with = "calling_code")]
    pub default_calling_code: Option<u16>,
    /// Whom nothing is sent to.
    #[serde(deserialize_with = "blocked")]
    pub blocked: Vec<Blocked>,
    /// Codes to one contact.
    pub per_contact: DailyRate,
    /// Codes that ask one account for its consent.
    pub per_account: DailyRate,
    /// Codes that people on one network ask for.
    pub per_network: DailyRate,
    /// Texts of one app to one country.
    pub per_country: DailyRate,
    /// Codes of one app.
    pub per_app: DailyRate,
    /// Wrong tries at one contact's codes.
    pub wrong_per_contact: DailyRate,
    /// Wrong tries at one app's codes.
    pub wrong_per_app: DailyRate,
    /// What becomes of texts that nobody answers.
    pub pumping: PumpingSetting,
    /// Texts to numbers that differ in their last four digits only, whose codes nobody typed in.
    pub unverified_per_prefix: u32,
    /// The same for one country.
    pub unverified_per_country: u32,
    /// The same for people on one network.
    pub unverified_per_network: u32,
    /// What one app's texts may cost a day; 0 for any sum.
    pub budget_per_day: u32,
    /// What one segment of a text costs.
    pub price: u32,
    /// What it costs elsewhere, by how the number begins.
    pub prices: Vec<Price>,
    /// How long a contact counts as verified.
    pub verified_days: u32,
    /// How long codes are remembered.
    pub keep_days: u32,
}

impl Codes {
    /// As the domain takes them.
    pub fn policy(&self) -> SendPolicy {
        let default = PurposePolicy {
            digits: self.digits,
            lifetime: seconds(self.lifetime_seconds),
            interval: interval(self.resend_seconds),
            resend: self.resend.into(),
            ticket: self.ticket.into(),
        };
        SendPolicy {
            default,
            purposes: self.purposes.iter().map(|(name, purpose)| (name.clone(), purpose.over(default))).collect(),
            rates: CodeRates {
                per_contact: self.per_contact.rule(),
                per_account: self.per_account.rule(),
                per_network: self.per_network.rule(),
                per_app: self.per_app.rule(),
                per_country: self.per_country.rule(),
                spend_per_app: budget(self.budget_per_day),
                unverified_per_prefix: self.unverified(self.unverified_per_prefix),
                unverified_per_country: self.unverified(self.unverified_per_country),
                unverified_per_network: self.unverified(self.unverified_per_network),
                wrong_per_contact: self.wrong_per_contact.rule(),
                wrong_per_app: self.wrong_per_app.rule(),
            },
            monitor: self.monitor,
            pumping: match self.pumping {
                PumpingSetting::Off | PumpingSetting::Monitor => Enforcement::Monitor,
                PumpingSetting::Enforce => Enforcement::Enforce,
            },
            countries: self.countries.clone(),
            blocked: self.blocked.clone(),
            prices: self.prices.iter().map(|Price { prefix, price }| (prefix.clone(), *price)).collect(),
            price: self.price,
            verified_for: days(self.verified_days),
        }
    }

    /// How long things are remembered.
    pub fn keep(&self) -> Keep {
        Keep { codes: days(self.keep_days), contacts: days(self.verified_days) + days(self.keep_days) }
    }

    /// The price of a segment where it is highest.
    fn dearest(&self) -> u64 {
        let prices = self.prices.iter().map(|price| price.price).chain([self.price]);
        u64::from(prices.max().unwrap_or(0))
    }

    fn unverified(&self, unread: u32) -> Option<u32> {
        let is_on = !matches!(self.pumping, PumpingSetting::Off);
        (is_on && unread > 0).then_some(unread)
    }

    /// The calling code of numbers that come without one, as digits.
    pub fn default_calling_code(&self) -> Option<String> {
        self.default_calling_code.map(|number| number.to_string())
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> Vec<(&'static str, bool, &'static str)> {
        const RATE: &str = "must have a `burst` of at most 1000000 (0 switches it off) and a `per_day` of 1 to 1000000";
        const UNREAD: &str = "must be at most 1000000; 0 switches it off";
        let digits = |number: usize| (6..=10).contains(&number);
        let lifetime = |number: u32| (30..=600).contains(&number);
        let purposes = || self.purposes.values();
        vec![
            ("codes.digits", digits(self.digits), "must be 6 to 10"),
            ("codes.lifetime_seconds", lifetime(self.lifetime_seconds), "must be 30 to 600"),
            ("codes.resend_seconds", self.resend_seconds <= 3_600, "must be at most 3600"),
            (
                "codes.purposes",
                purposes().all(|purpose| {
                    purpose.digits.is_none_or(digits)
                        && purpose.lifetime_seconds.is_none_or(lifetime)
                        && purpose.resend_seconds.is_none_or(|number| number <= 3_600)
                }),
                "must have `digits` of 6 to 10, `lifetime_seconds` of 30 to 600 and `resend_seconds` of at most 3600",
            ),
            ("codes.per_contact", self.per_contact.is_sane(), RATE),
            ("codes.per_account", self.per_account.is_sane(), RATE),
            ("codes.per_network", self.per_network.is_sane(), RATE),
            ("codes.per_country", self.per_country.is_sane(), RATE),
            ("codes.per_app", self.per_app.is_sane(), RATE),
            ("codes.unverified_per_prefix", self.unverified_per_prefix <= 1_000_000, UNREAD),
            ("codes.unverified_per_country", self.unverified_per_country <= 1_000_000, UNREAD),
            ("codes.unverified_per_network", self.unverified_per_network <= 1_000_000, UNREAD),
            ("codes.wrong_per_contact", self.wrong_per_contact.is_sane(), RATE),
            ("codes.wrong_per_app", self.wrong_per_app.is_sane(), RATE),
            (
                "codes.budget_per_day",
                self.budget_per_day == 0 || (20 * self.dearest()..=1_000_000).contains(&u64::from(self.budget_per_day)),
                "must be 0, or at most 1000000 and at least twenty times the dearest segment: half of it may be spent at once",
            ),
            ("codes.verified_days", (1..=36_500).contains(&self.verified_days), "must be 1 to 36500"),
            // A call may be repeated for a day, and finds its code.
            ("codes.keep_days", (2..=3_650).contains(&self.keep_days), "must be 2 to 3650"),
        ]
    }
}

fn interval(number: u32) -> Option<Duration> {
    (number > 0).then(|| seconds(number))
}

/// A day's budget: half of it at once, and half over the day, so that no day sees more.
fn budget(sum: u32) -> Option<Rule> {
    let half = sum / 2;
    (half > 0).then(|| Rule { burst: half, interval: DAY / half })
}

/// What is different for the codes of one purpose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Purpose {
    digits: Option<usize>,
    lifetime_seconds: Option<u32>,
    resend_seconds: Option<u32>,
    resend: Option<ResendSetting>,
    ticket: Option<TicketSetting>,
}

impl Purpose {
    fn over(&self, default: PurposePolicy) -> PurposePolicy {
        PurposePolicy {
            digits: self.digits.unwrap_or(default.digits),
            lifetime: self.lifetime_seconds.map_or(default.lifetime, seconds),
            interval: self.resend_seconds.map_or(default.interval, interval),
            resend: self.resend.map_or(default.resend, Resend::from),
            ticket: self.ticket.map_or(default.ticket, TicketDemand::from),
        }
    }
}

/// `keep` or `replace`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResendSetting {
    /// The live code goes again.
    Keep,
    /// A new one takes its place.
    Replace,
}

impl From<ResendSetting> for Resend {
    fn from(setting: ResendSetting) -> Self {
        match setting {
            ResendSetting::Keep => Self::Keep,
            ResendSetting::Replace => Self::Replace,
        }
    }
}

/// `never`, `over-limits` or `always`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketSetting {
    /// A send needs none.
    Never,
    /// It lifts limits.
    OverLimits,
    /// Each send needs one.
    Always,
}

impl From<TicketSetting> for TicketDemand {
    fn from(setting: TicketSetting) -> Self {
        match setting {
            TicketSetting::Never => Self::Never,
            TicketSetting::OverLimits => Self::OverLimits,
            TicketSetting::Always => Self::Always,
        }
    }
}

/// `off`, `monitor` or `enforce`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PumpingSetting {
    /// Nothing is counted.
    Off,
    /// What would have been refused is recorded.
    Monitor,
    /// It is refused.
    Enforce,
}

/// A limit of days.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DailyRate {
    /// How many at once; 0 switches the limit off.
    pub burst: u32,
    /// How many come back in a day.
    pub per_day: u32,
}

impl DailyRate {
    fn rule(self) -> Option<Rule> {
        (self.burst > 0).then(|| Rule { burst: self.burst, interval: DAY / self.per_day.max(1) })
    }

    fn is_sane(self) -> bool {
        self.burst <= 1_000_000 && (1..=1_000_000).contains(&self.per_day)
    }
}

/// What one segment costs where numbers begin so: `+86=5`.
#[derive(Clone, Debug)]
pub struct Price {
    prefix: String,
    price: u32,
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (prefix, price) = text.split_once('=')?;
            is_prefix(prefix).then_some(Self { prefix: prefix.to_owned(), price: price.trim().parse().ok()? })
        };
        read().ok_or_else(|| D::Error::custom(format!("{text:?} is no price such as \"+86=5\"")))
    }
}

fn is_prefix(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn purposes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Purpose>, D::Error> {
    let purposes = BTreeMap::<String, Purpose>::deserialize(deserializer)?;
    match purposes.keys().find(|name| CodePurpose::parse(name).is_none()) {
        None => Ok(purposes),
        Some(name) => Err(D::Error::custom(format!("{name:?} is no purpose: 1 to 32 characters of [a-z0-9_.-]"))),
    }
}

fn calling_codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| known(text).map_err(D::Error::custom)).collect()
}

fn calling_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { known(&text).map(Some).map_err(D::Error::custom) }
}

fn known(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let code = calling_code::exactly(digits).ok_or_else(|| format!("{text:?} is no calling code such as \"86\""))?;
    Ok(code.number())
}

fn blocked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Blocked>, D::Error> {
    let read = |text: &String| {
        Blocked::parse(text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is neither the beginning of a number (\"+86170\"), an address nor \"@host\""
            ))
        })
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(read).collect()
}

/// Section `delivery`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How often a sender tries before the next one takes over.
    pub tries_per_sender: u32,
    /// How long it waits after its first try.
    pub first_pause_seconds: u32,
    /// How long it waits at most.
    pub longest_pause_seconds: u32,
    /// The folder of the operator's templates; empty for none.
    pub templates: String,
    /// Hosts whose pages ask for codes, by app: `any=example.com`.
    #[serde(deserialize_with = "hosts")]
    pub autofill_hosts: BTreeMap<String, String>,
}

impl Delivery {
    /// As the domain takes it.
    pub fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            tries_per_sender: self.tries_per_sender,
            first_pause: seconds(self.first_pause_seconds),
            longest_pause: seconds(self.longest_pause_seconds),
        }
    }

    /// As the templates take it.
    pub fn templates(&self) -> countersign_senders::templates::Settings {
        countersign_senders::templates::Settings {
            folder: PathBuf::from(&self.templates),
            autofill_hosts: self.autofill_hosts.clone(),
        }
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> [(&'static str, bool, &'static str); 3] {
        let pause = |number: u32| (1..=300).contains(&number);
        [
            ("delivery.tries_per_sender", (1..=100).contains(&self.tries_per_sender), "must be 1 to 100"),
            ("delivery.first_pause_seconds", pause(self.first_pause_seconds), "must be 1 to 300"),
            ("delivery.longest_pause_seconds", pause(self.longest_pause_seconds), "must be 1 to 300"),
        ]
    }
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let read = |text: &String| {
        let (app, host) = text.split_once('=')?;
        Some((app.trim().to_owned(), host.trim().to_owned()))
    };
    let texts = Vec::<String>::deserialize(deserializer)?;
    let complaint = |text: &String| D::Error::custom(format!("{text:?} is not of the form \"any=example.com\""));
    texts.iter().map(|text| read(text).ok_or_else(|| complaint(text))).collect()
}

/// One of `[[senders]]`: what all have, and what its kind wants.
#[derive(Clone)]
pub struct SenderSettings {
    /// Its name.
    pub name: SenderName,
    /// Its kind.
    pub kind: String,
    /// The channels that it serves.
    pub channels: Vec<Channel>,
    /// The numbers that it serves, by how they begin; empty for all.
    pub prefixes: Vec<String>,
    /// How soon its gateway tells of a delivery, where its silence counts.
    pub report_within: Option<Duration>,
    /// What its kind wants.
    pub settings: toml::Table,
}

impl std::fmt::Debug for SenderSettings {
    /// Its settings hold passwords.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SenderSettings")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for SenderSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = toml::Table::deserialize(deserializer)?;
        let mut text = |key: &str| match settings.remove(key) {
            Some(toml::Value::String(text)) => Ok(text),
            Some(_) => Err(D::Error::custom(format!("a sender's `{key}` must be a string"))),
            None => Err(D::Error::custom(format!("a sender lacks its `{key}`"))),
        };
        let (name, kind, channel) = (text("name")?, text("kind")?, text("channel")?);
        let complain = |complaint: &str| D::Error::custom(format!("the sender {name:?}: {complaint}"));
        let is_prefixes = |value: &toml::Value| value.as_str().is_some_and(is_prefix);
        let prefixes = match settings.remove("prefixes") {
            None => Vec::new(),
            Some(toml::Value::Array(entries)) if entries.iter().all(is_prefixes) => {
                entries.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
            }
            Some(_) => return Err(complain("`prefixes` must be a list of beginnings of numbers such as \"+86\"")),
        };
        let report_within = match settings.remove("report_seconds") {
            None => None,
            Some(toml::Value::Integer(number)) if (1..=300).contains(&number) => {
                Some(Duration::from_secs(number.unsigned_abs()))
            }
            Some(_) => return Err(complain("`report_seconds` must be 1 to 300")),
        };
        let channels = match channel.as_str() {
            "sms" => vec![Channel::Sms],
            "email" => vec![Channel::Email],
            "any" => vec![Channel::Sms, Channel::Email],
            _ => return Err(complain("`channel` must be \"sms\", \"email\" or \"any\"")),
        };
        let parsed = SenderName::parse(&name).ok_or_else(|| complain("a name has 1 to 32 characters of [a-z0-9_-]"))?;
        Ok(Self { name: parsed, kind, channels, prefixes, report_within, settings })
    }
}

/// The routes of these senders, in their order.
pub fn routes(senders: &[SenderSettings]) -> Routes {
    let routes = senders.iter().flat_map(|sender| {
        let of = |channel: &Channel| Route {
            sender: sender.name.clone(),
            channel: *channel,
            prefixes: if *channel == Channel::Sms { sender.prefixes.clone() } else { Vec::new() },
            report_within: sender.report_within,
        };
        sender.channels.iter().map(of)
    });
    Routes::new(routes.collect())
}

/// Two senders of one name, if there are any.
pub(super) fn twins(senders: &[SenderSettings]) -> bool {
    let names: std::collections::BTreeSet<_> = senders.iter().map(|sender| &sender.name).collect();
    names.len() < senders.len()
}
