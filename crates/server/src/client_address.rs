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

use countersign_domain::network::Network;
use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which proxies say for whom they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For: 192.0.2.1, 10.0.0.1`.
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1;proto=https, for="[2001:db8::1]"`, RFC 7239.
    Forwarded,
}

/// Reads a list of networks from the settings.
///
/// # Errors
/// The first text that names none, and why.
pub fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.into_iter().map(|text| Network::try_from(text).map_err(D::Error::custom)).collect()
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
