//! Sliders with their answers, for whoever wants to know how well they are seen.

use countersign_challenges::Family;
use hyper::StatusCode;
use serde_json::json;

use crate::house::Running;

#[tokio::test]
async fn every_family_is_shown_with_its_answer() {
    let server = Running::start().await;
    let mut client = server.client().await;
    for family in Family::ALL.map(Family::word) {
        for (axes, media_type) in [("x", "image/png"), ("xy", "image/jpeg")] {
            let sample = client.get(&format!("/dev/legibility?family={family}&level=5&axes={axes}")).await.json();
            assert_eq!((&sample["family"], &sample["level"]), (&json!(family), &json!(5)));
            assert_eq!(sample["view"]["background"]["media_type"], media_type);
            assert!((12..=256).contains(&sample["answer"]["x"].as_u64().unwrap()));
            assert_eq!(sample["answer"]["y"] == 0, axes == "x", "a strip as high as the picture belongs at its top");
        }
    }
    assert_eq!(client.get("/dev/legibility").await.json()["level"], 3);
    for odd in ["family=riddle", "level=6", "level=", "axes=z", "level=3&family=%00"] {
        assert_eq!(client.get(&format!("/dev/legibility?{odd}")).await.status, StatusCode::BAD_REQUEST, "{odd}");
    }
    assert_eq!(client.post("/dev/legibility", &json!({})).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let page = client.get("/demo/legibility").await.text();
    assert!(Family::ALL.iter().all(|family| page.contains(&format!("value=\"{}\"", family.word()))));
}
