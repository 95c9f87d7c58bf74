//! An agent: a machine that joined with an install code and has a certificate of its own.

use std::net::IpAddr;

use crate::app::AppId;
use crate::group::{GroupId, GroupName};
use crate::install_code::{InstallCodeId, Route};
use crate::ports::Entropy;
use crate::time::Timestamp;

/// Who an agent is, for good: a random UUID (version 4), written as 36 lower-case characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId([u8; 16]);

impl AgentId {
    /// A fresh id.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = entropy.array::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The id that [`bytes`](Self::bytes) gave.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id in the form 8-4-4-4-12 of hexadecimal digits, in either case; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        if bytes.len() != 36 || (0..36).any(|at| (bytes[at] == b'-') != is_dash(at)) {
            return None;
        }
        let mut digits = bytes.iter().filter(|byte| **byte != b'-').map(|byte| char::from(*byte).to_digit(16));
        let mut id = [0; 16];
        for byte in &mut id {
            *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
        }
        Some(Self(id))
    }
}

impl std::fmt::Display for AgentId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                formatter.write_str("-")?;
            }
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The certificate by which an agent showed itself on a connection: of the agents' authority, within its time, and the agent
/// has its key. Whether the agent is still welcome is for the records to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// Whose it is.
    pub agent: AgentId,
    /// Its serial number.
    pub serial: [u8; 16],
    /// From then on it is none.
    pub not_after: Timestamp,
}

/// The operating systems that install codes and agents know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatingSystem {
    /// Any Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl OperatingSystem {
    /// Every system, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Linux, Self::MacOs, Self::Windows];

    /// The word for it, as in `std::env::consts::OS`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::MacOs => "macos",
            Self::Windows => "windows",
        }
    }

    /// The system that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.word() == word)
    }
}

/// What a machine says of itself. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    hostname: String,
    os: OperatingSystem,
    architecture: String,
    machine_id: String,
}

/// Which fact about a host cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFact {
    /// 1 to 253 characters, none of them a control character.
    #[error("hostname takes 1 to 253 characters")]
    Hostname,
    /// 1 to 32 characters of `[A-Za-z0-9_]`.
    #[error("architecture takes 1 to 32 characters of A-Za-z0-9_")]
    Architecture,
    /// Up to 64 characters of `[A-Za-z0-9-]`.
    #[error("machine_id takes up to 64 characters of A-Za-z0-9-")]
    MachineId,
}

impl HostFacts {
    /// The facts, if they can be.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn new(hostname: &str, os: OperatingSystem, architecture: &str, machine_id: &str) -> Result<Self, BadFact> {
        if !(1..=253).contains(&hostname.chars().count()) || hostname.chars().any(char::is_control) {
            return Err(BadFact::Hostname);
        }
        let plain = |text: &str, extra: u8| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == extra);
        if !(1..=32).contains(&architecture.len()) || !plain(architecture, b'_') {
            return Err(BadFact::Architecture);
        }
        if machine_id.len() > 64 || !plain(machine_id, b'-') {
            return Err(BadFact::MachineId);
        }
        let [hostname, architecture, machine_id] = [hostname, architecture, machine_id].map(str::to_owned);
        Ok(Self { hostname, os, architecture, machine_id })
    }

    /// Its name for itself.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// Its operating system.
    pub fn os(&self) -> OperatingSystem {
        self.os
    }

    /// Its processor, as in `std::env::consts::ARCH`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// `/etc/machine-id` or what stands for it; may be empty.
    pub fn machine_id(&self) -> &str {
        &self.machine_id
    }
}

/// How an agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Its app's owner sent it away.
    Revoked,
    /// It left by itself.
    Left,
}

impl Ended {
    /// The word for it at rest and in the native API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Left => "left",
        }
    }

    /// The end that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Revoked, Self::Left].into_iter().find(|ended| ended.word() == word)
    }
}

/// A certificate of an agent's, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// In PEM.
    pub certificate: String,
    /// Its serial number.
    pub serial: [u8; 16],
    /// SHA-256 of the request that it answers.
    pub request: [u8; 32],
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From then on it is none.
    pub expires_at: Timestamp,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Who it is.
    pub id: AgentId,
    /// Whose it is.
    pub app: AppId,
    /// Where it belongs.
    pub group: GroupId,
    /// The group's name.
    pub group_name: GroupName,
    /// The code that admitted it.
    pub code: InstallCodeId,
    /// How it reaches the server, as its code said.
    pub route: Route,
    /// What it says of itself.
    pub host: HostFacts,
    /// Its newest certificate.
    pub certificate: IssuedCertificate,
    /// SHA-256 of the request that it joined with: by that a repeated attempt is known.
    pub joined_with: [u8; 32],
    /// From where it joined.
    pub address: IpAddr,
    /// When it joined.
    pub joined_at: Timestamp,
    /// When it was last heard of over its certificate; `None` until the first time.
    pub seen_at: Option<Timestamp>,
    /// When and how it ended; then its certificate is worth nothing.
    pub ended: Option<(Timestamp, Ended)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(seed: u64) {
            let id = AgentId::draw(&SeededEntropy::new(seed));
            let shown = id.to_string();
            prop_assert_eq!(AgentId::parse(&shown), Some(id));
            prop_assert_eq!(AgentId::parse(&shown.to_uppercase()), Some(id));
            prop_assert_eq!(&shown[14..15], "4");
            prop_assert!("89ab".contains(&shown[19..20]));
        }

        #[test]
        fn no_other_text_is_one(text in "[0-9a-g-]{30,40}") {
            if let Some(id) = AgentId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
