use std::fmt;

use http::Uri;

use crate::config::host;

/// Where a server is: `https://verify.example.com:8443`, or one with a path in front of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As it was given.
    url: String,
    pub(crate) is_https: bool,
    /// An IPv6 address has no brackets here.
    pub(super) host: String,
    pub(super) port: u16,
    /// As a request names the server.
    pub(super) authority: String,
    /// Empty, or a path without a slash at its end.
    path: String,
}

impl Address {
    /// Reads one; slashes at its end are left out, because people paste them. `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = text.trim().trim_end_matches('/');
        let host = host(url)?;
        let uri: Uri = url.parse().ok()?;
        let is_https = uri.scheme_str() == Some("https");
        let authority = uri.authority()?.to_string();
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let path = uri.path().trim_end_matches('/').to_owned();
        Some(Self { url: url.to_owned(), is_https, host, port, authority, path })
    }

    /// The target of a request for `path`.
    pub(super) fn target(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_to_connect_and_what_to_ask_for() {
        for (text, is_https, host, port, authority, target) in [
            ("https://verify.example.com", true, "verify.example.com", 443, "verify.example.com", "/v1"),
            (" http://127.0.0.1:8080/\n", false, "127.0.0.1", 8080, "127.0.0.1:8080", "/v1"),
            ("https://example.com/verify//", true, "example.com", 443, "example.com", "/verify/v1"),
            ("HTTPS://[2001:db8::1]:8443", true, "2001:db8::1", 8443, "[2001:db8::1]:8443", "/v1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.is_https, address.host.as_str(), address.port), (is_https, host, port), "{text}");
            assert_eq!((address.authority.as_str(), address.target("/v1")), (authority, target.to_owned()), "{text}");
        }
        for text in ["", "verify.example.com", "ftp://example.com", "https://user@example.com", "https://a b"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
