//! `smpp` against a scripted message centre on the npm library `smpp`: texts, throttling, a line that is cut in the middle of a
//! window, receipts that come early, late, in any order, and in another session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::message::{Message, MessageId};
use countersign_domain::ports::{Delivery, Sender};
use countersign_domain::testing::RecordedReports;
use serde_json::Value;

use crate::peer::{Peer, certificate, node};
use crate::{message, reporting, told};

const PHONE: &str = "+86 139 1234 5678";

struct MessageCentre {
    peer: Peer,
    port: String,
    reports: Arc<RecordedReports>,
}

impl MessageCentre {
    fn start(arguments: &[&str]) -> Self {
        let peer = Peer::start(node("message_centre.cjs").args(arguments));
        let port = peer.line("port ").replace("port ", "");
        Self { peer, port, reports: Arc::default() }
    }

    fn sender(&self, settings: &str) -> Arc<dyn Sender> {
        let port = &self.port;
        let settings = format!("host = '127.0.0.1'\nport = {port}\nsystem_id = 'ann'\nfrom = '10690'\n{settings}");
        let settings =
            if settings.contains("password") { settings } else { format!("{settings}\npassword = 's3cret'") };
        reporting("smpp", &settings, "", Arc::clone(&self.reports))
    }

    fn plain(&self) -> Arc<dyn Sender> {
        self.sender("security = 'plain'")
    }

    /// The next event of this name.
    fn event(&self, name: &str) -> Value {
        serde_json::from_str(&self.peer.line(&format!("\"event\":\"{name}\""))).unwrap()
    }

    /// Waits until receipts for these were answered with a yes; what they came to.
    fn answered(&self, count: usize) -> Vec<(String, Delivery)> {
        for _ in 0..count {
            let event = self.event("receipt");
            assert_eq!(event["status"], 0, "{event}");
        }
        self.reports.kept()
    }
}

fn numbered(number: u8, text: &str) -> Message {
    Message { id: MessageId([number; 16]), ..message(PHONE, "", text) }
}

fn delivered(ids: &[&str]) -> Vec<(String, Delivery)> {
    ids.iter().map(|id| ((*id).to_owned(), Delivery::Delivered)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_arrive_whole() {
    let centre = MessageCentre::start(&["take"]);
    let gateway = centre.plain();
    let long = format!("{}123456", "[€] ".repeat(60));
    let mut taken = Vec::new();
    for (number, text) in (1..).zip(["Your code is 123456 @ 1 € {ok}", "验证码 123456 😀", &long]) {
        let outcome = told(gateway.send(&numbered(number, text)).await);
        let mut whole = String::new();
        loop {
            let event = centre.event("taken");
            whole.push_str(event["text"].as_str().unwrap());
            let is_last = outcome == format!("sent as {}", event["id"].as_str().unwrap());
            taken.push(event);
            if is_last {
                break;
            }
        }
        assert_eq!(whole, text);
    }
    for event in &mut taken {
        event["text"] = event["text"].as_str().unwrap().chars().count().into();
    }
    insta::assert_snapshot!(taken.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_and_only_with_the_right_password() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let path = |file: &str| folder.path().join(file).display().to_string();
    let (pem, key) = (path("certificate.pem"), path("key.pem"));
    let centre = MessageCentre::start(&["--certificate", &pem, "--key", &key, "take"]);
    let trusting = format!("ca = '{pem}'");
    let gateway = centre.sender(&trusting);
    assert_eq!(gateway.probe().await, Ok(true));
    assert_eq!(told(gateway.send(&message(PHONE, "", "123456")).await), "sent as mc-1");
    let bound = centre.event("bound");
    assert_eq!((&bound["system_id"], &bound["version"]), (&"ann".into(), &0x34.into()));
    drop(gateway);
    centre.event("unbound");
    let outcome = told(centre.sender("").send(&message(PHONE, "", "123456")).await);
    assert!(outcome.starts_with("not now: no session: the line broke: invalid peer certificate"), "{outcome}");
    let stranger = centre.sender(&format!("{trusting}\npassword = 'guess'"));
    let refused = "not now: no session: the bind was refused: the message centre said 0x0e (ESME_RINVPASWD)";
    assert_eq!(told(stranger.send(&message(PHONE, "", "123456")).await), refused);
    assert_eq!(stranger.probe().await.err().map(|error| error.to_string()).as_deref(), Some(refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_throttling_and_silence() {
    let centre = MessageCentre::start(&["refuse", "throttle", "full", "hang", "take"]);
    let gateway = centre.sender("security = 'plain'\ndeadline_seconds = 2");
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        outcomes.push(told(gateway.send(&message(PHONE, "", "123456")).await));
    }
    assert_eq!(
        outcomes,
        [
            "refused: the message centre said 0x0b (ESME_RINVDSTADR)",
            "not now: the message centre said 0x58 (ESME_RTHROTTLED)",
            "not now: the message centre said 0x14 (ESME_RMSGQFUL)",
            "not now: the message centre took more than 2 s",
            "sent as mc-1",
        ]
    );
}

/// A long message that is throttled half-way goes on where it was, and with the words that it had: on a further try they say
/// that the code holds for fewer minutes.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_of_a_message_is_not_sent_again() {
    let centre = MessageCentre::start(&["take", "throttle", "take"]);
    let gateway = centre.plain();
    let long = numbered(1, &"123456 ".repeat(60));
    assert!(told(gateway.send(&long).await).starts_with("not now: the message centre said 0x58"));
    let later = numbered(1, &"654321 ".repeat(60));
    assert_eq!(told(gateway.send(&later).await), "sent as mc-3");
    let events: Vec<_> = (0..3).map(|_| centre.event("taken")).collect();
    let text: String = events.iter().map(|event| event["text"].as_str().unwrap()).collect();
    assert_eq!(text, "123456 ".repeat(60));
    let headers: Vec<_> = events.iter().map(|event| event["header"].as_str().unwrap()[4..].to_owned()).collect();
    let reference = &headers[0][..2];
    assert_eq!(headers, ["0301", "0302", "0303"].map(|piece| format!("{reference}{piece}")));
}

/// Twenty messages through a window of five, and the line is cut in the middle of it twice, once after the message was taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_loses_nothing_and_repeats_a_window_at_most() {
    let behaviours = ["take", "take", "take", "cut", "take", "take", "take", "throttle", "take and cut", "take"];
    let centre = MessageCentre::start(&behaviours);
    let gateway = centre.sender("security = 'plain'\nwindow = 5");
    let mut work = tokio::task::JoinSet::new();
    for number in 0..20 {
        let gateway = Arc::clone(&gateway);
        work.spawn(async move {
            let message = numbered(number, &format!("message {number}. 123456"));
            while let Err(error) = gateway.send(&message).await {
                assert!(told(Err(error)).starts_with("not now:"), "nothing is refused");
            }
        });
    }
    tokio::time::timeout(Duration::from_mins(1), work.join_all()).await.unwrap();
    drop(gateway);
    let mut arrived = BTreeMap::<String, usize>::new();
    loop {
        let event: Value = serde_json::from_str(&centre.peer.line("\"event\"")).unwrap();
        match event["event"].as_str().unwrap() {
            "taken" => *arrived.entry(event["text"].as_str().unwrap().to_owned()).or_default() += 1,
            "unbound" => break,
            _ => {}
        }
    }
    assert_eq!(arrived.len(), 20, "{arrived:?}");
    assert!(arrived.values().all(|times| *times <= 3), "one more for each cut: {arrived:?}");
    let repeated: usize = arrived.values().map(|times| times - 1).sum();
    assert!(repeated <= 2 * 5, "one window for each cut: {arrived:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_come_early_late_and_in_any_order() {
    let centre = MessageCentre::start(&["receipt", "lost", "reversed", "reversed", "reversed", "later", "take"]);
    let gateway = centre.plain();
    // Before the answer.
    assert_eq!(told(gateway.send(&numbered(1, "123456")).await), "sent as mc-1");
    assert_eq!(centre.answered(1), delivered(&["mc-1"]));
    assert_eq!(told(gateway.send(&numbered(2, "123456")).await), "sent as mc-2");
    let undelivered = ("mc-2".to_owned(), Delivery::Undelivered("UNDELIV error 000".to_owned()));
    assert_eq!(centre.answered(1)[1..], [undelivered]);
    // A message in three pieces, whose receipts come last piece first: one word for all of it.
    assert_eq!(told(gateway.send(&numbered(3, &"123456 ".repeat(60))).await), "sent as mc-5");
    assert_eq!(centre.answered(3)[2..], delivered(&["mc-5"]));
    // In a later session of another process, which knows of the message what the records know.
    assert_eq!(told(gateway.send(&numbered(4, "123456")).await), "sent as mc-6");
    drop(gateway);
    centre.event("unbound");
    let _again = centre.plain();
    assert_eq!(centre.answered(1)[3..], delivered(&["mc-6"]));
}
