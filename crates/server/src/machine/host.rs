//! What the operating system says about the machine.

use std::fs;
use std::process::Command;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

use crate::hex;

/// What a machine says of itself when it joins.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Facts {
    hostname: String,
    os: &'static str,
    architecture: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_id: Option<String>,
}

impl Facts {
    pub(super) fn gather() -> Self {
        let machine_id = fs::read_to_string("/etc/machine-id").ok();
        Self {
            hostname: hostname(),
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            machine_id: machine_id.as_deref().and_then(disguised),
        }
    }
}

fn hostname() -> String {
    let kernel = fs::read("/proc/sys/kernel/hostname").ok();
    let told = kernel.or_else(|| Command::new("hostname").output().ok().map(|output| output.stdout));
    // What a server would refuse is left out: a machine must not fail to join for its name.
    let name = String::from_utf8_lossy(&told.unwrap_or_default()).into_owned();
    let name: String = name.chars().filter(|character| !character.is_control()).take(253).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// The machine's id as others may see it. machine-id(5) wants it kept from the network, and a keyed hash sent in its place.
fn disguised(id: &str) -> Option<String> {
    let id = id.trim();
    if id.is_empty() {
        return None;
    }
    let mut hash = Hmac::<Sha256>::new_from_slice(id.as_bytes()).ok()?;
    hash.update(b"countersign agent");
    let whole = hash.finalize().into_bytes();
    whole.get(..16).map(hex::encode)
}

/// Which start of the machine this is: another text after each. `None` where the system does not say.
pub(super) fn boot() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use countersign_domain::agent::{HostFacts, OperatingSystem};

    use super::*;

    #[test]
    fn the_facts_are_such_as_a_server_takes() {
        let Facts { hostname, os, architecture, machine_id } = Facts::gather();
        let os = OperatingSystem::from_word(os).unwrap();
        assert!(HostFacts::new(&hostname, os, architecture, &machine_id.unwrap_or_default()).is_ok());
    }

    #[test]
    fn a_machines_id_is_told_apart_and_not_told() {
        let shown = disguised("b08dfa6083e7567a1921a715000001fb\n").unwrap();
        assert_eq!(shown.len(), 32);
        assert_eq!(disguised(" b08dfa6083e7567a1921a715000001fb"), Some(shown.clone()));
        assert_ne!(disguised("b08dfa6083e7567a1921a715000001fc"), Some(shown));
        assert_eq!(disguised("\n"), None);
    }
}
