//! Networks: where a machine may join from, and which proxies are believed.

use std::net::IpAddr;

/// Addresses that share their first bits: `10.0.0.0/8`, `2001:db8::/32`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// Neither an address nor a network.
    #[error("{0:?} is neither an address nor a network such as 10.0.0.0/8")]
    Unreadable(String),
    /// `10.0.0.1/8`: one of the two numbers is not what its writer meant.
    #[error("{0:?} has bits set behind its prefix: the network is {1}/{2}")]
    BitsBehindPrefix(String, IpAddr, u8),
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        let unreadable = || NotANetwork::Unreadable(text.clone());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.as_str(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let width = width(address);
        let mut prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width).ok_or_else(unreadable)?
            }
            Some(_) => return Err(unreadable()),
        };
        let canonical = address.to_canonical();
        if canonical.is_ipv4() && address.is_ipv6() {
            prefix = prefix.checked_sub(96).ok_or_else(unreadable)?;
        }
        let first = masked(canonical, prefix);
        if first == canonical {
            Ok(Self { first, prefix })
        } else {
            Err(NotANetwork::BitsBehindPrefix(text, first, prefix))
        }
    }
}

impl Network {
    /// The network that counts as one client where numbers of clients matter: the /24 of an IPv4 address, because people behind
    /// one gate of their provider share it and whoever rents addresses gets them so; the /64 of an IPv6 one.
    pub fn around(address: IpAddr) -> Self {
        let canonical = address.to_canonical();
        let prefix = if canonical.is_ipv4() { 24 } else { 64 };
        Self { first: masked(canonical, prefix), prefix }
    }

    /// The network of a client's neighbours: the /24 of an IPv4 address; the /56 of an IPv6 one, which is what providers hand to
    /// one customer.
    pub fn near(address: IpAddr) -> Self {
        let canonical = address.to_canonical();
        let prefix = if canonical.is_ipv4() { 24 } else { 56 };
        Self { first: masked(canonical, prefix), prefix }
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix) == self.first
    }

    /// How many bits its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Whether an address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }

    /// Its parts of this many shared bits, in order: none where it is smaller itself, and none of IPv6.
    pub fn parts(&self, prefix: u8) -> impl Iterator<Item = Self> + use<> {
        let (IpAddr::V4(first), true) = (self.first, (self.prefix..=32).contains(&prefix)) else {
            return PartsOf { next: None, step: 0, last: 0, prefix };
        };
        let span = |prefix: u8| 1u64 << (32 - u32::from(prefix));
        let start = u64::from(first.to_bits());
        PartsOf { next: Some(start), step: span(prefix), last: start + span(self.prefix) - 1, prefix }
    }

    /// Whether it is every address of its family.
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

struct PartsOf {
    next: Option<u64>,
    step: u64,
    last: u64,
    prefix: u8,
}

impl Iterator for PartsOf {
    type Item = Network;

    fn next(&mut self) -> Option<Network> {
        let at = self.next.filter(|at| *at <= self.last)?;
        self.next = Some(at + self.step);
        let first = u32::try_from(at).ok()?;
        Some(Network { first: IpAddr::V4(first.into()), prefix: self.prefix })
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let behind = u32::from(width(address) - prefix);
    match address {
        IpAddr::V4(address) => IpAddr::V4((address.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)).into()),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)).into()),
    }
}

impl std::fmt::Display for Network {
    /// As it is read: `10.0.0.0/8`, or the address alone where the network is a single one.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.prefix == width(self.first) {
            write!(formatter, "{}", self.first)
        } else {
            write!(formatter, "{}/{}", self.first, self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Result<Network, NotANetwork> {
        Network::try_from(text.to_owned())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_hold_their_own() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.129", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
        ] {
            let network = network(text).unwrap();
            assert!(network.contains(ip(inside)), "{text} holds {inside}");
            assert!(!network.contains(ip(outside)), "{text} does not hold {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_a_reason() {
        for text in
            ["", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "::/129", "10.0.0.0/8/8", "proxy", "::ffff:0:0/8"]
        {
            assert_eq!(network(text), Err(NotANetwork::Unreadable(text.to_owned())));
        }
        let complaint = network("10.0.0.1/8").unwrap_err().to_string();
        assert_eq!(complaint, "\"10.0.0.1/8\" has bits set behind its prefix: the network is 10.0.0.0/8");
    }

    proptest! {
        #[test]
        fn a_network_holds_what_shares_its_prefix_and_nothing_else(address: IpAddr, other: IpAddr, prefix in 0u8..=128) {
            let address = address.to_canonical();
            let prefix = prefix.min(width(address));
            let network = network(&format!("{}/{prefix}", masked(address, prefix))).unwrap();
            prop_assert!(network.contains(address));
            prop_assert_eq!(Network::try_from(network.to_string()), Ok(network));
            let other = other.to_canonical();
            let bits = |address: IpAddr| match address {
                IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
                IpAddr::V6(address) => address.to_bits(),
            };
            let alike = u8::try_from((bits(address) ^ bits(other)).leading_zeros()).unwrap() >= prefix;
            prop_assert_eq!(network.contains(other), address.is_ipv4() == other.is_ipv4() && alike);
        }
    }
}
