//! Where a call comes from, as limits and tickets see it.

use std::net::IpAddr;

/// One client as far as its address can tell: a whole IPv4 address, or the /64 network of an IPv6 address.
///
/// A provider hands each customer a /64 at least, and a machine draws fresh addresses in it every few hours. Counted whole,
/// one machine would be 2⁶⁴ clients, and a person would become another one in the middle of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An IPv4 address, also where it was written as IPv6 (`::ffff:192.0.2.1`).
    V4([u8; 4]),
    /// The first half of an IPv6 address.
    V6([u8; 8]),
}

impl Origin {
    /// The origin that `address` belongs to.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let mut network = [0; 8];
                network.copy_from_slice(&address.octets()[..8]);
                Self::V6(network)
            }
        }
    }

    /// The bytes that stand for it; of different length for the two families, so that they never meet.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_counts_whole_however_it_is_written() {
        assert_eq!(origin("192.0.2.1"), origin("::ffff:192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
    }
}
