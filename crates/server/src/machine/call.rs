//! One call to a server: a connection of its own, an answer with an end, and what is wrong in a sentence.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use countersign_facades::Language;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Address, Identity, Surroundings};
use crate::agents::trust::{self, OtherKey, Pin};

/// To connect and to shake hands.
const TO_CONNECT: Duration = Duration::from_secs(15);
/// For a whole call.
const TO_ANSWER: Duration = Duration::from_secs(30);
/// No answer of a server's comes near.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Whom a machine trusts while it joins.
#[derive(Clone)]
pub(crate) enum Trust {
    /// Whoever has this key.
    Pin(Pin),
    /// Whom these certificates, in PEM, vouch for.
    Authority(String),
    /// Whom the system's certificates vouch for.
    System,
}

/// A server, and how it is spoken to.
pub(crate) struct Server {
    address: Address,
    /// `None` for plain HTTP.
    tls: Option<Arc<ClientConfig>>,
    language: Language,
}

/// Why a call did not bring what it was to bring.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody is there, or the way is broken.
    #[error("{0}: {1}")]
    Unreachable(Address, String),
    /// Somebody is there, and it is not the server.
    #[error("{0} is not to be trusted: {1}")]
    Untrusted(Address, String),
    /// The server says no.
    #[error("{}: {}", .0.title, .0.detail)]
    Refused(Refusal),
    /// Somebody answers who does not speak like a server of ours, such as a proxy.
    #[error("{0} answers with {1}, and not as a Countersign server does")]
    Strange(Address, StatusCode),
}

/// A problem document, and when to come back.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) r#type: String,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

impl CallError {
    /// Whether the server says no with this problem, as `agent-gone`.
    pub(crate) fn is(&self, problem: &str) -> bool {
        let prefix = "urn:countersign:problem:";
        matches!(self, Self::Refused(refusal) if refusal.r#type.strip_prefix(prefix) == Some(problem))
    }

    /// Whether the same call may do better later.
    pub(crate) fn may_pass(&self) -> bool {
        let passing = |status: StatusCode| {
            status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        };
        match self {
            Self::Unreachable(..) => true,
            Self::Untrusted(..) => false,
            Self::Refused(refusal) => passing(refusal.status),
            Self::Strange(_, status) => passing(*status),
        }
    }

    /// What went wrong, for the machine's user. What the server or the system says is passed on as it is.
    pub(crate) fn text(&self, language: Language) -> String {
        match (language, self) {
            (Language::Chinese, Self::Untrusted(address, why)) => format!("{address} 不可信任：{why}"),
            (Language::Chinese, Self::Strange(address, status)) => {
                format!("{address} 的回应为 {status}，不是 Countersign 服务器的回应")
            }
            _ => self.to_string(),
        }
    }

    /// How long the server wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Unreachable(..) | Self::Untrusted(..) | Self::Strange(..) => None,
        }
    }
}

impl Server {
    /// The server that a machine wants to join.
    ///
    /// # Errors
    /// If what is to be trusted cannot be read, or is of no use with plain HTTP.
    pub(crate) fn to_join(address: Address, trust: &Trust, surroundings: &Surroundings) -> anyhow::Result<Self> {
        let clock = Arc::clone(&surroundings.clock);
        let tls = match trust {
            Trust::Pin(_) | Trust::Authority(_) if !address.is_https => {
                anyhow::bail!("{address} is plain HTTP, which shows no key and no certificate: use https://")
            }
            _ if !address.is_https => None,
            Trust::Pin(pin) => Some(trust::joining_config(*pin, clock)?),
            Trust::Authority(pem) => {
                let roots = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
                Some(trust::vouched_config(roots.context("the authority's certificate")?, clock)?)
            }
            Trust::System => Some(trust::vouched_config(rustls_native_certs::load_native_certs().certs, clock)?),
        };
        Ok(Self { address, tls: tls.map(Arc::new), language: surroundings.language })
    }

    /// The server of a machine that has joined, at `endpoint`. It is spoken to in TLS whatever its address says.
    pub(super) fn of(identity: &Identity, endpoint: &str, surroundings: &Surroundings) -> anyhow::Result<Self> {
        let address = Address::parse(endpoint).with_context(|| format!("{endpoint:?} is no server's address"))?;
        let Identity { ca, certificate, key, .. } = identity;
        let tls = trust::client_config(ca, certificate, key, Arc::clone(&surroundings.clock))?;
        Ok(Self { address, tls: Some(Arc::new(tls)), language: surroundings.language })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Posts `body`, and reads the answer.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, CallError> {
        let (status, _, answer) = self.call(path, body).await?;
        serde_json::from_slice(&answer).map_err(|_| CallError::Strange(self.address.clone(), status))
    }

    /// Posts, and wants no answer but that it is done.
    pub(super) async fn tell(&self, path: &str) -> Result<(), CallError> {
        self.call(path, Vec::new()).await.map(drop)
    }

    async fn call(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let answer = match timeout(TO_ANSWER, self.exchange(path, body)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(self.unreachable(self.language.pick("the call took too long", "调用超时"))),
        };
        let (status, headers, body) = &answer;
        if status.is_success() { Ok(answer) } else { Err(refused(&self.address, *status, headers, body)) }
    }

    async fn exchange(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let connect = async {
            let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
            // The request goes out whole. A socket that refuses the option still works.
            let _refused = stream.set_nodelay(true);
            match &self.tls {
                None => Ok(Stream::Plain(stream)),
                Some(config) => {
                    let name = ServerName::try_from(self.address.host.clone()).map_err(io::Error::other)?;
                    let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await?;
                    Ok(Stream::Tls(Box::new(stream)))
                }
            }
        };
        let stream = match timeout(TO_CONNECT, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.not_connected(&error)),
            Err(_) => return Err(self.unreachable(self.language.pick("nobody answers in time", "连接超时，无人应答"))),
        };
        match stream {
            Stream::Plain(stream) => self.speak(stream, path, body).await,
            Stream::Tls(stream) => self.speak(stream, path, body).await,
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let broken = |error: hyper::Error| self.unreachable(&error.to_string());
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(self.address.target(path))
            .header(HOST, &self.address.authority)
            .header(ACCEPT_LANGUAGE, self.language.pick("en", "zh-CN"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.unreachable(&error.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answer = async {
            let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| self.unreachable(&error.to_string()))?;
            Ok((head.status, head.headers, body.to_bytes()))
        };
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The server may end the connection right behind its answer, which is here then.
            _ended = connection => answer.await,
        }
    }

    fn unreachable(&self, why: &str) -> CallError {
        CallError::Unreachable(self.address.clone(), why.to_owned())
    }

    /// Tells a server that is not the one from a way that is broken: only the second gets better by itself.
    fn not_connected(&self, error: &io::Error) -> CallError {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match tls {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) => {
                match (self.language, other.0.downcast_ref::<OtherKey>()) {
                    (Language::Chinese, Some(OtherKey { shown, pinned })) => {
                        format!("服务器的公钥是 {shown}，而不是指定的 {pinned}")
                    }
                    _ => other.0.to_string(),
                }
            }
            Some(rustls::Error::InvalidCertificate(_)) => error.to_string(),
            _ => return self.unreachable(&error.to_string()),
        };
        CallError::Untrusted(self.address.clone(), why)
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

fn refused(address: &Address, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    #[derive(Deserialize)]
    struct Document {
        r#type: String,
        title: String,
        detail: String,
    }

    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let Ok(Document { r#type, title, detail }) = serde_json::from_slice(body) else {
        return CallError::Strange(address.clone(), status);
    };
    // What is printed must not move the cursor.
    let plain = |text: String| text.chars().filter(|character| !character.is_control()).collect();
    let (title, detail) = (plain(title), plain(detail));
    CallError::Refused(Refusal { status, r#type, title, detail, retry_after: retry_after.map(Duration::from_secs) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> CallError {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), (*value).parse().unwrap()));
        let address = Address::parse("https://verify.example.com").unwrap();
        refused(&address, StatusCode::from_u16(status).unwrap(), &headers.collect(), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_told_from_what_passes() {
        let gone = r#"{"type":"urn:countersign:problem:agent-gone","title":"Gone\u001b[2J","status":403,"detail":"For good."}"#;
        let gone = read(403, &[], gone);
        assert!(gone.is("agent-gone") && !gone.is("agent") && !gone.may_pass());
        assert_eq!(gone.to_string(), "Gone[2J: For good.");

        let busy = r#"{"type":"urn:countersign:problem:busy","title":"Busy","status":503,"detail":"Later."}"#;
        for (value, wait) in [("7", Some(7)), (" 7 ", Some(7)), ("soon", None), ("-1", None)] {
            let busy = read(503, &[("retry-after", value)], busy);
            assert_eq!((busy.may_pass(), busy.retry_after()), (true, wait.map(Duration::from_secs)), "{value}");
        }
        assert!(read(429, &[], busy).may_pass());
        assert!(read(408, &[], busy).may_pass());
    }

    #[test]
    fn a_proxys_answer_is_strange() {
        for (status, passes) in [(502, true), (404, false), (301, false)] {
            let strange = read(status, &[], "<html>");
            assert_eq!((strange.may_pass(), strange.is("busy")), (passes, false), "{status}");
        }
        let complaint = read(404, &[], "{}").to_string();
        assert_eq!(
            complaint,
            "https://verify.example.com answers with 404 Not Found, and not as a Countersign server does"
        );
    }

    #[test]
    fn what_a_pin_protects_is_not_spoken_in_the_clear() {
        use countersign_domain::testing::{ManualClock, SeededEntropy};

        let surroundings = Surroundings {
            clock: ManualClock::new(),
            entropy: Arc::new(SeededEntropy::new(1)),
            language: Language::English,
        };
        let server = |url, trust| Server::to_join(Address::parse(url).unwrap(), &trust, &surroundings);
        let pin = || Trust::Pin(Pin::parse("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap());
        assert!(server("https://verify.example.com", pin()).is_ok());
        let complaint = server("http://verify.example.com", pin()).err().unwrap().to_string();
        assert!(complaint.starts_with("http://verify.example.com is plain HTTP"), "{complaint}");
        assert!(server("http://verify.example.com", Trust::System).is_ok());
        for pem in ["", "nonsense"] {
            assert!(server("https://verify.example.com", Trust::Authority(pem.to_owned())).is_err(), "{pem}");
        }
    }
}
