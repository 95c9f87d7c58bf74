//! Whom a call to `/` is for: several vendors and the demo page share that path. Decided here for all of them, so that no two
//! can claim one call.

use http::Method;
use http::header::AUTHORIZATION;

use crate::door::{Head, header};
use crate::signing::form::Form;

/// Whom a call to `/` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The first page: a bare GET, with `?lang=` at most.
    Page,
    /// Tencent Cloud's API 3.0.
    Tencent,
    /// Alibaba Cloud's RPC gateway: all else, and whoever's a form is that has yet to be read.
    Alibaba,
}

/// Whom this call is for.
pub fn addressee(head: &Head<'_>) -> Addressee {
    let query = head.query.unwrap_or_default();
    let scheme = header(head.headers, AUTHORIZATION.as_str()).unwrap_or_default();
    let has_header = |prefix| head.headers.keys().any(|name| name.as_str().starts_with(prefix));
    if has_header("x-tc-") || scheme.starts_with("TC3-") || query.split('&').any(|pair| pair == "Version=2019-07-22") {
        return Addressee::Tencent;
    }
    let reads = matches!(*head.method, Method::GET | Method::HEAD);
    let is_bare = query.is_empty() || query.starts_with("lang=");
    if reads && is_bare && !has_header("x-acs-") && !scheme.starts_with("ACS3-") {
        return Addressee::Page;
    }
    Addressee::Alibaba
}

/// Whether a form that came to Alibaba's gateway is a call of Tencent's: one that is signed in the older way and sent by `POST`
/// has nothing in its head that tells.
pub(crate) fn is_tencents(form: &Form) -> bool {
    form.get("SecretId").is_some() && form.get("AccessKeyId").is_none()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;

    #[test]
    fn each_call_is_for_one() {
        for (method, query, headers, expected) in [
            ("GET", "", &[][..], Addressee::Page),
            ("HEAD", "", &[("authorization", "Basic Zm9vOmJhcg==")], Addressee::Page),
            ("GET", "lang=zh", &[("accept", "text/html")], Addressee::Page),
            ("GET", "Lang=zh", &[], Addressee::Alibaba),
            ("GET", "Action=DescribeInstallCodes&Version=2018-12-03", &[], Addressee::Alibaba),
            ("GET", "", &[("x-acs-action", "DescribeInstallCodes")], Addressee::Alibaba),
            ("GET", "", &[("authorization", "ACS3-HMAC-SHA256 Credential=a")], Addressee::Alibaba),
            ("POST", "", &[], Addressee::Alibaba),
            ("PUT", "lang=zh", &[], Addressee::Alibaba),
            ("POST", "", &[("x-tc-action", "DescribeCaptchaResult")], Addressee::Tencent),
            ("POST", "", &[("authorization", "TC3-HMAC-SHA256 Credential=a")], Addressee::Tencent),
            ("GET", "Action=DescribeCaptchaResult&Version=2019-07-22", &[], Addressee::Tencent),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            let head = Head { method: &method.parse().unwrap(), path: "/", query: Some(query), headers: &map };
            assert_eq!(addressee(&head), expected, "{method} {query} {headers:?}");
        }
    }
}
