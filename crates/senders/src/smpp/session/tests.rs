use countersign_domain::testing::RecordedReports;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;

const PATIENCE: Duration = Duration::from_secs(15);

/// The other end of a session: a message centre that a test plays.
struct Centre {
    line: DuplexStream,
    read: BytesMut,
}

impl Centre {
    async fn hear(&mut self) -> Pdu {
        loop {
            if let Some(pdu) = Pdu::take(&mut self.read).unwrap() {
                return pdu;
            }
            assert!(self.line.read_buf(&mut self.read).await.unwrap() > 0, "the session is over");
        }
    }

    /// The next question about a message; enquiries in between are answered.
    async fn submission(&mut self) -> Pdu {
        loop {
            let pdu = self.hear().await;
            match pdu.command {
                command::SUBMIT_SM => return pdu,
                command::ENQUIRE_LINK => self.say(&pdu.answer(status::OK)).await,
                other => panic!("0x{other:08x}"),
            }
        }
    }

    async fn say(&mut self, pdu: &Pdu) {
        self.line.write_all(&pdu.bytes()).await.unwrap();
    }

    async fn take(&mut self, question: &Pdu, id: &str) {
        let body = super::super::pdu::Body::default().text(id).done();
        self.say(&Pdu { body, ..question.answer(status::OK) }).await;
    }
}

struct Room {
    submissions: mpsc::Sender<Submission>,
    shared: Arc<Shared>,
    session: JoinHandle<Ended>,
}

impl Room {
    /// Has a message submitted.
    async fn submit(&self, number: u8) -> oneshot::Receiver<Result<Option<String>, SendError>> {
        let (answer, answered) = oneshot::channel();
        let submission = Submission { body: vec![number].into(), message: MessageId([number; 16]), piece: 0, answer };
        self.submissions.send(submission).await.ok().unwrap();
        answered
    }
}

/// A bound session with a window of two.
async fn bound(reports: RecordedReports) -> (Centre, Room) {
    let (ours, theirs) = duplex(64 * 1024);
    let mut centre = Centre { line: theirs, read: BytesMut::new() };
    let bind = tokio::spawn(Session::bind(ours, Bytes::from_static(b"who"), PATIENCE));
    let question = centre.hear().await;
    assert_eq!((question.command, &question.body[..]), (command::BIND_TRANSCEIVER, &b"who"[..]));
    centre.say(&question.answer(status::OK)).await;
    let mut session = bind.await.unwrap().ok().unwrap();
    let shared = Arc::new(Shared {
        ledger: Ledger::default(),
        reports: Arc::new(reports),
        receipt_ids: ReceiptIds::Same,
        window: 2,
        enquire: 15,
        patience: PATIENCE,
    });
    let (submissions, mut taken) = mpsc::channel(9);
    let used = Arc::clone(&shared);
    let session = tokio::spawn(async move { session.run(&mut taken, &used).await });
    (centre, Room { submissions, shared, session })
}

fn receipt(sequence: u32, text: &str) -> Pdu {
    let mut body = vec![0; 7];
    body.extend([4, 0, 0, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).unwrap()]);
    body.extend(text.as_bytes());
    Pdu::new(command::DELIVER_SM, sequence, body.into())
}

#[tokio::test(start_paused = true)]
async fn a_bind_that_fails_says_why() {
    let refusal = Pdu::new(command::BIND_TRANSCEIVER_RESP, 1, Bytes::new());
    for (said, expected) in [
        (
            Pdu { status: 0x0e, ..refusal }.bytes(),
            "the bind was refused: the message centre said 0x0e (ESME_RINVPASWD)",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "the message centre was not understood: it announced a PDU of 1213486160 bytes",
        ),
        (vec![], "the message centre was silent"),
    ] {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(&said).await.unwrap();
        let told = Session::bind(ours, Bytes::new(), PATIENCE).await.err().unwrap();
        assert_eq!(told.to_string(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_window_is_unanswered_and_answers_come_in_any_order() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    let answers = [room.submit(1).await, room.submit(2).await, room.submit(3).await];
    let (first, second) = (centre.submission().await, centre.submission().await);
    assert!(timeout(Duration::from_secs(5), centre.submission()).await.is_err(), "the window is full");
    centre.take(&second, "b").await;
    let third = centre.submission().await;
    centre.take(&third, "").await;
    centre.take(&first, "a").await;
    let [one, two, three] = answers;
    assert_eq!(one.await.unwrap(), Ok(Some("a".to_owned())));
    assert_eq!(two.await.unwrap(), Ok(Some("b".to_owned())));
    assert_eq!(three.await.unwrap(), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn throttled_is_meant_for_everybody() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    let (first, second) = (room.submit(1).await, room.submit(2).await);
    let questions = [centre.submission().await, centre.submission().await];
    centre.say(&questions[0].answer(0x58)).await;
    assert!(matches!(first.await.unwrap(), Err(SendError::Transient { retry_after: Some(status::PAUSE), .. })));
    let _third = room.submit(3).await;
    assert!(timeout(Duration::from_millis(990), centre.submission()).await.is_err(), "it is left alone");
    centre.take(&questions[1], "b").await;
    assert_eq!(second.await.unwrap(), Ok(Some("b".to_owned())));
    assert_eq!(centre.submission().await.body[..], [3]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_for_whoever_waited_is_remembered() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    drop((room.submit(1).await, room.submit(2).await));
    let patient = [room.submit(3).await, room.submit(4).await];
    // Nobody waited for the first two any more when their turn came: they were not even sent.
    let questions = [centre.submission().await, centre.submission().await];
    assert_eq!((questions[0].body[0], questions[1].body[0]), (3, 4));
    drop(patient);
    let fifth = room.submit(5).await;
    let question = centre.submission().await;
    assert_eq!(question.body[..], [5], "the window is not held by what nobody waits for");
    centre.take(&questions[0], "late").await;
    centre.take(&question, "five").await;
    assert_eq!(fifth.await.unwrap(), Ok(Some("five".to_owned())));
    assert_eq!(room.shared.ledger.taken(MessageId([3; 16]), 0), Some(Some("late".to_owned())));
    assert_eq!(room.shared.ledger.taken(MessageId([4; 16]), 0), None);
}

#[tokio::test(start_paused = true)]
async fn a_message_centre_that_answers_nothing_is_given_up() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    // It answers enquiries, and none of the submissions.
    for number in 0..4 {
        drop(room.submit(number).await);
        let kept = room.submit(number).await;
        centre.submission().await;
        drop(kept);
    }
    assert!(matches!(room.session.await.unwrap(), Ended::Silent));

    let (mut centre, room) = bound(RecordedReports::default()).await;
    assert_eq!(centre.hear().await.command, command::ENQUIRE_LINK);
    assert!(matches!(room.session.await.unwrap(), Ended::Silent), "the enquiry was not answered");
}

#[tokio::test(start_paused = true)]
async fn a_cut_line_is_heard_by_those_who_wait() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    let (first, second) = (room.submit(1).await, room.submit(2).await);
    let question = centre.submission().await;
    centre.submission().await;
    centre.take(&question, "a").await;
    drop(centre);
    assert_eq!(first.await.unwrap(), Ok(Some("a".to_owned())));
    assert!(second.await.is_err());
    assert!(matches!(room.session.await.unwrap(), Ended::Closed));
}

#[tokio::test(start_paused = true)]
async fn receipts_are_answered_when_they_are_kept() {
    let reports = RecordedReports::failing([ReportError::Unknown, ReportError::Unknown, ReportError::Unavailable]);
    let (mut centre, room) = bound(reports).await;
    // Quicker than what is kept of the answer; then the records fail, and it comes again.
    for expected in [status::LATER, status::OK] {
        centre.say(&receipt(7, "id:a stat:DELIVRD")).await;
        let answer = centre.hear().await;
        assert_eq!((answer.command, answer.status, answer.sequence), (0x8000_0005, expected, 7));
        assert_eq!(answer.body[..], [0]);
    }
    for (said, expected) in [
        (receipt(8, "id:a stat:ENROUTE"), (0x8000_0005, status::OK)),
        (receipt(9, "nonsense"), (0x8000_0005, status::UNREADABLE)),
        (Pdu::new(command::DELIVER_SM, 10, Bytes::new()), (0x8000_0005, status::UNREADABLE)),
        (Pdu::new(0x0103, 11, Bytes::new()), (command::GENERIC_NACK, status::INVALID_COMMAND)),
        (Pdu::new(command::ENQUIRE_LINK, 12, Bytes::new()), (0x8000_0015, status::OK)),
        (Pdu::new(command::UNBIND, 13, Bytes::new()), (0x8000_0006, status::OK)),
    ] {
        centre.say(&said).await;
        let answer = centre.hear().await;
        assert_eq!(((answer.command, answer.status), answer.sequence), (expected, said.sequence));
    }
    assert!(matches!(room.session.await.unwrap(), Ended::Unbound));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_nobody_will_ever_know_does_not_come_for_ever() {
    let (mut centre, _room) = bound(RecordedReports::failing([ReportError::Unknown; 99])).await;
    centre.say(&receipt(7, "id:another's stat:DELIVRD")).await;
    let answer = centre.hear().await;
    assert_eq!((answer.command, answer.status), (0x8000_0005, status::OK));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_left_to_send_anything() {
    let (mut centre, room) = bound(RecordedReports::default()).await;
    drop(room.submissions);
    assert_eq!(centre.hear().await.command, command::UNBIND);
    assert!(matches!(room.session.await.unwrap(), Ended::Done));
}
