//! One call of a gateway's or a webhook's over HTTP/1.1: one deadline around all of it, an answer of bounded size, no
//! redirects, and connections that are used again.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use countersign_domain::ports::{Clock, Pace, SendError};
use countersign_domain::secret::Secret;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;

use crate::discreet::discreet;
use crate::settings::{SettingsError, roots};

/// Bytes of an answer that are read; what comes after them is not waited for.
const ANSWER: usize = 64 * 1024;
/// How long a connection may wait for the next message: less than gateways leave theirs open.
const IDLE: Duration = Duration::from_secs(30);

/// Makes calls to one address.
pub(crate) struct Exchange {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    deadline: Duration,
    connections: usize,
    hidden: Vec<Secret<String>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The status and the body, fit for operators to read.
    pub(crate) said: String,
}

/// Reads an address from the settings: `http://` or `https://` and a host, and no name or password in it.
pub(crate) fn address(text: &str) -> Result<Uri, SettingsError> {
    let complaint = |what: &str| SettingsError::new(format!("`url`: {what}"));
    let uri: Uri = text.parse().map_err(|error| complaint(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(complaint("it must begin with https:// or http://")),
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err(complaint("a name and a password belong into a header, not into the address"))
        }
        Some(authority) if !authority.host().is_empty() => Ok(uri),
        _ => Err(complaint("there is no host in it")),
    }
}

/// The same for a service whose path is its own: what the operator wrote behind the host would be dropped.
pub(crate) fn origin(text: &str) -> Result<Uri, SettingsError> {
    let uri = address(text)?;
    if uri.path() == "/" && uri.query().is_none() {
        return Ok(uri);
    }
    Err(SettingsError::new("`url`: there must be nothing behind the host, as the service has a path of its own"))
}

impl Exchange {
    /// Calls to `address` only, each within `deadline`; as many connections wait for the next message as `connections` says. What
    /// is `hidden` is never told, should an answer repeat what it was asked with.
    pub(crate) fn new(
        address: &Uri,
        ca: Option<&Path>,
        deadline: Duration,
        connections: usize,
        hidden: Vec<Secret<String>>,
    ) -> Result<Self, SettingsError> {
        let provider = aws_lc_rs::default_provider();
        let tls = ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| SettingsError::new(error.to_string()))?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
        // An address with https:// is never called without TLS, whatever a template makes of it.
        let encrypted = address.scheme_str() == Some("https");
        let connector = if encrypted { connector.https_only() } else { connector.https_or_http() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(connections)
            .build(connector.enable_http1().build());
        // An empty one stands between all characters.
        let hidden = hidden.into_iter().filter(|secret| !secret.expose().is_empty()).collect();
        Ok(Self { client, deadline, connections, hidden })
    }

    /// One call.
    ///
    /// # Errors
    /// [`SendError::Doubtful`] where no whole answer came in time: nobody knows what the peer did; [`SendError::Transient`] where
    /// there was no connection.
    pub(crate) async fn call(&self, request: Request<Full<Bytes>>) -> Result<Answer, SendError> {
        match tokio::time::timeout(self.deadline, self.converse(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(doubtful(format!("no answer within {} s", self.deadline.as_secs_f64()))),
        }
    }

    /// How fast it is, with so many calls at once.
    pub(crate) fn pace(&self) -> Pace {
        Pace { deadline: self.deadline, at_once: u32::try_from(self.connections).unwrap_or(u32::MAX) }
    }

    async fn converse(&self, request: Request<Full<Bytes>>) -> Result<Answer, SendError> {
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| if error.is_connect() { transient(chain(&error)) } else { doubtful(chain(&error)) })?;
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        while body.len() < ANSWER {
            let Some(frame) = incoming.frame().await else { break };
            let frame = frame.map_err(|error| doubtful(chain(&error)))?;
            if let Some(data) = frame.data_ref() {
                body.extend_from_slice(&data[..data.len().min(ANSWER - body.len())]);
            }
        }
        let said = self.said(head.status, &body);
        Ok(Answer { status: head.status, headers: head.headers, body, said })
    }

    fn said(&self, status: StatusCode, body: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(body).into_owned();
        for secret in &self.hidden {
            text = text.replace(secret.expose().as_str(), "…");
        }
        format!("HTTP {}: {}", status.as_u16(), discreet(&text))
    }
}

/// The sender's error for a status that is no success. 408, 425, 429 and 5xx pass, and so does a refusal of who we are (401, 403):
/// the operator can put that right while the code holds. Whoever refuses otherwise will refuse again.
/// A redirect is a refusal: following it would carry a code and a secret to an address that no operator has written down.
pub(crate) fn refused(answer: &Answer, clock: &dyn Clock) -> SendError {
    let reason = answer.said.clone();
    if matches!(answer.status.as_u16(), 401 | 403 | 408 | 425 | 429 | 500..) {
        return SendError::Transient { reason, retry_after: retry_after(&answer.headers, clock) };
    }
    SendError::Permanent { reason }
}

/// What `Retry-After` asks for: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = Duration::from_millis(u64::try_from(clock.now().milliseconds()).ok()?);
    let then = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(then.saturating_sub(now))
}

/// Nobody knows whether the message got through.
pub(crate) fn doubtful(reason: impl Into<String>) -> SendError {
    SendError::Doubtful { reason: reason.into() }
}

/// It may go better later.
pub(crate) fn transient(reason: impl Into<String>) -> SendError {
    SendError::Transient { reason: reason.into(), retry_after: None }
}

/// An error and what it comes from: the client's own words alone say little (`client error (Connect)`).
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    discreet(&told)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::testing::environment;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: vec![], said: String::new() }
    }

    #[test]
    fn a_status_decides_whether_it_may_go_better_later() {
        let environment = environment();
        for (status, later) in [
            (301, false),
            (307, false),
            (400, false),
            (401, true),
            (403, true),
            (404, false),
            (408, true),
            (410, false),
            (422, false),
            (425, true),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
            (599, true),
        ] {
            let error = refused(&answer(status, &[]), &*environment.clock);
            assert_eq!(matches!(error, SendError::Transient { .. }), later, "{status}: {error}");
        }
    }

    #[test]
    fn a_peer_may_ask_to_be_left_alone_in_seconds_or_until_a_date() {
        let environment = environment();
        let now = std::time::UNIX_EPOCH + Duration::from_millis(environment.clock.now().milliseconds().unsigned_abs());
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            (&*httpdate::fmt_http_date(now + Duration::from_secs(90)), Some(90)),
            (&*httpdate::fmt_http_date(now - Duration::from_secs(90)), Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let answer = answer(503, &[("retry-after", value)]);
            assert_eq!(
                retry_after(&answer.headers, &*environment.clock).map(|span| span.as_secs()),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn an_address_is_whole_and_holds_no_password() {
        for (url, complaint) in [
            ("ftp://example.com/", "`url`: it must begin with https:// or http://"),
            ("/send", "`url`: it must begin with https:// or http://"),
            (
                "https://ann:secret@example.com/",
                "`url`: a name and a password belong into a header, not into the address",
            ),
            ("https://", "`url`: empty string"),
        ] {
            assert_eq!(address(url).unwrap_err().to_string(), complaint, "{url}");
        }
        assert!(address("http://127.0.0.1:13013/cgi-bin/sendsms?x=1").is_ok());
        for url in ["https://example.com/sms", "https://example.com/?x=1"] {
            let told = origin(url).unwrap_err().to_string();
            assert!(told.starts_with("`url`: there must be nothing behind the host"), "{told}");
        }
        assert!(origin("https://example.com").is_ok() && origin("https://example.com:8443/").is_ok());
    }
}
