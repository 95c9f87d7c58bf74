//! The addresses of an office site: which ones it may have, and which are free beside what a resource routes to.

use crate::network::Network;

/// Where the addresses of a site come from, by the smallest and the longest prefix that a site's network has there.
const POOLS: [(&str, u8, u8); 3] = [("10.0.0.0/8", 12, 24), ("172.16.0.0/12", 12, 24), ("192.168.0.0/16", 16, 24)];

/// How many networks are suggested where one is taken.
pub const SUGGESTED: usize = 3;

fn pools() -> impl Iterator<Item = (Network, u8, u8)> {
    POOLS.iter().filter_map(|(pool, shortest, longest)| {
        Network::try_from((*pool).to_owned()).ok().map(|pool| (pool, *shortest, *longest))
    })
}

/// Reads the network of a site: private addresses of IPv4, written with their prefix, and no more of them than a site has.
/// `None` for any other text.
pub fn read(text: &str) -> Option<Network> {
    let is_written_out = text.contains('/') && !text.contains(':');
    let network = is_written_out.then(|| Network::try_from(text.to_owned()).ok()).flatten()?;
    let fits = pools().any(|(pool, shortest, longest)| {
        pool.contains(network.first()) && (shortest..=longest).contains(&network.prefix())
    });
    fits.then_some(network)
}

/// Networks beside all of `taken`: of each pool in turn, as large as the one that was wanted or as large as there still are. One
/// may be a part of another: it is for the caller to choose. Fewer than [`SUGGESTED`] only where fewer are free.
pub fn free(wanted: &Network, taken: &[Network]) -> Vec<Network> {
    let mut by_pool: Vec<std::vec::IntoIter<Network>> = pools()
        .map(|(pool, shortest, longest)| free_of(pool, wanted.prefix().max(shortest)..=longest, taken).into_iter())
        .collect();
    let mut found = Vec::with_capacity(SUGGESTED);
    loop {
        let before = found.len();
        found.extend(by_pool.iter_mut().filter_map(Iterator::next));
        if found.len() >= SUGGESTED || found.len() == before {
            found.truncate(SUGGESTED);
            return found;
        }
    }
}

fn free_of(pool: Network, prefixes: std::ops::RangeInclusive<u8>, taken: &[Network]) -> Vec<Network> {
    let blocks = free_blocks(pool, *prefixes.end(), taken);
    let of =
        |prefix| blocks.iter().filter(move |block| block.prefix() <= prefix).flat_map(move |block| block.parts(prefix));
    prefixes.flat_map(of).take(SUGGESTED).collect()
}

/// The parts of a network that none of `taken` overlaps, each as large as it can be and none smaller than `longest`. It halves
/// only what some of them take in part: for each of them a branch, however large the network is.
fn free_blocks(network: Network, longest: u8, taken: &[Network]) -> Vec<Network> {
    let holds = |taken: &Network| taken.prefix() <= network.prefix() && taken.contains(network.first());
    let overlapping: Vec<_> = taken.iter().filter(|taken| taken.overlaps(&network)).copied().collect();
    if overlapping.is_empty() {
        return vec![network];
    }
    if overlapping.iter().any(holds) || network.prefix() >= longest {
        return Vec::new();
    }
    network.parts(network.prefix() + 1).flat_map(|half| free_blocks(half, longest, &overlapping)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::try_from(text.to_owned()).unwrap()
    }

    fn shown(networks: &[Network]) -> Vec<String> {
        networks.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_site_has_private_addresses() {
        for text in
            ["10.0.0.0/12", "10.16.0.0/24", "172.16.0.0/12", "172.31.0.0/16", "192.168.0.0/16", "192.168.4.0/24"]
        {
            assert_eq!(read(text).map(|network| network.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "x",
            "10.0.0.0",
            "10.0.0.0/8",
            "10.0.0.0/25",
            "172.0.0.0/12",
            "192.168.0.0/15",
            "8.8.8.0/24",
            "10.0.0.1/12",
            "::/16",
            "::ffff:10.0.0.0/112",
            "fd00::/16",
            "10.0.0.0/-12",
            "10.0.0.0/12 ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn three_free_networks_are_found_while_there_are_any() {
        let wanted = network("192.168.0.0/16");
        assert_eq!(shown(&free(&wanted, &[])), ["10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16"]);
        let taken = [network("192.168.0.0/17"), network("172.16.0.0/13"), network("10.0.0.0/9")];
        assert_eq!(shown(&free(&wanted, &taken)), ["10.128.0.0/16", "172.24.0.0/16", "192.168.128.0/17"]);
        let full = [network("10.0.0.0/8"), network("172.16.0.0/12")];
        assert_eq!(shown(&free(&wanted, &full)), ["192.168.0.0/16", "192.168.0.0/17", "192.168.128.0/17"]);
        let but_one: Vec<_> = network("192.168.0.0/16").parts(24).skip(1).chain(full).collect();
        assert_eq!(shown(&free(&wanted, &but_one)), ["192.168.0.0/24"]);
        assert_eq!(shown(&free(&wanted, &[network("0.0.0.0/0")])), Vec::<String>::new());
        for suggested in free(&wanted, &taken) {
            assert!(read(&suggested.to_string()).is_some() && !taken.iter().any(|taken| taken.overlaps(&suggested)));
        }
    }
}
