//! Challenges that nobody answers cost no memory.
//!
//! CI issues 3,000; `cargo xtask prove flood` sets `COUNTERSIGN_FLOOD` to 100,000 and runs a release build.

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::process::Server;

const CLIENTS: u32 = 16;
const LIMIT_MB: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_challenges_cost_no_memory() {
    let challenges: u32 = std::env::var("COUNTERSIGN_FLOOD").map_or(3_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut calls = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(server.address).await;
        let body = json!({ "site_key": server.site_key() });
        calls.spawn(async move {
            for _ in 0..challenges / CLIENTS {
                assert_eq!(client.post("/v1/challenges", &body).await.status, 201);
            }
        });
    }
    calls.join_all().await;
    let peak = server.peak_memory();
    eprintln!("{challenges} challenges issued and unanswered: {peak} MB at the highest");
    assert!(peak < LIMIT_MB, "{peak} MB");
    let mut client = Client::connect(server.address).await;
    assert!(client.get("/metrics").await.text().contains("countersign_marks 0\n"), "and no mark");
    client.ticket(server.site_key()).await;
}
