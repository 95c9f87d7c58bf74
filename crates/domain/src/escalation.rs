//! How hard a challenge is drawn: what an app's operator has decided, and what the client's history adds.
//!
//! A client is remembered by its address, by its network around that, and with all others by its app. The address counts for
//! most. A network and an app add one level at most, and make nobody wait: whoever attacks from the next address shall not
//! lock out a network, and whoever attacks an app shall not close it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::address::Origin;
use crate::app::AppId;
use crate::challenge::Level;
use crate::network::Network;
use crate::ports::MarkId;
use crate::standing::{Burden, Impression, Memory, Waits};

/// Whom something is remembered of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One client, as far as its address can tell.
    Address,
    /// Its neighbours: a /24, or the /56 that a provider hands to one customer.
    Network,
    /// Everybody at one app.
    App,
}

impl Scope {
    /// How this is remembered. Figures, and why: docs/escalation.md.
    pub fn memory(self, waits: Option<Waits>) -> Memory {
        match self {
            Self::Address => Memory {
                point: Duration::from_mins(2),
                points_per_level: 3,
                most_levels: [4, 1, 2],
                scripted: 3,
                waits,
            },
            Self::Network => Memory {
                point: Duration::from_secs(30),
                points_per_level: 30,
                most_levels: [1, 0, 1],
                scripted: 1,
                waits: None,
            },
            Self::App => Memory {
                point: Duration::from_secs(1),
                points_per_level: 300,
                most_levels: [1, 0, 0],
                scripted: 1,
                waits: None,
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Network => "network",
            Self::App => "app",
        }
    }

    /// What a call is remembered under.
    pub fn key(self, app: &AppId, client: IpAddr) -> MarkId {
        let mut hash = Sha256::new();
        hash.update(b"countersign history\0");
        hash.update(self.name());
        hash.update(b"\0");
        match self {
            Self::Address => hash.update(Origin::of(client).bytes()),
            Self::Network => hash.update(Network::near(client).to_string()),
            Self::App => hash.update(app.as_str()),
        }
        let full: [u8; 32] = hash.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&full[..16]);
        key
    }
}

/// Why a challenge is harder than its app's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Wrong answers from the address.
    Failures,
    /// Challenges that the address asks for and does not solve.
    Pace,
    /// Trails from the address.
    Trail,
    /// Wrong answers or trails from the network around it.
    Network,
    /// Wrong answers at the app.
    App,
    /// The door asked for it.
    Door,
}

impl Reason {
    /// The word for it in answers and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Pace => "pace",
            Self::Trail => "trail",
            Self::Network => "network",
            Self::App => "app",
            Self::Door => "door",
        }
    }
}

/// What the operator has decided for an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppEscalation {
    /// How hard for somebody of whom nothing is known.
    pub level: Level,
    /// And at most, whatever a history or a door says.
    pub highest: Level,
    /// Whether a history adds anything.
    pub escalate: bool,
}

impl AppEscalation {
    /// [`Level::DEFAULT`] for everybody.
    pub const FLAT: Self = Self { level: Level::DEFAULT, highest: Level::HIGHEST, escalate: false };
}

/// What the operator has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationPolicy {
    /// For every app but those below.
    pub default: AppEscalation,
    /// For these.
    pub apps: BTreeMap<String, AppEscalation>,
    /// What wrong answers in a row cost.
    pub waits: Option<Waits>,
}

impl EscalationPolicy {
    /// Nobody waits, and every challenge is of [`Level::DEFAULT`].
    pub const OFF: Self = Self { default: AppEscalation::FLAT, apps: BTreeMap::new(), waits: None };

    /// For this app.
    pub fn of(&self, app: &AppId) -> AppEscalation {
        self.apps.get(app.as_str()).copied().unwrap_or(self.default)
    }
}

/// What is remembered of a call's three scopes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Impressions {
    /// Of its address.
    pub address: Impression,
    /// Of the network around it.
    pub network: Impression,
    /// Of its app.
    pub app: Impression,
}

/// How hard a challenge is to be, and why it is harder than others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How hard.
    pub level: Level,
    /// What made it harder; empty where it is the app's own level.
    pub reasons: Vec<Reason>,
}

impl AppEscalation {
    /// Chooses a level. `floor` is what a door asks for: at least that, and no more than the highest.
    pub fn choose(&self, known: &Impressions, floor: Option<Level>) -> Choice {
        let Impressions { address, network, app } = known;
        // Wrong answers and trails of one network are mostly the same people's: the heavier counts.
        let around = network.levels(Burden::Failures).max(network.levels(Burden::Trails));
        let added = [
            (Reason::Failures, address.levels(Burden::Failures)),
            (Reason::Pace, address.levels(Burden::Pace)),
            (Reason::Trail, address.levels(Burden::Trails)),
            (Reason::Network, around),
            (Reason::App, app.levels(Burden::Failures)),
        ];
        let mut choice = Choice { level: self.level, reasons: Vec::new() };
        for (reason, levels) in added.into_iter().filter(|_| self.escalate) {
            choice.raise(choice.level.harder_by(levels).min(self.highest), reason);
        }
        if let Some(floor) = floor {
            choice.raise(floor.min(self.highest), Reason::Door);
        }
        choice
    }
}

impl Choice {
    /// A reason that changes nothing is none.
    fn raise(&mut self, to: Level, reason: Reason) {
        if to > self.level {
            self.level = to;
            self.reasons.push(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::{Deed, Standing};
    use crate::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_milliseconds(0);

    const WRONG: Deed = Deed::Wrong(Level::DEFAULT);

    fn impression(scope: Scope, deed: Deed, times: u32) -> Impression {
        let memory = scope.memory(None);
        let standing = (0..times).fold(Standing::UNKNOWN, |standing, _| standing.after(deed, NOW, &memory));
        standing.impression(NOW, &memory)
    }

    fn level(number: u8) -> Level {
        Level::new(number).unwrap()
    }

    fn chosen(policy: AppEscalation, known: &Impressions, floor: Option<u8>) -> (u8, Vec<&'static str>) {
        let Choice { level: chosen, reasons } = policy.choose(known, floor.map(level));
        (chosen.number(), reasons.into_iter().map(Reason::word).collect())
    }

    const ON: AppEscalation = AppEscalation { escalate: true, ..AppEscalation::FLAT };

    #[test]
    fn what_is_remembered_adds_levels_and_says_why() {
        let known = Impressions { address: impression(Scope::Address, WRONG, 3), ..Impressions::default() };
        assert_eq!(chosen(ON, &Impressions::default(), None), (3, vec![]));
        assert_eq!(chosen(ON, &known, None), (4, vec!["failures"]));
        assert_eq!(chosen(AppEscalation::FLAT, &known, None), (3, vec![]));
        let everything = Impressions {
            address: impression(Scope::Address, Deed::ScriptedTrail, 2),
            network: impression(Scope::Network, WRONG, 500),
            app: impression(Scope::App, WRONG, 5_000),
        };
        let easy = AppEscalation { level: level(1), ..ON };
        assert_eq!(chosen(easy, &everything, None), (5, vec!["trail", "network", "app"]));
    }

    #[test]
    fn a_door_asks_for_at_least_and_the_operator_says_at_most() {
        let nothing = Impressions::default();
        assert_eq!(chosen(ON, &nothing, Some(1)), (3, vec![]));
        assert_eq!(chosen(ON, &nothing, Some(5)), (5, vec!["door"]));
        let capped = AppEscalation { highest: level(4), ..AppEscalation::FLAT };
        assert_eq!(chosen(capped, &nothing, Some(5)), (4, vec!["door"]));
        let fixed = AppEscalation { highest: level(3), ..ON };
        let known = Impressions { address: impression(Scope::Address, WRONG, 50), ..nothing };
        assert_eq!(chosen(fixed, &known, Some(5)), (3, vec![]));
        assert_eq!(chosen(capped, &known, Some(5)), (4, vec!["door"]));
        let rising = AppEscalation { highest: level(4), ..ON };
        assert_eq!(chosen(rising, &known, Some(5)), (4, vec!["failures"]), "a reason that changed nothing is none");
        let all = Impressions { network: impression(Scope::Network, WRONG, 500), ..known };
        assert_eq!(chosen(ON, &all, None), (5, vec!["failures"]));
    }

    #[test]
    fn a_network_and_an_app_add_one_level_at_most_and_make_nobody_wait() {
        let waits = Waits { after: 1, first: Duration::from_secs(1), longest: Duration::from_secs(1) };
        for scope in [Scope::Network, Scope::App] {
            assert_eq!(scope.memory(Some(waits)).waits, None);
            for deed in [WRONG, Deed::Asked, Deed::ScriptedTrail] {
                let known = impression(scope, deed, 10_000);
                assert!(Burden::ALL.into_iter().all(|burden| known.levels(burden) <= 1), "{scope:?} {deed:?}");
            }
        }
    }

    #[test]
    fn neighbours_share_a_network_and_not_an_address() {
        let (one, two) = (AppId::parse("one").unwrap(), AppId::parse("two").unwrap());
        let key = |scope: Scope, app, client: &str| scope.key(app, client.parse().unwrap());
        for (here, there) in [("192.0.2.1", "192.0.2.200"), ("2001:db8:0:1::1", "2001:db8:0:ff::1")] {
            assert_eq!(key(Scope::Network, &one, here), key(Scope::Network, &two, there));
            assert_ne!(key(Scope::Address, &one, here), key(Scope::Address, &one, there));
            assert_ne!(key(Scope::Network, &one, here), key(Scope::Address, &one, here));
        }
        assert_eq!(key(Scope::Address, &one, "192.0.2.1"), key(Scope::Address, &two, "192.0.2.1"));
        assert_ne!(key(Scope::Network, &one, "2001:db8:0:1::1"), key(Scope::Network, &one, "2001:db8:0:100::1"));
        assert_ne!(key(Scope::App, &one, "192.0.2.1"), key(Scope::App, &two, "192.0.2.1"));
    }
}
