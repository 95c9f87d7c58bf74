//! What agents and the server show each other in TLS, and what their authority signs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign::agents::trust::{self, Pin};
use countersign::agents::{PROTOCOL, SERVER_NAME};
use countersign_domain::agent::AgentId;
use countersign_domain::ports::{Authority, Certified, Clock as _, RequestRefusal};
use countersign_domain::secret::Secret;
use countersign_domain::testing::{ManualClock, SeededEntropy};
use hyper::StatusCode;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::client::Client;
use crate::house::Running;
use crate::process::Server;
use crate::tls_client::{Pair, Trust, pem, shown};

const OWN_CA: (&str, &str) = ("COUNTERSIGN__TLS__OWN_CA", "true");
const DAY: Duration = Duration::from_hours(24);
/// Longer than anything here takes, so that what should end and does not is seen.
const PATIENCE: Duration = Duration::from_secs(30);
const P_256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// Runs OpenSSL, as a machine does to join.
fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn lacks_openssl() -> bool {
    let lacks = Command::new("openssl").arg("version").output().is_err();
    // A machine that runs every test has it.
    assert!(!lacks || std::env::var_os("CI").is_none(), "install openssl: these tests need it");
    if lacks {
        eprintln!("there is no OpenSSL here: left out");
    }
    lacks
}

/// A signing request by OpenSSL; its key is left in `agent.key`.
fn request(folder: &Path, key: &[&str]) -> String {
    let common = ["req", "-new", "-nodes", "-subj", "/CN=root/O=Somebody", "-keyout", "agent.key"];
    openssl(folder, &[&common[..], key].concat())
}

/// A certificate for the request, good for a day.
fn certify(authority: &dyn Authority, clock: &ManualClock, request: &str) -> Certified {
    let request = authority.read(request).unwrap();
    let (agent, now) = (AgentId::draw(&SeededEntropy::new(1)), clock.now());
    authority.certify(&request, agent, now, now.plus(DAY)).unwrap()
}

/// The certificate and the key of an agent of `home`'s.
fn pair(home: &Running) -> Pair {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    let request = pem("CERTIFICATE REQUEST", request.der());
    let certificate = certify(&*home.authority, &home.clock, &request).certificate;
    Pair { certificate, key: pem("PRIVATE KEY", key.serialized_der()) }
}

/// An agent of `home`'s that speaks to whom it finds.
fn agent(home: &Running) -> Arc<ClientConfig> {
    let Pair { certificate, key } = pair(home);
    let clock = Arc::<ManualClock>::clone(&home.clock);
    Arc::new(trust::client_config(home.authority.certificate(), &certificate, &Secret::new(key), clock).unwrap())
}

async fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.unwrap();
    // Any name: an agent goes by its authority, and does not compare what it dialled.
    let name = ServerName::try_from("moved.example").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

async fn health(config: &Arc<ClientConfig>, address: SocketAddr) -> StatusCode {
    let stream = connect(config, address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(PROTOCOL));
    Client::over(stream, address).await.get("/healthz").await.status
}

#[tokio::test]
async fn requests_that_openssl_makes_are_certified_for_every_kind_of_key() {
    if lacks_openssl() {
        return;
    }
    let (server, folder) = (Running::start().await, tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("ca.pem"), server.authority.certificate()).unwrap();
    for key in [
        P_256,
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"],
        &["-newkey", "ed25519"],
        &["-newkey", "rsa:2048"],
        &["-newkey", "rsa:4096", "-sha512"],
        &["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"],
        &["-newkey", "rsa:2048", "-addext", "subjectAltName=DNS:admin.example", "-addext", "basicConstraints=CA:TRUE"],
    ] {
        let certified = certify(&*server.authority, &server.clock, &request(folder.path(), key));
        std::fs::write(folder.path().join("agent.pem"), &certified.certificate).unwrap();
        let time = (server.clock.now().milliseconds() / 1_000).to_string();
        let verify = ["verify", "-x509_strict", "-purpose", "sslclient", "-attime", &time, "-CAfile", "ca.pem"];
        assert_eq!(openssl(folder.path(), &[&verify[..], &["agent.pem"]].concat()), "agent.pem: OK\n");
        let public = openssl(folder.path(), &["pkey", "-in", "agent.key", "-pubout"]);
        assert_eq!(openssl(folder.path(), &["x509", "-in", "agent.pem", "-noout", "-pubkey"]), public, "{key:?}");
    }
}

#[tokio::test]
async fn requests_with_other_keys_or_a_stale_digest_are_refused() {
    if lacks_openssl() {
        return;
    }
    let (server, folder) = (Running::start().await, tempfile::tempdir().unwrap());
    for (key, refusal) in [
        (&["-newkey", "rsa:1024"][..], RequestRefusal::WeakKey),
        (&["-newkey", "rsa:4160"], RequestRefusal::WeakKey),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], RequestRefusal::WeakKey),
        (&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], RequestRefusal::WeakKey),
        (
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
            RequestRefusal::WeakKey,
        ),
        (&["-newkey", "ed448"], RequestRefusal::WeakKey),
        (&["-newkey", "rsa:2048", "-sha1"], RequestRefusal::BadSignature),
    ] {
        assert_eq!(server.authority.read(&request(folder.path(), key)).unwrap_err(), refusal, "{key:?}");
    }
}

#[tokio::test]
async fn a_certificate_says_who_the_agent_is_and_nothing_else() {
    if lacks_openssl() {
        return;
    }
    let (server, folder) = (Running::start().await, tempfile::tempdir().unwrap());
    let said = |name: &str, certificate: &str| {
        std::fs::write(folder.path().join(name), certificate).unwrap();
        let text =
            openssl(folder.path(), &["x509", "-in", name, "-noout", "-text", "-certopt", "no_pubkey,no_sigdump"]);
        // What is random, or follows from what is.
        let digits = |character: char| character.is_ascii_hexdigit() || character == ':';
        let lines = text.lines().map(|line| match line.trim() {
            hex if hex.len() > 40 && hex.chars().all(digits) => "                (hexadecimal digits)".to_owned(),
            name if name.contains("Countersign Agents CA") => {
                line.trim_end_matches(|character: char| character.is_ascii_hexdigit()).replace(" = ", "=") + "(key)"
            }
            // Spaces come and go with OpenSSL's version.
            _ => line.trim_end().replace(" = ", "="),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let certified = certify(&*server.authority, &server.clock, &request(folder.path(), P_256));
    insta::assert_snapshot!(said("agent.pem", &certified.certificate), @"
    Certificate:
        Data:
            Version: 3 (0x2)
            Serial Number:
                    (hexadecimal digits)
            Signature Algorithm: ecdsa-with-SHA256
            Issuer: CN=Countersign Agents CA (key)
            Validity
                Not Before: Nov 18 11:06:40 2026 GMT
                Not After : Nov 19 11:06:40 2026 GMT
            Subject: CN=c15c0289-ec2d-4a91-a7ec-8e65a18debbe
            X509v3 extensions:
                X509v3 Authority Key Identifier:
                    (hexadecimal digits)
                X509v3 Subject Alternative Name:
                    URI:urn:uuid:c15c0289-ec2d-4a91-a7ec-8e65a18debbe
                X509v3 Key Usage: critical
                    Digital Signature
                X509v3 Extended Key Usage:
                    TLS Web Client Authentication
                X509v3 Subject Key Identifier:
                    (hexadecimal digits)
                X509v3 Basic Constraints: critical
                    CA:FALSE
    ");
    insta::assert_snapshot!(said("ca.pem", server.authority.certificate()), @"
    Certificate:
        Data:
            Version: 3 (0x2)
            Serial Number:
                    (hexadecimal digits)
            Signature Algorithm: ecdsa-with-SHA256
            Issuer: CN=Countersign Agents CA (key)
            Validity
                Not Before: Nov 17 11:06:40 2026 GMT
                Not After : Nov 18 11:06:40 2046 GMT
            Subject: CN=Countersign Agents CA (key)
            X509v3 extensions:
                X509v3 Key Usage: critical
                    Certificate Sign, CRL Sign
                X509v3 Subject Key Identifier:
                    (hexadecimal digits)
                X509v3 Basic Constraints: critical
                    CA:TRUE, pathlen:0
    ");
}

#[tokio::test]
async fn who_offers_the_agents_protocol_is_shown_the_agents_certificate() {
    let server = Running::with(&[OWN_CA]).await;
    let trust = Trust::file(&server.folder.path().join("ca.pem"));
    let config = agent(&server);
    assert_eq!(health(&config, server.address).await, StatusCode::OK);
    let agents = shown(&connect(&config, server.address).await.unwrap());
    let public = shown(&trust.connect(server.address, &["h2"]).await.unwrap());
    assert_ne!(agents, public);
    let name = SERVER_NAME.as_bytes();
    assert!(agents.windows(name.len()).any(|window| window == name));
    for protocols in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
        assert_eq!(shown(&trust.connect(server.address, protocols).await.unwrap()), public);
    }
    // Browsers that trusted the agents' authority by accident would still not find their host in it.
    let refused = trust.connect(server.address, &["countersign-agent", "h2"]).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
}

#[tokio::test]
async fn an_agent_takes_no_other_server() {
    let (home, other) = (Running::with(&[OWN_CA]).await, Running::with(&[OWN_CA]).await);
    let refused = connect(&agent(&home), other.address).await.unwrap_err();
    assert!(refused.to_string().contains("BadSignature") || refused.to_string().contains("UnknownIssuer"), "{refused}");
    // Another agent of the same authority is no server.
    let address = impostor(&pair(&home), None).await;
    let refused = connect(&agent(&home), address).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

/// A server that shows the certificate of `pair`, and signs with its key or with another.
async fn impostor(pair: &Pair, key: Option<&str>) -> SocketAddr {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject as _;

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(key.unwrap_or(&pair.key).as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![pair.der()], key);
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![PROTOCOL.to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _refused = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
    });
    address
}

#[tokio::test]
async fn a_machine_that_joins_takes_the_pinned_key_and_only_with_its_signature() {
    let clock = ManualClock::new();
    let joining = |pin| Arc::new(trust::joining_config(pin, Arc::<ManualClock>::clone(&clock)).unwrap());
    let (pair, other) = (Pair::make(), Pair::make());
    let pin = Pin::of(&pair.der()).unwrap();
    assert!(connect(&joining(pin), impostor(&pair, None).await).await.is_ok());
    let refused = connect(&joining(pin), impostor(&other, None).await).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("pinned: {pin}")), "{refused}");
    let refused = connect(&joining(pin), impostor(&pair, Some(&other.key)).await).await.unwrap_err();
    assert!(refused.to_string().contains("BadSignature"), "{refused}");

    let server = Running::with(&[OWN_CA]).await;
    let public = Trust::file(&server.folder.path().join("ca.pem")).connect(server.address, &[]).await.unwrap();
    let pin = Pin::of(&shown(&public)).unwrap();
    let stream = connect(&joining(pin), server.address).await.unwrap();
    assert_eq!(Client::over(stream, server.address).await.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_server_without_https_speaks_tls_to_agents_and_plain_http_to_everybody_else() {
    let server = Running::with(&[("COUNTERSIGN__LIMITS__HEAD_SECONDS", "300")]).await;
    let config = agent(&server);
    assert_eq!(health(&config, server.address).await, StatusCode::OK);
    assert_eq!(server.client().await.get("/healthz").await.status, StatusCode::OK);
    for protocols in [&[][..], &["h2", "http/1.1"]] {
        assert!(Trust::nobody().connect(server.address, protocols).await.is_err(), "{protocols:?}");
    }
    // The byte that decides comes by itself.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.set_nodelay(true).unwrap();
    slow.write_all(b"G").await.unwrap();
    assert_eq!(health(&config, server.address).await, StatusCode::OK);
    slow.write_all(b"ET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut torn = TcpStream::connect(server.address).await.unwrap();
    torn.write_all(&[0x16]).await.unwrap();
    assert_eq!(health(&config, server.address).await, StatusCode::OK, "both were accepted before");
    timeout(Duration::from_secs(7), server.stop()).await.expect("the stop waits for neither");
}

#[tokio::test]
async fn who_says_nothing_to_a_server_without_https_is_let_go() {
    let settings = [("COUNTERSIGN__LIMITS__CONNECTIONS", "1"), ("COUNTERSIGN__LIMITS__HEAD_SECONDS", "1")];
    let server = Running::with(&settings).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let health = timeout(PATIENCE, async { server.client().await.get("/healthz").await });
    assert_eq!(health.await.expect("there is one place, and it becomes free").status, StatusCode::OK);
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn agents_are_shown_a_new_certificate_when_two_thirds_of_the_old_ones_time_are_over() {
    let server = Running::start().await;
    let config = agent(&server);
    let first = shown(&connect(&config, server.address).await.unwrap());
    server.clock.advance(DAY * 19);
    server.reload.notify_one();
    assert_eq!(shown(&connect(&config, server.address).await.unwrap()), first);
    server.clock.advance(DAY);
    server.reload.notify_one();
    let renewed = async { while shown(&connect(&config, server.address).await.unwrap()) == first {} };
    timeout(PATIENCE, renewed).await.expect("a new one is made");
    server.clock.advance(DAY * 11);
    assert!(connect(&config, server.address).await.is_ok(), "when the first would be over");
}

#[tokio::test]
async fn curl_takes_the_pinned_key_before_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let curl = |server: &Server, pin: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--ipv4", "--noproxy", "*", "--insecure", "--pinnedpubkey", pin]);
        curl.arg(format!("https://localhost:{}/healthz", server.address.port())).output().unwrap()
    };
    let (server, log) = Server::with_log(folder.path(), &[OWN_CA]);
    let line = log.iter().find(|line| line.contains("listening")).unwrap();
    let pin = line.split('"').find(|word| word.starts_with("sha256//")).unwrap_or_else(|| panic!("{line}"));
    assert_eq!(String::from_utf8_lossy(&curl(&server, pin).stdout), "{\"status\":\"ok\"}");
    let other = format!("sha256//{}=", "A".repeat(43));
    assert_eq!(curl(&server, &other).status.code(), Some(90), "another key than the pinned one");
    server.kill();
    let server = Server::with(folder.path(), &[OWN_CA]);
    assert_eq!(String::from_utf8_lossy(&curl(&server, pin).stdout), "{\"status\":\"ok\"}");

    // A command beside the running server knows it, too.
    let mut doctor = crate::process::command(&["doctor", "--data"]);
    let examined = doctor.arg(folder.path()).envs([OWN_CA]).output().unwrap();
    let examined = String::from_utf8(examined.stdout).unwrap();
    assert!(examined.contains(&format!("the key's pin is {pin}\n")), "{examined}");
}
