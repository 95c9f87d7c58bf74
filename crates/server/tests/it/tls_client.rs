//! Clients that speak TLS, and certificates for servers to serve.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Answer, Client};

/// The time that `ManualClock` shows.
#[derive(Debug)]
struct November2026;

impl TimeProvider for November2026 {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(1_795_000_000)))
    }
}

/// A certificate in PEM, and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    /// A certificate for 127.0.0.1 that signs itself.
    pub(crate) fn make() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { certificate: pem("CERTIFICATE", certificate.der()), key: pem("PRIVATE KEY", key.serialized_der()) }
    }

    /// Puts it where the settings of [`files`] look.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("tls.pem"), &self.certificate).unwrap();
        std::fs::write(folder.join("tls.key"), &self.key).unwrap();
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

pub(crate) fn pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine as _;

    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A client that trusts these certificates.
pub(crate) struct Trust {
    roots: Vec<CertificateDer<'static>>,
    clock: Arc<dyn TimeProvider>,
}

impl Trust {
    pub(crate) fn nobody() -> Self {
        Self::of(vec![])
    }

    pub(crate) fn file(path: &Path) -> Self {
        Self::of(vec![CertificateDer::from_pem_file(path).unwrap()])
    }

    pub(crate) fn all(pairs: &[&Pair]) -> Self {
        Self::of(pairs.iter().map(|pair| pair.der()).collect())
    }

    fn of(roots: Vec<CertificateDer<'static>>) -> Self {
        Self { roots, clock: Arc::new(November2026) }
    }

    /// The same at the machine's own time, which a server as a process has.
    pub(crate) fn now(self) -> Self {
        Self { clock: Arc::new(DefaultTimeProvider), ..self }
    }

    /// The stream after the handshake.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_details(provider, Arc::clone(&self.clock))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), stream).await
    }

    /// A client of HTTP/1.1.
    pub(crate) async fn http_1(&self, address: SocketAddr) -> Client {
        Client::over(self.connect(address, &["http/1.1"]).await.unwrap(), address).await
    }

    /// A client of HTTP/2.
    pub(crate) async fn http_2(&self, address: SocketAddr) -> Http2 {
        self.http_2_with(address, |_| {}).await
    }

    /// The same, set up in its own way.
    pub(crate) async fn http_2_with(
        &self,
        address: SocketAddr,
        set_up: impl FnOnce(&mut http2::Builder<TokioExecutor>),
    ) -> Http2 {
        let stream = self.connect(address, &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        set_up(&mut builder);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        Http2 { address, sender, connection: tokio::spawn(connection) }
    }
}

/// The certificate that a server shows.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// A connection of HTTP/2.
pub(crate) struct Http2 {
    address: SocketAddr,
    pub(crate) sender: http2::SendRequest<Full<Bytes>>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    /// A request, to be sent.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
        let request = Request::builder().method(method).uri(format!("https://{}{path}", self.address));
        request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let answer = self.sender.clone().send_request(self.request(method, path, body)).await;
        Answer::read(answer.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &body.to_string()).await
    }
}
