//! A small HTTP client: one connection, kept alive; and raw bytes, for what no client would send.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to a server under test.
pub(crate) struct Client {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

/// Where a piece is put down.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: i64,
    pub(crate) y: i64,
}

impl Place {
    pub(crate) fn right_by(self, pixels: i64) -> Self {
        Self { x: self.x + pixels, ..self }
    }

    pub(crate) fn down_by(self, pixels: i64) -> Self {
        Self { y: self.y + pixels, ..self }
    }

    pub(crate) fn json(self) -> Value {
        serde_json::json!({ "x": self.x, "y": self.y })
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// Status, content type and body: what a snapshot of a refusal holds.
    pub(crate) fn shown(&self) -> String {
        let content_type = self.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        format!("{}\n{content_type}\n\n{}", self.status, self.text())
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address).await
    }

    /// Over a stream that is there already.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: SocketAddr,
    ) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { host: address.to_string(), sender }
    }

    pub(crate) async fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        self.sender.ready().await.unwrap();
        Answer::read(self.sender.send_request(request).await.unwrap()).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// A fresh native challenge: its token.
    pub(crate) async fn challenge(&mut self, site_key: &str) -> String {
        let issued = self.post("/v1/challenges", &serde_json::json!({ "site_key": site_key })).await;
        assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text());
        issued.json()["token"].as_str().unwrap().to_owned()
    }

    /// Where the piece belongs.
    pub(crate) async fn solution(&mut self, token: &str) -> Place {
        let solution = self.get(&format!("/dev/answers?token={token}")).await.json();
        Place { x: solution["x"].as_i64().unwrap(), y: solution["y"].as_i64().unwrap() }
    }

    pub(crate) async fn answer(&mut self, token: &str, place: Place) -> Answer {
        self.post("/v1/challenges/answer", &serde_json::json!({ "token": token, "answer": place.json() })).await
    }

    /// A ticket, by solving a challenge.
    pub(crate) async fn ticket(&mut self, site_key: &str) -> String {
        let token = self.challenge(site_key).await;
        let place = self.solution(&token).await;
        let passed = self.answer(&token, place).await;
        passed.json()["ticket"].as_str().unwrap_or_else(|| panic!("{}", passed.text())).to_owned()
    }
}

/// Sends `bytes` and returns all that comes back until the server closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
