//! Joining under concurrency, under `kill -9`, and under attack.
//!
//! CI runs the first test once and a day of the last; `cargo xtask prove enrolment` sets `COUNTERSIGN_ENROLMENT_ROUNDS` and
//! `COUNTERSIGN_ATTACK_DAYS`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::house::Running;
use crate::process::Server;

const MACHINES: usize = 500;
const USES: usize = 50;

/// The credentials of the key of `dev.json`.
fn credentials(dev: &Value) -> String {
    let text = format!("{}:{}", dev["access_key_id"].as_str().unwrap(), dev["access_key_secret"].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(text))
}

fn signing_request() -> String {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    let encoded = STANDARD.encode(request.der());
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{encoded}\n-----END CERTIFICATE REQUEST-----\n")
}

fn body(code: &str, request: &str) -> String {
    let host = json!({"hostname": "web-1", "os": "linux", "architecture": "x86_64", "machine_id": "0123"});
    json!({"code": code, "csr": request, "host": host}).to_string()
}

/// Makes an install code as wished; the whole answer.
async fn install_code(client: &mut Client, dev: &Value, wish: &Value) -> Value {
    let made =
        client.call("POST", "/v1/install-codes", &[("authorization", &credentials(dev))], &wish.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()
}

async fn get(client: &mut Client, dev: &Value, path: &str) -> Value {
    let answer = client.call("GET", path, &[("authorization", &credentials(dev))], "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// How many machines the code `id` has admitted, as its owner reads it; each is listed once.
async fn admitted(client: &mut Client, dev: &Value, id: &str) -> usize {
    let code = get(client, dev, &format!("/v1/install-codes/{id}")).await;
    let agents: BTreeSet<_> =
        code["used_by"].as_array().unwrap().iter().map(|used| used["agent_id"].as_str()).collect();
    assert_eq!(code["uses"], agents.len());
    agents.len()
}

/// A machine on a connection of its own; `None` where the server was gone.
async fn join(address: SocketAddr, body: String) -> Option<(StatusCode, Value)> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::post("/v1/agents/enrol").header("host", "x").body(Full::new(Bytes::from(body)));
    let (head, body) = sender.send_request(request.unwrap()).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some((head.status, serde_json::from_slice(&body).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_500_machines_at_once_exactly_as_many_join_as_the_code_allows() {
    let rounds = std::env::var("COUNTERSIGN_ENROLMENT_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let server = Running::start().await;
    let mut owner = server.client().await;
    let requests: Vec<_> = (0..MACHINES).map(|_| signing_request()).collect();
    for round in 0..rounds {
        let code = install_code(&mut owner, &server.dev, &json!({"max_uses": USES})).await;
        let start = Arc::new(Barrier::new(MACHINES));
        let mut machines = JoinSet::new();
        for request in &requests {
            let (start, address) = (Arc::clone(&start), server.address);
            let body = body(code["code"].as_str().unwrap(), request);
            machines.spawn(async move {
                start.wait().await;
                join(address, body).await.unwrap()
            });
        }
        let answers = machines.join_all().await;
        let joined: BTreeSet<_> = answers
            .iter()
            .filter(|(status, _)| *status == StatusCode::CREATED)
            .map(|(_, body)| body["agent_id"].as_str())
            .collect();
        assert_eq!(joined.len(), USES, "round {round}");
        let exhausted = "urn:countersign:problem:install-code-exhausted";
        assert_eq!(answers.iter().filter(|(_, body)| body["type"] == exhausted).count(), MACHINES - USES);
        assert_eq!(admitted(&mut owner, &server.dev, code["id"].as_str().unwrap()).await, USES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_no_more_join_and_who_was_admitted_gets_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut owner = Client::connect(server.address).await;
    let code = install_code(&mut owner, &server.dev, &json!({"max_uses": USES})).await;
    let (id, text) = (code["id"].as_str().unwrap(), code["code"].as_str().unwrap());
    let requests: Vec<_> = (0..MACHINES).map(|_| signing_request()).collect();
    let mut machines = JoinSet::new();
    for (number, request) in requests.iter().enumerate() {
        let (address, body) = (server.address, body(text, request));
        machines.spawn(async move { (number, join(address, body).await) });
    }
    // When some have heard that they joined, and most have not been heard.
    let mut heard = BTreeMap::new();
    while heard.len() < 10 {
        let (number, answer) = machines.join_next().await.unwrap().unwrap();
        if let Some((StatusCode::CREATED, body)) = answer {
            heard.insert(number, body);
        }
    }
    server.kill();
    while let Some(answered) = machines.join_next().await {
        if let (number, Some((StatusCode::CREATED, body))) = answered.unwrap() {
            heard.insert(number, body);
        }
    }

    let server = Server::start(folder.path());
    let mut owner = Client::connect(server.address).await;
    let kept = admitted(&mut owner, &server.dev, id).await;
    assert!((heard.len()..=USES).contains(&kept), "{} heard that they joined, {kept} are kept", heard.len());
    let mut joined = BTreeSet::new();
    for (number, request) in requests.iter().enumerate() {
        let (status, again) = join(server.address, body(text, request)).await.unwrap();
        if let Some(before) = heard.get(&number) {
            assert_eq!((&again["agent_id"], &again["certificate"]), (&before["agent_id"], &before["certificate"]));
        }
        if status == StatusCode::CREATED {
            joined.insert(again["agent_id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(joined.len(), USES, "those who were admitted, and as many more as there was room for");
    assert_eq!(admitted(&mut owner, &server.dev, id).await, USES);
}

/// 568,002 comparisons a day with 100 live codes: 5,680 guesses.
const GUESSES_A_DAY: usize = 5_680;
const ATTACKERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_from_many_addresses_gets_no_further_than_the_days_budget() {
    let days = std::env::var("COUNTERSIGN_ATTACK_DAYS").map_or(1, |days| days.parse().unwrap());
    let server = Running::with(&[("COUNTERSIGN__TRUSTED_PROXIES", "127.0.0.1")]).await;
    let mut owner = server.client().await;
    let far = json!({"form": "short", "max_uses": null, "lifetime_seconds": 86_400 * 30});
    let mut short = String::new();
    for _ in 0..100 {
        short = install_code(&mut owner, &server.dev, &far).await["code"].as_str().unwrap().to_owned();
    }
    let request = signing_request();
    let guess = Arc::new(AtomicU32::new(0));
    let mut by_hour = Vec::new();
    for _ in 0..24 * days {
        let mut attackers = JoinSet::new();
        for _ in 0..ATTACKERS {
            let (guess, request, mut client) = (Arc::clone(&guess), request.clone(), server.client().await);
            attackers.spawn(async move { guess_until_paused(&mut client, &guess, &request).await });
        }
        by_hour.push(attackers.join_all().await.into_iter().sum::<usize>());
        server.clock.advance(Duration::from_hours(1));
    }
    let busiest = by_hour.windows(24).map(|day| day.iter().sum::<usize>()).max().unwrap();
    assert!(busiest <= GUESSES_A_DAY, "{busiest} guesses were compared in 24 hours: {by_hour:?}");
    assert!(busiest > GUESSES_A_DAY * 8 / 10, "the budget is used: {by_hour:?}");

    // The first connection has idled for longer than a server waits.
    let mut owner = server.client().await;
    // Spent again within the hour: right short codes pause like wrong ones, and long ones go on.
    guess_until_paused(&mut owner, &guess, &request).await;
    let paused = attempt(&mut owner, &body(&short, &request), 0).await;
    assert_eq!(paused.json()["type"], "urn:countersign:problem:install-codes-paused");
    assert!(paused.headers.contains_key("retry-after"));
    let long = install_code(&mut owner, &server.dev, &json!({})).await;
    let joined = attempt(&mut owner, &body(long["code"].as_str().unwrap(), &request), 0).await;
    assert_eq!(joined.status, StatusCode::CREATED, "{}", joined.text());
    // The alarm.
    let metrics = owner.get("/metrics").await.text();
    assert!(metrics.contains("countersign_agents_enrolled_total{outcome=\"paused\"}"), "{metrics}");
}

/// How many guesses were compared with codes until one was not.
async fn guess_until_paused(client: &mut Client, guess: &AtomicU32, request: &str) -> usize {
    let mut compared = 0;
    loop {
        let number = guess.fetch_add(1, Ordering::Relaxed);
        let answer = attempt(client, &body(&format!("{number:06}"), request), number).await;
        match answer.json()["type"].as_str().unwrap() {
            "urn:countersign:problem:install-code-unknown" => compared += 1,
            "urn:countersign:problem:install-codes-paused" => return compared,
            other => panic!("{other}: {}", answer.text()),
        }
    }
}

/// An attempt to join from the address with this number.
async fn attempt(client: &mut Client, body: &str, number: u32) -> Answer {
    let [_, a, b, c] = number.to_be_bytes();
    let from = format!("10.{a}.{b}.{c}");
    client.call("POST", "/v1/agents/enrol", &[("x-forwarded-for", &from)], body).await
}
