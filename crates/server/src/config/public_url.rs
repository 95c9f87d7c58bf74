use http::Uri;

/// The host in `url`, an IPv6 address without its brackets; `None` if `url` cannot stand before the paths of this server.
pub(crate) fn host(url: &str) -> Option<String> {
    // `Uri` drops a fragment and takes a user; neither belongs here.
    if url.ends_with('/') || url.contains(['#', '?', '@']) {
        return None;
    }
    // It stands in lines that people paste into a shell.
    if url.contains(['\'', '"', '$', '&', ';', '`', '(', ')', '|', '<', '>', '*', '!', '\\', '{', '}', '~']) {
        return None;
    }
    let uri: Uri = url.parse().ok()?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return None;
    }
    let authority = uri.authority()?;
    let host = authority.host();
    // `Uri` takes ports that are none.
    let port = authority.as_str().strip_prefix(host)?;
    if !port.is_empty() && port.strip_prefix(':')?.parse::<u16>().is_err() {
        return None;
    }
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_no_end() {
        for (url, expected) in [
            ("https://verify.example.com", "verify.example.com"),
            ("http://verify.example.com:8080", "verify.example.com"),
            ("https://example.com/verify", "example.com"),
            ("https://[2001:db8::1]:8443", "2001:db8::1"),
            ("https://192.0.2.1", "192.0.2.1"),
            ("HTTPS://verify.example.com", "verify.example.com"),
        ] {
            assert_eq!(host(url).as_deref(), Some(expected), "{url}");
        }
        for url in [
            "verify.example.com",
            "https://",
            "https:///path",
            "https://example.com/",
            "https://example.com:",
            "https://example.com:99999",
            "https://:8443",
            "https://user@example.com",
            "https://example.com?query",
            "https://example.com#part",
            "https://exa mple.com",
            "https://example.com/a&b",
            "https://example.com/$(reboot)",
            "https://example.com/it's",
            "ftp://example.com",
            "https:example.com",
            "//example.com",
            "/verify",
        ] {
            assert_eq!(host(url), None, "{url}");
        }
    }
}
