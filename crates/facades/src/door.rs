//! What all façades have in common: what comes in, what goes out, and how a call is refused before it is read.

use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_domain::agent::AgentCertificate;
use countersign_domain::ticket::Door;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;

/// The door of the native API, in what it seals.
pub const NATIVE: Door = Door::new("native");
/// Longest body that any door reads, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A call, as it came over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as sent: not decoded.
    pub path: String,
    /// What followed the question mark, as sent.
    pub query: Option<String>,
    /// Header values are the raw bytes.
    pub headers: HeaderMap,
    /// At most [`BODY_LIMIT`] bytes.
    pub body: Bytes,
    /// Where the call comes from: the peer, or what a trusted proxy says of it; never what the caller says of itself.
    pub client: IpAddr,
    /// The agent that showed itself on the connection. A proxy in between cannot pass it on.
    pub agent: Option<AgentCertificate>,
}

impl Request {
    /// A header's value, trimmed; `None` if it is missing, blank, repeated with another value, or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// As [`Request::header`], of headers alone.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.any(|other| other != value) {
        return None;
    }
    let text = std::str::from_utf8(value.as_bytes()).ok()?.trim();
    (!text.is_empty()).then_some(text)
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers, but for those of the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An answer that nobody may keep.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status, headers, body: body.into() }
    }

    /// The same, with one header more.
    #[must_use]
    pub fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        self.with_value(name, HeaderValue::from_static(value))
    }

    /// The same, with one header more whose value was made for this answer.
    #[must_use]
    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// `value` as JSON. Our own answer types always serialise; should one ever not, the body is empty rather than half.
pub fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Why the server refuses a call before a façade has seen it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body has more than [`BODY_LIMIT`] bytes.
    BodyTooLarge,
    /// The body did not come in time, or broke off.
    BodyIncomplete,
    /// The call took longer than the server's deadline.
    DeadlineExceeded,
    /// The server cannot take the call now.
    Busy,
    /// The server has a defect. It is in the log.
    Failed,
}

/// What is known of a call before its body is read.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as sent: not decoded.
    pub path: &'a str,
    /// What followed the question mark, as sent.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// A door: some paths, and how calls to them are answered.
#[async_trait]
pub trait Facade: Send + Sync {
    /// The name of its file, for metrics and logs.
    fn name(&self) -> &'static str;

    /// Its paths: exact ones, and prefixes that end in `/*`.
    fn paths(&self) -> &'static [&'static str];

    /// Whether a call to one of its paths is for this door. Doors share a path where vendors do; then the first that takes a
    /// call has it.
    fn takes(&self, _: &Head<'_>) -> bool {
        true
    }

    /// Answers a call to one of its paths. Never fails: what is wrong with the call is said in the door's own words.
    async fn answer(&self, request: Request) -> Response;

    /// Refuses a call in the door's own words. Of the call only the headers are known.
    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response;
}
