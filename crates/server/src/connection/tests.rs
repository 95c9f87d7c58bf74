//! Who a door sees at the other end of a connection, over real sockets: a door of the tests' own says it.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use countersign_domain::agent::AgentId;
use countersign_domain::ports::{Authority as _, Clock as _};
use countersign_domain::secret::Secret;
use countersign_domain::testing::{ManualClock, SeededEntropy};
use countersign_facades::{Facade, Refusal, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1 as client_1, http2 as client_2};
use hyper::{HeaderMap, StatusCode};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as ClientStream;

use super::*;
use crate::agents::{AgentAuthority, trust};
use crate::certificates::{self, DAY, pem};
use crate::client_address::{ProxyHeader, TrustedProxies};
use crate::config::{Config, Flags};
use crate::metrics::Metrics;
use crate::tls::{OurTime, Tls, provider};
use crate::vault::Vault;
use crate::{hex, listen};

/// Says which agent it sees.
struct Mirror;

#[async_trait]
impl Facade for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/agent"]
    }

    async fn answer(&self, request: Request) -> Response {
        let seen = request.agent.map(|seen| format!("{} {}", seen.agent, hex::encode(&seen.serial)));
        Response::new(StatusCode::OK, "text/plain", seen.unwrap_or_else(|| "nobody".to_owned()))
    }

    fn refuse(&self, _: Refusal, _: &HeaderMap) -> Response {
        Response::new(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "refused")
    }
}

/// A listener with the mirror behind it, and HTTPS from the own authority.
struct Site {
    folder: TempDir,
    clock: Arc<ManualClock>,
    authority: Arc<AgentAuthority>,
    address: SocketAddr,
}

/// A certificate in PEM that a client shows, and its key.
struct Shown {
    certificate: String,
    key: Secret<String>,
}

impl Site {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, entropy) = (ManualClock::new(), Arc::new(SeededEntropy::new(1)));
        let file = folder.path().join("countersign.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:0\"\n[tls]\nown_ca = true").unwrap();
        let flags = Flags { data: Some(folder.path().to_owned()), ..Flags::default() };
        let config = Config::load(Some(&file), [], &flags).unwrap();
        let vault = Vault::open(folder.path(), None, &*entropy).unwrap();
        let authority = AgentAuthority::open(&vault, &*clock, Arc::<SeededEntropy>::clone(&entropy)).await;
        let authority = Arc::new(authority.unwrap());
        let tls = Tls::open(&config, Arc::clone(&authority), Arc::<ManualClock>::clone(&clock)).unwrap();
        let patience = Duration::from_secs(10);
        let dispatcher = Dispatcher::new(
            &[Arc::new(Mirror)],
            Arc::new(Metrics::new()),
            Arc::<ManualClock>::clone(&clock),
            entropy,
            TrustedProxies { networks: vec![], header: ProxyHeader::XForwardedFor },
            patience,
            patience,
        );
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::of(&config.limits);
        tokio::spawn(listen::run(listener, tls.current(), Arc::new(dispatcher), limits, std::future::pending()));
        Self { folder, clock, authority, address }
    }

    /// A fresh agent's certificate, good for a day, and what the mirror says of it.
    fn agent(&self) -> (Shown, String) {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap();
        let request = self.authority.read(&pem("CERTIFICATE REQUEST", request.der())).unwrap();
        let (agent, now) = (AgentId::draw(&SeededEntropy::new(2)), self.clock.now());
        let certified = self.authority.certify(&request, agent, now, now.plus(DAY)).unwrap();
        let expected = format!("{agent} {}", hex::encode(&certified.serial));
        (Shown { certificate: certified.certificate, key: private(&key) }, expected)
    }

    /// A client of the public certificate that shows one of its own.
    fn client(&self, protocol: &str, shown: &Shown) -> ClientConfig {
        self.client_beside(protocol, shown, &[])
    }

    /// The same, which shows these beside its own.
    fn client_beside(&self, protocol: &str, shown: &Shown, others: &[CertificateDer<'static>]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path().join("ca.pem")).unwrap()).unwrap();
        let clock = OurTime::of(Arc::<ManualClock>::clone(&self.clock));
        let key = PrivateKeyDer::from_pem_slice(shown.key.expose().as_bytes()).unwrap();
        let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
        let mut config = ClientConfig::builder_with_details(provider(), clock)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            // Whatever the server says that it wants to see.
            .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
                rustls::sign::CertifiedKey::from_der([&[certificate], others].concat(), key, &provider()).unwrap(),
            )));
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        config
    }

    fn agents_client(&self, shown: &Shown) -> ClientConfig {
        let clock = Arc::<ManualClock>::clone(&self.clock);
        trust::client_config(self.authority.certificate(), &shown.certificate, &shown.key, clock).unwrap()
    }

    async fn connect(&self, config: &Arc<ClientConfig>) -> ClientStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap()
    }

    /// Whom the mirror sees over this connection.
    async fn seen_over(&self, stream: ClientStream<TcpStream>) -> String {
        let request = || hyper::Request::get(format!("https://{}/agent", self.address)).body(Full::<Bytes>::default());
        let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        let io = TokioIo::new(stream);
        let answer = if is_http_2 {
            let (mut sender, connection) = client_2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request().unwrap()).await.unwrap()
        } else {
            let (mut sender, connection) = client_1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request().unwrap()).await.unwrap()
        };
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    async fn seen(&self, config: ClientConfig) -> String {
        self.seen_over(self.connect(&Arc::new(config)).await).await
    }
}

fn private(key: &KeyPair) -> Secret<String> {
    Secret::new(pem("PRIVATE KEY", key.serialized_der()))
}

#[tokio::test]
async fn an_agent_is_seen_over_its_own_protocol_and_both_versions_of_http() {
    let site = Site::open().await;
    let (shown, expected) = site.agent();
    assert_eq!(site.seen(site.agents_client(&shown)).await, expected);
    assert_eq!(site.seen(site.client("http/1.1", &shown)).await, expected);
    assert_eq!(site.seen(site.client("h2", &shown)).await, expected);
}

/// Looking for a way through them to the authority would take seconds with a few hundred.
#[tokio::test]
async fn what_is_shown_beside_an_agents_certificate_is_not_looked_at() {
    let site = Site::open().await;
    let (shown, expected) = site.agent();
    let others = vec![CertificateDer::from(b"no certificate at all".to_vec()); 380];
    for protocol in ["http/1.1", "h2"] {
        assert_eq!(site.seen(site.client_beside(protocol, &shown, &others)).await, expected, "{protocol}");
    }
}

#[tokio::test]
async fn who_shows_a_certificate_of_somebody_elses_gets_through_as_nobody() {
    let site = Site::open().await;
    let other = Site::open().await;
    let (foreign, _) = other.agent();
    // The same names as the real authority's, and another key behind them.
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(certificates::authority("Countersign Agents CA", &key), key);
    let key = KeyPair::generate().unwrap();
    let agent = AgentId::draw(&SeededEntropy::new(2)).to_string();
    let mut params = certificates::participant(&agent, rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    certificates::hold_for(&mut params, site.clock.now(), 1).unwrap();
    let forged =
        Shown { certificate: pem("CERTIFICATE", params.signed_by(&key, &issuer).unwrap().der()), key: private(&key) };
    // The agents' authority, but for another purpose.
    let (certificate, key) = site.authority.certify_server(site.clock.now(), 1).unwrap();
    let servers =
        Shown { certificate: pem("CERTIFICATE", &certificate), key: Secret::new(pem("PRIVATE KEY", key.secret_der())) };
    for shown in [foreign, forged, servers] {
        for protocol in ["http/1.1", "h2", "countersign-agent"] {
            let mut config = site.client(protocol, &shown);
            if protocol == "countersign-agent" {
                config = site.agents_client(&shown);
            }
            assert_eq!(site.seen(config).await, "nobody", "{protocol}");
        }
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_ends_the_handshake() {
    let site = Site::open().await;
    let (shown, _) = site.agent();
    let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
    let other = PrivatePkcs8KeyDer::from(KeyPair::generate().unwrap().serialize_der());
    let key = provider().key_provider.load_private_key(other.into()).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(vec![certificate], key);
    let mut config = site.client("http/1.1", &shown);
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(stolen));
    let stream = site.connect(&Arc::new(config)).await;
    // In TLS 1.3 the client is done before the server has looked.
    let (mut sender, connection) = client_1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get("/agent").body(Full::<Bytes>::default()).unwrap();
    assert!(sender.send_request(request).await.is_err());
    drop(connection);
}

#[tokio::test]
async fn a_certificate_counts_only_in_its_time_on_old_and_resumed_connections_too() {
    let site = Site::open().await;
    let (shown, expected) = site.agent();
    let config = Arc::new(site.agents_client(&shown));
    let begun = site.connect(&config).await;
    assert_eq!(site.seen_over(site.connect(&config).await).await, expected);
    let resumed = site.connect(&config).await;
    assert_eq!(resumed.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    assert_eq!(site.seen_over(resumed).await, expected);

    site.clock.advance(DAY.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(site.seen_over(site.connect(&config).await).await, expected);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.seen_over(begun).await, "nobody", "it was an agent's when it began");
    assert_eq!(site.seen_over(site.connect(&config).await).await, "nobody");
    assert_eq!(site.seen(site.agents_client(&shown)).await, "nobody");

    let (renewed, expected) = site.agent();
    assert_eq!(site.seen(site.agents_client(&renewed)).await, expected);
}
