#![expect(clippy::expect_used, reason = "a suite is a test: it stops where the store does not conform")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::code_records_conformance::{LIFE, NOW, entry, send};
use crate::code::{CodeId, Resend};
use crate::contact::Channel;
use crate::message::{MessageId, SenderName};
use crate::ports::{
    AppRecords, CodeRecords, CodeSend, Leased, MessageRow, MessageState, OutboxRecords, RecordsError, Settlement,
};
use crate::testing::{app, block_on};
use crate::time::Timestamp;

const LEASE: Duration = Duration::from_secs(20);

/// What it means to be an outbox. `open` opens the store at one place: the first time it is empty, and every later time it is
/// what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn outbox_conformance<R>(open: impl Fn() -> R)
where
    R: OutboxRecords + CodeRecords + AppRecords + 'static,
{
    let suite = Suite { store: Arc::new(open()) };
    block_on(suite.store.create_app(app("codes"), entry(NOW))).expect("an app");
    suite.what_is_leased_is_nobody_elses_until_its_lease_is_over();
    suite.what_was_sent_is_sent_whoever_says_it();
    suite.a_message_goes_again_with_whom_and_when_it_is_said();
    suite.deliveries_are_kept_and_the_undelivered_go_on();
    suite.a_message_is_found_by_what_its_gateway_calls_it();
    suite.nobody_sends_what_is_over();
    suite.many_workers_share_a_lane();
    suite.what_is_old_is_forgotten();
    suite.orphans_are_adopted();
    let kept = suite.message(40);
    drop(suite);
    assert_eq!(Suite { store: Arc::new(open()) }.message(40), kept, "a message outlives a reopening");
}

struct Suite<R> {
    store: Arc<R>,
}

fn name(text: &str) -> SenderName {
    SenderName::parse(text).expect("a name")
}

fn seconds(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

impl<R> Suite<R>
where
    R: OutboxRecords + CodeRecords + AppRecords + 'static,
{
    /// Accepts a send of code `number` to a contact of its own, into this lane.
    fn queued(&self, number: u8, lane: &str) {
        self.accepted(CodeSend { lane: name(lane), ..send(number, number) });
    }

    fn accepted(&self, send: CodeSend) {
        block_on(self.store.accept_send(send, entry(NOW))).expect("an answer");
    }

    fn lease(&self, lane: &str, now: Timestamp, limit: u32) -> Vec<Leased> {
        block_on(self.store.lease_messages(name(lane), now, now.plus(LEASE), limit)).expect("messages")
    }

    fn numbers(&self, lane: &str, now: Timestamp, limit: u32) -> Vec<u8> {
        self.lease(lane, now, limit).iter().map(|leased| leased.message.id.0[0]).collect()
    }

    fn settle(&self, number: u8, until: Timestamp, settlement: Settlement) -> Result<(), RecordsError> {
        block_on(self.store.settle_message(MessageId([number; 16]), until, NOW, settlement))
    }

    fn message(&self, number: u8) -> MessageRow {
        block_on(self.store.message(MessageId([number; 16]))).expect("a message").0
    }

    fn state(&self, number: u8) -> MessageState {
        self.message(number).state
    }

    fn what_is_leased_is_nobody_elses_until_its_lease_is_over(&self) {
        for number in [40, 41, 42] {
            self.queued(number, "leases");
        }
        let taken = self.lease("leases", NOW, 2);
        let first = &taken[0];
        assert_eq!(first.code, send(40, 40).code);
        assert_eq!((first.message.id, first.until), (MessageId([40; 16]), NOW.plus(LEASE)));
        assert_eq!(self.numbers("leases", NOW, 9), [42]);
        assert_eq!(self.numbers("leases", seconds(19), 9), [], "all are in somebody's hands");
        assert_eq!(self.numbers("leases", seconds(20), 9), [40, 41, 42], "whoever had them is gone");
        assert_eq!(self.numbers("elsewhere", NOW, 9), []);
    }

    fn what_was_sent_is_sent_whoever_says_it(&self) {
        self.queued(43, "sent");
        let until = self.lease("sent", NOW, 1)[0].until;
        assert_eq!(self.numbers("sent", until, 1), [43], "another worker has it now");
        let again = || Settlement::Again {
            lane: name("sent"),
            due_at: NOW,
            tries: 1,
            refused: vec![],
            reason: "late".to_owned(),
        };
        assert_eq!(self.settle(43, until, again()), Err(RecordsError::Changed));
        assert_eq!(self.settle(43, until, Settlement::Failed { reason: String::new() }), Err(RecordsError::Changed));
        let sent = || Settlement::Sent { gateway_id: Some("g-1".to_owned()) };
        assert_eq!(self.settle(43, until, sent()), Ok(()));
        assert_eq!(self.settle(43, until, sent()), Err(RecordsError::Changed));
        assert_eq!(self.numbers("sent", until.plus(LEASE), 1), []);
        let row = self.message(43);
        assert_eq!((row.state, row.gateway_id.as_deref()), (MessageState::Sent, Some("g-1")));
        assert_eq!(block_on(self.store.messages_of(CodeId::from_bytes([43; 16]))), Ok(vec![row]));
        assert_eq!(self.settle(99, until, sent()), Err(RecordsError::Changed), "there is no such message");
    }

    fn a_message_goes_again_with_whom_and_when_it_is_said(&self) {
        self.queued(44, "first");
        let until = self.lease("first", NOW, 1)[0].until;
        let settlement = Settlement::Again {
            lane: name("second"),
            due_at: seconds(30),
            tries: 2,
            refused: vec![name("first")],
            reason: "451 later".to_owned(),
        };
        assert_eq!(self.settle(44, until, settlement), Ok(()));
        assert_eq!((self.numbers("first", seconds(60), 1), self.numbers("second", seconds(29), 1)), (vec![], vec![]));
        let leased = self.lease("second", seconds(30), 1).pop().expect("its turn");
        assert_eq!((leased.message.tries, leased.message.refused), (2, vec![name("first")]));
        assert_eq!(leased.message.reason.as_deref(), Some("451 later"));
        assert_eq!(self.settle(44, leased.until, Settlement::Failed { reason: "550 no".to_owned() }), Ok(()));
        let row = self.message(44);
        assert_eq!((row.state, row.reason.as_deref()), (MessageState::Failed, Some("550 no")));
    }

    fn deliveries_are_kept_and_the_undelivered_go_on(&self) {
        let keep = |number: u8, undelivered: Option<(&str, Option<&str>)>, now| {
            let undelivered = undelivered.map(|(reason, next)| (reason.to_owned(), next.map(name)));
            block_on(self.store.keep_delivery(MessageId([number; 16]), now, undelivered))
        };
        for number in [45, 46, 47] {
            self.queued(number, "receipts");
            assert_eq!(keep(number, Some(("no", None)), NOW), Err(RecordsError::Changed), "it was not even sent");
            let until = self.lease("receipts", NOW, 1)[0].until;
            self.settle(number, until, Settlement::Sent { gateway_id: None }).expect("sent");
        }
        assert_eq!(keep(45, None, NOW), Ok(()));
        assert_eq!(self.state(45), MessageState::Delivered);
        assert_eq!(keep(45, Some(("no", None)), NOW), Ok(()));
        assert_eq!(self.state(45), MessageState::Delivered, "what arrived has arrived");
        assert_eq!(keep(46, Some(("absent", Some("second"))), NOW), Ok(()));
        let next = self.lease("second", NOW, 1).pop().expect("it goes on");
        assert_eq!((next.message.id.0[0], next.message.refused), (46, vec![name("receipts")]));
        assert_eq!(keep(47, Some(("absent", Some("second"))), NOW.plus(LIFE)), Ok(()));
        assert_eq!(self.state(47), MessageState::Undelivered, "its code is late");
        assert_eq!(keep(99, None, NOW), Err(RecordsError::Missing));

        // A gateway that took it, and whose answer was lost.
        self.queued(54, "receipts");
        let until = self.lease("receipts", NOW, 1)[0].until;
        assert_eq!(keep(54, None, NOW), Ok(()));
        let again = Settlement::Again {
            lane: name("receipts"),
            due_at: NOW,
            tries: 1,
            refused: vec![],
            reason: "timeout".to_owned(),
        };
        assert_eq!(self.settle(54, until, again), Err(RecordsError::Changed));
        assert_eq!((self.state(54), self.numbers("receipts", NOW, 9)), (MessageState::Delivered, vec![]));
    }

    fn a_message_is_found_by_what_its_gateway_calls_it(&self) {
        let called = |lane: &str, id: &str| block_on(self.store.message_called(name(lane), id.to_owned()));
        for number in [55, 56] {
            self.queued(number, "calls");
            assert_eq!(called("calls", "0"), Err(RecordsError::Missing), "it was not even sent");
            let until = self.lease("calls", NOW, 1)[0].until;
            let gateway_id = Some(format!("g-{number}"));
            self.settle(number, until, Settlement::Sent { gateway_id }).expect("sent");
        }
        assert_eq!(called("calls", "g-55"), Ok(MessageId([55; 16])));
        assert_eq!(called("elsewhere", "g-55"), Err(RecordsError::Missing), "another gateway's words are its own");
        self.queued(57, "calls");
        let until = self.lease("calls", NOW, 1)[0].until;
        self.settle(57, until, Settlement::Sent { gateway_id: Some("g-55".to_owned()) }).expect("sent");
        assert_eq!(called("calls", "g-55"), Ok(MessageId([57; 16])), "a gateway that counts from the beginning again");
        let undelivered = Some(("absent".to_owned(), Some(name("second"))));
        block_on(self.store.keep_delivery(MessageId([56; 16]), NOW, undelivered)).expect("kept");
        assert_eq!(called("calls", "g-56"), Err(RecordsError::Missing), "it is somebody else's now");
    }

    fn nobody_sends_what_is_over(&self) {
        self.queued(48, "over");
        let replaced = CodeSend { lane: name("over"), ..send(49, 48) };
        self.accepted(replaced);
        assert_eq!(self.state(48), MessageState::Obsolete, "its code was replaced");
        let kept = CodeSend { lane: name("over"), resend: Resend::Keep, ..send(50, 48) };
        self.accepted(kept);
        let code =
            |number| self.lease("over", NOW, 1).pop().map(|leased| (leased.message.id.0[0], leased.code.id, number));
        let second = CodeId::from_bytes([49; 16]);
        assert_eq!((code(1), code(2)), (Some((49, second, 1)), Some((50, second, 2))), "the kept code goes twice");
        let late = NOW.plus(LIFE);
        assert_eq!(self.numbers("over", late, 9), []);
        let expired = block_on(self.store.expire_messages(late)).expect("messages");
        assert!(expired.iter().any(|(channel, count)| *channel == Channel::Sms && *count >= 2));
        assert_eq!((self.state(49), self.state(48)), (MessageState::Expired, MessageState::Obsolete));
        let code = block_on(self.store.code(second)).expect("a code");
        assert_eq!(code.sealed_digits, None);
        assert_eq!(
            self.settle(50, NOW.plus(LEASE), Settlement::Sent { gateway_id: None }),
            Ok(()),
            "it was on its way"
        );
        assert_eq!(self.state(50), MessageState::Sent);
    }

    fn many_workers_share_a_lane(&self) {
        for number in 100..164 {
            self.queued(number, "busy");
        }
        assert!(block_on(self.store.waiting_messages()).expect("counts").contains(&(name("busy"), 64)));
        let taken: Vec<u8> = std::thread::scope(|scope| {
            let worker = || (0..8).flat_map(|_| self.numbers("busy", NOW, 2)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(worker)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 64);
        assert_eq!(taken.len(), 64, "each once");
    }

    fn what_is_old_is_forgotten(&self) {
        self.queued(51, "old");
        let forget = |before| block_on(self.store.forget_codes(NOW.plus(LIFE), before));
        assert_eq!(forget(NOW), Ok(()));
        assert_eq!(self.state(51), MessageState::Waiting);
        // One that is younger, to tell them apart.
        let mut young = send(52, 52);
        young.code.created_at = seconds(1);
        self.accepted(young);
        assert_eq!(forget(seconds(1)), Ok(()));
        assert_eq!(block_on(self.store.message(MessageId([51; 16]))), Err(RecordsError::Missing));
        assert_eq!(block_on(self.store.code(CodeId::from_bytes([51; 16]))), Err(RecordsError::Missing));
        assert_eq!(self.state(52), MessageState::Waiting);
        self.queued(40, "left");
    }

    fn orphans_are_adopted(&self) {
        self.queued(53, "gone");
        let heirs = vec![(Channel::Email, name("mail")), (Channel::Sms, name("heir"))];
        let lanes = vec![name("heir"), name("mail"), name("left"), name("gateway")];
        assert_eq!(block_on(self.store.adopt_messages(lanes, heirs)), Ok(()));
        assert_eq!(self.numbers("heir", NOW, 9), [53]);
        assert_eq!(self.message(40).lane, name("left"));
    }
}
