//! Single use under concurrency: 64 answers to one challenge, then 64 redemptions of the ticket, over 64 connections.
//!
//! CI runs 200 rounds; `cargo xtask prove race` sets `COUNTERSIGN_RACE_ROUNDS` to 20,000, of which every other redeems.

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::house::Running;

const CLIENTS: usize = 64;

/// The same call over every connection at once.
async fn storm(clients: &mut Vec<Client>, path: &'static str, body: &Value) -> Vec<Answer> {
    let mut calls = JoinSet::new();
    for mut client in clients.drain(..) {
        let body = body.clone();
        calls.spawn(async move {
            let answer = client.post(path, &body).await;
            (client, answer)
        });
    }
    let (back, answers): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().unzip();
    *clients = back;
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_answers_one_is_judged_and_of_64_redemptions_one_is_valid() {
    let rounds = std::env::var("COUNTERSIGN_RACE_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    let server = Running::with(&[("COUNTERSIGN__MARKS__CAPACITY", "1000000")]).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(server.client().await);
    }
    for round in 0..rounds {
        let token = clients[0].challenge(server.site_key()).await;
        let place = clients[0].solution(&token).await;
        // Every other round answers wrongly: that, too, is judged once.
        let right = round % 2 == 0;
        let answer = json!({"token": token, "answer": if right { place } else { place.right_by(50) }.json()});
        let answers = storm(&mut clients, "/v1/challenges/answer", &answer).await;
        let used = |answer: &&Answer| answer.json()["type"] == "urn:countersign:problem:challenge-used";
        assert_eq!(answers.iter().filter(used).count(), CLIENTS - 1, "round {round}");
        let judged = answers.iter().find(|answer| !used(answer)).unwrap();
        if !right {
            assert_eq!(judged.json()["type"], "urn:countersign:problem:wrong-answer");
            continue;
        }
        assert_eq!(judged.status, StatusCode::OK, "round {round}: {}", judged.text());
        let ticket = json!({"ticket": judged.json()["ticket"]});
        let redeemed = storm(&mut clients, "/dev/redeem", &ticket).await;
        assert_eq!(redeemed.iter().filter(|answer| answer.json()["valid"] == true).count(), 1, "round {round}");
    }
}
