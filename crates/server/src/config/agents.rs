use std::path::{Path, PathBuf};

use countersign_domain::operations::CodePolicy;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{host, hours};
use crate::tls::Pin;

/// Section `install_codes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallCodes {
    /// How long a short code holds, where nobody says.
    pub short_hours: u32,
    /// How long a long code holds, where nobody says.
    pub long_hours: u32,
    /// Short codes that may be live at once.
    pub live_short_codes: u32,
}

impl InstallCodes {
    /// As the domain takes it.
    pub fn policy(&self) -> CodePolicy {
        CodePolicy {
            short_lifetime: hours(self.short_hours),
            long_lifetime: hours(self.long_hours),
            most_live_short: self.live_short_codes,
        }
    }
}

/// Section `agents`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    /// How long a machine's certificate holds.
    pub certificate_days: u32,
    /// How often a machine says that it is there.
    pub heartbeat_seconds: u32,
    /// Which key the install line pins.
    pub pin: PinSetting,
    /// Machines may be installed and join over plain HTTP.
    pub plain_http: bool,
    /// The vendor's script and its options are served.
    pub vendor_form: bool,
    /// The folder of programs for machines; empty for `agents` in the data folder.
    pub folder: String,
    /// Where machines of a route reach the server.
    pub endpoints: Vec<Endpoint>,
}

impl Agents {
    /// The folder of programs for machines, in a server whose data is in `data`.
    pub fn folder(&self, data: &Path) -> PathBuf {
        if self.folder.is_empty() { data.join("agents") } else { PathBuf::from(&self.folder) }
    }

    /// The address that is set under this name, if there is one.
    pub fn endpoint(&self, name: &str) -> Option<&str> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name).map(|endpoint| endpoint.url.as_str())
    }
}

/// Which key the install line pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinSetting {
    /// That of this server's certificate, where it has one.
    Own,
    /// None: machines trust the certificate as any client does.
    None,
    /// This one: that of a proxy before this server.
    Given(Pin),
}

impl PinSetting {
    /// The pin, where `own` gives this server's.
    pub(crate) fn choose(self, own: impl FnOnce() -> Option<Pin>) -> Option<Pin> {
        match self {
            Self::Own => own(),
            Self::None => None,
            Self::Given(pin) => Some(pin),
        }
    }
}

impl<'de> Deserialize<'de> for PinSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "own" => Ok(Self::Own),
            "none" => Ok(Self::None),
            text => Pin::parse(text).map(Self::Given).ok_or_else(|| {
                D::Error::custom(format!(
                    "{text:?} is neither \"own\", \"none\" nor sha256// and 44 characters of Base64"
                ))
            }),
        }
    }
}

/// Where machines of a route reach the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `vendor:NAME`, `proxy-cluster:NAME` or `private-link:NUMBER`.
    pub name: String,
    /// An address without a slash at its end.
    pub url: String,
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = |name: &str| {
            let (kind, rest) = name.split_once(':').unwrap_or_default();
            match kind {
                "vendor" | "proxy-cluster" => !rest.is_empty(),
                "private-link" => rest.parse::<i64>().is_ok(),
                _ => false,
            }
        };
        match text.split_once('=') {
            Some((name, url)) if known(name) && host(url).is_some() => {
                Ok(Self { name: name.to_owned(), url: url.to_owned() })
            }
            _ => Err(D::Error::custom(format!(
                "{text:?} is not vendor:NAME, proxy-cluster:NAME or private-link:NUMBER, then = and an address"
            ))),
        }
    }
}

/// Section `alibaba`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alibaba {
    /// The zone of times that the vendor writes without one.
    #[serde(deserialize_with = "offset")]
    pub time_zone: jiff::tz::Offset,
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<jiff::tz::Offset, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = || {
        let (sign, digits) = match text.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        let number = |text: &str| (text.len() == 2).then(|| text.parse::<i32>().ok()).flatten();
        let (hours, minutes) = digits.split_once(':')?;
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (hours <= 14 && minutes < 60)
            .then(|| jiff::tz::Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok())?
    };
    read().ok_or_else(|| D::Error::custom(format!("{text:?} is not a zone such as +08:00")))
}
