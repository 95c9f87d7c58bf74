//! Text messages through gateways over HTTP, whole: what is sent, what they answer, what they tell of the delivery, and who takes
//! over where one refuses.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::client::Client;
use crate::codes::credentials;
use crate::process::Server;

/// What a gateway is told that never answers.
const HANGS: &str = "hang";

/// A gateway that answers as it is told, and passes on what it was asked.
pub(crate) struct Gateway {
    url: String,
    calls: UnboundedReceiver<Vec<(String, String)>>,
}

impl Gateway {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, calls) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let query = request.uri().query().unwrap_or_default().as_bytes();
                    let _nobody = tell.send(form_urlencoded::parse(query).into_owned().collect());
                    async move {
                        if answer == HANGS {
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(answer))))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, calls }
    }

    /// The next call's parameters.
    pub(crate) async fn called(&mut self) -> Value {
        let call = tokio::time::timeout(Duration::from_mins(1), self.calls.recv()).await;
        call.expect("a call").unwrap().into_iter().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect()
    }

    pub(crate) fn settings(&self, name: &str) -> String {
        format!(
            "[[senders]]\nname = '{name}'\nkind = 'http_template'\nchannel = 'sms'\nmethod = 'GET'\n\
             url = '{}/send?to={{{{ to }}}}&text={{{{ text }}}}&id={{{{ message_id }}}}&tell={{{{ delivery_url }}}}'\n\
             success_contains = ['OK']\n\
             [senders.receipt]\nfrom = 'query'\nstatus = 'status'\ndelivered = ['1']\nundelivered = ['2']\n",
            self.url
        )
    }
}

pub(crate) struct House {
    server: Server,
    client: Client,
}

impl House {
    pub(crate) async fn start(folder: &Path, settings: &str) -> Self {
        let file = folder.join("countersign.toml");
        std::fs::write(&file, settings).unwrap();
        let server = Server::with_file(&folder.join("data"), &file);
        let client = Client::connect(server.address).await;
        Self { server, client }
    }

    async fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let authorization = credentials(&self.server.dev);
        self.client.call(method, path, &[("authorization", &authorization)], &body.to_string()).await.json()
    }

    pub(crate) async fn send(&mut self, to: &str) -> String {
        let sent = self.call("POST", "/v1/codes", &json!({"to": to, "purpose": "signup", "locale": "zh-CN"})).await;
        sent["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned()
    }

    /// The code's only message, once it is in this state.
    pub(crate) async fn message(&mut self, code: &str, state: &str) -> Value {
        let in_state = async {
            loop {
                let status = self.call("GET", &format!("/v1/codes/{code}"), &Value::Null).await;
                let message = status["messages"][0].clone();
                if message["state"] == state {
                    break message;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), in_state).await.expect("it comes to that")
    }

    /// A gateway's word about a delivery, to the address that it was given.
    async fn tell(&mut self, url: &str, query: &str) -> StatusCode {
        let path = url.strip_prefix(&format!("http://{}", self.server.address)).unwrap();
        self.client.call("GET", &format!("{path}?{query}"), &[], "").await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_sent_and_its_delivery_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start("OK").await;
    let mut house = House::start(folder.path(), &gateway.settings("first")).await;
    let code = house.send("+8613912345678").await;
    let call = gateway.called().await;
    let message = house.message(&code, "sent").await;
    assert_eq!((&call["to"], &call["id"]), (&json!("+8613912345678"), &message["id"]));
    let text = call["text"].as_str().unwrap();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
    let url = call["tell"].as_str().unwrap();
    assert_eq!(house.tell(url, "status=8").await, StatusCode::OK);
    assert_eq!(house.message(&code, "sent").await["state"], "sent", "on its way is not there");
    assert_eq!(house.tell(url, "status=1").await, StatusCode::OK);
    house.message(&code, "delivered").await;
    // Nobody makes such an address up: not for another message, and not for this one.
    let (_, proof) = url.rsplit_once('.').unwrap();
    let other = url.replace(proof, &"0".repeat(proof.len()));
    assert_eq!(house.tell(&other, "status=2").await, StatusCode::NOT_FOUND);
    let other = url.replace(message["id"].as_str().unwrap(), &"0".repeat(32));
    assert_eq!(house.tell(&other, "status=2").await, StatusCode::NOT_FOUND);
    let checked = house.call("POST", "/v1/codes/check", &json!({"id": code, "code": digits})).await;
    assert_eq!(checked["valid"], true, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_refuses_or_does_not_deliver_the_next_sends_the_same_code() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (Gateway::start("NO, not this one").await, Gateway::start("OK").await);
    let mut third = Gateway::start("OK").await;
    let settings = [first.settings("first"), second.settings("second"), third.settings("third")].concat();
    let mut house = House::start(folder.path(), &settings).await;
    let code = house.send("+8613912345678").await;
    let (refused, taken) = (first.called().await, second.called().await);
    let message = house.message(&code, "sent").await;
    assert_eq!((&message["sender"], &message["refused_by"]), (&json!("second"), &json!(["first"])));
    assert_eq!((&refused["text"], &refused["id"]), (&taken["text"], &taken["id"]));
    assert_eq!(house.tell(taken["tell"].as_str().unwrap(), "status=2").await, StatusCode::OK);
    let at_last = third.called().await;
    assert_eq!((&at_last["text"], &at_last["id"]), (&taken["text"], &taken["id"]));
    let message = house.message(&code, "sent").await;
    assert_eq!(message["sender"], "third");
    // Nobody is left.
    assert_eq!(house.tell(at_last["tell"].as_str().unwrap(), "status=2").await, StatusCode::OK);
    house.message(&code, "undelivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_hangs_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (Gateway::start(HANGS).await, Gateway::start("OK").await);
    let hurried = first.settings("first").replace("channel = 'sms'", "channel = 'sms'\ndeadline_seconds = 1");
    let mut house = House::start(folder.path(), &[hurried, second.settings("second")].concat()).await;
    let code = house.send("+8613912345678").await;
    let (hung, taken) = (first.called().await, second.called().await);
    assert_eq!((&hung["text"], &hung["id"]), (&taken["text"], &taken["id"]));
    assert_eq!(house.message(&code, "sent").await["sender"], "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_silent_about_the_delivery_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (Gateway::start("OK").await, Gateway::start("OK").await);
    let expects = first.settings("first").replace("channel = 'sms'", "channel = 'sms'\nreport_seconds = 1");
    let mut house = House::start(folder.path(), &[expects, second.settings("second")].concat()).await;
    let code = house.send("+8613912345678").await;
    let (silent, next) = (first.called().await, second.called().await);
    assert_eq!((&silent["text"], &silent["id"]), (&next["text"], &next["id"]));
    let message = house.message(&code, "sent").await;
    assert_eq!((&message["sender"], &message["refused_by"]), (&json!("second"), &json!(["first"])));
    // Late, and true: nobody has to send it again.
    assert_eq!(house.tell(silent["tell"].as_str().unwrap(), "status=1").await, StatusCode::OK);
    assert_eq!(house.message(&code, "delivered").await["sender"], "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sender_for_the_channel_the_call_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start("OK").await;
    let only_china = gateway.settings("first").replace("channel = 'sms'", "channel = 'sms'\nprefixes = ['+86']");
    let mut house = House::start(folder.path(), &only_china).await;
    let refused = house.call("POST", "/v1/codes", &json!({"to": "+12025550100", "purpose": "signup"})).await;
    assert_eq!(refused["type"], "urn:countersign:problem:no-sender", "{refused}");
    house.send("ann@example.com").await;
}
