//! Codes under concurrency: one right check wins, five wrong ones are compared, whatever the guesser does.
//!
//! CI guesses at fewer codes; `cargo xtask prove codes` sets `COUNTERSIGN_LIVE_CODES`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::house::Running;

/// The credentials of the key of `dev.json`.
pub(crate) fn credentials(dev: &Value) -> String {
    let text = format!("{}:{}", dev["access_key_id"].as_str().unwrap(), dev["access_key_secret"].as_str().unwrap());
    format!("Basic {}", STANDARD.encode(text))
}

async fn post(client: &mut Client, dev: &Value, path: &str, body: &Value) -> Answer {
    client.call("POST", path, &[("authorization", &credentials(dev))], &body.to_string()).await
}

/// Sends a code; its id and its digits, as the inbox shows them.
async fn sent(client: &mut Client, dev: &Value, to: &str) -> (String, String) {
    let answer = post(client, dev, "/v1/codes", &json!({"to": to, "purpose": "signup"})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    // As soon as the send is acknowledged: no waiting, no second look.
    let inbox = client.get(&format!("/dev/messages?to={}", to.replace('+', "%2B"))).await.json();
    (id, inbox[0]["code"].as_str().unwrap().to_owned())
}

/// Checks once on each of these connections, all at once; the answers.
async fn at_once(clients: Vec<Client>, dev: &Value, bodies: Vec<Value>) -> (Vec<Client>, Vec<Value>) {
    let mut checks = JoinSet::new();
    for (mut client, body) in clients.into_iter().zip(bodies) {
        let dev = dev.clone();
        checks.spawn(async move {
            let answer = post(&mut client, &dev, "/v1/codes/check", &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            (client, answer.json())
        });
    }
    checks.join_all().await.into_iter().unzip()
}

async fn connections(server: &Running, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(server.client().await);
    }
    clients
}

/// How many checks had this outcome so far.
async fn checked(client: &mut Client, outcome: &str) -> u64 {
    let metrics = client.get("/metrics").await.text();
    let line = format!("countersign_codes_checked_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

fn other_than(digits: &str, number: u32) -> String {
    format!("{:06}", (digits.parse::<u32>().unwrap() + 1 + number) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_right_checks_at_once_one_wins() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let mut clients = connections(&server, 64).await;
    for round in 0..5 {
        let (id, digits) = sent(&mut client, &server.dev, &format!("ann{round}@example.com")).await;
        let right = json!({"id": id, "code": digits});
        let answers;
        (clients, answers) = at_once(clients, &server.dev, vec![right; 64]).await;
        assert_eq!(answers.iter().filter(|answer| answer["valid"] == true).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer["verified_id"].is_string()).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_wrong_checks_at_once_five_are_compared_and_the_right_one_is_late() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let (id, digits) = sent(&mut client, &server.dev, "+8613912345678").await;
    let guesses = (0..64).map(|number| json!({"id": id, "code": other_than(&digits, number)})).collect();
    let (_, answers) = at_once(connections(&server, 64).await, &server.dev, guesses).await;
    assert!(answers.iter().all(|answer| answer["valid"] == false));
    assert_eq!(checked(&mut client, "wrong").await, 5);
    assert_eq!(checked(&mut client, "dead").await, 59);
    let late = post(&mut client, &server.dev, "/v1/codes/check", &json!({"id": id, "code": digits})).await.json();
    assert_eq!(late, json!({"valid": false, "attempts_left": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_at_many_live_codes_gets_five_tries_at_each() {
    let live = std::env::var("COUNTERSIGN_LIVE_CODES").map_or(50, |codes| codes.parse().unwrap());
    let server = Running::start().await;
    let mut client = server.client().await;
    let mut codes = Vec::new();
    for number in 0..live {
        codes.push(sent(&mut client, &server.dev, &format!("ann{number}@example.com")).await);
    }
    let mut clients = connections(&server, 16).await;
    for (id, digits) in &codes {
        let guesses = (0..16).map(|number| json!({"id": id, "code": other_than(digits, number)})).collect();
        (clients, _) = at_once(clients, &server.dev, guesses).await;
    }
    // By contact, too: a newer code has tries of its own, this one has none left.
    let guess = json!({"to": "ann0@example.com", "purpose": "signup", "code": other_than(&codes[0].1, 99)});
    let answer = post(&mut client, &server.dev, "/v1/codes/check", &guess).await.json();
    assert_eq!(answer, json!({"valid": false, "attempts_left": 0}));
    let compared = checked(&mut client, "wrong").await + checked(&mut client, "right").await;
    assert_eq!(compared, 5 * live);
}

#[tokio::test]
async fn a_code_is_late_when_its_time_is_over_and_its_message_is_not_sent() {
    let server = Running::start().await;
    let mut client = server.client().await;
    let (id, digits) = sent(&mut client, &server.dev, "ann@example.com").await;
    server.clock.advance(std::time::Duration::from_mins(5));
    let late = post(&mut client, &server.dev, "/v1/codes/check", &json!({"id": id, "code": digits})).await.json();
    assert_eq!(late, json!({"valid": false, "attempts_left": 0}));
    let headers = [("authorization", credentials(&server.dev))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let status = client.call("GET", &format!("/v1/codes/{id}"), &headers, "").await.json();
    assert_eq!((&status["state"], &status["messages"][0]["state"]), (&json!("expired"), &json!("sent")));
}
