#![expect(clippy::expect_used, reason = "a suite is a test: it stops where the store does not conform")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::code_records_conformance::{LIFE, NOW, entry, send};
use crate::code::{CodeId, Resend};
use crate::contact::Channel;
use crate::message::{MessageId, SenderName};
use crate::ports::{
    AppRecords, CodeRecords, CodeSend, DeliveryReport, Leased, MessageRow, MessageState, OutboxKeeping, OutboxRecords,
    RecordsError, Settlement,
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
    R: OutboxRecords + OutboxKeeping + CodeRecords + AppRecords + 'static,
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
    suite.no_message_waits_for_ever();
    suite.silence_is_found();
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
    R: OutboxRecords + OutboxKeeping + CodeRecords + AppRecords + 'static,
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
        assert_eq!(self.settle(43, until, again("sent", NOW, vec![], "late")), Err(RecordsError::Changed));
        assert_eq!(self.settle(43, until, Settlement::Failed { reason: String::new() }), Err(RecordsError::Changed));
        let sent = || Settlement::Sent { lane: name("sender"), gateway_id: Some("g-1".to_owned()), reason: None };
        assert_eq!(self.settle(43, until, sent()), Ok(()));
        assert_eq!(self.settle(43, until, sent()), Err(RecordsError::Changed));
        assert_eq!(self.numbers("sent", until.plus(LEASE), 1), []);
        let row = self.message(43);
        assert_eq!((row.state, row.gateway_id.as_deref()), (MessageState::Sent, Some("g-1")));
        assert_eq!((row.lane.as_str(), row.tries), ("sender", 1), "by whom, whoever's turn it was meanwhile");
        assert_eq!(block_on(self.store.messages_of(CodeId::from_bytes([43; 16]))), Ok(vec![row]));
        assert_eq!(self.settle(99, until, sent()), Err(RecordsError::Changed), "there is no such message");
    }

    fn a_message_goes_again_with_whom_and_when_it_is_said(&self) {
        self.queued(44, "first");
        let until = self.lease("first", NOW, 1)[0].until;
        let settlement = again("second", seconds(30), vec![name("first")], "451 later");
        assert_eq!(self.settle(44, until, settlement), Ok(()));
        assert_eq!((self.numbers("first", seconds(60), 1), self.numbers("second", seconds(29), 1)), (vec![], vec![]));
        let leased = self.lease("second", seconds(30), 1).pop().expect("its turn");
        let MessageRow { tries, turn, doubts, refused, .. } = leased.message;
        assert_eq!((tries, turn, doubts, refused), (4, 2, 1, vec![name("first")]));
        assert_eq!(self.message(44).reason.as_deref(), Some("451 later"));
        assert_eq!(self.settle(44, leased.until, Settlement::Failed { reason: "550 no".to_owned() }), Ok(()));
        let row = self.message(44);
        assert_eq!((row.state, row.reason.as_deref()), (MessageState::Failed, Some("550 no")));
    }

    /// What is told of the newest try.
    fn keep(&self, number: u8, lane: &str, undelivered: bool, now: Timestamp) -> Kept {
        let tries = block_on(self.store.message(MessageId([number; 16]))).map_or(0, |(message, _)| message.tries);
        self.keep_of(tries.max(1), number, lane, undelivered, now)
    }

    fn keep_of(&self, attempt: u32, number: u8, lane: &str, undelivered: bool, now: Timestamp) -> Kept {
        let report = DeliveryReport {
            id: MessageId([number; 16]),
            lane: name(lane),
            attempt,
            undelivered: undelivered.then(|| "absent".to_owned()),
            next: Some(name("second")),
        };
        block_on(self.store.keep_delivery(report, now))
    }

    fn deliveries_are_kept_and_the_undelivered_go_on(&self) {
        let sent = |number: u8, lane: &str| {
            self.queued(number, lane);
            let until = self.lease(lane, NOW, 1)[0].until;
            let settlement = Settlement::Sent { lane: name(lane), gateway_id: None, reason: None };
            self.settle(number, until, settlement).expect("sent");
        };
        self.queued(55, "receipts");
        assert_eq!(self.keep(55, "receipts", true, NOW), Err(RecordsError::Changed), "it was not even sent");
        assert_eq!(self.lease("receipts", NOW, 1).len(), 1);
        sent(45, "receipts");
        assert_eq!(self.keep(45, "receipts", false, NOW), Ok(Some(MessageState::Delivered)));
        assert_eq!(self.keep(45, "receipts", true, NOW), Ok(None), "what arrived has arrived");
        assert_eq!(self.keep(45, "receipts", false, NOW), Ok(None));

        // The first gateway says twice that it did not arrive; the second time that is no news of the second gateway.
        sent(46, "receipts");
        assert_eq!(self.keep(46, "receipts", true, NOW), Ok(Some(MessageState::Waiting)));
        assert_eq!(self.keep(46, "receipts", true, NOW), Ok(None));
        let next = self.lease("second", NOW, 1).pop().expect("it goes on");
        assert_eq!((next.message.id.0[0], next.message.refused), (46, vec![name("receipts")]));
        let settlement = Settlement::Sent { lane: name("second"), gateway_id: None, reason: None };
        self.settle(46, next.until, settlement).expect("sent");
        assert_eq!(self.keep(46, "receipts", true, NOW), Ok(None));
        assert_eq!(self.state(46), MessageState::Sent);
        assert_eq!(self.keep(46, "receipts", false, NOW), Ok(Some(MessageState::Delivered)), "late, and true");

        sent(47, "receipts");
        assert_eq!(self.keep(47, "receipts", true, NOW.plus(LIFE)), Ok(Some(MessageState::Undelivered)), "it is late");
        sent(56, "receipts");
        self.accepted(CodeSend { lane: name("receipts"), ..send(57, 56) });
        assert_eq!(self.keep(56, "receipts", true, NOW), Ok(Some(MessageState::Undelivered)), "its code was replaced");
        assert_eq!(self.lease("receipts", NOW, 9).len(), 1);
        assert_eq!(self.keep(99, "receipts", false, NOW), Err(RecordsError::Missing));

        // A first try in doubt, of which the gateway tells when there was a second.
        self.queued(60, "receipts");
        let until = self.lease("receipts", NOW, 1)[0].until;
        self.settle(60, until, again("receipts", NOW, vec![], "timeout")).expect("it goes again, after four tries");
        assert_eq!(self.keep_of(4, 60, "receipts", true, NOW), Ok(None), "it goes again anyhow");
        assert_eq!(self.keep_of(5, 60, "receipts", true, NOW), Err(RecordsError::Changed), "it may be on its way");
        let until = self.lease("receipts", NOW, 1)[0].until;
        let settlement = Settlement::Sent { lane: name("receipts"), gateway_id: None, reason: None };
        self.settle(60, until, settlement).expect("sent");
        assert_eq!(self.keep_of(4, 60, "receipts", true, NOW), Ok(None));
        assert_eq!(self.keep_of(5, 60, "receipts", true, NOW), Ok(Some(MessageState::Waiting)));
        assert_eq!(self.numbers("second", NOW, 9), [60]);

        // A gateway that took it, and whose answer was lost.
        self.queued(54, "receipts");
        let until = self.lease("receipts", NOW, 1)[0].until;
        assert_eq!(self.keep(54, "receipts", false, NOW), Ok(Some(MessageState::Delivered)));
        let timeout = again("receipts", NOW, vec![], "timeout");
        assert_eq!(self.settle(54, until, timeout), Err(RecordsError::Changed));
        assert_eq!((self.state(54), self.numbers("receipts", NOW, 9)), (MessageState::Delivered, vec![]));
    }

    fn a_message_is_found_by_what_its_gateway_calls_it(&self) {
        let sent_as = |gateway_id| Settlement::Sent { lane: name("calls"), gateway_id, reason: None };
        let called = |lane: &str, id: &str| block_on(self.store.message_called(name(lane), id.to_owned()));
        for number in [65, 66] {
            self.queued(number, "calls");
            assert_eq!(called("calls", "0"), Err(RecordsError::Missing), "it was not even sent");
            let until = self.lease("calls", NOW, 1)[0].until;
            let gateway_id = Some(format!("g-{number}"));
            self.settle(number, until, sent_as(gateway_id)).expect("sent");
        }
        assert_eq!(called("calls", "g-65"), Ok((MessageId([65; 16]), 1)));
        assert_eq!(called("elsewhere", "g-65"), Err(RecordsError::Missing), "another gateway's words are its own");
        self.queued(67, "calls");
        let until = self.lease("calls", NOW, 1)[0].until;
        self.settle(67, until, sent_as(Some("g-65".to_owned()))).expect("sent");
        let newest = Ok((MessageId([67; 16]), 1));
        assert_eq!(called("calls", "g-65"), newest, "a gateway that counts from the beginning again");
        self.keep(67, "calls", true, NOW).expect("kept");
        assert_eq!((self.message(67).lane, self.message(67).gateway_id), (name("second"), None));
        assert_eq!(called("calls", "g-65"), newest, "what went on may arrive by its first sender all the same");
        assert_eq!(self.keep(67, "calls", false, NOW), Ok(Some(MessageState::Delivered)));
        let late = NOW.plus(LIFE);
        assert_eq!(self.keep(66, "calls", true, late), Ok(Some(MessageState::Undelivered)));
        assert_eq!(self.message(66).gateway_id.as_deref(), Some("g-66"), "nobody else is going to name it");
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
            self.settle(50, NOW.plus(LEASE), Settlement::Sent { lane: name("over"), gateway_id: None, reason: None }),
            Ok(()),
            "it was on its way"
        );
        assert_eq!(self.state(50), MessageState::Sent);
    }

    fn many_workers_share_a_lane(&self) {
        for number in 100..164 {
            self.queued(number, "busy");
        }
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
        let forget = |before| block_on(self.store.forget_codes(NOW.plus(LIFE), before, NOW));
        assert_eq!(forget(NOW), Ok(false));
        assert_eq!(self.state(51), MessageState::Waiting);
        // One that is younger, to tell them apart.
        let mut young = send(52, 52);
        young.code.created_at = seconds(1);
        self.accepted(young);
        assert_eq!(forget(seconds(1)), Ok(false));
        assert_eq!(block_on(self.store.message(MessageId([51; 16]))), Err(RecordsError::Missing));
        assert_eq!(block_on(self.store.code(CodeId::from_bytes([51; 16]))), Err(RecordsError::Missing));
        assert_eq!(self.state(52), MessageState::Waiting);
        self.queued(40, "left");
    }

    fn orphans_are_adopted(&self) {
        for number in [53, 58] {
            self.queued(number, "gone");
        }
        let here =
            ["left", "heir", "gateway", "receipts", "first", "second", "leases", "over", "busy", "sent", "calls"];
        let orphans = || block_on(self.store.orphans(here.map(name).to_vec())).expect("orphans");
        let numbers: Vec<_> = orphans().iter().map(|(row, code)| (row.id.0[0], code.id.bytes()[0])).collect();
        assert_eq!(numbers, [(53, 53), (58, 58)]);
        let adopt = |number, heir: Option<&str>| {
            block_on(self.store.adopt_message(MessageId([number; 16]), NOW, heir.map(name)))
        };
        assert_eq!((adopt(53, Some("heir")), adopt(58, None)), (Ok(()), Ok(())));
        assert_eq!(orphans(), []);
        assert_eq!((self.numbers("heir", NOW, 9), self.state(58)), (vec![53], MessageState::Failed));
        assert_eq!(adopt(58, Some("heir")), Err(RecordsError::Missing), "it waits no more");
        assert_eq!(self.message(40).lane, name("left"));
    }

    fn silence_is_found(&self) {
        for (number, lane) in [(70, "silent"), (71, "silent"), (72, "silent"), (73, "other"), (74, "silent")] {
            self.queued(number, lane);
            let until = self.lease(lane, NOW, 1)[0].until;
            let sent = Settlement::Sent { lane: name(lane), gateway_id: None, reason: None };
            self.settle(number, until, sent).expect("sent");
        }
        self.keep(71, "silent", false, NOW).expect("it arrived");
        self.accepted(CodeSend { lane: name("elsewhere"), ..send(75, 72) });
        self.queued(76, "silent");
        let silent = |before, now| {
            let found = block_on(self.store.silent_messages(name("silent"), before, now)).expect("messages");
            found.iter().map(|(row, code)| (row.id.0[0], code.id.bytes()[0])).collect::<Vec<_>>()
        };
        assert_eq!(silent(NOW, NOW), [(70, 70), (74, 74)], "not what arrived, was replaced or waits");
        assert_eq!(silent(NOW.minus(Duration::from_millis(1)), NOW), [], "they were sent later");
        assert_eq!(silent(NOW, NOW.plus(LIFE)), [], "nobody needs them any more");
        block_on(self.store.leave_messages(vec![MessageId([70; 16])])).expect("an answer");
        assert_eq!(silent(NOW, NOW), [(74, 74)], "it is left with its sender");
    }

    /// What was put off while the clock was ahead is due when it has been set right.
    fn no_message_waits_for_ever(&self) {
        self.queued(59, "waits");
        let until = self.lease("waits", NOW, 1)[0].until;
        let ahead = NOW.plus(Duration::from_hours(1));
        self.settle(59, until, again("waits", ahead, vec![], "later")).expect("it goes again");
        assert_eq!(self.numbers("waits", NOW, 1), [59]);
    }
}

/// What became of a report.
type Kept = Result<Option<MessageState>, RecordsError>;

/// It goes again, after the fourth try in all, which was the second in a row, and one of which nobody knows.
fn again(lane: &str, due_at: Timestamp, refused: Vec<SenderName>, reason: &str) -> Settlement {
    Settlement::Again { lane: name(lane), due_at, tries: 4, turn: 2, doubts: 1, refused, reason: reason.to_owned() }
}
