//! Where a call comes from: the peer of the connection, or what a trusted proxy says of it.
//!
//! The rules, all pure:
//! * A peer that is no trusted proxy is the client, whatever its headers say.
//! * Of a trusted proxy the configured header is read, and no other, from its end: each proxy adds to the end, so what stands
//!   there was written by somebody we trust. Trusted proxies are skipped; the first address that is none is the client.
//! * An entry that cannot be read ends the walk at the last good hop. What stands before it is the client's own writing, and a
//!   client that could blank out its address must not be able to choose another one by it.
//! * An IPv4 address is one also where it is written as IPv6 (`::ffff:192.0.2.1`).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use serde::Deserialize;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses that share their first bits: `10.0.0.0/8`, `2001:db8::/32`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
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
    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix) == self.first
    }

    /// Whether it is every address of its family.
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
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

/// The header in which proxies say for whom they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For: 192.0.2.1, 10.0.0.1`.
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1;proto=https, for="[2001:db8::1]"`, RFC 7239.
    Forwarded,
}

/// Whom to believe.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    /// Where our proxies are.
    pub networks: Vec<Network>,
    /// The header that they set.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    fn header_name(&self) -> HeaderName {
        match self.header {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => FORWARDED,
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// Whether this looks like a proxy of the operator's that nobody listed: a peer of the local network, asking for another.
    /// All its clients would be counted as one.
    pub fn overlooks(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let local = match peer.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        local && !self.holds(peer) && headers.contains_key(self.header_name())
    }

    /// The client of a call that came from `peer` with these headers.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // A header that is sent in several lines means what one line with all its entries would.
        let lines: Vec<_> = headers.get_all(self.header_name()).iter().collect();
        // An entry has no comma, quoted or not, so cutting at each one is safe: a quotation mark that a client leaves open
        // cannot swallow what a proxy adds behind it.
        let mut hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(|entry| {
            let entry = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
            match self.header {
                ProxyHeader::XForwardedFor => node(entry),
                ProxyHeader::Forwarded => node(forwarded_for(entry)?),
            }
        });
        while self.holds(client) {
            let Some(Some(hop)) = hops.next() else { break };
            client = hop;
        }
        client
    }
}

/// What stands behind `for=` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let value = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(value),
    }
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse().ok().or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
