use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;

fn network(text: &str) -> Network {
    Network::try_from(text.to_owned()).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Proxies in `10.0.0.0/8` and `2001:db8::/32`.
fn trusting(header: ProxyHeader) -> TrustedProxies {
    TrustedProxies { networks: vec![network("10.0.0.0/8"), network("2001:db8::/32")], header }
}

fn client(header: ProxyHeader, peer: &str, lines: &[(&str, &str)]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    trusting(header).client(ip(peer), &headers).to_string()
}

fn x_forwarded_for(peer: &str, value: &str) -> String {
    client(ProxyHeader::XForwardedFor, peer, &[("x-forwarded-for", value)])
}

fn forwarded(peer: &str, value: &str) -> String {
    client(ProxyHeader::Forwarded, peer, &[("forwarded", value)])
}

#[test]
fn a_trusted_proxys_word_counts_and_nobody_elses() {
    assert_eq!(x_forwarded_for("203.0.113.9", "198.51.100.1"), "203.0.113.9", "the peer is no proxy of ours");
    assert_eq!(x_forwarded_for("10.0.0.1", "198.51.100.1"), "198.51.100.1");
    assert_eq!(x_forwarded_for("::ffff:10.0.0.1", "198.51.100.1"), "198.51.100.1");
    assert_eq!(x_forwarded_for("10.0.0.1", "1.1.1.1, 198.51.100.1"), "198.51.100.1", "what was forged stands in front");
    assert_eq!(x_forwarded_for("10.0.0.1", "1.1.1.1, 198.51.100.1,10.9.9.9 , 2001:db8::9"), "198.51.100.1");
    assert_eq!(
        x_forwarded_for("10.0.0.1", "10.0.0.3, 10.0.0.2"),
        "10.0.0.3",
        "all are proxies: the first asked itself"
    );
    let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "10.0.0.2")];
    assert_eq!(client(ProxyHeader::XForwardedFor, "10.0.0.1", &lines), "198.51.100.1", "several lines are one");
}

#[test]
fn only_the_configured_header_is_read() {
    let claims = [
        ("forwarded", "for=1.1.1.1"),
        ("x-real-ip", "1.1.1.1"),
        ("x-client-ip", "1.1.1.1"),
        ("x-device-ip", "1.1.1.1"),
        ("true-client-ip", "1.1.1.1"),
    ];
    assert_eq!(client(ProxyHeader::XForwardedFor, "10.0.0.1", &claims), "10.0.0.1");
    assert_eq!(client(ProxyHeader::Forwarded, "10.0.0.1", &[("x-forwarded-for", "1.1.1.1")]), "10.0.0.1");
}

#[test]
fn an_unreadable_entry_ends_the_walk_at_the_last_good_hop() {
    for garbage in
        ["unknown", "", "_hidden", "198.51.100", "198.51.100.1:x", "[::1", "fe80::1%eth0", "198.51.100.1 x", "\u{e9}"]
    {
        assert_eq!(x_forwarded_for("10.0.0.1", garbage), "10.0.0.1", "{garbage:?}");
        assert_eq!(x_forwarded_for("10.0.0.1", &format!("1.1.1.1, {garbage}, 10.0.0.2")), "10.0.0.2", "{garbage:?}");
    }
}

#[test]
fn the_spellings_of_an_address_are_read() {
    for (written, read) in [
        ("198.51.100.1:1234", "198.51.100.1"),
        ("2001:DB9::1", "2001:db9::1"),
        ("[2001:db9::1]", "2001:db9::1"),
        ("[2001:db9::1]:443", "2001:db9::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("\t198.51.100.1 ", "198.51.100.1"),
    ] {
        assert_eq!(x_forwarded_for("10.0.0.1", written), read, "{written}");
    }
}

#[test]
fn a_proxy_that_nobody_listed_is_noticed() {
    let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"))]);
    let proxies = trusting(ProxyHeader::XForwardedFor);
    for (peer, overlooked) in [
        ("127.0.0.1", true),
        ("::ffff:192.168.0.1", true),
        ("fd00::1", true),
        ("10.0.0.1", false),
        ("203.0.113.9", false),
    ] {
        assert_eq!(proxies.overlooks(ip(peer), &headers), overlooked, "{peer}");
    }
    assert!(!proxies.overlooks(ip("127.0.0.1"), &HeaderMap::new()));
}

#[test]
fn forwarded_is_read_as_the_rfc_writes_it() {
    for (written, read) in [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=198.51.100.1;proto=http;by=10.0.0.1", "198.51.100.1"),
        ("proto=http; for = \"198.51.100.1:80\" ;by=10.0.0.1", "198.51.100.1"),
        ("for=\"[2001:db9::17]:4711\"", "2001:db9::17"),
        ("for=1.1.1.1, for=198.51.100.1;proto=https, for=10.0.0.7", "198.51.100.1"),
        ("for=\"1.1.1.1, for=198.51.100.1", "198.51.100.1"),
        ("for=198.51.100.1, for=unknown", "10.0.0.1"),
        ("for=198.51.100.1, proto=https", "10.0.0.1"),
        ("for=198.51.100.1;for=1.1.1.1", "10.0.0.1"),
        ("for=\"198.51.100.1", "10.0.0.1"),
        ("198.51.100.1", "10.0.0.1"),
    ] {
        assert_eq!(forwarded("10.0.0.1", written), read, "{written}");
    }
}

fn proxies() -> impl Strategy<Value = Vec<IpAddr>> {
    let proxy = prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        any::<[u16; 6]>().prop_map(|[a, b, c, d, e, f]| IpAddr::from([0x2001, 0xdb8, a, b, c, d, e, f])),
    ];
    prop::collection::vec(proxy, 1..4)
}

fn stranger() -> impl Strategy<Value = IpAddr> {
    any::<IpAddr>().prop_map(|address| address.to_canonical()).prop_filter("no proxy", |address| {
        let trusted = trusting(ProxyHeader::XForwardedFor).networks;
        !trusted.iter().any(|network| network.contains(*address))
    })
}

/// The header as our proxies write it: each adds whom it was asked by.
fn chain(header: ProxyHeader, forged: &str, client: IpAddr, proxies: &[IpAddr]) -> String {
    let hops = std::iter::once(client).chain(proxies[..proxies.len() - 1].iter().copied());
    hops.fold(forged.to_owned(), |line, hop| {
        let hop = match header {
            ProxyHeader::XForwardedFor => hop.to_string(),
            ProxyHeader::Forwarded if hop.is_ipv4() => format!("for={hop};proto=https"),
            ProxyHeader::Forwarded => format!("for=\"[{hop}]\";proto=https"),
        };
        if line.is_empty() { hop } else { format!("{line}, {hop}") }
    })
}

fn either() -> impl Strategy<Value = ProxyHeader> {
    prop_oneof![Just(ProxyHeader::XForwardedFor), Just(ProxyHeader::Forwarded)]
}

proptest! {
    #[test]
    fn behind_our_proxies_the_client_is_found_whatever_it_forged(
        header in either(), forged in "[ -~]{0,60}", client in stranger(), proxies in proxies(),
    ) {
        let mut headers = HeaderMap::new();
        let line = chain(header, forged.trim(), client, &proxies);
        let name = if header == ProxyHeader::Forwarded { FORWARDED } else { X_FORWARDED_FOR };
        headers.insert(name, HeaderValue::from_str(&line).unwrap());
        let peer = proxies[proxies.len() - 1];
        prop_assert_eq!(trusting(header).client(peer, &headers), client, "{}", line);
    }

    #[test]
    fn a_stranger_is_itself_whatever_it_sends(
        header in either(), client in stranger(), values in prop::collection::vec("[ -~]{0,60}", 0..4),
    ) {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
            headers.append(FORWARDED, HeaderValue::from_str(value).unwrap());
        }
        prop_assert_eq!(trusting(header).client(client, &headers), client);
    }

    #[test]
    fn no_bytes_panic_the_reader(header in either(), value in prop::collection::vec(32u8..=255, 0..80)) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(X_FORWARDED_FOR, value.clone());
            headers.append(FORWARDED, value);
        }
        trusting(header).client(ip("10.0.0.1"), &headers);
    }
}
