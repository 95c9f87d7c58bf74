//! HTTPS over the wire: both versions of HTTP, certificates that change, and clients that hang where only TLS or HTTP/2
//! lets them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::Channel;
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use countersign::agents::trust::Pin;

use crate::client::{Answer, Client};
use crate::house::Running;
use crate::process::Server;
use crate::tls_client::{Pair, Trust, shown};

const OWN_CA: (&str, &str) = ("COUNTERSIGN__TLS__OWN_CA", "true");
/// Nothing but the answer's own time ends a connection soon.
const UNREAD: [(&str, &str); 2] =
    [("COUNTERSIGN__LIMITS__UNREAD_SECONDS", "1"), ("COUNTERSIGN__LIMITS__HEAD_SECONDS", "300")];
/// Longer than anything here takes, so that what should end and does not is seen.
const PATIENCE: Duration = Duration::from_secs(30);

async fn own(settings: &[(&str, &str)]) -> (Running, Trust) {
    let settings: Vec<_> = settings.iter().copied().chain([OWN_CA]).collect();
    let server = Running::with(&settings).await;
    let trust = Trust::file(&server.folder.path().join("ca.pem"));
    (server, trust)
}

/// A server with the certificate in this folder.
async fn with_files(folder: &Path) -> Running {
    let path = |name| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("tls.pem"), path("tls.key"));
    Running::with(&[("COUNTERSIGN__TLS__CERTIFICATE", &certificate), ("COUNTERSIGN__TLS__KEY", &key)]).await
}

/// Connects until the server shows the certificate of `pair`.
async fn until_shown(trust: &Trust, address: std::net::SocketAddr, pair: &Pair) {
    let seen = async {
        while shown(&trust.connect(address, &[]).await.unwrap()) != pair.der() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the server shows the new certificate");
}

#[tokio::test]
async fn both_versions_of_http_serve_who_trusts_the_own_authority() {
    let (server, trust) = own(&[]).await;
    assert_eq!(server.dev["endpoint"], format!("https://{}", server.address));
    trust.http_1(server.address).await.ticket(server.site_key()).await;

    let client = trust.http_2(server.address).await;
    let issued = client.post("/v1/challenges", &json!({ "site_key": server.site_key() })).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text());
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    // The door for tests wants a Host on this machine, which is `:authority` here.
    let place = client.call("GET", &format!("/dev/answers?token={token}"), "").await.json();
    let passed = client.post("/v1/challenges/answer", &json!({ "token": token, "answer": place })).await;
    assert!(passed.json()["ticket"].is_string(), "{}", passed.text());

    let head = client.call("HEAD", "/healthz", "").await;
    assert_eq!((head.status, &head.headers["content-length"]), (StatusCode::OK, &"15".parse().unwrap()));

    let plain = trust.connect(server.address, &[]).await.unwrap();
    assert_eq!(plain.get_ref().1.alpn_protocol(), None);
    Client::over(plain, server.address).await.ticket(server.site_key()).await;
}

#[tokio::test]
async fn who_does_not_trust_the_own_authority_does_not_speak() {
    let (server, trust) = own(&[]).await;
    let error = Trust::nobody().connect(server.address, &["h2"]).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let error = trust.connect(server.address, &["spdy/1"]).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
    let answer = crate::client::raw(server.address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!answer.contains("HTTP/"), "{answer}");
}

#[tokio::test]
async fn the_authority_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[OWN_CA]);
    let trust = Trust::file(&folder.path().join("ca.pem")).now();
    let first = shown(&trust.connect(server.address, &[]).await.unwrap());
    server.kill();
    let server = Server::with(folder.path(), &[OWN_CA]);
    let second = shown(&trust.connect(server.address, &[]).await.unwrap());
    assert_ne!(first, second, "a certificate is made at each start");
    assert_eq!(Pin::of(&first).unwrap(), Pin::of(&second).unwrap(), "for the same key, which clients may pin");
    server.signal("-HUP");
    let renewed = async { while shown(&trust.connect(server.address, &[]).await.unwrap()) == second {} };
    timeout(PATIENCE, renewed).await.expect("and when it is asked for");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_broken_one_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Pair::make(), Pair::make());
    old.write(folder.path());
    let server = with_files(folder.path()).await;
    let trust = Trust::all(&[&old, &new]);
    let mut held = trust.http_1(server.address).await;
    let held_2 = trust.http_2(server.address).await;
    held.get("/healthz").await;
    until_shown(&trust, server.address, &old).await;

    // Nobody says so: the server finds it by itself.
    new.write(folder.path());
    until_shown(&trust, server.address, &new).await;
    assert_eq!(held.get("/healthz").await.status, StatusCode::OK, "the old connection goes on");
    assert_eq!(held_2.call("GET", "/healthz", "").await.status, StatusCode::OK);

    // A key of another certificate; then, as proof that it was looked at, a good pair after it.
    Pair { certificate: old.certificate.clone(), key: new.key.clone() }.write(folder.path());
    server.reload.notify_one();
    for _ in 0..20 {
        assert_eq!(shown(&trust.connect(server.address, &[]).await.unwrap()), new.der());
    }
    old.write(folder.path());
    server.reload.notify_one();
    until_shown(&trust, server.address, &old).await;
}

#[tokio::test]
async fn a_broken_pair_is_told_once_and_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, other) = (Pair::make(), Pair::make());
    pair.write(folder.path());
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("tls.pem"), path("tls.key"));
    let settings = [("COUNTERSIGN__TLS__CERTIFICATE", &*certificate), ("COUNTERSIGN__TLS__KEY", &*key)];
    let data = tempfile::tempdir().unwrap();
    let (server, log) = Server::with_log(data.path(), &settings);
    std::fs::write(&key, &other.key).unwrap();
    server.signal("-HUP");
    let line =
        timeout(PATIENCE, tokio::task::spawn_blocking(move || log.into_iter().find(|line| line.contains("refused"))));
    let line = line.await.unwrap().unwrap().expect("a line in the log");
    assert!(line.ends_with(&format!("keeps serving: {key} is not the key of {certificate}")), "{line}");
    let trust = Trust::all(&[&pair]);
    assert_eq!(shown(&trust.connect(server.address, &[]).await.unwrap()), pair.der());
    server.kill();

    let mut command = crate::process::command(&["serve", "--dev", "--listen", "127.0.0.1:0", "--data"]);
    let refused = command.arg(data.path()).envs(settings).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(told, format!("countersign: {key} is not the key of {certificate}\n"));
    let mut command = crate::process::command(&["doctor", "--data"]);
    let examined = String::from_utf8(command.arg(data.path()).envs(settings).output().unwrap().stdout).unwrap();
    assert!(examined.contains(&format!("wrong  tls         {key} is not the key of {certificate}\n")), "{examined}");
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_gives_its_place_back() {
    let (server, trust) =
        own(&[("COUNTERSIGN__LIMITS__CONNECTIONS", "1"), ("COUNTERSIGN__LIMITS__HEAD_SECONDS", "1")]).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let health = timeout(PATIENCE, async { trust.http_1(server.address).await.get("/healthz").await });
    assert_eq!(health.await.expect("there is one place, and it becomes free").status, StatusCode::OK);
    let mut rest = Vec::new();
    timeout(PATIENCE, silent.read_to_end(&mut rest)).await.expect("the silent one is let go").unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn clients_that_hang_in_handshakes_keep_nobody_waiting() {
    let (server, trust) = own(&[("COUNTERSIGN__LIMITS__HEAD_SECONDS", "300")]).await;
    let mut hanging = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
        hanging.push(stream);
    }
    let health = timeout(PATIENCE, async { trust.http_2(server.address).await.call("GET", "/healthz", "").await });
    assert_eq!(health.await.expect("others are served").status, StatusCode::OK);
    timeout(Duration::from_secs(9), server.stop()).await.expect("and the stop does not wait for them");
}

#[tokio::test]
async fn two_hundred_calls_at_once_on_one_connection_are_answered() {
    let (server, trust) = own(&[]).await;
    let client = trust.http_2(server.address).await;
    let body = json!({ "site_key": server.site_key() }).to_string();
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let (mut sender, request) = (client.sender.clone(), client.request("POST", "/v1/challenges", &body));
        calls.spawn(async move { Answer::read(sender.send_request(request).await.unwrap()).await });
    }
    for answer in timeout(PATIENCE * 2, calls.join_all()).await.expect("all are answered") {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        assert!(answer.json()["token"].is_string());
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_in_the_doors_own_shape_over_http_2() {
    let (server, trust) = own(&[]).await;
    let client = trust.http_2(server.address).await;
    for size in [64 * 1024 + 1, 3 * 1024 * 1024] {
        let large = client.call("POST", "/v1/challenges", &"x".repeat(size)).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(large.shown(), @r#"
            413 Payload Too Large
            application/problem+json

            {"type":"urn:countersign:problem:body-too-large","title":"The request is too large","status":413,"detail":"A request takes at most 64 KiB."}
            "#);
        }
    }
    let exact = client.call("POST", "/v1/challenges", &"x".repeat(64 * 1024)).await;
    assert_eq!(exact.status, StatusCode::BAD_REQUEST, "64 KiB are read, and the connection goes on");
}

#[tokio::test]
async fn headers_without_end_are_refused_over_http_2() {
    let (server, trust) = own(&[]).await;
    let client = trust.http_2(server.address).await;
    let mut request = client.request("GET", "/healthz", "");
    request.headers_mut().insert("x-long", "x".repeat(20_000).parse().unwrap());
    let refused = client.sender.clone().send_request(request).await;
    assert!(refused.is_err() || refused.unwrap().status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(client.call("GET", "/healthz", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_of_http_2_that_says_nothing_is_let_go() {
    let (server, trust) = own(&[("COUNTERSIGN__LIMITS__HEAD_SECONDS", "1")]).await;
    // Not even HTTP/2's first bytes.
    let mut silent = trust.connect(server.address, &["h2"]).await.unwrap();
    let idle = trust.http_2(server.address).await;
    assert_eq!(idle.call("GET", "/healthz", "").await.status, StatusCode::OK);
    timeout(PATIENCE, idle.connection).await.expect("who idles is told goodbye").unwrap().unwrap();
    let mut rest = Vec::new();
    // The end may come without a word of TLS.
    let _unclean = timeout(PATIENCE, silent.read_to_end(&mut rest)).await.expect("who is silent is let go");
}

#[tokio::test]
async fn a_client_that_leaves_one_answer_unread_is_let_go() {
    let (server, trust) = own(&UNREAD).await;
    let mut client = trust
        .http_2_with(server.address, |http| {
            http.initial_stream_window_size(1);
        })
        .await;
    let body = json!({ "site_key": server.site_key() }).to_string();
    let unread = client.sender.send_request(client.request("POST", "/v1/challenges", &body)).await.unwrap();
    assert_eq!(unread.status(), StatusCode::CREATED);
    // It goes on answering pings: only the one answer is not read.
    let _broken = timeout(PATIENCE, client.connection).await.expect("the server does not hold answers for ever");
    drop(unread);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_socket_is_let_go() {
    let (server, trust) = own(&UNREAD).await;
    let mut stream = trust.connect(server.address, &["http/1.1"]).await.unwrap();
    let body = json!({ "site_key": server.site_key() }).to_string();
    let request = format!("POST /v1/challenges HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Together the answers are more than any socket's buffer. The server may be gone before it has taken all requests.
    let _gone = stream.write_all(request.repeat(1_000).as_bytes()).await;
    let mut observer = trust.http_1(server.address).await;
    let alone = async {
        while !observer.get("/metrics").await.text().contains("countersign_connections 1\n") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, alone).await.expect("the server lets go of who does not read");
}

#[tokio::test]
async fn a_client_that_takes_its_calls_back_keeps_nobody_waiting() {
    let (server, trust) = own(&[("COUNTERSIGN__LIMITS__STREAMS", "10")]).await;
    let client = trust.http_2(server.address).await;
    let body = json!({ "site_key": server.site_key() }).to_string();
    for _ in 0..300 {
        let (mut sender, request) = (client.sender.clone(), client.request("POST", "/v1/challenges", &body));
        let call = tokio::spawn(async move { sender.send_request(request).await });
        tokio::task::yield_now().await;
        call.abort();
    }
    let other = trust.http_2(server.address).await;
    let issued = timeout(PATIENCE, other.call("POST", "/v1/challenges", &body));
    assert_eq!(issued.await.expect("others are served").status, StatusCode::CREATED);
}

#[tokio::test]
async fn sigterm_lets_a_call_over_http_2_finish() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[OWN_CA]);
    let trust = Trust::file(&folder.path().join("ca.pem")).now();
    let stream = trust.connect(server.address, &["h2"]).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let connection = tokio::spawn(connection);

    let body = json!({ "site_key": server.site_key() }).to_string();
    let (first, second) = body.split_at(5);
    let (mut writer, reader) = Channel::<Bytes>::new(1);
    let uri = format!("https://{}/v1/challenges", server.address);
    let answer = sender.send_request(Request::post(uri).body(reader).unwrap());
    let answer = tokio::spawn(answer);
    writer.send_data(Bytes::copy_from_slice(first.as_bytes())).await.unwrap();
    // An answer on the same connection shows that the server has taken up what was sent before.
    let other = Request::get(format!("https://{}/healthz", server.address)).body(Channel::<Bytes>::new(1).1).unwrap();
    assert_eq!(sender.send_request(other).await.unwrap().status(), StatusCode::OK);

    let address = server.address;
    let stopping = tokio::task::spawn_blocking(|| server.terminate());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    writer.send_data(Bytes::copy_from_slice(second.as_bytes())).await.unwrap();
    drop(writer);
    let answer = Answer::read(answer.await.unwrap().unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert!(timeout(PATIENCE, stopping).await.expect("the stop is bounded").unwrap());
    timeout(PATIENCE, connection).await.expect("the connection ends").unwrap().unwrap();
}

#[tokio::test]
async fn curl_speaks_both_versions() {
    let has_http_2 = Command::new("curl").arg("--version").output();
    if !has_http_2.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2")) {
        eprintln!("there is no curl with HTTP/2 here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(folder.path(), &[OWN_CA]);
    let url = format!("https://localhost:{}/healthz", server.address.port());
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--ipv4", "--noproxy", "*", flag, "--write-out", " %{http_version}"]);
        let output = curl.arg("--cacert").arg(folder.path().join("ca.pem")).arg(&url).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{{\"status\":\"ok\"}} {version}"), "{told}");
    }
    let output = Command::new("curl").args(["--silent", "--noproxy", "*", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(60), "without --cacert it does not trust the server");
}
