use super::*;
use crate::ports::{Clock, OutboxKeeping as _};
use crate::time::Timestamp;

fn route(sender: &str, prefixes: &[&str], report_seconds: Option<u64>) -> Route {
    Route {
        sender: name(sender),
        channel: Channel::Sms,
        prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
        report_within: report_seconds.map(Duration::from_secs),
    }
}

impl Post {
    fn routed(&mut self, routes: &[Route]) {
        self.ports.routes = Arc::new(Routes::new(routes.to_vec()));
    }
}

#[test]
fn what_did_not_arrive_goes_on_to_the_next_sender() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let (first, second) = (RecordingSender::default(), RecordingSender::default());
    post.work_off("first", &first);
    let id = post.message(sent).id;
    let keep = |lane, attempt, delivery| block_on(post.deliver().keep_delivery(id, &name(lane), attempt, delivery));
    let absent = || Delivery::Undelivered("absent".to_owned());
    keep("first", 1, absent()).unwrap();
    keep("first", 1, absent()).unwrap();
    assert_eq!(keep("second", 2, absent()), Err(KeepDeliveryError::TooSoon), "it has not sent it yet");
    assert_eq!(post.work_off("second", &second), 1);
    assert_eq!(second.given(), first.given(), "the same code");
    keep("first", 1, absent()).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Sent, "a gateway that repeats itself says nothing of another");
    keep("second", 2, Delivery::Delivered).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Delivered);
    let unknown = crate::message::MessageId([9; 16]);
    let unknown = block_on(post.deliver().keep_delivery(unknown, &name("first"), 1, Delivery::Delivered));
    assert_eq!(unknown, Err(KeepDeliveryError::Unknown));
}

#[test]
fn a_gateway_that_says_nothing_of_the_delivery_is_followed_by_the_next() {
    let mut post = Post::new();
    post.routed(&[route("first", &[], Some(20)), route("second", &[], Some(20))]);
    let (sent, told) = (post.send(PHONE).unwrap(), post.send("+8613912345679").unwrap());
    let (first, second) = (RecordingSender::default(), RecordingSender::default());
    post.work_off("first", &first);
    let arrived = post.message(told).id;
    block_on(post.deliver().keep_delivery(arrived, &name("first"), 1, Delivery::Delivered)).unwrap();
    post.house.clock.advance(Duration::from_secs(19));
    block_on(post.keep_outbox().break_silence()).unwrap();
    assert_eq!(post.work_off("second", &second), 0, "it still may");
    post.house.clock.advance(Duration::from_secs(1));
    block_on(post.keep_outbox().break_silence()).unwrap();
    assert_eq!(post.work_off("second", &second), 1);
    assert_eq!(second.given()[0], first.given()[0], "the same code under the same name");
    // Nobody is left to try, so it stays sent, and what the first one says late is heard.
    post.house.clock.advance(Duration::from_mins(1));
    block_on(post.keep_outbox().break_silence()).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Sent);
    let late = block_on(post.deliver().keep_delivery(post.message(sent).id, &name("first"), 1, Delivery::Delivered));
    assert_eq!((late, post.message(sent).state), (Ok(()), MessageState::Delivered));
}

#[test]
fn a_gateway_may_tell_of_a_delivery_in_its_own_words() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let gateway_id = Some("g-1".to_owned());
    let keep = |lane, id| block_on(post.deliver().keep_report(&name(lane), id, Delivery::Delivered));
    assert_eq!(keep("first", "g-1"), Err(KeepDeliveryError::Unknown));
    post.work_off("first", &RecordingSender::answering([Ok(Receipt { gateway_id })]));
    assert_eq!(keep("second", "g-1"), Err(KeepDeliveryError::Unknown));
    assert_eq!(post.message(sent).state, MessageState::Sent);
    keep("first", "g-1").unwrap();
    assert_eq!(post.message(sent).state, MessageState::Delivered);
}

#[test]
fn a_gateway_is_heard_though_its_message_has_gone_on() {
    let mut post = Post::new();
    post.routed(&[route("first", &[], Some(20)), route("second", &[], None)]);
    let sent = post.send(PHONE).unwrap();
    let gateway_id = Some("g-1".to_owned());
    post.work_off("first", &RecordingSender::answering([Ok(Receipt { gateway_id })]));
    post.house.clock.advance(Duration::from_secs(20));
    block_on(post.keep_outbox().break_silence()).unwrap();
    assert_eq!(post.message(sent).lane, name("second"));
    block_on(post.deliver().keep_report(&name("first"), "g-1", Delivery::Delivered)).unwrap();
    assert_eq!((post.message(sent).state, post.message(sent).lane), (MessageState::Delivered, name("first")));
    assert_eq!(post.work_off("second", &RecordingSender::default()), 0, "what arrived is never sent again");
}

#[test]
fn what_a_gateway_tells_of_an_earlier_try_says_nothing_of_a_later_one() {
    let mut post = Post::new();
    post.routed(&[route("only", &[], None)]);
    let sent = post.send(PHONE).unwrap();
    let id = post.message(sent).id;
    let failed = |attempt| {
        let failed = Delivery::Undelivered("failed".to_owned());
        block_on(post.deliver().keep_delivery(id, &name("only"), attempt, failed))
    };
    let doubt = SendError::Doubtful { reason: "no answer".to_owned() };
    post.work_off("only", &RecordingSender::answering([Err(doubt)]));
    assert_eq!(failed(1), Ok(()), "it goes again anyhow");
    assert_eq!(failed(2), Err(KeepDeliveryError::TooSoon));
    post.house.clock.advance(Duration::from_secs(5));
    assert_eq!(post.work_off("only", &RecordingSender::default()), 1);
    failed(1).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Sent);
    failed(2).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Undelivered);
}

#[test]
fn messages_that_nobody_else_takes_do_not_hide_the_others() {
    let mut post = Post::new();
    post.routed(&[route("first", &[], Some(20)), route("second", &["+86"], None)]);
    post.send("+12025550123").unwrap();
    let goes_on = post.send(PHONE).unwrap();
    post.work_off("first", &RecordingSender::default());
    post.house.clock.advance(Duration::from_secs(20));
    block_on(post.keep_outbox().break_silence()).unwrap();
    assert_eq!(post.message(goes_on).lane, name("second"));
    let now = post.house.clock.now();
    let left = block_on(post.records.silent_messages(name("first"), now, now)).unwrap();
    assert_eq!(left, [], "it is not found again");
}

/// A clock at whose every look all messages have become too old.
struct Hurry(ModelCodes, Timestamp);

impl Clock for Hurry {
    fn now(&self) -> Timestamp {
        block_on(self.0.expire_messages(self.1.plus(Duration::from_hours(1)))).unwrap();
        self.1
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_message_that_changes_meanwhile_does_not_end_the_adoption_of_others() {
    let mut post = Post::new();
    let sent = post.send(PHONE).unwrap();
    post.ports.routes = Arc::new(Routes::default());
    post.ports.clock = Arc::new(Hurry(post.records.clone(), post.house.clock.now()));
    assert_eq!(block_on(post.keep_outbox().adopt()), Ok(()));
    assert_eq!(post.message(sent).state, MessageState::Expired, "not failed: it needed no heir");
}
